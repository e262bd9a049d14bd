/* conn.h - one vsock connection: a connected descriptor on one side, the guest's and our
 * credit on the other.
 *
 * It knows no queues: vsock.c brings what the guest sent and asks what the guest is to be
 * told.  After any of these calls conn_settle() draws the consequences: end of a direction,
 * close, what epoll is asked for.
 *
 * Bytes from the guest are counted from the start of the connection, modulo 2^32: `taken` of
 * them came in, `passed` went on to the descriptor, and those between lie in the ring at
 * their count modulo its size. */
#ifndef VIRTIO_CONN_H
#define VIRTIO_CONN_H

#include "lib/loop.h"
#include "virtio/vq.h"
#include "virtio/vsock.h"

enum vsock_op {
	OP_NONE, OP_REQUEST, OP_RESPONSE, OP_RST, OP_SHUTDOWN, OP_RW, OP_CREDIT_UPDATE,
	OP_CREDIT_REQUEST,
};

enum { SHUT_GUEST_RCV = 1, SHUT_GUEST_SEND = 2, SHUT_GUEST_BOTH = 3 };	/* in a guest's packet */
enum { SHUT_HOST_RCV = 1, SHUT_HOST_SEND = 2 };				/* in one of ours */

enum conn_state {
	CONN_FREE,
	CONN_ASKED,		/* the guest connects; request() was called */
	CONN_CALLED,		/* we connect; the guest has not answered */
	CONN_OPEN,
	CONN_GONE,		/* over for the guest; what it sent may still be in the ring */
};

struct conn {
	struct loop_io io;		/* fd: ours, -1 without */
	struct vsock *owner;
	uint8_t *ring;			/* VSOCK_BUF bytes */

	enum conn_state state;
	uint32_t guest_port, host_port;
	uint32_t id;			/* of the request, while ASKED */

	uint32_t taken, passed;		/* bytes from the guest; passed is our fwd_cnt */
	uint32_t told_passed;		/* the fwd_cnt the guest last saw */
	uint32_t given;			/* bytes to the guest */
	uint32_t peer_buf, peer_passed;	/* as the guest said: its buf_alloc and fwd_cnt */

	uint8_t guest_shut;		/* what the guest said it will not do any more */
	uint8_t told_shut;		/* what we said so */
	bool readable;			/* the descriptor may have something; not polled for */
	bool eof;			/* the host has said all it will say */
	bool deaf;			/* the host takes no more: what comes is thrown away */
	bool finished;			/* the host was told that the guest has said all */

	bool owes_request, owes_response, owes_rst, owes_credit;
	bool asked_credit;		/* and no answer yet */
};

/* The slot's io.ready, owner and ring stay; all else starts anew, without descriptor. */
void conn_start(struct conn *c, enum conn_state state, uint32_t guest_port, uint32_t host_port);

/* What the guest does.  conn_take(): the next `len` readable bytes of the chain; -EPROTO when
 * that is more than its credit. */
void conn_hear_credit(struct conn *c, uint32_t buf_alloc, uint32_t fwd_cnt);
int  conn_take(struct conn *c, struct vq_chain *chain, uint32_t len);
void conn_shut(struct conn *c, uint32_t flags);
void conn_gone(struct conn *c, bool owes_rst);

/* What the host does: the descriptor can be written; it may have something to read; up to
 * max bytes from it for the guest, never more than its credit, 0 when there is nothing. */
void conn_flush(struct conn *c);
void conn_wake(struct conn *c);
size_t conn_give(struct conn *c, void *buf, size_t max);

/* What the guest is to be told next, or OP_NONE.  An OP_RW may turn out to be nothing. */
enum vsock_op conn_next(const struct conn *c);
uint32_t conn_shut_flags(const struct conn *c);		/* for its OP_SHUTDOWN */
void conn_said(struct conn *c, enum vsock_op op);	/* it was told */

void conn_settle(struct conn *c, struct loop *l);
void conn_drop(struct conn *c, struct loop *l);		/* at once, whatever is in the ring */

#endif
