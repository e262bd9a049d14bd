/* loop.c - the policy of the vmm's main loop, from lock_down() on: net, vsock, registers. */
#include "seccomp/rules.h"

static const struct rule rules[] = {
	{ "epoll_pwait", "wait for the next event", ANY, 0, 0, 0 },
	{ "epoll_ctl", "connections come and go, back-pressure", ANY, 0, 0, 0 },
	{ "read", "eventfds; frames of the tap or stream", ANY, 0, 0, 0 },
	{ "write", "eventfds; frames; reports; console", ANY, 0, 0, 0 },
	{ "recvmsg", "vsock streams; connected descriptors from the broker", ANY, 0, 0, 0 },
	{ "sendmsg", "vsock streams; connect requests to the broker", ANY, 0, 0, 0 },
	{ "shutdown", "half-close of a vsock stream", ANY, 0, 0, 0 },
	{ "close", "connections that ended", ANY, 0, 0, 0 },
	{ "pread64", "KVM's counters, for the last report", ANY, 0, 0, 0 },
	{ "clock_gettime", "time of a report, where the vDSO cannot tell", ANY, 0, 0, 0 },
	{ "exit_group", "the machine stops", ANY, 0, 0, 0 },
};

const struct policy policy_loop = {
	"loop", "the main loop, before the guest's first instruction",
	rules, sizeof(rules) / sizeof(rules[0]),
};
