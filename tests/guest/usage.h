/* usage.h - what the threads of a monitor have used of the CPU. */
#ifndef GUEST_USAGE_H
#define GUEST_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct usage {
	uint64_t vcpus_ns, others_ns;	/* others: the main loop, the disks */
};

/* So far; of threads that are there. */
struct usage usage_of(pid_t pid);

#endif
