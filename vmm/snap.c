/* snap.c - a machine into a snapshot, and out of one. */
#include "vmm/snap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fds.h"
#include "lib/io.h"
#include "vmm/arch/arch.h"
#include "vmm/build.h"
#include "vmm/mem.h"
#include "vmm/vm.h"

#define PAGE	4096u
#define STRIDE	(1u << 20)	/* bytes in one write, at most */

/* What must be the same where it is restored, apart from what the runner looks at. */
struct host_state {
	struct arch_host_id cpu;
	uint64_t memory;
	uint32_t cpus, disks, disks_ro, soft;
	char monitor[48];		/* which build of the monitor */
};

static struct state state;		/* one a process; zero pages until used */

static struct host_state host_of(const struct vm *vm)
{
	struct host_state h = { .memory = vm->spec.memory, .cpus = vm->spec.cpus,
				.disks = vm->spec.disks, .disks_ro = vm->spec.disks_ro,
				.soft = vm->soft };

	arch_host_id(&h.cpu);
	snprintf(h.monitor, sizeof(h.monitor), "%s", build_id());
	return h;
}

/* --- taking ------------------------------------------------------------------------------ */

/* A stretch of pages that are not all zero; the others are holes in the file. */
static bool is_zero(const uint8_t *page)
{
	const uint64_t *w = (const void *)page;
	uint64_t any = 0;

	for (unsigned i = 0; i < PAGE / sizeof(*w); i++)
		any |= w[i];
	return any == 0;
}

static int write_region(const struct gmem_region *r, int fd, uint64_t file_at)
{
	uint64_t from = 0;

	while (from < r->len) {
		uint64_t to = from;

		while (to < r->len && to - from < STRIDE && !is_zero(r->hva + to))
			to += PAGE;
		if (to > from) {
			int rc = io_pwrite(fd, r->hva + from, to - from,
					   (off_t)(file_at + from));

			if (rc < 0)
				return rc;
		}
		from = to > from ? to : from + PAGE;
	}
	return 0;
}

static int write_memory(const struct gmem *m, int fd)
{
	uint64_t at = SNAP_MEMORY_AT;
	int rc = 0;

	for (unsigned i = 0; i < m->n && rc == 0; i++) {
		rc = write_region(&m->region[i], fd, at);
		at += m->region[i].len;
	}
	return rc;
}

static void save_devices(const struct devices *d)
{
	static struct vsock_state vsock;

	for (unsigned i = 0; i < d->n; i++) {
		struct virtio_state s;

		virtio_save(d->slot[i].dev, &s);
		state_put(&state, STATE_DEVICE, &s, sizeof(s));
	}
	vsock_save(d->vsock, &vsock);
	state_put(&state, STATE_VSOCK, &vsock, sizeof(vsock));
}

static int save_machine(struct vm *vm, struct err *err)
{
	struct host_state host = host_of(vm);
	struct serial_state serial;
	int rc;

	state.len = 0;
	state_put(&state, STATE_HOST, &host, sizeof(host));
	rc = arch_vm_save(&vm->kvm, &state, err);
	for (unsigned i = 0; rc == 0 && i < vm->spec.cpus; i++)
		rc = arch_vcpu_save(&vm->vcpu[i], &state, err);
	save_devices(&vm->devices);
	serial_save(&vm->serial, &serial);
	state_put(&state, STATE_SERIAL, &serial, sizeof(serial));
	return rc < 0 ? rc : state_whole(&state, err);
}

static int save(struct vm *vm, struct err *err)
{
	int rc = save_machine(vm, err);

	if (rc < 0)
		return rc;
	rc = write_memory(&vm->mem, vm->snap_fd);
	if (rc == 0)
		rc = io_pwrite(vm->snap_fd, state.buf, state.len, SNAP_STATE_AT);
	return rc < 0 ? err_set(err, -rc, "snapshot: %s", strerror(-rc)) : 0;
}

/* Whatever came of it. */
static void go_on(struct vm *vm, const struct err *err)
{
	struct report r = { .kind = REPORT_SAVED, .saved = { (uint32_t)state.len, *err } };

	close(vm->snap_fd);
	vm->snap_fd = -1;
	vm->n_parked = 0;
	for (unsigned i = 0; i < vm->spec.cpus; i++)
		vcpu_unpark(&vm->vcpu[i]);
	report_send(FD_LOG, &r);
}

/* Every vcpu is parked.  What a disk's thread was asked for before is done when it has run
 * this job, and nobody asks for more. */
static void quiesced(struct vm *vm)
{
	struct err err = { 0 };

	devices_drain(&vm->devices, vm->snap_done_fd);
	save(vm, &err);
	if (vm->spec.snapshot != SNAP_TAKE)
		go_on(vm, &err);
	else if (err.code)
		vm_stop(vm, STOP_INTERNAL, 0, err.msg);
	else
		vm_stop(vm, STOP_SNAPSHOT, (int)state.len, "");
}

static void parked(struct loop_io *io, uint32_t events)
{
	struct vm *vm = owner_of(io, struct vm, parked);
	uint64_t n;

	(void)events;
	if (read(io->fd, &n, sizeof(n)) == sizeof(n))
		vm->n_parked += (unsigned)n;
	if (vm->n_parked == vm->spec.cpus)
		quiesced(vm);
}

int snap_prepare(struct vm *vm, struct err *err)
{
	int rc;

	if (vm->spec.disks_ro != (1u << vm->spec.disks) - 1)
		return err_set(err, EINVAL, "snapshot: a machine with a writable disk cannot be saved");
	if (!build_id()[0])
		return err_set(err, EINVAL, "snapshot: this monitor has no build id to know it by");
	if (vcpu_parkable(err) < 0 || arch_save_prepare(&vm->kvm, err) < 0)
		return -err->code;
	vm->parked = (struct loop_io){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				       .ready = parked };
	vm->snap_done_fd = eventfd(0, EFD_CLOEXEC);
	vm->snap_fd = -1;
	if (vm->parked.fd < 0 || vm->snap_done_fd < 0)
		return err_sys(err, "snapshot: eventfd");
	rc = loop_add(&vm->loop, &vm->parked, EPOLLIN);
	return rc < 0 ? err_set(err, -rc, "snapshot: cannot wait for vcpus") : 0;
}

void snap_begin(struct vm *vm, int fd)
{
	vm->snap_fd = fd;
	for (unsigned i = 0; i < vm->spec.cpus; i++)
		vcpu_park(&vm->vcpu[i], vm->parked.fd);
}

/* --- restoring --------------------------------------------------------------------------- */

static int same_host(const struct host_state *was, const struct vm *vm, struct err *err)
{
	struct host_state is = host_of(vm);

	if (memcmp(was->monitor, is.monitor, sizeof(is.monitor)))
		return err_set(err, EINVAL, "snapshot: made by another build of the monitor");
	if (was->soft != is.soft)
		return err_set(err, EINVAL, "snapshot: made on %s KVM, this is %s KVM",
			       was->soft ? "software" : "hardware", is.soft ? "software" : "hardware");
	if (memcmp(&was->cpu, &is.cpu, sizeof(is.cpu)))
		return err_set(err, EINVAL, "snapshot: made on another model of processor");
	if (was->memory != is.memory || was->cpus != is.cpus || was->disks != is.disks ||
	    was->disks_ro != is.disks_ro)
		return err_set(err, EINVAL, "snapshot: of a machine with other memory, cpus or disks");
	return 0;
}

static int unreadable(int rc, struct err *err)
{
	if (rc == -EPIPE)
		return err_set(err, EINVAL, "snapshot: is cut short");
	return err_set(err, -rc, "snapshot: cannot be read: %s", strerror(-rc));
}

int snap_open(struct vm *vm, struct err *err)
{
	struct snap_header h;
	struct host_state host;
	int rc = io_pread(FD_SNAPSHOT, &h, sizeof(h), 0);

	if (rc < 0)
		return unreadable(rc, err);
	if (memcmp(h.magic, SNAP_MAGIC, sizeof(h.magic)) || h.version != SNAP_VERSION)
		return err_set(err, EINVAL, "snapshot: not a snapshot of this version");
	if (h.state_len > sizeof(state.buf) || h.memory_len != vm->spec.memory)
		return err_set(err, EINVAL, "snapshot: its sizes make no sense");
	rc = io_pread(FD_SNAPSHOT, state.buf, h.state_len, SNAP_STATE_AT);
	if (rc < 0)
		return unreadable(rc, err);
	state.len = h.state_len;
	rc = state_get(&state, STATE_HOST, &host, sizeof(host), err);
	return rc < 0 ? rc : same_host(&host, vm, err);
}

/* One stretch of what the file has of a region, in the way the spec asks for: huge pages are not
 * a file's, so there it is copied. */
static int place(const struct vm *vm, uint8_t *at, uint64_t len, off_t from)
{
	if (vm->spec.huge_pages)
		return io_pread(FD_SNAPSHOT, at, len, from);
	return vm->spec.prefault ? mem_populate(at, len, true) : 0;
}

static int place_all(const struct vm *vm, const struct gmem_region *r, uint64_t file_at)
{
	off_t end = (off_t)(file_at + r->len), to;
	int rc = 0;

	for (off_t at = (off_t)file_at; rc == 0 && at < end; at = to) {
		rc = io_next_data(FD_SNAPSHOT, &at, end, &to);
		if (rc == 0 && at < to)
			rc = place(vm, r->hva + (at - (off_t)file_at), (uint64_t)(to - at), at);
	}
	return rc;
}

static int map_region(const struct vm *vm, const struct gmem_region *r, uint64_t at,
		      struct err *err)
{
	int rc = 0;

	if (!vm->spec.huge_pages && mem_map_file(r->hva, FD_SNAPSHOT, at, r->len) != r->len)
		return err_sys(err, "snapshot: cannot be mapped");
	if (vm->spec.huge_pages || vm->spec.prefault)
		rc = place_all(vm, r, at);
	return rc < 0 ? err_set(err, -rc, "snapshot: its memory: %s", strerror(-rc)) : 0;
}

int snap_map(struct vm *vm, struct err *err)
{
	uint64_t at = SNAP_MEMORY_AT;
	struct stat st;
	int rc = 0;

	if (fstat(FD_SNAPSHOT, &st) < 0)
		return err_sys(err, "snapshot");
	if ((uint64_t)st.st_size < SNAP_MEMORY_AT + vm->spec.memory)
		return err_set(err, EINVAL, "snapshot: is cut short");
	for (unsigned i = 0; i < vm->mem.n && rc == 0; i++) {
		rc = map_region(vm, &vm->mem.region[i], at, err);
		at += vm->mem.region[i].len;
	}
	return rc;
}

static int load_devices(struct devices *d, struct err *err)
{
	static struct vsock_state vsock;
	int rc = 0;

	for (unsigned i = 0; i < d->n && rc == 0; i++) {
		struct virtio_state s;

		rc = state_get(&state, STATE_DEVICE, &s, sizeof(s), err);
		if (rc == 0 && virtio_load(d->slot[i].dev, &s) < 0)
			rc = err_set(err, EINVAL, "snapshot: %s cannot be in that state",
				     d->slot[i].name);
	}
	if (rc == 0)
		rc = state_get(&state, STATE_VSOCK, &vsock, sizeof(vsock), err);
	if (rc == 0 && vsock_load(d->vsock, &vsock) < 0)
		rc = err_set(err, EINVAL, "snapshot: vsock cannot be in that state");
	return rc;
}

int snap_load(struct vm *vm, struct err *err)
{
	struct serial_state serial;
	int rc = arch_vm_load(&vm->kvm, &state, err);

	for (unsigned i = 0; rc == 0 && i < vm->spec.cpus; i++)
		rc = arch_vcpu_load(&vm->vcpu[i], &state, err);
	if (rc == 0)
		rc = load_devices(&vm->devices, err);
	if (rc == 0)
		rc = state_get(&state, STATE_SERIAL, &serial, sizeof(serial), err);
	if (rc < 0)
		return rc;
	serial_load(&vm->serial, &serial);
	return state_end(&state, err);
}

void snap_resume(struct vm *vm)
{
	for (unsigned i = 0; i < vm->devices.n; i++)
		virtio_resume(vm->devices.slot[i].dev);
	serial_resume(&vm->serial);
	vsock_resume(vm->devices.vsock);
}
