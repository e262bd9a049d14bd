/* acpi.h - the same as the MP table, and the virtio devices, for kernels that ask ACPI:
 * a distribution's kernel takes no device from its command line. */
#ifndef VMM_ARCH_X86_64_ACPI_H
#define VMM_ARCH_X86_64_ACPI_H

#include <stdint.h>

#define ACPI_SIZE 2048u		/* bytes, all tables together */

/* at: host address of GPA_ACPI.  Devices have their places by lib/limits.h.
 * cpus <= MAX_VCPUS, devices <= MAX_DEVICES. */
void acpi_write(uint8_t *at, unsigned cpus, unsigned devices);

#endif
