/* fuzz_mmio.c - register accesses in any order: a queue's geometry never moves while it is
 * ready, and no kick arrives before DRIVER_OK. */
#include "tests/fuzz/script.h"

static struct vq_chain chain;

static void kick(struct virtio_dev *d, unsigned queue)
{
	uint8_t buf[32] = { 0 };
	unsigned taken = 0;

	if (!virtio_running(d) || !d->q[queue].ready)
		abort();
	while (virtio_pop(d, queue, &taken, &chain)) {
		vq_read(&chain, buf, sizeof(buf));
		vq_write(&chain, buf, sizeof(buf));
		vq_push(&d->q[queue], &chain);
	}
	virtio_interrupt(d, queue);
}

static void reset(struct virtio_dev *d)
{
	if (d->q[0].ready || d->q[1].ready || d->status)
		abort();
}

static const struct virtio_type type = {
	.name = "fuzz", .id = 42, .nqueues = 2, .queue_max = 128, .features = 3,
	.kick = kick, .reset = reset,
};

static void check_frozen(struct script *s, uint32_t off, uint32_t val)
{
	struct vq before = s->dev->q[0];

	mmio_write(s->dev, off, 4, val);
	if (before.ready && s->dev->q[0].ready &&
	    (before.num != s->dev->q[0].num || before.desc != s->dev->q[0].desc ||
	     before.avail != s->dev->q[0].avail || before.used != s->dev->q[0].used))
		abort();
	if ((s->dev->status & VIRTIO_FEATURES_OK) && !(s->dev->accepted >> 32))
		abort();
}

/* A plausible write: one of the registers that set up a queue or move the status. */
static void backend(struct script *s)
{
	static const uint8_t regs[] = { 0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x50, 0x70, 0x70, 0x80,
					0x84, 0x90, 0x94, 0xa0, 0xa4 };
	uint32_t off = regs[script_u8(s) % sizeof(regs)], val = script_u8(s);

	if (off >= 0x80 && !(off & 4))
		val = SCRIPT_RAM_BASE + (val << 8);
	check_frozen(s, off, val);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct virtio_dev dev = { .type = &type, .features = 3, .config_len = 8 };
	struct script s;

	script_init(&s, &dev, in, n);
	script_run(&s, backend);
	script_fini(&s);
	return 0;
}
