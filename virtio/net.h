/* net.h - virtio-net (virtio 1.2, 5.1) over a tap or a connected stream socket.
 *
 * Two queues, no offloads: the guest checksums, frames are at most 1514 bytes (MTU 1500).
 * A stream carries passt's framing: a 32-bit big-endian length, then the frame. */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include "virtio/virtio.h"

enum net_kind { NET_KIND_TAP, NET_KIND_STREAM };

#define NET_MAX_FRAME 1514u	/* bytes: Ethernet header and 1500 */

struct net_partial {		/* a frame of a stream, half moved */
	uint32_t have;
	uint8_t bytes[4 + NET_MAX_FRAME];
};

struct net {
	struct virtio_dev dev;
	struct loop_io io;		/* the backend; io.fd is borrowed, non-blocking */
	enum net_kind kind;
	bool reading;			/* EPOLLIN is on: the guest has buffers */
	uint32_t events;		/* what epoll is asked for now */
	struct net_partial in, out;
	struct vq_chain chain;
};

/* fd must be non-blocking.  A tap has IFF_NO_PI and no vnet header. */
int net_init(struct net *n, int fd, enum net_kind kind, const uint8_t mac[6], struct err *err);

#endif
