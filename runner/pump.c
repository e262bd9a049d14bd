/* pump.c - copies one descriptor to another. */
#include "runner/pump.h"

#include <errno.h>
#include <unistd.h>

#include "lib/io.h"

static void finish(struct pump *p)
{
	p->from.want = p->to.want = 0;
	p->done = true;
	p->finish(p);
}

/* Full: write.  Empty: read.  Empty and at the end: done. */
static void next(struct pump *p)
{
	p->from.want = p->start == p->end && !p->ended ? POLLIN : 0;
	p->to.want = p->start < p->end ? POLLOUT : 0;
	if (p->start == p->end && p->ended)
		finish(p);
}

static void drain(struct watch *w, short events)
{
	struct pump *p = owner_of(w, struct pump, to);
	size_t n = p->end - p->start;
	ssize_t put = io_write_some(w->fd, p->buf + p->start, n < p->at_once ? n : p->at_once);

	(void)events;
	if (put == -EAGAIN || put == -ENOBUFS)	/* a socket, and the host has no memory now */
		return;
	if (put < 0) {
		p->error = (int)-put;
		finish(p);
		return;
	}
	p->start += (size_t)put;
	next(p);
}

/* Any error ends the input. */
static void fill(struct watch *w, short events)
{
	struct pump *p = owner_of(w, struct pump, from);
	uint64_t left = p->most - p->moved;
	ssize_t got = io_read_some(w->fd, p->buf, left < sizeof(p->buf) ? (size_t)left :
							  sizeof(p->buf));

	(void)events;
	if (got == -EAGAIN)
		return;
	p->start = 0;
	p->end = got > 0 ? (size_t)got : 0;
	p->moved += p->end;
	p->ended = got <= 0 || p->moved == p->most;
	p->unread = got < 0 ? (int)-got : 0;
	next(p);
}

void pump_init(struct pump *p, void (*finished)(struct pump *p), struct watch_set *set)
{
	p->from = (struct watch){ -1, 0, fill };
	p->to = (struct watch){ -1, 0, drain };
	p->most = UINT64_MAX;
	p->finish = finished;
	watch_add(set, &p->from);
	watch_add(set, &p->to);
}

void pump_start(struct pump *p, int from, int to, size_t at_once)
{
	p->from.fd = from;
	p->to.fd = to;
	p->at_once = at_once;
	next(p);
}

void pump_expect(struct pump *p, uint64_t bytes)
{
	if (p->done)
		return;
	p->most = bytes;
	p->ended = p->ended || p->moved >= bytes;
	next(p);
}
