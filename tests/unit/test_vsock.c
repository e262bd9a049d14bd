/* test_vsock.c - virtio-vsock against a guest that plays by the rules, and one that does not. */
#include "tests/unit/vsock_guest.h"

/* --- one connection ---------------------------------------------------------------------- */

static void config_has_the_cid(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(mmio_read(vsock_dev(v), R_CONFIG, 4), CID);
	assert_int_equal(mmio_read(vsock_dev(v), R_CONFIG + 4, 4), 0);
	assert_int_equal(dr_offered(&d), 1ull << 32);
	assert_int_equal(vsock_init(v, 2, on_request, &d, &err), -EINVAL);
}

static void data_goes_both_ways(void **state)
{
	char buf[16] = { 0 };
	struct pkt p;
	int fd = connected(1024, 80);

	(void)state;
	send_pkt(RW, 1024, 80, 0, "hello", 5);
	assert_int_equal(host_read(fd, buf, sizeof(buf)), 5);
	assert_string_equal(buf, "hello");
	assert_int_equal(host_write(fd, "world!", 6), 6);
	p = expect(RW, 1024, 80);
	assert_int_equal(p.len, 6);
	assert_memory_equal(in, "world!", 6);
	assert_int_equal(p.buf_alloc, VSOCK_BUF);
	assert_int_equal(p.fwd_cnt, 5);
	expect_nothing();
	close(fd);
}

static void refused_is_reset(void **state)
{
	(void)state;
	send_pkt(REQUEST, 1024, 80, 0, NULL, 0);
	expect_nothing();
	vsock_refuse(v, asked[0].id);
	expect(RST, 1024, 80);
	vsock_refuse(v, asked[0].id);
	expect_nothing();
}

static void the_host_connects(void **state)
{
	char buf[8];
	struct pkt p;
	int sv[2];

	(void)state;
	pair(sv);
	assert_int_equal(host_write(sv[1], "early", 5), 5);
	assert_int_equal(vsock_connect(v, 22, sv[0]), 0);
	assert_true(recv_pkt(&p));
	assert_int_equal(p.op, REQUEST);
	assert_int_equal(p.dst_port, 22);
	expect_nothing();
	send_pkt(RESPONSE, 22, p.src_port, 0, NULL, 0);
	assert_int_equal(expect(RW, 22, p.src_port).len, 5);
	assert_memory_equal(in, "early", 5);
	send_pkt(RW, 22, p.src_port, 0, "abc", 3);
	assert_int_equal(host_read(sv[1], buf, 8), 3);
	close(sv[1]);

	pair(sv);
	assert_int_equal(vsock_connect(v, 23, sv[0]), 0);
	while (recv_pkt(&p) && p.op != REQUEST)
		;
	assert_int_equal(p.dst_port, 23);
	send_pkt(RST, 23, p.src_port, 0, NULL, 0);		/* nobody listens */
	assert_int_equal(host_read(sv[1], buf, 8), 0);
	assert_false(is_open(sv[0]));
	close(sv[1]);
}

static void half_close_by_the_host(void **state)
{
	char buf[8];
	int fd = connected(1, 2);

	(void)state;
	assert_int_equal(host_write(fd, "last", 4), 4);
	shutdown(fd, SHUT_WR);
	settle();
	assert_int_equal(expect(RW, 1, 2).len, 4);
	assert_int_equal(expect(SHUTDOWN, 1, 2).flags, SEND);
	expect_nothing();
	send_pkt(RW, 1, 2, 0, "still", 5);
	assert_int_equal(host_read(fd, buf, 8), 5);
	send_pkt(SHUTDOWN, 1, 2, SEND, NULL, 0);
	assert_int_equal(host_read(fd, buf, 8), 0);
	assert_int_equal(expect(SHUTDOWN, 1, 2).flags, BOTH);	/* nothing can come any more */
	send_pkt(RST, 1, 2, 0, NULL, 0);
	expect_nothing();
	close(fd);
}

static void half_close_by_the_guest(void **state)
{
	char buf[8];
	int fd = connected(1, 2);

	(void)state;
	send_pkt(RW, 1, 2, 0, "last", 4);
	send_pkt(SHUTDOWN, 1, 2, SEND, NULL, 0);
	assert_int_equal(host_read(fd, buf, 8), 4);
	assert_int_equal(host_read(fd, buf, 8), 0);
	assert_int_equal(host_write(fd, "answer", 6), 6);
	assert_int_equal(expect(RW, 1, 2).len, 6);
	send_pkt(RW, 1, 2, 0, "x", 1);			/* it said that it would not */
	expect(RST, 1, 2);
	close(fd);
}

static void a_guest_that_stops_reading(void **state)
{
	char buf[8];
	int fd = connected(1, 2);

	(void)state;
	send_pkt(SHUTDOWN, 1, 2, RCV, NULL, 0);
	assert_int_equal(host_write(fd, "x", 1), -EPIPE);
	send_pkt(RW, 1, 2, 0, "abc", 3);
	assert_int_equal(host_read(fd, buf, 8), 3);
	expect_nothing();
	close(fd);
}

static void fill_until_blocked(uint32_t gport, uint32_t hport, uint32_t n)
{
	static uint8_t data[TX_MAX];

	for (uint32_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 13 + i / 256);
	send_pkt(RW, gport, hport, 0, data, n);
}

static void check_rest(int fd, uint32_t n)
{
	for (uint32_t i = 0; i < n;) {
		uint8_t buf[777];
		ssize_t got = host_read(fd, buf, sizeof(buf));

		assert_true(got > 0);
		for (ssize_t k = 0; k < got; k++, i++)
			assert_int_equal(buf[k], (uint8_t)(i * 13 + i / 256));
	}
	assert_int_equal(host_read(fd, &(char){ 0 }, 1), 0);
	close(fd);
}

/* Linux closes with SHUTDOWN of both and waits for our RST, which comes at once; what it
 * sent before is not lost, however slow the reader. */
static void close_loses_nothing(void **state)
{
	int fd = connected(1, 2), again;

	(void)state;
	fill_until_blocked(1, 2, VSOCK_BUF);
	send_pkt(SHUTDOWN, 1, 2, BOTH, NULL, 0);
	expect(RST, 1, 2);
	again = connected(1, 2);			/* the ports are free already */
	send_pkt(RW, 1, 2, 0, "new", 3);
	assert_int_equal(host_read(again, &(char[8]){ 0 }, 8), 3);
	check_rest(fd, VSOCK_BUF);
	close(again);
}

static void reset_by_the_guest_loses_nothing(void **state)
{
	int fd = connected(1, 2);

	(void)state;
	fill_until_blocked(1, 2, 60000);
	send_pkt(RST, 1, 2, 0, NULL, 0);
	expect_nothing();
	check_rest(fd, 60000);
}

static void device_reset_loses_nothing(void **state)
{
	int fd = connected(1, 2);

	(void)state;
	fill_until_blocked(1, 2, 60000);
	wr(&d, R_STATUS, 0);
	check_rest(fd, 60000);
}

static void a_host_that_hangs_up(void **state)
{
	int fd = connected(1, 2);
	struct pkt p;

	(void)state;
	fill_until_blocked(1, 2, 60000);
	assert_int_equal(host_write(fd, "bye", 3), 3);
	assert_int_equal(expect(RW, 1, 2).len, 3);
	close(fd);
	settle();
	while (recv_pkt(&p) && p.op == CREDIT_UPDATE)
		;
	assert_true(p.op == RST || (p.op == SHUTDOWN && (p.flags & RCV)));
	send_pkt(RW, 1, 2, 0, "into the void", 13);
	send_pkt(RST, 1, 2, 0, NULL, 0);
}

static void a_late_answer_is_dropped(void **state)
{
	int sv[2];

	(void)state;
	pair(sv);
	send_pkt(REQUEST, 1, 2, 0, NULL, 0);
	send_pkt(RST, 1, 2, 0, NULL, 0);
	assert_int_equal(vsock_accept(v, asked[0].id, sv[0]), -ENOENT);
	assert_false(is_open(sv[0]));
	vsock_refuse(v, asked[0].id);
	vsock_refuse(v, 0);
	expect_nothing();
	close(sv[1]);
}

/* --- credit ------------------------------------------------------------------------------ */

static void overrunning_the_credit_is_a_reset(void **state)
{
	int fd = connected(1, 2), other = connected(3, 4);
	struct pkt p;

	(void)state;
	fill_until_blocked(1, 2, VSOCK_BUF);
	while (recv_pkt(&p))
		assert_int_equal(p.op, CREDIT_UPDATE);
	fill_until_blocked(1, 2, VSOCK_BUF);		/* more than the socket can have taken */
	expect(RST, 1, 2);
	expect_nothing();
	send_pkt(RW, 3, 4, 0, "ok", 2);			/* nobody else suffers */
	assert_int_equal(host_read(other, &(char[8]){ 0 }, 8), 2);
	close(fd);
	close(other);
}

static void the_guests_credit_is_kept(void **state)
{
	static const char data[4096];
	struct pkt p;
	uint32_t got = 0;
	int fd;

	(void)state;
	my_buf = 1000;
	fd = connected(1, 2);
	assert_int_equal(host_write(fd, data, 4096), 4096);
	while (recv_pkt(&p) && p.op == RW)
		got += p.len;
	assert_int_equal(got, 1000);
	assert_int_equal(p.op, CREDIT_REQUEST);
	expect_nothing();				/* asked once, not again and again */
	my_fwd = 400;
	send_pkt(CREDIT_UPDATE, 1, 2, 0, NULL, 0);
	assert_int_equal(expect(RW, 1, 2).len, 400);
	expect(CREDIT_REQUEST, 1, 2);
	my_buf = 100;					/* takes back what it gave */
	send_pkt(CREDIT_UPDATE, 1, 2, 0, NULL, 0);
	expect_nothing();
	my_buf = 1000;
	my_fwd = 5000;					/* says it got what was never sent */
	send_pkt(CREDIT_UPDATE, 1, 2, 0, NULL, 0);
	expect_nothing();
	my_fwd = 1400;
	send_pkt(CREDIT_UPDATE, 1, 2, 0, NULL, 0);
	assert_int_equal(expect(RW, 1, 2).len, 1000);
	my_buf = 1 << 20;
	my_fwd = 0;
	close(fd);
}

static void a_credit_request_is_answered(void **state)
{
	int fd = connected(1, 2);
	struct pkt p;

	(void)state;
	send_pkt(RW, 1, 2, 0, "12345", 5);
	expect_nothing();
	send_pkt(CREDIT_REQUEST, 1, 2, 0, NULL, 0);
	p = expect(CREDIT_UPDATE, 1, 2);
	assert_int_equal(p.fwd_cnt, 5);
	assert_int_equal(p.buf_alloc, VSOCK_BUF);
	close(fd);
}

/* --- packets that belong nowhere --------------------------------------------------------- */

static void unknown_ports_are_reset(void **state)
{
	(void)state;
	for (uint16_t op = 0; op < 12; op++) {
		if (op == REQUEST)
			continue;
		send_pkt(op, 9, 10, 0, "abc", op == RW ? 3 : 0);
		if (op == RST)
			expect_nothing();
		else
			expect(RST, 9, 10);
	}
}

static void other_cids_and_types(void **state)
{
	struct pkt p = { CID, 2, 1, 2, 0, 1, REQUEST, 0, 1000, 0 };

	(void)state;
	p.src_cid = 4;
	send_raw(&p, NULL, 0);
	p.src_cid = CID | 1ull << 32;
	send_raw(&p, NULL, 0);
	p.src_cid = CID;
	p.dst_cid = 1;
	send_raw(&p, NULL, 0);
	expect_nothing();
	assert_int_equal(n_asked, 0);
	p.dst_cid = 2;
	p.type = 2;
	send_raw(&p, NULL, 0);
	assert_int_equal(expect(RST, 1, 2).type, 2);
	assert_int_equal(n_asked, 0);
}

static void what_may_not_come_in_a_state_is_a_reset(void **state)
{
	static const uint16_t while_asked[] = { REQUEST, RESPONSE, RW, SHUTDOWN, CREDIT_UPDATE,
						CREDIT_REQUEST, 0, 8, 0xffff };
	static const uint16_t while_open[] = { REQUEST, RESPONSE, 0, 8, 0xffff };
	struct pkt p;
	int sv[2], fd;

	(void)state;
	for (unsigned i = 0; i < sizeof(while_asked) / 2; i++) {
		send_pkt(REQUEST, 1, 2, 0, NULL, 0);
		send_pkt(while_asked[i], 1, 2, BOTH, NULL, 0);
		expect(RST, 1, 2);
	}
	for (unsigned i = 0; i < sizeof(while_open) / 2; i++) {
		fd = connected(1, 2);
		send_pkt(while_open[i], 1, 2, BOTH, NULL, 0);
		expect(RST, 1, 2);
		assert_int_equal(host_read(fd, &(char){ 0 }, 1), 0);
		close(fd);
	}
	pair(sv);
	assert_int_equal(vsock_connect(v, 5, sv[0]), 0);
	assert_true(recv_pkt(&p));
	send_pkt(RW, 5, p.src_port, 0, "x", 1);		/* no RESPONSE yet */
	expect(RST, 5, p.src_port);
	assert_int_equal(host_read(sv[1], &(char){ 0 }, 1), 0);
	close(sv[1]);
	expect_nothing();
}

static void short_packets_break_the_driver(void **state)
{
	const struct pkt lie = { CID, 2, 1, 2, 4, 1, RW, 0, 1000, 0 };
	struct seg s = { RAM_BASE, 43, false };

	(void)state;
	dr_submit(&d, TX, &s, 1);
	dr_kick(&d, TX);
	settle();
	assert_int_equal(rd(&d, R_STATUS), 64 | 15);
	boot(RX_BUFS);
	send_raw(&lie, "abc", 3);
	assert_int_equal(rd(&d, R_STATUS), 64 | 15);
	boot(0);
	s = (struct seg){ RAM_BASE, 44, true };		/* a receive buffer without room */
	dr_submit(&d, RX, &s, 1);
	send_pkt(RW, 1, 2, 0, NULL, 0);
	assert_int_equal(rd(&d, R_STATUS), 64 | 15);
}

static void there_is_no_event_to_report(void **state)
{
	struct seg s = { RAM_BASE, 4, true };
	uint16_t head;
	uint32_t len;

	(void)state;
	dr_submit(&d, EV, &s, 1);
	dr_kick(&d, EV);
	settle();
	assert_false(dr_used(&d, EV, &head, &len));
}

/* --- too much of everything -------------------------------------------------------------- */

static void there_are_so_many_slots(void **state)
{
	int sv[2];

	(void)state;
	for (uint32_t i = 0; i < MAX_VSOCK_CONNS; i++)
		send_pkt(REQUEST, 100 + i, 80, 0, NULL, 0);
	assert_int_equal(n_asked, MAX_VSOCK_CONNS);
	expect_nothing();
	send_pkt(REQUEST, 99, 80, 0, NULL, 0);
	expect(RST, 99, 80);
	pair(sv);
	assert_int_equal(vsock_connect(v, 5, sv[0]), -EMFILE);
	assert_false(is_open(sv[0]));
	close(sv[1]);
	vsock_refuse(v, asked[7].id);
	expect(RST, 107, 80);
	send_pkt(REQUEST, 99, 80, 0, NULL, 0);
	assert_int_equal(n_asked, MAX_VSOCK_CONNS + 1);
}

/* Packets that each get a reset, one from every port from `from` on. */
static void storm(uint8_t *at, uint32_t from, uint32_t n)
{
	struct pkt p = { CID, 2, 0, 80, 0, 1, RW, 0, 0, 0 };

	reap_tx();
	for (uint32_t i = 0; i < n; i++, at += sizeof(p)) {
		struct seg s = { dr_gpa(&d, at), sizeof(p), false };

		p.src_port = from + i;
		memcpy(at, &p, sizeof(p));
		dr_submit(&d, TX, &s, 1);
	}
	dr_kick(&d, TX);
	settle();
}

/* Without rx buffers the device keeps a bounded number of resets and then leaves the tx
 * queue alone; with buffers every packet gets its reset, in order. */
static void a_storm_without_rx_buffers_backs_up(void **state)
{
	uint8_t *at = dr_alloc(&d, 2 * NUM * sizeof(struct pkt));
	struct pkt p;
	uint32_t got = 0;

	(void)state;
	storm(at, 0, NUM);
	assert_int_equal(d.q[TX].used->idx, NUM);
	storm(at + NUM * sizeof(p), NUM, NUM);
	assert_int_equal(d.q[TX].used->idx, NUM);
	give_rx(3);
	while (recv_pkt(&p)) {
		assert_int_equal(p.op, RST);
		assert_int_equal(p.dst_port, got++);
	}
	assert_int_equal(got, 2 * NUM);
	assert_int_equal(d.q[TX].used->idx, 2 * NUM);
}

/* The same ports again and again while no reset gets through: none may hit a later one. */
static void an_owed_reset_does_not_hit_the_next_connection(void **state)
{
	struct pkt p;
	int sv[2];

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		send_pkt(REQUEST, 1, 2, 0, NULL, 0);
		vsock_refuse(v, asked[n_asked - 1].id);
	}
	send_pkt(RW, 1, 2, 0, "x", 1);			/* an orphan, as well */
	pair(sv);
	send_pkt(REQUEST, 1, 2, 0, NULL, 0);
	assert_int_equal(vsock_accept(v, asked[n_asked - 1].id, sv[0]), 0);
	give_rx(8);
	expect(RESPONSE, 1, 2);
	assert_false(recv_pkt(&p));
	close(sv[1]);
}

static void reset_at_every_state(void **state)
{
	int sv[2], fd[4];
	struct pkt p;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		n_asked = 0;
		send_pkt(REQUEST, 1, 1, 0, NULL, 0);		/* asked */
		pair(sv);
		assert_int_equal(vsock_connect(v, 2, sv[0]), 0);	/* called, and told so */
		assert_true(recv_pkt(&p));
		assert_int_equal(p.op, REQUEST);
		fd[0] = connected(3, 3);			/* open */
		fd[1] = connected(4, 4);			/* half shut either way */
		send_pkt(SHUTDOWN, 4, 4, SEND, NULL, 0);
		fd[2] = connected(5, 5);
		shutdown(fd[2], SHUT_WR);
		settle();
		expect(SHUTDOWN, 5, 5);
		fd[3] = connected(6, 6);
		fill_until_blocked(6, 6, 50000);		/* gone, and draining */
		send_pkt(SHUTDOWN, 6, 6, BOTH, NULL, 0);
		while (recv_pkt(&p))
			;
		boot(RX_BUFS);
		expect_nothing();
		assert_false(is_open(sv[0]));
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(host_read(fd[i], &(char){ 0 }, 1), 0);
			close(fd[i]);
		}
		check_rest(fd[3], 50000);
		close(sv[1]);
		send_pkt(RW, 3, 3, 0, "x", 1);			/* nothing is left of it */
		expect(RST, 3, 3);
	}
}

/* A descriptor and a slot are used again at once, while events of the old ones are pending. */
static void a_reused_slot_hears_nothing_of_the_old(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		int a = connected(1, 2), b = connected(3, 4);

		n_asked = 0;
		assert_int_equal(send(a, "old", 3, 0), 3);	/* both ready, not yet served */
		assert_int_equal(send(b, "old", 3, 0), 3);
		close(a);
		send_pkt(RST, 1, 2, 0, NULL, 0);
		send_pkt(RST, 3, 4, 0, NULL, 0);
		close(b);
		for (struct pkt p; recv_pkt(&p);)
			assert_int_not_equal(p.op, RST);
		a = connected(1, 2);
		expect_nothing();
		send_pkt(RST, 1, 2, 0, NULL, 0);
		close(a);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define T_NO_RX(name) cmocka_unit_test_setup_teardown(name, setup_no_rx, teardown)
	const struct CMUnitTest tests[] = {
		T(config_has_the_cid), T(data_goes_both_ways), T(refused_is_reset),
		T(the_host_connects), T(half_close_by_the_host), T(half_close_by_the_guest),
		T(a_guest_that_stops_reading), T(close_loses_nothing),
		T(reset_by_the_guest_loses_nothing), T(device_reset_loses_nothing),
		T(a_host_that_hangs_up), T(a_late_answer_is_dropped),
		T(overrunning_the_credit_is_a_reset), T(the_guests_credit_is_kept),
		T(a_credit_request_is_answered), T(unknown_ports_are_reset),
		T(other_cids_and_types), T(what_may_not_come_in_a_state_is_a_reset),
		T(short_packets_break_the_driver), T(there_is_no_event_to_report),
		T(there_are_so_many_slots), T_NO_RX(a_storm_without_rx_buffers_backs_up),
		T_NO_RX(an_owed_reset_does_not_hit_the_next_connection), T(reset_at_every_state),
		T(a_reused_slot_hears_nothing_of_the_old),
	};

	return cmocka_run_group_tests_name("vsock", tests, NULL, NULL);
}
