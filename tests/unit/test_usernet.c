/* test_usernet.c - the programs of --net user as they are started: what they are left with, what
 * comes through, and when they end.  This test is runner, monitor and passt. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/net/dns.h"
#include "runner/net/wire.h"

#if defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SANITIZED 1
# endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SANITIZED 1
#endif

static pid_t pid;
static int runner = -1, guest, passt, names, stray;

/* `program` beside the directory of this one, with fds[i] as 3 + i and one more that is not its. */
static void become(const char *program, const int *fds, int n)
{
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int high[NET_FD_END];

	self[len > 0 ? len : 0] = 0;
	for (int i = 0; i < 2; i++)
		*strrchr(self, '/') = 0;
	snprintf(path, sizeof(path), "%s/%s", self, program);
	for (int i = 0; i < n; i++)
		high[i] = fcntl(fds[i], F_DUPFD, 30);
	for (int i = 0; i < n; i++)
		dup2(high[i], 3 + i);
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	execl(path, program, NULL);
	_exit(126);
}

static int pair(int type, int *theirs)
{
	int p[2];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, p), 0);
	*theirs = p[1];
	return p[0];
}

static void start(const char *program, const int *fds, int n)
{
	int end[2], all[NET_FD_END + 1];

	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	memcpy(all, fds, (size_t)n * sizeof(int));
	all[n] = end[1];		/* one beyond those that it has */
	pid = fork();
	if (pid == 0)
		become(program, all, n + 1);
	stray = end[0];
	close(end[1]);
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static int net_started(void **state)
{
	const struct net_setup setup = { .guest = NET_GUEST, .gateway = NET_GATEWAY };
	int fds[NET_FD_END - 3];

	(void)state;
	runner = pair(SOCK_SEQPACKET, &fds[0]);
	guest = pair(SOCK_STREAM, &fds[1]);
	passt = pair(SOCK_STREAM, &fds[2]);
	names = pair(SOCK_SEQPACKET, &fds[3]);
	fds[4] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	fds[5] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_int_equal(send(runner, &setup, sizeof(setup), 0), sizeof(setup));
	start("sandbox-net", fds, NET_FD_END - 3);
	return 0;
}

static int names_started(void **state)
{
	int theirs;

	(void)state;
	names = pair(SOCK_SEQPACKET, &theirs);
	start("sandbox-names", &theirs, 1);
	runner = guest = passt = -1;
	return 0;
}

static int stopped(void **state)
{
	const int fds[] = { runner, guest, passt, names, stray };

	(void)state;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	pid = 0;
	return 0;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* Its exit status, within five seconds. */
static int ended(void)
{
	int status;

	for (int i = 0; i < 500; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		}
		usleep(10000);
	}
	return -1;
}

static unsigned long long status_of(const char *key, int base)
{
	char path[64], line[256];
	unsigned long long value = 0xbad;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			value = strtoull(line + strlen(key) + 1, NULL, base);
	fclose(f);
	return value;
}

static void has_no_rights(void)
{
	char c;

	assert_int_equal(status_of("Uid", 10), getuid() ? getuid() : 65534);
	assert_int_equal(status_of("CapPrm", 16), 0);
	assert_int_equal(status_of("CapEff", 16), 0);
	if (getuid() == 0)
		assert_int_equal(status_of("CapBnd", 16), 0);
	assert_int_equal(status_of("NoNewPrivs", 10), 1);
	assert_int_equal(read(stray, &c, 1), 0);	/* what it was not told of, it closed */
}

static const uint8_t syn[4 + 54] = {
	0, 0, 0, 54, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0,
	192, 0, 0, 2, 203, 0, 113, 7, 0x10, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2,
};

static void frames_pass_and_it_has_no_rights(void **state)
{
	uint8_t got[sizeof(syn)];

	(void)state;
	assert_int_equal(write(guest, syn, sizeof(syn)), sizeof(syn));
	assert_true(readable(passt, 5000));
	assert_int_equal(read(passt, got, sizeof(got)), sizeof(got));
	assert_memory_equal(got, syn, sizeof(syn));
	has_no_rights();
#ifndef SANITIZED
	assert_int_equal(status_of("Threads", 10), 1);
	assert_int_equal(status_of("Seccomp", 10), 2);
#endif
}

static void the_end_of_the_machine_is_its_end_and_is_reported(void **state)
{
	struct net_report r = { 0 };

	(void)state;
	assert_int_equal(write(guest, syn, sizeof(syn)), sizeof(syn));
	close(guest);
	guest = -1;
	assert_true(readable(runner, 5000));
	assert_int_equal(read(runner, &r, sizeof(r)), sizeof(r));
	assert_int_equal(r.err.code, 0);
	assert_int_equal(r.totals.allowed, 1);
	assert_int_equal(ended(), 0);
}

static void it_ends_with_the_runner_and_with_passt(void **state)
{
	struct net_report r = { 0 };

	close(runner);
	runner = -1;
	assert_int_equal(ended(), 0);
	stopped(state);
	net_started(state);
	close(passt);
	passt = -1;
	assert_true(readable(runner, 5000));
	assert_int_equal(read(runner, &r, sizeof(r)), sizeof(r));
	assert_string_equal(r.err.msg, "net: passt has ended");
	assert_int_equal(ended(), 125);
}

/* Of what needs no network: numbers, and names that are none. */
static void names_are_answered_and_it_has_no_rights(void **state)
{
	struct name_ask ask = { .serial = 7, .name = "203.0.113.7" };
	struct name_answer a = { 0 };

	(void)state;
	assert_int_equal(write(names, &ask, sizeof(ask)), sizeof(ask));
	assert_true(readable(names, 5000));
	assert_int_equal(read(names, &a, sizeof(a)), sizeof(a));
	assert_true(a.serial == 7 && a.rcode == DNS_OK && a.n == 1 && a.address[0] == 0xcb007107);
	memset(ask.name, 'a', sizeof(ask.name));	/* no NUL, and too long a label */
	assert_int_equal(write(names, &ask, sizeof(ask)), sizeof(ask));
	assert_true(readable(names, 20000));
	assert_int_equal(read(names, &a, sizeof(a)), sizeof(a));
	assert_true(a.rcode != DNS_OK && a.n == 0);
	has_no_rights();
	close(names);
	names = -1;
	assert_int_equal(ended(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_pass_and_it_has_no_rights, net_started, stopped),
		cmocka_unit_test_setup_teardown(the_end_of_the_machine_is_its_end_and_is_reported,
						net_started, stopped),
		cmocka_unit_test_setup_teardown(it_ends_with_the_runner_and_with_passt, net_started,
						stopped),
		cmocka_unit_test_setup_teardown(names_are_answered_and_it_has_no_rights, names_started,
						stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
