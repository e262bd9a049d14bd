/* test_num.c - numbers as people write them. */
#include "tests/unit/check.h"

#include <errno.h>

#include "lib/num.h"

struct row {
	const char *text;
	int rc;
	uint64_t value;
};

static void check(int (*parse)(const char *, uint64_t *), const struct row *row)
{
	for (; row->text; row++) {
		uint64_t v = 4711;
		int rc = parse(row->text, &v);

		if (rc != row->rc || v != (rc ? 4711 : row->value))
			fail_msg("'%s': %d, %llu", row->text, rc, (unsigned long long)v);
	}
}

static void plain_numbers(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 }, { "42", 0, 42 }, { "0x2a", 0, 42 }, { "0X2A", 0, 42 },
		{ "010", 0, 10 }, { "18446744073709551615", 0, UINT64_MAX },
		{ "0xffffffffffffffff", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 }, { "0x10000000000000000", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 }, { "1 ", -EINVAL, 0 }, { "1x", -EINVAL, 0 },
		{ "0x", -EINVAL, 0 }, { "0xg", -EINVAL, 0 }, { "x1", -EINVAL, 0 },
		{ "1a", -EINVAL, 0 }, { "1.5", -EINVAL, 0 }, { NULL, 0, 0 },
	};

	(void)state;
	check(num_u64, rows);
}

static void sizes(void **state)
{
	static const struct row rows[] = {
		{ "512", 0, 512 }, { "64K", 0, 64 << 10 }, { "64k", 0, 64 << 10 },
		{ "128M", 0, 128 << 20 }, { "2G", 0, 2ull << 30 }, { "1T", 0, 1ull << 40 },
		{ "3MiB", 0, 3 << 20 }, { "0x10K", 0, 16 << 10 },
		{ "16777215T", 0, 16777215ull << 40 }, { "16777216T", -ERANGE, 0 },
		{ "18446744073709551615K", -ERANGE, 0 },
		{ "M", -EINVAL, 0 }, { "1MB", -EINVAL, 0 }, { "1 M", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 }, { "1MM", -EINVAL, 0 }, { "-1M", -EINVAL, 0 },
		{ NULL, 0, 0 },
	};

	(void)state;
	check(num_size, rows);
}

static void durations(void **state)
{
	static const struct row rows[] = {
		{ "3", 0, 3000000000 }, { "1s", 0, 1000000000 }, { "500ms", 0, 500000000 },
		{ "7us", 0, 7000 }, { "2m", 0, 120000000000 }, { "1h", 0, 3600000000000 },
		{ "1.5s", 0, 1500000000 }, { "0.001s", 0, 1000000 }, { "1.2345ms", 0, 1234000 },
		{ "0.5", 0, 500000000 }, { "0", 0, 0 },
		{ "5124095h", 0, 5124095ull * 3600 * 1000000000 },
		{ "5124096h", -ERANGE, 0 }, { "18446744073709551615", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "s", -EINVAL, 0 }, { "1.", -EINVAL, 0 },
		{ "1.s", -EINVAL, 0 }, { ".5s", -EINVAL, 0 }, { "-1s", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 }, { "1.5.5s", -EINVAL, 0 }, { "1e3", -EINVAL, 0 },
		{ NULL, 0, 0 },
	};

	(void)state;
	check(num_duration, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_numbers), cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
