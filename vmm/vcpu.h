/* vcpu.h - a virtual processor and the thread that runs it. */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/report.h"
#include "vmm/kvm.h"
#include "vmm/thread.h"

struct arch_vcpu;
struct vm;

struct vcpu {
	struct thread thread;
	unsigned id;
	int fd;
	struct kvm_run *run;		/* shared with KVM */
	struct arch_vcpu *arch;
	struct vm *vm;			/* borrowed; on this thread: bus, serial, vm_stop() */
	int done_fd;			/* eventfd: a loop has done what it was asked */
	int told;			/* eventfd: park and say so; atomic, -1: run */
	uint64_t exits;			/* to user space; atomic: counted here, read by main */
	struct kvm_counter insns;	/* the guest's instructions that KVM emulated */
};

/* Name, policy and place among the threads; nothing is made. */
void vcpu_plan(struct vcpu *v, unsigned id, struct vm *vm);

int vcpu_init(struct vcpu *v, struct err *err);

/* Before the vcpus run, if they are ever to be parked. */
int vcpu_parkable(struct err *err);

/* Leave the guest with no exit half done, add one to the eventfd `told`, and stay there until
 * vcpu_unpark().  From the main thread, whose loop goes on serving until the vcpu has told. */
void vcpu_park(struct vcpu *v, int told);
void vcpu_unpark(struct vcpu *v);

/* The machine stops; on the vcpu's thread, does not return. */
_Noreturn void vcpu_stop(struct vcpu *v, enum stop_reason why, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
