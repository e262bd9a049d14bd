/* gc.c - `sandbox gc`: what runs leave whose runner and keeper were both killed with SIGKILL.
 *
 * That is empty control groups: everything else of a run is memory, descriptors and namespaces,
 * which go with their processes, and the monitor ends when its keeper does.  A directory is
 * sandbox-PID for a keeper of that pid; it is left when no such keeper lives.  Removing needs
 * no care for what is inside: the kernel refuses while there is a process. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/fd.h"
#include "lib/io.h"
#include "runner/cmd.h"
#include "runner/say.h"

#define CGROUPS "/sys/fs/cgroup"
#define MAX_OPEN 16		/* directories, of nftw() */

static unsigned removed;
static struct err first;	/* what could not be removed */

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

/* By name, too: a pid comes round again. */
static bool keeper_lives(unsigned long pid)
{
	static const char name[] = "sandbox-jailer\n";
	char path[64], comm[32] = "";
	autoclose int fd = -1;

	snprintf(path, sizeof(path), "/proc/%lu/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && io_read_some(fd, comm, sizeof(comm) - 1) > 0 && !strcmp(comm, name);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	bool mine = geteuid() == 0 || st->st_uid == geteuid();
	unsigned long pid = type == FTW_DP && mine ? keeper_of(path + at->base) : 0;

	if (!pid || keeper_lives(pid))
		return 0;
	if (rmdir(path) == 0)
		removed++;
	else if (errno != EBUSY && errno != ENOENT && !first.code)
		err_sys(&first, "%s cannot be removed", path);
	return 0;
}

int cmd_gc(int argc, char **argv)
{
	(void)argv;
	if (argc != 1) {
		say("usage: sandbox gc, without arguments");
		return EXIT_SANDBOX;
	}
	nftw(CGROUPS, visit, MAX_OPEN, FTW_PHYS | FTW_DEPTH);
	printf("%u removed\n", removed);
	if (fflush(stdout) != 0)
		err_sys(&first, "stdout");
	if (!first.code)
		return 0;
	say("%s", first.msg);
	return EXIT_SANDBOX;
}
