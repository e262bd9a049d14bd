/* mptable.c - the MP table: processors, one ISA bus, one I/O APIC, its 24 lines. */
#include "vmm/arch/x86_64/mptable.h"

#include <stddef.h>
#include <string.h>

#include "lib/limits.h"
#include "vmm/arch/x86_64/layout.h"

enum { ENTRY_CPU, ENTRY_BUS, ENTRY_IOAPIC, ENTRY_IRQ, ENTRY_LOCAL_IRQ };
enum { IRQ_INT, IRQ_NMI, IRQ_SMI, IRQ_EXTINT };

#define IRQ_LINES	24u
#define TIMER_IRQ	0u	/* reaches the I/O APIC on the cascade's line */
#define CASCADE_IRQ	2u
#define APIC_VERSION	0x14u
#define IOAPIC_VERSION	0x11u
#define ALL_CPUS	0xffu

struct mp_pointer {
	char     signature[4];
	uint32_t table;
	uint8_t  length, revision, checksum, features[5];
} __attribute__((packed));

struct mp_header {
	char     signature[4];
	uint16_t length;
	uint8_t  revision, checksum;
	char     oem[8], product[12];
	uint32_t oem_table;
	uint16_t oem_size, entries;
	uint32_t lapic;
	uint32_t zero;
} __attribute__((packed));

struct mp_cpu {
	uint8_t  type, apic_id, apic_version, flags;	/* 1: usable, 2: boots first */
	uint32_t signature, features, zero[2];
} __attribute__((packed));

struct mp_bus {
	uint8_t type, id;
	char    name[6];
} __attribute__((packed));

struct mp_ioapic {
	uint8_t  type, id, version, flags;
	uint32_t gpa;
} __attribute__((packed));

struct mp_irq {
	uint8_t  type, kind;
	uint16_t flags;			/* 0: as the bus has it; ISA is edge, active high */
	uint8_t  bus, bus_irq, apic, apic_pin;
} __attribute__((packed));

_Static_assert(sizeof(struct mp_pointer) == 16 && sizeof(struct mp_header) == 44 &&
	       sizeof(struct mp_cpu) == 20 && sizeof(struct mp_irq) == 8,
	       "the specification's sizes");
_Static_assert(sizeof(struct mp_pointer) + sizeof(struct mp_header) +
	       MAX_VCPUS * sizeof(struct mp_cpu) + sizeof(struct mp_bus) +
	       sizeof(struct mp_ioapic) + (IRQ_LINES + 2) * sizeof(struct mp_irq) <= MPTABLE_SIZE,
	       "the table fits");

/* A table under construction: entries are put one behind the other and counted. */
struct table {
	uint8_t *end;
	uint16_t entries;
};

static void put(struct table *t, const void *entry, size_t len)
{
	memcpy(t->end, entry, len);
	t->end += len;
	t->entries++;
}

static uint8_t checksum(const uint8_t *from, const uint8_t *end)
{
	uint8_t sum = 0;

	while (from < end)
		sum = (uint8_t)(sum + *from++);
	return (uint8_t)-sum;
}

static void put_cpus(struct table *t, unsigned cpus)
{
	for (unsigned i = 0; i < cpus; i++) {
		struct mp_cpu cpu = {
			.type = ENTRY_CPU, .apic_id = (uint8_t)i, .apic_version = APIC_VERSION,
			.flags = i == 0 ? 3 : 1,
			.signature = 0x600, .features = 0x201,	/* has an APIC and an FPU */
		};

		put(t, &cpu, sizeof(cpu));
	}
}

static void put_irqs(struct table *t, uint8_t ioapic)
{
	struct mp_irq extint = { ENTRY_LOCAL_IRQ, IRQ_EXTINT, 0, 0, 0, 0, 0 };
	struct mp_irq nmi = { ENTRY_LOCAL_IRQ, IRQ_NMI, 0, 0, 0, ALL_CPUS, 1 };

	for (unsigned i = 0; i < IRQ_LINES; i++) {
		unsigned pin = i == TIMER_IRQ ? CASCADE_IRQ : i;
		struct mp_irq irq = { ENTRY_IRQ, IRQ_INT, 0, 0, (uint8_t)i, ioapic,
				      (uint8_t)pin };

		if (i != CASCADE_IRQ)
			put(t, &irq, sizeof(irq));
	}
	put(t, &extint, sizeof(extint));
	put(t, &nmi, sizeof(nmi));
}

void mptable_write(uint8_t *at, unsigned cpus)
{
	struct mp_pointer pointer = { "_MP_", GPA_MPTABLE + sizeof(pointer), 1, 4, 0, { 0 } };
	struct mp_header header = { .signature = "PCMP", .revision = 4, .oem = "SANDBOX ",
				    .product = "MICROVM     ", .lapic = GPA_LAPIC };
	struct mp_bus isa = { ENTRY_BUS, 0, "ISA   " };
	struct mp_ioapic ioapic = { ENTRY_IOAPIC, (uint8_t)cpus, IOAPIC_VERSION, 1, GPA_IOAPIC };
	uint8_t *start = at + sizeof(pointer);
	struct table t = { start + sizeof(header), 0 };

	put_cpus(&t, cpus);
	put(&t, &isa, sizeof(isa));
	put(&t, &ioapic, sizeof(ioapic));
	put_irqs(&t, ioapic.id);

	header.length = (uint16_t)(t.end - start);
	header.entries = t.entries;
	memcpy(start, &header, sizeof(header));
	start[offsetof(struct mp_header, checksum)] = checksum(start, t.end);
	pointer.checksum = checksum((const uint8_t *)&pointer, (const uint8_t *)(&pointer + 1));
	memcpy(at, &pointer, sizeof(pointer));
}
