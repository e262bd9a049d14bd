/* tell.h - what is kept of a run's network: counts, a line a connection, frames.
 *
 * A connection is told once: what looks the same within a minute is the same. The guest decides
 * how much there is to tell, so log and capture end at a size; the counts go on. */
#ifndef RUNNER_NET_TELL_H
#define RUNNER_NET_TELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/net/frame.h"
#include "runner/net/wire.h"

#define TELL_LINES	100000u
#define TELL_PCAP	(1ull << 30)	/* bytes */
#define TELL_SEEN	1024u		/* connections remembered; a power of two */

struct tell {
	int log, pcap;				/* or -1 */
	uint32_t lines;
	uint64_t captured;
	struct net_totals totals;
	struct seen {
		uint32_t to, ports;
		uint8_t kind, verdict;
		uint32_t second;		/* of CLOCK_MONOTONIC; 0: none */
	} seen[TELL_SEEN];
};

enum verdict { DENIED, ALLOWED, ACCEPTED };	/* the last: from outside, of --publish */

void tell_init(struct tell *t, int log, int pcap);

/* name: by which the guest knows the other end, or NULL. */
void tell_connection(struct tell *t, const struct frame *f, enum verdict v, const char *name);

/* n: how many addresses it was answered with. */
void tell_name(struct tell *t, const char *name, bool denied, unsigned n);

void tell_frame(struct tell *t, const uint8_t *frame, size_t len);

#endif
