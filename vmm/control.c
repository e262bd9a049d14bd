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
	case BROKER_SAVE:
		return fd >= 0;
	case BROKER_REFUSE:
	case BROKER_STOP:
	case BROKER_START:
		return fd < 0;
	default:
		return false;
	}
}

static void stop(struct control *c, enum stop_reason why, const char *msg)
{
	c->owner.stop(c->owner.ctx, why, msg);
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
	case BROKER_SAVE:
		c->owner.save(c->owner.ctx, fd);
		break;
	case BROKER_STOP:
		stop(c, STOP_ASKED, "");
		break;
	case BROKER_START:		/* once, and before the loop */
		stop(c, STOP_INTERNAL, "the runner started it twice");
	}
}

/* One packet; false when there is none now, or no memory for it: the loop comes back at once. */
static bool receive(struct control *c)
{
	struct broker_msg m;
	autoclose int fd = -1;
	ssize_t len = io_recv_fd(c->io.fd, &m, sizeof(m), &fd);

	if (len == -EAGAIN || len == -ENOMEM || len == -ENOBUFS)
		return false;
	if (len == 0 || len == -ECONNRESET)
		stop(c, STOP_ASKED, "the runner is gone");
	if (!is_well_formed(&m, len, fd))
		stop(c, STOP_INTERNAL, "the runner sent a malformed packet");
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

	int rc = io_send_fd(c->io.fd, &m, sizeof(m), -1);

	if (rc == -ENOMEM || rc == -ENOBUFS)
		stop(c, STOP_INTERNAL, "the host has no memory for a connection of the guest");
	/* A full broker: the runner does not keep up with what the guest asks for. */
	if (rc < 0)
		vsock_refuse(c->vsock, id);
}

static int set_flags(int fd, int flags, struct err *err)
{
	return fcntl(fd, F_SETFL, O_RDWR | flags) < 0 ? err_sys(err, "broker: descriptor %d", fd) : 0;
}

/* Blocking for that one packet, which needs no system call that the start does not. */
int control_wait(int fd, struct err *err)
{
	struct broker_msg m = { 0 };
	autoclose int unwanted = -1;
	ssize_t got;

	if (set_flags(fd, 0, err) < 0)
		return -err->code;
	got = io_recv_fd(fd, &m, sizeof(m), &unwanted);
	if (set_flags(fd, O_NONBLOCK, err) < 0)
		return -err->code;
	if (got == sizeof(m) && m.op == BROKER_START)
		return 0;
	return err_set(err, ECANCELED, "given up before it was wanted");
}

int control_init(struct control *c, struct loop *loop, int fd, struct vsock *vsock,
		 const struct control_owner *owner, struct err *err)
{
	int rc;

	*c = (struct control){ .io = { .fd = fd, .ready = ready }, .vsock = vsock,
			       .owner = *owner };
	if (set_flags(fd, O_NONBLOCK, err) < 0)
		return -err->code;
	rc = loop_add(loop, &c->io, EPOLLIN);
	return rc < 0 ? err_set(err, -rc, "broker: cannot be waited for") : 0;
}
