/* test_vq.c - the ring walker: what it takes, what it refuses, what it copies where. */
#include "tests/unit/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "virtio/vq.h"

#define BASE 0x10000u
#define SIZE 0x10000u
#define NUM  8u

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

struct desc { uint64_t addr; uint32_t len; uint16_t flags, next; };

struct ring {
	struct desc desc[NUM];
	uint16_t avail_flags, avail_idx, avail[NUM];
	uint16_t pad[6];
	uint16_t used_flags, used_idx;
	struct { uint32_t id, len; } used[NUM];
};

struct fix {
	struct gmem m;
	struct vq q;
	struct ring *r;
	uint8_t *data;			/* BASE + 0x1000 */
	struct vq_chain c;
};

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	uint8_t *ram = aligned_alloc(4096, SIZE);

	memset(ram, 0, SIZE);
	f->m = (struct gmem){ 1, { { BASE, SIZE, ram } } };
	f->r = (struct ring *)(void *)ram;
	f->data = ram + 0x1000;
	f->q = (struct vq){ .num = NUM, .desc_gpa = BASE,
			    .avail_gpa = BASE + offsetof(struct ring, avail_flags),
			    .used_gpa = BASE + offsetof(struct ring, used_flags) };
	assert_int_equal(vq_enable(&f->q, &f->m), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	free(f->m.region[0].hva);
	free(f);
	return 0;
}

static void set(struct fix *f, unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
		uint16_t next)
{
	f->r->desc[i] = (struct desc){ addr, len, flags, next };
}

static void offer(struct fix *f, uint16_t head)
{
	f->r->avail[f->r->avail_idx++ % NUM] = head;
}

static void geometry_is_checked(void **state)
{
	struct fix *f = *state;
	const struct vq good = { .num = NUM, .desc_gpa = BASE, .avail_gpa = f->q.avail_gpa,
				 .used_gpa = f->q.used_gpa };
	static const uint32_t bad_num[] = { 0, 3, 7, 9, 257, 512, 0x80000000u, UINT32_MAX };
	static const uint64_t bad_at[] = { BASE + 1, BASE - 16, BASE + SIZE, BASE + SIZE - 16, 0,
					   UINT64_MAX - 15, 1ull << 63, (1ull << 32) + BASE };
	struct vq q;

	for (unsigned i = 0; i < sizeof(bad_num) / sizeof(bad_num[0]); i++) {
		q = good;
		q.num = bad_num[i];
		assert_int_equal(vq_enable(&q, &f->m), -EINVAL);
		assert_false(q.ready);
	}
	for (unsigned i = 0; i < sizeof(bad_at) / sizeof(bad_at[0]); i++) {
		q = good;
		q.desc_gpa = bad_at[i];
		assert_int_equal(vq_enable(&q, &f->m), -EINVAL);
		q = good;
		q.avail_gpa = bad_at[i];
		assert_int_equal(vq_enable(&q, &f->m), -EINVAL);
		q = good;
		q.used_gpa = bad_at[i];
		assert_int_equal(vq_enable(&q, &f->m), -EINVAL);
		assert_false(q.ready);
	}
	q = good;
	assert_int_equal(vq_enable(&q, &f->m), 0);
	assert_true(q.ready);
}

static void a_chain_is_taken_in_order(void **state)
{
	struct fix *f = *state;
	char got[16] = { 0 };

	memcpy(f->data, "abcdef", 6);
	set(f, 5, BASE + 0x1000, 2, NEXT, 1);
	set(f, 1, BASE + 0x1002, 0, NEXT, 7);		/* empty ones are allowed */
	set(f, 7, BASE + 0x1002, 4, NEXT, 0);
	set(f, 0, BASE + 0x1100, 3, NEXT | WRITE, 2);
	set(f, 2, BASE + 0x1200, 3, WRITE, 0);
	offer(f, 5);
	assert_int_equal(vq_pop(&f->q, &f->m, &f->c), 1);
	assert_int_equal(vq_pop(&f->q, &f->m, &(struct vq_chain){ 0 }), 0);
	assert_int_equal(f->c.out_left, 6);
	assert_int_equal(f->c.in_left, 6);
	assert_int_equal(vq_read(&f->c, got, 3), 3);
	assert_int_equal(vq_read(&f->c, got + 3, 13), 3);
	assert_string_equal(got, "abcdef");
	assert_int_equal(vq_write(&f->c, "123456789", 9), 6);
	assert_memory_equal(f->data + 0x100, "123\0", 4);
	assert_memory_equal(f->data + 0x200, "456\0", 4);
	vq_push(&f->q, &f->c);
	assert_int_equal(f->r->used_idx, 1);
	assert_int_equal(f->r->used[0].id, 5);
	assert_int_equal(f->r->used[0].len, 6);
}

static int pop_one(struct fix *f, uint16_t head)
{
	offer(f, head);
	return vq_pop(&f->q, &f->m, &f->c);
}

static void broken_chains_are_refused(void **state)
{
	static const struct { struct desc d0, d1; uint16_t head; } bad[] = {
		{ { BASE, 1, NEXT, 0 }, { 0 }, 0 },			/* itself */
		{ { BASE, 1, NEXT, 1 }, { BASE, 1, NEXT, 0 }, 0 },	/* a circle */
		{ { BASE, 1, NEXT, NUM }, { 0 }, 0 },			/* beyond the table */
		{ { BASE, 1, NEXT, 0xffff }, { 0 }, 0 },
		{ { BASE, 1, 0, 0 }, { 0 }, NUM },			/* head beyond it */
		{ { BASE, 16, INDIRECT, 0 }, { 0 }, 0 },
		{ { BASE, 16, 0x8000, 0 }, { 0 }, 0 },
		{ { BASE, 1, NEXT | WRITE, 1 }, { BASE, 1, 0, 0 }, 0 },	/* readable after writable */
		{ { BASE + SIZE, 1, 0, 0 }, { 0 }, 0 },
		{ { BASE + SIZE - 1, 2, 0, 0 }, { 0 }, 0 },
		{ { BASE - 1, 2, 0, 0 }, { 0 }, 0 },
		{ { BASE, SIZE + 1, 0, 0 }, { 0 }, 0 },
		{ { UINT64_MAX, 2, 0, 0 }, { 0 }, 0 },
		{ { UINT64_MAX - 0xffff, UINT32_MAX, 0, 0 }, { 0 }, 0 },
		{ { BASE, UINT32_MAX, WRITE, 0 }, { 0 }, 0 },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fix *f;

		assert_int_equal(setup(state), 0);
		f = *state;
		f->r->desc[0] = bad[i].d0;
		f->r->desc[1] = bad[i].d1;
		assert_int_equal(pop_one(f, bad[i].head), -EPROTO);
		teardown(state);
	}
}

static void an_index_too_far_is_refused(void **state)
{
	struct fix *f = *state;

	set(f, 0, BASE, 1, 0, 0);
	f->r->avail_idx = NUM + 1;
	assert_int_equal(vq_pop(&f->q, &f->m, &f->c), -EPROTO);
	f->r->avail_idx = 0xffff;
	assert_int_equal(vq_pop(&f->q, &f->m, &f->c), -EPROTO);
	f->r->avail_idx = NUM;
	assert_int_equal(vq_pop(&f->q, &f->m, &f->c), 1);
}

static void indices_wrap(void **state)
{
	struct fix *f = *state;

	set(f, 3, BASE + 0x1000, 1, WRITE, 0);
	for (unsigned i = 0; i < 0x10000 + 10; i++) {
		assert_int_equal(pop_one(f, 3), 1);
		vq_write(&f->c, "x", 1);
		vq_push(&f->q, &f->c);
		assert_int_equal(f->r->used_idx, (uint16_t)(i + 1));
		assert_int_equal(f->r->used[i % NUM].id, 3);
	}
}

/* 255 descriptors over all of a big region: the sum is more than used.len can say. */
static void a_sum_beyond_32_bits_is_refused(void **state)
{
	struct fix *f = *state;

	f->m.region[0].len = 1ull << 31;	/* nothing but the rings is touched */
	for (uint16_t i = 0; i < 3; i++)
		set(f, i, BASE, 1u << 31, i < 2 ? NEXT | WRITE : WRITE, (uint16_t)(i + 1));
	assert_int_equal(pop_one(f, 0), -EPROTO);
	assert_int_equal(setup(state), 0);
	teardown((void **)&f);
	f = *state;
	f->m.region[0].len = 1ull << 31;
	set(f, 0, BASE, 1u << 31, NEXT | WRITE, 1);
	set(f, 1, BASE, (1u << 31) - 1, WRITE, 0);
	assert_int_equal(pop_one(f, 0), 1);
	assert_int_equal(f->c.in_left, UINT32_MAX);
}

static void unpop_gives_it_back(void **state)
{
	struct fix *f = *state;

	set(f, 0, BASE + 0x1000, 1, 0, 0);
	set(f, 1, BASE + 0x1000, 1, 0, 0);
	offer(f, 0);
	assert_int_equal(pop_one(f, 1), 1);
	assert_int_equal(f->c.head, 0);
	vq_unpop(&f->q);
	assert_int_equal(vq_pop(&f->q, &f->m, &f->c), 1);
	assert_int_equal(f->c.head, 0);
	assert_int_equal(vq_pop(&f->q, &f->m, &f->c), 1);
	assert_int_equal(f->c.head, 1);
	assert_int_equal(vq_pop(&f->q, &f->m, &f->c), 0);
}

static void the_last_byte_splits_off(void **state)
{
	struct fix *f = *state;
	uint8_t *last;

	set(f, 0, BASE + 0x1000, 4, NEXT, 1);
	set(f, 1, BASE + 0x1100, 2, NEXT | WRITE, 2);
	set(f, 2, BASE + 0x1200, 1, NEXT | WRITE, 3);
	set(f, 3, BASE + 0x1300, 0, WRITE, 0);
	assert_int_equal(pop_one(f, 0), 1);
	last = vq_split_last(&f->c);
	assert_ptr_equal(last, f->data + 0x200);
	assert_int_equal(f->c.in_left, 2);
	assert_int_equal(vq_write(&f->c, "abcd", 4), 2);
	assert_int_equal(f->data[0x200], 0);
	assert_null(vq_split_last(&f->c));
	assert_int_equal(f->c.out_left, 4);
}

static void iovs_follow_what_was_used(void **state)
{
	struct fix *f = *state;
	struct iovec *iov;
	unsigned n;
	char got[8];

	memcpy(f->data, "abcdef", 6);
	set(f, 0, BASE + 0x1000, 3, NEXT, 1);
	set(f, 1, BASE + 0x1003, 3, NEXT, 2);
	set(f, 2, BASE + 0x1100, 5, WRITE, 0);
	assert_int_equal(pop_one(f, 0), 1);
	vq_sent(&f->c, 4);
	iov = vq_out_iov(&f->c, &n);
	assert_int_equal(n, 1);
	assert_int_equal(iov->iov_len, 2);
	assert_ptr_equal(iov->iov_base, f->data + 4);
	assert_int_equal(vq_read(&f->c, got, 8), 2);
	assert_memory_equal(got, "ef", 2);
	vq_wrote(&f->c, 2);
	iov = vq_in_iov(&f->c, &n);
	assert_int_equal(n, 1);
	assert_ptr_equal(iov->iov_base, f->data + 0x102);
	assert_int_equal(f->c.written, 2);
	assert_int_equal(f->c.in_left, 3);
}

static void the_driver_may_not_want_interrupts(void **state)
{
	struct fix *f = *state;

	assert_true(vq_wants_interrupt(&f->q));
	f->r->avail_flags = 1;
	assert_false(vq_wants_interrupt(&f->q));
	f->r->avail_flags = 0xfffe;			/* reserved bits say nothing */
	assert_true(vq_wants_interrupt(&f->q));
}

/* --- a guest cpu that rewrites descriptors all the time --------------------------------- */

struct scribble {
	struct ring *r;
	bool stop;
};

static void *scribbler(void *arg)
{
	struct scribble *s = arg;
	uint32_t x = 1;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		x = x * 1664525u + 1013904223u;
		__atomic_store_n(&s->r->desc[x >> 29].len, x >> 8, __ATOMIC_RELAXED);
		__atomic_store_n(&s->r->desc[x >> 29].addr, BASE + (x >> 3 & 0x1ffff),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&s->r->desc[x >> 29].next, (uint16_t)(x >> 20 & 15),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&s->r->desc[x >> 29].len, x >> 24, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Whatever the guest writes meanwhile: what vq_pop() lets through lies in its memory. */
static void moving_descriptors_stay_inside(void **state)
{
	struct fix *f = *state;
	struct scribble s = { f->r, false };
	const uint8_t *lo = f->m.region[0].hva, *hi = lo + SIZE;
	unsigned good = 0;
	pthread_t t;

	for (uint16_t i = 0; i < NUM; i++)
		set(f, i, BASE, 1, i & 1 ? WRITE : NEXT | WRITE, 0);
	assert_int_equal(pthread_create(&t, NULL, scribbler, &s), 0);
	for (unsigned i = 0; i < 300000; i++) {
		size_t sum = 0;

		f->r->avail_idx = (uint16_t)(f->q.next_avail + 1);
		f->r->avail[f->q.next_avail % NUM] = (uint16_t)(i % NUM);
		if (vq_pop(&f->q, &f->m, &f->c) != 1)
			continue;
		good++;
		for (unsigned k = 0; k < f->c.n_out + f->c.n_in; k++) {
			const uint8_t *p = f->c.iov[k].iov_base;

			assert_true(p >= lo && p <= hi);
			assert_true(f->c.iov[k].iov_len <= (size_t)(hi - p));
			sum += f->c.iov[k].iov_len;
		}
		assert_int_equal(sum, f->c.in_left + f->c.out_left);
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	assert_true(good > 100);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(geometry_is_checked), T(a_chain_is_taken_in_order),
		cmocka_unit_test(broken_chains_are_refused), T(an_index_too_far_is_refused),
		T(indices_wrap), T(a_sum_beyond_32_bits_is_refused), T(unpop_gives_it_back),
		T(the_last_byte_splits_off), T(iovs_follow_what_was_used),
		T(the_driver_may_not_want_interrupts), T(moving_descriptors_stay_inside),
	};

	return cmocka_run_group_tests_name("vq", tests, NULL, NULL);
}
