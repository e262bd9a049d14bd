/* allow.c - where the guest may go, and who may come. */
#include "runner/allow.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/num.h"
#include "runner/net/egress.h"

#define LOOPBACK 0x7f000001u
#define MIN_RATE 10000u		/* bytes a second: a few frames */

/* --- words --------------------------------------------------------------------------------- */

static bool parse_ipv4(const char *text, uint32_t *out)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		return false;
	*out = ntohl(a.s_addr);
	return true;
}

static bool parse_port(const char *text, uint16_t *out)
{
	uint64_t v;

	if (num_u64(text, &v) < 0 || v < 1 || v > 65535)
		return false;
	*out = (uint16_t)v;
	return true;
}

/* A copy that may be cut up, or NULL when it is too long for anything. */
static char *copy(char *buf, size_t n, const char *text)
{
	return strlen(text) < n ? strcpy(buf, text) : NULL;
}

/* --- --allow ------------------------------------------------------------------------------- */

static int malformed(const char *text, struct err *err)
{
	return err_set(err, EINVAL, "allow: '%.80s' is not like example.org, *.example.org:443, "
		       "203.0.113.7:80 or 10.1.0.0/16", text);
}

/* Labels of letters, digits, '-' and '_'; the last is no number, or it is a broken address. */
static bool parse_name(char *out, const char *text)
{
	const char *p = strncmp(text, "*.", 2) ? text : text + 2;
	size_t n = strlen(text), label = 0;
	bool number = true;

	if (n >= NET_NAME || !*p)
		return false;
	for (; *p; p++) {
		if (*p == '.' && label == 0)
			return false;
		if (*p == '.' && !p[1])
			break;			/* one at the end means the same */
		if (*p != '.' && !isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			return false;
		number = *p == '.' || (number && isdigit((unsigned char)*p));
		label = *p == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	n = (size_t)(p - text);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	out[n] = '\0';
	return !number;
}

/* 10.1.0.0/16; 10.1.2.3 is of all its bits. */
static bool parse_range(struct net_range *r, char *text)
{
	char *slash = strchr(text, '/');
	uint64_t bits = 32;

	if (slash)
		*slash++ = '\0';
	if (!parse_ipv4(text, &r->address) || (slash && (num_u64(slash, &bits) < 0 || bits > 32)))
		return false;
	r->mask = bits ? UINT32_MAX << (32 - bits) : 0;
	return (r->address & ~r->mask) == 0;
}

/* What a guest calls 127.0.0.1 is its own: this host's is put at the gateway's address. */
static int check_loopback(struct allow *a, const struct net_rule *r, const char *text,
			  struct err *err)
{
	if (r->name[0] || r->to.address >> 24 != 127)
		return 0;
	if (r->to.address != LOOPBACK || r->to.mask != UINT32_MAX)
		return err_set(err, EINVAL, "allow: '%.40s': of 127.0.0.0/8 a guest can reach no more than "
			       "127.0.0.1", text);
	a->loopback = true;
	return 0;
}

static int add_rule(struct allow *a, const char *text, struct err *err)
{
	struct net_rule *r = &a->setup.rule[a->setup.n_rules];
	char buf[NET_NAME + 8], *to = copy(buf, sizeof(buf), text), *port = to ? strchr(to, ':') : NULL;

	if (port)
		*port++ = '\0';
	if (!to || (port && !parse_port(port, &r->port)))
		return malformed(text, err);
	if (!strcmp(to, "localhost"))
		strcpy(to, "127.0.0.1");
	if (!parse_name(r->name, to)) {
		r->name[0] = '\0';
		if (!parse_range(&r->to, to))
			return malformed(text, err);
	}
	a->setup.n_rules++;
	return check_loopback(a, r, text, err);
}

/* --- --publish ----------------------------------------------------------------------------- */

static bool split_publish(struct allow_publish *p, char *text)
{
	char *guest = text ? strrchr(text, ':') : NULL, *host;

	if (!guest)
		return false;
	*guest++ = '\0';
	host = strrchr(text, ':');
	p->at = LOOPBACK;
	if (host)
		*host++ = '\0';
	return (!host || parse_ipv4(text, &p->at)) && parse_port(host ? host : text, &p->host) &&
	       parse_port(guest, &p->guest);
}

static int add_publish(struct allow *a, const char *text, struct err *err)
{
	struct allow_publish *p = &a->publish[a->n_published++];
	char buf[64];

	if (!split_publish(p, copy(buf, sizeof(buf), text)))
		return err_set(err, EINVAL, "publish: '%.60s' is not like 8080:80 or 0.0.0.0:8080:80",
			       text);
	a->setup.published[a->setup.n_published++] = p->guest;
	return 0;
}

/* --- all of it ----------------------------------------------------------------------------- */

static const char *needs_network(const struct spec *s)
{
	return s->allow.n ? "allow" : s->publish.n ? "publish" : s->net_log ? "net-log" :
	       s->pcap ? "pcap" : s->net_rate ? "net-rate" : NULL;
}

static int check_kind(const struct spec *spec, struct err *err)
{
	const char *odd = needs_network(spec);

	if (!spec->network)
		return odd ? err_set(err, EINVAL, "%s: the machine has no network of ours; give it one "
				     "with --net user", odd) : 0;
	if (strcmp(spec->network, "user"))
		return err_set(err, EINVAL, "net: '%.40s' is not user; for a tap that you have made, see "
			       "--net-fd", spec->network);
	if (spec->net_fd)
		return err_set(err, EINVAL, "net: a machine has one network card; leave out --net or "
			       "--net-fd");
	if (spec->net_rate && spec->net_rate < MIN_RATE)
		return err_set(err, ERANGE, "net-rate: %llu bytes a second is less than %u",
			       (unsigned long long)spec->net_rate, MIN_RATE);
	return 0;
}

int allow_parse(struct allow *a, const struct spec *spec, struct err *err)
{
	int rc = check_kind(spec, err);

	*a = (struct allow){ 0 };
	a->setup.rate = spec->net_rate;
	for (unsigned i = 0; rc == 0 && i < spec->allow.n; i++)
		rc = add_rule(a, spec->allow.v[i], err);
	for (unsigned i = 0; rc == 0 && i < spec->publish.n; i++)
		rc = add_publish(a, spec->publish.v[i], err);
	return rc;
}

static int add_own(struct net_setup *s, const struct ifaddrs *i, struct err *err)
{
	struct sockaddr_in address, mask;
	struct net_range *r = &s->own[s->n_own];

	if (!i->ifa_addr || !i->ifa_netmask || i->ifa_addr->sa_family != AF_INET)
		return 0;
	memcpy(&address, i->ifa_addr, sizeof(address));
	memcpy(&mask, i->ifa_netmask, sizeof(mask));
	if (egress_is_special(s, ntohl(address.sin_addr.s_addr)))
		return 0;
	if (s->n_own == NET_OWN)
		return err_set(err, E2BIG, "net: this host is in more than %u public networks", NET_OWN);
	r->mask = mask.sin_addr.s_addr ? ntohl(mask.sin_addr.s_addr) : UINT32_MAX;
	r->address = ntohl(address.sin_addr.s_addr) & r->mask;
	s->n_own++;
	return 0;
}

static uint32_t ipv4(const uint8_t a[4])
{
	return (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
}

int allow_host(struct allow *a, const struct msg_card *card, struct err *err)
{
	struct ifaddrs *all;
	int rc = 0;

	a->setup.guest = ipv4(card->address);
	a->setup.gateway = ipv4(card->gateway);
	for (unsigned i = 0; i < a->setup.n_rules; i++)
		if (!a->setup.rule[i].name[0] && a->setup.rule[i].to.address == LOOPBACK)
			a->setup.rule[i].to.address = a->setup.gateway;
	if (getifaddrs(&all) < 0)
		return err_sys(err, "net: this host's own addresses");
	for (const struct ifaddrs *i = all; rc == 0 && i; i = i->ifa_next)
		rc = add_own(&a->setup, i, err);
	freeifaddrs(all);
	return rc;
}
