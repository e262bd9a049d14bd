/* usernet.c - the network of a run without rights. */
#include "runner/usernet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/card.h"
#include "runner/say.h"

#define START_MS 10000		/* for passt to answer; it takes 30 ms */
#define END_MS 2000		/* for processes to end of which the streams have ended */

#define PASST_FD "3"		/* which is NET_FD_RUNNER to the others */

void usernet_init(struct usernet *u)
{
	memset(u->fd, -1, sizeof(u->fd));
	u->errors = u->names_end = -1;
	u->watch.fd = -1;
	u->passt = u->net = u->names = 0;
}

/* --- descriptors --------------------------------------------------------------------------- */

/* Above the numbers that a child has it as: no dup2() there can hit it. */
static int keep(int fd, int *out, struct err *err)
{
	*out = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, NET_FD_END);
	if (*out < 0)
		err_sys(err, "net: cannot keep a descriptor");
	if (fd >= 0)
		close(fd);
	return *out < 0 ? -err->code : 0;
}

static int pair(int type, int *one, int *other, struct err *err)
{
	int p[2], rc;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, p) < 0)
		return err_sys(err, "net: no socket pair");
	rc = keep(p[0], one, err);
	return keep(p[1], other, err) < 0 ? -err->code : rc;
}

static int open_file(const char *option, const char *path, int *out, struct err *err)
{
	int fd;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	return fd < 0 ? err_sys(err, "%s: cannot write %s", option, path) : keep(fd, out, err);
}

/* --- processes ----------------------------------------------------------------------------- */

struct child {
	const char *program;
	const char *const *argv;
	const int *fd;			/* fd[i] becomes 3 + i; -1: absent */
	unsigned n_fds;
	int errors;			/* becomes stderr, or -1 */
};

/* In a process group of its own: a ^C at the terminal is ours to pass on. */
static int start(const struct child *c, pid_t *pid)
{
	static char *const no_environment[] = { NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&fa);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_addopen(&fa, i, "/dev/null", O_RDWR, 0);
	if (c->errors >= 0)
		posix_spawn_file_actions_adddup2(&fa, c->errors, STDERR_FILENO);
	for (unsigned i = 0; i < c->n_fds; i++)
		if (c->fd[i] >= 0)
			posix_spawn_file_actions_adddup2(&fa, c->fd[i], 3 + (int)i);
	rc = posix_spawnp(pid, c->program, &fa, &attr, (char *const *)(uintptr_t)c->argv,
			  no_environment);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	if (rc)
		*pid = 0;
	return -rc;
}

/* --- passt --------------------------------------------------------------------------------- */

/* Asked before passt is, which says it in other words. */
static int check_port(const struct allow_publish *p, struct err *err)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(p->host),
				 .sin_addr.s_addr = htonl(p->at) };
	autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[INET_ADDRSTRLEN];
	int on = 1;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0)
		return 0;
	return err_sys(err, "publish: %s:%u", inet_ntop(AF_INET, &a.sin_addr, text, sizeof(text)),
		       p->host);
}

#define MAX_ARGS_PASST (32 + 2 * MAX_PUBLISH)

static const char **passt_words(const struct allow *a)
{
	static const char *const always[] = {
		"passt", "-f", "-4", "-F", PASST_FD, "-M", "02:53:42:58:00:01", "--no-dhcp", "-D", "none",
		"-S", "none", "-u", "none",
	};
	static const char *words[MAX_ARGS_PASST];
	static char guest[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN], ports[MAX_PUBLISH][40];
	struct in_addr g = { htonl(a->setup.guest) }, gw = { htonl(a->setup.gateway) };
	unsigned n = sizeof(always) / sizeof(always[0]);

	memcpy(words, always, sizeof(always));
	words[n++] = "-a";
	words[n++] = inet_ntop(AF_INET, &g, guest, sizeof(guest));
	words[n++] = "-g";
	words[n++] = inet_ntop(AF_INET, &gw, gateway, sizeof(gateway));
	if (!a->loopback)
		words[n++] = "--no-map-gw";
	for (unsigned i = 0; i < a->n_published; i++) {
		const struct allow_publish *p = &a->publish[i];
		struct in_addr at = { htonl(p->at) };
		char text[INET_ADDRSTRLEN];

		snprintf(ports[i], sizeof(ports[i]), "%s/%u:%u", inet_ntop(AF_INET, &at, text, sizeof(text)),
			 p->host, p->guest);
		words[n++] = "-t";
		words[n++] = ports[i];
	}
	if (!a->n_published) {
		words[n++] = "-t";
		words[n++] = "none";
	}
	words[n] = NULL;
	return words;
}

/* Whose reader falls behind: passt must not wait for us, so what does not fit is lost. */
static int start_passt(struct usernet *u, int theirs, struct err *err)
{
	struct child c = { .program = "passt", .argv = passt_words(&u->allow), .fd = &theirs,
			   .n_fds = 1 };
	autoclose int errors = -1;
	int p[2], rc;

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(err, "net: no pipe");
	rc = keep(p[0], &u->errors, err);
	if (keep(p[1], &errors, err) < 0 || rc < 0)
		return -err->code;
	c.errors = errors;
	rc = start(&c, &u->passt);
	if (rc == -ENOENT)
		return err_set(err, ENOENT, "net: passt is not installed; install the package passt");
	return rc < 0 ? err_set(err, -rc, "net: cannot start passt: %s", strerror(-rc)) : 0;
}

/* Who has the gateway's address?  Its answer says that it serves. */
static int ask_passt(struct usernet *u, struct err *err)
{
	const struct net_setup *s = &u->allow.setup;
	uint8_t ask[4 + 42] = { 0, 0, 0, 42, 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6,
				0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1 };
	uint32_t guest = htonl(s->guest), gateway = htonl(s->gateway);
	int rc;

	memcpy(ask + 32, &guest, 4);
	memcpy(ask + 42, &gateway, 4);
	rc = io_write(u->fd[NET_FD_PASST], ask, sizeof(ask));
	return rc < 0 && rc != -EPIPE ? err_set(err, -rc, "net: passt: %s", strerror(-rc)) : 0;
}

int usernet_start(struct usernet *u, const struct spec *spec, int *card, struct err *err)
{
	struct msg_card c;
	autoclose int theirs = -1;
	int rc = card_parse(&c, spec, err);

	if (rc == 0)
		rc = allow_parse(&u->allow, spec, err);
	if (rc == 0)
		rc = allow_host(&u->allow, &c, err);
	for (unsigned i = 0; rc == 0 && i < u->allow.n_published; i++)
		rc = check_port(&u->allow.publish[i], err);
	if (rc == 0)
		rc = pair(SOCK_STREAM, &u->fd[NET_FD_PASST], &theirs, err);
	if (rc == 0)
		rc = start_passt(u, theirs, err);
	if (rc == 0)
		rc = ask_passt(u, err);
	if (rc == 0)
		rc = open_file("net-log", spec->net_log, &u->fd[NET_FD_LOG], err);
	if (rc == 0)
		rc = open_file("pcap", spec->pcap, &u->fd[NET_FD_PCAP], err);
	if (rc == 0)
		rc = pair(SOCK_STREAM | SOCK_NONBLOCK, card, &u->fd[NET_FD_GUEST], err);
	return rc;
}

/* The last line that says why; what it could not tell syslog is no reason. */
static int passt_failed(struct usernet *u, struct err *err)
{
	char text[4096] = { 0 }, *why = NULL, *save;
	ssize_t got = io_read_some(u->errors, text, sizeof(text) - 1);

	for (char *l = got > 0 ? strtok_r(text, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save))
		if (strncmp(l, "Failed to send", 14) && *l != ' ')
			why = l;
	if (why)
		say_clean(why, strlen(why) + 1);
	return err_set(err, ENETUNREACH, "net: passt does not serve: %.150s",
		       why ? why : "it ended without a word");
}

/* --- the others ---------------------------------------------------------------------------- */

static int start_names(struct usernet *u, const struct paths *p, struct err *err)
{
	static const char *const argv[] = { "sandbox-names", NULL };
	const struct child c = { p->names, argv, &u->names_end, 1, -1 };
	int rc = pair(SOCK_SEQPACKET, &u->fd[NET_FD_NAMES], &u->names_end, err);

	if (rc < 0)
		return rc;
	rc = start(&c, &u->names);
	close(u->names_end);
	u->names_end = -1;
	return rc < 0 ? err_set(err, -rc, "cannot start %s: %s", p->names, strerror(-rc)) : 0;
}

static int start_net(struct usernet *u, const struct paths *p, struct err *err)
{
	static const char *const argv[] = { "sandbox-net", NULL };
	const struct child c = { p->net, argv, u->fd + NET_FD_RUNNER, NET_FD_END - NET_FD_RUNNER, -1 };
	int rc = pair(SOCK_SEQPACKET, &u->watch.fd, &u->fd[NET_FD_RUNNER], err);

	if (rc == 0 && send(u->watch.fd, &u->allow.setup, sizeof(u->allow.setup), MSG_NOSIGNAL) < 0)
		rc = err_sys(err, "net: the setup");
	if (rc < 0)
		return rc;
	rc = start(&c, &u->net);
	for (unsigned i = NET_FD_RUNNER; i < NET_FD_END; i++) {
		if (u->fd[i] >= 0)
			close(u->fd[i]);
		u->fd[i] = -1;
	}
	return rc < 0 ? err_set(err, -rc, "cannot start %s: %s", p->net, strerror(-rc)) : 0;
}

int usernet_ready(struct usernet *u, const struct paths *p, struct err *err)
{
	struct pollfd passt = { .fd = u->fd[NET_FD_PASST], .events = POLLIN };
	uint8_t answer[4 + 42];
	int rc = poll(&passt, 1, START_MS);

	if (rc > 0)
		rc = io_read(passt.fd, answer, sizeof(answer));
	if (rc < 0 || !passt.revents)
		return passt_failed(u, err);
	rc = start_names(u, p, err);
	return rc < 0 ? rc : start_net(u, p, err);
}

/* --- its end ------------------------------------------------------------------------------- */

static void lost(struct facts *f, int error, const char *option)
{
	struct err err;

	if (!error)
		return;
	err_set(&err, error, "%s: cannot write it: %s", option, strerror(error));
	facts_error(f, &err);
}

static void heard(struct usernet *u, const struct net_report *r)
{
	struct facts *f = u->facts;

	f->net = r->totals;
	f->has_net = true;
	if (r->err.code)
		facts_error(f, &r->err);
	lost(f, r->totals.log_error, "net-log");
	lost(f, r->totals.pcap_error, "pcap");
}

static void report_ready(struct watch *w, short events)
{
	struct usernet *u = owner_of(w, struct usernet, watch);
	struct net_report r;
	struct err err;

	(void)events;
	if (recv(w->fd, &r, sizeof(r), MSG_DONTWAIT) == sizeof(r)) {
		r.err.msg[sizeof(r.err.msg) - 1] = '\0';
		say_clean(r.err.msg, sizeof(r.err.msg));
		heard(u, &r);
	} else {
		err_set(&err, ECONNRESET, "net: sandbox-net has ended without a word");
		facts_error(u->facts, &err);
	}
	watch_close(w);
}

void usernet_watch(struct usernet *u, struct facts *facts, struct watch_set *set)
{
	u->facts = facts;
	u->watch.want = POLLIN;
	u->watch.ready = report_ready;
	watch_add(set, &u->watch);
}

/* Its streams have ended, so it ends; or it is ended. */
static void reap(pid_t pid, uint64_t deadline)
{
	static const struct timespec moment = { 0, 2000000 };

	while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0) {
		if (now_ns() >= deadline)
			kill(pid, SIGKILL);
		nanosleep(&moment, NULL);
	}
}

void usernet_finish(struct usernet *u)
{
	struct pollfd p = { .fd = u->watch.fd, .events = POLLIN };
	uint64_t deadline = now_ns() + END_MS * 1000000ull;

	if (u->facts && p.fd >= 0 && poll(&p, 1, END_MS) > 0)
		report_ready(&u->watch, p.revents);
	watch_close(&u->watch);
	for (unsigned i = 0; i < NET_FD_END; i++)
		if (u->fd[i] >= 0)
			close(u->fd[i]);
	reap(u->net, deadline);
	reap(u->passt, deadline);
	reap(u->names, deadline);
	usernet_init(u);
}
