/* signal.c - x86_64: what a stopped system call was called with. */
#include "vmm/arch/arch.h"

void arch_syscall_args(const ucontext_t *uc, uint64_t arg[6])
{
	static const int at[6] = { REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9 };

	for (unsigned i = 0; i < 6; i++)
		arg[i] = (uint64_t)uc->uc_mcontext.gregs[at[i]];
}
