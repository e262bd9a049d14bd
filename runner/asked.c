/* asked.c - what others may ask of a run that has a name.
 *
 * To pause a machine its monitor is stopped, which takes no help of the monitor's: it serves
 * nobody meanwhile, and what it had in hand goes on where it was. */
#include "runner/asked.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/say.h"

#define LATER 1			/* who asks is answered when it is done */

static int not_now(const struct run *r, struct err *err)
{
	return err_set(err, EAGAIN, "its command %s", r->stage == BOOTING ? "has not started yet" :
		       "has ended");
}

/* --- the monitor's process ------------------------------------------------------------------ */

/* The parent of a process, from its line in /proc. */
static pid_t parent_of(pid_t pid)
{
	char path[32], text[256], *at;
	autoclose int fd = -1;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : io_read_some(fd, text, sizeof(text) - 1);
	if (got <= 0)
		return -1;
	text[got] = '\0';
	at = strrchr(text, ')');
	return at && strlen(at) > 4 ? (pid_t)atoi(at + 4) : -1;
}

/* Once the descriptor stands, the keeper's child of that number is the monitor and nobody else. */
static int signal_monitor(const struct run *r, int signo, struct err *err)
{
	autoclose int fd = (int)syscall(SYS_pidfd_open, r->facts.jailed.vmm_pid, 0);

	if (fd >= 0 && parent_of(r->facts.jailed.vmm_pid) != r->launch.jailer)
		return err_set(err, ESRCH, "its monitor cannot be found");
	if (fd < 0 || syscall(SYS_pidfd_send_signal, fd, signo, NULL, 0) < 0)
		return err_sys(err, "its monitor cannot be signalled");
	return 0;
}

void asked_resume(struct run *r)
{
	struct err err;

	if (!r->paused)
		return;
	if (signal_monitor(r, SIGCONT, &err) < 0)
		facts_error(&r->facts, &err);
	r->paused = false;
}

/* --- the requests ----------------------------------------------------------------------------- */

static int save(struct run *r, const struct door_request *q, int fd, struct err *err)
{
	(void)q;
	if (!r->opts.spec.savable)
		return err_set(err, EPERM, "it was not started with --savable");
	if (r->stage != RUNNING)
		return not_now(r, err);
	if (r->paused || visitors_count(&r->visitors))
		return err_set(err, EBUSY, r->paused ? "it is paused" : "another command runs in it");
	broker_save(&r->broker, fd);		/* and REPORT_SAVED will say what came of it */
	r->saving = true;
	return LATER;
}

/* Answered first: the machine comes after the answer. */
static int enter(struct run *r, const struct door_request *q, int fd, struct err *err)
{
	struct handover h = { .cpus = r->opts.spec.cpus, .memory = r->opts.spec.memory,
			      .generation = r->session.generation, .jailed = r->facts.jailed,
			      .locked = r->facts.locked, .t_locked = r->facts.t_locked };
	autoclose int sock = fcntl(r->door.client.fd, F_DUPFD_CLOEXEC, 0);

	(void)q;
	(void)fd;
	if (r->stage != RUNNING && r->stage != KEPT)
		return not_now(r, err);
	if (r->paused || r->saving)
		return err_set(err, EBUSY, r->paused ? "it is paused" : "it is being saved");
	if (visitors_count(&r->visitors) == MAX_SESSIONS - 1)
		return err_set(err, EBUSY, "it runs %d commands already; wait for one to end", MAX_SESSIONS);
	memset(h.jailed.cgroup, 0, sizeof(h.jailed.cgroup));	/* the owner's to remove */
	door_answer_plain(&r->door, err);
	if (sock < 0 || visitors_enter(&r->visitors, sock, &h, err) < 0)
		say_note("a command of another's: %s", sock < 0 ? strerror(errno) : err->msg);
	return LATER;
}

static int signal_command(struct run *r, const struct door_request *q, int fd, struct err *err)
{
	(void)fd;
	if (q->arg == 0) {
		stages_end(r);
		return 0;
	}
	if (r->stage != RUNNING)
		return not_now(r, err);
	session_signal(&r->session, q->arg);
	return 0;
}

static int pause_machine(struct run *r, const struct door_request *q, int fd, struct err *err)
{
	int rc;

	(void)q;
	(void)fd;
	if (r->stage != RUNNING && r->stage != KEPT)
		return not_now(r, err);
	if (r->saving)
		return err_set(err, EBUSY, "it is being saved");
	rc = r->paused ? 0 : signal_monitor(r, SIGSTOP, err);
	r->paused = rc == 0;
	return rc;
}

static int resume_machine(struct run *r, const struct door_request *q, int fd, struct err *err)
{
	(void)q;
	(void)fd;
	(void)err;
	asked_resume(r);
	return 0;
}

static void asked(struct door *d, const struct door_request *q, int fd)
{
	static int (*const what[N_DOOR_OPS])(struct run *, const struct door_request *, int,
					     struct err *) = {
		[DOOR_SAVE] = save, [DOOR_ENTER] = enter, [DOOR_SIGNAL] = signal_command,
		[DOOR_PAUSE] = pause_machine, [DOOR_RESUME] = resume_machine,
	};
	struct run *r = owner_of(d, struct run, door);
	struct err err = { 0 };

	if (what[q->op](r, q, fd, &err) == LATER)
		return;
	asked_update(r);		/* who asked may look at once */
	door_answer_plain(d, &err);
}

/* --- the entry ---------------------------------------------------------------------------------- */

static void describe(struct run *r)
{
	struct entry *e = &r->claim.entry;
	size_t n = 0;

	e->runner = getpid();
	e->memory = r->opts.spec.memory;
	e->cpus = r->opts.spec.cpus;
	e->started = (uint64_t)time(NULL);
	for (int i = 0; i < r->opts.argc && n < sizeof(e->command); i++)
		n += (size_t)snprintf(e->command + n, sizeof(e->command) - n, "%s%s", i ? " " : "",
				      r->opts.argv[i]);
	say_clean(e->command, sizeof(e->command));
}

static enum entry_state state_of(const struct run *r)
{
	return r->paused ? ENTRY_PAUSED : r->stage == BOOTING ? ENTRY_STARTING :
	       r->stage == KEPT ? ENTRY_KEPT : ENTRY_RUNNING;
}

void asked_update(struct run *r)
{
	struct entry *e = &r->claim.entry;
	const struct entry was = *e;

	if (r->claim.file < 0)
		return;
	e->state = state_of(r);
	e->commands = visitors_count(&r->visitors);
	if (r->facts.t_jailed) {
		e->monitor = r->facts.jailed.vmm_pid;
		memcpy(e->cgroup, r->facts.jailed.cgroup, sizeof(e->cgroup));
	}
	if (memcmp(&was, e, sizeof(was)))
		register_update(&r->claim);
}

static bool has_a_name(const struct spec *spec)
{
	return spec->name || spec->savable || spec->keep || spec->detach;
}

int asked_open(struct run *r, struct err *err)
{
	const struct spec *spec = &r->opts.spec;
	char pid[16];
	int rc = 0;

	if (!has_a_name(spec))
		return 0;
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (r->claim.file < 0)		/* or it was taken before the run went to the background */
		rc = register_claim(&r->claim, spec->name ? spec->name : pid, err);
	if (rc < 0)
		return rc;
	describe(r);
	register_update(&r->claim);
	visitors_init(&r->visitors, &r->session, &r->broker, &r->watches);
	return door_open(&r->door, r->claim.dir, asked, &r->watches, err);
}
