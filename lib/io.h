/* io.h - reads and writes that finish, and descriptors sent over sockets.
 *
 * Every partial read or write in the project goes through here. */
#ifndef LIB_IO_H
#define LIB_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All n bytes, across EINTR and short counts.  Return 0, -EPIPE when the other
 * side ended before n bytes, or another negative errno.  Blocking descriptors. */
int io_read(int fd, void *buf, size_t n);
int io_write(int fd, const void *buf, size_t n);
int io_pread(int fd, void *buf, size_t n, off_t off);
int io_pwrite(int fd, const void *buf, size_t n, off_t off);

/* The next 4 KiB pages of a sparse file that are not a hole, from *at on: [*at, *to), or empty at
 * end, when there are none before that.  at and end are at a page's start. */
int io_next_data(int fd, off_t *at, off_t end, off_t *to);

/* One read or write, retried on EINTR only: the count, or a negative errno. */
ssize_t io_read_some(int fd, void *buf, size_t n);
ssize_t io_write_some(int fd, const void *buf, size_t n);

/* One packet with descriptors, at most IO_MAX_FDS.  Send returns 0 or a negative errno.
 * Receive returns the packet's length (0: the peer is gone) or a negative errno, and fills
 * fds[0..max) with the caller's descriptors and then -1; more descriptors than max, or a
 * packet longer than n, is -EPROTO and leaves nothing open. */
#define IO_MAX_FDS 8
int     io_send_fds(int sock, const void *buf, size_t n, const int *fds, unsigned n_fds);
ssize_t io_recv_fds(int sock, void *buf, size_t n, int *fds, unsigned max);

/* The same with one (fd < 0: none). */
int     io_send_fd(int sock, const void *buf, size_t n, int fd);
ssize_t io_recv_fd(int sock, void *buf, size_t n, int *fd);

/* n random bytes, n <= 256. */
int io_random(void *buf, size_t n);

/* CLOCK_MONOTONIC in nanoseconds: the same clock in every process of a run. */
uint64_t now_ns(void);

#endif
