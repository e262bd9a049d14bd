/* test_bus.c - which accesses reach a device, and what the others read. */
#include "tests/unit/check.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/bus.h"

#define PAGE	VIRTIO_MMIO_SIZE
#define MAGIC	0x74726976u

struct fix {
	struct bus bus;
	struct loop loop;
	pthread_t thread;
	struct virtio_dev dev;
	struct gmem mem;
	int irq_fd, done_fd;
};

static void no_kick(struct virtio_dev *d, unsigned queue)
{
	(void)d;
	(void)queue;
}

static void no_reset(struct virtio_dev *d)
{
	(void)d;
}

static const struct virtio_type type = {
	.name = "test", .id = 42, .nqueues = 1, .queue_max = 256, .kick = no_kick, .reset = no_reset,
};

static void *serve(void *loop)
{
	loop_run(loop);
	return NULL;
}

static int setup(void **state)
{
	static struct fix f;
	struct err err;

	f = (struct fix){ .dev.type = &type, .irq_fd = eventfd(0, EFD_NONBLOCK),
			  .done_fd = eventfd(0, 0) };
	*state = &f;
	if (loop_init(&f.loop) < 0 ||
	    virtio_wire(&f.dev, &f.mem, &f.loop, f.irq_fd, &err) < 0)
		return -1;
	f.bus.dev[1] = &f.dev;
	return pthread_create(&f.thread, NULL, serve, &f.loop);
}

struct quit_job {
	struct loop_job job;
	struct loop *loop;
};

static void quit(struct loop_job *job)
{
	owner_of(job, struct quit_job, job)->loop->stop = true;
}

static int teardown(void **state)
{
	struct fix *f = *state;
	struct quit_job quit_job = { { .run = quit, .done_fd = f->done_fd }, &f->loop };

	loop_call(&f->loop, &quit_job.job);
	pthread_join(f->thread, NULL);
	virtio_unwire(&f->dev);
	loop_fini(&f->loop);
	close(f->irq_fd);
	close(f->done_fd);
	return 0;
}

static uint64_t read_at(struct fix *f, uint64_t gpa, uint32_t len)
{
	uint64_t v = 0x5a5a5a5a5a5a5a5aull;

	bus_access(&f->bus, gpa, len, false, (uint8_t *)&v, f->done_fd);
	return v;
}

static void a_register_is_read_on_the_devices_loop(void **state)
{
	struct fix *f = *state;

	assert_int_equal(read_at(f, DEVICE_BASE + PAGE, 4), 0x5a5a5a5a00000000ull | MAGIC);
	assert_int_equal(read_at(f, DEVICE_BASE + PAGE + 8, 4) & 0xffffffff, 42);
}

static void a_register_is_written(void **state)
{
	struct fix *f = *state;
	uint32_t ack = 1;

	bus_access(&f->bus, DEVICE_BASE + PAGE + 0x70, 4, true, (uint8_t *)&ack, f->done_fd);
	assert_int_equal(read_at(f, DEVICE_BASE + PAGE + 0x70, 4) & 0xffffffff, 1);
}

static void where_nothing_is_reads_as_ones(void **state)
{
	static const uint64_t gpa[] = {
		0, DEVICE_BASE - 4, DEVICE_BASE, DEVICE_BASE + 2 * PAGE,
		DEVICE_BASE + MAX_DEVICES * PAGE, UINT64_MAX - 3,
	};
	struct fix *f = *state;

	for (unsigned i = 0; i < sizeof(gpa) / sizeof(gpa[0]); i++)
		assert_int_equal(read_at(f, gpa[i], 4), 0x5a5a5a5affffffffull);
	assert_int_equal(f->bus.unknown.count, sizeof(gpa) / sizeof(gpa[0]));
}

static void an_access_across_the_pages_end_reaches_nobody(void **state)
{
	struct fix *f = *state;

	assert_int_equal(read_at(f, DEVICE_BASE + 2 * PAGE - 2, 4) & 0xffffffff, 0xffffffff);
	assert_int_equal(read_at(f, DEVICE_BASE + PAGE - 2, 4) & 0xffffffff, 0xffffffff);
}

static void odd_widths_reach_nobody(void **state)
{
	struct fix *f = *state;

	assert_int_equal(read_at(f, DEVICE_BASE + PAGE, 3) & 0xffffff, 0xffffff);
	assert_int_equal(read_at(f, DEVICE_BASE + PAGE, 5) & 0xffffffffff, 0xffffffffff);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_register_is_read_on_the_devices_loop), T(a_register_is_written),
		T(where_nothing_is_reads_as_ones), T(an_access_across_the_pages_end_reaches_nobody),
		T(odd_widths_reach_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
