/* test_soft.c - completions against the processor this runs on.
 *
 * Guest memory is mapped for the guest where it lies for us, so one set of registers and
 * bytes means the same to both: an instruction is executed here, completed there, and
 * everything must agree.  syscall() is ours: it plays the vcpu. */
#include "tests/unit/check.h"

#include <cpuid.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/arch/x86_64/soft.h"
#include "vmm/arch/x86_64/soft_decode.h"

enum {
	P = 1, W = 2, U = 4, ACCESSED = 32, DIRTY = 64, LARGE = 128,
	UD = 6, NM = 7, GP = 13, PF = 14,
	RAM = 64 << 12, TABLES = 32 << 12,	/* the upper half holds page tables */
	CR0_WP = 1 << 16, CR4_BASE = 1 << 5 | 1 << 18, IF = 1 << 9, AC = 1 << 18,
	STATUS = 0x8d5,
};

static struct machine {
	uint8_t *ram;
	uint64_t next_table;
	struct gmem mem;
	struct kvm_run run;
	struct soft_vcpu cpu;
	uint64_t xcr0, tsc, aux, star, lstar;
	uint8_t xsave[4096];		/* as KVM_GET_XSAVE shows it */
	uint64_t flushed_cr4;
} m;

/* --- the vcpu behind the descriptor --- */

static int play_msrs(struct kvm_msrs *msrs, bool set)
{
	struct kvm_msr_entry *e = msrs->entries;
	uint64_t *v = e->index == 0x10 ? &m.tsc : e->index == 0xc0000103 ? &m.aux :
		      e->index == 0xc0000081 ? &m.star : e->index == 0xc0000082 ? &m.lstar : NULL;

	if (!v)
		return 0;
	if (set)
		*v = e->data;
	else
		e->data = *v;
	return 1;
}

/* kvm_ioctl() goes through here, and nothing else in this program does. */
long syscall(long nr, ...)
{
	va_list ap;
	unsigned long request;
	void *arg;

	va_start(ap, nr);
	va_arg(ap, int);			/* the descriptor */
	request = va_arg(ap, unsigned long);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (nr != SYS_ioctl)
		abort();
	switch (request) {
	case KVM_GET_XCRS:
		*(struct kvm_xcrs *)arg = (struct kvm_xcrs){ .nr_xcrs = 1, .xcrs[0].value = m.xcr0 };
		return 0;
	case KVM_SET_XCRS:
		if (!(((struct kvm_xcrs *)arg)->xcrs[0].value & 1))
			return -1;
		m.xcr0 = ((struct kvm_xcrs *)arg)->xcrs[0].value;
		return 0;
	case KVM_GET_XSAVE:
		memcpy(arg, m.xsave, sizeof(m.xsave));
		return 0;
	case KVM_SET_XSAVE:
		memcpy(m.xsave, arg, sizeof(m.xsave));
		return 0;
	case KVM_GET_MSRS:
	case KVM_SET_MSRS:
		return play_msrs(arg, request == KVM_SET_MSRS);
	case KVM_SET_SREGS:
		m.flushed_cr4 = ((struct kvm_sregs *)arg)->cr4;
		return 0;
	}
	errno = ENOTTY;
	return -1;
}

/* --- the machine --- */

static uint64_t *pte_of(uint64_t va, unsigned down_to)
{
	uint64_t table = TABLES;

	for (unsigned shift = 39;; shift -= 9) {
		uint64_t *pte = (uint64_t *)(void *)(m.ram + table) + (va >> shift & 511);

		if (shift == down_to)
			return pte;
		if (!(*pte & P)) {
			*pte = m.next_table | P | W | U;
			m.next_table += 4096;
			assert_true(m.next_table <= RAM);
		}
		table = *pte & 0x000ffffffffff000;
	}
}

static void map_page(uint64_t va, uint64_t gpa, uint64_t flags)
{
	*pte_of(va, 12) = gpa | flags;
}

static uint64_t va_of(uint64_t gpa)
{
	return (uint64_t)(uintptr_t)m.ram + gpa;
}

static int setup(void **state)
{
	struct err err;
	struct kvm_sregs *sr = &m.run.s.regs.sregs;

	(void)state;
	memset(&m, 0, sizeof(m));
	m.ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(m.ram != MAP_FAILED);
	m.mem = (struct gmem){ .n = 1, .region[0] = { .gpa = 0, .len = RAM, .hva = m.ram } };
	m.next_table = TABLES + 4096;
	for (uint64_t gpa = 0; gpa < TABLES; gpa += 4096)
		map_page(va_of(gpa), gpa, P | W | U);
	m.xcr0 = 7;
	sr->cr0 = 0x80000001 | CR0_WP;
	sr->cr3 = TABLES;
	sr->cr4 = CR4_BASE;
	sr->efer = 0xd00;
	sr->cs.l = 1;
	m.run.s.regs.regs.rflags = 2 | IF;
	m.run.s.regs.regs.rip = va_of(0);
	return soft_vcpu_init(&m.cpu, -1, &m.run, &m.mem, &err);
}

static int teardown(void **state)
{
	(void)state;
	munmap(m.ram, RAM);
	return 0;
}

static char why[256];

static int complete(const void *bytes, size_t n)
{
	m.run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
	m.run.emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	m.run.emulation_failure.ndata = 3;
	m.run.emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	m.run.emulation_failure.insn_size = (uint8_t)n;
	memcpy(m.run.emulation_failure.insn_bytes, bytes, n);
	memset(&m.run.s.regs.events, 0, sizeof(m.run.s.regs.events));
	m.run.kvm_dirty_regs = 0;
	return soft_exit(&m.cpu, why, sizeof(why));
}

#define COMPLETE(...) complete((const uint8_t[]){ __VA_ARGS__ }, \
			       sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define REGS (m.run.s.regs.regs)
#define SREGS (m.run.s.regs.sregs)
#define EVENTS (m.run.s.regs.events)

static void assert_raised(unsigned vector, uint32_t code)
{
	assert_true(m.run.kvm_dirty_regs & KVM_SYNC_X86_EVENTS);
	assert_int_equal(EVENTS.exception.injected, 1);
	assert_int_equal(EVENTS.exception.nr, vector);
	assert_int_equal(EVENTS.exception.error_code, code);
	assert_int_equal(EVENTS.flags, 0);
}

static void assert_not_raised(void)
{
	assert_int_equal(EVENTS.exception.injected, 0);
}

/* --- the processor this runs on --- */

static uint64_t rnd(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

struct native {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rflags;
};

static uint8_t *code_page;

/* Run bytes here, with these registers. */
static void execute(const uint8_t *bytes, size_t n, struct native *r)
{
	if (!code_page)
		code_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(code_page != MAP_FAILED);
	memcpy(code_page, bytes, n);
	code_page[n] = 0xc3;
	asm volatile("sub $128, %%rsp\n\t"
		     "push %[flags]\n\tpopf\n\t"
		     "call *%[code]\n\t"
		     "pushf\n\tpop %[flags]\n\t"
		     "add $128, %%rsp"
		     : "+a"(r->rax), "+b"(r->rbx), "+c"(r->rcx), "+d"(r->rdx), "+S"(r->rsi),
		       "+D"(r->rdi), [flags] "+r"(r->rflags)
		     : [code] "r"(code_page) : "memory", "cc");
}

/* Random registers, except that rsi points to the operand.  Both ways, then compare. */
static void same_as_native(const uint8_t *bytes, size_t n, struct native r, uint64_t flags_mask)
{
	uint8_t before[256], after[256], *operand = m.ram + 0x1000;

	r.rflags = 2 | IF | (rnd() & STATUS);
	r.rsi = va_of(0x1000);
	REGS = (struct kvm_regs){ .rax = r.rax, .rbx = r.rbx, .rcx = r.rcx, .rdx = r.rdx,
				  .rsi = r.rsi, .rdi = r.rdi, .rflags = r.rflags, .rip = va_of(0) };
	memcpy(before, operand, sizeof(before));
	execute(bytes, n, &r);
	memcpy(after, operand, sizeof(after));
	memcpy(operand, before, sizeof(before));
	assert_int_equal(complete(bytes, n), 0);
	assert_not_raised();
	assert_memory_equal(operand, after, sizeof(after));
	assert_int_equal(REGS.rip, va_of(n));
	assert_int_equal(REGS.rax, r.rax);
	assert_int_equal(REGS.rbx, r.rbx);
	assert_int_equal(REGS.rcx, r.rcx);
	assert_int_equal(REGS.rdx, r.rdx);
	assert_int_equal(REGS.rsi, r.rsi);
	assert_int_equal(REGS.rdi, r.rdi);
	assert_int_equal(REGS.rflags & flags_mask, r.rflags & flags_mask);
}

static struct native random_registers(void)
{
	unsigned shift = rnd() & 63;

	return (struct native){ .rax = rnd() >> shift, .rbx = rnd(), .rcx = rnd() << shift,
				.rdx = rnd(), .rdi = rnd() & 7 ? rnd() : 0 };
}

struct encoding {
	uint8_t n, bytes[8];
	uint64_t flags;		/* which of the flags are defined */
};

static bool host_counts_bits(void)		/* POPCNT, LZCNT and TZCNT */
{
	unsigned a, b, c, d;

	return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & 1 << 5) &&
	       __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1 << 3) &&
	       __builtin_cpu_supports("popcnt");
}

static void bit_counting_is_the_processors(void **state)
{
	enum { ZF = 64, CF = 1 };
	static const struct encoding e[] = {
		{ 4, { 0xf3, 0x0f, 0xb8, 0xc1 }, STATUS },			/* popcnt ecx */
		{ 5, { 0xf3, 0x48, 0x0f, 0xb8, 0xc7 }, STATUS },		/* popcnt rdi */
		{ 5, { 0x66, 0xf3, 0x0f, 0xb8, 0x06 }, STATUS },		/* popcnt word [rsi] */
		{ 6, { 0xf3, 0x48, 0x0f, 0xb8, 0x5e, 0x08 }, STATUS },	/* popcnt [rsi+8] */
		{ 5, { 0xf3, 0x48, 0x0f, 0xbc, 0xc7 }, ZF | CF },		/* tzcnt rdi */
		{ 5, { 0x66, 0xf3, 0x0f, 0xbc, 0xcf }, ZF | CF },		/* tzcnt cx, di */
		{ 4, { 0xf3, 0x0f, 0xbc, 0x06 }, ZF | CF },
		{ 5, { 0xf3, 0x48, 0x0f, 0xbd, 0xc7 }, ZF | CF },		/* lzcnt rdi */
		{ 5, { 0x66, 0xf3, 0x0f, 0xbd, 0xcf }, ZF | CF },
		{ 4, { 0xf3, 0x0f, 0xbd, 0xd8 }, ZF | CF },
	};

	(void)state;
	if (!host_counts_bits())
		skip();
	for (size_t k = 0; k < sizeof(e) / sizeof(e[0]); k++)
		for (int round = 0; round < 500; round++) {
			uint64_t v = rnd() & 3 ? rnd() << (rnd() & 63) : 0;

			memcpy(m.ram + 0x1000, &v, 8);
			same_as_native(e[k].bytes, e[k].n, random_registers(), e[k].flags);
		}
}

static void crc32_is_the_processors(void **state)
{
	static const struct encoding e[] = {
		{ 5, { 0xf2, 0x0f, 0x38, 0xf0, 0xc1 }, STATUS },	/* eax, cl */
		{ 5, { 0xf2, 0x0f, 0x38, 0xf0, 0xc7 }, STATUS },	/* eax, bh */
		{ 6, { 0xf2, 0x40, 0x0f, 0x38, 0xf0, 0xc7 }, STATUS },	/* eax, dil */
		{ 5, { 0xf2, 0x0f, 0x38, 0xf1, 0xc1 }, STATUS },	/* eax, ecx */
		{ 6, { 0x66, 0xf2, 0x0f, 0x38, 0xf1, 0xda }, STATUS },	/* ebx, dx */
		{ 6, { 0xf2, 0x48, 0x0f, 0x38, 0xf1, 0x1e }, STATUS },	/* rbx, [rsi] */
	};

	(void)state;
	if (!__builtin_cpu_supports("sse4.2"))
		skip();
	for (size_t k = 0; k < sizeof(e) / sizeof(e[0]); k++)
		for (int round = 0; round < 500; round++)
			same_as_native(e[k].bytes, e[k].n, random_registers(), e[k].flags);
}

static void compare_exchange_is_the_processors(void **state)
{
	static const struct encoding e[] = {
		{ 5, { 0xf0, 0x48, 0x0f, 0xc7, 0x0e }, STATUS },	/* lock cmpxchg16b [rsi] */
		{ 4, { 0xf0, 0x0f, 0xc7, 0x0e }, STATUS },		/* lock cmpxchg8b [rsi] */
	};

	(void)state;
	for (size_t k = 0; k < sizeof(e) / sizeof(e[0]); k++)
		for (int round = 0; round < 1000; round++) {
			struct native r = random_registers();
			uint64_t v[2] = { rnd(), rnd() };

			if (round & 1) {		/* equal, in one width or the other */
				r.rax = v[0];
				r.rdx = k ? v[0] >> 32 : v[1];
			}
			memcpy(m.ram + 0x1000, v, sizeof(v));
			same_as_native(e[k].bytes, e[k].n, r, e[k].flags);
		}
	REGS.rsi = va_of(0x1008);
	assert_int_equal(COMPLETE(0x48, 0x0f, 0xc7, 0x0e), 0);
	assert_raised(GP, 0);
}

/* The selectors Linux gives user code are the same on every x86-64 Linux. */
static void segment_checks_are_the_processors(void **state)
{
	static const uint64_t gdt[16] = { [2] = 0x00af9b000000ffff, [3] = 0x00cf93000000ffff,
					  [4] = 0x00cffb000000ffff, [5] = 0x00cff3000000ffff,
					  [6] = 0x00affb000000ffff };
	static const struct encoding e[] = {
		{ 3, { 0x0f, 0x02, 0xc1 }, STATUS }, { 3, { 0x0f, 0x03, 0xc1 }, STATUS },
		{ 3, { 0x0f, 0x00, 0xe1 }, STATUS }, { 3, { 0x0f, 0x00, 0xe9 }, STATUS },
		{ 4, { 0x66, 0x0f, 0x02, 0xd9 }, STATUS }, { 4, { 0x48, 0x0f, 0x03, 0xd9 }, STATUS },
	};
	static const uint16_t selector[] = { 0, 3, 0x10, 0x18, 0x23, 0x2b, 0x33, 0x13, 0x20, 0xfff8 };

	(void)state;
	memcpy(m.ram + 0x2000, gdt, sizeof(gdt));
	SREGS.gdt = (struct kvm_dtable){ .base = va_of(0x2000), .limit = 0x7f };
	SREGS.cs.selector = 0x33;
	for (size_t k = 0; k < sizeof(e) / sizeof(e[0]); k++)
		for (size_t n = 0; n < sizeof(selector) / sizeof(selector[0]); n++) {
			struct native r = random_registers();

			r.rcx = selector[n];
			same_as_native(e[k].bytes, e[k].n, r, e[k].flags);
		}
}

/* --- extended state --- */

static uint64_t host_xcr0(void)
{
	uint32_t a, d;

	asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return ((uint64_t)d << 32 | a) & 0xe7;
}

static bool host_has_xsavec(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & 1u << 27) &&
	       __get_cpuid_count(0xd, 1, &a, &b, &c, &d) && (a & 2);
}

struct image {
	uint8_t bytes[4096] __attribute__((aligned(64)));
};

enum { HEADER = 512 };

static void header_set(struct image *i, uint64_t bv, uint64_t comp)
{
	memset(i->bytes + HEADER, 0, 64);
	memcpy(i->bytes + HEADER, &bv, 8);
	memcpy(i->bytes + HEADER + 8, &comp, 8);
}

/* Anything the processor loads; without pointers of a past exception, which it may drop. */
static void image_random(struct image *i, uint64_t bv, uint64_t comp)
{
	uint32_t mxcsr = 0x1f80 | (rnd() & 0x603f);
	uint16_t fcw = 0x37f, fsw = (uint16_t)((rnd() & 7) << 11);

	for (size_t n = 0; n < sizeof(i->bytes); n++)
		i->bytes[n] = (uint8_t)rnd();
	memset(i->bytes, 0, 32);
	memcpy(i->bytes, &fcw, 2);
	memcpy(i->bytes + 2, &fsw, 2);
	i->bytes[4] = (uint8_t)rnd();
	memcpy(i->bytes + 24, &mxcsr, 4);
	for (size_t st = 0; st < 8; st++)	/* the six bytes after each register */
		memset(i->bytes + 32 + st * 16 + 10, 0, 6);
	header_set(i, bv, comp);
}

/* Our own registers stand aside, all of `from` is loaded, insn runs with the mask rfbm. */
#define KEEPING(insn) "xsave64 (%[keep])\n\txrstor64 (%[from])\n\t" \
	"mov %[rfbm], %%eax\n\txor %%edx, %%edx\n\t" insn "\n\t" \
	"mov $-1, %%eax\n\tmov $-1, %%edx\n\txrstor64 (%[keep])"

/* Load a whole state, save it with one instruction, and put our own back. */
static void native_save(const struct image *from, struct image *to, uint64_t rfbm, bool compact)
{
	static struct image keep;
	uint32_t a = ~0u, d = ~0u;

	memset(&keep, 0, sizeof(keep));
	if (compact)
		asm volatile(KEEPING("xsavec64 (%[to])") : "+a"(a), "+d"(d)
			     : [keep] "r"(&keep), [from] "r"(from), [to] "r"(to),
			       [rfbm] "r"((uint32_t)rfbm) : "memory");
	else
		asm volatile(KEEPING("xsave64 (%[to])") : "+a"(a), "+d"(d)
			     : [keep] "r"(&keep), [from] "r"(from), [to] "r"(to),
			       [rfbm] "r"((uint32_t)rfbm) : "memory");
}

/* Load a whole state, restore part of another over it, show the result. */
static void native_restore(const struct image *base, const struct image *from, uint64_t rfbm,
			   struct image *result)
{
	static struct image keep;
	uint32_t a = ~0u, d = ~0u;

	memset(&keep, 0, sizeof(keep));
	asm volatile(KEEPING("xrstor64 (%[to])\n\tmov $-1, %%eax\n\txsave64 (%[result])")
		     : "+a"(a), "+d"(d)
		     : [keep] "r"(&keep), [from] "r"(base), [to] "r"(from), [result] "r"(result),
		       [rfbm] "r"((uint32_t)rfbm) : "memory");
}

static void kvm_has(const struct image *state)
{
	memcpy(m.xsave, state, sizeof(m.xsave));
}

static void save_both_ways(struct image *native, uint64_t all, uint64_t rfbm, bool compact)
{
	static struct image from, shown;

	image_random(&from, (rnd() & all) | 3, 0);
	memset(&shown, 0, sizeof(shown));
	native_save(&from, &shown, all, false);
	kvm_has(&shown);
	image_random(native, rnd() & all, 0);
	memcpy(m.ram + 0x1000, native, sizeof(*native));
	native_save(&from, native, rfbm, compact);
	REGS = (struct kvm_regs){ .rsi = va_of(0x1000), .rax = rfbm, .rip = va_of(0) };
	if (compact)
		assert_int_equal(COMPLETE(0x48, 0x0f, 0xc7, 0x26), 0);
	else
		assert_int_equal(COMPLETE(0x48, 0x0f, 0xae, 0x26), 0);
	assert_not_raised();
}

/* A processor that is taken from us between loading and saving may come back with another set
 * of components in use: such a round is done again.  Wrong is what never agrees. */
static void saving_is_the_processors(void **state)
{
	static struct image native;
	uint64_t all = host_xcr0();

	(void)state;
	if (!host_has_xsavec())
		skip();
	m.xcr0 = all;
	for (int round = 0; round < 2000; round++) {
		uint64_t rfbm = rnd() & all;

		for (int again = 0; again < 3; again++) {
			save_both_ways(&native, all, rfbm, round & 1);
			if (!memcmp(m.ram + 0x1000, &native, sizeof(native)))
				break;
		}
		assert_memory_equal(m.ram + 0x1000, &native, sizeof(native));
	}
}

/* What two standard images mean: components in use, and MXCSR. */
static void assert_same_state(const uint8_t *a, const uint8_t *b, uint64_t all)
{
	assert_memory_equal(a, b, 28);
	assert_memory_equal(a + 32, b + 32, 128 + 256);
	for (unsigned n = 2; n < SOFT_XSTATE_N; n++)
		if (all >> n & 1)
			assert_memory_equal(a + m.cpu.xstate[n].at, b + m.cpu.xstate[n].at,
					    m.cpu.xstate[n].size);
}

static void restoring_is_the_processors(void **state)
{
	static struct image base, shown, from, native;
	uint64_t all = host_xcr0();

	(void)state;
	if (!host_has_xsavec())
		skip();
	m.xcr0 = all;
	for (int round = 0; round < 2000; round++) {
		uint64_t comp = round & 1 ? 1ull << 63 | (rnd() & all) : 0;
		uint64_t bv = rnd() & (comp ? comp & all : all), rfbm = rnd() & all;

		image_random(&base, (rnd() & all) | 3, 0);
		memset(&shown, 0, sizeof(shown));
		native_save(&base, &shown, all, false);
		kvm_has(&shown);
		image_random(&from, bv, comp);
		memcpy(m.ram + 0x1000, &from, sizeof(from));
		memset(&native, 0, sizeof(native));
		native_restore(&base, &from, rfbm, &native);
		REGS = (struct kvm_regs){ .rsi = va_of(0x1000), .rax = rfbm, .rip = va_of(0) };
		assert_int_equal(COMPLETE(0x48, 0x0f, 0xae, 0x2e), 0);
		assert_not_raised();
		assert_same_state(m.xsave, native.bytes, all);
	}
}

static void a_bad_image_is_a_general_protection_fault(void **state)
{
	static const struct { uint64_t bv, comp, reserved; } bad[] = {
		{ 8, 0, 0 }, { 3, 1, 0 }, { 3, 1ull << 63 | 1, 0 }, { 3, 1ull << 63 | 0x103, 0 },
		{ 3, 0, 1 },
	};
	struct image *i = (struct image *)(void *)(m.ram + 0x1000);

	(void)state;
	REGS.rax = 7;
	REGS.rsi = va_of(0x1000);
	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		image_random(i, bad[n].bv, bad[n].comp);
		memcpy(i->bytes + HEADER + 16, &bad[n].reserved, 8);
		assert_int_equal(COMPLETE(0x48, 0x0f, 0xae, 0x2e), 0);
		assert_raised(GP, 0);
	}
	image_random(i, 3, 0);
	memset(i->bytes + 24, 0xff, 4);		/* reserved bits of MXCSR */
	assert_int_equal(COMPLETE(0x48, 0x0f, 0xae, 0x2e), 0);
	assert_raised(GP, 0);
	REGS.rsi += 16;
	assert_int_equal(COMPLETE(0x48, 0x0f, 0xae, 0x2e), 0);
	assert_raised(GP, 0);
	SREGS.cr0 |= 8;
	assert_int_equal(COMPLETE(0x48, 0x0f, 0xae, 0x2e), 0);
	assert_raised(NM, 0);
	SREGS.cr4 = 1 << 5;
	assert_int_equal(COMPLETE(0x48, 0x0f, 0xae, 0x2e), 0);
	assert_raised(UD, 0);
}

static void x87_loads_an_integer_as_the_processor_does(void **state)
{
	long double got;
	int32_t v;
	uint16_t fsw;

	(void)state;
	REGS.rsi = va_of(0x1000);
	for (int round = 0; round < 200; round++) {
		v = (int32_t)rnd();
		memset(m.xsave, 0, sizeof(m.xsave));
		memcpy(m.ram + 0x1000, &v, 4);
		assert_int_equal(COMPLETE(0xdb, 0x06), 0);
		memcpy(&got, m.xsave + 32, 10);
		memcpy(&fsw, m.xsave + 2, 2);
		assert_true(got == (long double)v);
		assert_int_equal(fsw, 7 << 11);
		assert_int_equal(m.xsave[4], 0x80);
	}
}

static void xcr0_is_read_and_written(void **state)
{
	(void)state;
	REGS.rax = 0x1234567800000003;
	REGS.rdx = 0xffffffff00000000;
	REGS.rcx = 0xffffffff00000000;
	assert_int_equal(COMPLETE(0x0f, 0x01, 0xd1), 0);
	assert_int_equal(m.xcr0, 3);
	REGS.rax = REGS.rdx = ~0ull;
	assert_int_equal(COMPLETE(0x0f, 0x01, 0xd0), 0);
	assert_int_equal(REGS.rax, 3);
	assert_int_equal(REGS.rdx, 0);
	REGS.rax = 2;				/* refused by KVM */
	assert_int_equal(COMPLETE(0x0f, 0x01, 0xd1), 0);
	assert_raised(GP, 0);
}

/* --- guest memory --- */

static const uint8_t popcnt_rsi[] = { 0xf3, 0x48, 0x0f, 0xb8, 0x06 };
static const uint8_t stmxcsr_rsi[] = { 0x0f, 0xae, 0x1e };

static void faults_have_the_right_code(void **state)
{
	enum { PRESENT = 1, WRITE = 2, USER = 4, RSVD = 8, CR4_SMAP = 1 << 21 };
	static const struct {
		uint64_t pte;
		unsigned cpl;
		bool write, wp, smap;
		int code;		/* -1: no fault */
	} t[] = {
		{ 0, 0, false, true, false, 0 },
		{ 0, 0, true, true, false, WRITE },
		{ 0, 3, true, true, false, WRITE | USER },
		{ P, 0, false, true, false, -1 },
		{ P, 0, true, true, false, PRESENT | WRITE },
		{ P, 0, true, false, false, -1 },
		{ P | W, 0, true, true, false, -1 },
		{ P | W, 3, false, true, false, PRESENT | USER },
		{ P | U, 3, true, false, false, PRESENT | WRITE | USER },
		{ P | U, 3, false, true, false, -1 },
		{ P | W | U, 0, false, true, true, PRESENT },
		{ P | W | U, 0, true, true, false, -1 },
	};
	uint64_t va = 0x7f0000001008;

	(void)state;
	for (size_t n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		map_page(va & ~4095ull, 0x3000, t[n].pte);
		SREGS.cs.selector = (uint16_t)t[n].cpl;
		SREGS.cr0 = 0x80000001 | (t[n].wp ? CR0_WP : 0);
		SREGS.cr4 = CR4_BASE | (t[n].smap ? CR4_SMAP : 0);
		SREGS.cr2 = 0;
		REGS.rsi = va;
		REGS.rip = 0x1000;
		assert_int_equal(t[n].write ? complete(stmxcsr_rsi, sizeof(stmxcsr_rsi))
					    : complete(popcnt_rsi, sizeof(popcnt_rsi)), 0);
		if (t[n].code < 0) {
			assert_not_raised();
			assert_int_equal(*pte_of(va, 12) & (ACCESSED | DIRTY),
					 t[n].write ? ACCESSED | DIRTY : ACCESSED);
			continue;
		}
		assert_raised(PF, (uint32_t)t[n].code);
		assert_int_equal(SREGS.cr2, va);
		assert_true(m.run.kvm_dirty_regs & KVM_SYNC_X86_SREGS);
		assert_int_equal(REGS.rip, 0x1000);
	}
}

static void large_pages_are_walked(void **state)
{
	uint64_t mark = 0xff, huge = 0x7f4000000000, large = 0x7f8000000000;

	(void)state;
	memcpy(m.ram + 0x5008, &mark, 8);
	*pte_of(huge, 30) = P | W | LARGE;
	*pte_of(large, 21) = P | W | LARGE;
	REGS.rsi = huge + 0x5008;
	assert_int_equal(complete(popcnt_rsi, sizeof(popcnt_rsi)), 0);
	assert_int_equal(REGS.rax, 8);
	REGS.rsi = large + 0x5008;
	REGS.rax = 0;
	assert_int_equal(complete(popcnt_rsi, sizeof(popcnt_rsi)), 0);
	assert_int_equal(REGS.rax, 8);
	REGS.rsi = large + 0x100000;		/* mapped, but there is no RAM */
	assert_true(complete(popcnt_rsi, sizeof(popcnt_rsi)) < 0);
	assert_non_null(strstr(why, "not RAM"));
	*pte_of(0, 39) = P | W | LARGE;		/* a bit that is reserved there */
	REGS.rsi = 8;
	assert_int_equal(complete(popcnt_rsi, sizeof(popcnt_rsi)), 0);
	assert_raised(PF, 1 | 8);
}

static void hostile_tables_end_the_walk(void **state)
{
	(void)state;
	*pte_of(0x7f4000000000, 39) = 0x000ffffffffff000 | P | W;	/* a table outside of RAM */
	REGS.rsi = 0x7f4000000000;
	assert_true(complete(popcnt_rsi, sizeof(popcnt_rsi)) < 0);
	*pte_of(0x7f4000000000, 39) = TABLES | P | W;		/* a table that maps itself */
	assert_int_equal(complete(popcnt_rsi, sizeof(popcnt_rsi)), 0);
	REGS.rsi = 0x0000800000000000;
	assert_int_equal(complete(popcnt_rsi, sizeof(popcnt_rsi)), 0);
	assert_raised(GP, 0);
	SREGS.cr3 = RAM;
	REGS.rsi = va_of(0);
	assert_true(complete(popcnt_rsi, sizeof(popcnt_rsi)) < 0);
}

static void a_write_over_two_pages_is_whole_or_not_at_all(void **state)
{
	uint64_t va = 0x7f0000000000;
	uint32_t mxcsr = 0x12345678 & 0xffff;

	(void)state;
	memcpy(m.xsave + 24, &mxcsr, 4);
	map_page(va, 0x3000, P | W);
	map_page(va + 4096, 0x9000, 0);
	REGS.rsi = va + 4094;
	assert_int_equal(complete(stmxcsr_rsi, sizeof(stmxcsr_rsi)), 0);
	assert_raised(PF, 2);
	assert_int_equal(SREGS.cr2, va + 4096);
	assert_int_equal(m.ram[0x3ffe], 0);
	map_page(va + 4096, 0x9000, P | W);
	assert_int_equal(complete(stmxcsr_rsi, sizeof(stmxcsr_rsi)), 0);
	assert_not_raised();
	assert_memory_equal(m.ram + 0x3ffe, &mxcsr, 2);
	assert_memory_equal(m.ram + 0x9000, (uint8_t *)&mxcsr + 2, 2);
}

/* --- exceptions --- */

static void put_gate(unsigned vector, uint64_t entry, unsigned dpl)
{
	uint64_t gate[2] = { (entry & 0xffff) | 0x10 << 16 | (0x8eull | dpl << 5) << 40 |
			     (entry >> 16 & 0xffff) << 48, entry >> 32 };

	SREGS.idt = (struct kvm_dtable){ .base = va_of(0x4000), .limit = 0xfff };
	memcpy(m.ram + 0x4000 + vector * 16, gate, sizeof(gate));
}

static void exceptions_on_purpose(void **state)
{
	(void)state;
	put_gate(3, 0x1000, 3);
	REGS.rip = 0x1000;
	assert_int_equal(COMPLETE(0xcc), 0);
	assert_raised(3, 0);
	assert_int_equal(REGS.rip, 0x1001);
	assert_int_equal(COMPLETE(0x0f, 0x0b), 0);
	assert_raised(UD, 0);
	assert_int_equal(REGS.rip, 0x1001);
	SREGS.cs.selector = 3;
	assert_int_equal(COMPLETE(0xcd, 0x20), 0);	/* a gate user code may not use */
	assert_raised(GP, 0x20 * 8 + 2);
	put_gate(0x80, 0x1000, 3);
	assert_int_equal(COMPLETE(0xcd, 0x80), 0);
	assert_int_equal(EVENTS.interrupt.injected, 1);
	assert_int_equal(EVENTS.interrupt.soft, 1);
	assert_int_equal(EVENTS.interrupt.nr, 0x80);
	assert_int_equal(REGS.rip, 0x1003);
	assert_int_equal(COMPLETE(0x0f, 0x01, 0xca), 0);	/* clac is the kernel's */
	assert_raised(UD, 0);
}

static void what_is_not_known_stops_the_kernel_but_not_a_program(void **state)
{
	static const uint8_t movd[] = { 0x66, 0x0f, 0x6e, 0xc0 };

	(void)state;
	REGS.rip = 0xabc000;
	assert_int_equal(complete(movd, sizeof(movd)), -ENOTSUP);
	assert_non_null(strstr(why, "0xabc000"));
	assert_non_null(strstr(why, "66 0f 6e c0"));
	SREGS.cs.selector = 0x33;
	assert_int_equal(complete(movd, sizeof(movd)), 0);
	assert_raised(UD, 0);
	assert_int_equal(soft_completions(&m.cpu), 2);
	SREGS.cs.selector = 0x10;
	SREGS.efer = 0;
	assert_true(complete(popcnt_rsi, sizeof(popcnt_rsi)) < 0);
}

static void invpcid_flushes_and_leaves_cr4_alone(void **state)
{
	uint64_t cr4 = SREGS.cr4;

	(void)state;
	REGS.rsi = va_of(0x1000);
	REGS.rax = 2;
	assert_int_equal(COMPLETE(0x66, 0x0f, 0x38, 0x82, 0x06), 0);
	assert_not_raised();
	assert_int_equal(m.flushed_cr4, cr4 ^ 1 << 7);
	assert_int_equal(SREGS.cr4, cr4);
	REGS.rax = 4;
	assert_int_equal(COMPLETE(0x66, 0x0f, 0x38, 0x82, 0x06), 0);
	assert_raised(GP, 0);
}

static void the_clock_and_the_processor_number(void **state)
{
	(void)state;
	m.tsc = 0x123456789abcdef0;
	m.aux = 5;
	assert_int_equal(COMPLETE(0x0f, 0x01, 0xf9), 0);
	assert_int_equal(REGS.rax, 0x9abcdef0);
	assert_int_equal(REGS.rdx, 0x12345678);
	assert_int_equal(REGS.rcx, 5);
	assert_int_equal(COMPLETE(0xf3, 0x0f, 0xc7, 0xfb), 0);
	assert_int_equal(REGS.rbx, 5);
}

/* --- system calls --- */

enum { HANDLER = 0x6000, STACK = 0x7000, USER_RIP = 0x400123 };

#define LSTAR 0xffffffff81400040ull

static int write_msr(uint32_t index, uint64_t v)
{
	m.run.exit_reason = KVM_EXIT_X86_WRMSR;
	m.run.msr.index = index;
	m.run.msr.data = v;
	m.run.msr.error = 7;
	return soft_exit(&m.cpu, why, sizeof(why));
}

static void prepare_syscalls(const uint8_t slot[4])
{
	memcpy(m.ram + HANDLER, slot, 4);
	put_gate(14, va_of(HANDLER), 0);
	assert_int_equal(write_msr(0xc0000081, 0x23001000000000ull), 0);
	assert_int_equal(m.run.msr.error, 0);
}

static void fault_frame(uint64_t code, uint64_t rip, uint64_t cs, uint64_t rflags)
{
	uint64_t frame[6] = { code, rip, cs, rflags, 0x7ffd0000, 0x2b };

	memcpy(m.ram + STACK, frame, sizeof(frame));
	REGS.rsp = va_of(STACK);
	REGS.rip = va_of(HANDLER);
	REGS.rflags = 2 | AC;
	SREGS.cs.selector = 0x10;
}

static void a_syscall_reaches_its_entry(void **state)
{
	(void)state;
	prepare_syscalls((const uint8_t[]){ 0x0f, 0x1f, 0x00, 0xfc });
	assert_int_equal(write_msr(0xc0000082, LSTAR), 0);
	assert_memory_equal(m.ram + HANDLER, "\x0f\x01\xca\xfc", 4);
	assert_int_equal(m.lstar, LSTAR);
	fault_frame(0x15, LSTAR, 0x33, 0x10046);
	assert_int_equal(COMPLETE(0x0f, 0x01, 0xca), 0);
	assert_not_raised();
	assert_int_equal(REGS.rip, LSTAR);
	assert_int_equal(REGS.rsp, 0x7ffd0000);
	assert_int_equal(REGS.rflags, 0x46);
	assert_int_equal(SREGS.cs.selector, 0x10);
	assert_int_equal(SREGS.ss.selector, 0x18);
	assert_int_equal(SREGS.cs.l, 1);
	assert_int_equal(SREGS.cs.dpl | SREGS.ss.dpl, 0);
}

static void other_faults_stay_faults(void **state)
{
	static const struct { uint64_t code, rip, cs, rflags; } other[] = {
		{ 0x14, USER_RIP, 0x33, 0x246 },	/* a fetch somewhere else */
		{ 0x15, LSTAR, 0x33, 0x246 },		/* a jump there: interrupts are on */
		{ 0x07, LSTAR, 0x33, 0x46 },		/* no fetch */
		{ 0x11, LSTAR, 0x10, 0x46 },		/* the kernel itself */
	};

	(void)state;
	prepare_syscalls((const uint8_t[]){ 0x90, 0x90, 0x90, 0xfc });
	assert_int_equal(write_msr(0xc0000082, LSTAR), 0);
	for (size_t n = 0; n < sizeof(other) / sizeof(other[0]); n++) {
		fault_frame(other[n].code, other[n].rip, other[n].cs, other[n].rflags);
		assert_int_equal(COMPLETE(0x0f, 0x01, 0xca), 0);
		assert_int_equal(REGS.rip, va_of(HANDLER) + 3);
		assert_int_equal(REGS.rsp, va_of(STACK));
		assert_int_equal(REGS.rflags, 2);
	}
}

static void the_trap_is_planted_once_and_found_again(void **state)
{
	struct err err;

	(void)state;
	prepare_syscalls((const uint8_t[]){ 0x0f, 0x01, 0xca, 0xfc });	/* another vcpu was here */
	assert_int_equal(write_msr(0xc0000082, LSTAR), 0);
	assert_int_equal(soft_vcpu_init(&m.cpu, -1, &m.run, &m.mem, &err), 0);	/* restored */
	fault_frame(0x15, LSTAR, 0x33, 0x46);
	assert_int_equal(COMPLETE(0x0f, 0x01, 0xca), 0);
	assert_int_equal(REGS.rip, LSTAR);
}

/* As a restored guest may: nobody sees the write. */
static void an_lstar_that_changed_unseen_is_found(void **state)
{
	(void)state;
	prepare_syscalls((const uint8_t[]){ 0x0f, 0x1f, 0x00, 0xfc });
	assert_int_equal(write_msr(0xc0000082, LSTAR), 0);
	m.lstar = LSTAR + 0x1000;
	fault_frame(0x15, LSTAR + 0x1000, 0x33, 0x46);
	assert_int_equal(COMPLETE(0x0f, 0x01, 0xca), 0);
	assert_int_equal(REGS.rip, LSTAR + 0x1000);
	fault_frame(0x15, LSTAR, 0x33, 0x46);		/* is a fault now */
	assert_int_equal(COMPLETE(0x0f, 0x01, 0xca), 0);
	assert_int_equal(REGS.rip, va_of(HANDLER) + 3);
}

static void the_trap_is_found_behind_endbr(void **state)
{
	(void)state;
	prepare_syscalls((const uint8_t[]){ 0xf3, 0x0f, 0x1e, 0xfa });
	memcpy(m.ram + HANDLER + 4, "\x90\x90\x90\xfc", 4);
	assert_int_equal(write_msr(0xc0000082, LSTAR), 0);
	assert_memory_equal(m.ram + HANDLER, "\xf3\x0f\x1e\xfa\x0f\x01\xca\xfc", 8);
}

static void a_handler_without_a_slot_stops_the_machine(void **state)
{
	(void)state;
	prepare_syscalls((const uint8_t[]){ 0x50, 0x51, 0x52, 0x53 });
	assert_true(write_msr(0xc0000082, LSTAR) < 0);
	assert_non_null(strstr(why, "slot"));
	assert_memory_equal(m.ram + HANDLER, "\x50\x51\x52\x53", 4);
}

/* --- decoder, CPUID --- */

static void lengths_and_operands(void **state)
{
	static const struct {
		uint8_t n, bytes[15], map, op;
		uint8_t base, index, scale;
		int32_t disp;
	} t[] = {
		{ 1, { 0xcc }, MAP_ONE, 0xcc, GPR_NONE, GPR_NONE, 0, 0 },
		{ 2, { 0xcd, 0x80 }, MAP_ONE, 0xcd, GPR_NONE, GPR_NONE, 0, 0 },
		{ 2, { 0x0f, 0x0b }, MAP_0F, 0x0b, GPR_NONE, GPR_NONE, 0, 0 },
		{ 3, { 0x0f, 0xae, 0x1e }, MAP_0F, 0xae, 6, GPR_NONE, 0, 0 },
		{ 4, { 0x0f, 0xae, 0x5d, 0x80 }, MAP_0F, 0xae, 5, GPR_NONE, 0, -128 },
		{ 7, { 0x0f, 0x00, 0x2d, 0x78, 0x56, 0x34, 0x12 }, MAP_0F, 0x00, GPR_RIP, GPR_NONE, 0,
		  0x12345678 },
		{ 4, { 0x0f, 0xae, 0x14, 0x24 }, MAP_0F, 0xae, 4, GPR_NONE, 0, 0 },
		{ 8, { 0x0f, 0xae, 0x14, 0x25, 0xff, 0xff, 0xff, 0xff }, MAP_0F, 0xae, GPR_NONE,
		  GPR_NONE, 0, -1 },
		{ 9, { 0x43, 0x0f, 0xae, 0xa4, 0xc8, 0x00, 0x01, 0x00, 0x00 }, MAP_0F, 0xae, 8, 9, 3,
		  256 },
		{ 5, { 0x42, 0x0f, 0xae, 0x24, 0x60 }, MAP_0F, 0xae, 0, 12, 1, 0 },
		{ 5, { 0x41, 0x0f, 0xae, 0x65, 0x00 }, MAP_0F, 0xae, 13, GPR_NONE, 0, 0 },
		{ 9, { 0x66, 0x64, 0xf2, 0x48, 0x0f, 0x38, 0xf1, 0x4a, 0x10 }, MAP_0F38, 0xf1, 2,
		  GPR_NONE, 0, 16 },
	};
	struct insn i;

	(void)state;
	for (size_t n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		assert_int_equal(insn_decode(&i, t[n].bytes, 15), 0);
		assert_int_equal(i.len, t[n].n);
		assert_int_equal(i.map, t[n].map);
		assert_int_equal(i.op, t[n].op);
		assert_int_equal(i.base, t[n].base);
		assert_int_equal(i.index, t[n].index);
		assert_int_equal(i.scale, t[n].scale);
		assert_int_equal(i.disp, t[n].disp);
		for (size_t short_of = 0; short_of < t[n].n; short_of++)
			assert_int_equal(insn_decode(&i, t[n].bytes, short_of), -ENODATA);
	}
	memset(why, 0x66, 20);			/* prefixes without end */
	assert_int_equal(insn_decode(&i, (uint8_t *)why, 20), -ENODATA);
	assert_int_equal(i.len, 15);
}

static void rip_relative_addresses_count_from_the_end(void **state)
{
	uint64_t v = 0xf;

	(void)state;
	memcpy(m.ram + 0x109, &v, 8);
	REGS.rip = va_of(0);
	assert_int_equal(COMPLETE(0xf3, 0x48, 0x0f, 0xb8, 0x05, 0x00, 0x01, 0x00, 0x00), 0);
	assert_int_equal(REGS.rax, 4);
}

static void cpuid_only_shrinks(void **state)
{
	enum { N = 10 };
	static const uint32_t function[N] = { 0, 1, 7, 7, 0xd, 0xd, 0xd, 0xd, 0x14, 0x40000001 };
	static const uint32_t index[N] = { 0, 0, 0, 1, 0, 1, 2, 9, 0, 0 };
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + N * sizeof(c->entries[0]));

	(void)state;
	assert_non_null(c);
	c->nent = N;
	for (size_t n = 0; n < N; n++)
		c->entries[n] = (struct kvm_cpuid_entry2){
			.function = function[n], .index = index[n], .eax = ~0u, .ebx = ~0u,
			.ecx = ~0u, .edx = ~0u };
	soft_cpuid(c);
	assert_int_equal(c->nent, 7);
	assert_int_equal(c->entries[0].eax, 0xd);
	assert_int_equal(c->entries[1].ecx & (1 << 3 | 1 << 13), 0);
	assert_int_equal(c->entries[2].function, 7);
	assert_int_equal(c->entries[2].ebx, 1 << 16);
	assert_int_equal(c->entries[3].eax, 0xe7);
	assert_int_equal(c->entries[5].index, 2);
	assert_int_equal(c->entries[6].eax, 1 << 1 | 1 << 3 | 1 << 24);
	free(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bit_counting_is_the_processors),
		TEST(crc32_is_the_processors),
		TEST(compare_exchange_is_the_processors),
		TEST(segment_checks_are_the_processors),
		TEST(saving_is_the_processors),
		TEST(restoring_is_the_processors),
		TEST(a_bad_image_is_a_general_protection_fault),
		TEST(x87_loads_an_integer_as_the_processor_does),
		TEST(xcr0_is_read_and_written),
		TEST(faults_have_the_right_code),
		TEST(large_pages_are_walked),
		TEST(hostile_tables_end_the_walk),
		TEST(a_write_over_two_pages_is_whole_or_not_at_all),
		TEST(exceptions_on_purpose),
		TEST(what_is_not_known_stops_the_kernel_but_not_a_program),
		TEST(invpcid_flushes_and_leaves_cr4_alone),
		TEST(the_clock_and_the_processor_number),
		TEST(a_syscall_reaches_its_entry),
		TEST(other_faults_stay_faults),
		TEST(the_trap_is_planted_once_and_found_again),
		TEST(an_lstar_that_changed_unseen_is_found),
		TEST(the_trap_is_found_behind_endbr),
		TEST(a_handler_without_a_slot_stops_the_machine),
		TEST(lengths_and_operands),
		TEST(rip_relative_addresses_count_from_the_end),
		TEST(cpuid_only_shrinks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
