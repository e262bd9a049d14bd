/* kvm.c - talking to /dev/kvm. */
#include "vmm/kvm.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define API_VERSION 12

/* Everything here has been in KVM for a decade; a host without it is not worth a detour. */
static const struct {
	int cap;
	const char *what;
} needed[] = {
	{ KVM_CAP_USER_MEMORY, "user memory" },
	{ KVM_CAP_IRQCHIP, "an in-kernel interrupt controller" },
	{ KVM_CAP_IRQFD, "irqfd" },
	{ KVM_CAP_IOEVENTFD, "ioeventfd" },
	{ KVM_CAP_IMMEDIATE_EXIT, "immediate exit" },
};

static int check_needed(const struct kvm *k, unsigned cpus, struct err *err)
{
	int most = ioctl(k->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (ioctl(k->fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return err_set(err, ENOTSUP, "kvm: this host's KVM lacks %s",
				       needed[i].what);
	if (most > 0 && cpus > (unsigned)most)
		return err_set(err, ENOTSUP, "cpus: this host's KVM allows %d", most);
	return 0;
}

int kvm_open(struct kvm *k, int fd, unsigned cpus, struct err *err)
{
	int version = ioctl(fd, KVM_GET_API_VERSION, 0), size;
	uint64_t start;

	if (version < 0)
		return err_sys(err, "kvm: descriptor %d is not /dev/kvm", fd);
	if (version != API_VERSION)
		return err_set(err, ENOTSUP, "kvm: API version %d, not %d", version, API_VERSION);
	*k = (struct kvm){ .fd = fd };
	if (check_needed(k, cpus, err) < 0)
		return -err->code;
	size = ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size <= 0)
		return err_sys(err, "kvm: size of a vcpu");
	k->run_size = (size_t)size;
	start = now_ns();
	do	/* a signal can interrupt it halfway */
		k->vm_fd = ioctl(fd, KVM_CREATE_VM, 0);
	while (k->vm_fd < 0 && errno == EINTR);
	if (k->vm_fd < 0)
		return err_sys(err, "kvm: cannot create a virtual machine");
	k->create_ns = now_ns() - start;
	return 0;
}

static struct kvm_time time_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (struct kvm_time){ now_ns(),
				  (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec };
}

int kvm_add_memory(const struct kvm *k, const struct gmem *m, struct kvm_time *took,
		   struct err *err)
{
	struct kvm_time start = time_now(), end;

	for (unsigned i = 0; i < m->n; i++) {
		struct kvm_userspace_memory_region r = {
			.slot = i,
			.guest_phys_addr = m->region[i].gpa,
			.memory_size = m->region[i].len,
			.userspace_addr = (uint64_t)(uintptr_t)m->region[i].hva,
		};

		if (ioctl(k->vm_fd, KVM_SET_USER_MEMORY_REGION, &r) < 0)
			return err_sys(err, "memory: KVM refuses %llu MiB",
				       (unsigned long long)r.memory_size >> 20);
	}
	end = time_now();
	*took = (struct kvm_time){ end.wall_ns - start.wall_ns, end.cpu_ns - start.cpu_ns };
	return 0;
}

int kvm_new_vcpu(const struct kvm *k, unsigned id, int *fd, struct kvm_run **run,
		 struct err *err)
{
	autoclose int vcpu_fd = ioctl(k->vm_fd, KVM_CREATE_VCPU, id);
	void *page;

	if (vcpu_fd < 0)
		return err_sys(err, "kvm: cannot create vcpu %u", id);
	page = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd, 0);
	if (page == MAP_FAILED)
		return err_sys(err, "kvm: cannot map vcpu %u", id);
	*run = page;
	*fd = fd_take(&vcpu_fd);
	return 0;
}

int kvm_ioeventfd(const struct kvm *k, uint64_t gpa, uint32_t value, int fd, struct err *err)
{
	struct kvm_ioeventfd e = {
		.addr = gpa, .len = 4, .datamatch = value, .fd = fd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	if (ioctl(k->vm_fd, KVM_IOEVENTFD, &e) < 0)
		return err_sys(err, "kvm: ioeventfd at %#llx", (unsigned long long)gpa);
	return 0;
}

/* The offset of a single-value statistic in the stats file, or -ENOENT.  All descriptions in
 * one read: there are some fifty. */
static int64_t find_counter(int fd, const char *name)
{
	static _Alignas(8) char descs[16384];
	struct kvm_stats_header h;
	size_t one, n;

	if (io_pread(fd, &h, sizeof(h), 0) < 0 || h.name_size > 64)
		return -ENOENT;
	one = sizeof(struct kvm_stats_desc) + h.name_size;
	n = h.num_desc < sizeof(descs) / one ? h.num_desc : sizeof(descs) / one;
	if (one % 8 != 0 || io_pread(fd, descs, n * one, (off_t)h.desc_offset) < 0)
		return -ENOENT;
	for (size_t i = 0; i < n; i++) {
		const struct kvm_stats_desc *d = (const void *)(descs + i * one);

		if (d->size == 1 && !strncmp(d->name, name, h.name_size))
			return (int64_t)h.data_offset + d->offset;
	}
	return -ENOENT;
}

void kvm_counter_open(struct kvm_counter *c, int vcpu_fd, const char *name)
{
	autoclose int fd = ioctl(vcpu_fd, KVM_GET_STATS_FD, 0);
	int64_t at = fd < 0 ? -ENOENT : find_counter(fd, name);

	*c = (struct kvm_counter){ .fd = -1 };
	if (at >= 0)
		*c = (struct kvm_counter){ .fd = fd_take(&fd), .at = (uint64_t)at };
}

uint64_t kvm_counter_read(const struct kvm_counter *c)
{
	uint64_t v = 0;

	if (c->fd < 0 || pread(c->fd, &v, sizeof(v), (off_t)c->at) != sizeof(v))
		return 0;
	return v;
}
