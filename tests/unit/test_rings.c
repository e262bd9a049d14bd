/* test_rings.c - the ring walker against every ring of one, two and four descriptors, with a
 * few values for each field: what is taken, what is refused, and what comes out.
 *
 * The judge is written the other way round: it first marks what a chain reaches, then looks at
 * what it reached.  No descriptor's memory is touched, so guest memory is only said to be there. */
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

#include "virtio/vq.h"

#define RAM_GPA 0x100000ull
#define RAM_LEN (1ull << 33)		/* two lengths together can pass 4 GiB */
#define MAX_NUM 4u

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

struct desc { uint64_t addr; uint32_t len; uint16_t flags, next; };

struct ring {
	struct desc desc[MAX_NUM + 1];	/* behind the ring lies one that would do */
	uint16_t avail_flags, avail_idx, avail[MAX_NUM];
	uint16_t pad[6];
	uint16_t used[2 + 4 * MAX_NUM];
};

static const struct { uint64_t addr; uint32_t len; bool in_ram; } pieces[] = {
	{ RAM_GPA, 16, true },
	{ RAM_GPA + RAM_LEN, 0, true },			/* nothing, right behind the end */
	{ RAM_GPA + RAM_LEN - 15, 16, false },
	{ RAM_GPA + 4096, UINT32_MAX, true },
};

#define N_PIECES (sizeof(pieces) / sizeof(pieces[0]))

/* `next` is looked at with NEXT alone, so the other flags have one value of it. */
static const uint16_t ends[] = { 0, WRITE, INDIRECT }, goes_on[] = { NEXT, NEXT | WRITE };

#define N_ENDS 3u

struct world {
	struct ring ring;
	struct gmem m;
	struct vq q;
	struct vq_chain c;
	unsigned piece[MAX_NUM];	/* of each descriptor */
	unsigned long long taken, refused;
};

/* --- all rings, numbered ------------------------------------------------------------------- */

/* Values of `next`: every index, the first that is none, and the largest. */
static unsigned choices(unsigned num)
{
	return N_PIECES * (N_ENDS + 2 * (num + 2));
}

static void choose(struct world *w, unsigned i, unsigned num, unsigned choice)
{
	struct desc *d = &w->ring.desc[i];
	unsigned link = choice / N_PIECES;

	w->piece[i] = choice % N_PIECES;
	d->addr = pieces[w->piece[i]].addr;
	d->len = pieces[w->piece[i]].len;
	if (link < N_ENDS) {
		d->flags = ends[link];
		d->next = 0;
		return;
	}
	link -= N_ENDS;
	d->flags = goes_on[link & 1];
	d->next = link / 2 <= num ? (uint16_t)(link / 2) : UINT16_MAX;
}

/* --- the judge ----------------------------------------------------------------------------- */

/* The chain's descriptors in order: how many, or 0 if it leaves the ring or bites its tail. */
static unsigned reach(const struct world *w, unsigned num, unsigned head, unsigned order[MAX_NUM])
{
	unsigned n = 0, seen = 0;

	for (unsigned at = head;; at = w->ring.desc[at].next) {
		if (at >= num || seen >> at & 1)
			return 0;
		seen |= 1u << at;
		order[n++] = at;
		if (!(w->ring.desc[at].flags & NEXT))
			return n;
	}
}

static bool is_good(const struct world *w, unsigned n, const unsigned order[MAX_NUM])
{
	unsigned long long sum = 0;
	bool writing = false;

	for (unsigned i = 0; i < n; i++) {
		const struct desc *d = &w->ring.desc[order[i]];

		if (d->flags & INDIRECT || !pieces[w->piece[order[i]]].in_ram)
			return false;
		if (writing && !(d->flags & WRITE))
			return false;
		writing = d->flags & WRITE;
		sum += d->len;
	}
	return n > 0 && sum <= UINT32_MAX;
}

/* The walker's chain is the judge's: addresses, lengths, order, sums. */
static bool is_that_chain(const struct world *w, unsigned n, const unsigned order[MAX_NUM])
{
	const struct vq_chain *c = &w->c;
	size_t out = 0, in = 0;

	if (c->n_out + c->n_in != n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		const struct desc *d = &w->ring.desc[order[i]];
		size_t *sum = d->flags & WRITE ? &in : &out;

		if (c->iov[i].iov_base != w->m.region[0].hva + (d->addr - RAM_GPA) ||
		    c->iov[i].iov_len != d->len || (i < c->n_out) == !!(d->flags & WRITE))
			return false;
		*sum += d->len;
	}
	return c->out_left == out && c->in_left == in && c->head == order[0] && c->written == 0;
}

static void judge(struct world *w, unsigned num, uint16_t head)
{
	unsigned order[MAX_NUM], n = reach(w, num, head, order);
	bool good = is_good(w, n, order);
	int rc;

	w->ring.avail[0] = head;
	w->q.next_avail = 0;
	rc = vq_pop(&w->q, &w->m, &w->c);
	if (rc != (good ? 1 : -EPROTO) || w->q.next_avail != (good ? 1 : 0) ||
	    (good && !is_that_chain(w, n, order)))
		fail_msg("ring of %u from %u: %d, but it is %s", num, head, rc, good ? "good" : "not");
	w->taken += good;
	w->refused += !good;
}

/* --- the tests ----------------------------------------------------------------------------- */

static void begin(struct world *w, unsigned num)
{
	struct gmem own = { 1, { { 0, sizeof(w->ring), (uint8_t *)&w->ring } } };

	*w = (struct world){ .q = { .num = num, .avail_gpa = offsetof(struct ring, avail_flags),
				    .used_gpa = offsetof(struct ring, used) } };
	assert_int_equal(vq_enable(&w->q, &own), 0);
	w->m = (struct gmem){ 1, { { RAM_GPA, RAM_LEN, (uint8_t *)(uintptr_t)RAM_GPA } } };
	w->ring.avail_idx = 1;
	for (unsigned i = num; i <= MAX_NUM; i++)
		w->ring.desc[i] = (struct desc){ .addr = RAM_GPA, .len = 16 };
}

/* A ring's number, in base choices(num), has a digit for each descriptor. */
static void each_ring(struct world *w, unsigned num, const uint16_t *heads, unsigned n_heads)
{
	unsigned long long all = 1;

	begin(w, num);
	for (unsigned i = 0; i < num; i++)
		all *= choices(num);
	for (unsigned long long ring = 0; ring < all; ring++) {
		unsigned long long digits = ring;

		for (unsigned i = 0; i < num; i++, digits /= choices(num))
			choose(w, i, num, (unsigned)(digits % choices(num)));
		for (unsigned i = 0; i < n_heads; i++)
			judge(w, num, heads[i]);
	}
	print_message("%u descriptors: %llu chains taken, %llu refused\n", num, w->taken, w->refused);
	assert_true(w->taken > 0 && w->refused > w->taken);
}

static void every_ring_of_one_and_two(void **state)
{
	static const uint16_t heads[] = { 0, 1, 2, UINT16_MAX };
	static struct world w;

	(void)state;
	each_ring(&w, 1, heads, 4);
	each_ring(&w, 2, heads, 4);
}

/* From descriptor 0 alone: which of them is the first is a matter of names. */
static void every_ring_of_four(void **state)
{
	static const uint16_t head = 0;
	static struct world w;

	(void)state;
	each_ring(&w, 4, &head, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_ring_of_one_and_two),
		cmocka_unit_test(every_ring_of_four),
	};

	return cmocka_run_group_tests_name("rings", tests, NULL, NULL);
}
