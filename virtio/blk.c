/* blk.c - virtio-blk: one request at a time, from the ring to preadv() and back.
 *
 * A request is a readable header, then data in either direction, then one writable status
 * byte; how the driver cuts that into descriptors is its affair.  The status byte is taken
 * out of the chain first: what stays is data, and no transfer can reach the status. */
#include "virtio/blk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

#define F_SEG_MAX	(1ull << 2)
#define F_RO		(1ull << 5)
#define F_BLK_SIZE	(1ull << 6)
#define F_FLUSH		(1ull << 9)

#define SECTOR_SHIFT	9
#define SECTOR_SIZE	(1u << SECTOR_SHIFT)
#define SEG_MAX		(VQ_MAX - 2)	/* of data: header and status have one each */

struct blk_header {
	uint32_t type, reserved;
	uint64_t sector;
};

struct blk_config {
	uint64_t capacity;
	uint32_t size_max, seg_max, geometry, blk_size;
};

/* Move all data of the request to or from the file at `at`.  What was read counts as
 * written to the guest also when the rest fails: used.len tells how far data is good. */
static int transfer(struct blk *b, bool in, off_t at)
{
	struct vq_chain *c = &b->chain;

	while (in ? c->in_left : c->out_left) {
		unsigned n;
		struct iovec *iov = in ? vq_in_iov(c, &n) : vq_out_iov(c, &n);
		ssize_t did = in ? preadv(b->fd, iov, (int)n, at)
				 : pwritev(b->fd, iov, (int)n, at);

		if (did < 0 && errno == EINTR)
			continue;
		if (did <= 0)
			return -EIO;		/* 0: somebody made the file shorter */
		if (in)
			vq_wrote(c, (size_t)did);
		else
			vq_sent(c, (size_t)did);
		at += did;
	}
	return 0;
}

static bool in_range(const struct blk *b, uint64_t sector, size_t bytes)
{
	return bytes % SECTOR_SIZE == 0 && sector <= b->sectors &&
	       bytes >> SECTOR_SHIFT <= b->sectors - sector;
}

static uint8_t flush(struct blk *b)
{
	int rc;

	do
		rc = fdatasync(b->fd);
	while (rc < 0 && errno == EINTR);
	return (uint8_t)(rc < 0 ? S_IOERR : S_OK);
}

static uint8_t read_sectors(struct blk *b, uint64_t sector)
{
	if (!in_range(b, sector, b->chain.in_left))
		return S_IOERR;
	return transfer(b, true, (off_t)(sector << SECTOR_SHIFT)) < 0 ? S_IOERR : S_OK;
}

static uint8_t write_sectors(struct blk *b, uint64_t sector)
{
	if (b->ro || !in_range(b, sector, b->chain.out_left))
		return S_IOERR;
	if (transfer(b, false, (off_t)(sector << SECTOR_SHIFT)) < 0)
		return S_IOERR;
	/* a driver that will not flush was promised a write-through cache (5.2.6.2) */
	return b->dev.accepted & F_FLUSH ? S_OK : flush(b);
}

static uint8_t get_id(struct blk *b)
{
	vq_write(&b->chain, b->id, sizeof(b->id));
	return S_OK;
}

static uint8_t serve(struct blk *b, const struct blk_header *h)
{
	switch (h->type) {
	case T_IN:	return read_sectors(b, h->sector);
	case T_OUT:	return write_sectors(b, h->sector);
	case T_FLUSH:	return flush(b);
	case T_GET_ID:	return get_id(b);
	default:	return S_UNSUPP;
	}
}

/* The request in b->chain, from header to status; false when it is none. */
static bool serve_chain(struct blk *b)
{
	struct vq_chain *c = &b->chain;
	struct blk_header h;
	uint8_t *status = vq_split_last(c);

	if (!status || vq_read(c, &h, sizeof(h)) != sizeof(h))
		return false;
	*status = serve(b, &h);
	if (c->in_left == 0)
		c->written++;			/* the status follows what was written */
	return true;
}

/* The driver hears of each request at once: the next may take a slow disk long. */
static void blk_kick(struct virtio_dev *d, unsigned queue)
{
	struct blk *b = owner_of(d, struct blk, dev);
	unsigned taken = 0;

	while (virtio_pop(d, queue, &taken, &b->chain)) {
		if (!serve_chain(b)) {
			virtio_broken(d, "a request without header or status");
			return;
		}
		vq_push(&d->q[queue], &b->chain);
		virtio_interrupt(d, queue);
	}
}

static void blk_reset(struct virtio_dev *d)
{
	(void)d;				/* nothing outlives a request */
}

static const struct virtio_type blk_type = {
	.name = "blk", .id = VIRTIO_ID_BLOCK, .nqueues = 1, .queue_max = VQ_MAX,
	.features = F_SEG_MAX | F_BLK_SIZE | F_FLUSH,
	.kick = blk_kick, .reset = blk_reset,
};

/* The size of the disk in bytes, or a negative errno. */
static off_t disk_size(int fd, const char *id, struct err *err)
{
	struct stat st;
	off_t size;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "%s", id);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, EINVAL, "%s: neither a regular file nor a block device", id);
	size = lseek(fd, 0, SEEK_END);		/* st_size of a block device is 0 */
	if (size < 0)
		return err_sys(err, "%s", id);
	return size;
}

int blk_init(struct blk *b, int fd, bool ro, const char *id, struct err *err)
{
	off_t size = disk_size(fd, id, err);
	struct blk_config config = { .seg_max = SEG_MAX, .blk_size = SECTOR_SIZE };

	if (size < 0)
		return (int)size;
	*b = (struct blk){ .dev = { .type = &blk_type, .config_len = sizeof(config) },
			   .fd = fd, .ro = ro,
			   .sectors = (uint64_t)size >> SECTOR_SHIFT };
	b->dev.features = blk_type.features | (ro ? F_RO : 0);
	memcpy(b->id, id, strnlen(id, sizeof(b->id)));
	config.capacity = b->sectors;
	memcpy(b->dev.config, &config, sizeof(config));
	return 0;
}
