/* dns.h - questions for names, and answers: RFC 1035, one question, addresses of IPv4. */
#ifndef RUNNER_NET_DNS_H
#define RUNNER_NET_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/net/wire.h"

enum dns_rcode { DNS_OK, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED };

#define DNS_QUESTION (255 + 4)		/* bytes of a name on the wire, type and class */
#define DNS_MOST (12 + DNS_QUESTION + 16 * NET_ADDRESSES)

struct dns_question {
	uint16_t id;
	bool recursion;			/* was asked for, and so is said back */
	bool address;			/* of type A: the only one that has answers */
	char name[NET_NAME];		/* lower case, no dot at its end */
	size_t len;			/* of wire[] */
	uint8_t wire[DNS_QUESTION];	/* as it was asked */
};

/* DNS_OK, or with what to refuse it (dns_answer() can), or -EPROTO: no answer at all. */
int dns_read(struct dns_question *q, const uint8_t *bytes, size_t n);

/* Into out[DNS_MOST]; returns the length. */
size_t dns_answer(const struct dns_question *q, enum dns_rcode rcode, const uint32_t *address,
		  unsigned n, uint8_t *out);

#endif
