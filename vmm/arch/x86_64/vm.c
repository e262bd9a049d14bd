/* vm.c - x86_64: what a virtual machine needs before it has memory and vcpus. */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "vmm/arch/arch.h"
#include "vmm/arch/x86_64/layout.h"
#include "vmm/arch/x86_64/soft.h"

const struct arch_layout arch_layout = {
	.ram_base = 0,
	.hole_start = HOLE_START,
	.hole_end = HOLE_END,
	.serial_irq = 4,
};

bool arch_soft_kvm(void)
{
	return soft_probe();
}

int arch_vm_init(const struct kvm *k, bool soft, bool restored, struct err *err)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity = GPA_IDENTITY;

	/* Intel processors without unrestricted guests need these pages; others ignore them. */
	if (ioctl(k->vm_fd, KVM_SET_TSS_ADDR, (unsigned long)GPA_TSS) < 0 ||
	    ioctl(k->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0)
		return err_sys(err, "kvm: place for its own pages");
	if (ioctl(k->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return err_sys(err, "kvm: interrupt controllers");
	if (ioctl(k->vm_fd, KVM_CREATE_PIT2, &pit) < 0)
		return err_sys(err, "kvm: timer");
	return soft ? soft_vm_init(k->vm_fd, restored, err) : 0;
}

/* A panic resets, which ends the machine; time comes from KVM without a check that costs
 * seconds.  Few words: Linux compares each with all it knows, more than ten times over. */
void arch_cmdline(char *buf, size_t n, bool soft, unsigned cpus)
{
	snprintf(buf, n, "console=ttyS0 quiet reboot=k panic=-1 tsc=reliable%s%s",
		 soft ? " " : "", soft ? soft_cmdline(cpus) : "");
}
