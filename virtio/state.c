/* state.c - devices in snapshots: virtio's part of each; vsock.c has its own. */
#include <errno.h>

#include "virtio/virtio.h"

static struct virtio_queue_state save_queue(const struct vq *q)
{
	return (struct virtio_queue_state){
		.num = q->num, .ready = q->ready, .desc_gpa = q->desc_gpa, .avail_gpa = q->avail_gpa,
		.used_gpa = q->used_gpa, .next_avail = q->next_avail, .next_used = q->next_used,
	};
}

void virtio_save(const struct virtio_dev *d, struct virtio_state *s)
{
	*s = (struct virtio_state){
		.id = d->type->id, .status = d->status, .dev_sel = d->dev_sel,
		.drv_sel = d->drv_sel, .queue_sel = d->queue_sel,
		.isr = __atomic_load_n(&d->isr, __ATOMIC_ACQUIRE), .config_gen = d->config_gen,
		.accepted = d->accepted,
	};
	for (unsigned i = 0; i < d->type->nqueues; i++)
		s->q[i] = save_queue(&d->q[i]);
}

/* The same checks that a driver's own setting up goes through. */
static int load_queue(struct virtio_dev *d, unsigned i, const struct virtio_queue_state *s)
{
	struct vq *q = &d->q[i];

	*q = (struct vq){ .num = s->num, .desc_gpa = s->desc_gpa, .avail_gpa = s->avail_gpa,
			  .used_gpa = s->used_gpa };
	if (!s->ready)
		return 0;
	if (s->ready != 1 || !(d->status & VIRTIO_FEATURES_OK) || s->num > d->type->queue_max ||
	    vq_enable(q, d->mem) < 0)
		return -EINVAL;
	q->next_avail = s->next_avail;
	q->next_used = s->next_used;
	return 0;
}

int virtio_load(struct virtio_dev *d, const struct virtio_state *s)
{
	if (s->id != d->type->id || !virtio_status_possible(d, s->status, s->accepted))
		return -EINVAL;
	d->status = s->status;
	d->dev_sel = s->dev_sel;
	d->drv_sel = s->drv_sel;
	d->queue_sel = s->queue_sel;
	d->config_gen = s->config_gen;
	d->accepted = s->accepted;
	__atomic_store_n(&d->isr, s->isr, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < d->type->nqueues; i++) {
		int rc = load_queue(d, i, &s->q[i]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* A kick or an interrupt that was on its way when the machine was saved is not in the
 * snapshot; one too many does no harm. */
void virtio_resume(struct virtio_dev *d)
{
	for (unsigned i = 0; i < d->type->nqueues; i++)
		virtio_again(d, i);
	if (__atomic_load_n(&d->isr, __ATOMIC_ACQUIRE))
		virtio_ring(d);
}
