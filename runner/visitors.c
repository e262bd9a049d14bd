/* visitors.c - commands that others run in our machine, beside our own: what the guest says of them,
 * and how they end. */
#include "runner/visitors.h"

#include <signal.h>
#include <unistd.h>

#include "lib/io.h"

/* --- the end of one ---------------------------------------------------------------------- */

bool visitor_is_here(const struct visitor *v)
{
	return v->control.fd >= 0;
}

/* A place is free again when the visitor has left and its command is over. */
static void look_if_free(struct visitor *v)
{
	if (v->id && !visitor_is_here(v) && (v->over || !v->asked))
		v->id = 0;
}

void visitor_kill(struct visitor *v)
{
	static struct msg m;

	m.signal = (struct msg_signal){ SIGKILL };
	msg_seal(&m, MSG_SIGNAL, v->id, sizeof(m.signal));
	v->doomed = v->started && !v->over && !session_pass(v->all->session, &m);
}

void visitor_leave(struct visitor *v)
{
	if (!visitor_is_here(v))
		return;
	watch_close(&v->control);
	watch_close(&v->broker);
	close(v->leash);
	close(v->log);
	for (unsigned i = 0; i < N_STREAMS; i++)
		broker_withdraw(v->all->broker, &v->port[i]);
	visitor_kill(v);
	look_if_free(v);
}

/* --- from the guest to a visitor ------------------------------------------------------------ */

void visitor_stream(struct broker_port *p, int fd)
{
	struct broker_msg m = { BROKER_CONNECT, 0, p->port };
	struct visitor *v = p->owner;

	if (io_send_fd(v->broker.fd, &m, sizeof(m), fd) < 0)
		visitor_leave(v);
	close(fd);
}

static bool is_due(const struct visitor *v, uint8_t type)
{
	if (!v->asked || v->over)
		return false;
	return v->started ? type == MSG_EXITED : type == MSG_STARTED || type == MSG_SPAWN_FAILED;
}

static bool take(struct visitor *v, const struct msg *m)
{
	if (!is_due(v, m->head.type))
		return false;
	v->started = true;
	v->over = m->head.type != MSG_STARTED;
	if (!visitor_is_here(v))
		visitor_kill(v);
	else if (io_write(v->control.fd, m, sizeof(m->head) + m->head.length) < 0)
		visitor_leave(v);
	look_if_free(v);
	return true;
}

bool visitors_take(struct session *s, const struct msg *m)
{
	struct visitors *vs = s->visitors;

	for (unsigned i = 0; i < MAX_SESSIONS - 1; i++)
		if (vs->v[i].id && vs->v[i].id == m->head.id)
			return take(&vs->v[i], m);
	return false;
}
