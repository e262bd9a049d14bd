/* test_mmio.c - the register page: what a driver may do when, and what it gets if not. */
#include "tests/unit/check.h"

#include <unistd.h>

#include "tests/unit/driver.h"

static unsigned kicks[2], resets;
static bool break_ring;

static void kick(struct virtio_dev *d, unsigned queue)
{
	kicks[queue]++;
	if (break_ring)
		virtio_broken(d, "a test");
}

static void reset(struct virtio_dev *d)
{
	(void)d;
	resets++;
}

static const struct virtio_type type = {
	.name = "test", .id = 42, .nqueues = 2, .queue_max = 128, .features = 0x5,
	.kick = kick, .reset = reset,
};

static struct virtio_dev dev;
static struct driver d;

static int setup(void **state)
{
	(void)state;
	dev = (struct virtio_dev){ .type = &type, .features = 0x15, .config_len = 6,
				   .config = { 1, 2, 3, 4, 5, 6, 7, 8 } };
	kicks[0] = kicks[1] = resets = 0;
	break_ring = false;
	dr_init(&d, &dev);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dr_fini(&d);
	return 0;
}

static void identity(void **state)
{
	(void)state;
	assert_int_equal(rd(&d, R_MAGIC), 0x74726976);
	assert_int_equal(rd(&d, R_VERSION), 2);
	assert_int_equal(rd(&d, R_DEVICE_ID), 42);
	assert_int_equal(dr_offered(&d), 1ull << 32 | 0x15);
	wr(&d, R_DEV_FEATURES_SEL, 2);
	assert_int_equal(rd(&d, R_DEV_FEATURES), 0);
	assert_int_equal(rd(&d, 0xb0), UINT32_MAX);	/* no shared memory region */
}

static void only_words_outside_config(void **state)
{
	static const uint32_t width[] = { 1, 2, 8 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(mmio_read(&dev, R_MAGIC, width[i]), 0);
		mmio_write(&dev, R_STATUS, width[i], 1);
		assert_int_equal(rd(&d, R_STATUS), 0);
	}
}

static void config_is_read_within_its_bounds(void **state)
{
	(void)state;
	assert_int_equal(mmio_read(&dev, R_CONFIG, 1), 1);
	assert_int_equal(mmio_read(&dev, R_CONFIG + 5, 1), 6);
	assert_int_equal(mmio_read(&dev, R_CONFIG + 4, 2), 0x0605);
	assert_int_equal(mmio_read(&dev, R_CONFIG + 2, 4), 0x06050403);
	assert_int_equal(mmio_read(&dev, R_CONFIG + 6, 1), 0);
	assert_int_equal(mmio_read(&dev, R_CONFIG + 3, 4), 0);
	assert_int_equal(mmio_read(&dev, R_CONFIG + 5, 2), 0);
	assert_int_equal(mmio_read(&dev, R_CONFIG, 8), 0);
	assert_int_equal(mmio_read(&dev, 0xfff, 1), 0);
	mmio_write(&dev, R_CONFIG, 1, 0xff);
	mmio_write(&dev, R_CONFIG, 4, 0xffffffff);
	assert_int_equal(mmio_read(&dev, R_CONFIG, 4), 0x04030201);
}

static void steps_come_in_order(void **state)
{
	static const uint32_t refused[] = { 2, 4, 8, 5, 9, 12, 7, 13 };

	(void)state;
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		wr(&d, R_STATUS, refused[i]);
		assert_int_equal(rd(&d, R_STATUS), 0);
	}
	wr(&d, R_STATUS, 1);
	wr(&d, R_STATUS, 3);
	wr(&d, R_STATUS, 1);				/* no way back but reset */
	assert_int_equal(rd(&d, R_STATUS), 3);
	dr_accept(&d, 1ull << 32);
	wr(&d, R_STATUS, 7);				/* DRIVER_OK before FEATURES_OK */
	assert_int_equal(rd(&d, R_STATUS), 3);
	wr(&d, R_STATUS, 11);
	wr(&d, R_STATUS, 15);
	assert_int_equal(rd(&d, R_STATUS), 15);
	wr(&d, R_STATUS, 0);
	assert_int_equal(rd(&d, R_STATUS), 0);
	assert_int_equal(resets, 1);
}

static void features_ok(uint64_t features, uint32_t status_then)
{
	wr(&d, R_STATUS, 0);
	wr(&d, R_STATUS, 1);
	wr(&d, R_STATUS, 3);
	dr_accept(&d, features);
	wr(&d, R_STATUS, 11);
	assert_int_equal(rd(&d, R_STATUS), status_then);
}

static void features_are_negotiated(void **state)
{
	(void)state;
	features_ok(0, 3);				/* legacy */
	features_ok(0x15, 3);
	features_ok(1ull << 32 | 0x2, 3);		/* not offered */
	features_ok(1ull << 32 | 1ull << 63, 3);
	features_ok(3ull << 32, 3);
	features_ok(1ull << 32, 11);
	features_ok(1ull << 32 | 0x15, 11);
	assert_int_equal(dev.accepted, 1ull << 32 | 0x15);
	dr_accept(&d, 1ull << 32);			/* too late */
	assert_int_equal(dev.accepted, 1ull << 32 | 0x15);

	wr(&d, R_STATUS, 0);				/* all at once is no way round it */
	wr(&d, R_STATUS, 15);
	assert_int_equal(rd(&d, R_STATUS), 3);
	wr(&d, R_STATUS, 0);
	dr_accept(&d, 1ull << 32);			/* too early */
	wr(&d, R_STATUS, 11);
	assert_int_equal(rd(&d, R_STATUS), 3);
}

static void check_frozen(void)
{
	struct vq before = dev.q[0];

	wr(&d, R_QUEUE_SEL, 0);
	for (uint32_t off = 0x38; off < 0x100; off += 4)
		if (off != R_QUEUE_READY && off != R_NOTIFY && off != R_STATUS)
			wr(&d, off, 0x40001000);
	wr(&d, R_QUEUE_READY, 1);
	assert_memory_equal(&before, &dev.q[0], sizeof(before));
}

static void geometry_is_frozen_when_ready(void **state)
{
	(void)state;
	dr_start(&d, 0, 16);
	check_frozen();				/* while the driver runs, and before */
	wr(&d, R_STATUS, 0);
	wr(&d, R_STATUS, 1);
	wr(&d, R_STATUS, 3);
	dr_accept(&d, 1ull << 32);
	wr(&d, R_STATUS, 11);
	dr_make_queue(&d, 0, 16);
	check_frozen();
}

static void queues_are_set_up_between_features_and_driver_ok(void **state)
{
	(void)state;
	wr(&d, R_STATUS, 1);
	wr(&d, R_STATUS, 3);
	dr_make_queue(&d, 0, 16);
	assert_int_equal(rd(&d, R_QUEUE_READY), 0);
	assert_int_equal(dev.q[0].num, 0);
	dr_accept(&d, 1ull << 32);
	wr(&d, R_STATUS, 11);
	dr_make_queue(&d, 0, 16);
	assert_int_equal(rd(&d, R_QUEUE_READY), 1);
	wr(&d, R_QUEUE_READY, 0);			/* stopped, and may be set up anew */
	assert_int_equal(rd(&d, R_QUEUE_READY), 0);
	dr_make_queue(&d, 0, 32);
	assert_int_equal(rd(&d, R_QUEUE_READY), 1);
	assert_int_equal(dev.q[0].num, 32);
	wr(&d, R_STATUS, 15);
	dr_make_queue(&d, 1, 16);			/* too late */
	assert_int_equal(rd(&d, R_QUEUE_READY), 0);
	wr(&d, R_QUEUE_SEL, 0);
	wr(&d, R_QUEUE_READY, 0);			/* a clean stop ... */
	assert_int_equal(rd(&d, R_QUEUE_READY), 0);
	wr(&d, R_QUEUE_NUM, 8);
	wr(&d, R_QUEUE_READY, 1);			/* ... is final until reset */
	assert_int_equal(rd(&d, R_QUEUE_READY), 0);
	assert_int_equal(dev.q[0].num, 32);
	assert_int_equal(rd(&d, R_STATUS), 15);
}

static void a_queue_we_do_not_have(void **state)
{
	static const uint32_t bad[] = { 2, 3, 255, 0x80000000u, UINT32_MAX };

	(void)state;
	wr(&d, R_STATUS, 1);
	wr(&d, R_STATUS, 3);
	dr_accept(&d, 1ull << 32);
	wr(&d, R_STATUS, 11);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wr(&d, R_QUEUE_SEL, bad[i]);
		assert_int_equal(rd(&d, R_QUEUE_NUM_MAX), 0);
		wr(&d, R_QUEUE_NUM, 8);
		wr(&d, R_DESC, 0x40000000);
		wr(&d, R_QUEUE_READY, 1);
		assert_int_equal(rd(&d, R_QUEUE_READY), 0);
		wr(&d, R_NOTIFY, bad[i]);
	}
	wr(&d, R_QUEUE_SEL, 1);
	assert_int_equal(rd(&d, R_QUEUE_NUM_MAX), 128);
	assert_int_equal(rd(&d, R_STATUS), 11);
}

static void a_bad_geometry_needs_reset(void **state)
{
	(void)state;
	wr(&d, R_STATUS, 1);
	wr(&d, R_STATUS, 3);
	dr_accept(&d, 1ull << 32);
	wr(&d, R_STATUS, 11);
	wr(&d, R_QUEUE_NUM, 16);
	dr_write64(&d, R_DESC, RAM_BASE + RAM_SIZE - 16);
	wr(&d, R_QUEUE_READY, 1);
	assert_int_equal(rd(&d, R_QUEUE_READY), 0);
	assert_int_equal(rd(&d, R_STATUS), 64 | 11);
	assert_int_equal(dr_irqs(&d), 0);		/* not before DRIVER_OK */
	wr(&d, R_STATUS, 15 | 64);
	wr(&d, R_NOTIFY, 0);
	assert_int_equal(kicks[0], 0);
	wr(&d, R_STATUS, 0);
	assert_int_equal(rd(&d, R_STATUS), 0);
}

static void a_queue_larger_than_offered(void **state)
{
	(void)state;
	dr_start(&d, 0, 128);
	assert_int_equal(rd(&d, R_STATUS), 15);
	dr_start(&d, 0, 256);
	assert_int_equal(rd(&d, R_QUEUE_READY), 0);
	assert_int_equal(rd(&d, R_STATUS) & 64, 64);
}

static void kicks_count_only_while_running(void **state)
{
	(void)state;
	for (uint32_t q = 0; q < 2; q++)
		dr_kick(&d, q);
	wr(&d, R_NOTIFY, 0);
	assert_true(dr_settle(&d));
	assert_int_equal(kicks[0] + kicks[1], 0);
	dr_start(&d, 0, 16);
	dr_kick(&d, 1);
	assert_true(dr_settle(&d));
	assert_int_equal(kicks[1], 1);
	wr(&d, R_NOTIFY, 0);
	assert_int_equal(kicks[0], 1);
	dr_kick(&d, 0);
	wr(&d, R_STATUS, 0);				/* reset overtakes the kick */
	assert_true(dr_settle(&d));
	assert_int_equal(kicks[0], 1);
	dr_start(&d, 0, 16);
	wr(&d, R_STATUS, 128 | 15);			/* the driver gave up */
	wr(&d, R_NOTIFY, 0);
	assert_int_equal(kicks[0], 1);
	assert_int_equal(rd(&d, R_STATUS), 128 | 15);
}

static void a_broken_ring_needs_reset_and_says_so(void **state)
{
	(void)state;
	dr_start(&d, 0, 16);
	dr_irqs(&d);
	break_ring = true;
	wr(&d, R_NOTIFY, 0);
	assert_int_equal(kicks[0], 1);
	assert_int_equal(rd(&d, R_STATUS), 64 | 15);
	assert_int_equal(dr_irqs(&d), 1);
	assert_int_equal(rd(&d, R_INT_STATUS), 2);
	wr(&d, R_NOTIFY, 0);
	wr(&d, R_NOTIFY, 1);
	dr_kick(&d, 0);
	assert_true(dr_settle(&d));
	assert_int_equal(kicks[0] + kicks[1], 1);
	wr(&d, R_STATUS, 15);				/* NEEDS_RESET is not the driver's to clear */
	assert_int_equal(rd(&d, R_STATUS), 64 | 15);
	break_ring = false;
	dr_start(&d, 0, 16);
	assert_int_equal(rd(&d, R_STATUS), 15);
	assert_int_equal(rd(&d, R_INT_STATUS), 0);
	wr(&d, R_NOTIFY, 0);
	assert_int_equal(kicks[0], 2);
}

static void interrupts_are_acknowledged_by_bit(void **state)
{
	uint32_t v = 99;

	(void)state;
	dr_start(&d, 0, 16);
	dr_irqs(&d);
	virtio_interrupt(&dev, 0);
	assert_int_equal(dr_irqs(&d), 1);
	virtio_broken(&dev, "a test");
	assert_true(mmio_fast(&dev, R_INT_STATUS, 4, false, &v));
	assert_int_equal(v, 3);
	v = 1;
	assert_true(mmio_fast(&dev, R_INT_ACK, 4, true, &v));
	assert_int_equal(rd(&d, R_INT_STATUS), 2);
	wr(&d, R_INT_ACK, 2);
	assert_int_equal(rd(&d, R_INT_STATUS), 0);
	assert_false(mmio_fast(&dev, R_INT_STATUS, 4, true, &v));
	assert_false(mmio_fast(&dev, R_INT_ACK, 4, false, &v));
	assert_false(mmio_fast(&dev, R_INT_STATUS, 2, false, &v));
	assert_false(mmio_fast(&dev, R_STATUS, 4, false, &v));

	d.q[1].avail->flags = 1;			/* this queue is polled */
	virtio_interrupt(&dev, 1);
	assert_int_equal(rd(&d, R_INT_STATUS), 0);
}

/* A ring that is always full must not keep the loop from the others. */
static void a_turn_ends_after_a_queue_of_chains(void **state)
{
	static struct vq_chain c;
	unsigned taken = 0;
	struct seg s = { RAM_BASE, 1, true };

	(void)state;
	dr_start(&d, 0, 8);
	for (unsigned i = 0; i < 8; i++)
		dr_submit(&d, 0, &s, 1);
	while (virtio_pop(&dev, 0, &taken, &c)) {
		uint16_t head;
		uint32_t len;

		vq_push(&dev.q[0], &c);
		assert_true(dr_used(&d, 0, &head, &len));
		dr_submit(&d, 0, &s, 1);
	}
	assert_int_equal(taken, 8);
	assert_int_equal(kicks[0], 0);
	assert_int_equal(loop_once(&d.loop, 0), 1);	/* its next turn comes by itself */
	assert_int_equal(kicks[0], 1);
	assert_int_equal(loop_once(&d.loop, 0), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(identity), T(only_words_outside_config), T(config_is_read_within_its_bounds),
		T(steps_come_in_order), T(features_are_negotiated), T(geometry_is_frozen_when_ready),
		T(queues_are_set_up_between_features_and_driver_ok), T(a_queue_we_do_not_have),
		T(a_bad_geometry_needs_reset), T(a_queue_larger_than_offered),
		T(kicks_count_only_while_running),
		T(a_broken_ring_needs_reset_and_says_so), T(interrupts_are_acknowledged_by_bit),
		T(a_turn_ends_after_a_queue_of_chains),
	};

	return cmocka_run_group_tests_name("mmio", tests, NULL, NULL);
}
