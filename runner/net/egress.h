/* egress.h - where the guest may go.
 *
 * One question, asked of each packet: an address and a port.  What --allow names by number is
 * allowed, whatever it is.  Beyond that nobody gets to a special address: private, of a link,
 * this host's own, a cloud's metadata.  Without any --allow the rest is allowed; else what a
 * name that is allowed was answered with, for that name's ports, as long as the run lasts. */
#ifndef RUNNER_NET_EGRESS_H
#define RUNNER_NET_EGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/net/wire.h"

#define EGRESS_PINS 2048

struct egress {
	const struct net_setup *setup;		/* borrowed */
	unsigned n_pins;
	struct {
		uint32_t address;
		uint32_t rule;
	} pin[EGRESS_PINS];
};

/* port 0: no port, as a ping has none; a rule for one port does not cover it. */
bool egress_allows(const struct egress *e, uint32_t to, uint16_t port);

/* May this name be asked for?  Lower case, without a dot at its end. */
bool egress_allows_name(const struct egress *e, const char *name);

/* The name has this address.  1: tell the guest; it may go there now if the name's rules say so.
 * 0: not to be told.  -ENOSPC: the table is full. */
int egress_pin(struct egress *e, const char *name, uint32_t address);

/* The name by which the guest knows the address, or NULL. */
const char *egress_name(const struct egress *e, uint32_t address);

/* One that only a rule for its number may allow. */
bool egress_is_special(const struct net_setup *setup, uint32_t address);

#endif
