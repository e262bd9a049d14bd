/* dev.h - a virtio driver small enough to be bent out of shape, and one honest operation
 * for each device, to see whether it still works. */
#ifndef GUEST_DEV_H
#define GUEST_DEV_H

#include "tests/guest/rt.h"

/* virtio 1.2, 4.2.2 */
enum {
	MAGIC = 0x00, VERSION = 0x04, DEVICE_ID = 0x08, VENDOR_ID = 0x0c,
	DEV_FEATURES = 0x10, DEV_FEATURES_SEL = 0x14,
	DRV_FEATURES = 0x20, DRV_FEATURES_SEL = 0x24,
	QUEUE_SEL = 0x30, QUEUE_NUM_MAX = 0x34, QUEUE_NUM = 0x38, QUEUE_READY = 0x44,
	QUEUE_NOTIFY = 0x50, INT_STATUS = 0x60, INT_ACK = 0x64, STATUS = 0x70,
	QUEUE_DESC = 0x80, QUEUE_AVAIL = 0x90, QUEUE_USED = 0xa0,	/* low; high at +4 */
	CONFIG_GEN = 0xfc, CONFIG = 0x100, PAGE = 0x1000,
};
enum { ST_ACK = 1, ST_DRIVER = 2, ST_DRIVER_OK = 4, ST_FEATURES_OK = 8, ST_NEEDS_RESET = 64 };
enum { INT_USED = 1, INT_CONFIG = 2 };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };
#define F_VERSION_1 (1ull << 32)

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct avail {
	uint16_t flags, idx, ring[256];
};

struct used {
	uint16_t flags, idx;
	struct { uint32_t id, len; } ring[256];
};

/* A queue as its driver keeps it.  desc, avail and used are shared with the device. */
struct ring {
	struct dev *dev;
	unsigned index;
	uint32_t num;
	struct desc *desc;
	struct avail *avail;
	struct used *used;
	uint16_t put, seen;		/* next avail to write, next used to read */
};

struct dev {
	uint64_t page;			/* of its registers */
	uint32_t type;
	unsigned n_rings;
	struct ring ring[3];
	const char *name;
};

enum { DISK, RODISK, NET, VSOCK, N_DEVS };
#define OUR_FIRST UNDER_LINUX		/* a device's number: Linux has a disk before ours */
extern struct dev devs[N_DEVS];

/* Those that we drive.  Under Linux the sockets are its own: by them its agent speaks, and the
 * machine ends with them. */
#define N_OURS	(UNDER_LINUX ? VSOCK : N_DEVS)
#if UNDER_LINUX
#define OF_VSOCK(...)
#else
#define OF_VSOCK(...) __VA_ARGS__
#endif

/* Queues by what flows in them. */
#define DISK_RING	(&devs[DISK].ring[0])
#define NET_RX		(&devs[NET].ring[0])
#define NET_TX		(&devs[NET].ring[1])
#define VSOCK_RX	(&devs[VSOCK].ring[0])
#define VSOCK_TX	(&devs[VSOCK].ring[1])

uint32_t get(const struct dev *d, unsigned reg);
void     set(const struct dev *d, unsigned reg, uint32_t v);
void     set64(const struct dev *d, unsigned reg, uint64_t v);	/* low and high half */
uint64_t features(const struct dev *d);
void     after_writes(unsigned n, void (*fn)(void));	/* the n-th set() from now calls it; 0: none */

/* Bring-up, whole or in steps. */
void dev_reset(struct dev *d);
void dev_negotiate(struct dev *d);		/* up to FEATURES_OK; all that is offered */
void ring_clear(struct ring *r, uint32_t num);	/* empty, in its usual place */
void ring_offer(const struct ring *r);		/* size and addresses to the registers */
bool ring_enable(const struct ring *r);		/* QueueReady; did it take? */
void dev_start(struct dev *d, uint32_t num);	/* all of it, queues of num */
void start_all(void);				/* all of ours, with queues of 16 */

/* Rings.  ring_wait() takes one used buffer: its head and length, or false when none came
 * for long or none will, because the device has stopped. */
void ring_put(struct ring *r, uint16_t head);
void ring_kick(const struct ring *r);
bool ring_wait(struct ring *r, uint32_t *head, uint32_t *len);
void chain(struct ring *r, unsigned n, const struct desc *d);	/* as it is, from 0; put, kick */

/* What a device must do. */
bool is_broken(const struct dev *d);		/* now */
void expect_broken(const struct dev *d);	/* soon: NEEDS_RESET, and an interrupt about it */
void expect_works(struct dev *d);
void expect_all_work(const struct dev *but);	/* but: NULL, or one to leave out */
void expect_revived(struct dev *d);		/* others work; a reset brings this one back */

/* monkey.c, under Linux: random steps without end, to Linux' own devices as well, and with any
 * address. */
_Noreturn void monkey_wild(void);

/* works.c: honest operations.  On queues of at least 8, started and not otherwise used. */
enum { BLK_IN, BLK_OUT, BLK_FLUSH = 4, BLK_GET_ID = 8 };
enum { BLK_OK, BLK_IOERR, BLK_UNSUPP, BLK_NONE = 0xff };

struct blk_header {
	uint32_t type, reserved;
	uint64_t sector;
};

/* One request with its data in one piece: the status byte.  BLK_NONE: no answer came. */
uint8_t blk_request(struct dev *d, uint32_t type, uint64_t sector, void *data, uint32_t len);

#define NET_HEADER 12u
void net_post(unsigned n, uint32_t len);		/* n receive buffers of len bytes */
bool net_send(const void *frame, uint32_t len);		/* a header is put in front */
void *net_receive(uint32_t *len);			/* a frame, or NULL; not posted again */
uint32_t net_frame(uint8_t *frame, uint32_t len, uint8_t mark);	/* one that is echoed */

enum {
	VS_REQUEST = 1, VS_RESPONSE, VS_RST, VS_SHUTDOWN, VS_RW, VS_CREDIT_UPDATE,
	VS_CREDIT_REQUEST,
};

struct packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len;
	uint16_t type, op;
	uint32_t flags, buf_alloc, fwd_cnt;
} __attribute__((packed));

#define VSOCK_ROOM 4096u		/* payload bytes of a receive buffer */

/* A packet as an honest guest would fill it in; change it and send it. */
struct packet vsock_packet(uint16_t op, uint32_t src_port, uint32_t dst_port, uint32_t len);
void vsock_post(void);			/* eight receive buffers; after dev_start() */
bool vsock_send(const struct packet *p, const void *data, uint32_t len);	/* is it taken? */
const struct packet *vsock_receive(void);	/* and its data behind it; valid until the next */
bool vsock_answer(uint32_t port, uint16_t op);	/* the next packet to our port is op */
extern unsigned vsock_responses;		/* RESPONSE packets received so far */
bool vsock_connect(uint32_t src_port, uint32_t dst_port);

#endif
