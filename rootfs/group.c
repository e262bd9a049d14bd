/* group.c - a cgroup for the command: when memory runs out the kernel ends all of it, never
 * half of it, and counts; the agent stands outside. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define CGROUPS "/sys/fs/cgroup"

static int group = -1;

static int write_file(int dir, const char *name, const char *text)
{
	autoclose int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : io_write(fd, text, strlen(text));
}

/* A kernel without cgroups, or told to have no memory controller, runs commands all the
 * same; only the count is then not to be had. */
int group_init(void)
{
	if (mount("cgroup2", CGROUPS, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return 0;
	if (write_file(AT_FDCWD, CGROUPS "/cgroup.subtree_control", "+memory") < 0 ||
	    mkdir(CGROUPS "/command", 0755) < 0)
		return 0;
	group = open(CGROUPS "/command", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group < 0)
		return -errno;
	return write_file(group, "memory.oom.group", "1");
}

int group_fd(void)
{
	return group;
}

/* The number behind `key` in a file of the group; 0 if there is none. */
static uint64_t count(int fd, const char *key)
{
	char text[512] = "\n", *at;
	ssize_t got = fd < 0 ? -1 : pread(fd, text + 1, sizeof(text) - 2, 0);

	if (got < 0)
		return 0;
	text[1 + got] = '\0';
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

uint64_t group_oom_kills(void)
{
	autoclose int fd = group < 0 ? -1 : openat(group, "memory.events", O_RDONLY | O_CLOEXEC);

	return count(fd, "\noom_kill ");
}

static int pids_events = -1;

int group_limit_pids(uint32_t most)
{
	char text[16];
	int rc;

	if (group < 0)
		return -ENOTSUP;
	snprintf(text, sizeof(text), "%u", most);
	rc = write_file(AT_FDCWD, CGROUPS "/cgroup.subtree_control", "+pids");
	if (rc == 0)
		rc = write_file(group, "pids.max", text);
	if (rc == 0 && pids_events < 0)
		pids_events = openat(group, "pids.events", O_RDONLY | O_CLOEXEC);
	return rc < 0 ? rc : pids_events < 0 ? -errno : pids_events;
}

bool group_had_too_many(void)
{
	return count(pids_events, "\nmax ") > 0;
}

void group_kill(void)
{
	if (write_file(group, "cgroup.kill", "1") < 0)
		host_give_up("the commands cannot be killed");
}
