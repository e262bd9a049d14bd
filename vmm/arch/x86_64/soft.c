/* soft.c - completes guest instructions where KVM emulates the guest's kernel.
 *
 * KVM stops at an instruction its emulator lacks and hands over the bytes.  They are
 * decoded (soft_decode.c), found in a table (soft_insn.c) and carried out on the registers
 * in the run page and on guest memory (soft_guest.c), and the guest runs on.
 *
 * One thing has to be mended besides: SYSCALL from natively running user code arrives in
 * the kernel as a page fault.  See "system calls" below. */
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/arch/x86_64/soft_insn.h"
#include "vmm/kvm.h"

#define XSTATE_ALL 0xe7u		/* x87, SSE, AVX, AVX-512's three */

/* --- before the guest runs --- */

/* Under a hypervisor each CPUID costs 5 us and more, so the leaves that every x86-64 processor
 * has are not asked for first, as __get_cpuid() would. */
bool soft_probe(void)
{
	unsigned a, b, c, d;

	__cpuid(1, a, b, c, d);
	if (c & 1u << 5)		/* VMX */
		return false;
	__cpuid(0x80000001, a, b, c, d);
	return !(c & 1u << 2);		/* SVM */
}

/* The writes that say where system calls go.  Not for a guest that is restored: its page fault
 * handler has the trap, where they go is read from the registers, and KVM takes 13 ms for this. */
static int watch_lstar(int vm_fd, struct err *err)
{
	struct kvm_enable_cap msrs = { .cap = KVM_CAP_X86_USER_SPACE_MSR,
				       .args = { KVM_MSR_EXIT_REASON_FILTER } };
	uint8_t refused[1] = { 0 };		/* a clear bit exits: STAR, LSTAR */
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges[0] = { .flags = KVM_MSR_FILTER_WRITE, .nmsrs = 2,
			       .base = (uint32_t)MSR_STAR, .bitmap = refused },
	};

	if (kvm_ioctl(vm_fd, KVM_ENABLE_CAP, &msrs))
		return err_sys(err, "software KVM: KVM_CAP_X86_USER_SPACE_MSR");
	if (kvm_ioctl(vm_fd, KVM_X86_SET_MSR_FILTER, &filter))
		return err_sys(err, "software KVM: KVM_X86_SET_MSR_FILTER");
	return 0;
}

int soft_vm_init(int vm_fd, bool restored, struct err *err)
{
	struct kvm_enable_cap failures = { .cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = { 1 } };
	int synced = ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS);

	if (synced < 0 || KVM_SYNC_X86_VALID_FIELDS & ~(unsigned)synced)
		return err_set(err, ENOTSUP, "software KVM without KVM_CAP_SYNC_REGS");
	if (kvm_ioctl(vm_fd, KVM_ENABLE_CAP, &failures))
		return err_sys(err, "software KVM: KVM_CAP_EXIT_ON_EMULATION_FAILURE");
	return restored ? 0 : watch_lstar(vm_fd, err);
}

/* User code runs natively, so it uses whatever the host's XCR0 allows, AVX-512 included,
 * and CPUID tells it so.  The guest's kernel must then save all of that: it is offered the
 * host's components, as far as completions know them. */
static bool cpuid_xstate(struct kvm_cpuid_entry2 *e)
{
	switch (e->index) {
	case 0:
		e->eax &= XSTATE_ALL;
		e->edx = 0;
		return true;
	case 1:
		e->eax &= 7;		/* XSAVEOPT, XSAVEC, XGETBV with ecx = 1; not XSAVES */
		e->ecx = e->edx = 0;
		return true;
	}
	return e->index < SOFT_XSTATE_N && (XSTATE_ALL >> e->index & 1);
}

/* False: the guest is better off without this leaf. */
static bool cpuid_leaf(struct kvm_cpuid_entry2 *e)
{
	switch (e->function) {
	case 0:
		if (e->eax > 0xd)
			e->eax = 0xd;
		return true;
	case 1:				/* MONITOR, CMPXCHG16B: completions in hot paths */
		e->ecx &= ~(1u << 3 | 1u << 13);
		return true;
	case 7:				/* KVM adds more; this one lets AVX-512 be saved */
		e->ebx &= 1u << 16;
		e->ecx = e->edx = 0;
		return e->index == 0;
	case 0xd:
		return cpuid_xstate(e);
	case 0x40000001:		/* kvmclock; the rest needs hypercalls, which hang here */
		e->eax &= 1u << 1 | 1u << 3 | 1u << 24;
		return true;
	case 0x80000001:		/* RDTSCP: RDTSC after LFENCE is emulated, it is not */
		e->edx &= ~(1u << 27);
		return true;
	case 0x80000007:		/* an invariant TSC would be the guest's clock, and this one
					 * is the host's: it goes on while the guest is saved */
		e->edx &= ~(1u << 8);
		return true;
	}
	return e->function <= 0xd || e->function >= 0x40000000;
}

void soft_cpuid(struct kvm_cpuid2 *cpuid)
{
	uint32_t kept = 0;

	for (uint32_t n = 0; n < cpuid->nent; n++) {
		struct kvm_cpuid_entry2 e = cpuid->entries[n];

		if (cpuid_leaf(&e))
			cpuid->entries[kept++] = e;
	}
	cpuid->nent = kept;
}

/* Bits as Linux numbers them: 32 to a word, words 4, 9, 16 and 18 are CPUID's own. */
#define POPCNT	"151"
#define INVPCID	"298"
#define ERMS	"297"
#define SMAP	"308"
#define PKU	"515"
#define FSRM	"580"

/* What makes files in /sys that nobody misses in a guest - parameters of built-in modules, one
 * directory an interrupt, performance counters, clock event devices, caches of the processor -
 * and a device for a clock that is not there: 0.8 million instructions. */
#define NOT_CALLED \
	"param_sysfs_init,irq_sysfs_init,perf_event_sysfs_init,clockevents_init_sysfs," \
	"cacheinfo_sysfs_init,add_rtc_cmos"

/* KVM adds these CPUID bits whatever the policy says.  The kernel would use each of them in
 * instructions that need a completion or, with erms and fsrm, take 0.6 us for each byte.
 * rodata: changing the attributes of pages costs millions of emulated instructions; so does
 * patching locks in and out (noreplace-smp), and percpu_alloc=page saves copying.  nokmem: what
 * the kernel has of the command's memory in its own structures is not counted; nobody limits it,
 * and the count costs 3 % of a warm run.  frugal is for our agent: a page of a file costs 2,500
 * instructions to read and 370 to map and unmap, used or not.  Every word is 20,000: the kernel
 * reads its line ten times; and in numbers, bits take a tenth of what their names do. */
#define WORDS \
	"clearcpuid=" POPCNT "," SMAP "," ERMS "," FSRM "," INVPCID "," PKU " rodata=off " \
	"initcall_blacklist=" NOT_CALLED " frugal=1 cgroup.memory=nokmem"

const char *soft_cmdline(unsigned cpus)
{
	return cpus > 1 ? WORDS " noreplace-smp percpu_alloc=page" : WORDS;
}

static void know_xstate(struct soft_vcpu *s)
{
	for (unsigned n = 2; n < SOFT_XSTATE_N; n++) {
		unsigned size, at, flags, d;

		if (!(XSTATE_ALL >> n & 1))
			continue;
		__cpuid_count(0xd, n, size, at, flags, d);
		if (at + size > sizeof(s->image))
			continue;
		s->xstate[n] = (struct soft_xstate) {
			.at = (uint16_t)at, .size = (uint16_t)size, .aligned = flags & 2,
		};
	}
}

/* As for the leaf of XSAVE's components: a processor that has XSAVE has that. */
static void know_processor(struct soft_vcpu *s)
{
	unsigned a, b, c, d;

	__cpuid(1, a, b, c, d);
	s->rdrand = c & 1u << 30;
	if (c & 1u << 26)
		know_xstate(s);
}

int soft_vcpu_init(struct soft_vcpu *s, int vcpu_fd, struct kvm_run *run, const struct gmem *mem,
		   struct err *err)
{
	struct kvm_xcrs x;

	memset(s, 0, sizeof(*s));
	s->fd = vcpu_fd;
	s->run = run;
	s->mem = mem;
	run->kvm_valid_regs = KVM_SYNC_X86_VALID_FIELDS;
	know_processor(s);
	if (kvm_ioctl(vcpu_fd, KVM_GET_XCRS, &x))
		return err_sys(err, "software KVM: KVM_GET_XCRS");
	return 0;
}

uint64_t soft_completions(const struct soft_vcpu *s)
{
	return __atomic_load_n(&s->completions, __ATOMIC_RELAXED);
}

/* --- system calls ---
 *
 * A SYSCALL that user code executes natively loads rip from LSTAR but keeps the user's CS
 * and SS, so the first fetch faults: error code "user, fetch", rip = LSTAR.  The guest's
 * #PF handler begins with a slot for CLAC, empty on a processor without SMAP.  When the
 * guest says where system calls go, a real CLAC is put into the slot.  Its completion
 * looks at the fault: was it a SYSCALL, the rest of SYSCALL is done and the guest goes on
 * at LSTAR; else CLAC is what it is. */

static const uint8_t clac_insn[3] = { 0x0f, 0x01, 0xca };

/* Put CLAC where three bytes of NOP are.  Several vcpus may do so at once, and others may
 * be executing there: one aligned word changes in one go. */
static bool plant(uint32_t *word)
{
	static const uint8_t nops[2][3] = { { 0x90, 0x90, 0x90 }, { 0x0f, 0x1f, 0x00 } };
	uint32_t seen = __atomic_load_n(word, __ATOMIC_RELAXED), wanted = seen;

	memcpy(&wanted, clac_insn, sizeof(clac_insn));
	if (seen == wanted)
		return true;
	if (memcmp(&seen, nops[0], 3) && memcmp(&seen, nops[1], 3))
		return false;
	return __atomic_compare_exchange_n(word, &seen, wanted, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED) || seen == wanted;
}

static enum outcome trap_page_faults(struct soft_vcpu *s)
{
	static const uint8_t endbr[4] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint8_t first[4];
	uint64_t entry;
	struct gate g;
	struct span slot;

	if (!gate_get(s, EXC_PF, &g) || !(g.type & 0x80))
		return give_up(s, "LSTAR is set before there is a #PF handler");
	entry = g.offset_low | (uint64_t)g.offset_mid << 16 | (uint64_t)g.offset_high << 32;
	if (!mem_peek(s, entry, first, 4))
		return give_up(s, "the #PF handler is not mapped");
	if (!memcmp(first, endbr, 4))
		entry += 4;
	if ((entry & 3) || span_at(s, entry, 4, READ, &slot) != DONE ||
	    !plant((uint32_t *)(void *)slot.part[0]))
		return give_up(s, "the #PF handler does not begin with a slot for CLAC");
	s->pf_entry = entry;
	return DONE;
}

static enum outcome wrmsr(struct soft_vcpu *s)
{
	struct kvm_run *run = s->run;
	int index = (int)run->msr.index;

	run->msr.error = !msr_set(s, index, run->msr.data);
	if (run->msr.error)
		return MOVED;			/* KVM raises #GP */
	if (index == MSR_STAR)
		s->star = run->msr.data;
	if (index != MSR_LSTAR)
		return MOVED;
	s->lstar = run->msr.data;
	return trap_page_faults(s) == DONE ? MOVED : IMPOSSIBLE;
}

/* After a restore nobody has written LSTAR, but the trap is in memory.  A vcpu that the guest
 * starts later writes what the others have; each reads its own when it first needs it. */
static enum outcome learn_syscalls(struct soft_vcpu *s)
{
	enum outcome o = msr_get(s, MSR_LSTAR, &s->lstar);

	if (o == DONE)
		o = msr_get(s, MSR_STAR, &s->star);
	if (o == DONE && s->lstar)
		o = trap_page_faults(s);
	return o;
}

struct fault_frame {
	uint64_t code, rip, cs, rflags, rsp, ss;
};

/* A fetch by user code at LSTAR.  A jump there looks the same but for the interrupt flag:
 * SYSCALL has cleared it, and user code cannot.  A restored guest may have changed LSTAR unseen,
 * so one that is somewhere else is worth a look; that is rare. */
static bool is_syscall(struct soft_vcpu *s, const struct fault_frame *f)
{
	enum { FETCH = 1 << 4 };

	if ((f->cs & 3) != 3 || !(f->code & FETCH) || (f->rflags & RFLAGS_IF))
		return false;
	return f->rip == s->lstar || (learn_syscalls(s) == DONE && f->rip == s->lstar);
}

static enum outcome syscall_entry(struct soft_vcpu *s, const struct fault_frame *f)
{
	uint16_t selector = (uint16_t)(s->star >> 32 & 0xfffc);
	struct kvm_regs *r = regs(s);
	struct kvm_sregs *sr = sregs_edit(s);

	sr->cs = (struct kvm_segment) { .limit = 0xffffffff, .selector = selector, .type = 11,
					.present = 1, .s = 1, .l = 1, .g = 1 };
	sr->ss = (struct kvm_segment) { .limit = 0xffffffff, .selector = (uint16_t)(selector + 8),
					.type = 3, .present = 1, .s = 1, .db = 1, .g = 1 };
	r->rip = s->lstar;
	r->rsp = f->rsp;
	r->rflags = f->rflags & ~(uint64_t)RFLAGS_RF;
	return MOVED;
}

enum outcome clac(struct soft_vcpu *s, const struct insn *i)
{
	struct fault_frame f;

	(void)i;
	if (cpl(s))
		return raise_exc(s, EXC_UD);
	if (!s->lstar && learn_syscalls(s) != DONE)
		return IMPOSSIBLE;
	if (regs(s)->rip == s->pf_entry && mem_peek(s, regs(s)->rsp, &f, sizeof(f)) &&
	    is_syscall(s, &f))
		return syscall_entry(s, &f);
	regs(s)->rflags &= ~(uint64_t)RFLAGS_AC;
	return DONE;
}

/* --- the exits --- */

struct fetched {
	size_t n;
	uint8_t bytes[INSN_MAX];
};

/* KVM's copy of the bytes, and guest memory where KVM had fetched less than there is. */
static void fetch(struct soft_vcpu *s, struct fetched *f)
{
	const struct kvm_run *run = s->run;
	uint64_t rip = run->s.regs.regs.rip;

	memset(f, 0, sizeof(*f));
	if (run->emulation_failure.ndata >= 1 &&
	    (run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)) {
		f->n = run->emulation_failure.insn_size;
		if (f->n > INSN_MAX)
			f->n = INSN_MAX;
		memcpy(f->bytes, run->emulation_failure.insn_bytes, f->n);
	}
	while (f->n < INSN_MAX && mem_peek(s, rip + f->n, &f->bytes[f->n], 1))
		f->n++;
}

static enum outcome carry_out(struct soft_vcpu *s, const struct fetched *f)
{
	const struct row *row = NULL;
	struct insn i;

	if (!(sregs(s)->efer & EFER_LMA) || !sregs(s)->cs.l)
		return give_up(s, "not in 64-bit mode");
	if (!insn_decode(&i, f->bytes, f->n))
		row = row_of(&i);
	if (!row)
		return give_up(s, "not known here");
	s->name = row->name;
	switch (row->complete(s, &i)) {
	case DONE:
		regs(s)->rip += i.len;
		return DONE;
	case IMPOSSIBLE:
		return IMPOSSIBLE;
	default:
		return MOVED;
	}
}

static enum outcome complete(struct soft_vcpu *s, struct fetched *f)
{
	enum outcome o;

	if (s->run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION)
		return give_up(s, "KVM internal error");
	fetch(s, f);
	o = carry_out(s, f);
	/* User code must not be able to stop the machine: it gets what KVM would give it. */
	if (o == IMPOSSIBLE && cpl(s) == 3)
		o = raise_exc(s, EXC_UD);
	__atomic_fetch_add(&s->completions, 1, __ATOMIC_RELAXED);
	return o;
}

static void explain(const struct soft_vcpu *s, const struct fetched *f, char *why, size_t n)
{
	char hex[3 * INSN_MAX + 1] = "";

	for (size_t at = 0; at < f->n; at++)
		snprintf(hex + at * 3, 4, " %02x", f->bytes[at]);
	snprintf(why, n, "software KVM at rip %#llx: %s: %s; bytes%s",
		 (unsigned long long)s->run->s.regs.regs.rip, s->name, s->impossible, hex);
}

int soft_exit(struct soft_vcpu *s, char *why, size_t n)
{
	struct fetched f = { .n = 0 };
	enum outcome o;

	s->name = "instruction";
	o = s->run->exit_reason == KVM_EXIT_X86_WRMSR ? wrmsr(s) : complete(s, &f);
	if (o != IMPOSSIBLE)
		return 0;
	explain(s, &f, why, n);
	return -ENOTSUP;
}
