/* flood.c - more than anybody wants to hear: on the console, in the log, at the host's ports. */
#include "tests/guest/dev.h"

#define COM1 0x3f8
#define LINES 500

static void print_lines(void *arg)
{
	for (unsigned i = 0; i < LINES; i++)
		print(arg);
}

/* Each line is a write to a pipe that nobody reads; lines of both vcpus go into one. */
void flood_console(void)
{
	static char long_line[] = "the same again and again\n", empty_line[] = "\n";

	start_all();
	second_start(print_lines, empty_line);
	print_lines(long_line);
	for (uint64_t t = start_wait(); !second_done(); )
		CHECK(still_waiting(t));
	expect_all_work(NULL);
}

/* All that the monitor has a word for, very often: it says each once, and counts. */
void flood_complaints(void)
{
	static uint8_t frame[16];

	for (unsigned i = 0; i < 40; i++) {
		trying("round", i);
		start_all();
		inb(0x600);
		outb(0x600, 1);
		peek(0xc0000000, 4);
		poke(0xc0000000, 4, 1);
		net_post(1, NET_HEADER + 1);			/* too small for what comes back */
		CHECK(net_send(frame, net_frame(frame, 16, 1)));
		CHECK(net_send(frame, 1));
		for (unsigned k = 0; k < N_DEVS; k++) {
			struct ring *r = &devs[k].ring[devs[k].n_rings > 1];

			r->avail->idx = (uint16_t)(r->avail->idx + 0x4000);
			ring_kick(r);
			expect_broken(&devs[k]);
		}
	}
	start_all();
	expect_all_work(NULL);
}

/* Is all that was offered used?  The device is on the loop that answers for its registers. */
static bool is_read(const struct ring *r)
{
	for (unsigned i = 0; i < 50; i++) {
		is_broken(r->dev);
		if (__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) == r->put)
			return true;
	}
	return false;
}

/* Connects whose answers nobody fetches: some are kept, then ours are not read any more. */
void flood_connects(void)
{
	static const uint32_t ports[] = { 1, PORT_ECHO, PORT_SINK, PORT_SILENT, PORT_HANGUP };
	static struct packet p[16];
	struct ring *tx = VSOCK_TX;
	uint32_t n = 0;

	start_all();
	do {
		for (uint16_t i = 0; i < 16; i++, n++) {
			p[i] = vsock_packet(VS_REQUEST, 1000 + n, ports[n % COUNT(ports)], 0);
			tx->desc[i] = (struct desc){ (uintptr_t)&p[i], sizeof(p[i]), 0, 0 };
			ring_put(tx, i);
		}
		ring_kick(tx);
	} while (is_read(tx) && n < 10000);
	CHECK(n < 10000);
	expect_revived(tx->dev);
	CHECK(vsock_connect(50, PORT_ECHO));
	expect_all_work(NULL);
}
