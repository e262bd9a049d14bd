/* soft_guest.h - what a completion sees of the guest: registers, memory, exceptions.
 *
 * Registers are those KVM left in the run page.  Memory goes through the guest's own
 * page tables, which are data like any other: every table address is checked by
 * gmem_at(), the walk is four steps long, and what the processor would refuse becomes
 * the guest's exception. */
#ifndef VMM_ARCH_X86_64_SOFT_GUEST_H
#define VMM_ARCH_X86_64_SOFT_GUEST_H

#include "vmm/arch/x86_64/soft.h"
#include "vmm/arch/x86_64/soft_decode.h"

/* How a completion, or a step of one, went.  A step that is not DONE ends it. */
enum outcome {
	DONE,			/* go on; of a whole completion: the next instruction is due */
	RAISED,			/* an exception is injected; rip is where it shall point */
	MOVED,			/* rip is already where the guest goes on */
	IMPOSSIBLE,		/* cannot be done; s->impossible says why */
};

enum { EXC_DB = 1, EXC_BP = 3, EXC_UD = 6, EXC_NM = 7, EXC_GP = 13, EXC_PF = 14, EXC_MF = 16 };

enum {
	RFLAGS_CF = 1 << 0, RFLAGS_PF = 1 << 2, RFLAGS_AF = 1 << 4, RFLAGS_ZF = 1 << 6,
	RFLAGS_SF = 1 << 7, RFLAGS_IF = 1 << 9, RFLAGS_OF = 1 << 11, RFLAGS_RF = 1 << 16,
	RFLAGS_AC = 1 << 18,
};
#define RFLAGS_STATUS ((uint64_t)(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | \
				  RFLAGS_OF))

enum {
	CR0_EM = 1 << 2, CR0_TS = 1 << 3, CR0_WP = 1 << 16,
	CR4_PAE = 1 << 5, CR4_PGE = 1 << 7, CR4_LA57 = 1 << 12, CR4_OSXSAVE = 1 << 18,
	CR4_SMAP = 1 << 21,
	EFER_LMA = 1 << 10,
};

/* --- registers: edit and say so, KVM takes them over at the next KVM_RUN --- */

static inline struct kvm_regs *regs(struct soft_vcpu *s)
{
	s->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	return &s->run->s.regs.regs;
}

static inline const struct kvm_sregs *sregs(const struct soft_vcpu *s)
{
	return &s->run->s.regs.sregs;
}

static inline struct kvm_sregs *sregs_edit(struct soft_vcpu *s)
{
	s->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	return &s->run->s.regs.sregs;
}

static inline unsigned cpl(const struct soft_vcpu *s)
{
	return sregs(s)->cs.selector & 3;
}

/* General registers by number; 4 bytes clear the upper half, fewer leave the rest. */
uint64_t reg_get(struct soft_vcpu *s, unsigned n, unsigned size);
void     reg_set(struct soft_vcpu *s, unsigned n, unsigned size, uint64_t v);

/* Replace the status flags; the others stay. */
void     flags_set(struct soft_vcpu *s, uint64_t status);

/* --- exceptions: both return RAISED, or IMPOSSIBLE if one is already under way --- */

enum outcome raise_exc(struct soft_vcpu *s, uint8_t vector);
enum outcome raise_code(struct soft_vcpu *s, uint8_t vector, uint32_t code);
enum outcome give_up(struct soft_vcpu *s, const char *why);

/* --- model specific registers, interrupt gates --- */

enum {
	MSR_TSC = 0x10,
	MSR_STAR = (int)0xc0000081, MSR_LSTAR = (int)0xc0000082, MSR_TSC_AUX = (int)0xc0000103,
};

enum outcome msr_get(struct soft_vcpu *s, int index, uint64_t *v);
bool         msr_set(struct soft_vcpu *s, int index, uint64_t v);	/* false: KVM refuses it */

struct gate {
	uint16_t offset_low, selector;
	uint8_t  ist, type;		/* type: P, DPL, 0, type */
	uint16_t offset_mid;
	uint32_t offset_high, zero;
};

bool gate_get(struct soft_vcpu *s, unsigned vector, struct gate *g);

/* --- memory --- */

enum access { READ, WRITE };

/* Guest memory by linear address, checked and pinned down: at most two pages. */
struct span {
	uint8_t *part[2];
	size_t len[2];
};

#define SPAN_MAX 4096u

uint64_t     insn_ea(struct soft_vcpu *s, const struct insn *i);	/* linear address */
enum outcome span_at(struct soft_vcpu *s, uint64_t va, size_t len, enum access a, struct span *sp);
void         span_get(const struct span *sp, size_t off, void *buf, size_t n);
void         span_put(const struct span *sp, size_t off, const void *buf, size_t n);

enum outcome mem_get(struct soft_vcpu *s, uint64_t va, void *buf, size_t n);
enum outcome mem_put(struct soft_vcpu *s, uint64_t va, const void *buf, size_t n);

/* The same where nobody is to get an exception: false instead. */
bool         mem_peek(struct soft_vcpu *s, uint64_t va, void *buf, size_t n);

/* The r/m operand, register or memory. */
enum outcome rm_get(struct soft_vcpu *s, const struct insn *i, unsigned size, uint64_t *v);
enum outcome rm_put(struct soft_vcpu *s, const struct insn *i, unsigned size, uint64_t v);

#endif
