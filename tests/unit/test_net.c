/* test_net.c - virtio-net against a stream in passt's framing, and against a real tap. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/driver.h"
#include "virtio/net.h"

enum { RX, TX };

#define NUM	16u
#define HEADER	12u
#define BUF	2048u

static const uint8_t mac[6] = { 2, 0, 0, 1, 2, 3 };
static struct net net;
static struct driver d;
static int peer, backend;

static void start(enum net_kind kind)
{
	struct err err;

	assert_int_equal(net_init(&net, backend, kind, mac, &err), 0);
	dr_init(&d, &net.dev);
	dr_start(&d, 1 << 5 | 1 << 3, NUM);
}

static int setup(void **state)
{
	int sv[2], small = 4096;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv), 0);
	setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	backend = sv[0];
	peer = sv[1];
	start(NET_KIND_STREAM);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dr_fini(&d);
	net_fini(&net);
	close(backend);
	close(peer);
	return 0;
}

static uint8_t pattern(uint32_t frame, uint32_t i)
{
	return (uint8_t)(frame * 31 + i);
}

static void give_rx_buffers(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct seg s = { dr_gpa(&d, dr_alloc(&d, BUF)), BUF, true };
		dr_submit(&d, RX, &s, 1);
	}
	dr_kick(&d, RX);
	assert_true(dr_settle(&d));
}

/* The frame of the next used rx buffer: its length, or -1. */
static int next_rx(uint8_t **frame)
{
	struct dr_queue *q = &d.q[RX];
	uint16_t head;
	uint32_t len;
	uint8_t *p;

	if (!dr_used(&d, RX, &head, &len))
		return -1;
	p = d.ram + (q->desc[head].addr - RAM_BASE);
	if (len < HEADER)
		return 0;
	assert_memory_equal(p, "\0\0\0\0\0\0\0\0\0\0\1\0", HEADER);	/* num_buffers is 1 */
	*frame = p + HEADER;
	return (int)(len - HEADER);
}

static void put_frame(uint8_t *to, uint32_t no, uint32_t len)
{
	to[0] = (uint8_t)(len >> 24);
	to[1] = (uint8_t)(len >> 16);
	to[2] = (uint8_t)(len >> 8);
	to[3] = (uint8_t)len;
	for (uint32_t i = 0; i < len; i++)
		to[4 + i] = pattern(no, i);
}

static void check_frame(const uint8_t *f, uint32_t no, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(f[i], pattern(no, i));
}

static void send_bytes(const uint8_t *p, size_t n)
{
	assert_int_equal(write(peer, p, n), n);
	assert_true(dr_settle(&d));
}

static void tx(uint32_t no, uint32_t len)
{
	uint8_t *p = dr_alloc(&d, HEADER + len);
	struct seg s[2] = { { dr_gpa(&d, p), HEADER, false },
			    { dr_gpa(&d, p + HEADER), len, false } };

	memset(p, 0, HEADER);
	for (uint32_t i = 0; i < len; i++)
		p[HEADER + i] = pattern(no, i);
	dr_submit(&d, TX, s, 2);
}

static unsigned tx_done(void)
{
	unsigned n = 0;
	uint16_t head;
	uint32_t len;

	for (; dr_used(&d, TX, &head, &len); n++)
		assert_int_equal(len, 0);
	return n;
}

static void config_has_mac_and_mtu(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(mmio_read(&net.dev, R_CONFIG + i, 1), mac[i]);
	assert_int_equal(mmio_read(&net.dev, R_CONFIG + 10, 2), 1500);
	assert_int_equal(dr_offered(&d), 1ull << 32 | 1 << 5 | 1 << 3);
}

/* Prefix and frame in any pieces, down to single bytes. */
static void a_stream_is_cut_anywhere(void **state)
{
	static const uint32_t lens[] = { 14, 60, 1514, 61, 100 };
	static uint8_t stream[8192];
	size_t n = 0;
	uint8_t *f;

	(void)state;
	give_rx_buffers(NUM);
	for (unsigned i = 0; i < 5; i++) {
		put_frame(stream + n, i, lens[i]);
		n += 4 + lens[i];
	}
	for (size_t at = 0, step = 1; at < n; at += step, step = step % 7 + 1)
		send_bytes(stream + at, at + step <= n ? step : n - at);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(next_rx(&f), lens[i]);
		check_frame(f, i, lens[i]);
	}
	assert_int_equal(next_rx(&f), -1);
	assert_true(dr_irqs(&d) > 0);
}

/* Nothing is lost, and nothing is polled, while the guest has no buffers. */
static void without_buffers_frames_wait(void **state)
{
	static uint8_t stream[40 * 104];
	uint8_t *f;

	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		put_frame(stream + i * 104, i, 100);
	send_bytes(stream, sizeof(stream));
	assert_int_equal(net.io.events, 0);
	for (uint32_t got = 0; got < 40;) {
		give_rx_buffers(got % 3 + 1);
		for (; next_rx(&f) == 100; got++)
			check_frame(f, got, 100);
	}
	assert_int_equal(next_rx(&f), -1);
}

static void a_small_buffer_costs_the_frame(void **state)
{
	static uint8_t stream[2 * 104];
	uint8_t *p = dr_alloc(&d, 256), *f;
	struct seg small = { dr_gpa(&d, p), HEADER + 99, true };
	struct seg cut[3] = { { dr_gpa(&d, p), 5, true }, { dr_gpa(&d, p + 5), 7, true },
			      { dr_gpa(&d, p + 12), 100, true } };

	(void)state;
	put_frame(stream, 0, 100);
	put_frame(stream + 104, 1, 100);
	dr_submit(&d, RX, &small, 1);
	dr_submit(&d, RX, cut, 3);
	dr_kick(&d, RX);
	send_bytes(stream, sizeof(stream));
	assert_int_equal(next_rx(&f), 0);
	assert_int_equal(next_rx(&f), 100);
	check_frame(p + 12, 1, 100);
}

static void odd_lengths_are_dropped(void **state)
{
	static uint8_t stream[256];
	uint8_t *f;

	(void)state;
	give_rx_buffers(NUM);
	put_frame(stream, 0, 0);
	put_frame(stream + 4, 1, 13);
	put_frame(stream + 4 + 17, 2, 14);
	send_bytes(stream, 4 + 17 + 18);
	assert_int_equal(next_rx(&f), 14);
	check_frame(f, 2, 14);
	assert_int_equal(net.dropped.count, 2);
}

static void broken_framing_cuts_the_guest_off(void **state)
{
	static const uint32_t bad[] = { 1515, 0x10000, 0x80000000u, UINT32_MAX };
	uint8_t *f;

	for (unsigned i = 0; i < 4; i++) {
		const uint8_t prefix[5] = { (uint8_t)(bad[i] >> 24), (uint8_t)(bad[i] >> 16),
					    (uint8_t)(bad[i] >> 8), (uint8_t)bad[i], 1 };

		give_rx_buffers(4);
		send_bytes(prefix, 5);
		assert_true(net.dead);
		assert_int_equal(net.failed.count, 1);
		assert_int_equal(net.io.events, 0);
		assert_int_equal(next_rx(&f), -1);
		tx(0, 100);			/* what the guest sends goes nowhere */
		dr_kick(&d, TX);
		assert_true(dr_settle(&d));
		assert_int_equal(tx_done(), 1);
		teardown(state);
		setup(state);
	}
}

static void a_peer_that_hangs_up(void **state)
{
	(void)state;
	give_rx_buffers(4);
	close(peer);
	peer = dup(backend);
	assert_true(dr_settle(&d));
	assert_true(net.dead);
	tx(0, 100);
	dr_kick(&d, TX);
	assert_true(dr_settle(&d));
	assert_int_equal(tx_done(), 1);
	assert_int_equal(rd(&d, R_STATUS), 15);	/* the driver did nothing wrong */
}

/* A peer that takes one byte now and then: framing survives, and the queue backs up. */
static void a_slow_peer_backs_the_queue_up(void **state)
{
	static uint8_t got[200 * 1518];
	size_t n = 0;
	uint32_t sent = 0, done = 0;

	(void)state;
	while (done < 200 || n < 200 * 1204) {
		ssize_t k;

		while (sent < 200 && dr_has_room(&d.q[TX], 2)) {
			d.brk = 1 << 20;	/* frames may be overwritten once they are used */
			d.brk += sent % NUM * 4096;
			tx(sent++, 1200);
		}
		dr_kick(&d, TX);
		assert_true(dr_settle(&d));
		done += tx_done();
		k = read(peer, got + n, n % 1000 ? 1 + n % 700 : 1);
		if (k > 0)
			n += (size_t)k;
	}
	assert_int_equal(n, 200 * 1204);
	for (uint32_t i = 0; i < 200; i++) {
		assert_memory_equal(got + i * 1204, "\0\0\4\xb0", 4);
		check_frame(got + i * 1204 + 4, i, 1200);
	}
}

static void bad_frames_of_the_guest_are_dropped(void **state)
{
	uint8_t got[64];
	struct seg no_header = { RAM_BASE, 11, false };

	(void)state;
	tx(0, 13);
	tx(1, 1515);
	tx(2, 0);
	dr_submit(&d, TX, &no_header, 1);
	tx(3, 14);
	dr_kick(&d, TX);
	assert_true(dr_settle(&d));
	assert_int_equal(tx_done(), 5);
	assert_int_equal(net.dropped.count, 4);
	assert_int_equal(read(peer, got, sizeof(got)), 18);
	check_frame(got + 4, 3, 14);
	assert_int_equal(rd(&d, R_STATUS), 15);
}

static void reset_keeps_the_framing(void **state)
{
	static uint8_t stream[104 * 2];
	uint8_t *f;

	(void)state;
	give_rx_buffers(4);
	put_frame(stream, 0, 100);
	put_frame(stream + 104, 1, 100);
	send_bytes(stream, 50);			/* half a frame, then a reset */
	dr_start(&d, 0, NUM);
	send_bytes(stream + 50, sizeof(stream) - 50);
	give_rx_buffers(4);
	assert_int_equal(next_rx(&f), 100);
	check_frame(f, 0, 100);
	assert_int_equal(next_rx(&f), 100);
	check_frame(f, 1, 100);
}

static void a_driver_that_gave_up_stops_the_polling(void **state)
{
	uint8_t byte = 0;

	(void)state;
	give_rx_buffers(4);
	assert_int_equal(net.io.events, EPOLLIN);
	wr(&d, R_STATUS, 128 | 15);
	assert_int_equal(write(peer, &byte, 1), 1);
	assert_true(dr_settle(&d));			/* or this would spin */
}

/* --- a real tap -------------------------------------------------------------------------- */

#define TAP_TYPE 0x88b5			/* for local experiments: nobody else speaks it */

/* In a network namespace of our own: a tap that is up, and a packet socket on it. */
static bool open_tap(int *tap, int *sock)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(TAP_TYPE) };

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	*tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (*tap < 0)
		return false;
	strcpy(ifr.ifr_name, "tap0");
	assert_int_equal(ioctl(*tap, TUNSETIFF, &ifr), 0);
	*sock = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(TAP_TYPE));
	assert_true(*sock >= 0);
	ifr.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(*sock, SIOCSIFFLAGS, &ifr), 0);
	assert_int_equal(ioctl(*sock, SIOCGIFINDEX, &ifr), 0);
	at.sll_ifindex = ifr.ifr_ifindex;
	assert_int_equal(bind(*sock, (struct sockaddr *)&at, sizeof(at)), 0);
	return true;
}

static void make_frame(uint8_t *f, uint32_t no, uint32_t len)
{
	memset(f, 0xff, 6);
	memcpy(f + 6, mac, 6);
	f[12] = TAP_TYPE >> 8;
	f[13] = TAP_TYPE & 0xff;
	for (uint32_t i = 14; i < len; i++)
		f[i] = pattern(no, i);
}

/* The next frame of ours: the namespace's own kernel also speaks on the tap. */
static int next_ours(uint8_t **f)
{
	int n;

	do
		n = next_rx(f);
	while (n >= 14 && ((*f)[12] != TAP_TYPE >> 8 || (*f)[13] != (TAP_TYPE & 0xff)));
	return n;
}

static void frames_cross_a_real_tap(void **state)
{
	static const uint32_t lens[] = { 60, 1514, 100, 1000 };
	uint8_t frame[1514], *f;
	int sock = -1;

	(void)state;
	if (!open_tap(&backend, &sock)) {
		fprintf(stderr, "skip: no tap: %s\n", strerror(errno));
		printf("skip: no tap can be made here\n");
		skip();
	}
	start(NET_KIND_TAP);
	give_rx_buffers(NUM);
	for (uint32_t i = 0; i < 4; i++) {
		make_frame(frame, i, lens[i]);
		assert_int_equal(send(sock, frame, lens[i], 0), lens[i]);
		assert_true(dr_settle(&d));
		assert_int_equal(next_ours(&f), lens[i]);
		assert_memory_equal(f, frame, lens[i]);
	}
	for (uint32_t i = 0; i < 4; i++) {
		uint8_t *p = dr_alloc(&d, HEADER + lens[i]);
		struct seg s = { dr_gpa(&d, p), HEADER + lens[i], false };

		memset(p, 0, HEADER);
		make_frame(p + HEADER, 10 + i, lens[i]);
		dr_submit(&d, TX, &s, 1);
		dr_kick(&d, TX);
		assert_true(dr_settle(&d));
		assert_int_equal(tx_done(), 1);
		assert_int_equal(recv(sock, frame, sizeof(frame), 0), lens[i]);
		assert_memory_equal(frame, p + HEADER, lens[i]);
	}
	assert_int_equal(net.failed.count, 0);
	close(sock);
	peer = dup(backend);
	teardown(state);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(config_has_mac_and_mtu), T(a_stream_is_cut_anywhere),
		T(without_buffers_frames_wait), T(a_small_buffer_costs_the_frame),
		T(odd_lengths_are_dropped), T(broken_framing_cuts_the_guest_off),
		T(a_peer_that_hangs_up), T(a_slow_peer_backs_the_queue_up),
		T(bad_frames_of_the_guest_are_dropped), T(reset_keeps_the_framing),
		T(a_driver_that_gave_up_stops_the_polling),
		cmocka_unit_test(frames_cross_a_real_tap),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
