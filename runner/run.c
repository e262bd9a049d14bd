/* run.c - `sandbox run`: one command in one machine.
 *
 * cmd_run() is the list of its steps.  In the loop a run is in one stage at a time, with one
 * deadline; what comes in over pipes and sockets is kept as facts, and after every round
 * advance() looks at the facts and says which stage is next. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/broker.h"
#include "runner/cgroup.h"
#include "runner/cmd.h"
#include "runner/console.h"
#include "runner/explain.h"
#include "runner/facts.h"
#include "runner/launch.h"
#include "runner/opts.h"
#include "runner/outcome.h"
#include "runner/paths.h"
#include "runner/reports.h"
#include "runner/result.h"
#include "runner/say.h"
#include "runner/session.h"
#include "runner/signals.h"
#include "runner/stdio.h"
#include "runner/take.h"
#include "runner/tty.h"
#include "runner/warm.h"

#define SECOND 1000000000ull

/* Software KVM emulates the guest's kernel one instruction at a time. */
#define READY_TIME	(60 * SECOND)
#define READY_TIME_SOFT	(300 * SECOND)
#define DRAIN_TIME	(10 * SECOND)	/* for what the monitor still holds of the output */
#define DRAIN_TIME_OPEN	(SECOND / 2)	/* the same, when something held an output open */
#define STOP_TIME	(5 * SECOND)	/* for the vmm to stop when it is asked to */
#define KILL_TIME	(5 * SECOND)	/* for the keeper to kill it and clean up */

enum stage {
	BOOTING,	/* until STARTED */
	RUNNING,	/* until EXITED */
	DRAINING,	/* until the outputs are read to their end */
	STOPPING,	/* until vmm and keeper are gone */
	KILLING,	/* the leash is let go: the keeper kills whatever is left */
	OVER,
};

static struct run {
	struct opts opts;
	struct paths paths;
	struct launch launch;
	struct watch_set watches;
	struct facts facts;
	struct reports leash, log;
	struct console console;
	struct broker broker;
	struct session session;
	struct stdio stdio;
	struct signals signals;
	struct watch giver;		/* who gave us the machine, and gives up the run by leaving */
	struct handover handover;	/* what came with the machine, if it was given to us */
	struct outcome outcome;
	bool tty, taken, offered, given_back;
	enum stage stage;
	uint64_t deadline;		/* of the stage; UINT64_MAX: none */
	uint64_t last_interrupt;	/* when SIGINT came last */
} run;	/* one a process, and large: zero pages until used */

static void enter(struct run *r, enum stage stage, uint64_t limit)
{
	r->stage = stage;
	r->deadline = limit ? now_ns() + limit : UINT64_MAX;
}

/* --- ways to end --------------------------------------------------------------------- */

static void stop(struct run *r)
{
	if (r->stage >= STOPPING)
		return;
	if (!r->facts.t_over)
		r->facts.t_over = now_ns();
	broker_stop(&r->broker);
	enter(r, STOPPING, STOP_TIME);
}

static void kill_all(struct run *r)
{
	watch_close(&r->leash.watch);
	watch_close(&r->broker.watch);
	enter(r, KILLING, KILL_TIME);
}

static void interrupt(struct run *r, int signo)
{
	if (!r->facts.interrupted && r->stage < STOPPING)
		r->facts.interrupted = signo;
	stop(r);
}

/* Who asks twice within a second means the machine and not the command. */
static void got_sigint(struct run *r)
{
	uint64_t now = now_ns();

	if (r->last_interrupt && now - r->last_interrupt < SECOND)
		interrupt(r, SIGINT);
	else
		session_signal(&r->session, SIGINT);
	r->last_interrupt = now;
}

static void got_signal(struct signals *s, int signo)
{
	struct run *r = owner_of(s, struct run, signals);

	if (signo == SIGCHLD)
		return;		/* it woke the loop; advance() looks at who is left */
	if (signo == SIGWINCH) {
		if (r->tty && r->stage == RUNNING)
			session_resize(&r->session);
	} else if (r->stage == BOOTING || r->stage == DRAINING) {
		interrupt(r, signo);
	} else if (r->stage == RUNNING && signo == SIGINT) {
		got_sigint(r);
	} else if (r->stage == RUNNING) {
		session_signal(&r->session, signo);
	} else if (r->stage == STOPPING) {
		kill_all(r);	/* nobody waits who does not want to */
	}
}

static void giver_ready(struct watch *w, short events)
{
	struct run *r = owner_of(w, struct run, giver);

	(void)events;			/* it has nothing more to say, so it is its end */
	watch_close(w);
	interrupt(r, SIGHUP);
}

/* --- the stages ---------------------------------------------------------------------- */

static bool failed(const struct facts *f)
{
	return f->protocol[0] || f->error.code || f->jail_error.code || f->vmm_error.code ||
	       f->violated || f->has_stopped || f->t_ended || f->leash_hung_up || f->log_hung_up;
}

/* Said when the run itself is sure to have started: what is wrong with it is one line. */
static void explain_cold(struct run *r)
{
	if (!r->facts.t_locked || !r->launch.why_cold[0])
		return;
	say("no warm start: %s", r->launch.why_cold);
	r->launch.why_cold[0] = '\0';
}

static void advance_booting(struct run *r)
{
	struct facts *f = &r->facts;

	if (f->t_started) {
		enter(r, RUNNING, r->opts.spec.timeout);
		if (r->tty)
			session_resize(&r->session);	/* it may have changed since EXEC */
	} else if (f->has_spawn_failed) {
		stop(r);
	} else if (f->t_locked && f->locked.soft_kvm) {
		r->deadline = f->t_spawned + READY_TIME_SOFT;
	}
}

static void drain(struct run *r)
{
	enter(r, DRAINING, r->facts.exited.drained ? DRAIN_TIME : DRAIN_TIME_OPEN);
}

static void advance_running(struct run *r)
{
	if (!r->facts.has_exited)
		return;
	r->facts.t_over = now_ns();
	drain(r);
}

/* Is the machine as good as it was, and wanted? */
static bool is_reusable(const struct run *r)
{
	struct err unused;

	return r->handover.give_back && r->giver.fd >= 0 && r->facts.exited.drained &&
	       !r->facts.interrupted && !failed(&r->facts) && session_idle(&r->session) &&
	       r->broker.watch.fd >= 0 && r->broker.n == 0 && r->leash.have == 0 &&
	       r->log.have == 0 && stdio_error(&r->stdio, &unused) == 0;
}

static void advance_draining(struct run *r)
{
	if (!stdio_outputs_done(&r->stdio))
		return;
	r->facts.complete = true;
	r->given_back = is_reusable(r);
	if (r->given_back)
		enter(r, OVER, 0);
	else
		stop(r);
}

/* The reader of our output may take its time; the guest may not.  An agent that closed its
 * outputs and still keeps one open is no longer ours. */
static void drain_expired(struct run *r)
{
	if (!stdio_waits_for_guest(&r->stdio)) {
		drain(r);
		return;
	}
	if (r->facts.exited.drained)
		facts_protocol(&r->facts, "the guest kept an output open after its end");
	r->facts.complete = true;
	stop(r);
}

/* Everybody has hung up, and what they had said is read. */
static bool all_gone(const struct run *r)
{
	return r->facts.leash_hung_up && r->facts.log_hung_up &&
	       stdio_outputs_done(&r->stdio) &&
	       (r->stdio.console_on ? r->stdio.console.done : r->console.watch.fd < 0);
}

static bool jailer_is_gone(struct run *r)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)r->launch.jailer, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid != 0;
}

static void advance(struct run *r)
{
	explain_cold(r);
	if (r->stage == BOOTING)
		advance_booting(r);
	if (r->stage == RUNNING)
		advance_running(r);
	if (r->stage == DRAINING)
		advance_draining(r);
	if (r->stage < DRAINING && failed(&r->facts))
		stop(r);
	if (r->stage == DRAINING && (r->facts.protocol[0] || r->facts.leash_hung_up))
		stop(r);
	if (r->stage == STOPPING && all_gone(r))
		enter(r, OVER, 0);
	if (r->stage == KILLING && jailer_is_gone(r))
		enter(r, OVER, 0);
}

static void expired(struct run *r)
{
	struct err err;

	switch (r->stage) {
	case BOOTING:
		err_set(&err, ETIMEDOUT, "the guest was not ready within %llu seconds; see what it "
			"does with --console", (unsigned long long)
			((r->deadline - r->facts.t_spawned) / SECOND));
		facts_error(&r->facts, &err);
		stop(r);
		break;
	case RUNNING:
		r->facts.timed_out = true;
		stop(r);
		break;
	case DRAINING:
		drain_expired(r);
		break;
	case STOPPING:
		kill_all(r);
		break;
	default:
		if (r->launch.jailer > 0)
			kill(r->launch.jailer, SIGKILL);	/* a keeper that does not keep */
		enter(r, OVER, 0);
	}
}

/* A guest whose agent has been reached may connect its command's streams. */
static void offer_streams(struct run *r)
{
	if (r->offered || !r->facts.t_hello)
		return;
	stdio_offer(&r->stdio, &r->broker);
	r->offered = true;
}

static void serve(struct run *r)
{
	enter(r, BOOTING, READY_TIME);
	while (r->stage != OVER) {
		offer_streams(r);
		advance(r);
		if (r->stage == OVER)
			break;
		watch_wait(&r->watches, r->deadline);
		offer_streams(r);
		advance(r);
		if (r->stage != OVER && now_ns() >= r->deadline)
			expired(r);	/* what the new stage waits for may be there already */
	}
}

/* --- the steps ----------------------------------------------------------------------- */

static int make_machine(struct run *r, struct err *err)
{
	struct spec *spec = &r->opts.spec;
	int rc = warm_adopt(spec, err);

	if (rc == 0)
		rc = paths_find(&r->paths, spec->cpus, err);
	if (rc == 0)
		rc = launch_open(&r->launch, spec, &r->paths, err);
	if (rc == 0)
		rc = launch_machine(&r->launch, spec, err);
	return rc;
}

static int take_machine(struct run *r, struct err *err)
{
	struct spec *spec = &r->opts.spec;
	struct handover *h = &r->handover;
	int rc = take(spec, &r->launch.machine, h, err);

	r->taken = rc == 0;
	spec->memory = h->memory;
	spec->cpus = h->cpus;
	r->facts.jailed = h->jailed;
	r->facts.t_jailed = h->t_jailed;
	r->facts.locked = h->locked;
	r->facts.t_locked = h->t_locked;
	return rc;
}

static int prepare(struct run *r, struct err *err)
{
	struct spec *spec = &r->opts.spec;
	int rc;

	launch_init(&r->launch);
	if (r->opts.argc == 0 && !spec->save)
		return err_set(err, EINVAL, "no COMMAND given; try: sandbox run -- COMMAND [ARG...]");
	r->tty = spec->tty == TTY_ON ||
		 (spec->tty == TTY_AUTO && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
	rc = spec->result ? result_check(spec->result, err) : 0;
	if (rc == 0)
		rc = take_wanted(spec) ? take_machine(r, err) : make_machine(r, err);
	if (rc == 0 && !spec->save)
		rc = session_compose(&r->session, &r->opts, r->tty, r->handover.commands + 1, err);
	return rc;
}

/* The guest goes on: with EXEC, with its boot, or from where it was saved. */
static void begin(struct run *r)
{
	const struct machine *m = &r->launch.machine;

	if (!r->taken)
		r->handover.generation = machine_generation(&r->opts.spec);
	session_init(&r->session, &r->opts.spec, r->handover.generation, &r->facts, &r->watches);
	if (m->control >= 0) {
		session_resume(&r->session, m->control);
		return;
	}
	broker_offer(&r->broker, &r->session.port);
	if (r->taken)
		broker_start(&r->broker);
}

static int start(struct run *r, struct err *err)
{
	struct spec *spec = &r->opts.spec;
	const struct machine *m = &r->launch.machine;
	int rc = signals_init(&r->signals, got_signal, &r->watches, err);

	if (rc == 0 && !r->taken)
		rc = launch_spawn(&r->launch, &r->paths, err);
	if (rc < 0)
		return rc;
	r->facts.t_spawned = now_ns();
	reports_init(&r->leash, m->leash, true, &r->facts, &r->watches);
	reports_init(&r->log, m->log, false, &r->facts, &r->watches);
	broker_init(&r->broker, m->broker, &r->facts, &r->watches);
	r->giver = (struct watch){ spec->machine_fd ? (int)spec->machine_fd : -1, POLLIN,
				   giver_ready };
	watch_add(&r->watches, &r->giver);
	stdio_init(&r->stdio, r->session.id, r->tty, spec->console ? m->console : -1, &r->watches);
	if (!spec->console)
		console_init(&r->console, m->console, &r->watches);
	begin(r);
	return 0;
}

/* Nobody of ours is left behind, and no directory of theirs. */
static void clean_up(struct run *r)
{
	if (r->given_back)
		return;
	watch_close(&r->leash.watch);
	watch_close(&r->broker.watch);
	if (r->launch.jailer > 0)
		waitpid(r->launch.jailer, NULL, 0);
	if (r->facts.t_jailed && !r->facts.t_ended)
		cgroup_remove(&r->facts.jailed);
}

static uint64_t passed_us(uint64_t from, uint64_t to)
{
	return from && to > from ? (to - from) / 1000 : 0;
}

/* To who gave us the machine: how it went, and the machine if it is wanted. */
static void hand_back(struct run *r)
{
	const struct facts *f = &r->facts;
	const struct machine m = { r->leash.watch.fd, r->log.watch.fd, r->console.watch.fd,
				   r->broker.watch.fd, -1, -1, r->session.watch.fd };
	struct handback b = { .given_back = r->given_back, .code = r->outcome.code,
			      .start_us = passed_us(f->t_begin, f->t_started),
			      .command_us = passed_us(f->t_started, f->t_over),
			      .memory_kib = f->exited.maxrss_kib, .next = r->handover };

	snprintf(b.reason, sizeof(b.reason), "%s", reason_names[r->outcome.reason]);
	snprintf(b.message, sizeof(b.message), "%.*s", (int)sizeof(b.message) - 1,
		 r->outcome.message);
	b.next.commands++;
	b.next.jailed = f->jailed;
	b.next.t_jailed = f->t_jailed;
	b.next.locked = f->locked;
	b.next.t_locked = f->t_locked;
	machine_send_back((int)r->opts.spec.machine_fd, &m, &b);	/* if it fails, the machine ends with us */
}

static int report(struct run *r)
{
	const struct spec *spec = &r->opts.spec;
	const char *how = r->taken ? "pool" : spec->snapshot == SNAP_RESTORE ? "warm" : "cold";
	struct result result = { &r->facts, &r->outcome, how, r->launch.machine.kernel,
				 r->launch.machine.root };
	struct err err;

	if (r->outcome.message[0])
		say("%s", r->outcome.message);
	if (!spec->result || result_write(&result, spec->result, &err) == 0)
		return r->outcome.code;
	if (!r->outcome.message[0])
		say("%s", err.msg);
	return EXIT_SANDBOX;
}

static int judge(struct run *r)
{
	struct err err;

	console_panic(&r->console, r->facts.panic, sizeof(r->facts.panic));
	if (stdio_error(&r->stdio, &err) < 0)
		facts_error(&r->facts, &err);
	outcome_judge(&r->outcome, &r->facts, &r->opts.spec,
		      r->opts.argc ? r->opts.argv[0] : "");
	if (r->opts.spec.machine_fd && r->giver.fd >= 0)
		hand_back(r);
	return report(r);
}

static int parse(struct run *r, int argc, char **argv)
{
	struct err err = { 0 };

	r->facts.t_begin = now_ns();
	if (opts_parse(&r->opts, SPEC_FLAG, argc, argv, &err) < 0) {
		say("%s", err.msg);
		return EXIT_SANDBOX;
	}
	if (r->opts.spec.verbose)
		say_verbose(r->facts.t_begin);
	return 0;
}

static void run_machine(struct run *r)
{
	struct err err;

	if (start(r, &err) < 0)
		facts_error(&r->facts, &err);
	else
		serve(r);
	tty_restore();
	clean_up(r);
}

int cmd_run(int argc, char **argv)
{
	struct run *r = &run;
	struct err err = { 0 };
	int rc = parse(r, argc, argv);

	if (rc)
		return rc;
	if (r->opts.spec.help) {
		help_run();
		return 0;
	}
	if (prepare(r, &err) < 0)
		facts_error(&r->facts, &err);
	else if (r->opts.spec.explain)
		return explain_run(&r->opts, &r->launch, &r->paths);
	else
		run_machine(r);
	return judge(r);
}

/* A run without a command, which ends when the monitor has saved the machine. */
int run_save(int argc, char **argv)
{
	struct run *r = &run;
	struct err err = { 0 };
	uint32_t state_len = 0;
	int rc = parse(r, argc, argv);

	if (rc)
		return rc;
	if (r->opts.argc != 1) {
		say("snapshot: give one FILE to save the machine in");
		return EXIT_SANDBOX;
	}
	r->opts.spec.save = r->opts.argv[0];
	r->opts.argc = 0;
	if (prepare(r, &err) < 0)
		facts_error(&r->facts, &err);
	else
		run_machine(r);
	if (r->facts.has_stopped && r->facts.stopped.reason == STOP_SNAPSHOT)
		state_len = (uint32_t)r->facts.stopped.code;
	if (warm_saved(&r->launch, &r->opts.spec, state_len, &err) == 0)
		return 0;
	if (state_len) {
		say("%s", err.msg);
		return EXIT_SANDBOX;
	}
	return judge(r);
}
