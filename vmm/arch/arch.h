/* arch.h - the whole difference between architectures.
 *
 * One directory beside this file implements it; the same file names in each.  Nothing
 * outside vmm/arch/ asks for the architecture in any other way. */
#ifndef VMM_ARCH_ARCH_H
#define VMM_ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "lib/err.h"
#include "virtio/gmem.h"
#include "vmm/boot.h"
#include "vmm/kvm.h"

struct state;
struct vm;
struct vcpu;
struct arch_vcpu;	/* what an architecture keeps for each vcpu; zero pages until used */

extern const struct arch_layout {
	uint64_t ram_base;			/* gpa where RAM starts */
	uint64_t hole_start, hole_end;		/* no RAM here: devices, interrupt controllers */
	uint32_t serial_irq;
} arch_layout;

/* Does this machine's KVM emulate the guest's kernel, so that we must help it? */
bool arch_soft_kvm(void);

/* Interrupt controllers and timer; after memory, before vcpus.  restored: the guest's kernel is
 * past its start. */
int arch_vm_init(const struct kvm *k, bool soft, bool restored, struct err *err);

/* The words every guest kernel is given, without leading or trailing blank. */
void arch_cmdline(char *buf, size_t n, bool soft, unsigned cpus);

/* Read a kernel into guest memory and say how it wants to be entered.  The file is the
 * user's and may be anything. */
int arch_load_kernel(const struct gmem *mem, int fd, struct boot *boot, struct err *err);

/* Write what the kernel reads at its start: memory map, processors, tables. */
void arch_write_boot(const struct gmem *mem, const struct boot *boot, unsigned cpus);

/* Storage for vcpu `id` < MAX_VCPUS, and its registers: vcpu 0 enters the kernel, the
 * others wait for it. */
struct arch_vcpu *arch_vcpu_storage(unsigned id);
int arch_vcpu_init(struct vcpu *v, struct err *err);

/* The machine's and a vcpu's state, while no vcpu runs; loaded before any ever did, instead
 * of arch_write_boot() and the registers of arch_vcpu_init().  arch_host_id() names what a
 * saved processor cannot do without; both sides must agree on every byte. */
struct arch_host_id { uint32_t word[16]; };
void arch_host_id(struct arch_host_id *id);
int  arch_save_prepare(const struct kvm *k, struct err *err);	/* before lock_down() */
int  arch_vm_save(const struct kvm *k, struct state *s, struct err *err);
int  arch_vm_load(const struct kvm *k, struct state *s, struct err *err);
int  arch_vcpu_save(struct vcpu *v, struct state *s, struct err *err);
int  arch_vcpu_load(struct vcpu *v, struct state *s, struct err *err);

/* Last of all: what was loaded goes on from the time at which it was saved. */
int  arch_clock_start(struct vm *vm, struct err *err);

/* An exit that common code does not know; on the vcpu's thread. */
void arch_exit(struct vcpu *v);

/* Instructions completed for a software KVM; any thread. */
uint64_t arch_completions(const struct arch_vcpu *a);

/* The arguments of the system call that a signal's context stopped.  Signal-safe. */
void arch_syscall_args(const ucontext_t *uc, uint64_t arg[6]);

#endif
