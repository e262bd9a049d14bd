/* check.c - the spec, and whether each descriptor is what the spec says.
 *
 * Nothing is opened here: a number that should be free must still be free when it is
 * looked at. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/magic.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "jailer/jail.h"

struct fd_rule;
typedef int check_fn(const struct fd_rule *r, int fd, const struct stat *st, int flags,
		     const struct jail *j, struct err *err);

/* Whether a descriptor has to be there, depending on the spec. */
enum presence { ALWAYS, MAYBE, TO_BOOT, WITH_INITRD, WITH_SNAPSHOT, WITH_NET };

static check_fn is_pipe, is_input, is_snapshot, is_kvm, is_broker, is_net, is_program;

static const struct fd_rule {
	int fd;
	const char *name;
	enum presence presence;
	check_fn *check;
	bool nonblock, vmms;
	const char *what;
} rules[] = {
	{ FD_SPEC, "spec", ALWAYS, is_input, false, true, "sealed memfd" },
	{ FD_LOG, "log", ALWAYS, is_pipe, true, true, "pipe, write end" },
	{ FD_CONSOLE, "console", ALWAYS, is_pipe, true, true, "pipe, write end" },
	{ FD_KVM, "kvm", MAYBE, is_kvm, false, true, "/dev/kvm, opened here or handed over" },
	{ FD_KERNEL, "kernel", TO_BOOT, is_input, false, true, "regular file, read-only" },
	{ FD_AGENT, "guest agent", TO_BOOT, is_input, false, true, "regular file, read-only" },
	{ FD_INITRD, "initramfs", WITH_INITRD, is_input, false, true, "regular file, read-only" },
	{ FD_SNAPSHOT, "snapshot", WITH_SNAPSHOT, is_snapshot, false, true,
	  "regular file; written only to save the machine" },
	{ FD_BROKER, "broker", ALWAYS, is_broker, false, true, "socket pair to the runner" },
	{ FD_NET, "network", WITH_NET, is_net, false, true, "tap or connected stream" },
	{ FD_LEASH, "leash", ALWAYS, is_pipe, false, false, "pipe, write end; the keeper's" },
	{ FD_VMM, "monitor", ALWAYS, is_program, false, false, "the program to become" },
};

#define N_RULES (sizeof(rules) / sizeof(rules[0]))

static bool must_be_there(const struct fd_rule *r, const struct spec *s)
{
	switch (r->presence) {
	case WITH_INITRD:
		return s->initrd;
	case WITH_NET:
		return s->net != NET_NONE;
	case TO_BOOT:
		return s->snapshot != SNAP_RESTORE;
	case WITH_SNAPSHOT:
		return s->snapshot != SNAP_NONE;
	default:
		return r->presence == ALWAYS;
	}
}

static bool is_disk(const struct spec *s, int fd)
{
	return fd >= FD_DISK0 && fd < FD_DISK0 + (int)s->disks;
}

bool fd_is_vmms(const struct spec *s, int fd)
{
	if (fd <= FD_NULL2 || fd == FD_KVM)
		return true;
	for (size_t i = 0; i < N_RULES; i++)
		if (rules[i].fd == fd)
			return rules[i].vmms && must_be_there(&rules[i], s);
	return is_disk(s, fd);
}

static int wrong(struct err *err, const char *name, int fd, const char *what)
{
	return err_set(err, EBADF, "%s: descriptor %d %s", name, fd, what);
}

static int is_pipe(const struct fd_rule *r, int fd, const struct stat *st, int flags,
		   const struct jail *j, struct err *err)
{
	struct statfs fs;

	(void)j;
	if (!S_ISFIFO(st->st_mode) || (flags & O_ACCMODE) != O_WRONLY)
		return wrong(err, r->name, fd, "is not the write end of a pipe");
	/* What has a name is on a file system, which may be one that makes us wait. */
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PIPEFS_MAGIC)
		return wrong(err, r->name, fd, "is a pipe with a name");
	if (r->nonblock && !(flags & O_NONBLOCK))
		return wrong(err, r->name, fd, "blocks");
	return 0;
}

/* The spec is written by the runner before it is sealed, so its descriptor may be
 * read-write; the seals were checked as it was read. */
static int is_input(const struct fd_rule *r, int fd, const struct stat *st, int flags,
		    const struct jail *j, struct err *err)
{
	(void)j;
	if (!S_ISREG(st->st_mode))
		return wrong(err, r->name, fd, "is not a regular file");
	if ((flags & O_ACCMODE) != O_RDONLY && fd != FD_SPEC)
		return wrong(err, r->name, fd, "is not read-only");
	return 0;
}

static int is_snapshot(const struct fd_rule *r, int fd, const struct stat *st, int flags,
		       const struct jail *j, struct err *err)
{
	int want = j->spec.snapshot == SNAP_TAKE ? O_RDWR : O_RDONLY;

	if (!S_ISREG(st->st_mode))
		return wrong(err, r->name, fd, "is not a regular file");
	if ((flags & O_ACCMODE) != want)
		return wrong(err, r->name, fd, want == O_RDONLY ? "is not read-only" :
			     "is not opened for reading and writing");
	return 0;
}

static int is_kvm(const struct fd_rule *r, int fd, const struct stat *st, int flags,
		  const struct jail *j, struct err *err)
{
	(void)j;
	if (!S_ISCHR(st->st_mode) || (flags & O_ACCMODE) != O_RDWR)
		return wrong(err, r->name, fd, "is not a device opened for reading and writing");
	return 0;	/* open_devices() asks it whether it is KVM */
}

static int socket_type(int fd)
{
	int type = -1;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ? -1 : type;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

static int is_broker(const struct fd_rule *r, int fd, const struct stat *st, int flags,
		     const struct jail *j, struct err *err)
{
	(void)st, (void)flags, (void)j;
	if (socket_type(fd) != SOCK_SEQPACKET || !is_connected(fd))
		return wrong(err, r->name, fd, "is not a connected packet socket");
	return 0;
}

static int is_net(const struct fd_rule *r, int fd, const struct stat *st, int flags,
		  const struct jail *j, struct err *err)
{
	struct ifreq ifr = { 0 };

	(void)st;
	if (!(flags & O_NONBLOCK))
		return wrong(err, r->name, fd, "blocks");
	if (j->spec.net == NET_STREAM) {
		if (socket_type(fd) != SOCK_STREAM || !is_connected(fd))
			return wrong(err, r->name, fd, "is not a connected stream socket");
		return 0;
	}
	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return wrong(err, r->name, fd, "is not an attached tap");
	if ((ifr.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)) != (IFF_TAP | IFF_NO_PI))
		return wrong(err, r->name, fd, "is not a tap of plain frames");
	return 0;
}

static int is_program(const struct fd_rule *r, int fd, const struct stat *st, int flags,
		      const struct jail *j, struct err *err)
{
	/* As root the monitor runs under a uid that owns nothing. */
	mode_t x = j->privileged ? S_IXOTH : S_IXUSR | S_IXGRP | S_IXOTH;

	if (!S_ISREG(st->st_mode) || (flags & O_ACCMODE) != O_RDONLY)
		return wrong(err, r->name, fd, "is not a regular file, read-only");
	if (st->st_mode & S_IWOTH)
		return wrong(err, r->name, fd, "can be written by others: chmod o-w the monitor");
	if (!(st->st_mode & x))
		return wrong(err, r->name, fd, "cannot be executed: chmod 755 the monitor");
	return 0;
}

static int check_rule(const struct fd_rule *r, struct jail *j, struct err *err)
{
	struct stat st;
	int flags = fcntl(r->fd, F_GETFL);

	if (flags < 0) {
		if (must_be_there(r, &j->spec))
			return wrong(err, r->name, r->fd, "is missing");
		return 0;
	}
	if (r->presence != MAYBE && !must_be_there(r, &j->spec))
		return wrong(err, r->name, r->fd, "is open, but not in the spec");
	if (flags & O_PATH)
		return wrong(err, r->name, r->fd, "is only a path");
	if (fstat(r->fd, &st) < 0)
		return err_sys(err, "%s", r->name);
	if (r->fd == FD_KERNEL || r->fd == FD_AGENT || r->fd == FD_INITRD)
		j->input_bytes += (uint64_t)st.st_size;
	return r->check(r, r->fd, &st, flags, j, err);
}

static int check_disk(unsigned i, const struct spec *s, struct err *err)
{
	int fd = FD_DISK0 + (int)i, flags = fcntl(fd, F_GETFL);
	int want = s->disks_ro >> i & 1 ? O_RDONLY : O_RDWR;
	struct stat st;

	if (i >= s->disks)
		return flags < 0 ? 0 : wrong(err, "disk", fd, "is open, but not in the spec");
	if (flags < 0 || fstat(fd, &st) < 0)
		return wrong(err, "disk", fd, "is missing");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return wrong(err, "disk", fd, "is not a regular file or block device");
	if ((flags & O_PATH) || (flags & O_ACCMODE) != want)
		return wrong(err, "disk", fd, want == O_RDONLY ? "is not opened read-only" :
			     "is not opened for reading and writing");
	return 0;
}

int read_spec(struct jail *j, struct err *err)
{
	return spec_read_fd(&j->spec, FD_SPEC, err);
}

int check_fds(struct jail *j, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < N_RULES && rc == 0; i++)
		rc = check_rule(&rules[i], j, err);
	for (unsigned i = 0; i < MAX_DISKS && rc == 0; i++)
		rc = check_disk(i, &j->spec, err);
	return rc;
}

void explain_spec(const struct jail *j, FILE *out)
{
	const struct spec *s = &j->spec;

	fprintf(out, "\tmemory %llu MiB, cpus %u, disks %u, network %s\n",
		(unsigned long long)s->memory >> 20, s->cpus, s->disks,
		s->net == NET_NONE ? "none" : s->net == NET_TAP ? "tap" : "stream");
}

void explain_fds(const struct jail *j, FILE *out)
{
	fprintf(out, "\t0-2 /dev/null\n");
	for (size_t i = 0; i < N_RULES; i++)
		if (must_be_there(&rules[i], &j->spec) || rules[i].presence == MAYBE)
			fprintf(out, "\t%d %s: %s\n", rules[i].fd, rules[i].name, rules[i].what);
	for (unsigned i = 0; i < j->spec.disks; i++)
		fprintf(out, "\t%u disk %u: %s\n", FD_DISK0 + i, i,
			j->spec.disks_ro >> i & 1 ? "read-only" : "read-write");
}
