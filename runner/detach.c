/* detach.c - a run that goes on by itself, in the background, with its outputs in files.
 *
 * Both files grow at their end and get a hole at their beginning: an offset means the same
 * byte for as long as it is there, so that whoever follows them loses nothing. */
#include "runner/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/cmd.h"

#define PAGE 4096
#define LOG_SLACK (1 << 20)	/* a hole is made for no less than this */

static off_t kept_from[3];	/* by descriptor: where its file has no hole */

static int open_output(const struct run *r, const char *name, struct err *err)
{
	int fd = openat(r->claim.dir, name, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(err, "the file for outputs, %s", name) : fd;
}

/* Nothing that we have inherited by accident is kept from its other end for as long as we run. */
static void close_others(const struct run *r)
{
	const unsigned kept[] = { (unsigned)r->claim.dir, (unsigned)r->claim.file, (unsigned)r->ready,
				  r->opts.spec.kvm_fd, r->opts.spec.net_fd };
	unsigned from = STDERR_FILENO + 1;

	for (;;) {
		unsigned next = ~0u;

		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (kept[i] >= from && kept[i] < next)
				next = kept[i];
		if (next > from)
			close_range(from, next - 1, 0);
		if (next == ~0u)
			return;
		from = next + 1;
	}
}

/* Away from the terminal and from whoever waits for our outputs to be closed. */
static int settle(int out, int errors, struct err *err)
{
	autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || setsid() < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
		return err_sys(err, "cannot go to the background");
	return 0;
}

/* What it said before it could go on by itself is for who started it. */
static void repeat(int errors)
{
	char text[4096];
	ssize_t got = pread(errors, text, sizeof(text), 0);

	if (got > 0)
		(void)!io_write(STDERR_FILENO, text, (size_t)got);
}

static int wait_in_front(const struct run *r, pid_t pid, int ready, int errors)
{
	char byte;
	int status;

	if (io_read(ready, &byte, 1) == 0) {
		puts(r->claim.name);
		return fflush(stdout) == 0 ? 0 : EXIT_SANDBOX;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	repeat(errors);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SANDBOX;
}

static int fork_off(struct run *r, int out, int errors, int *code, struct err *err)
{
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_sys(err, "no pipe");
	pid = fork();
	if (pid < 0)
		return err_sys(err, "cannot go to the background");
	close(ready[pid > 0]);
	if (pid == 0) {
		int rc = settle(out, errors, err);

		r->ready = ready[1];
		close_others(r);
		return rc;
	}
	*code = wait_in_front(r, pid, ready[0], errors);
	return 1;
}

int detach(struct run *r, int *code, struct err *err)
{
	const char *name = r->opts.spec.name;
	autoclose int out = -1;
	autoclose int errors = -1;
	char pid[16];
	int rc;

	if (r->opts.spec.tty == TTY_ON)
		return err_set(err, EINVAL, "detach: a command in the background has no terminal; leave "
			       "out --tty, and try: sandbox exec --tty");
	snprintf(pid, sizeof(pid), "%d", getpid());
	rc = register_claim(&r->claim, name ? name : pid, err);
	if (rc < 0)
		return rc;
	out = open_output(r, "out", err);
	errors = out < 0 ? -1 : open_output(r, "err", err);
	rc = errors < 0 ? -err->code : fork_off(r, out, errors, code, err);
	if (rc == 0)
		out = errors = -1;	/* the process in the background has them as 1 and 2 */
	if (rc < 0)
		register_release(&r->claim);
	return rc;
}

bool detach_started(struct run *r)
{
	bool told = io_write(r->ready, "", 1) == 0;

	close(r->ready);
	r->ready = -1;
	r->claim.entry.detached = 1;		/* from now on there is something to keep */
	register_update(&r->claim);
	return told;
}

/* Where a file system has no holes, the output begins anew. */
static void trim(int fd)
{
	struct stat st;
	off_t from;

	if (fstat(fd, &st) < 0 || st.st_size - kept_from[fd] < LOG_KEPT + LOG_SLACK)
		return;
	from = (st.st_size - LOG_KEPT) & ~(off_t)(PAGE - 1);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, from) == 0)
		kept_from[fd] = from;
	else
		kept_from[fd] = ftruncate(fd, 0) < 0 ? st.st_size : 0;
}

void detach_trim(const struct run *r)
{
	if (!r->opts.spec.detach)
		return;
	trim(STDOUT_FILENO);
	trim(STDERR_FILENO);
}
