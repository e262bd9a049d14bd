/* test_doctor.c - the parts of the doctor that need no patient. */
#include "tests/unit/check.h"

#include "runner/doctor.h"

static void a_word_is_found_only_whole(void **state)
{
	static const char flags[] = "flags\t\t: fpu vme svm_lock avx512\nbugs: svmx vmx";

	(void)state;
	assert_true(doctor_has_word(flags, "fpu"));
	assert_true(doctor_has_word(flags, "vmx"));
	assert_true(doctor_has_word(flags, "avx512"));
	assert_false(doctor_has_word(flags, "svm"));
	assert_false(doctor_has_word(flags, "avx"));
	assert_false(doctor_has_word("", "vmx"));
}

static void only_what_is_fatal_fails(void **state)
{
	(void)state;
	assert_int_equal(doctor_verdict(0, 0), 0);
	assert_int_equal(doctor_verdict(5, 0), 0);
	assert_int_equal(doctor_verdict(0, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_is_found_only_whole),
		cmocka_unit_test(only_what_is_fatal_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
