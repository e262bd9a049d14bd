/* driver.h - the driver's side of a virtio-mmio device, in one process with it.
 *
 * Written from the specification and not from our headers: register offsets and ring
 * layouts stand here a second time, so that a slip in ours shows. */
#ifndef TESTS_UNIT_DRIVER_H
#define TESTS_UNIT_DRIVER_H

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "virtio/virtio.h"

#define RAM_BASE 0x40000000ull
#define RAM_SIZE (4u << 20)

enum {
	R_MAGIC = 0x00, R_VERSION = 0x04, R_DEVICE_ID = 0x08, R_DEV_FEATURES = 0x10,
	R_DEV_FEATURES_SEL = 0x14, R_DRV_FEATURES = 0x20, R_DRV_FEATURES_SEL = 0x24,
	R_QUEUE_SEL = 0x30, R_QUEUE_NUM_MAX = 0x34, R_QUEUE_NUM = 0x38, R_QUEUE_READY = 0x44,
	R_NOTIFY = 0x50, R_INT_STATUS = 0x60, R_INT_ACK = 0x64, R_STATUS = 0x70,
	R_DESC = 0x80, R_AVAIL = 0x90, R_USED = 0xa0, R_CONFIG = 0x100,
};

struct dr_desc { uint64_t addr; uint32_t len; uint16_t flags, next; };
struct dr_avail { uint16_t flags, idx, ring[256]; };
struct dr_used { uint16_t flags, idx; struct { uint32_t id, len; } ring[256]; };

struct dr_queue {
	uint16_t num, seen;		/* seen: used entries that were looked at */
	struct dr_desc *desc;
	struct dr_avail *avail;
	struct dr_used *used;
	bool busy[256];			/* descriptors in flight */
	uint16_t next[256];		/* ours: how a chain goes on, whatever the ring says */
	bool more[256];
};

struct driver {
	struct virtio_dev *dev;
	struct loop loop;
	struct gmem mem;
	uint8_t *ram;
	uint32_t brk;
	int irq_fd;
	struct dr_queue q[VIRTIO_MAX_QUEUES];
};

struct seg { uint64_t gpa; uint32_t len; bool write; };

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

static inline uint64_t dr_gpa(struct driver *d, const void *p)
{
	return RAM_BASE + (uint64_t)((const uint8_t *)p - d->ram);
}

static void *dr_alloc(struct driver *d, uint32_t n)
{
	void *p = d->ram + d->brk;

	d->brk += (n + 63u) & ~63u;
	if (d->brk > RAM_SIZE)
		abort();
	return p;
}

static void wr(struct driver *d, uint32_t off, uint32_t val)
{
	mmio_write(d->dev, off, 4, val);
}

static uint32_t rd(struct driver *d, uint32_t off)
{
	return mmio_read(d->dev, off, 4);
}

/* The device must be initialised already. */
static void dr_init(struct driver *d, struct virtio_dev *dev)
{
	struct err err;

	memset(d, 0, sizeof(*d));
	d->dev = dev;
	d->ram = aligned_alloc(4096, RAM_SIZE);
	memset(d->ram, 0, RAM_SIZE);
	d->mem = (struct gmem){ 1, { { RAM_BASE, RAM_SIZE, d->ram } } };
	d->irq_fd = eventfd(0, EFD_NONBLOCK);
	if (loop_init(&d->loop) || virtio_wire(dev, &d->mem, &d->loop, d->irq_fd, &err))
		abort();
}

static void dr_fini(struct driver *d)
{
	virtio_unwire(d->dev);
	loop_fini(&d->loop);
	close(d->irq_fd);
	free(d->ram);
}

static uint64_t dr_offered(struct driver *d)
{
	uint64_t low;

	wr(d, R_DEV_FEATURES_SEL, 0);
	low = rd(d, R_DEV_FEATURES);
	wr(d, R_DEV_FEATURES_SEL, 1);
	return low | (uint64_t)rd(d, R_DEV_FEATURES) << 32;
}

static void dr_accept(struct driver *d, uint64_t features)
{
	wr(d, R_DRV_FEATURES_SEL, 0);
	wr(d, R_DRV_FEATURES, (uint32_t)features);
	wr(d, R_DRV_FEATURES_SEL, 1);
	wr(d, R_DRV_FEATURES, (uint32_t)(features >> 32));
}

static void dr_write64(struct driver *d, uint32_t off, uint64_t v)
{
	wr(d, off, (uint32_t)v);
	wr(d, off + 4, (uint32_t)(v >> 32));
}

static void dr_make_queue(struct driver *d, unsigned i, uint16_t num)
{
	struct dr_queue *q = &d->q[i];

	memset(q, 0, sizeof(*q));
	q->num = num;
	q->desc = dr_alloc(d, 16u * num);
	q->avail = dr_alloc(d, sizeof(*q->avail));
	q->used = dr_alloc(d, sizeof(*q->used));
	memset(q->desc, 0, 16u * num);
	memset(q->avail, 0, sizeof(*q->avail));
	memset(q->used, 0, sizeof(*q->used));
	wr(d, R_QUEUE_SEL, i);
	wr(d, R_QUEUE_NUM, num);
	dr_write64(d, R_DESC, dr_gpa(d, q->desc));
	dr_write64(d, R_AVAIL, dr_gpa(d, q->avail));
	dr_write64(d, R_USED, dr_gpa(d, q->used));
	wr(d, R_QUEUE_READY, 1);
}

/* From reset to DRIVER_OK, as a well-behaved driver does it. */
static void dr_start(struct driver *d, uint64_t features, uint16_t num)
{
	d->brk = 0;
	wr(d, R_STATUS, 0);
	wr(d, R_STATUS, 1);
	wr(d, R_STATUS, 3);
	dr_accept(d, features | 1ull << 32);
	wr(d, R_STATUS, 11);
	for (unsigned i = 0; i < d->dev->type->nqueues; i++)
		dr_make_queue(d, i, num);
	wr(d, R_STATUS, 15);
}

static uint16_t dr_free_desc(struct dr_queue *q)
{
	for (uint16_t i = 0; i < q->num; i++)
		if (!q->busy[i]) {
			q->busy[i] = true;
			return i;
		}
	abort();
}

static bool dr_has_room(const struct dr_queue *q, unsigned n)
{
	for (unsigned i = 0; i < q->num; i++)
		n -= n > 0 && !q->busy[i];
	return n == 0;
}

/* Make a chain available, without a kick; returns its head. */
static uint16_t dr_submit(struct driver *d, unsigned qi, const struct seg *s, unsigned n)
{
	struct dr_queue *q = &d->q[qi];
	uint16_t head = dr_free_desc(q), at = head;

	for (unsigned i = 0; i < n; i++) {
		uint16_t next = i + 1 < n ? dr_free_desc(q) : 0;

		q->desc[at] = (struct dr_desc){ s[i].gpa, s[i].len,
						(uint16_t)((i + 1 < n ? 1 : 0) | (s[i].write ? 2 : 0)),
						next };
		q->more[at] = i + 1 < n;
		q->next[at] = next;
		at = next;
	}
	q->avail->ring[q->avail->idx & (q->num - 1)] = head;
	__atomic_store_n(&q->avail->idx, (uint16_t)(q->avail->idx + 1), __ATOMIC_RELEASE);
	return head;
}

/* The next used element: true, its head and length. */
static bool dr_used(struct driver *d, unsigned qi, uint16_t *head, uint32_t *len)
{
	struct dr_queue *q = &d->q[qi];
	uint16_t at;

	if (q->seen == __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE))
		return false;
	*head = (uint16_t)q->used->ring[q->seen & (q->num - 1)].id;
	*len = q->used->ring[q->seen & (q->num - 1)].len;
	q->seen++;
	for (at = *head; q->more[at]; at = q->next[at])
		q->busy[at] = false;
	q->busy[at] = false;
	return true;
}

/* Ring the eventfd, as KVM does for a guest. */
static void dr_kick(struct driver *d, unsigned q)
{
	uint64_t one = 1;

	if (write(d->dev->kick[q].io.fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* Let the device's loop run until it is idle; false when it does not come to rest. */
static bool dr_settle(struct driver *d)
{
	for (unsigned i = 0; i < 100000; i++)
		if (loop_once(&d->loop, 0) == 0)
			return true;
	return false;
}

static uint64_t dr_irqs(struct driver *d)
{
	uint64_t n = 0;

	return read(d->irq_fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

#pragma GCC diagnostic pop
#endif
