/* test_door.c - how other commands reach a running machine. */
#include "tests/unit/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/door.h"

static struct watch_set set;
static struct door door;
static struct err err;
static char name[32];
static unsigned asked;
static bool answering;

/* What a run does once the monitor has written the file. */
static void save(struct door *d, int fd)
{
	static struct door_answer a;

	asked++;
	if (!answering)
		return;
	assert_int_equal(pwrite(fd, "saved", 5, 0), 5);
	a = (struct door_answer){ .version = DOOR_VERSION, .state_len = 42, .memory_len = 99,
				  .text = "memory = 99\n" };
	door_answer(d, &a);
}

static int setup(void **state)
{
	(void)state;
	memset(&set, 0, sizeof(set));
	asked = 0;
	answering = true;
	snprintf(name, sizeof(name), "test-door-%d", getpid());
	return door_open(&door, name, save, &set, &err);
}

static int teardown(void **state)
{
	(void)state;
	watch_close(&door.listener);
	watch_close(&door.client);
	return 0;
}

/* In another process: 0 when the file is saved and the answer is whole. */
static pid_t asks(void)
{
	struct door_answer a;
	pid_t pid = fork();
	char text[8] = "";
	int fd, rc;

	if (pid != 0)
		return pid;
	fd = memfd_create("file", 0);
	rc = door_ask(name, fd, &a, &err);
	if (rc < 0)
		_exit(rc == -EPIPE ? 2 : 3);
	_exit(pread(fd, text, 5, 0) != 5 || strcmp(text, "saved") || a.state_len != 42 ||
	      a.memory_len != 99 || strcmp(a.text, "memory = 99\n"));
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void serve_until_asked(unsigned n)
{
	uint64_t limit = now_ns() + 10000000000u;

	while (asked < n && now_ns() < limit)
		watch_wait(&set, limit);
	assert_int_equal(asked, n);
}

static void a_file_is_filled_and_the_answer_comes_back(void **state)
{
	pid_t pid = asks();

	(void)state;
	serve_until_asked(1);
	assert_int_equal(status_of(pid), 0);
}

static void one_client_after_the_other(void **state)
{
	pid_t first = asks(), second = asks();

	(void)state;
	serve_until_asked(2);
	assert_int_equal(status_of(first), 0);
	assert_int_equal(status_of(second), 0);
}

static void a_machine_that_ends_says_so_by_ending(void **state)
{
	pid_t pid = asks();

	(void)state;
	answering = false;
	serve_until_asked(1);
	teardown(NULL);
	assert_int_equal(status_of(pid), 2);
}

static void a_client_that_leaves_is_not_missed(void **state)
{
	pid_t pid = asks();

	(void)state;
	answering = false;
	serve_until_asked(1);
	kill(pid, SIGKILL);
	status_of(pid);
	door_answer(&door, &(struct door_answer){ .version = DOOR_VERSION });
	answering = true;
	pid = asks();
	serve_until_asked(2);
	assert_int_equal(status_of(pid), 0);
}

static int knock(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	int n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "sandbox/%u/%s", geteuid(), name);

	assert_int_equal(connect(sock, (struct sockaddr *)&a,
				 (socklen_t)(sizeof(a.sun_family) + 1 + (size_t)n)), 0);
	return sock;
}

/* Nothing, a wrong version, no file, and what is no file. */
static void a_client_that_talks_rubbish_is_sent_away(void **state)
{
	const uint32_t good[2] = { DOOR_VERSION, 0 }, bad[2] = { DOOR_VERSION + 1, 0 };
	int file = memfd_create("file", 0), pipes[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	for (unsigned i = 0; i < 5; i++) {
		int sock = knock();

		if (i < 4)
			io_send_fd(sock, i == 1 ? bad : good, i == 0 ? 3 : 8,
				   i == 2 ? -1 : i == 3 ? pipes[0] : file);
		else
			shutdown(sock, SHUT_RDWR);
		while (watch_wait(&set, now_ns() + 50000000))
			;
		assert_int_equal(io_read_some(sock, &(char){ 0 }, 1), 0);
		close(sock);
	}
	assert_int_equal(asked, 0);
	pid = asks();
	serve_until_asked(1);
	assert_int_equal(status_of(pid), 0);
}

static void a_name_is_one_machines(void **state)
{
	struct watch_set other_set = { 0 };
	struct door other;

	(void)state;
	assert_int_equal(door_open(&other, name, save, &other_set, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, name));
}

static void a_machine_that_is_not_there_is_said(void **state)
{
	struct door_answer a;

	(void)state;
	assert_int_equal(door_ask("test-door-none", 0, &a, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "test-door-none"));
}

static void names_are_plain(void **state)
{
	char longest[70];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[64] = '\0';
	assert_false(door_is_name(longest));
	longest[63] = '\0';
	assert_true(door_is_name(longest));
	assert_true(door_is_name("a.B-c_1"));
	assert_false(door_is_name(""));
	assert_false(door_is_name("a/b"));
	assert_false(door_is_name("a b"));
	assert_false(door_is_name("\xc3\xa4"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_file_is_filled_and_the_answer_comes_back),
		T(one_client_after_the_other),
		T(a_machine_that_ends_says_so_by_ending),
		T(a_client_that_leaves_is_not_missed),
		T(a_client_that_talks_rubbish_is_sent_away),
		T(a_name_is_one_machines),
		T(a_machine_that_is_not_there_is_said),
		T(names_are_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
