#include "tests/jail/hostile.h"
const struct test attack_tests[] = { TEST(hostile_jail_holds) };
const size_t attack_n_tests = 1;
