/* peer.h - the host side of a hostile guest's sockets: a runner that answers the broker,
 * echoing and silent services, and the other end of the network's stream. */
#ifndef GUEST_PEER_H
#define GUEST_PEER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/guest/usage.h"

#define PEER_CONNS 512
#define PEER_POLLS (2 + PEER_CONNS)

struct conn {
	int fd;
	bool echo;
	uint32_t have;			/* bytes to send back */
	uint8_t buf[4096];
};

struct wire {
	int fd;
	uint64_t stalled_until;		/* ns; 0: reads */
	uint32_t have;			/* of the frame that comes in */
	uint8_t in[65536];
	uint32_t queued;		/* to send back */
	uint8_t out[65536];
};

struct peer {
	int broker;
	struct wire wire;
	struct conn conn[PEER_CONNS];
	unsigned n_conns;
	pid_t monitor;
	struct usage sample[2];		/* at the first two connects to PORT_SAMPLE */
	unsigned n_samples;
	int beside;			/* whom to tell that we work, and whose end we await; or -1 */
	char complaint[200];		/* what the monitor did wrong, or "" */
};

/* Descriptors are the peer's from here on, but for `beside`. */
void peer_init(struct peer *p, pid_t monitor, int broker, int wire, int beside);
void peer_fini(struct peer *p);

/* What to poll for; returns how many of the PEER_POLLS are used.  *timeout_ms is lowered
 * if something is due earlier. */
unsigned peer_polls(struct peer *p, struct pollfd *fds, int *timeout_ms);
void     peer_serve(struct peer *p, const struct pollfd *fds, unsigned n);

#endif
