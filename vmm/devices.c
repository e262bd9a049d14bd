/* devices.c - the guest's devices: planned from the spec, then made and wired. */
#include "vmm/devices.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/fds.h"
#include "vmm/irq.h"

/* Locally administered; one guest a network, so one address does. */
static const uint8_t guest_mac[6] = { 0x02, 0x53, 0x42, 0x00, 0x00, 0x01 };

static struct slot *place(struct devices *d, int fd)
{
	struct slot *s = &d->slot[d->n];

	s->gpa = DEVICE_BASE + (uint64_t)d->n * VIRTIO_MMIO_SIZE;
	s->irq = DEVICE_IRQ + d->n;
	s->fd = fd;
	d->n++;
	return s;
}

static void disk_run(void *ctx)
{
	loop_run(&((struct disk *)ctx)->loop);
}

static void plan_disk(struct devices *d, unsigned i, bool ro, struct threads *threads)
{
	struct slot *s = place(d, FD_DISK0 + (int)i);
	struct disk *disk = &d->disk[i];

	snprintf(s->name, sizeof(s->name), "disk%u", i);
	s->ro = ro;
	s->disk = disk;
	memcpy(disk->thread.name, s->name, sizeof(s->name));
	disk->thread.policy = POLICY_BLK;
	disk->thread.run = disk_run;
	disk->thread.ctx = disk;
	threads_add(threads, &disk->thread);
}

void devices_plan(struct devices *d, const struct spec *spec, struct threads *threads)
{
	d->n = 0;
	d->net_is = spec->net;
	for (unsigned i = 0; i < spec->disks; i++)
		plan_disk(d, i, spec->disks_ro >> i & 1, threads);
	if (spec->net != NET_NONE)
		strcpy(place(d, FD_NET)->name, "net");
	strcpy(place(d, FD_BROKER)->name, "vsock");
}

static int init_disk(struct slot *s, struct err *err)
{
	int rc = loop_init(&s->disk->loop);

	if (rc < 0)
		return err_set(err, -rc, "%s: event loop: %s", s->name, strerror(-rc));
	s->dev = &s->disk->blk.dev;
	return blk_init(&s->disk->blk, s->fd, s->ro, s->name, err);
}

static int init_net(struct devices *d, struct slot *s, struct err *err)
{
	enum net_kind kind = d->net_is == NET_TAP ? NET_KIND_TAP : NET_KIND_STREAM;

	if (fcntl(s->fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return err_sys(err, "net: descriptor %d", s->fd);
	s->dev = &d->net.dev;
	return net_init(&d->net, s->fd, kind, guest_mac, err);
}

static int init_one(struct devices *d, struct slot *s, const struct vsock_user *user,
		    struct err *err)
{
	if (s->disk)
		return init_disk(s, err);
	if (s->fd == FD_NET)
		return init_net(d, s, err);
	d->vsock = vsock_storage();
	s->dev = vsock_dev(d->vsock);
	return vsock_init(d->vsock, VSOCK_GUEST_CID, user->request, user->ctx, err);
}

/* Interrupt out, kicks in, registers on the bus. */
static int wire(struct slot *s, const struct kvm *k, const struct gmem *mem,
		struct loop *loop, struct err *err)
{
	int irq_fd, rc = irq_open(k, s->irq, &irq_fd, err);

	if (rc == 0)
		rc = virtio_wire(s->dev, mem, loop, irq_fd, err);
	for (unsigned q = 0; rc == 0 && q < s->dev->type->nqueues; q++)
		rc = kvm_ioeventfd(k, s->gpa + VIRTIO_MMIO_NOTIFY, q, s->dev->kick[q].io.fd, err);
	return rc;
}

int devices_init(struct devices *d, const struct kvm *k, const struct gmem *mem,
		 struct loop *loop, struct bus *bus, const struct vsock_user *user,
		 struct err *err)
{
	for (unsigned i = 0; i < d->n; i++) {
		struct slot *s = &d->slot[i];
		int rc = init_one(d, s, user, err);

		if (rc == 0)
			rc = wire(s, k, mem, s->disk ? &s->disk->loop : loop, err);
		if (rc < 0)
			return rc;
		bus->dev[i] = s->dev;
	}
	return 0;
}

struct drain_job {
	struct loop_job job;
	struct virtio_dev *dev;
};

static void drain(struct loop_job *job)
{
	struct drain_job *j = owner_of(job, struct drain_job, job);

	for (unsigned q = 0; q < j->dev->type->nqueues; q++)
		virtio_kicked(j->dev, q);
}

void devices_drain(struct devices *d, int done_fd)
{
	for (unsigned i = 0; i < d->n; i++) {
		struct slot *s = &d->slot[i];
		struct drain_job j = { .job = { .run = drain, .done_fd = done_fd }, .dev = s->dev };

		if (s->disk)
			loop_call(&s->disk->loop, &j.job);
		else
			drain(&j.job);
	}
}
