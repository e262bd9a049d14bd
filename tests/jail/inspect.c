/* inspect.c - what a jailed process is and has, seen from outside; see inspect.h. */
#include "tests/jail/inspect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fds.h"

#define HOST_ID 1900000000u	/* as root, plus the keeper's pid */

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

static void link_proc(pid_t pid, const char *name, char *to, size_t n)
{
	char path[300];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	len = readlink(path, to, n - 1);
	if (len < 0)
		len = snprintf(to, n, "(%s)", strerror(errno));
	to[len] = '\0';
}

static const char *id_word(unsigned id, pid_t keeper)
{
	static char number[16];

	if (id == HOST_ID + (unsigned)keeper)
		return "unique";
	if (id == getuid() && id != 0)
		return "caller";
	snprintf(number, sizeof(number), "%u", id);
	return number;
}

static bool shares(pid_t pid, const char *name)
{
	char path[32], its[64], ours[64];

	snprintf(path, sizeof(path), "ns/%s", name);
	link_proc(pid, path, its, sizeof(its));
	link_proc(getpid(), path, ours, sizeof(ours));
	return !strcmp(its, ours);
}

static void put_status(FILE *out, pid_t pid, pid_t keeper)
{
	static const char *const as_is[] = {
		"Groups", "NSpid", "Umask", "Threads", "SigBlk", "SigIgn", "SigCgt", "CapInh",
		"CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters",
	};
	FILE *f = open_proc(pid, "status");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		char *value = strchr(line, ':');
		unsigned id[4];

		if (!value)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = '\0';
		if (!strcmp(line, "Uid") || !strcmp(line, "Gid")) {
			sscanf(value, "%u %u %u %u", &id[0], &id[1], &id[2], &id[3]);
			fprintf(out, "%s:", line);
			for (int i = 0; i < 4; i++)
				fprintf(out, " %s", id_word(id[i], keeper));
			fprintf(out, "\n");
		}
		if (!strcmp(line, "NSpid") && shares(pid, "pid"))
			value = (char *)(uintptr_t)"shared";
		else if (!strcmp(line, "NSpid"))	/* the last is the innermost */
			value = strrchr(value, '\t') ? strrchr(value, '\t') + 1 : value;
		for (size_t i = 0; i < sizeof(as_is) / sizeof(as_is[0]); i++)
			if (!strcmp(line, as_is[i]))
				fprintf(out, "%s: %s\n", line, *value ? value : "none");
	}
	if (f)
		fclose(f);
}

static void put_map(FILE *out, pid_t pid, const char *name, pid_t keeper)
{
	FILE *f = open_proc(pid, name);
	unsigned inside, outside, count;

	while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		fprintf(out, "%s: %u is %s, %u of them\n", name, inside, id_word(outside, keeper),
			count);
	if (f)
		fclose(f);
}

static void put_namespaces(FILE *out, pid_t pid)
{
	static const char *const all[] = { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		fprintf(out, "ns/%s: %s\n", all[i], shares(pid, all[i]) ? "shared" : "own");
}

static void put_mounts(FILE *out, pid_t pid)
{
	FILE *f = open_proc(pid, "mountinfo");
	char line[1024];

	while (f && fgets(line, sizeof(line), f)) {
		char root[256], at[256], options[256], *rest = strstr(line, " - ");
		char type[64] = "?";

		if (sscanf(line, "%*s %*s %*s %255s %255s %255s", root, at, options) != 3)
			continue;
		if (rest)
			sscanf(rest, " - %63s", type);
		fprintf(out, "mount: %s %s %s\n", at, type, options);
	}
	if (f)
		fclose(f);
}

static void put_root(FILE *out, pid_t pid)
{
	char path[64], to[256];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/root/", pid);
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			n++;
	if (d) {
		fprintf(out, "root: %u entries\n", n);
		closedir(d);
	}
	snprintf(path, sizeof(path), "/proc/%d/root/x", pid);
	fprintf(out, "root written to by us: %s\n", mkdir(path, 0700) == 0 ? "yes" :
		strerror(errno));
	link_proc(pid, "cwd", to, sizeof(to));
	fprintf(out, "cwd: %s\n", to);
}

static const char *fd_flags(pid_t pid, int fd)
{
	static const char *const mode[] = { "read", "write", "both", "?" };
	static char text[64];
	char name[32], line[64];
	unsigned flags = 3;
	FILE *f;

	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	f = open_proc(pid, name);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	if (f)
		fclose(f);
	snprintf(text, sizeof(text), "%s%s%s", mode[flags & O_ACCMODE],
		 flags & O_NONBLOCK ? " nonblock" : "", flags & O_CLOEXEC ? " cloexec" : "");
	return text;
}

/* The kinds of link /proc/PID/fd has, without numbers and directories. */
static const char *fd_kind(const char *to)
{
	static const char *const known[] = { "/dev/null", "/dev/kvm", "pipe:", "socket:",
					     "/memfd:spec", "anon_inode:" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strncmp(to, known[i], strlen(known[i])))
			return known[i];
	return strrchr(to, '/') ? strrchr(to, '/') + 1 : to;
}

static void put_fds(FILE *out, pid_t pid)
{
	for (int fd = 0; fd < 1024; fd++) {	/* in order; "fds:" counts those above too */
		char name[32], to[256];

		snprintf(name, sizeof(name), "fd/%d", fd);
		link_proc(pid, name, to, sizeof(to));
		if (to[0] != '(')
			fprintf(out, "fd %d: %s %s\n", fd, fd_kind(to), fd_flags(pid, fd));
	}
}

static unsigned count_fds(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static unsigned long long input_bytes(pid_t pid)
{
	static const int inputs[] = { FD_KERNEL, FD_AGENT };
	unsigned long long sum = 0;

	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, inputs[i]);
		if (stat(path, &st) == 0)
			sum += (unsigned long long)st.st_size;
	}
	return sum;
}

static void put_limit(FILE *out, const char *name, const char *value, pid_t pid)
{
	char soft[32], hard[32], ours[32];
	struct rlimit r;

	sscanf(value, "%31s %31s", soft, hard);
	if (!strcmp(name, "Max address space")) {
		fprintf(out, "%s: inputs + %llu MiB\n", name,
			(strtoull(hard, NULL, 10) - input_bytes(pid)) >> 20);
		return;
	}
	getrlimit(RLIMIT_NPROC, &r);
	snprintf(ours, sizeof(ours), r.rlim_max == RLIM_INFINITY ? "unlimited" : "%llu",
		 (unsigned long long)r.rlim_max);
	if (!strcmp(name, "Max processes") && !strcmp(hard, ours))
		fprintf(out, "%s: the caller's\n", name);
	else
		fprintf(out, "%s: %s %s\n", name, soft, hard);
}

static void put_limits(FILE *out, pid_t pid)
{
	static const char *const which[] = {
		"Max file size", "Max core file size", "Max processes", "Max open files",
		"Max locked memory", "Max address space", "Max msgqueue size", "Max nice priority",
		"Max realtime priority",
	};
	FILE *f = open_proc(pid, "limits");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++)
			if (!strncmp(line, which[i], strlen(which[i])))
				put_limit(out, which[i], line + strlen(which[i]), pid);
	if (f)
		fclose(f);
}

static bool enter(pid_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && setns(fd, 0) == 0;
}

static void put_inside(FILE *out)
{
	struct if_nameindex *all = if_nameindex();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[65] = "?", domain[65] = "?";

	if (gethostname(name, sizeof(name)) < 0 || getdomainname(domain, sizeof(domain)) < 0)
		perror("host name");
	fprintf(out, "hostname: %s%s\n", name, domain[0] ? " with a domain" : "");
	for (struct if_nameindex *i = all; i && i->if_name; i++) {
		struct ifreq ifr = { 0 };

		strncpy(ifr.ifr_name, i->if_name, IFNAMSIZ - 1);
		if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
			ifr.ifr_flags = IFF_UP;
		fprintf(out, "interface: %s %s\n", i->if_name, ifr.ifr_flags & IFF_UP ? "up" : "down");
	}
	if_freenameindex(all);
}

static void put_from_inside(FILE *out, pid_t pid)
{
	if (!enter(pid, "user") && getuid() != 0)
		fprintf(out, "user namespace: cannot be joined\n");
	if (enter(pid, "uts") && enter(pid, "net"))
		put_inside(out);
	else
		fprintf(out, "names and network: cannot be joined\n");
	fflush(out);
}

/* From a process of ours that joins the namespaces, and so cannot come back. */
static void put_joined(FILE *out, pid_t pid)
{
	int p[2], c;
	pid_t joiner;
	FILE *in;

	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	joiner = fork();
	if (joiner == 0) {
		put_from_inside(fdopen(p[1], "w"), pid);
		_exit(0);
	}
	close(p[1]);
	in = fdopen(p[0], "r");
	while ((c = fgetc(in)) != EOF)
		fputc(c, out);
	fclose(in);
	waitpid(joiner, NULL, 0);
}

static void put_file(FILE *out, pid_t pid, const char *name)
{
	FILE *f = open_proc(pid, name);
	char text[256];
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0' || text[i] == '\n')
			text[i] = i + 1 == n ? '\0' : ' ';
	text[n] = '\0';
	fprintf(out, "%s: %s\n", name, n ? text : "empty");
	if (f)
		fclose(f);
}

void inspect(FILE *out, pid_t pid, pid_t keeper)
{
	put_status(out, pid, keeper);
	put_map(out, pid, "uid_map", keeper);
	put_map(out, pid, "gid_map", keeper);
	put_namespaces(out, pid);
	if (!shares(pid, "mnt")) {
		put_mounts(out, pid);
		put_root(out, pid);
	}
	put_fds(out, pid);
	fprintf(out, "fds: %u\n", count_fds(pid));
	put_limits(out, pid);
	if (!shares(pid, "uts"))
		put_joined(out, pid);
	put_file(out, pid, "cmdline");
	put_file(out, pid, "environ");
	put_file(out, pid, "oom_score_adj");
}
