/* ring.c - rings that lie: indices, sizes, places, and when they are ready. */
#include "tests/guest/dev.h"

static struct ring *const victims[] = { DISK_RING, NET_TX, NET_RX,
				       OF_VSOCK(VSOCK_TX, VSOCK_RX) };

/* --- indices ------------------------------------------------------------------------- */

void ring_jump(void)
{
	static const uint16_t jumps[] = { 17, 256, 257, 0x7fff, 0x8000, 0xffff };

	start_all();
	for (unsigned v = 0; v < COUNT(victims); v++)
		for (unsigned i = 0; i < COUNT(jumps); i++) {
			struct ring *r = victims[v];

			trying("avail jumps by", jumps[i]);
			r->avail->idx = (uint16_t)(r->used->idx + jumps[i]);
			ring_kick(r);
			if (r == NET_RX)		/* looked at when a frame comes */
				net_send("\1\1\1\1\1\1\2\2\2\2\2\2\x88\1", 14);
			if (r == VSOCK_RX) {		/* looked at when there is an answer */
				struct packet p = vsock_packet(VS_REQUEST, 1, 1, 0);

				vsock_send(&p, NULL, 0);
			}
			expect_broken(r->dev);
			expect_revived(r->dev);
		}
}

void ring_head(void)
{
	static const uint16_t heads[] = { 16, 17, 255, 256, 0x8000, 0xffff };

	start_all();
	for (unsigned v = 0; v < COUNT(victims); v++)
		for (unsigned i = 0; i < COUNT(heads); i++) {
			struct ring *r = victims[v];

			trying("avail entry", heads[i]);
			dev_start(r->dev, 16);
			if (r == VSOCK_RX) {		/* in front of the good ones */
				struct packet p = vsock_packet(VS_REQUEST, 1, 1, 0);

				for (unsigned k = 0; k < 8; k++)
					r->avail->ring[k] = heads[i];
				vsock_send(&p, NULL, 0);
			} else {
				ring_put(r, heads[i]);
				ring_kick(r);
			}
			if (r == NET_RX)
				net_send("\1\1\1\1\1\1\2\2\2\2\2\2\x88\1", 14);
			expect_broken(r->dev);
			expect_revived(r->dev);
		}
}

/* --- geometry ------------------------------------------------------------------------- */

/* r cannot become ready with what its fields say, and a reset forgets about it. */
static void expect_not_ready(struct ring *r)
{
	dev_negotiate(r->dev);
	ring_offer(r);
	CHECK(!ring_enable(r));
	set(r->dev, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK);
	ring_kick(r);
	CHECK(!(get(r->dev, QUEUE_READY)));
	dev_start(r->dev, 16);
	expect_works(r->dev);
}

void ring_size(void)
{
	static const uint32_t sizes[] = { 0, 3, 12, 255, 257, 512, 0x8000, 0x10000, 0x10010,
					  0x80000000, 0xffffffff };

	start_all();
	for (unsigned v = 0; v < COUNT(victims); v++)
		for (unsigned i = 0; i < COUNT(sizes); i++) {
			trying("size", sizes[i]);
			ring_clear(victims[v], 16);
			victims[v]->num = sizes[i];
			expect_not_ready(victims[v]);
		}
	expect_all_work(NULL);
}

/* A ring made larger after it was checked is how a device is led past its end. */
void ring_frozen_size(void)
{
	static const uint32_t sizes[] = { 256, 4, 0x8000, 0xffffffff, 0 };

	start_all();
	for (unsigned v = 0; v < COUNT(victims); v++)
		for (unsigned i = 0; i < COUNT(sizes); i++) {
			struct ring *r = victims[v];

			trying("size", sizes[i]);
			set(r->dev, QUEUE_SEL, r->index);
			set(r->dev, QUEUE_NUM, sizes[i]);
			CHECK(get(r->dev, QUEUE_READY) == 1);
			for (unsigned k = 0; k < 20; k++)	/* more than once around */
				expect_works(r->dev);
		}
	chain(DISK_RING, 1, &(struct desc){ ARENA, 16, NEXT, 100 });	/* not 256 yet */
	expect_broken(&devs[DISK]);
	expect_revived(&devs[DISK]);
}

void ring_frozen_place(void)
{
	start_all();
	for (unsigned v = 0; v < COUNT(victims); v++) {
		struct ring *r = victims[v];

		trying("queue", v);
		set(r->dev, QUEUE_SEL, r->index);
		set64(r->dev, QUEUE_DESC, 0xfffffffffffff000);
		set64(r->dev, QUEUE_AVAIL, GUEST_RAM - 4);
		set64(r->dev, QUEUE_USED, ARENA);
		memset((void *)ARENA, 0x11, 64);
		expect_works(r->dev);
		for (unsigned k = 0; k < 64; k++)
			CHECK(((const uint8_t *)ARENA)[k] == 0x11);
	}
	expect_all_work(NULL);
}

void ring_unaligned(void)
{
	start_all();
	for (unsigned v = 0; v < COUNT(victims); v++)
		for (unsigned by = 1; by <= 8; by *= 2) {
			struct ring *r = victims[v];

			trying("off by", by);
			ring_clear(r, 16);
			r->desc = (struct desc *)((uintptr_t)r->desc + by);
			expect_not_ready(r);
			ring_clear(r, 16);
			r->avail = (struct avail *)((uintptr_t)r->avail + 1);
			expect_not_ready(r);
			ring_clear(r, 16);
			r->used = (struct used *)((uintptr_t)r->used + (by & 3 ? by : 3));
			expect_not_ready(r);
		}
}

void ring_outside(void)
{
	static const uint64_t wild[] = {
		GUEST_RAM, GUEST_RAM - 16, 0xc0000000, DEVICE_BASE, 0xfffffff0, 0x100000000,
		0x7ffffffffffffff0, 0x8000000000000000, 0xfffffffffffffff0,
	};

	start_all();
	for (unsigned i = 0; i < COUNT(wild); i++)
		for (unsigned v = 0; v < COUNT(victims); v++) {
			struct ring *r = victims[v];

			trying("at", wild[i]);
			ring_clear(r, 16);
			r->desc = (struct desc *)wild[i];
			expect_not_ready(r);
			ring_clear(r, 16);
			r->avail = (struct avail *)wild[i];
			expect_not_ready(r);
			ring_clear(r, 16);
			r->used = (struct used *)wild[i];
			expect_not_ready(r);
		}
}

/* Overlapping rings are the guest's own mess: the device may serve, stop or write into
 * them, but nothing else may notice. */
void ring_overlap(void)
{
	start_all();
	for (unsigned v = 0; v < COUNT(victims); v++) {
		struct ring *r = victims[v];

		trying("queue", v);
		dev_negotiate(r->dev);
		memset((void *)ARENA, 0, 8192);
		r->desc = (struct desc *)ARENA;
		r->avail = (struct avail *)ARENA;
		r->used = (struct used *)ARENA;
		ring_offer(r);
		ring_enable(r);
		set(r->dev, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK);
		for (uint16_t k = 0; k < 64; k++) {
			r->desc[0].addr = (uint64_t)k << 16 | ARENA;	/* is avail.idx, too */
			r->desc[0].len = 64;
			ring_kick(r);
		}
		expect_revived(r->dev);
	}
}

/* The disk's sectors land on the queue that asks for them. */
void ring_self(void)
{
	static struct blk_header header = { BLK_IN, 0, 0 };
	static uint8_t status;
	struct ring *r = DISK_RING;

	start_all();
	for (unsigned i = 0; i < 3; i++) {
		const uint64_t at[] = { (uintptr_t)r->desc, (uintptr_t)r->avail,
					(uintptr_t)r->used };

		trying("ring", i);
		for (unsigned k = 0; k < 8; k++) {
			r->desc[0] = (struct desc){ (uintptr_t)&header, sizeof(header), NEXT, 1 };
			r->desc[1] = (struct desc){ at[i], SECTOR, NEXT | WRITE, 2 };
			r->desc[2] = (struct desc){ (uintptr_t)&status, 1, WRITE, 0 };
			ring_put(r, 0);
			ring_kick(r);
		}
		expect_revived(r->dev);
	}
}

/* --- readiness -------------------------------------------------------------------------- */

void ring_ready(void)
{
	static const uint32_t values[] = { 0, 1, 2, 0, 1, 0xffffffff, 0x80000001, 1, 0, 0, 1 };

	start_all();
	for (unsigned v = 0; v < COUNT(victims); v++) {
		struct ring *r = victims[v];

		trying("queue", v);
		for (unsigned i = 0; i < COUNT(values); i++) {
			set(r->dev, QUEUE_SEL, r->index);
			set(r->dev, QUEUE_READY, values[i]);
			CHECK(get(r->dev, QUEUE_READY) <= 1);
			ring_put(r, 0);
			ring_kick(r);
		}
		expect_revived(r->dev);
	}
	for (unsigned i = 0; i < N_OURS; i++) {		/* a queue that is not there */
		set(&devs[i], QUEUE_SEL, devs[i].n_rings);
		set(&devs[i], QUEUE_NUM, 16);
		set(&devs[i], QUEUE_READY, 1);
		CHECK(get(&devs[i], QUEUE_READY) == 0 && get(&devs[i], QUEUE_NUM_MAX) == 0);
	}
	expect_all_work(NULL);
}

void ring_twice(void)
{
	static struct blk_header header = { BLK_IN, 0, 0 };
	static uint8_t status;
	struct ring *r = DISK_RING;
	uint32_t id, len;

	start_all();
	r->desc[0] = (struct desc){ (uintptr_t)&header, sizeof(header), NEXT, 1 };
	r->desc[1] = (struct desc){ ARENA, SECTOR, NEXT | WRITE, 2 };
	r->desc[2] = (struct desc){ (uintptr_t)&status, 1, WRITE, 0 };
	for (unsigned i = 0; i < 16; i++)
		ring_put(r, 0);
	ring_kick(r);
	for (unsigned i = 0; i < 16; i++)
		CHECK(ring_wait(r, &id, &len) && id == 0 && len == SECTOR + 1);
	expect_all_work(NULL);
}

/* --- kicks -------------------------------------------------------------------------------- */

void ring_early(void)
{
	static struct blk_header header = { BLK_IN, 0, 0 };
	static uint8_t status;
	struct ring *r = DISK_RING;

	start_all();
	for (unsigned step = 0; step < 3; step++) {
		trying("step", step);
		dev_reset(r->dev);
		if (step > 0)
			dev_negotiate(r->dev);
		ring_clear(r, 16);
		if (step > 1) {
			ring_offer(r);
			CHECK(ring_enable(r));
		}
		status = BLK_NONE;
		chain(r, 3, (const struct desc[]){
			{ (uintptr_t)&header, sizeof(header), NEXT, 1 },
			{ ARENA, SECTOR, NEXT | WRITE, 2 },
			{ (uintptr_t)&status, 1, WRITE, 0 } });
		expect_all_work(r->dev);		/* time enough to do the wrong thing */
		CHECK(status == BLK_NONE && r->used->idx == 0 && get(r->dev, INT_STATUS) == 0);
	}
	dev_start(r->dev, 16);
	expect_works(r->dev);
}

void ring_nowhere(void)
{
	static const uint32_t queues[] = { 1, 2, 3, 4, 255, 256, 0x10000, 0x80000000, 0xffffffff };

	start_all();
	for (unsigned i = 0; i < N_OURS; i++)
		for (unsigned k = 0; k < COUNT(queues); k++) {
			set(&devs[i], QUEUE_NOTIFY, queues[k]);
			poke(devs[i].page + QUEUE_NOTIFY, 2, queues[k]);
			poke(devs[i].page + QUEUE_NOTIFY, 1, queues[k]);
			poke(devs[i].page + QUEUE_NOTIFY, 8, queues[k]);
			poke(devs[i].page + QUEUE_NOTIFY + 2, 4, queues[k]);
		}
	expect_all_work(NULL);
}
