/* state.c - x86_64: processors and interrupt controllers in snapshots.
 *
 * The order of the loads is KVM's: CPUID decides what the other registers may hold, the
 * local APIC must be there before its timer's deadline, and events come last. */
#include <cpuid.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "vmm/arch/arch.h"
#include "vmm/state.h"
#include "vmm/vm.h"

#define MAX_CPUID	256
#define MAX_MSRS	384
#define N_CHIPS		3u		/* two PICs and the I/O APIC */

struct vm_state {
	struct kvm_irqchip chip[N_CHIPS];
	struct kvm_pit_state2 pit;
	uint64_t clock_ns;		/* what the guest's kvmclock says */
};

struct vcpu_state {
	struct kvm_mp_state mp;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint32_t xsave[sizeof(struct kvm_xsave) / sizeof(uint32_t)];
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debug;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	uint32_t n_cpuid, n_msrs, tsc_khz, zero;
	struct kvm_cpuid_entry2 cpuid[MAX_CPUID];
	struct kvm_msr_entry msr[MAX_MSRS];
};

static struct vcpu_state vcpu;		/* one at a time, on the main thread */

static union {
	struct kvm_msr_list list;
	char room[sizeof(struct kvm_msr_list) + MAX_MSRS * sizeof(uint32_t)];
} msrs;

/* What a saved processor is made of.  Few leaves: each costs microseconds where a hypervisor
 * is underneath. */
void arch_host_id(struct arch_host_id *id)
{
	static const uint32_t leaf[] = { 0, 1, 7, 0x80000001 };
	uint32_t r[4];

	for (unsigned i = 0; i < sizeof(leaf) / sizeof(leaf[0]); i++) {
		__cpuid_count(leaf[i], 0, r[0], r[1], r[2], r[3]);
		if (leaf[i] == 1) {
			r[1] &= 0xffff;		/* without the number of the processor we are on */
			r[2] &= ~(1u << 27);	/* nor whether XSAVE is in use */
		}
		memcpy(&id->word[4 * i], r, sizeof(r));
	}
}

#define MSR_TSC 0x10u

/* Where time stood.  It goes on in arch_clock_start(), which may be long after the rest. */
static struct {
	uint64_t clock_ns, tsc[MAX_VCPUS];
} stood;

/* --- the machine --------------------------------------------------------------------- */

int arch_vm_save(const struct kvm *k, struct state *s, struct err *err)
{
	static struct vm_state vm;
	struct kvm_clock_data clock = { 0 };

	for (unsigned i = 0; i < N_CHIPS; i++) {
		vm.chip[i].chip_id = i;
		if (kvm_ioctl(k->vm_fd, KVM_GET_IRQCHIP, &vm.chip[i]) < 0)
			return err_sys(err, "snapshot: interrupt controller %u", i);
	}
	if (kvm_ioctl(k->vm_fd, KVM_GET_PIT2, &vm.pit) < 0)
		return err_sys(err, "snapshot: timer");
	if (kvm_ioctl(k->vm_fd, KVM_GET_CLOCK, &clock) < 0)
		return err_sys(err, "snapshot: clock");
	vm.clock_ns = clock.clock;
	state_put(s, STATE_VM, &vm, sizeof(vm));
	return 0;
}

int arch_vm_load(const struct kvm *k, struct state *s, struct err *err)
{
	static struct vm_state vm;
	int rc = state_get(s, STATE_VM, &vm, sizeof(vm), err);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < N_CHIPS; i++) {
		vm.chip[i].chip_id = i;
		if (kvm_ioctl(k->vm_fd, KVM_SET_IRQCHIP, &vm.chip[i]) < 0)
			return err_sys(err, "snapshot: interrupt controller %u", i);
	}
	if (kvm_ioctl(k->vm_fd, KVM_SET_PIT2, &vm.pit) < 0)
		return err_sys(err, "snapshot: timer");
	stood.clock_ns = vm.clock_ns;
	return 0;
}

/* --- a processor --------------------------------------------------------------------- */

/* Registers that KVM reads and writes as one struct, in the order of the loads. */
static const struct part {
	const char *name;
	unsigned long get, set;
	size_t at;
} parts[] = {
	{ "run state", KVM_GET_MP_STATE, KVM_SET_MP_STATE, offsetof(struct vcpu_state, mp) },
	{ "registers", KVM_GET_REGS, KVM_SET_REGS, offsetof(struct vcpu_state, regs) },
	{ "system registers", KVM_GET_SREGS, KVM_SET_SREGS, offsetof(struct vcpu_state, sregs) },
	{ "vector registers", KVM_GET_XSAVE, KVM_SET_XSAVE, offsetof(struct vcpu_state, xsave) },
	{ "XCR0", KVM_GET_XCRS, KVM_SET_XCRS, offsetof(struct vcpu_state, xcrs) },
	{ "debug registers", KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS,
	  offsetof(struct vcpu_state, debug) },
	{ "local APIC", KVM_GET_LAPIC, KVM_SET_LAPIC, offsetof(struct vcpu_state, lapic) },
};

#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

static void *part_at(size_t i)
{
	return (char *)&vcpu + parts[i].at;
}

int arch_save_prepare(const struct kvm *k, struct err *err)
{
	msrs.list.nmsrs = MAX_MSRS;
	if (kvm_ioctl(k->fd, KVM_GET_MSR_INDEX_LIST, &msrs) < 0)
		return err_sys(err, "snapshot: KVM's list of MSRs");
	return 0;
}

union one_msr {
	struct kvm_msrs m;
	char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

/* The counter has gone on since it was read, and a guest that goes on must not see it go back. */
static bool takes_back(int fd, union one_msr *one)
{
	return one->m.entries[0].index == MSR_TSC || kvm_ioctl(fd, KVM_SET_MSRS, one) == 1;
}

/* KVM lists what it may know; kept is what this vcpu has and takes back. */
static void save_msrs(int fd)
{
	for (uint32_t i = 0; i < msrs.list.nmsrs; i++) {
		union one_msr one = { .room = { 0 } };

		one.m.nmsrs = 1;
		one.m.entries[0].index = msrs.list.indices[i];
		if (kvm_ioctl(fd, KVM_GET_MSRS, &one) == 1 && takes_back(fd, &one))
			vcpu.msr[vcpu.n_msrs++] = one.m.entries[0];
	}
}

static int save_cpuid(int fd)
{
	static union {
		struct kvm_cpuid2 table;
		char room[sizeof(struct kvm_cpuid2) + sizeof(vcpu.cpuid)];
	} c;

	c.table.nent = MAX_CPUID;
	if (kvm_ioctl(fd, KVM_GET_CPUID2, &c) < 0)
		return -errno;
	vcpu.n_cpuid = c.table.nent;
	memcpy(vcpu.cpuid, c.table.entries, c.table.nent * sizeof(vcpu.cpuid[0]));
	return 0;
}

int arch_vcpu_save(struct vcpu *v, struct state *s, struct err *err)
{
	memset(&vcpu, 0, sizeof(vcpu));
	for (size_t i = 0; i < N_PARTS; i++)
		if (kvm_ioctl(v->fd, parts[i].get, part_at(i)) < 0)
			return err_sys(err, "snapshot: vcpu %u: %s", v->id, parts[i].name);
	if (kvm_ioctl(v->fd, KVM_GET_VCPU_EVENTS, &vcpu.events) < 0)
		return err_sys(err, "snapshot: vcpu %u: events", v->id);
	if (save_cpuid(v->fd) < 0)
		return err_sys(err, "snapshot: vcpu %u: CPUID", v->id);
	vcpu.tsc_khz = (uint32_t)kvm_ioctl(v->fd, KVM_GET_TSC_KHZ, NULL);
	save_msrs(v->fd);
	state_put(s, STATE_VCPU, &vcpu, sizeof(vcpu));
	return 0;
}

static int load_cpuid(const struct vcpu *v, struct err *err)
{
	static union {
		struct kvm_cpuid2 table;
		char room[sizeof(struct kvm_cpuid2) + sizeof(vcpu.cpuid)];
	} c;

	if (vcpu.n_cpuid > MAX_CPUID)
		return err_set(err, EINVAL, "snapshot: vcpu %u: CPUID", v->id);
	c.table.nent = vcpu.n_cpuid;
	memcpy(c.table.entries, vcpu.cpuid, vcpu.n_cpuid * sizeof(vcpu.cpuid[0]));
	return kvm_ioctl(v->fd, KVM_SET_CPUID2, &c) < 0 ?
	       err_sys(err, "snapshot: vcpu %u: CPUID", v->id) : 0;
}

static int load_msrs(const struct vcpu *v, struct err *err)
{
	static union {
		struct kvm_msrs m;
		char room[sizeof(struct kvm_msrs) + sizeof(vcpu.msr)];
	} all;
	int did;

	if (vcpu.n_msrs > MAX_MSRS)
		return err_set(err, EINVAL, "snapshot: vcpu %u: MSRs", v->id);
	all.m.nmsrs = vcpu.n_msrs;
	memcpy(all.m.entries, vcpu.msr, vcpu.n_msrs * sizeof(vcpu.msr[0]));
	for (uint32_t i = 0; i < vcpu.n_msrs; i++)
		if (vcpu.msr[i].index == MSR_TSC)
			stood.tsc[v->id] = vcpu.msr[i].data;
	did = kvm_ioctl(v->fd, KVM_SET_MSRS, &all);
	if (did == (int)vcpu.n_msrs)
		return 0;
	return err_set(err, EINVAL, "snapshot: vcpu %u: MSR %#x is refused", v->id,
		       did >= 0 ? vcpu.msr[did].index : 0);
}

/* The same processor may have been measured a little differently; KVM lets that pass. */
static int load_tsc_rate(const struct vcpu *v, struct err *err)
{
	uint32_t here = (uint32_t)kvm_ioctl(v->fd, KVM_GET_TSC_KHZ, NULL);
	uint32_t apart = here > vcpu.tsc_khz ? here - vcpu.tsc_khz : vcpu.tsc_khz - here;

	if (apart <= here / 1000 ||
	    kvm_ioctl(v->fd, KVM_SET_TSC_KHZ, (void *)(uintptr_t)vcpu.tsc_khz) == 0)
		return 0;
	return err_set(err, EINVAL, "snapshot: its time stamp counter ran at %u kHz, this one "
		       "runs at %u", vcpu.tsc_khz, here);
}

/* --- the guest's clock ------------------------------------------------------------------
 *
 * The guest computes its time from a page that KVM fills in: so much at that count of the time
 * stamp counter, and so fast.  Software KVM has no counter of the guest's own - the host's has
 * gone on since the machine was saved - and rewrites the page a moment after the guest is
 * running.  A guest that looks before would be ahead by the age of the snapshot. */

#define MSR_KVM_SYSTEM_TIME_NEW	0x4b564d01u

struct pvclock {			/* the kernel's struct pvclock_vcpu_time_info */
	uint32_t version, pad;
	uint64_t tsc, system_ns;
	uint32_t mul;
	int8_t	 shift;
	uint8_t	 flags, pad2[2];
};

static bool read_msr(int fd, uint32_t index, uint64_t *value)
{
	union one_msr one = { .room = { 0 } };

	one.m.nmsrs = 1;
	one.m.entries[0].index = index;
	if (kvm_ioctl(fd, KVM_GET_MSRS, &one) != 1)
		return false;
	*value = one.m.entries[0].data;
	return true;
}

/* No vcpu runs, so nobody reads the page while it is written. */
static void set_pvclock(const struct vcpu *v)
{
	struct kvm_clock_data clock = { 0 };
	struct pvclock *page;
	uint64_t at, tsc;

	if (!read_msr(v->fd, MSR_KVM_SYSTEM_TIME_NEW, &at) || !(at & 1) ||
	    !read_msr(v->fd, MSR_TSC, &tsc) ||
	    kvm_ioctl(v->vm->kvm.vm_fd, KVM_GET_CLOCK, &clock) < 0)
		return;
	page = gmem_at(&v->vm->mem, at & ~1ull, sizeof(*page));
	if (!page || (at & 2))			/* a guest aligns it to four bytes */
		return;
	page->tsc = tsc;
	page->system_ns = clock.clock;
}

int arch_vcpu_load(struct vcpu *v, struct state *s, struct err *err)
{
	int rc = state_get(s, STATE_VCPU, &vcpu, sizeof(vcpu), err);

	if (rc == 0)
		rc = load_cpuid(v, err);
	if (rc == 0)
		rc = load_tsc_rate(v, err);
	for (size_t i = 0; rc == 0 && i < N_PARTS; i++)
		if (kvm_ioctl(v->fd, parts[i].set, part_at(i)) < 0)
			rc = err_sys(err, "snapshot: vcpu %u: %s", v->id, parts[i].name);
	if (rc == 0)
		rc = load_msrs(v, err);
	if (rc == 0 && kvm_ioctl(v->fd, KVM_SET_VCPU_EVENTS, &vcpu.events) < 0)
		rc = err_sys(err, "snapshot: vcpu %u: events", v->id);
	return rc;
}

static int write_tsc(const struct vcpu *v)
{
	union one_msr one = { .room = { 0 } };

	one.m.nmsrs = 1;
	one.m.entries[0].index = MSR_TSC;
	one.m.entries[0].data = stood.tsc[v->id];
	return kvm_ioctl(v->fd, KVM_SET_MSRS, &one);
}

int arch_clock_start(struct vm *vm, struct err *err)
{
	struct kvm_clock_data clock = { .clock = stood.clock_ns };
	int rc = kvm_ioctl(vm->kvm.vm_fd, KVM_SET_CLOCK, &clock);

	for (unsigned i = 0; rc >= 0 && i < vm->spec.cpus; i++)
		if (vm->soft)
			set_pvclock(&vm->vcpu[i]);
		else
			rc = write_tsc(&vm->vcpu[i]);
	return rc < 0 ? err_sys(err, "snapshot: clock") : 0;
}
