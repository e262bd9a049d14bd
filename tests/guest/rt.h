/* rt.h - the little a guest without an operating system needs: words to the console, an
 * end, a clock, port and register accesses of an exact width, a second vcpu.  A driver under
 * Linux has the same from linux.c, but for ports and interrupts.
 *
 * General registers only and short loops: where KVM is software, it emulates our every
 * instruction, and not all of them. */
#ifndef GUEST_RT_H
#define GUEST_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/guest/world.h"

/* Scratch memory of a guest, far from its image and from what the monitor puts in RAM. */
#define ARENA		(UNDER_LINUX ? 0x8000000ull : 0x1000000ull)
#define ARENA_SIZE	0x800000ull

/* Every case is a function. */
#define CASE(name, cpus, stop, code, what) void name(void);
#include "tests/guest/cases.h"
#undef CASE

void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int   memcmp(const void *a, const void *b, size_t n);

void print(const char *s);
void print_hex(uint64_t v);
_Noreturn void finish(uint8_t code);
_Noreturn void fail(const char *what, const char *file, unsigned line);

/* A number that makes this time another than the last; the launcher chose it, or its caller. */
uint64_t wanted_seed(void);

/* What was being tried, for the line that fail() prints. */
void trying(const char *what, uint64_t detail);

#define CHECK(cond) ((cond) ? (void)0 : fail(#cond, __FILE__, __LINE__))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A wait ends by itself after some seconds of the time stamp counter:
 *	for (uint64_t t = start_wait(); !done() && still_waiting(t); ) ; */
uint64_t start_wait(void);
bool still_waiting(uint64_t started);
void pause_for(unsigned spins);

/* Run fn(arg) on the second vcpu, or in a second thread; returns when it has begun.  Once a guest. */
void second_start(void (*fn)(void *arg), void *arg);
bool second_done(void);

/* Interrupts, which are off until then, come to the first vcpu and are counted: from the
 * lines of the serial port and of every device, by their edge or for as long as they are high. */
void interrupts_on(bool level);
uint32_t interrupts_so_far(void);

/* From the second vcpu to the first, as the low word of the APIC's interrupt command. */
#define APIC_NMI	0xc4400u	/* to all but ourselves */
#define APIC_VECTOR	0xc4040u
void interrupt_other(uint32_t command);

static inline void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" :: "a"(v), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" :: "a"(v), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" :: "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

/* One access of `width` bytes, 1, 2, 4 or 8, by one plain move. */
uint64_t peek(uint64_t addr, unsigned width);
void     poke(uint64_t addr, unsigned width, uint64_t v);

#endif
