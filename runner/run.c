/* run.c - `sandbox run`: one command in one machine.
 *
 * cmd_run() is the list of its steps; stages.c is what happens while the machine is there. */
#include "runner/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/about.h"
#include "runner/asked.h"
#include "runner/cgroup.h"
#include "runner/cmd.h"
#include "runner/detach.h"
#include "runner/explain.h"
#include "runner/files.h"
#include "runner/result.h"
#include "runner/root.h"
#include "runner/say.h"
#include "runner/take.h"
#include "runner/tty.h"
#include "runner/warm.h"

static struct run run;			/* one a process, and large: zero pages until used */

static int no_command(const struct spec *spec, struct err *err)
{
	return err_set(err, EINVAL, "no COMMAND given; try: sandbox %s%s -- COMMAND [ARG...]",
		       spec->enter ? "exec " : "run", spec->enter ? spec->enter : "");
}

static int make_machine(struct run *r, struct err *err)
{
	struct spec *spec = &r->opts.spec;
	int rc = warm_adopt(spec, err);

	if (rc == 0)
		rc = root_find(spec, r->launch.root, err);
	if (rc == 0 && !spec->save && !spec->going_on)
		rc = about_apply(&r->opts, err);
	if (rc == 0 && !r->opts.argc && !spec->save && !spec->going_on)
		rc = no_command(spec, err);
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
	int rc = about_apply(&r->opts, err);

	if (rc == 0)
		rc = take(spec, &r->launch.machine, h, err);
	r->taken = rc == 0;
	r->facts.visiting = spec->enter != NULL;
	spec->memory = h->memory;
	spec->cpus = h->cpus;
	r->facts.jailed = h->jailed;
	r->facts.t_jailed = h->t_jailed;
	r->facts.locked = h->locked;
	r->facts.t_locked = h->t_locked;
	return rc;
}

/* What the agent is told first: which command to start, or to go on with. */
static int compose(struct run *r, struct err *err)
{
	const struct spec *spec = &r->opts.spec;

	if (!spec->going_on && r->opts.argc == 0)
		return no_command(spec, err);
	if (!spec->going_on)
		return session_compose(&r->session, &r->opts, r->tty, r->handover.commands + 1, err);
	if (r->opts.argc > 0)
		return err_set(err, EINVAL, "from: the command that was saved goes on; leave out "
			       "the other one, %.60s", r->opts.argv[0]);
	session_attach(&r->session, spec->going_on, r->tty);
	return 0;
}

static int prepare(struct run *r, struct err *err)
{
	struct spec *spec = &r->opts.spec;
	int rc;

	launch_init(&r->launch);
	if (r->opts.argc == 0 && !spec->save && !spec->from && !spec->root && !spec->entrypoint)
		return no_command(spec, err);
	rc = spec->result ? result_check(spec->result, err) : 0;
	if (rc == 0)
		rc = outputs_prepare(&r->outputs, spec, err);
	if (rc == 0)
		rc = files_open(&r->opts, &r->launch.files, err);
	if (rc == 0)
		rc = take_wanted(spec) ? take_machine(r, err) : make_machine(r, err);
	r->tty = spec->tty == TTY_ON ||
		 (spec->tty == TTY_AUTO && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
	return rc == 0 && !spec->save ? compose(r, err) : rc;
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
	int rc = signals_init(&r->signals, stages_signal, &r->watches, err);

	if (rc == 0)
		rc = asked_open(r, err);
	if (rc == 0 && !r->taken)
		rc = launch_spawn(&r->launch, &r->paths, err);
	if (rc < 0)
		return rc;
	r->facts.t_spawned = now_ns();
	if (r->launch.net.net > 0)
		usernet_watch(&r->launch.net, &r->facts, &r->watches);
	reports_init(&r->leash, m->leash, true, &r->facts, &r->watches);
	reports_init(&r->log, m->log, false, &r->facts, &r->watches);
	broker_init(&r->broker, m->broker, &r->facts, &r->watches);
	r->giver = (struct watch){ spec->machine_fd ? (int)spec->machine_fd : -1, POLLIN,
				   stages_giver_gone };
	watch_add(&r->watches, &r->giver);
	stdio_init(&r->stdio, r->session.id, r->tty, spec->console ? m->console : -1, &r->watches);
	outputs_init(&r->outputs, r->session.id, &r->facts, &r->watches);
	if (!spec->console)
		console_init(&r->console, m->console, &r->watches);
	begin(r);
	return 0;
}

/* Nobody of ours is left behind, and no directory of theirs. */
static void clean_up(struct run *r)
{
	int status = 0;

	if (r->given_back)
		return;
	watch_close(&r->leash.watch);
	watch_close(&r->broker.watch);
	if (r->launch.jailer > 0)
		waitpid(r->launch.jailer, &status, 0);
	if (r->facts.t_jailed && (!r->facts.t_ended || r->facts.ended.leftovers))
		cgroup_remove(&r->facts.jailed);
	else if (!r->facts.t_jailed && WIFSIGNALED(status))
		cgroup_remove_of(r->launch.jailer);
	usernet_finish(&r->launch.net);
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
	const char *how = spec->enter ? "exec" : r->taken ? "pool" : spec->snapshot == SNAP_RESTORE ? "warm" : "cold";
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

static int parse(struct run *r, unsigned where, int argc, char **argv)
{
	struct err err = { 0 };

	r->facts.t_begin = now_ns();
	r->claim.dir = r->claim.file = r->ready = r->door.client.fd = -1;
	if (opts_parse(&r->opts, where, argc, argv, &err) < 0) {
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
		stages_run(r);
	outputs_finish(&r->outputs);
	tty_restore();
	clean_up(r);
}

/* Prepared or not: the exit status.  What others find of the run says it, too. */
static int go(struct run *r)
{
	struct err err = { 0 };
	int code;

	if (prepare(r, &err) < 0) {
		facts_error(&r->facts, &err);
		usernet_finish(&r->launch.net);
	} else if (r->opts.spec.explain) {
		return explain_run(&r->opts, &r->launch, &r->paths);
	} else {
		run_machine(r);
	}
	code = judge(r);
	r->claim.entry.code = code;
	snprintf(r->claim.entry.reason, sizeof(r->claim.entry.reason), "%s",
		 reason_names[r->outcome.reason]);
	register_release(&r->claim);
	return code;
}

int cmd_run(int argc, char **argv)
{
	struct run *r = &run;
	struct err err = { 0 };
	int rc = parse(r, SPEC_FLAG, argc, argv), code = 0;

	if (rc)
		return rc;
	if (r->opts.spec.help) {
		help_run();
		return 0;
	}
	rc = r->opts.spec.detach && !r->opts.spec.explain && !take_wanted(&r->opts.spec) ?
	     detach(r, &code, &err) : 0;
	if (rc > 0)
		return code;
	if (rc == 0)
		return go(r);
	say("%s", err.msg);
	return EXIT_SANDBOX;
}

/* A run in the machine of another one, of which the first word that is no option is the name. */
int cmd_exec(int argc, char **argv)
{
	struct run *r = &run;
	int rc = parse(r, SPEC_EXEC, argc, argv);

	if (rc)
		return rc;
	if (r->opts.spec.help) {
		help_exec();
		return 0;
	}
	if (r->opts.argc == 0) {
		say("exec: give the name of a machine, see: sandbox ps; and a COMMAND");
		return EXIT_SANDBOX;
	}
	r->opts.spec.enter = *r->opts.argv++;
	r->opts.argc--;
	if (r->opts.argc > 0 && !strcmp(r->opts.argv[0], "--")) {
		r->opts.argv++;
		r->opts.argc--;
	}
	return go(r);
}

/* A run without a command, which ends when the monitor has saved the machine. */
int run_save(int argc, char **argv)
{
	struct run *r = &run;
	struct err err = { 0 };
	uint32_t state_len = 0;
	int rc = parse(r, SPEC_FLAG, argc, argv);

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
