/* http.c - the policy of serve's HTTP process, from before its first connection.  It opens
 * nothing, connects to nothing and starts nothing: besides the connections it accepts and
 * the files without a name that it makes, it has what it was started with. */
#include <netinet/in.h>
#include <sys/mman.h>

#include "seccomp/rules.h"

static const struct rule rules[] = {
	/* connections */
	{ "accept4", "a client", ANY, 0, 0, 0 },
	{ "recvfrom", "requests", ANY, 0, 0, 0 },
	{ "sendto", "responses", ANY, 0, 0, 0 },
	{ "sendfile", "responses: outputs", ANY, 0, 0, 0 },
	{ "sendmsg", "responses; calls, to serve", ANY, 0, 0, 0 },
	{ "recvmsg", "answers, from serve", ANY, 0, 0, 0 },
	{ "setsockopt", "when TCP sends what it has", EQ, 1, IPPROTO_TCP, 0 },
	{ "shutdown", "the end of a connection", ANY, 0, 0, 0 },
	{ "close", "connections, bodies, outputs", ANY, 0, 0, 0 },

	/* bodies and outputs */
	{ "memfd_create", "a call's body and output", ANY, 0, 0, 0 },
	{ "write", "bodies; the last error", ANY, 0, 0, 0 },
	{ "lseek", "a body's begin, an output's size", ANY, 0, 0, 0 },
	{ "pread64", "outputs, where sendfile refuses: the client has left", ANY, 0, 0, 0 },

	/* the loop */
	{ "ppoll", "wait for serve, connections and clients that leave", ANY, 0, 0, 0 },
	{ "clock_gettime", "where the vDSO cannot tell", ANY, 0, 0, 0 },
	{ "time", "where there is no vDSO; a call on x86", WHERE_KNOWN, 0, 0, 0 },

	/* memory, and the end */
	{ "brk", "allocations", ANY, 0, 0, 0 },
	{ "mmap", "allocations; never executable", MASKED, 2, 0, PROT_EXEC },
	{ "munmap", "allocations", ANY, 0, 0, 0 },
	{ "exit_group", "the end", ANY, 0, 0, 0 },
};

const struct policy policy_http = {
	"http", "the HTTP process of serve, before its first connection",
	rules, sizeof(rules) / sizeof(rules[0]),
};
