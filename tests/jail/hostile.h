/* hostile.h - a user against a jailer that has file capabilities. */
#ifndef TESTS_JAIL_HOSTILE_H
#define TESTS_JAIL_HOSTILE_H

#include <stddef.h>

#include "tests/jail/judge.h"

extern const struct test hostile_tests[];
extern const size_t hostile_n_tests;

#endif
