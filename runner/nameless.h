/* nameless.h - a file that has no name until it is whole: whoever is killed leaves none of it. */
#ifndef RUNNER_NAMELESS_H
#define RUNNER_NAMELESS_H

#include <sys/types.h>

/* For the directory of path: the descriptor, or a negative errno; some file systems have none. */
int nameless_open(const char *path, mode_t mode);

/* Its name.  -EEXIST when there is something of that name. */
int nameless_link(int fd, const char *path);

#endif
