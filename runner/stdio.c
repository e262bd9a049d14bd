/* stdio.c - our stdin, stdout and stderr, and the guest's. */
#include "runner/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/tty.h"

/* A closed 0, 1 or 2 must not become the number of an image.  What takes its place fails
 * like a closed one: 0 cannot be read, 1 and 2 cannot be written. */
void stdio_secure(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

bool stdio_no_input(void)
{
	struct stat st, null;

	return fstat(STDIN_FILENO, &st) == 0 && S_ISCHR(st.st_mode) &&
	       stat("/dev/null", &null) == 0 && st.st_rdev == null.st_rdev;
}

static const char *const names[] = { "stdin", "stdout", "stderr" };

/* An output that cannot make us wait.  O_NONBLOCK belongs to the open file and is seen by
 * all who share it - the shell, the other end of a `2>&1` - so pipes and terminals are
 * opened anew.  Where that is refused, writes are small enough for what poll promises. */
static int open_output(int fd, size_t *at_once)
{
	char path[32];
	struct stat st;
	int again = -1;

	*at_once = SIZE_MAX;
	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode))
		return fd;
	if ((S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) &&
	    (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		again = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	if (again >= 0)
		return again;
	*at_once = PIPE_BUF;
	return fd;
}

/* The guest sees the end of its stdin; the connection stays until it closes it. */
static void input_finished(struct pump *p)
{
	shutdown(p->to.fd, SHUT_WR);
}

/* With nobody to read, the guest's next write fails as it would on a pipe. */
static void output_finished(struct pump *p)
{
	watch_close(&p->from);
}

static void stream_connected(struct broker_port *port, int fd)
{
	struct stdio_stream *s = owner_of(port, struct stdio_stream, port);
	size_t at_once;
	int out;

	s->connected = true;
	if (s->number != STREAM_STDIN) {
		out = open_output((int)s->number, &at_once);
		pump_start(&s->pump, fd, out, at_once);
		return;
	}
	pump_start(&s->pump, STDIN_FILENO, fd, SIZE_MAX);
}

static void tty_stdin_connected(struct broker_port *port, int fd)
{
	if (isatty(STDIN_FILENO))
		tty_raw(STDIN_FILENO);
	stream_connected(port, fd);
}

void stdio_init(struct stdio *s, uint32_t id, bool tty, int console, struct watch_set *set)
{
	s->tty = tty;
	s->console_on = console >= 0;
	for (unsigned i = 0; i < N_STREAMS; i++) {
		struct stdio_stream *stream = &s->stream[i];

		stream->number = (enum stream)i;
		stream->port.port = PORT_STREAM(id, i);
		stream->port.connected = tty && i == STREAM_STDIN ? tty_stdin_connected :
								    stream_connected;
		pump_init(&stream->pump, i == STREAM_STDIN ? input_finished : output_finished, set);
	}
	if (s->console_on) {
		size_t at_once;
		int err = open_output(STDERR_FILENO, &at_once);

		pump_init(&s->console, output_finished, set);
		pump_start(&s->console, console, err, at_once);
	}
}

void stdio_offer(struct stdio *s, struct broker *b)
{
	for (unsigned i = 0; i < N_STREAMS; i++)
		broker_offer(b, &s->stream[i].port);
}

void stdio_expect(struct stdio *s, const uint64_t output[2])
{
	for (unsigned i = STREAM_STDOUT; i < N_STREAMS; i++)
		if (s->stream[i].connected)
			pump_expect(&s->stream[i].pump, output[i - STREAM_STDOUT]);
}

bool stdio_outputs_done(const struct stdio *s)
{
	for (unsigned i = STREAM_STDOUT; i < N_STREAMS; i++)
		if (s->stream[i].connected && !s->stream[i].pump.done)
			return false;
	return true;
}

uint64_t stdio_output(const struct stdio *s)
{
	return s->stream[STREAM_STDOUT].pump.moved + s->stream[STREAM_STDERR].pump.moved;
}

bool stdio_waits_for_guest(const struct stdio *s)
{
	for (unsigned i = STREAM_STDOUT; i < N_STREAMS; i++)
		if (s->stream[i].connected && s->stream[i].pump.from.want)
			return true;
	return false;
}

/* A stdin that cannot be read is an empty one; but half of a file is not that file. */
static int input_error(const struct stdio *s, struct err *err)
{
	int code = s->stream[STREAM_STDIN].pump.unread;
	struct stat st;

	if (!code || fstat(STDIN_FILENO, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) ||
	    code == EBADF)
		return 0;
	return err_set(err, code, "stdin: %s; input was lost", strerror(code));
}

int stdio_error(const struct stdio *s, struct err *err)
{
	for (unsigned i = STREAM_STDOUT; i < N_STREAMS; i++) {
		int code = s->stream[i].pump.error;

		if (code == EBADF)
			return err_set(err, code, "%s is closed, output was lost; send it to a file "
				       "or to /dev/null", names[i]);
		if (code && code != EPIPE)
			return err_set(err, code, "%s: %s; output was lost", names[i],
				       strerror(code));
	}
	return input_error(s, err);
}
