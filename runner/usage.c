/* usage.c - what a machine uses of its host now, as the host's kernel counts it. */
#include "runner/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

/* A number in a file of one of its groups, whichever has it: of either version. */
static int of_group(const struct entry *e, const char *file, uint64_t *value)
{
	for (unsigned i = 0; i < sizeof(e->cgroup) / sizeof(e->cgroup[0]); i++) {
		char path[PATH_MAX], text[32] = "";
		autoclose int fd = -1;

		if (e->cgroup[i][0] != '/')
			continue;
		snprintf(path, sizeof(path), "%s/%s", e->cgroup[i], file);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || io_read_some(fd, text, sizeof(text) - 1) <= 0)
			continue;
		*value = strtoull(text, NULL, 10);
		return 0;
	}
	return -ENOENT;
}

/* Fields of /proc/PID/stat behind the name: 14 and 15 are ticks, 20 threads, 24 pages. */
static int of_process(const struct entry *e, struct usage *u)
{
	unsigned long long user, system, threads, pages;
	char path[32], text[512], *at;
	autoclose int fd = -1;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/stat", e->monitor);
	fd = e->monitor > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	got = fd < 0 ? -1 : io_read_some(fd, text, sizeof(text) - 1);
	if (got <= 0)
		return -ESRCH;
	text[got] = '\0';
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %*s %*s %*s %*s "
			  "%llu %*s %*s %*s %llu", &user, &system, &threads, &pages) != 4)
		return -ESRCH;
	*u = (struct usage){ .cpu_us = (user + system) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK),
			     .memory = pages * (uint64_t)sysconf(_SC_PAGESIZE),
			     .threads = (unsigned)threads };
	return 0;
}

int usage_of(const struct entry *e, struct usage *u)
{
	uint64_t n;
	int rc = of_process(e, u);

	if (rc < 0)
		return rc;
	if (of_group(e, "memory.current", &n) == 0 || of_group(e, "memory.usage_in_bytes", &n) == 0)
		u->memory = n;
	if (of_group(e, "pids.current", &n) == 0)
		u->threads = (unsigned)n;
	return 0;
}
