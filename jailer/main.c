/* main.c - the jailer: a table of steps from the caller's world to the monitor's.
 *
 * It is started by the runner with the descriptors of lib/fds.h and nothing else: no
 * arguments, no environment, no path.  Any step that fails ends the run; what was made
 * until then is removed. */
#include "jailer/jail.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct step {
	const char *name;
	step_fn *run;
	detail_fn *detail;
	const char *why;
} steps[] = {
	{ "forget the caller", forget_caller, NULL,
	  "environment, signal settings, umask, terminal and stray descriptors are the "
	  "caller's and could steer us" },
	{ "share nothing", share_nothing, NULL,
	  "no keyring of the caller's, no page that is merged with others' (KSM), and where a core "
	  "of the processor runs two threads at once, both are this machine's" },
	{ "read the spec", read_spec, explain_spec,
	  "a sealed memfd of numbers: it cannot change after it was checked, and has no paths" },
	{ "check the descriptors", check_fds, explain_fds,
	  "what is handed over must be what the spec says: its type, and no more access" },
	{ "open devices", open_devices, NULL,
	  "/dev/kvm and /dev/null are the only names ever opened for the monitor" },
	{ "make control groups", make_cgroups, explain_cgroups,
	  "the machine cannot take more memory, tasks or time than it was given, and can be "
	  "killed as a whole" },
	{ "take up rights", take_up_rights, NULL,
	  "a jailer with file capabilities did all until here with its caller's rights alone; now "
	  "it is root, and no longer the caller's to signal, trace or count" },
	{ "stay in the caller's groups", stay_in_groups, NULL,
	  "... but for limits: its control groups lie within the caller's, and are as few as the "
	  "caller may have processes" },
	{ "enter namespaces", enter_namespaces, explain_ids,
	  "own users, processes, mounts, network, ipc, names, cgroups; the parent stays "
	  "behind as the keeper" },
	{ "empty the root", empty_root, NULL,
	  "pivot_root into a read-only tmpfs with nothing in it: there is no file to open" },
	{ "name the host", name_host, NULL,
	  "the host's name is no business of the monitor; the loopback interface stays down" },
	{ "set limits", set_limits, explain_limits,
	  "what control groups do not count: core files, descriptors, address space" },
	{ "arrange descriptors", arrange_fds, NULL,
	  "exactly the ones of the spec stay open; the jailer's own close as the monitor starts" },
	{ "drop rights", drop_rights, NULL,
	  "no capability in any set, no group, a uid of its own, and no way back (securebits)" },
	{ "tie to the keeper", tie_to_keeper, NULL,
	  "the kernel kills the monitor should the keeper die; nobody may trace us meanwhile" },
	{ "no new privileges", no_new_privs, NULL,
	  "no_new_privs: no program that is ever started here gains a right" },
	{ "deny files", deny_files, NULL,
	  "Landlock, where the kernel has it: no file and no port, even if a root were there" },
	{ "prove it", prove, NULL,
	  "looks as an attacker would, and stops the run if anything is left to take" },
	{ "filter system calls", filter_calls, NULL,
	  "the outer filter: what the monitor needs until it locks itself down further" },
	{ "insist", insist, explain_required,
	  "what the user requires is on, or there is no machine: nothing is given up in silence" },
	{ "become the monitor", become_vmm, NULL,
	  "execveat of a static binary by its descriptor, with no argument and no environment" },
};

#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

static int explain(void)
{
	struct jail j = { .uid = getuid(), .gid = getgid() };
	struct err err;

	if (look_at_rights(&j, &err) < 0 || read_spec(&j, &err) < 0) {
		fprintf(stderr, "sandbox-jailer: %s\n", err.msg);
		return 1;
	}
	for (size_t i = 0; i < N_STEPS; i++) {
		printf("%2zu. %s: %s\n", i + 1, steps[i].name, steps[i].why);
		if (steps[i].detail)
			steps[i].detail(&j, stdout);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

/* To the runner, or to whoever started us by hand.  The child may already be under the
 * filter, which knows no fstat() by name. */
static void tell(const struct jail *j, const struct err *err)
{
	struct stat st;

	if (j->child || (fstat(FD_LEASH, &st) == 0 && S_ISFIFO(st.st_mode)))
		report_error(FD_LEASH, err);
	else
		dprintf(2, "sandbox-jailer: %s\n", err->msg);
}

/* The child's traces are the keeper's to remove; one byte tells it not to wait for more. */
static int give_up(struct jail *j, const struct err *err)
{
	if (err->code)
		tell(j, err);
	if (j->child)
		(void)!write(j->child_end, "", 1);
	else
		cgroups_remove(&j->cgroups);
	return 1;
}

int main(int argc, char **argv)
{
	struct jail j = { .proc = -1, .keeper_end = -1, .child_end = -1, .pidfd = -1 };
	struct err err = { 0 };

	if (argc > 1 && !strcmp(argv[1], "--explain"))
		return explain();
	for (size_t i = 0; i < N_STEPS; i++)
		if (steps[i].run(&j, &err) < 0)
			return give_up(&j, &err);
	return 1;	/* not reached: the last step replaces the program */
}
