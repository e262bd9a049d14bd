/* processor.c - which processor this is. */
#include "runner/processor.h"

#include <stdio.h>
#include <sys/auxv.h>

#if defined(__x86_64__)

#include <cpuid.h>

/* Few leaves: where a hypervisor is underneath each costs microseconds. */
void processor_name(char out[PROCESSOR_NAME])
{
	unsigned one[4], seven[4], more[4];

	__cpuid(1, one[0], one[1], one[2], one[3]);
	__cpuid_count(7, 0, seven[0], seven[1], seven[2], seven[3]);
	__cpuid(0x80000001, more[0], more[1], more[2], more[3]);
	/* one[1] has the number of the processor we happen to be on */
	snprintf(out, PROCESSOR_NAME, "%08x %08x %08x %08x %08x %08x %08x %08x", one[0], one[2], one[3],
		 seven[1], seven[2], seven[3], more[2], more[3]);
}

#else

void processor_name(char out[PROCESSOR_NAME])
{
	snprintf(out, PROCESSOR_NAME, "%lx %lx", getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
}

#endif
