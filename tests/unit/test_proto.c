/* test_proto.c - control messages: what is accepted from whom, and what is not. */
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/proto.h"

static struct msg m;

/* A good message of each type, and who sends it. */
static enum side make(enum msg_type type)
{
	size_t body;

	memset(&m, 0, sizeof(m));
	switch (type) {
	case MSG_HELLO:
		msg_seal(&m, type, 0, sizeof(m.hello));
		return FROM_GUEST;
	case MSG_WELCOME:
		strcpy(m.welcome.hostname, "sandbox");
		m.welcome.machine_id[15] = 1;
		msg_seal(&m, type, 0, sizeof(m.welcome));
		return FROM_HOST;
	case MSG_EXEC:
		m.exec.argc = 2;
		m.exec.envc = 1;
		strcpy(m.exec.user, "1000");
		body = msg_exec_add(&m, sizeof(m.exec), "");
		body = msg_exec_add(&m, body, "ls");
		body = msg_exec_add(&m, body, "-l");
		body = msg_exec_add(&m, body, "HOME=/");
		msg_seal(&m, type, 7, body);
		return FROM_HOST;
	case MSG_STARTED:
		msg_seal(&m, type, 7, sizeof(m.started));
		return FROM_GUEST;
	case MSG_SPAWN_FAILED:
		m.spawn_failed = (struct msg_spawn_failed){ SPAWN_FIND, ENOENT };
		msg_seal(&m, type, 7, sizeof(m.spawn_failed));
		return FROM_GUEST;
	case MSG_SIGNAL:
		m.signal.signo = 15;
		msg_seal(&m, type, 7, sizeof(m.signal));
		return FROM_HOST;
	case MSG_RESIZE:
		msg_seal(&m, type, 7, sizeof(m.resize));
		return FROM_HOST;
	case MSG_ATTACH:
		msg_seal(&m, type, 7, sizeof(m.attach));
		return FROM_HOST;
	case MSG_EXITED:
		m.exited.code = 255;
		msg_seal(&m, type, 7, sizeof(m.exited));
		return FROM_GUEST;
	default:
		strcpy(m.log.text, "a line");
		msg_seal(&m, type, 0, sizeof(m.log));
		return FROM_GUEST;
	}
}

static void good_ones_pass_from_their_side_only(void **state)
{
	(void)state;
	for (enum msg_type t = MSG_HELLO; t < N_MSG_TYPES; t++) {
		enum side from = make(t), other = from == FROM_HOST ? FROM_GUEST : FROM_HOST;

		assert_int_equal(msg_check(&m, from), 0);
		assert_int_equal(msg_check(&m, other), -EPROTO);
		assert_int_equal(msg_check_header(&m.head, other), -EPROTO);
	}
}

static void headers_are_exact(void **state)
{
	(void)state;
	for (enum msg_type t = MSG_HELLO; t < N_MSG_TYPES; t++) {
		enum side from = make(t);
		struct msg_header h = m.head;

#define BAD(field, value) do {						\
		m.head = h;						\
		m.head.field = (value);					\
		assert_int_equal(msg_check(&m, from), -EPROTO);		\
	} while (0)
		BAD(magic, PROTO_MAGIC ^ 1);
		BAD(version, PROTO_VERSION + 1);
		BAD(zero, 1);
		BAD(type, 0);
		BAD(type, N_MSG_TYPES);
		BAD(type, 255);
		BAD(length, h.length - 1);
		BAD(length, h.length + 1);
		BAD(length, 0);
		BAD(length, MAX_FRAME);
		BAD(length, UINT32_MAX);
#undef BAD
	}
}

static void exec_strings_come_back(void **state)
{
	(void)state;
	make(MSG_EXEC);
	assert_string_equal(msg_exec_string(&m, 0), "");
	assert_string_equal(msg_exec_string(&m, 1), "ls");
	assert_string_equal(msg_exec_string(&m, 2), "-l");
	assert_string_equal(msg_exec_string(&m, 3), "HOME=/");
}

static void exec_counts_match_its_strings(void **state)
{
	static const struct { uint32_t argc, envc; } bad[] = {
		{ 0, 3 }, { 1, 1 }, { 2, 0 }, { 2, 2 }, { 3, 1 }, { MAX_ARGS + 1, 0 },
		{ UINT32_MAX, 4 }, { 2, UINT32_MAX }, { 0x80000001u, 0x80000002u },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make(MSG_EXEC);
		m.exec.argc = bad[i].argc;
		m.exec.envc = bad[i].envc;
		assert_int_equal(msg_check(&m, FROM_HOST), -EPROTO);
	}
	make(MSG_EXEC);
	m.body[m.head.length - 1] = 'x';			/* unterminated */
	assert_int_equal(msg_check(&m, FROM_HOST), -EPROTO);
	make(MSG_EXEC);
	memset(m.exec.user, 'u', sizeof(m.exec.user));
	assert_int_equal(msg_check(&m, FROM_HOST), -EPROTO);
}

static void exec_is_full_when_the_frame_is(void **state)
{
	static char s[1000];
	size_t used = sizeof(struct msg_exec), next;
	uint32_t n = 0;

	(void)state;
	memset(s, 'a', sizeof(s) - 1);
	while ((next = msg_exec_add(&m, used, s)) != 0) {
		used = next;
		n++;
	}
	assert_true(used <= sizeof(m.body) && used + sizeof(s) > sizeof(m.body));
	memset(&m.exec, 0, sizeof(m.exec));
	m.exec.argc = n - 1;
	assert_int_equal(msg_seal(&m, MSG_EXEC, 1, used), used + sizeof(m.head));
	assert_int_equal(msg_check(&m, FROM_HOST), 0);
	assert_string_equal(msg_exec_string(&m, n - 1), s);
}

static void values_are_in_range(void **state)
{
	(void)state;
	make(MSG_SIGNAL);
	m.signal.signo = 0;
	assert_int_equal(msg_check(&m, FROM_HOST), -EPROTO);
	m.signal.signo = 65;
	assert_int_equal(msg_check(&m, FROM_HOST), -EPROTO);
	make(MSG_EXITED);
	m.exited.code = 256;
	assert_int_equal(msg_check(&m, FROM_GUEST), -EPROTO);
	m.exited.code = -1;
	assert_int_equal(msg_check(&m, FROM_GUEST), -EPROTO);
	make(MSG_EXITED);
	m.exited.signal = 65;
	assert_int_equal(msg_check(&m, FROM_GUEST), -EPROTO);
	make(MSG_EXITED);
	m.exited.limit = N_EXITED_LIMITS;
	assert_int_equal(msg_check(&m, FROM_GUEST), -EPROTO);
	m.exited.limit = LIMIT_PIDS;
	m.exited.zero = 1;
	assert_int_equal(msg_check(&m, FROM_GUEST), -EPROTO);
	make(MSG_SPAWN_FAILED);
	m.spawn_failed.stage = N_SPAWN_STAGES;
	assert_int_equal(msg_check(&m, FROM_GUEST), -EPROTO);
	m.spawn_failed.stage = 0;
	assert_int_equal(msg_check(&m, FROM_GUEST), -EPROTO);
	make(MSG_SPAWN_FAILED);
	m.spawn_failed.error = -ENOENT;
	assert_int_equal(msg_check(&m, FROM_GUEST), -EPROTO);
	make(MSG_LOG);
	memset(m.log.text, 'x', sizeof(m.log.text));
	assert_int_equal(msg_check(&m, FROM_GUEST), -EPROTO);
	make(MSG_WELCOME);
	memset(m.welcome.hostname, 'x', sizeof(m.welcome.hostname));
	assert_int_equal(msg_check(&m, FROM_HOST), -EPROTO);
	make(MSG_WELCOME);
	m.welcome.machine_id[15] = 0;
	assert_int_equal(msg_check(&m, FROM_HOST), -EPROTO);
}

static void a_welcome_has_a_whole_card_or_none(void **state)
{
	static const struct msg_card good[] = {
		{ .mac = { 2, 0, 0, 0, 0, 1 } },
		{ { 2, 0, 0, 0, 0, 1 }, 24, 0, { 10, 0, 0, 2 }, { 0 } },
		{ { 2, 0, 0, 0, 0, 1 }, 24, 0, { 10, 0, 0, 2 }, { 10, 0, 0, 1 } },
		{ { 2, 0, 0, 0, 0, 1 }, 24, 1, { 10, 0, 0, 2 }, { 10, 0, 0, 1 } },
		{ { 2, 0, 0, 0, 0, 1 }, 32, 0, { 10, 0, 0, 2 }, { 0 } },
	};
	static const struct msg_card bad[] = {
		{ .mac = { 1, 0, 0x5e, 0, 0, 1 } },			/* a group's */
		{ .mac = { 2, 0, 0, 0, 0, 1 }, .names = 1 },
		{ .names = 1 },
		{ { 2, 0, 0, 0, 0, 1 }, 24, 1, { 10, 0, 0, 2 }, { 0 } },
		{ { 2, 0, 0, 0, 0, 1 }, 24, 2, { 10, 0, 0, 2 }, { 10, 0, 0, 1 } },
		{ { 0 }, 24, 0, { 10, 0, 0, 2 }, { 0 } },		/* an address, and no card */
		{ { 2, 0, 0, 0, 0, 1 }, 33, 0, { 10, 0, 0, 2 }, { 0 } },
		{ { 2, 0, 0, 0, 0, 1 }, 255, 0, { 10, 0, 0, 2 }, { 0 } },
		{ { 2, 0, 0, 0, 0, 1 }, 0, 0, { 10, 0, 0, 2 }, { 0 } },
		{ { 2, 0, 0, 0, 0, 1 }, 24, 0, { 0 }, { 0 } },
		{ { 2, 0, 0, 0, 0, 1 }, 24, 0, { 10, 0, 0, 255 }, { 0 } },
		{ { 2, 0, 0, 0, 0, 1 }, 24, 0, { 239, 0, 0, 1 }, { 0 } },
		{ { 2, 0, 0, 0, 0, 1 }, 0, 0, { 0 }, { 10, 0, 0, 1 } },	/* a gateway alone */
		{ { 2, 0, 0, 0, 0, 1 }, 24, 0, { 10, 0, 0, 2 }, { 10, 0, 1, 1 } },
		{ { 2, 0, 0, 0, 0, 1 }, 24, 0, { 10, 0, 0, 2 }, { 10, 0, 0, 2 } },
	};

	(void)state;
	make(MSG_WELCOME);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		m.welcome.card = good[i];
		assert_int_equal(msg_check(&m, FROM_HOST), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		m.welcome.card = bad[i];
		assert_int_equal(msg_check(&m, FROM_HOST), -EPROTO);
	}
}

static void messages_cross_a_stream(void **state)
{
	static struct msg got;
	int sv[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	for (enum msg_type t = MSG_HELLO; t < N_MSG_TYPES; t++) {
		enum side from = make(t);

		assert_int_equal(msg_send(sv[0], &m), 0);
		assert_int_equal(msg_recv(sv[1], &got, from), 0);
		assert_memory_equal(&got, &m, sizeof(m.head) + m.head.length);
	}
	make(MSG_EXEC);
	assert_int_equal(msg_send(sv[0], &m), 0);
	assert_int_equal(msg_recv(sv[1], &got, FROM_GUEST), -EPROTO);
	close(sv[0]);
	close(sv[1]);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(write(sv[0], &m, 20), 20);		/* cut in the body */
	close(sv[0]);
	assert_int_equal(msg_recv(sv[1], &got, FROM_HOST), -EPIPE);
	close(sv[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_pass_from_their_side_only),
		cmocka_unit_test(headers_are_exact), cmocka_unit_test(exec_strings_come_back),
		cmocka_unit_test(exec_counts_match_its_strings),
		cmocka_unit_test(exec_is_full_when_the_frame_is),
		cmocka_unit_test(values_are_in_range),
		cmocka_unit_test(a_welcome_has_a_whole_card_or_none),
		cmocka_unit_test(messages_cross_a_stream),
	};

	return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
