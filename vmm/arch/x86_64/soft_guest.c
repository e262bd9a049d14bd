/* soft_guest.c - a completion's view of the guest: registers, memory, exceptions. */
#include <string.h>

#include "vmm/arch/x86_64/soft_guest.h"
#include "vmm/kvm.h"

/* --- registers --- */

static uint64_t *reg_at(struct soft_vcpu *s, unsigned n)
{
	static const uint8_t at[16] = {
#define AT(r) offsetof(struct kvm_regs, r)
		AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp), AT(rsi), AT(rdi),
		AT(r8), AT(r9), AT(r10), AT(r11), AT(r12), AT(r13), AT(r14), AT(r15),
#undef AT
	};

	return (uint64_t *)(void *)((uint8_t *)regs(s) + at[n & 15]);
}

static uint64_t low(uint64_t v, unsigned size)
{
	return size == 8 ? v : v & ((1ull << size * 8) - 1);
}

uint64_t reg_get(struct soft_vcpu *s, unsigned n, unsigned size)
{
	return low(*reg_at(s, n), size);
}

void reg_set(struct soft_vcpu *s, unsigned n, unsigned size, uint64_t v)
{
	uint64_t *r = reg_at(s, n);

	if (size < 4)
		*r = (*r & ~low(~0ull, size)) | low(v, size);
	else
		*r = low(v, size);
}

void flags_set(struct soft_vcpu *s, uint64_t status)
{
	struct kvm_regs *r = regs(s);

	r->rflags = (r->rflags & ~RFLAGS_STATUS) | status;
}

/* --- exceptions --- */

enum outcome give_up(struct soft_vcpu *s, const char *why)
{
	s->impossible = why;
	return IMPOSSIBLE;
}

static enum outcome inject(struct soft_vcpu *s, uint8_t vector, bool has_code, uint32_t code)
{
	struct kvm_vcpu_events *e = &s->run->s.regs.events;

	if (e->exception.injected || e->exception.pending)
		return give_up(s, "an exception during the delivery of another");
	/* No flags: what other vcpus may have queued meanwhile, NMIs above all, stays. */
	e->flags = 0;
	e->exception.injected = 1;
	e->exception.nr = vector;
	e->exception.has_error_code = has_code;
	e->exception.error_code = code;
	s->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
	return RAISED;
}

enum outcome raise_exc(struct soft_vcpu *s, uint8_t vector)
{
	return inject(s, vector, false, 0);
}

enum outcome raise_code(struct soft_vcpu *s, uint8_t vector, uint32_t code)
{
	return inject(s, vector, true, code);
}

/* --- page tables --- */

enum { PTE_P = 1 << 0, PTE_W = 1 << 1, PTE_U = 1 << 2, PTE_A = 1 << 5, PTE_D = 1 << 6,
       PTE_PS = 1 << 7 };
enum { PF_PRESENT = 1 << 0, PF_WRITE = 1 << 1, PF_USER = 1 << 2, PF_RESERVED = 1 << 3 };

#define PTE_ADDR 0x000ffffffffff000ull

enum walked { WALKED, FAULTS, OUTSIDE };	/* OUTSIDE: not RAM, nothing to complete on */

struct walk {
	uint64_t gpa;		/* WALKED: of the byte */
	uint32_t code;		/* FAULTS: the #PF error code */
};

/* May this access use a page that grants `perms` (PTE_W, PTE_U)? */
static bool allowed(const struct soft_vcpu *s, uint64_t perms, enum access a)
{
	const struct kvm_sregs *sr = sregs(s);
	bool user = cpl(s) == 3;

	if (user && !(perms & PTE_U))
		return false;
	if (!user && (perms & PTE_U) && (sr->cr4 & CR4_SMAP) &&
	    !(s->run->s.regs.regs.rflags & RFLAGS_AC))
		return false;
	return a == READ || (perms & PTE_W) || (!user && !(sr->cr0 & CR0_WP));
}

static void pte_mark(uint64_t *pte, uint64_t seen, uint64_t bits)
{
	if ((seen & bits) != bits)
		__atomic_fetch_or(pte, bits, __ATOMIC_RELAXED);
}

static enum walked walk(const struct soft_vcpu *s, uint64_t va, enum access a, struct walk *w)
{
	uint64_t table = sregs(s)->cr3 & PTE_ADDR, perms = PTE_W | PTE_U;

	w->code = (a == WRITE ? PF_WRITE : 0) | (cpl(s) == 3 ? PF_USER : 0);
	for (unsigned shift = 39;; shift -= 9) {
		uint64_t *pte = gmem_at(s->mem, table + (va >> shift & 511) * 8, 8);
		uint64_t e, below = (1ull << shift) - 1;

		if (!pte)
			return OUTSIDE;
		e = __atomic_load_n(pte, __ATOMIC_RELAXED);
		if (!(e & PTE_P))
			return FAULTS;
		perms &= e;
		if (shift == 39 && (e & PTE_PS)) {
			w->code |= PF_PRESENT | PF_RESERVED;
			return FAULTS;
		}
		if (shift > 12 && !(e & PTE_PS)) {
			pte_mark(pte, e, PTE_A);
			table = e & PTE_ADDR;
			continue;
		}
		if (!allowed(s, perms, a)) {
			w->code |= PF_PRESENT;
			return FAULTS;
		}
		pte_mark(pte, e, PTE_A | (a == WRITE ? PTE_D : 0));
		w->gpa = (e & PTE_ADDR & ~below) | (va & below);
		return WALKED;
	}
}

static bool canonical(uint64_t va)
{
	return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

static bool four_level(const struct soft_vcpu *s)
{
	const struct kvm_sregs *sr = sregs(s);

	return (sr->efer & EFER_LMA) && (sr->cr4 & CR4_PAE) && !(sr->cr4 & CR4_LA57);
}

/* --- spans --- */

static enum outcome part_at(struct soft_vcpu *s, uint64_t va, size_t len, enum access a,
			    uint8_t **part)
{
	struct walk w;

	if (!canonical(va))
		return raise_code(s, EXC_GP, 0);
	switch (walk(s, va, a, &w)) {
	case WALKED:
		*part = gmem_at(s->mem, w.gpa, len);
		if (*part)
			return DONE;
		break;
	case FAULTS:
		sregs_edit(s)->cr2 = va;
		return raise_code(s, EXC_PF, w.code);
	case OUTSIDE:
		break;
	}
	return give_up(s, "its memory operand is not RAM");
}

enum outcome span_at(struct soft_vcpu *s, uint64_t va, size_t len, enum access a, struct span *sp)
{
	size_t here = 4096 - (va & 4095);
	enum outcome o;

	if (!four_level(s) || len > SPAN_MAX)
		return give_up(s, "not in 64-bit mode with four page table levels");
	sp->len[0] = len < here ? len : here;
	sp->len[1] = len - sp->len[0];
	o = part_at(s, va, sp->len[0], a, &sp->part[0]);
	if (o == DONE && sp->len[1])
		o = part_at(s, va + sp->len[0], sp->len[1], a, &sp->part[1]);
	return o;
}

/* How much of [off, off+n) lies in the first page. */
static size_t in_first(const struct span *sp, size_t off, size_t n)
{
	size_t left = off < sp->len[0] ? sp->len[0] - off : 0;

	return n < left ? n : left;
}

void span_get(const struct span *sp, size_t off, void *buf, size_t n)
{
	size_t first = in_first(sp, off, n);

	if (first)
		memcpy(buf, sp->part[0] + off, first);
	if (n > first)
		memcpy((uint8_t *)buf + first, sp->part[1] + (off + first - sp->len[0]), n - first);
}

void span_put(const struct span *sp, size_t off, const void *buf, size_t n)
{
	size_t first = in_first(sp, off, n);

	if (first)
		memcpy(sp->part[0] + off, buf, first);
	if (n > first)
		memcpy(sp->part[1] + (off + first - sp->len[0]), (const uint8_t *)buf + first,
		       n - first);
}

enum outcome mem_get(struct soft_vcpu *s, uint64_t va, void *buf, size_t n)
{
	struct span sp;
	enum outcome o = span_at(s, va, n, READ, &sp);

	if (o == DONE)
		span_get(&sp, 0, buf, n);
	return o;
}

enum outcome mem_put(struct soft_vcpu *s, uint64_t va, const void *buf, size_t n)
{
	struct span sp;
	enum outcome o = span_at(s, va, n, WRITE, &sp);

	if (o == DONE)
		span_put(&sp, 0, buf, n);
	return o;
}

bool mem_peek(struct soft_vcpu *s, uint64_t va, void *buf, size_t n)
{
	uint8_t *to = buf;

	if (!four_level(s))
		return false;
	while (n) {
		size_t here = 4096 - (va & 4095), part = n < here ? n : here;
		struct walk w;
		const void *from;

		if (!canonical(va) || walk(s, va, READ, &w) != WALKED)
			return false;
		from = gmem_at(s->mem, w.gpa, part);
		if (!from)
			return false;
		memcpy(to, from, part);
		to += part;
		va += part;
		n -= part;
	}
	return true;
}

/* --- operands --- */

uint64_t insn_ea(struct soft_vcpu *s, const struct insn *i)
{
	uint64_t ea = (uint64_t)(int64_t)i->disp;

	if (i->base == GPR_RIP)
		ea += s->run->s.regs.regs.rip + i->len;
	else if (i->base != GPR_NONE)
		ea += reg_get(s, i->base, 8);
	if (i->index != GPR_NONE)
		ea += reg_get(s, i->index, 8) << i->scale;
	if (i->addr32)
		ea = (uint32_t)ea;
	if (i->seg == SEG_FS)
		ea += sregs(s)->fs.base;
	else if (i->seg == SEG_GS)
		ea += sregs(s)->gs.base;
	return ea;
}

enum outcome rm_get(struct soft_vcpu *s, const struct insn *i, unsigned size, uint64_t *v)
{
	*v = 0;
	if (insn_mem(i))
		return mem_get(s, insn_ea(s, i), v, size);
	*v = reg_get(s, i->rm, size);
	return DONE;
}

enum outcome rm_put(struct soft_vcpu *s, const struct insn *i, unsigned size, uint64_t v)
{
	if (insn_mem(i))
		return mem_put(s, insn_ea(s, i), &v, size);
	reg_set(s, i->rm, size, v);
	return DONE;
}

/* --- model specific registers, interrupt gates --- */

/* struct kvm_msrs with room for one. */
struct one_msr {
	uint32_t n, pad;
	struct kvm_msr_entry e;
};

enum outcome msr_get(struct soft_vcpu *s, int index, uint64_t *v)
{
	struct one_msr m = { .n = 1, .e.index = (uint32_t)index };
	bool got = kvm_ioctl(s->fd, KVM_GET_MSRS, &m) == 1;

	*v = m.e.data;
	return got ? DONE : give_up(s, "KVM_GET_MSRS failed");
}

bool msr_set(struct soft_vcpu *s, int index, uint64_t v)
{
	struct one_msr m = { .n = 1, .e = { .index = (uint32_t)index, .data = v } };

	return kvm_ioctl(s->fd, KVM_SET_MSRS, &m) == 1;
}

bool gate_get(struct soft_vcpu *s, unsigned vector, struct gate *g)
{
	const struct kvm_dtable *idt = &sregs(s)->idt;
	size_t at = vector * sizeof(*g);

	return at + sizeof(*g) - 1 <= idt->limit && mem_peek(s, idt->base + at, g, sizeof(*g));
}
