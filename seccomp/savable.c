/* savable.c - the main loop's policy in a machine that may be saved while its command runs
 * (--savable): the loop's, and what it takes to stop the vcpus, ask KVM for their registers and
 * write a snapshot. */
#include <linux/kvm.h>

#include "seccomp/rules.h"

static const struct rule rules[] = {
	{ "epoll_pwait", "wait for the next event", ANY, 0, 0, 0 },
	{ "epoll_ctl", "connections come and go, back-pressure", ANY, 0, 0, 0 },
	{ "read", "eventfds; frames of the tap or stream", ANY, 0, 0, 0 },
	{ "write", "eventfds; frames; reports; console", ANY, 0, 0, 0 },
	{ "recvmsg", "vsock streams; descriptors from the broker", ANY, 0, 0, 0 },
	{ "sendmsg", "vsock streams; connect requests to the broker", ANY, 0, 0, 0 },
	{ "shutdown", "half-close of a vsock stream", ANY, 0, 0, 0 },
	{ "close", "connections that ended; the snapshot", ANY, 0, 0, 0 },
	{ "pread64", "KVM's counters, for the last report", ANY, 0, 0, 0 },
	{ "tkill", "kick a vcpu out of the guest", ANY, 0, 0, 0 },
	{ "ioctl", "KVM's registers", MASKED, 1, (uint64_t)KVMIO << 8, 0xff00 },
	{ "pwrite64", "the snapshot", ANY, 0, 0, 0 },
	{ "clock_gettime", "time of a report, where the vDSO cannot tell", ANY, 0, 0, 0 },
	{ "exit_group", "the machine stops", ANY, 0, 0, 0 },
};

const struct policy policy_savable = {
	"savable", "the main loop of a machine that may be saved, instead of loop",
	rules, sizeof(rules) / sizeof(rules[0]),
};
