/* gc.c - `sandbox gc`: what runs leave whose runner and keeper were both killed with SIGKILL.
 *
 * That is empty control groups: everything else of a run is memory, descriptors and namespaces,
 * which go with their processes, and the monitor ends when its keeper does. */
#include <stdio.h>

#include "runner/cgroup.h"
#include "runner/cmd.h"
#include "runner/say.h"

int cmd_gc(int argc, char **argv)
{
	struct err err = { 0 };

	(void)argv;
	if (argc != 1) {
		say("usage: sandbox gc, without arguments");
		return EXIT_SANDBOX;
	}
	printf("%u removed\n", cgroup_sweep(&err));
	if (fflush(stdout) != 0)
		err_sys(&err, "stdout");
	if (!err.code)
		return 0;
	say("%s", err.msg);
	return EXIT_SANDBOX;
}
