/* vm.c - the machine's phases and its end. */
#include "vmm/vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fds.h"
#include "lib/io.h"
#include "lib/proto.h"
#include "vmm/arch/arch.h"
#include "vmm/fault.h"
#include "vmm/irq.h"
#include "vmm/lock.h"
#include "vmm/mem.h"
#include "vmm/snap.h"

int vm_plan(struct vm *vm, struct err *err)
{
	vm->soft = arch_soft_kvm();
	mem_plan(&vm->mem, vm->spec.memory);
	devices_plan(&vm->devices, &vm->spec, &vm->threads);
	for (unsigned i = 0; i < vm->spec.cpus; i++)
		vcpu_plan(&vm->vcpu[i], i, vm);
	return boot_cmdline(&vm->boot, &vm->devices, &vm->spec, vm->soft, err);
}

enum policy_id vm_loop_policy(const struct vm *vm)
{
	return vm->spec.snapshot == SNAP_TAKE ? POLICY_SAVE :
	       vm->spec.savable ? POLICY_SAVABLE : POLICY_LOOP;
}

int vm_phase_spec(struct vm *vm, struct err *err)
{
	int rc = spec_read_fd(&vm->spec, FD_SPEC, err);

	if (rc < 0)
		return rc;
	fault_set(vm->spec.fault);
	rc = vm_plan(vm, err);
	if (rc == 0 && vm->spec.snapshot == SNAP_RESTORE)
		rc = snap_open(vm, err);
	return rc;
}

int vm_phase_kvm(struct vm *vm, struct err *err)
{
	return kvm_open(&vm->kvm, FD_KVM, vm->spec.cpus, err);
}

static int prefault(const struct gmem *m, struct err *err)
{
	int rc = 0;

	for (unsigned i = 0; i < m->n && rc == 0; i++)
		rc = mem_populate(m->region[i].hva, m->region[i].len, false);
	return rc < 0 ? err_set(err, -rc, "prefault: %s (it needs Linux 5.14)", strerror(-rc)) : 0;
}

/* Memory comes before the interrupt controllers: what those replace in KVM is freed a grace
 * period later, and memory would wait for that, 4 to 10 ms. */
int vm_phase_memory(struct vm *vm, struct err *err)
{
	int rc = mem_map(&vm->mem, vm->spec.huge_pages, err);

	if (rc == 0 && vm->spec.snapshot == SNAP_RESTORE)
		rc = snap_map(vm, err);
	else if (rc == 0 && vm->spec.prefault)
		rc = prefault(&vm->mem, err);
	if (rc == 0)
		rc = kvm_add_memory(&vm->kvm, &vm->mem, &vm->memory_region, err);
	if (rc < 0)
		return rc;
	return arch_vm_init(&vm->kvm, vm->soft, vm->spec.snapshot == SNAP_RESTORE, err);
}

int vm_phase_kernel(struct vm *vm, struct err *err)
{
	int rc;

	if (vm->spec.snapshot == SNAP_RESTORE)
		return 0;		/* it is in memory, and long past its start */
	rc = arch_load_kernel(&vm->mem, FD_KERNEL, &vm->boot, err);

	if (rc == 0)
		rc = boot_initrd(&vm->boot, &vm->mem, vm->spec.initrd, err);
	if (rc == 0)
		arch_write_boot(&vm->mem, &vm->boot, vm->spec.cpus);
	return rc;
}

static struct report_counters count(const struct vm *vm)
{
	struct report_counters c = { 0 };

	for (unsigned i = 0; i < vm->spec.cpus; i++) {
		const struct vcpu *v = &vm->vcpu[i];

		c.exits += __atomic_load_n(&v->exits, __ATOMIC_RELAXED);
		c.insn_emulation += kvm_counter_read(&v->insns);
		c.completions += arch_completions(v->arch);
	}
	return c;
}

/* The agent's first act is to connect: what the guest needed until then is its boot. */
static void guest_connects(void *ctx, uint32_t id, uint32_t port)
{
	struct vm *vm = ctx;

	if (!vm->heard) {
		struct report r = { .kind = REPORT_HEARD, .counters = count(vm) };

		report_send(FD_LOG, &r);
		vm->heard = true;
	}
	if (vm->spec.snapshot != SNAP_TAKE)
		control_request(&vm->control, id, port);
	else if (port == PORT_CONTROL)
		snap_begin(vm, FD_SNAPSHOT);	/* the request stays without an answer */
	else
		vsock_refuse(vm->devices.vsock, id);
}

static bool may_be_saved(const struct spec *spec)
{
	return spec->snapshot == SNAP_TAKE || spec->savable;
}

static void stop_asked(void *ctx, enum stop_reason why, const char *msg)
{
	vm_stop(ctx, why, 0, msg);
}

static void save_asked(void *ctx, int fd)
{
	struct vm *vm = ctx;

	if (!vm->spec.savable || vm->snap_fd >= 0)
		vm_stop(vm, STOP_INTERNAL, 0, "the runner saves what it may not save now");
	snap_begin(vm, fd);
}

int vm_wait(struct vm *vm, struct err *err)
{
	int rc = vm->spec.hold ? control_wait(FD_BROKER, err) : 0;

	if (rc == 0 && vm->spec.snapshot == SNAP_RESTORE)
		rc = arch_clock_start(vm, err);
	return rc;
}

void vm_start(struct vm *vm)
{
	if (vm->spec.snapshot == SNAP_RESTORE)
		snap_resume(vm);
	threads_release(&vm->threads);
}

int vm_phase_devices(struct vm *vm, struct err *err)
{
	struct vsock_user user = { guest_connects, vm };
	struct control_owner owner = { stop_asked, save_asked, vm };
	int irq_fd, rc = loop_init(&vm->loop);

	if (rc < 0)
		return err_set(err, -rc, "event loop: %s", strerror(-rc));
	rc = irq_open(&vm->kvm, arch_layout.serial_irq, &irq_fd, err);
	if (rc < 0)
		return rc;
	serial_init(&vm->serial, FD_CONSOLE, irq_fd);
	rc = devices_init(&vm->devices, &vm->kvm, &vm->mem, &vm->loop, &vm->bus, &user, err);
	if (rc < 0)
		return rc;
	rc = control_init(&vm->control, &vm->loop, FD_BROKER, vm->devices.vsock, &owner, err);
	if (rc == 0 && may_be_saved(&vm->spec))
		rc = snap_prepare(vm, err);
	return rc;
}

int vm_phase_vcpus(struct vm *vm, struct err *err)
{
	int rc = lock_prepare(vm->spec.cpu_seconds, err);

	for (unsigned i = 0; rc == 0 && i < vm->spec.cpus; i++)
		rc = vcpu_init(&vm->vcpu[i], err);
	if (rc == 0 && vm->spec.snapshot == SNAP_RESTORE)
		rc = snap_load(vm, err);
	if (rc < 0)
		return rc;
	return threads_start(&vm->threads, err);
}

void vm_stop(struct vm *vm, enum stop_reason why, int code, const char *msg)
{
	struct report r = { .kind = REPORT_STOPPED, .stopped = { .reason = why, .code = code } };

	serial_flush(&vm->serial);
	r.stopped.counters = count(vm);
	snprintf(r.stopped.msg, sizeof(r.stopped.msg), "%s", msg);
	report_send(FD_LOG, &r);
	_exit(0);
}
