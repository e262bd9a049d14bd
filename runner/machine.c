/* machine.c - a machine goes from process to process. */
#include "runner/machine.h"

#include <errno.h>
#include <unistd.h>

#include "lib/io.h"

enum { N_FDS = sizeof(struct machine) / sizeof(int), N_NEEDED = 4 };

_Static_assert(N_FDS <= IO_MAX_FDS, "a machine fits into a packet");

/* In the order of the struct; where one is missing, a bit of the number says so. */
struct wire_fds {
	unsigned n, mask;
	int fd[N_FDS];
};

static int *slot(struct machine *m, unsigned i)
{
	int *const slots[N_FDS] = { &m->leash, &m->log, &m->console, &m->broker, &m->kernel,
				    &m->root, &m->control };

	return slots[i];
}

uint64_t machine_generation(const struct spec *spec)
{
	uint64_t n = 0;

	if (spec->snapshot != SNAP_RESTORE)
		return 0;
	if (io_random(&n, sizeof(n)) < 0)
		n = now_ns();		/* it has to be another one, not a secret */
	return n | 1;
}

void machine_init(struct machine *m)
{
	for (unsigned i = 0; i < N_FDS; i++)
		*slot(m, i) = -1;
}

void machine_close(struct machine *m)
{
	for (unsigned i = 0; i < N_FDS; i++)
		if (*slot(m, i) >= 0)
			close(*slot(m, i));
	machine_init(m);
}

static struct wire_fds pack(const struct machine *m)
{
	struct machine copy = *m;
	struct wire_fds w = { 0 };

	for (unsigned i = 0; i < N_FDS; i++) {
		if (*slot(&copy, i) < 0)
			continue;
		w.mask |= 1u << i;
		w.fd[w.n++] = *slot(&copy, i);
	}
	return w;
}

/* Takes all of fd[]: what does not fit the mask is closed. */
static int unpack(struct machine *m, uint32_t mask, const int fd[N_FDS])
{
	unsigned n = 0;

	machine_init(m);
	for (unsigned i = 0; i < N_FDS; i++)
		if (mask >> i & 1 && fd[n] >= 0)
			*slot(m, i) = fd[n++];
	if (n == (unsigned)__builtin_popcount(mask) && (n == N_FDS || fd[n] < 0))
		return 0;
	while (n < N_FDS && fd[n] >= 0)
		close(fd[n++]);
	machine_close(m);
	return -EPROTO;
}

/* --- packets ------------------------------------------------------------------------------- */

struct packet_over {
	uint32_t mask;
	struct handover over;
};

struct packet_back {
	uint32_t mask;
	struct handback back;
};

int machine_send(int sock, const struct machine *m, const struct handover *h)
{
	struct wire_fds w = pack(m);
	struct packet_over p = { w.mask, *h };

	p.over.version = HANDOVER_VERSION;
	return io_send_fds(sock, &p, sizeof(p), w.fd, w.n);
}

int machine_send_back(int sock, const struct machine *m, const struct handback *b)
{
	struct wire_fds w = b->given_back ? pack(m) : (struct wire_fds){ 0 };
	struct packet_back p = { w.mask, *b };

	p.back.version = HANDOVER_VERSION;
	return io_send_fds(sock, &p, sizeof(p), w.fd, w.n);
}

/* A whole packet of n bytes that starts with a mask, and its machine. */
static int receive(int sock, void *packet, size_t n, struct machine *m)
{
	int fd[N_FDS], rc;
	ssize_t got = io_recv_fds(sock, packet, n, fd, N_FDS);

	if (got < 0)
		return (int)got;
	rc = unpack(m, *(const uint32_t *)packet, fd);
	if (rc == 0 && (size_t)got != n) {
		machine_close(m);
		rc = got == 0 ? -EPIPE : -EPROTO;
	}
	return rc;
}

static bool is_whole(const struct machine *m)
{
	struct machine copy = *m;

	for (unsigned i = 0; i < N_NEEDED; i++)
		if (*slot(&copy, i) < 0)
			return false;
	return true;
}

int machine_recv(int sock, struct machine *m, struct handover *h)
{
	struct packet_over p = { 0 };
	int rc = receive(sock, &p, sizeof(p), m);

	if (rc == 0 && (p.over.version != HANDOVER_VERSION || !is_whole(m))) {
		machine_close(m);
		rc = -EPROTO;
	}
	*h = p.over;
	return rc;
}

int machine_recv_back(int sock, struct machine *m, struct handback *b)
{
	struct packet_back p = { 0 };
	int rc = receive(sock, &p, sizeof(p), m);

	if (rc == 0 && (p.back.version != HANDOVER_VERSION || (p.back.given_back && !is_whole(m)))) {
		machine_close(m);
		rc = -EPROTO;
	}
	*b = p.back;
	return rc;
}
