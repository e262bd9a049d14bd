/* gc.c - `sandbox gc`: what runs leave whose runner and keeper were both killed with SIGKILL.
 *
 * That is empty control groups, and of a run that had a name its directory: everything else is
 * memory, descriptors and namespaces, which go with their processes, and the monitor ends when
 * its keeper does.  And what detached runs have left that are over: outputs and exit code. */
#include <stdio.h>

#include "runner/cgroup.h"
#include "runner/cmd.h"
#include "runner/register.h"
#include "runner/say.h"

int cmd_gc(int argc, char **argv)
{
	struct err err = { 0 }, also = { 0 };
	unsigned n = 0;

	if (argc > 2) {
		say("usage: sandbox gc [NAME]");
		return EXIT_SANDBOX;
	}
	if (argc == 1)
		n = cgroup_sweep(&err);
	n += register_sweep(argv[1], &also);
	printf("%u removed\n", n);
	if (!err.code)
		err = also;
	if (fflush(stdout) != 0)
		err_sys(&err, "stdout");
	if (!err.code)
		return 0;
	say("%s", err.msg);
	return EXIT_SANDBOX;
}
