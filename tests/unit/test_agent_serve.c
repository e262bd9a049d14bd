/* test_agent_serve.c - the loop of the guest's agent, with commands of this host: several at once.
 *
 * rootfs/host.c is not linked: Unix sockets are in the place of vsock. */
#include "tests/unit/check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "rootfs/agent.h"

#define GAVE_UP 42

static int control;			/* of either side */
static char host_name[32];		/* part of the addresses of its ports */

static socklen_t address(struct sockaddr_un *a, uint32_t port)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "%s/%u", host_name, port);
	return sizeof(*a);
}

/* --- rootfs/host.c ------------------------------------------------------------------------------ */

int host_hello(uint32_t session)
{
	(void)session;
	return -ENOTSUP;
}

int host_fd(void)
{
	return control;
}

void host_recv(struct msg *m)
{
	if (msg_recv(control, m, FROM_HOST) < 0)
		_exit(0);
}

void host_send(struct msg *m, enum msg_type type, uint32_t id, size_t body)
{
	msg_seal(m, type, id, body);
	if (msg_send(control, m) < 0)
		_exit(0);
}

int host_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int host_connect(int fd, uint32_t port)
{
	struct sockaddr_un a;
	socklen_t n = address(&a, port);

	return connect(fd, (struct sockaddr *)&a, n) < 0 ? -errno : 0;
}

int host_connected(int fd)
{
	(void)fd;
	return 0;
}

void host_log(const char *fmt, ...)
{
	(void)fmt;
}

void host_give_up(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	_exit(GAVE_UP);
}

/* What pid 1 of a guest may do, a container's root may not. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	(void)resource;
	(void)limit;
	return 0;
}

/* --- this side ----------------------------------------------------------------------------------- */

static pid_t agent;
static struct msg m;

static int setup(void **state)
{
	int pair[2];

	(void)state;
	snprintf(host_name, sizeof(host_name), "test-agent-%d", getpid());
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	agent = fork();
	if (agent == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		control = pair[1];
		close(pair[0]);
		if (serve_init() < 0)
			_exit(1);
		serve();
	}
	close(pair[1]);
	control = pair[0];
	return 0;
}

/* How the agent ended; its commands end with the streams, or were killed by the test. */
static int agents_end(void)
{
	int status;

	close(control);
	control = -1;
	assert_int_equal(waitpid(agent, &status, 0), agent);
	agent = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int teardown(void **state)
{
	(void)state;
	if (agent)
		assert_int_equal(agents_end(), 0);
	return 0;
}

struct running {
	uint32_t id;
	int stream[N_STREAMS];
};

static void hear(enum msg_type type, uint32_t id)
{
	struct pollfd p = { .fd = control, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(msg_recv(control, &m, FROM_GUEST), 0);
	assert_int_equal(m.head.type, type);
	assert_int_equal(m.head.id, id);
}

static void send_exec(uint32_t id, const char *script)
{
	size_t used = sizeof(struct msg_exec);

	memset(&m, 0, sizeof(m));
	m.exec.argc = 3;
	strcpy(m.exec.user, "root");
	used = msg_exec_add(&m, used, "/");
	used = msg_exec_add(&m, used, "sh");
	used = msg_exec_add(&m, used, "-c");
	used = msg_exec_add(&m, used, script);
	msg_seal(&m, MSG_EXEC, id, used);
	assert_int_equal(msg_send(control, &m), 0);
}

static struct running start(uint32_t id, const char *script)
{
	struct running r = { .id = id };
	int listener[N_STREAMS];

	for (unsigned i = 0; i < N_STREAMS; i++) {
		struct sockaddr_un a;
		socklen_t n = address(&a, PORT_STREAM(id, i));

		listener[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(listener[i], (struct sockaddr *)&a, n), 0);
		assert_int_equal(listen(listener[i], 1), 0);
	}
	send_exec(id, script);
	for (unsigned i = 0; i < N_STREAMS; i++) {
		r.stream[i] = accept4(listener[i], NULL, NULL, SOCK_CLOEXEC);
		assert_true(r.stream[i] >= 0);
		close(listener[i]);
	}
	hear(MSG_STARTED, id);
	return r;
}

static void end(struct running *r)
{
	for (unsigned i = 0; i < N_STREAMS; i++)
		close(r->stream[i]);
}

static void reads(const struct running *r, const char *text)
{
	char got[64] = "";

	assert_int_equal(io_read(r->stream[STREAM_STDOUT], got, strlen(text)), 0);
	assert_string_equal(got, text);
}

static void send_signal(uint32_t id, int signo)
{
	m.signal = (struct msg_signal){ (uint32_t)signo };
	msg_seal(&m, MSG_SIGNAL, id, sizeof(m.signal));
	assert_int_equal(msg_send(control, &m), 0);
}

static void exits(struct running *r, int code)
{
	hear(MSG_EXITED, r->id);
	assert_int_equal(m.exited.code, code);
	assert_int_equal(m.exited.drained, 1);
	end(r);
}

static void two_at_once_have_streams_of_their_own(void **state)
{
	struct running one = start(1, "cat; exit 3"), two = start(2, "echo two; exit 5");

	(void)state;
	reads(&two, "two\n");
	exits(&two, 5);
	assert_int_equal(write(one.stream[STREAM_STDIN], "still\n", 6), 6);
	reads(&one, "still\n");
	shutdown(one.stream[STREAM_STDIN], SHUT_WR);
	exits(&one, 3);
}

static void a_signal_is_for_one(void **state)
{
	struct running one = start(1, "echo a; exec sleep 100"), two = start(2, "echo b; exec sleep 100");

	(void)state;
	reads(&one, "a\n");
	reads(&two, "b\n");
	send_signal(2, SIGTERM);
	hear(MSG_EXITED, 2);
	assert_int_equal(m.exited.signal, SIGTERM);
	end(&two);
	send_signal(1, SIGKILL);
	hear(MSG_EXITED, 1);
	assert_int_equal(m.exited.signal, SIGKILL);
	end(&one);
}

static void places_are_used_again(void **state)
{
	struct running first = start(1, "cat");

	(void)state;
	for (uint32_t id = 2; id < 40; id += 2) {
		struct running a = start(id, "cat; exit 1"), b = start(id + 1, "exit 2");

		exits(&b, 2);
		shutdown(a.stream[STREAM_STDIN], SHUT_WR);
		exits(&a, 1);
	}
	shutdown(first.stream[STREAM_STDIN], SHUT_WR);
	exits(&first, 0);
}

/* As many as there are places, and one more, which the host would not ask for. */
static void one_too_many_ends_the_machine(void **state)
{
	struct running r[MAX_SESSIONS];

	(void)state;
	for (uint32_t i = 0; i < MAX_SESSIONS; i++)
		r[i] = start(10 + i, "cat");
	send_exec(100, "true");
	assert_int_equal(poll(&(struct pollfd){ .fd = control, .events = POLLIN }, 1, 20000), 1);
	assert_int_equal(agents_end(), GAVE_UP);
	for (uint32_t i = 0; i < MAX_SESSIONS; i++)
		end(&r[i]);
}

static void an_id_that_is_in_use_ends_the_machine(void **state)
{
	struct running r = start(1, "cat");

	(void)state;
	send_exec(1, "true");
	assert_int_equal(poll(&(struct pollfd){ .fd = control, .events = POLLIN }, 1, 20000), 1);
	assert_int_equal(agents_end(), GAVE_UP);
	end(&r);
}

/* Its reader takes nothing, and something holds its output open: its neighbour does not mind. */
static void one_that_is_stuck_holds_up_nobody(void **state)
{
	struct running stuck = start(1, "head -c 2000000 /dev/zero; sleep 2 & exit 4");
	struct running open = start(2, "sleep 2 & exit 6"), quick;
	static char zeroes[2000000];

	(void)state;
	hear(MSG_EXITED, 2);
	assert_int_equal(m.exited.code, 6);
	assert_int_equal(m.exited.drained, 0);
	end(&open);
	quick = start(3, "echo quick");
	reads(&quick, "quick\n");
	exits(&quick, 0);
	assert_int_equal(io_read(stuck.stream[STREAM_STDOUT], zeroes, sizeof(zeroes)), 0);
	hear(MSG_EXITED, 1);
	assert_int_equal(m.exited.code, 4);
	end(&stuck);
}

static void commands_run(void **state)
{
	(void)state;
	print_message("skip: the agent starts commands as root does\n");
	skip();
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(two_at_once_have_streams_of_their_own),
		T(a_signal_is_for_one),
		T(places_are_used_again),
		T(one_too_many_ends_the_machine),
		T(an_id_that_is_in_use_ends_the_machine),
		T(one_that_is_stuck_holds_up_nobody),
	};

	const struct CMUnitTest none[] = { cmocka_unit_test(commands_run) };

	signal(SIGPIPE, SIG_IGN);
	if (geteuid() != 0)
		return cmocka_run_group_tests(none, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
