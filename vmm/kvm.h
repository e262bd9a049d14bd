/* kvm.h - the descriptors of KVM and what is asked of them before the guest runs. */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/err.h"
#include "virtio/gmem.h"

struct kvm_run;

/* ioctl(), but for both C libraries: musl takes the request as an int, glibc as an unsigned
 * long, and half of KVM's requests change their value on the way into one of them. */
static inline int kvm_ioctl(int fd, unsigned long request, const void *arg)
{
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

struct kvm {
	int fd;			/* borrowed: /dev/kvm */
	int vm_fd;
	size_t run_size;	/* bytes of a vcpu's shared page(s) */
	uint64_t create_ns;	/* wall time that making the machine took inside KVM */
};

/* Refuses a KVM that lacks what the machine is made of, and names it. */
int kvm_open(struct kvm *k, int fd, unsigned cpus, struct err *err);

struct kvm_time { uint64_t wall_ns, cpu_ns; };

/* *took: inside KVM, which on some hosts is most of the start. */
int kvm_add_memory(const struct kvm *k, const struct gmem *m, struct kvm_time *took,
		   struct err *err);

int kvm_new_vcpu(const struct kvm *k, unsigned id, int *fd, struct kvm_run **run,
		 struct err *err);

/* A 32-bit write of `value` to gpa rings fd and causes no exit. */
int kvm_ioeventfd(const struct kvm *k, uint64_t gpa, uint32_t value, int fd, struct err *err);

/* A counter of a vcpu: found before lock-down, read with one pread() after it. */
struct kvm_counter {
	int fd;			/* -1: this KVM does not have it */
	uint64_t at;
};

void     kvm_counter_open(struct kvm_counter *c, int vcpu_fd, const char *name);
uint64_t kvm_counter_read(const struct kvm_counter *c);

#endif
