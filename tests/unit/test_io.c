/* test_io.c - reads and writes that finish, and descriptors sent over sockets. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/io.h"

enum { BIG = 300000 };

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + i / 255);
}

/* --- partial reads and writes ------------------------------------------------------------ */

static void *trickle(void *arg)
{
	const int *fd = arg;
	uint8_t b[97];

	for (size_t i = 0; i < BIG;) {
		size_t n = 1 + i % sizeof(b);

		n = n < BIG - i ? n : BIG - i;
		for (size_t k = 0; k < n; k++)
			b[k] = pattern(i + k);
		if (write(*fd, b, n) != (ssize_t)n)
			break;
		i += n;
	}
	close(*fd);
	return NULL;
}

static void a_trickle_is_read_whole(void **state)
{
	uint8_t *buf = malloc(BIG);
	pthread_t t;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pthread_create(&t, NULL, trickle, &p[1]), 0);
	assert_int_equal(io_read(p[0], buf, BIG), 0);
	pthread_join(t, NULL);
	for (size_t i = 0; i < BIG; i++)
		assert_int_equal(buf[i], pattern(i));
	assert_int_equal(io_read(p[0], buf, 1), -EPIPE);
	assert_int_equal(io_read(p[0], buf, 0), 0);
	close(p[0]);
	free(buf);
}

static void the_end_before_n_is_told_from_an_error(void **state)
{
	char buf[8];
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "abc", 3), 3);
	close(p[1]);
	assert_int_equal(io_read(p[0], buf, 4), -EPIPE);
	assert_int_equal(io_write(p[0], buf, 1), -EBADF);
	close(p[0]);
	assert_int_equal(io_read(p[0], buf, 1), -EBADF);
	assert_int_equal(io_read_some(p[0], buf, 1), -EBADF);
}

static void on_signal(int signo)
{
	(void)signo;
}

struct slow {
	int fd;
	pthread_t writer;
	uint8_t *got;
};

/* Reads slowly and interrupts the writer all the time. */
static void *slow_reader(void *arg)
{
	struct slow *s = arg;

	for (size_t i = 0; i < BIG;) {
		ssize_t n = read(s->fd, s->got + i, BIG - i < 5000 ? BIG - i : 5000);

		if (n <= 0)
			break;
		i += (size_t)n;
		pthread_kill(s->writer, SIGUSR1);
	}
	return NULL;
}

static void signals_do_not_cut_a_write(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal }, old;
	struct slow s = { .writer = pthread_self(), .got = malloc(BIG) };
	uint8_t *buf = malloc(BIG);
	pthread_t t;
	int p[2];

	(void)state;
	for (size_t i = 0; i < BIG; i++)
		buf[i] = pattern(i);
	sigaction(SIGUSR1, &sa, &old);		/* no SA_RESTART */
	assert_int_equal(pipe(p), 0);
	s.fd = p[0];
	assert_int_equal(pthread_create(&t, NULL, slow_reader, &s), 0);
	assert_int_equal(io_write(p[1], buf, BIG), 0);
	close(p[1]);
	pthread_join(t, NULL);
	sigaction(SIGUSR1, &old, NULL);
	assert_memory_equal(s.got, buf, BIG);
	close(p[0]);
	free(s.got);
	free(buf);
}

static void pread_stops_at_the_end(void **state)
{
	char name[] = "/tmp/test_io.XXXXXX", buf[8] = { 0 };
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	assert_int_equal(io_pread(fd, buf, 4, 6), 0);
	assert_string_equal(buf, "6789");
	assert_int_equal(io_pread(fd, buf, 5, 6), -EPIPE);
	close(fd);
}

/* --- descriptors ------------------------------------------------------------------------- */

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void packets(int sv[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
}

static void a_descriptor_crosses(void **state)
{
	int sv[2], p[2], fd = 99;
	char buf[16];

	(void)state;
	packets(sv);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(io_send_fd(sv[0], "hello", 5, p[1]), 0);
	assert_int_equal(io_recv_fd(sv[1], buf, sizeof(buf), &fd), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_true(fd >= 0 && fd != p[1]);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(p[0], buf, 1), 1);
	close(fd);

	assert_int_equal(io_send_fd(sv[0], "none", 4, -1), 0);
	assert_int_equal(io_recv_fd(sv[1], buf, sizeof(buf), &fd), 4);
	assert_int_equal(fd, -1);
	close(sv[0]);
	assert_int_equal(io_recv_fd(sv[1], buf, sizeof(buf), &fd), 0);
	assert_int_equal(io_send_fd(sv[1], "x", 1, -1), -EPIPE);	/* and no SIGPIPE */
	close(sv[1]);
	close(p[0]);
	close(p[1]);
}

/* As a hostile peer sends them: n descriptors with one packet. */
static void send_many(int sock, unsigned n, size_t len)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = { 0 }, data[64] = { 0 };
	struct iovec iov = { data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (unsigned i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &sock, sizeof(int));
	assert_int_equal(sendmsg(sock, &msg, 0), len);
}

static void too_much_leaves_nothing_open(void **state)
{
	unsigned before;
	char buf[8];
	int sv[2], fd;

	(void)state;
	packets(sv);
	before = open_fds();
	for (unsigned n = 2; n <= 8; n++) {
		send_many(sv[0], n, 4);
		assert_int_equal(io_recv_fd(sv[1], buf, sizeof(buf), &fd), -EPROTO);
		assert_int_equal(fd, -1);
		assert_int_equal(open_fds(), before);
	}
	send_many(sv[0], 1, 9);				/* one byte too long */
	assert_int_equal(io_recv_fd(sv[1], buf, sizeof(buf), &fd), -EPROTO);
	assert_int_equal(fd, -1);
	assert_int_equal(open_fds(), before);
	send_many(sv[0], 1, 8);
	assert_int_equal(io_recv_fd(sv[1], buf, sizeof(buf), &fd), 8);
	assert_int_equal(open_fds(), before + 1);
	close(fd);
	close(sv[0]);
	close(sv[1]);
}

static void time_goes_forward(void **state)
{
	uint64_t a = now_ns();

	(void)state;
	usleep(2000);
	assert_in_range(now_ns() - a, 2000000, 5000000000ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trickle_is_read_whole),
		cmocka_unit_test(the_end_before_n_is_told_from_an_error),
		cmocka_unit_test(signals_do_not_cut_a_write),
		cmocka_unit_test(pread_stops_at_the_end), cmocka_unit_test(a_descriptor_crosses),
		cmocka_unit_test(too_much_leaves_nothing_open), cmocka_unit_test(time_goes_forward),
	};

	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
