/* reset.c - resets, often, and at the worst time. */
#include "tests/guest/dev.h"

void reset_storm(void)
{
	struct dev *last = &devs[N_OURS - 1];

	start_all();
	for (unsigned i = 0; i < 1000; i++)
		set(&devs[i % N_OURS], STATUS, 0);
	for (unsigned i = 0; i < 20; i++)
		start_all();
	expect_all_work(NULL);
	for (unsigned i = 0; i < 1000; i++) {		/* one that has something to do */
		set(last, QUEUE_NOTIFY, 1);
		set(last, STATUS, 0);
	}
	expect_revived(last);
}

/* Sixteen reads, one sector each, into the arena; not waited for. */
static void start_reads(struct ring *r)
{
	static struct blk_header header = { BLK_IN, 0, 0 };

	for (uint16_t i = 0; i < 48; i = (uint16_t)(i + 3)) {
		r->desc[i] = (struct desc){ (uintptr_t)&header, sizeof(header), NEXT,
					    (uint16_t)(i + 1) };
		r->desc[i + 1] = (struct desc){ ARENA + i * SECTOR, SECTOR, NEXT | WRITE,
						(uint16_t)(i + 2) };
		r->desc[i + 2] = (struct desc){ ARENA + 0x10000 + i, 1, WRITE, 0 };
		ring_put(r, i);
	}
	ring_kick(r);
}

static bool all_is(const uint64_t *p, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != v)
			return false;
	return true;
}

/* When status reads 0 the device is done with our memory: what it held may be reused. */
void reset_flight(void)
{
	struct ring *r = DISK_RING;

	start_all();
	for (unsigned i = 0; i < 20; i++) {
		trying("round", i);
		dev_start(r->dev, 64);
		start_reads(r);
		if (i & 1)
			pause_for(i * 100);
		dev_reset(r->dev);
		memset((void *)ARENA, 0x5a, 48 * SECTOR);
		memset((void *)(ARENA + 0x10000), 0x5a, 64);
		memset(r->used, 0x5a, 64);
		pause_for(2000);
		CHECK(all_is((const uint64_t *)ARENA, 48 * SECTOR / 8, 0x5a5a5a5a5a5a5a5a));
		CHECK(all_is((const uint64_t *)(ARENA + 0x10000), 8, 0x5a5a5a5a5a5a5a5a));
		CHECK(all_is((const uint64_t *)(const void *)r->used, 8, 0x5a5a5a5a5a5a5a5a));
	}
	expect_revived(r->dev);
}

void reset_halfway(void)
{
	for (unsigned i = 0; i < N_OURS; i++) {
		struct dev *d = &devs[i];

		trying("device", i);
		dev_reset(d);
		set(d, STATUS, ST_ACK);
		dev_reset(d);
		dev_negotiate(d);
		dev_reset(d);
		CHECK(!(get(d, STATUS) & ST_FEATURES_OK));
		dev_negotiate(d);
		d->ring[0].dev = d;
		ring_clear(&d->ring[0], 8);
		ring_offer(&d->ring[0]);
		dev_reset(d);
		CHECK(!ring_enable(&d->ring[0]));		/* it has forgotten size and place */
		dev_reset(d);
		dev_negotiate(d);
		ring_offer(&d->ring[0]);
		CHECK(ring_enable(&d->ring[0]));
		dev_reset(d);
		set(d, QUEUE_SEL, 0);
		CHECK(get(d, QUEUE_READY) == 0 && get(d, INT_STATUS) == 0);
	}
	start_all();
	expect_all_work(NULL);
}

/* --- after every single step ----------------------------------------------------------------- */

static struct dev *victim;
static void *back[5];

static void reset_now(void)
{
	dev_reset(victim);
	__builtin_longjmp(back, 1);
}

/* Is there an n-th register write on the way from nothing to an answered request? */
static bool __attribute__((noinline)) is_cut_short(unsigned n)
{
	if (__builtin_setjmp(back))
		return true;
	after_writes(n, reset_now);
	dev_start(victim, 16);
	expect_works(victim);
	after_writes(0, NULL);
	return false;
}

void reset_every(void)
{
	start_all();
	for (unsigned i = 0; i < N_OURS; i++) {
		unsigned n = 1;

		victim = &devs[i];
		for (; is_cut_short(n); n++) {
			trying(victim->name, n);
			CHECK(get(victim, INT_STATUS) == 0);
			for (unsigned q = 0; q < victim->n_rings; q++) {
				set(victim, QUEUE_SEL, q);
				CHECK(get(victim, QUEUE_READY) == 0);
			}
		}
		CHECK(n > 20);
		expect_all_work(NULL);
	}
}
