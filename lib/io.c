/* io.c - partial reads and writes, finished in one place. */
#include "lib/io.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

int io_next_data(int fd, off_t *at, off_t end, off_t *to)
{
	off_t data = lseek(fd, *at, SEEK_DATA), hole;

	*to = end;
	if (data < 0 && errno != ENXIO)
		return -errno;
	*at = data < 0 || data > end ? end : data & ~(off_t)(PAGE - 1);
	hole = *at < end ? lseek(fd, data, SEEK_HOLE) : end;
	if (hole >= 0 && hole < end)
		*to = (hole + PAGE - 1) & ~(off_t)(PAGE - 1);
	return 0;
}

ssize_t io_read_some(int fd, void *buf, size_t n)
{
	ssize_t got;

	do
		got = read(fd, buf, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

ssize_t io_write_some(int fd, const void *buf, size_t n)
{
	ssize_t put;

	do
		put = write(fd, buf, n);
	while (put < 0 && errno == EINTR);
	return put < 0 ? -errno : put;
}

int io_read(int fd, void *buf, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = io_read_some(fd, (char *)buf + done, n - done);

		if (got <= 0)
			return got ? (int)got : -EPIPE;
		done += (size_t)got;
	}
	return 0;
}

int io_write(int fd, const void *buf, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t put = io_write_some(fd, (const char *)buf + done, n - done);

		if (put < 0)
			return (int)put;
		done += (size_t)put;
	}
	return 0;
}

int io_pread(int fd, void *buf, size_t n, off_t off)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(fd, (char *)buf + done, n - done, off + (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EPIPE;
		done += (size_t)got;
	}
	return 0;
}

int io_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	for (size_t done = 0; done < n;) {
		ssize_t put = pwrite(fd, (const char *)buf + done, n - done, off + (off_t)done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put ? -errno : -EIO;
		done += (size_t)put;
	}
	return 0;
}

/* Room for one too many, so that a peer that sends more is noticed. */
union fd_control {
	char buf[CMSG_SPACE((IO_MAX_FDS + 1) * sizeof(int))];
	struct cmsghdr align;
};

int io_send_fds(int sock, const void *buf, size_t n, const int *fds, unsigned n_fds)
{
	union fd_control control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)buf, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t put;

	if (n_fds > IO_MAX_FDS)
		return -E2BIG;
	if (n_fds > 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = control.buf;
		msg.msg_controllen = (socklen_t)CMSG_SPACE(n_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		put = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put < 0)
		return -errno;
	return (size_t)put == n ? 0 : -EMSGSIZE;
}

int io_send_fd(int sock, const void *buf, size_t n, int fd)
{
	return io_send_fds(sock, buf, n, &fd, fd >= 0);
}

/* The descriptors of a received packet; returns how many.  musl's macro mixes signs. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wsign-compare"
static unsigned take_fds(struct msghdr *msg, int fds[IO_MAX_FDS + 1])
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= len && n <= IO_MAX_FDS; at += sizeof(int))
			memcpy(&fds[n++], CMSG_DATA(c) + at, sizeof(int));
	}
	return n;
}
#pragma GCC diagnostic pop

ssize_t io_recv_fds(int sock, void *buf, size_t n, int *fds, unsigned max)
{
	union fd_control control;
	struct iovec iov = { buf, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	int got_fds[IO_MAX_FDS + 1];
	unsigned n_fds;
	ssize_t got;

	for (unsigned i = 0; i < max; i++)
		fds[i] = -1;
	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	n_fds = take_fds(&msg, got_fds);
	if (n_fds > max || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (unsigned i = 0; i < n_fds; i++)
			close(got_fds[i]);
		return -EPROTO;
	}
	for (unsigned i = 0; i < n_fds; i++)
		fds[i] = got_fds[i];
	return got;
}

ssize_t io_recv_fd(int sock, void *buf, size_t n, int *fd)
{
	return io_recv_fds(sock, buf, n, fd, 1);
}

int io_random(void *buf, size_t n)
{
	ssize_t got = getrandom(buf, n, 0);

	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : -EIO;
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}
