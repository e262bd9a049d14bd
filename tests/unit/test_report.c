/* test_report.c - layers by name. */
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

#include "lib/report.h"

#define BIT(layer) (1ull << (layer))

static void names_are_bits(void **state)
{
	static const struct {
		const char *text;
		uint64_t layers;
	} rows[] = {
		{ "userns", BIT(LAYER_USERNS) },
		{ "thread-seccomp", BIT(LAYER_THREAD_SECCOMP) },
		{ "landlock,seccomp", BIT(LAYER_LANDLOCK) | BIT(LAYER_SECCOMP) },
		{ "pidns,pidns", BIT(LAYER_PIDNS) },
		{ "cgroup", BIT(LAYER_CGROUP_MEMORY) | BIT(LAYER_CGROUP_PIDS) | BIT(LAYER_CGROUP_CPU) },
		{ "cgroup-kill", BIT(LAYER_CGROUP_KILL) },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t layers;

		assert_int_equal(report_layers(rows[i].text, &layers, &err), 0);
		assert_int_equal(layers, rows[i].layers);
	}
}

static void other_words_are_refused_by_name(void **state)
{
	static const char *const rows[][2] = {
		{ "", "''" }, { ",", "''" }, { "userns,", "''" }, { "userns,,seccomp", "''" },
		{ "user", "'user'" }, { "usernsx", "'usernsx'" }, { "USERNS", "'USERNS'" },
		{ "seccomp, landlock", "' landlock'" },
	};
	struct err err;
	uint64_t layers;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(report_layers(rows[i][0], &layers, &err), -EINVAL);
		assert_ptr_equal(strstr(err.msg, rows[i][1]), err.msg);
	}
}

static void what_is_missing_has_a_name(void **state)
{
	(void)state;
	assert_null(report_missing(0, 0));
	assert_null(report_missing(BIT(LAYER_USERNS), BIT(LAYER_USERNS) | BIT(LAYER_PIDNS)));
	assert_string_equal(report_missing(BIT(LAYER_LANDLOCK) | BIT(LAYER_SECCOMP), BIT(LAYER_LANDLOCK)),
			    "seccomp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_bits),
		cmocka_unit_test(other_words_are_refused_by_name),
		cmocka_unit_test(what_is_missing_has_a_name),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
