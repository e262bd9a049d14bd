/* broker.h - the runner's end of lib/broker.h: hands out connections the run expects,
 * refuses all others. */
#ifndef RUNNER_BROKER_H
#define RUNNER_BROKER_H

#include "lib/broker.h"
#include "lib/proto.h"
#include "runner/facts.h"
#include "runner/watch.h"

/* A port the guest may connect to, once. */
struct broker_port {
	uint32_t port;
	void (*connected)(struct broker_port *p, int fd);	/* fd: non-blocking, yours */
	void *owner;			/* connected()'s own */
};

struct broker {
	struct watch watch;
	struct facts *facts;
	unsigned n;
	struct broker_port *port[(N_STREAMS + 1) * MAX_SESSIONS];
};

/* fd: non-blocking end of the broker pair, owned from here on. */
void broker_init(struct broker *b, int fd, struct facts *facts, struct watch_set *set);

/* From now on one connection to p->port is accepted. */
void broker_offer(struct broker *b, struct broker_port *p);

/* Not any more. */
void broker_withdraw(struct broker *b, struct broker_port *p);

/* Ask the vmm to stop; if it cannot even be asked, hang up, which asks it too. */
void broker_stop(struct broker *b);

/* A machine that is held may run. */
void broker_start(struct broker *b);

/* Have a savable machine saved in the file fd, which stays the caller's. */
void broker_save(struct broker *b, int fd);

#endif
