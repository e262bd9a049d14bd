/* cgroup.c - removes the cgroups of a jail whose keeper was killed. */
#include "runner/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define TRIES 200		/* of 10 ms */

/* Version 1 has no cgroup.kill; what is in the directory is ours alone. */
static void kill_one_by_one(int dir)
{
	char text[4096] = { 0 };
	autoclose int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || io_read_some(fd, text, sizeof(text) - 1) <= 0)
		return;
	for (char *p = strtok(text, "\n"); p; p = strtok(NULL, "\n"))
		if (atoi(p) > 1)
			kill(atoi(p), SIGKILL);
}

static void kill_members(const char *path)
{
	autoclose int dir = open(path, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	autoclose int fd = -1;

	if (dir < 0)
		return;
	fd = openat(dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || io_write(fd, "1", 1) < 0)
		kill_one_by_one(dir);
}

/* A directory is busy until the last of its processes is reaped. */
static void remove_directory(const char *path)
{
	const struct timespec wait = { .tv_nsec = 10000000 };

	for (int i = 0; i < TRIES && rmdir(path) < 0 && errno == EBUSY; i++)
		nanosleep(&wait, NULL);
}

void cgroup_remove(const struct report_jailed *j)
{
	const size_t n = sizeof(j->cgroup) / sizeof(j->cgroup[0]);

	for (size_t i = 0; i < n; i++)
		if (j->cgroup[i][0] == '/')
			kill_members(j->cgroup[i]);
	for (size_t i = 0; i < n; i++)
		if (j->cgroup[i][0] == '/')
			remove_directory(j->cgroup[i]);
}
