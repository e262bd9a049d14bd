/* soft_decode.c - bytes into one 64-bit mode instruction. */
#include <errno.h>
#include <string.h>

#include "vmm/arch/x86_64/soft_decode.h"

struct cursor {
	const uint8_t *at, *end;
	bool short_of;		/* somebody asked for a byte that is not there */
};

static uint8_t next(struct cursor *c)
{
	if (c->at == c->end) {
		c->short_of = true;
		return 0;
	}
	return *c->at++;
}

static int32_t next_disp32(struct cursor *c)
{
	uint32_t v = 0;

	for (unsigned shift = 0; shift < 32; shift += 8)
		v |= (uint32_t)next(c) << shift;
	return (int32_t)v;
}

/* Returns true when b was a legacy prefix. */
static bool legacy_prefix(struct insn *i, uint8_t b)
{
	switch (b) {
	case 0x66:
		i->opsize = true;
		return true;
	case 0x67:
		i->addr32 = true;
		return true;
	case 0xf2: case 0xf3:
		i->rep = b;
		return true;
	case 0x64:
		i->seg = SEG_FS;
		return true;
	case 0x65:
		i->seg = SEG_GS;
		return true;
	case 0xf0:				/* lock: completions are atomic anyway */
	case 0x26: case 0x2e: case 0x36: case 0x3e:	/* no meaning in 64-bit mode */
		return true;
	}
	return false;
}

static void opcode(struct insn *i, struct cursor *c, uint8_t b)
{
	i->map = MAP_ONE;
	i->op = b;
	if (b != 0x0f)
		return;
	i->map = MAP_0F;
	i->op = next(c);
	if (i->op != 0x38 && i->op != 0x3a)
		return;
	i->map = i->op == 0x38 ? MAP_0F38 : MAP_0F3A;
	i->op = next(c);
}

/* Of the one-byte map only what completions know: the rest is never looked at. */
static bool has_modrm(const struct insn *i)
{
	if (i->map == MAP_ONE)
		return i->op >= 0xd8 && i->op <= 0xdf;
	if (i->map != MAP_0F)
		return true;
	switch (i->op) {
	case 0x05 ... 0x0b: case 0x0e: case 0x30 ... 0x37: case 0x77: case 0x80 ... 0x8f:
	case 0xa0 ... 0xa2: case 0xa8 ... 0xaa: case 0xc8 ... 0xcf:
		return false;
	}
	return true;
}

static bool has_imm8(const struct insn *i)
{
	return (i->map == MAP_ONE && i->op == 0xcd) || i->map == MAP_0F3A;
}

static void memory_operand(struct insn *i, struct cursor *c, uint8_t rex)
{
	i->base = i->rm;
	i->index = GPR_NONE;
	if ((i->rm & 7) == 4) {
		uint8_t sib = next(c);

		i->scale = sib >> 6;
		i->index = (uint8_t)((sib >> 3 & 7) | (rex & 2) << 2);
		i->base = (uint8_t)((sib & 7) | (rex & 1) << 3);
		if (i->index == GPR_RSP)
			i->index = GPR_NONE;
	}
	if (i->mod == 0 && (i->base & 7) == GPR_RBP) {
		i->base = (i->rm & 7) == 4 ? GPR_NONE : GPR_RIP;
		i->disp = next_disp32(c);
	} else if (i->mod == 1) {
		i->disp = (int8_t)next(c);
	} else if (i->mod == 2) {
		i->disp = next_disp32(c);
	}
}

static void modrm(struct insn *i, struct cursor *c, uint8_t rex)
{
	uint8_t b = next(c);

	i->mod = b >> 6;
	i->reg = (uint8_t)((b >> 3 & 7) | (rex & 4) << 1);
	i->rm = (uint8_t)((b & 7) | (rex & 1) << 3);
	if (insn_mem(i))
		memory_operand(i, c, rex);
}

int insn_decode(struct insn *i, const uint8_t *bytes, size_t n)
{
	struct cursor c = { .at = bytes, .end = bytes + (n < INSN_MAX ? n : INSN_MAX) };
	uint8_t rex = 0, b;

	memset(i, 0, sizeof(*i));
	i->mod = 3;
	i->base = i->index = GPR_NONE;
	do {
		b = next(&c);
	} while (legacy_prefix(i, b));
	if ((b & 0xf0) == 0x40) {
		rex = b;
		i->rex = true;
		i->wide = rex & 8;
		b = next(&c);
	}
	opcode(i, &c, b);
	if (has_modrm(i))
		modrm(i, &c, rex);
	if (has_imm8(i))
		i->imm = next(&c);
	i->len = (uint8_t)(c.at - bytes);
	return c.short_of ? -ENODATA : 0;
}
