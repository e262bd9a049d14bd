/* vcpu.c - runs the guest; whatever KVM cannot do alone comes out here. */
#include "vmm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/io.h"
#include "vmm/arch/arch.h"
#include "vmm/vm.h"

struct stop_job {
	struct loop_job job;
	struct vm *vm;
	enum stop_reason why;
	int code;
	char msg[160];
};

static void stop(struct loop_job *job)
{
	struct stop_job *j = owner_of(job, struct stop_job, job);

	vm_stop(j->vm, j->why, j->code, j->msg);
}

void vcpu_stop(struct vcpu *v, enum stop_reason why, int code, const char *fmt, ...)
{
	struct stop_job j = { .job = { .run = stop, .done_fd = v->done_fd },
			      .vm = v->vm, .why = why, .code = code };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(j.msg, sizeof(j.msg), fmt, ap);
	va_end(ap);
	for (;;)
		loop_call(&v->vm->loop, &j.job);
}

static void mmio(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	bus_access(&v->vm->bus, run->mmio.phys_addr, run->mmio.len, run->mmio.is_write,
		   run->mmio.data, v->done_fd);
}

/* False: nothing came of it.  After an exit only the next KVM_RUN finishes what that began,
 * and may exit again for the rest: of an access that spans pages, of a string of port I/O. */
static bool enter(struct vcpu *v)
{
	if (ioctl(v->fd, KVM_RUN, 0) < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return false;
		vcpu_stop(v, STOP_INTERNAL, 0, "vcpu %u: KVM_RUN: %s", v->id, strerror(errno));
	}
	__atomic_fetch_add(&v->exits, 1, __ATOMIC_RELAXED);
	switch (v->run->exit_reason) {
	case KVM_EXIT_INTR:
		break;
	case KVM_EXIT_MMIO:
		mmio(v);
		break;
	case KVM_EXIT_SHUTDOWN:
		vcpu_stop(v, STOP_TRIPLE_FAULT, 0, "vcpu %u: triple fault", v->id);
	case KVM_EXIT_FAIL_ENTRY:
		vcpu_stop(v, STOP_INTERNAL, 0, "vcpu %u: entry failed, hardware reason %#llx",
			  v->id, v->run->fail_entry.hardware_entry_failure_reason);
	default:
		arch_exit(v);
	}
	return true;
}

static void on_kick(int signo)
{
	(void)signo;			/* it has ended KVM_RUN */
}

static void park(struct vcpu *v)
{
	uint64_t one = 1;

	io_write(v->told, &one, sizeof(one));
	io_read(v->done_fd, &one, sizeof(one));
}

static void run(void *ctx)
{
	struct vcpu *v = ctx;

	for (;;) {
		bool parking = __atomic_load_n(&v->told, __ATOMIC_ACQUIRE) >= 0;

		/* immediate_exit is set by then: KVM_RUN begins nothing new */
		if (!enter(v) && parking)
			park(v);
	}
}

int vcpu_parkable(struct err *err)
{
	struct sigaction kick = { .sa_handler = on_kick };

	return sigaction(SIGUSR1, &kick, NULL) < 0 ? err_sys(err, "vcpu: sigaction") : 0;
}

void vcpu_park(struct vcpu *v, int told)
{
	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&v->told, told, __ATOMIC_RELEASE);
	syscall(SYS_tkill, v->thread.tid, SIGUSR1);
}

void vcpu_unpark(struct vcpu *v)
{
	uint64_t one = 1;

	__atomic_store_n(&v->told, -1, __ATOMIC_RELEASE);
	__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_RELEASE);
	io_write(v->done_fd, &one, sizeof(one));
}

void vcpu_plan(struct vcpu *v, unsigned id, struct vm *vm)
{
	*v = (struct vcpu){ .id = id, .vm = vm, .fd = -1, .told = -1, .insns.fd = -1 };
	snprintf(v->thread.name, sizeof(v->thread.name), "vcpu%u", id);
	v->thread.policy = vm->soft ? POLICY_VCPU_SOFT : POLICY_VCPU;
	v->thread.run = run;
	v->thread.ctx = v;
	threads_add(&vm->threads, &v->thread);
}

int vcpu_init(struct vcpu *v, struct err *err)
{
	int rc = kvm_new_vcpu(&v->vm->kvm, v->id, &v->fd, &v->run, err);

	if (rc < 0)
		return rc;
	v->done_fd = eventfd(0, EFD_CLOEXEC);
	if (v->done_fd < 0)
		return err_sys(err, "vcpu %u: eventfd", v->id);
	v->arch = arch_vcpu_storage(v->id);
	kvm_counter_open(&v->insns, v->fd, "insn_emulation");
	return arch_vcpu_init(v, err);
}
