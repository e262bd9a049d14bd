/* net.h - virtio-net (virtio 1.2, 5.1) over a tap or a connected stream socket.
 *
 * Two queues, no offloads: the guest checksums, frames are at most 1514 bytes (MTU 1500).
 * A stream carries passt's framing: a 32-bit big-endian length, then the frame. */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include "virtio/virtio.h"

enum net_kind { NET_KIND_TAP, NET_KIND_STREAM };

#define NET_MAX_FRAME 1514u	/* bytes: Ethernet header and 1500 */
#define NET_PREFIX 4u		/* bytes of length in front of a frame in a stream */

struct net_partial {		/* a frame, half moved; on a tap the prefix is ours alone */
	uint32_t have;		/* bytes moved so far */
	uint8_t bytes[NET_PREFIX + NET_MAX_FRAME + 1];	/* +1 shows a frame that is too long */
};

struct net {
	struct virtio_dev dev;
	struct loop_io io;		/* the backend; io.fd is borrowed, non-blocking */
	enum net_kind kind;
	bool dead;			/* the backend failed: nothing comes or goes any more */
	bool starved;			/* `in` waits for a buffer of the guest: do not poll */
	bool sending;			/* `out` waits for room in the stream */
	struct net_partial in, out;
	struct log_once dropped, failed;
	struct vq_chain chain;
};

/* fd must be non-blocking.  A tap has IFF_NO_PI and no vnet header. */
int  net_init(struct net *n, int fd, enum net_kind kind, const uint8_t mac[6], struct err *err);
void net_fini(struct net *n);		/* before the loop goes; the fd stays open */

#endif
