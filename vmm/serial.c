/* serial.c - an output-only 8250. */
#include "vmm/serial.h"

#include <unistd.h>

#include "lib/io.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH };

enum {
	IER_THR_EMPTY = 0x02,
	IIR_NONE = 0x01, IIR_THR_EMPTY = 0x02, IIR_FIFO = 0xc0,
	FCR_ENABLE = 0x01,
	LCR_DLAB = 0x80,
	MCR_LOOP = 0x10,
	LSR_ALL_SENT = 0x60,		/* holding and shift register are empty: always */
	MSR_PRESENT = 0xb0,		/* carrier, data set ready, clear to send */
};

static uint8_t load(const uint8_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void store(uint8_t *p, uint8_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

void serial_init(struct serial *s, int fd, int irq_fd)
{
	*s = (struct serial){ .fd = fd, .irq_fd = irq_fd };
}

/* Two vcpus meet here only if the guest does without a lock of its own. */
static void lock(struct serial *s)
{
	while (__atomic_test_and_set(&s->busy, __ATOMIC_ACQUIRE))
		;
}

static void unlock(struct serial *s)
{
	__atomic_clear(&s->busy, __ATOMIC_RELEASE);
}

static void flush_locked(struct serial *s)
{
	ssize_t put = s->len ? io_write_some(s->fd, s->line, s->len) : 0;

	s->dropped += s->len - (put > 0 ? (size_t)put : 0);
	s->len = 0;
}

void serial_flush(struct serial *s)
{
	lock(s);
	flush_locked(s);
	unlock(s);
}

static void print(struct serial *s, uint8_t byte)
{
	lock(s);
	s->line[s->len++] = (char)byte;
	if (byte == '\n' || s->len == sizeof(s->line))
		flush_locked(s);
	unlock(s);
}

/* The transmitter is always empty, so its interrupt is due whenever it is enabled. */
static void transmitter_empty(struct serial *s)
{
	uint64_t one = 1;

	if (!(load(&s->reg[IER]) & IER_THR_EMPTY))
		return;
	store(&s->thr_empty, 1);
	(void)!write(s->irq_fd, &one, sizeof(one));
}

/* In loop-back the modem outputs come in as modem inputs; drivers look for a port so. */
static uint8_t modem_status(uint8_t mcr)
{
	if (!(mcr & MCR_LOOP))
		return MSR_PRESENT;
	return (uint8_t)((mcr & 0x0c) << 4 | (mcr & 0x02) << 3 | (mcr & 0x01) << 5);
}

static uint8_t interrupt_id(struct serial *s)
{
	uint8_t fifo = load(&s->reg[IIR]) & FCR_ENABLE ? IIR_FIFO : 0;

	if (__atomic_exchange_n(&s->thr_empty, 0, __ATOMIC_RELAXED))
		return fifo | IIR_THR_EMPTY;
	return fifo | IIR_NONE;
}

uint8_t serial_read(struct serial *s, unsigned off)
{
	bool dlab = load(&s->reg[LCR]) & LCR_DLAB;

	switch (off) {
	case DATA:	return dlab ? load(&s->divisor[0]) : 0;
	case IER:	return load(dlab ? &s->divisor[1] : &s->reg[IER]);
	case IIR:	return interrupt_id(s);
	case LSR:	return LSR_ALL_SENT;
	case MSR:	return modem_status(load(&s->reg[MCR]));
	default:	return load(&s->reg[off]);
	}
}

static void transmit(struct serial *s, uint8_t byte)
{
	if (load(&s->reg[MCR]) & MCR_LOOP)
		return;
	print(s, byte);
	transmitter_empty(s);
}

void serial_write(struct serial *s, unsigned off, uint8_t val)
{
	bool dlab = load(&s->reg[LCR]) & LCR_DLAB;

	if (dlab && off <= IER) {
		store(&s->divisor[off], val);
	} else if (off == DATA) {
		transmit(s, val);
	} else if (off == IER) {
		store(&s->reg[IER], val & 0x0f);
		transmitter_empty(s);
	} else {
		store(&s->reg[off], val);
	}
}

void serial_save(const struct serial *s, struct serial_state *out)
{
	*out = (struct serial_state){ .thr_empty = load(&s->thr_empty) };
	for (unsigned i = 0; i < sizeof(s->reg); i++)
		out->reg[i] = load(&s->reg[i]);
	for (unsigned i = 0; i < sizeof(s->divisor); i++)
		out->divisor[i] = load(&s->divisor[i]);
}

void serial_load(struct serial *s, const struct serial_state *in)
{
	store(&s->thr_empty, in->thr_empty & 1);
	for (unsigned i = 0; i < sizeof(s->reg); i++)
		store(&s->reg[i], in->reg[i]);
	for (unsigned i = 0; i < sizeof(s->divisor); i++)
		store(&s->divisor[i], in->divisor[i]);
}

void serial_resume(struct serial *s)
{
	if (load(&s->thr_empty))
		transmitter_empty(s);
}
