/* peer.c - the host side of a hostile guest's sockets. */
#include "tests/guest/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/broker.h"
#include "lib/io.h"
#include "tests/guest/world.h"

#define MAX_FRAME_LEN 1514u		/* what the device says it sends: MTU 1500 */

static void complain(struct peer *p, const char *what, uint32_t n)
{
	if (!p->complaint[0])
		snprintf(p->complaint, sizeof(p->complaint), "%s (%u)", what, n);
}

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
}

void peer_init(struct peer *p, pid_t monitor, int broker, int wire, int beside)
{
	memset(p, 0, sizeof(*p));
	p->monitor = monitor;
	p->beside = beside;
	p->broker = broker;
	p->wire.fd = wire;
	set_nonblocking(broker);
	set_nonblocking(wire);
}

void peer_fini(struct peer *p)
{
	close(p->broker);
	close(p->wire.fd);
	for (unsigned i = 0; i < p->n_conns; i++)
		if (p->conn[i].fd >= 0)
			close(p->conn[i].fd);
}

/* --- connections -------------------------------------------------------------------------- */

static void answer(struct peer *p, uint32_t op, uint32_t id, uint32_t port, int fd)
{
	struct broker_msg m = { .op = op, .id = id, .port = port };
	int rc = io_send_fd(p->broker, &m, sizeof(m), fd);

	if (rc < 0 && rc != -EPIPE)		/* gone: the guest has ended the machine */
		complain(p, "the broker does not take an answer", (uint32_t)-rc);
}

static struct conn *free_slot(struct peer *p)
{
	for (unsigned i = 0; i < p->n_conns; i++)
		if (p->conn[i].fd < 0)
			return &p->conn[i];
	return p->n_conns < PEER_CONNS ? &p->conn[p->n_conns++] : NULL;
}

/* A socket pair: one end is kept, the other is returned to be handed over, or -1. */
static int new_conn(struct peer *p, bool echo)
{
	struct conn *c = free_slot(p);
	int pair[2];

	if (!c || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		complain(p, "more connections than there can be", p->n_conns);
		return -1;
	}
	set_nonblocking(pair[0]);
	*c = (struct conn){ .fd = pair[0], .echo = echo };
	return pair[1];
}

static void hand_over(struct peer *p, uint32_t op, uint32_t id, uint32_t port, bool echo)
{
	int fd = new_conn(p, echo);

	if (fd < 0)
		return;
	answer(p, op, id, port, fd);
	close(fd);
}

static void hang_up(struct peer *p, uint32_t id)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	answer(p, BROKER_ACCEPT, id, 0, pair[1]);
	close(pair[0]);
	close(pair[1]);
}

static void take_sample(struct peer *p)
{
	if (p->n_samples < 2)
		p->sample[p->n_samples++] = usage_of(p->monitor);
}

/* It is told with every round; its end is the end of what goes on beside us. */
static bool is_over(const struct peer *p)
{
	char c;

	if (p->beside < 0)
		return true;
	(void)!send(p->beside, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	return recv(p->beside, &c, 1, MSG_DONTWAIT) == 0;
}

static void request(struct peer *p, const struct broker_msg *m)
{
	switch (m->port) {
	case PORT_ECHO:
		hand_over(p, BROKER_ACCEPT, m->id, 0, true);
		break;
	case PORT_SINK:
		hand_over(p, BROKER_ACCEPT, m->id, 0, false);
		break;
	case PORT_HANGUP:
		hang_up(p, m->id);
		break;
	case PORT_SILENT:
		break;
	case PORT_CALL_ME:
		answer(p, BROKER_REFUSE, m->id, 0, -1);
		hand_over(p, BROKER_CONNECT, 0, PORT_GUEST, true);
		break;
	case PORT_OVER:
		if (is_over(p)) {
			hand_over(p, BROKER_ACCEPT, m->id, 0, false);
			break;
		}
		answer(p, BROKER_REFUSE, m->id, 0, -1);
		break;
	case PORT_SAMPLE:
		take_sample(p);
		answer(p, BROKER_REFUSE, m->id, 0, -1);
		break;
	default:
		answer(p, BROKER_REFUSE, m->id, 0, -1);
	}
}

static void serve_broker(struct peer *p)
{
	struct broker_msg m;
	ssize_t len;
	int fd;

	while ((len = io_recv_fd(p->broker, &m, sizeof(m), &fd)) > 0) {
		if (fd >= 0) {
			complain(p, "a descriptor came from the monitor", m.op);
			close(fd);
		} else if (len != sizeof(m) || m.op != BROKER_REQUEST) {
			complain(p, "a malformed packet from the monitor", m.op);
		} else {
			request(p, &m);
		}
	}
}

static void serve_conn(struct conn *c)
{
	ssize_t n;

	if (c->have < sizeof(c->buf)) {
		n = io_read_some(c->fd, c->buf + c->have, sizeof(c->buf) - c->have);
		if (n == 0 || (n < 0 && n != -EAGAIN)) {
			close(c->fd);
			c->fd = -1;
			return;
		}
		c->have += n > 0 ? (uint32_t)n : 0;
	}
	n = send(c->fd, c->buf, c->have, MSG_NOSIGNAL);
	if (n > 0) {
		c->have -= (uint32_t)n;
		memmove(c->buf, c->buf + n, c->have);
	}
}

/* --- the wire ------------------------------------------------------------------------------- */

static uint32_t prefix(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void take_frame(struct wire *w, const uint8_t *frame, uint32_t len)
{
	if (len < 14)
		return;
	if (frame[12] == NET_STALL_TYPE)
		w->stalled_until = now_ns() + NET_STALL_MS * 1000000ull;
	if (frame[12] == NET_ECHO_TYPE && w->queued + 4 + len <= sizeof(w->out)) {
		memcpy(w->out + w->queued, frame - 4, 4 + len);
		w->queued += 4 + len;
	}
}

static void take_frames(struct peer *p)
{
	struct wire *w = &p->wire;
	uint32_t at = 0;

	while (w->have - at >= 4) {
		uint32_t len = prefix(w->in + at);

		if (len == 0 || len > MAX_FRAME_LEN) {
			complain(p, "a frame of a forbidden length on the wire", len);
			w->have = at;
			break;
		}
		if (w->have - at - 4 < len)
			break;
		take_frame(w, w->in + at + 4, len);
		at += 4 + len;
	}
	w->have -= at;
	memmove(w->in, w->in + at, w->have);
}

static void serve_wire(struct peer *p)
{
	struct wire *w = &p->wire;
	ssize_t n;

	if (!w->stalled_until) {
		n = io_read_some(w->fd, w->in + w->have, sizeof(w->in) - w->have);
		w->have += n > 0 ? (uint32_t)n : 0;
		take_frames(p);
	}
	n = send(w->fd, w->out, w->queued, MSG_NOSIGNAL);
	if (n > 0) {
		w->queued -= (uint32_t)n;
		memmove(w->out, w->out + n, w->queued);
	}
}

/* --- polling ---------------------------------------------------------------------------------- */

unsigned peer_polls(struct peer *p, struct pollfd *fds, int *timeout_ms)
{
	struct wire *w = &p->wire;
	uint64_t now = now_ns();

	if (w->stalled_until && now >= w->stalled_until)
		w->stalled_until = 0;
	if (w->stalled_until && *timeout_ms > 20)
		*timeout_ms = 20;
	fds[0] = (struct pollfd){ .fd = p->broker, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = w->fd, .events = (short)((w->stalled_until ? 0 : POLLIN) |
								(w->queued ? POLLOUT : 0)) };
	for (unsigned i = 0; i < p->n_conns; i++) {
		struct conn *c = &p->conn[i];
		int events = (c->have < sizeof(c->buf) ? POLLIN : 0) | (c->have ? POLLOUT : 0);

		fds[2 + i] = (struct pollfd){ .fd = c->echo ? c->fd : -1, .events = (short)events };
	}
	return 2 + p->n_conns;
}

void peer_serve(struct peer *p, const struct pollfd *fds, unsigned n)
{
	for (unsigned i = 2; i < n; i++)
		if (fds[i].revents)
			serve_conn(&p->conn[i - 2]);
	if (fds[1].revents)
		serve_wire(p);
	if (fds[0].revents)
		serve_broker(p);
}
