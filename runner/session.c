/* session.c - the control connection to the guest agent. */
#include "runner/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/io.h"
#include "runner/card.h"
#include "runner/outputs.h"
#include "runner/say.h"
#include "runner/stdio.h"
#include "runner/tty.h"

/* --- what we send ------------------------------------------------------------------ */

static void flush(struct session *s)
{
	while (s->sent < s->queued) {
		ssize_t put = io_write_some(s->watch.fd, s->out + s->sent, s->queued - s->sent);

		if (put < 0)
			break;	/* EAGAIN: later; else the reading side notices */
		s->sent += (size_t)put;
	}
	if (s->sent == s->queued)
		s->sent = s->queued = 0;
	s->watch.want = (short)(POLLIN | (s->queued ? POLLOUT : 0));
}

bool session_pass(struct session *s, const struct msg *m)
{
	size_t n = sizeof(m->head) + m->head.length;

	if (s->watch.fd < 0 || n > sizeof(s->out) - s->queued)
		return false;
	memcpy(s->out + s->queued, m, n);
	s->queued += n;
	flush(s);
	return true;
}

static void post(struct session *s, const struct msg *m)
{
	(void)!session_pass(s, m);
}

/* A random UUID, as machine-id(5) has it. */
static int make_machine_id(uint8_t id[16])
{
	int rc = io_random(id, 16);

	id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	return rc;
}

/* Without it the machine would be its neighbour's twin: it is not told to go on. */
static void no_randomness(struct session *s, int rc)
{
	struct err err;

	err_set(&err, -rc, "no randomness for the guest: %s", strerror(-rc));
	facts_error(s->facts, &err);
}

static void welcome(struct session *s)
{
	static struct msg m;
	struct timespec now;
	int rc;

	clock_gettime(CLOCK_REALTIME, &now);
	m.welcome = (struct msg_welcome){
		.realtime_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
		.generation = s->generation };
	rc = make_machine_id(m.welcome.machine_id);
	if (rc == 0)
		rc = io_random(m.welcome.entropy, sizeof(m.welcome.entropy));
	if (rc < 0) {
		no_randomness(s, rc);
		return;
	}
	m.welcome.card = s->card;
	m.welcome.files = s->spec->files_disk;
	m.welcome.scratch = s->spec->scratch_disk;
	if (card_wanted(s->spec) && !card_mac_ok(s->card.mac))
		card_make_mac(m.welcome.card.mac, m.welcome.machine_id);
	strcpy(m.welcome.hostname, s->spec->hostname);
	msg_seal(&m, MSG_WELCOME, 0, sizeof(m.welcome));
	post(s, &m);
}

void session_signal(struct session *s, int signo)
{
	static struct msg m;

	m.signal = (struct msg_signal){ (uint32_t)signo };
	msg_seal(&m, MSG_SIGNAL, s->id, sizeof(m.signal));
	post(s, &m);
}

void session_resize(struct session *s)
{
	static struct msg m;

	tty_window(&m.resize.rows, &m.resize.cols);
	msg_seal(&m, MSG_RESIZE, s->id, sizeof(m.resize));
	post(s, &m);
}

/* --- EXEC --------------------------------------------------------------------------- */

static bool add(struct msg *m, size_t *used, const char *string)
{
	*used = msg_exec_add(m, *used, string);
	return *used != 0;
}

/* K=V as it stands, K with its value here, or nothing if it has none. */
static bool add_variable(struct msg *m, size_t *used, const char *variable)
{
	char both[4096];
	const char *value = strchr(variable, '=') ? NULL : getenv(variable);
	size_t n;

	if (!strchr(variable, '=')) {
		if (!value)
			return true;
		n = strlen(variable) + 1 + strlen(value) + 1;
		if (n > sizeof(both))
			return false;
		strcat(strcat(strcpy(both, variable), "="), value);
		variable = both;
	}
	m->exec.envc++;
	return add(m, used, variable);
}

static bool names_term(const struct spec_list *env)
{
	for (unsigned i = 0; i < env->n; i++)
		if (!strcmp(env->v[i], "TERM") || !strncmp(env->v[i], "TERM=", 5))
			return true;
	return false;
}

static bool add_strings(struct msg *m, size_t *used, const struct opts *o, bool tty)
{
	const struct spec *spec = &o->spec;

	if (!add(m, used, spec->workdir ? spec->workdir : spec->work ? WORK_DIR : ""))
		return false;
	for (int i = 0; i < o->argc; i++)
		if (!add(m, used, o->argv[i]))
			return false;
	for (unsigned i = 0; i < spec->env.n; i++)
		if (!add_variable(m, used, spec->env.v[i]))
			return false;
	return !tty || names_term(&spec->env) || add_variable(m, used, "TERM");
}

int session_compose(struct session *s, const struct opts *o, bool tty, uint32_t id,
		    struct err *err)
{
	const struct spec *spec = &o->spec;
	size_t used = sizeof(struct msg_exec);
	struct msg *m = &s->exec;

	if (o->argc > MAX_ARGS)
		return err_set(err, E2BIG, "the command has more than %d arguments", MAX_ARGS);
	s->id = id;
	m->exec = (struct msg_exec){ .flags = tty ? EXEC_TTY : 0, .argc = (uint32_t)o->argc };
	m->exec.max_pids = spec->pids;
	if ((spec->disks_ro | 1u << spec->scratch_disk) != (1u << spec->disks) - 1)
		m->exec.flags |= EXEC_SYNC;
	m->exec.flags |= (spec->work ? EXEC_WORK : 0) | (spec->workspace ? EXEC_DIFF : 0);
	if (tty)
		tty_window(&m->exec.rows, &m->exec.cols);
	else if (stdio_no_input())
		m->exec.flags |= EXEC_NO_STDIN;
	strcpy(m->exec.user, spec->user ? spec->user : "1000");	/* opts.c checked the length */
	if (!add_strings(m, &used, o, tty) || !outputs_add(m, &used, spec))
		return err_set(err, E2BIG, "the command and its environment are longer than %d bytes; "
			       "pass the rest on stdin or on a disk", MAX_FRAME);
	msg_seal(m, MSG_EXEC, id, used);
	return msg_check(m, FROM_HOST) == 0 ? 0 : err_set(err, E2BIG, "too many variables (--env)");
}

void session_attach(struct session *s, uint32_t id, bool tty)
{
	struct msg *m = &s->exec;

	s->id = id;
	m->attach = (struct msg_attach){ 0 };
	if (tty)
		tty_window(&m->attach.rows, &m->attach.cols);
	msg_seal(m, MSG_ATTACH, id, sizeof(m->attach));
}

/* --- what we are told --------------------------------------------------------------- */

/* Is a message of this type due?  LOG always is; the rest comes in one order. */
static bool due(const struct facts *f, uint8_t type)
{
	bool over = f->has_exited || f->has_spawn_failed;

	switch (type) {
	case MSG_LOG:
		return true;
	case MSG_HELLO:
		return !f->t_hello;
	case MSG_STARTED:
	case MSG_SPAWN_FAILED:
		return f->t_hello && !f->t_started && !over;
	case MSG_EXITED:
		return f->t_started && !over;
	default:
		return false;
	}
}

static void take_hello(struct session *s)
{
	const struct msg_hello *hello = &s->in.m.hello;

	if (hello->agent_version != PROTO_VERSION) {
		facts_protocol(s->facts, "the guest agent speaks version %u, not %u; build it again",
			       hello->agent_version, PROTO_VERSION);
		return;
	}
	if (hello->session != (s->exec.head.type == MSG_ATTACH ? s->id : 0)) {
		facts_protocol(s->facts, "the guest runs another command than it should");
		return;
	}
	s->facts->t_hello = now_ns();
	say_note("the guest is up");
	welcome(s);
	post(s, &s->exec);
}

/* What the welcome brought is in place: the command runs in this clone and in no other. */
static void take_started(struct session *s)
{
	if (s->in.m.started.generation != s->generation) {
		facts_protocol(s->facts, "the guest did not take its welcome");
		return;
	}
	s->facts->t_started = now_ns();
	say_note("the command started");
}

static void take(struct session *s)
{
	struct facts *f = s->facts;
	struct msg *m = &s->in.m;
	uint32_t id = m->head.type == MSG_HELLO || m->head.type == MSG_LOG ? 0 : s->id;

	if (id && m->head.id != id && s->others && s->others(s, m))
		return;
	if (!due(f, m->head.type) || m->head.id != id) {
		facts_protocol(f, "the guest sent message %u out of order", m->head.type);
		return;
	}
	switch (m->head.type) {
	case MSG_HELLO:
		take_hello(s);
		break;
	case MSG_STARTED:
		take_started(s);
		break;
	case MSG_SPAWN_FAILED:
		f->spawn_failed = m->spawn_failed;
		f->has_spawn_failed = true;
		break;
	case MSG_EXITED:
		f->exited = m->exited;
		f->has_exited = true;
		say_note("the command ended");
		break;
	default:
		say_clean(m->log.text, sizeof(m->log.text));
		say_note("guest: %s", m->log.text);
	}
}

/* Read up to `upto` bytes of the message: 1 when they are there, 0, -EPIPE. */
static int fill(struct inbox *f, int fd, size_t upto)
{
	ssize_t got;

	if (f->have >= upto)
		return 1;
	got = io_read_some(fd, (char *)&f->m + f->have, upto - f->have);
	if (got == -EAGAIN)
		return 0;
	if (got <= 0)
		return -EPIPE;
	f->have += (size_t)got;
	return f->have == upto;
}

int inbox_read(struct inbox *f, int fd, enum side from)
{
	int rc = fill(f, fd, sizeof(f->m.head));

	if (rc <= 0)
		return rc;
	if (msg_check_header(&f->m.head, from) < 0)
		return -EPROTO;
	rc = fill(f, fd, sizeof(f->m.head) + f->m.head.length);
	if (rc <= 0)
		return rc;
	f->have = 0;
	return msg_check(&f->m, from) < 0 ? -EPROTO : 1;
}

static void receive(struct session *s)
{
	int rc = inbox_read(&s->in, s->watch.fd, FROM_GUEST);

	if (rc == -EPROTO)
		facts_protocol(s->facts, "the guest sent a malformed message %u", s->in.m.head.type);
	else if (rc < 0)
		watch_close(&s->watch);
	else if (rc > 0)
		take(s);
}

static void session_ready(struct watch *w, short events)
{
	struct session *s = owner_of(w, struct session, watch);

	if (events & POLLOUT)
		flush(s);
	if (events & (POLLIN | POLLHUP | POLLERR))
		receive(s);
	if (s->facts->protocol[0])
		watch_close(w);		/* not one more word from that guest */
}

static void session_connected(struct broker_port *p, int fd)
{
	struct session *s = owner_of(p, struct session, port);

	s->watch.fd = fd;
	s->watch.want = POLLIN;
}

void session_resume(struct session *s, int control)
{
	s->watch.fd = control;
	s->watch.want = POLLIN;
	s->facts->t_hello = now_ns();
	post(s, &s->exec);
}

bool session_idle(const struct session *s)
{
	return s->watch.fd >= 0 && s->in.have == 0 && s->queued == 0;
}

void session_init(struct session *s, const struct spec *spec, uint64_t generation,
		  struct facts *facts, struct watch_set *set)
{
	struct err unused;

	s->port = (struct broker_port){ .port = PORT_CONTROL, .connected = session_connected };
	s->watch = (struct watch){ -1, 0, session_ready };
	s->facts = facts;
	s->spec = spec;
	s->generation = generation;
	card_parse(&s->card, spec, &unused);	/* opts.c has looked at it */
	watch_add(set, &s->watch);
}
