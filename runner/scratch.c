/* scratch.c - a disk that is gone with the run: an empty file, and mkfs.ext4 on it. */
#include "runner/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/fd.h"
#include "runner/files.h"

#define SECTOR 512u
#define DISK_FD 3			/* mkfs.ext4's */

/* No journal: after a crash there is nothing to recover.  Tables are left to the kernel to fill as
 * it needs them, so that the file stays a hole. */
static int spawn_mkfs(int fd, pid_t *pid)
{
	static const char *const argv[] = {
		"mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E",
		"lazy_itable_init=1,nodiscard,root_owner=0:0", "/proc/self/fd/3", NULL };
	posix_spawn_file_actions_t actions;
	char path[] = "PATH=/usr/sbin:/sbin:/usr/bin:/bin";
	char *const env[] = { path, NULL };
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, DISK_FD);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	rc = posix_spawn(pid, "/usr/sbin/mkfs.ext4", &actions, NULL, (char *const *)(uintptr_t)argv, env);
	if (rc == ENOENT)
		rc = posix_spawn(pid, "/sbin/mkfs.ext4", &actions, NULL,
				 (char *const *)(uintptr_t)argv, env);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

static int make_file_system(int fd, struct err *err)
{
	int status, rc;
	pid_t pid;

	rc = spawn_mkfs(fd, &pid);
	if (rc < 0)
		return err_set(err, -rc, "scratch: mkfs.ext4: %s; apt-get install e2fsprogs", strerror(-rc));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "scratch: waiting for mkfs.ext4");
	return status == 0 ? 0 : err_set(err, EIO, "scratch: mkfs.ext4 failed; is there room for the disk "
					 "in TMPDIR or /var/tmp?");
}

int scratch_open(uint64_t bytes, int *out, struct err *err)
{
	autoclose int fd = files_nameless(bytes / SECTOR * SECTOR, "scratch", err);
	int rc = fd < 0 ? fd : make_file_system(fd, err);

	if (rc < 0)
		return rc;
	*out = fd_take(&fd);
	return 0;
}
