/* places.c - commands that others run in our machine, beside our own: how they come, and what they
 * say to the guest.  No guest has a part in that. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/visitors.h"

/* --- from a visitor to the guest -------------------------------------------------------------- */

/* The streams are offered first: the guest may be quick. */
static void offer_streams(struct visitor *v)
{
	for (unsigned i = 0; i < N_STREAMS; i++)
		broker_offer(v->all->broker, &v->port[i]);
}

static bool may_say(const struct visitor *v, const struct msg *m)
{
	if (m->head.id != v->id)
		return false;
	return v->asked ? m->head.type == MSG_SIGNAL || m->head.type == MSG_RESIZE :
			  m->head.type == MSG_EXEC;
}

static void pass(struct visitor *v)
{
	v->waits = !session_pass(v->all->session, &v->in.m);
	v->asked |= !v->waits;
	v->control.want = v->waits ? 0 : POLLIN;
}

static void control_ready(struct watch *w, short events)
{
	struct visitor *v = owner_of(w, struct visitor, control);
	int rc = inbox_read(&v->in, w->fd, FROM_HOST);

	(void)events;
	if (rc < 0 || (rc > 0 && !may_say(v, &v->in.m))) {
		visitor_leave(v);
	} else if (rc > 0) {
		if (!v->asked)
			offer_streams(v);
		pass(v);
	}
}

/* A visitor has one thing to say there: BROKER_STOP.  Whatever it is, it is the end. */
static void broker_ready(struct watch *w, short events)
{
	(void)events;
	visitor_leave(owner_of(w, struct visitor, broker));
}

void visitors_go_on(struct visitors *vs)
{
	for (unsigned i = 0; i < MAX_SESSIONS - 1; i++) {
		struct visitor *v = &vs->v[i];

		if (v->id && v->waits && visitor_is_here(v))
			pass(v);
		if (v->id && v->doomed)
			visitor_kill(v);
	}
}

/* --- coming and going ------------------------------------------------------------------------- */

/* Two pipes and two socket pairs: ours[] stay here, the others are the visitor's machine. */
static int make_ends(int ours[4], struct machine *theirs)
{
	int pair[4][2], made = 0, rc;

	for (; made < 4; made++) {
		rc = made < 2 ? pipe2(pair[made], O_CLOEXEC | O_NONBLOCK) :
				socketpair(AF_UNIX, (made == 2 ? SOCK_STREAM : SOCK_SEQPACKET) |
					   SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair[made]);
		if (rc < 0)
			break;
	}
	rc = made < 4 ? -errno : 0;
	while (rc < 0 && made-- > 0) {
		close(pair[made][0]);
		close(pair[made][1]);
	}
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < 4; i++)
		ours[i] = pair[i][1];
	*theirs = (struct machine){ .leash = pair[0][0], .log = pair[1][0],
				    .console = fcntl(pair[1][0], F_DUPFD_CLOEXEC, 0),
				    .broker = pair[3][0], .kernel = -1, .root = -1,
				    .control = pair[2][0] };
	return 0;
}

static void settle(struct visitor *v, uint32_t id, const int ours[4])
{
	v->id = id;
	v->asked = v->started = v->over = v->waits = v->doomed = false;
	v->in.have = 0;
	v->leash = ours[0];
	v->log = ours[1];
	v->control.fd = ours[2];
	v->broker.fd = ours[3];
	v->control.want = v->broker.want = POLLIN;
	for (unsigned i = 0; i < N_STREAMS; i++)
		v->port[i] = (struct broker_port){ PORT_STREAM(id, i), visitor_stream, v };
}

static struct visitor *free_place(struct visitors *vs)
{
	for (unsigned i = 0; i < MAX_SESSIONS - 1; i++)
		if (vs->v[i].id == 0)
			return &vs->v[i];
	return NULL;
}

int visitors_enter(struct visitors *vs, int sock, const struct handover *h, struct err *err)
{
	struct visitor *v = free_place(vs);
	struct handover to = *h;
	struct machine m;
	int ours[4], rc;

	if (!v)
		return err_set(err, EBUSY, "the machine runs %d commands already; wait for one to end",
			       MAX_SESSIONS);
	rc = make_ends(ours, &m);
	if (rc < 0)
		return err_set(err, -rc, "no connection for a command: %s", strerror(-rc));
	to.commands = vs->last_id;	/* so that it takes the next id */
	rc = machine_send(sock, &m, &to);
	machine_close(&m);
	settle(v, ++vs->last_id, ours);
	if (rc < 0)
		visitor_leave(v);
	return rc < 0 ? err_set(err, -rc, "the machine cannot be handed over: %s", strerror(-rc)) : 0;
}

unsigned visitors_count(const struct visitors *vs)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_SESSIONS - 1; i++)
		n += vs->v[i].id != 0;
	return n;
}

void visitors_leave(struct visitors *vs)
{
	for (unsigned i = 0; i < MAX_SESSIONS - 1; i++)
		if (vs->v[i].id)
			visitor_leave(&vs->v[i]);
}

void visitors_init(struct visitors *vs, struct session *session, struct broker *broker,
		   struct watch_set *set)
{
	*vs = (struct visitors){ .session = session, .broker = broker, .last_id = session->id };
	session->visitors = vs;
	session->others = visitors_take;
	for (unsigned i = 0; i < MAX_SESSIONS - 1; i++) {
		struct visitor *v = &vs->v[i];

		v->all = vs;
		v->control = (struct watch){ -1, 0, control_ready };
		v->broker = (struct watch){ -1, 0, broker_ready };
		watch_add(set, &v->control);
		watch_add(set, &v->broker);
	}
}
