/* test_agent_flow.c - the guest agent's byte mover, over pipes and sockets that take and
 * give little at a time. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rootfs/agent.h"
#include "tests/unit/check.h"

static struct flow f;

/* feed[1] -> feed[0] -> f -> drain[1] -> drain[0] */
static int feed[2], drain[2];

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(pipe2(feed, O_NONBLOCK), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, drain), 0);
	flow_open(&f, feed[0], drain[1]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	flow_close(&f);
	close(feed[1]);
	close(drain[0]);
	return 0;
}

static void nothing_to_read_waits_for_input(void **state)
{
	(void)state;
	assert_int_equal(flow_run(&f), FLOW_INPUT);
	assert_int_equal(f.moved, 0);
}

static void bytes_come_out_as_they_went_in(void **state)
{
	char got[8];

	(void)state;
	assert_int_equal(write(feed[1], "hello", 5), 5);
	assert_int_equal(flow_run(&f), FLOW_INPUT);
	assert_int_equal(read(drain[0], got, sizeof(got)), 5);
	assert_memory_equal(got, "hello", 5);
	assert_int_equal(f.moved, 5);
}

static void the_end_comes_after_the_last_byte(void **state)
{
	char got[8];

	(void)state;
	assert_int_equal(write(feed[1], "bye", 3), 3);
	close(feed[1]);
	assert_int_equal(flow_run(&f), FLOW_INPUT);
	assert_int_equal(flow_run(&f), FLOW_ENDED);
	flow_close(&f);
	assert_int_equal(read(drain[0], got, sizeof(got)), 3);
	assert_int_equal(read(drain[0], got, sizeof(got)), 0);
	feed[1] = open("/dev/null", O_RDONLY);
}

/* What the writer wrote and the reader has not taken is all still there, in order, however
 * slow the reader is; and the flow asks for output, not for input, while it holds some. */
static void a_slow_reader_loses_nothing(void **state)
{
	const size_t total = 3 * FLOW_BUF + 77;
	unsigned char *sent = malloc(total), *got = malloc(total);
	size_t in = 0, out = 0;
	int small = 4096, waited = 0;
	enum flow_need need = FLOW_INPUT;

	(void)state;
	setsockopt(drain[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	for (size_t i = 0; i < total; i++)
		sent[i] = (unsigned char)(i * 7 + i / 251);
	while (out < total) {
		ssize_t n = in < total ? write(feed[1], sent + in, total - in) : 0;
		size_t take = 1 + (size_t)(out % 4999);

		in += n > 0 ? (size_t)n : 0;
		need = flow_run(&f);
		assert_int_not_equal(need, FLOW_ENDED);
		waited += need == FLOW_OUTPUT;
		n = read(drain[0], got + out, take < total - out ? take : total - out);
		out += n > 0 ? (size_t)n : 0;
	}
	assert_memory_equal(sent, got, total);
	assert_true(waited > 0);
	assert_int_equal(f.moved, total);
	free(sent);
	free(got);
}

static void a_writer_of_single_bytes_is_served(void **state)
{
	char got[64];

	(void)state;
	for (int i = 0; i < 64; i++) {
		char c = (char)('A' + i % 26);

		assert_int_equal(write(feed[1], &c, 1), 1);
		assert_int_equal(flow_run(&f), FLOW_INPUT);
	}
	assert_int_equal(read(drain[0], got, sizeof(got)), 64);
	assert_memory_equal(got, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 26);
}

static void a_reader_that_left_ends_the_flow(void **state)
{
	(void)state;
	close(drain[0]);
	assert_int_equal(write(feed[1], "x", 1), 1);
	assert_int_equal(flow_run(&f), FLOW_ENDED);
	drain[0] = open("/dev/null", O_RDONLY);
}

static void closing_leaves_no_descriptor(void **state)
{
	int from = f.from, to = f.to;

	(void)state;
	flow_close(&f);
	assert_int_equal(f.from, -1);
	assert_int_equal(fcntl(from, F_GETFD), -1);
	assert_int_equal(fcntl(to, F_GETFD), -1);
	flow_close(&f);			/* twice is once */
}

static void a_terminal_is_told_the_end(void **state)
{
	char got[8];

	(void)state;
	f.at_end = 4;
	assert_int_equal(write(feed[1], "x", 1), 1);
	close(feed[1]);
	assert_int_equal(flow_run(&f), FLOW_INPUT);
	assert_int_equal(flow_run(&f), FLOW_INPUT);
	assert_int_equal(flow_run(&f), FLOW_ENDED);
	assert_int_equal(read(drain[0], got, sizeof(got)), 2);
	assert_memory_equal(got, "x\4", 2);
	feed[1] = open("/dev/null", O_RDONLY);
}

/* Sockets answer so that are not connected, or not any more. */
static void a_connection_that_is_no_more_is_lost_and_not_ended(void **state)
{
	char got[8];
	int from = f.from, to = f.to;

	(void)state;
	assert_int_equal(write(feed[1], "kept", 4), 4);
	f.to = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(flow_run(&f), FLOW_LOST);
	close(f.to);
	f.to = to;
	assert_int_equal(flow_run(&f), FLOW_INPUT);
	assert_int_equal(read(drain[0], got, sizeof(got)), 4);
	f.from = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(flow_run(&f), FLOW_LOST);
	f.at_end = 4;				/* nor is a terminal told that it ended */
	assert_int_equal(flow_run(&f), FLOW_LOST);
	close(f.from);
	f.from = from;
	assert_int_equal(flow_run(&f), FLOW_INPUT);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_to_read_waits_for_input),
		TEST(bytes_come_out_as_they_went_in),
		TEST(the_end_comes_after_the_last_byte),
		TEST(a_slow_reader_loses_nothing),
		TEST(a_writer_of_single_bytes_is_served),
		TEST(a_reader_that_left_ends_the_flow),
		TEST(closing_leaves_no_descriptor),
		TEST(a_terminal_is_told_the_end),
		TEST(a_connection_that_is_no_more_is_lost_and_not_ended),
	};

	signal(SIGPIPE, SIG_IGN);	/* pid 1 does not die of it either */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
