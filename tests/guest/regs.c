/* regs.c - the register page as nobody should use it. */
#include "tests/guest/dev.h"

static void play_reads(const struct dev *d, unsigned from, unsigned to)
{
	for (unsigned width = 1; width <= 8; width *= 2)
		for (unsigned off = from; off + width <= to; off++)
			peek(d->page + off, width);
}

/* The used part at every offset, the end of the page, and the border to the next. */
void regs_read(void)
{
	start_all();
	for (unsigned i = 0; i < N_OURS; i++) {
		trying("device", i);
		play_reads(&devs[i], 0, CONFIG + 0x48);
		play_reads(&devs[i], PAGE - 10, PAGE + 8);
		for (unsigned off = 0; off < CONFIG; off += 4)	/* no register is half readable */
			if (off != INT_STATUS)
				CHECK(peek(devs[i].page + off, 1) == 0 &&
				      peek(devs[i].page + off + 1, 4) == 0);
	}
	expect_all_work(NULL);
}

static void play_writes(const struct dev *d, unsigned width, uint64_t v)
{
	for (unsigned off = 0; off < CONFIG + 0x48; off += width < 4 ? width : 2)
		poke(d->page + off, width, v);
	for (unsigned off = PAGE - 10; off < PAGE; off++)
		poke(d->page + off, width, v);
}

void regs_write(void)
{
	static const uint64_t values[] = { 0, 1, 0xffffffffffffffff, 0x1010101010101010 };

	for (unsigned i = 0; i < N_OURS; i++)
		for (unsigned width = 1; width <= 8; width *= 2)
			for (unsigned k = 0; k < COUNT(values); k++) {
				trying("width", width);
				dev_start(&devs[i], 16);
				play_writes(&devs[i], width, values[k]);
			}
	start_all();
	expect_all_work(NULL);
}

/* --- in every state of a driver ------------------------------------------------------------ */

/* What a driver writes on its way up, in order.  After each of it the device is in a state of
 * its own. */
enum { RESET, SEEN, DRIVEN, AGREED, PLACED, READY, LIVE, BROKEN, FAILED, N_STATES };

static void offer_features(const struct dev *d)
{
	set(d, DRV_FEATURES_SEL, 1);
	set(d, DRV_FEATURES, (uint32_t)(F_VERSION_1 >> 32));
}

static void break_ring(struct ring *r)
{
	r->avail->idx = 0x4000;
	ring_kick(r);
	expect_broken(r->dev);
}

static void take_step(struct ring *r, unsigned step)
{
	struct dev *d = r->dev;

	switch (step) {
	case SEEN:	set(d, STATUS, ST_ACK); break;
	case DRIVEN:	set(d, STATUS, ST_ACK | ST_DRIVER); offer_features(d); break;
	case AGREED:	set(d, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK); break;
	case PLACED:	ring_offer(r); break;
	case READY:	set(d, QUEUE_READY, 1); break;
	case LIVE:	set(d, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK); break;
	case BROKEN:	break_ring(r); break;
	case FAILED:	set(d, STATUS, 0x8f); break;
	}
}

/* Of a network card and of vsock the queue that goes out. */
static void bring_to(struct dev *d, unsigned state)
{
	struct ring *r = &d->ring[d->n_rings > 1];

	set(d, STATUS, 0);
	ring_clear(r, 16);
	for (unsigned i = SEEN; i <= state; i++)
		take_step(r, i);
}

/* Only whole registers count: the status is what it was, whatever else is read and written. */
static void play_ignored(const struct dev *d)
{
	uint32_t was = get(d, STATUS);

	for (unsigned width = 1; width <= 8; width *= 2)
		for (unsigned off = width == 4; off < CONFIG + 0x10; off += width == 8 ? 8 : 3) {
			if (width == 4 && off % 4 == 0)
				continue;
			trying("at", off);
			peek(d->page + off, width);
			poke(d->page + off, width, 0);
		}
	CHECK(get(d, STATUS) == was);
}

/* Each register once, from that state: what it does there, the next does not see. */
static void play_registers(struct dev *d, unsigned state)
{
	static const uint32_t values[] = { 0, 1, 0xffffffff };

	for (unsigned off = 0; off < CONFIG + 8; off += 4) {
		trying("register", off);
		bring_to(d, state);
		peek(d->page + off, 4);
		set(d, off, values[(off / 4 + state) % COUNT(values)]);
		peek(d->page + off, 4);
	}
}

void regs_states(void)
{
	start_all();
	for (unsigned i = 0; i < N_OURS; i += N_OURS - 1)
		for (unsigned state = RESET; state < N_STATES; state++) {
			bring_to(&devs[i], state);
			play_ignored(&devs[i]);
			play_registers(&devs[i], state);
			dev_start(&devs[i], 16);
			expect_works(&devs[i]);
		}
	expect_all_work(NULL);
}

void regs_const(void)
{
	static const unsigned regs[] = { MAGIC, VERSION, DEVICE_ID, VENDOR_ID, DEV_FEATURES,
					 QUEUE_NUM_MAX, INT_STATUS, CONFIG_GEN };

	start_all();
	for (unsigned i = 0; i < N_OURS; i++)
		for (unsigned k = 0; k < COUNT(regs); k++) {
			uint32_t was = get(&devs[i], regs[k]);

			trying("register", regs[k]);
			set(&devs[i], regs[k], ~was);
			set(&devs[i], regs[k], 0);
			CHECK(get(&devs[i], regs[k]) == was);
		}
	expect_all_work(NULL);
}

/* --- config space -------------------------------------------------------------------------- */

static void compare_config(const struct dev *d, const uint8_t *bytes, unsigned n)
{
	for (unsigned width = 2; width <= 4; width *= 2)
		for (unsigned off = 0; off + width <= n; off += width) {
			uint64_t v = peek(d->page + CONFIG + off, width);

			trying("config at", off);
			CHECK(!memcmp(&v, bytes + off, width));
		}
}

void regs_config(void)
{
	uint8_t bytes[128];

	start_all();
	for (unsigned i = 0; i < N_OURS; i++) {
		for (unsigned off = 0; off < sizeof(bytes); off++)
			bytes[off] = (uint8_t)peek(devs[i].page + CONFIG + off, 1);
		compare_config(&devs[i], bytes, sizeof(bytes));
		for (unsigned off = 0; off < sizeof(bytes); off++)
			poke(devs[i].page + CONFIG + off, 1, 0xee);
		for (unsigned off = 0; off < sizeof(bytes); off += 4)
			set(&devs[i], CONFIG + off, 0xeeeeeeee);
		compare_config(&devs[i], bytes, sizeof(bytes));
		for (unsigned off = 0x148; off < PAGE; off += 0x94)
			CHECK(get(&devs[i], off) == 0);
	}
	CHECK(peek(devs[DISK].page + CONFIG, 4) == DISK_SECTORS);
	CHECK(peek(devs[VSOCK].page + CONFIG, 4) == VSOCK_GUEST_CID);
	expect_all_work(NULL);
}

/* --- negotiation ---------------------------------------------------------------------------- */

/* Ask for what was not offered: FEATURES_OK does not stick (3.1.1), and the device goes on. */
void regs_features(void)
{
	static const uint64_t wishes[] = { ~0ull, 1ull << 28 | F_VERSION_1, 1ull << 29 | F_VERSION_1,
					   1ull << 34 | F_VERSION_1, 1ull << 63 | F_VERSION_1 };

	start_all();
	for (unsigned i = 0; i < N_OURS; i++)
		for (unsigned k = 0; k < COUNT(wishes); k++) {
			struct dev *d = &devs[i];

			trying("wish", wishes[k]);
			dev_reset(d);
			set(d, STATUS, ST_ACK | ST_DRIVER);
			for (unsigned half = 0; half < 2; half++) {
				set(d, DRV_FEATURES_SEL, half);
				set(d, DRV_FEATURES, (uint32_t)(wishes[k] >> 32 * half));
			}
			set(d, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK);
			CHECK(!(get(d, STATUS) & ST_FEATURES_OK));
			expect_revived(d);
		}
}

void regs_select(void)
{
	static const uint32_t selectors[] = { 2, 3, 0x80000000, 0xffffffff };

	start_all();
	for (unsigned i = 0; i < N_OURS; i++)
		for (unsigned k = 0; k < COUNT(selectors); k++) {
			struct dev *d = &devs[i];

			trying("selector", selectors[k]);
			set(d, DEV_FEATURES_SEL, selectors[k]);
			CHECK(get(d, DEV_FEATURES) == 0);
			set(d, DRV_FEATURES_SEL, selectors[k]);
			set(d, DRV_FEATURES, 0xffffffff);
			set(d, QUEUE_SEL, selectors[k] | 4);
			CHECK(get(d, QUEUE_NUM_MAX) == 0 && get(d, QUEUE_READY) == 0);
			set(d, QUEUE_NUM, 16);
			set64(d, QUEUE_DESC, ARENA);
			set64(d, QUEUE_AVAIL, ARENA);
			set64(d, QUEUE_USED, ARENA);
			set(d, QUEUE_READY, 1);
			CHECK(get(d, QUEUE_READY) == 0);
		}
	expect_all_work(NULL);
}

void regs_status(void)
{
	static const uint32_t starts[] = {
		ST_DRIVER_OK, ST_ACK | ST_DRIVER_OK, ST_ACK | ST_DRIVER | ST_DRIVER_OK,
		ST_FEATURES_OK, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK,
		ST_NEEDS_RESET, 0xff, 0xffffffff, 0x100, 128,
	};
	struct dev *d = &devs[DISK];

	start_all();
	for (unsigned i = 0; i < COUNT(starts); i++) {
		trying("status", starts[i]);
		dev_reset(d);
		ring_clear(DISK_RING, 16);
		set(d, STATUS, starts[i]);		/* no features: no VERSION_1 */
		CHECK(!(get(d, STATUS) & ST_FEATURES_OK));
		ring_offer(DISK_RING);
		ring_enable(DISK_RING);
		ring_put(DISK_RING, 0);
		ring_kick(DISK_RING);
		expect_all_work(d);
		CHECK(DISK_RING->used->idx == 0);
		dev_start(d, 16);
		expect_works(d);
	}
	set(d, DRV_FEATURES_SEL, 1);			/* after FEATURES_OK: too late */
	set(d, DRV_FEATURES, 0);
	set(d, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK);
	CHECK(get(d, STATUS) & ST_FEATURES_OK);
	expect_all_work(NULL);
}

/* --- interrupts ------------------------------------------------------------------------------- */

void regs_ack(void)
{
	start_all();
	for (unsigned i = 0; i < N_OURS; i++) {
		struct dev *d = &devs[i];

		trying("device", i);
		for (unsigned k = 0; k < 200; k++)
			set(d, INT_ACK, k & 1 ? 0xffffffff : k);
		CHECK(get(d, INT_STATUS) == 0);
		expect_works(d);
		for (uint64_t t = start_wait(); !(get(d, INT_STATUS) & INT_USED); )
			CHECK(still_waiting(t));
		set(d, INT_ACK, ~(uint32_t)INT_USED);
		CHECK(get(d, INT_STATUS) & INT_USED);
		set(d, INT_ACK, INT_USED);
		CHECK(!(get(d, INT_STATUS) & INT_USED));
	}
	expect_all_work(NULL);
}

/* --- accesses that repeat ------------------------------------------------------------------------ */

static void rep_store(uint64_t to, uint32_t v, uint64_t n)
{
	__asm__ volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(v) : "memory");
}

static void rep_copy(uint64_t to, uint64_t from, uint64_t n)
{
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) :: "memory");
}

void regs_rep(void)
{
	start_all();
	for (unsigned i = 0; i < N_OURS; i++) {
		rep_copy(ARENA, devs[i].page, PAGE / 8);
		rep_copy(devs[i].page + QUEUE_DESC, ARENA, 64);
		rep_store(devs[i].page, 0xffffffff, PAGE / 4);
		rep_store(devs[i].page, 1, 128);
		__asm__ volatile("lock incl (%0)"
				 :: "r"(devs[i].page + QUEUE_SEL) : "memory");
		__asm__ volatile("lock orl $0xff, (%0)"
				 :: "r"(devs[i].page + STATUS) : "memory");
	}
	start_all();
	expect_all_work(NULL);
}

void regs_absent(void)
{
	static const uint64_t pages[] = { DEVICE_BASE - PAGE, DEVICE_BASE + MAX_DEVICES * PAGE,
					  DEVICE_BASE + (OUR_FIRST + N_DEVS) * PAGE, 0xdfff0000 };

	start_all();
	for (unsigned i = 0; i < COUNT(pages); i++) {
		trying("page", pages[i]);
		CHECK(peek(pages[i], 4) != 0x74726976);
		for (unsigned off = 0; off < 0x120; off += 4) {
			peek(pages[i] + off, 4);
			poke(pages[i] + off, 4, 0xffffffff);
			poke(pages[i] + off, 8, 0);
		}
	}
	expect_all_work(NULL);
}
