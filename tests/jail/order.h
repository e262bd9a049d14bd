/* order.h - what a test tells the probe to do, one packet over the broker. */
#ifndef TESTS_JAIL_ORDER_H
#define TESTS_JAIL_ORDER_H

#include <stdint.h>

enum { ORDER_EXIT = 1, ORDER_FORBIDDEN, ORDER_FRUITLESS, ORDER_EAT_MEMORY };

struct order {
	uint64_t what, arg;
};

/* Calls that the outer filter ends the process for. */
enum forbidden {
	TRY_OPEN, TRY_SOCKET, TRY_CONNECT, TRY_EXECVE, TRY_EXECVEAT, TRY_FORK, TRY_CLONE3,
	TRY_EXEC_MAPPING, TRY_EXEC_PAGE, TRY_PTRACE, TRY_SETUID, TRY_MOUNT, TRY_UNSHARE, TRY_BPF,
	TRY_IO_URING, TRY_USERFAULTFD, TRY_TTY_INPUT, TRY_KILL, TRY_PROCESS_VM, TRY_KEYS, N_FORBIDDEN
};

#endif
