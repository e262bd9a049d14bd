/* bus.c - from a guest access to a device's registers. */
#include "vmm/bus.h"

#include <string.h>

struct register_job {
	struct loop_job job;
	struct virtio_dev *dev;
	uint32_t off, len, val;
	bool write;
};

static void run(struct loop_job *job)
{
	struct register_job *j = owner_of(job, struct register_job, job);

	if (j->write)
		mmio_write(j->dev, j->off, j->len, j->val);
	else
		j->val = mmio_read(j->dev, j->off, j->len);
}

/* The device whose page holds all of [gpa, gpa+len), or NULL; *off is within the page. */
static struct virtio_dev *find(const struct bus *b, uint64_t gpa, uint32_t len, uint32_t *off)
{
	uint64_t page = (gpa - DEVICE_BASE) / VIRTIO_MMIO_SIZE;

	*off = (uint32_t)(gpa % VIRTIO_MMIO_SIZE);
	if (gpa < DEVICE_BASE || page >= MAX_DEVICES || len > VIRTIO_MMIO_SIZE - *off)
		return NULL;
	return b->dev[page];
}

static bool is_width(uint32_t len)
{
	return len == 1 || len == 2 || len == 4 || len == 8;
}

void bus_access(struct bus *b, uint64_t gpa, uint32_t len, bool write, uint8_t *data,
		int done_fd)
{
	struct register_job j = { .job = { .run = run, .done_fd = done_fd },
				  .len = len, .write = write };

	j.dev = find(b, gpa, len, &j.off);
	if (!j.dev || !is_width(len)) {
		log_guest(&b->unknown, "guest %s %u bytes at %#llx, where nothing is",
			  write ? "writes" : "reads", len, (unsigned long long)gpa);
		if (!write)
			memset(data, 0xff, len);
		return;
	}
	if (write)
		memcpy(&j.val, data, len < sizeof(j.val) ? len : sizeof(j.val));
	if (!mmio_fast(j.dev, j.off, len, write, &j.val))
		loop_call(j.dev->loop, &j.job);
	if (!write) {
		memset(data, 0, len);
		memcpy(data, &j.val, len < sizeof(j.val) ? len : sizeof(j.val));
	}
}
