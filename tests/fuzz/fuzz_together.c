/* fuzz_together.c - a disk, a network card and vsock on one loop over the same memory: one's
 * rings are another's buffers, and what one device writes is a descriptor of the next.
 *
 * Moves of script.h; the backend's move turns to another device, or does something at the far
 * end of one. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/fuzz/script.h"
#include "virtio/blk.h"
#include "virtio/net.h"
#include "virtio/vsock.h"

enum { N_DEVICES = 3, DISK = 8 * 512, MAX_ASKED = 64 };

static struct blk blk;
static struct net net;
static struct vsock *vsock;
static int disk = -1, peer;
static uint32_t asked[MAX_ASKED];
static unsigned n_asked;

static void on_request(void *ctx, uint32_t id, uint32_t port)
{
	(void)ctx;
	(void)port;
	if (n_asked < MAX_ASKED)
		asked[n_asked++] = id;
}

static void pair(int sv[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv))
		abort();
}

/* The far end of a connection is closed at once: what the guest sends to it fails. */
static void accept_one(void)
{
	int sv[2];

	if (n_asked == 0)
		return;
	pair(sv);
	vsock_accept(vsock, asked[--n_asked], sv[0]);
	close(sv[1]);
}

static void send_frame(struct script *s)
{
	uint8_t frame[4 + 256] = { 0 };
	unsigned n = script_u8(s);

	frame[3] = (uint8_t)n;
	for (unsigned i = 0; i < n % 32; i++)
		frame[4 + i] = script_u8(s);
	(void)!send(peer, frame, 4 + n, MSG_NOSIGNAL);
}

static void backend(struct script *s)
{
	struct virtio_dev *const devices[N_DEVICES] = { &blk.dev, &net.dev, vsock_dev(vsock) };
	uint8_t how = script_u8(s), buf[2048];

	switch (how % 8) {
	case 0:	accept_one(); break;
	case 1:	send_frame(s); break;
	case 2:	(void)!read(peer, buf, sizeof(buf)); break;
	case 3:
		if (n_asked > 0)
			vsock_refuse(vsock, asked[--n_asked]);
		break;
	default:
		s->dev = devices[how / 8 % N_DEVICES];
	}
}

static void make_devices(int stream)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct err err;

	if (disk < 0)
		disk = memfd_create("disk", 0);
	n_asked = 0;
	vsock = vsock_storage();
	if (disk < 0 || ftruncate(disk, DISK) || blk_init(&blk, disk, false, "disk0", &err) ||
	    net_init(&net, stream, NET_KIND_STREAM, mac, &err) ||
	    vsock_init(vsock, VSOCK_GUEST_CID, on_request, NULL, &err))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct script s;
	struct err err;
	struct stat st;
	int sv[2];

	signal(SIGPIPE, SIG_IGN);
	pair(sv);
	peer = sv[1];
	make_devices(sv[0]);
	script_init(&s, &blk.dev, in, n);
	if (virtio_wire(&net.dev, &s.mem, &s.loop, s.irq_fd, &err) ||
	    virtio_wire(vsock_dev(vsock), &s.mem, &s.loop, s.irq_fd, &err))
		abort();
	script_run(&s, backend);
	net_fini(&net);
	vsock_fini(vsock);
	virtio_unwire(&net.dev);
	virtio_unwire(vsock_dev(vsock));
	s.dev = &blk.dev;
	script_fini(&s);
	close(sv[0]);
	close(sv[1]);
	if (fstat(disk, &st) || st.st_size != DISK)
		abort();			/* nothing was written behind its end */
	return 0;
}
