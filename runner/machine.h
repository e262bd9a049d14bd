/* machine.h - a machine that runs, as the descriptors by which its runner holds it.
 *
 * Whoever has them has the machine, and may pass it on: to a run that was waiting for one, or
 * back when its command has ended (SCM_RIGHTS over a SOCK_SEQPACKET socket).  When the last
 * copy of `leash` is closed, the keeper ends the machine. */
#ifndef RUNNER_MACHINE_H
#define RUNNER_MACHINE_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/spec.h"
#include "runner/facts.h"

struct machine {
	int leash, log, console, broker;	/* non-blocking ends of lib/fds.h's */
	int kernel, root;			/* the images, for the result's hashes; or -1 */
	int control;				/* the agent, if it has been reached; else -1 */
};

#define HANDOVER_VERSION 2u		/* of the next two, and of the reports in them */

/* What goes with it. */
struct handover {
	uint32_t version;
	uint32_t commands;			/* that have run in it */
	uint32_t give_back;			/* 1: wanted again when this command is over */
	uint32_t cpus;
	uint64_t memory;			/* bytes */
	uint64_t generation;
	uint64_t t_jailed, t_locked;		/* as in struct facts, and so the next two; 0: the
						 * reports are still in the pipes */
	struct report_jailed jailed;
	struct report_locked locked;
};

/* How a run ended, for who gave it the machine. */
struct handback {
	uint32_t version;
	uint32_t given_back;			/* 1: the machine comes with it, as it was sent */
	int32_t  code;				/* the exit status */
	char     reason[24];
	uint64_t start_us, command_us;		/* until the command started; until it ended */
	uint64_t memory_kib;			/* the command's peak */
	char     message[160];
	struct handover next;			/* if given_back */
};

/* What tells a restored machine from all others of its snapshot; a booted one has 0. */
uint64_t machine_generation(const struct spec *spec);

void machine_init(struct machine *m);		/* all -1 */
void machine_close(struct machine *m);

/* 0 or a negative errno.  The descriptors stay the sender's, to be closed. */
int machine_send(int sock, const struct machine *m, const struct handover *h);
int machine_send_back(int sock, const struct machine *m, const struct handback *b);

/* One packet: 0 and a machine that is the caller's; -EAGAIN; -EPIPE when the other side is
 * gone; -EPROTO for what is no machine of this version.  Back: *m is closed (all -1) when none
 * came. */
int machine_recv(int sock, struct machine *m, struct handover *h);
int machine_recv_back(int sock, struct machine *m, struct handback *b);

#endif
