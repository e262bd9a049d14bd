/* paths.h - where the other programs and the images are. */
#ifndef RUNNER_PATHS_H
#define RUNNER_PATHS_H

#include <limits.h>

#include "lib/err.h"

struct paths {
	char jailer[PATH_MAX];	/* sandbox-jailer */
	char vmm[PATH_MAX];	/* sandbox-vmm */
	char agent[PATH_MAX];	/* init.cpio */
	char kernel[PATH_MAX];	/* vmlinux */
	char root[PATH_MAX];	/* base.erofs */
};

/* Beside this program when it runs from a build directory, else in ../libexec/sandbox
 * and ../share/sandbox.  Says where things should be, not that they are there. */
int paths_find(struct paths *p, struct err *err);

/* The same for a program in directory `dir`. */
void paths_from(struct paths *p, const char *dir);

#endif
