/* test_stdio.c - bytes between our descriptors and the guest's, and how they end. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/pump.h"

#define MANY 300000u

static struct watch_set set;
static struct pump pump;
static unsigned finished;

static void on_finish(struct pump *p)
{
	(void)p;
	finished++;
}

static int fresh(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	memset(&set, 0, sizeof(set));
	memset(&pump, 0, sizeof(pump));
	finished = 0;
	pump_init(&pump, on_finish, &set);
	return 0;
}

static void run_until_done(void)
{
	for (unsigned i = 0; !pump.done; i++) {
		assert_true(i < 10000000);
		watch_wait(&set, now_ns() + 5000000000u);
	}
}

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + (i >> 8));
}

/* Another process, so that both ends can block. */
static pid_t writer(int fd, int not_mine)
{
	static unsigned char buf[MANY];
	pid_t pid = fork();

	if (pid)
		return pid;
	close(not_mine);
	for (size_t i = 0; i < MANY; i++)
		buf[i] = byte_at(i);
	_exit(io_write(fd, buf, MANY) ? 1 : 0);
}

static pid_t slow_reader(int fd, int not_mine)
{
	unsigned char buf[999];
	size_t at = 0;
	ssize_t got;
	pid_t pid = fork();

	if (pid)
		return pid;
	close(not_mine);
	while ((got = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < got; i++)
			if (buf[i] != byte_at(at++))
				_exit(2);
	_exit(at == MANY ? 0 : 3);
}

static void succeeded(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void copy_all(size_t at_once)
{
	int in[2], out[2];
	pid_t w, r;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, in), 0);
	assert_int_equal(pipe(out), 0);
	w = writer(in[1], in[0]);
	close(in[1]);			/* before the next fork, or the end is never seen */
	r = slow_reader(out[0], out[1]);
	close(out[0]);
	fcntl(in[0], F_SETFL, O_NONBLOCK);
	pump_start(&pump, in[0], out[1], at_once);
	run_until_done();
	assert_int_equal(finished, 1);
	assert_int_equal(pump.error, 0);
	close(out[1]);
	close(in[0]);
	succeeded(w);
	succeeded(r);
}

static void all_bytes_arrive_in_order(void **state)
{
	(void)state;
	copy_all(SIZE_MAX);
}

static void one_byte_at_a_time_is_the_same(void **state)
{
	(void)state;
	copy_all(1);
}

static void nothing_is_read_before_both_ends_stand(void **state)
{
	int in[2];
	char c;

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(write(in[1], "x", 1), 1);
	assert_int_equal(watch_wait(&set, now_ns() + 1000000), 0);
	assert_int_equal(read(in[0], &c, 1), 1);
	close(in[0]);
	close(in[1]);
}

static void a_file_is_read_to_its_end(void **state)
{
	char name[] = "/tmp/test_stdio.XXXXXX", buf[8];
	int file = mkstemp(name), out[2];

	(void)state;
	unlink(name);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(write(file, "file", 4), 4);
	lseek(file, 0, SEEK_SET);
	pump_start(&pump, file, out[1], SIZE_MAX);
	run_until_done();
	assert_int_equal(read(out[0], buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "file", 4);
	close(file);
	close(out[0]);
	close(out[1]);
}

/* As main.c fills a closed stdin. */
static void an_unreadable_input_is_an_empty_one(void **state)
{
	int in = open("/dev/null", O_WRONLY), out[2];

	(void)state;
	assert_int_equal(pipe(out), 0);
	pump_start(&pump, in, out[1], SIZE_MAX);
	run_until_done();
	assert_int_equal(pump.error, 0);
	close(in);
	close(out[0]);
	close(out[1]);
}

static void a_reader_that_left_is_told_as_epipe(void **state)
{
	int in[2], out[2];

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(write(in[1], "x", 1), 1);
	close(out[0]);
	pump_start(&pump, in[0], out[1], SIZE_MAX);
	run_until_done();		/* although the input never ends */
	assert_int_equal(pump.error, EPIPE);
	assert_int_equal(finished, 1);
	close(in[0]);
	close(in[1]);
	close(out[1]);
}

static void a_full_disk_is_told(void **state)
{
	int in[2], out = open("/dev/full", O_WRONLY);

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(write(in[1], "x", 1), 1);
	pump_start(&pump, in[0], out, SIZE_MAX);
	run_until_done();
	assert_int_equal(pump.error, ENOSPC);
	close(in[0]);
	close(in[1]);
	close(out);
}

static void a_blocked_reader_costs_no_turns(void **state)
{
	int in[2], out[2];
	unsigned turns = 0;
	char page[4096] = { 0 };

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe2(out, O_NONBLOCK), 0);
	while (write(out[1], page, sizeof(page)) > 0)
		;
	assert_int_equal(write(in[1], "x", 1), 1);
	pump_start(&pump, in[0], out[1], SIZE_MAX);
	for (uint64_t end = now_ns() + 50000000; now_ns() < end; turns++)
		watch_wait(&set, end);
	assert_true(turns <= 5);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_bytes_arrive_in_order, fresh),
		cmocka_unit_test_setup(one_byte_at_a_time_is_the_same, fresh),
		cmocka_unit_test_setup(nothing_is_read_before_both_ends_stand, fresh),
		cmocka_unit_test_setup(a_file_is_read_to_its_end, fresh),
		cmocka_unit_test_setup(an_unreadable_input_is_an_empty_one, fresh),
		cmocka_unit_test_setup(a_reader_that_left_is_told_as_epipe, fresh),
		cmocka_unit_test_setup(a_full_disk_is_told, fresh),
		cmocka_unit_test_setup(a_blocked_reader_costs_no_turns, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
