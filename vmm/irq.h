/* irq.h - interrupt lines of the guest, rung through eventfds. */
#ifndef VMM_IRQ_H
#define VMM_IRQ_H

#include <stdint.h>

#include "lib/err.h"
#include "vmm/kvm.h"

/* *fd: an eventfd; each write to it is one edge on the line.  Lives as long as the vm. */
int irq_open(const struct kvm *k, uint32_t line, int *fd, struct err *err);

#endif
