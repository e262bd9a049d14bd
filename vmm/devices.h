/* devices.h - which devices the guest has, where, and on whose thread they run. */
#ifndef VMM_DEVICES_H
#define VMM_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/limits.h"
#include "lib/loop.h"
#include "lib/spec.h"
#include "virtio/blk.h"
#include "virtio/net.h"
#include "virtio/vsock.h"
#include "vmm/bus.h"
#include "vmm/kvm.h"
#include "vmm/thread.h"

struct disk {				/* its own loop, so that it stalls nobody else */
	struct thread thread;
	struct loop loop;
	struct blk blk;
};

/* A device's place in the machine. */
struct slot {
	char name[16];			/* "disk0", "net", "vsock" */
	uint64_t gpa;			/* of its register page */
	uint32_t irq;
	int fd;				/* its backend, borrowed */
	bool ro;
	struct disk *disk;		/* NULL: it runs on the main loop */
	struct virtio_dev *dev;		/* NULL while only planned */
};

struct devices {
	unsigned n;
	struct slot slot[MAX_DEVICES];
	uint32_t net_is;		/* enum spec_net */
	struct disk disk[MAX_DISKS];
	struct net net;
	struct vsock *vsock;
};

/* Give every device of the spec its place, in the order of lib/limits.h, and every disk
 * its thread; nothing is opened or started. */
void devices_plan(struct devices *d, const struct spec *spec, struct threads *threads);

/* Where vsock's requests go. */
struct vsock_user {
	vsock_request_fn *request;
	void *ctx;
};

/* Make them: backends, loops, interrupts, kicks, register pages. */
int devices_init(struct devices *d, const struct kvm *k, const struct gmem *mem,
		 struct loop *loop, struct bus *bus, const struct vsock_user *user,
		 struct err *err);

/* No vcpu runs: return once every disk's thread has served what it was asked for, and will
 * touch nothing more.  done_fd: an eventfd of the caller's. */
void devices_drain(struct devices *d, int done_fd);

#endif
