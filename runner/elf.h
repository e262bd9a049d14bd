/* elf.h - what a program of this processor asks its loader for, read from the file alone.
 *
 * The file is a stranger's: every place in it is checked by subtraction before it is read, and
 * there is a limit to each table. */
#ifndef RUNNER_ELF_H
#define RUNNER_ELF_H

#include "lib/err.h"

#define ELF_MAX_NEEDED	256
#define ELF_MAX_TEXT	65536

struct elf {
	const char *interp;		/* its loader; NULL: none, it is static or a library */
	const char *rpath, *runpath;	/* where its libraries are, or NULL */
	unsigned n_needed;
	const char *needed[ELF_MAX_NEEDED];
	char text[ELF_MAX_TEXT];	/* the strings */
};

/* 0; -ENOEXEC for what is no ELF file, or one of another processor; -EINVAL for one whose tables
 * are wrong, or an errno.  Errors say what is wrong and not of which file. */
int elf_read(int fd, struct elf *e, struct err *err);

#endif
