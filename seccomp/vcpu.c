/* vcpu.c - the policy of a vcpu thread: it runs the guest and asks the loop. */
#include <linux/kvm.h>

#include "seccomp/rules.h"

static const struct rule rules[] = {
	{ "ioctl", "run the guest", EQ, 1, KVM_RUN, 0 },
	{ "read", "wait for the loop's answer (eventfd)", ANY, 0, 0, 0 },
	{ "write", "hand an exit to the loop (eventfd); report a violation", ANY, 0, 0, 0 },
	{ "rt_sigreturn", "return from a signal handler", ANY, 0, 0, 0 },
	{ "exit_group", "end the process after a violation", ANY, 0, 0, 0 },
};

const struct policy policy_vcpu = {
	"vcpu", "each vcpu thread, before the guest's first instruction",
	rules, sizeof(rules) / sizeof(rules[0]),
};
