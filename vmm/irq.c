/* irq.c - interrupt lines of the guest. */
#include "vmm/irq.h"

#include <linux/kvm.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "lib/fd.h"

int irq_open(const struct kvm *k, uint32_t line, int *fd, struct err *err)
{
	autoclose int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct kvm_irqfd irqfd = { .fd = (uint32_t)event, .gsi = line };

	if (event < 0)
		return err_sys(err, "irq %u: eventfd", line);
	if (ioctl(k->vm_fd, KVM_IRQFD, &irqfd) < 0)
		return err_sys(err, "irq %u: irqfd", line);
	*fd = fd_take(&event);
	return 0;
}
