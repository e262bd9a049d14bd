/* resolve.c - the guest's resolver. */
#include "runner/net/resolve.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/io.h"

#define PATIENCE 30000000000ull	/* ns: by then nobody waits any more */

static struct waiting *find(struct resolve *r, uint32_t serial)
{
	for (unsigned i = 0; i < RESOLVE_WAITING; i++)
		if (r->waiting[i].serial == serial)
			return &r->waiting[i];
	return NULL;
}

static struct waiting *find_free(struct resolve *r)
{
	uint64_t now = now_ns();

	for (unsigned i = 0; i < RESOLVE_WAITING; i++)
		if (!r->waiting[i].serial || now - r->waiting[i].since > PATIENCE)
			return &r->waiting[i];
	return NULL;
}

/* Asked of sandbox-names: DNS_OK, and the answer will come. */
static int pass_on(struct resolve *r, const struct dns_question *q, uint16_t port)
{
	struct waiting *w = find_free(r);
	struct name_ask ask = { .serial = r->serial + 1 ? r->serial + 1 : 1 };

	if (!w || r->names < 0)
		return DNS_SERVFAIL;
	strcpy(ask.name, q->name);
	if (io_write_some(r->names, &ask, sizeof(ask)) != sizeof(ask))
		return DNS_SERVFAIL;
	r->serial = ask.serial;
	*w = (struct waiting){ .serial = ask.serial, .port = port, .since = now_ns(), .q = *q };
	return DNS_OK;
}

size_t resolve_ask(struct resolve *r, const struct frame *f, uint8_t *out)
{
	struct dns_question q;
	int rc = dns_read(&q, f->data, f->data_len);

	if (rc < 0)
		return 0;
	if (rc == DNS_OK && !egress_allows_name(r->egress, q.name)) {
		tell_name(r->tell, q.name, true, 0);
		rc = DNS_REFUSED;
	} else if (rc == DNS_OK && q.address) {
		rc = pass_on(r, &q, f->from_port);
		if (rc == DNS_OK)
			return 0;
	}
	return dns_answer(&q, (enum dns_rcode)rc, NULL, 0, out);
}

/* Those that the guest may be told come first in address[]; how many, or an error. */
static int choose(struct resolve *r, const char *name, uint32_t *address, uint32_t n)
{
	int chosen = 0;

	for (uint32_t i = 0; i < n; i++) {
		int rc = egress_pin(r->egress, name, address[i]);

		if (rc < 0)
			return rc;
		if (rc)
			address[chosen++] = address[i];
	}
	return chosen;
}

static size_t answer(struct resolve *r, const struct dns_question *q, struct name_answer *a,
		     uint8_t *out)
{
	int n = choose(r, q->name, a->address, a->n);
	enum dns_rcode rcode = n < 0 ? DNS_SERVFAIL : a->n && !n ? DNS_REFUSED :
			       a->rcode < DNS_NOTIMP ? (enum dns_rcode)a->rcode : DNS_SERVFAIL;

	tell_name(r->tell, q->name, rcode == DNS_REFUSED, n < 0 ? 0 : (unsigned)n);
	return dns_answer(q, rcode, a->address, n < 0 ? 0 : (unsigned)n, out);
}

size_t resolve_answer(struct resolve *r, uint16_t *port, uint8_t *out)
{
	struct name_answer a;
	ssize_t got = io_read_some(r->names, &a, sizeof(a));
	struct waiting *w;

	if (got == -EAGAIN)
		return 0;
	if (got != sizeof(a) || a.n > NET_ADDRESSES) {
		close(r->names);
		r->names = -1;
		return 0;
	}
	w = a.serial ? find(r, a.serial) : NULL;
	if (!w)
		return 0;		/* too late */
	w->serial = 0;
	*port = w->port;
	return answer(r, &w->q, &a, out);
}
