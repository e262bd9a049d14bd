/* blk.h - virtio-blk (virtio 1.2, 5.2) over one raw file or block device.
 *
 * IN, OUT, FLUSH and GET_ID; anything else is answered UNSUPP.  I/O is synchronous on
 * the device's own loop, which is a thread per disk, so that a slow disk stalls nobody.
 * Read-only is enforced three times: the fd, the offered feature, and here. */
#ifndef VIRTIO_BLK_H
#define VIRTIO_BLK_H

#include "virtio/virtio.h"

struct blk {
	struct virtio_dev dev;
	int fd;				/* borrowed */
	bool ro;
	uint64_t sectors;		/* of 512 bytes; a tail that fills none is not there */
	char id[20];			/* GET_ID: padded with NUL, not terminated */
	struct vq_chain chain;		/* the request at hand: never two */
};

/* id: at most 20 characters, "disk0".  Errors: not a regular file or block device. */
int blk_init(struct blk *b, int fd, bool ro, const char *id, struct err *err);

#endif
