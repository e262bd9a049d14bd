/* fuzz_soft.c - any bytes as an instruction, on any registers, page tables and memory.
 *
 * The guest decides all of it.  A completion may refuse; it may not touch a byte outside
 * of guest memory (ASan watches its edges), hang, or refuse without saying why. */
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/arch/x86_64/soft.h"

enum { RAM = 8 * 4096 };

struct input {
	struct kvm_regs regs;
	uint64_t cr0, cr2, cr3, cr4, efer, xcr0;
	uint64_t gdt, idt, fs, gs, lstar, pf_entry;
	uint16_t gdt_limit, idt_limit, cs;
	uint8_t cs_l, kind, insn_size, insn[15], events;
};

static uint64_t xcr0;
static const uint8_t *xsave;
static size_t xsave_len;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The vcpu: its vector registers are what the input's end says, everything else is 0. */
long syscall(long nr, ...)
{
	va_list ap;
	unsigned long request;
	void *arg;

	va_start(ap, nr);
	va_arg(ap, int);
	request = va_arg(ap, unsigned long);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (nr != SYS_ioctl)
		return -1;
	switch (request) {
	case KVM_GET_XCRS:
		*(struct kvm_xcrs *)arg = (struct kvm_xcrs){ .nr_xcrs = 1, .xcrs[0].value = xcr0 };
		return 0;
	case KVM_GET_XSAVE:
		memset(arg, 0, sizeof(struct kvm_xsave));
		memcpy(arg, xsave, xsave_len < 4096 ? xsave_len : 4096);
		return 0;
	case KVM_GET_MSRS:
		((struct kvm_msrs *)arg)->entries[0].data = xcr0 << 12;
		return 1;
	case KVM_SET_MSRS:
		return 1;
	}
	return 0;
}

/* Half of the inputs get page tables that map low addresses, else few would get far. */
static void identity(uint8_t *ram, struct kvm_sregs *sr)
{
	uint64_t *table = (uint64_t *)(void *)ram;

	table[0] = 4096 | 7;
	table[512] = 2 * 4096 | 7;
	table[1024] = 3 * 4096 | 7;
	for (uint64_t n = 0; n < 16; n++)
		table[1536 + n] = n % 8 * 4096 | (n & 3 ? 7 : 5) | (n == 9 ? 0x40000000 : 0);
	sr->cr3 = 0;
	sr->cr4 = (sr->cr4 | 1 << 5 | 1 << 18) & ~(1ull << 12);
	sr->efer |= 1 << 10;
	sr->cs.l = 1;
}

static void arrange(struct kvm_run *run, const struct input *in, uint8_t *ram)
{
	struct kvm_sregs *sr = &run->s.regs.sregs;

	run->s.regs.regs = in->regs;
	*sr = (struct kvm_sregs){
		.cr0 = in->cr0, .cr2 = in->cr2, .cr3 = in->cr3, .cr4 = in->cr4, .efer = in->efer,
		.gdt = { .base = in->gdt, .limit = in->gdt_limit }, .fs.base = in->fs,
		.idt = { .base = in->idt, .limit = in->idt_limit }, .gs.base = in->gs,
		.cs = { .selector = in->cs, .l = in->cs_l },
	};
	run->s.regs.events.exception.injected = in->events & 1;
	run->s.regs.events.interrupt.injected = in->events >> 1 & 1;
	if (in->kind & 1)
		identity(ram, sr);
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	if (in->kind & 2) {
		run->exit_reason = KVM_EXIT_X86_WRMSR;
		run->msr.index = 0xc0000081 + (in->kind >> 2 & 1);
		run->msr.data = in->lstar;
		return;
	}
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags = in->kind >> 3 & 1;
	run->emulation_failure.insn_size = in->insn_size;
	memcpy(run->emulation_failure.insn_bytes, in->insn, sizeof(in->insn));
}

/* The input's end over and over. */
static void fill(uint8_t *ram)
{
	size_t done = xsave_len < RAM ? xsave_len : RAM;

	memset(ram, 0, RAM);
	memcpy(ram, xsave, done);
	for (size_t n; done > 0 && done < RAM; done += n) {
		n = done < RAM - done ? done : RAM - done;
		memcpy(ram + done, ram, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct soft_vcpu cpu;
	static struct kvm_run run;
	static struct gmem mem;
	struct input in;
	struct err err;
	uint8_t *ram;
	char why[128] = "";

	if (size < sizeof(in))
		return -1;
	memcpy(&in, data, sizeof(in));
	xcr0 = 1 | (in.xcr0 & 0xe7);
	xsave = data + sizeof(in);
	xsave_len = size - sizeof(in);
	if (!mem.n) {
		mem = (struct gmem){ .n = 1, .region[0] = { .len = RAM,
							    .hva = aligned_alloc(4096, RAM) } };
		if (!mem.region[0].hva || soft_vcpu_init(&cpu, -1, &run, &mem, &err))
			abort();
	}
	ram = mem.region[0].hva;
	fill(ram);
	memset(&run, 0, sizeof(run));
	arrange(&run, &in, ram);
	cpu.lstar = in.lstar;
	cpu.pf_entry = in.pf_entry;
	if (soft_exit(&cpu, why, sizeof(why)) && (!why[0] || strstr(why, "(null)")))
		abort();
	return 0;
}
