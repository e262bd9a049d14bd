/* test_machine.c - the monitor's plan: memory, devices, command line, initramfs, serial. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/fds.h"
#include "vmm/arch/arch.h"
#include "vmm/mem.h"
#include "vmm/vm.h"

#define MIB (1ull << 20)

static struct vm vm;

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	spec_init(&vm.spec);
	return 0;
}

static void memory_is_split_around_the_hole(void **state)
{
	struct gmem m;

	(void)state;
	mem_plan(&m, 3072 * MIB);
	assert_int_equal(m.n, 1);
	mem_plan(&m, 3074 * MIB);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.region[0].len, 3072 * MIB);
	assert_int_equal(m.region[1].gpa, 4096 * MIB);
	assert_int_equal(m.region[1].len, 2 * MIB);
}

/* What /proc/self/smaps says of the mapping that holds `at`. */
static void vm_flags(const void *at, char flags[256])
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool here = false;
	char line[512];

	flags[0] = '\0';
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (unsigned long)at && (unsigned long)at < end;
		else if (here && !strncmp(line, "VmFlags:", 8))
			strcpy(flags, line);
	}
	fclose(f);
}

static void memory_is_guarded_and_left_out_of_dumps(void **state)
{
	struct gmem m;
	struct err err;
	char flags[256];

	(void)state;
	mem_plan(&m, 32 * MIB);
	assert_int_equal(mem_map(&m, false, &err), 0);
	vm_flags(m.region[0].hva, flags);
	assert_non_null(strstr(flags, " rd wr "));
	assert_null(strstr(flags, " ex "));
	assert_non_null(strstr(flags, " dd "));
	assert_null(strstr(flags, " mg "));
	vm_flags(m.region[0].hva - 1, flags);
	assert_null(strstr(flags, " rd "));
	vm_flags(m.region[0].hva + m.region[0].len, flags);
	assert_null(strstr(flags, " rd "));
	munmap(m.region[0].hva, m.region[0].len);
}

static void devices_stand_in_the_documented_order(void **state)
{
	struct err err;

	(void)state;
	vm.spec.disks = 2;
	vm.spec.disks_ro = 1;
	vm.spec.net = NET_TAP;
	assert_int_equal(vm_plan(&vm, &err), 0);
	assert_int_equal(vm.devices.n, 4);
	assert_string_equal(vm.devices.slot[0].name, "disk0");
	assert_true(vm.devices.slot[0].ro);
	assert_false(vm.devices.slot[1].ro);
	assert_string_equal(vm.devices.slot[2].name, "net");
	assert_string_equal(vm.devices.slot[3].name, "vsock");
	assert_int_equal(vm.devices.slot[3].gpa, DEVICE_BASE + 3 * 0x1000);
	assert_int_equal(vm.devices.slot[3].irq, DEVICE_IRQ + 3);
	assert_int_equal(vm.threads.n, 3);
}

static void the_users_words_come_last_on_the_command_line(void **state)
{
	struct err err;
	const char *last;

	(void)state;
	strcpy(vm.spec.cmdline, "loglevel=7");
	assert_int_equal(vm_plan(&vm, &err), 0);
	last = strrchr(vm.boot.cmdline, ' ');
	assert_string_equal(last, " loglevel=7");
	assert_non_null(strstr(vm.boot.cmdline, " virtio_mmio.device=4K@0xd0000000:5 "));
}

static void a_command_line_that_does_not_fit_is_refused(void **state)
{
	struct err err;

	(void)state;
	memset(vm.spec.cmdline, 'x', sizeof(vm.spec.cmdline) - 1);
	assert_int_equal(vm_plan(&vm, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "cmdline"));
}

/* A file of `len` bytes of `fill` as descriptor `fd`. */
static void file_at(int fd, size_t len, char fill)
{
	int file = memfd_create("archive", 0);

	for (size_t i = 0; i < len; i++)
		assert_int_equal(write(file, &fill, 1), 1);
	assert_int_equal(dup2(file, fd), fd);
	close(file);
}

static void the_agents_initramfs_follows_the_users(void **state)
{
	struct gmem *m = &vm.mem;
	const uint8_t *at;
	struct err err;

	(void)state;
	file_at(FD_INITRD, 5, 'u');
	file_at(FD_AGENT, 3, 'a');
	mem_plan(m, 32 * MIB);
	assert_int_equal(mem_map(m, false, &err), 0);
	vm.boot.initrd_limit = 1ull << 31;
	vm.boot.image_end = 20 * MIB;
	assert_int_equal(boot_initrd(&vm.boot, m, true, &err), 0);
	assert_int_equal(vm.boot.initrd_len, 11);
	assert_int_equal(vm.boot.initrd_gpa % 4096, 0);
	at = gmem_at(m, vm.boot.initrd_gpa, 11);
	assert_memory_equal(at, "uuuuu\0\0\0aaa", 11);
	vm.boot.image_end = 32 * MIB - 100;
	assert_int_equal(boot_initrd(&vm.boot, m, true, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "initrd: no room"));
	munmap(m->region[0].hva, m->region[0].len);
}

static void serial_says_its_transmitter_is_empty(void **state)
{
	struct serial s;
	uint64_t edges = 0;
	int irq = eventfd(0, EFD_NONBLOCK);

	(void)state;
	serial_init(&s, -1, irq);
	assert_int_equal(serial_read(&s, 5), 0x60);
	assert_int_equal(serial_read(&s, 2) & 0x0f, 1);		/* nothing is due */
	serial_write(&s, 1, 2);				/* enable it */
	assert_int_equal(read(irq, &edges, 8), 8);
	assert_int_equal(serial_read(&s, 2) & 0x0f, 2);		/* it is, once */
	assert_int_equal(serial_read(&s, 2) & 0x0f, 1);
	close(irq);
}

static void serial_keeps_its_divisor_apart(void **state)
{
	struct serial s;

	(void)state;
	serial_init(&s, -1, -1);
	serial_write(&s, 3, 0x80);
	serial_write(&s, 0, 0x12);
	serial_write(&s, 1, 0x34);
	assert_int_equal(serial_read(&s, 0), 0x12);
	serial_write(&s, 3, 0x03);
	assert_int_equal(serial_read(&s, 0), 0);
	assert_int_equal(serial_read(&s, 1), 0);
	serial_write(&s, 4, 0x1b);				/* loop-back */
	assert_int_equal(serial_read(&s, 6), 0xb0);
}

static void what_the_console_does_not_take_is_counted(void **state)
{
	struct serial s;
	int p[2];
	char page[4096] = { 0 };

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	serial_init(&s, p[1], -1);
	memcpy(s.line, "hello\n", 6);
	s.len = 6;
	serial_flush(&s);
	assert_int_equal(read(p[0], page, sizeof(page)), 6);
	while (write(p[1], page, sizeof(page)) > 0)
		;
	s.len = 9;
	serial_flush(&s);
	assert_int_equal(s.dropped, 9);
	assert_int_equal(s.len, 0);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(memory_is_split_around_the_hole), T(memory_is_guarded_and_left_out_of_dumps),
		T(devices_stand_in_the_documented_order),
		T(the_users_words_come_last_on_the_command_line),
		T(a_command_line_that_does_not_fit_is_refused),
		T(the_agents_initramfs_follows_the_users), T(serial_says_its_transmitter_is_empty),
		T(serial_keeps_its_divisor_apart), T(what_the_console_does_not_take_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
