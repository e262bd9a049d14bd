/* judge.h - one start of the jailer and what must come of it.
 *
 * All of these return false after saying why in judge_why; those that end a run also look
 * whether anything of it is left. */
#ifndef TESTS_JAIL_JUDGE_H
#define TESTS_JAIL_JUDGE_H

#include <stdbool.h>

#include "tests/jail/rig.h"

struct test {
	const char *name;
	bool (*run)(struct rig *r);
};

#define TEST(f) { #f, f }

extern char judge_why[512];		/* of the last failure */
extern const char *judge_expected;	/* path of what inspect() must say */

bool no(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, after another one has said no. */
bool and_no(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Up to the probe's hello. */
bool up(struct rig *r);

/* To the keeper's end, the monitor having ended so. */
bool down(struct rig *r, int code, int sig);
bool order_and_down(struct rig *r, uint64_t what, uint64_t arg, int code, int sig);

/* A start that must be refused with these words. */
bool refused(struct rig *r, const char *words);

/* A start, a look from outside, an end. */
bool jail_is_as_expected(struct rig *r);

#endif
