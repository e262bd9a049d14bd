/* reports.c - reads what jailer, keeper and vmm report.
 *
 * The vmm may be the guest's by now: a report of the wrong kind or at the wrong time is a
 * broken rule, text is cleaned, and of each kind only the first counts. */
#include "runner/reports.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/io.h"
#include "runner/say.h"

static const char *const phase_names[N_PHASES] = {
	[PHASE_SPEC] = "spec", [PHASE_KVM] = "kvm", [PHASE_MEMORY] = "memory",
	[PHASE_KERNEL] = "kernel", [PHASE_DEVICES] = "devices", [PHASE_VCPUS] = "vcpus",
};

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void take_error(struct reports *r, struct err *e, struct err *slot)
{
	say_clean(e->msg, sizeof(e->msg));
	say_note("%s: %s", r->trusted ? "jailer" : "monitor", e->msg);
	if (slot->code)
		return;
	*slot = *e;
	if (!slot->code)
		slot->code = EPROTO;	/* an error without a number is still one */
}

static void take_trusted(struct reports *r, struct report *rep)
{
	struct facts *f = r->facts;

	switch (rep->kind) {
	case REPORT_ERROR:
		take_error(r, &rep->err, &f->jail_error);
		break;
	case REPORT_JAILED:
		f->jailed = rep->jailed;
		f->t_jailed = rep->t_ns;
		say_note("jailed, %d layers", __builtin_popcountll(f->jailed.layers));
		break;
	case REPORT_ENDED:
		f->ended = rep->ended;
		f->t_ended = rep->t_ns;
		say_note("the monitor ended and is cleaned up");
		break;
	case REPORT_NOTE:
		say_clean(rep->err.msg, sizeof(rep->err.msg));
		say_note("jailer: %s", rep->err.msg);
		break;
	default:
		facts_protocol(f, "the jailer sent a report of kind %u", rep->kind);
	}
}

static void take_claim(struct reports *r, struct report *rep)
{
	struct facts *f = r->facts;

	switch (rep->kind) {
	case REPORT_ERROR:
		take_error(r, &rep->err, &f->vmm_error);
		break;
	case REPORT_PHASE:
		if (rep->arg < N_PHASES)
			say_note("monitor: %s", phase_names[rep->arg]);
		break;
	case REPORT_LOCKED:
		if (f->t_locked)
			break;
		f->locked = rep->locked;
		f->t_locked = rep->t_ns;
		f->cpu_locked_ns = cpu_ns();
		say_note("monitor: locked down, the guest runs");
		break;
	case REPORT_HEARD:
		f->heard = rep->counters;
		break;
	case REPORT_SAVED:
		f->saved = rep->saved;
		f->has_saved = true;
		say_clean(f->saved.err.msg, sizeof(f->saved.err.msg));
		say_note("monitor: saved, and goes on %s", f->saved.err.msg);
		break;
	case REPORT_VIOLATION:
		if (f->violated)
			break;
		f->violation = rep->violation;
		f->violated = true;
		say_clean(f->violation.thread, sizeof(f->violation.thread));
		break;
	case REPORT_STOPPED:
		if (f->has_stopped)
			break;
		f->stopped = rep->stopped;
		f->has_stopped = true;
		say_clean(f->stopped.msg, sizeof(f->stopped.msg));
		say_note("the machine stopped %s", f->stopped.msg);
		break;
	case REPORT_NOTE:
		say_clean(rep->err.msg, sizeof(rep->err.msg));
		say_note("monitor: %s", rep->err.msg);
		break;
	default:
		facts_protocol(f, "the monitor sent a report of kind %u", rep->kind);
	}
}

static void hung_up(struct reports *r)
{
	watch_close(&r->watch);
	if (r->trusted)
		r->facts->leash_hung_up = true;
	else
		r->facts->log_hung_up = true;
}

static void reports_ready(struct watch *w, short events)
{
	struct reports *r = owner_of(w, struct reports, watch);
	ssize_t got = io_read_some(w->fd, (char *)r->buf + r->have, sizeof(r->buf) - r->have);
	size_t whole;

	(void)events;
	if (got == -EAGAIN)
		return;
	if (got <= 0) {
		hung_up(r);
		return;
	}
	r->have += (size_t)got;
	whole = r->have / sizeof(r->buf[0]);
	for (size_t i = 0; i < whole; i++)
		if (r->trusted)
			take_trusted(r, &r->buf[i]);
		else
			take_claim(r, &r->buf[i]);
	r->have -= whole * sizeof(r->buf[0]);
	memmove(r->buf, &r->buf[whole], r->have);
}

void reports_init(struct reports *r, int fd, bool trusted, struct facts *facts,
		  struct watch_set *set)
{
	*r = (struct reports){ .watch = { fd, POLLIN, reports_ready }, .facts = facts,
			       .trusted = trusted };
	watch_add(set, &r->watch);
}
