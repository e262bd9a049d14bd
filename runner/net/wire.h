/* wire.h - what sandbox-net is started with, and what it says to whom.
 *
 * It stands between the monitor's card and passt: two streams with the same framing, before each
 * frame its length, 32 bits, big-endian.  Packets to and from runner and sandbox-names are these
 * structs, whole.  Addresses are IPv4 in host order. */
#ifndef RUNNER_NET_WIRE_H
#define RUNNER_NET_WIRE_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/limits.h"

enum {
	NET_FD_RUNNER = 3,	/* SOCK_SEQPACKET: one net_setup comes, net_reports go */
	NET_FD_GUEST,		/* the monitor's stream */
	NET_FD_PASST,		/* passt's */
	NET_FD_NAMES,		/* SOCK_SEQPACKET to sandbox-names, which has it as NET_FD_RUNNER */
	NET_FD_LOG,		/* --net-log, or absent */
	NET_FD_PCAP,		/* --pcap, or absent */
	NET_FD_END,
};

#define NET_OWN		64	/* networks that this host is in */
#define NET_NAME	254	/* bytes of a name, with its NUL */
#define NET_ADDRESSES	16	/* of one name */

/* As the guest sees them, where --address does not say otherwise: out of a range that is never
 * routed, and made for a translator next to a host (RFC 7335).  The gateway is sandbox-net. */
#define NET_GUEST	0xc0000002u	/* 192.0.0.2/29 */
#define NET_GATEWAY	0xc0000001u
#define NET_BITS	29
#define NET_MAC		{ 0x02, 0x53, 0x42, 0x58, 0x00, 0x01 }

struct net_range {
	uint32_t address, mask;
};

struct net_rule {
	struct net_range to;	/* if there is no name */
	uint16_t port;		/* 0: any */
	char name[NET_NAME];	/* lower case, no dot at its end; "" for a range */
};

struct net_setup {
	uint32_t guest, gateway;
	uint64_t rate;				/* bytes a second, each way; 0: no limit */
	uint32_t n_rules, n_own, n_published;	/* no rules: all that is public */
	struct net_rule rule[MAX_ALLOW];
	struct net_range own[NET_OWN];
	uint16_t published[MAX_PUBLISH];	/* TCP ports of the guest */
};

struct net_totals {
	uint64_t allowed, denied, accepted;	/* connections and flows; accepted: of --publish */
	uint64_t names, names_denied;		/* answered with an address; refused by policy */
	uint64_t bytes_out, bytes_in;		/* frames that passed */
	uint64_t dropped;			/* frames that are no packet of the guest's, or for it */
	int32_t log_error, pcap_error;		/* errno of the first write that failed */
};

struct net_report {
	struct err err;				/* why it cannot go on, or code 0: the machine is over */
	struct net_totals totals;
};

struct name_ask {
	uint32_t serial;
	char name[NET_NAME + 2];
};

struct name_answer {
	uint32_t serial;
	uint32_t rcode;				/* 0, or why there is no address */
	uint32_t n;
	uint32_t address[NET_ADDRESSES];
};

#endif
