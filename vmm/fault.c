/* fault.c - misbehaviour on request; empty but in test builds. */
#include "vmm/fault.h"

#ifdef SANDBOX_FAULTS

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fds.h"

static const char *fault = "";
static int never = -1;		/* an eventfd that nobody writes to */

void fault_set(const char *what)
{
	fault = what;
	never = eventfd(0, EFD_CLOEXEC);
}

static bool is(const char *name)
{
	return strcmp(fault, name) == 0;
}

int fault_phase(const char *phase, struct err *err)
{
	if (strncmp(fault, "phase-", 6) != 0 || strcmp(fault + 6, phase) != 0)
		return 0;
	return err_set(err, EIO, "%s: failed as asked", phase);
}

void fault_thread(const char *name)
{
	if (is("vcpu-socket") && strncmp(name, "vcpu", 4) == 0)
		close(socket(AF_UNIX, SOCK_STREAM, 0));
	if (is("vcpu-ioctl") && strncmp(name, "vcpu", 4) == 0)
		ioctl(FD_KVM, KVM_CREATE_VM, 0);
	if (is("blk-mmap") && strncmp(name, "disk", 4) == 0)
		mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

void fault_loop(void)
{
	uint64_t n;

	if (is("loop-open"))
		close(open("/", O_RDONLY));
	if (is("crash"))
		*(volatile int *)NULL = 0;
	if (is("abort"))
		abort();
	if (is("hang"))
		(void)!read(never, &n, sizeof(n));
}

#endif
