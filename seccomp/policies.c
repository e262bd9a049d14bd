/* policies.c - all policies, in the order of enum policy_id. */
#include "seccomp/load.h"
#include "seccomp/rules.h"

const struct policy *const seccomp_policies[] = {
	[POLICY_OUTER] = &policy_outer,
	[POLICY_KEEPER] = &policy_keeper,
	[POLICY_LOOP] = &policy_loop,
	[POLICY_BLK] = &policy_blk,
	[POLICY_VCPU] = &policy_vcpu,
	[POLICY_VCPU_SOFT] = &policy_vcpu_soft,
	[POLICY_SAVE] = &policy_save,
	[POLICY_SAVABLE] = &policy_savable,
	[POLICY_HTTP] = &policy_http,
	[POLICY_NET] = &policy_net,
	[POLICY_PACK] = &policy_pack,
};

const unsigned seccomp_n_policies = sizeof(seccomp_policies) / sizeof(seccomp_policies[0]);

_Static_assert(sizeof(seccomp_policies) / sizeof(seccomp_policies[0]) == N_POLICIES,
	       "one table for each policy_id");
