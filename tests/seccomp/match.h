/* match.h - what a row of a filter's table says of a call's arguments, in C: the tests' own
 * reading of it, apart from the one that libseccomp compiles. */
#ifndef TESTS_SECCOMP_MATCH_H
#define TESTS_SECCOMP_MATCH_H

#include <stdbool.h>

#include "seccomp/rules.h"

static inline bool rule_matches(const struct rule *r, const uint64_t arg[6])
{
	switch (r->test) {
	case EQ:
		return arg[r->arg] == r->value;
	case MASKED:
		return (arg[r->arg] & r->mask) == r->value;
	default:
		return true;
	}
}

#endif
