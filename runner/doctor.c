/* doctor.c - `sandbox doctor`: what this host offers, what that means for isolation, and
 * what to do about what is missing.
 *
 * One probe a row.  Things are tried rather than looked up: versions and settings say what
 * should be, not what is. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "lib/report.h"
#include "lib/spec.h"
#include "runner/cmd.h"
#include "runner/doctor.h"
#include "runner/image.h"
#include "runner/paths.h"
#include "runner/say.h"
#include "runner/trial.h"

/* --- helpers ------------------------------------------------------------------------- */

static void found(struct finding *f, enum health health, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void found(struct finding *f, enum health health, const char *fmt, ...)
{
	va_list ap;

	f->health = health;
	va_start(ap, fmt);
	vsnprintf(f->state, sizeof(f->state), fmt, ap);
	va_end(ap);
}

static void advise(struct finding *f, const char *means, const char *todo)
{
	f->means = means;
	f->todo = todo;
}

/* A small text file, whole or its beginning; false if it cannot be read. */
static bool slurp(const char *path, char *buf, size_t n)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t got = 1;

	while (fd >= 0 && got > 0 && have < n - 1) {
		got = io_read_some(fd, buf + have, n - 1 - have);
		have += got > 0 ? (size_t)got : 0;
	}
	buf[have] = '\0';
	return have > 0;
}

static bool reads_as(const char *path, const char *want)
{
	char text[64];

	return slurp(path, text, sizeof(text)) && !strncmp(text, want, strlen(want));
}

/* Does a whole word stand in a list of words? */
bool doctor_has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || strchr(" \t\n:,", p[-1])) && strchr(" \t\n,", p[n]))
			return true;
	return false;
}

/* --- probes -------------------------------------------------------------------------- */

static void probe_kvm(struct finding *f)
{
	autoclose int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int version = fd < 0 ? -1 : ioctl(fd, KVM_GET_API_VERSION, 0);

	if (version == KVM_API_VERSION) {
		found(f, GOOD, "/dev/kvm can be opened, version %d", version);
		return;
	}
	found(f, FATAL, "/dev/kvm: %s", fd < 0 ? strerror(errno) : "is not KVM");
	if (fd < 0 && errno == EACCES)
		advise(f, "no machine can be started by this user",
		       "join the group of /dev/kvm (ls -l /dev/kvm), or hand a descriptor over "
		       "with --kvm-fd");
	else
		advise(f, "no machine can be started", "load kvm_intel or kvm_amd, enable "
		       "virtualization in the firmware, or nested virtualization on the outer host");
}

static void probe_kind(struct finding *f)
{
	char info[8192];

	/* no "flags" line: another architecture, whose KVM is always hardware's */
	if (!slurp("/proc/cpuinfo", info, sizeof(info)) || !strstr(info, "\nflags")) {
		found(f, GOOD, "hardware");
	} else if (doctor_has_word(info, "vmx") || doctor_has_word(info, "svm")) {
		found(f, GOOD, "hardware (%s)", doctor_has_word(info, "vmx") ? "vmx" : "svm");
	} else if (access("/dev/kvm", F_OK) == 0) {
		found(f, WEAK, "software: neither vmx nor svm, yet there is /dev/kvm");
		advise(f, "works, but the guest's kernel is emulated instruction by instruction (slow), "
		       "and its own protections are weaker",
		       "use a machine with vmx or svm where isolation inside the guest matters");
	} else {
		found(f, FATAL, "none: the processor offers neither vmx nor svm");
		advise(f, "no machine can be started",
		       "enable virtualization in the firmware, or nested virtualization on the outer host");
	}
}

/* To a user it then gives what it gives root, and needs less of the host for that. */
static bool jailer_has_capabilities(void)
{
	struct paths p;
	struct err err;

	return geteuid() != 0 && paths_find(&p, 1, &err) == 0 &&
	       getxattr(p.jailer, "security.capability", NULL, 0) > 0;
}

static void probe_jailer(struct finding *f)
{
	if (geteuid() == 0)
		found(f, GOOD, "started by root");
	else if (jailer_has_capabilities())
		found(f, GOOD, "has file capabilities: the layers of root, for this user too");
	else
		found(f, GOOD, "has this user's rights; file capabilities would give it more, see README.md");
}

/* Made, and worth something: some hosts let anybody make one without rights inside. */
static bool userns_works(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0 ||
		      mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void probe_userns(struct finding *f)
{
	if (userns_works()) {
		found(f, GOOD, "can be made");
		return;
	}
	if (jailer_has_capabilities()) {
		found(f, GOOD, "cannot be made by this user; the jailer's capabilities do it");
		return;
	}
	found(f, WEAK, "cannot be made, or give no rights");
	advise(f, geteuid() == 0 ? "the monitor's uid is then one of the host's own" :
	       "no namespaces for this user: filters, Landlock and limits alone are the jail",
	       "set kernel.unprivileged_userns_clone=1 or user.max_user_namespaces; on Ubuntu, load "
	       "contrib/apparmor; or give sandbox-jailer file capabilities, see README.md");
}

/* Our own group there, by /proc/self/cgroup: "ID:CONTROLLERS:/PATH". */
static bool own_group_is_writable(const char *mount, const char *controller)
{
	char text[4096], key[40], path[4400];
	const char *at;

	if (!slurp("/proc/self/cgroup", text, sizeof(text)))
		return false;
	snprintf(key, sizeof(key), ":%s:", controller);
	at = strstr(text, key);
	if (!at)
		return false;
	at += strlen(key);
	snprintf(path, sizeof(path), "%s%.*s", mount, (int)strcspn(at, "\n"), at);
	return access(path, W_OK) == 0;
}

static const char *v2_mount(void)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	for (size_t i = 0; i < 2; i++)
		if (statfs(mounts[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return mounts[i];
	return NULL;
}

static void probe_cgroup2(struct finding *f)
{
	const char *mount = v2_mount();
	char path[64], controllers[256] = "";

	if (!mount) {
		found(f, WEAK, "not mounted");
		advise(f, "a run is killed process by process instead of at once",
		       "mount cgroup2 on /sys/fs/cgroup (systemd.unified_cgroup_hierarchy=1)");
		return;
	}
	snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
	slurp(path, controllers, sizeof(controllers));
	controllers[strcspn(controllers, "\n")] = '\0';
	if (own_group_is_writable(mount, "")) {
		found(f, GOOD, "writable at %s, controllers: %s", mount,
		      *controllers ? controllers : "none");
		return;
	}
	if (jailer_has_capabilities()) {
		found(f, GOOD, "mounted at %s; the jailer's capabilities write to our group", mount);
		return;
	}
	found(f, WEAK, "mounted at %s, our group is not writable", mount);
	advise(f, "no limits on the monitor's memory, tasks and processor time",
	       "have a group delegated: systemd-run --user --scope -p Delegate=yes sandbox run ...");
}

static void probe_cgroup1(struct finding *f)
{
	static const char *const names[] = { "memory", "pids", "cpu" };
	char mount[64], list[64] = "";

	for (size_t i = 0; i < 3; i++) {
		snprintf(mount, sizeof(mount), "/sys/fs/cgroup/%s", names[i]);
		if (own_group_is_writable(mount, names[i]))
			strcat(strcat(list, " "), names[i]);
	}
	found(f, GOOD, *list ? "writable:%s" : "nothing writable; only needed without version 2%s",
	      list);
}

static void probe_landlock(struct finding *f)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi > 0) {
		found(f, GOOD, "version %ld", abi);
		return;
	}
	found(f, WEAK, "not there: %s", strerror(errno));
	advise(f, "one layer less: the empty root and the filters still leave no file to open",
	       "a kernel from 5.13 on with landlock in its lsm= list");
}

static void probe_seccomp(struct finding *f)
{
	const uint32_t action = SECCOMP_RET_TRAP;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0) {
		found(f, GOOD, "filters can be installed");
		return;
	}
	found(f, FATAL, "no filters: %s", strerror(errno));
	advise(f, "the monitor would not start", "a kernel with CONFIG_SECCOMP_FILTER");
}

static void probe_tun(struct finding *f)
{
	if (access("/dev/net/tun", R_OK | W_OK) == 0)
		found(f, GOOD, "/dev/net/tun can be opened");
	else
		found(f, GOOD, "/dev/net/tun: %s; a machine needs none without --net-fd", strerror(errno));
}

static void probe_passt(struct finding *f)
{
	const char *path = getenv("PATH");
	char dirs[4096], file[4200], *save;

	snprintf(dirs, sizeof(dirs), "%s", path ? path : "/usr/bin");
	for (char *d = strtok_r(dirs, ":", &save); d; d = strtok_r(NULL, ":", &save)) {
		snprintf(file, sizeof(file), "%s/passt", d);
		if (access(file, X_OK) < 0)
			continue;
		found(f, GOOD, "%.80s is there, for --net user", file);
		return;
	}
	found(f, GOOD, "not installed; --net user needs the package passt");
}

static void probe_ksm(struct finding *f)
{
	if (!reads_as("/sys/kernel/mm/ksm/run", "1")) {
		found(f, GOOD, "off");
		return;
	}
	found(f, WEAK, "on");
	advise(f, "guest memory is never merged, that of other programs may be and tells what "
	       "they hold", "echo 2 > /sys/kernel/mm/ksm/run");
}

static void probe_smt(struct finding *f)
{
	if (!reads_as("/sys/devices/system/cpu/smt/active", "1")) {
		found(f, GOOD, "off, or hidden from this host");
		return;
	}
	found(f, WEAK, "on");
	advise(f, "a guest may learn from the sibling thread of its core what others compute",
	       "boot with nosmt where strangers share a host");
}

static void probe_memory(struct finding *f)
{
	char text[512], *at;
	unsigned long long kib = 0;
	struct spec defaults;

	spec_init(&defaults);
	if (slurp("/proc/meminfo", text, sizeof(text)) && (at = strstr(text, "MemAvailable:")))
		sscanf(at, "MemAvailable: %llu", &kib);
	found(f, kib >= defaults.memory >> 10 ? GOOD : FATAL, "%llu MiB available", kib >> 10);
	if (f->health == FATAL)
		advise(f, "a machine of the default size does not fit", "free memory, or use --memory");
}

static void probe_files(struct finding *f)
{
	static struct paths p;
	static char missing[PATH_MAX + 64];
	struct err err;
	const char *const programs[] = { p.jailer, p.vmm };
	const char *const images[] = { p.kernel, p.agent, p.root };
	static const enum image_use uses[] = { IMAGE_KERNEL, IMAGE_AGENT, IMAGE_ROOT };
	int rc = paths_find(&p, 1, &err);

	for (size_t i = 0; rc == 0 && i < 2; i++)
		if (access(programs[i], X_OK) < 0)
			rc = err_sys(&err, "%s", programs[i]);
	for (size_t i = 0; rc == 0 && i < 3; i++) {
		int fd = -1;

		rc = image_open(images[i], uses[i], &fd, &err);
		if (fd >= 0)
			close(fd);
	}
	if (rc == 0) {
		found(f, GOOD, "jailer, monitor, kernel, agent and base image are in place");
		return;
	}
	snprintf(missing, sizeof(missing), "%s", err.msg);
	found(f, FATAL, "%s", missing);
	advise(f, "nothing to start", "make, or: make install");
}

/* The layers by name, for --require; the rest is what `run` would say. */
static void probe_jail(struct finding *f)
{
	uint64_t all = ((1ull << N_LAYERS) - 1) & ~LAYERS_ON_REQUEST, on = 0;
	const char *missing;
	struct err err;

	if (trial_jail(&on, &err) < 0) {
		found(f, FATAL, "cannot be made: %s", err.msg);
		return;
	}
	on |= 1ull << LAYER_THREAD_SECCOMP;	/* the monitor's own, in every build for use */
	missing = report_missing(all, on);
	found(f, missing ? WEAK : GOOD, "%d of %d layers", __builtin_popcountll(on),
	      __builtin_popcountll(all));
	if (missing)
		advise(f, "those marked - are off; the lines above say why", NULL);
	f->layers = on;
}

/* --- the report ---------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*probe)(struct finding *f);
} probes[] = {
	{ "kvm", probe_kvm }, { "kvm kind", probe_kind }, { "jailer", probe_jailer },
	{ "user namespaces", probe_userns },
	{ "seccomp", probe_seccomp }, { "cgroup version 2", probe_cgroup2 },
	{ "cgroup version 1", probe_cgroup1 }, { "Landlock", probe_landlock },
	{ "tun", probe_tun }, { "passt", probe_passt }, { "KSM", probe_ksm }, { "SMT", probe_smt },
	{ "memory", probe_memory }, { "files", probe_files }, { "jail", probe_jail },
};

#define A_LINE 6			/* layers */

static const char *const marks[] = { [GOOD] = "ok", [WEAK] = "weak", [FATAL] = "FAIL" };

void doctor_print(const char *name, const struct finding *f)
{
	printf("%-5s %-17s %s\n", marks[f->health], name, f->state);
	if (f->means)
		printf("%24s-> %s\n", "", f->means);
	if (f->todo)
		printf("%24s   to do: %s\n", "", f->todo);
	for (unsigned i = 0; f->layers && i < N_LAYERS; i++)
		printf("%*s%c%s%s", i % A_LINE ? 1 : 24, "", f->layers >> i & 1 ? '+' : '-',
		       report_layer_names[i], i % A_LINE == A_LINE - 1 || i == N_LAYERS - 1 ? "\n" : "");
}

int doctor_verdict(unsigned weak, unsigned fatal)
{
	if (fatal)
		printf("\n`sandbox run` will not work here: see FAIL above\n");
	else if (weak)
		printf("\n`sandbox run` will work here, with less isolation than it could have: see weak "
		       "above\n");
	else
		printf("\n`sandbox run` will work here, with every layer\n");
	return fatal ? 1 : 0;
}

int cmd_doctor(int argc, char **argv)
{
	unsigned count[3] = { 0 };

	if (argc > 1) {
		say("doctor: takes no arguments, not '%s'", argv[1]);
		return EXIT_SANDBOX;
	}
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		struct finding f = { .health = GOOD };

		probes[i].probe(&f);
		doctor_print(probes[i].name, &f);
		count[f.health]++;
	}
	return doctor_verdict(count[WEAK], count[FATAL]);
}
