/* vsock.h - virtio-vsock (virtio 1.2, 5.10), streams only, without one socket() call.
 *
 * A connection is a connected AF_UNIX stream that somebody hands in.  The guest's connects
 * become request() and wait for vsock_accept() or vsock_refuse(); host-made connections come
 * in through vsock_connect().  Every connection has a ring of its own for what the host side
 * does not take at once; the credit the guest sees is that ring's free space, so one slow
 * reader stalls nobody else and nothing is ever dropped: what the guest sent before it closed
 * or reset a connection still reaches the host.  All calls on the device's loop. */
#ifndef VIRTIO_VSOCK_H
#define VIRTIO_VSOCK_H

#include "lib/limits.h"
#include "virtio/virtio.h"

#define VSOCK_BUF 65536u	/* bytes a connection buffers towards the host: its credit */

struct vsock;

/* The guest wants host port `port`; answer with id, at once or later.  A request the guest
 * gave up meanwhile may still be answered; the answer is then dropped. */
typedef void vsock_request_fn(void *ctx, uint32_t id, uint32_t port);

/* The one device there can be.  Its rings are zero pages until a reader is slow. */
struct vsock *vsock_storage(void);
struct virtio_dev *vsock_dev(struct vsock *v);

int  vsock_init(struct vsock *v, uint64_t guest_cid, vsock_request_fn *request, void *ctx,
		struct err *err);
void vsock_fini(struct vsock *v);	/* closes all descriptors, before the loop goes */

/* fd: connected stream socket, blocking or not, owned by the device from here on, also on
 * failure.  An id that is not waiting: the fd is closed.  Return 0, -ENOENT, -EMFILE (no
 * slot free). */
int  vsock_accept(struct vsock *v, uint32_t id, int fd);
void vsock_refuse(struct vsock *v, uint32_t id);
int  vsock_connect(struct vsock *v, uint32_t port, int fd);

/* What a snapshot keeps.  A connection does not survive one: the driver is told to reset what it
 * has (5.10.6.7).  But a request that waits for its answer does: it is made again, to whoever
 * is there then. */
struct vsock_state {
	uint32_t n;
	uint32_t lost;			/* 1: there were connections */
	struct vsock_conn_state {
		uint32_t asked;		/* 1: it waits for an answer; 0: it will be reset */
		uint32_t guest_port, host_port, peer_buf, peer_passed;
	} conn[MAX_VSOCK_CONNS];
};

/* As virtio_save() and virtio_load(), and besides them.  vsock_resume() calls request(). */
void vsock_save(const struct vsock *v, struct vsock_state *s);
int  vsock_load(struct vsock *v, const struct vsock_state *s);
void vsock_resume(struct vsock *v);

#endif
