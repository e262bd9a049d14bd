/* blk.c - the policy of a disk's thread: one file, and the events that belong to it. */
#include "seccomp/rules.h"

static const struct rule rules[] = {
	{ "preadv", "read the disk", ANY, 0, 0, 0 },
	{ "pwritev", "write the disk", ANY, 0, 0, 0 },
	{ "fdatasync", "flush the disk", ANY, 0, 0, 0 },
	{ "epoll_pwait", "wait for the next kick", ANY, 0, 0, 0 },
	{ "read", "kicks (eventfd)", ANY, 0, 0, 0 },
	{ "write", "interrupts (eventfd); reports", ANY, 0, 0, 0 },
	{ "clock_gettime", "time of a report, where the vDSO cannot tell", ANY, 0, 0, 0 },
	{ "exit_group", "end the process after a violation", ANY, 0, 0, 0 },
};

const struct policy policy_blk = {
	"blk", "each disk thread, before the guest's first instruction",
	rules, sizeof(rules) / sizeof(rules[0]),
};
