/* serial.h - an output-only 8250 for early console and panics.
 *
 * It lives on the vcpu threads: handing every byte to a loop made a talkative boot take
 * minutes on a busy host.  Registers are bytes accessed atomically; the line that is being
 * put together has the monitor's only lock, held for one write() at most.  Whole lines go
 * to FD_CONSOLE.  Nothing waits for a reader: what the pipe does not take is dropped and
 * counted. */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIAL_LINE 256

struct serial {
	int fd;				/* borrowed, non-blocking */
	int irq_fd;
	uint8_t reg[8];			/* as last written; atomic */
	uint8_t divisor[2];		/* atomic */
	uint8_t thr_empty;		/* a transmitter interrupt is due; atomic */

	bool busy;			/* the lock of what follows; atomic */
	char line[SERIAL_LINE];
	size_t len;
	uint64_t dropped;
};

void    serial_init(struct serial *s, int fd, int irq_fd);

/* One register, on any thread; off < 8. */
uint8_t serial_read(struct serial *s, unsigned off);
void    serial_write(struct serial *s, unsigned off, uint8_t val);

/* Hand out what has no newline behind it; any thread. */
void    serial_flush(struct serial *s);

/* What a snapshot keeps. */
struct serial_state { uint8_t reg[8], divisor[2], thr_empty, zero[5]; };
void    serial_save(const struct serial *s, struct serial_state *out);
void    serial_load(struct serial *s, const struct serial_state *in);
void    serial_resume(struct serial *s);	/* an interrupt may have been on its way */

#endif
