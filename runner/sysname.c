/* sysname.c - system calls by name: the table is generated from the C library's header. */
#include "runner/sysname.h"

#include <linux/audit.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sysnames.h>	/* generated: sysnames[], SYSNAMES_ARCH */

const char *sysname(uint32_t nr, uint32_t arch, char *buf, size_t n)
{
	if (arch == SYSNAMES_ARCH && nr < sizeof(sysnames) / sizeof(sysnames[0]) && sysnames[nr])
		return sysnames[nr];
	snprintf(buf, n, "system call %u%s", nr,
		 arch == SYSNAMES_ARCH ? "" : " of another architecture");
	return buf;
}
