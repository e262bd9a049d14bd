/* mptable.h - which processors and interrupt lines there are (Intel MultiProcessor
 * Specification 1.4): what kernels without ACPI read. */
#ifndef VMM_ARCH_X86_64_MPTABLE_H
#define VMM_ARCH_X86_64_MPTABLE_H

#include <stdint.h>

#define MPTABLE_SIZE 1024u	/* bytes; eight processors need less than half */

/* at: host address of GPA_MPTABLE.  cpus <= MAX_VCPUS. */
void mptable_write(uint8_t *at, unsigned cpus);

#endif
