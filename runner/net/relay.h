/* relay.h - frames from the guest to passt and back, each read once, and passed or not. */
#ifndef RUNNER_NET_RELAY_H
#define RUNNER_NET_RELAY_H

#include "runner/net/egress.h"
#include "runner/net/resolve.h"
#include "runner/net/tell.h"
#include "runner/net/wire.h"

#define RELAY_PREFIX	4u
#define RELAY_FRAME	65549u		/* bytes: a datagram that passt does not cut up; not passed */
#define RELAY_BUFFER	(1u << 17)

struct relay_end {
	int fd;				/* non-blocking stream */
	bool over;			/* it has hung up */
	size_t in_at, in_end;		/* what was read and is not dealt with */
	size_t out_at, out_end;		/* what is to be written */
	int64_t tokens;			/* bytes it may send now, if there is a rate */
	uint64_t filled;		/* since when that is so */
	uint8_t in[RELAY_BUFFER], out[RELAY_BUFFER];
};

struct relay {
	struct net_setup setup;
	struct egress egress;
	struct resolve resolve;
	struct tell tell;
	struct relay_end guest, passt;
	int runner;
	bool guest_spoke;
	uint8_t guest_mac[6];		/* as its last frame had it */
};

/* The descriptors of wire.h, those that the struct has no place for in the tables, and r->setup
 * are in place. */
void relay_init(struct relay *r);

/* One round; -EPIPE when the machine is over, another error when the network is. */
int relay_step(struct relay *r, struct err *err);

/* A frame of either side, and what comes of it in the buffers. */
void relay_from_guest(struct relay *r, const uint8_t *frame, size_t len);
void relay_from_passt(struct relay *r, const uint8_t *frame, size_t len);

#endif
