/* hostile.c - what a user may start a jailer with that has file capabilities: any descriptors, any
 * spec, and whatever else a process inherits.
 *
 * Either it is refused, or the jail is what root's is; see attack.c for what comes after. */
#include "tests/jail/hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"

#define GOOD_SPEC "memory = 64M\ncpus = 2\ndisks = 1\ndisks-ro = 1\n"
#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)
#define N(array) (sizeof(array) / sizeof(array[0]))

bool hostile_jail_holds(struct rig *r)
{
	const uint64_t must = 1ull << LAYER_OWN_UID | 1ull << LAYER_NO_CAPS | 1ull << LAYER_NO_NEW_PRIVS |
			      1ull << LAYER_EMPTY_ROOT | 1ull << LAYER_PIDNS | 1ull << LAYER_NETNS |
			      1ull << LAYER_SECUREBITS | 1ull << LAYER_FD_TABLE | 1ull << LAYER_SECCOMP;

	if (!up(r))
		return false;
	if (must & ~r->jailed.jailed.layers)
		return no("layers %#llx", (unsigned long long)r->jailed.jailed.layers);
	return order_and_down(r, ORDER_FRUITLESS, 0, 0, 0);
}

/* An end without a jail, and nothing of it left; told, unless what is wrong prevents that. */
static bool ends(struct rig *r, bool told)
{
	rig_start(r);
	if (!rig_down(r)) {
		kill(r->pid, SIGKILL);
		return no("it goes on");
	}
	if (r->jailed.kind || r->ended.kind)
		return no("there was a jail");
	if (told && (!r->error.kind || !WIFEXITED(r->status) || WEXITSTATUS(r->status) != 1))
		return no("it ended with status %#x and said '%s'", r->status,
			  r->error.kind ? r->error.err.msg : "");
	return rig_nothing_left(r) || no("something is left");
}

/* --- what a process inherits ------------------------------------------------------ */

static void environment(void)
{
	static const char *const names[] = { "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "LD_DEBUG",
					     "GLIBC_TUNABLES", "MALLOC_CHECK_", "TMPDIR", "PATH", "TZ" };
	static char huge[100000];

	memset(huge, 'x', sizeof(huge) - 1);
	for (size_t i = 0; i < N(names); i++)
		setenv(names[i], huge, 1);
}

static void no_arguments(void)
{
	rig_become_user();
	syscall(SYS_execve, rig_jailer, NULL, NULL);
	_exit(122);
}

static void odd_arguments(void)
{
	static char huge[100000], one[] = "--help", two[] = "--explain", path[] = "/etc/shadow";
	char *const argv[] = { huge, one, two, path, NULL };

	memset(huge, '/', sizeof(huge) - 1);
	rig_become_user();
	execv(rig_jailer, argv);
	_exit(122);
}

/* Two of them are the C library's own, which would leave them out. */
static void block_all_signals(void)
{
	const uint64_t all = ~0ull;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
}

static void signals(void)
{
	const struct itimerval often = { { 0, 100 }, { 0, 100 } };

	block_all_signals();
	for (int i = 1; i < NSIG; i++)
		syscall(SYS_rt_sigaction, i, (unsigned long[4]){ (unsigned long)SIG_IGN }, NULL, 8);
	for (int i = ITIMER_REAL; i <= ITIMER_PROF; i++)
		setitimer((__itimer_which_t)i, &often, NULL);
}

static void pending_signals(void)
{
	block_all_signals();
	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP)
			kill(getpid(), i);
}

static void directory(mode_t mode, bool deleted)
{
	char path[] = "/tmp/jail-hostile-XXXXXX";

	umask(0777);
	rig_become_user();
	if (!mkdtemp(path) || chmod(path, 0700) < 0 || chdir(path) < 0 || chmod(path, mode) < 0)
		_exit(122);
	if (deleted && rmdir(path) < 0)
		_exit(122);
}

static void deleted_directory(void)
{
	directory(0700, true);
}

static void unreadable_directory(void)
{
	directory(0, true);
}

static void settings(void)
{
	rig_become_user();
	if (personality(READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | MMAP_PAGE_ZERO) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_KEEPCAPS, 1) < 0 ||
	    prctl(PR_SET_TIMERSLACK, 1000000) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ||
	    prctl(PR_SET_TSC, PR_TSC_SIGSEGV) < 0)
		_exit(122);
}

static void priorities(void)
{
	const struct sched_param none = { 0 };
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	rig_become_user();	/* what root writes there could not be lowered again */
	if (fd < 0 || write(fd, "1000", 4) != 4 || close(fd) < 0)
		_exit(122);
	if (setpriority(PRIO_PROCESS, 0, 5) < 0 || sched_setaffinity(0, sizeof(first), &first) < 0 ||
	    sched_setscheduler(0, SCHED_BATCH, &none) < 0 ||
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)) < 0)
		_exit(122);
}

static void keys(void)
{
	rig_become_user();
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "hostile");
	syscall(SYS_add_key, "user", "hostile", "x", 1, KEY_SPEC_SESSION_KEYRING);
}

/* Whatever happens to a descriptor is to kill us. */
static void asynchronous_descriptors(void)
{
	rig_become_user();
	for (int fd = 0; fd < FD_JAILER_END; fd++) {
		int flags = fcntl(fd, F_GETFL);

		if (flags < 0 || fd == FD_LEASH)
			continue;
		fcntl(fd, F_SETOWN, getpid());
		fcntl(fd, F_SETSIG, SIGKILL);
		fcntl(fd, F_SETFL, flags | O_ASYNC);
	}
}

static bool nothing_inherited_changes_the_jail(struct rig *r)
{
	static const struct {
		const char *what;
		void (*spoil)(void);
	} all[] = {
		{ "environment", environment }, { "no arguments", no_arguments },
		{ "odd arguments", odd_arguments }, { "signals", signals },
		{ "pending signals", pending_signals }, { "deleted directory", deleted_directory },
		{ "unreadable directory", unreadable_directory }, { "settings", settings },
		{ "priorities", priorities }, { "keys", keys },
		{ "asynchronous descriptors", asynchronous_descriptors },
	};

	for (size_t i = 0; i < N(all); i++) {
		rig_again(r);
		r->before_exec = all[i].spoil;
		if (!jail_is_as_expected(r))
			return and_no("%s", all[i].what);
	}
	return true;
}

/* The personality is root's to see, and not among what inspect() prints. */
static bool address_space_is_laid_out_at_random(struct rig *r)
{
	char path[64], text[16] = "";
	FILE *f;

	r->before_exec = settings;
	if (!up(r))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/personality", r->jailed.jailed.vmm_pid);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f) || strtoul(text, NULL, 16) != PER_LINUX)
		no("personality '%s'", text);
	if (f)
		fclose(f);
	return strtoul(text, NULL, 16) == PER_LINUX && order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

/* --- limits ------------------------------------------------------------------------- */

static struct {
	int resource;
	rlim_t value;
} limit;

static void set_limit(void)
{
	const struct rlimit r = { limit.value, limit.value };

	rig_become_user();
	if (setrlimit((__rlimit_resource_t)limit.resource, &r) < 0)
		_exit(122);
}

static bool a_limit_is_kept_or_told(struct rig *r)
{
	static const struct {
		int resource;
		rlim_t value;
		const char *words;	/* of the refusal; "" where none can be said */
	} all[] = {
		{ RLIMIT_NOFILE, 64, "limit of open files: 64 is too low" },
		{ RLIMIT_NOFILE, 20, "" }, { RLIMIT_NOFILE, 2, "" }, { RLIMIT_NOFILE, 0, "" },
		{ RLIMIT_AS, 64 << 20, "limit of address space" }, { RLIMIT_AS, 4096, "" },
		{ RLIMIT_NPROC, 0, "control groups: there are too many" }, { RLIMIT_NPROC, 1, NULL },
		{ RLIMIT_FSIZE, 0, NULL }, { RLIMIT_CORE, 0, NULL }, { RLIMIT_MEMLOCK, 0, NULL },
		{ RLIMIT_MSGQUEUE, 0, NULL }, { RLIMIT_SIGPENDING, 0, NULL }, { RLIMIT_LOCKS, 0, NULL },
		{ RLIMIT_CPU, 1, NULL }, { RLIMIT_STACK, 256 << 10, NULL }, { RLIMIT_RSS, 0, NULL },
	};

	for (size_t i = 0; i < N(all); i++) {
		bool good;

		rig_again(r);
		limit.resource = all[i].resource;
		limit.value = all[i].value;
		r->before_exec = set_limit;
		good = !all[i].words ? hostile_jail_holds(r) :
		       *all[i].words ? refused(r, all[i].words) : ends(r, false);
		if (!good)
			return and_no("resource %d, %llu", limit.resource, (unsigned long long)limit.value);
	}
	return true;
}

/* --- the spec ------------------------------------------------------------------------ */

static bool each_field_is_checked(struct rig *r)
{
	static const char *const keys[] = { "memory", "cpus", "disks", "disks-ro", "net", "layers", "held",
					    "has-initrd", "snapshot", "prefault", "huge-pages", "savable" };
	static const char *const values[] = { "-1", "4294967297", "18446744073709551616", "1e99", "0x2M",
					      "2 2", "\001", "%s%n", "maybe" };
	char text[256];

	for (size_t k = 0; k < N(keys); k++)
		for (size_t v = 0; v < N(values); v++) {
			rig_again(r);
			snprintf(text, sizeof(text), "%s = %s\n", keys[k], values[v]);
			rig_spec(r, text);
			if (!refused(r, keys[k]))
				return and_no("%s", text);
		}
	return true;
}

static bool extreme_machines_are_jailed(struct rig *r)
{
	static const char *const texts[] = {
		"memory = 64G\ncpus = 8\ndisks = 1\ndisks-ro = 1\n",
		"memory = 32M\ndisks = 1\ndisks-ro = 1\nprefault = yes\nhuge-pages = yes\nsavable = yes\nheld = yes\n",
	};

	for (size_t i = 0; i < N(texts); i++) {
		rig_again(r);
		rig_spec(r, texts[i]);
		if (!hostile_jail_holds(r))
			return and_no("%s", texts[i]);
	}
	return true;
}

/* A memfd of n bytes that begins with text. */
static int spec_of(const char *text, size_t n, unsigned seals)
{
	int fd = memfd_create("spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || io_write(fd, text, strlen(text)) < 0 || ftruncate(fd, (off_t)n) < 0 ||
	    fcntl(fd, F_ADD_SEALS, seals) < 0)
		_exit(123);
	return fd;
}

static bool a_spec_that_could_change_or_hides_something_is_refused(struct rig *r)
{
	const size_t n = strlen(GOOD_SPEC);
	const struct {
		size_t n;
		unsigned seals;
		const char *words;
	} all[] = {
		{ n, 0, "not sealed" }, { n, F_SEAL_WRITE, "not sealed" },
		{ n, SEALS & ~F_SEAL_WRITE, "not sealed" }, { n, SEALS & ~F_SEAL_GROW, "not sealed" },
		{ n, SEALS & ~F_SEAL_SHRINK, "not sealed" }, { n + 1, SEALS, "NUL" },
		{ 8192, SEALS, "spec: 8192 bytes" }, { 1ull << 40, SEALS, "spec: 1099511627776 bytes" },
	};

	for (size_t i = 0; i < N(all); i++) {
		rig_again(r);
		rig_replace(r, FD_SPEC, spec_of(GOOD_SPEC, all[i].n, all[i].seals));
		if (!refused(r, all[i].words))
			return and_no("case %zu", i);
	}
	return true;
}

/* --- the descriptors ----------------------------------------------------------------- */

static int nothing(void)
{
	return -1;
}

static int path(void)
{
	return open("/dev/null", O_PATH);
}

static int a_directory(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}

static int own_memory(void)
{
	return open("/proc/self/mem", O_RDWR);
}

static int null_device(void)
{
	return open("/dev/null", O_RDWR);
}

static int zero_device(void)
{
	return open("/dev/zero", O_RDONLY);
}

static int memory_file(void)
{
	return memfd_create("x", MFD_ALLOW_SEALING);
}

static int pipe_read_end(void)
{
	int end[2];

	return pipe(end) < 0 || close(end[1]) < 0 ? -1 : end[0];
}

/* With a reader, so that it would do but for its name. */
static int named_pipe(void)
{
	char dir[] = "/tmp/jail-hostile-XXXXXX", name[64];
	int end;

	if (!mkdtemp(dir))
		return -1;
	snprintf(name, sizeof(name), "%s/pipe", dir);
	if (mkfifo(name, 0666) < 0 || open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	end = open(name, O_WRONLY | O_NONBLOCK);
	unlink(name);
	rmdir(dir);
	return end;
}

static int socket_unconnected(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET, 0);
}

static int socket_of_streams(void)
{
	int end[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, end) < 0 || close(end[1]) < 0 ? -1 : end[0];
}

static int internet_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static int counter(void)
{
	return eventfd(0, 0);
}

static int poller(void)
{
	return epoll_create1(0);
}

static int own_process(void)
{
	return (int)syscall(SYS_pidfd_open, getpid(), 0);
}

static const int numbers[] = { FD_SPEC, FD_LOG, FD_CONSOLE, FD_KVM, FD_KERNEL, FD_AGENT, FD_INITRD,
			       FD_SNAPSHOT, FD_BROKER, FD_NET, FD_DISK0, FD_DISK0 + 1, FD_DISK0 + MAX_DISKS - 1,
			       FD_LEASH, FD_VMM };

/* What may be absent: then it is not asked for, or the jailer's to open. */
static bool may_be_absent(int number)
{
	return number == FD_KVM || number == FD_INITRD || number == FD_SNAPSHOT || number == FD_NET ||
	       (number > FD_DISK0 && number < FD_VMM_END);
}

static bool nothing_else_passes_for_a_descriptor(struct rig *r)
{
	static const struct {
		const char *what;
		int (*make)(void);
	} kinds[] = {
		{ "nothing", nothing }, { "a path", path }, { "a directory", a_directory },
		{ "/proc/self/mem", own_memory }, { "/dev/null", null_device },
		{ "/dev/zero", zero_device }, { "a memfd", memory_file },
		{ "a pipe's read end", pipe_read_end }, { "a named pipe", named_pipe },
		{ "an unconnected socket", socket_unconnected },
		{ "a stream", socket_of_streams }, { "an internet socket", internet_socket },
		{ "an eventfd", counter }, { "an epoll", poller }, { "a pidfd", own_process },
	};

	for (size_t n = 0; n < N(numbers); n++)
		for (size_t k = 0; k < N(kinds); k++) {
			if (kinds[k].make == nothing && may_be_absent(numbers[n]))
				continue;
			rig_again(r);
			rig_replace(r, numbers[n], kinds[k].make());
			if (!ends(r, numbers[n] != FD_LEASH))
				return and_no("%s as descriptor %d", kinds[k].what, numbers[n]);
		}
	return true;
}

static bool descriptors_in_another_order_are_refused(struct rig *r)
{
	static const int pairs[][2] = { { FD_SPEC, FD_KERNEL }, { FD_LOG, FD_BROKER }, { FD_CONSOLE, FD_KVM },
					{ FD_AGENT, FD_LEASH }, { FD_DISK0, FD_LOG }, { FD_VMM, FD_SPEC } };

	for (size_t i = 0; i < N(pairs); i++) {
		int *a, *b, kept;

		rig_again(r);
		a = &r->fd[pairs[i][0]];
		b = &r->fd[pairs[i][1]];
		kept = *a;
		*a = *b;
		*b = kept;
		if (!ends(r, pairs[i][1] != FD_LEASH))
			return and_no("%d and %d", pairs[i][0], pairs[i][1]);
	}
	return true;
}

/* The jailer opens it with the caller's rights, not with its own. */
static bool kvm_is_for_who_may_open_it(struct rig *r)
{
	struct stat st;

	rig_replace(r, FD_KVM, -1);
	if (stat("/dev/kvm", &st) < 0)
		return no("/dev/kvm: %s", strerror(errno));
	return st.st_mode & S_IWOTH ? hostile_jail_holds(r) : refused(r, "/dev/kvm: permission denied");
}

/* Who does not read what is said must not make the keeper wait. */
static bool an_unread_leash_holds_nobody_up(struct rig *r)
{
	int fd = r->fd[FD_LEASH];
	struct pollfd log = { .fd = r->log, .events = POLLIN };

	fcntl(fd, F_SETFL, O_WRONLY | O_NONBLOCK);
	while (write(fd, "", 1) == 1)
		;
	fcntl(fd, F_SETFL, O_WRONLY);
	rig_start(r);
	if (poll(&log, 1, 5000) != 1 || !(log.revents & POLLIN))
		return no("the jailer waits for its reader");
	rig_order(r, ORDER_EXIT, 0);
	for (int ms = 0; ms < 5000; ms += 5) {
		if (waitpid(r->pid, NULL, WNOHANG) == r->pid)
			return rig_nothing_left(r) || no("something is left");
		usleep(5000);
	}
	return no("the keeper waits for its reader");
}

const struct test hostile_tests[] = {
	TEST(nothing_inherited_changes_the_jail),
	TEST(address_space_is_laid_out_at_random),
	TEST(a_limit_is_kept_or_told),
	TEST(each_field_is_checked),
	TEST(extreme_machines_are_jailed),
	TEST(a_spec_that_could_change_or_hides_something_is_refused),
	TEST(nothing_else_passes_for_a_descriptor),
	TEST(descriptors_in_another_order_are_refused),
	TEST(kvm_is_for_who_may_open_it),
	TEST(an_unread_leash_holds_nobody_up),
};

const size_t hostile_n_tests = N(hostile_tests);
