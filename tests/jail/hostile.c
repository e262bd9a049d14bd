#include "tests/jail/hostile.h"
const struct test hostile_tests[] = { TEST(jail_is_as_expected) };
const size_t hostile_n_tests = 1;
