/* main.c - /init: what pid 1 of the guest does, in order.
 *
 * All that is the same for every run comes before the first word to the host: there the
 * machine may be saved, and every clone goes on from there.  Any failure resets the
 * machine, which the host reports: a guest that is half set up runs nothing. */
#include <string.h>

#include "rootfs/agent.h"

static int first_hello(void)
{
	return host_hello(0);
}

static const struct step {
	const char *what;
	int (*run)(void);
} steps[] = {
	{ "mounting /dev", mounts_early },
	{ "loading modules", modules_load },
	{ "mounting the root disk", mounts_root },
	{ "making a cgroup", group_init },
	{ "bringing lo up", loopback_up },
	{ "preparing to serve", serve_init },
	{ "warming up", warm_up },
	{ "reading who there is", account_init },
	{ "reaching the host", first_hello },
	{ "taking the host's welcome", welcome },
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
