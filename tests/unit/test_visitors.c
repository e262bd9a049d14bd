/* test_visitors.c - commands of others in our machine: a guest, a monitor and visitors that behave,
 * and some that do not. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/visitors.h"

#define OURS 1u
#define FIRST 2u		/* the id of the first visitor's command */

static struct watch_set set;
static struct facts facts;
static struct session session;
static struct broker broker;
static struct visitors visitors;
static struct opts opts;
static struct err err;
static int guest, monitor;	/* far ends of the control connection and the broker */
static struct machine m;	/* the visitor's */
static struct handover over;
static struct msg say, heard;

static void serve(void)
{
	visitors_go_on(&visitors);
	while (watch_wait(&set, now_ns()) > 0)
		visitors_go_on(&visitors);
}

static void send_to(int fd, enum msg_type type, uint32_t id, size_t body)
{
	size_t n = msg_seal(&say, type, id, body);

	assert_int_equal(io_write(fd, &say, n), 0);
	serve();
}

static void guest_says(enum msg_type type, uint32_t id)
{
	memset(&say, 0, sizeof(say));
	if (type == MSG_STARTED)
		say.started.pid = 7;
	else if (type == MSG_SPAWN_FAILED)
		say.spawn_failed = (struct msg_spawn_failed){ SPAWN_FIND, ENOENT };
	send_to(guest, type, id, type == MSG_STARTED ? sizeof(say.started) :
		type == MSG_EXITED ? sizeof(say.exited) : sizeof(say.spawn_failed));
}

static void visitor_says(enum msg_type type, uint32_t id)
{
	size_t used = sizeof(struct msg_exec);

	memset(&say, 0, sizeof(say));
	if (type == MSG_EXEC) {
		say.exec.argc = 1;
		strcpy(say.exec.user, "1000");
		used = msg_exec_add(&say, used, "");
		used = msg_exec_add(&say, used, "true");
	} else {
		say.signal.signo = SIGTERM;
		used = sizeof(say.signal);
	}
	send_to(m.control, type, id, used);
}

static void hear(int fd, enum side from, enum msg_type type, uint32_t id)
{
	assert_int_equal(msg_recv(fd, &heard, from), 0);
	assert_int_equal(heard.head.type, type);
	assert_int_equal(heard.head.id, id);
}

static bool hung_up(int fd)
{
	char byte;

	return io_read_some(fd, &byte, 1) == 0;
}

static int enter(void)
{
	int pair[2], rc;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	rc = visitors_enter(&visitors, pair[0], &over, &err);
	if (rc == 0) {
		assert_int_equal(machine_recv(pair[1], &m, &over), 0);
		fcntl(m.control, F_SETFL, 0);		/* this side of the test blocks */
	}
	close(pair[0]);
	close(pair[1]);
	return rc;
}

static int setup(void **state)
{
	static char word[] = "true";
	static char *argv[] = { word, NULL };
	int pair[2];

	(void)state;
	memset(&set, 0, sizeof(set));
	memset(&facts, 0, sizeof(facts));
	memset(&session, 0, sizeof(session));
	memset(&over, 0, sizeof(over));
	spec_init(&opts.spec);
	opts.argc = 1;
	opts.argv = argv;
	assert_int_equal(session_compose(&session, &opts, false, OURS, &err), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	monitor = pair[1];
	broker_init(&broker, pair[0], &facts, &set);
	visitors_init(&visitors, &session, &broker, &set);
	session_init(&session, &opts.spec, 0, &facts, &set);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	guest = pair[1];
	session_resume(&session, pair[0]);
	serve();
	hear(guest, FROM_HOST, MSG_EXEC, OURS);
	guest_says(MSG_STARTED, OURS);
	assert_true(facts.t_started);
	return enter();
}

static int teardown(void **state)
{
	(void)state;
	machine_close(&m);
	visitors_leave(&visitors);
	watch_close(&session.watch);
	watch_close(&broker.watch);
	close(guest);
	close(monitor);
	return 0;
}

static void starts(void)
{
	visitor_says(MSG_EXEC, FIRST);
	hear(guest, FROM_HOST, MSG_EXEC, FIRST);
	guest_says(MSG_STARTED, FIRST);
	hear(m.control, FROM_GUEST, MSG_STARTED, FIRST);
}

static void broke_a_rule(void)
{
	serve();
	assert_true(facts.protocol[0]);
}

/* --- as it should be -------------------------------------------------------------------------- */

static void a_command_beside_ours_from_start_to_end(void **state)
{
	(void)state;
	assert_int_equal(over.commands, FIRST - 1);
	starts();
	visitor_says(MSG_SIGNAL, FIRST);
	hear(guest, FROM_HOST, MSG_SIGNAL, FIRST);
	guest_says(MSG_EXITED, FIRST);
	hear(m.control, FROM_GUEST, MSG_EXITED, FIRST);
	assert_int_equal(visitors_count(&visitors), 1);
	machine_close(&m);
	serve();
	assert_int_equal(visitors_count(&visitors), 0);
	guest_says(MSG_EXITED, OURS);
	assert_true(facts.has_exited);
	assert_int_equal(facts.protocol[0], 0);
}

/* What the guest connects is the visitor's, and what is written there comes by nobody. */
static void streams_go_to_the_visitor(void **state)
{
	struct broker_msg q = { BROKER_REQUEST, 5, PORT_STREAM(FIRST, STREAM_STDOUT) };
	int theirs, ours;
	char text[3] = "";

	(void)state;
	visitor_says(MSG_EXEC, FIRST);
	assert_int_equal(io_send_fd(monitor, &q, sizeof(q), -1), 0);
	serve();
	assert_int_equal(io_recv_fd(monitor, &q, sizeof(q), &theirs), sizeof(q));
	assert_int_equal(q.op, BROKER_ACCEPT);
	assert_int_equal(io_recv_fd(m.broker, &q, sizeof(q), &ours), sizeof(q));
	assert_int_equal(q.op, BROKER_CONNECT);
	assert_int_equal(q.port, PORT_STREAM(FIRST, STREAM_STDOUT));
	assert_int_equal(write(theirs, "hi", 2), 2);
	assert_int_equal(read(ours, text, 2), 2);
	assert_string_equal(text, "hi");
	close(theirs);
	close(ours);
}

static void streams_of_nobody_are_refused(void **state)
{
	struct broker_msg q = { BROKER_REQUEST, 5, PORT_STREAM(FIRST + 1, STREAM_STDOUT) };
	int fd;

	(void)state;
	visitor_says(MSG_EXEC, FIRST);
	assert_int_equal(io_send_fd(monitor, &q, sizeof(q), -1), 0);
	serve();
	assert_int_equal(io_recv_fd(monitor, &q, sizeof(q), &fd), sizeof(q));
	assert_int_equal(q.op, BROKER_REFUSE);
}

static void a_command_that_cannot_start_is_over(void **state)
{
	(void)state;
	visitor_says(MSG_EXEC, FIRST);
	guest_says(MSG_SPAWN_FAILED, FIRST);
	hear(m.control, FROM_GUEST, MSG_SPAWN_FAILED, FIRST);
	machine_close(&m);
	serve();
	assert_int_equal(visitors_count(&visitors), 0);
}

static void places_are_counted(void **state)
{
	struct machine all[MAX_SESSIONS];
	unsigned n = 0;

	(void)state;
	all[n++] = m;
	while (n < MAX_SESSIONS - 1) {
		assert_int_equal(enter(), 0);
		all[n++] = m;
	}
	assert_int_equal(enter(), -EBUSY);
	machine_close(&all[0]);
	serve();
	assert_int_equal(enter(), 0);
	assert_int_equal(over.commands, MAX_SESSIONS);	/* no id comes twice */
	for (unsigned i = 1; i < n; i++)
		machine_close(&all[i]);
}

static void the_end_of_the_machine_is_seen(void **state)
{
	(void)state;
	starts();
	visitors_leave(&visitors);
	assert_true(hung_up(m.leash));
	assert_true(hung_up(m.log));
	assert_true(hung_up(m.control));
}

/* --- who leaves ---------------------------------------------------------------------------------- */

static void the_command_of_who_leaves_is_killed(void **state)
{
	(void)state;
	starts();
	machine_close(&m);
	serve();
	hear(guest, FROM_HOST, MSG_SIGNAL, FIRST);
	assert_int_equal(heard.signal.signo, SIGKILL);
	assert_int_equal(visitors_count(&visitors), 1);		/* it is not over yet */
	guest_says(MSG_EXITED, FIRST);
	assert_int_equal(visitors_count(&visitors), 0);
	assert_int_equal(facts.protocol[0], 0);
}

static void who_leaves_before_the_start_has_it_killed_then(void **state)
{
	(void)state;
	visitor_says(MSG_EXEC, FIRST);
	hear(guest, FROM_HOST, MSG_EXEC, FIRST);
	machine_close(&m);
	serve();
	guest_says(MSG_STARTED, FIRST);
	hear(guest, FROM_HOST, MSG_SIGNAL, FIRST);
	guest_says(MSG_EXITED, FIRST);
	assert_int_equal(visitors_count(&visitors), 0);
}

static void who_leaves_without_a_word_leaves_nothing(void **state)
{
	(void)state;
	machine_close(&m);
	serve();
	assert_int_equal(visitors_count(&visitors), 0);
	assert_int_equal(broker.n, 0);
}

/* The guest does not read: the EXEC waits, and nothing is lost. */
static void a_request_waits_for_the_guest(void **state)
{
	unsigned n = 0;

	(void)state;
	while (session_pass(&session, &session.exec))
		n++;
	visitor_says(MSG_EXEC, FIRST);
	assert_false(visitors.v[0].asked);
	for (unsigned i = 0; i < n; i++) {
		hear(guest, FROM_HOST, MSG_EXEC, OURS);
		serve();
	}
	hear(guest, FROM_HOST, MSG_EXEC, FIRST);
	assert_true(visitors.v[0].asked);
}

/* --- visitors that misbehave -------------------------------------------------------------------- */

static void is_sent_away(void)
{
	serve();
	assert_true(hung_up(m.leash));
	assert_int_equal(visitors_count(&visitors), 0);
	assert_int_equal(facts.protocol[0], 0);
}

static void who_speaks_for_our_command_is_sent_away(void **state)
{
	(void)state;
	visitor_says(MSG_SIGNAL, OURS);
	is_sent_away();
}

static void who_asks_for_another_id_is_sent_away(void **state)
{
	(void)state;
	visitor_says(MSG_EXEC, FIRST + 1);
	is_sent_away();
}

static void who_signals_before_asking_is_sent_away(void **state)
{
	(void)state;
	visitor_says(MSG_SIGNAL, FIRST);
	is_sent_away();
}

static void who_talks_rubbish_is_sent_away(void **state)
{
	char rubbish[64];

	(void)state;
	memset(rubbish, 'x', sizeof(rubbish));
	assert_int_equal(io_write(m.control, rubbish, sizeof(rubbish)), 0);
	is_sent_away();
}

static void who_asks_twice_is_sent_away(void **state)
{
	(void)state;
	starts();
	visitor_says(MSG_EXEC, FIRST);
	assert_true(hung_up(m.leash));
	hear(guest, FROM_HOST, MSG_SIGNAL, FIRST);
}

static void who_does_not_read_does_not_stop_us(void **state)
{
	int size = 1;

	(void)state;
	setsockopt(visitors.v[0].control.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	starts();
	while (send(visitors.v[0].control.fd, "x", 1, MSG_DONTWAIT) == 1)
		;
	guest_says(MSG_EXITED, FIRST);
	is_sent_away();
}

/* --- a guest that misbehaves --------------------------------------------------------------------- */

static void a_session_that_nobody_has_breaks_a_rule(void **state)
{
	(void)state;
	starts();
	guest_says(MSG_STARTED, FIRST + 1);
	broke_a_rule();
}

static void an_answer_before_the_question_breaks_a_rule(void **state)
{
	(void)state;
	guest_says(MSG_STARTED, FIRST);
	broke_a_rule();
}

static void an_end_before_the_start_breaks_a_rule(void **state)
{
	(void)state;
	visitor_says(MSG_EXEC, FIRST);
	guest_says(MSG_EXITED, FIRST);
	broke_a_rule();
}

static void an_end_twice_breaks_a_rule(void **state)
{
	(void)state;
	starts();
	guest_says(MSG_EXITED, FIRST);
	guest_says(MSG_EXITED, FIRST);
	broke_a_rule();
}

static void a_session_that_was_breaks_a_rule(void **state)
{
	(void)state;
	starts();
	guest_says(MSG_EXITED, FIRST);
	machine_close(&m);
	serve();
	guest_says(MSG_EXITED, FIRST);
	broke_a_rule();
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_command_beside_ours_from_start_to_end),
		T(streams_go_to_the_visitor),
		T(streams_of_nobody_are_refused),
		T(a_command_that_cannot_start_is_over),
		T(places_are_counted),
		T(the_end_of_the_machine_is_seen),
		T(the_command_of_who_leaves_is_killed),
		T(who_leaves_before_the_start_has_it_killed_then),
		T(who_leaves_without_a_word_leaves_nothing),
		T(a_request_waits_for_the_guest),
		T(who_speaks_for_our_command_is_sent_away),
		T(who_asks_for_another_id_is_sent_away),
		T(who_signals_before_asking_is_sent_away),
		T(who_talks_rubbish_is_sent_away),
		T(who_asks_twice_is_sent_away),
		T(who_does_not_read_does_not_stop_us),
		T(a_session_that_nobody_has_breaks_a_rule),
		T(an_answer_before_the_question_breaks_a_rule),
		T(an_end_before_the_start_breaks_a_rule),
		T(an_end_twice_breaks_a_rule),
		T(a_session_that_was_breaks_a_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
