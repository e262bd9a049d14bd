/* virtio.h - what every virtio device has; a device adds its own fields after it.
 *
 * A device belongs to one loop.  Register writes and queue kicks for it run there, one
 * at a time; nothing in virtio/ takes a lock.  Two things are safe from any thread:
 * mmio_fast() and the atomic `isr` behind it.
 *
 * SIGPIPE must be ignored: a backend may hang up at any time. */
#ifndef VIRTIO_VIRTIO_H
#define VIRTIO_VIRTIO_H

#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "virtio/vq.h"

#define VIRTIO_MAX_QUEUES 3

#define VIRTIO_MMIO_SIZE 0x1000u	/* bytes of one device's register page */
#define VIRTIO_MMIO_NOTIFY 0x50u	/* offset of QueueNotify, for KVM_IOEVENTFD */

enum { VIRTIO_ID_NET = 1, VIRTIO_ID_BLOCK = 2, VIRTIO_ID_VSOCK = 19 };

/* Bits of the status register, in the order in which a driver sets the first four. */
enum {
	VIRTIO_ACKNOWLEDGE = 1, VIRTIO_DRIVER = 2, VIRTIO_FEATURES_OK = 8, VIRTIO_DRIVER_OK = 4,
	VIRTIO_NEEDS_RESET = 64, VIRTIO_FAILED = 128,
};

struct virtio_dev;

/* A kind of device, described once, const. */
struct virtio_type {
	const char *name;
	uint32_t id;
	unsigned nqueues;
	uint32_t queue_max;			/* entries offered for each; power of two, to VQ_MAX */
	uint64_t features;			/* offered besides VERSION_1 */
	void (*kick)(struct virtio_dev *d, unsigned queue);	/* running, queue ready */
	void (*reset)(struct virtio_dev *d);	/* queues are already stopped */
};

/* A queue's kick: the eventfd that KVM_IOEVENTFD rings, served by the device's loop. */
struct virtio_kick {
	struct loop_io io;
	struct virtio_dev *dev;
	unsigned queue;
};

struct virtio_dev {
	const struct virtio_type *type;
	uint64_t features;			/* offered by this one: type's and, say, F_RO */
	const struct gmem *mem;			/* borrowed */
	struct loop *loop;			/* borrowed */
	int irq_fd;				/* borrowed; an irqfd */
	struct virtio_kick kick[VIRTIO_MAX_QUEUES];
	struct log_once complaint;		/* about the driver */

	uint32_t status;
	uint32_t dev_sel, drv_sel, queue_sel;	/* any value; checked where used */
	uint64_t accepted;			/* as written; good once FEATURES_OK is set */
	uint32_t isr;				/* atomic: the vcpu reads and acks it directly */
	struct vq q[VIRTIO_MAX_QUEUES];

	uint8_t config[64];			/* little-endian, as the guest reads it */
	uint32_t config_len, config_gen;
};

/* Wire a device up before the guest runs: makes the kick eventfds (owned by the device)
 * and adds them to the loop.  The vmm registers kick[i].io.fd with KVM_IOEVENTFD, datamatch
 * i, at VIRTIO_MMIO_NOTIFY.  irq_fd is borrowed. */
int  virtio_wire(struct virtio_dev *d, const struct gmem *mem, struct loop *loop, int irq_fd,
		 struct err *err);
void virtio_unwire(struct virtio_dev *d);	/* resets it first */

/* Registers, on the device's own loop.  len is 1, 2, 4 or 8 and off + len is within the
 * page; the bus has proved that.  virtio 1.2, 4.2.2. */
uint32_t mmio_read(struct virtio_dev *d, uint32_t off, uint32_t len);
void     mmio_write(struct virtio_dev *d, uint32_t off, uint32_t len, uint32_t val);

/* Interrupt status and acknowledge, on any thread: true when it was one of them. */
bool mmio_fast(struct virtio_dev *d, uint32_t off, uint32_t len, bool write, uint32_t *val);

/* What a snapshot keeps of a device: what its driver has made of it. */
struct virtio_state {
	uint32_t id, status, dev_sel, drv_sel, queue_sel, isr, config_gen, zero;
	uint64_t accepted;
	struct virtio_queue_state {
		uint32_t num, ready;
		uint64_t desc_gpa, avail_gpa, used_gpa;
		uint16_t next_avail, next_used;
		uint32_t zero;
	} q[VIRTIO_MAX_QUEUES];
};

/* While its loop does nothing for it and no vcpu runs.  virtio_load(): into a wired device
 * that no driver has touched; -EINVAL for what no driver could have brought about. */
void virtio_save(const struct virtio_dev *d, struct virtio_state *s);
int  virtio_load(struct virtio_dev *d, const struct virtio_state *s);

/* After a load, before the guest runs: whatever was under way is looked at once more. */
void virtio_resume(struct virtio_dev *d);

/* What is left of this is for mmio.c and the devices, on the device's loop. */

/* Can a driver that wrote these features have brought the device to this status? */
bool virtio_status_possible(const struct virtio_dev *d, uint32_t status, uint64_t features);

bool virtio_running(const struct virtio_dev *d);	/* DRIVER_OK and not broken */

/* The driver, or we ourselves, say that there is something to do on that queue: now, or
 * after everybody else on the loop had a turn.  Any queue number may be given. */
void virtio_kicked(struct virtio_dev *d, uint32_t queue);
void virtio_again(struct virtio_dev *d, unsigned queue);

/* The next chain of a turn at a queue; *taken, 0 at its begin, counts them.  False ends the
 * turn: there is none, or the ring is broken, or a queue's size of chains was served and
 * the rest has to wait for the next turn, which then comes by itself. */
bool virtio_pop(struct virtio_dev *d, unsigned queue, unsigned *taken, struct vq_chain *c);

/* The interrupt line, whatever the driver wants. */
void virtio_ring(struct virtio_dev *d);

/* Chains were pushed to the queue: tell the driver, if it wants to hear of it. */
void virtio_interrupt(struct virtio_dev *d, unsigned queue);

/* The driver broke a rule.  The device stands still until it is reset. */
void virtio_broken(struct virtio_dev *d, const char *what);

void virtio_reset(struct virtio_dev *d);

#endif
