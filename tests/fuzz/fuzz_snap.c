/* fuzz_snap.c - a snapshot that somebody has changed: what is taken of it runs like a device
 * that a driver has set up.
 *
 * The first byte says which device.  Then come the bytes to change in the state of one that
 * was started properly, each with its place, up to an empty change; the rest is the life of
 * the restored machine, moves of script.h. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "tests/fuzz/script.h"
#include "virtio/blk.h"
#include "virtio/net.h"
#include "virtio/vsock.h"
#include "vmm/serial.h"
#include "vmm/state.h"

enum { BLK, NET, VSOCK, N_KINDS };

enum { DISK = 1 << 16, MAX_ASKED = 64 };

static struct state state;
static struct blk blk;
static struct net net;
static struct vsock *vsock;
static struct serial serial;
static int peer[2];			/* the device's end and ours */
static uint32_t asked[MAX_ASKED];
static unsigned n_asked;

/* --- the devices ------------------------------------------------------------------------- */

static void on_request(void *ctx, uint32_t id, uint32_t port)
{
	(void)ctx;
	if (port & 1)
		vsock_refuse(vsock, id);
	else if (n_asked < MAX_ASKED)
		asked[n_asked++] = id;
}

static int disk(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("disk", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, DISK) < 0)
		abort();
	return fd;
}

static int new_pair(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, peer))
		abort();
	return peer[0];
}

static struct virtio_dev *make(unsigned kind)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct err err;
	int rc;

	if (kind == BLK)
		rc = blk_init(&blk, disk(), true, "disk0", &err);
	else if (kind == NET)
		rc = net_init(&net, new_pair(), NET_KIND_STREAM, mac, &err);
	else
		rc = vsock_init(vsock, VSOCK_GUEST_CID, on_request, NULL, &err);
	if (rc < 0)
		abort();
	return kind == BLK ? &blk.dev : kind == NET ? &net.dev : vsock_dev(vsock);
}

static void unmake(unsigned kind)
{
	if (kind == NET) {
		net_fini(&net);
		close(peer[0]);
		close(peer[1]);
	}
	if (kind == VSOCK)
		vsock_fini(vsock);
}

/* --- the snapshot ------------------------------------------------------------------------ */

/* Nothing of it fits: sections are refused, and that is all. */
static void get_from_noise(const uint8_t *in, size_t n)
{
	static uint8_t data[64];
	struct err err;

	state.len = n < sizeof(state.buf) ? n : sizeof(state.buf);
	memcpy(state.buf, in, state.len);
	for (enum state_tag tag = STATE_HOST; tag < N_STATE_TAGS; tag++) {
		state.at = 0;
		while (state_get(&state, tag, data, tag * 4u, &err) == 0)
			;
		if (state.at > state.len)
			abort();
	}
}

static void save(struct script *s)
{
	struct virtio_state dev;
	struct vsock_state conns = { 0 };
	struct serial_state uart;

	state.len = state.at = 0;
	script_start(s);
	virtio_save(s->dev, &dev);
	if (s->dev == vsock_dev(vsock))
		vsock_save(vsock, &conns);
	serial_save(&serial, &uart);
	state_put(&state, STATE_DEVICE, &dev, sizeof(dev));
	state_put(&state, STATE_VSOCK, &conns, sizeof(conns));
	state_put(&state, STATE_SERIAL, &uart, sizeof(uart));
}

/* A change of no bytes is the last; it may cut the state short. */
static void change(struct script *s)
{
	uint8_t n;

	while ((n = script_u8(s) % 9u) > 0)
		for (size_t at = script_u16(s); n > 0; n--, at++)
			state.buf[at % state.len] = script_u8(s);
	n = script_u8(s);
	if (n >= 128)
		state.len -= n;
}

/* What must hold of a device that was taken, whatever the snapshot said. */
static void check(const struct virtio_dev *d)
{
	if (virtio_running(d) && (!(d->accepted >> 32 & 1) || (d->accepted << 32 >> 32) & ~d->features))
		abort();
	for (unsigned i = 0; i < d->type->nqueues; i++)
		if (d->q[i].ready && (!(d->status & VIRTIO_FEATURES_OK) || !d->q[i].used ||
				      d->q[i].num > d->type->queue_max))
			abort();
}

static bool load(struct script *s)
{
	static struct vsock_state conns;
	struct virtio_state dev;
	struct serial_state uart;
	struct err err;

	if (state_get(&state, STATE_DEVICE, &dev, sizeof(dev), &err) < 0 ||
	    virtio_load(s->dev, &dev) < 0)
		return false;
	check(s->dev);
	if (state_get(&state, STATE_VSOCK, &conns, sizeof(conns), &err) < 0 ||
	    (s->dev == vsock_dev(vsock) && vsock_load(vsock, &conns) < 0))
		return false;
	if (state_get(&state, STATE_SERIAL, &uart, sizeof(uart), &err) < 0)
		return false;
	serial_load(&serial, &uart);
	return state_end(&state, &err) == 0;
}

/* --- its life ---------------------------------------------------------------------------- */

static void host_move(struct script *s)
{
	uint8_t how = script_u8(s);
	int pair[2];

	if (how % 4 == 0) {
		serial_write(&serial, how / 4 % 8u, script_u8(s));
		serial_read(&serial, how / 32);
	} else if (how % 4 == 1 && s->dev == &net.dev) {
		(void)!send(peer[1], s->in, (size_t)(s->end - s->in), MSG_NOSIGNAL);
	} else if (how % 4 == 2 && n_asked > 0) {
		vsock_refuse(vsock, asked[--n_asked]);
	} else if (s->dev == vsock_dev(vsock)) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
			abort();
		(void)!write(pair[1], "a few bytes", 11);
		if (n_asked > 0)
			vsock_accept(vsock, asked[--n_asked], pair[0]);
		else
			vsock_connect(vsock, how / 4 % 4u, pair[0]);
		close(pair[1]);
	}
}

static void live(struct script *s)
{
	struct virtio_state again;

	virtio_resume(s->dev);
	if (s->dev == vsock_dev(vsock))
		vsock_resume(vsock);
	script_rounds(s, 8);
	script_run(s, host_move);
	virtio_save(s->dev, &again);		/* what came of it can be saved and restored */
	virtio_reset(s->dev);
	if (virtio_load(s->dev, &again) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct script s;
	unsigned kind = n ? in[0] % N_KINDS : 0;

	signal(SIGPIPE, SIG_IGN);
	get_from_noise(in, n);
	vsock = vsock_storage();
	n_asked = 0;
	serial_init(&serial, -1, -1);
	script_init(&s, make(kind), in, n);
	script_u8(&s);
	save(&s);
	virtio_reset(s.dev);
	change(&s);
	if (load(&s))
		live(&s);
	unmake(kind);
	script_fini(&s);
	return 0;
}
