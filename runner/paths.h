/* paths.h - where the other programs and the images are. */
#ifndef RUNNER_PATHS_H
#define RUNNER_PATHS_H

#include <limits.h>

#include "lib/err.h"

struct paths {
	char jailer[PATH_MAX];	/* sandbox-jailer */
	char http[PATH_MAX];	/* sandbox-http */
	char net[PATH_MAX];	/* sandbox-net */
	char names[PATH_MAX];	/* sandbox-names */
	char pack[PATH_MAX];	/* sandbox-pack */
	char vmm[PATH_MAX];	/* sandbox-vmm */
	char agent[PATH_MAX];	/* init.cpio */
	char kernel[PATH_MAX];	/* vmlinux, or vmlinux-up for one processor */
	char root[PATH_MAX];	/* base.erofs */
};

/* Beside this program when it runs from a build directory, else in ../libexec/sandbox
 * and ../share/sandbox.  Says where things should be, not that they are there.  `cpus`
 * decides which kernel: the one for a single processor boots with a quarter less work. */
int paths_find(struct paths *p, unsigned cpus, struct err *err);

/* The same for a program in directory `dir`. */
void paths_from(struct paths *p, const char *dir, unsigned cpus);

#endif
