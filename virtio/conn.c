/* conn.c - one vsock connection; see conn.h.
 *
 * Sockets are used with MSG_DONTWAIT and MSG_NOSIGNAL, so that neither a blocking nor a
 * closed one, whoever handed it in, can stop the loop. */
#include "virtio/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* The guest is told of its credit when this much more of it is free: seldom enough to cost
 * little, often enough that a driver which waits for half of it never waits in vain. */
#define CREDIT_STEP (VSOCK_BUF / 4)

_Static_assert((VSOCK_BUF & (VSOCK_BUF - 1)) == 0, "counts wrap where the ring does");

void conn_start(struct conn *c, enum conn_state state, uint32_t guest_port, uint32_t host_port)
{
	*c = (struct conn){ .io = { .fd = -1, .ready = c->io.ready }, .owner = c->owner,
			    .ring = c->ring, .state = state, .guest_port = guest_port,
			    .host_port = host_port };
}

/* --- from the guest to the host ---------------------------------------------------------- */

static uint32_t held(const struct conn *c)
{
	return c->taken - c->passed;
}

/* Nobody reads on the host side: what is there and what comes is thrown away. */
static void deafen(struct conn *c)
{
	c->deaf = true;
	c->passed = c->taken;
}

/* The socket has no room, or nothing to read, or the host no memory: it is asked again when it says
 * that it is ready, which in the last case is at once. */
static bool is_for_now(int error)
{
	return error == EAGAIN || error == ENOMEM || error == ENOBUFS;
}

/* One write: the bytes that went, 0 when the socket is full or nobody reads it. */
static uint32_t put(struct conn *c, struct iovec *iov, size_t n)
{
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (__typeof__(msg.msg_iovlen))n };
	ssize_t did;

	do
		did = sendmsg(c->io.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (did < 0 && errno == EINTR);
	if (did < 0 && !is_for_now(errno))
		deafen(c);
	return did < 0 ? 0 : (uint32_t)did;
}

/* The part of [from, from + len) that lies in one piece: where, and how much of it. */
static struct iovec piece(const struct conn *c, uint32_t from, uint32_t len)
{
	uint32_t at = from % VSOCK_BUF, room = VSOCK_BUF - at;

	return (struct iovec){ c->ring + at, len < room ? len : room };
}

static void store(struct conn *c, struct vq_chain *chain, uint32_t len)
{
	while (len > 0) {
		struct iovec to = piece(c, c->taken, len);

		vq_read(chain, to.iov_base, to.iov_len);
		c->taken += (uint32_t)to.iov_len;
		len -= (uint32_t)to.iov_len;
	}
}

int conn_take(struct conn *c, struct vq_chain *chain, uint32_t len)
{
	if (len > VSOCK_BUF - held(c) || (c->guest_shut & SHUT_GUEST_SEND))
		return -EPROTO;
	if (!c->deaf && held(c) == 0 && len > 0 && len == chain->out_left) {
		unsigned n;
		struct iovec *iov = vq_out_iov(chain, &n);
		uint32_t did = put(c, iov, n);	/* past the ring, from guest memory */

		vq_sent(chain, did);
		c->taken += did;
		c->passed += did;
		len -= did;
	}
	if (c->deaf) {
		c->taken += len;
		c->passed += len;
	} else {
		store(c, chain, len);
	}
	return 0;
}

void conn_flush(struct conn *c)
{
	while (held(c) > 0) {
		struct iovec iov[2];
		uint32_t did, n = held(c);

		iov[0] = piece(c, c->passed, n);
		iov[1] = piece(c, c->passed + (uint32_t)iov[0].iov_len,
			       n - (uint32_t)iov[0].iov_len);
		did = put(c, iov, iov[1].iov_len ? 2 : 1);
		c->passed += did;
		if (did == 0)
			return;
	}
}

/* --- from the host to the guest ---------------------------------------------------------- */

/* A guest that takes back what it granted, or says it got more than was sent, gets nothing
 * until its numbers make sense again. */
static uint32_t credit(const struct conn *c)
{
	uint32_t in_flight = c->given - c->peer_passed;

	return in_flight < c->peer_buf ? c->peer_buf - in_flight : 0;
}

void conn_hear_credit(struct conn *c, uint32_t buf_alloc, uint32_t fwd_cnt)
{
	c->peer_buf = buf_alloc;
	c->peer_passed = fwd_cnt;
	if (credit(c) > 0)
		c->asked_credit = false;
}

static bool is_listening(const struct conn *c)
{
	return c->state == CONN_OPEN && !c->eof && !(c->guest_shut & SHUT_GUEST_RCV);
}

void conn_wake(struct conn *c)
{
	c->readable = is_listening(c);
}

size_t conn_give(struct conn *c, void *buf, size_t max)
{
	struct iovec iov = { buf, credit(c) < max ? credit(c) : max };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t got;

	do
		got = recvmsg(c->io.fd, &msg, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && !is_for_now(errno)) {
		conn_gone(c, true);
		return 0;
	}
	c->eof = got == 0;
	c->readable = got > 0 && (size_t)got == iov.iov_len;	/* a short one emptied it */
	if (got < 0)
		return 0;
	c->given += (uint32_t)got;
	return (size_t)got;
}

/* --- its end ----------------------------------------------------------------------------- */

void conn_shut(struct conn *c, uint32_t flags)
{
	c->guest_shut |= (uint8_t)(flags & SHUT_GUEST_BOTH);
	if (c->guest_shut == SHUT_GUEST_BOTH) {
		conn_gone(c, true);		/* a clean close: the guest waits for our RST */
	} else if (c->guest_shut & SHUT_GUEST_RCV) {
		shutdown(c->io.fd, SHUT_RD);
		c->readable = false;
	}
}

void conn_gone(struct conn *c, bool owes_rst)
{
	c->state = CONN_GONE;
	c->owes_request = c->owes_response = c->readable = false;
	c->owes_rst = owes_rst;
}

/* --- what the guest is to be told -------------------------------------------------------- */

/* Once the guest has said all and the host too, nothing can come any more either way. */
uint32_t conn_shut_flags(const struct conn *c)
{
	return (c->eof ? SHUT_HOST_SEND : 0u) |
	       (c->deaf || (c->eof && c->finished) ? SHUT_HOST_RCV : 0u);
}

static bool wants_credit_update(const struct conn *c)
{
	return c->owes_credit || c->passed - c->told_passed >= CREDIT_STEP;
}

enum vsock_op conn_next(const struct conn *c)
{
	if (c->owes_rst)
		return OP_RST;
	if (c->owes_request)
		return OP_REQUEST;
	if (c->owes_response)
		return OP_RESPONSE;
	if (c->state != CONN_OPEN)
		return OP_NONE;
	if (c->readable && credit(c) > 0)
		return OP_RW;			/* says all that a credit update says */
	if (wants_credit_update(c))
		return OP_CREDIT_UPDATE;
	if (c->readable && !c->asked_credit)
		return OP_CREDIT_REQUEST;
	return conn_shut_flags(c) & ~(uint32_t)c->told_shut ? OP_SHUTDOWN : OP_NONE;
}

void conn_said(struct conn *c, enum vsock_op op)
{
	c->told_passed = c->passed;
	c->owes_credit = false;
	switch (op) {
	case OP_RST:		c->owes_rst = false; break;
	case OP_REQUEST:	c->owes_request = false; break;
	case OP_RESPONSE:	c->owes_response = false; break;
	case OP_SHUTDOWN:	c->told_shut = (uint8_t)conn_shut_flags(c); break;
	case OP_CREDIT_REQUEST:	c->asked_credit = true; break;
	default:		break;
	}
}

/* --- consequences ------------------------------------------------------------------------ */

static uint32_t events(const struct conn *c)
{
	bool in = is_listening(c) && !c->readable && credit(c) > 0;

	return (in ? (uint32_t)EPOLLIN : 0) | (held(c) > 0 ? (uint32_t)EPOLLOUT : 0);
}

void conn_drop(struct conn *c, struct loop *l)
{
	if (c->io.fd >= 0) {
		loop_set(l, &c->io, 0);
		close(c->io.fd);
	}
	conn_start(c, CONN_FREE, 0, 0);
}

void conn_settle(struct conn *c, struct loop *l)
{
	bool guest_said_all = c->state == CONN_GONE || (c->guest_shut & SHUT_GUEST_SEND);

	if (c->io.fd >= 0 && guest_said_all && !c->finished && held(c) == 0) {
		shutdown(c->io.fd, SHUT_WR);
		c->finished = true;
	}
	if (c->state == CONN_GONE && held(c) == 0 && !c->owes_rst) {
		conn_drop(c, l);
		return;
	}
	if (c->io.fd >= 0 && loop_set(l, &c->io, events(c)) < 0) {
		deafen(c);			/* not a socket, or the host is out of memory */
		conn_gone(c, true);
	}
}
