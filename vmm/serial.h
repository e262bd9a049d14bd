/* serial.h - an output-only 8250 for early console and panics.
 *
 * Registers are bytes that any vcpu reads and writes; what is to be printed belongs to
 * the main loop, which writes whole lines to FD_CONSOLE.  Nothing waits for a reader:
 * what the pipe does not take is dropped and counted. */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/loop.h"

#define SERIAL_LINE 256

struct serial {
	struct loop *loop;		/* borrowed */
	int fd;				/* borrowed, non-blocking */
	int irq_fd;
	uint8_t reg[8];			/* as last written; atomic */
	uint8_t divisor[2];		/* atomic */
	uint8_t thr_empty;		/* a transmitter interrupt is due; atomic */

	char line[SERIAL_LINE];		/* the loop's from here on */
	size_t len;
	uint64_t dropped;
};

void    serial_init(struct serial *s, struct loop *loop, int fd, int irq_fd);

/* One register, on a vcpu's thread; off < 8. */
uint8_t serial_read(struct serial *s, unsigned off);
void    serial_write(struct serial *s, unsigned off, uint8_t val, int done_fd);

/* Hand out what has no newline behind it; on the loop. */
void    serial_flush(struct serial *s);

#endif
