/* vsock_guest.h - a guest's vsock driver and the host's ends of its streams, for tests.
 *
 * One device, one guest; send_pkt() and recv_pkt() are the guest's side, packet by packet. */
#ifndef TESTS_UNIT_VSOCK_GUEST_H
#define TESTS_UNIT_VSOCK_GUEST_H

#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/driver.h"
#include "virtio/vsock.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

enum { RX, TX, EV };
enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST };
enum { RCV = 1, SEND = 2, BOTH = 3 };

#define CID	3u
#define NUM	64u
#define TX_MAX	65536u		/* bytes of payload of one packet of ours */
#define TX_SLOTS 16u
#define RX_BUF	4096u		/* bytes of payload an rx buffer holds */
#define RX_BUFS	32u

struct pkt {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len;
	uint16_t type, op;
	uint32_t flags, buf_alloc, fwd_cnt;
} __attribute__((packed));

static struct vsock *v;
static struct driver d;
static uint8_t *tx_slot[TX_SLOTS];
static unsigned tx_next;

static struct { uint32_t id, port; } asked[1024];
static unsigned n_asked;

static uint8_t in[RX_BUF];		/* the payload of the packet that recv_pkt() got */

static void on_request(void *ctx, uint32_t id, uint32_t port)
{
	assert_ptr_equal(ctx, &d);
	if (n_asked < 1024)
		asked[n_asked++] = (typeof(asked[0])){ id, port };
}

/* --- the guest --------------------------------------------------------------------------- */

static void settle(void)
{
	assert_true(dr_settle(&d));	/* that it comes to rest is part of every test */
}

static void give_rx(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = dr_alloc(&d, 44 + RX_BUF);
		struct seg s[2] = { { dr_gpa(&d, p), 44, true },
				    { dr_gpa(&d, p) + 44, RX_BUF, true } };

		dr_submit(&d, RX, s, 2);
	}
	dr_kick(&d, RX);
	settle();
}

static void boot(unsigned rx_bufs)
{
	dr_start(&d, 0, NUM);
	for (unsigned i = 0; i < TX_SLOTS; i++)
		tx_slot[i] = dr_alloc(&d, 44 + TX_MAX);
	give_rx(rx_bufs);
}

static void start(unsigned rx_bufs)
{
	struct err err;

	n_asked = 0;
	v = vsock_storage();
	assert_int_equal(vsock_init(v, CID, on_request, &d, &err), 0);
	dr_init(&d, vsock_dev(v));
	boot(rx_bufs);
}

static int setup(void **state)
{
	(void)state;
	start(RX_BUFS);
	return 0;
}

static int setup_no_rx(void **state)
{
	(void)state;
	start(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vsock_fini(v);
	dr_fini(&d);
	return 0;
}

static void reap_tx(void)
{
	uint16_t head;
	uint32_t len;

	while (dr_used(&d, TX, &head, &len))
		assert_int_equal(len, 0);
}

static void send_raw(const struct pkt *p, const void *data, uint32_t len)
{
	uint8_t *at = tx_slot[tx_next++ % TX_SLOTS];
	struct seg s[4] = { { dr_gpa(&d, at), 20, false }, { dr_gpa(&d, at) + 20, 24, false },
			    { dr_gpa(&d, at) + 44, len / 2, false },
			    { dr_gpa(&d, at) + 44 + len / 2, len - len / 2, false } };

	assert_true(len <= TX_MAX);
	memcpy(at, p, 44);
	if (len > 0)
		memcpy(at + 44, data, len);
	dr_submit(&d, TX, s, 4);
	dr_kick(&d, TX);
	settle();
	reap_tx();
}

/* What the model guest says of its own buffers in every packet. */
static uint32_t my_buf = 1 << 20, my_fwd;

static void send_pkt(uint16_t op, uint32_t gport, uint32_t hport, uint32_t flags,
		     const void *data, uint32_t len)
{
	const struct pkt p = { CID, 2, gport, hport, len, 1, op, flags, my_buf, my_fwd };

	send_raw(&p, data, len);
}

/* The next packet from the device; its buffer is given back. */
static bool recv_pkt(struct pkt *p)
{
	struct dr_queue *q = &d.q[RX];
	uint64_t at;
	uint16_t head;
	uint32_t len;

	if (!dr_used(&d, RX, &head, &len))
		return false;
	at = q->desc[head].addr;
	memcpy(p, d.ram + (at - RAM_BASE), 44);
	assert_int_equal(len, 44 + p->len);
	assert_int_equal(p->src_cid, 2);
	assert_int_equal(p->dst_cid, CID);
	memcpy(in, d.ram + (at - RAM_BASE) + 44, p->len);
	dr_submit(&d, RX, (struct seg[2]){ { at, 44, true }, { at + 44, RX_BUF, true } }, 2);
	dr_kick(&d, RX);
	settle();
	return true;
}

static struct pkt expect(uint16_t op, uint32_t gport, uint32_t hport)
{
	struct pkt p;

	assert_true(recv_pkt(&p));
	assert_int_equal(p.op, op);
	assert_int_equal(p.dst_port, gport);
	assert_int_equal(p.src_port, hport);
	return p;
}

static void expect_nothing(void)
{
	struct pkt p;

	assert_false(recv_pkt(&p));
}

/* --- the host ---------------------------------------------------------------------------- */

static void pair(int sv[2])
{
	int small = 1;			/* the kernel makes it its minimum, about 4.5 KiB */

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(sv[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_int_equal(fcntl(sv[1], F_SETFL, O_NONBLOCK), 0);
}

/* Guest connects gport to hport: our end of the stream. */
static int connected(uint32_t gport, uint32_t hport)
{
	int sv[2];

	pair(sv);
	send_pkt(REQUEST, gport, hport, 0, NULL, 0);
	assert_true(n_asked > 0);
	assert_int_equal(asked[n_asked - 1].port, hport);
	assert_int_equal(vsock_accept(v, asked[n_asked - 1].id, sv[0]), 0);
	expect(RESPONSE, gport, hport);
	return sv[1];
}

static ssize_t host_read(int fd, void *buf, size_t n)
{
	ssize_t got = read(fd, buf, n);

	settle();
	return got < 0 ? -errno : got;
}

static ssize_t host_write(int fd, const void *buf, size_t n)
{
	ssize_t put = send(fd, buf, n, MSG_NOSIGNAL);

	settle();
	return put < 0 ? -errno : put;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

#pragma GCC diagnostic pop
#endif
