/* soft_fpu.c - completions on x87, SSE control and extended state (Intel SDM vol. 1, 13).
 *
 * Every one of them works on KVM's image of the registers: the standard XSAVE form.  What
 * keeps the vector registers of guest processes apart is here: the guest's kernel saves
 * and restores them with XSAVE and XRSTOR, which the emulator does not know. */
#include <string.h>

#include "vmm/arch/x86_64/soft_insn.h"
#include "vmm/kvm.h"

enum {
	X87 = 1 << 0, SSE = 1 << 1, AVX = 1 << 2,
	FSW_IE = 1 << 0, FSW_SF = 1 << 6, FSW_ES = 1 << 7, FSW_C1 = 1 << 9,
	FCW_DEFAULT = 0x37f, MXCSR_DEFAULT = 0x1f80, MXCSR_MASK_DEFAULT = 0xffbf,
	AT_MXCSR = offsetof(struct soft_fx, mxcsr), AT_ST = offsetof(struct soft_fx, st),
	AT_XMM = offsetof(struct soft_fx, xmm),
	AT_HEADER = sizeof(struct soft_fx), AT_EXTENDED = AT_HEADER + sizeof(struct soft_xheader),
};
#define COMPACT (1ull << 63)

_Static_assert(sizeof(struct soft_fx) == 512 && sizeof(struct soft_xheader) == 64,
	       "SDM vol. 1, 13.4");
_Static_assert(sizeof(union soft_image) == sizeof(struct kvm_xsave), "KVM_GET_XSAVE");

static struct soft_fx *fx(struct soft_vcpu *s)
{
	return &s->image.fx;
}

static enum outcome state_get(struct soft_vcpu *s)
{
	if (kvm_ioctl(s->fd, KVM_GET_XSAVE, s->image.bytes))
		return give_up(s, "KVM_GET_XSAVE failed");
	return DONE;
}

static enum outcome state_set(struct soft_vcpu *s)
{
	if (kvm_ioctl(s->fd, KVM_SET_XSAVE, s->image.bytes))
		return give_up(s, "KVM_SET_XSAVE failed");
	return DONE;
}

/* --- x87 --- */

/* x87 may be used now, and its state is in s->image. */
static enum outcome fpu_begin(struct soft_vcpu *s)
{
	if (sregs(s)->cr0 & (CR0_TS | CR0_EM))
		return raise_exc(s, EXC_NM);
	return state_get(s);
}

/* As fpu_begin(), for what waits for an unmasked exception first. */
static enum outcome fpu_begin_waiting(struct soft_vcpu *s)
{
	enum outcome o = fpu_begin(s);

	return o == DONE && (fx(s)->fsw & FSW_ES) ? raise_exc(s, EXC_MF) : o;
}

enum outcome fpu_wait(struct soft_vcpu *s, const struct insn *i)
{
	(void)i;
	return fpu_begin_waiting(s);
}

enum outcome fpu_clear(struct soft_vcpu *s, const struct insn *i)
{
	enum outcome o = fpu_begin(s);

	(void)i;
	if (o != DONE)
		return o;
	fx(s)->fsw &= 0x7f00;
	return state_set(s);
}

enum outcome fpu_init(struct soft_vcpu *s, const struct insn *i)
{
	enum outcome o = fpu_begin(s);

	(void)i;
	if (o != DONE)
		return o;
	fx(s)->fcw = FCW_DEFAULT;
	fx(s)->fsw = fx(s)->fop = 0;
	fx(s)->ftw = 0;
	fx(s)->fip = fx(s)->fdp = 0;
	return state_set(s);
}

/* With every exception masked nothing is pending any more; unmasking one can make it so. */
static void summarize(struct soft_fx *f)
{
	f->fsw = f->fsw & ~f->fcw & 0x3f ? f->fsw | 0x8080 : f->fsw & 0x7f7f;
}

enum outcome fpu_load_control(struct soft_vcpu *s, const struct insn *i)
{
	uint64_t v;
	enum outcome o = fpu_begin_waiting(s);

	if (o == DONE)
		o = rm_get(s, i, 2, &v);
	if (o != DONE)
		return o;
	fx(s)->fcw = (uint16_t)((v & 0x1f3f) | 0x40);
	summarize(fx(s));
	return state_set(s);
}

enum outcome fpu_store_control(struct soft_vcpu *s, const struct insn *i)
{
	enum outcome o = fpu_begin(s);

	return o == DONE ? rm_put(s, i, 2, fx(s)->fcw) : o;
}

/* FNSTSW: to memory, or to AX, which is what its register form's r/m field says. */
enum outcome fpu_store_status(struct soft_vcpu *s, const struct insn *i)
{
	enum outcome o = fpu_begin(s);

	return o == DONE ? rm_put(s, i, 2, fx(s)->fsw) : o;
}

/* FILD m32: the kernel wipes stale instruction pointers of some processors with it. */
enum outcome fpu_load_int32(struct soft_vcpu *s, const struct insn *i)
{
	static const uint8_t indefinite[10] = { [7] = 0xc0, 0xff, 0xff };
	struct soft_fx *f = fx(s);
	uint64_t v;
	long double loaded;
	unsigned top;
	enum outcome o = fpu_begin_waiting(s);

	if (o == DONE)
		o = rm_get(s, i, 4, &v);
	if (o != DONE)
		return o;
	top = ((f->fsw >> 11) - 1u) & 7;
	f->fsw = (uint16_t)((f->fsw & ~(7u << 11) & ~(unsigned)FSW_C1) | top << 11);
	memmove(f->st[1], f->st[0], sizeof(f->st) - sizeof(f->st[0]));
	memset(f->st[0], 0, sizeof(f->st[0]));
	loaded = (int32_t)v;
	memcpy(f->st[0], &loaded, sizeof(indefinite));
	if (f->ftw >> top & 1) {
		memcpy(f->st[0], indefinite, sizeof(indefinite));
		f->fsw |= FSW_IE | FSW_SF | FSW_C1;
		summarize(f);
	}
	f->ftw |= (uint8_t)(1u << top);
	return state_set(s);
}

enum outcome fpu_empty_mmx(struct soft_vcpu *s, const struct insn *i)
{
	enum outcome o = fpu_begin_waiting(s);

	(void)i;
	if (o != DONE)
		return o;
	fx(s)->ftw = 0;
	return state_set(s);
}

/* --- MXCSR --- */

static enum outcome sse_begin(struct soft_vcpu *s)
{
	if (sregs(s)->cr0 & CR0_EM)
		return raise_exc(s, EXC_UD);
	if (sregs(s)->cr0 & CR0_TS)
		return raise_exc(s, EXC_NM);
	return state_get(s);
}

static bool mxcsr_valid(struct soft_vcpu *s, uint32_t mxcsr)
{
	uint32_t mask = fx(s)->mxcsr_mask;

	return !(mxcsr & ~(mask ? mask : MXCSR_MASK_DEFAULT));
}

enum outcome sse_load_mxcsr(struct soft_vcpu *s, const struct insn *i)
{
	uint64_t v;
	enum outcome o = sse_begin(s);

	if (o == DONE)
		o = rm_get(s, i, 4, &v);
	if (o != DONE)
		return o;
	if (!mxcsr_valid(s, (uint32_t)v))
		return raise_code(s, EXC_GP, 0);
	fx(s)->mxcsr = (uint32_t)v;
	return state_set(s);
}

enum outcome sse_store_mxcsr(struct soft_vcpu *s, const struct insn *i)
{
	enum outcome o = sse_begin(s);

	return o == DONE ? rm_put(s, i, 4, fx(s)->mxcsr) : o;
}

/* --- XCR0 --- */

static enum outcome xcr0_read(struct soft_vcpu *s, uint64_t *xcr0)
{
	struct kvm_xcrs x;

	if (!(sregs(s)->cr4 & CR4_OSXSAVE))
		return raise_exc(s, EXC_UD);
	if (kvm_ioctl(s->fd, KVM_GET_XCRS, &x) || x.nr_xcrs < 1)
		return give_up(s, "KVM_GET_XCRS failed");
	*xcr0 = x.xcrs[0].value;
	return DONE;
}

static uint64_t edx_eax(struct soft_vcpu *s)
{
	return reg_get(s, GPR_RDX, 4) << 32 | reg_get(s, GPR_RAX, 4);
}

enum outcome xcr_get(struct soft_vcpu *s, const struct insn *i)
{
	uint64_t xcr0;
	enum outcome o = xcr0_read(s, &xcr0);

	(void)i;
	if (o != DONE)
		return o;
	switch (reg_get(s, GPR_RCX, 4)) {
	case 0:
		break;
	case 1:					/* which components are in use */
		o = state_get(s);
		xcr0 &= s->image.header.xstate_bv;
		break;
	default:
		return raise_code(s, EXC_GP, 0);
	}
	reg_set(s, GPR_RAX, 4, xcr0);
	reg_set(s, GPR_RDX, 4, xcr0 >> 32);
	return o;
}

enum outcome xcr_set(struct soft_vcpu *s, const struct insn *i)
{
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0].value = edx_eax(s) };

	(void)i;
	if (!(sregs(s)->cr4 & CR4_OSXSAVE))
		return raise_exc(s, EXC_UD);
	/* KVM knows which values this guest's CPUID allows. */
	if (cpl(s) || reg_get(s, GPR_RCX, 4) || kvm_ioctl(s->fd, KVM_SET_XCRS, &x))
		return raise_code(s, EXC_GP, 0);
	return DONE;
}

/* --- XSAVE and XRSTOR --- */

struct layout {
	size_t at[SOFT_XSTATE_N];	/* in the guest's image; from component 2 on */
	size_t end;
};

/* Standard form: xcomp 0; else xcomp says which components the compacted image has. */
static void layout_of(const struct soft_vcpu *s, uint64_t rfbm, uint64_t xcomp, struct layout *l)
{
	size_t next = AT_EXTENDED;

	l->end = AT_EXTENDED;
	for (unsigned n = 2; n < SOFT_XSTATE_N; n++) {
		const struct soft_xstate *x = &s->xstate[n];

		l->at[n] = x->at;
		if (xcomp & COMPACT) {
			if (!(xcomp >> n & 1))
				continue;
			l->at[n] = x->aligned ? (next + 63) & ~(size_t)63 : next;
			next = l->at[n] + x->size;
		}
		if ((rfbm >> n & 1) && l->at[n] + x->size > l->end)
			l->end = l->at[n] + x->size;
	}
}

/* What all of the family ask first: *rfbm is the set of components to work on. */
static enum outcome xstate_begin(struct soft_vcpu *s, const struct insn *i, uint64_t *xcr0,
				 uint64_t *rfbm)
{
	enum outcome o = xcr0_read(s, xcr0);

	if (o != DONE)
		return o;
	if (sregs(s)->cr0 & CR0_TS)
		return raise_exc(s, EXC_NM);
	if (insn_ea(s, i) & 63)
		return raise_code(s, EXC_GP, 0);
	*rfbm = *xcr0 & edx_eax(s);
	return DONE;
}

/* Without REX.W the pointers have 32 bits and a selector, which processors report as 0. */
static void narrow_pointers(struct soft_fx *f, const struct insn *i)
{
	if (!i->wide) {
		f->fip = (uint32_t)f->fip;
		f->fdp = (uint32_t)f->fdp;
	}
}

/* Copy the components in `set` from KVM's image to the guest's. */
static void put_components(struct soft_vcpu *s, const struct span *to, const struct layout *l,
			   uint64_t set)
{
	const uint8_t *from = s->image.bytes;

	if (set & X87) {
		span_put(to, 0, from, AT_MXCSR);
		span_put(to, AT_ST, from + AT_ST, sizeof(fx(s)->st));
	}
	if (set & SSE)
		span_put(to, AT_XMM, from + AT_XMM, sizeof(fx(s)->xmm));
	for (unsigned n = 2; n < SOFT_XSTATE_N; n++)
		if (set >> n & 1)
			span_put(to, l->at[n], from + s->xstate[n].at, s->xstate[n].size);
}

static enum outcome save(struct soft_vcpu *s, const struct insn *i, bool compact)
{
	uint64_t xcr0, rfbm, bv[2], set, in_use;
	struct layout l;
	struct span to;
	enum outcome o = xstate_begin(s, i, &xcr0, &rfbm);

	if (o != DONE)
		return o;
	bv[1] = COMPACT | rfbm;
	layout_of(s, rfbm, compact ? bv[1] : 0, &l);
	o = span_at(s, insn_ea(s, i), l.end, WRITE, &to);
	if (o == DONE)
		o = state_get(s);
	if (o != DONE)
		return o;
	narrow_pointers(fx(s), i);
	in_use = s->image.header.xstate_bv & rfbm;
	set = compact ? in_use : rfbm;
	put_components(s, &to, &l, set);
	if (set & (compact ? SSE : SSE | AVX))
		span_put(&to, AT_MXCSR, &fx(s)->mxcsr, 8);
	if (compact) {
		bv[0] = in_use;
		span_put(&to, AT_HEADER, bv, 16);
	} else {
		span_get(&to, AT_HEADER, bv, 8);
		bv[0] = (bv[0] & ~rfbm) | in_use;
		span_put(&to, AT_HEADER, bv, 8);
	}
	return DONE;
}

enum outcome xstate_save(struct soft_vcpu *s, const struct insn *i)
{
	return save(s, i, false);
}

enum outcome xstate_save_compact(struct soft_vcpu *s, const struct insn *i)
{
	return save(s, i, true);
}

/* XSAVES; no supervisor component is offered, so IA32_XSS is 0. */
enum outcome xstate_save_super(struct soft_vcpu *s, const struct insn *i)
{
	return cpl(s) ? raise_code(s, EXC_GP, 0) : save(s, i, true);
}

static bool header_valid(const struct soft_xheader *h, uint64_t xcr0, bool super)
{
	static const uint64_t zero[6];

	if (h->xcomp_bv & COMPACT) {
		if ((h->xcomp_bv & ~COMPACT & ~xcr0) || (h->xstate_bv & ~h->xcomp_bv))
			return false;
	} else if (super || h->xcomp_bv || (h->xstate_bv & ~xcr0)) {
		return false;
	}
	return !memcmp(h->reserved, zero, sizeof(zero));
}

/* What a reset processor has; enough of KVM's image to be taken over. */
static void image_init(struct soft_vcpu *s, uint64_t set)
{
	uint8_t *image = s->image.bytes;

	if (set & X87) {
		memset(image, 0, AT_MXCSR);
		memset(image + AT_ST, 0, sizeof(fx(s)->st));
		fx(s)->fcw = FCW_DEFAULT;
	}
	if (set & SSE)
		memset(image + AT_XMM, 0, sizeof(fx(s)->xmm));
	for (unsigned n = 2; n < SOFT_XSTATE_N; n++)
		if (set >> n & 1)
			memset(image + s->xstate[n].at, 0, s->xstate[n].size);
}

static void get_components(struct soft_vcpu *s, const struct span *from, const struct layout *l,
			   uint64_t set)
{
	uint8_t *image = s->image.bytes;

	if (set & X87) {
		span_get(from, 0, image, AT_MXCSR);
		span_get(from, AT_ST, image + AT_ST, sizeof(fx(s)->st));
	}
	if (set & SSE)
		span_get(from, AT_XMM, image + AT_XMM, sizeof(fx(s)->xmm));
	for (unsigned n = 2; n < SOFT_XSTATE_N; n++)
		if (set >> n & 1)
			span_get(from, l->at[n], image + s->xstate[n].at, s->xstate[n].size);
}

/* The standard form has MXCSR whatever XSTATE_BV says, the compacted one with SSE. */
static enum outcome restore_mxcsr(struct soft_vcpu *s, const struct span *from, uint64_t rfbm,
				  const struct soft_xheader *h)
{
	uint32_t v = MXCSR_DEFAULT;
	bool compact = h->xcomp_bv & COMPACT;

	if (!(rfbm & (compact ? SSE : SSE | AVX)))
		return DONE;
	if (!compact || (h->xstate_bv & SSE))
		span_get(from, AT_MXCSR, &v, sizeof(v));
	if (!mxcsr_valid(s, v))
		return raise_code(s, EXC_GP, 0);
	fx(s)->mxcsr = v;
	return DONE;
}

static enum outcome restore(struct soft_vcpu *s, const struct insn *i, bool super)
{
	uint64_t xcr0, rfbm, ea = insn_ea(s, i);
	struct soft_xheader h;
	struct layout l;
	struct span from;
	enum outcome o = xstate_begin(s, i, &xcr0, &rfbm);

	if (o == DONE)
		o = mem_get(s, ea + AT_HEADER, &h, sizeof(h));
	if (o != DONE)
		return o;
	if (!header_valid(&h, xcr0, super))
		return raise_code(s, EXC_GP, 0);
	layout_of(s, rfbm & h.xstate_bv, h.xcomp_bv, &l);
	o = span_at(s, ea, l.end, READ, &from);
	if (o == DONE)
		o = state_get(s);
	if (o == DONE)
		o = restore_mxcsr(s, &from, rfbm, &h);
	if (o != DONE)
		return o;
	image_init(s, rfbm & ~h.xstate_bv);
	get_components(s, &from, &l, rfbm & h.xstate_bv);
	if (rfbm & X87)
		narrow_pointers(fx(s), i);
	/* KVM takes MXCSR along with SSE only, so x87 and SSE are always given in full. */
	s->image.header.xstate_bv = (s->image.header.xstate_bv & ~rfbm) | (h.xstate_bv & rfbm) | X87 | SSE;
	return state_set(s);
}

enum outcome xstate_restore(struct soft_vcpu *s, const struct insn *i)
{
	return restore(s, i, false);
}

enum outcome xstate_restore_super(struct soft_vcpu *s, const struct insn *i)
{
	return cpl(s) ? raise_code(s, EXC_GP, 0) : restore(s, i, true);
}
