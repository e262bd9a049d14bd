/* test_session.c - the runner's side of the control connection, the broker and the reports,
 * fed by peers that behave and by peers that do not. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/broker.h"
#include "runner/machine.h"
#include "runner/reports.h"
#include "runner/session.h"

#define SESSION_ID 1u

static struct watch_set set;
static struct facts facts;
static struct session session;
static struct broker broker;
static struct reports reports;
static struct opts opts;
static int guest;		/* the far end of the control connection */
static int monitor;		/* the far end of the broker */

/* Serve everything that is there. */
static void serve(void)
{
	while (watch_wait(&set, now_ns()) > 0)
		;
}

static struct msg say_buf, heard;

static void send_msg(enum msg_type type, uint32_t id, size_t body)
{
	size_t n = msg_seal(&say_buf, type, id, body);

	assert_int_equal(io_write(guest, &say_buf, n), 0);
}

static void send_hello(void)
{
	say_buf.hello = (struct msg_hello){ .agent_version = PROTO_VERSION };
	send_msg(MSG_HELLO, 0, sizeof(say_buf.hello));
}

static void hear(enum msg_type type)
{
	assert_int_equal(msg_recv(guest, &heard, FROM_HOST), 0);
	assert_int_equal(heard.head.type, type);
}

static void request(uint32_t id, uint32_t port, uint32_t op)
{
	struct broker_msg m = { BROKER_REQUEST, id, port };
	int fd;

	assert_int_equal(io_send_fd(monitor, &m, sizeof(m), -1), 0);
	serve();
	assert_int_equal(io_recv_fd(monitor, &m, sizeof(m), &fd), sizeof(m));
	assert_int_equal(m.op, op);
	assert_int_equal(m.id, id);
	assert_int_equal(fd >= 0, op == BROKER_ACCEPT);
	if (fd >= 0)
		guest = fd;
}

static const char *address, *mac;	/* of the card, if there is an address */

static int connect_guest(enum spec_snapshot snapshot)
{
	static char echo[] = "echo", hi[] = "hi";
	static char *argv[] = { echo, hi, NULL };
	struct err err;
	int pair[2];

	memset(&set, 0, sizeof(set));
	memset(&facts, 0, sizeof(facts));
	memset(&session, 0, sizeof(session));
	spec_init(&opts.spec);
	opts.spec.snapshot = snapshot;
	opts.spec.net_fd = address ? 3 : 0;
	opts.spec.address = address;
	opts.spec.mac = mac;
	opts.spec.env = (struct spec_list){ 1, { "A=1" } };
	opts.argc = 2;
	opts.argv = argv;
	assert_int_equal(session_compose(&session, &opts, false, SESSION_ID, &err), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	monitor = pair[1];
	broker_init(&broker, pair[0], &facts, &set);
	session_init(&session, &opts.spec, machine_generation(&opts.spec), &facts, &set);
	broker_offer(&broker, &session.port);
	request(1, PORT_CONTROL, BROKER_ACCEPT);
	fcntl(guest, F_SETFL, 0);	/* this side of the test blocks */
	return 0;
}

static int connected(void **state)
{
	(void)state;
	return connect_guest(SNAP_NONE);
}

static int restored(void **state)
{
	(void)state;
	return connect_guest(SNAP_RESTORE);
}

static int with_a_card(void **state)
{
	(void)state;
	address = "10.0.0.2/24,10.0.0.1";
	return connect_guest(SNAP_RESTORE);
}

static int with_that_card(void **state)
{
	mac = "02:00:5e:10:00:01";
	return with_a_card(state);
}

static int disconnect(void **state)
{
	(void)state;
	address = mac = NULL;
	close(guest);
	close(monitor);
	watch_close(&session.watch);
	watch_close(&broker.watch);
	return 0;
}

static void starts(void)
{
	send_hello();
	serve();
	hear(MSG_WELCOME);
	hear(MSG_EXEC);
	say_buf.started = (struct msg_started){ .pid = 2 };
	send_msg(MSG_STARTED, SESSION_ID, sizeof(say_buf.started));
	serve();
	assert_true(facts.t_started);
}

static void broke_a_rule(void)
{
	serve();
	assert_true(facts.protocol[0]);
}

/* --- the session --------------------------------------------------------------------- */

static void a_run_in_its_order(void **state)
{
	(void)state;
	send_hello();
	serve();
	hear(MSG_WELCOME);
	assert_string_equal(heard.welcome.hostname, "sandbox");
	assert_true(heard.welcome.realtime_ns > 1600000000000000000u);
	hear(MSG_EXEC);
	assert_int_equal(heard.exec.argc, 2);
	assert_string_equal(heard.exec.user, "1000");
	assert_string_equal(msg_exec_string(&heard, 2), "hi");
	assert_string_equal(msg_exec_string(&heard, 3), "A=1");
	say_buf.started = (struct msg_started){ .pid = 2 };
	send_msg(MSG_STARTED, SESSION_ID, sizeof(say_buf.started));
	say_buf.exited = (struct msg_exited){ .code = 7, .drained = 1 };
	send_msg(MSG_EXITED, SESSION_ID, sizeof(say_buf.exited));
	serve();
	assert_true(facts.has_exited);
	assert_int_equal(facts.exited.code, 7);
	assert_int_equal(facts.protocol[0], 0);
}

static void entropy_differs_every_time(void **state)
{
	uint8_t first[64];

	(void)state;
	send_hello();
	serve();
	hear(MSG_WELCOME);
	memcpy(first, heard.welcome.entropy, sizeof(first));
	disconnect(NULL);
	connected(NULL);
	send_hello();
	serve();
	hear(MSG_WELCOME);
	assert_memory_not_equal(first, heard.welcome.entropy, sizeof(first));
}

/* Say STARTED with that generation, after a welcome. */
static void acknowledge(uint64_t generation)
{
	say_buf.started = (struct msg_started){ .pid = 2, .generation = generation };
	send_msg(MSG_STARTED, SESSION_ID, sizeof(say_buf.started));
	serve();
}

static uint64_t welcomed(void)
{
	send_hello();
	serve();
	hear(MSG_WELCOME);
	return heard.welcome.generation;
}

static void a_booted_machine_is_generation_0(void **state)
{
	(void)state;
	assert_int_equal(welcomed(), 0);
	acknowledge(0);
	assert_true(facts.t_started);
}

static void each_restore_has_its_own_identity(void **state)
{
	uint64_t first = welcomed();
	uint8_t id[16];

	(void)state;
	memcpy(id, heard.welcome.machine_id, sizeof(id));
	assert_int_equal(id[6] >> 4, 4);
	assert_int_equal(id[8] >> 6, 2);
	disconnect(NULL);
	restored(NULL);
	assert_int_not_equal(first, 0);
	assert_int_not_equal(welcomed(), first);
	assert_memory_not_equal(heard.welcome.machine_id, id, sizeof(id));
	acknowledge(session.generation);
	assert_true(facts.t_started);
}

static void no_card_is_welcomed_without_one(void **state)
{
	static const struct msg_card none;

	(void)state;
	welcomed();
	assert_memory_equal(&heard.welcome.card, &none, sizeof(none));
}

static void each_card_has_its_own_mac(void **state)
{
	struct msg_card first;

	(void)state;
	welcomed();
	first = heard.welcome.card;
	assert_int_equal(first.mac[0] & (MAC_LOCAL | MAC_GROUP), MAC_LOCAL);
	assert_int_equal(first.prefix, 24);
	assert_memory_equal(first.address, "\x0a\0\0\x02", 4);
	assert_memory_equal(first.gateway, "\x0a\0\0\x01", 4);
	disconnect(NULL);
	with_a_card(NULL);
	welcomed();
	assert_memory_not_equal(heard.welcome.card.mac, first.mac, sizeof(first.mac));
}

static void a_card_has_the_mac_that_was_asked_for(void **state)
{
	(void)state;
	welcomed();
	assert_memory_equal(heard.welcome.card.mac, "\x02\0\x5e\x10\0\x01", 6);
}

static void another_generation_breaks_a_rule(void **state)
{
	uint64_t generation = welcomed();

	(void)state;
	acknowledge(generation + 1);
	broke_a_rule();
	assert_false(facts.t_started);
}

/* --- a command that was saved while it ran --------------------------------------------- */

static void send_hello_of(uint32_t id)
{
	say_buf.hello = (struct msg_hello){ .agent_version = PROTO_VERSION, .session = id };
	send_msg(MSG_HELLO, 0, sizeof(say_buf.hello));
	serve();
}

static void a_command_that_goes_on_is_attached_to(void **state)
{
	(void)state;
	session_attach(&session, 7, false);
	send_hello_of(7);
	hear(MSG_WELCOME);
	hear(MSG_ATTACH);
	assert_int_equal(heard.head.id, 7);
	say_buf.started = (struct msg_started){ .generation = session.generation };
	send_msg(MSG_STARTED, 7, sizeof(say_buf.started));
	serve();
	assert_true(facts.t_started);
}

static void a_command_that_has_ended_breaks_a_rule(void **state)
{
	(void)state;
	session_attach(&session, 7, false);
	send_hello_of(0);
	broke_a_rule();
}

static void a_command_that_nobody_saved_breaks_a_rule(void **state)
{
	(void)state;
	send_hello_of(SESSION_ID);
	broke_a_rule();
}

static void a_message_may_come_byte_by_byte(void **state)
{
	size_t n;

	(void)state;
	say_buf.hello = (struct msg_hello){ .agent_version = PROTO_VERSION };
	n = msg_seal(&say_buf, MSG_HELLO, 0, sizeof(say_buf.hello));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(facts.t_hello, 0);
		assert_int_equal(io_write(guest, (char *)&say_buf + i, 1), 0);
		serve();
	}
	assert_true(facts.t_hello);
}

static void signals_and_sizes_are_sent(void **state)
{
	(void)state;
	starts();
	session_signal(&session, 15);
	session_resize(&session);
	hear(MSG_SIGNAL);
	assert_int_equal(heard.signal.signo, 15);
	hear(MSG_RESIZE);
}

static void a_guest_that_does_not_read_costs_nothing(void **state)
{
	(void)state;
	starts();
	for (int i = 0; i < 200000; i++)
		session_signal(&session, 10);
	serve();
	assert_int_equal(facts.protocol[0], 0);
	assert_true(session.queued <= sizeof(session.out));
	hear(MSG_SIGNAL);		/* what was sent is whole */
}

static void started_before_hello_breaks_a_rule(void **state)
{
	(void)state;
	say_buf.started = (struct msg_started){ .pid = 2 };
	send_msg(MSG_STARTED, SESSION_ID, sizeof(say_buf.started));
	broke_a_rule();
}

static void hello_twice_breaks_a_rule(void **state)
{
	(void)state;
	send_hello();
	send_hello();
	broke_a_rule();
}

static void exited_before_started_breaks_a_rule(void **state)
{
	(void)state;
	send_hello();
	say_buf.exited = (struct msg_exited){ .code = 0 };
	send_msg(MSG_EXITED, SESSION_ID, sizeof(say_buf.exited));
	broke_a_rule();
}

static void exited_twice_breaks_a_rule(void **state)
{
	(void)state;
	starts();
	for (int i = 0; i < 2; i++) {
		say_buf.exited = (struct msg_exited){ .code = i };
		send_msg(MSG_EXITED, SESSION_ID, sizeof(say_buf.exited));
	}
	broke_a_rule();
	assert_int_equal(facts.exited.code, 0);
}

static void another_session_breaks_a_rule(void **state)
{
	(void)state;
	send_hello();
	say_buf.started = (struct msg_started){ .pid = 2 };
	send_msg(MSG_STARTED, SESSION_ID + 1, sizeof(say_buf.started));
	broke_a_rule();
}

static void rubbish_breaks_a_rule(void **state)
{
	char rubbish[64];

	(void)state;
	memset(rubbish, 'x', sizeof(rubbish));
	assert_int_equal(io_write(guest, rubbish, sizeof(rubbish)), 0);
	broke_a_rule();
}

static void a_code_that_is_none_breaks_a_rule(void **state)
{
	(void)state;
	starts();
	say_buf.exited = (struct msg_exited){ .code = 256 };
	send_msg(MSG_EXITED, SESSION_ID, sizeof(say_buf.exited));
	broke_a_rule();
	assert_false(facts.has_exited);
}

static void another_version_breaks_a_rule(void **state)
{
	(void)state;
	say_buf.hello = (struct msg_hello){ .agent_version = PROTO_VERSION + 1 };
	send_msg(MSG_HELLO, 0, sizeof(say_buf.hello));
	broke_a_rule();
}

static void a_command_that_does_not_fit_is_refused(void **state)
{
	static char big[MAX_FRAME];
	char *argv[] = { big, NULL };
	struct err err;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	opts.argc = 1;
	opts.argv = argv;
	assert_int_equal(session_compose(&session, &opts, false, SESSION_ID, &err), -E2BIG);
}

static void a_variable_without_value_is_taken_from_here(void **state)
{
	struct err err;
	static char word[] = "true";
	char *argv[] = { word, NULL };

	(void)state;
	setenv("FROM_HERE", "host's", 1);
	unsetenv("NOT_HERE");
	opts.argc = 1;
	opts.argv = argv;
	opts.spec.env = (struct spec_list){ 2, { "FROM_HERE", "NOT_HERE" } };
	setenv("TERM", "vt100", 1);
	assert_int_equal(session_compose(&session, &opts, true, SESSION_ID, &err), 0);
	assert_int_equal(session.exec.exec.envc, 2);
	assert_string_equal(msg_exec_string(&session.exec, 2), "FROM_HERE=host's");
	assert_string_equal(msg_exec_string(&session.exec, 3), "TERM=vt100");
	assert_int_equal(session.exec.exec.flags & EXEC_TTY, EXEC_TTY);
}

/* --- the broker ---------------------------------------------------------------------- */

static void a_port_is_accepted_once(void **state)
{
	int first = guest;

	(void)state;
	request(2, PORT_CONTROL, BROKER_REFUSE);
	guest = first;
}

static void other_ports_are_refused(void **state)
{
	(void)state;
	request(3, 22, BROKER_REFUSE);
	request(4, PORT_STREAM(1u, STREAM_STDIN), BROKER_REFUSE);	/* not offered yet */
}

static void a_malformed_request_breaks_a_rule(void **state)
{
	struct broker_msg m = { BROKER_ACCEPT, 1, PORT_CONTROL };

	(void)state;
	assert_int_equal(io_send_fd(monitor, &m, sizeof(m), -1), 0);
	broke_a_rule();
}

static void a_short_request_breaks_a_rule(void **state)
{
	struct broker_msg m = { BROKER_REQUEST, 1, PORT_CONTROL };

	(void)state;
	assert_int_equal(io_send_fd(monitor, &m, sizeof(m) - 1, -1), 0);
	broke_a_rule();
}

static void a_descriptor_from_the_monitor_breaks_a_rule(void **state)
{
	struct broker_msg m = { BROKER_REQUEST, 1, PORT_CONTROL };

	(void)state;
	assert_int_equal(io_send_fd(monitor, &m, sizeof(m), STDIN_FILENO), 0);
	broke_a_rule();
}

static void a_monitor_that_only_asks_breaks_a_rule(void **state)
{
	struct broker_msg m = { BROKER_REQUEST, 1, 22 };

	(void)state;
	fcntl(monitor, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 100000 && !facts.protocol[0]; i++) {
		io_send_fd(monitor, &m, sizeof(m), -1);
		watch_wait(&set, now_ns());
	}
	broke_a_rule();
}

/* --- reports -------------------------------------------------------------------------- */

static int reporting(bool trusted)
{
	int end[2];

	memset(&set, 0, sizeof(set));
	memset(&facts, 0, sizeof(facts));
	assert_int_equal(pipe2(end, O_NONBLOCK), 0);
	reports_init(&reports, end[0], trusted, &facts, &set);
	return end[1];
}

static void reports_may_come_in_pieces(void **state)
{
	struct report r = { .kind = REPORT_STOPPED,
			    .stopped = { .reason = STOP_INTERNAL, .msg = "a\033[2Jb" } };
	int fd = reporting(false);

	(void)state;
	for (size_t i = 0; i < sizeof(r); i++) {
		assert_false(facts.has_stopped);
		assert_int_equal(io_write(fd, (char *)&r + i, 1), 0);
		serve();
	}
	assert_true(facts.has_stopped);
	assert_string_equal(facts.stopped.msg, "a?[2Jb");
	close(fd);
	serve();
	assert_true(facts.log_hung_up);
}

static void the_first_report_of_a_kind_counts(void **state)
{
	struct report r = { .kind = REPORT_STOPPED };
	int fd = reporting(false);

	(void)state;
	for (uint32_t reason = STOP_RESET; reason <= STOP_INTERNAL; reason++) {
		r.stopped.reason = reason;
		report_send(fd, &r);
	}
	serve();
	assert_int_equal(facts.stopped.reason, STOP_RESET);
	close(fd);
	watch_close(&reports.watch);
}

static void the_monitor_cannot_speak_for_the_keeper(void **state)
{
	struct report r = { .kind = REPORT_ENDED };
	int fd = reporting(false);

	(void)state;
	report_send(fd, &r);
	broke_a_rule();
	assert_int_equal(facts.t_ended, 0);
	close(fd);
	watch_close(&reports.watch);
}

static void an_error_without_a_number_is_one(void **state)
{
	struct report r = { .kind = REPORT_ERROR };
	int fd = reporting(false);

	(void)state;
	memset(r.err.msg, 'x', sizeof(r.err.msg));	/* and has no end */
	report_send(fd, &r);
	serve();
	assert_true(facts.vmm_error.code);
	assert_int_equal(strlen(facts.vmm_error.msg), sizeof(r.err.msg) - 1);
	close(fd);
	watch_close(&reports.watch);
}

#define IN_SESSION(name) cmocka_unit_test_setup_teardown(name, connected, disconnect)
#define IN_CLONE(name) cmocka_unit_test_setup_teardown(name, restored, disconnect)
#define WITH(card, name) cmocka_unit_test_setup_teardown(name, card, disconnect)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SESSION(a_run_in_its_order),
		IN_SESSION(entropy_differs_every_time),
		IN_SESSION(a_booted_machine_is_generation_0),
		IN_CLONE(each_restore_has_its_own_identity),
		IN_CLONE(another_generation_breaks_a_rule),
		IN_CLONE(a_command_that_goes_on_is_attached_to),
		IN_CLONE(a_command_that_has_ended_breaks_a_rule),
		IN_SESSION(a_command_that_nobody_saved_breaks_a_rule),
		IN_SESSION(no_card_is_welcomed_without_one),
		WITH(with_a_card, each_card_has_its_own_mac),
		WITH(with_that_card, a_card_has_the_mac_that_was_asked_for),
		IN_SESSION(a_message_may_come_byte_by_byte),
		IN_SESSION(signals_and_sizes_are_sent),
		IN_SESSION(a_guest_that_does_not_read_costs_nothing),
		IN_SESSION(started_before_hello_breaks_a_rule),
		IN_SESSION(hello_twice_breaks_a_rule),
		IN_SESSION(exited_before_started_breaks_a_rule),
		IN_SESSION(exited_twice_breaks_a_rule),
		IN_SESSION(another_session_breaks_a_rule),
		IN_SESSION(rubbish_breaks_a_rule),
		IN_SESSION(a_code_that_is_none_breaks_a_rule),
		IN_SESSION(another_version_breaks_a_rule),
		IN_SESSION(a_command_that_does_not_fit_is_refused),
		IN_SESSION(a_variable_without_value_is_taken_from_here),
		IN_SESSION(a_port_is_accepted_once),
		IN_SESSION(other_ports_are_refused),
		IN_SESSION(a_malformed_request_breaks_a_rule),
		IN_SESSION(a_short_request_breaks_a_rule),
		IN_SESSION(a_descriptor_from_the_monitor_breaks_a_rule),
		IN_SESSION(a_monitor_that_only_asks_breaks_a_rule),
		cmocka_unit_test(reports_may_come_in_pieces),
		cmocka_unit_test(the_first_report_of_a_kind_counts),
		cmocka_unit_test(the_monitor_cannot_speak_for_the_keeper),
		cmocka_unit_test(an_error_without_a_number_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
