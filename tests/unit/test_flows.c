/* test_flows.c - many vsock connections at once: every byte arrives, and everybody gets a turn.
 *
 * Guest and host each do one small random thing at a time, on sockets with next to no buffer;
 * the sequence is fixed by its seed.  What the device may never do is checked at every packet. */
#include "tests/unit/vsock_guest.h"

enum { FLOWS = 100 };

struct flow {
	uint32_t gport, hport;
	int fd;
	uint32_t to_host, to_guest;		/* bytes to go through, in all */
	uint32_t sent, host_got, host_sent, guest_got;
	uint32_t consumed;			/* of guest_got: the guest's fwd_cnt */
	uint32_t told;				/* fwd_cnt the device last saw */
	uint32_t buf, peer_buf, peer_fwd;
	bool guest_shut, host_shut, guest_eof, host_eof, closing, closed;
};

static struct flow flow[FLOWS];
static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static uint8_t byte_at(const struct flow *f, bool to_guest, uint32_t i)
{
	return (uint8_t)((i * 2654435761u >> 13) + f->gport * 7 + to_guest);
}

static void say(struct flow *f, uint16_t op, uint32_t flags, const void *data, uint32_t len)
{
	const struct pkt p = { CID, 2, f->gport, f->hport, len, 1, op, flags, f->buf, f->consumed };

	f->told = f->consumed;
	send_raw(&p, data, len);
}

static void hear(const struct pkt *p)
{
	struct flow *f = &flow[(p->dst_port - 5000) % FLOWS];

	assert_int_equal(p->dst_port, f->gport);
	assert_int_equal(p->src_port, f->hport);
	if (p->op == RST) {
		assert_true(f->closing);
		f->closed = true;
		return;
	}
	assert_true(p->fwd_cnt - f->peer_fwd <= f->sent - f->peer_fwd);	/* forward, not too far */
	f->peer_fwd = p->fwd_cnt;
	f->peer_buf = p->buf_alloc;
	if (p->op == SHUTDOWN && (p->flags & SEND)) {
		assert_int_equal(f->guest_got, f->to_guest);
		f->guest_eof = true;
	}
	if (p->op != RW)
		return;
	assert_false(f->guest_eof);
	for (uint32_t i = 0; i < p->len; i++)
		if (in[i] != byte_at(f, true, f->guest_got + i))
			fail_msg("flow %u: byte %u", f->gport, f->guest_got + i);
	f->guest_got += p->len;
	assert_true(f->guest_got - f->told <= f->buf);			/* never over the credit */
}

static void guest_moves(struct flow *f)
{
	static uint8_t data[TX_MAX];
	uint32_t room = f->peer_buf - (f->sent - f->peer_fwd), left = f->to_host - f->sent, n;

	n = 1 + rnd(rnd(4) ? 3000 : TX_MAX);
	n = rnd(4) ? n : 1;
	n = n < room ? n : room;
	n = n < left ? n : left;
	if (n > 0) {
		for (uint32_t i = 0; i < n; i++)
			data[i] = byte_at(f, false, f->sent + i);
		f->sent += n;
		say(f, RW, 0, data, n);
	} else if (left == 0 && !f->guest_shut) {
		f->guest_shut = true;
		say(f, SHUTDOWN, SEND, NULL, 0);
	}
	if (f->consumed != f->guest_got && rnd(2)) {
		f->consumed += 1 + rnd(f->guest_got - f->consumed);
		if (rnd(2) || f->consumed == f->guest_got)
			say(f, CREDIT_UPDATE, 0, NULL, 0);
	}
	if (f->guest_shut && f->guest_eof && !f->closing) {
		f->closing = true;
		say(f, SHUTDOWN, BOTH, NULL, 0);
	}
}

static void host_moves(struct flow *f)
{
	uint8_t buf[5000];
	ssize_t n = host_read(f->fd, buf, rnd(4) ? 1 + rnd(sizeof(buf)) : 1);

	if (n > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != byte_at(f, false, f->host_got + (uint32_t)i))
				fail_msg("flow %u: host byte %u", f->gport, f->host_got);
		f->host_got += (uint32_t)n;
	} else if (n == 0) {
		assert_int_equal(f->host_got, f->to_host);
		f->host_eof = true;
	}
	if (f->host_sent < f->to_guest) {
		uint32_t left = f->to_guest - f->host_sent, k = rnd(4) ? 1 + rnd(sizeof(buf)) : 1;

		k = k < left ? k : left;
		for (uint32_t i = 0; i < k; i++)
			buf[i] = byte_at(f, true, f->host_sent + i);
		n = host_write(f->fd, buf, k);
		f->host_sent += n > 0 ? (uint32_t)n : 0;
	} else if (!f->host_shut) {
		f->host_shut = true;
		shutdown(f->fd, SHUT_WR);
		settle();
	}
}

static void open_flows(void)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow *f = &flow[i];

		*f = (struct flow){ .gport = 5000 + i, .hport = 80 + i % 3,
				    .to_host = rnd(i % 10 ? 20000 : 300000) };
		f->buf = 1 + rnd(i % 4 ? 100000 : 300);		/* some have hardly any */
		f->to_guest = rnd(f->buf < 300 ? 2000 : i % 10 ? 20000 : 300000);
		my_buf = f->buf;
		my_fwd = 0;
		f->fd = connected(f->gport, f->hport);
		f->peer_buf = VSOCK_BUF;
	}
	my_buf = 1 << 20;
}

static bool all_done(void)
{
	for (unsigned i = 0; i < FLOWS; i++)
		if (!flow[i].closed || !flow[i].host_eof)
			return false;
	return true;
}

static void a_hundred_flows_arrive_whole(void **state)
{
	(void)state;
	for (uint32_t s = 1; s <= 3; s++) {
		unsigned moves = 0;
		struct pkt p;

		seed = s * 0x9e3779b9u;
		open_flows();
		while (!all_done()) {
			struct flow *f = &flow[rnd(FLOWS)];

			if (++moves > 3000000)
				fail_msg("seed %u: flows do not come to their end", s);
			if (!f->closing)
				guest_moves(f);
			if (!f->host_eof || !f->host_shut)
				host_moves(f);
			for (unsigned k = rnd(5); k > 0 && recv_pkt(&p); k--)
				hear(&p);
		}
		for (unsigned i = 0; i < FLOWS; i++)
			close(flow[i].fd);
		settle();
		n_asked = 0;
	}
}

/* With one rx buffer at a time everybody gets a turn. */
static void rx_buffers_go_round(void **state)
{
	static uint8_t data[4000];
	unsigned turns[8] = { 0 };
	int fd[8];
	struct pkt p;

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		send_pkt(REQUEST, 10 + i, 80, 0, NULL, 0);
	give_rx(1);
	for (uint32_t i = 0; i < 8; i++) {
		int sv[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv), 0);
		fd[i] = sv[1];
		for (unsigned k = 0; k < 20; k++)
			assert_int_equal(write(fd[i], data, sizeof(data)), sizeof(data));
		assert_int_equal(vsock_accept(v, asked[i].id, sv[0]), 0);
	}
	settle();
	for (unsigned n = 0; n < 48 && recv_pkt(&p); n++)
		turns[p.dst_port - 10]++;
	for (unsigned i = 0; i < 8; i++) {
		assert_in_range(turns[i], 5, 7);
		close(fd[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_hundred_flows_arrive_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(rx_buffers_go_round, setup_no_rx, teardown),
	};

	return cmocka_run_group_tests_name("flows", tests, NULL, NULL);
}
