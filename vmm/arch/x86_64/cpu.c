/* cpu.c - x86_64: what a vcpu says it can do, and its first registers. */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/arch/arch.h"
#include "vmm/arch/x86_64/cpu.h"
#include "vmm/arch/x86_64/layout.h"
#include "vmm/arch/x86_64/soft.h"
#include "vmm/vm.h"

#define MAX_CPUID	256

#define CR0_PE		(1ull << 0)
#define CR0_ET		(1ull << 4)
#define CR0_NE		(1ull << 5)
#define CR0_PG		(1ull << 31)
#define CR4_PAE		(1ull << 5)
#define EFER_LME	(1ull << 8)
#define EFER_LMA	(1ull << 10)
#define RFLAGS_FIXED	2u

#define MSR_MISC_ENABLE	0x1a0u
#define FAST_STRINGS	1u

struct arch_vcpu {
	struct soft_vcpu soft;
};

union cpuid {
	struct kvm_cpuid2 table;
	char room[sizeof(struct kvm_cpuid2) + MAX_CPUID * sizeof(struct kvm_cpuid_entry2)];
};

struct arch_vcpu *arch_vcpu_storage(unsigned id)
{
	static struct arch_vcpu storage[MAX_VCPUS];

	return &storage[id];
}

struct soft_vcpu *cpu_soft(struct arch_vcpu *a)
{
	return &a->soft;
}

uint64_t arch_completions(const struct arch_vcpu *a)
{
	return soft_completions(&a->soft);
}

/* --- CPUID ------------------------------------------------------------------------- */

static unsigned bits_for(unsigned n)
{
	unsigned bits = 0;

	while ((1u << bits) < n)
		bits++;
	return bits;
}

/* One socket, one thread a core: what the guest schedules by. */
static void set_topology(struct kvm_cpuid_entry2 *e, unsigned id, unsigned cpus)
{
	switch (e->function) {
	case 0x1:
		e->ebx = (e->ebx & 0xffff) | cpus << 16 | id << 24;
		e->edx = (e->edx & ~(1u << 28)) | (uint32_t)(cpus > 1) << 28;
		break;
	case 0x4:		/* caches: the last level is everyone's, the others one core's */
		e->eax = (e->eax & 0x3fff) | (cpus - 1) << 26;
		if ((e->eax >> 5 & 7) >= 3)
			e->eax |= (cpus - 1) << 14;
		break;
	case 0xb:
		e->edx = id;
		e->eax = e->index == 1 ? bits_for(cpus) : 0;
		e->ebx = e->index == 0 ? 1 : e->index == 1 ? cpus : 0;
		e->ecx = e->index < 2 ? (e->index + 1) << 8 | e->index : e->index;
		break;
	case 0x80000008:
		e->ecx = cpus - 1;
		break;
	case 0x8000001e:
		e->eax = e->ebx = id;
		e->ecx = 0;
		break;
	}
}

/* That there is a hypervisor is for us to say, not for KVM.  Away goes what a guest here has
 * no use for: nested virtualization, performance counters, user-mode waiting, and a second
 * topology leaf that would have to agree with the first. */
static void adjust(struct kvm_cpuid_entry2 *e, bool tsc_deadline)
{
	switch (e->function) {
	case 0x1:
		e->ecx &= ~(1u << 3 | 1u << 5 | 1u << 15);	/* MONITOR, VMX, PDCM */
		e->ecx |= (uint32_t)tsc_deadline << 24 | 1u << 31;	/* a hypervisor */
		break;
	case 0x7:
		if (e->index == 0)
			e->ecx &= ~(1u << 5);			/* WAITPKG */
		break;
	case 0xa:
	case 0x1f:
	case 0x8000000a:
	case 0x80000022:
		e->eax = e->ebx = e->ecx = e->edx = 0;
		break;
	case 0x80000001:
		e->ecx &= ~(1u << 2 | 1u << 23 | 1u << 24 | 1u << 28);	/* SVM, counters */
		break;
	}
}

/* The policy, the same for all vcpus: read once, because KVM takes its time to answer. */
static int get_policy(struct kvm_cpuid2 *c, const struct vm *vm, struct err *err)
{
	bool deadline = ioctl(vm->kvm.fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;

	c->nent = MAX_CPUID;
	if (kvm_ioctl(vm->kvm.fd, KVM_GET_SUPPORTED_CPUID, c) < 0)
		return err_sys(err, "kvm: supported CPUID");
	for (unsigned i = 0; i < c->nent; i++)
		adjust(&c->entries[i], deadline);
	if (vm->soft)
		soft_cpuid(c);
	return 0;
}

static int set_cpuid(struct vcpu *v, struct err *err)
{
	static union cpuid policy;
	struct kvm_cpuid2 *c = &policy.table;
	int rc = 0;

	if (c->nent == 0)
		rc = get_policy(c, v->vm, err);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < c->nent; i++)
		set_topology(&c->entries[i], v->id, v->vm->spec.cpus);
	if (kvm_ioctl(v->fd, KVM_SET_CPUID2, c) < 0)
		return err_sys(err, "vcpu %u: CPUID", v->id);
	return 0;
}

/* --- registers ----------------------------------------------------------------------- */

/* Linux takes fast string moves from this bit, not from CPUID alone. */
static int set_msrs(struct vcpu *v, struct err *err)
{
	union {
		struct kvm_msrs msrs;
		char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} m = { .room = { 0 } };

	m.msrs.nmsrs = 1;
	m.msrs.entries[0].index = MSR_MISC_ENABLE;
	if (kvm_ioctl(v->fd, KVM_GET_MSRS, &m) != 1)
		return 0;	/* not on this kind of processor */
	m.msrs.entries[0].data |= FAST_STRINGS;
	if (kvm_ioctl(v->fd, KVM_SET_MSRS, &m) != 1)
		return err_sys(err, "vcpu %u: MSRs", v->id);
	return 0;
}

static void flat_segments(struct kvm_sregs *s, bool long_mode)
{
	struct kvm_segment code = { .limit = ~0u, .selector = SEL_CODE, .type = 11, .present = 1,
				    .db = !long_mode, .l = long_mode, .s = 1, .g = 1 };
	struct kvm_segment data = { .limit = ~0u, .selector = SEL_DATA, .type = 3, .present = 1,
				    .db = 1, .s = 1, .g = 1 };

	s->cs = code;
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment){ .limit = 0x67, .type = 11, .present = 1 };
	s->gdt = (struct kvm_dtable){ .base = GPA_GDT, .limit = SEL_DATA + 7 };
	s->idt = (struct kvm_dtable){ 0 };
}

static void set_mode(struct kvm_sregs *s, unsigned how)
{
	flat_segments(s, how == BOOT_LINUX64);
	s->cr0 = CR0_PE | CR0_ET;
	s->cr4 = 0;
	s->efer = 0;
	if (how == BOOT_LINUX64) {
		s->cr0 |= CR0_NE | CR0_PG;
		s->cr3 = GPA_PAGE_TABLES;
		s->cr4 = CR4_PAE;
		s->efer = EFER_LME | EFER_LMA;
	}
}

/* Only the first processor; the others wait for its start-up interrupt, as reset left them. */
static int enter_kernel(struct vcpu *v, struct err *err)
{
	const struct boot *boot = &v->vm->boot;
	struct kvm_regs regs = { .rip = boot->entry, .rflags = RFLAGS_FIXED, .rsp = GPA_STACK };
	struct kvm_sregs sregs;

	if (boot->how == BOOT_PVH)
		regs.rbx = GPA_PVH_INFO;
	else
		regs.rsi = GPA_ZERO_PAGE;
	if (kvm_ioctl(v->fd, KVM_GET_SREGS, &sregs) < 0)
		return err_sys(err, "vcpu %u: reading system registers", v->id);
	set_mode(&sregs, boot->how);
	if (kvm_ioctl(v->fd, KVM_SET_SREGS, &sregs) < 0)
		return err_sys(err, "vcpu %u: system registers", v->id);
	if (kvm_ioctl(v->fd, KVM_SET_REGS, &regs) < 0)
		return err_sys(err, "vcpu %u: registers", v->id);
	return 0;
}

static int set_registers(struct vcpu *v, struct err *err)
{
	int rc = set_cpuid(v, err);

	if (rc == 0 && !v->vm->soft)
		rc = set_msrs(v, err);
	if (rc == 0 && v->id == 0)
		rc = enter_kernel(v, err);
	return rc;
}

int arch_vcpu_init(struct vcpu *v, struct err *err)
{
	int rc = v->vm->spec.snapshot == SNAP_RESTORE ? 0 : set_registers(v, err);

	if (rc == 0 && v->vm->soft)
		rc = soft_vcpu_init(&v->arch->soft, v->fd, v->run, &v->vm->mem, err);
	return rc;
}
