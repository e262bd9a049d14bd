/* acpi.c - the least that ACPI asks of a machine (ACPI 6.4): a root pointer, processors and
 * I/O APIC, "reduced hardware" (none of ACPI's own), and a namespace of virtio devices.
 *
 * The namespace is bytecode of one fixed shape for each device, so it is a packed struct
 * and needs no compiler. */
#include "vmm/arch/x86_64/acpi.h"

#include <stddef.h>
#include <string.h>

#include "lib/limits.h"
#include "virtio/virtio.h"
#include "vmm/arch/x86_64/layout.h"

#define REDUCED_HARDWARE	(1u << 20)	/* of the FADT's flags */
#define NO_VGA_NO_CMOS		0x24u		/* of its boot flags: do not probe for them */

enum { MADT_LAPIC, MADT_IOAPIC };

struct rsdp {
	char     signature[8];
	uint8_t  checksum;			/* of the first 20 bytes */
	char     oem[6];
	uint8_t  revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t  whole_checksum, zero[3];
} __attribute__((packed));

struct acpi_header {
	char     signature[4];
	uint32_t length;
	uint8_t  revision, checksum;
	char     oem[6], oem_table[8];
	uint32_t oem_revision;
	char     creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct xsdt {
	struct acpi_header head;
	uint64_t fadt, madt;
} __attribute__((packed));

struct fadt {
	struct acpi_header head;
	uint8_t  legacy[73];			/* hardware that there is not */
	uint16_t boot_flags;
	uint8_t  zero;
	uint32_t flags;
	uint8_t  reset[15];
	uint8_t  minor;
	uint64_t facs, dsdt;
	uint8_t  more[128];
} __attribute__((packed));

struct madt_lapic {
	uint8_t  type, length, id, apic_id;
	uint32_t enabled;
} __attribute__((packed));

struct madt_ioapic {
	uint8_t  type, length, id, zero;
	uint32_t gpa, first_gsi;
} __attribute__((packed));

struct madt {
	struct acpi_header head;
	uint32_t lapic_gpa, flags;
	struct madt_ioapic ioapic;
	struct madt_lapic cpu[MAX_VCPUS];
} __attribute__((packed));

/* Device (VIOn) { Name (_HID, "LNRO0005") Name (_UID, n)
 *	Name (_CRS, Buffer () { Memory32Fixed, Interrupt, end }) } */
struct aml_device {
	uint8_t  op[2], length;
	char     name[4];
	uint8_t  hid_op;
	char     hid_name[4];
	uint8_t  hid_is_string;
	char     hid[9];
	uint8_t  uid_op;
	char     uid_name[4];
	uint8_t  uid_is_byte, uid;
	uint8_t  crs_op;
	char     crs_name[4];
	uint8_t  crs_is_buffer, crs_length, crs_size_is_byte, crs_size;
	struct aml_crs {
		uint8_t  memory[3], writable;
		uint32_t gpa, len;
		uint8_t  interrupt[3], how, count;
		uint32_t irq;
		uint8_t  end[2];
	} __attribute__((packed)) crs;
} __attribute__((packed));

/* Scope (\_SB) { devices } */
struct dsdt {
	struct acpi_header head;
	uint8_t scope_op, length[2];
	char    scope[5];
	struct aml_device device[MAX_DEVICES];
} __attribute__((packed));

_Static_assert(sizeof(struct rsdp) == 36 && sizeof(struct acpi_header) == 36 &&
	       sizeof(struct fadt) == 276 && offsetof(struct fadt, flags) == 112 &&
	       offsetof(struct fadt, dsdt) == 140 && offsetof(struct madt, ioapic) == 44,
	       "the specification's sizes");
_Static_assert(sizeof(struct aml_crs) == 23 && sizeof(struct aml_device) - 2 < 64,
	       "a device's length fits into one byte of bytecode");

/* All of it, as it lies in the guest: who points to whom is then a matter of offsets. */
struct tables {
	struct rsdp rsdp __attribute__((aligned(16)));
	struct xsdt xsdt;
	struct fadt fadt;
	struct madt madt;
	struct dsdt dsdt;
};

_Static_assert(sizeof(struct tables) <= ACPI_SIZE, "the tables fit");

#define GPA_OF(table) (GPA_ACPI + (uint32_t)offsetof(struct tables, table))

static uint8_t checksum(const void *from, size_t n)
{
	const uint8_t *p = from;
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

/* The header comes last: its checksum covers the rest. */
static void seal(struct acpi_header *head, const char *signature, uint8_t revision, size_t length)
{
	*head = (struct acpi_header){ .length = (uint32_t)length, .revision = revision,
				      .oem = "SANDBX", .oem_table = "MICROVM ",
				      .oem_revision = 1, .creator = "SNBX",
				      .creator_revision = 1 };
	memcpy(head->signature, signature, sizeof(head->signature));
	head->checksum = checksum(head, length);
}

static struct aml_device device(unsigned i)
{
	return (struct aml_device){
		.op = { 0x5b, 0x82 }, .length = sizeof(struct aml_device) - 2,
		.name = { 'V', 'I', 'O', (char)('0' + i) },
		.hid_op = 0x08, .hid_name = "_HID", .hid_is_string = 0x0d, .hid = "LNRO0005",
		.uid_op = 0x08, .uid_name = "_UID", .uid_is_byte = 0x0a, .uid = (uint8_t)i,
		.crs_op = 0x08, .crs_name = "_CRS", .crs_is_buffer = 0x11,
		.crs_length = sizeof(struct aml_crs) + 3, .crs_size_is_byte = 0x0a,
		.crs_size = sizeof(struct aml_crs),
		.crs = {
			.memory = { 0x86, 9, 0 }, .writable = 1,
			.gpa = DEVICE_BASE + i * VIRTIO_MMIO_SIZE, .len = VIRTIO_MMIO_SIZE,
			.interrupt = { 0x89, 6, 0 }, .how = 3,	/* ours, edge-triggered */
			.count = 1, .irq = DEVICE_IRQ + i,
			.end = { 0x79, 0 },
		},
	};
}

static void write_dsdt(struct dsdt *t, unsigned devices)
{
	size_t body = sizeof(t->length) + sizeof(t->scope) + devices * sizeof(t->device[0]);

	t->scope_op = 0x10;
	t->length[0] = (uint8_t)(0x40 | (body & 0xf));	/* one more byte follows */
	t->length[1] = (uint8_t)(body >> 4);
	memcpy(t->scope, "\\_SB_", sizeof(t->scope));
	for (unsigned i = 0; i < devices; i++)
		t->device[i] = device(i);
	seal(&t->head, "DSDT", 2, offsetof(struct dsdt, length) + body);
}

static void write_madt(struct madt *t, unsigned cpus)
{
	t->lapic_gpa = GPA_LAPIC;
	t->ioapic = (struct madt_ioapic){ MADT_IOAPIC, sizeof(t->ioapic), (uint8_t)cpus, 0,
					  GPA_IOAPIC, 0 };
	for (unsigned i = 0; i < cpus; i++)
		t->cpu[i] = (struct madt_lapic){ MADT_LAPIC, sizeof(t->cpu[0]), (uint8_t)i,
						 (uint8_t)i, 1 };
	seal(&t->head, "APIC", 5, offsetof(struct madt, cpu) + cpus * sizeof(t->cpu[0]));
}

void acpi_write(uint8_t *at, unsigned cpus, unsigned devices)
{
	struct tables t = { 0 };

	write_dsdt(&t.dsdt, devices);
	write_madt(&t.madt, cpus);
	t.fadt.boot_flags = NO_VGA_NO_CMOS;
	t.fadt.flags = REDUCED_HARDWARE;
	t.fadt.dsdt = GPA_OF(dsdt);
	seal(&t.fadt.head, "FACP", 6, sizeof(t.fadt));
	t.xsdt.fadt = GPA_OF(fadt);
	t.xsdt.madt = GPA_OF(madt);
	seal(&t.xsdt.head, "XSDT", 1, sizeof(t.xsdt));

	t.rsdp = (struct rsdp){ .signature = "RSD PTR ", .oem = "SANDBX", .revision = 2,
				.length = sizeof(t.rsdp), .xsdt = GPA_OF(xsdt) };
	t.rsdp.checksum = checksum(&t.rsdp, 20);
	t.rsdp.whole_checksum = checksum(&t.rsdp, sizeof(t.rsdp));
	memcpy(at, &t, sizeof(t));
}
