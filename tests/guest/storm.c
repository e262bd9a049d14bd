/* storm.c - kicks, and interrupts, as fast as they can be caused.  Nobody acknowledges one at
 * its device; none is waited for. */
#include "tests/guest/dev.h"

static bool over;				/* atomic: set by the first vcpu, read by the second */

static void end_second(void)
{
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (uint64_t t = start_wait(); !second_done(); )
		CHECK(still_waiting(t));
}

static void keep_kicking(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		for (unsigned i = 0; i < N_OURS; i++)
			for (unsigned q = 0; q < 4; q++)
				set(&devs[i], QUEUE_NOTIFY, q);
}

void storm_kicks(void)
{
	start_all();
	second_start(keep_kicking, NULL);
	for (unsigned i = 0; i < 10; i++)
		expect_all_work(NULL);
	end_second();
	expect_all_work(NULL);
}

#if !UNDER_LINUX				/* interrupts are that system's */
#define ROUNDS 150

/* Sixteen requests that have nothing to read, so that each is an interrupt and little else. */
static void offer_flushes(struct ring *r)
{
	static struct blk_header header = { BLK_FLUSH, 0, 0 };

	for (uint16_t i = 0; i < 16; i = (uint16_t)(i + 2)) {
		r->desc[i] = (struct desc){ (uintptr_t)&header, sizeof(header), NEXT,
					    (uint16_t)(i + 1) };
		r->desc[i + 1] = (struct desc){ ARENA + i, 1, WRITE, 0 };
	}
}

static void flush_and_kick(struct ring *r)
{
	for (uint16_t i = 0; i < 16; i = (uint16_t)(i + 2))
		ring_put(r, i);
	ring_kick(r);
}

static void await_used(struct ring *r)
{
	for (uint64_t t = start_wait();
	     __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) != r->put; )
		CHECK(still_waiting(t));
	r->seen = r->put;
}

static void play_completions(bool level)
{
	struct ring *r = DISK_RING;

	start_all();
	interrupts_on(level);
	offer_flushes(r);
	for (unsigned i = 0; i < ROUNDS; i++) {
		flush_and_kick(r);
		await_used(r);
	}
	CHECK(get(r->dev, INT_STATUS) == INT_USED);
	for (uint64_t t = start_wait(); interrupts_so_far() == 0; )
		CHECK(still_waiting(t));
	expect_all_work(NULL);
}

void storm_edge(void)
{
	play_completions(false);
}

void storm_level(void)
{
	play_completions(true);
}

/* The transmitter is always empty: an interrupt for each time that is asked for. */
void storm_serial(void)
{
	enum { COM1 = 0x3f8, IER = COM1 + 1, THR_EMPTY = 2 };

	start_all();
	interrupts_on(false);
	for (unsigned i = 0; i < 2000; i++) {
		outb(IER, 0);
		outb(IER, THR_EMPTY);
	}
	for (uint64_t t = start_wait(); interrupts_so_far() == 0; )
		CHECK(still_waiting(t));
	expect_all_work(NULL);
}

static void keep_interrupting(void *arg)
{
	(void)arg;
	for (unsigned i = 0; !__atomic_load_n(&over, __ATOMIC_ACQUIRE); i++)
		interrupt_other(i & 1 ? APIC_NMI : APIC_VECTOR);
}

void storm_between(void)
{
	start_all();
	interrupts_on(false);
	second_start(keep_interrupting, NULL);
	for (uint64_t t = start_wait(); interrupts_so_far() < 100; )
		CHECK(still_waiting(t));
	for (unsigned i = 0; i < 10; i++)
		expect_all_work(NULL);
	end_second();
}
#endif
