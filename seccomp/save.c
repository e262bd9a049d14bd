/* save.c - the main loop's policy in a machine that is made to be saved: the loop's without
 * connections, of which there are none, and what it takes to stop the vcpus, ask KVM for their
 * registers and write the snapshot.  No command of a run ever sees such a machine; the root
 * image's own sh and true do, to warm up. */
#include <linux/kvm.h>

#include "seccomp/rules.h"

static const struct rule rules[] = {
	{ "epoll_pwait", "wait for the next event", ANY, 0, 0, 0 },
	{ "epoll_ctl", "a network card that waits for frames", ANY, 0, 0, 0 },
	{ "read", "eventfds; frames, of which none come", ANY, 0, 0, 0 },
	{ "write", "eventfds; reports; console", ANY, 0, 0, 0 },
	{ "recvmsg", "the runner's word to stop, from the broker", ANY, 0, 0, 0 },
	{ "pread64", "KVM's counters, for the last report", ANY, 0, 0, 0 },
	{ "tkill", "kick a vcpu out of the guest", ANY, 0, 0, 0 },
	{ "ioctl", "KVM's registers", MASKED, 1, (uint64_t)KVMIO << 8, 0xff00 },
	{ "pwrite64", "the snapshot", ANY, 0, 0, 0 },
	{ "clock_gettime", "time of a report, where the vDSO cannot tell", ANY, 0, 0, 0 },
	{ "exit_group", "the machine stops", ANY, 0, 0, 0 },
};

const struct policy policy_save = {
	"save", "the main loop of a machine that is saved, instead of loop",
	rules, sizeof(rules) / sizeof(rules[0]),
};
