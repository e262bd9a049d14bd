/* test_state.c - a machine's state as bytes, and devices that go on where they were. */
#include "tests/unit/vsock_guest.h"

#include "vmm/state.h"

/* --- sections ---------------------------------------------------------------------------- */

static struct state s;

struct small { uint8_t byte[24]; };

static const struct small first = { "the first" }, second = { "and the second" };

static int fresh(void **state)
{
	(void)state;
	s.len = s.at = 0;
	return 0;
}

static void put_both(void)
{
	state_put(&s, STATE_VM, &first, sizeof(first));
	state_put(&s, STATE_SERIAL, &second, sizeof(second));
}

static void refuses(enum state_tag tag, size_t n, const char *says)
{
	uint8_t got[64];
	struct err err;

	s.at = 0;
	assert_int_equal(state_get(&s, tag, got, n, &err), -EINVAL);
	if (!strstr(err.msg, says))
		fail_msg("'%s' does not say '%s'", err.msg, says);
	assert_int_equal(s.at, 0);
}

static void sections_come_back_in_their_order(void **state)
{
	struct small got;
	struct err err;

	(void)state;
	put_both();
	assert_int_equal(state_whole(&s, &err), 0);
	assert_int_equal(state_get(&s, STATE_VM, &got, sizeof(got), &err), 0);
	assert_memory_equal(&got, &first, sizeof(got));
	assert_int_equal(state_get(&s, STATE_SERIAL, &got, sizeof(got), &err), 0);
	assert_memory_equal(&got, &second, sizeof(got));
	assert_int_equal(state_end(&s, &err), 0);
}

static void only_the_section_that_is_due_is_taken(void **state)
{
	(void)state;
	put_both();
	refuses(STATE_SERIAL, sizeof(first), "'serial' is due");
	refuses(STATE_VCPU, sizeof(first), "'vcpu' is due");
	s.buf[0] = 0xff;
	refuses(STATE_VM, sizeof(first), "section 255 where 'vm' is due");
}

static void only_this_version_is_taken(void **state)
{
	(void)state;
	put_both();
	s.buf[4]++;
	refuses(STATE_VM, sizeof(first), "'vm' has version 2, not 1");
}

static void only_the_right_length_is_taken(void **state)
{
	(void)state;
	put_both();
	refuses(STATE_VM, sizeof(first) - 1, "wrong length");
	refuses(STATE_VM, sizeof(first) + 1, "wrong length");
	memset(s.buf + 8, 0xff, 8);
	refuses(STATE_VM, sizeof(first), "wrong length");
}

static void cut_short_anywhere_is_refused(void **state)
{
	struct small got;
	struct err err;
	size_t whole;

	(void)state;
	put_both();
	whole = s.len / 2;
	for (s.len = 0; s.len < whole; s.len++)
		refuses(STATE_VM, sizeof(first), s.len < 16 ? "ends before" : "wrong length");
	for (; s.len < 2 * whole; s.len++) {
		s.at = 0;
		assert_int_equal(state_get(&s, STATE_VM, &got, sizeof(got), &err), 0);
		assert_int_equal(state_get(&s, STATE_SERIAL, &got, sizeof(got), &err), -EINVAL);
	}
}

static void what_is_behind_the_end_is_refused(void **state)
{
	struct small got;
	struct err err;

	(void)state;
	put_both();
	assert_int_equal(state_get(&s, STATE_VM, &got, sizeof(got), &err), 0);
	assert_int_equal(state_end(&s, &err), -EINVAL);
	assert_int_equal(state_get(&s, STATE_SERIAL, &got, sizeof(got), &err), 0);
	s.len++;
	assert_int_equal(state_end(&s, &err), -EINVAL);
}

static void too_much_is_remembered(void **state)
{
	static uint8_t large[SNAP_STATE_MAX];
	struct err err;

	(void)state;
	state_put(&s, STATE_VM, large, sizeof(large) - 2 * 16 - 1);
	assert_int_equal(state_whole(&s, &err), 0);
	state_put(&s, STATE_VM, large, 1);		/* exactly full */
	assert_int_equal(state_whole(&s, &err), 0);
	assert_int_equal(s.len, SNAP_STATE_MAX);
	state_put(&s, STATE_VM, large, 0);
	assert_int_equal(state_whole(&s, &err), -ENOSPC);
	state_put(&s, STATE_VM, large, 0);
	assert_int_equal(state_whole(&s, &err), -ENOSPC);

	s.len = 0;
	state_put(&s, STATE_VM, large, sizeof(large));
	assert_int_equal(state_whole(&s, &err), -ENOSPC);
	s.len = 0;
	state_put(&s, STATE_VM, large, SIZE_MAX - 8);
	assert_int_equal(state_whole(&s, &err), -ENOSPC);
}

/* --- a device ---------------------------------------------------------------------------- */

static struct vq_chain chain;
static unsigned served;

static void serve(struct virtio_dev *dev, unsigned queue)
{
	unsigned taken = 0;

	while (virtio_pop(dev, queue, &taken, &chain)) {
		vq_write(&chain, "done", 4);
		vq_push(&dev->q[queue], &chain);
		served++;
	}
	virtio_interrupt(dev, queue);
}

static void stop(struct virtio_dev *dev)
{
	(void)dev;
}

static const struct virtio_type type = {
	.name = "test", .id = 42, .nqueues = 2, .queue_max = 128, .features = 0x5,
	.kick = serve, .reset = stop,
};

static struct virtio_dev plain;

static int wire_plain(void **state)
{
	(void)state;
	served = 0;
	plain = (struct virtio_dev){ .type = &type, .features = 0x15 };
	dr_init(&d, &plain);
	return 0;
}

static int unwire_plain(void **state)
{
	(void)state;
	dr_fini(&d);
	return 0;
}

/* Offer a buffer on queue 1 of the running device. */
static void offer(void)
{
	dr_submit(&d, 1, &(struct seg){ dr_gpa(&d, dr_alloc(&d, 64)), 64, true }, 1);
}

/* As in another process: the device as it is made, the guest's memory as it was. */
static int load_again(const struct virtio_state *from)
{
	virtio_reset(&plain);
	dr_irqs(&d);
	return virtio_load(&plain, from);
}

static void a_device_goes_on_where_it_was(void **state)
{
	struct virtio_state was, is;

	(void)state;
	dr_start(&d, 0x11, 16);
	for (unsigned i = 0; i < 21; i++) {		/* once around the ring */
		offer();
		dr_kick(&d, 1);
		assert_true(dr_settle(&d));
		assert_true(dr_used(&d, 1, &(uint16_t){ 0 }, &(uint32_t){ 0 }));
	}
	wr(&d, R_QUEUE_SEL, 7);
	wr(&d, R_DEV_FEATURES_SEL, 5);
	virtio_save(&plain, &was);
	assert_int_equal(load_again(&was), 0);
	virtio_save(&plain, &is);
	assert_memory_equal(&was, &is, sizeof(was));
	assert_int_equal(rd(&d, R_STATUS), 15);
	assert_int_equal(plain.accepted, 1ull << 32 | 0x11);

	offer();
	dr_kick(&d, 1);
	assert_true(dr_settle(&d));
	assert_int_equal(served, 22);
	assert_true(dr_used(&d, 1, &(uint16_t){ 0 }, &(uint32_t){ 0 }));
}

static void a_device_half_set_up_goes_on_too(void **state)
{
	struct virtio_state was;

	(void)state;
	virtio_save(&plain, &was);
	assert_int_equal(load_again(&was), 0);
	assert_int_equal(rd(&d, R_STATUS), 0);
	wr(&d, R_STATUS, 1);
	wr(&d, R_STATUS, 3);
	dr_accept(&d, 1ull << 32 | 1ull << 63);		/* nobody has looked at it yet */
	virtio_save(&plain, &was);
	assert_int_equal(load_again(&was), 0);
	wr(&d, R_STATUS, 11);
	assert_int_equal(rd(&d, R_STATUS), 3);
	dr_accept(&d, 1ull << 32);
	wr(&d, R_STATUS, 11);
	wr(&d, R_QUEUE_NUM, 12345);			/* it counts once the queue is made ready */
	virtio_save(&plain, &was);
	assert_int_equal(load_again(&was), 0);
	wr(&d, R_QUEUE_READY, 1);
	assert_int_equal(rd(&d, R_STATUS), 64 | 11);
	virtio_save(&plain, &was);
	assert_int_equal(load_again(&was), 0);
	assert_int_equal(rd(&d, R_STATUS), 64 | 11);
}

static void what_was_under_way_is_looked_at_again(void **state)
{
	struct virtio_state was;

	(void)state;
	dr_start(&d, 0, 16);
	offer();
	virtio_save(&plain, &was);			/* the kick would have come now */
	assert_int_equal(load_again(&was), 0);
	virtio_resume(&plain);
	assert_int_equal(dr_irqs(&d), 0);
	assert_true(dr_settle(&d));
	assert_int_equal(served, 1);

	virtio_save(&plain, &was);			/* the driver has not acknowledged yet */
	assert_int_equal(load_again(&was), 0);
	virtio_resume(&plain);
	assert_int_equal(dr_irqs(&d), 1);
	assert_int_equal(rd(&d, R_INT_STATUS), 1);
}

/* --- what no driver could have brought about ------------------------------------------------ */

static struct virtio_state good;

static void cannot_be(const struct virtio_state *bad, const char *what)
{
	if (load_again(bad) != -EINVAL)
		fail_msg("taken: %s", what);
	assert_int_equal(load_again(&good), 0);
}

#define WITH(field, value) do {				\
	struct virtio_state changed = good;		\
							\
	changed.field = (value);			\
	cannot_be(&changed, #field " = " #value);	\
} while (0)

static int save_good(void **state)
{
	wire_plain(state);
	dr_start(&d, 0, 16);
	virtio_save(&plain, &good);
	return 0;
}

static void another_device_is_refused(void **state)
{
	(void)state;
	WITH(id, 41);
	WITH(id, 0);
}

static void impossible_status_is_refused(void **state)
{
	static const uint32_t bad[] = { 2, 4, 8, 5, 7, 9, 12, 13, 14 };

	(void)state;
	WITH(status, 15 | 16);
	WITH(status, 15 | 32);
	WITH(status, 15 | 1u << 31);
	WITH(status, 64);				/* no queue yet that could be broken */
	WITH(status, 64 | 3);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		WITH(status, bad[i]);
	WITH(status, 3);				/* queues are ready already */
	WITH(status, 0);
}

static void features_that_were_not_offered_are_refused(void **state)
{
	(void)state;
	WITH(accepted, 0);
	WITH(accepted, 1);
	WITH(accepted, 1ull << 32 | 2);
	WITH(accepted, 1ull << 32 | 1ull << 63);
}

static void impossible_queues_are_refused(void **state)
{
	(void)state;
	WITH(q[0].ready, 2);
	WITH(q[1].ready, UINT32_MAX);
	WITH(q[0].num, 0);
	WITH(q[0].num, 15);
	WITH(q[0].num, 256);
	WITH(q[1].num, UINT32_MAX);
	WITH(q[0].desc_gpa, good.q[0].desc_gpa + 8);
	WITH(q[0].desc_gpa, RAM_BASE - 16);
	WITH(q[0].desc_gpa, RAM_BASE + RAM_SIZE - 16);
	WITH(q[0].avail_gpa, RAM_BASE + RAM_SIZE - 4);
	WITH(q[1].used_gpa, RAM_BASE + RAM_SIZE);
	WITH(q[1].used_gpa, UINT64_MAX - 3);
}

/* --- vsock ------------------------------------------------------------------------------- */

static struct vsock_state conns;

/* The device of a process that was never told anything; our queues stay as they are. */
static void start_over(void)
{
	struct err err;

	vsock_save(v, &conns);
	vsock_fini(v);
	virtio_unwire(vsock_dev(v));
	n_asked = 0;
	assert_int_equal(vsock_init(v, CID, on_request, &d, &err), 0);
	assert_int_equal(virtio_wire(vsock_dev(v), &d.mem, &d.loop, d.irq_fd, &err), 0);
}

static void restore(void)
{
	struct virtio_state queues;

	virtio_save(vsock_dev(v), &queues);
	start_over();
	assert_int_equal(virtio_load(vsock_dev(v), &queues), 0);
	assert_int_equal(vsock_load(v, &conns), 0);
	virtio_resume(vsock_dev(v));
	vsock_resume(v);
	settle();
}

static void a_request_is_made_anew(void **state)
{
	int sv[2];

	(void)state;
	send_pkt(REQUEST, 1024, 80, 0, NULL, 0);
	restore();
	expect_nothing();
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0].port, 80);
	pair(sv);
	assert_int_equal(vsock_accept(v, asked[0].id, sv[0]), 0);
	expect(RESPONSE, 1024, 80);
	send_pkt(RW, 1024, 80, 0, "hello", 5);
	assert_int_equal(host_read(sv[1], &(char[8]){ 0 }, 8), 5);
	assert_int_equal(host_write(sv[1], "world!", 6), 6);
	assert_int_equal(expect(RW, 1024, 80).len, 6);
	close(sv[1]);
}

static void a_request_is_made_anew_as_often_as_it_is_saved(void **state)
{
	(void)state;
	send_pkt(REQUEST, 1024, 80, 0, NULL, 0);
	restore();
	restore();
	assert_int_equal(n_asked, 1);
	vsock_refuse(v, asked[0].id);
	expect(RST, 1024, 80);
	expect_nothing();
}

static void the_guests_credit_is_remembered(void **state)
{
	int sv[2];

	(void)state;
	my_buf = 10;
	send_pkt(REQUEST, 1024, 80, 0, NULL, 0);
	my_buf = 1 << 20;
	restore();
	pair(sv);
	assert_int_equal(vsock_accept(v, asked[0].id, sv[0]), 0);
	expect(RESPONSE, 1024, 80);
	assert_int_equal(host_write(sv[1], "more than ten bytes", 19), 19);
	assert_int_equal(expect(RW, 1024, 80).len, 10);
	close(sv[1]);
}

/* The buffer of the event queue has the event of 5.10.6.7 in it, and is the only one. */
static void expect_transport_reset(uint64_t gpa)
{
	static const uint32_t transport_reset = 0;
	uint16_t head;
	uint32_t len;

	assert_true(dr_used(&d, EV, &head, &len));
	assert_int_equal(len, sizeof(transport_reset));
	assert_memory_equal(&d.ram[gpa - RAM_BASE], &transport_reset, sizeof(transport_reset));
	assert_false(dr_used(&d, EV, &head, &len));
}

static uint64_t give_event_buffer(void)
{
	uint8_t *event = dr_alloc(&d, 8);

	memset(event, 0xff, 8);
	dr_submit(&d, EV, &(struct seg){ dr_gpa(&d, event), 8, true }, 1);
	return dr_gpa(&d, event);
}

static void an_open_connection_is_lost_and_the_driver_told(void **state)
{
	uint64_t event = give_event_buffer();
	int fd = connected(1, 2);

	(void)state;
	give_event_buffer();
	restore();
	assert_int_equal(n_asked, 0);
	assert_int_equal(host_read(fd, &(char){ 0 }, 1), 0);
	close(fd);
	expect_transport_reset(event);
	expect_nothing();
	fd = connected(1, 2);				/* the ports are free */
	send_pkt(RW, 1, 2, 0, "new", 3);
	assert_int_equal(host_read(fd, &(char[8]){ 0 }, 8), 3);
	close(fd);
}

static void a_driver_is_told_when_it_has_a_buffer(void **state)
{
	int fd = connected(1, 2);
	uint64_t event;

	(void)state;
	restore();
	restore();					/* and saved again before it had */
	event = give_event_buffer();
	dr_kick(&d, EV);
	settle();
	expect_transport_reset(event);
	close(fd);
}

static void a_connection_of_the_hosts_is_lost_too(void **state)
{
	uint64_t event = give_event_buffer();
	struct pkt p;
	int sv[2];

	(void)state;
	pair(sv);
	assert_int_equal(vsock_connect(v, 22, sv[0]), 0);
	assert_true(recv_pkt(&p));
	assert_int_equal(p.op, REQUEST);
	restore();
	expect_transport_reset(event);
	expect_nothing();
	close(sv[1]);
}

static void a_reset_that_is_owed_stays_owed(void **state)
{
	(void)state;
	send_pkt(RW, 7, 8, 0, "x", 1);
	send_pkt(RW, 7, 8, 0, "x", 1);
	restore();
	give_rx(4);
	expect(RST, 7, 8);
	expect_nothing();				/* once is enough */
}

/* A packet of a type we do not have is answered with a reset, and its ports may be those of
 * a stream. */
static void a_reset_of_another_kind_is_not_mistaken(void **state)
{
	const struct pkt p = { CID, 2, 1024, 80, 0, 2, RW, 0, my_buf, 0 };

	(void)state;
	send_pkt(REQUEST, 1024, 80, 0, NULL, 0);
	send_raw(&p, NULL, 0);
	restore();
	assert_int_equal(n_asked, 1);
	give_rx(4);
	expect_nothing();
}

static void every_connection_there_can_be_is_kept(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < MAX_VSOCK_CONNS; i++)
		send_pkt(REQUEST, 1000 + i, 80, 0, NULL, 0);
	send_pkt(REQUEST, 5000, 80, 0, NULL, 0);	/* one too many: a reset */
	restore();
	assert_int_equal(conns.n, MAX_VSOCK_CONNS);
	assert_int_equal(n_asked, MAX_VSOCK_CONNS);
}

static void impossible_connections_are_refused(void **state)
{
	const struct vsock_conn_state ask = { 1, 1024, 80, 100, 0 }, over = { 0, 1024, 80, 0, 0 };
	const struct vsock_state bad[] = {
		{ .n = MAX_VSOCK_CONNS + 1 }, { .n = UINT32_MAX },
		{ .lost = 2 }, { .n = 1, .conn = { { .asked = 2 } } },
		{ .n = 2, .conn = { ask, ask } }, { .n = 2, .conn = { ask, over } },
		{ .n = 2, .conn = { over, ask } }, { .n = 2, .conn = { over, over } },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start_over();
		if (vsock_load(v, &bad[i]) != -EINVAL)
			fail_msg("taken: state %u", i);
	}
}

#define PLAIN(name) cmocka_unit_test_setup_teardown(name, wire_plain, unwire_plain)
#define GOOD(name)  cmocka_unit_test_setup_teardown(name, save_good, unwire_plain)
#define VSOCK(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define NO_RX(name) cmocka_unit_test_setup_teardown(name, setup_no_rx, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sections_come_back_in_their_order, fresh),
		cmocka_unit_test_setup(only_the_section_that_is_due_is_taken, fresh),
		cmocka_unit_test_setup(only_this_version_is_taken, fresh),
		cmocka_unit_test_setup(only_the_right_length_is_taken, fresh),
		cmocka_unit_test_setup(cut_short_anywhere_is_refused, fresh),
		cmocka_unit_test_setup(what_is_behind_the_end_is_refused, fresh),
		cmocka_unit_test_setup(too_much_is_remembered, fresh),
		PLAIN(a_device_goes_on_where_it_was),
		PLAIN(a_device_half_set_up_goes_on_too),
		PLAIN(what_was_under_way_is_looked_at_again),
		GOOD(another_device_is_refused),
		GOOD(impossible_status_is_refused),
		GOOD(features_that_were_not_offered_are_refused),
		GOOD(impossible_queues_are_refused),
		VSOCK(a_request_is_made_anew),
		VSOCK(a_request_is_made_anew_as_often_as_it_is_saved),
		VSOCK(the_guests_credit_is_remembered),
		VSOCK(an_open_connection_is_lost_and_the_driver_told),
		VSOCK(a_driver_is_told_when_it_has_a_buffer),
		VSOCK(a_connection_of_the_hosts_is_lost_too),
		NO_RX(a_reset_that_is_owed_stays_owed),
		NO_RX(a_reset_of_another_kind_is_not_mistaken),
		NO_RX(every_connection_there_can_be_is_kept),
		VSOCK(impossible_connections_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
