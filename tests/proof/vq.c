/* vq.c - for Frama-C: whatever a driver has set, and whatever lies in its rings, vq_enable(),
 * vq_pop(), vq_unpop() and vq_push() touch nothing but guest memory and what they were handed.
 *
 * Guest memory is two regions, and all of it is unknown, so what is read twice is two values: a
 * guest that writes meanwhile is among them.  That the atomics are atomic is the compiler's
 * business. */
#include <__fc_builtin.h>

#define __atomic_load_n(p, order)	(*(p))
#define __atomic_store_n(p, v, order)	(*(p) = (v))
#define __sync_synchronize()

#include "virtio/vq.c"

#define LOW_LEN 0x10000u
#define HIGH_LEN 0x8000u

static uint8_t low[LOW_LEN] __attribute__((aligned(16)));
static uint8_t high[HIGH_LEN] __attribute__((aligned(16)));

static uint64_t anything(void)
{
	return Frama_C_unsigned_long_long_interval(0, UINT64_MAX);
}

static struct vq_chain chain;

/* After any number of chains. */
static void device(struct vq *q, const struct gmem *m)
{
	q->next_avail = (uint16_t)anything();
	q->next_used = (uint16_t)anything();
	if (vq_pop(q, m, &chain) != 1)
		return;
	if (anything() & 1)
		vq_unpop(q);
	else
		vq_push(q, &chain);
	vq_wants_interrupt(q);
}

/* What is no power of two is refused before anything is looked at. */
static void queue(uint32_t num)
{
	struct gmem m = { .n = 2, .region = { { 0x100000, LOW_LEN, low },
					      { 1ull << 32, HIGH_LEN, high } } };
	struct vq q = { .num = num, .desc_gpa = anything(), .avail_gpa = anything(),
			.used_gpa = anything() };

	Frama_C_make_unknown((char *)low, sizeof(low));
	Frama_C_make_unknown((char *)high, sizeof(high));
	if (vq_enable(&q, &m) == 0)
		device(&q, &m);
}

int main(void)
{
	//@ loop unroll 600;
	for (uint32_t num = 0; num <= 2 * VQ_MAX; num++)
		queue(num);
	return 0;
}
