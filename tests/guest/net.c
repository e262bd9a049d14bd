/* net.c - frames and buffers that no driver would make.  The launcher at the other end of
 * the wire sends back what has NET_ECHO_TYPE, and fails the case if
 * the framing breaks or a frame is too long. */
#include "tests/guest/dev.h"

static uint8_t frame[65536];

/* Send one chain; the device may stop or swallow it, but not send on more than a frame. */
static void send_quietly(const struct desc *d, unsigned n)
{
	chain(NET_TX, n, d);
	for (uint64_t t = start_wait();
	     __atomic_load_n(&NET_TX->used->idx, __ATOMIC_ACQUIRE) == NET_TX->seen &&
	     !is_broken(&devs[NET]); )
		CHECK(still_waiting(t));
	expect_all_work(&devs[NET]);
	dev_start(&devs[NET], 16);
	expect_works(&devs[NET]);
}

void net_oversized(void)
{
	static const uint32_t sizes[] = { 1515, 1600, 4096, 9000, 65535 };
	uint32_t len;

	start_all();
	net_post(1, 2048);
	CHECK(net_send(frame, net_frame(frame, 1514, 1)));	/* the largest there is */
	CHECK(net_receive(&len) && len == 1514);
	for (unsigned i = 0; i < COUNT(sizes); i++) {
		trying("frame of", sizes[i]);
		dev_start(&devs[NET], 16);
		net_frame(frame, sizes[i], 1);
		memset((void *)ARENA, 0, NET_HEADER);
		send_quietly((const struct desc[]){
			{ ARENA, NET_HEADER, NEXT, 1 },
			{ (uintptr_t)frame, sizes[i], 0, 0 } }, 2);
	}
	trying("frame of megabytes", 0);
	send_quietly((const struct desc[]){ { ARENA, NET_HEADER, NEXT, 1 },
					    { ARENA, 16 << 20, NEXT, 2 },
					    { 0, 32 << 20, 0, 0 } }, 3);
}

/* How a frame is cut into descriptors means nothing, empty ones included. */
void net_split(void)
{
	struct desc d[32];
	uint32_t id, used, len;

	start_all();
	dev_start(&devs[NET], 32);
	memset((void *)ARENA, 0, NET_HEADER);
	net_frame((uint8_t *)ARENA + NET_HEADER, 14, 7);
	for (uint16_t i = 0; i < NET_HEADER + 14; i++)
		d[i] = (struct desc){ ARENA + i, 1, NEXT, (uint16_t)(i + 1) };
	d[26] = (struct desc){ ARENA, 0, NEXT, 27 };
	d[27] = (struct desc){ (uintptr_t)frame, 66, 0, 0 };
	memset(frame, 7, 66);
	net_post(1, 2048);
	chain(NET_TX, 28, d);
	CHECK(ring_wait(NET_TX, &id, &used));
	CHECK(!memcmp(net_receive(&len), (void *)(ARENA + NET_HEADER), 14) && len == 80);
	expect_all_work(NULL);
}

void net_tiny(void)
{
	start_all();
	net_frame(frame, 64, 1);
	memset((void *)ARENA, 0, 64);
	for (uint32_t n = 0; n <= NET_HEADER; n++) {
		trying("bytes", n);
		send_quietly((const struct desc[]){ { ARENA, n, 0, 0 } }, 1);
	}
	for (uint32_t n = 1; n < 14; n += 4) {			/* less than an Ethernet header */
		trying("frame of", n);
		send_quietly((const struct desc[]){ { ARENA, NET_HEADER, NEXT, 1 },
						    { (uintptr_t)frame, n, 0, 0 } }, 2);
	}
}

void net_direction(void)
{
	uint8_t *buf = (uint8_t *)ARENA;

	start_all();
	memset(buf, 0x66, 2048);
	send_quietly((const struct desc[]){ { ARENA, 80, WRITE, 0 } }, 1);
	send_quietly((const struct desc[]){ { ARENA, NET_HEADER, NEXT, 1 },
					    { ARENA, 80, WRITE, 0 } }, 2);

	NET_RX->desc[0] = (struct desc){ ARENA, 2048, 0, 0 };	/* to receive into: read-only */
	ring_put(NET_RX, 0);
	ring_kick(NET_RX);
	net_send(frame, net_frame(frame, 80, 2));
	expect_all_work(&devs[NET]);
	for (unsigned i = 0; i < 2048; i++)
		CHECK(buf[i] == 0x66);
	dev_start(&devs[NET], 16);
	expect_works(&devs[NET]);
}

void net_small_buffers(void)
{
	static const uint32_t sizes[] = { 0, 1, 11, 12, 13, 91 };

	start_all();
	for (unsigned i = 0; i < COUNT(sizes); i++) {
		uint8_t *buf = (uint8_t *)ARENA;

		trying("buffer of", sizes[i]);
		memset(buf, 0x66, 256);
		NET_RX->desc[0] = (struct desc){ ARENA, sizes[i], WRITE, 0 };
		ring_put(NET_RX, 0);
		ring_kick(NET_RX);
		net_send(frame, net_frame(frame, 80, 2));
		expect_all_work(&devs[NET]);
		pause_for(5000);
		for (unsigned k = sizes[i]; k < 256; k++)
			CHECK(buf[k] == 0x66);
		CHECK(NET_RX->used->idx == NET_RX->seen ||
		      NET_RX->used->ring[NET_RX->seen % 16].len == 0);	/* nothing, not a part */
		dev_start(&devs[NET], 16);
		expect_works(&devs[NET]);
	}
}

/* Frames that come back and find no buffer: most are lost, none is kept for ever. */
void net_burst(void)
{
	start_all();
	net_frame(frame, 1514, 1);
	for (unsigned i = 0; i < 200; i++)
		CHECK(net_send(frame, 1514));
	expect_all_work(NULL);
}

/* A wire that takes nothing for a while: this queue waits, nobody else does. */
void net_stall(void)
{
	static uint8_t stall[64] = { [12] = NET_STALL_TYPE };
	struct ring *r = NET_TX;
	uint32_t id, len;

	start_all();
	CHECK(net_send(stall, sizeof(stall)));
	net_frame(frame, 1514, 1);
	memset((void *)ARENA, 0, NET_HEADER);
	r->desc[0] = (struct desc){ ARENA, NET_HEADER, NEXT, 1 };
	r->desc[1] = (struct desc){ (uintptr_t)frame, 1514, 0, 0 };
	for (unsigned i = 0; i < 16; i++)
		ring_put(r, 0);
	ring_kick(r);
	for (unsigned i = 0; i < 10; i++)
		expect_all_work(&devs[NET]);
	CHECK((uint16_t)(r->put - r->used->idx) > 0);	/* it did stall */
	for (unsigned i = 0; i < 16; i++)
		CHECK(ring_wait(r, &id, &len));
	expect_all_work(NULL);

	net_send(stall, sizeof(stall));			/* again, and a reset in the midst of it */
	for (unsigned i = 0; i < 16; i++)
		ring_put(r, 0);
	ring_kick(r);
	expect_revived(&devs[NET]);
}
