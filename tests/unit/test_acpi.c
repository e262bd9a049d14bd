/* test_acpi.c - the ACPI tables, followed from pointer to pointer as a kernel does. */
#include "tests/unit/check.h"

#include <string.h>

#include "lib/limits.h"
#include "virtio/virtio.h"
#include "vmm/arch/x86_64/acpi.h"
#include "vmm/arch/x86_64/layout.h"

static uint8_t memory[ACPI_SIZE + 64];

static uint32_t u32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *p++);
	return s;
}

/* The table that the 8 bytes at `pointer` lead to, sound and with that signature. */
static const uint8_t *follow(const uint8_t *pointer, const char *signature)
{
	const uint8_t *t;

	assert_in_range(u32(pointer), GPA_ACPI, GPA_ACPI + ACPI_SIZE - 36);
	assert_int_equal(u32(pointer + 4), 0);
	t = memory + u32(pointer) - GPA_ACPI;
	assert_memory_equal(t, signature, 4);
	assert_in_range(u32(t + 4), 36, memory + ACPI_SIZE - t);
	assert_int_equal(sum(t, u32(t + 4)), 0);
	return t;
}

static const uint8_t *xsdt(unsigned cpus, unsigned devices)
{
	memset(memory, 0xa5, sizeof(memory));
	acpi_write(memory, cpus, devices);
	assert_int_equal(memory[ACPI_SIZE], 0xa5);
	assert_memory_equal(memory, "RSD PTR ", 8);
	assert_int_equal(sum(memory, 20), 0);
	assert_int_equal(sum(memory, 36), 0);
	return follow(memory + 24, "XSDT");
}

static void processors_are_listed(void **state)
{
	(void)state;
	for (unsigned cpus = 1; cpus <= MAX_VCPUS; cpus++) {
		const uint8_t *madt = follow(xsdt(cpus, 3) + 44, "APIC"), *at = madt + 44;
		unsigned seen = 0, ioapics = 0;

		assert_int_equal(u32(madt + 36), GPA_LAPIC);
		for (; at < madt + u32(madt + 4); at += at[1]) {
			if (at[0] == 0) {
				assert_int_equal(at[3], seen++);
				assert_int_equal(u32(at + 4), 1);
			} else {
				assert_int_equal(at[0], 1);
				assert_int_equal(u32(at + 4), GPA_IOAPIC);
				ioapics++;
			}
		}
		assert_ptr_equal(at, madt + u32(madt + 4));
		assert_int_equal(seen, cpus);
		assert_int_equal(ioapics, 1);
	}
}

/* One device of the namespace, byte by byte. */
static void check_device(const uint8_t *d, unsigned i)
{
	const uint8_t *crs = d + 38;

	assert_memory_equal(d, "\x5b\x82", 2);
	assert_memory_equal(d + 3, "VIO", 3);
	assert_int_equal(d[6], '0' + i);
	assert_memory_equal(d + 7, "\x08_HID\x0dLNRO0005\0\x08_UID\x0a", 21);
	assert_int_equal(d[28], i);
	assert_memory_equal(d + 29, "\x08_CRS\x11", 6);
	assert_int_equal(d[35], 26);		/* its own byte, two for the size, 23 */
	assert_memory_equal(d + 36, "\x0a\x17", 2);
	assert_memory_equal(crs, "\x86\x09\0\1", 4);
	assert_int_equal(u32(crs + 4), DEVICE_BASE + i * VIRTIO_MMIO_SIZE);
	assert_int_equal(u32(crs + 8), VIRTIO_MMIO_SIZE);
	assert_memory_equal(crs + 12, "\x89\x06\0\3\1", 5);
	assert_int_equal(u32(crs + 17), DEVICE_IRQ + i);
	assert_memory_equal(crs + 21, "\x79\0", 2);
}

static void devices_are_in_the_namespace(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= MAX_DEVICES; n++) {
		const uint8_t *fadt = follow(xsdt(1, n) + 36, "FACP");
		const uint8_t *dsdt = follow(fadt + 140, "DSDT"), *at = dsdt + 44;
		unsigned scope = (dsdt[37] & 0xfu) | (unsigned)dsdt[38] << 4;

		assert_int_equal(u32(fadt + 112), 1u << 20);
		assert_int_equal(dsdt[36], 0x10);
		assert_int_equal(dsdt[37] & 0xf0, 0x40);
		assert_memory_equal(dsdt + 39, "\\_SB_", 5);
		for (unsigned i = 0; i < n; i++) {
			check_device(at, i);
			at += 2 + at[2];
		}
		assert_ptr_equal(at, dsdt + u32(dsdt + 4));
		assert_ptr_equal(at, dsdt + 37 + scope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processors_are_listed),
		cmocka_unit_test(devices_are_in_the_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
