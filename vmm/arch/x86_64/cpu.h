/* cpu.h - what this architecture's files share of a vcpu. */
#ifndef VMM_ARCH_X86_64_CPU_H
#define VMM_ARCH_X86_64_CPU_H

struct arch_vcpu;
struct soft_vcpu;

struct soft_vcpu *cpu_soft(struct arch_vcpu *a);

#endif
