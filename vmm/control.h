/* control.h - the monitor's end of the broker: the guest's connections, and the end.
 *
 * See lib/broker.h.  The runner is trusted to be itself, not to be right: a packet that
 * is malformed ends the run. */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/loop.h"
#include "lib/report.h"
#include "virtio/vsock.h"

/* What the runner asks of the machine.  stop: the run is over; does not return.  save: into the
 * file fd, which is save's. */
struct control_owner {
	void (*stop)(void *ctx, enum stop_reason why, const char *msg);
	void (*save)(void *ctx, int fd);
	void *ctx;
};

/* Wait until the runner starts the machine.  -ECANCELED: it has hung up, or wants it stopped. */
int control_wait(int fd, struct err *err);

struct control {
	struct loop_io io;
	struct vsock *vsock;		/* borrowed */
	struct control_owner owner;
};

/* fd: the broker, borrowed; made non-blocking. */
int control_init(struct control *c, struct loop *loop, int fd, struct vsock *vsock,
		 const struct control_owner *owner, struct err *err);

/* A vsock_request_fn; ctx is the struct control. */
void control_request(void *ctx, uint32_t id, uint32_t port);

#endif
