/* facts.h - what is known of a run so far.
 *
 * Filled in by session (the guest's claims), reports (jailer, keeper and vmm) and run (our
 * own decisions); judged by outcome, printed by result.  Times are now_ns(), 0 for what has
 * not happened. */
#ifndef RUNNER_FACTS_H
#define RUNNER_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/proto.h"
#include "lib/report.h"
#include "runner/net/wire.h"

struct facts {
	/* in this order, as far as the run comes; a machine that waited for us was jailed and
	 * locked before t_spawned, when we got it */
	uint64_t t_begin, t_spawned, t_jailed, t_locked, t_hello, t_started;
	uint64_t t_over;		/* the command ended, or was ended by us */
	uint64_t t_ended;		/* the keeper has cleaned up */

	/* of FD_LEASH: trusted */
	struct report_jailed jailed;	/* if t_jailed */
	struct report_ended ended;	/* if t_ended */
	bool leash_hung_up;

	/* of FD_LOG: claims of the vmm */
	struct report_locked locked;	/* if t_locked */
	uint64_t cpu_locked_ns;		/* our own CPU time by then */
	struct report_violation violation;
	struct report_counters heard;	/* when the guest's agent first spoke */
	struct report_stopped stopped;
	struct report_saved saved;	/* the last one, if has_saved: nobody has been told */
	bool violated, has_stopped, has_saved;
	bool log_hung_up;

	struct net_totals net;		/* of --net user, if has_net */
	bool has_net;

	/* of the control connection: claims of the guest */
	struct msg_exited exited;
	struct msg_spawn_failed spawn_failed;
	bool has_exited, has_spawn_failed;

	/* ours */
	bool visiting;			/* the machine is another run's, we have a command in it */
	int interrupted;		/* the signal that ended the run */
	bool timed_out, wrote_too_much;
	bool complete;			/* EXITED, and every output read to its end */
	char protocol[120];		/* which rule the guest or the vmm broke */
	struct err jail_error;		/* the first REPORT_ERROR over FD_LEASH */
	struct err vmm_error;		/* ... and over FD_LOG */
	struct err error;		/* the first failure of the runner itself */
	char panic[160];		/* the guest kernel's last words */
};

/* Remember the first only: what follows is often its consequence. */
void facts_protocol(struct facts *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void facts_error(struct facts *f, const struct err *err);

#endif
