/* hostile.h - a user against a jailer that has file capabilities. */
#ifndef TESTS_JAIL_HOSTILE_H
#define TESTS_JAIL_HOSTILE_H

#include <stddef.h>

#include "tests/jail/judge.h"

/* What it is started with; what is done to it as it runs. */
extern const struct test hostile_tests[], attack_tests[];
extern const size_t hostile_n_tests, attack_n_tests;

/* A start, root's layers, an end. */
bool hostile_jail_holds(struct rig *r);

#endif
