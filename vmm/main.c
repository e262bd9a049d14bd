/* main.c - sandbox-vmm: one virtual machine, from the descriptors of lib/fds.h.
 *
 * No arguments, no environment, no paths.  What it is to be stands in FD_SPEC, what
 * becomes of it goes to FD_LOG.  After lock_down() it can open, map and start nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/fds.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/report.h"
#include "vmm/explain.h"
#include "vmm/fault.h"
#include "vmm/lock.h"
#include "vmm/vm.h"

static const struct {
	const char *name;
	int (*run)(struct vm *vm, struct err *err);
} phases[N_PHASES] = {
	[PHASE_SPEC]	= { "spec", vm_phase_spec },
	[PHASE_KVM]	= { "kvm", vm_phase_kvm },
	[PHASE_MEMORY]	= { "memory", vm_phase_memory },
	[PHASE_KERNEL]	= { "kernel", vm_phase_kernel },
	[PHASE_DEVICES]	= { "devices", vm_phase_devices },
	[PHASE_VCPUS]	= { "vcpus", vm_phase_vcpus },
};

static int build(struct vm *vm, struct err *err)
{
	for (unsigned i = 0; i < N_PHASES; i++) {
		report_phase(FD_LOG, i);
		if (phases[i].run(vm, err) < 0 || fault_phase(phases[i].name, err) < 0)
			return -err->code;
	}
	return 0;
}

static void report_locked(const struct vm *vm, bool filtered)
{
	struct report r = { .kind = REPORT_LOCKED, .locked = {
		.create_vm_ns = vm->kvm.create_ns,
		.memory_region_ns = vm->memory_region.wall_ns,
		.memory_region_cpu_ns = vm->memory_region.cpu_ns,
		.soft_kvm = vm->soft, .layers_seccomp = filtered,
	} };
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	r.locked.cpu_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	report_send(FD_LOG, &r);
}

static int run(struct vm *vm, struct err *err)
{
	bool filtered;

	prctl(PR_SET_NAME, "sandbox-vmm");	/* started from a descriptor, it has a number for one */
	log_to(FD_LOG);
	if (build(vm, err) < 0 || vm_wait(vm, err) < 0)
		return -err->code;
	if (lock_down(&vm->threads, vm_loop_policy(vm), &filtered, err) < 0)
		return -err->code;
	if (!filtered && vm->spec.layers >> LAYER_THREAD_SECCOMP & 1)
		return err_set(err, EPERM, "require: %s is not in this build of the monitor",
			       report_layer_names[LAYER_THREAD_SECCOMP]);
	report_locked(vm, filtered);
	vm_start(vm);
	fault_loop();
	loop_run(&vm->loop);		/* ends in vm_stop() */
	return 0;
}

/* For who started us by hand.  In one write(): by stdio it would be another system call. */
static void say(const struct err *err)
{
	char line[sizeof(err->msg) + 16];
	int n = snprintf(line, sizeof(line), "sandbox-vmm: %s\n", err->msg);

	io_write(STDERR_FILENO, line, (size_t)n);
}

int main(int argc, char **argv)
{
	static struct vm vm;		/* large, and zero pages until used */
	struct err err;

	if (argc == 2 && !strcmp(argv[1], "--explain")) {
		if (vm_phase_spec(&vm, &err) == 0) {
			explain(stdout, &vm);
			return fflush(stdout) ? 1 : 0;
		}
	} else if (run(&vm, &err) == 0) {
		return 0;
	} else {
		report_error(FD_LOG, &err);
	}
	say(&err);
	return 1;
}
