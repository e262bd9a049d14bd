/* monkey.c - random registers, random rings.  What a step does is the seed's alone; what comes of
 * it is the devices' pace, too.
 *
 * Each device has a part of the arena to itself: two of the monitor's threads at one place are
 * the guest's own mess, but a thread sanitizer would speak of it. */
#include "tests/guest/dev.h"

#define ROUNDS		(UNDER_LINUX ? 1600u : 3000u)	/* each costs more there */
#define ROUNDS_BETWEEN	200u		/* one look whether all work and the next */
#define PART		(ARENA_SIZE / N_DEVS)
#define MAX_PIECE	(128u << 10)	/* bytes that one descriptor lets a device write */
#define PAGES		8u		/* at the part's beginning, that places often are */
#define QUEUES		4u		/* one more than any device has */

static uint64_t state, part;
static bool wild;

static uint64_t any(void)			/* xorshift64* */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)((any() >> 32) % n);
}

#define ONE_OF(array) ((array)[below(COUNT(array))])

/* In this device's part of the arena, or, unless we are wild, in no memory at all. */
static uint64_t any_place(void)
{
	uint64_t at = part + below(PART - MAX_PIECE);

	switch (below(10)) {
	case 0:		return part == ARENA ? GUEST_RAM - below(64) : GUEST_RAM;
	case 1:		return GUEST_RAM + (any() >> (1 + below(63)));
	case 2:		return at;
	case 3:		return wild ? below(GUEST_RAM) : at;
	default:	return part + below(PAGES) * PAGE;
	}
}

static uint32_t any_length(void)
{
	static const uint32_t usual[] = { 0, 1, 2, 11, 12, 13, 16, 20, 43, 44, 45, 511, 512, 513, 1024,
					  1514, 1526, 1527, 2048, 4096, 65536, MAX_PIECE };

	return below(16) ? ONE_OF(usual) : GUEST_RAM + below(UINT32_MAX - GUEST_RAM);
}

/* As a register may hold it: small, all ones, a place. */
static uint32_t any_word(void)
{
	static const uint32_t usual[] = { 0, 1, 2, 3, 4, 7, 8, 11, 15, 16, 64, 128, 255, 256, 257, 0x8000,
					  0xffff, 0x10000, 0x80000000, 0xffffffff };

	uint64_t place = any_place();

	if (below(4))
		return ONE_OF(usual);
	return place >> 32 ? UINT32_MAX : (uint32_t)place;
}

/* --- steps ---------------------------------------------------------------------------------- */

static void touch(const struct dev *d)
{
	static const unsigned wide[] = { 1, 2, 4, 4, 4, 8 };
	unsigned width = ONE_OF(wide), off = below(8) ? below(0x120) & ~(width - 1) : below(PAGE - 8);

	if (below(4) == 0)
		peek(d->page + off, width);
	else if (off != QUEUE_READY || wild)		/* in places that place_queue() chose */
		poke(d->page + off, width, any_word());
}

static void write_register(const struct dev *d)
{
	static const unsigned regs[] = { DEV_FEATURES_SEL, DRV_FEATURES_SEL, DRV_FEATURES, QUEUE_SEL,
					 QUEUE_NUM, QUEUE_NOTIFY, INT_ACK };

	set(d, ONE_OF(regs), any_word());
}

static void write_status(const struct dev *d)
{
	static const uint32_t steps[] = { 0, ST_ACK, ST_ACK | ST_DRIVER,
					  ST_ACK | ST_DRIVER | ST_FEATURES_OK,
					  ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK };

	set(d, STATUS, below(8) ? ONE_OF(steps) : any_word());
}

static void place_queue(const struct dev *d)
{
	static const unsigned regs[] = { QUEUE_DESC, QUEUE_AVAIL, QUEUE_USED };

	set(d, QUEUE_SEL, below(QUEUES));
	set(d, QUEUE_NUM, 1u << below(10));
	for (unsigned i = 0; i < COUNT(regs); i++)
		set64(d, regs[i], any_place());
	set(d, QUEUE_READY, below(8) ? 1 : any_word());
}

static void kick(const struct dev *d)
{
	set(d, QUEUE_NOTIFY, below(8) ? below(QUEUES) : any_word());
}

/* --- steps that need a ring of ours -------------------------------------------------------------- */

static struct ring *any_ring(struct dev *d)
{
	return &d->ring[below(d->n_rings)];
}

static struct desc any_desc(uint32_t num)
{
	static const uint16_t flags[] = { 0, NEXT, NEXT, NEXT, WRITE, NEXT | WRITE, NEXT | WRITE };

	return (struct desc){ any_place(), any_length(),
			      below(32) ? ONE_OF(flags) : (uint16_t)any(),
			      below(32) ? (uint16_t)below(num) : (uint16_t)any() };
}

/* As large as the device takes queues, or less. */
static void start_again(struct dev *d)
{
	set(d, QUEUE_SEL, 0);
	dev_start(d, get(d, QUEUE_NUM_MAX) >> below(4));
}

static void start_elsewhere(struct dev *d)
{
	dev_negotiate(d);
	for (unsigned i = 0; i < 2 * d->n_rings; i++)
		place_queue(d);
	set(d, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK);
}

/* What lies there is a table, or an index, or both. */
static void scribble(struct dev *d)
{
	struct desc *table = (struct desc *)(part + below(PAGES) * PAGE);
	uint16_t *words = (uint16_t *)(part + below(PAGES) * PAGE);

	for (unsigned i = below(16); i > 0; i--)
		table[below(16)] = any_desc(16);
	for (unsigned i = below(16); i > 0; i--)
		words[below(16)] = (uint16_t)below(16);
	kick(d);
}

static void fill_ring(struct dev *d)
{
	struct ring *r = any_ring(d);
	unsigned n = 1 + below(16);

	for (unsigned i = 0; i < n; i++)
		r->desc[below(r->num)] = any_desc(r->num);
	for (unsigned i = below(8); i > 0; i--)
		ring_put(r, below(32) ? (uint16_t)below(r->num) : (uint16_t)any());
	ring_kick(r);
}

/* What an honest driver would write, but for a bit or two: deeper than noise gets. */
static void nearly_honest(struct dev *d)
{
	static const struct blk_header headers[] = { { BLK_IN, 0, 0 }, { BLK_OUT, 0, SCRATCH },
						     { BLK_FLUSH, 0, 0 }, { BLK_GET_ID, 0, 0 } };
	struct blk_header *header = (struct blk_header *)(part + MAX_PIECE);
	struct ring *r = any_ring(d);
	uint16_t data = NEXT | (below(2) ? WRITE : 0), bit = (uint16_t)(1u << below(16));

	*header = ONE_OF(headers);
	r->desc[0] = (struct desc){ (uintptr_t)header, sizeof(*header), NEXT, 1 };
	r->desc[1] = (struct desc){ part, any_length(), data, 2 };
	r->desc[2] = (struct desc){ part + MAX_PIECE + sizeof(*header), 1, WRITE, 0 };
	switch (below(6)) {
	case 0:	r->desc[below(3)].flags ^= bit; break;
	case 1:	r->desc[below(3)].next ^= bit; break;
	case 2:	r->desc[1].addr = any_place(); break;
	case 3:	r->desc[2].len = any_length(); break;
	case 4:	r->avail->idx ^= bit; break;
	}
	ring_put(r, 0);
	ring_kick(r);
}

static void spoil_ring(struct dev *d)
{
	struct ring *r = any_ring(d);

	switch (below(4)) {
	case 0:	r->avail->idx = (uint16_t)any(); break;
	case 1:	r->avail->flags = (uint16_t)any(); break;
	case 2:	r->used->idx = (uint16_t)any(); break;
	case 3:	r->avail->ring[below(256)] = (uint16_t)any(); break;
	}
}

static const struct { void (*to_registers)(const struct dev *d); void (*to_rings)(struct dev *d); }
steps[] = {
	{ touch, NULL }, { write_register, NULL }, { write_status, NULL }, { place_queue, NULL },
	{ kick, NULL }, { NULL, start_again }, { NULL, start_elsewhere }, { NULL, scribble },
	{ NULL, scribble }, { NULL, start_again }, { NULL, fill_ring },
	{ NULL, fill_ring }, { NULL, nearly_honest }, { NULL, nearly_honest }, { NULL, spoil_ring },
};

static void step(struct dev *ours, const struct dev *any_page)
{
	unsigned k = below(COUNT(steps));

	if (steps[k].to_rings)
		steps[k].to_rings(ours);
	else
		steps[k].to_registers(any_page);
}

/* --- */

/* What is on the disk that can be written is anything by now. */
static void expect_all_revived(void)
{
	static uint64_t sector[SECTOR / 8];

	start_all();
	CHECK(blk_request(&devs[DISK], BLK_IN, 2, sector, SECTOR) == BLK_OK);
	expect_all_work(&devs[DISK]);
}

void monkey_steps(void)
{
	uint64_t seed = wanted_seed();

	state = seed | 1ull << 63;			/* 0 would stay 0 */
	trying("seed", seed);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned at = below(N_OURS);

		if (i % ROUNDS_BETWEEN == 0)
			expect_all_revived();
		part = ARENA + at * PART;
		step(&devs[at], &devs[at]);
	}
	expect_all_revived();
}

/* Ours are played with as before, all pages as registers alone: the rings there are Linux'
 * own, and are what it had in mind until we place them elsewhere. */
void monkey_wild(void)
{
	state = wanted_seed() | 1ull << 63;
	wild = true;
	start_all();
	part = ARENA;
	for (;;) {
		struct dev page = { .page = DEVICE_BASE + below(MAX_DEVICES) * PAGE };

		step(&devs[below(N_OURS)], &page);
	}
}
