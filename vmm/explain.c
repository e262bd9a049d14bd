/* explain.c - `sandbox run --explain`, the monitor's part. */
#include "vmm/explain.h"

static void explain_memory(FILE *out, const struct gmem *m)
{
	fprintf(out, "guest memory\n");
	for (unsigned i = 0; i < m->n; i++) {
		const struct gmem_region *r = &m->region[i];

		fprintf(out, "  0x%010llx-0x%010llx  %llu MiB\n", (unsigned long long)r->gpa,
			(unsigned long long)(r->gpa + r->len - 1),
			(unsigned long long)r->len >> 20);
	}
	fprintf(out, "  private, between guard pages, not executable here, not in core dumps, "
		"never merged\n");
}

static void explain_devices(FILE *out, const struct devices *d)
{
	fprintf(out, "guest devices\n");
	for (unsigned i = 0; i < d->n; i++) {
		const struct slot *s = &d->slot[i];

		fprintf(out, "  %-6s virtio-mmio at %#llx, irq %u, descriptor %d, thread %s%s",
			s->name, (unsigned long long)s->gpa, s->irq, s->fd,
			s->disk ? s->disk->thread.name : "main", s->ro ? ", read-only" : "");
		if (s->disk)
			fprintf(out, ", /dev/vd%c", 'a' + (int)(s->disk - d->disk));
		fputc('\n', out);
	}
	fprintf(out, "  serial output-only 8250, console only\n");
}

static void explain_threads(FILE *out, const struct vm *vm)
{
	const struct threads *all = &vm->threads;

	fprintf(out, "monitor threads\n  %-6s filter %s\n", "main",
		thread_policy_name(vm_loop_policy(vm)));
	for (unsigned i = 0; i < all->n; i++)
		fprintf(out, "  %-6s filter %s\n", all->of[i]->name,
			thread_policy_name(all->of[i]->policy));
}

void explain(FILE *out, const struct vm *vm)
{
	fprintf(out, "machine\n  %u vcpu%s, %s\n", vm->spec.cpus, vm->spec.cpus == 1 ? "" : "s",
		vm->soft ? "software KVM: missing instructions are completed by the monitor"
			 : "hardware KVM");
	explain_memory(out, &vm->mem);
	explain_devices(out, &vm->devices);
	fprintf(out, "boot\n  ELF vmlinux: by its PVH note, else at its 64-bit entry\n"
		"  bzImage: at its 64-bit entry; it unpacks itself in the guest\n"
		"  initramfs: %sthe agent's\n", vm->spec.initrd ? "the user's, then " : "");
	fprintf(out, "guest command line\n  %s\n", vm->boot.cmdline);
	explain_threads(out, vm);
}
