/* virtio.c - what all devices share: wiring, kicks, turns at a queue, interrupts. */
#include "virtio/virtio.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ISR_USED = 1, ISR_CONFIG = 2 };

static void ring(int fd)
{
	uint64_t one = 1;

	/* EAGAIN is a counter at its limit: whoever waits for it will wake anyway */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void kick_ready(struct loop_io *io, uint32_t events)
{
	struct virtio_kick *k = owner_of(io, struct virtio_kick, io);
	uint64_t n;

	(void)events;
	if (read(io->fd, &n, sizeof(n)) == sizeof(n))
		virtio_kicked(k->dev, k->queue);
}

static int kick_init(struct virtio_dev *d, unsigned i)
{
	struct virtio_kick *k = &d->kick[i];
	int rc;

	*k = (struct virtio_kick){ .io = { .ready = kick_ready }, .dev = d, .queue = i };
	k->io.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (k->io.fd < 0)
		return -errno;
	rc = loop_add(d->loop, &k->io, EPOLLIN);
	if (rc < 0)
		close(k->io.fd);
	return rc;
}

static void kicks_fini(struct virtio_dev *d, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		loop_del(d->loop, &d->kick[i].io);
		close(d->kick[i].io.fd);
	}
}

int virtio_wire(struct virtio_dev *d, const struct gmem *mem, struct loop *loop, int irq_fd,
		struct err *err)
{
	d->mem = mem;
	d->loop = loop;
	d->irq_fd = irq_fd;
	for (unsigned i = 0; i < d->type->nqueues; i++) {
		int rc = kick_init(d, i);

		if (rc < 0) {
			kicks_fini(d, i);
			return err_set(err, -rc, "%s: cannot make the kick of queue %u",
				       d->type->name, i);
		}
	}
	return 0;
}

void virtio_unwire(struct virtio_dev *d)
{
	virtio_reset(d);
	kicks_fini(d, d->type->nqueues);
}

void virtio_reset(struct virtio_dev *d)
{
	for (unsigned i = 0; i < d->type->nqueues; i++)
		d->q[i] = (struct vq){ 0 };
	d->status = d->dev_sel = d->drv_sel = d->queue_sel = 0;
	d->accepted = 0;
	__atomic_store_n(&d->isr, 0, __ATOMIC_RELEASE);
	d->type->reset(d);
}

bool virtio_running(const struct virtio_dev *d)
{
	const uint32_t of = VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET | VIRTIO_FAILED;

	return (d->status & of) == VIRTIO_DRIVER_OK;
}

void virtio_kicked(struct virtio_dev *d, uint32_t queue)
{
	if (virtio_running(d) && queue < d->type->nqueues && d->q[queue].ready)
		d->type->kick(d, queue);
}

void virtio_again(struct virtio_dev *d, unsigned queue)
{
	ring(d->kick[queue].io.fd);
}

bool virtio_pop(struct virtio_dev *d, unsigned queue, unsigned *taken, struct vq_chain *c)
{
	struct vq *q = &d->q[queue];
	int rc;

	if (!q->ready || !virtio_running(d))
		return false;
	if (*taken == q->num) {
		virtio_again(d, queue);
		return false;
	}
	rc = vq_pop(q, d->mem, c);
	if (rc < 0)
		virtio_broken(d, "a ring that makes no sense");
	if (rc <= 0)
		return false;
	(*taken)++;
	return true;
}

void virtio_ring(struct virtio_dev *d)
{
	ring(d->irq_fd);
}

static void interrupt(struct virtio_dev *d, uint32_t why)
{
	/* after the used ring was written, before the edge that makes the driver look */
	__atomic_or_fetch(&d->isr, why, __ATOMIC_ACQ_REL);
	virtio_ring(d);
}

void virtio_interrupt(struct virtio_dev *d, unsigned queue)
{
	if (vq_wants_interrupt(&d->q[queue]))
		interrupt(d, ISR_USED);
}

void virtio_broken(struct virtio_dev *d, const char *what)
{
	log_guest(&d->complaint, "%s: the guest's driver gave it %s; it stops until reset",
		  d->type->name, what);
	d->status |= VIRTIO_NEEDS_RESET;
	if (d->status & VIRTIO_DRIVER_OK)
		interrupt(d, ISR_CONFIG);
}
