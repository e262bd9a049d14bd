/* main.c - /init: what pid 1 of the guest does, in order.
 *
 * The host waits for the connection, so that comes as early as it can; the host's answer
 * travels while the root is mounted.  Any failure resets the machine, which the host
 * reports: a guest that is half set up runs nothing. */
#include <string.h>

#include "rootfs/agent.h"

static const struct step {
	const char *what;
	int (*run)(void);
} steps[] = {
	{ "mounting /dev", mounts_early },
	{ "loading modules", modules_load },
	{ "reaching the host", host_hello },
	{ "mounting the root disk", mounts_root },
	{ "making a cgroup", group_init },
	{ "taking the host's welcome", welcome },
	{ "preparing to serve", serve_init },
};

int main(void)
{
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int rc = steps[i].run();

		if (rc < 0)
			host_give_up("%s: %s", steps[i].what, strerror(-rc));
	}
	serve();
}
