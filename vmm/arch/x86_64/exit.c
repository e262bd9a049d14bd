/* exit.c - x86_64: I/O ports, and the exits that only this architecture has. */
#include <linux/kvm.h>
#include <string.h>

#include "lib/log.h"
#include "vmm/arch/arch.h"
#include "vmm/arch/x86_64/cpu.h"
#include "vmm/arch/x86_64/soft.h"
#include "vmm/vm.h"

#define PORT_SERIAL	0x3f8u		/* eight of them */
#define PORT_I8042	0x64u
#define I8042_RESET	0xfeu

/* Ready for a command, so that the kernel's reset does not wait; with a byte to read that
 * never goes away, so that a driver which looks for a keyboard gives up at once. */
#define I8042_STATUS	0xfdu

static struct log_once unknown_port;

static void port_out(struct vcpu *v, uint16_t port, uint8_t val)
{
	if (port - PORT_SERIAL < 8u)
		serial_write(&v->vm->serial, port - PORT_SERIAL, val);
	else if (port == PORT_I8042 && val == I8042_RESET)
		vcpu_stop(v, STOP_RESET, 0, "the guest asked for a reset");
	else if (port == EXIT_PORT)
		vcpu_stop(v, STOP_EXIT_PORT, val, "the guest wrote to its exit port");
	else
		log_guest(&unknown_port, "guest writes to port %#x, where nothing is", port);
}

static uint8_t port_in(struct vcpu *v, uint16_t port)
{
	if (port - PORT_SERIAL < 8u)
		return serial_read(&v->vm->serial, port - PORT_SERIAL);
	if (port == PORT_I8042)
		return I8042_STATUS;
	log_guest(&unknown_port, "guest reads port %#x, where nothing is", port);
	return 0xff;
}

/* Every port here is a byte wide; of a wider access the low byte counts. */
static void port_io(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT) {
			port_out(v, run->io.port, *data);
		} else {
			memset(data, 0xff, run->io.size);
			*data = port_in(v, run->io.port);
		}
	}
}

static void complete(struct vcpu *v)
{
	char why[128] = "";

	if (!v->vm->soft)
		vcpu_stop(v, STOP_INTERNAL, 0, "vcpu %u: KVM internal error %u", v->id,
			  v->run->internal.suberror);
	if (soft_exit(cpu_soft(v->arch), why, sizeof(why)) < 0)
		vcpu_stop(v, STOP_INTERNAL, 0, "vcpu %u: %s", v->id, why);
}

void arch_exit(struct vcpu *v)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		port_io(v);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
	case KVM_EXIT_X86_WRMSR:
		complete(v);
		break;
	default:
		vcpu_stop(v, STOP_INTERNAL, 0, "vcpu %u: unexpected exit %u", v->id,
			  v->run->exit_reason);
	}
}
