/* test_handover.c - machines as packets of descriptors, and the sockets they are asked for at. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/listen.h"
#include "runner/machine.h"
#include "runner/take.h"

static int here, there;
static struct err err;
static char dir[] = "/tmp/test_handover.XXXXXX", path[64], address[80];

static int setup(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	here = pair[0];
	there = pair[1];
	strcpy(strrchr(dir, '.'), ".XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(address, sizeof(address), "unix:%s", path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(here);
	close(there);
	unlink(path);
	return rmdir(dir);
}

static struct machine some(unsigned optional)
{
	struct machine m;

	machine_init(&m);
	m.leash = m.log = m.console = m.broker = STDERR_FILENO;
	if (optional & 1)
		m.root = STDERR_FILENO;
	if (optional & 2)
		m.control = STDERR_FILENO;
	return m;
}

/* The lowest number that is free: what is leaked raises it. */
static int lowest(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void a_machine_arrives_as_it_was_sent(void **state)
{
	struct handover h = { .memory = 5, .commands = 7 }, got;
	int before = lowest();

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct machine m = some(i), in;

		assert_int_equal(machine_send(there, &m, &h), 0);
		assert_int_equal(machine_recv(here, &in, &got), 0);
		assert_int_equal(got.memory, 5);
		assert_int_equal(got.commands, 7);
		assert_true(in.leash >= before && in.broker >= before && in.leash != in.broker);
		assert_int_equal(in.kernel, -1);
		assert_int_equal(in.root >= 0, i & 1);
		assert_int_equal(in.control >= 0, i >> 1);
		machine_close(&in);
		assert_int_equal(lowest(), before);
	}
}

static void an_outcome_comes_with_a_machine_or_without(void **state)
{
	struct handback b = { .code = 3, .reason = "exit" }, got;
	struct machine m = some(2), in;

	(void)state;
	assert_int_equal(machine_send_back(there, &m, &b), 0);
	assert_int_equal(machine_recv_back(here, &in, &got), 0);
	assert_int_equal(got.code, 3);
	assert_int_equal(in.leash, -1);
	b.given_back = 1;
	assert_int_equal(machine_send_back(there, &m, &b), 0);
	assert_int_equal(machine_recv_back(here, &in, &got), 0);
	assert_true(in.control >= 0);
	machine_close(&in);
}

static void what_is_no_machine_leaves_nothing_open(void **state)
{
	struct { uint32_t mask; struct handover h; } p = { 0xf, { .version = HANDOVER_VERSION } };
	const int fds[8] = { 2, 2, 2, 2, 2, 2, 2, 2 };
	int before = lowest();
	struct handover h;
	struct machine m;

	(void)state;
	for (unsigned n = 0; n <= 8; n++) {
		assert_int_equal(io_send_fds(there, &p, sizeof(p), fds, n), 0);
		assert_int_equal(machine_recv(here, &m, &h), n == 4 ? 0 : -EPROTO);
		machine_close(&m);
		assert_int_equal(lowest(), before);
	}
	p.mask = 0xe;			/* no leash */
	assert_int_equal(io_send_fds(there, &p, sizeof(p), fds, 3), 0);
	assert_int_equal(machine_recv(here, &m, &h), -EPROTO);
	p.mask = 0xf;
	p.h.version++;
	assert_int_equal(io_send_fds(there, &p, sizeof(p), fds, 4), 0);
	assert_int_equal(machine_recv(here, &m, &h), -EPROTO);
	assert_int_equal(io_send_fds(there, &p, 4, fds, 4), 0);
	assert_int_equal(machine_recv(here, &m, &h), -EPROTO);
	assert_int_equal(machine_recv(here, &m, &h), -EAGAIN);
	close(there);
	assert_int_equal(machine_recv(here, &m, &h), -EPIPE);
	there = dup(2);
	assert_int_equal(lowest(), before);
}

/* --- asking for one --------------------------------------------------------------------------- */

static void options_that_contradict_are_named(void **state)
{
	static const char *const names[] = { "memory", "cpus", "root", "kernel", "cmdline", "from" };
	static const char *const values[] = { "64M", "2", "r", "k", "quiet", "f" };
	struct handover h;
	struct machine m;
	struct spec s;

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		spec_init(&s);
		s.machine_fd = (uint32_t)here;
		assert_int_equal(spec_set(&s, spec_find(names[i], SPEC_FLAG), values[i], &err), 0);
		assert_int_equal(take(&s, &m, &h, &err), -EINVAL);
		assert_non_null(strstr(err.msg, names[i]));
	}
	spec_init(&s);
	assert_false(take_wanted(&s));
	s.pool = path;
	assert_true(take_wanted(&s));
	assert_int_equal(take(&s, &m, &h, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "sandbox pool"));
}

/* --- listening ---------------------------------------------------------------------------------- */

static void only_this_host_is_listened_to(void **state)
{
	static const char *const bad[] = { "0.0.0.0:80", "[::]:80", "10.0.0.1:80", "127.0.0.1", "x:80",
					   "127.0.0.1:65536", "127.0.0.1:x", ":80", "", "[::1]", "[::1:80",
					   "[1]:]:80", "unix:" };
	int fd;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (listen_at(bad[i], &err) >= 0)
			fail_msg("%s is listened at", bad[i]);
	fd = listen_at("127.0.0.1:0", &err);
	assert_true(fd >= 0);
	close(fd);
}

static void a_socket_is_ones_own_and_replaced_when_stale(void **state)
{
	struct stat st;
	int fd = listen_at(address, &err), again;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(listen_at(address, &err), -EADDRINUSE);
	close(fd);			/* the file stays, as it does after a kill */
	again = listen_at(address, &err);
	assert_true(again >= 0);
	close(again);
	listen_remove(address);
	assert_int_equal(stat(path, &st), -1);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);			/* a file is nobody's leftover */
	assert_int_equal(listen_at(address, &err), -EADDRINUSE);
	assert_int_equal(stat(path, &st), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_machine_arrives_as_it_was_sent),
		CASE(an_outcome_comes_with_a_machine_or_without),
		CASE(what_is_no_machine_leaves_nothing_open),
		CASE(options_that_contradict_are_named),
		CASE(only_this_host_is_listened_to),
		CASE(a_socket_is_ones_own_and_replaced_when_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
