/* machines.c - `sandbox ps`, `stats`, `wait`, `kill`, `pause` and `resume`: what is to be seen and
 * done of a machine that has a name.  Looking needs nobody's help: see register.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/num.h"
#include "runner/cmd.h"
#include "runner/door.h"
#include "runner/register.h"
#include "runner/say.h"
#include "runner/usage.h"

static int failed(const struct err *err)
{
	say("%s", err->msg);
	return EXIT_SANDBOX;
}

static int usage(const char *what)
{
	say("usage: sandbox %s", what);
	return EXIT_SANDBOX;
}

static int flush(void)
{
	if (fflush(stdout) == 0)
		return 0;
	say("cannot write to stdout");
	return EXIT_SANDBOX;
}

/* --- ps --------------------------------------------------------------------------------------- */

static const char *age(const struct entry *e, char text[32])
{
	long long s = (long long)time(NULL) - (long long)e->started;

	if (s < 0)
		s = 0;
	if (s < 3600)
		snprintf(text, 32, "%lldm%02llds", s / 60, s % 60);
	else
		snprintf(text, 32, "%lldh%02lldm", s / 3600, s / 60 % 60);
	return text;
}

static void ps_line(struct claim *c)
{
	const struct entry *e = &c->entry;
	char state[32], since[32];

	if (register_lives(c))
		snprintf(state, sizeof(state), "%s", entry_state_names[e->state]);
	else if (e->state == ENTRY_OVER)
		snprintf(state, sizeof(state), "over (%d)", e->code);
	else
		snprintf(state, sizeof(state), "killed");
	printf("%-20s %-10s %7d %8s %6lluM %4u %4u  %s\n", c->name, state, e->runner, age(e, since),
	       (unsigned long long)e->memory >> 20, e->cpus, e->commands, e->command);
}

int cmd_ps(int argc, char **argv)
{
	struct err err = { 0 };

	(void)argv;
	if (argc != 1)
		return usage("ps, without arguments");
	printf("%-20s %-10s %7s %8s %7s %4s %4s  %s\n", "NAME", "STATE", "PID", "AGE", "MEMORY", "CPUS",
	       "EXEC", "COMMAND");
	if (register_each(ps_line, &err) < 0)
		return failed(&err);
	return flush();
}

/* --- stats ------------------------------------------------------------------------------------ */

static void stats_line(struct claim *c)
{
	struct usage u;

	if (!register_lives(c) || usage_of(&c->entry, &u) < 0)
		return;
	printf("%-20s %-10s %9.2fs %6lluM %6lluM %5u %4u\n", c->name, entry_state_names[c->entry.state],
	       (double)u.cpu_us / 1e6, (unsigned long long)u.memory >> 20,
	       (unsigned long long)c->entry.memory >> 20, u.threads, c->entry.commands);
}

int cmd_stats(int argc, char **argv)
{
	struct err err = { 0 };

	printf("%-20s %-10s %10s %7s %7s %5s %4s\n", "NAME", "STATE", "CPU", "MEMORY", "OF", "PIDS", "EXEC");
	if (argc == 1 && register_each(stats_line, &err) < 0)
		return failed(&err);
	for (int i = 1; i < argc; i++) {
		struct claim c;

		if (register_find(&c, argv[i], &err) < 0)
			return failed(&err);
		stats_line(&c);
		register_close(&c);
	}
	return flush();
}

/* --- wait ------------------------------------------------------------------------------------- */

int cmd_wait(int argc, char **argv)
{
	struct err err;
	struct claim c;

	if (argc != 2)
		return usage("wait NAME");
	if (register_find(&c, argv[1], &err) < 0)
		return failed(&err);
	register_wait(&c);
	if (register_look(&c) < 0 || c.entry.state != ENTRY_OVER) {
		say("machine '%s': its run was killed and has left no exit code", c.name);
		return EXIT_SANDBOX;
	}
	return c.entry.code;
}

/* --- what its runner does for us ----------------------------------------------------------------- */

static int ask(const char *name, enum door_op op, int arg)
{
	const struct door_request q = { .version = DOOR_VERSION, .op = op, .arg = arg };
	static struct door_answer a;
	struct err err = { 0 };
	struct claim c;
	int rc = register_find(&c, name, &err);

	if (rc < 0)
		return failed(&err);
	rc = door_ask(c.dir, name, &q, -1, &a, &err);
	if (rc < 0 && a.err.code)
		err_in(&err, "machine '%s'", name);
	return rc < 0 ? failed(&err) : 0;
}

/* 9, KILL or SIGKILL; 0 for what is no signal that a command can get. */
static int signal_number(const char *name)
{
	uint64_t n;

	if (num_u64(name, &n) == 0)
		return n > 0 && n <= 64 ? (int)n : 0;
	if (!strncmp(name, "SIG", 3))
		name += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *abbreviation = sigabbrev_np(i);

		if (abbreviation && !strcmp(abbreviation, name))
			return i;
	}
	return 0;
}

int cmd_kill(int argc, char **argv)
{
	int signo = 0;

	if (argc == 4 && (!strcmp(argv[1], "--signal") || !strcmp(argv[1], "-s"))) {
		signo = signal_number(argv[2]);
		if (!signo) {
			say("signal: '%.20s' is not the name or number of one", argv[2]);
			return EXIT_SANDBOX;
		}
		argv += 2;
		argc -= 2;
	}
	return argc == 2 ? ask(argv[1], DOOR_SIGNAL, signo) : usage("kill [--signal SIGNAL] NAME");
}

int cmd_pause(int argc, char **argv)
{
	return argc == 2 ? ask(argv[1], DOOR_PAUSE, 0) : usage("pause NAME");
}

int cmd_resume(int argc, char **argv)
{
	return argc == 2 ? ask(argv[1], DOOR_RESUME, 0) : usage("resume NAME");
}
