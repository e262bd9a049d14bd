/* sysname.h - system calls by name, for messages. */
#ifndef RUNNER_SYSNAME_H
#define RUNNER_SYSNAME_H

#include <stddef.h>
#include <stdint.h>

#define SYSNAME_MAX 64

/* The name, or "system call 4711" written into buf[n] for one of another architecture or
 * one younger than this program. */
const char *sysname(uint32_t nr, uint32_t arch, char *buf, size_t n);

#endif
