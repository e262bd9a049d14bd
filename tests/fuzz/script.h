/* script.h - a guest whose every move is a byte of the fuzzer's input.
 *
 * The input is a list of moves, each an opcode and its arguments: register reads and writes,
 * bytes and descriptors into guest memory, kicks, rounds of the device's loop, and a move of
 * the backend, which each target defines.  One opcode brings the device up the way a driver
 * does, with rings at fixed places, so that inputs get past the handshake. */
#ifndef TESTS_FUZZ_SCRIPT_H
#define TESTS_FUZZ_SCRIPT_H

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virtio/virtio.h"

#define SCRIPT_RAM_BASE 0x10000u
#define SCRIPT_RAM_SIZE 0x10000u
#define SCRIPT_RING	0x1000u		/* bytes from one queue's rings to the next */
#define SCRIPT_NUM	16u		/* entries of a ring after a proper start */

struct script {
	const uint8_t *in, *end;
	struct virtio_dev *dev;
	struct loop loop;
	struct gmem mem;
	uint8_t *ram;			/* a heap block of its own: ASan sees its ends */
	int irq_fd;
};

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

/* The next byte of the input, 0 at its end. */
static inline uint8_t script_u8(struct script *s)
{
	return s->in < s->end ? *s->in++ : 0;
}

static inline uint16_t script_u16(struct script *s)
{
	uint16_t low = script_u8(s);

	return (uint16_t)(low | script_u8(s) << 8);
}

static inline uint32_t script_u32(struct script *s)
{
	uint32_t low = script_u16(s);

	return low | (uint32_t)script_u16(s) << 16;
}

static inline void script_init(struct script *s, struct virtio_dev *dev, const uint8_t *in,
			       size_t n)
{
	struct err err;

	*s = (struct script){ .in = in, .end = in + n, .dev = dev };
	s->ram = calloc(1, SCRIPT_RAM_SIZE);
	s->mem = (struct gmem){ 1, { { SCRIPT_RAM_BASE, SCRIPT_RAM_SIZE, s->ram } } };
	s->irq_fd = eventfd(0, EFD_NONBLOCK);
	if (loop_init(&s->loop) || virtio_wire(dev, &s->mem, &s->loop, s->irq_fd, &err))
		abort();
}

static inline void script_fini(struct script *s)
{
	virtio_unwire(s->dev);
	loop_fini(&s->loop);
	close(s->irq_fd);
	free(s->ram);
}

static inline void script_queue(struct script *s, uint32_t i)
{
	uint32_t at = SCRIPT_RAM_BASE + i * SCRIPT_RING;

	memset(s->ram + i * SCRIPT_RING, 0, SCRIPT_RING);
	mmio_write(s->dev, 0x30, 4, i);
	mmio_write(s->dev, 0x38, 4, SCRIPT_NUM);
	mmio_write(s->dev, 0x80, 4, at);
	mmio_write(s->dev, 0x90, 4, at + 0x400);
	mmio_write(s->dev, 0xa0, 4, at + 0x800);
	mmio_write(s->dev, 0x44, 4, 1);
}

/* From reset to DRIVER_OK with all that is offered. */
static inline void script_start(struct script *s)
{
	mmio_write(s->dev, 0x70, 4, 0);
	mmio_write(s->dev, 0x70, 4, 1);
	mmio_write(s->dev, 0x70, 4, 3);
	for (uint32_t half = 0; half < 2; half++) {
		mmio_write(s->dev, 0x14, 4, half);
		mmio_write(s->dev, 0x24, 4, half);
		mmio_write(s->dev, 0x20, 4, mmio_read(s->dev, 0x10, 4));
	}
	mmio_write(s->dev, 0x70, 4, 11);
	for (uint32_t i = 0; i < s->dev->type->nqueues; i++)
		script_queue(s, i);
	mmio_write(s->dev, 0x70, 4, 15);
}

static inline void script_poke(struct script *s, uint16_t at, unsigned n)
{
	for (; n > 0; n--, at++)
		s->ram[at] = script_u8(s);		/* at is 16 bits, as RAM is */
}

/* A descriptor where script_start() put the tables. */
static inline void script_desc(struct script *s)
{
	uint32_t queue = script_u8(s) % 3u, i = script_u8(s) % SCRIPT_NUM;
	uint64_t addr = SCRIPT_RAM_BASE + script_u16(s);
	uint32_t len = script_u16(s);
	uint16_t flags = script_u8(s), next = script_u8(s);
	uint8_t *d = s->ram + queue * SCRIPT_RING + i * 16;

	if (len == 0xffff)
		len = script_u32(s);
	memcpy(d, &addr, 8);
	memcpy(d + 8, &len, 4);
	memcpy(d + 12, &flags, 2);
	memcpy(d + 14, &next, 2);
}

/* Make a head available in the next place of the ring. */
static inline void script_offer(struct script *s)
{
	uint8_t *avail = s->ram + script_u8(s) % 3u * SCRIPT_RING + 0x400;
	uint16_t head = script_u8(s), idx;

	memcpy(&idx, avail + 2, 2);
	memcpy(avail + 4 + idx % SCRIPT_NUM * 2, &head, 2);
	idx++;
	memcpy(avail + 2, &idx, 2);
}

static inline void script_register(struct script *s, bool write)
{
	static const uint8_t widths[] = { 4, 4, 4, 1, 2, 8 };
	uint32_t off = script_u16(s) % (VIRTIO_MMIO_SIZE - 8);
	uint32_t len = widths[script_u8(s) % sizeof(widths)], val;

	if (!write) {
		mmio_read(s->dev, off, len);
		return;
	}
	val = script_u32(s);
	if (!mmio_fast(s->dev, off, len, true, &val))
		mmio_write(s->dev, off, len, val);
}

static inline void script_rounds(struct script *s, unsigned n)
{
	for (; n > 0 && loop_once(&s->loop, 0) > 0; n--)
		;
}

/* Run all of it; backend() is the target's own move. */
static inline void script_run(struct script *s, void (*backend)(struct script *s))
{
	while (s->in < s->end) {
		switch (script_u8(s) % 9) {
		case 0:	script_start(s); break;
		case 1:	script_register(s, true); break;
		case 2:	script_register(s, false); break;
		case 3: {
			uint16_t at = script_u16(s);

			script_poke(s, at, script_u8(s));
			break;
		}
		case 4:	script_desc(s); break;
		case 5:	script_offer(s); break;
		case 6:	virtio_kicked(s->dev, script_u8(s)); break;
		case 7:	script_rounds(s, script_u8(s) % 8u); break;
		case 8:	backend(s); break;
		}
	}
	script_rounds(s, 64);
}

#endif
