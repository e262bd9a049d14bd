/* dev.c - registers and rings, as an honest driver uses them. */
#include "tests/guest/dev.h"

#define OUR_PAGE(i) (DEVICE_BASE + (OUR_FIRST + (i)) * PAGE)

struct dev devs[N_DEVS] = {
	[DISK]	 = { OUR_PAGE(DISK),   2,  1, {}, "disk" },
	[RODISK] = { OUR_PAGE(RODISK), 2,  1, {}, "read-only disk" },
	[NET]	 = { OUR_PAGE(NET),    1,  2, {}, "net" },
	[VSOCK]	 = { OUR_PAGE(VSOCK),  19, 3, {}, "vsock" },
};

static struct ring_memory {
	struct desc desc[256];
	struct avail avail;
	struct used used;
} __attribute__((aligned(4096))) memory[N_DEVS][3];

uint32_t get(const struct dev *d, unsigned reg)
{
	return (uint32_t)peek(d->page + reg, 4);
}

static unsigned writes_left;			/* until then() is called; 0: it is not */
static void (*then)(void);

void set(const struct dev *d, unsigned reg, uint32_t v)
{
	poke(d->page + reg, 4, v);
	if (writes_left > 0 && --writes_left == 0)
		then();
}

void after_writes(unsigned n, void (*fn)(void))
{
	writes_left = n;
	then = fn;
}

void set64(const struct dev *d, unsigned reg, uint64_t v)
{
	set(d, reg, (uint32_t)v);
	set(d, reg + 4, (uint32_t)(v >> 32));
}

uint64_t features(const struct dev *d)
{
	uint64_t f;

	set(d, DEV_FEATURES_SEL, 0);
	f = get(d, DEV_FEATURES);
	set(d, DEV_FEATURES_SEL, 1);
	return f | (uint64_t)get(d, DEV_FEATURES) << 32;
}

void dev_reset(struct dev *d)
{
	set(d, STATUS, 0);
	CHECK(get(d, STATUS) == 0);
}

void dev_negotiate(struct dev *d)
{
	uint64_t f;

	dev_reset(d);
	CHECK(get(d, MAGIC) == 0x74726976 && get(d, VERSION) == 2);
	CHECK(get(d, DEVICE_ID) == d->type);
	set(d, STATUS, ST_ACK);
	set(d, STATUS, ST_ACK | ST_DRIVER);
	f = features(d);
	CHECK(f & F_VERSION_1);
	for (unsigned half = 0; half < 2; half++) {
		set(d, DRV_FEATURES_SEL, half);
		set(d, DRV_FEATURES, (uint32_t)(f >> 32 * half));
	}
	set(d, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK);
	CHECK(get(d, STATUS) & ST_FEATURES_OK);
}

void ring_clear(struct ring *r, uint32_t num)
{
	unsigned d = (unsigned)(r->dev - devs);

	r->desc = memory[d][r->index].desc;
	r->avail = &memory[d][r->index].avail;
	r->used = &memory[d][r->index].used;
	r->num = num;
	r->put = r->seen = 0;
	r->avail->flags = r->avail->idx = 0;
	r->used->flags = r->used->idx = 0;
	barrier();
}

void ring_offer(const struct ring *r)
{
	set(r->dev, QUEUE_SEL, r->index);
	set(r->dev, QUEUE_NUM, r->num);
	set64(r->dev, QUEUE_DESC, (uintptr_t)r->desc);
	set64(r->dev, QUEUE_AVAIL, (uintptr_t)r->avail);
	set64(r->dev, QUEUE_USED, (uintptr_t)r->used);
}

bool ring_enable(const struct ring *r)
{
	set(r->dev, QUEUE_SEL, r->index);
	set(r->dev, QUEUE_READY, 1);
	return get(r->dev, QUEUE_READY) == 1;
}

void dev_start(struct dev *d, uint32_t num)
{
	dev_negotiate(d);
	for (unsigned i = 0; i < d->n_rings; i++) {
		d->ring[i].dev = d;
		d->ring[i].index = i;
		ring_clear(&d->ring[i], num);
		ring_offer(&d->ring[i]);
		CHECK(ring_enable(&d->ring[i]));
	}
	set(d, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK);
	CHECK(get(d, STATUS) == (ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK));
	if (d == &devs[VSOCK])
		vsock_post();
}

void start_all(void)
{
	for (unsigned i = 0; i < N_OURS; i++)
		dev_start(&devs[i], 16);
}

void ring_put(struct ring *r, uint16_t head)
{
	r->avail->ring[r->put++ % r->num] = head;
	__atomic_store_n(&r->avail->idx, r->put, __ATOMIC_RELEASE);
}

void ring_kick(const struct ring *r)
{
	barrier();
	set(r->dev, QUEUE_NOTIFY, r->index);
}

bool ring_wait(struct ring *r, uint32_t *head, uint32_t *len)
{
	uint64_t t = start_wait();

	for (unsigned spins = 1; __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) == r->seen; spins++)
		if (!still_waiting(t) || (spins % 256 == 0 && is_broken(r->dev)))
			return false;
	*head = r->used->ring[r->seen % r->num].id;
	*len = r->used->ring[r->seen % r->num].len;
	r->seen++;
	return true;
}

void chain(struct ring *r, unsigned n, const struct desc *d)
{
	memcpy(r->desc, d, n * sizeof(*d));
	ring_put(r, 0);
	ring_kick(r);
}

bool is_broken(const struct dev *d)
{
	return get(d, STATUS) & ST_NEEDS_RESET;
}

void expect_broken(const struct dev *d)
{
	for (uint64_t t = start_wait(); !is_broken(d); )
		CHECK(still_waiting(t));
	CHECK(get(d, INT_STATUS) & INT_CONFIG);	/* a must, once DRIVER_OK is set */
}

void expect_all_work(const struct dev *but)
{
	for (unsigned i = 0; i < N_OURS; i++)
		if (&devs[i] != but)
			expect_works(&devs[i]);
}

void expect_revived(struct dev *d)
{
	expect_all_work(d);
	dev_start(d, 16);
	expect_works(d);
}
