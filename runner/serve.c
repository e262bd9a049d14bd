/* serve.c - `sandbox serve`: a function host.
 *
 *	client -> sandbox-http -> serve -> sandbox run -> machine
 *
 * sandbox-http reads what strangers send and has no rights; this process decides what runs
 * when; a run of its own does it.  What goes between them is descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/calls.h"
#include "runner/cmd.h"
#include "runner/listen.h"
#include "runner/opts.h"
#include "runner/paths.h"
#include "runner/say.h"
#include "runner/signals.h"

#define RESPAWN_NS 1000000000ull	/* between two HTTP processes, should one end */

static struct serve {
	const char *path;		/* of the config file */
	struct loop loop;
	struct loop_io signals, http;
	struct calls calls;
	char listen[256], program[PATH_MAX];
	int listener;
	pid_t http_pid;
	uint64_t respawn_at;		/* ns: when the HTTP process ended; 0: it is there */
	bool draining;
} serve;

/* --- the HTTP process ------------------------------------------------------------------------------ */

static void lose_http(struct serve *s)
{
	if (s->http.fd < 0)
		return;
	loop_del(&s->loop, &s->http);
	close(s->http.fd);
	s->http.fd = -1;
	calls_cancel_all(&s->calls);	/* their numbers mean nothing to the next one */
	if (s->draining)
		return;
	say("serve: the HTTP process has ended; another one is started");
	s->respawn_at = now_ns() + RESPAWN_NS;
}

static void answer(void *ctx, const struct http_msg *m)
{
	struct serve *s = ctx;

	if (s->http.fd < 0 || io_send_fd(s->http.fd, m, sizeof(*m), -1) == 0)
		return;
	kill(s->http_pid, SIGKILL);	/* it does not take what it asked for */
}

static void answer_metrics(struct serve *s, const struct http_msg *ask, int fd)
{
	struct http_msg m = { .op = HTTP_ANSWER, .id = ask->id, .status = 200, .code = -1 };

	if (metrics_write(fd, s->calls.config) < 0)
		m.status = 503;
	close(fd);
	answer(s, &m);
}

/* True if it is well-formed; the descriptors are taken then. */
static bool serve_request(struct serve *s, struct http_msg *m, const int fd[2])
{
	switch (m->op) {
	case HTTP_CALL:
		if (fd[1] < 0 || memchr(m->name, '\0', sizeof(m->name)) == NULL)
			return false;
		calls_begin(&s->calls, m, fd[0], fd[1]);
		return true;
	case HTTP_METRICS:
		if (fd[0] < 0 || fd[1] >= 0)
			return false;
		answer_metrics(s, m, fd[0]);
		return true;
	case HTTP_CANCEL:
		if (fd[0] >= 0)
			return false;
		calls_cancel(&s->calls, m->id);
		return true;
	default:
		return false;
	}
}

static void http_ready(struct loop_io *io, uint32_t events)
{
	struct serve *s = owner_of(io, struct serve, http);
	struct http_msg m;
	int fd[2];
	ssize_t got = io_recv_fds(io->fd, &m, sizeof(m), fd, 2);

	(void)events;
	if (got == -EAGAIN)
		return;
	if (got == sizeof(m) && serve_request(s, &m, fd))
		return;
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	if (got > 0 || got == -EPROTO) {
		say("serve: the HTTP process sent a malformed packet");
		kill(s->http_pid, SIGKILL);
	}
	lose_http(s);
}

static int spawn_http(struct serve *s, int theirs)
{
	char max_body[32], name[] = "sandbox-http", option[] = "--max-body";
	char *const argv[] = { name, option, max_body, NULL };
	static char *const no_environment[] = { NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	snprintf(max_body, sizeof(max_body), "%llu",
		 (unsigned long long)s->calls.config->host.max_body);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, theirs, HTTP_FD_SERVE);
	posix_spawn_file_actions_adddup2(&fa, s->listener, HTTP_FD_LISTEN);
	rc = posix_spawn(&s->http_pid, s->program, &fa, &attr, argv, no_environment);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	return -rc;
}

/* A number beyond those that the HTTP process has: no dup2() there can hit it. */
static int clear_of_its_place(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, HTTP_FD_LISTEN + 1);

	close(fd);
	return high;
}

static int start_http(struct serve *s, struct err *err)
{
	autoclose int theirs = -1;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_sys(err, "no socket pair");
	theirs = clear_of_its_place(pair[1]);
	s->http = (struct loop_io){ .fd = pair[0], .ready = http_ready };
	s->respawn_at = 0;
	rc = spawn_http(s, theirs);
	if (rc == 0)
		rc = loop_add(&s->loop, &s->http, EPOLLIN);
	return rc < 0 ? err_set(err, -rc, "cannot start %s: %s", s->program, strerror(-rc)) : 0;
}

/* --- the functions ---------------------------------------------------------------------------------- */

static int open_functions(struct serve *s, struct config *c, struct err *err)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct function *f = c->function[i];

		if (ready_open(&f->ready, &f->spec, &s->loop, err) < 0)
			return err_in(err, "[function %s]", f->name);
	}
	return 0;
}

static void keep_counts(struct config *to, const struct config *from)
{
	for (unsigned i = 0; i < to->n; i++) {
		struct function *was = config_find(from, to->function[i]->name);

		if (was)
			to->function[i]->metrics = was->metrics;
	}
}

/* One that is wrong changes nothing. */
static void reload(struct serve *s)
{
	struct config *old = s->calls.config, *c;
	struct err err;

	c = config_read(s->path, &err);
	if (c && (open_functions(s, c, &err) < 0)) {
		config_free(c);
		c = NULL;
	}
	if (!c) {
		say("serve: not reloaded: %s", err.msg);
		return;
	}
	if (strcmp(c->host.listen, s->listen) || c->host.max_body != old->host.max_body)
		say("serve: listen and max-body change with the next start only");
	keep_counts(c, old);
	s->calls.config = c;
	for (unsigned i = 0; i < old->n; i++) {
		old->function[i]->ready.want = 0;
		ready_trim(&old->function[i]->ready);
	}
	if (old->calls == 0)
		config_free(old);
	say("serve: reloaded, %u function%s", c->n, c->n > 1 ? "s" : "");
}

/* --- signals ---------------------------------------------------------------------------------------- */

/* What was asked for is answered, nothing new is taken; asked twice, it ends at once. */
static void drain(struct serve *s)
{
	const struct http_msg m = { .op = HTTP_DRAIN };

	if (s->draining || s->http.fd < 0) {
		s->loop.stop = true;
		return;
	}
	s->draining = true;
	say("serve: %u call%s to answer, then it ends", s->calls.n, s->calls.n == 1 ? "" : "s");
	answer(s, &m);
}

static void signals_ready(struct loop_io *io, uint32_t events)
{
	struct serve *s = owner_of(io, struct serve, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (io_read_some(io->fd, &info, sizeof(info)) != sizeof(info))
		return;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;			/* keepers, runs; their sockets tell how it went */
	if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
		drain(s);
	else if (info.ssi_signo == SIGHUP)
		reload(s);
}

/* --- the loop --------------------------------------------------------------------------------------- */

static int patience(const struct serve *s)
{
	uint64_t due = s->draining ? UINT64_MAX : calls_due(&s->calls), now = now_ns();

	if (s->respawn_at) {
		uint64_t wait = s->respawn_at > now ? s->respawn_at - now : 0;

		due = wait < due ? wait : due;
	}
	return due == UINT64_MAX ? -1 : (int)((due + 999999) / 1000000);
}

static int run(struct serve *s, struct err *err)
{
	bool more = false;

	while (!s->loop.stop && !(s->draining && s->http.fd < 0)) {
		loop_once(&s->loop, more ? 0 : patience(s));
		more = !s->draining && calls_adjust(&s->calls);
		if (s->respawn_at && now_ns() >= s->respawn_at && start_http(s, err) < 0)
			return -err->code;
	}
	return 0;
}

static int open_all(struct serve *s, struct err *err)
{
	struct rlimit files;
	struct paths paths;
	int rc = loop_init(&s->loop);

	if (rc < 0)
		return err_set(err, -rc, "no epoll set");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;	/* four a machine, five a call */
		setrlimit(RLIMIT_NOFILE, &files);
	}
	s->calls = (struct calls){ .loop = &s->loop, .answer = answer, .ctx = s,
				   .config = config_read(s->path, err) };
	if (!s->calls.config)
		return -err->code;
	snprintf(s->listen, sizeof(s->listen), "%s", s->calls.config->host.listen);
	rc = paths_find(&paths, 1, err);
	if (rc < 0)
		return rc;
	strcpy(s->program, paths.http);
	s->listener = listen_at(s->listen, err);
	if (s->listener < 0)
		return s->listener;
	s->listener = clear_of_its_place(s->listener);
	return open_functions(s, s->calls.config, err);
}

static int start(struct serve *s, struct err *err)
{
	s->signals = (struct loop_io){ .fd = signals_open(err), .ready = signals_ready };
	if (s->signals.fd < 0)
		return s->signals.fd;
	if (loop_add(&s->loop, &s->signals, EPOLLIN) < 0)
		return err_set(err, ENOMEM, "no epoll set");
	return start_http(s, err);
}

/* Whatever is left ends with its sockets; keepers and runs are waited for, as they clean up. */
static void close_all(struct serve *s)
{
	calls_cancel_all(&s->calls);
	for (unsigned i = 0; i < s->calls.config->n; i++)
		if (s->calls.config->function[i]->ready.loop)
			ready_close(&s->calls.config->function[i]->ready);
	if (s->http.fd >= 0)
		close(s->http.fd);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static int serve_config(struct serve *s, struct err *err)
{
	int rc;

	s->http.fd = s->listener = -1;
	rc = open_all(s, err);
	if (rc == 0)
		rc = start(s, err);
	if (rc == 0) {
		say("serve: %u function%s at %s", s->calls.config->n,
		    s->calls.config->n > 1 ? "s" : "", s->listen);
		rc = run(s, err);
	}
	if (s->calls.config)
		close_all(s);
	if (s->listener >= 0)
		listen_remove(s->listen);
	return rc;
}

int cmd_serve(int argc, char **argv)
{
	struct err err;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		help_serve();
		return 0;
	}
	if (argc != 3 || strcmp(argv[1], "--config")) {
		say("serve: give its file: sandbox serve --config FILE; what can stand in it: "
		    "sandbox serve --help");
		return EXIT_SANDBOX;
	}
	serve.path = argv[2];
	if (serve_config(&serve, &err) == 0)
		return 0;
	say("%s", err.msg);
	return EXIT_SANDBOX;
}
