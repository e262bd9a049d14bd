/* vcpu_soft.c - the policy of a vcpu thread where instructions are completed. */
#include <linux/kvm.h>

#include "seccomp/rules.h"

static const struct rule rules[] = {
	{ "ioctl", "run the guest", EQ, 1, KVM_RUN, 0 },
	{ "ioctl", "completions: x87 and vector registers", EQ, 1, KVM_GET_XSAVE, 0 },
	{ "ioctl", "completions: x87 and vector registers", EQ, 1, KVM_SET_XSAVE, 0 },
	{ "ioctl", "completions: XSAVE, XRSTOR and XGETBV", EQ, 1, KVM_GET_XCRS, 0 },
	{ "ioctl", "completions: XSETBV", EQ, 1, KVM_SET_XCRS, 0 },
	{ "ioctl", "completions: RDTSCP, RDPID; system calls", EQ, 1, KVM_GET_MSRS, 0 },
	{ "ioctl", "completions: writes of STAR and LSTAR", EQ, 1, KVM_SET_MSRS, 0 },
	{ "ioctl", "completions: INVPCID", EQ, 1, KVM_SET_SREGS, 0 },
	{ "read", "wait for the loop's answer (eventfd)", ANY, 0, 0, 0 },
	{ "write", "hand an exit to the loop (eventfd); report a violation", ANY, 0, 0, 0 },
	{ "rt_sigreturn", "return from a signal handler", ANY, 0, 0, 0 },
	{ "exit_group", "end the process after a violation", ANY, 0, 0, 0 },
};

const struct policy policy_vcpu_soft = {
	"vcpu-soft", "each vcpu thread on software KVM, before the guest's first instruction",
	rules, sizeof(rules) / sizeof(rules[0]),
};
