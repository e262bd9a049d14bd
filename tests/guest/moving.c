/* moving.c - memory and registers that change under the device: the second vcpu moves
 * what the first one hands over.  The device may serve, fail or stop; it may not be led
 * outside, hang, or take another device with it. */
#include "tests/guest/dev.h"

#define ROUNDS 30

static struct blk_header header;
static uint8_t status;
static bool over;			/* atomic: set by the first vcpu, read by the second */
static uint32_t moves;			/* atomic: the other way around */

static bool going_on(void)
{
	__atomic_fetch_add(&moves, 1, __ATOMIC_RELEASE);
	return !__atomic_load_n(&over, __ATOMIC_ACQUIRE);
}

/* On a busy host the other vcpu may not run for a while; without it nothing moves. */
static void await_moves(uint32_t n)
{
	uint32_t from = __atomic_load_n(&moves, __ATOMIC_ACQUIRE);

	for (uint64_t t = start_wait(); __atomic_load_n(&moves, __ATOMIC_ACQUIRE) - from < n; )
		CHECK(still_waiting(t));
}

static void end_moves(void)
{
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (uint64_t t = start_wait(); !second_done(); )
		CHECK(still_waiting(t));
}

static void good_read(struct ring *r)
{
	header = (struct blk_header){ BLK_IN, 0, SCRATCH };
	r->desc[0] = (struct desc){ (uintptr_t)&header, sizeof(header), NEXT, 1 };
	r->desc[1] = (struct desc){ ARENA, SECTOR, NEXT | WRITE, 2 };
	r->desc[2] = (struct desc){ (uintptr_t)&status, 1, WRITE, 0 };
}

/* Kick until the rounds are over; a device that stopped, or has had its queue's worth, is
 * started again. */
static void play(void (*mover)(void *arg))
{
	struct ring *r = DISK_RING;
	unsigned stopped = 0;

	start_all();
	good_read(r);
	second_start(mover, r);
	for (unsigned i = 0; i < ROUNDS; i++) {
		bool broken;

		ring_put(r, 0);
		for (uint32_t k = 1; k <= 3; k++) {
			ring_kick(r);
			await_moves(k);
		}
		broken = is_broken(r->dev);
		stopped += broken;
		if (broken || i % 16 == 15) {
			dev_start(r->dev, 16);
			good_read(r);
		}
	}
	end_moves();
	print("stopped 0x");
	print_hex(stopped);
	print(" times\n");
	expect_revived(r->dev);
}

static void move_flags(void *arg)
{
	volatile struct desc *d = ((struct ring *)arg)->desc;

	for (unsigned i = 0; going_on(); i++) {
		d[1].flags = i & 1 ? NEXT | WRITE : INDIRECT | NEXT;
		d[0].flags = i & 2 ? NEXT : NEXT | WRITE;
		d[2].next = (uint16_t)i;
		d[2].flags = i & 4 ? WRITE : NEXT | WRITE;
	}
}

void moving_flags(void)
{
	play(move_flags);
}

static void move_address(void *arg)
{
	volatile struct desc *d = ((struct ring *)arg)->desc;

	for (unsigned i = 0; going_on(); i++) {
		d[1].addr = i & 1 ? ARENA : 0xffffffffffffff00;
		d[1].len = i & 2 ? SECTOR : 0xffffffff;
		d[0].addr = i & 4 ? (uintptr_t)&header : GUEST_RAM - 8;
		d[1].addr = GUEST_RAM - SECTOR;
		d[1].len = SECTOR + 1;
		d[1].len = SECTOR;
	}
}

void moving_address(void)
{
	play(move_address);
}

/* Writes may hit the scratch sectors, which begin the check's blind spot, and no other. */
static void move_header(void *arg)
{
	volatile struct blk_header *h = &header;

	(void)arg;
	for (unsigned i = 0; going_on(); i++) {
		h->type = i & 1 ? BLK_OUT : BLK_IN;
		h->sector = i & 2 ? SCRATCH : DISK_SECTORS;
		h->sector = 0x0080000000000000ull | SCRATCH;	/* in bytes it wraps to a good one */
	}
}

void moving_header(void)
{
	play(move_header);
}

static void move_index(void *arg)
{
	struct ring *r = arg;
	volatile struct avail *a = r->avail;
	volatile struct used *u = r->used;

	for (unsigned i = 0; going_on(); i++) {
		a->idx = (uint16_t)(a->idx + (i & 1 ? 0x4000 : -0x4000));
		a->ring[i & 15] = i & 16 ? 0 : 0xffff;
		u->idx = (uint16_t)i;
	}
}

void moving_index(void)
{
	play(move_index);
}

static void keep_resetting(void *arg)
{
	struct dev *d = ((struct ring *)arg)->dev;

	while (going_on()) {
		set(d, STATUS, 0);
		pause_for(50);
	}
}

/* Both write the same registers; what comes of it is only known once one of them stops. */
void moving_reset(void)
{
	struct ring *r = DISK_RING;

	start_all();
	good_read(r);
	second_start(keep_resetting, r);
	for (unsigned i = 0; i < ROUNDS; i++) {
		set(r->dev, STATUS, ST_ACK | ST_DRIVER);
		set(r->dev, DRV_FEATURES_SEL, 1);
		set(r->dev, DRV_FEATURES, 1);
		set(r->dev, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK);
		ring_clear(r, 16);
		ring_offer(r);
		ring_enable(r);
		set(r->dev, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK);
		for (unsigned k = 0; k < 16; k++) {
			ring_put(r, 0);
			ring_kick(r);
		}
		await_moves(1);
	}
	end_moves();
	expect_revived(r->dev);
}

static void keep_placing(void *arg)
{
	struct ring *r = arg;

	for (uint32_t i = 0; going_on(); i++) {
		set(r->dev, QUEUE_NUM, i & 1 ? 256 : 16);
		set64(r->dev, QUEUE_DESC, i & 2 ? (uint64_t)GUEST_RAM - 256 : ARENA);
		set64(r->dev, QUEUE_USED, i & 4 ? (uint64_t)GUEST_RAM - 132 : ARENA + 0x2000);
	}
}

void moving_setup(void)
{
	struct ring *r = DISK_RING;

	start_all();
	second_start(keep_placing, r);
	for (unsigned i = 0; i < ROUNDS; i++) {
		dev_negotiate(r->dev);
		ring_clear(r, 16);
		ring_offer(r);
		ring_enable(r);
		set(r->dev, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK);
		good_read(r);
		ring_put(r, 0);
		ring_kick(r);
		await_moves(1);
	}
	end_moves();
	expect_revived(r->dev);
}
