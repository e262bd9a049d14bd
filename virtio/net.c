/* net.c - virtio-net: frames between two queues and a descriptor.
 *
 * Towards the guest a frame waits in `in` until there is a buffer for it, and meanwhile the
 * backend is not polled: its own queue fills, and whoever sends is slowed or dropped there.
 * Towards a stream a frame waits in `out`, and meanwhile the guest's queue is not read.  A
 * tap takes or refuses a frame whole; what it refuses is dropped, as on a wire. */
#include "virtio/net.h"

#include <errno.h>
#include <string.h>

#include "lib/io.h"

enum { RX, TX };

#define F_MTU	(1ull << 3)
#define F_MAC	(1ull << 5)

#define MTU	  1500u
#define MIN_FRAME 14u		/* bytes: two addresses and a type */
#define BUDGET	  64u		/* frames from the backend, then the others on the loop */

struct net_header {		/* virtio_net_hdr_v1; all zero but one: nothing is offloaded */
	uint8_t  flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

struct net_config {
	uint8_t  mac[6];
	uint16_t status, max_pairs, mtu;
};

static uint32_t frame_len(const struct net_partial *p)
{
	const uint8_t *b = p->bytes;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void set_frame_len(struct net_partial *p, uint32_t len)
{
	for (unsigned i = 0; i < NET_PREFIX; i++)
		p->bytes[i] = (uint8_t)(len >> (24 - 8 * i));
}

static bool is_whole(const struct net_partial *p)
{
	return p->have >= NET_PREFIX && p->have - NET_PREFIX == frame_len(p);
}

static void die(struct net *n, const char *why)
{
	log_guest(&n->failed, "net: %s; the guest is cut off", why);
	n->dead = true;
	n->sending = false;
}

static bool is_listening(const struct net *n)
{
	return virtio_running(&n->dev) && n->dev.q[RX].ready && !n->starved && !n->dead;
}

/* Poll for what can be dealt with now, and nothing else: a readable backend that nobody
 * reads would keep the loop spinning. */
static void poll_backend(struct net *n)
{
	uint32_t events = (is_listening(n) ? (uint32_t)EPOLLIN : 0) |
			  (n->sending ? (uint32_t)EPOLLOUT : 0);

	if (loop_set(n->dev.loop, &n->io, events) < 0)
		die(n, "the backend cannot be polled");
}

/* --- from the backend to the guest ------------------------------------------------------- */

/* Both: 1 when a frame is whole, 0 when there is no more at the moment, or an errno. */
static int tap_fetch(struct net *n)
{
	struct net_partial *p = &n->in;
	ssize_t got = io_read_some(n->io.fd, p->bytes + NET_PREFIX, NET_MAX_FRAME + 1);

	if (got <= 0)
		return got ? (int)got : -EPIPE;
	set_frame_len(p, (uint32_t)got);
	p->have = NET_PREFIX + (uint32_t)got;
	return 1;
}

static int stream_fetch(struct net *n)
{
	struct net_partial *p = &n->in;

	while (!is_whole(p)) {
		uint32_t len = p->have < NET_PREFIX ? 0 : frame_len(p);
		ssize_t got;

		if (len > NET_MAX_FRAME)
			return -EPROTO;		/* where the next frame begins is lost */
		got = io_read_some(n->io.fd, p->bytes + p->have, NET_PREFIX + len - p->have);
		if (got <= 0)
			return got ? (int)got : -EPIPE;
		p->have += (uint32_t)got;
	}
	return 1;
}

static bool fetch(struct net *n)
{
	int rc = is_whole(&n->in) ? 1 : n->kind == NET_KIND_TAP ? tap_fetch(n) : stream_fetch(n);

	if (rc == -EPROTO)
		die(n, "the stream's framing is broken");
	else if (rc < 0 && rc != -EAGAIN)
		die(n, "the backend hung up");
	return rc == 1;
}

/* One whole frame into one chain.  A chain that is too small goes back empty. */
static void fill(struct net *n)
{
	static const struct net_header header = { .num_buffers = 1 };
	uint32_t len = frame_len(&n->in);

	if (n->chain.in_left < sizeof(header) + len) {
		log_guest(&n->dropped, "net: the guest's buffers do not hold a frame");
		return;
	}
	vq_write(&n->chain, &header, sizeof(header));
	vq_write(&n->chain, n->in.bytes + NET_PREFIX, len);
}

static bool is_sane(const struct net_partial *p)
{
	return frame_len(p) >= MIN_FRAME && frame_len(p) <= NET_MAX_FRAME;
}

/* Hand the fetched frame on; false when the guest has no buffer for it now. */
static bool deliver(struct net *n, unsigned *taken)
{
	if (is_sane(&n->in)) {
		if (!virtio_pop(&n->dev, RX, taken, &n->chain))
			return false;
		fill(n);
		vq_push(&n->dev.q[RX], &n->chain);
	} else {
		log_guest(&n->dropped, "net: dropped a frame of %u bytes", frame_len(&n->in));
	}
	n->in.have = 0;
	return true;
}

static void receive(struct net *n)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < BUDGET && is_listening(n) && fetch(n); i++)
		n->starved = !deliver(n, &taken);
	if (taken > 0)
		virtio_interrupt(&n->dev, RX);
	poll_backend(n);
}

/* --- from the guest to the backend ------------------------------------------------------- */

static void tap_send(struct net *n)
{
	if (io_write_some(n->io.fd, n->out.bytes + NET_PREFIX, frame_len(&n->out)) < 0)
		log_guest(&n->dropped, "net: the tap refused a frame");
	n->sending = false;
}

static void stream_send(struct net *n)
{
	struct net_partial *p = &n->out;

	while (!is_whole(p)) {
		ssize_t put = io_write_some(n->io.fd, p->bytes + p->have,
					    NET_PREFIX + frame_len(p) - p->have);

		if (put == -EAGAIN)
			return;			/* goes on with EPOLLOUT */
		if (put < 0) {
			die(n, "the backend hung up");
			return;
		}
		p->have += (uint32_t)put;
	}
	n->sending = false;
}

static void send_frame(struct net *n)
{
	if (n->kind == NET_KIND_TAP)
		tap_send(n);
	else
		stream_send(n);
}

/* The chain's frame into `out`; false when it is none that could be sent. */
static bool load(struct net *n)
{
	struct net_header header;
	size_t got = vq_read(&n->chain, &header, sizeof(header));
	size_t len = n->chain.out_left;

	if (n->dead)
		return false;
	if (got < sizeof(header) || len < MIN_FRAME || len > NET_MAX_FRAME) {
		log_guest(&n->dropped, "net: dropped a frame of %zu bytes from the guest", len);
		return false;
	}
	set_frame_len(&n->out, (uint32_t)len);
	vq_read(&n->chain, n->out.bytes + NET_PREFIX, len);
	n->out.have = 0;
	return true;
}

static void transmit(struct net *n)
{
	unsigned taken = 0;

	while (!n->sending && virtio_pop(&n->dev, TX, &taken, &n->chain)) {
		n->sending = load(n);
		if (n->sending)
			send_frame(n);
		vq_push(&n->dev.q[TX], &n->chain);
	}
	if (taken > 0)
		virtio_interrupt(&n->dev, TX);
	poll_backend(n);
}

/* --- the device -------------------------------------------------------------------------- */

static void backend_ready(struct loop_io *io, uint32_t events)
{
	struct net *n = owner_of(io, struct net, io);

	(void)events;			/* a hang-up shows in both directions: just try */
	if (n->sending) {
		send_frame(n);
		transmit(n);
	}
	receive(n);
}

static void net_kick(struct virtio_dev *d, unsigned queue)
{
	struct net *n = owner_of(d, struct net, dev);

	if (queue == TX) {
		transmit(n);
	} else {
		n->starved = false;
		receive(n);
	}
}

/* A frame that is partly sent or received stays: the stream's framing depends on it. */
static void net_reset(struct virtio_dev *d)
{
	struct net *n = owner_of(d, struct net, dev);

	n->starved = false;
	if (is_whole(&n->in))
		n->in.have = 0;
	poll_backend(n);
}

static const struct virtio_type net_type = {
	.name = "net", .id = VIRTIO_ID_NET, .nqueues = 2, .queue_max = VQ_MAX, .features = F_MAC | F_MTU,
	.kick = net_kick, .reset = net_reset,
};

int net_init(struct net *n, int fd, enum net_kind kind, const uint8_t mac[6], struct err *err)
{
	struct net_config config = { .mtu = MTU };

	if (fd < 0)
		return err_set(err, EBADF, "net: no descriptor");
	*n = (struct net){ .dev = { .type = &net_type, .features = net_type.features,
				    .config_len = sizeof(config) },
			   .io = { .fd = fd, .ready = backend_ready }, .kind = kind };
	memcpy(config.mac, mac, sizeof(config.mac));
	memcpy(n->dev.config, &config, sizeof(config));
	return 0;
}

void net_fini(struct net *n)
{
	loop_set(n->dev.loop, &n->io, 0);
}
