/* test_door.c - how other commands reach a running machine. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
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
static char dir[] = "/tmp/test-door-XXXXXX";
static int at;				/* that directory */
static struct door_request last;
static unsigned asked;
static bool answering;

/* What a run does once the monitor has written the file. */
static void take(struct door *d, const struct door_request *q, int fd)
{
	static struct door_answer a;

	asked++;
	last = *q;
	if (!answering)
		return;
	if (q->op != DOOR_SAVE) {
		assert_int_equal(fd, -1);
		err_set(&err, EBUSY, "not now");
		door_answer_plain(d, &err);
		return;
	}
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
	strcpy(strrchr(dir, '-'), "-XXXXXX");
	assert_non_null(mkdtemp(dir));
	at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return door_open(&door, at, take, &set, &err);
}

static int teardown(void **state)
{
	(void)state;
	unlinkat(at, "door", 0);
	rmdir(dir);
	close(at);
	watch_close(&door.listener);
	watch_close(&door.client);
	return 0;
}

static const struct door_request to_save = { DOOR_VERSION, DOOR_SAVE, 0 };

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
	rc = door_ask(at, "m", &to_save, fd, &a, &err);
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

static void a_refusal_says_why(void **state)
{
	const struct door_request q = { DOOR_VERSION, DOOR_SIGNAL, 15 };
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct door_answer a;
		int rc = door_ask(at, "m", &q, -1, &a, &err);

		_exit(rc != -EBUSY || strcmp(err.msg, "not now"));
	}
	serve_until_asked(1);
	assert_int_equal(last.op, DOOR_SIGNAL);
	assert_int_equal(last.arg, 15);
	assert_int_equal(status_of(pid), 0);
}

static void a_machine_that_ends_says_so_by_ending(void **state)
{
	pid_t pid = asks();

	(void)state;
	answering = false;
	serve_until_asked(1);
	teardown(NULL);
	assert_int_equal(status_of(pid), 2);
	setup(NULL);			/* for the teardown that follows */
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

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/door", dir);
	assert_int_equal(connect(sock, (struct sockaddr *)&a, sizeof(a)), 0);
	return sock;
}

/* Half of a request, another version, no such operation, an argument that is none, no file, what is
 * no file, a file for what takes none; and nothing at all. */
static void a_client_that_talks_rubbish_is_sent_away(void **state)
{
	int file = memfd_create("file", 0), pipes[2];
	const struct door_request good = { DOOR_VERSION, DOOR_SAVE, 0 };
	const struct {
		struct door_request q;
		size_t n;
		int fd;
	} rubbish[] = {
		{ good, 3, file }, { { DOOR_VERSION + 1, DOOR_SAVE, 0 }, sizeof(good), file },
		{ { DOOR_VERSION, N_DOOR_OPS, 0 }, sizeof(good), -1 },
		{ { DOOR_VERSION, 0, 0 }, sizeof(good), -1 },
		{ { DOOR_VERSION, DOOR_SIGNAL, 65 }, sizeof(good), -1 },
		{ { DOOR_VERSION, DOOR_SIGNAL, -1 }, sizeof(good), -1 },
		{ good, sizeof(good), -1 }, { good, sizeof(good), 0 },
		{ { DOOR_VERSION, DOOR_PAUSE, 0 }, sizeof(good), file },
	};
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	for (unsigned i = 0; i <= sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		int sock = knock();

		if (i < sizeof(rubbish) / sizeof(rubbish[0]))
			io_send_fd(sock, &rubbish[i].q, rubbish[i].n,
				   rubbish[i].fd == 0 ? pipes[0] : rubbish[i].fd);
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

static void a_machine_that_is_gone_is_said(void **state)
{
	struct door_answer a;

	(void)state;
	unlinkat(at, "door", 0);
	assert_int_equal(door_ask(at, "that-one", &to_save, 0, &a, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "that-one"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_file_is_filled_and_the_answer_comes_back),
		T(one_client_after_the_other),
		T(a_refusal_says_why),
		T(a_machine_that_ends_says_so_by_ending),
		T(a_client_that_leaves_is_not_missed),
		T(a_client_that_talks_rubbish_is_sent_away),
		T(a_machine_that_is_gone_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
