/* group.c - a cgroup for the command: when memory runs out the kernel ends all of it, never
 * half of it, and counts; the agent stands outside. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
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

uint64_t group_oom_kills(void)
{
	char text[512], *at;
	autoclose int fd = group < 0 ? -1 : openat(group, "memory.events", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : io_read_some(fd, text, sizeof(text) - 1);

	if (got < 0)
		return 0;
	text[got] = '\0';
	at = strstr(text, "\noom_kill ");
	return at ? strtoull(at + strlen("\noom_kill "), NULL, 10) : 0;
}
