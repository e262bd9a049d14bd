/* bus.h - which device answers at a guest physical address.
 *
 * Called on vcpu threads; the device itself is only touched on its own loop. */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "virtio/virtio.h"

struct bus {
	struct virtio_dev *dev[MAX_DEVICES];	/* borrowed; page i is at DEVICE_BASE + i pages */
	struct log_once unknown;		/* accesses where nothing is */
};

/* One access of a guest: read into or write from data[len].  What is not there reads as
 * ones.  done_fd: an eventfd of the calling thread, to wait on for the device's loop. */
void bus_access(struct bus *b, uint64_t gpa, uint32_t len, bool write, uint8_t *data,
		int done_fd);

#endif
