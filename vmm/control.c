/* control.c - the monitor's end of the broker. */
#include "vmm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "lib/broker.h"
#include "lib/fd.h"
#include "lib/io.h"

#define MAX_PACKETS 32	/* served in one go, before the devices get their turn */

static bool is_well_formed(const struct broker_msg *m, ssize_t len, int fd)
{
	if (len != sizeof(*m))
		return false;
	switch (m->op) {
	case BROKER_ACCEPT:
	case BROKER_CONNECT:
		return fd >= 0;
	case BROKER_REFUSE:
	case BROKER_STOP:
	case BROKER_START:
		return fd < 0;
	default:
		return false;
	}
}

static void serve(struct control *c, const struct broker_msg *m, int fd)
{
	switch (m->op) {
	case BROKER_ACCEPT:
		vsock_accept(c->vsock, m->id, fd);
		break;
	case BROKER_REFUSE:
		vsock_refuse(c->vsock, m->id);
		break;
	case BROKER_CONNECT:
		vsock_connect(c->vsock, m->port, fd);
		break;
	case BROKER_STOP:
		c->user.stop(c->user.ctx, STOP_ASKED, "");
		break;
	case BROKER_START:
		if (c->user.start(c->user.ctx) < 0)
			c->user.stop(c->user.ctx, STOP_INTERNAL, "the runner started it twice");
	}
}

/* One packet; false when there is none now. */
static bool receive(struct control *c)
{
	struct broker_msg m;
	autoclose int fd = -1;
	ssize_t len = io_recv_fd(c->io.fd, &m, sizeof(m), &fd);

	if (len == -EAGAIN)
		return false;
	if (len == 0 || len == -ECONNRESET)
		c->user.stop(c->user.ctx, STOP_ASKED, "the runner is gone");
	if (!is_well_formed(&m, len, fd))
		c->user.stop(c->user.ctx, STOP_INTERNAL, "the runner sent a malformed packet");
	serve(c, &m, fd_take(&fd));
	return true;
}

static void ready(struct loop_io *io, uint32_t events)
{
	struct control *c = owner_of(io, struct control, io);

	(void)events;
	for (unsigned i = 0; i < MAX_PACKETS; i++)
		if (!receive(c))
			return;
}

void control_request(void *ctx, uint32_t id, uint32_t port)
{
	struct control *c = ctx;
	struct broker_msg m = { .op = BROKER_REQUEST, .id = id, .port = port };

	/* A full broker: the runner does not keep up with what the guest asks for. */
	if (io_send_fd(c->io.fd, &m, sizeof(m), -1) < 0)
		vsock_refuse(c->vsock, id);
}

int control_init(struct control *c, struct loop *loop, int fd, struct vsock *vsock,
		 const struct control_user *user, struct err *err)
{
	int rc;

	*c = (struct control){ .io = { .fd = fd, .ready = ready }, .vsock = vsock, .user = *user };
	if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return err_sys(err, "broker: descriptor %d", fd);
	rc = loop_add(loop, &c->io, EPOLLIN);
	return rc < 0 ? err_set(err, -rc, "broker: cannot be waited for") : 0;
}
