/* root.c - an empty, read-only root. */
#include <errno.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jailer/jail.h"

/* A directory every host has (the keeper writes id maps there), to mount over. */
#define STEPPING_STONE "/proc"

/* In a mount namespace of our own.  As root this runs before the split, for keeper and
 * child together; else in the child, which finds the rights for it in its user namespace. */
int empty_root(struct jail *j, struct err *err)
{
	if (j->root_is_empty)
		return 0;
	if (j->bare)		/* at least none of the user's directories */
		return chdir("/") < 0 ? err_sys(err, "leaving the directory") : 0;
	if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, "empty root: private mounts");
	if (mount("sandbox", STEPPING_STONE, "tmpfs",
		  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=4k,nr_inodes=1,mode=555") < 0)
		return err_sys(err, "empty root: tmpfs");
	if (chdir(STEPPING_STONE) < 0)
		return err_sys(err, "empty root");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_set(err, errno, "empty root: pivot_root is not possible (is the host's "
			       "root an initramfs?)");
	/* The old root now lies over the new one. */
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, "empty root: leaving the old one");
	j->root_is_empty = true;
	layer_on(j, LAYER_EMPTY_ROOT);
	return 0;
}
