/* serve.c - the loop of pid 1: the host's requests, the command's streams, and the dead.
 *
 * One epoll set.  A flow is in it with the one descriptor it waits for, so readiness costs
 * one system call to learn, two to serve, and none to change while data runs freely.
 * Deaths arrive through a signalfd: epoll would put off a signal for as long as there is
 * output to move. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

/* After the command has ended, somebody may still hold its outputs open.  They are read
 * until they have been silent for this long... */
#define DRAIN_NS 200000000ull
/* ...or have said more than a pipe could have held when it ended. */
#define DRAIN_BYTES (1u << 20)

#define END_OF_TRANSMISSION 4		/* ^D, what a terminal takes for the end of input */
#define MAX_FILES 1048576		/* what a command may raise its limit to */

/* What an event is about: a stream's number, or one of these. */
enum { TAG_CONTROL = N_STREAMS, TAG_DEATHS, N_TAGS };

static struct session {
	uint32_t id, flags;
	pid_t pid;			/* 0: nothing runs */
	bool exited;
	struct msg_exited end;		/* valid once it exited */
	uint64_t quiet_since;		/* ns: its exit, or the last output after it */
	uint64_t moved_at_exit;
	struct flow flow[N_STREAMS];
	int watched[N_STREAMS];		/* the descriptor in the epoll set, or -1 */
	enum flow_need need[N_STREAMS];
} s;

static int epfd, deaths;		/* deaths: a signalfd for SIGCHLD */

/* --- streams ------------------------------------------------------------------------ */

static void watch(unsigned i, enum flow_need need)
{
	int fd = need == FLOW_INPUT ? s.flow[i].from : need == FLOW_OUTPUT ? s.flow[i].to : -1;
	struct epoll_event ev = { .events = need == FLOW_INPUT ? EPOLLIN : EPOLLOUT,
				  .data.u32 = i };

	s.need[i] = need;
	if (fd == s.watched[i])
		return;
	if (s.watched[i] >= 0)
		epoll_ctl(epfd, EPOLL_CTL_DEL, s.watched[i], NULL);
	if (fd >= 0 && epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		host_give_up("epoll: %s", strerror(errno));
	s.watched[i] = fd;
}

/* Closing takes a descriptor out of the set, unless it is one of the two of a terminal. */
static void end_stream(unsigned i)
{
	if (s.flags & EXEC_TTY)
		watch(i, FLOW_ENDED);
	s.watched[i] = -1;
	flow_close(&s.flow[i]);
}

static void stream_ready(unsigned i)
{
	uint64_t before = s.flow[i].moved;
	enum flow_need need = flow_run(&s.flow[i]);

	if (s.exited && s.flow[i].moved != before)
		s.quiet_since = now_ns();
	if (need == FLOW_ENDED)
		end_stream(i);
	else
		watch(i, need);
}

static int unblock(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* What a stream is made of.  One of each is made before there is a command: in a machine that
 * is saved, that is then work of no clone's. */
struct ends {
	int sock, ours, theirs;		/* ours and theirs: a pipe */
};

static struct ends spare[N_STREAMS];	/* sock is -1 when it has been used */

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

/* Our ends become stream i's flow; *theirs is the end for the command. */
static int open_pipe(unsigned i, int *theirs)
{
	struct ends e = spare[i];
	int rc = e.sock < 0 ? make_ends(&e, i) : 0;

	spare[i].sock = -1;
	if (rc < 0)
		return rc;
	*theirs = e.theirs;
	if (i == STREAM_STDIN)
		flow_open(&s.flow[i], e.sock, e.ours);
	else
		flow_open(&s.flow[i], e.ours, e.sock);
	return host_connect(e.sock, PORT_STREAM(s.id, i));
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
static int connect_terminal(int master)
{
	struct flow *in = &s.flow[STREAM_STDIN], *out = &s.flow[STREAM_STDOUT];
	int rc;

	flow_open(out, master, host_socket());
	flow_open(in, host_socket(), fcntl(master, F_DUPFD_CLOEXEC, 0));
	in->at_end = END_OF_TRANSMISSION;
	if (out->to < 0 || in->from < 0 || in->to < 0)
		return -EMFILE;
	rc = host_connect(out->to, PORT_STREAM(s.id, STREAM_STDOUT));
	return rc < 0 ? rc : host_connect(in->from, PORT_STREAM(s.id, STREAM_STDIN));
}

/* The last one first: when it is there, so are the others. */
static int await_streams(void)
{
	int rc = 0;

	for (unsigned i = N_STREAMS; i-- > 0 && rc == 0;)
		if (s.flow[i].from >= 0)
			rc = host_connected(i == STREAM_STDIN ? s.flow[i].from : s.flow[i].to);
	return rc;
}

static int open_streams(struct command *c, const struct msg_exec *e)
{
	int rc = 0, master;

	for (unsigned i = 0; i < N_STREAMS; i++) {
		flow_open(&s.flow[i], -1, -1);
		s.watched[i] = c->fd[i] = -1;
	}
	c->tty = e->flags & EXEC_TTY;
	if (c->tty) {
		rc = open_terminal(e->rows, e->cols, &master, &c->fd[0]);
		c->fd[1] = c->fd[2] = c->fd[0];
		rc = rc < 0 ? rc : connect_terminal(master);
	} else {
		for (unsigned i = 0; i < N_STREAMS && rc == 0; i++)
			rc = open_pipe(i, &c->fd[i]);
	}
	return rc < 0 ? rc : await_streams();
}

/* The command has them now, or never will. */
static void close_theirs(struct command *c)
{
	for (int i = 0; i < (c->tty ? 1 : N_STREAMS); i++)
		if (c->fd[i] >= 0)
			close(c->fd[i]);
}

/* --- the command -------------------------------------------------------------------- */

static pid_t start(const struct msg *m, struct msg_spawn_failed *why)
{
	static struct account who;
	struct command c = { .who = &who, .generation = identity_generation() };
	pid_t pid = 0;
	int rc = account_load(&who, m->exec.user);

	*why = (struct msg_spawn_failed){ SPAWN_USER, -rc };
	if (rc < 0)
		return 0;
	rc = open_streams(&c, &m->exec);
	*why = (struct msg_spawn_failed){ c.tty ? SPAWN_TTY : SPAWN_STREAMS, -rc };
	if (rc == 0) {
		command_strings(&c, m);
		pid = command_start(&c, why);
	}
	close_theirs(&c);
	for (unsigned i = 0; i < N_STREAMS; i++) {
		if (pid == 0)
			flow_close(&s.flow[i]);
		else if (s.flow[i].from >= 0)
			watch(i, FLOW_INPUT);
	}
	return pid;
}

static void exec_request(struct msg *m)
{
	struct msg_spawn_failed why;

	if (s.pid)
		host_give_up("a second command while one runs");
	s.id = m->head.id;
	s.flags = m->exec.flags;
	s.exited = false;
	s.pid = start(m, &why);
	if (s.pid == 0) {
		m->spawn_failed = why;
		host_send(m, MSG_SPAWN_FAILED, s.id, sizeof(m->spawn_failed));
		return;
	}
	m->started = (struct msg_started){ .pid = (uint32_t)s.pid, .boot_ns = now_ns(),
					   .generation = identity_generation() };
	host_send(m, MSG_STARTED, s.id, sizeof(m->started));
}

static uint64_t microseconds(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_usec;
}

/* Out of memory, the kernel kills the command's whole cgroup, so its end says enough to
 * know when to ask. */
static bool ran_out_of_memory(int status)
{
	static uint64_t told;
	uint64_t kills;

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return false;
	kills = group_oom_kills();
	if (kills == told)
		return false;
	told = kills;
	return true;
}

static void command_ended(int status, const struct rusage *used)
{
	s.exited = true;
	s.end = (struct msg_exited){
		.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
		.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		.oom_kill = ran_out_of_memory(status),
		.user_us = microseconds(used->ru_utime),
		.system_us = microseconds(used->ru_stime),
		.maxrss_kib = (uint64_t)used->ru_maxrss,
	};
	s.quiet_since = now_ns();
	s.moved_at_exit = s.flow[STREAM_STDOUT].moved + s.flow[STREAM_STDERR].moved;
	end_stream(STREAM_STDIN);
}

static void reap(void)
{
	struct signalfd_siginfo unused;
	struct rusage used;
	int status;
	pid_t pid;

	io_read_some(deaths, &unused, sizeof(unused));
	while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0)
		if (pid == s.pid && !s.exited)
			command_ended(status, &used);
}

static void tell_exited(struct msg *m, bool drained)
{
	for (unsigned i = 0; i < N_STREAMS; i++)
		end_stream(i);
	if (s.flags & EXEC_SYNC)
		sync();
	m->exited = s.end;
	m->exited.drained = drained;
	host_send(m, MSG_EXITED, s.id, sizeof(m->exited));
	s.pid = 0;
}

/* --- the loop ----------------------------------------------------------------------- */

static void control_ready(struct msg *m)
{
	struct winsize size;

	host_recv(m);
	switch (m->head.type) {
	case MSG_EXEC:
		exec_request(m);
		break;
	case MSG_SIGNAL:
		if (s.pid && !s.exited && m->head.id == s.id)
			kill(-s.pid, (int)m->signal.signo);
		break;
	case MSG_RESIZE:
		size = (struct winsize){ .ws_row = m->resize.rows, .ws_col = m->resize.cols };
		if (s.pid && m->head.id == s.id && (s.flags & EXEC_TTY) &&
		    s.flow[STREAM_STDOUT].from >= 0)
			ioctl(s.flow[STREAM_STDOUT].from, TIOCSWINSZ, &size);
		break;
	default:
		host_give_up("message %u out of order", m->head.type);
	}
}

static bool is_open(unsigned i)
{
	return s.flow[i].from >= 0;
}

/* How long to wait for events, in ms: for ever, unless the command has ended and only the
 * silence of its outputs is missing.  Output that the host has not taken yet is not silence. */
static int patience(void)
{
	uint64_t passed;

	if (!s.pid || !s.exited)
		return -1;
	for (unsigned i = STREAM_STDOUT; i < N_STREAMS; i++)
		if (is_open(i) && s.need[i] == FLOW_OUTPUT)
			return -1;
	passed = now_ns() - s.quiet_since;
	return passed >= DRAIN_NS ? 0 : (int)((DRAIN_NS - passed + 999999) / 1000000);
}

static void look_for_the_end(struct msg *m, bool silent)
{
	uint64_t moved = s.flow[STREAM_STDOUT].moved + s.flow[STREAM_STDERR].moved;

	if (!s.pid || !s.exited)
		return;
	if (!is_open(STREAM_STDOUT) && !is_open(STREAM_STDERR))
		tell_exited(m, true);
	else if (silent || moved - s.moved_at_exit > DRAIN_BYTES)
		tell_exited(m, false);
}

static int listen_to(int fd, uint32_t tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = tag };

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

int serve_init(void)
{
	struct rlimit files = { 1024, MAX_FILES };
	sigset_t chld;
	int rc;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	deaths = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (deaths < 0 || epfd < 0)
		return -errno;
	rc = listen_to(deaths, TAG_DEATHS);
	for (unsigned i = 0; i < N_STREAMS && rc == 0; i++)
		rc = make_ends(&spare[i], i);
	return rc;
}

static void dispatch(struct msg *m, uint32_t tag)
{
	if (tag == TAG_CONTROL)
		control_ready(m);
	else if (tag == TAG_DEATHS)
		reap();
	else if (is_open(tag))		/* and not closed by an event before this one */
		stream_ready(tag);
}

void serve(void)
{
	static struct msg m;
	struct epoll_event ev[N_TAGS];
	int rc = listen_to(host_fd(), TAG_CONTROL);

	if (rc < 0)
		host_give_up("epoll: %s", strerror(-rc));
	for (;;) {
		int n = epoll_wait(epfd, ev, N_TAGS, patience());

		if (n < 0 && errno != EINTR)
			host_give_up("epoll: %s", strerror(errno));
		for (int i = 0; i < n; i++)
			dispatch(&m, ev[i].data.u32);
		look_for_the_end(&m, n == 0);
	}
}
