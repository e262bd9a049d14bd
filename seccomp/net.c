/* net.c - the policy of sandbox-net, from before the machine's first frame.  It has the streams,
 * sockets and files that it was started with, and can come by nothing else. */
#include "seccomp/rules.h"

static const struct rule rules[] = {
	{ "read", "frames; answers for names", ANY, 0, 0, 0 },
	{ "write", "frames; names; log, capture, the last report", ANY, 0, 0, 0 },
	{ "ppoll", "wait for machine, passt, names and runner", ANY, 0, 0, 0 },
	{ "close", "sandbox-names, when it has ended", ANY, 0, 0, 0 },
	{ "clock_gettime", "where the vDSO cannot tell", ANY, 0, 0, 0 },
	{ "exit_group", "the end", ANY, 0, 0, 0 },
};

const struct policy policy_net = {
	"net", "sandbox-net, of a run with --net user, before the machine's first frame",
	rules, sizeof(rules) / sizeof(rules[0]),
};
