/* pack.c - the policy of sandbox-pack, from before the first byte of an archive.  It opens, connects
 * to and starts nothing: it has the archive, the image, a scratch file and the socket over which
 * the files of an OCI layout come. */
#include <linux/falloc.h>
#include <sys/mman.h>

#include "seccomp/rules.h"

static const struct rule rules[] = {
	/* files that are there */
	{ "pread64", "the archive; the scratch file", ANY, 0, 0, 0 },
	{ "pwrite64", "the image; the scratch file", ANY, 0, 0, 0 },
	{ "lseek", "the size of the archive, or of a layout's file", ANY, 0, 0, 0 },
	{ "fallocate", "what a later layer replaced becomes a hole", EQ, 1,
	  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0 },
	{ "ftruncate", "the end of the image", ANY, 0, 0, 0 },

	/* the socket */
	{ "sendmsg", "which file of a layout; how it ended", ANY, 0, 0, 0 },
	{ "recvmsg", "that file", ANY, 0, 0, 0 },
	{ "close", "when it is read", ANY, 0, 0, 0 },

	/* memory, and the end */
	{ "brk", "allocations", ANY, 0, 0, 0 },
	{ "mmap", "allocations; never executable", MASKED, 2, 0, PROT_EXEC },
	{ "mremap", "allocations that grow", ANY, 0, 0, 0 },
	{ "munmap", "allocations", ANY, 0, 0, 0 },
	{ "sysinfo", "how much libc's qsort() may take", ANY, 0, 0, 0 },
	{ "uname", "which of several images is for this machine", ANY, 0, 0, 0 },
	{ "exit_group", "the end", ANY, 0, 0, 0 },
};

const struct policy policy_pack = {
	"pack", "the process that makes images, before the first byte of an archive",
	rules, sizeof(rules) / sizeof(rules[0]),
};
