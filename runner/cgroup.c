/* cgroup.c - removes the cgroups of a jail whose keeper was killed.
 *
 * A directory is sandbox-PID for a keeper of that pid. */
#include "runner/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define TRIES 200		/* of 10 ms */
#define TOP "/sys/fs/cgroup"	/* of all hierarchies */
#define MAX_OPEN 16		/* directories, of nftw() */

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

/* --- without having been told where ---------------------------------------------------------- */

static unsigned long wanted;		/* a keeper; 0: all that do not live */
static unsigned removed;
static struct err *failed;

/* The pid that a directory of ours is named after; 0 for all other directories. */
static unsigned long keeper_of(const char *name)
{
	static const char prefix[] = "sandbox-";
	char *end;
	unsigned long pid;

	if (strncmp(name, prefix, strlen(prefix)))
		return 0;
	pid = strtoul(name + strlen(prefix), &end, 10);
	return *end ? 0 : pid;
}

/* By name, too: a pid comes round again.  A zombie that nobody has collected yet is dead. */
static bool keeper_lives(unsigned long pid)
{
	static const char name[] = " (sandbox-jailer) ";
	char path[64], stat[128] = "", *at;
	autoclose int fd = -1;

	snprintf(path, sizeof(path), "/proc/%lu/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || io_read_some(fd, stat, sizeof(stat) - 1) <= 0)
		return false;
	at = strstr(stat, name);
	return at && !strchr("ZX", at[strlen(name)]);
}

/* The kernel refuses while there is a process in it: of a keeper that another pid namespace
 * hides from us. */
static void sweep_out(const char *path)
{
	if (rmdir(path) == 0)
		removed++;
	else if (errno != EBUSY && errno != ENOENT && !failed->code)
		err_sys(failed, "%s cannot be removed", path);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	bool mine = geteuid() == 0 || st->st_uid == geteuid();
	unsigned long pid = type == FTW_DP && mine ? keeper_of(path + at->base) : 0;

	if (pid && pid == wanted) {
		kill_members(path);
		remove_directory(path);
	} else if (pid && !wanted && !keeper_lives(pid)) {
		sweep_out(path);
	}
	return 0;
}

static void walk(pid_t keeper)
{
	wanted = (unsigned long)keeper;
	nftw(TOP, visit, MAX_OPEN, FTW_PHYS | FTW_DEPTH);
}

void cgroup_remove_of(pid_t keeper)
{
	walk(keeper);
}

unsigned cgroup_sweep(struct err *err)
{
	removed = 0;
	failed = err;
	walk(0);
	return removed;
}
