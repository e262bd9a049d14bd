/* vsock.c - virtio-vsock: packets between two queues and a table of connections.
 *
 * What the guest is to be told never queues up: every connection has a handful of flags, and
 * resets for ports that have none go into a small table.  When that is full the tx queue is
 * not read until the guest has given rx buffers for it (5.10.6.3 allows just that).  rx
 * buffers are handed out one packet a connection, in turn. */
#include "virtio/vsock.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "virtio/conn.h"

enum { RX, TX, EVENT, N_QUEUES };

/* Linux fills the receive queue with 4 KiB buffers when it starts, and gives a connection
 * 256 KiB of credit: as many as that need are enough. */
#define QUEUE_MAX	64u


#define HOST_CID    2u
#define TYPE_STREAM 1u
#define MAX_RESETS  64u
#define MAX_PAYLOAD 16384u	/* bytes of one packet to the guest; Linux has buffers of 4096 */
#define FIRST_PORT  (1u << 30)	/* of our end of a connection that we make */

struct packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port;
	uint32_t len;
	uint16_t type, op;
	uint32_t flags, buf_alloc, fwd_cnt;
} __attribute__((packed));

_Static_assert(sizeof(struct packet) == 44, "the header of virtio 1.2, 5.10.6");

struct reset {			/* owed to ports that have no connection */
	uint32_t guest_port, host_port;
	uint16_t type;
};

struct vsock {
	struct virtio_dev dev;
	uint64_t cid;			/* the guest's */
	vsock_request_fn *request;
	void *ctx;

	uint32_t next_id, next_port;
	struct conn conn[MAX_VSOCK_CONNS];
	bool busy[MAX_VSOCK_CONNS];	/* the guest is to be told something */
	unsigned n_busy, turn;		/* turn: the slot that is looked at first */

	struct reset reset[MAX_RESETS];
	unsigned n_resets;
	bool tx_waits;			/* for room among the resets */
	bool owes_event;		/* the driver is to reset all its connections */

	struct vq_chain rx, tx;
	uint8_t payload[MAX_PAYLOAD];	/* of the packet being made */
};

/* Apart, so that a connection whose reader keeps up costs no memory. */
static uint8_t rings[MAX_VSOCK_CONNS][VSOCK_BUF];

/* --- connections ------------------------------------------------------------------------- */

/* A connection that is over for the guest is not found: its ports may be used again. */
static struct conn *find(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	for (unsigned i = 0; i < MAX_VSOCK_CONNS; i++) {
		struct conn *c = &v->conn[i];

		if (c->guest_port == guest_port && c->host_port == host_port &&
		    c->state != CONN_FREE && c->state != CONN_GONE)
			return c;
	}
	return NULL;
}

static struct conn *find_free(struct vsock *v)
{
	for (unsigned i = 0; i < MAX_VSOCK_CONNS; i++)
		if (v->conn[i].state == CONN_FREE)
			return &v->conn[i];
	return NULL;
}

static struct conn *find_asked(struct vsock *v, uint32_t id)
{
	for (unsigned i = 0; i < MAX_VSOCK_CONNS; i++)
		if (v->conn[i].state == CONN_ASKED && v->conn[i].id == id)
			return &v->conn[i];
	return NULL;
}

/* After every change of a connection. */
static void settle(struct vsock *v, struct conn *c)
{
	bool *busy = &v->busy[c - v->conn], now;

	conn_settle(c, v->dev.loop);
	now = conn_next(c) != OP_NONE;
	v->n_busy = v->n_busy + now - *busy;
	*busy = now;
}

static void owe_reset(struct vsock *v, const struct packet *p)
{
	v->reset[v->n_resets++] = (struct reset){ p->src_port, p->dst_port, p->type };
}

/* The guest starts anew with these ports: a reset we still owe would hit the new one. */
static void forget_resets(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < v->n_resets; i++)
		if (v->reset[i].guest_port != guest_port || v->reset[i].host_port != host_port)
			v->reset[kept++] = v->reset[i];
	v->n_resets = kept;

	for (unsigned i = 0; i < MAX_VSOCK_CONNS; i++) {
		struct conn *c = &v->conn[i];

		if (c->state == CONN_GONE && c->guest_port == guest_port &&
		    c->host_port == host_port) {
			c->owes_rst = false;
			settle(v, c);
		}
	}
}

/* --- to the guest ------------------------------------------------------------------------ */

/* Into the chain that was popped.  conn: whose credit to say, or NULL. */
static void send_packet(struct vsock *v, struct packet *p, const struct conn *c)
{
	p->src_cid = HOST_CID;
	p->dst_cid = v->cid;
	if (c) {
		p->src_port = c->host_port;
		p->dst_port = c->guest_port;
		p->type = TYPE_STREAM;
		p->buf_alloc = VSOCK_BUF;
		p->fwd_cnt = c->passed;
	}
	vq_write(&v->rx, p, sizeof(*p));
	vq_write(&v->rx, v->payload, p->len);
}

static void send_reset(struct vsock *v)
{
	struct reset r = v->reset[0];
	struct packet p = { .src_port = r.host_port, .dst_port = r.guest_port, .type = r.type,
			    .op = OP_RST };

	memmove(&v->reset[0], &v->reset[1], --v->n_resets * sizeof(v->reset[0]));
	send_packet(v, &p, NULL);
}

/* The next connection in turn that has something to say; there is one. */
static struct conn *next_busy(struct vsock *v)
{
	unsigned i = v->turn;

	while (!v->busy[i])
		i = (i + 1) % MAX_VSOCK_CONNS;
	v->turn = (i + 1) % MAX_VSOCK_CONNS;
	return &v->conn[i];
}

/* False when the connection had nothing after all. */
static bool send_next(struct vsock *v, struct conn *c)
{
	struct packet p = { .op = (uint16_t)conn_next(c) };
	size_t room = v->rx.in_left - sizeof(p);

	if (p.op == OP_RW) {
		p.len = (uint32_t)conn_give(c, v->payload,
					    room < MAX_PAYLOAD ? room : MAX_PAYLOAD);
		if (p.len == 0)
			return false;
	}
	if (p.op == OP_SHUTDOWN)
		p.flags = conn_shut_flags(c);
	send_packet(v, &p, c);
	conn_said(c, p.op);
	return true;
}

/* One packet into the popped chain, if there is one. */
static bool fill(struct vsock *v)
{
	struct conn *c;
	bool sent;

	if (v->n_resets > 0) {
		send_reset(v);
		return true;
	}
	c = next_busy(v);
	sent = send_next(v, c);
	settle(v, c);
	return sent;
}

/* Say what there is to say for as long as the guest has buffers. */
static void pump(struct vsock *v)
{
	unsigned taken = 0;

	while ((v->n_resets > 0 || v->n_busy > 0) && virtio_pop(&v->dev, RX, &taken, &v->rx)) {
		if (v->rx.in_left <= sizeof(struct packet)) {
			virtio_broken(&v->dev, "a receive buffer without room");
			break;
		}
		if (fill(v)) {
			vq_push(&v->dev.q[RX], &v->rx);
		} else {
			vq_unpop(&v->dev.q[RX]);
			taken--;
		}
	}
	if (taken > 0)
		virtio_interrupt(&v->dev, RX);
	if (v->tx_waits && v->n_resets < MAX_RESETS) {
		v->tx_waits = false;
		virtio_again(&v->dev, TX);
	}
}

static void conn_ready(struct loop_io *io, uint32_t events)
{
	struct conn *c = owner_of(io, struct conn, io);
	struct vsock *v = c->owner;

	/* an error or a hang-up shows in whatever is tried next */
	if (events & ~(uint32_t)EPOLLIN)
		conn_flush(c);
	if (events & ~(uint32_t)EPOLLOUT)
		conn_wake(c);
	settle(v, c);
	pump(v);
}

/* --- from the guest ---------------------------------------------------------------------- */

/* request() comes last: it may answer at once. */
static void take_request(struct vsock *v, const struct packet *p)
{
	struct conn *c;

	forget_resets(v, p->src_port, p->dst_port);
	c = find_free(v);
	if (!c) {
		owe_reset(v, p);
		return;
	}
	conn_start(c, CONN_ASKED, p->src_port, p->dst_port);
	conn_hear_credit(c, p->buf_alloc, p->fwd_cnt);
	c->id = v->next_id++;
	v->request(v->ctx, c->id, c->host_port);
}

static int take_response(struct conn *c)
{
	if (c->state != CONN_CALLED || c->owes_request)
		return -EPROTO;
	c->state = CONN_OPEN;
	return 0;
}

/* A packet of a connection there is: 0, or -EPROTO when it may not come now. */
static int take_packet(struct vsock *v, struct conn *c, const struct packet *p)
{
	conn_hear_credit(c, p->buf_alloc, p->fwd_cnt);
	if (p->op == OP_RESPONSE)
		return take_response(c);
	if (p->op == OP_RST) {
		conn_gone(c, false);
		return 0;
	}
	if (c->state != CONN_OPEN)
		return -EPROTO;

	switch (p->op) {
	case OP_RW:
		return conn_take(c, &v->tx, p->len);
	case OP_SHUTDOWN:
		conn_shut(c, p->flags);
		return 0;
	case OP_CREDIT_REQUEST:
		c->owes_credit = true;
		return 0;
	case OP_CREDIT_UPDATE:
		return 0;
	default:
		return -EPROTO;
	}
}

static void dispatch(struct vsock *v, const struct packet *p)
{
	struct conn *c = p->type == TYPE_STREAM ? find(v, p->src_port, p->dst_port) : NULL;

	if (c) {
		if (take_packet(v, c, p) < 0)
			conn_gone(c, true);
		settle(v, c);
	} else if (p->op == OP_REQUEST && p->type == TYPE_STREAM) {
		take_request(v, p);
	} else if (p->op != OP_RST) {
		owe_reset(v, p);
	}
}

/* The packet in v->tx; false when it is none.  One from or to somebody else is dropped:
 * there is nobody a reset would have to come from. */
static bool receive(struct vsock *v)
{
	struct packet p;

	if (vq_read(&v->tx, &p, sizeof(p)) != sizeof(p))
		return false;
	if (p.op == OP_RW && p.len > v->tx.out_left)
		return false;
	if (p.src_cid == v->cid && p.dst_cid == HOST_CID)
		dispatch(v, &p);
	return true;
}

static void serve_tx(struct vsock *v)
{
	unsigned taken = 0;

	while (!v->tx_waits && virtio_pop(&v->dev, TX, &taken, &v->tx)) {
		if (!receive(v)) {
			virtio_broken(&v->dev, "a packet shorter than it says");
			return;
		}
		vq_push(&v->dev.q[TX], &v->tx);
		v->tx_waits = v->n_resets == MAX_RESETS;
	}
	if (taken > 0)
		virtio_interrupt(&v->dev, TX);
}

/* The one event there is (5.10.6.7), once the driver has a buffer for it. */
static void send_event(struct vsock *v)
{
	const uint32_t transport_reset = 0;
	unsigned taken = 0;

	if (!v->owes_event || !virtio_pop(&v->dev, EVENT, &taken, &v->rx))
		return;
	if (v->rx.in_left < sizeof(transport_reset)) {
		virtio_broken(&v->dev, "an event buffer without room");
		return;
	}
	vq_write(&v->rx, &transport_reset, sizeof(transport_reset));
	vq_push(&v->dev.q[EVENT], &v->rx);
	virtio_interrupt(&v->dev, EVENT);
	v->owes_event = false;
}

static void vsock_kick(struct virtio_dev *d, unsigned queue)
{
	struct vsock *v = owner_of(d, struct vsock, dev);

	if (queue == TX)
		serve_tx(v);
	if (queue == EVENT)
		send_event(v);
	else
		pump(v);
}

static void vsock_reset(struct virtio_dev *d)
{
	struct vsock *v = owner_of(d, struct vsock, dev);

	for (unsigned i = 0; i < MAX_VSOCK_CONNS; i++)
		if (v->conn[i].state != CONN_FREE) {
			conn_gone(&v->conn[i], false);
			settle(v, &v->conn[i]);
		}
	v->n_resets = 0;
	v->tx_waits = false;
	v->owes_event = false;
}

/* --- the device -------------------------------------------------------------------------- */

static const struct virtio_type vsock_type = {
	.name = "vsock", .id = VIRTIO_ID_VSOCK, .nqueues = N_QUEUES,
	.queue_max = QUEUE_MAX,
	.kick = vsock_kick, .reset = vsock_reset,
};

struct vsock *vsock_storage(void)
{
	static struct vsock v;

	return &v;
}

struct virtio_dev *vsock_dev(struct vsock *v)
{
	return &v->dev;
}

int vsock_init(struct vsock *v, uint64_t guest_cid, vsock_request_fn *request, void *ctx,
	       struct err *err)
{
	if (guest_cid <= HOST_CID || guest_cid >= UINT32_MAX)
		return err_set(err, EINVAL, "vsock: %llu is no guest's cid",
			       (unsigned long long)guest_cid);
	*v = (struct vsock){ .dev = { .type = &vsock_type, .config_len = sizeof(guest_cid) },
			     .cid = guest_cid, .request = request, .ctx = ctx, .next_id = 1,
			     .next_port = FIRST_PORT };
	memcpy(v->dev.config, &guest_cid, sizeof(guest_cid));
	for (unsigned i = 0; i < MAX_VSOCK_CONNS; i++)
		v->conn[i] = (struct conn){ .io = { .fd = -1, .ready = conn_ready }, .owner = v,
					    .ring = rings[i] };
	return 0;
}

void vsock_fini(struct vsock *v)
{
	for (unsigned i = 0; i < MAX_VSOCK_CONNS; i++)
		conn_drop(&v->conn[i], v->dev.loop);
}

int vsock_accept(struct vsock *v, uint32_t id, int fd)
{
	struct conn *c = find_asked(v, id);

	if (!c) {
		close(fd);
		return -ENOENT;
	}
	c->io.fd = fd;
	c->state = CONN_OPEN;
	c->owes_response = true;
	settle(v, c);
	pump(v);
	return 0;
}

void vsock_refuse(struct vsock *v, uint32_t id)
{
	struct conn *c = find_asked(v, id);

	if (c) {
		conn_gone(c, true);
		settle(v, c);
		pump(v);
	}
}

int vsock_connect(struct vsock *v, uint32_t port, int fd)
{
	struct conn *c = find_free(v);

	if (!c) {
		close(fd);
		return -EMFILE;
	}
	while (find(v, port, v->next_port))
		v->next_port++;
	conn_start(c, CONN_CALLED, port, v->next_port++);
	c->io.fd = fd;
	c->owes_request = true;
	settle(v, c);
	pump(v);
	return 0;
}

/* --- snapshots --------------------------------------------------------------------------- */

static bool has(const struct vsock_state *s, unsigned n, const struct vsock_conn_state *c)
{
	for (unsigned i = 0; i < n; i++)
		if (s->conn[i].guest_port == c->guest_port && s->conn[i].host_port == c->host_port)
			return true;
	return false;
}

/* Once for each pair of ports: connections come first, and a reset that is owed for a packet
 * of another type than a stream's does not hit them. */
static void keep(struct vsock_state *s, struct vsock_conn_state c)
{
	if (s->n < MAX_VSOCK_CONNS && !has(s, s->n, &c))
		s->conn[s->n++] = c;
}

void vsock_save(const struct vsock *v, struct vsock_state *s)
{
	*s = (struct vsock_state){ .lost = v->owes_event };
	for (unsigned i = 0; i < MAX_VSOCK_CONNS; i++) {
		const struct conn *c = &v->conn[i];

		if (c->state == CONN_FREE || (c->state == CONN_GONE && !c->owes_rst))
			continue;
		if (c->state == CONN_OPEN || c->state == CONN_CALLED) {
			s->lost = 1;
			continue;
		}
		keep(s, (struct vsock_conn_state){
			.asked = c->state == CONN_ASKED, .guest_port = c->guest_port,
			.host_port = c->host_port, .peer_buf = c->peer_buf,
			.peer_passed = c->peer_passed });
	}
	for (unsigned i = 0; i < v->n_resets; i++)
		keep(s, (struct vsock_conn_state){ .guest_port = v->reset[i].guest_port,
						   .host_port = v->reset[i].host_port });
}

int vsock_load(struct vsock *v, const struct vsock_state *s)
{
	if (s->n > MAX_VSOCK_CONNS || s->lost > 1)
		return -EINVAL;
	v->owes_event = s->lost;
	for (unsigned i = 0; i < s->n; i++) {
		const struct vsock_conn_state *from = &s->conn[i];
		struct conn *c = &v->conn[i];

		if (from->asked > 1 || has(s, i, from))
			return -EINVAL;
		conn_start(c, from->asked ? CONN_ASKED : CONN_OPEN, from->guest_port,
			   from->host_port);
		conn_hear_credit(c, from->peer_buf, from->peer_passed);
		c->id = v->next_id++;
		if (!from->asked)
			conn_gone(c, true);
		settle(v, c);
	}
	return 0;
}

void vsock_resume(struct vsock *v)
{
	for (unsigned i = 0; i < MAX_VSOCK_CONNS; i++)
		if (v->conn[i].state == CONN_ASKED)
			v->request(v->ctx, v->conn[i].id, v->conn[i].host_port);
}
