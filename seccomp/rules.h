/* rules.h - filter policies as tables: a system call by name, and why it is allowed.
 *
 * gen.c turns them into BPF at build time; the runner prints them for --explain.  A
 * call that is not in a process's table ends that process. */
#ifndef SECCOMP_RULES_H
#define SECCOMP_RULES_H

#include <stdint.h>

struct rule {
	const char *call;
	const char *why;
	enum { ANY, EQ, MASKED, WHERE_KNOWN } test;
					/* of one argument; ANY looks at none.  WHERE_KNOWN is
					 * ANY, on architectures that have the call at all */
	unsigned arg;
	uint64_t value;			/* EQ: arg == value; MASKED: (arg & mask) == value */
	uint64_t mask;
};

struct policy {
	const char *name;		/* "vcpu" */
	const char *who;		/* "each vcpu thread, before the first guest instruction" */
	const struct rule *rules;
	unsigned n;
};

/* In the order of enum policy_id, see load.h. */
extern const struct policy *const seccomp_policies[];
extern const unsigned seccomp_n_policies;

/* One table a file. */
extern const struct policy policy_outer, policy_keeper, policy_loop, policy_blk, policy_vcpu,
	policy_vcpu_soft, policy_save, policy_savable, policy_http, policy_net, policy_pack;

#endif
