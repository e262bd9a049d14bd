/* prove.c - the look of an attacker: try to take back each thing that was given up.
 *
 * No trust in what earlier steps returned: every line asks the kernel again, and one that
 * does not hold ends the run. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jailer/jail.h"
#include "lib/fd.h"

static bool cannot_be_root(const struct jail *j)
{
	(void)j;
	return setuid(0) < 0 && setreuid(0, 0) < 0 && setresuid(0, 0, 0) < 0 &&
	       setgid(0) < 0 && setresgid(0, 0, 0) < 0 && getuid() != 0 && geteuid() != 0 &&
	       getgid() != 0 && getegid() != 0;
}

static bool has_no_groups(const struct jail *j)
{
	return !j->privileged || getgroups(0, NULL) == 0;
}

static bool has_no_capability(const struct jail *j)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2];

	if (syscall(SYS_capget, &head, set) < 0)
		return false;
	for (int i = 0; i < 2; i++)
		if (set[i].effective | set[i].permitted | set[i].inheritable)
			return false;
	for (unsigned cap = 0; cap < 64; cap++) {
		int bounding = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (bounding < 0)		/* no such capability in this kernel */
			return errno == EINVAL && cap > CAP_AUDIT_READ;
		if ((bounding && !j->bare) || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) != 0)
			return false;
	}
	return true;
}

static bool cannot_gain_privileges(const struct jail *j)
{
	(void)j;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
	       prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) < 0;
}

/* Only "." and "..", and both are the same place: there is nothing above. */
static bool root_is_empty(const struct jail *j)
{
	autoclose int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[512];
	struct stat here, above;
	long n;

	if (fd < 0)
		return layer_is_on(j, LAYER_LANDLOCK) && errno == EACCES;
	n = syscall(SYS_getdents64, fd, buf, sizeof(buf));
	for (long at = 0; at < n;) {
		struct dirent64 *d = (struct dirent64 *)(void *)(buf + at);

		if (d->d_name[0] != '.' || (d->d_name[1] && d->d_name[1] != '.'))
			return false;
		at += d->d_reclen;
	}
	return n > 0 && fstat(fd, &here) == 0 && fstatat(fd, "..", &above, 0) == 0 &&
	       here.st_dev == above.st_dev && here.st_ino == above.st_ino;
}

static bool root_cannot_be_written(const struct jail *j)
{
	(void)j;
	return mkdir("/x", 0700) < 0 && open("/x", O_CREAT | O_WRONLY, 0600) < 0 &&
	       mknod("/x", S_IFCHR | 0600, 0) < 0 && chroot("/") < 0;
}

static bool cannot_reach_the_network(const struct jail *j)
{
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in out = { .sin_family = AF_INET, .sin_port = htons(53),
				   .sin_addr.s_addr = htonl(0xc0000201) };	/* 192.0.2.1 */

	(void)j;
	return fd < 0 || connect(fd, (struct sockaddr *)&out, sizeof(out)) < 0;
}

static bool sees_no_other_process(const struct jail *j)
{
	(void)j;
	return getpid() == 1 && getppid() == 0;
}

/* Every number that can be given out; what the caller had open above the limit was closed
 * with close_range(), and tests/jail looks for it from outside. */
static bool fd_table_is_exact(const struct jail *j)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return false;
	for (int fd = 0; fd < (int)files.rlim_max; fd++) {
		int flags = fcntl(fd, F_GETFD);
		bool vmms = fd_is_vmms(&j->spec, fd);
		bool ours = fd == FD_LEASH || fd == FD_VMM || fd == FD_KEEPER;

		if (!vmms && !ours && flags >= 0)
			return false;
		if (vmms && flags != 0)
			return false;
		if (ours && flags != FD_CLOEXEC)
			return false;
	}
	return true;
}

/* Where there is no Landlock, only the filter that comes next keeps it from files. */
static bool opens_no_file(const struct jail *j)
{
	autoclose int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return layer_is_on(j, LAYER_LANDLOCK) ? fd < 0 && errno == EACCES : true;
}

enum where { ALWAYS, IN_NAMESPACES, BARE };

static const struct {
	const char *claim;
	bool (*holds)(const struct jail *j);
	enum where where;
} proofs[] = {
	{ "it cannot become root", cannot_be_root, ALWAYS },
	{ "it is in no group", has_no_groups, ALWAYS },
	{ "it has no capability", has_no_capability, ALWAYS },
	{ "it cannot gain privileges", cannot_gain_privileges, ALWAYS },
	{ "its root is empty", root_is_empty, IN_NAMESPACES },
	{ "its root cannot be written", root_cannot_be_written, ALWAYS },
	{ "it cannot reach the network", cannot_reach_the_network, IN_NAMESPACES },
	{ "it sees no other process", sees_no_other_process, IN_NAMESPACES },
	{ "it holds no key of the caller's", holds_no_key, ALWAYS },
	{ "it shares no core", shares_no_core, ALWAYS },
	{ "no page of it is merged", merges_no_page, ALWAYS },
	{ "it can open no file", opens_no_file, BARE },
	{ "its descriptors are the listed ones", fd_table_is_exact, ALWAYS },
};

int prove(struct jail *j, struct err *err)
{
	enum where elsewhere = j->bare ? IN_NAMESPACES : BARE;

	for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++)
		if (proofs[i].where != elsewhere && !proofs[i].holds(j))
			return err_set(err, EPERM, "the jail does not hold: not true that %s",
				       proofs[i].claim);
	layer_on(j, LAYER_FD_TABLE);
	return 0;
}

/* The threads' own filters are the monitor's to insist on. */
int insist(struct jail *j, struct err *err)
{
	const char *name = report_missing(j->spec.layers, j->layers | 1ull << LAYER_THREAD_SECCOMP);

	return name ? err_set(err, EPERM, "require: %s cannot be had here; `sandbox doctor` says why, or "
			      "leave it out", name) : 0;
}

void explain_required(const struct jail *j, FILE *out)
{
	for (unsigned i = 0; i < N_LAYERS; i++)
		if (j->spec.layers >> i & 1)
			fprintf(out, "\t%s\n", report_layer_names[i]);
}
