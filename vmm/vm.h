/* vm.h - the machine: owns everything, and is built in phases.
 *
 * A tree: the vm owns guest memory, the loop, vcpus, the bus and the devices; devices
 * borrow memory, a loop and descriptors, and know nothing of the vm. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include "lib/loop.h"
#include "lib/report.h"
#include "lib/spec.h"
#include "virtio/gmem.h"
#include "vmm/boot.h"
#include "vmm/bus.h"
#include "vmm/control.h"
#include "vmm/devices.h"
#include "vmm/kvm.h"
#include "vmm/serial.h"
#include "vmm/thread.h"
#include "vmm/vcpu.h"

struct vm {
	struct spec spec;
	bool soft;			/* the KVM emulates the guest's kernel; see arch.h */
	struct kvm kvm;
	struct gmem mem;
	struct kvm_time memory_region;	/* what handing memory to KVM took */
	struct boot boot;
	struct loop loop;		/* of the main thread */
	struct bus bus;
	struct devices devices;
	struct control control;
	struct serial serial;
	struct vcpu vcpu[MAX_VCPUS];
	struct threads threads;
	bool heard;			/* the guest has asked for a connection */

	/* of a machine that is saved */
	struct loop_io parked;		/* eventfd: a vcpu has left the guest */
	unsigned n_parked;
	int snap_fd;			/* the file it is being saved in, or -1 */
	int snap_done_fd;		/* eventfd: a disk's loop has done what it was asked */
};

/* What the machine will be, from the spec alone: nothing is opened, mapped or started.
 * `sandbox-vmm --explain` prints this, the phases make it. */
int vm_plan(struct vm *vm, struct err *err);

enum policy_id vm_loop_policy(const struct vm *vm);	/* the main thread's filter */

/* The phases, in this order. */
int vm_phase_spec(struct vm *vm, struct err *err);
int vm_phase_kvm(struct vm *vm, struct err *err);
int vm_phase_memory(struct vm *vm, struct err *err);
int vm_phase_kernel(struct vm *vm, struct err *err);
int vm_phase_devices(struct vm *vm, struct err *err);
int vm_phase_vcpus(struct vm *vm, struct err *err);

/* Built: a machine that is held waits here.  Then a restored one's clock goes on. */
int vm_wait(struct vm *vm, struct err *err);

/* Locked down: let the guest run. */
void vm_start(struct vm *vm);

/* Report why and what it cost, and end the process; on the main thread. */
_Noreturn void vm_stop(struct vm *vm, enum stop_reason why, int code, const char *msg);

#endif
