/* logs.c - `sandbox logs`: what the command of a detached run has written, stdout and stderr apart. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/cmd.h"
#include "runner/register.h"
#include "runner/say.h"

#define EVERY_MS 100		/* between two looks, with --follow */

struct output {
	const char *file;
	int fd, to;
	off_t at;
};

static struct output outputs[] = { { "out", -1, STDOUT_FILENO, 0 }, { "err", -1, STDERR_FILENO, 0 } };

#define N_OUTPUTS (sizeof(outputs) / sizeof(outputs[0]))

/* From a file that has lost its beginning, on from the first byte that is there; one that is
 * shorter than it was has begun anew. */
static int catch_up(struct output *o)
{
	char buf[65536];
	struct stat st;
	ssize_t got;
	off_t data;
	int rc = 0;

	if (fstat(o->fd, &st) < 0)
		return -errno;
	if (st.st_size < o->at)
		o->at = 0;
	data = lseek(o->fd, o->at, SEEK_DATA);
	if (data > o->at)
		o->at = data;
	while (rc == 0 && (got = pread(o->fd, buf, sizeof(buf), o->at)) > 0) {
		o->at += got;
		rc = io_write(o->to, buf, (size_t)got);
	}
	return rc;
}

static int catch_up_all(struct err *err)
{
	for (size_t i = 0; i < N_OUTPUTS; i++) {
		int rc = catch_up(&outputs[i]);

		if (rc < 0)
			return err_set(err, -rc, "%s: %s", i ? "stderr" : "stdout", strerror(-rc));
	}
	return 0;
}

/* Alive first, then the outputs: what it wrote last was there when it had gone. */
static int print(const struct claim *c, bool follow, struct err *err)
{
	const struct timespec pause = { .tv_nsec = EVERY_MS * 1000000 };

	for (;;) {
		bool alive = register_lives(c);
		int rc = catch_up_all(err);

		if (rc < 0 || !alive || !follow)
			return rc;
		nanosleep(&pause, NULL);
	}
}

static int open_outputs(const struct claim *c, struct err *err)
{
	for (size_t i = 0; i < N_OUTPUTS; i++) {
		struct output *o = &outputs[i];

		o->fd = openat(c->dir, o->file, O_RDONLY | O_CLOEXEC);
		if (o->fd < 0)
			return err_set(err, ENOENT, "machine '%s' was not started with --detach: what its "
				       "command writes is not kept", c->name);
	}
	return 0;
}

int cmd_logs(int argc, char **argv)
{
	bool follow = argc == 3 && (!strcmp(argv[1], "--follow") || !strcmp(argv[1], "-f"));
	struct err err = { 0 };
	struct claim c;

	if (argc != 2 + follow) {
		say("usage: sandbox logs [--follow] NAME");
		return EXIT_SANDBOX;
	}
	if (register_find(&c, argv[1 + follow], &err) == 0 && open_outputs(&c, &err) == 0 &&
	    print(&c, follow, &err) == 0)
		return 0;
	say("%s", err.msg);
	return EXIT_SANDBOX;
}
