/* quiet.c - work that is left undone: bytes without credit, frames without buffers, devices
 * that stopped.  While it lies there and the guest does nothing, the monitor does nothing:
 * the launcher compares what its threads use of the CPU with what the vcpu uses. */
#include "tests/guest/dev.h"

#define QUIET_TICKS (1ull << 31)		/* 0.5 to 2 s */

/* The launcher looks before it answers. */
static void sample(uint32_t src_port)
{
	struct packet p = vsock_packet(VS_REQUEST, src_port, PORT_SAMPLE, 0);

	CHECK(vsock_send(&p, NULL, 0));
	CHECK(vsock_answer(src_port, VS_RST));
}

static void be_quiet(void)
{
	uint64_t began = start_wait();

	sample(60000);
	while (start_wait() - began < QUIET_TICKS)
		pause_for(100);
	sample(60001);
}

static void send_with_credit(uint16_t op, uint32_t src_port, uint32_t dst_port, uint32_t credit,
			     uint32_t len)
{
	struct packet p = vsock_packet(op, src_port, dst_port, len);

	p.buf_alloc = credit;
	CHECK(vsock_send(&p, (void *)ARENA, len));
}

/* To the guest: without credit for it.  To the host: more than it reads.  And ends, half of
 * them and whole ones, with all of that still to be said. */
void quiet_conns(void)
{
	start_all();
	for (uint32_t i = 0; i < 8; i++) {
		struct packet half = vsock_packet(VS_SHUTDOWN, 200 + i, PORT_ECHO, 0);

		send_with_credit(VS_REQUEST, 200 + i, PORT_ECHO, 0, 0);
		CHECK(vsock_answer(200 + i, VS_RESPONSE));
		send_with_credit(VS_RW, 200 + i, PORT_ECHO, 0, 1000);
		half.flags = i & 3;
		half.buf_alloc = 0;
		if (i & 3)
			CHECK(vsock_send(&half, NULL, 0));
		send_with_credit(VS_REQUEST, 300 + i, PORT_HANGUP, 0, 0);
		send_with_credit(VS_REQUEST, 400 + i, PORT_SILENT, 0, 0);
		CHECK(vsock_connect(500 + i, PORT_SINK));
		for (unsigned k = 0; k < 4; k++)
			send_with_credit(VS_RW, 500 + i, PORT_SINK, 0, 65536);
	}
	be_quiet();
	expect_all_work(NULL);
}

/* Frames come back and find no buffer; then the wire takes none for a while, and many wait. */
void quiet_frames(void)
{
	static uint8_t frame[1500];

	start_all();
	for (unsigned i = 0; i < 40; i++)
		CHECK(net_send(frame, net_frame(frame, sizeof(frame), 1)));
	frame[12] = NET_STALL_TYPE;
	CHECK(net_send(frame, sizeof(frame)));
	for (uint16_t i = 0; i < 16; i++) {
		NET_TX->desc[i] = (struct desc){ ARENA, 1500, 0, 0 };
		ring_put(NET_TX, i);
	}
	ring_kick(NET_TX);
	be_quiet();
	dev_start(&devs[NET], 16);
	expect_all_work(NULL);
}

/* Stopped with full rings and kicks on their way. */
void quiet_broken(void)
{
	start_all();
	for (unsigned i = 0; i < N_DEVS; i++) {
		if (&devs[i] == &devs[VSOCK])
			continue;
		for (unsigned q = 0; q < devs[i].n_rings; q++) {
			struct ring *r = &devs[i].ring[q];

			r->avail->idx = (uint16_t)(r->avail->idx + 0x4000);
			for (unsigned k = 0; k < 50; k++)
				ring_kick(r);
		}
	}
	be_quiet();
	start_all();
	expect_all_work(NULL);
}
