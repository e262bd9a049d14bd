/* fd.h - a file descriptor that closes itself when its scope ends.
 *
 *	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
 *	...
 *	*out = fd_take(&fd);		(the caller's now) */
#ifndef LIB_FD_H
#define LIB_FD_H

#include <unistd.h>

static inline void fd_autoclose(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define autoclose __attribute__((cleanup(fd_autoclose)))

/* The descriptor, which the caller then owns; *fd is -1 afterwards. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
