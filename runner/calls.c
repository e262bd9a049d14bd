/* calls.c - calls of functions: which runs, which waits, how it went. */
#include "runner/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/cmd.h"
#include "runner/outcome.h"
#include "runner/say.h"

#define SECOND 1000000000ull
#define WINDOW (10 * SECOND)	/* machines are kept ready for as many calls as came lately */
#define MACHINE_FD 3		/* as which the run has its end of the socket */

struct call {
	struct loop_io io;		/* the run's other end: an outcome, a machine, the end */
	struct call *next;		/* of all */
	struct call *behind;		/* in the queue */
	struct calls *calls;
	struct config *config;
	struct function *function;
	uint32_t id;
	bool cancelled;
	int body, output, errors;
	uint64_t t_came, t_began;
};

/* --- answers ------------------------------------------------------------------------------------ */

/* What an HTTP client is told by the status alone. */
static unsigned status_of(const struct handback *b)
{
	static const struct {
		const char *reason;
		unsigned status;
	} table[] = {
		{ "exit", 500 }, { "signal", 500 }, { "oom", 500 }, { "output-limit", 500 },
		{ "cpu-limit", 500 }, { "pids-limit", 500 },
		{ "spawn-failed", 500 }, { "timeout", 504 }, { "error", 503 },
	};

	if (!strcmp(b->reason, "exit") && b->code == 0)
		return 200;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(b->reason, table[i].reason))
			return table[i].status;
	return 502;			/* the machine is at fault, or the guest that took it over */
}

static void set_message(struct http_msg *m, const struct handback *b, const struct function *f)
{
	if (!strcmp(b->reason, "timeout"))
		snprintf(m->message, sizeof(m->message), "%s: not done after %.3f s", f->name,
			 (double)f->spec.timeout / 1e9);
	else if (b->message[0])
		snprintf(m->message, sizeof(m->message), "%.*s", (int)sizeof(m->message) - 1,
			 b->message);
	else if (b->code)
		snprintf(m->message, sizeof(m->message), "%s: ended with code %d (%s)", f->name,
			 b->code, b->reason);
}

/* The last line of its stderr, cleaned, for our own log. */
static void last_line(int fd, char *text, size_t n)
{
	off_t end = lseek(fd, 0, SEEK_END), from = end > (off_t)n - 1 ? end - (off_t)n + 1 : 0;
	ssize_t got = end > 0 ? pread(fd, text, (size_t)(end - from), from) : 0;
	char *line;

	text[got > 0 ? got : 0] = '\0';
	while (got > 0 && text[got - 1] == '\n')
		text[--got] = '\0';
	line = strrchr(text, '\n');
	if (line)
		memmove(text, line + 1, strlen(line));
	say_clean(text, n);
}

/* One a second and function: nobody fills our log by calling. */
static void log_failure(struct call *c, const struct handback *b)
{
	char line[200];

	if (now_ns() < c->function->next_line_at)
		return;
	c->function->next_line_at = now_ns() + SECOND;
	last_line(c->errors, line, sizeof(line));
	say("%s: %s, code %d%s%s", c->function->name, b->reason, b->code, line[0] ? ": " : "", line);
}

static void answer(struct call *c, const struct handback *b)
{
	struct http_msg m = { .op = HTTP_ANSWER, .id = c->id, .status = status_of(b),
			      .code = b->code, .start_us = b->start_us, .command_us = b->command_us,
			      .memory_kib = b->memory_kib };

	m.queue_us = ((c->t_began ? c->t_began : now_ns()) - c->t_came) / 1000;
	m.total_us = (now_ns() - c->t_came) / 1000;
	memcpy(m.reason, b->reason, sizeof(m.reason));
	set_message(&m, b, c->function);
	metrics_count(&c->function->metrics, m.status, m.total_us);
	c->calls->answer(c->calls->ctx, &m);
}

/* --- the end of a call --------------------------------------------------------------------------- */

static void free_call(struct call *c)
{
	struct calls *all = c->calls;
	struct call **at = &all->all;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	all->n--;
	if (--c->config->calls == 0 && c->config != all->config)
		config_free(c->config);		/* the last call of a config that was replaced */
	loop_del(all->loop, &c->io);
	if (c->io.fd >= 0)
		close(c->io.fd);
	if (c->errors >= 0)
		close(c->errors);
	close(c->body);
	close(c->output);
	free(c);
}

static void start_next(struct function *f);

/* A call that ran is over; *m is its machine, if that has come back. */
static void over(struct call *c, struct handback *b, const struct machine *m)
{
	struct function *f = c->function;

	/* a file of that size is the limit that start() has set */
	if (!strcmp(b->reason, "error") && strstr(b->message, strerror(EFBIG)))
		strcpy(b->reason, "output-limit");
	if (!c->cancelled) {
		if (status_of(b) != 200)
			log_failure(c, b);
		answer(c, b);
	}
	f->metrics.reused += b->next.commands > 1;
	if (b->given_back && (c->config != c->calls->config ||
			      ready_take_back(&f->ready, m, &b->next) < 0)) {
		struct machine unwanted = *m;

		machine_close(&unwanted);
	}
	f->running--;
	start_next(f);
	free_call(c);
}

static void run_ready(struct loop_io *io, uint32_t events)
{
	struct call *c = owner_of(io, struct call, io);
	struct handback b = { .reason = "error", .code = EXIT_SANDBOX };
	struct machine m;
	int rc = machine_recv_back(io->fd, &m, &b);

	(void)events;
	if (rc == -EAGAIN)
		return;
	if (rc < 0) {			/* it was killed, or could not say */
		b = (struct handback){ .reason = "error", .code = EXIT_SANDBOX };
		snprintf(b.message, sizeof(b.message), "%s: the run ended without a word",
			 c->function->name);
	}
	b.reason[sizeof(b.reason) - 1] = b.message[sizeof(b.message) - 1] = '\0';
	over(c, &b, &m);
}

/* --- running -------------------------------------------------------------------------------------- */

#define MAX_WORDS 64

struct numbers {
	char timeout[40], output[40], pids[40];
};

/* `sandbox run` with what the function says of its command. */
static const char **run_words(const struct function *f, struct numbers *text)
{
	const struct spec *s = &f->spec;
	size_t most = MAX_WORDS + 2 * s->env.n + f->n_words, n = 0;
	const char **v = calloc(most, sizeof(*v));

	if (!v)
		return NULL;
	v[n++] = "sandbox";
	v[n++] = "run";
	v[n++] = "--machine-fd=3";
	v[n++] = "--no-tty";
	v[n++] = "--hostname";
	v[n++] = s->hostname;
	snprintf(text->timeout, sizeof(text->timeout), "--timeout=%llums",
		 (unsigned long long)((s->timeout + 999999) / 1000000));
	v[n++] = text->timeout;
	if (s->output_limit) {
		snprintf(text->output, sizeof(text->output), "--output-limit=%llu",
			 (unsigned long long)s->output_limit);
		v[n++] = text->output;
	}
	if (s->pids) {
		snprintf(text->pids, sizeof(text->pids), "--pids=%u", s->pids);
		v[n++] = text->pids;
	}
	if (s->workdir) {
		v[n++] = "--workdir";
		v[n++] = s->workdir;
	}
	if (s->user) {
		v[n++] = "--user";
		v[n++] = s->user;
	}
	for (unsigned i = 0; i < s->env.n; i++) {
		v[n++] = "--env";
		v[n++] = s->env.v[i];
	}
	v[n++] = "--";
	for (unsigned i = 0; i < f->n_words; i++)
		v[n++] = f->words[i];
	return v;
}

static int spawn(const struct call *c, int sock, pid_t *pid)
{
	extern char **environ;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	struct numbers text;
	const char **words = run_words(c->function, &text);
	sigset_t none, all;
	int rc;

	if (!words)
		return -ENOMEM;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, c->body, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, c->output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&fa, c->errors, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&fa, sock, MACHINE_FD);
	rc = -posix_spawn(pid, "/proc/self/exe", &fa, &attr, (char *const *)(uintptr_t)words,
			  environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	free(words);
	return rc;
}

/* Over the call's own socket, before anybody listens at its other end. */
static int hand_out(struct call *c, struct err *err)
{
	struct function *f = c->function;
	int rc = ready_hand_out(&f->ready, c->io.fd, f->spec.reuse);

	if (rc == -EAGAIN) {
		rc = ready_start(&f->ready, err);
		if (rc < 0)
			return rc;
		rc = ready_hand_out(&f->ready, c->io.fd, f->spec.reuse);
	}
	return rc < 0 ? err_set(err, -rc, "cannot hand out a machine: %s", strerror(-rc)) : 0;
}

static int start(struct call *c, struct err *err)
{
	const struct rlimit most = { c->calls->config->host.max_output,
				     c->calls->config->host.max_output };
	autoclose int theirs = -1;
	int pair[2], rc;
	pid_t pid;

	c->errors = memfd_create("errors", MFD_CLOEXEC);
	if (c->errors < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_sys(err, "%s", c->function->name);
	c->io.fd = pair[0];
	theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, MACHINE_FD + 1);	/* clear of what it becomes */
	fcntl(pair[1], F_SETFL, O_RDWR);	/* the run waits for its machine */
	close(pair[1]);
	rc = hand_out(c, err);
	if (rc < 0)
		return rc;
	rc = theirs < 0 ? -EMFILE : spawn(c, theirs, &pid);
	if (rc < 0)
		return err_set(err, -rc, "cannot start myself: %s", strerror(-rc));
	prlimit(pid, RLIMIT_FSIZE, &most, NULL);	/* long before there is output */
	rc = loop_add(c->calls->loop, &c->io, EPOLLIN);
	return rc < 0 ? err_set(err, -rc, "no epoll set") : 0;
}

static void run_call(struct call *c)
{
	struct handback b = { .reason = "error", .code = -1 };
	struct err err;

	c->t_began = now_ns();
	c->function->running++;
	if (start(c, &err) == 0)
		return;
	snprintf(b.message, sizeof(b.message), "%.*s", (int)sizeof(b.message) - 1, err.msg);
	over(c, &b, NULL);
}

/* --- the queue ------------------------------------------------------------------------------------- */

static void unqueue(struct function *f, struct call **at)
{
	struct call *c = *at;

	*at = c->behind;
	if (f->end == &c->behind)
		f->end = at;
	f->queued--;
}

static void start_next(struct function *f)
{
	while (f->first && f->running < f->spec.concurrency) {
		struct call *c = f->first;

		unqueue(f, &f->first);
		run_call(c);
	}
}

static void queue_call(struct call *c)
{
	struct function *f = c->function;

	*f->end = c;
	f->end = &c->behind;
	f->queued++;
}

static void note_demand(struct function *f)
{
	unsigned now = f->running + f->queued;

	if (now > f->peak)
		f->peak = now;
}

static void refuse(struct calls *all, uint32_t id, unsigned status, const char *why,
		   const char *name)
{
	struct http_msg m = { .op = HTTP_ANSWER, .id = id, .status = status, .code = -1 };

	snprintf(m.message, sizeof(m.message), "%s: %s", name, why);
	all->answer(all->ctx, &m);
}

static struct call *new_call(struct calls *all, struct function *f, uint32_t id)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->io = (struct loop_io){ .fd = -1, .ready = run_ready };
	c->calls = all;
	c->config = all->config;
	c->config->calls++;
	c->function = f;
	c->id = id;
	c->errors = -1;
	c->t_came = now_ns();
	c->next = all->all;
	all->all = c;
	all->n++;
	return c;
}

void calls_begin(struct calls *all, const struct http_msg *m, int body, int output)
{
	struct function *f = config_find(all->config, m->name);
	bool full = f && f->running >= f->spec.concurrency && f->queued >= f->spec.queue;
	struct call *c = f && !full ? new_call(all, f, m->id) : NULL;

	if (!c) {
		close(body);
		close(output);
		if (full)
			metrics_count(&f->metrics, 429, 0);
		refuse(all, m->id, !f ? 404 : full ? 429 : 503, !f ? "there is no such function" :
		       full ? "too many calls wait; try again" : "no memory", m->name);
		return;
	}
	c->body = body;
	c->output = output;
	queue_call(c);
	note_demand(f);
	start_next(f);
}

/* A run sees its socket end, and ends its machine. */
static void cancel(struct call *c)
{
	struct function *f = c->function;

	if (c->t_began) {
		c->cancelled = true;
		shutdown(c->io.fd, SHUT_WR);
		return;
	}
	for (struct call **at = &f->first; *at; at = &(*at)->behind)
		if (*at == c) {
			unqueue(f, at);
			break;
		}
	free_call(c);
}

void calls_cancel(struct calls *all, uint32_t id)
{
	for (struct call *c = all->all; c; c = c->next)
		if (c->id == id && !c->cancelled) {
			cancel(c);
			return;
		}
}

void calls_cancel_all(struct calls *all)
{
	for (struct call *c = all->all, *next; c; c = next) {
		next = c->next;
		if (!c->cancelled)
			cancel(c);
	}
}

/* --- how many are ready ----------------------------------------------------------------------------- */

/* Machines that serve more than once come back by themselves. */
static unsigned wanted(const struct function *f)
{
	unsigned peak = f->peak > f->peak_before ? f->peak : f->peak_before;

	if (f->spec.reuse > 1)
		peak = peak > f->running ? peak - f->running : 0;
	return peak < f->spec.warm_min ? f->spec.warm_min :
	       peak > f->spec.warm_max ? f->spec.warm_max : peak;
}

/* Two windows: what came within the last one counts in full until the next one is over. */
static void turn_window(struct function *f)
{
	f->peak_before = f->peak;
	f->peak = f->running + f->queued;
	f->window_end = now_ns() + WINDOW;
}

bool calls_adjust(struct calls *all)
{
	bool more = false;

	for (unsigned i = 0; i < all->config->n; i++) {
		struct function *f = all->config->function[i];

		if (now_ns() >= f->window_end)
			turn_window(f);
		f->ready.want = wanted(f);
		ready_trim(&f->ready);
		more |= ready_fill(&f->ready);
	}
	return more;
}

uint64_t calls_due(const struct calls *all)
{
	uint64_t due = UINT64_MAX, now = now_ns();

	for (unsigned i = 0; i < all->config->n; i++) {
		const struct function *f = all->config->function[i];
		uint64_t fill = ready_due(&f->ready);
		uint64_t turn = f->window_end > now ? f->window_end - now : 0;

		if (fill < due)
			due = fill;
		if ((f->peak || f->peak_before) && turn < due)
			due = turn;
	}
	return due;
}
