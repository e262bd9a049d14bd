/* relay.c - frames from the guest to passt and back.
 *
 * A verdict is of one frame, and of the policy alone: there is no table of connections that a
 * guest could fill.  It holds because passt opens a connection for a SYN and for nothing else,
 * and what is asked of a packet of the guest is asked of the answer's other end, too.
 *
 * A frame that is passed waits for room, and so does whoever sent it; an answer of ours that
 * finds none is dropped, as on a wire: the guest cannot stop its own way out. */
#include "runner/net/relay.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "lib/io.h"

#define SECOND 1000000000ull

static const uint8_t mac[6] = NET_MAC;

/* --- buffers ------------------------------------------------------------------------------ */

static void move_to_front(uint8_t *buf, size_t *at, size_t *end)
{
	memmove(buf, buf + *at, *end - *at);
	*end -= *at;
	*at = 0;
}

static bool has_room(struct relay_end *e, size_t n)
{
	if (RELAY_BUFFER - e->out_end < n)
		move_to_front(e->out, &e->out_at, &e->out_end);
	return RELAY_BUFFER - e->out_end >= n;
}

/* Nothing for a frame of no bytes, or where there is no room. */
static void put(struct relay_end *e, const uint8_t *frame, size_t len)
{
	const uint8_t prefix[RELAY_PREFIX] = { 0, 0, (uint8_t)(len >> 8), (uint8_t)len };

	if (len == 0 || !has_room(e, sizeof(prefix) + len))
		return;
	memcpy(e->out + e->out_end, prefix, sizeof(prefix));
	memcpy(e->out + e->out_end + sizeof(prefix), frame, len);
	e->out_end += sizeof(prefix) + len;
}

static void put_to_guest(struct relay *r, const uint8_t *frame, size_t len)
{
	if (len)
		tell_frame(&r->tell, frame, len);
	put(&r->guest, frame, len);
}

/* The next whole frame: 1, 0 when there is none yet, -EPROTO when there cannot be one. */
static int take(struct relay_end *e, const uint8_t **frame, size_t *len)
{
	const uint8_t *p = e->in + e->in_at;
	size_t have = e->in_end - e->in_at;

	if (have < RELAY_PREFIX)
		return 0;
	*len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (*len > RELAY_FRAME)
		return -EPROTO;
	if (have - RELAY_PREFIX < *len)
		return 0;
	*frame = p + RELAY_PREFIX;
	e->in_at += RELAY_PREFIX + *len;
	return 1;
}

/* What there is, as far as it fits. */
static void fetch(struct relay_end *e, short events)
{
	ssize_t got;

	if (!(events & ~POLLOUT))
		return;
	move_to_front(e->in, &e->in_at, &e->in_end);
	if (e->in_end == RELAY_BUFFER) {
		e->over = !(events & POLLIN);	/* hung up, and more than we may pass on now */
		return;
	}
	got = io_read_some(e->fd, e->in + e->in_end, RELAY_BUFFER - e->in_end);
	if (got > 0)
		e->in_end += (size_t)got;
	else if (got != -EAGAIN)
		e->over = true;
}

static void flush(struct relay_end *e)
{
	ssize_t put_n = e->out_end > e->out_at ?
			io_write_some(e->fd, e->out + e->out_at, e->out_end - e->out_at) : 0;

	if (put_n > 0)
		e->out_at += (size_t)put_n;
	else if (put_n < 0 && put_n != -EAGAIN)
		e->over = true;
	if (e->out_at == e->out_end)
		e->out_at = e->out_end = 0;
}

/* --- verdicts ----------------------------------------------------------------------------- */

static bool is_published(const struct net_setup *s, uint16_t port)
{
	for (unsigned i = 0; i < s->n_published; i++)
		if (s->published[i] == port)
			return true;
	return false;
}

static void pass(struct relay *r, struct relay_end *to, uint64_t *count, const struct frame *f,
		 size_t len)
{
	*count += len;
	if (to == &r->guest)
		tell_frame(&r->tell, f->at, len);
	put(to, f->at, len);
	if (to == &r->guest && r->guest_spoke)
		memcpy(to->out + to->out_end - len, r->guest_mac, sizeof(r->guest_mac));
}

static void ask_name(struct relay *r, const struct frame *f)
{
	struct frame_ends e = { .to = f->from, .from = f->to, .to_port = f->from_port, .from_port = 53 };
	uint8_t answer[DNS_MOST], out[FRAME_MAX];
	size_t n = resolve_ask(&r->resolve, f, answer);

	if (n == 0)
		return;
	memcpy(e.to_mac, r->guest_mac, 6);
	memcpy(e.from_mac, mac, 6);
	put_to_guest(r, out, frame_udp(&e, answer, n, out));
}

static void answer_name(struct relay *r)
{
	struct frame_ends e = { .to = r->setup.guest, .from = r->setup.gateway, .from_port = 53 };
	uint8_t answer[DNS_MOST], out[FRAME_MAX];
	size_t n = resolve_answer(&r->resolve, &e.to_port, answer);

	if (n == 0)
		return;
	memcpy(e.to_mac, r->guest_mac, 6);
	memcpy(e.from_mac, mac, 6);
	put_to_guest(r, out, frame_udp(&e, answer, n, out));
}

/* A packet that the guest sends somewhere. */
static void judge(struct relay *r, const struct frame *f, size_t len)
{
	bool answers = f->kind == FRAME_TCP && !f->opens && is_published(&r->setup, f->from_port);
	bool allowed = answers || egress_allows(&r->egress, f->to, f->to_port);
	uint8_t out[FRAME_MAX];

	if (!answers && (f->kind != FRAME_TCP || f->opens || !allowed))
		tell_connection(&r->tell, f, allowed ? ALLOWED : DENIED, egress_name(&r->egress, f->to));
	if (allowed)
		pass(r, &r->passt, &r->tell.totals.bytes_out, f, len);
	else
		put_to_guest(r, out, frame_refusal(f, mac, out));
}

/* Of any frame: who is only visited may have said nothing that is passed to passt, which then does
 * not know where its packets are to go. */
static void learn_mac(struct relay *r, const uint8_t *frame, size_t len)
{
	r->guest_spoke = r->guest_spoke || len >= 2 * sizeof(r->guest_mac);
	if (len >= 2 * sizeof(r->guest_mac))
		memcpy(r->guest_mac, frame + sizeof(r->guest_mac), sizeof(r->guest_mac));
}

void relay_from_guest(struct relay *r, const uint8_t *frame, size_t len)
{
	struct frame f;
	uint8_t out[FRAME_MAX];
	enum frame_kind kind = frame_read(&f, frame, len);

	tell_frame(&r->tell, frame, len);
	learn_mac(r, frame, len);
	if (kind == FRAME_ARP && f.to == r->setup.gateway) {
		put_to_guest(r, out, frame_arp_reply(&f, mac, out));
		return;
	}
	if (kind == FRAME_OTHER || kind == FRAME_ARP || f.from != r->setup.guest) {
		r->tell.totals.dropped++;
		return;
	}
	if (kind == FRAME_UDP && f.to == r->setup.gateway && f.to_port == 53)
		ask_name(r, &f);
	else
		judge(r, &f, len);
}

void relay_from_passt(struct relay *r, const uint8_t *frame, size_t len)
{
	struct frame f;
	enum frame_kind kind = frame_read(&f, frame, len);
	bool accepted = kind == FRAME_TCP && is_published(&r->setup, f.to_port);

	if (kind == FRAME_OTHER || kind == FRAME_ARP || f.to != r->setup.guest ||
	    !(accepted || (!f.opens && egress_allows(&r->egress, f.from, f.from_port)))) {
		r->tell.totals.dropped++;
		return;
	}
	if (f.opens)
		tell_connection(&r->tell, &f, ACCEPTED, NULL);
	pass(r, &r->guest, &r->tell.totals.bytes_in, &f, len);
}

/* --- rates -------------------------------------------------------------------------------- */

/* What was sent too much is waited for; a tenth of a second's worth is saved up at most. */
static bool may_send(const struct relay *r, struct relay_end *e, uint64_t now)
{
	int64_t rate = (int64_t)r->setup.rate;
	uint64_t gap = now > e->filled ? now - e->filled : 0;

	if (rate == 0)
		return true;
	if (gap >= SECOND / 1000) {
		e->filled = now;
		e->tokens += rate / 1000 * (int64_t)((gap < SECOND ? gap : SECOND) / 1000) / 1000;
		if (e->tokens > rate / 10)
			e->tokens = rate / 10;
	}
	return e->tokens > 0;
}

/* --- the loop ----------------------------------------------------------------------------- */

static int work(struct relay *r, struct relay_end *from, struct relay_end *to, uint64_t now,
		void (*deal)(struct relay *r, const uint8_t *frame, size_t len))
{
	const uint8_t *frame;
	size_t len;
	int rc = 0;

	while (has_room(to, RELAY_PREFIX + FRAME_MAX) && may_send(r, from, now) &&
	       (rc = take(from, &frame, &len)) > 0) {
		deal(r, frame, len);
		if (r->setup.rate)
			from->tokens -= (int64_t)len;
	}
	return rc;
}

/* Is there room for more of it, and somebody to give it to? */
static short wanted(struct relay *r, struct relay_end *e, struct relay_end *to, uint64_t now)
{
	bool in = has_room(to, RELAY_PREFIX + FRAME_MAX) && may_send(r, e, now);

	return (short)((in ? POLLIN : 0) | (e->out_end > e->out_at ? POLLOUT : 0));
}

static int wait_for_news(struct relay *r, struct pollfd p[4])
{
	const struct timespec soon = { 0, 5000000 };
	uint64_t now = now_ns();
	bool limited = !may_send(r, &r->guest, now) || !may_send(r, &r->passt, now);
	int rc;

	p[0] = (struct pollfd){ r->guest.fd, wanted(r, &r->guest, &r->passt, now), 0 };
	p[1] = (struct pollfd){ r->passt.fd, wanted(r, &r->passt, &r->guest, now), 0 };
	p[2] = (struct pollfd){ r->resolve.names, POLLIN, 0 };
	p[3] = (struct pollfd){ r->runner, POLLIN, 0 };
	rc = ppoll(p, 4, limited ? &soon : NULL, NULL);
	return rc < 0 && errno != EINTR ? -errno : 0;
}

int relay_step(struct relay *r, struct err *err)
{
	struct pollfd p[4];
	uint64_t now;
	int rc = wait_for_news(r, p);

	if (rc < 0)
		return err_set(err, -rc, "net: cannot wait: %s", strerror(-rc));
	if (p[2].revents)
		answer_name(r);
	fetch(&r->guest, p[0].revents);
	fetch(&r->passt, p[1].revents);
	now = now_ns();
	rc = work(r, &r->guest, &r->passt, now, relay_from_guest);
	if (rc == 0)
		rc = work(r, &r->passt, &r->guest, now, relay_from_passt);
	flush(&r->guest);
	flush(&r->passt);
	if (r->guest.over || p[3].revents)
		return -EPIPE;		/* with the machine, the rest does not matter */
	if (rc < 0)
		return err_set(err, -rc, "net: a stream's framing is broken");
	return r->passt.over ? err_set(err, ECONNRESET, "net: passt has ended") : 0;
}

void relay_init(struct relay *r)
{
	r->egress.setup = &r->setup;
	r->resolve.egress = &r->egress;
	r->resolve.tell = &r->tell;
	r->guest.filled = r->passt.filled = now_ns();
}
