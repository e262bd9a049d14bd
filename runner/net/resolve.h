/* resolve.h - the guest's resolver: questions that wait for sandbox-names. */
#ifndef RUNNER_NET_RESOLVE_H
#define RUNNER_NET_RESOLVE_H

#include "runner/net/dns.h"
#include "runner/net/egress.h"
#include "runner/net/frame.h"
#include "runner/net/tell.h"

#define RESOLVE_WAITING 32

struct resolve {
	int names;			/* to sandbox-names, non-blocking; -1: it is gone */
	uint32_t serial;
	struct egress *egress;
	struct tell *tell;
	struct waiting {
		uint32_t serial;	/* 0: free */
		uint16_t port;		/* of the guest */
		uint64_t since;
		struct dns_question q;
	} waiting[RESOLVE_WAITING];
};

/* A datagram to the gateway's port 53.  Returns the length of an answer in out[DNS_MOST], or 0:
 * it comes later, or never. */
size_t resolve_ask(struct resolve *r, const struct frame *f, uint8_t *out);

/* sandbox-names has something to say: the answer, and *port to which it goes; or 0. */
size_t resolve_answer(struct resolve *r, uint16_t *port, uint8_t *out);

#endif
