/* port.c - I/O ports, holes in memory, and the ways a machine ends. */
#include "tests/guest/dev.h"

#define COM1	0x3f8
#define I8042	0x64
#define NOBODY	0x600			/* a port without a device */

void port_sweep(void)
{
	static const uint16_t unknown[] = { 0x1f0, 0x3c0, NOBODY, 0xcfc, 0x8000, 0xfff0 };

	start_all();
	for (unsigned i = 0; i < COUNT(unknown); i++) {
		trying("port", unknown[i]);
		outb(unknown[i], 0x12);
		outw(unknown[i], 0x1234);
		outl(unknown[i], 0x12345678);
		CHECK(inb(unknown[i]) == 0xff);
		CHECK(inw(unknown[i]) == 0xffff);
		CHECK(inl(unknown[i]) == 0xffffffff);
	}
	for (unsigned port = 0; port < 0x700; port++) {
		inb((uint16_t)port);
		inw((uint16_t)port);
		inl((uint16_t)port);
		if (port == I8042 || port == EXIT_PORT)
			continue;
		outw((uint16_t)port, 0xffff);
		outl((uint16_t)port, 0);
	}
	for (unsigned port = 0xff00; port < 0x10000; port++)
		outb((uint16_t)port, inb((uint16_t)port));
	expect_all_work(NULL);
}

void port_rep(void)
{
	uint64_t to = ARENA, from, n = 5000;

	start_all();
	memset((void *)ARENA, 0, 8192);
	__asm__ volatile("rep insb" : "+D"(to), "+c"(n) : "d"(NOBODY) : "memory");
	for (unsigned i = 0; i < 5000; i += 99)
		CHECK(*(const uint8_t *)(ARENA + i) == 0xff);
	CHECK(*(const uint8_t *)(ARENA + 5000) == 0);
	from = ARENA;
	n = 5000;
	__asm__ volatile("rep outsb" : "+S"(from), "+c"(n) : "d"(NOBODY) : "memory");
	from = ARENA;
	n = 1000;
	__asm__ volatile("rep outsl" : "+S"(from), "+c"(n) : "d"(NOBODY) : "memory");
	from = (uintptr_t)"these words come by one instruction\n";
	n = 36;
	__asm__ volatile("rep outsb" : "+S"(from), "+c"(n) : "d"(COM1) : "memory");
	to = ARENA;
	n = 64;
	__asm__ volatile("rep insl" : "+D"(to), "+c"(n) : "d"(COM1) : "memory");
	expect_all_work(NULL);
}

void port_holes(void)
{
	static const uint64_t holes[] = { GUEST_RAM, GUEST_RAM + 0x1000, 0x40000000, 0xc0000000,
					  0xcffffff8, 0xe0000000, 0xfed00000, 0xfffffff0 };

	start_all();
	for (unsigned i = 0; i < COUNT(holes); i++)
		for (unsigned width = 1; width <= 8; width *= 2) {
			trying("address", holes[i]);
			poke(holes[i], width, 0);
			CHECK(peek(holes[i], width) == ~0ull >> (64 - 8 * width));
		}
	expect_all_work(NULL);
}

void port_console(void)
{
	uint64_t from, n;

	start_all();
	for (unsigned i = 0; i < 5000; i++)
		outb(COM1, 'x');
	for (unsigned i = 0; i < 64; i++) {
		from = ARENA;
		n = 512;
		__asm__ volatile("rep outsb" : "+S"(from), "+c"(n) : "d"(COM1) : "memory");
	}
	expect_all_work(NULL);
}

void port_exit(void)
{
	inb(EXIT_PORT);
	inl(EXIT_PORT);
	finish(0xa5);
}

void port_exit_wide(void)
{
	for (;;)
		outl(EXIT_PORT, 0x78561234);
}

static void finish_too(void *arg)
{
	(void)arg;
	finish(GUEST_PASSED);
}

void port_exit_both(void)
{
	second_start(finish_too, NULL);
	finish(GUEST_PASSED);
}

/* The end comes while every thread has something of ours in its hands. */
void port_exit_busy(void)
{
	start_all();
	for (unsigned i = 0; i < N_DEVS; i++)
		for (unsigned q = 0; q < devs[i].n_rings; q++) {
			struct ring *r = &devs[i].ring[q];

			for (uint16_t k = 0; k < 16; k++) {
				r->desc[k] = (struct desc){ ARENA, 65536, 0, 0 };
				ring_put(r, k);
			}
			ring_kick(r);
		}
	finish(GUEST_PASSED);
}

void port_reset(void)
{
	inb(I8042);
	outb(I8042, 0x20);			/* not a reset */
	outb(I8042 - 4, 0xfe);			/* nor is this, on the data port */
	outb(I8042, 0xfe);
	pause_for(100000);
	finish(GUEST_FAILED);
}

/* Without interrupt descriptors the first fault is the third. */
void port_triple(void)
{
	static const struct { uint16_t limit; uint64_t base; } __attribute__((packed)) none;

	__asm__ volatile("lidt %0" :: "m"(none));
	poke(0x200000000, 1, 0);
	finish(GUEST_FAILED);
}

static void triple_fault(void *arg)
{
	(void)arg;
	port_triple();
}

void port_triple_second(void)
{
	start_all();
	second_start(triple_fault, NULL);
	for (;;)
		expect_all_work(NULL);
}
