/* egress.c - where the guest may go. */
#include "runner/net/egress.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define BITS(n) (0xffffffffu << (32 - (n)))

/* What the registry of special addresses has as not of the public Internet, and where clouds
 * keep what they tell their machines outside of it.  0/8 is this host, to Linux. */
static const struct net_range special[] = {
	{ 0x00000000, BITS(8) },	/* 0.0.0.0 */
	{ 0x0a000000, BITS(8) },	/* 10.0.0.0 */
	{ 0x64400000, BITS(10) },	/* 100.64.0.0: carriers; 100.100.100.200 is metadata */
	{ 0x7f000000, BITS(8) },	/* 127.0.0.0 */
	{ 0xa83f8110, BITS(32) },	/* 168.63.129.16: metadata */
	{ 0xa9fe0000, BITS(16) },	/* 169.254.0.0: a link; 169.254.169.254 is metadata */
	{ 0xac100000, BITS(12) },	/* 172.16.0.0 */
	{ 0xc0000000, BITS(24) },	/* 192.0.0.0: protocols, the guest's own; metadata */
	{ 0xc0a80000, BITS(16) },	/* 192.168.0.0 */
	{ 0xc6120000, BITS(15) },	/* 198.18.0.0: benchmarks */
	{ 0xe0000000, BITS(3) },	/* 224.0.0.0: groups, reserved, everybody */
};

static bool in_any(const struct net_range *r, size_t n, uint32_t address)
{
	for (size_t i = 0; i < n; i++)
		if ((address & r[i].mask) == r[i].address)
			return true;
	return false;
}

bool egress_is_special(const struct net_setup *setup, uint32_t address)
{
	return in_any(special, sizeof(special) / sizeof(special[0]), address) ||
	       in_any(setup->own, setup->n_own, address);
}

/* By number, for that port; NULL: for any port at all. */
static bool is_named(const struct net_setup *s, uint32_t to, const uint16_t *port)
{
	for (unsigned i = 0; i < s->n_rules; i++) {
		const struct net_rule *r = &s->rule[i];

		if (!r->name[0] && in_any(&r->to, 1, to) && (!port || !r->port || r->port == *port))
			return true;
	}
	return false;
}

bool egress_allows(const struct egress *e, uint32_t to, uint16_t port)
{
	if (is_named(e->setup, to, &port))
		return true;
	if (egress_is_special(e->setup, to))
		return false;
	for (unsigned i = 0; i < e->n_pins; i++) {
		uint16_t of = e->setup->rule[e->pin[i].rule].port;

		if (e->pin[i].address == to && (!of || of == port))
			return true;
	}
	return e->setup->n_rules == 0;
}

/* --- names -------------------------------------------------------------------------------- */

/* "*.example.org" is all names below that one, and not that one. */
static bool matches(const struct net_rule *r, const char *name)
{
	size_t n = strlen(name), suffix = strlen(r->name);

	if (r->name[0] != '*')
		return r->name[0] && !strcmp(r->name, name);
	return n > suffix - 1 && !strcmp(r->name + 1, name + n - (suffix - 1));
}

bool egress_allows_name(const struct egress *e, const char *name)
{
	for (unsigned i = 0; i < e->setup->n_rules; i++)
		if (matches(&e->setup->rule[i], name))
			return true;
	return e->setup->n_rules == 0;
}

static int add_pin(struct egress *e, uint32_t address, uint32_t rule)
{
	for (unsigned i = 0; i < e->n_pins; i++)
		if (e->pin[i].address == address && e->pin[i].rule == rule)
			return 0;
	if (e->n_pins == EGRESS_PINS)
		return -ENOSPC;
	e->pin[e->n_pins].address = address;
	e->pin[e->n_pins++].rule = rule;
	return 0;
}

int egress_pin(struct egress *e, const char *name, uint32_t address)
{
	int rc = 0;

	if (egress_is_special(e->setup, address))
		return is_named(e->setup, address, NULL);
	for (unsigned i = 0; rc == 0 && i < e->setup->n_rules; i++)
		if (matches(&e->setup->rule[i], name))
			rc = add_pin(e, address, i);
	return rc < 0 ? rc : 1;
}

const char *egress_name(const struct egress *e, uint32_t address)
{
	for (unsigned i = 0; i < e->n_pins; i++)
		if (e->pin[i].address == address)
			return e->setup->rule[e->pin[i].rule].name;
	return NULL;
}
