/* blk.c - requests that a disk must refuse, and what it must leave alone. */
#include "tests/guest/dev.h"

#define BUF ((uint8_t *)ARENA)

/* A request of n descriptors as they are. */
static bool served(const struct desc *d, unsigned n, uint32_t *used)
{
	uint32_t id;

	chain(DISK_RING, n, d);
	return ring_wait(DISK_RING, &id, used);
}

static void expect_stops(const struct desc *d, unsigned n)
{
	chain(DISK_RING, n, d);
	expect_broken(&devs[DISK]);
	expect_revived(&devs[DISK]);
}

void blk_end(void)
{
	static const struct { uint64_t sector; uint32_t len; } bad[] = {
		{ DISK_SECTORS, SECTOR }, { DISK_SECTORS - 1, 2 * SECTOR },
		{ DISK_SECTORS + 1, SECTOR }, { 0, (DISK_SECTORS + 1) * SECTOR },
		{ 0xffffffffffffffff, SECTOR }, { 0xffffffffffffffff, 2 * SECTOR },
		{ 0x007fffffffffffff, SECTOR }, { 0x0080000000000000, SECTOR },
		{ 0x0080000000000000 | SCRATCH, SECTOR }, { 0x8000000000000000, SECTOR },
		{ 0x003fffffffffffff, SECTOR }, { 0x0040000000000000, SECTOR },
	};

	start_all();
	memset(BUF, 0x33, SECTOR);
	for (unsigned i = 0; i < COUNT(bad); i++) {
		trying("sector", bad[i].sector);
		CHECK(blk_request(&devs[DISK], BLK_IN, bad[i].sector, BUF, bad[i].len) == BLK_IOERR);
		CHECK(blk_request(&devs[DISK], BLK_OUT, bad[i].sector, BUF, bad[i].len) == BLK_IOERR);
	}
	CHECK(blk_request(&devs[DISK], BLK_IN, DISK_SECTORS - 1, BUF, SECTOR) == BLK_OK);
	expect_all_work(NULL);
}

void blk_readonly(void)
{
	struct dev *d = &devs[RODISK];
	uint8_t *buf = BUF + 0x100000;			/* not where the other disk's thread is */

	start_all();
	CHECK(features(d) & 1 << 5);			/* VIRTIO_BLK_F_RO */
	CHECK(!(features(&devs[DISK]) & 1 << 5));
	memset(buf, 0x33, SECTOR);
	CHECK(blk_request(d, BLK_OUT, 0, buf, SECTOR) == BLK_IOERR);
	CHECK(blk_request(d, BLK_OUT, SCRATCH, buf, 8 * SECTOR) == BLK_IOERR);
	CHECK(blk_request(d, BLK_IN, 0, buf, SECTOR) == BLK_OK);
	CHECK(*(const uint64_t *)buf == disk_word(1, 0));

	dev_reset(d);					/* without having accepted F_RO */
	set(d, STATUS, ST_ACK | ST_DRIVER);
	set(d, DRV_FEATURES_SEL, 1);
	set(d, DRV_FEATURES, 1);
	set(d, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK);
	ring_clear(&d->ring[0], 16);
	ring_offer(&d->ring[0]);
	CHECK(ring_enable(&d->ring[0]));
	set(d, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK);
	CHECK(blk_request(d, BLK_OUT, 0, buf, SECTOR) == BLK_IOERR);

	CHECK(blk_request(&devs[DISK], BLK_OUT, SCRATCH, BUF, SECTOR) == BLK_OK);
	expect_all_work(NULL);
}

void blk_type(void)
{
	static const uint32_t types[] = { 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 0x80000000, 0xffffffff };

	start_all();
	for (unsigned i = 0; i < COUNT(types); i++) {
		trying("type", types[i]);
		CHECK(blk_request(&devs[DISK], types[i], 0, BUF, SECTOR) == BLK_UNSUPP);
		CHECK(blk_request(&devs[RODISK], types[i], 0, BUF, 0) == BLK_UNSUPP);
	}
	CHECK(blk_request(&devs[DISK], BLK_FLUSH, 0, BUF, 0) == BLK_OK);
	expect_all_work(NULL);
}

/* virtio 1.2, 2.7.4: how a request is cut into descriptors means nothing. */
void blk_split(void)
{
	static struct blk_header header = { BLK_IN, 0, 2 };
	static uint8_t status;
	struct desc d[19];
	uint32_t used;

	start_all();
	dev_start(&devs[DISK], 32);
	for (uint16_t i = 0; i < 16; i++)
		d[i] = (struct desc){ (uintptr_t)&header + i, 1, NEXT, (uint16_t)(i + 1) };
	d[16] = (struct desc){ ARENA, 1, NEXT | WRITE, 17 };
	d[17] = (struct desc){ ARENA + 1, SECTOR - 1, NEXT | WRITE, 18 };
	d[18] = (struct desc){ (uintptr_t)&status, 1, WRITE, 0 };
	status = BLK_NONE;
	CHECK(served(d, 19, &used) && used == SECTOR + 1 && status == BLK_OK);
	CHECK(*(const uint64_t *)BUF == disk_word(0, 2 * SECTOR / 8));

	d[17].len = SECTOR;				/* data and status in one piece */
	d[17].flags = WRITE;
	BUF[SECTOR] = BLK_NONE;
	CHECK(served(d, 18, &used) && used == SECTOR + 1 && BUF[SECTOR] == BLK_OK);
	dev_start(&devs[DISK], 16);
	expect_all_work(NULL);
}

void blk_status(void)
{
	static struct blk_header header = { BLK_OUT, 0, SCRATCH };

	start_all();
	expect_stops((const struct desc[]){ { (uintptr_t)&header, 16, 0, 0 } }, 1);
	expect_stops((const struct desc[]){ { (uintptr_t)&header, 16, NEXT, 1 },
					    { ARENA, SECTOR, 0, 0 } }, 2);
	expect_stops((const struct desc[]){ { (uintptr_t)&header, 16, NEXT, 1 },
					    { ARENA, SECTOR, NEXT, 2 },
					    { ARENA, 0, WRITE, 0 } }, 3);
}

void blk_header(void)
{
	static struct blk_header header = { BLK_IN, 0, 0 };

	start_all();
	for (uint32_t n = 0; n < 16; n += 5) {
		trying("header of", n);
		expect_stops((const struct desc[]){ { (uintptr_t)&header, n, NEXT, 1 },
						    { ARENA, SECTOR + 1, WRITE, 0 } }, 2);
	}
	expect_stops((const struct desc[]){ { ARENA, SECTOR, WRITE, 0 } }, 1);
}

/* 254 times `piece` bytes of the same memory, from or to the start of the disk. */
static void huge_request(uint32_t type, uint32_t piece, uint8_t *status)
{
	static struct blk_header header;
	struct ring *r = DISK_RING;
	uint16_t data = NEXT | (type == BLK_IN ? WRITE : 0);

	dev_start(r->dev, 256);
	header = (struct blk_header){ type, 0, 0 };
	r->desc[0] = (struct desc){ (uintptr_t)&header, sizeof(header), NEXT, 1 };
	for (uint16_t i = 1; i < 255; i++)
		r->desc[i] = (struct desc){ 8 << 20, piece, data, (uint16_t)(i + 1) };
	r->desc[255] = (struct desc){ (uintptr_t)status, 1, WRITE, 0 };
	*status = BLK_NONE;
	ring_put(r, 0);
	ring_kick(r);
}

void blk_huge(void)
{
	static uint8_t status;
	uint32_t id, used;

	start_all();
	for (uint32_t type = BLK_IN; type <= BLK_OUT; type++) {
		trying("type", type);
		CHECK(blk_request(&devs[DISK], type, 0, (void *)ARENA, 8 << 20) == BLK_IOERR);
		huge_request(type, 16 << 20, &status);		/* just below 4 GiB */
		CHECK(ring_wait(DISK_RING, &id, &used) && status == BLK_IOERR);
		huge_request(type, 24 << 20, &status);		/* more than used.len can say */
		expect_broken(&devs[DISK]);
		expect_revived(&devs[DISK]);
	}
}

void blk_id(void)
{
	static const uint32_t sizes[] = { 1, 19, 20, 21, 512 };

	start_all();
	for (unsigned i = 0; i < COUNT(sizes); i++) {
		uint8_t got;

		trying("buffer of", sizes[i]);
		memset(BUF, 0xcc, 600);
		got = blk_request(&devs[DISK], BLK_GET_ID, 0, BUF, sizes[i]);
		CHECK(got == BLK_OK || (sizes[i] < 20 && got == BLK_IOERR));
		for (unsigned k = sizes[i] < 20 ? sizes[i] : 20; k < 600; k++)
			CHECK(BUF[k] == 0xcc);
	}
	CHECK(BUF[0] != 0xcc);
	expect_all_work(NULL);
}

void blk_odd(void)
{
	static const uint32_t sizes[] = { 1, 511, 513, 1023 };

	start_all();
	for (unsigned i = 0; i < COUNT(sizes); i++) {
		trying("data of", sizes[i]);
		CHECK(blk_request(&devs[DISK], BLK_IN, 0, BUF, sizes[i]) == BLK_IOERR);
		CHECK(blk_request(&devs[DISK], BLK_OUT, SCRATCH, BUF, sizes[i]) == BLK_IOERR);
	}
	expect_all_work(NULL);
}

/* IN with data to read and OUT with data to write: the answer is free, the harm is not. */
void blk_direction(void)
{
	static struct blk_header header;
	static uint8_t status;

	start_all();
	for (unsigned type = BLK_IN; type <= BLK_OUT; type++) {
		trying("type", type);
		memset(BUF, 0x77, SECTOR);
		header = (struct blk_header){ type, 0, 0 };	/* not scratch: must stay */
		chain(DISK_RING, 3, (const struct desc[]){
			{ (uintptr_t)&header, 16, NEXT, 1 },
			{ ARENA, SECTOR, (uint16_t)(NEXT | (type == BLK_OUT ? WRITE : 0)), 2 },
			{ (uintptr_t)&status, 1, WRITE, 0 } });
		for (uint64_t t = start_wait(); DISK_RING->used->idx == DISK_RING->seen &&
						!is_broken(&devs[DISK]); )
			CHECK(still_waiting(t));
		for (unsigned k = 0; k < SECTOR; k++)
			CHECK(BUF[k] == 0x77);
		expect_revived(&devs[DISK]);
	}
}

void blk_full(void)
{
	static struct blk_header header = { BLK_IN, 0, 0 };
	struct ring *r = DISK_RING;
	uint32_t id, used;

	start_all();
	dev_start(&devs[DISK], 256);
	for (uint16_t i = 0; i < 85 * 3; i = (uint16_t)(i + 3)) {
		r->desc[i] = (struct desc){ (uintptr_t)&header, 16, NEXT, (uint16_t)(i + 1) };
		r->desc[i + 1] = (struct desc){ ARENA + i * SECTOR, SECTOR, NEXT | WRITE,
						(uint16_t)(i + 2) };
		r->desc[i + 2] = (struct desc){ ARENA + 0x100000 + i, 1, WRITE, 0 };
		*(uint8_t *)(ARENA + 0x100000 + i) = BLK_NONE;
		ring_put(r, i);
	}
	ring_kick(r);
	for (unsigned i = 0; i < 85; i++) {
		CHECK(ring_wait(r, &id, &used) && used == SECTOR + 1);
		CHECK(*(uint8_t *)(ARENA + 0x100000 + id) == BLK_OK);
		*(uint8_t *)(ARENA + 0x100000 + id) = BLK_NONE;	/* once each */
	}
	dev_start(&devs[DISK], 16);
	expect_all_work(NULL);
}
