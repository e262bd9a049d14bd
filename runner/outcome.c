/* outcome.c - from the facts of a run to one verdict.
 *
 * The judges are asked in order, the first that finds its case decides.  Our own decisions
 * come first: what they cause - a killed monitor, a lost connection - must not be taken for
 * a reason. */
#include "runner/outcome.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runner/cmd.h"
#include "runner/sysname.h"

const char *const reason_names[N_REASONS] = {
	[REASON_EXIT] = "exit", [REASON_SIGNAL] = "signal", [REASON_TIMEOUT] = "timeout",
	[REASON_CPU_LIMIT] = "cpu-limit", [REASON_OUTPUT_LIMIT] = "output-limit",
	[REASON_PIDS_LIMIT] = "pids-limit", [REASON_OOM] = "oom", [REASON_GUEST_PANIC] = "guest-panic",
	[REASON_VMM_FAULT] = "vmm-fault", [REASON_POLICY_KILL] = "policy-kill",
	[REASON_SPAWN_FAILED] = "spawn-failed", [REASON_INTERRUPTED] = "interrupted",
	[REASON_PROTOCOL] = "protocol", [REASON_ERROR] = "error",
};

struct question {
	const struct facts *f;
	const struct spec *spec;
	const char *command;
};

/* Returns true, so that "return verdict(...)" reads well in a judge. */
static bool __attribute__((format(printf, 4, 5)))
verdict(struct outcome *o, enum reason reason, int code, const char *fmt, ...)
{
	va_list ap;

	o->reason = reason;
	o->code = code;
	va_start(ap, fmt);
	vsnprintf(o->message, sizeof(o->message), fmt, ap);
	va_end(ap);
	return true;
}

static bool interrupted(struct outcome *o, const struct question *q)
{
	if (!q->f->interrupted)
		return false;
	o->signal = q->f->interrupted;
	return verdict(o, REASON_INTERRUPTED, EXIT_SIGNAL + o->signal, "%s", "");
}

static bool timed_out(struct outcome *o, const struct question *q)
{
	return q->f->timed_out && verdict(o, REASON_TIMEOUT, EXIT_TIMEOUT, "%s", "");
}

static bool used_its_time(struct outcome *o, const struct question *q)
{
	return q->f->has_stopped && q->f->stopped.reason == STOP_CPU_LIMIT &&
	       verdict(o, REASON_CPU_LIMIT, EXIT_SIGNAL + SIGXCPU, "the machine has used the "
		       "processor time that it had (--cpu-seconds)");
}

static bool wrote_too_much(struct outcome *o, const struct question *q)
{
	return q->f->wrote_too_much &&
	       verdict(o, REASON_OUTPUT_LIMIT, EXIT_SIGNAL + SIGXFSZ, "the command wrote more than "
		       "%llu bytes (--output-limit)", (unsigned long long)q->spec->output_limit);
}

static bool broke_protocol(struct outcome *o, const struct question *q)
{
	return q->f->protocol[0] &&
	       verdict(o, REASON_PROTOCOL, EXIT_SANDBOX, "%s; the sandbox was killed",
		       q->f->protocol);
}

static bool runner_failed(struct outcome *o, const struct question *q)
{
	return q->f->error.code &&
	       verdict(o, REASON_ERROR, EXIT_SANDBOX, "%s", q->f->error.msg);
}

/* Which argument a filter minded is not reported, so here are all; those that the call does
 * not take are what was in the registers. */
static bool called_what_it_may_not(struct outcome *o, const struct report_violation *v)
{
	unsigned long long arg[6];
	char call[SYSNAME_MAX];

	for (unsigned i = 0; i < 6; i++)
		arg[i] = v->arg[i];
	return verdict(o, REASON_POLICY_KILL, EXIT_SANDBOX, "a filter stopped the monitor: thread %s "
		       "called %s(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx)", v->thread,
		       sysname(v->nr, v->arch, call, sizeof(call)), arg[0], arg[1], arg[2], arg[3],
		       arg[4], arg[5]);
}

static bool filter_stopped_it(struct outcome *o, const struct question *q)
{
	if (q->f->violated)
		return called_what_it_may_not(o, &q->f->violation);
	if (q->f->t_ended && q->f->ended.signal == SIGSYS)
		return verdict(o, REASON_POLICY_KILL, EXIT_SANDBOX,
			       "a filter killed the monitor before it could say for which call");
	return false;
}

static bool jailer_failed(struct outcome *o, const struct question *q)
{
	return q->f->jail_error.code &&
	       verdict(o, REASON_ERROR, EXIT_SANDBOX, "%s", q->f->jail_error.msg);
}

static bool guest_gave_up(struct outcome *o, const struct question *q)
{
	const struct facts *f = q->f;

	if (!f->has_stopped || f->complete)
		return false;
	switch (f->stopped.reason) {
	case STOP_RESET:
	case STOP_TRIPLE_FAULT:
		if (f->panic[0])
			return verdict(o, REASON_GUEST_PANIC, EXIT_SANDBOX, "the guest panicked: %s",
				       f->panic);
		return verdict(o, REASON_GUEST_PANIC, EXIT_SANDBOX,
			       "the guest panicked (%s); see its last words with --console",
			       f->stopped.reason == STOP_RESET ? "it reset the machine" :
								 "triple fault");
	case STOP_EXIT_PORT:
		return verdict(o, REASON_GUEST_PANIC, EXIT_SANDBOX,
			       "the guest ended the machine with code %d before the command was over",
			       f->stopped.code);
	default:
		return false;
	}
}

/* A monitor that ran the guest is at fault; one that did not get that far has met a
 * condition of this host or of its input, and says which. */
static bool monitor_failed(struct outcome *o, const struct question *q)
{
	const struct facts *f = q->f;
	enum reason reason = f->t_locked ? REASON_VMM_FAULT : REASON_ERROR;

	if (f->has_stopped && f->stopped.reason == STOP_INTERNAL)
		return verdict(o, REASON_VMM_FAULT, EXIT_SANDBOX, "the monitor stopped: %s",
			       f->stopped.msg);
	if (f->vmm_error.code)
		return verdict(o, reason, EXIT_SANDBOX, "%s", f->vmm_error.msg);
	if (!f->t_ended || f->has_stopped)
		return false;
	if (f->ended.oom_kill)
		return verdict(o, REASON_VMM_FAULT, EXIT_SANDBOX, "the host killed the monitor, which "
			       "ran out of its memory limit (signal %d)", f->ended.signal);
	if (f->ended.signal)
		return verdict(o, REASON_VMM_FAULT, EXIT_SANDBOX, "the monitor was killed by signal "
			       "%d (%s)", f->ended.signal, strsignal(f->ended.signal));
	return verdict(o, REASON_VMM_FAULT, EXIT_SANDBOX, "the monitor exited with status %d "
		       "without a word", f->ended.code);
}

static bool spawn_failed(struct outcome *o, const struct question *q)
{
	const struct msg_spawn_failed *s = &q->f->spawn_failed;
	const char *why = strerror(s->error);

	if (!q->f->has_spawn_failed)
		return false;
	switch (s->stage) {
	case SPAWN_FIND:
	case SPAWN_EXEC:
		if (s->error == ENOENT)
			return verdict(o, REASON_SPAWN_FAILED, EXIT_NOTFOUND,
				       "%s: not found in the guest", q->command);
		return verdict(o, REASON_SPAWN_FAILED, EXIT_NOEXEC,
			       "%s: cannot be executed in the guest: %s", q->command, why);
	case SPAWN_USER:
		return verdict(o, REASON_SPAWN_FAILED, EXIT_SANDBOX, "user: the guest cannot run a "
			       "command as '%s': %s", q->spec->user ? q->spec->user : "1000",
			       s->error == ENOENT ? "no such user or group" : why);
	case SPAWN_WORKDIR:
		return verdict(o, REASON_SPAWN_FAILED, EXIT_SANDBOX, "workdir: %s in the guest: %s",
			       q->spec->workdir ? q->spec->workdir : "the home directory", why);
	default:
		return verdict(o, REASON_SPAWN_FAILED, EXIT_SANDBOX,
			       "the guest could not start the command (stage %u): %s", s->stage, why);
	}
}

static bool command_ended(struct outcome *o, const struct question *q)
{
	const struct msg_exited *e = &q->f->exited;

	if (!q->f->complete)
		return false;
	o->signal = e->signal;
	if (e->limit == LIMIT_PIDS)
		return verdict(o, REASON_PIDS_LIMIT, EXIT_SIGNAL + SIGKILL, "the command wanted more "
			       "than %u processes and was killed (--pids)", q->spec->pids);
	if (!e->signal)
		return verdict(o, REASON_EXIT, e->code, "%s", "");
	if (e->signal == SIGKILL && e->oom_kill)
		return verdict(o, REASON_OOM, EXIT_SIGNAL + SIGKILL, "the guest ran out of memory and "
			       "killed the command; give it more than --memory %lluM",
			       (unsigned long long)q->spec->memory >> 20);
	return verdict(o, REASON_SIGNAL, EXIT_SIGNAL + e->signal, "%s", "");
}

static bool ended_too_early(struct outcome *o, const struct question *q)
{
	const struct facts *f = q->f;

	if (f->visiting)
		return verdict(o, REASON_ERROR, EXIT_SANDBOX, "the machine ended before the command was over");
	if (!f->t_ended && f->leash_hung_up)
		return verdict(o, REASON_ERROR, EXIT_SANDBOX, f->t_jailed ?
			       "the keeper of the jail was killed" :
			       "the jailer ended before the monitor was started");
	return verdict(o, REASON_ERROR, EXIT_SANDBOX,
		       "the machine stopped before the command was over");
}

void outcome_judge(struct outcome *o, const struct facts *f, const struct spec *spec,
		   const char *command)
{
	static bool (*const judges[])(struct outcome *, const struct question *) = {
		interrupted, timed_out, used_its_time, wrote_too_much, broke_protocol, runner_failed, filter_stopped_it,
		jailer_failed, guest_gave_up, monitor_failed, spawn_failed, command_ended,
		ended_too_early,
	};
	const struct question q = { f, spec, command };

	*o = (struct outcome){ 0 };
	for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++)
		if (judges[i](o, &q))
			return;
}
