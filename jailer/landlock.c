/* landlock.c - a Landlock domain that allows nothing, where the kernel has Landlock.
 *
 * Raw calls, since no C library has them and older headers know fewer rights. */
#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jailer/jail.h"
#include "lib/fd.h"

struct ruleset {		/* as the newest kernel we know has it; older ones take a prefix */
	uint64_t fs, net, scoped;
};

/* What each version of the interface can forbid: bits up to and including the given. */
static const struct {
	unsigned fs_bits, net_bits, scoped_bits;
	size_t size;
} abis[] = {
	[1] = { 13, 0, 0, sizeof(uint64_t) },
	[2] = { 14, 0, 0, sizeof(uint64_t) },		/* refer */
	[3] = { 15, 0, 0, sizeof(uint64_t) },		/* truncate */
	[4] = { 15, 2, 0, 2 * sizeof(uint64_t) },	/* TCP bind and connect */
	[5] = { 16, 2, 0, 2 * sizeof(uint64_t) },	/* ioctl of devices */
	[6] = { 16, 2, 2, 3 * sizeof(uint64_t) },	/* abstract sockets, signals */
};

#define NEWEST ((long)(sizeof(abis) / sizeof(abis[0])) - 1)

static uint64_t low_bits(unsigned n)
{
	return (1ull << n) - 1;
}

/* execveat() opens the monitor once more, by its descriptor; that alone is allowed. */
static int allow_monitor(int ruleset)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = FD_VMM,
	};

	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int deny_files(struct jail *j, struct err *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset rules;
	autoclose int fd = -1;

	if (abi < 1)		/* not built in, or not switched on: the layer is off */
		return 0;
	if (abi > NEWEST)
		abi = NEWEST;
	rules = (struct ruleset){ low_bits(abis[abi].fs_bits), low_bits(abis[abi].net_bits),
				  low_bits(abis[abi].scoped_bits) };
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, abis[abi].size, 0);
	if (fd < 0 || allow_monitor(fd) < 0)
		return err_sys(err, "Landlock");
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return err_sys(err, "Landlock");
	layer_on(j, LAYER_LANDLOCK);
	return 0;
}
