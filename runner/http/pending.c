/* pending.c - slots, ids and packets. */
#include "runner/http/pending.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

#include "lib/io.h"
#include "runner/http/answer.h"

void pending_init(struct pending *c, int fd)
{
	memset(c, 0, sizeof(*c));
	c->fd = fd;
	for (uint32_t i = 0; i < MAX_CALLS; i++)
		c->of[i].id = i;
}

static struct call *find(struct pending *c, uint32_t id)
{
	struct call *call = &c->of[id % MAX_CALLS];

	return call->state != CALL_FREE && call->id == id ? call : NULL;
}

static struct call *find_free(struct pending *c)
{
	for (unsigned i = 0; i < MAX_CALLS; i++)
		if (c->of[i].state == CALL_FREE)
			return &c->of[i];
	return NULL;
}

static void release(struct call *call)
{
	call->state = CALL_FREE;
	call->owner = NULL;
	call->id += MAX_CALLS;		/* comes round after 16 million calls of this slot */
}

static bool has_something_to_say(const struct call *call)
{
	return call->state == CALL_UNSENT || call->state == CALL_CANCELLED;
}

static int say(struct pending *c, struct call *call)
{
	struct http_msg cancel = { .op = HTTP_CANCEL, .id = call->id };
	bool cancelled = call->state == CALL_CANCELLED;
	int rc = cancelled ? io_send_fds(c->fd, &cancel, sizeof(cancel), NULL, 0) :
			     io_send_fds(c->fd, &call->msg, sizeof(call->msg), call->fds,
					 call->n_fds);

	if (rc < 0)
		return rc;
	if (cancelled)
		release(call);
	else
		call->state = CALL_SENT;
	return 0;
}

int pending_start(struct pending *c, enum http_op op, const char *name, const int *fds,
		unsigned n_fds, void *owner, uint32_t *id)
{
	struct call *call = find_free(c);
	int rc;

	if (!call)
		return -EBUSY;
	call->state = CALL_UNSENT;
	call->msg = (struct http_msg){ .op = op, .id = call->id };
	strncpy(call->msg.name, name, sizeof(call->msg.name) - 1);
	for (call->n_fds = 0; call->n_fds < n_fds; call->n_fds++)
		call->fds[call->n_fds] = fds[call->n_fds];
	call->owner = owner;
	*id = call->id;
	rc = say(c, call);
	if (rc == 0 || rc == -EAGAIN)
		return 0;
	release(call);
	return rc;
}

/* An error that is more than a full socket shows again in pending_flush(). */
void pending_cancel(struct pending *c, uint32_t id)
{
	struct call *call = find(c, id);

	if (!call)
		return;
	if (call->state == CALL_UNSENT) {
		release(call);
		return;
	}
	call->state = CALL_CANCELLED;
	call->owner = NULL;
	(void)say(c, call);
}

bool pending_unsent(const struct pending *c)
{
	for (unsigned i = 0; i < MAX_CALLS; i++)
		if (has_something_to_say(&c->of[i]))
			return true;
	return false;
}

/* That serve is gone is for pending_hear() to find, behind its last answers. */
int pending_flush(struct pending *c)
{
	for (unsigned i = 0; i < MAX_CALLS; i++) {
		int rc = has_something_to_say(&c->of[i]) ? say(c, &c->of[i]) : 0;

		if (rc == -EAGAIN || rc == -EPIPE || rc == -ECONNRESET)
			return 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

void *pending_owner(const struct pending *c, unsigned i)
{
	return c->of[i].owner;
}

/* Answers to nobody are HEARD_NOTHING, with *owner as it was. */
static int understand(struct pending *c, const struct http_msg *msg, void **owner)
{
	struct call *call;

	if (msg->op == HTTP_DRAIN)
		return HEARD_DRAIN;
	if (msg->op != HTTP_ANSWER || !answer_valid(msg))
		return -EPROTO;
	call = find(c, msg->id);
	if (!call || call->state != CALL_SENT)
		return HEARD_NOTHING;
	*owner = call->owner;
	release(call);
	return HEARD_ANSWER;
}

int pending_hear(struct pending *c, struct http_msg *msg, void **owner)
{
	for (;;) {
		ssize_t n = io_recv_fds(c->fd, msg, sizeof(*msg), NULL, 0);
		int heard;

		if (n == -EAGAIN)
			return HEARD_NOTHING;
		if (n == 0 || n == -ECONNRESET)
			return HEARD_END;
		if (n != (ssize_t)sizeof(*msg))
			return n < 0 ? (int)n : -EPROTO;
		heard = understand(c, msg, owner);
		if (heard != HEARD_NOTHING)
			return heard;
	}
}
