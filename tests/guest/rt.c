/* rt.c - the runtime of a guest that is its machine's only program, and the table that finds
 * the case to play. */
#include "tests/guest/rt.h"

enum { COM1 = 0x3f8 };

static const struct { const char *name; void (*play)(void); } cases[] = {
#define CASE(name, cpus, stop, code, what) { #name, name },
#include "tests/guest/cases.h"
#undef CASE
};

extern uint32_t boot_info, boot_params;
extern const uint8_t trampoline[], trampoline_end[];
void boot_main(void);
void second_main(void);

void *memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;

	__asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) :: "memory");
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	void *d = dst;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}

void print(const char *s)
{
	while (*s)
		outb(COM1, (uint8_t)*s++);
}

void finish(uint8_t code)
{
	for (;;)
		outb(EXIT_PORT, code);
}

/* --- interrupts --------------------------------------------------------------------- */

#define APIC		0xfee00000ull	/* the local APIC's page */
#define APIC_ENABLE	(APIC + 0xf0)
#define APIC_COMMAND	(APIC + 0x300)
#define IOAPIC		0xfec00000ull
#define IOAPIC_LINE(n)	(0x10 + 2 * (n))
#define IOAPIC_LEVEL	(1u << 15)
#define VECTOR		0x40u		/* of all lines */
#define SERIAL_LINE	4u

struct gate {
	uint16_t low, segment, type, middle;
	uint32_t high, zero;
};

extern const uint8_t interrupt_entry[], nmi_entry[];
extern uint32_t interrupts;

static void gate_to(struct gate *g, const uint8_t *entry)
{
	uint64_t to = (uintptr_t)entry;

	*g = (struct gate){ (uint16_t)to, 0x08, 0x8e00, (uint16_t)(to >> 16),
			    (uint32_t)(to >> 32), 0 };
}

static void route_line(uint32_t line, bool level)
{
	poke(IOAPIC, 4, IOAPIC_LINE(line) + 1);
	poke(IOAPIC + 0x10, 4, 0);			/* to the first */
	poke(IOAPIC, 4, IOAPIC_LINE(line));
	poke(IOAPIC + 0x10, 4, VECTOR | (level ? IOAPIC_LEVEL : 0));
}

void interrupts_on(bool level)
{
	static struct gate table[VECTOR + 1];
	struct { uint16_t limit; uint64_t base; } __attribute__((packed))
		at = { sizeof(table) - 1, (uintptr_t)table };

	outb(0x21, 0xff);				/* none from the older controllers */
	outb(0xa1, 0xff);
	gate_to(&table[2], nmi_entry);
	gate_to(&table[VECTOR], interrupt_entry);
	__asm__ volatile("lidt %0" :: "m"(at) : "memory");
	poke(APIC_ENABLE, 4, 0x1ff);
	route_line(SERIAL_LINE, level);
	for (uint32_t i = 0; i < MAX_DEVICES; i++)
		route_line(DEVICE_IRQ + i, level);
	__asm__ volatile("sti" ::: "memory");
}

uint32_t interrupts_so_far(void)
{
	return __atomic_load_n(&interrupts, __ATOMIC_RELAXED);
}

void interrupt_other(uint32_t command)
{
	poke(APIC_COMMAND, 4, command);
}

/* --- the second vcpu ---------------------------------------------------------------- */

#define APIC_INIT	0xc4500u	/* to all but ourselves */
#define APIC_STARTUP	0xc4600u	/* and the page to start at */
#define TRAMPOLINE	0x8000u

static struct {
	void (*fn)(void *arg);
	void *arg;
	bool begun, done;		/* atomic: written there, read here */
} second;

void second_main(void)
{
	__atomic_store_n(&second.begun, true, __ATOMIC_RELEASE);
	second.fn(second.arg);
	__atomic_store_n(&second.done, true, __ATOMIC_RELEASE);
}

void second_start(void (*fn)(void *arg), void *arg)
{
	second.fn = fn;
	second.arg = arg;
	memcpy((void *)(uintptr_t)TRAMPOLINE, trampoline, (size_t)(trampoline_end - trampoline));
	poke(APIC_COMMAND, 4, APIC_INIT);
	pause_for(1000);
	poke(APIC_COMMAND, 4, APIC_STARTUP | TRAMPOLINE >> 12);
	for (uint64_t t = start_wait(); !__atomic_load_n(&second.begun, __ATOMIC_ACQUIRE); )
		CHECK(still_waiting(t));
}

bool second_done(void)
{
	return __atomic_load_n(&second.done, __ATOMIC_ACQUIRE);
}

/* --- the beginning ------------------------------------------------------------------ */

static const char *command_line(void)
{
	if (boot_info)				/* hvm_start_info.cmdline_paddr */
		return (const char *)(uintptr_t)*(const uint64_t *)((uintptr_t)boot_info + 24);
	return (const char *)(uintptr_t)*(const uint32_t *)((uintptr_t)boot_params + 0x228);
}

/* Does s begin with the word w, ended by a space or the end? */
static bool begins(const char *s, const char *w)
{
	while (*w && *s == *w)
		s++, w++;
	return !*w && (!*s || *s == ' ');
}

/* What follows key, of five characters, on the command line. */
static const char *wanted(const char *key)
{
	const char *s = command_line();

	for (; *s; s++)
		if (!memcmp(s, key, 5))
			return s + 5;
	return s;
}

uint64_t wanted_seed(void)
{
	uint64_t seed = 0;

	for (const char *s = wanted("seed="); *s >= '0' && *s <= '9'; s++)
		seed = seed * 10 + (uint64_t)(*s - '0');
	return seed;
}

void boot_main(void)
{
	const char *want = wanted("case=");

	for (unsigned i = 0; i < COUNT(cases); i++)
		if (begins(want, cases[i].name)) {
			cases[i].play();
			finish(GUEST_PASSED);
		}
	fail("there is such a case", want, 0);
}
