/* core.c - what is the same under Linux and under nothing: complaints, waits, accesses of an
 * exact width. */
#include "tests/guest/rt.h"

static const char *tried;
static uint64_t tried_detail;

void print_hex(uint64_t v)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		if (v >> shift || shift == 0)
			print((const char [2]){ "0123456789abcdef"[(v >> shift) & 15] });
}

void fail(const char *what, const char *file, unsigned line)
{
	print(file);
	print(":0x");
	print_hex(line);
	print(": not so: ");
	print(what);
	if (tried) {
		print(" (");
		print(tried);
		print(" 0x");
		print_hex(tried_detail);
		print(")");
	}
	print("\n");
	finish(GUEST_FAILED);
}

void trying(const char *what, uint64_t detail)
{
	tried = what;
	tried_detail = detail;
}

/* --- time ------------------------------------------------------------------------- */

#define WAIT_TICKS (8ull << 32)		/* 9 to 34 s on machines of 4 to 1 GHz */

static uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

uint64_t start_wait(void)
{
	return ticks();
}

bool still_waiting(uint64_t started)
{
	__asm__ volatile("pause" ::: "memory");
	return ticks() - started < WAIT_TICKS;
}

void pause_for(unsigned spins)
{
	while (spins--)
		__asm__ volatile("pause" ::: "memory");
}

/* --- accesses of an exact width ----------------------------------------------------- */

uint64_t peek(uint64_t addr, unsigned width)
{
	uint64_t v = 0;

	switch (width) {
	case 1:	__asm__ volatile("movb (%1), %b0" : "+q"(v) : "r"(addr) : "memory"); break;
	case 2:	__asm__ volatile("movw (%1), %w0" : "+r"(v) : "r"(addr) : "memory"); break;
	case 4:	__asm__ volatile("movl (%1), %k0" : "+r"(v) : "r"(addr) : "memory"); break;
	case 8:	__asm__ volatile("movq (%1), %q0" : "+r"(v) : "r"(addr) : "memory"); break;
	}
	return v;
}

void poke(uint64_t addr, unsigned width, uint64_t v)
{
	switch (width) {
	case 1:	__asm__ volatile("movb %b0, (%1)" :: "q"(v), "r"(addr) : "memory"); break;
	case 2:	__asm__ volatile("movw %w0, (%1)" :: "r"(v), "r"(addr) : "memory"); break;
	case 4:	__asm__ volatile("movl %k0, (%1)" :: "r"(v), "r"(addr) : "memory"); break;
	case 8:	__asm__ volatile("movq %q0, (%1)" :: "r"(v), "r"(addr) : "memory"); break;
	}
}
