/* serve.c - the loop of pid 1: the host's requests, the command's streams, and the dead.
 *
 * One epoll set.  Deaths arrive through a signalfd: epoll would put off a signal for as long
 * as there is output to move. */
#include "rootfs/agent.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
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

#define MAX_FILES 1048576		/* what a command may raise its limit to */

/* What an event is about: a stream's number, or one of these. */
enum { TAG_CONTROL = N_STREAMS, TAG_DEATHS, N_TAGS };

static struct session {
	uint32_t id, flags;
	pid_t pid;			/* 0: nothing runs */
	bool exited;
	struct msg_exited end;		/* valid once it exited */
	uint64_t quiet_since;		/* ns: its exit, or the last output after it */
	uint64_t output_at_exit;
} s;

static int epfd, deaths;		/* deaths: a signalfd for SIGCHLD */

/* --- the command -------------------------------------------------------------------- */

/* The command has them now, or never will. */
static void close_theirs(struct command *c)
{
	for (int i = 0; i < (c->tty ? 1 : N_STREAMS); i++)
		if (c->fd[i] >= 0)
			close(c->fd[i]);
}

static pid_t start(const struct msg *m, struct msg_spawn_failed *why)
{
	static struct account who;
	struct command c = { .who = &who, .generation = identity_generation() };
	pid_t pid = 0;
	int rc = account_load(&who, m->exec.user);

	*why = (struct msg_spawn_failed){ SPAWN_USER, -rc };
	if (rc < 0)
		return 0;
	rc = outputs_keep(m);
	if (rc == 0 && m->exec.flags & EXEC_WORK)
		rc = files_work(&who);
	*why = (struct msg_spawn_failed){ SPAWN_WORKDIR, -rc };
	if (rc < 0)
		return 0;
	rc = streams_open(&c, &m->exec, s.id);
	*why = (struct msg_spawn_failed){ c.tty ? SPAWN_TTY : SPAWN_STREAMS, -rc };
	if (rc == 0) {
		command_strings(&c, m);
		pid = command_start(&c, why);
	}
	close_theirs(&c);
	if (pid)
		streams_begin();
	else
		streams_abandon();
	return pid;
}

static void tell_started(struct msg *m)
{
	m->started = (struct msg_started){ .pid = (uint32_t)s.pid, .boot_ns = now_ns(),
					   .generation = identity_generation() };
	host_send(m, MSG_STARTED, s.id, sizeof(m->started));
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
	tell_started(m);
}

static int listen_to(int fd, uint32_t tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = tag };

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* In a clone of a machine whose command was running: the connections were the other machine's,
 * and the kernel has reset them.  The host is asked for its own, with all it knows better. */
static void find_host(void)
{
	int rc = host_hello(s.pid ? s.id : 0);

	if (rc == 0)
		rc = welcome();
	if (rc == 0)
		rc = listen_to(host_fd(), TAG_CONTROL);
	if (rc < 0)
		host_give_up("reaching the host again: %s", strerror(-rc));
}

static void attach_request(struct msg *m)
{
	int rc;

	if (!s.pid || m->head.id != s.id)
		host_give_up("there is no command %u to attach to", m->head.id);
	rc = streams_reconnect();
	if (rc < 0)
		host_give_up("streams: %s", strerror(-rc));
	streams_resize(m->attach.rows, m->attach.cols);
	tell_started(m);
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
	s.output_at_exit = streams_output();
	stream_end(STREAM_STDIN);
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
		stream_end(i);
	if (s.flags & EXEC_SYNC)
		sync();
	m->exited = s.end;
	m->exited.drained = drained;
	host_send(m, MSG_EXITED, s.id, sizeof(m->exited));
	outputs_send(s.id);
	s.pid = 0;
}

/* --- the loop ----------------------------------------------------------------------- */

static void control_ready(struct msg *m)
{
	host_recv(m);
	switch (m->head.type) {
	case MSG_EXEC:
		exec_request(m);
		break;
	case MSG_ATTACH:
		attach_request(m);
		break;
	case MSG_SIGNAL:
		if (s.pid && !s.exited && m->head.id == s.id)
			kill(-s.pid, (int)m->signal.signo);
		break;
	case MSG_RESIZE:
		if (s.pid && m->head.id == s.id)
			streams_resize(m->resize.rows, m->resize.cols);
		break;
	default:
		host_give_up("message %u out of order", m->head.type);
	}
}

/* How long to wait for events, in ms: for ever, unless the command has ended and only the
 * silence of its outputs is missing.  Output that the host has not taken yet is not silence. */
static int patience(void)
{
	uint64_t passed;

	if (!s.pid || !s.exited || streams_wait_for_host())
		return -1;
	passed = now_ns() - s.quiet_since;
	return passed >= DRAIN_NS ? 0 : (int)((DRAIN_NS - passed + 999999) / 1000000);
}

static void look_for_the_end(struct msg *m, bool silent)
{
	if (!s.pid || !s.exited)
		return;
	if (!stream_is_open(STREAM_STDOUT) && !stream_is_open(STREAM_STDERR))
		tell_exited(m, true);
	else if (silent || streams_output() - s.output_at_exit > DRAIN_BYTES)
		tell_exited(m, false);
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
	return rc < 0 ? rc : streams_init(epfd);
}

static void dispatch(struct msg *m, const struct epoll_event *ev)
{
	uint32_t tag = ev->data.u32;

	if (tag == TAG_CONTROL && ev->events & EPOLLERR)
		find_host();
	else if (tag == TAG_CONTROL)
		control_ready(m);
	else if (tag == TAG_DEATHS)
		reap();
	else if (stream_is_open(tag) &&		/* and not closed by an event before this one */
		 stream_ready(tag) && s.exited)
		s.quiet_since = now_ns();
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
			dispatch(&m, &ev[i]);
		look_for_the_end(&m, n == 0);
	}
}
