/* test_http.c - sandbox-http: its parts, and the program itself between clients who say
 * anything and a serve that this test plays. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/http/answer.h"
#include "runner/http/pending.h"
#include "runner/http/route.h"

#define MAX_BODY 100000
#define PATIENCE_MS 20000

#if defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SANITIZED 1
# endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SANITIZED 1
#endif

/* --- paths ------------------------------------------------------------------------------ */

static void a_path_is_one_of_three(void **state)
{
	const char *name = NULL;

	(void)state;
	assert_int_equal(route_of("/v1/functions/Thumb_nail-2", &name), ROUTE_CALL);
	assert_string_equal(name, "Thumb_nail-2");
	assert_int_equal(route_of("/metrics", &name), ROUTE_METRICS);
	assert_int_equal(route_of("/healthz", &name), ROUTE_HEALTH);
	assert_string_equal(route_method(ROUTE_CALL), "POST");
	assert_string_equal(route_method(ROUTE_METRICS), "GET");
	assert_null(route_method(ROUTE_NONE));
}

static void other_paths_are_none(void **state)
{
	static const char *const paths[] = {
		"", "/", "*", "/v1/functions", "/v1/functions/", "/v1/functions/a/", "/v1/functions/a/b",
		"/v1/functions/..", "/v1/functions/a%62", "/v1/functions/a b", "/v1/functions/\xc3\xa4",
		"/V1/functions/a", "//v1/functions/a", "/metrics/", "/healthz?", "http://a/healthz",
	};
	const char *name;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(route_of(paths[i], &name), ROUTE_NONE);
}

static void a_name_has_63_letters_at_most(void **state)
{
	char path[128] = "/v1/functions/";
	size_t prefix = strlen(path);
	const char *name;

	(void)state;
	memset(path + prefix, 'x', HTTP_NAME - 1);
	assert_int_equal(route_of(path, &name), ROUTE_CALL);
	path[prefix + HTTP_NAME - 1] = 'x';
	assert_int_equal(route_of(path, &name), ROUTE_NONE);
}

/* --- answers ---------------------------------------------------------------------------- */

static const struct http_msg good = {
	.op = HTTP_ANSWER, .status = 200, .code = 3, .reason = "exit", .memory_kib = 2048,
	.queue_us = 123, .start_us = 7000, .command_us = 1000001, .total_us = 1007124,
};

static void an_answer_tells_of_the_call(void **state)
{
	struct header h[ANSWER_HEADERS];

	(void)state;
	assert_int_equal(answer_headers(&good, h), 4);
	assert_string_equal(h[0].name, "X-Sandbox-Exit-Code");
	assert_string_equal(h[0].value, "3");
	assert_string_equal(h[1].name, "X-Sandbox-Reason");
	assert_string_equal(h[1].value, "exit");
	assert_string_equal(h[2].name, "X-Sandbox-Memory-KiB");
	assert_string_equal(h[2].value, "2048");
	assert_string_equal(h[3].name, "Server-Timing");
	assert_string_equal(h[3].value, "queue;dur=0.123, start;dur=7.000, "
			    "command;dur=1000.001, total;dur=1007.124");
}

static void the_largest_numbers_fit(void **state)
{
	struct http_msg m = good;
	struct header h[ANSWER_HEADERS];

	(void)state;
	m.status = 429;
	m.memory_kib = m.queue_us = m.start_us = m.command_us = m.total_us = UINT64_MAX;
	assert_int_equal(answer_headers(&m, h), 5);
	assert_string_equal(h[3].name, "Retry-After");
	assert_string_equal(strstr(h[4].value, "total"), "total;dur=18446744073709551.615");
}

static void what_did_not_run_has_no_exit_code(void **state)
{
	struct http_msg m = { .op = HTTP_ANSWER, .status = 503, .code = -1 };
	struct header h[ANSWER_HEADERS];

	(void)state;
	assert_int_equal(answer_headers(&m, h), 1);
	assert_string_equal(h[0].name, "Server-Timing");
}

static void only_printable_ascii_is_left(void **state)
{
	struct http_msg m = { .reason = "a\r\nSet-Cookie: b", .message = "\x80\x7f\t~ \xff!" };

	(void)state;
	answer_clean(&m);
	assert_string_equal(m.reason, "a??Set-Cookie: b");
	assert_string_equal(m.message, "???~ ?!");
}

static void an_answer_out_of_bounds_is_none(void **state)
{
	struct http_msg m = good;

	(void)state;
	assert_true(answer_valid(&m));
	m.status = 100;
	assert_false(answer_valid(&m));
	m.status = 600;
	assert_false(answer_valid(&m));
	m = good, m.code = 256;
	assert_false(answer_valid(&m));
	m.code = -2;
	assert_false(answer_valid(&m));
	m = good, memset(m.reason, 'x', sizeof(m.reason));
	assert_false(answer_valid(&m));
	m = good, memset(m.message, 'x', sizeof(m.message));
	assert_false(answer_valid(&m));
}

/* --- slots ------------------------------------------------------------------------------ */

static struct pending calls;
static int serve;		/* serve's end of the pair, here and below */

static int with_calls(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	pending_init(&calls, pair[0]);
	serve = pair[1];
	return 0;
}

static int without_calls(void **state)
{
	(void)state;
	close(calls.fd);
	return close(serve);
}

static int start_call(void *owner, uint32_t *id)
{
	return pending_start(&calls, HTTP_CALL, "f", NULL, 0, owner, id);
}

static void reply(uint32_t id)
{
	struct http_msg m = good;

	m.id = id;
	assert_int_equal(io_send_fds(serve, &m, sizeof(m), NULL, 0), 0);
}

static int heard_by(void **owner)
{
	struct http_msg m;

	*owner = NULL;
	return pending_hear(&calls, &m, owner);
}

static void answers_find_their_calls(void **state)
{
	int one, two;
	uint32_t id1, id2;
	void *owner;

	(void)state;
	assert_int_equal(start_call(&one, &id1), 0);
	assert_int_equal(start_call(&two, &id2), 0);
	reply(id2);
	reply(id1);
	assert_int_equal(heard_by(&owner), HEARD_ANSWER);
	assert_ptr_equal(owner, &two);
	assert_int_equal(heard_by(&owner), HEARD_ANSWER);
	assert_ptr_equal(owner, &one);
	assert_int_equal(heard_by(&owner), HEARD_NOTHING);
	reply(id1);			/* a second time */
	assert_int_equal(heard_by(&owner), HEARD_NOTHING);
}

static void a_late_answer_is_not_the_next_calls(void **state)
{
	int one, two;
	uint32_t id1, id2;
	void *owner;

	(void)state;
	assert_int_equal(start_call(&one, &id1), 0);
	pending_cancel(&calls, id1);
	assert_int_equal(start_call(&two, &id2), 0);
	assert_int_equal(id1 % MAX_CALLS, id2 % MAX_CALLS);
	assert_int_not_equal(id1, id2);
	reply(id1);
	assert_int_equal(heard_by(&owner), HEARD_NOTHING);
	assert_ptr_equal(pending_owner(&calls, id2 % MAX_CALLS), &two);
}

static void there_are_256_calls_at_most(void **state)
{
	struct http_msg m;
	uint32_t id;

	(void)state;
	for (int i = 0; i < MAX_CALLS; i++)
		assert_int_equal(start_call(&m, &id), 0);
	assert_int_equal(start_call(&m, &id), -EBUSY);
}

/* A serve that is busy reads nothing; afterwards it learns all that is still true. */
static void what_the_socket_cannot_take_waits(void **state)
{
	struct http_msg m;
	uint32_t id[MAX_CALLS], last;
	int n = 4096, got = 0, cancelled = 0;

	(void)state;
	assert_int_equal(setsockopt(calls.fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n)), 0);
	for (int i = 0; i < MAX_CALLS; i++)
		assert_int_equal(start_call(&m, &id[i]), 0);
	assert_true(pending_unsent(&calls));
	pending_cancel(&calls, id[0]);			/* was sent: serve will hear */
	pending_cancel(&calls, id[MAX_CALLS - 1]);	/* was not, and need not be */
	assert_int_equal(start_call(&m, &last), 0);
	while (pending_unsent(&calls) || recv(serve, &m, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
		assert_int_equal(io_recv_fds(serve, &m, sizeof(m), NULL, 0), sizeof(m));
		if (m.op == HTTP_CANCEL)
			cancelled++, assert_int_equal(m.id, id[0]);
		else
			got++, assert_int_not_equal(m.id, id[MAX_CALLS - 1]);
		assert_int_equal(pending_flush(&calls), 0);
	}
	assert_int_equal(got, MAX_CALLS);
	assert_int_equal(cancelled, 1);
}

static void an_ill_formed_packet_is_an_error(void **state)
{
	struct http_msg m = good;
	void *owner;

	(void)state;
	m.op = HTTP_CALL;
	io_send_fds(serve, &m, sizeof(m), NULL, 0);
	assert_int_equal(heard_by(&owner), -EPROTO);
	m.op = HTTP_ANSWER;
	io_send_fds(serve, &m, sizeof(m) - 1, NULL, 0);
	assert_int_equal(heard_by(&owner), -EPROTO);
	io_send_fds(serve, &m, sizeof(m), &serve, 1);
	assert_int_equal(heard_by(&owner), -EPROTO);
	m.status = 7;
	io_send_fds(serve, &m, sizeof(m), NULL, 0);
	assert_int_equal(heard_by(&owner), -EPROTO);
}

/* --- the program ------------------------------------------------------------------------ */

static char dir[] = "/tmp/test_http.XXXXXX";
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static pid_t pid;
static int stray;		/* a pipe whose other end the program was left with */

static void become(const int fds[3])
{
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int high[3];

	self[n > 0 ? n : 0] = 0;
	for (int i = 0; i < 2; i++)
		*strrchr(self, '/') = 0;
	snprintf(path, sizeof(path), "%s/sandbox-http", self);
	for (int i = 0; i < 3; i++)
		high[i] = fcntl(fds[i], F_DUPFD, 20);
	for (int i = 0; i < 3; i++)
		dup2(high[i], 3 + i);
	/* the leak checker would have to trace a process that is not to be traced */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	execl(path, "sandbox-http", "--max-body", "100000", NULL);
	_exit(126);
}

static int start(int listener)
{
	int pair[2], end[2];

	assert_int_equal(listen(listener, 64), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		become((const int[]){ pair[1], listener, end[1] });
	serve = pair[0];
	stray = end[0];
	close(pair[1]);
	close(end[1]);
	return close(listener);
}

static int started(void **state)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	strcpy(strrchr(dir, '.'), ".XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	return start(listener);
}

static struct sockaddr_in tcp_address = { .sin_family = AF_INET };

static int started_over_tcp(void **state)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(tcp_address);

	(void)state;
	tcp_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	tcp_address.sin_port = 0;
	assert_int_equal(bind(listener, (struct sockaddr *)&tcp_address, n), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&tcp_address, &n), 0);
	return start(listener);
}

/* Its wait status, or -1 where it does not end. */
static int ended(void)
{
	int status;

	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			pid = 0;
			return status;
		}
		usleep(10000);
	}
	return -1;
}

static int stopped(void **state)
{
	int status = 0;

	(void)state;
	if (serve >= 0)
		close(serve);
	if (pid)
		status = ended();
	close(stray);
	unlink(address.sun_path);
	rmdir(dir);
	return status;
}

static int dial(void)
{
	struct timeval patience = { PATIENCE_MS / 1000, 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void send_bytes(int fd, const void *bytes, size_t n)
{
	assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void request(int fd, const char *text)
{
	send_bytes(fd, text, strlen(text));
}

static void post(int fd, const char *name, const void *body, size_t n)
{
	char head[256];

	snprintf(head, sizeof(head), "POST /v1/functions/%s HTTP/1.1\r\nHost: a\r\n"
		 "Content-Length: %zu\r\n\r\n", name, n);
	request(fd, head);
	send_bytes(fd, body, n);
}

static struct response {
	char head[4096];
	char body[MAX_BODY + 1];
	size_t n;
	int status;
} got;

static const char *header(const char *name)
{
	static char value[512];
	char line[64];
	const char *at;

	snprintf(line, sizeof(line), "\r\n%s: ", name);
	at = strcasestr(got.head, line);
	if (!at)
		return "";
	at += strlen(line);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
	return value;
}

/* The next response.  Its status is 0 where the connection ends instead. */
static void response(int fd)
{
	size_t n = 0;

	memset(&got, 0, sizeof(got));
	while (!strstr(got.head, "\r\n\r\n")) {
		assert_true(n < sizeof(got.head) - 1);
		if (recv(fd, got.head + n++, 1, 0) != 1)
			return;
	}
	assert_int_equal(sscanf(got.head, "HTTP/1.1 %d ", &got.status), 1);
	got.n = (size_t)atol(header("Content-Length"));
	assert_true(got.n <= MAX_BODY);
	assert_int_equal(io_read(fd, got.body, got.n), 0);
}

static void response_is(int fd, int status, const char *body)
{
	response(fd);
	assert_int_equal(got.status, status);
	assert_string_equal(got.body, body);
}

static bool hung_up(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) == 0 || errno == ECONNRESET;
}

struct heard_call {
	struct http_msg m;
	int fds[2];
};

/* Serve hears something; the descriptors are closed by forget(). */
static struct heard_call hear(enum http_op op)
{
	struct pollfd p = { .fd = serve, .events = POLLIN };
	struct heard_call h;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(io_recv_fds(serve, &h.m, sizeof(h.m), h.fds, 2), sizeof(h.m));
	assert_int_equal(h.m.op, op);
	assert_int_equal(h.fds[0] >= 0, op != HTTP_CANCEL);
	assert_int_equal(h.fds[1] >= 0, op == HTTP_CALL);
	return h;
}

static void forget(const struct heard_call *h)
{
	for (int i = 0; i < 2; i++)
		if (h->fds[i] >= 0)
			close(h->fds[i]);
}

static void tell(struct http_msg m)
{
	assert_int_equal(io_send_fds(serve, &m, sizeof(m), NULL, 0), 0);
}

static void answer(const struct heard_call *h, const char *output)
{
	struct http_msg m = good;

	m.id = h->m.id;
	assert_int_equal(io_write(h->fds[1] >= 0 ? h->fds[1] : h->fds[0], output, strlen(output)), 0);
	tell(m);
	forget(h);
}

/* Nothing is on its way to serve: a request that was sent later is answered already. */
static void serve_heard_nothing(void)
{
	struct pollfd p = { .fd = serve, .events = POLLIN };
	int fd = dial();

	request(fd, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
	response_is(fd, 200, "ok\n");
	close(fd);
	assert_int_equal(poll(&p, 1, 0), 0);
}

static void bytes_arrive_and_return_as_they_are(void **state)
{
	static char body[MAX_BODY], read_back[MAX_BODY];
	struct heard_call h;
	struct http_msg m = good;
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7 + i / 256);
	post(fd, "thumb_1", body, sizeof(body));
	h = hear(HTTP_CALL);
	assert_string_equal(h.m.name, "thumb_1");
	assert_int_equal(lseek(h.fds[0], 0, SEEK_CUR), 0);
	assert_int_equal(io_read(h.fds[0], read_back, sizeof(body)), 0);
	assert_memory_equal(body, read_back, sizeof(body));
	assert_int_equal(read(h.fds[0], read_back, 1), 0);
	assert_int_equal(io_write(h.fds[1], body, sizeof(body)), 0);
	m.id = h.m.id;
	tell(m);
	response(fd);
	assert_int_equal(got.status, 200);
	assert_int_equal(got.n, sizeof(body));
	assert_memory_equal(body, got.body, sizeof(body));
	forget(&h);
	close(fd);
}

static void the_headers_tell_of_the_call(void **state)
{
	struct heard_call h;
	int fd = dial();

	(void)state;
	post(fd, "f", "x", 1);
	h = hear(HTTP_CALL);
	answer(&h, "out");
	response_is(fd, 200, "out");
	assert_string_equal(header("Content-Type"), "application/octet-stream");
	assert_string_equal(header("X-Sandbox-Exit-Code"), "3");
	assert_string_equal(header("X-Sandbox-Reason"), "exit");
	assert_string_equal(header("X-Sandbox-Memory-KiB"), "2048");
	assert_string_equal(header("Server-Timing"), "queue;dur=0.123, start;dur=7.000, "
			    "command;dur=1000.001, total;dur=1007.124");
	assert_string_equal(header("Retry-After"), "");
	assert_string_not_equal(header("Date"), "");
	close(fd);
}

static void without_output_there_is_a_message(void **state)
{
	struct http_msg m = { .op = HTTP_ANSWER, .status = 429, .code = -1, .reason = "full\r\nX: y",
			      .message = "too many calls\r\nof f" };
	struct heard_call h;
	int fd = dial();

	(void)state;
	post(fd, "f", "", 0);
	h = hear(HTTP_CALL);
	m.id = h.m.id;
	tell(m);
	response_is(fd, 429, "too many calls??of f\n");
	assert_string_equal(header("Content-Type"), "text/plain");
	assert_string_equal(header("Retry-After"), "1");
	assert_string_equal(header("X-Sandbox-Reason"), "full??X: y");
	assert_string_equal(header("X"), "");
	assert_string_equal(header("X-Sandbox-Exit-Code"), "");
	forget(&h);
	close(fd);
}

static void nothing_at_all_is_an_empty_body(void **state)
{
	struct heard_call h;
	int fd = dial();

	(void)state;
	post(fd, "f", "", 0);
	h = hear(HTTP_CALL);
	answer(&h, "");
	response_is(fd, 200, "");
	assert_string_equal(header("Content-Length"), "0");
	close(fd);
}

static void what_is_not_there_is_404(void **state)
{
	int fd = dial();

	(void)state;
	request(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	response_is(fd, 404, "there is nothing by this name\n");
	assert_string_equal(header("Content-Type"), "text/plain");
	post(fd, "a/b", "body", 4);
	response_is(fd, 404, "there is nothing by this name\n");
	request(fd, "GET /healthz%00 HTTP/1.1\r\nHost: a\r\n\r\n");
	response_is(fd, 404, "there is nothing by this name\n");
	serve_heard_nothing();
	close(fd);
}

static void another_method_is_405(void **state)
{
	int fd = dial();

	(void)state;
	request(fd, "GET /v1/functions/f HTTP/1.1\r\nHost: a\r\n\r\n");
	response_is(fd, 405, "functions take POST\n");
	assert_string_equal(header("Allow"), "POST");
	request(fd, "DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
	response_is(fd, 405, "this takes GET\n");
	assert_string_equal(header("Allow"), "GET");
	serve_heard_nothing();
	close(fd);
}

static void a_declared_length_too_large_is_413_at_once(void **state)
{
	int fd = dial();

	(void)state;
	request(fd, "POST /v1/functions/f HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n");
	response_is(fd, 413, "the body is larger than 100000 bytes\n");
	assert_true(hung_up(fd));
	serve_heard_nothing();
	close(fd);
}

/* n chunks of 4096 bytes, or as many as are taken. */
static void send_chunks(int fd, unsigned n)
{
	static char chunk[6 + 4096 + 2];

	memset(chunk, 'x', sizeof(chunk));
	memcpy(chunk, "1000\r\n", 6);
	memcpy(chunk + 6 + 4096, "\r\n", 2);
	request(fd, "POST /v1/functions/f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (unsigned i = 0; i < n; i++)
		if (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) != sizeof(chunk))
			return;
	(void)!send(fd, "0\r\n\r\n", 5, MSG_NOSIGNAL);
}

static void chunks_make_a_body(void **state)
{
	struct heard_call h;
	int fd = dial();

	(void)state;
	send_chunks(fd, 20);
	h = hear(HTTP_CALL);
	assert_int_equal(lseek(h.fds[0], 0, SEEK_END), 20 * 4096);
	answer(&h, "y");
	response_is(fd, 200, "y");
	close(fd);
}

static void too_many_chunks_are_413(void **state)
{
	int fd = dial();

	(void)state;
	send_chunks(fd, 25);		/* 102400 bytes */
	response_is(fd, 413, "the body is larger than 100000 bytes\n");
	close(fd);
	serve_heard_nothing();
}

static void chunks_without_end_are_cut_off(void **state)
{
	int fd = dial();

	(void)state;
	send_chunks(fd, 1000);
	assert_true(hung_up(fd));
	close(fd);
	serve_heard_nothing();
}

static void a_length_and_chunks_are_400(void **state)
{
	int fd = dial();

	(void)state;
	request(fd, "POST /v1/functions/f HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	response(fd);
	assert_int_equal(got.status, 400);
	assert_true(hung_up(fd));
	close(fd);
	serve_heard_nothing();
}

static void who_asks_first_is_told_to_continue(void **state)
{
	struct heard_call h;
	int fd = dial();

	(void)state;
	request(fd, "POST /v1/functions/f HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
		"Expect: 100-continue\r\n\r\n");
	response_is(fd, 100, "");
	request(fd, "abc");
	h = hear(HTTP_CALL);
	answer(&h, "y");
	response_is(fd, 200, "y");
	close(fd);
}

static void who_asks_first_is_refused_first(void **state)
{
	int fd = dial();

	(void)state;
	request(fd, "POST /v1/nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
		"Expect: 100-continue\r\n\r\n");
	response_is(fd, 404, "there is nothing by this name\n");
	close(fd);
}

static void a_connection_serves_many_calls(void **state)
{
	int fd = dial();

	(void)state;
	for (int i = 0; i < 300; i++) {		/* more than there are slots */
		struct heard_call h;

		post(fd, "f", "x", 1);
		h = hear(HTTP_CALL);
		answer(&h, "y");
		response_is(fd, 200, "y");
		assert_string_equal(header("Connection"), "");
	}
	close(fd);
}

static void pending_at_once_are_answered_in_any_order(void **state)
{
	struct heard_call h1, h2;
	int one = dial(), two = dial();

	(void)state;
	post(one, "f", "1", 1);
	h1 = hear(HTTP_CALL);
	post(two, "f", "2", 1);
	h2 = hear(HTTP_CALL);
	answer(&h2, "second");
	response_is(two, 200, "second");
	answer(&h1, "first");
	response_is(one, 200, "first");
	close(one);
	close(two);
}

static void a_hundred_calls_are_open_at_once(void **state)
{
	static int fd[100];
	static struct heard_call h[100];

	(void)state;
	for (int i = 0; i < 100; i++) {
		fd[i] = dial();
		post(fd[i], "f", "x", 1);
		h[i] = hear(HTTP_CALL);
	}
	for (int i = 99; i >= 0; i--) {
		char n[8];

		snprintf(n, sizeof(n), "%d", i);
		answer(&h[i], n);
		response_is(fd[i], 200, n);
		close(fd[i]);
	}
}

static void who_is_one_too_many_waits_for_another_to_leave(void **state)
{
	static int fd[257];
	struct pollfd p = { .events = POLLIN };

	(void)state;
	for (int i = 0; i < 257; i++) {
		fd[i] = dial();
		request(fd[i], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
		if (i < 256)
			response_is(fd[i], 200, "ok\n");
	}
	p.fd = fd[256];
	assert_int_equal(poll(&p, 1, 100), 0);
	close(fd[0]);
	response_is(fd[256], 200, "ok\n");
	for (int i = 1; i < 257; i++)
		close(fd[i]);
}

static void who_leaves_cancels_the_call(void **state)
{
	struct heard_call h, c;
	int fd = dial();

	(void)state;
	post(fd, "f", "x", 1);
	h = hear(HTTP_CALL);
	close(fd);
	c = hear(HTTP_CANCEL);
	assert_int_equal(c.m.id, h.m.id);
	answer(&h, "too late");
	fd = dial();
	post(fd, "f", "x", 1);
	h = hear(HTTP_CALL);
	assert_int_not_equal(h.m.id, c.m.id);
	answer(&h, "in time");
	response_is(fd, 200, "in time");
	close(fd);
}

/* What sendfile() refuses to send is read, to be sent after all: with a call of its own. */
static void who_leaves_in_the_middle_of_an_output_is_borne(void **state)
{
	static char output[1 << 20];
	struct heard_call h;
	int fd = dial();
	char c;

	(void)state;
	memset(output, 'y', sizeof(output) - 1);
	post(fd, "f", "x", 1);
	h = hear(HTTP_CALL);
	answer(&h, output);
	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
	serve_heard_nothing();
}

static void who_leaves_while_sending_was_never_heard_of(void **state)
{
	int fd = dial();

	(void)state;
	request(fd, "POST /v1/functions/f HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nhalf");
	close(fd);
	serve_heard_nothing();
}

/* The data and the end may arrive as one: nothing more is waited for. */
static void who_ends_in_the_middle_is_hung_up_on(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		int fd = dial();

		request(fd, "POST /v1/functions/f HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nhalf");
		shutdown(fd, SHUT_WR);
		assert_true(hung_up(fd));
		close(fd);
	}
	serve_heard_nothing();
}

static void who_stops_sending_is_taken_for_gone(void **state)
{
	int fd = dial();

	(void)state;
	post(fd, "f", "x", 1);
	hear(HTTP_CALL);
	shutdown(fd, SHUT_WR);		/* over TCP it cannot be told from one that left */
	hear(HTTP_CANCEL);
	close(fd);
}

static void metrics_are_serves_words(void **state)
{
	struct heard_call h;
	int fd = dial();

	(void)state;
	request(fd, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
	h = hear(HTTP_METRICS);
	answer(&h, "calls 7\n");
	response_is(fd, 200, "calls 7\n");
	assert_string_equal(header("Content-Type"), "text/plain; version=0.0.4");
	assert_string_equal(header("X-Sandbox-Exit-Code"), "");
	close(fd);
}

static void garbage_is_400_and_no_end(void **state)
{
	static const char garbage[] = "\x16\x03\x01\x02\r\n\xff\xfe{}\r\n\r\n";
	int fd = dial();

	(void)state;
	send_bytes(fd, garbage, sizeof(garbage));
	response(fd);
	assert_true(got.status == 400 || got.status == 0);
	close(fd);
	fd = dial();
	request(fd, "GET /healthz HTTP/1.1\r\n\r\n");		/* nor is this complete */
	response(fd);
	assert_int_equal(got.status, 400);
	close(fd);
	serve_heard_nothing();
}

static void a_drained_front_ends(void **state)
{
	struct heard_call h;
	int idle = dial(), busy = dial(), late;

	(void)state;
	request(idle, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
	response_is(idle, 200, "ok\n");
	post(busy, "f", "x", 1);
	h = hear(HTTP_CALL);
	tell((struct http_msg){ .op = HTTP_DRAIN });
	tell((struct http_msg){ .op = HTTP_DRAIN });
	late = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; connect(late, (struct sockaddr *)&address, sizeof(address)) == 0; i++) {
		assert_true(i < PATIENCE_MS / 10);
		close(late);
		usleep(10000);
		late = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	answer(&h, "y");
	response_is(busy, 200, "y");
	assert_string_equal(header("Connection"), "close");
	assert_int_equal(ended(), 0);
	close(late);
	close(idle);
	close(busy);
}

/* For which the filter has a row of its own. */
static void a_client_may_come_over_tcp(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { PATIENCE_MS / 1000, 0 };
	struct heard_call h;

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&tcp_address, sizeof(tcp_address)), 0);
	post(fd, "f", "x", 1);
	h = hear(HTTP_CALL);
	answer(&h, "y");
	response_is(fd, 200, "y");
	close(fd);
}

static void a_half_sent_request_does_not_hold_up_the_end(void **state)
{
	int fd = dial();

	(void)state;
	request(fd, "POST /v1/functions/f HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nhalf");
	serve_heard_nothing();
	tell((struct http_msg){ .op = HTTP_DRAIN });
	assert_int_equal(ended(), 0);
	close(fd);
}

static void without_serve_it_ends(void **state)
{
	int fd = dial();

	(void)state;
	post(fd, "f", "x", 1);
	forget(&(struct heard_call){ .fds = { -1, -1 } });
	close(serve);
	serve = -1;
	assert_int_equal(ended(), 0);
	assert_true(hung_up(fd));
	close(fd);
}

static void nonsense_from_serve_ends_it(void **state)
{
	int status;

	(void)state;
	tell((struct http_msg){ .op = 77 });
	status = ended();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 125);
}

static unsigned long long status_of(const char *field, int base)
{
	char path[64], line[256];
	unsigned long long value = ULLONG_MAX;
	size_t n = strlen(field);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, field, n) && line[n] == ':')
			value = strtoull(line + n + 1, NULL, base);
	fclose(f);
	return value;
}

static void it_has_no_rights(void **state)
{
	unsigned id = getuid() ? getuid() : 65534;
	char c;

	(void)state;
	serve_heard_nothing();		/* it is there and at work */
	assert_int_equal(status_of("Uid", 10), id);
	assert_int_equal(status_of("CapPrm", 16), 0);
	assert_int_equal(status_of("CapEff", 16), 0);
	assert_int_equal(status_of("CapInh", 16), 0);
	assert_int_equal(status_of("CapAmb", 16), 0);
	if (getuid() == 0)
		assert_int_equal(status_of("CapBnd", 16), 0);
	assert_int_equal(status_of("NoNewPrivs", 10), 1);
#ifndef SANITIZED
	assert_int_equal(status_of("Threads", 10), 1);
	assert_int_equal(status_of("Seccomp", 10), 2);
#endif
	assert_int_equal(read(stray, &c, 1), 0);	/* what it was not told of, it closed */
}

#define WITH_CALLS(name) cmocka_unit_test_setup_teardown(name, with_calls, without_calls)
#define STARTED(name) cmocka_unit_test_setup_teardown(name, started, stopped)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_one_of_three),
		cmocka_unit_test(other_paths_are_none),
		cmocka_unit_test(a_name_has_63_letters_at_most),
		cmocka_unit_test(an_answer_tells_of_the_call),
		cmocka_unit_test(the_largest_numbers_fit),
		cmocka_unit_test(what_did_not_run_has_no_exit_code),
		cmocka_unit_test(only_printable_ascii_is_left),
		cmocka_unit_test(an_answer_out_of_bounds_is_none),
		WITH_CALLS(answers_find_their_calls),
		WITH_CALLS(a_late_answer_is_not_the_next_calls),
		WITH_CALLS(there_are_256_calls_at_most),
		WITH_CALLS(what_the_socket_cannot_take_waits),
		WITH_CALLS(an_ill_formed_packet_is_an_error),
		STARTED(bytes_arrive_and_return_as_they_are),
		STARTED(the_headers_tell_of_the_call),
		STARTED(without_output_there_is_a_message),
		STARTED(nothing_at_all_is_an_empty_body),
		STARTED(what_is_not_there_is_404),
		STARTED(another_method_is_405),
		STARTED(a_declared_length_too_large_is_413_at_once),
		STARTED(chunks_make_a_body),
		STARTED(too_many_chunks_are_413),
		STARTED(chunks_without_end_are_cut_off),
		STARTED(a_length_and_chunks_are_400),
		STARTED(who_asks_first_is_told_to_continue),
		STARTED(who_asks_first_is_refused_first),
		STARTED(a_connection_serves_many_calls),
		STARTED(pending_at_once_are_answered_in_any_order),
		STARTED(a_hundred_calls_are_open_at_once),
		STARTED(who_is_one_too_many_waits_for_another_to_leave),
		STARTED(who_leaves_cancels_the_call),
		STARTED(who_leaves_in_the_middle_of_an_output_is_borne),
		STARTED(who_leaves_while_sending_was_never_heard_of),
		STARTED(who_ends_in_the_middle_is_hung_up_on),
		STARTED(who_stops_sending_is_taken_for_gone),
		STARTED(metrics_are_serves_words),
		STARTED(garbage_is_400_and_no_end),
		STARTED(a_drained_front_ends),
		cmocka_unit_test_setup_teardown(a_client_may_come_over_tcp, started_over_tcp, stopped),
		STARTED(a_half_sent_request_does_not_hold_up_the_end),
		STARTED(without_serve_it_ends),
		STARTED(nonsense_from_serve_ends_it),
		STARTED(it_has_no_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
