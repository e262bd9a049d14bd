/* soft_decode.h - bytes into one 64-bit mode instruction.
 *
 * Knows prefixes, the four legacy opcode maps, ModRM and displacements; not what an
 * instruction does, and neither VEX nor EVEX, which the kernels served here never use. */
#ifndef VMM_ARCH_X86_64_SOFT_DECODE_H
#define VMM_ARCH_X86_64_SOFT_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_MAX 15u		/* bytes; a longer one is #GP on any processor */

enum insn_map { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A };
enum insn_seg { SEG_FLAT, SEG_FS, SEG_GS };

enum {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP,
	GPR_RIP = 16, GPR_NONE,	/* of insn.base and insn.index only */
};

struct insn {
	uint8_t len;		/* bytes, all together */
	uint8_t map;		/* enum insn_map */
	uint8_t op;
	uint8_t rep;		/* 0, 0xf2 or 0xf3: the last one before the opcode */
	bool    opsize;		/* 0x66 */
	bool    addr32;		/* 0x67: the address is cut to 32 bits */
	bool    rex, wide;	/* a REX prefix; REX.W */
	uint8_t seg;		/* enum insn_seg */

	uint8_t mod, reg, rm;	/* of ModRM; reg and rm with their REX bits */
	uint8_t base, index;	/* of a memory operand: register, GPR_RIP, GPR_NONE */
	uint8_t scale;		/* log2 */
	int32_t disp;
	uint8_t imm;		/* the only immediate met here is one byte */
};

/* Returns 0, or -ENODATA when n bytes do not hold the whole instruction. */
int insn_decode(struct insn *i, const uint8_t *bytes, size_t n);

static inline bool insn_mem(const struct insn *i)
{
	return i->mod != 3;
}

/* Operand size of the instructions that follow 0x66 and REX.W, in bytes. */
static inline unsigned insn_size(const struct insn *i)
{
	return i->wide ? 8 : i->opsize ? 2 : 4;
}

#endif
