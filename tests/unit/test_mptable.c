/* test_mptable.c - the MP table, read as a kernel reads it. */
#include "tests/unit/check.h"

#include <string.h>

#include "lib/limits.h"
#include "vmm/arch/x86_64/layout.h"
#include "vmm/arch/x86_64/mptable.h"

static uint8_t table[MPTABLE_SIZE + 64];

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *p++);
	return s;
}

static uint16_t u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32(const uint8_t *p)
{
	return u16(p) | (uint32_t)u16(p + 2) << 16;
}

/* Entries of each kind, and that they fill the table exactly. */
static void count(const uint8_t *header, unsigned seen[5])
{
	const uint8_t *at = header + 44, *end = header + u16(header + 4);
	unsigned n = 0;

	for (; at < end; n++) {
		assert_in_range(at[0], 0, 4);
		seen[at[0]]++;
		at += at[0] == 0 ? 20 : 8;
	}
	assert_ptr_equal(at, end);
	assert_int_equal(n, u16(header + 34));
}

static void table_is_sound_for_every_number_of_cpus(void **state)
{
	(void)state;
	for (unsigned cpus = 1; cpus <= MAX_VCPUS; cpus++) {
		const uint8_t *header = table + 16;
		unsigned seen[5] = { 0 };

		memset(table, 0xa5, sizeof(table));
		mptable_write(table, cpus);
		assert_memory_equal(table, "_MP_", 4);
		assert_int_equal(u32(table + 4), GPA_MPTABLE + 16);
		assert_int_equal(sum(table, 16), 0);
		assert_memory_equal(header, "PCMP", 4);
		assert_int_equal(sum(header, u16(header + 4)), 0);
		assert_int_equal(u32(header + 36), GPA_LAPIC);
		count(header, seen);
		assert_int_equal(seen[0], cpus);
		assert_int_equal(seen[1], 1);
		assert_int_equal(seen[2], 1);
		assert_int_equal(seen[3], 23);
		assert_int_equal(seen[4], 2);
		for (unsigned i = MPTABLE_SIZE; i < sizeof(table); i++)
			assert_int_equal(table[i], 0xa5);
	}
}

static void one_cpu_boots_and_the_ioapic_has_an_id_of_its_own(void **state)
{
	const uint8_t *at = table + 16 + 44;

	(void)state;
	mptable_write(table, 4);
	for (unsigned i = 0; i < 4; i++, at += 20) {
		assert_int_equal(at[1], i);
		assert_int_equal(at[3], i == 0 ? 3 : 1);
	}
	assert_int_equal(at[0], 1);		/* the bus */
	assert_int_equal(at[8], 2);		/* the I/O APIC */
	assert_int_equal(at[9], 4);
	assert_int_equal(u32(at + 12), GPA_IOAPIC);
}

static void device_lines_go_straight_and_the_timer_to_pin_2(void **state)
{
	const uint8_t *at = table + 16 + 44 + 20 + 16, *end;

	(void)state;
	mptable_write(table, 1);
	end = at + 23 * 8;
	for (; at < end; at += 8) {
		assert_int_equal(at[0], 3);
		assert_int_equal(u16(at + 2), 0);
		assert_int_equal(at[7], at[5] == 0 ? 2 : at[5]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound_for_every_number_of_cpus),
		cmocka_unit_test(one_cpu_boots_and_the_ioapic_has_an_id_of_its_own),
		cmocka_unit_test(device_lines_go_straight_and_the_timer_to_pin_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
