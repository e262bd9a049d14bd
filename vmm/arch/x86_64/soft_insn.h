/* soft_insn.h - which completion an instruction has. */
#ifndef VMM_ARCH_X86_64_SOFT_INSN_H
#define VMM_ARCH_X86_64_SOFT_INSN_H

#include "vmm/arch/x86_64/soft_guest.h"

/* Carries out one decoded instruction.  DONE leaves it to the caller to step over it. */
typedef enum outcome completion(struct soft_vcpu *s, const struct insn *i);

struct row {
	const char *name;
	uint8_t map, op;
	uint8_t prefix, operand;	/* enum prefix, enum operand in soft_insn.c */
	int8_t  reg, rm;		/* of ModRM, -1: any */
	completion *complete;
};

/* NULL: there is none. */
const struct row *row_of(const struct insn *i);

/* soft.c: CLAC, which is also how system calls arrive. */
completion clac;

/* soft_fpu.c */
completion fpu_wait, fpu_clear, fpu_init, fpu_load_control, fpu_store_control, fpu_store_status,
	fpu_load_int32, fpu_empty_mmx, sse_load_mxcsr, sse_store_mxcsr,
	xcr_get, xcr_set, xstate_save, xstate_save_compact, xstate_save_super,
	xstate_restore, xstate_restore_super;

#endif
