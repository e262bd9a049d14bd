/* dns.c - questions for names, and answers. */
#include "runner/net/dns.h"

#include <errno.h>
#include <string.h>

enum { HEADER = 12, QR = 0x80, OPCODE = 0x78, RD = 1, RA = 0x80 };
enum { TYPE_A = 1, CLASS_IN = 1 };

#define TTL 60		/* seconds; what was answered stays allowed for longer */

/* Such as host names are made of: what goes into logs and to the host's resolver. */
static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* The labels at b[0..n) as text; the bytes they take, or 0. */
static size_t read_name(char *name, const uint8_t *b, size_t n)
{
	size_t at = 0, out = 0;

	while (at < n && b[at] != 0) {
		size_t label = b[at++];

		if (label > 63 || label > n - at || label > NET_NAME - 1 - out)
			return 0;		/* a pointer, too: a question needs none */
		for (; label > 0; label--, at++) {
			uint8_t c = b[at] >= 'A' && b[at] <= 'Z' ? b[at] + 32 : b[at];

			if (!is_plain(c))
				return 0;
			name[out++] = (char)c;
		}
		if (out < NET_NAME - 1)
			name[out++] = '.';
	}
	if (at == n || out == 0)
		return 0;
	name[name[out - 1] == '.' ? out - 1 : out] = '\0';
	return at + 1;
}

int dns_read(struct dns_question *q, const uint8_t *b, size_t n)
{
	size_t name;

	*q = (struct dns_question){ 0 };
	if (n < HEADER || b[2] & QR)
		return -EPROTO;
	q->id = (uint16_t)(b[0] << 8 | b[1]);
	q->recursion = b[2] & RD;
	if (b[2] & OPCODE)
		return DNS_NOTIMP;
	if (b[4] != 0 || b[5] != 1)
		return DNS_FORMERR;
	b += HEADER;
	n -= HEADER;
	name = read_name(q->name, b, n);
	if (name == 0 || n - name < 4)
		return DNS_FORMERR;
	q->len = name + 4;
	memcpy(q->wire, b, q->len);
	b += name;
	q->address = b[0] == 0 && b[1] == TYPE_A;
	return b[2] == 0 && b[3] == CLASS_IN ? DNS_OK : DNS_NOTIMP;
}

size_t dns_answer(const struct dns_question *q, enum dns_rcode rcode, const uint32_t *address,
		  unsigned n, uint8_t *out)
{
	static const uint8_t record[] = { 0xc0, HEADER, 0, TYPE_A, 0, CLASS_IN, 0, 0, 0, TTL, 0, 4 };
	uint8_t *p = out + HEADER + q->len;

	memset(out, 0, HEADER);
	out[0] = (uint8_t)(q->id >> 8);
	out[1] = (uint8_t)q->id;
	out[2] = QR | (q->recursion ? RD : 0);
	out[3] = (uint8_t)(RA | rcode);
	out[5] = q->len > 0;
	out[7] = (uint8_t)n;
	memcpy(out + HEADER, q->wire, q->len);
	for (unsigned i = 0; i < n; i++, p += 16) {
		memcpy(p, record, sizeof(record));
		for (unsigned j = 0; j < 4; j++)
			p[12 + j] = (uint8_t)(address[i] >> (24 - 8 * j));
	}
	return (size_t)(p - out);
}
