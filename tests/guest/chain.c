/* chain.c - descriptor chains that no driver would make, on every queue that is read when
 * it is kicked: the broken device stops, the others work, a reset brings it back. */
#include "tests/guest/dev.h"

#define BUF ARENA			/* some RAM of no meaning */

struct bad_chain {
	const char *what;
	unsigned n;
	struct desc desc[3];
};

static struct ring *const victims[] = { DISK_RING, NET_TX, OF_VSOCK(VSOCK_TX) };

static void all_stop(const struct bad_chain *bad, unsigned n)
{
	start_all();
	for (unsigned v = 0; v < COUNT(victims); v++)
		for (unsigned i = 0; i < n; i++) {
			trying(bad[i].what, v);
			chain(victims[v], bad[i].n, bad[i].desc);
			expect_broken(victims[v]->dev);
			expect_revived(victims[v]->dev);
		}
}

void chain_loop(void)
{
	static const struct bad_chain bad[] = {
		{ "it follows itself", 1, { { BUF, 16, NEXT, 0 } } },
		{ "two follow each other", 2, { { BUF, 16, NEXT, 1 }, { BUF, 16, NEXT, 0 } } },
		{ "a loop behind a start", 3, { { BUF, 16, NEXT, 1 }, { BUF, 1, NEXT, 2 },
						{ BUF, 1, NEXT, 1 } } },
		{ "a loop of nothing", 1, { { BUF, 0, NEXT, 0 } } },
		{ "a loop of writables", 2, { { BUF, 16, NEXT, 1 },
					      { BUF, 16, NEXT | WRITE, 1 } } },
	};

	all_stop(bad, COUNT(bad));
}

/* A read of disk 0 in one-byte pieces that uses all of r's descriptors. */
static void longest_chain(struct ring *r, uint8_t *status)
{
	static struct blk_header header;
	uint16_t last = (uint16_t)(r->num - 1);

	header = (struct blk_header){ BLK_IN, 0, 0 };
	r->desc[0] = (struct desc){ (uintptr_t)&header, sizeof(header), NEXT, 1 };
	r->desc[1] = (struct desc){ BUF, SECTOR - (r->num - 3u), NEXT | WRITE, 2 };
	for (uint16_t i = 2; i < last; i++)
		r->desc[i] = (struct desc){ BUF + SECTOR + i, 1, NEXT | WRITE, (uint16_t)(i + 1) };
	r->desc[last] = (struct desc){ (uintptr_t)status, 1, WRITE, 0 };
}

void chain_long(void)
{
	static uint8_t status;
	struct ring *r = DISK_RING;
	uint32_t id, len;

	start_all();
	for (uint32_t num = 4; num <= 256; num *= 4) {
		trying("queue of", num);
		dev_start(r->dev, num);
		longest_chain(r, &status);
		status = BLK_NONE;
		ring_put(r, 0);
		ring_kick(r);
		CHECK(ring_wait(r, &id, &len) && id == 0 && len == SECTOR + 1);
		CHECK(status == BLK_OK);

		r->desc[num - 1].flags |= NEXT;		/* and round again */
		ring_put(r, 0);
		ring_kick(r);
		expect_broken(r->dev);
		expect_revived(r->dev);
	}
}

void chain_next(void)
{
	static const struct bad_chain bad[] = {
		{ "the first one outside", 1, { { BUF, 16, NEXT, 16 } } },
		{ "the last there could be", 1, { { BUF, 16, NEXT, 0xffff } } },
		{ "in a larger queue", 1, { { BUF, 16, NEXT, 255 } } },
		{ "the second one's", 2, { { BUF, 16, NEXT, 1 }, { BUF, 16, NEXT, 0x8000 } } },
	};

	all_stop(bad, COUNT(bad));
}

void chain_wild(void)
{
	static const struct bad_chain bad[] = {
		{ "behind RAM", 1, { { GUEST_RAM, 16, 0, 0 } } },
		{ "over the end", 1, { { GUEST_RAM - 8, 16, 0, 0 } } },
		{ "over the end, written", 1, { { GUEST_RAM - 8, 16, WRITE, 0 } } },
		{ "a device", 1, { { DEVICE_BASE, 16, 0, 0 } } },
		{ "the interrupt controller", 1, { { 0xfee00000, 16, WRITE, 0 } } },
		{ "just below 4 GiB", 1, { { 0xfffffff0, 32, 0, 0 } } },
		{ "just above", 1, { { 0x100000000, 16, 0, 0 } } },
		{ "the sign", 1, { { 0x8000000000000000, 16, 0, 0 } } },
		{ "the last byte", 1, { { 0xffffffffffffffff, 1, 0, 0 } } },
		{ "around zero", 1, { { 0xfffffffffffffff0, 32, 0, 0 } } },
		{ "around zero to RAM's end", 1, { { 0xfffffffffffffff0, GUEST_RAM, WRITE, 0 } } },
		{ "behind a good one", 2, { { BUF, 16, NEXT, 1 }, { GUEST_RAM, 1, WRITE, 0 } } },
	};

	all_stop(bad, COUNT(bad));
}

void chain_huge(void)
{
	static const struct bad_chain bad[] = {
		{ "from zero", 1, { { 0, 0xffffffff, 0, 0 } } },
		{ "from zero, written", 1, { { 0, 0xffffffff, WRITE, 0 } } },
		{ "from the middle", 1, { { BUF, 0xffffffff, 0, 0 } } },
		{ "RAM and one byte", 1, { { 0, GUEST_RAM + 1, 0, 0 } } },
		{ "the sign", 1, { { BUF, 0x80000000, WRITE, 0 } } },
		{ "until it wraps", 1, { { 0xffffffff00000001, 0xffffffff, 0, 0 } } },
	};

	all_stop(bad, COUNT(bad));
}

/* Nothing says that a descriptor of no length is wrong: it adds nothing, that is all. */
void chain_empty(void)
{
	static struct blk_header header = { BLK_IN, 0, 2 };
	static uint8_t status;
	static const struct desc nothing[] = { { BUF, 0, NEXT, 1 }, { BUF, 0, NEXT, 2 },
					       { BUF, 0, 0, 0 } };
	struct ring *r = DISK_RING;
	uint32_t id, len;

	start_all();
	r->desc[0] = (struct desc){ BUF, 0, NEXT, 1 };
	r->desc[1] = (struct desc){ (uintptr_t)&header, sizeof(header), NEXT, 2 };
	r->desc[2] = (struct desc){ GUEST_RAM, 0, NEXT, 3 };	/* no byte of it is outside */
	r->desc[3] = (struct desc){ BUF, SECTOR, NEXT | WRITE, 4 };
	r->desc[4] = (struct desc){ BUF, 0, NEXT | WRITE, 5 };
	r->desc[5] = (struct desc){ (uintptr_t)&status, 1, NEXT | WRITE, 6 };
	r->desc[6] = (struct desc){ BUF, 0, WRITE, 0 };
	status = BLK_NONE;
	ring_put(r, 0);
	ring_kick(r);
	CHECK(ring_wait(r, &id, &len) && status == BLK_OK && len == SECTOR + 1);
	CHECK(*(const uint64_t *)BUF == disk_word(0, 2 * SECTOR / 8));
	expect_all_work(NULL);

	for (unsigned v = 0; v < COUNT(victims); v++) {
		trying("nothing at all", v);
		chain(victims[v], COUNT(nothing), nothing);
		expect_all_work(victims[v]->dev);
		dev_start(victims[v]->dev, 16);
		expect_works(victims[v]->dev);
	}
}

void chain_order(void)
{
	static const struct bad_chain bad[] = {
		{ "two", 2, { { BUF, 16, NEXT | WRITE, 1 }, { BUF, 16, 0, 0 } } },
		{ "three", 3, { { BUF, 16, NEXT, 1 }, { BUF, 16, NEXT | WRITE, 2 },
				{ BUF, 1, 0, 0 } } },
		{ "empty ones", 2, { { BUF, 0, NEXT | WRITE, 1 }, { BUF, 0, 0, 0 } } },
	};

	all_stop(bad, COUNT(bad));
}

void chain_flags(void)
{
	static const struct bad_chain bad[] = {
		{ "INDIRECT", 1, { { BUF, 16, INDIRECT, 0 } } },
		{ "INDIRECT with NEXT", 2, { { BUF, 16, INDIRECT | NEXT, 1 }, { BUF, 1, WRITE, 0 } } },
		{ "INDIRECT behind a header", 2, { { BUF, 16, NEXT, 1 },
						   { BUF, 32, INDIRECT | WRITE, 0 } } },
		{ "an unknown one", 1, { { BUF, 16, 8, 0 } } },
		{ "packed queues' flags", 1, { { BUF, 16, 1 << 7 | 1 << 15, 0 } } },
	};

	all_stop(bad, COUNT(bad));
}
