/* soft_insn.c - completions on general registers, segments and caches, and the table of all.
 *
 * What the emulator lacks and a kernel built without floating point executes; neither
 * vector arithmetic nor BMI, which such a kernel has none of. */
#include "vmm/arch/x86_64/soft_insn.h"
#include "vmm/kvm.h"

/* --- exceptions on purpose --- */

static enum outcome undefined(struct soft_vcpu *s, const struct insn *i)
{
	(void)i;
	return raise_exc(s, EXC_UD);
}

/* DONE: user code, if it is that, may use this gate. */
static enum outcome gate_open(struct soft_vcpu *s, unsigned vector)
{
	struct gate g;

	if (!gate_get(s, vector, &g) || (g.type >> 5 & 3) < cpl(s))
		return raise_code(s, EXC_GP, vector * 8 + 2);
	return DONE;
}

static enum outcome breakpoint(struct soft_vcpu *s, const struct insn *i)
{
	enum outcome o = gate_open(s, EXC_BP);

	if (o != DONE)
		return o;
	regs(s)->rip += i->len;
	return raise_exc(s, EXC_BP);
}

static enum outcome debug_trap(struct soft_vcpu *s, const struct insn *i)
{
	regs(s)->rip += i->len;
	return raise_exc(s, EXC_DB);
}

static enum outcome software_interrupt(struct soft_vcpu *s, const struct insn *i)
{
	struct kvm_vcpu_events *e = &s->run->s.regs.events;
	enum outcome o = gate_open(s, i->imm);

	if (o != DONE)
		return o;
	if (e->interrupt.injected)
		return give_up(s, "INT during the delivery of an interrupt");
	e->flags = 0;
	e->interrupt.injected = e->interrupt.soft = 1;
	e->interrupt.nr = i->imm;
	s->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
	regs(s)->rip += i->len;
	return RAISED;
}

/* --- general registers --- */

static enum outcome popcnt(struct soft_vcpu *s, const struct insn *i)
{
	unsigned size = insn_size(i);
	uint64_t v;
	enum outcome o = rm_get(s, i, size, &v);

	if (o != DONE)
		return o;
	reg_set(s, i->reg, size, (uint64_t)__builtin_popcountll(v));
	flags_set(s, v ? 0 : RFLAGS_ZF);
	return DONE;
}

/* TZCNT and LZCNT: the count is the operand's width if no bit is set. */
static enum outcome count_zeros(struct soft_vcpu *s, const struct insn *i)
{
	unsigned size = insn_size(i), bits = size * 8;
	uint64_t v, count = bits;
	enum outcome o = rm_get(s, i, size, &v);

	if (o != DONE)
		return o;
	if (v)
		count = i->op == 0xbc ? (unsigned)__builtin_ctzll(v)
				      : (unsigned)__builtin_clzll(v) - (64 - bits);
	reg_set(s, i->reg, size, count);
	flags_set(s, (v ? 0 : RFLAGS_CF) | (count ? 0 : RFLAGS_ZF));
	return DONE;
}

/* One byte of r/m: without REX, registers 4 to 7 are AH, CH, DH and BH. */
static enum outcome rm_get_byte(struct soft_vcpu *s, const struct insn *i, uint64_t *v)
{
	if (insn_mem(i) || i->rex || i->rm < 4)
		return rm_get(s, i, 1, v);
	*v = reg_get(s, i->rm - 4u, 2) >> 8;
	return DONE;
}

static enum outcome crc32(struct soft_vcpu *s, const struct insn *i)
{
	unsigned size = i->op == 0xf0 ? 1 : insn_size(i);
	uint64_t v, crc = reg_get(s, i->reg, 4);
	enum outcome o = size == 1 ? rm_get_byte(s, i, &v) : rm_get(s, i, size, &v);

	if (o != DONE)
		return o;
	for (unsigned bit = 0; bit < size * 8; bit++, v >>= 1)
		crc = crc >> 1 ^ ((crc ^ v) & 1 ? 0x82f63b78 : 0);
	reg_set(s, i->reg, i->wide ? 8 : 4, crc);
	return DONE;
}

static bool compare_exchange(unsigned __int128 *p, unsigned __int128 *old, unsigned __int128 new)
{
	uint64_t low = (uint64_t)*old, high = (uint64_t)(*old >> 64);
	bool same;

	asm volatile("lock cmpxchg16b %1"
		     : "=@ccz"(same), "+m"(*p), "+a"(low), "+d"(high)
		     : "b"((uint64_t)new), "c"((uint64_t)(new >> 64))
		     : "memory");
	*old = (unsigned __int128)high << 64 | low;
	return same;
}

static enum outcome cmpxchg16b(struct soft_vcpu *s, const struct insn *i)
{
	struct kvm_regs *r = regs(s);
	uint64_t ea = insn_ea(s, i);
	unsigned __int128 old = (unsigned __int128)r->rdx << 64 | r->rax;
	unsigned __int128 new = (unsigned __int128)r->rcx << 64 | r->rbx;
	struct span at;
	enum outcome o;

	if (ea & 15)
		return raise_code(s, EXC_GP, 0);
	o = span_at(s, ea, 16, WRITE, &at);
	if (o != DONE)
		return o;
	if (compare_exchange((unsigned __int128 *)(void *)at.part[0], &old, new)) {
		r->rflags |= RFLAGS_ZF;
	} else {
		r->rflags &= ~(uint64_t)RFLAGS_ZF;
		r->rax = (uint64_t)old;
		r->rdx = (uint64_t)(old >> 64);
	}
	return DONE;
}

/* CMPXCHG8B; one that straddles would lock the whole host's bus, and no kernel does it. */
static enum outcome cmpxchg8b(struct soft_vcpu *s, const struct insn *i)
{
	uint64_t ea = insn_ea(s, i);
	uint64_t old = reg_get(s, GPR_RDX, 4) << 32 | reg_get(s, GPR_RAX, 4);
	uint64_t new = reg_get(s, GPR_RCX, 4) << 32 | reg_get(s, GPR_RBX, 4);
	struct span at;
	enum outcome o;

	if (i->wide)
		return cmpxchg16b(s, i);
	if (ea & 7)
		return give_up(s, "CMPXCHG8B is not aligned");
	o = span_at(s, ea, 8, WRITE, &at);
	if (o != DONE)
		return o;
	if (__atomic_compare_exchange_n((uint64_t *)(void *)at.part[0], &old, new, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		regs(s)->rflags |= RFLAGS_ZF;
	} else {
		regs(s)->rflags &= ~(uint64_t)RFLAGS_ZF;
		reg_set(s, GPR_RAX, 4, old);
		reg_set(s, GPR_RDX, 4, old >> 32);
	}
	return DONE;
}

/* RDRAND and RDSEED; carry clear, "none at the moment", is an answer guests expect. */
static enum outcome random_number(struct soft_vcpu *s, const struct insn *i)
{
	uint64_t v = 0;
	bool got = false;

	if (s->rdrand)
		asm volatile("rdrand %0" : "=r"(v), "=@ccc"(got));
	reg_set(s, i->rm, insn_size(i), got ? v : 0);
	flags_set(s, got ? RFLAGS_CF : 0);
	return DONE;
}

static enum outcome rdpid(struct soft_vcpu *s, const struct insn *i)
{
	uint64_t v;
	enum outcome o = msr_get(s, MSR_TSC_AUX, &v);

	if (o == DONE)
		reg_set(s, i->rm, 8, v);
	return o;
}

static enum outcome rdtscp(struct soft_vcpu *s, const struct insn *i)
{
	uint64_t tsc, aux;
	enum outcome o = msr_get(s, MSR_TSC, &tsc);

	(void)i;
	if (o == DONE)
		o = msr_get(s, MSR_TSC_AUX, &aux);
	if (o != DONE)
		return o;
	reg_set(s, GPR_RAX, 4, tsc);
	reg_set(s, GPR_RDX, 4, tsc >> 32);
	reg_set(s, GPR_RCX, 4, aux);
	return DONE;
}

/* --- segment checks: LAR, LSL, VERR, VERW --- */

/* The descriptor, if code at this privilege may know of it. */
static bool descriptor(struct soft_vcpu *s, uint64_t selector, uint64_t *d)
{
	const struct kvm_sregs *sr = sregs(s);
	bool local = selector & 4;
	uint64_t base = local ? sr->ldt.base : sr->gdt.base;
	uint64_t limit = local ? sr->ldt.limit : sr->gdt.limit;
	unsigned type, dpl, rpl = selector & 3;

	if (!(selector & ~3ull) || (selector | 7) > limit ||
	    !mem_peek(s, base + (selector & ~7ull), d, sizeof(*d)))
		return false;
	type = *d >> 40 & 31;
	dpl = *d >> 45 & 3;
	return (type & 0x1c) == 0x1c || (cpl(s) <= dpl && rpl <= dpl);	/* conforming code: all */
}

enum { LDT = 2, TSS = 9, TSS_BUSY = 11, CALL_GATE = 12, CODE_OR_DATA = 16, CODE = 8, RW = 2 };

static enum outcome lar_lsl(struct soft_vcpu *s, const struct insn *i)
{
	bool lsl = i->op == 0x03, found;
	unsigned type;
	uint64_t selector, d = 0, v;
	enum outcome o = rm_get(s, i, 2, &selector);

	if (o != DONE)
		return o;
	found = descriptor(s, selector, &d);
	type = d >> 40 & 31;
	found = found && (type & CODE_OR_DATA || type == LDT || type == TSS || type == TSS_BUSY ||
			  (type == CALL_GATE && !lsl));
	if (!found) {
		regs(s)->rflags &= ~(uint64_t)RFLAGS_ZF;
		return DONE;
	}
	v = d >> 32 & 0x00ffff00;
	if (lsl) {
		v = (d & 0xffff) | (d >> 32 & 0xf0000);
		v = d >> 55 & 1 ? v << 12 | 0xfff : v;
	}
	reg_set(s, i->reg, insn_size(i), v);
	regs(s)->rflags |= RFLAGS_ZF;
	return DONE;
}

static enum outcome verr_verw(struct soft_vcpu *s, const struct insn *i)
{
	bool write = (i->reg & 7) == 5, code, may = false;
	uint64_t selector, d;
	enum outcome o = rm_get(s, i, 2, &selector);

	if (o != DONE)
		return o;
	if (descriptor(s, selector, &d)) {
		code = d >> 40 & CODE;
		may = (d >> 40 & CODE_OR_DATA) && (write ? !code && (d >> 40 & RW)
							 : !code || (d >> 40 & RW));
	}
	if (may)
		regs(s)->rflags |= RFLAGS_ZF;
	else
		regs(s)->rflags &= ~(uint64_t)RFLAGS_ZF;
	return DONE;
}

/* --- access, caches, translations, waiting --- */

static enum outcome stac(struct soft_vcpu *s, const struct insn *i)
{
	(void)i;
	if (cpl(s))
		return raise_exc(s, EXC_UD);
	regs(s)->rflags |= RFLAGS_AC;
	return DONE;
}

static enum outcome nothing(struct soft_vcpu *s, const struct insn *i)
{
	(void)s, (void)i;
	return DONE;
}

/* CLFLUSH and its kind: the operand must be readable, there is nothing to flush. */
static enum outcome touch(struct soft_vcpu *s, const struct insn *i)
{
	uint8_t byte;

	return mem_get(s, insn_ea(s, i), &byte, 1);
}

/* INVPCID, any kind: all translations go when CR4.PGE changes, so it changes twice. */
static enum outcome invpcid(struct soft_vcpu *s, const struct insn *i)
{
	uint64_t d[2];
	struct kvm_sregs *sr;
	enum outcome o;

	if (cpl(s) || reg_get(s, i->reg, 8) > 3)
		return raise_code(s, EXC_GP, 0);
	o = mem_get(s, insn_ea(s, i), d, sizeof(d));
	if (o != DONE)
		return o;
	sr = sregs_edit(s);
	sr->cr4 ^= CR4_PGE;
	if (kvm_ioctl(s->fd, KVM_SET_SREGS, sr))
		o = give_up(s, "KVM_SET_SREGS failed");
	sr->cr4 ^= CR4_PGE;		/* and KVM takes this over when the guest runs on */
	return o;
}

/* --- which instruction is whose --- */

enum operand { NO_OPERAND, REGISTER, MEMORY, EITHER };
enum prefix { NP, P66, PF3, PF2, ANY_PREFIX, NP_OR_66 };

static const struct row rows[] = {
	{ "fwait", MAP_ONE, 0x9b, ANY_PREFIX, NO_OPERAND, -1, -1, fpu_wait },
	{ "int3", MAP_ONE, 0xcc, ANY_PREFIX, NO_OPERAND, -1, -1, breakpoint },
	{ "int", MAP_ONE, 0xcd, ANY_PREFIX, NO_OPERAND, -1, -1, software_interrupt },
	{ "int1", MAP_ONE, 0xf1, ANY_PREFIX, NO_OPERAND, -1, -1, debug_trap },
	{ "fldcw", MAP_ONE, 0xd9, ANY_PREFIX, MEMORY, 5, -1, fpu_load_control },
	{ "fnstcw", MAP_ONE, 0xd9, ANY_PREFIX, MEMORY, 7, -1, fpu_store_control },
	{ "fild", MAP_ONE, 0xdb, ANY_PREFIX, MEMORY, 0, -1, fpu_load_int32 },
	{ "fnclex", MAP_ONE, 0xdb, ANY_PREFIX, REGISTER, 4, 2, fpu_clear },
	{ "fninit", MAP_ONE, 0xdb, ANY_PREFIX, REGISTER, 4, 3, fpu_init },
	{ "fnstsw", MAP_ONE, 0xdd, ANY_PREFIX, MEMORY, 7, -1, fpu_store_status },
	{ "fnstsw", MAP_ONE, 0xdf, ANY_PREFIX, REGISTER, 4, 0, fpu_store_status },

	{ "verr", MAP_0F, 0x00, ANY_PREFIX, EITHER, 4, -1, verr_verw },
	{ "verw", MAP_0F, 0x00, ANY_PREFIX, EITHER, 5, -1, verr_verw },
	{ "monitor", MAP_0F, 0x01, NP, REGISTER, 1, 0, nothing },
	{ "mwait", MAP_0F, 0x01, NP, REGISTER, 1, 1, nothing },
	{ "clac", MAP_0F, 0x01, NP, REGISTER, 1, 2, clac },
	{ "stac", MAP_0F, 0x01, NP, REGISTER, 1, 3, stac },
	{ "xgetbv", MAP_0F, 0x01, NP, REGISTER, 2, 0, xcr_get },
	{ "xsetbv", MAP_0F, 0x01, NP, REGISTER, 2, 1, xcr_set },
	{ "serialize", MAP_0F, 0x01, NP, REGISTER, 5, 0, nothing },
	{ "rdtscp", MAP_0F, 0x01, NP, REGISTER, 7, 1, rdtscp },
	{ "lar", MAP_0F, 0x02, ANY_PREFIX, EITHER, -1, -1, lar_lsl },
	{ "lsl", MAP_0F, 0x03, ANY_PREFIX, EITHER, -1, -1, lar_lsl },
	{ "ud2", MAP_0F, 0x0b, ANY_PREFIX, NO_OPERAND, -1, -1, undefined },
	{ "prefetchw", MAP_0F, 0x0d, ANY_PREFIX, EITHER, -1, -1, nothing },
	{ "hint", MAP_0F, 0x18, ANY_PREFIX, EITHER, -1, -1, nothing },
	{ "hint", MAP_0F, 0x19, ANY_PREFIX, EITHER, -1, -1, nothing },
	{ "hint", MAP_0F, 0x1a, ANY_PREFIX, EITHER, -1, -1, nothing },
	{ "hint", MAP_0F, 0x1b, ANY_PREFIX, EITHER, -1, -1, nothing },
	{ "hint", MAP_0F, 0x1c, ANY_PREFIX, EITHER, -1, -1, nothing },
	{ "hint", MAP_0F, 0x1d, ANY_PREFIX, EITHER, -1, -1, nothing },
	{ "hint", MAP_0F, 0x1e, ANY_PREFIX, EITHER, -1, -1, nothing },
	{ "hint", MAP_0F, 0x1f, ANY_PREFIX, EITHER, -1, -1, nothing },
	{ "emms", MAP_0F, 0x77, NP, NO_OPERAND, -1, -1, fpu_empty_mmx },
	{ "ldmxcsr", MAP_0F, 0xae, NP, MEMORY, 2, -1, sse_load_mxcsr },
	{ "stmxcsr", MAP_0F, 0xae, NP, MEMORY, 3, -1, sse_store_mxcsr },
	{ "xsave", MAP_0F, 0xae, NP, MEMORY, 4, -1, xstate_save },
	{ "xrstor", MAP_0F, 0xae, NP, MEMORY, 5, -1, xstate_restore },
	{ "xsaveopt", MAP_0F, 0xae, NP, MEMORY, 6, -1, xstate_save },
	{ "clwb", MAP_0F, 0xae, P66, MEMORY, 6, -1, touch },
	{ "clflush", MAP_0F, 0xae, NP_OR_66, MEMORY, 7, -1, touch },
	{ "lfence", MAP_0F, 0xae, NP, REGISTER, 5, -1, nothing },
	{ "mfence", MAP_0F, 0xae, NP, REGISTER, 6, -1, nothing },
	{ "sfence", MAP_0F, 0xae, NP, REGISTER, 7, -1, nothing },
	{ "popcnt", MAP_0F, 0xb8, PF3, EITHER, -1, -1, popcnt },
	{ "ud1", MAP_0F, 0xb9, ANY_PREFIX, EITHER, -1, -1, undefined },
	{ "tzcnt", MAP_0F, 0xbc, PF3, EITHER, -1, -1, count_zeros },
	{ "lzcnt", MAP_0F, 0xbd, PF3, EITHER, -1, -1, count_zeros },
	{ "cmpxchg8b", MAP_0F, 0xc7, ANY_PREFIX, MEMORY, 1, -1, cmpxchg8b },
	{ "xrstors", MAP_0F, 0xc7, NP, MEMORY, 3, -1, xstate_restore_super },
	{ "xsavec", MAP_0F, 0xc7, NP, MEMORY, 4, -1, xstate_save_compact },
	{ "xsaves", MAP_0F, 0xc7, NP, MEMORY, 5, -1, xstate_save_super },
	{ "rdrand", MAP_0F, 0xc7, NP_OR_66, REGISTER, 6, -1, random_number },
	{ "rdseed", MAP_0F, 0xc7, NP_OR_66, REGISTER, 7, -1, random_number },
	{ "rdpid", MAP_0F, 0xc7, PF3, REGISTER, 7, -1, rdpid },
	{ "ud0", MAP_0F, 0xff, ANY_PREFIX, EITHER, -1, -1, undefined },

	{ "invpcid", MAP_0F38, 0x82, P66, MEMORY, -1, -1, invpcid },
	{ "crc32", MAP_0F38, 0xf0, PF2, EITHER, -1, -1, crc32 },
	{ "crc32", MAP_0F38, 0xf1, PF2, EITHER, -1, -1, crc32 },
};

static bool prefix_matches(const struct insn *i, enum prefix p)
{
	switch (p) {
	case NP:
		return !i->rep && !i->opsize;
	case P66:
		return !i->rep && i->opsize;
	case PF3:
		return i->rep == 0xf3;
	case PF2:
		return i->rep == 0xf2;
	case NP_OR_66:
		return !i->rep;
	case ANY_PREFIX:
		return true;
	}
	return false;
}

static bool operand_matches(const struct insn *i, enum operand o)
{
	return o == NO_OPERAND || o == EITHER || insn_mem(i) == (o == MEMORY);
}

const struct row *row_of(const struct insn *i)
{
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		const struct row *r = &rows[n];

		if (r->map == i->map && r->op == i->op && prefix_matches(i, r->prefix) &&
		    operand_matches(i, r->operand) && (r->reg < 0 || r->reg == (i->reg & 7)) &&
		    (r->rm < 0 || r->rm == (i->rm & 7)))
			return r;
	}
	return NULL;
}
