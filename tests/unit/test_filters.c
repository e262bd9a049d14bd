/* test_filters.c - the compiled filters, asked with real calls: what they let pass is what
 * their tables say, row by row and number by number, and no table says more than it needs.
 *
 * Each call is made in a child of its own under the filters that its policy is used with.  All
 * arguments but those that a row looks at are -1, which is no descriptor, no address and no
 * flag: the kernel refuses what the filter lets pass, and nothing happens. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/kvm.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysnames.h>	/* generated: SYSNAMES_ARCH */
#include <unistd.h>

#include "runner/sysname.h"
#include "seccomp/load.h"
#include "seccomp/rules.h"
#include "tests/seccomp/match.h"
#include "tests/unit/check.h"

#define MAX_NR 512		/* beyond the youngest call of any kernel we know */
#define NO_CALL UINT32_MAX
#define NONE UINT64_MAX

static const uint64_t nothing[6] = { NONE, NONE, NONE, NONE, NONE, NONE };

/* --- calls ------------------------------------------------------------------------- */

static const char *name_of(uint32_t nr)
{
	static char unknown[SYSNAME_MAX];

	return sysname(nr, SYSNAMES_ARCH, unknown, sizeof(unknown));
}

static uint32_t number_of(const char *name)
{
	for (uint32_t nr = 0; nr < MAX_NR; nr++)
		if (!strcmp(name_of(nr), name))
			return nr;
	return NO_CALL;
}

static long native(uint32_t nr, const uint64_t a[6])
{
	return syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

typedef long (*way_in)(uint32_t nr, const uint64_t a[6]);

/* --- the filters, as they are used ---------------------------------------------------- */

static bool on_top_of_the_outer(enum policy_id id)
{
	return id != POLICY_OUTER && id != POLICY_KEEPER && id < POLICY_HTTP;
}

static int install(enum policy_id id)
{
	int rc = on_top_of_the_outer(id) ? seccomp_install(POLICY_OUTER) : 0;

	return rc ? rc : seccomp_install(id);
}

enum { RETURNED = 1, CANNOT_INSTALL };

/* The child says that the call came back; how it ends after that is the filter's affair. */
static void child(enum policy_id id, way_in enter, uint32_t nr, const uint64_t arg[6],
		  volatile int *said)
{
	signal(SIGSYS, SIG_DFL);	/* cmocka catches these */
	signal(SIGSEGV, SIG_DFL);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	alarm(10);
	if (install(id) < 0) {
		*said = CANNOT_INSTALL;
		_exit(1);
	}
	enter(nr, arg);
	*said = RETURNED;
	_exit(0);
}

/* Does the filter let the call pass?  Of those that it does, exit and exit_group end the child
 * and rt_sigreturn jumps to nowhere. */
static bool passes(enum policy_id id, way_in enter, uint32_t nr, const uint64_t arg[6])
{
	static volatile int *said;
	int status;
	pid_t pid;

	if (!said)
		said = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(said, MAP_FAILED);
	*said = 0;
	pid = fork();
	if (pid == 0)
		child(id, enter, nr, arg, said);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_not_equal(*said, CANNOT_INSTALL);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		fail_msg("%s under %s: does not come back", name_of(nr), seccomp_policies[id]->name);
	if (!WIFSIGNALED(status))
		return *said == RETURNED || nr == SYS_exit || nr == SYS_exit_group;
	return *said == RETURNED || (WTERMSIG(status) == SIGSEGV && nr == SYS_rt_sigreturn);
}

static bool table_allows(enum policy_id id, uint32_t nr, const uint64_t arg[6])
{
	const struct policy *p = seccomp_policies[id];

	for (unsigned i = 0; i < p->n; i++)
		if (!strcmp(p->rules[i].call, name_of(nr)) && rule_matches(&p->rules[i], arg))
			return true;
	return false;
}

static void as_the_table_says(enum policy_id id, uint32_t nr, const uint64_t arg[6])
{
	bool meant = table_allows(id, nr, arg);

	if (passes(id, native, nr, arg) != meant)
		fail_msg("%s(%#llx, %#llx, %#llx, ...) under %s %s", name_of(nr),
			 (unsigned long long)arg[0], (unsigned long long)arg[1],
			 (unsigned long long)arg[2], seccomp_policies[id]->name,
			 meant ? "is stopped, and a row allows it" :
				 "passes, and no row allows it");
}

/* --- rows ------------------------------------------------------------------------------ */

static bool is_conditional(const struct rule *r)
{
	return r->test == EQ || r->test == MASKED;
}

/* Arguments that meet a row's condition, everything it does not look at being `rest`. */
static void meet(const struct rule *r, uint64_t rest, uint64_t arg[6])
{
	for (unsigned i = 0; i < 6; i++)
		arg[i] = rest;
	if (r->test == EQ)
		arg[r->arg] = r->value;
	if (r->test == MASKED)
		arg[r->arg] = r->value | (rest & ~r->mask);
}

static void for_each_row(void (*f)(enum policy_id id, const struct rule *r, uint32_t nr))
{
	for (unsigned id = 0; id < seccomp_n_policies; id++) {
		for (unsigned i = 0; i < seccomp_policies[id]->n; i++) {
			const struct rule *r = &seccomp_policies[id]->rules[i];
			uint32_t nr = number_of(r->call);

			if (nr != NO_CALL)
				f(id, r, nr);
			else if (r->test != WHERE_KNOWN)
				fail_msg("%s: this test knows no number of %s",
					 seccomp_policies[id]->name, r->call);
		}
	}
}

static void must_pass(enum policy_id id, const struct rule *r, uint32_t nr)
{
	uint64_t arg[6];

	meet(r, NONE, arg);
	if (!passes(id, native, nr, arg))
		fail_msg("%s: the row for %s has no effect", seccomp_policies[id]->name, r->call);
}

static void every_row_lets_its_call_pass(void **state)
{
	(void)state;
	for_each_row(must_pass);
}

/* Each bit of the argument turned round, one at a time: those a row looks at, and the others. */
static void as_the_table_says_bit_by_bit(enum policy_id id, const struct rule *r, uint32_t nr)
{
	uint64_t arg[6];

	for (unsigned bit = 0; bit < 64 && is_conditional(r); bit++) {
		meet(r, NONE, arg);
		arg[r->arg] ^= 1ull << bit;
		as_the_table_says(id, nr, arg);
	}
}

static void an_argument_that_a_row_excludes_is_stopped(void **state)
{
	(void)state;
	for_each_row(as_the_table_says_bit_by_bit);
}

/* A row is a conjunction of bits: another implies it if it matches at both ends. */
static void must_not_be_implied(enum policy_id id, const struct rule *r, uint32_t nr)
{
	const struct policy *p = seccomp_policies[id];
	uint64_t low[6], high[6];

	(void)nr;
	meet(r, 0, low);
	meet(r, NONE, high);
	for (unsigned i = 0; i < p->n; i++) {
		const struct rule *o = &p->rules[i];

		if (o != r && !strcmp(o->call, r->call) && rule_matches(o, low) &&
		    rule_matches(o, high))
			fail_msg("%s: the row for %s, \"%s\", says what \"%s\" says already",
				 p->name, r->call, r->why, o->why);
	}
}

static void no_row_says_what_another_says(void **state)
{
	(void)state;
	for_each_row(must_not_be_implied);
}

/* --- everything else -------------------------------------------------------------------- */

/* Linux 6.14 and later ask no filter about uretprobe and uprobe, which are calls of the kernel's
 * own trampolines and of no avail to anybody else. */
static bool is_never_filtered(uint32_t nr)
{
#ifdef __x86_64__
	return nr == 335 || nr == 336;
#else
	return false;
#endif
}

static void only_what_the_table_names_passes(void **state)
{
	(void)state;
	for (unsigned id = 0; id < seccomp_n_policies; id++) {
		for (uint32_t nr = 0; nr < MAX_NR; nr++)
			if (!is_never_filtered(nr))
				as_the_table_says(id, nr, nothing);
		assert_false(passes(id, native, INT32_MAX, nothing));
		assert_false(passes(id, native, UINT32_MAX, nothing));
	}
}

/* What nobody may do, whatever the tables say; but for those in `by`. */
#define BY(id) (1u << (id))
#define AT(number, value) { [number] = (value) }

static const struct {
	unsigned by;
	const char *calls;
	uint64_t arg[6];
} refused[] = {
	{ 0, "open openat openat2 creat open_by_handle_at name_to_handle_at mkdir mkdirat mknod "
	     "link linkat symlink rename renameat2 unlink rmdir chmod fchmod chown truncate", { 0 } },
	{ BY(POLICY_KEEPER), "unlinkat", { 0 } },
	{ 0, "socket socketpair bind listen connect accept", { 0 } },
	{ BY(POLICY_HTTP), "accept4", { 0 } },
	{ 0, "execve execveat", { 0 } },
	{ 0, "fork vfork clone3", { 0 } },
	{ 0, "clone", AT(0, SIGCHLD) },
	{ 0, "clone", AT(0, CLONE_VM | CLONE_VFORK | SIGCHLD) },
	{ 0, "mmap mprotect", AT(2, PROT_READ | PROT_EXEC) },
	{ 0, "pkey_mprotect remap_file_pages process_madvise", { 0 } },
	{ BY(POLICY_PACK), "mremap", { 0 } },
	{ BY(POLICY_OUTER) | BY(POLICY_HTTP) | BY(POLICY_PACK), "mmap", { 0 } },
	{ BY(POLICY_HTTP) | BY(POLICY_PACK), "brk", { 0 } },
	{ BY(POLICY_OUTER), "mprotect", { 0 } },
	{ 0, "ptrace process_vm_readv process_vm_writev kcmp pidfd_open pidfd_getfd", { 0 } },
	{ 0, "mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick "
	     "mount_setattr unshare setns", { 0 } },
	{ 0, "add_key request_key keyctl", { 0 } },
	{ 0, "bpf userfaultfd perf_event_open", { 0 } },
	{ 0, "io_uring_setup io_uring_enter io_uring_register io_setup io_submit", { 0 } },
	{ 0, "setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset",
	  { 0 } },
	{ 0, "kill rt_sigqueueinfo rt_tgsigqueueinfo setpgid setsid", { 0 } },
	{ BY(POLICY_KEEPER), "pidfd_send_signal", { 0 } },
	{ 0, "init_module finit_module delete_module kexec_load kexec_file_load reboot", { 0 } },
	{ 0, "ioctl", AT(1, 0x5412 /* TIOCSTI */) },
	{ BY(POLICY_OUTER) | BY(POLICY_SAVE) | BY(POLICY_SAVABLE), "ioctl", AT(1, KVM_CREATE_VM) },
	{ 0, "prctl", AT(0, PR_SET_SECCOMP) },
	{ 0, "prctl", AT(0, PR_CAP_AMBIENT) },
	{ 0, "personality modify_ldt iopl ioperm swapon acct sethostname settimeofday clock_settime "
	     "setrlimit prlimit64 memfd_secret fanotify_init inotify_init1 quotactl syslog", { 0 } },
};

static void must_be_refused(const char *call, unsigned by, const uint64_t arg[6])
{
	uint32_t nr = number_of(call);

	if (nr == NO_CALL)
		fail_msg("this test knows no number of %s", call);
	for (unsigned id = 0; id < seccomp_n_policies; id++)
		if (passes(id, native, nr, arg) != ((by & BY(id)) != 0))
			fail_msg("%s: %s is %s", seccomp_policies[id]->name, call,
				 by & BY(id) ? "stopped" : "let pass");
}

static void what_nobody_may_do_is_stopped(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char calls[512], *rest = calls;

		snprintf(calls, sizeof(calls), "%s", refused[i].calls);
		for (char *call; (call = strsep(&rest, " ")) != NULL;)
			must_be_refused(call, refused[i].by, refused[i].arg);
	}
}

#ifdef __x86_64__
/* --- the other ways into an x86 kernel ---------------------------------------------------- */

#define X32 0x40000000u

static long of_i386(uint32_t nr, const uint64_t a[6])
{
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(nr), "b"(a[0]), "c"(a[1]), "d"(a[2])
			 : "memory", "r8", "r9", "r10", "r11");
	return rc;
}

static void no_x32_number_passes(void **state)
{
	(void)state;
	for (unsigned id = 0; id < seccomp_n_policies; id++)
		for (uint32_t nr = 0; nr < MAX_NR; nr++)
			if (passes(id, native, X32 | nr, nothing))
				fail_msg("%s: %s, as x32 numbers it, passes",
					 seccomp_policies[id]->name, name_of(nr));
}

/* Where the kernel has no such calls they end a process with another signal, as they should. */
static void no_i386_call_passes(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(of_i386(20 /* getpid */, nothing) == getpid() ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0) {
		printf("skip: this kernel has no calls of i386\n");
		skip();
	}
	for (unsigned id = 0; id < seccomp_n_policies; id++)
		for (uint32_t nr = 0; nr < MAX_NR; nr++)
			if (passes(id, of_i386, nr, nothing))
				fail_msg("%s: call %u of i386 passes", seccomp_policies[id]->name, nr);
}
#endif

/* Not so in a sanitizer build, whose runtime needs calls of its own. */
static bool filters_can_be_had(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(install(POLICY_OUTER) == -ENOTSUP);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
	const struct CMUnitTest of_tables[] = {
		cmocka_unit_test(no_row_says_what_another_says),
	};
	const struct CMUnitTest of_filters[] = {
		cmocka_unit_test(every_row_lets_its_call_pass),
		cmocka_unit_test(an_argument_that_a_row_excludes_is_stopped),
		cmocka_unit_test(only_what_the_table_names_passes),
		cmocka_unit_test(what_nobody_may_do_is_stopped),
#ifdef __x86_64__
		cmocka_unit_test(no_x32_number_passes),
		cmocka_unit_test(no_i386_call_passes),
#endif
	};

	if (cmocka_run_group_tests(of_tables, NULL, NULL) != 0)
		return 1;
	return filters_can_be_had() ? cmocka_run_group_tests(of_filters, NULL, NULL) : 0;
}
