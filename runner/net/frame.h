/* frame.h - Ethernet frames of the guest and for it: what they are, and answers to them.
 *
 * Read are ARP for IPv4, and whole IPv4 packets of TCP, UDP and ping: no fragments, no IPv6.
 * Nothing is reassembled or followed; a verdict needs no more than one frame. */
#ifndef RUNNER_NET_FRAME_H
#define RUNNER_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 1514u		/* bytes: Ethernet header and 1500 */

enum frame_kind { FRAME_OTHER, FRAME_ARP, FRAME_TCP, FRAME_UDP, FRAME_PING };

struct frame {
	enum frame_kind kind;
	const uint8_t *at;		/* the Ethernet header; borrowed */
	uint32_t from, to;		/* IPv4, host order; ARP: who asks, for whom */
	uint16_t from_port, to_port;	/* 0 of a ping */
	bool opens;			/* TCP: SYN without ACK */
	bool resets;			/* TCP: RST, which is never answered */
	uint32_t next;			/* TCP: the sequence number to acknowledge */
	const uint8_t *ip;		/* the packet, of ip_len bytes */
	size_t ip_len;
	const uint8_t *data;		/* UDP: what it carries */
	size_t data_len;
};

/* What these bytes are; everything in *f lies within them. */
enum frame_kind frame_read(struct frame *f, const uint8_t *bytes, size_t len);

/* Answers, into out[FRAME_MAX]; they return the length. */
size_t frame_arp_reply(const struct frame *f, const uint8_t mac[6], uint8_t *out);
size_t frame_refusal(const struct frame *f, const uint8_t mac[6], uint8_t *out);

struct frame_ends {
	uint8_t to_mac[6], from_mac[6];
	uint32_t to, from;
	uint16_t to_port, from_port;
};

/* One datagram; -EMSGSIZE is 0. */
size_t frame_udp(const struct frame_ends *e, const uint8_t *data, size_t n, uint8_t *out);

#endif
