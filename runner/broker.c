/* broker.c - answers the vmm's requests for connections. */
#include "runner/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

static struct broker_port *take_port(struct broker *b, uint32_t port)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct broker_port *p = b->port[i];

		if (p->port != port)
			continue;
		b->port[i] = b->port[--b->n];
		return p;
	}
	return NULL;
}

static void failed(struct broker *b, int rc, const char *what)
{
	struct err err;

	err_set(&err, -rc, "no connection for the guest: %s: %s", what, strerror(-rc));
	facts_error(b->facts, &err);
}

/* A vmm that does not read what it asked for is not one we wait for. */
static int answer(struct broker *b, const struct broker_msg *m, int fd)
{
	int rc = io_send_fd(b->watch.fd, m, sizeof(*m), fd);

	if (rc == -EPIPE || rc == -ECONNRESET)
		watch_close(&b->watch);
	else if (rc == -EAGAIN)
		facts_protocol(b->facts, "the monitor does not read the broker's answers");
	else if (rc < 0)
		failed(b, rc, "sendmsg");
	return rc;
}

static void connect_port(struct broker *b, struct broker_port *p, uint32_t id)
{
	struct broker_msg m = { BROKER_ACCEPT, id, p->port };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		failed(b, -errno, "socketpair");
		return;
	}
	if (answer(b, &m, pair[1]) == 0)
		p->connected(p, pair[0]);
	else
		close(pair[0]);
	close(pair[1]);
}

/* Of who has a machine and lets us run a command in it: it has made the connection itself. */
static void take_connection(struct broker *b, uint32_t port, int fd)
{
	struct broker_port *p = take_port(b, port);

	if (p)
		p->connected(p, fd);
	else
		close(fd);
}

static void broker_ready(struct watch *w, short events)
{
	struct broker *b = owner_of(w, struct broker, watch);
	struct broker_msg m;
	struct broker_port *p;
	autoclose int fd = -1;		/* a vmm has nothing to hand us: closed */
	ssize_t got = io_recv_fd(w->fd, &m, sizeof(m), &fd);

	(void)events;
	if (got == -EAGAIN)
		return;
	if (got == 0 || got == -ECONNRESET) {
		watch_close(w);
		return;
	}
	if (got < 0 && got != -EPROTO) {
		failed(b, (int)got, "recvmsg");
		return;
	}
	if (got == sizeof(m) && m.op == BROKER_CONNECT && fd >= 0 && b->facts->visiting) {
		take_connection(b, m.port, fd_take(&fd));
		return;
	}
	if (got != sizeof(m) || m.op != BROKER_REQUEST || fd >= 0) {
		facts_protocol(b->facts, "the monitor sent a malformed request to the broker");
		return;
	}
	p = take_port(b, m.port);
	if (p) {
		connect_port(b, p, m.id);
		return;
	}
	m.op = BROKER_REFUSE;
	answer(b, &m, -1);
}

void broker_init(struct broker *b, int fd, struct facts *facts, struct watch_set *set)
{
	*b = (struct broker){ .watch = { fd, POLLIN, broker_ready }, .facts = facts };
	watch_add(set, &b->watch);
}

void broker_offer(struct broker *b, struct broker_port *p)
{
	if (b->n == sizeof(b->port) / sizeof(b->port[0]))
		abort();	/* the runner's own count is wrong */
	b->port[b->n++] = p;
}

void broker_withdraw(struct broker *b, struct broker_port *p)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->port[i] == p)
			b->port[i--] = b->port[--b->n];
}

static void tell(struct broker *b, enum broker_op op, int fd)
{
	const struct broker_msg m = { .op = op };

	if (b->watch.fd >= 0 && io_send_fd(b->watch.fd, &m, sizeof(m), fd) < 0)
		watch_close(&b->watch);
}

void broker_stop(struct broker *b)
{
	tell(b, BROKER_STOP, -1);
}

void broker_start(struct broker *b)
{
	tell(b, BROKER_START, -1);
}

void broker_save(struct broker *b, int fd)
{
	tell(b, BROKER_SAVE, fd);
}
