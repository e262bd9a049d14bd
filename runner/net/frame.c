/* frame.c - Ethernet frames: what they are, and answers to them. */
#include "runner/net/frame.h"

#include <string.h>

enum { ETHER = 14, ARP = 28, IP = 20, TCP = 20, UDP = 8 };	/* bytes of headers */
enum { TYPE_IP = 0x0800, TYPE_ARP = 0x0806 };
enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17 };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
enum { ECHO_REPLY = 0, UNREACHABLE = 3, ECHO = 8, PROHIBITED = 13 };

static uint16_t get16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static uint32_t get32(const uint8_t *b)
{
	return (uint32_t)get16(b) << 16 | get16(b + 2);
}

static void put16(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static void put32(uint8_t *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b + 2, v);
}

/* --- reading ------------------------------------------------------------------------------ */

static enum frame_kind read_arp(struct frame *f, const uint8_t *a, size_t n)
{
	static const uint8_t request[] = { 0, 1, 8, 0, 6, 4, 0, 1 };	/* Ethernet, IPv4, who has */

	if (n < ARP || memcmp(a, request, sizeof(request)))
		return FRAME_OTHER;
	f->from = get32(a + 14);
	f->to = get32(a + 24);
	return FRAME_ARP;
}

static enum frame_kind read_tcp(struct frame *f, const uint8_t *t, size_t n)
{
	size_t header = n < TCP ? 0 : (t[12] >> 4) * 4u;

	if (header < TCP || header > n)
		return FRAME_OTHER;
	f->from_port = get16(t);
	f->to_port = get16(t + 2);
	f->opens = (t[13] & (SYN | ACK)) == SYN;
	f->resets = t[13] & RST;
	f->next = get32(t + 4) + (uint32_t)(n - header) + !!(t[13] & SYN) + !!(t[13] & FIN);
	return FRAME_TCP;
}

static enum frame_kind read_udp(struct frame *f, const uint8_t *u, size_t n)
{
	if (n < UDP || get16(u + 4) < UDP || get16(u + 4) > n)
		return FRAME_OTHER;
	f->from_port = get16(u);
	f->to_port = get16(u + 2);
	f->data = u + UDP;
	f->data_len = get16(u + 4) - (size_t)UDP;
	return FRAME_UDP;
}

static enum frame_kind read_ip(struct frame *f, const uint8_t *p, size_t n)
{
	size_t header = n < IP ? 0 : (p[0] & 15) * 4u, len = header ? get16(p + 2) : 0;

	if (header < IP || p[0] >> 4 != 4 || len < header || len > n || get16(p + 6) & 0x3fff)
		return FRAME_OTHER;		/* the last: a fragment */
	f->ip = p;
	f->ip_len = len;
	f->from = get32(p + 12);
	f->to = get32(p + 16);
	p += header;
	len -= header;
	switch (f->ip[9]) {
	case PROTO_TCP:
		return read_tcp(f, p, len);
	case PROTO_UDP:
		return read_udp(f, p, len);
	case PROTO_ICMP:
		return len >= 8 && (p[0] == ECHO || p[0] == ECHO_REPLY) ? FRAME_PING : FRAME_OTHER;
	default:
		return FRAME_OTHER;
	}
}

enum frame_kind frame_read(struct frame *f, const uint8_t *bytes, size_t len)
{
	*f = (struct frame){ .at = bytes };
	if (len < ETHER || len > FRAME_MAX)
		return FRAME_OTHER;
	if (get16(bytes + 12) == TYPE_ARP)
		f->kind = read_arp(f, bytes + ETHER, len - ETHER);
	else if (get16(bytes + 12) == TYPE_IP)
		f->kind = read_ip(f, bytes + ETHER, len - ETHER);
	return f->kind;
}

/* --- answers ------------------------------------------------------------------------------ */

static uint32_t add_up(uint32_t sum, const uint8_t *b, size_t n)
{
	for (; n > 1; n -= 2, b += 2)
		sum += get16(b);
	return n ? sum + (uint32_t)(b[0] << 8) : sum;
}

static uint32_t checksum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static void put_ether(uint8_t *out, const uint8_t to[6], const uint8_t from[6], uint32_t type)
{
	memcpy(out, to, 6);
	memcpy(out + 6, from, 6);
	put16(out + 12, type);
}

/* Headers around the n bytes that stand behind them already, at `sum` their checksum, if any. */
static size_t put_ip(const struct frame_ends *e, uint8_t proto, size_t n, size_t sum, uint8_t *out)
{
	uint8_t *p = out + ETHER;
	uint32_t pseudo = 0;

	put_ether(out, e->to_mac, e->from_mac, TYPE_IP);
	memset(p, 0, IP);
	p[0] = 0x45;
	put16(p + 2, (uint32_t)n + IP);
	p[8] = 64;
	p[9] = proto;
	put32(p + 12, e->from);
	put32(p + 16, e->to);
	put16(p + 10, checksum(add_up(0, p, IP)));
	if (proto != PROTO_ICMP)
		pseudo = add_up(proto + (uint32_t)n, p + 12, 8);
	put16(p + IP + sum, checksum(add_up(pseudo, p + IP, n)));
	return ETHER + IP + n;
}

size_t frame_arp_reply(const struct frame *f, const uint8_t mac[6], uint8_t *out)
{
	const uint8_t *asked = f->at + ETHER;
	uint8_t *a = out + ETHER;

	put_ether(out, f->at + 6, mac, TYPE_ARP);
	memcpy(a, asked, 6);
	put16(a + 6, 2);			/* is at */
	memcpy(a + 8, mac, 6);
	memcpy(a + 14, asked + 24, 4);
	memcpy(a + 18, asked + 8, 10);		/* to who asked */
	return ETHER + ARP;
}

static size_t reset(const struct frame *f, const struct frame_ends *e, uint8_t *out)
{
	uint8_t *t = out + ETHER + IP;

	memset(t, 0, TCP);
	put16(t, e->from_port);
	put16(t + 2, e->to_port);
	put32(t + 8, f->next);
	t[12] = TCP / 4 << 4;
	t[13] = RST | ACK;
	return put_ip(e, PROTO_TCP, TCP, 16, out);
}

/* "Prohibited", with the first bytes of what it is about. */
static size_t prohibited(const struct frame *f, const struct frame_ends *e, uint8_t *out)
{
	size_t most = (f->ip[0] & 15) * 4u + 8, n = f->ip_len < most ? f->ip_len : most;
	uint8_t *i = out + ETHER + IP;

	memset(i, 0, 8);
	i[0] = UNREACHABLE;
	i[1] = PROHIBITED;
	memcpy(i + 8, f->ip, n);
	return put_ip(e, PROTO_ICMP, 8 + n, 2, out);
}

/* As if from where it was to go. */
size_t frame_refusal(const struct frame *f, const uint8_t mac[6], uint8_t *out)
{
	struct frame_ends e = { .to = f->from, .from = f->to, .to_port = f->from_port,
				.from_port = f->to_port };

	memcpy(e.to_mac, f->at + 6, 6);
	memcpy(e.from_mac, mac, 6);
	if (f->kind == FRAME_TCP)
		return f->resets ? 0 : reset(f, &e, out);
	return prohibited(f, &e, out);
}

size_t frame_udp(const struct frame_ends *e, const uint8_t *data, size_t n, uint8_t *out)
{
	uint8_t *u = out + ETHER + IP;

	if (n > FRAME_MAX - ETHER - IP - UDP)
		return 0;
	put16(u, e->from_port);
	put16(u + 2, e->to_port);
	put16(u + 4, (uint32_t)n + UDP);
	put16(u + 6, 0);
	memcpy(u + UDP, data, n);
	return put_ip(e, PROTO_UDP, n + UDP, 6, out);
}
