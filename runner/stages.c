/* stages.c - the loop of a run.
 *
 * A run is in one stage at a time, with one deadline; what comes in over pipes and sockets is
 * kept as facts, and after every round advance() looks at the facts and says which stage is
 * next. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "lib/io.h"
#include "runner/asked.h"
#include "runner/detach.h"
#include "runner/run.h"
#include "runner/say.h"
#include "runner/warm.h"

#define SECOND 1000000000ull

/* Software KVM emulates the guest's kernel one instruction at a time. */
#define READY_TIME	(60 * SECOND)
#define READY_TIME_SOFT	(300 * SECOND)
#define DRAIN_TIME	(10 * SECOND)	/* for what the monitor still holds of the output */
#define DRAIN_TIME_OPEN	(SECOND / 2)	/* the same, when something held an output open */
#define STOP_TIME	(5 * SECOND)	/* for the vmm to stop when it is asked to */
#define KILL_TIME	(5 * SECOND)	/* for the keeper to kill it and clean up */
#define LATE		(1 * SECOND)	/* past a deadline: we were stopped, or did not get a processor */
#define GRACE		(5 * SECOND)	/* for what has come meanwhile to be taken */

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
	asked_resume(r);
	visitors_leave(&r->visitors);
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

/* A command that is over has ended by itself, whatever becomes of its machine. */
void stages_end(struct run *r)
{
	if (r->stage == KEPT)
		stop(r);
	else
		interrupt(r, SIGKILL);
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

void stages_signal(struct signals *s, int signo)
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
	} else if (r->stage == KEPT) {
		stop(r);
	} else if (r->stage == STOPPING) {
		kill_all(r);	/* nobody waits who does not want to */
	}
}

void stages_giver_gone(struct watch *w, short events)
{
	struct run *r = owner_of(w, struct run, giver);

	(void)events;			/* it has nothing more to say, so it is its end */
	watch_close(w);
	interrupt(r, SIGHUP);
}

/* --- being saved --------------------------------------------------------------------- */

static void answer(struct run *r, uint32_t state_len, const struct err *err)
{
	static struct door_answer a;

	a = (struct door_answer){ .version = DOOR_VERSION, .state_len = state_len,
				  .memory_len = r->opts.spec.memory, .err = *err };
	snprintf(a.text, sizeof(a.text), "%s",
		 warm_running(&r->opts.spec, r->session.id, r->tty));
	door_answer(&r->door, &a);
}

static void tell_saved(struct run *r)
{
	struct facts *f = &r->facts;

	if (!f->has_saved)
		return;
	answer(r, f->saved.state_len, &f->saved.err);
	f->has_saved = r->saving = false;
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
		if (r->opts.spec.detach && !detach_started(r))
			interrupt(r, SIGHUP);
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

/* It may be over by now, and is no less too much. */
static void look_at_output(struct run *r)
{
	uint64_t limit = r->opts.spec.output_limit;

	if (!limit || r->facts.wrote_too_much || r->stage > DRAINING || stdio_output(&r->stdio) <= limit)
		return;
	r->facts.wrote_too_much = true;
	stop(r);
}

static void advance_running(struct run *r)
{
	if (!r->facts.has_exited)
		return;
	r->facts.t_over = now_ns();
	stdio_expect(&r->stdio, r->facts.exited.output);
	drain(r);
}

/* Is the machine as good as it was, and wanted? */
static bool is_reusable(const struct run *r)
{
	struct err unused;

	return r->handover.give_back && r->giver.fd >= 0 && r->facts.exited.drained &&
	       r->facts.exited.limit == LIMIT_NONE &&
	       !r->facts.interrupted && !failed(&r->facts) && session_idle(&r->session) &&
	       r->broker.watch.fd >= 0 && r->broker.n == 0 && r->leash.have == 0 &&
	       r->log.have == 0 && stdio_error(&r->stdio, &unused) == 0;
}

static bool is_to_be_kept(const struct run *r)
{
	const struct facts *f = &r->facts;

	return r->opts.spec.keep && (f->exited.code || f->exited.signal) && !failed(f);
}

/* The command is over, and all that can be had of its outputs is read. */
static void finish(struct run *r)
{
	r->facts.complete = true;
	if (!is_to_be_kept(r)) {
		stop(r);
		return;
	}
	enter(r, KEPT, 0);
	say("the command failed; its machine waits: sandbox exec %s -- sh, sandbox kill %s",
	    r->claim.name, r->claim.name);
}

static void advance_draining(struct run *r)
{
	if (!stdio_outputs_done(&r->stdio))
		return;
	if (!r->outputs.done) {
		r->deadline = outputs_deadline(&r->outputs);
		return;
	}
	r->given_back = is_reusable(r);
	if (!r->given_back) {
		finish(r);
		return;
	}
	r->facts.complete = true;
	enter(r, OVER, 0);
}

/* An agent that closed its outputs and still keeps one open is no longer ours. */
static void drain_expired(struct run *r)
{
	if (stdio_outputs_done(&r->stdio))
		facts_protocol(&r->facts, "the guest did not hand over the outputs in time");
	else if (r->facts.exited.drained)
		facts_protocol(&r->facts, "the guest kept an output open after its end");
	finish(r);
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
	tell_saved(r);
	visitors_go_on(&r->visitors);
	look_at_output(r);
	if (r->stage == BOOTING)
		advance_booting(r);
	if (r->stage == RUNNING)
		advance_running(r);
	if (r->stage == DRAINING)
		advance_draining(r);
	if ((r->stage < DRAINING || r->stage == KEPT) && failed(&r->facts))
		stop(r);
	if (r->stage == DRAINING && (r->facts.protocol[0] || r->facts.leash_hung_up))
		stop(r);
	if (r->stage == STOPPING && all_gone(r))
		enter(r, OVER, 0);
	if (r->stage == KILLING && jailer_is_gone(r))
		enter(r, OVER, 0);
	asked_update(r);
	detach_trim(r);
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
	outputs_offer(&r->outputs, &r->broker);
	r->offered = true;
}

/* The reader of our output may take its time; the guest may not: what passes while we wait for
 * the reader alone does not count.  Nor does what passes while the machine is paused, nor what passes while we do not run; but a command that
 * had its time has had it. */
static void wait_for_news(struct run *r)
{
	bool of_reader = r->stage == DRAINING && !stdio_outputs_done(&r->stdio) &&
			 !stdio_waits_for_guest(&r->stdio);
	bool of_others = of_reader || r->paused;
	uint64_t before = now_ns(), now;

	watch_wait(&r->watches, of_others ? UINT64_MAX : r->deadline);
	now = now_ns();
	if (of_others && r->deadline != UINT64_MAX)
		r->deadline += now - before;
	else if (r->stage != RUNNING && now > LATE && now - LATE > r->deadline)
		r->deadline = now + GRACE;
}

void stages_run(struct run *r)
{
	enter(r, BOOTING, READY_TIME);
	while (r->stage != OVER) {
		offer_streams(r);
		advance(r);
		if (r->stage == OVER)
			break;
		wait_for_news(r);
		offer_streams(r);
		advance(r);
		if (r->stage != OVER && now_ns() >= r->deadline)
			expired(r);	/* what the new stage waits for may be there already */
	}
}
