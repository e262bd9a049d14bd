/* fuzz_vsock.c - packets of any kind on a few ports, and a host that answers as it likes. */
#include <sys/socket.h>

#include "tests/fuzz/script.h"
#include "virtio/vsock.h"

enum { MAX_PEERS = 16, TX_HEADER = 0x8000, TX_DATA = 0x8100 };

static struct vsock *v;
static int peer[MAX_PEERS];
static unsigned n_peers, n_asked;
static uint32_t asked[64];
static bool at_once;			/* the host answers inside of request() */

static int new_peer(void)
{
	int sv[2], small = 1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv))
		abort();
	setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));	/* it fills */
	if (n_peers == MAX_PEERS)
		close(peer[--n_peers]);
	peer[n_peers++] = sv[1];
	return sv[0];
}

static void on_request(void *ctx, uint32_t id, uint32_t port)
{
	(void)ctx;
	if (at_once && (port & 1))
		vsock_accept(v, id, new_peer());
	else if (at_once)
		vsock_refuse(v, id);
	else if (n_asked < 64)
		asked[n_asked++] = id;
}

/* Few ports, so that packets meet; one of them is the first that the device uses itself. */
static uint32_t host_port(uint8_t n)
{
	return n % 4 == 3 ? 1u << 30 : n % 4;
}

/* A whole packet in one move: header and payload where two descriptors point. */
static void send_packet(struct script *s)
{
	struct {
		uint64_t src_cid, dst_cid;
		uint32_t src_port, dst_port, len;
		uint16_t type, op;
		uint32_t flags, buf_alloc, fwd_cnt;
	} __attribute__((packed)) p = { VSOCK_GUEST_CID, 2, script_u8(s) % 4u, host_port(script_u8(s)),
					script_u16(s), 1, script_u8(s) % 9u, script_u8(s) % 4u,
					script_u16(s), script_u16(s) };
	uint64_t at[2] = { SCRIPT_RAM_BASE + TX_HEADER, SCRIPT_RAM_BASE + TX_DATA };
	uint32_t len[2] = { sizeof(p), p.len % 0x7000u };
	uint8_t *table = s->ram + SCRIPT_RING, *avail = table + 0x400;
	uint16_t flags = 1, next = 1, idx;

	if (script_u8(s) % 16 > 0)
		p.len = len[1];
	memcpy(s->ram + TX_HEADER, &p, sizeof(p));
	for (unsigned i = 0; i < 2; i++, flags = 0) {
		memcpy(table + i * 16, &at[i], 8);
		memcpy(table + i * 16 + 8, &len[i], 4);
		memcpy(table + i * 16 + 12, &flags, 2);
		memcpy(table + i * 16 + 14, &next, 2);
	}
	memcpy(&idx, avail + 2, 2);
	memset(avail + 4 + idx % SCRIPT_NUM * 2, 0, 2);
	idx++;
	memcpy(avail + 2, &idx, 2);
	virtio_kicked(s->dev, 1);
}

static void host_move(struct script *s)
{
	uint8_t how = script_u8(s), buf[8192] = { 0 };
	int fd = n_peers ? peer[how / 8 % n_peers] : -1;
	uint32_t n = script_u16(s) % sizeof(buf);

	switch (how % 8) {
	case 0:	(void)!send(fd, buf, n, MSG_NOSIGNAL); break;
	case 1:	(void)!read(fd, buf, n); break;
	case 2:	shutdown(fd, n % 3); break;
	case 3:
		if (n_peers)
			close(peer[--n_peers]);
		break;
	case 4:
		if (n_asked)
			vsock_accept(v, asked[--n_asked], new_peer());
		break;
	case 5:
		if (n_asked)
			vsock_refuse(v, asked[--n_asked]);
		break;
	case 6:	vsock_connect(v, n % 4, new_peer()); break;
	case 7:	vsock_accept(v, n, new_peer()); break;
	}
}

static void backend(struct script *s)
{
	if (script_u8(s) & 1)
		send_packet(s);
	else
		host_move(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct script s;
	struct err err;

	v = vsock_storage();
	n_peers = n_asked = 0;
	at_once = n > 0 && (in[0] & 1);
	if (vsock_init(v, VSOCK_GUEST_CID, on_request, NULL, &err))
		abort();
	script_init(&s, vsock_dev(v), in, n);
	script_u8(&s);
	script_run(&s, backend);
	vsock_fini(v);
	script_fini(&s);
	while (n_peers > 0)
		close(peer[--n_peers]);
	return 0;
}
