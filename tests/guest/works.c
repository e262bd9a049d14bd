/* works.c - one honest operation for each kind of device. */
#include "tests/guest/dev.h"

/* --- blk ------------------------------------------------------------------------------ */

/* Each disk has its own memory, so that only a guest that means it has two of the monitor's
 * threads at one place: a thread sanitizer sees them, but not the order we keep them in. */
static struct {
	struct blk_header header;
	uint8_t status;
	uint64_t sector[SECTOR / 8];
} blk_memory[2];

uint8_t blk_request(struct dev *d, uint32_t type, uint64_t sector, void *data, uint32_t len)
{
	struct blk_header *header = &blk_memory[d == &devs[RODISK]].header;
	uint8_t *status = &blk_memory[d == &devs[RODISK]].status;
	struct ring *r = &d->ring[0];
	uint32_t id, used;

	*header = (struct blk_header){ type, 0, sector };
	*status = BLK_NONE;
	r->desc[0] = (struct desc){ (uintptr_t)header, sizeof(*header), NEXT, len ? 1 : 2 };
	r->desc[1] = (struct desc){ (uintptr_t)data, len,
				    (uint16_t)(NEXT | (type == BLK_OUT ? 0 : WRITE)), 2 };
	r->desc[2] = (struct desc){ (uintptr_t)status, 1, WRITE, 0 };
	ring_put(r, 0);
	ring_kick(r);
	if (!ring_wait(r, &id, &used))
		return BLK_NONE;
	CHECK(id == 0 && used <= len + 1);
	return *status;
}

static void blk_works(struct dev *d)
{
	unsigned disk = d == &devs[RODISK];
	uint64_t *word = blk_memory[disk].sector;

	word[0] = word[63] = 0;
	CHECK(blk_request(d, BLK_IN, 2, word, SECTOR) == BLK_OK);
	CHECK(word[0] == disk_word(disk, 128) && word[63] == disk_word(disk, 191));
}

/* --- net ------------------------------------------------------------------------------ */

#define NET_SLOT 2048u			/* bytes apart */
static uint8_t net_in[16][NET_SLOT], net_out[65536 + NET_HEADER];

void net_post(unsigned n, uint32_t len)
{
	for (uint16_t i = 0; i < n; i++) {
		NET_RX->desc[i] = (struct desc){ (uintptr_t)net_in[i], len, WRITE, 0 };
		ring_put(NET_RX, i);
	}
	ring_kick(NET_RX);
}

bool net_send(const void *frame, uint32_t len)
{
	uint32_t id, used;

	memset(net_out, 0, NET_HEADER);
	memcpy(net_out + NET_HEADER, frame, len);
	NET_TX->desc[0] = (struct desc){ (uintptr_t)net_out, NET_HEADER + len, 0, 0 };
	ring_put(NET_TX, 0);
	ring_kick(NET_TX);
	return ring_wait(NET_TX, &id, &used);
}

void *net_receive(uint32_t *len)
{
	uint32_t id;

	if (!ring_wait(NET_RX, &id, len))
		return NULL;
	CHECK(id < COUNT(net_in) && *len <= NET_SLOT && *len >= NET_HEADER);
	*len -= NET_HEADER;
	return net_in[id] + NET_HEADER;
}

uint32_t net_frame(uint8_t *frame, uint32_t len, uint8_t mark)
{
	memset(frame, mark, len);
	frame[12] = NET_ECHO_TYPE;
	return len;
}

/* What was sent back earlier and found no buffer may come first. */
static void net_works(void)
{
	static uint8_t frame[80], mark;
	uint32_t len;
	const uint8_t *back;

	net_frame(frame, sizeof(frame), ++mark);
	net_post(1, NET_SLOT);
	CHECK(net_send(frame, sizeof(frame)));
	for (unsigned stale = 0; stale < 1000; stale++) {
		back = net_receive(&len);
		CHECK(back && len <= 1514);
		if (len == sizeof(frame) && !memcmp(back, frame, len))
			return;
		net_post(1, NET_SLOT);
	}
	CHECK(!"its own frame came back");
}

/* --- vsock ---------------------------------------------------------------------------- */

#define VSOCK_SLOTS 8
static struct { struct packet head; uint8_t data[VSOCK_ROOM]; } vsock_in[VSOCK_SLOTS];
static int vsock_held = -1;		/* the slot that vsock_receive() lent out */
unsigned vsock_responses;

void vsock_post(void)
{
	vsock_held = -1;
	for (uint16_t i = 0; i < VSOCK_SLOTS && i < VSOCK_RX->num; i++) {
		VSOCK_RX->desc[i] = (struct desc){ (uintptr_t)&vsock_in[i], sizeof(vsock_in[i]),
						   WRITE, 0 };
		ring_put(VSOCK_RX, i);
	}
	ring_kick(VSOCK_RX);
}

struct packet vsock_packet(uint16_t op, uint32_t src_port, uint32_t dst_port, uint32_t len)
{
	return (struct packet){ VSOCK_GUEST_CID, 2, src_port, dst_port, len, 1, op, 0,
				1 << 20, 0 };
}

bool vsock_send(const struct packet *p, const void *data, uint32_t len)
{
	static struct packet head;
	uint32_t id, used;

	head = *p;
	VSOCK_TX->desc[0] = (struct desc){ (uintptr_t)&head, sizeof(head), len ? NEXT : 0, 1 };
	VSOCK_TX->desc[1] = (struct desc){ (uintptr_t)data, len, 0, 0 };
	ring_put(VSOCK_TX, 0);
	ring_kick(VSOCK_TX);
	return ring_wait(VSOCK_TX, &id, &used);
}

const struct packet *vsock_receive(void)
{
	uint32_t id, len;

	if (vsock_held >= 0) {
		ring_put(VSOCK_RX, (uint16_t)vsock_held);
		ring_kick(VSOCK_RX);
		vsock_held = -1;
	}
	if (!ring_wait(VSOCK_RX, &id, &len))
		return NULL;
	CHECK(id < VSOCK_SLOTS && len >= sizeof(struct packet));
	CHECK(len - sizeof(struct packet) == vsock_in[id].head.len);
	vsock_held = (int)id;
	if (vsock_in[id].head.op == VS_RESPONSE)
		vsock_responses++;
	return &vsock_in[id].head;
}

bool vsock_answer(uint32_t port, uint16_t op)
{
	const struct packet *p;

	for (unsigned others = 0; others < 1000; others++) {
		p = vsock_receive();
		if (!p || p->dst_port == port)
			break;
	}
	return p && p->dst_port == port && p->op == op &&
	       p->src_cid == 2 && p->dst_cid == VSOCK_GUEST_CID && p->type == 1;
}

bool vsock_connect(uint32_t src_port, uint32_t dst_port)
{
	struct packet p = vsock_packet(VS_REQUEST, src_port, dst_port, 0);

	return vsock_send(&p, NULL, 0) && vsock_answer(src_port, VS_RESPONSE);
}

static void vsock_works(void)
{
	static uint32_t port = 50000;
	struct packet p = vsock_packet(VS_REQUEST, port, 1, 0);

	CHECK(vsock_send(&p, NULL, 0));
	CHECK(vsock_answer(port++, VS_RST));		/* port 1 is refused: that is an answer */
}

void expect_works(struct dev *d)
{
	CHECK(!is_broken(d));
	if (d->type == 2)
		blk_works(d);
	else if (d == &devs[NET])
		net_works();
	else
		vsock_works();
}
