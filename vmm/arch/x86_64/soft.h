/* soft.h - completes guest instructions where KVM emulates the guest's kernel.
 *
 * On a machine without VMX or SVM, /dev/kvm can come from a module that runs guest user
 * code natively and emulates guest kernel code, one instruction at a time.  Its emulator
 * lacks some instructions; KVM then exits with the bytes and the monitor does the rest.
 * Nothing here is used where soft_probe() says no. */
#ifndef VMM_ARCH_X86_64_SOFT_H
#define VMM_ARCH_X86_64_SOFT_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "virtio/gmem.h"

#define SOFT_XSTATE_N 10u		/* state components 0..9: all there are but AMX */

/* The vector registers as KVM shows them, a struct kvm_xsave: the standard XSAVE form. */
union soft_image {
	uint8_t bytes[4096];
	struct {
		struct soft_fx {		/* FXSAVE's 512 bytes */
			uint16_t fcw, fsw;
			uint8_t  ftw, reserved;	/* ftw: bit n: physical register n is in use */
			uint16_t fop;
			uint64_t fip, fdp;
			uint32_t mxcsr, mxcsr_mask;
			uint8_t  st[8][16];	/* ST(0) first */
			uint8_t  xmm[16][16];
			uint8_t  unused[96];
		} fx;
		struct soft_xheader {
			uint64_t xstate_bv, xcomp_bv, reserved[6];
		} header;
	};
};

/* One a vcpu, used on that vcpu's thread only; vcpus share nothing here. */
struct soft_vcpu {
	int fd;				/* borrowed */
	struct kvm_run *run;		/* borrowed; its synced registers are ours to edit */
	const struct gmem *mem;		/* borrowed */
	uint64_t lstar;			/* where SYSCALL goes; 0 before the guest said so */
	uint64_t pf_entry;		/* the trap planted in the guest's #PF handler */
	uint64_t star;			/* MSR_STAR, for SYSCALL's selectors */
	uint64_t completions;		/* atomic: counted here, read by anyone */
	const char *name;		/* of the last completion */
	const char *impossible;		/* why it was given up */
	bool rdrand;			/* this processor has it */
	struct soft_xstate {		/* where KVM's image has each component, from 2 on */
		uint16_t at, size;	/* size 0: this processor has no such component */
		bool aligned;		/* to 64 bytes in the compacted form */
	} xstate[SOFT_XSTATE_N];
	union soft_image image;		/* scratch */
};

/* The processor has neither VMX nor SVM: if there is a KVM, it is such a one. */
bool soft_probe(void);

/* Ask for an exit on what the emulator lacks and, of a guest that boots, on writes of LSTAR.
 * Before vcpus. */
int soft_vm_init(int vm_fd, bool restored, struct err *err);

/* Take out of the policy what would make the guest slow or wrong here; only shrinks. */
void soft_cpuid(struct kvm_cpuid2 *cpuid);

/* Words for the guest's command line, without leading or trailing blank. */
const char *soft_cmdline(unsigned cpus);

/* Asks KVM to keep registers in run->s.regs; they are valid after each KVM_RUN. */
int soft_vcpu_init(struct soft_vcpu *s, int vcpu_fd, struct kvm_run *run, const struct gmem *mem,
		   struct err *err);

/* For KVM_EXIT_INTERNAL_ERROR and KVM_EXIT_X86_WRMSR.  0: run on.  Negative errno: the
 * machine must stop, and why[n] says at which rip and bytes.  No allocation; only the
 * system calls of seccomp/vcpu_soft.c. */
int soft_exit(struct soft_vcpu *s, char *why, size_t n);

/* How many instructions were completed; any thread. */
uint64_t soft_completions(const struct soft_vcpu *s);

#endif
