/* usage.c - CPU time by thread, as the scheduler counts it. */
#include "tests/guest/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

/* The beginning of a small file, as a string; "" if it cannot be read. */
static void read_text(int dir, const char *thread, const char *name, char *text, size_t n)
{
	char path[300];
	autoclose int fd = -1;
	ssize_t got;

	snprintf(path, sizeof(path), "%s/%s", thread, name);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : io_read_some(fd, text, n - 1);
	text[got > 0 ? got : 0] = '\0';
}

struct usage usage_of(pid_t pid)
{
	struct usage u = { 0 };
	char path[64], text[128];
	const struct dirent *thread;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return u;
	while ((thread = readdir(dir))) {
		uint64_t ns;

		if (thread->d_name[0] == '.')
			continue;
		read_text(dirfd(dir), thread->d_name, "schedstat", text, sizeof(text));
		ns = strtoull(text, NULL, 10);
		read_text(dirfd(dir), thread->d_name, "comm", text, sizeof(text));
		if (!strncmp(text, "vcpu", 4))
			u.vcpus_ns += ns;
		else
			u.others_ns += ns;
	}
	closedir(dir);
	return u;
}
