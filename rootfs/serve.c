/* serve.c - the loop of pid 1: the host's requests, the commands' streams, and the dead.
 *
 * A table of sessions, each with a command.  Of most machines only the first is ever used: the
 * others get their memory when the second command comes.
 *
 * One epoll set.  Deaths arrive through a signalfd: epoll would put off a signal for as long
 * as there is output to move. */
#include "rootfs/agent.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
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

/* What an event is about: a stream of a session, or one of these. */
enum { TAG_CONTROL = MAX_SESSIONS * N_STREAMS, TAG_DEATHS, TAG_PIDS, N_TAGS };

struct session {
	uint32_t id, flags;
	pid_t pid;			/* 0: nothing runs */
	bool exited;
	struct msg_exited end;		/* valid once it exited */
	uint64_t quiet_since;		/* ns: its exit, or the last output after it */
	uint64_t output_at_exit;
	uint64_t oom_kills;		/* known when it started */
	struct streams streams;
};

static struct session first, *others;	/* others: MAX_SESSIONS - 1, or NULL */
static int epfd, deaths;		/* deaths: a signalfd for SIGCHLD */
static bool pids_limited;

/* --- the table ---------------------------------------------------------------------- */

/* Number n, or NULL if there is no such session yet. */
static struct session *session_at(unsigned n)
{
	return n == 0 ? &first : others ? &others[n - 1] : NULL;
}

static struct session *session_of(uint32_t id)
{
	for (unsigned i = 0; i < MAX_SESSIONS; i++) {
		struct session *s = session_at(i);

		if (s && s->pid && s->id == id)
			return s;
	}
	return NULL;
}

/* One where nothing runs.  The host counts them, too: it asks for no more than there are. */
static struct session *unused_session(void)
{
	const size_t size = (MAX_SESSIONS - 1) * sizeof(*others);

	if (first.pid && !others) {
		others = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (others == MAP_FAILED)
			host_give_up("a session: %s", strerror(errno));
	}
	for (unsigned i = 0; i < MAX_SESSIONS; i++) {
		struct session *s = session_at(i);

		if (!s->pid) {
			s->streams.tag = i * N_STREAMS;
			return s;
		}
	}
	host_give_up("more than %d commands at once", MAX_SESSIONS);
}

/* --- the command -------------------------------------------------------------------- */

/* The command has them now, or never will. */
static void close_theirs(struct command *c)
{
	for (int i = 0; i < (c->tty ? 1 : N_STREAMS); i++)
		if (c->fd[i] >= 0)
			close(c->fd[i]);
}

static pid_t start(struct session *s, const struct msg *m, struct msg_spawn_failed *why)
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
	rc = streams_open(&s->streams, &c, &m->exec, s->id);
	*why = (struct msg_spawn_failed){ c.tty ? SPAWN_TTY : SPAWN_STREAMS, -rc };
	if (rc == 0) {
		command_strings(&c, m);
		pid = command_start(&c, why);
	}
	close_theirs(&c);
	if (pid)
		streams_begin(&s->streams);
	else
		streams_abandon(&s->streams);
	return pid;
}

static void tell_started(const struct session *s, struct msg *m)
{
	m->started = (struct msg_started){ .pid = (uint32_t)s->pid, .boot_ns = now_ns(),
					   .generation = identity_generation() };
	host_send(m, MSG_STARTED, s->id, sizeof(m->started));
}

static int listen_to(int fd, uint32_t tag, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u32 = tag };

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* What the host has asked for it has, or nothing runs. */
static void limit_pids(uint32_t most)
{
	int fd = group_limit_pids(most);
	int rc = fd < 0 ? fd : listen_to(fd, TAG_PIDS, EPOLLPRI);

	if (rc < 0 && rc != -EEXIST)
		host_give_up("a limit of processes: %s", strerror(-rc));
	pids_limited = true;
}

static uint64_t oom_kills_known;	/* when somebody last asked */

static void exec_request(struct msg *m)
{
	struct session *s = unused_session();
	struct msg_spawn_failed why;

	if (session_of(m->head.id))
		host_give_up("a second command %u", m->head.id);
	s->id = m->head.id;
	s->flags = m->exec.flags;
	s->exited = false;
	s->oom_kills = oom_kills_known;
	if (m->exec.max_pids)
		limit_pids(m->exec.max_pids);
	s->pid = start(s, m, &why);
	if (s->pid == 0) {
		m->spawn_failed = why;
		host_send(m, MSG_SPAWN_FAILED, s->id, sizeof(m->spawn_failed));
		return;
	}
	tell_started(s, m);
}

/* In a clone of a machine whose command was running: the connections were the other machine's,
 * and the kernel has reset them.  The host is asked for its own, with all it knows better.  It
 * saves no machine that has more than one command, and that is the first. */
static void find_host(void)
{
	int rc = host_hello(first.pid ? first.id : 0);

	if (rc == 0)
		rc = welcome();
	if (rc == 0)
		rc = listen_to(host_fd(), TAG_CONTROL, EPOLLIN);
	if (rc < 0)
		host_give_up("reaching the host again: %s", strerror(-rc));
}

static void attach_request(struct msg *m)
{
	struct session *s = session_of(m->head.id);
	int rc;

	if (!s)
		host_give_up("there is no command %u to attach to", m->head.id);
	rc = streams_reconnect(&s->streams);
	if (rc < 0)
		host_give_up("streams: %s", strerror(-rc));
	streams_resize(&s->streams, m->attach.rows, m->attach.cols);
	tell_started(s, m);
}

static uint64_t microseconds(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_usec;
}

/* Out of memory, the kernel kills the cgroup of all commands, so the end of one says enough to
 * know when to ask. */
static bool ran_out_of_memory(const struct session *s, int status)
{
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return false;
	oom_kills_known = group_oom_kills();
	return oom_kills_known != s->oom_kills;
}

static void command_ended(struct session *s, int status, const struct rusage *used)
{
	s->exited = true;
	s->end = (struct msg_exited){
		.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
		.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		.oom_kill = ran_out_of_memory(s, status),
		.limit = pids_limited && group_had_too_many() ? LIMIT_PIDS : LIMIT_NONE,
		.user_us = microseconds(used->ru_utime),
		.system_us = microseconds(used->ru_stime),
		.maxrss_kib = (uint64_t)used->ru_maxrss,
	};
	s->quiet_since = now_ns();
	s->output_at_exit = streams_output(&s->streams);
	stream_end(&s->streams, STREAM_STDIN);
}

static void reap_one(pid_t pid, int status, const struct rusage *used)
{
	for (unsigned i = 0; i < MAX_SESSIONS; i++) {
		struct session *s = session_at(i);

		if (s && s->pid == pid && !s->exited)
			command_ended(s, status, used);
	}
}

static void reap(void)
{
	struct signalfd_siginfo unused;
	struct rusage used;
	int status;
	pid_t pid;

	io_read_some(deaths, &unused, sizeof(unused));
	while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0)
		reap_one(pid, status, &used);
}

static void tell_exited(struct session *s, struct msg *m, bool drained)
{
	const struct flow *flow = s->streams.flow;

	if (s->flags & EXEC_SYNC)
		sync();
	m->exited = s->end;
	m->exited.drained = drained;
	m->exited.output[0] = flow[STREAM_STDOUT].sent;
	m->exited.output[1] = flow[STREAM_STDERR].sent;
	host_send(m, MSG_EXITED, s->id, sizeof(m->exited));
	outputs_send(s->id);
	for (unsigned i = 0; i < N_STREAMS; i++)	/* most hosts do not wait for this */
		stream_end(&s->streams, i);
	s->pid = 0;
}

/* --- the loop ----------------------------------------------------------------------- */

static void control_ready(struct msg *m)
{
	struct session *s;

	host_recv(m);
	s = session_of(m->head.id);
	switch (m->head.type) {
	case MSG_EXEC:
		exec_request(m);
		break;
	case MSG_ATTACH:
		attach_request(m);
		break;
	case MSG_SIGNAL:
		if (s && !s->exited)
			kill(-s->pid, (int)m->signal.signo);
		break;
	case MSG_RESIZE:
		if (s)
			streams_resize(&s->streams, m->resize.rows, m->resize.cols);
		break;
	default:
		host_give_up("message %u out of order", m->head.type);
	}
}

static uint64_t left(uint64_t deadline)
{
	uint64_t now = now_ns();

	return now < deadline ? deadline - now : 0;
}

/* How long the outputs of a command that has ended may stay silent from now on: UINT64_MAX, if
 * it has not ended.  Output that the host has not taken yet is not silence. */
static uint64_t silence(const struct session *s)
{
	if (!s->pid || !s->exited || streams_wait_for_host(&s->streams))
		return UINT64_MAX;
	return left(s->quiet_since + DRAIN_NS);
}

/* How long nothing need be done about a session, if nothing happens. */
static uint64_t patience_with(const struct session *s)
{
	uint64_t tell_at = streams_tell_at(&s->streams), tell, silent = silence(s);

	if (tell_at == UINT64_MAX)
		return silent;
	tell = left(tell_at);
	return tell < silent ? tell : silent;
}

/* How long to wait for events, in ms: for ever, unless only the silence of outputs is missing, or
 * the end of a command whose outputs have ended. */
static int patience(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < MAX_SESSIONS; i++) {
		const struct session *s = session_at(i);
		uint64_t ns = s ? patience_with(s) : UINT64_MAX;

		if (ns < least)
			least = ns;
	}
	return least == UINT64_MAX ? -1 : (int)((least + 999999) / 1000000);
}

static void look_for_the_end(struct session *s, struct msg *m)
{
	struct streams *st = &s->streams;
	uint64_t tell_at = streams_tell_at(st);

	if (s->pid && !s->exited && tell_at != UINT64_MAX && left(tell_at) == 0)
		streams_tell_ends(st);
	if (!s->pid || !s->exited)
		return;
	if (!stream_is_open(st, STREAM_STDOUT) && !stream_is_open(st, STREAM_STDERR))
		tell_exited(s, m, true);
	else if (silence(s) == 0 || streams_output(st) - s->output_at_exit > DRAIN_BYTES)
		tell_exited(s, m, false);
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
	rc = listen_to(deaths, TAG_DEATHS, EPOLLIN);
	return rc < 0 ? rc : streams_init(epfd);
}

/* Once: what is killed forks no more. */
static void too_many_pids(void)
{
	if (!group_had_too_many())	/* and by that, the event is read */
		return;
	group_kill();
}

static void stream_event(struct session *s, unsigned i)
{
	if (stream_is_open(&s->streams, i) &&	/* and not closed by an event before this one */
	    stream_ready(&s->streams, i) && s->exited)
		s->quiet_since = now_ns();
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
	else if (tag == TAG_PIDS)
		too_many_pids();
	else
		stream_event(session_at(tag / N_STREAMS), tag % N_STREAMS);
}

void serve(void)
{
	static struct msg m;
	struct epoll_event ev[N_TAGS];
	int rc = listen_to(host_fd(), TAG_CONTROL, EPOLLIN);

	if (rc < 0)
		host_give_up("epoll: %s", strerror(-rc));
	for (;;) {
		int n = epoll_wait(epfd, ev, N_TAGS, patience());

		if (n < 0 && errno != EINTR)
			host_give_up("epoll: %s", strerror(errno));
		for (int i = 0; i < n; i++)
			dispatch(&m, &ev[i]);
		for (unsigned i = 0; i < MAX_SESSIONS; i++)
			if (session_at(i))
				look_for_the_end(session_at(i), &m);
	}
}
