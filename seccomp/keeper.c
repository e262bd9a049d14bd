/* keeper.c - the policy of the keeper: wait, kill, remove, report.  See jailer/keep.c. */
#include "seccomp/rules.h"

static const struct rule rules[] = {
	{ "ppoll", "wait for the end of the monitor or of the runner; for a busy directory",
	  ANY, 0, 0, 0 },
	{ "read", "which signal came; did the child give up", ANY, 0, 0, 0 },
	{ "pread64", "memory events of the cgroup", ANY, 0, 0, 0 },
	{ "write", "cgroup.kill and the last report", ANY, 0, 0, 0 },
	{ "pidfd_send_signal", "kill the monitor", ANY, 0, 0, 0 },
	{ "waitid", "how the monitor ended", ANY, 0, 0, 0 },
	{ "unlinkat", "remove the cgroup directories", ANY, 0, 0, 0 },
	{ "clock_gettime", "where the vDSO cannot tell", ANY, 0, 0, 0 },
	{ "exit_group", "the end", ANY, 0, 0, 0 },
};

const struct policy policy_keeper = {
	"keeper", "the process that waits for the monitor and cleans up behind it",
	rules, sizeof(rules) / sizeof(rules[0]),
};
