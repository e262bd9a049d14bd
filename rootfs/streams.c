/* streams.c - what a command reads and writes: pipes or a terminal on its side, connections to
 * the host on the other.
 *
 * One epoll set, the caller's.  A flow is in it with the one descriptor it waits for, so
 * readiness costs one system call to learn, two to serve, and none to change while data runs
 * freely. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define TELL_NS 10000000ull		/* most commands end as their outputs do */
#define END_OF_TRANSMISSION 4		/* ^D, what a terminal takes for the end of input */

/* What a stream is made of.  One of each is made before there is a command: in a machine that
 * is saved, that is then work of no clone's. */
struct ends {
	int sock, ours, theirs;		/* ours and theirs: a pipe */
};

static int epfd;
static struct ends spare[N_STREAMS];	/* sock is -1 when it has been used */

static void watch(struct streams *s, unsigned i, enum flow_need need)
{
	int fd = need == FLOW_INPUT ? s->flow[i].from : need == FLOW_OUTPUT ? s->flow[i].to : -1;
	struct epoll_event ev = { .events = need == FLOW_INPUT ? EPOLLIN : EPOLLOUT,
				  .data.u32 = s->tag + i };

	s->need[i] = need;
	if (fd == s->watched[i])
		return;
	if (s->watched[i] >= 0)
		epoll_ctl(epfd, EPOLL_CTL_DEL, s->watched[i], NULL);
	if (fd >= 0 && epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		host_give_up("epoll: %s", strerror(errno));
	s->watched[i] = fd;
}

/* Closing takes a descriptor out of the set, unless it is one of the two of a terminal. */
void stream_end(struct streams *s, unsigned i)
{
	if (s->tty)
		watch(s, i, FLOW_ENDED);
	s->watched[i] = -1;
	flow_close(&s->flow[i]);
}

bool stream_is_open(const struct streams *s, unsigned i)
{
	return s->flow[i].from >= 0;
}

/* Nothing more comes from the command; its descriptor is the only one that is in the set. */
static void output_ended(struct streams *s, unsigned i)
{
	if (s->tty)
		watch(s, i, FLOW_ENDED);
	s->watched[i] = -1;
	close(s->flow[i].from);
	s->flow[i].from = -1;
	s->tell_at = now_ns() + TELL_NS;
}

static bool is_untold(const struct streams *s, unsigned i)
{
	return s->flow[i].from < 0 && s->flow[i].to >= 0;
}

uint64_t streams_tell_at(const struct streams *s)
{
	return is_untold(s, STREAM_STDOUT) || is_untold(s, STREAM_STDERR) ? s->tell_at : UINT64_MAX;
}

void streams_tell_ends(struct streams *s)
{
	for (unsigned i = STREAM_STDOUT; i < N_STREAMS; i++)
		if (is_untold(s, i))
			flow_close(&s->flow[i]);
}

/* Lost is not ended: until the host is found again, only our side of it is kept. */
bool stream_ready(struct streams *s, unsigned i)
{
	uint64_t before = s->flow[i].moved + s->flow[i].sent;
	enum flow_need need = flow_run(&s->flow[i]);

	if (need == FLOW_ENDED && i == STREAM_STDIN)
		stream_end(s, i);
	else if (need == FLOW_ENDED)
		output_ended(s, i);
	else
		watch(s, i, need);
	return s->flow[i].moved + s->flow[i].sent != before;
}

uint64_t streams_output(const struct streams *s)
{
	return s->flow[STREAM_STDOUT].moved + s->flow[STREAM_STDERR].moved;
}

bool streams_wait_for_host(const struct streams *s)
{
	for (unsigned i = STREAM_STDOUT; i < N_STREAMS; i++)
		if (stream_is_open(s, i) && s->need[i] != FLOW_INPUT)
			return true;
	return false;
}

void streams_resize(struct streams *s, uint16_t rows, uint16_t cols)
{
	const struct winsize size = { .ws_row = rows, .ws_col = cols };

	if (s->tty && stream_is_open(s, STREAM_STDOUT))
		ioctl(s->flow[STREAM_STDOUT].from, TIOCSWINSZ, &size);
}

/* --- making them -------------------------------------------------------------------- */

static int unblock(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int make_ends(struct ends *e, unsigned i)
{
	bool in = i == STREAM_STDIN;
	autoclose int sock = host_socket();
	int fd[2];

	if (sock < 0)
		return sock;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	*e = (struct ends){ fd_take(&sock), fd[in], fd[!in] };
	return unblock(e->ours);
}

int streams_init(int set)
{
	int rc = 0;

	epfd = set;
	for (unsigned i = 0; i < N_STREAMS && rc == 0; i++)
		rc = make_ends(&spare[i], i);
	return rc;
}

/* The host's end of a flow. */
static int *host_end(struct streams *s, unsigned i)
{
	return i == STREAM_STDIN ? &s->flow[i].from : &s->flow[i].to;
}

static int ask(struct streams *s, unsigned i)
{
	return host_connect(*host_end(s, i), PORT_STREAM(s->id, i));
}

/* Our ends become stream i's flow; *theirs is the end for the command. */
static int open_pipe(struct streams *s, unsigned i, int *theirs)
{
	struct ends e = spare[i];
	int rc = e.sock < 0 ? make_ends(&e, i) : 0;

	spare[i].sock = -1;
	if (rc < 0)
		return rc;
	*theirs = e.theirs;
	if (i == STREAM_STDIN)
		flow_open(&s->flow[i], e.sock, e.ours);
	else
		flow_open(&s->flow[i], e.ours, e.sock);
	return ask(s, i);
}

/* A pipe that nobody writes to, and no connection. */
static int open_empty(int *theirs)
{
	struct ends e = spare[STREAM_STDIN];
	int rc = e.sock < 0 ? make_ends(&e, STREAM_STDIN) : 0;

	spare[STREAM_STDIN].sock = -1;
	if (rc < 0)
		return rc;
	*theirs = e.theirs;
	close(e.ours);
	close(e.sock);
	return 0;
}

/* A terminal of that size: *master is non-blocking, *slave for the command. */
static int open_terminal(uint16_t rows, uint16_t cols, int *master, int *slave)
{
	struct winsize size = { .ws_row = rows, .ws_col = cols };
	autoclose int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	int unlock = 0;

	if (fd < 0 || ioctl(fd, TIOCSPTLCK, &unlock) < 0 || ioctl(fd, TIOCSWINSZ, &size) < 0)
		return -errno;
	*slave = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0)
		return -errno;
	*master = fd_take(&fd);
	return 0;
}

/* Both flows have the terminal, each by a descriptor of its own: the epoll set knows them
 * apart by number. */
static int connect_terminal(struct streams *s, int master)
{
	struct flow *in = &s->flow[STREAM_STDIN], *out = &s->flow[STREAM_STDOUT];
	int rc;

	flow_open(out, master, host_socket());
	flow_open(in, host_socket(), fcntl(master, F_DUPFD_CLOEXEC, 0));
	in->at_end = END_OF_TRANSMISSION;
	if (out->to < 0 || in->from < 0 || in->to < 0)
		return -EMFILE;
	rc = ask(s, STREAM_STDOUT);
	return rc < 0 ? rc : ask(s, STREAM_STDIN);
}

/* The last one first: when it is there, so are the others. */
static int await(struct streams *s)
{
	int rc = 0;

	for (unsigned i = N_STREAMS; i-- > 0 && rc == 0;)
		if (stream_is_open(s, i))
			rc = host_connected(*host_end(s, i));
	return rc;
}

int streams_open(struct streams *s, struct command *c, const struct msg_exec *e, uint32_t id)
{
	int rc = 0, master = -1;

	s->id = id;
	s->tty = c->tty = e->flags & EXEC_TTY;
	for (unsigned i = 0; i < N_STREAMS; i++) {
		flow_open(&s->flow[i], -1, -1);
		s->watched[i] = c->fd[i] = -1;
	}
	if (c->tty) {
		rc = open_terminal(e->rows, e->cols, &master, &c->fd[0]);
		c->fd[1] = c->fd[2] = c->fd[0];
		rc = rc < 0 ? rc : connect_terminal(s, master);
	} else {
		bool empty = e->flags & EXEC_NO_STDIN;

		rc = empty ? open_empty(&c->fd[STREAM_STDIN]) : 0;
		for (unsigned i = empty; i < N_STREAMS && rc == 0; i++)
			rc = open_pipe(s, i, &c->fd[i]);
	}
	return rc < 0 ? rc : await(s);
}

void streams_begin(struct streams *s)
{
	for (unsigned i = 0; i < N_STREAMS; i++)
		if (stream_is_open(s, i))
			watch(s, i, FLOW_INPUT);
}

void streams_abandon(struct streams *s)
{
	for (unsigned i = 0; i < N_STREAMS; i++)
		flow_close(&s->flow[i]);
}

static int reconnect(struct streams *s, unsigned i)
{
	int fd = host_socket();

	if (fd < 0)
		return fd;
	watch(s, i, FLOW_ENDED);
	close(*host_end(s, i));
	*host_end(s, i) = fd;
	s->flow[i].sent = 0;
	return ask(s, i);
}

/* Of what was read last, what the old connection did not take is what the new one gets first. */
int streams_reconnect(struct streams *s)
{
	int rc = 0;

	streams_tell_ends(s);
	for (unsigned i = 0; i < N_STREAMS && rc == 0; i++)
		if (stream_is_open(s, i))
			rc = reconnect(s, i);
	rc = rc < 0 ? rc : await(s);
	for (unsigned i = 0; i < N_STREAMS && rc == 0; i++)
		if (stream_is_open(s, i))
			watch(s, i, s->flow[i].len ? FLOW_OUTPUT : FLOW_INPUT);
	return rc;
}
