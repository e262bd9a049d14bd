/* kvm.c - proves that /dev/kvm runs code: a 16-bit guest adds two numbers the host put into
 * its registers, says the sum on a port and halts.  Prints what came out; status 0 if right. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUEST_AT	0x1000		/* guest address of the one page there is */
#define SUM_PORT	0x3f8

static const uint8_t code[] = {
	0xba, 0xf8, 0x03,		/* mov $SUM_PORT, %dx */
	0x00, 0xd8,			/* add %bl, %al */
	0xee,				/* out %al, (%dx) */
	0xf4,				/* hlt */
};

static int fail(const char *what)
{
	perror(what);
	return -1;
}

static int make_memory(int vm)
{
	void *page = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = GUEST_AT,
		.memory_size = 0x1000,
		.userspace_addr = (uintptr_t)page,
	};

	if (page == MAP_FAILED)
		return fail("mmap");
	memcpy(page, code, sizeof(code));
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return fail("KVM_SET_USER_MEMORY_REGION");
	return 0;
}

static int set_registers(int vcpu, uint8_t a, uint8_t b)
{
	struct kvm_regs regs = { .rip = GUEST_AT, .rax = a, .rbx = b, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return fail("KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		return fail("KVM_SET_SREGS, KVM_SET_REGS");
	return 0;
}

/* The sum the guest reported before it halted, or -1. */
static int run(int vcpu, struct kvm_run *kvm_run)
{
	int sum = -1;

	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0) < 0)
			return fail("KVM_RUN");
		if (kvm_run->exit_reason == KVM_EXIT_HLT)
			return sum;
		if (kvm_run->exit_reason != KVM_EXIT_IO || kvm_run->io.port != SUM_PORT) {
			fprintf(stderr, "unexpected exit %u\n", kvm_run->exit_reason);
			return -1;
		}
		sum = *((uint8_t *)kvm_run + kvm_run->io.data_offset);
	}
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	int vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	int size = kvm < 0 ? 0 : ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *kvm_run;
	int sum;

	if (vcpu < 0 || size <= 0)
		return fail("/dev/kvm") < 0;
	kvm_run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (kvm_run == MAP_FAILED)
		return fail("mmap of kvm_run") < 0;
	if (make_memory(vm) < 0 || set_registers(vcpu, 40, 2) < 0)
		return 1;
	sum = run(vcpu, kvm_run);
	printf("the guest says 40 + 2 = %d\n", sum);
	return sum != 42;
}
