/* test_jail.c - starts the jailer as the runner would, with the probe for a monitor, and
 * looks at what comes of it.  Prints a line a test: ok or FAIL.
 *
 *	test_jail BUILD_DIR EXPECTED [KVM_FD [bare | JAILER USER]]
 *
 * What is refused must be refused with the right words, and whatever happens nothing may
 * be left: every test ends with rig_nothing_left(). */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "tests/jail/hostile.h"
#include "tests/jail/judge.h"
#include "tests/jail/less.h"
#include "tests/jail/rig.h"

#define GOOD_SPEC "memory = 64M\ncpus = 2\ndisks = 1\ndisks-ro = 1\n"

static bool bare;			/* as a user who is refused user namespaces */

/* What a user without user namespaces cannot have. */
static const uint64_t without_namespaces =
	1ull << LAYER_USERNS | 1ull << LAYER_PIDNS | 1ull << LAYER_MOUNTNS | 1ull << LAYER_NETNS |
	1ull << LAYER_IPCNS | 1ull << LAYER_UTSNS | 1ull << LAYER_CGROUPNS | 1ull << LAYER_EMPTY_ROOT |
	1ull << LAYER_SECUREBITS;

static bool every_layer_is_reported(struct rig *r)
{
	uint64_t must = 0, got;

	for (unsigned l = LAYER_PIDNS; l <= LAYER_CORE; l++)
		must |= 1ull << l;
	for (unsigned l = LAYER_NO_CAPS; l <= LAYER_FD_TABLE; l++)
		must |= 1ull << l;
	must |= 1ull << LAYER_USERNS | 1ull << LAYER_SECCOMP;
	if (bare)
		must &= ~without_namespaces;
	if (getuid() == 0)
		must |= 1ull << LAYER_OWN_UID;
	if (!up(r))
		return false;
	got = r->jailed.jailed.layers;
	for (unsigned l = 0; l < N_LAYERS; l++)
		if (must >> l & ~got >> l & 1)
			return no("%s is off", report_layer_names[l]);
	if (bare && got & without_namespaces)
		return no("layers %#llx without namespaces", (unsigned long long)got);
	if (got >> LAYER_THREAD_SECCOMP & 1)
		return no("thread filters are the vmm's to report");
	return order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

/* "cgroup-memory" and so on mean that the numbers are really there. */
static bool reported_cgroups_limit(struct rig *r)
{
	static const struct {
		enum layer layer;
		const char *file[2];		/* v2, v1 */
		const char *value[2];
	} limits[] = {
		{ LAYER_CGROUP_MEMORY, { "memory.max", "memory.limit_in_bytes" },
		  { "134479872\n", "134479872\n" } },
		{ LAYER_CGROUP_PIDS, { "pids.max", "pids.max" }, { "7\n", "7\n" } },
		{ LAYER_CGROUP_CPU, { "cpu.max", "cpu.cfs_quota_us" },
		  { "300000 100000\n", "300000\n" } },
	};

	if (!up(r))
		return false;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		bool on = r->jailed.jailed.layers >> limits[i].layer & 1, found = false;

		for (int d = 0; d < 4; d++)
			for (int v = 0; v < 2; v++) {
				char path[256], text[64] = "";
				FILE *f;

				snprintf(path, sizeof(path), "%s/%s",
					 r->jailed.jailed.cgroup[d], limits[i].file[v]);
				f = r->jailed.jailed.cgroup[d][0] ? fopen(path, "re") : NULL;
				if (f && fgets(text, sizeof(text), f))
					found |= !strcmp(text, limits[i].value[v]);
				if (f)
					fclose(f);
			}
		if (on != found)
			return no("%s is reported %s", report_layer_names[limits[i].layer],
				  on ? "on, but sets no limit" : "off, but there is a limit");
	}
	return order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

static bool the_process_is_in_the_reported_cgroups(struct rig *r)
{
	char path[64], line[512];
	unsigned want = 0, found = 0;
	FILE *f;

	if (!up(r))
		return false;
	for (int i = 0; i < 5; i++)
		want += r->jailed.jailed.cgroup[i][0] != '\0';
	snprintf(path, sizeof(path), "/proc/%d/cgroup", r->jailed.jailed.vmm_pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		found += strstr(line, "/sandbox-") != NULL;
	if (f)
		fclose(f);
	if (found != want)
		return no("in %u of %u", found, want);
	return order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

/* Does a file of that name in one of the run's groups have the words? */
static bool a_cgroup_has(const struct rig *r, const char *name, const char *words)
{
	bool found = false;

	for (int i = 0; i < 5; i++) {
		char path[256], text[256] = "";
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", r->jailed.jailed.cgroup[i], name);
		f = r->jailed.jailed.cgroup[i][0] ? fopen(path, "re") : NULL;
		found |= f && fgets(text, sizeof(text), f) && strstr(text, words);
		if (f)
			fclose(f);
	}
	return found;
}

/* A group of version 2 that has processes in it, as a user's own, hands no controller down. */
static bool a_disk_rate_is_set_or_refused(struct rig *r)
{
	bool version_1 = access("/sys/fs/cgroup/blkio", F_OK) == 0;

	rig_spec(r, GOOD_SPEC "disk-rate = 1M\n");
	if (getuid() != 0 || (rig_user && !version_1))
		return refused(r, "disk-rate: cannot be had here");
	if (!up(r))
		return false;
	if (!(r->jailed.jailed.layers >> LAYER_CGROUP_IO & 1))
		return no("%s is off", report_layer_names[LAYER_CGROUP_IO]);
	if (!a_cgroup_has(r, "io.max", " rbps=1048576 wbps=1048576 ") &&
	    !(a_cgroup_has(r, "blkio.throttle.read_bps_device", " 1048576\n") &&
	      a_cgroup_has(r, "blkio.throttle.write_bps_device", " 1048576\n")))
		return no("there is no limit");
	return order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

/* A memfd is on no device. */
static bool a_disk_rate_without_a_device_is_refused(struct rig *r)
{
	char path[64];
	int fd = memfd_create("disk", MFD_CLOEXEC);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rig_replace(r, FD_DISK0, open(path, O_RDONLY | O_CLOEXEC));
	close(fd);
	rig_spec(r, GOOD_SPEC "disk-rate = 1M\n");
	return refused(r, "disk-rate: cannot be had here");
}

static bool a_monitor_that_ends_is_reported(struct rig *r)
{
	if (!up(r) || !order_and_down(r, ORDER_EXIT, 7, 7, 0))
		return false;
	if (!WIFEXITED(r->status) || WEXITSTATUS(r->status))
		return no("the keeper's status is %#x", r->status);
	/* Memory may be none: the kernel counts a small program's pages in batches. */
	return r->ended.ended.user_us + r->ended.ended.system_us > 0 || no("no resource usage");
}

static bool a_monitor_that_is_killed_is_reported(struct rig *r)
{
	if (!up(r))
		return false;
	kill(r->jailed.jailed.vmm_pid, SIGKILL);
	return down(r, 0, SIGKILL);
}

static bool the_machine_ends_with_the_runner(struct rig *r)
{
	if (!up(r))
		return false;
	close(r->leash);
	r->leash = -1;
	if (!rig_down(r))
		return no("the keeper does not end");
	return rig_nothing_left(r) || no("something is left");
}

/* What the runner does when its keeper vanishes: remove the directories it was told of. */
static bool the_machine_ends_with_the_keeper(struct rig *r)
{
	if (!up(r))
		return false;
	kill(r->pid, SIGKILL);
	if (!rig_down(r) || r->ended.kind)
		return no("the keeper was not killed");
	if (waitpid(r->jailed.jailed.vmm_pid, NULL, 0) < 0)	/* the orphan is ours */
		return no("the monitor did not become ours: %s", strerror(errno));
	for (int i = 0; i < 5; i++)
		if (r->jailed.jailed.cgroup[i][0] && rmdir(r->jailed.jailed.cgroup[i]) < 0)
			return no("%s: %s", r->jailed.jailed.cgroup[i], strerror(errno));
	return rig_nothing_left(r) || no("something is left");
}

static bool signals_to_the_keeper_end_the_machine(struct rig *r)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (i) {
			rig_free(r);
			rig_init(r);
		}
		if (!up(r))
			return false;
		kill(r->pid, signals[i]);
		if (!down(r, 0, SIGKILL))
			return false;
	}
	return true;
}

/* ^C and a hang-up of the terminal go to its foreground processes: not to us. */
static bool keyboard_signals_do_not_reach_it(struct rig *r)
{
	if (!up(r))
		return false;
	if (getpgid(r->pid) == getpgrp() || getsid(r->pid) == getsid(0))
		return no("the keeper is in the caller's session");
	if (getsid(r->jailed.jailed.vmm_pid) == getsid(0))
		return no("the monitor is in the caller's session");
	return order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

static bool forbidden_calls_end_the_monitor(struct rig *r)
{
	for (unsigned i = 0; i < N_FORBIDDEN; i++) {
		if (i) {
			rig_free(r);
			rig_init(r);
		}
		if (!up(r))
			return false;
		if (!order_and_down(r, ORDER_FORBIDDEN, i, 0, SIGSYS))
			return and_no("forbidden call %u", i);
	}
	return true;
}

static bool nothing_of_the_jailer_is_in_reach(struct rig *r)
{
	return up(r) && order_and_down(r, ORDER_FRUITLESS, 0, 0, 0);
}

/* With a large input file the address space allows more than the cgroup does. */
static bool memory_beyond_the_limit_kills_and_is_told(struct rig *r)
{
	int fd = memfd_create("kernel", MFD_CLOEXEC);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || ftruncate(fd, 1 << 30) < 0)
		return no("memfd: %s", strerror(errno));
	rig_replace(r, FD_KERNEL, open(path, O_RDONLY | O_CLOEXEC));
	close(fd);
	if (!up(r))
		return false;
	if (!(r->jailed.jailed.layers >> LAYER_CGROUP_MEMORY & 1))	/* no limit, no kill */
		return order_and_down(r, ORDER_EXIT, 0, 0, 0);
	if (!order_and_down(r, ORDER_EAT_MEMORY, 512u << 20, 0, SIGKILL))
		return false;
	return r->ended.ended.oom_kill ? true : no("the report does not say so");
}

static bool memory_beyond_the_address_space_is_refused(struct rig *r)
{
	return up(r) && order_and_down(r, ORDER_EAT_MEMORY, 256u << 20, 1, 0);
}

/* --- what must be refused ------------------------------------------------------- */

static bool bad_specs_are_refused(struct rig *r)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "", "spec: 0 bytes" },
		{ "memory = 1M\n", "memory: 1M is not between" },
		{ "memory = 65G\n", "memory: 65G is not between" },
		{ "memory = 33M\n", "not a multiple of 2M" },
		{ "memory = lots\n", "memory: 'lots' is not a size" },
		{ "cpus = 0\n", "cpus: 0 is not between" },
		{ "cpus = 9\n", "cpus: 9 is not between" },
		{ "disks = 9\n", "disks: 9 is not between" },
		{ "disks = 1\ndisks-ro = 2\n", "disks-ro" },
		{ "card = 3\n", "card: 3 is not between" },
		{ "has-initrd = maybe\n", "has-initrd: 'maybe' is not yes or no" },
		{ "root = /etc/passwd\n", "there is no option 'root'" },
		{ "memory = 64M\nmemory = 64M\n", "given twice" },
		{ "nonsense\n", "is not `key = value`" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (i) {
			rig_free(r);
			rig_init(r);
		}
		rig_spec(r, bad[i].text);
		if (!refused(r, bad[i].words))
			return false;
	}
	return true;
}

static bool an_unsealed_spec_is_refused(struct rig *r)
{
	int fd = memfd_create("spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || io_write(fd, GOOD_SPEC, strlen(GOOD_SPEC)) < 0)
		return no("memfd: %s", strerror(errno));
	rig_replace(r, FD_SPEC, fd);
	return refused(r, "not sealed");
}

static bool missing_descriptors_are_refused(struct rig *r)
{
	static const struct {
		int fd;
		const char *words;
	} needed[] = {
		{ FD_SPEC, "spec: descriptor 3" }, { FD_LOG, "log: descriptor 4 is missing" },
		{ FD_CONSOLE, "console: descriptor 5 is missing" },
		{ FD_KERNEL, "kernel: descriptor 7 is missing" },
		{ FD_AGENT, "guest agent: descriptor 8 is missing" },
		{ FD_BROKER, "broker: descriptor 11 is missing" },
		{ FD_DISK0, "disk: descriptor 13 is missing" },
		{ FD_VMM, "monitor: descriptor 22 is missing" },
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (i) {
			rig_free(r);
			rig_init(r);
		}
		rig_replace(r, needed[i].fd, -1);
		if (!refused(r, needed[i].words))
			return false;
	}
	return true;
}

static int some_pipe(int end)
{
	int p[2];

	if (pipe(p) < 0)
		return -1;
	close(p[!end]);
	return p[end];
}

static int some_socket(int type)
{
	int pair[2];

	if (socketpair(AF_UNIX, type, 0, pair) < 0)
		return -1;
	close(pair[1]);
	return pair[0];
}

static int some_file(int flags, mode_t mode)
{
	char path[] = "/tmp/jail-test-XXXXXX";
	int made = mkstemp(path), fd;

	fchmod(made, mode);
	fd = open(path, flags | O_CLOEXEC);
	close(made);
	unlink(path);
	return fd;
}

static bool wrong_descriptors_are_refused(struct rig *r)
{
	static const char net_spec[] = GOOD_SPEC "card = 2\n", tap_spec[] = GOOD_SPEC "card = 1\n";
	static const char take_spec[] = GOOD_SPEC "snapshot = 1\n";
	static const char restore_spec[] = GOOD_SPEC "snapshot = 2\n";
	const struct {
		const char *spec;
		int number, fd;
		const char *words;
	} wrong[] = {
		{ NULL, FD_LOG, some_pipe(0), "log: descriptor 4 is not the write end" },
		{ NULL, FD_LOG, some_pipe(1), "log: descriptor 4 blocks" },
		{ NULL, FD_CONSOLE, some_file(O_RDWR, 0600), "console: descriptor 5 is not the" },
		{ NULL, FD_KVM, open("/dev/null", O_RDWR), "kvm: descriptor 6 is not /dev/kvm" },
		{ NULL, FD_KVM, open("/dev/zero", O_RDONLY), "kvm: descriptor 6 is not a device" },
		{ NULL, FD_KERNEL, some_pipe(0), "kernel: descriptor 7 is not a regular file" },
		{ NULL, FD_KERNEL, some_file(O_RDWR, 0600), "kernel: descriptor 7 is not read-only" },
		{ NULL, FD_KERNEL, some_file(O_PATH, 0600), "kernel: descriptor 7 is only a path" },
		{ NULL, FD_AGENT, open("/", O_RDONLY), "guest agent: descriptor 8 is not a reg" },
		{ NULL, FD_INITRD, some_file(O_RDONLY, 0600), "initramfs: descriptor 9 is open, but" },
		{ NULL, FD_SNAPSHOT, some_file(O_RDONLY, 0600), "snapshot: descriptor 10 is open, but" },
		{ take_spec, FD_SNAPSHOT, some_pipe(1), "snapshot: descriptor 10 is not a regular" },
		{ take_spec, FD_SNAPSHOT, some_file(O_RDONLY, 0600), "descriptor 10 is not opened for" },
		{ take_spec, FD_SNAPSHOT, -1, "snapshot: descriptor 10 is missing" },
		{ restore_spec, FD_SNAPSHOT, some_file(O_RDONLY, 0600), "kernel: descriptor 7 is open, but" },
		{ NULL, FD_BROKER, some_socket(SOCK_STREAM), "broker: descriptor 11 is not a conn" },
		{ NULL, FD_NET, some_socket(SOCK_STREAM), "network: descriptor 12 is open, but" },
		{ net_spec, FD_NET, some_socket(SOCK_STREAM), "network: descriptor 12 blocks" },
		{ net_spec, FD_NET, some_socket(SOCK_DGRAM | SOCK_NONBLOCK), "not a connected str" },
		{ tap_spec, FD_NET, some_socket(SOCK_STREAM | SOCK_NONBLOCK), "not an attached tap" },
		{ NULL, FD_DISK0, some_file(O_RDWR, 0600), "disk: descriptor 13 is not opened read-" },
		{ NULL, FD_DISK0, open("/dev/null", O_RDONLY), "disk: descriptor 13 is not a reg" },
		{ NULL, FD_DISK0 + 1, some_file(O_RDWR, 0600), "disk: descriptor 14 is open, but" },
		{ NULL, FD_VMM, some_file(O_RDONLY, 0644), "monitor: descriptor 22 cannot be exec" },
		{ NULL, FD_VMM, some_file(O_RDONLY, 0777), "monitor: descriptor 22 can be written" },
		{ NULL, FD_VMM, some_file(O_RDONLY, 0755), "monitor: cannot be executed" },
		{ NULL, FD_VMM, some_pipe(0), "monitor: descriptor 22 is not a regular file" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (i) {
			rig_free(r);
			rig_init(r);
		}
		if (wrong[i].spec)
			rig_spec(r, wrong[i].spec);
		rig_replace(r, wrong[i].number, wrong[i].fd);
		if (!refused(r, wrong[i].words))
			return false;
	}
	return true;
}

/* --- what the caller may have spoiled ------------------------------------------- */

static void spoil_everything(void)
{
	struct itimerval soon = { .it_value.tv_usec = 1 };
	struct rlimit few = { 24, 1024 }, cores = { RLIM_INFINITY, RLIM_INFINITY };
	sigset_t all;

	setenv("LD_PRELOAD", "/nowhere.so", 1);
	setenv("GLIBC_TUNABLES", "glibc.malloc.check=3", 1);
	setenv("MALLOC_PERTURB_", "1", 1);
	umask(0);
	if (mkdir("/tmp/jail-test-gone", 0700) == 0 && chdir("/tmp/jail-test-gone") == 0)
		rmdir("/tmp/jail-test-gone");
	for (int i = 1; i < NSIG; i++)	/* the C library keeps 32 and 33 to itself */
		syscall(SYS_rt_sigaction, i, (unsigned long[4]){ (unsigned long)SIG_IGN }, NULL, 8);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	setrlimit(RLIMIT_CORE, &cores);
	for (int fd = FD_JAILER_END; fd < 2000; fd += 131)	/* and some beyond all limits */
		dup2(FD_BROKER, fd);
	setrlimit(RLIMIT_NOFILE, &few);
}

static bool a_hostile_caller_changes_nothing(struct rig *r)
{
	r->before_exec = spoil_everything;
	return jail_is_as_expected(r);
}

/* --- what it would share ---------------------------------------------------------- */

#define SCHED_CORE 62		/* PR_SCHED_CORE; 0: PR_SCHED_CORE_GET of one thread */

/* Without a second thread on any core there is no cookie to have. */
static bool its_cores_are_its_own(struct rig *r)
{
	unsigned long its = 0, ours = 0;

	if (!up(r))
		return false;
	if (!(r->jailed.jailed.layers >> LAYER_CORE & 1))
		return no("%s is off", report_layer_names[LAYER_CORE]);
	if (prctl(SCHED_CORE, 0, 0, 0, &ours) == 0 &&
	    (prctl(SCHED_CORE, 0, r->jailed.jailed.vmm_pid, 0, &its) < 0 || !its || its == ours))
		return no("its cookie is %lx, ours is %lx", its, ours);
	return order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

#define MERGE_SET 67		/* PR_SET_MEMORY_MERGE */

static void hold_a_key(void)
{
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	syscall(SYS_add_key, "user", "jail-test", "secret", 6, KEY_SPEC_SESSION_KEYRING);
}

/* Nobody can ask another process for its keys: the jailer's proof does, and ends the run. */
static bool the_callers_keys_are_left_behind(struct rig *r)
{
	r->before_exec = hold_a_key;
	if (!up(r))
		return false;
	if (!(r->jailed.jailed.layers >> LAYER_KEYRING & 1))
		return no("%s is off", report_layer_names[LAYER_KEYRING]);
	return order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

static void merge_pages(void)
{
	prctl(MERGE_SET, 1, 0, 0, 0);
}

/* Kernels before 6.4 have no such setting, and those before 6.14 do not tell. */
static bool merges(pid_t pid)
{
	char path[64], line[64];
	bool any = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/ksm_stat", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		any |= !strcmp(line, "ksm_merge_any: yes\n");
	if (f)
		fclose(f);
	return any;
}

static bool pages_are_not_merged_for_the_caller_merges_its_own(struct rig *r)
{
	r->before_exec = merge_pages;
	if (!up(r))
		return false;
	if (merges(r->jailed.jailed.vmm_pid))
		return no("they are");
	return order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

static bool closed_standard_streams_change_nothing(struct rig *r)
{
	for (int i = 0; i < 3; i++)
		rig_replace(r, i, -1);
	return jail_is_as_expected(r);
}

static void allow_few_files(void)
{
	struct rlimit few = { 64, 64 };

	setrlimit(RLIMIT_NOFILE, &few);
}

static bool too_few_files_are_told(struct rig *r)
{
	r->before_exec = allow_few_files;
	return refused(r, "limit of open files");
}

static bool a_dead_runner_stops_the_jailer(struct rig *r)
{
	close(r->leash);
	r->leash = -1;
	rig_start(r);
	if (!rig_down(r))
		return no("it does not end");
	return rig_nothing_left(r) || no("something is left");
}

/* --- kernels that offer less ---------------------------------------------------- */

static bool an_old_kernel_is_enough(struct rig *r)
{
	r->before_exec = less_clone3;
	return the_process_is_in_the_reported_cgroups(r) &&
	       (bare || r->jailed.jailed.layers & 1ull << LAYER_USERNS || no("userns is off"));
}

/* Root does without that one layer, a user without all namespaces; both say so. */
static bool without_user_namespaces_it_goes_on(struct rig *r)
{
	uint64_t off = getuid() == 0 ? 1ull << LAYER_USERNS : without_namespaces, on;

	r->before_exec = less_user_namespaces;
	if (!up(r))
		return false;
	on = r->jailed.jailed.layers;
	if (on & off)
		return no("layers %#llx are reported on", (unsigned long long)(on & off));
	if (!(on >> LAYER_NO_CAPS & on >> LAYER_NO_NEW_PRIVS & on >> LAYER_SECCOMP & 1))
		return no("layers %#llx", (unsigned long long)on);
	if (getuid() == 0 && !(on >> LAYER_OWN_UID & on >> LAYER_PIDNS & 1))
		return no("layers %#llx", (unsigned long long)on);
	return order_and_down(r, ORDER_FRUITLESS, 0, 0, 0);
}

/* A user namespace that is worth nothing is none.  Root has no other way to an empty root. */
static bool a_namespace_without_rights_is_not_used(struct rig *r)
{
	r->before_exec = less_rights;
	if (getuid() == 0)
		return refused(r, "private mounts");
	if (!up(r))
		return false;
	if (r->jailed.jailed.layers & without_namespaces)
		return no("layers %#llx", (unsigned long long)r->jailed.jailed.layers);
	return order_and_down(r, ORDER_FRUITLESS, 0, 0, 0);
}

static void require(struct rig *r, uint64_t layers)
{
	char text[128];

	snprintf(text, sizeof(text), "memory = 64M\ncpus = 2\ndisks = 1\ndisks-ro = 1\nlayers = %llu\n",
		 (unsigned long long)layers);
	rig_spec(r, text);
}

/* What is on may be required; what is not, is refused by its name. */
static bool a_required_layer_is_on_or_there_is_no_machine(struct rig *r)
{
	uint64_t all = (1ull << N_LAYERS) - 1, on;
	const char *missing;
	char words[64];

	r->before_exec = getuid() == 0 ? less_user_namespaces : less_clone3;
	if (!up(r) || !order_and_down(r, ORDER_EXIT, 0, 0, 0))
		return false;
	on = r->jailed.jailed.layers | 1ull << LAYER_THREAD_SECCOMP;
	rig_again(r);
	require(r, on);
	if (!up(r) || !order_and_down(r, ORDER_EXIT, 0, 0, 0))
		return false;
	missing = report_missing(all, on);
	if (!missing)
		return getuid() != 0 || no("userns is reported on");
	rig_again(r);
	require(r, all);
	snprintf(words, sizeof(words), "require: %s cannot be had here", missing);
	return refused(r, words);
}

/* --- the keeper ------------------------------------------------------------------- */

static bool has_line(pid_t pid, const char *file, const char *want)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		found |= !strncmp(line, want, strlen(want));
	if (f)
		fclose(f);
	return found;
}

static unsigned count_lines(pid_t pid, const char *file)
{
	char path[64];
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "re");
	for (int c; f && (c = fgetc(f)) != EOF;)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static bool the_keeper_is_small(struct rig *r)
{
	/* CAP_DAC_OVERRIDE, where the top of a hierarchy is mode 0555; see cgroup.h */
	bool few_caps;

	if (!up(r))
		return false;
	for (int ms = 0; ms < 500 && !has_line(r->pid, "status", "Seccomp:\t2"); ms++)
		usleep(1000);		/* it shrinks beside the child */
	few_caps = has_line(r->pid, "status", "CapEff:\t0000000000000000") ||
		   has_line(r->pid, "status", "CapEff:\t0000000000000002");
	if (!has_line(r->pid, "status", "Seccomp:\t2"))
		return no("it has no filter");
	if (!has_line(r->pid, "status", "NoNewPrivs:\t1"))
		return no("it could gain privileges");
	if (getuid() == 0 && !few_caps)
		return no("it has capabilities");
	if (getuid() == 0 && !has_line(r->pid, "status", "CapBnd:\t0000000000000000"))
		return no("it has a bounding set");
	if (rig_user && !(has_line(r->pid, "status", "Groups:\t \n") &&
			  has_line(r->pid, "status", "Gid:\t0\t0\t0\t0\n")))
		return no("it is in the caller's groups");
	if (getuid() == 0 && count_lines(r->pid, "mountinfo") != 1)
		return no("it sees more than an empty root");
	return order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

static bool explain_starts_nothing(struct rig *r)
{
	for (int i = 0; i < FD_JAILER_END; i++)
		if (i > 2 && i != FD_SPEC)
			rig_replace(r, i, -1);
	if (rig_explain(r) != 0)
		return no("it failed: %s", r->out);
	if (!strstr(r->out, " 1. forget the caller") || !strstr(r->out, "prove it") ||
	    !strstr(r->out, "memory 64 MiB, cpus 2, disks 1") ||
	    !strstr(r->out, "21. become the monitor"))
		return no("it does not say all: %.200s", r->out);
	return rig_nothing_left(r);
}

static bool many_at_once_keep_apart(struct rig *r)
{
	static struct rig all[8];
	bool good = true;

	(void)r;
	for (size_t i = 0; i < 8; i++) {
		rig_init(&all[i]);
		rig_start(&all[i]);
	}
	for (size_t i = 0; i < 8; i++) {
		char hello[256];

		good &= rig_up(&all[i], hello, sizeof(hello)) || no("%zu did not start", i);
		rig_order(&all[i], ORDER_EXIT, i);
	}
	for (size_t i = 0; i < 8; i++) {
		good &= down(&all[i], (int)i, 0);
		rig_free(&all[i]);
	}
	return good;
}

static const struct test tests[] = {
	TEST(jail_is_as_expected),
	TEST(every_layer_is_reported),
	TEST(reported_cgroups_limit),
	TEST(the_process_is_in_the_reported_cgroups),
	TEST(a_disk_rate_is_set_or_refused),
	TEST(a_disk_rate_without_a_device_is_refused),
	TEST(a_monitor_that_ends_is_reported),
	TEST(a_monitor_that_is_killed_is_reported),
	TEST(the_machine_ends_with_the_runner),
	TEST(the_machine_ends_with_the_keeper),
	TEST(signals_to_the_keeper_end_the_machine),
	TEST(keyboard_signals_do_not_reach_it),
	TEST(forbidden_calls_end_the_monitor),
	TEST(nothing_of_the_jailer_is_in_reach),
	TEST(memory_beyond_the_limit_kills_and_is_told),
	TEST(memory_beyond_the_address_space_is_refused),
	TEST(bad_specs_are_refused),
	TEST(an_unsealed_spec_is_refused),
	TEST(missing_descriptors_are_refused),
	TEST(wrong_descriptors_are_refused),
	TEST(a_hostile_caller_changes_nothing),
	TEST(closed_standard_streams_change_nothing),
	TEST(its_cores_are_its_own),
	TEST(the_callers_keys_are_left_behind),
	TEST(pages_are_not_merged_for_the_caller_merges_its_own),
	TEST(too_few_files_are_told),
	TEST(a_dead_runner_stops_the_jailer),
	TEST(an_old_kernel_is_enough),
	TEST(without_user_namespaces_it_goes_on),
	TEST(a_namespace_without_rights_is_not_used),
	TEST(a_required_layer_is_on_or_there_is_no_machine),
	TEST(the_keeper_is_small),
	TEST(explain_starts_nothing),
	TEST(many_at_once_keep_apart),
};

static bool run(const char *who, const struct test *t)
{
	static struct rig r;
	bool good;

	rig_init(&r);
	good = t->run(&r);
	rig_free(&r);
	if (good)
		printf("ok %s: %s\n", who, t->name);
	else
		printf("FAIL %s: %s: %s\n", who, t->name, judge_why);
	fflush(stdout);
	return good;
}

int main(int argc, char **argv)
{
	const char *who;
	bool good = true;

	if (argc < 3 || !realpath(argv[1], NULL)) {
		fprintf(stderr, "usage: test_jail BUILD_DIR EXPECTED [KVM_FD [bare | JAILER USER]]\n");
		return 2;
	}
	rig_build = realpath(argv[1], NULL);
	judge_expected = argv[2];
	rig_kvm = argc > 3 ? atoi(argv[3]) : -1;
	bare = argc == 5;
	if (argc == 6) {
		rig_jailer = realpath(argv[4], NULL);
		rig_user = (uid_t)atoi(argv[5]);
	}
	who = rig_user ? "helper" : getuid() == 0 ? "root" : bare ? "bare" : "user";
	if (bare)
		less_user_namespaces();
	rig_remember();
	prctl(PR_SET_CHILD_SUBREAPER, 1);	/* the monitor of a killed keeper comes to us */
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		good &= run(who, &tests[i]);
	for (size_t i = 0; rig_user && i < hostile_n_tests; i++)
		good &= run(who, &hostile_tests[i]);
	for (size_t i = 0; rig_user && i < attack_n_tests; i++)
		good &= run(who, &attack_tests[i]);
	return !good;
}
