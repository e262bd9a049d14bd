/* test_blk.c - virtio-blk against a temporary file. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/driver.h"
#include "virtio/blk.h"

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8 };
enum { OK = 0, IOERR = 1, UNSUPP = 2, UNTOUCHED = 0xee };

#define SECTORS 64u
#define F_FLUSH (1ull << 9)

static struct blk blk;
static struct driver d;
static int fd;
static struct { uint32_t type, reserved; uint64_t sector; } *header;
static uint8_t *data, *status;
static uint32_t used_len;

static int setup_with(bool ro, off_t size, uint64_t features)
{
	FILE *f = tmpfile();
	struct err err;

	fd = dup(fileno(f));
	fclose(f);
	for (unsigned i = 0; i < size; i++)
		assert_int_equal(pwrite(fd, &(uint8_t){ (uint8_t)(i * 7 + i / 512) }, 1, i), 1);
	assert_int_equal(blk_init(&blk, fd, ro, "disk0", &err), 0);
	dr_init(&d, &blk.dev);
	dr_start(&d, features, 256);
	header = dr_alloc(&d, 64);
	data = dr_alloc(&d, SECTORS * 512 + 4096);
	status = dr_alloc(&d, 64);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_with(false, SECTORS * 512 + 100, F_FLUSH);
}

static int setup_ro(void **state)
{
	(void)state;
	return setup_with(true, SECTORS * 512, F_FLUSH);
}

static int teardown(void **state)
{
	(void)state;
	dr_fini(&d);
	close(fd);
	return 0;
}

static uint8_t file_byte(unsigned i)
{
	return (uint8_t)(i * 7 + i / 512);
}

/* Run a chain to its end; the status byte is wherever the test put it. */
static uint8_t run(const struct seg *s, unsigned n)
{
	uint16_t head, got;

	*status = UNTOUCHED;
	head = dr_submit(&d, 0, s, n);
	dr_kick(&d, 0);
	assert_true(dr_settle(&d));
	assert_true(dr_used(&d, 0, &got, &used_len));
	assert_int_equal(got, head);
	return *status;
}

static uint8_t request(uint32_t type, uint64_t sector, uint32_t len)
{
	const struct seg s[3] = {
		{ dr_gpa(&d, header), 16, false },
		{ dr_gpa(&d, data), len, type != T_OUT },
		{ dr_gpa(&d, status), 1, true },
	};

	header->type = type;
	header->sector = sector;
	return run(s, 3);
}

static void config_says_what_it_is(void **state)
{
	(void)state;
	assert_int_equal(mmio_read(&blk.dev, R_CONFIG, 4), SECTORS);	/* the tail is not there */
	assert_int_equal(mmio_read(&blk.dev, R_CONFIG + 4, 4), 0);
	assert_int_equal(mmio_read(&blk.dev, R_CONFIG + 12, 4), 254);
	assert_int_equal(mmio_read(&blk.dev, R_CONFIG + 20, 4), 512);
	assert_int_equal(dr_offered(&d), 1ull << 32 | F_FLUSH | 1 << 6 | 1 << 2);
}

static void reads_and_writes(void **state)
{
	uint8_t back[1024];

	(void)state;
	assert_int_equal(request(T_IN, 3, 1024), OK);
	assert_int_equal(used_len, 1025);
	for (unsigned i = 0; i < 1024; i++)
		assert_int_equal(data[i], file_byte(3 * 512 + i));
	memset(data, 0xab, 1024);
	assert_int_equal(request(T_OUT, 62, 1024), OK);
	assert_int_equal(used_len, 1);
	assert_int_equal(pread(fd, back, 1024, 62 * 512), 1024);
	assert_memory_equal(back, data, 1024);
	assert_true(dr_irqs(&d) > 0);
	assert_int_equal(request(T_FLUSH, 0, 0), OK);
	assert_int_equal(request(T_IN, SECTORS, 0), OK);	/* nothing, at the end */
}

static void the_range_is_checked(void **state)
{
	static const struct { uint64_t sector; uint32_t len; } bad[] = {
		{ SECTORS, 512 }, { SECTORS - 1, 1024 }, { UINT64_MAX, 512 },
		{ UINT64_MAX - 1, 1024 }, { 1ull << 55, 512 }, { 1ull << 63, 512 },
		{ 0, SECTORS * 512 + 512 }, { 0, 1 }, { 0, 511 }, { 0, 513 }, { SECTORS + 1, 0 },
	};
	struct { uint8_t before[SECTORS * 512 + 100], after[SECTORS * 512 + 100]; } *f;

	(void)state;
	f = malloc(sizeof(*f));
	assert_int_equal(pread(fd, f->before, sizeof(f->before), 0), sizeof(f->before));
	memset(data, 0x55, SECTORS * 512 + 512);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(request(T_IN, bad[i].sector, bad[i].len), IOERR);
		assert_true(used_len <= 1);		/* no data is claimed */
		assert_int_equal(request(T_OUT, bad[i].sector, bad[i].len), IOERR);
	}
	assert_int_equal(data[0], 0x55);
	assert_int_equal(pread(fd, f->after, sizeof(f->after), 0), sizeof(f->after));
	assert_memory_equal(f->before, f->after, sizeof(f->after));
	free(f);
}

static void id_and_unknown_types(void **state)
{
	static const uint32_t unknown[] = { 2, 3, 5, 9, 11, 13, 0x80000000u, UINT32_MAX };

	(void)state;
	memset(data, 0x77, 64);
	assert_int_equal(request(T_GET_ID, 0, 20), OK);
	assert_int_equal(used_len, 21);
	assert_memory_equal(data, "disk0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x77", 21);
	memset(data, 0x77, 64);
	assert_int_equal(request(T_GET_ID, 0, 3), OK);
	assert_memory_equal(data, "dis\x77", 4);
	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(request(unknown[i], 0, 512), UNSUPP);
}

/* Header, data and status cut anywhere: a 17th readable byte is data, the last writable
 * one is the status. */
static void any_cut_is_the_same_request(void **state)
{
	const uint64_t h = dr_gpa(&d, header), p = dr_gpa(&d, data);
	const struct seg in[] = { { h, 1, false }, { h + 1, 0, false }, { h + 1, 14, false },
				  { h + 15, 1, false }, { p, 100, true }, { p + 100, 0, true },
				  { p + 100, 413, true } };
	struct seg out[] = { { dr_gpa(&d, data + 2048), 16 + 100, false },
			     { p, 412, false }, { dr_gpa(&d, status), 1, true } };

	(void)state;
	header->type = T_IN;
	header->sector = 5;
	memset(data, UNTOUCHED, 1024);
	assert_int_equal(run(in, 7), UNTOUCHED);
	assert_int_equal(used_len, 513);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(data[i], file_byte(5 * 512 + i));
	assert_int_equal(data[512], OK);
	assert_int_equal(data[513], UNTOUCHED);

	header->type = T_OUT;
	memcpy(data + 2048, header, 16);
	memset(data + 2064, 1, 100);
	memset(data, 2, 412);
	assert_int_equal(run(out, 3), OK);
	assert_int_equal(pread(fd, data + 4096, 512, 5 * 512), 512);
	assert_int_equal(data[4096 + 99], 1);
	assert_int_equal(data[4096 + 100], 2);
}

static void two_hundred_and_fifty_four_segments(void **state)
{
	static struct seg s[256];

	(void)state;
	s[0] = (struct seg){ dr_gpa(&d, header), 16, false };
	for (unsigned i = 0; i < 254; i++)		/* backwards, 64 bytes each */
		s[1 + i] = (struct seg){ dr_gpa(&d, data + (253 - i) * 64), 64, true };
	s[255] = (struct seg){ dr_gpa(&d, status), 1, true };
	header->type = T_IN;
	header->sector = 1;
	s[254].len = 64 + 128;				/* 253 * 64 + 192 is 32 sectors */
	s[254].gpa = dr_gpa(&d, data + 254 * 64);
	assert_int_equal(run(s, 256), OK);
	assert_int_equal(used_len, 32 * 512 + 1);
	for (unsigned i = 0; i < 253 * 64; i++)
		assert_int_equal(data[(253 - i / 64) * 64 + i % 64], file_byte(512 + i));
	assert_int_equal(data[254 * 64 + 191], file_byte(512 + 32 * 512 - 1));
}

static void without_header_or_status_the_driver_is_broken(void **state)
{
	const struct seg no_status[] = { { RAM_BASE, 16, false } };
	const struct seg empty_status[] = { { RAM_BASE, 16, false }, { RAM_BASE, 0, true } };
	const struct seg short_header[] = { { RAM_BASE, 15, false }, { RAM_BASE, 1, true } };
	const struct { const struct seg *s; unsigned n; } bad[] = {
		{ no_status, 1 }, { empty_status, 2 }, { short_header, 2 },
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		dr_submit(&d, 0, bad[i].s, bad[i].n);
		dr_kick(&d, 0);
		assert_true(dr_settle(&d));
		assert_int_equal(d.q[0].used->idx, 0);
		assert_int_equal(rd(&d, R_STATUS), 64 | 15);
		assert_int_equal(rd(&d, R_INT_STATUS), 2);
		dr_start(&d, 0, 256);
	}
}

static void read_only_is_enforced_here_too(void **state)
{
	uint8_t back;

	(void)state;
	assert_true(dr_offered(&d) & 1 << 5);
	memset(data, 0xab, 512);
	assert_int_equal(request(T_OUT, 0, 512), IOERR);
	assert_int_equal(pread(fd, &back, 1, 0), 1);
	assert_int_equal(back, file_byte(0));
	assert_int_equal(request(T_IN, 0, 512), OK);
}

static void a_file_made_shorter_is_an_io_error(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(fd, 512), 0);
	assert_int_equal(request(T_IN, 0, 1024), IOERR);
	assert_int_equal(used_len, 512);		/* so much of it is good */
	assert_int_equal(request(T_IN, 0, 512), OK);
}

static void a_failing_disk_is_an_io_error(void **state)
{
	int sealed = memfd_create("disk", MFD_ALLOW_SEALING);
	struct err err;

	(void)state;
	dr_fini(&d);
	assert_int_equal(ftruncate(sealed, 4096), 0);
	assert_int_equal(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE), 0);
	assert_int_equal(blk_init(&blk, sealed, false, "disk0", &err), 0);
	dr_init(&d, &blk.dev);
	dr_start(&d, F_FLUSH, 256);
	header = dr_alloc(&d, 64);
	data = dr_alloc(&d, 4096);
	status = dr_alloc(&d, 64);
	assert_int_equal(request(T_OUT, 0, 512), IOERR);
	assert_int_equal(request(T_IN, 0, 512), OK);
	close(sealed);
}

static void many_requests_in_one_kick(void **state)
{
	static struct seg s[3];
	uint16_t head;

	(void)state;
	header->type = T_IN;
	for (unsigned i = 0; i < 80; i++) {
		s[0] = (struct seg){ dr_gpa(&d, header), 16, false };
		s[1] = (struct seg){ dr_gpa(&d, data + (i % 60) * 512), 512, true };
		s[2] = (struct seg){ dr_gpa(&d, status), 1, true };
		dr_submit(&d, 0, s, 3);
	}
	dr_kick(&d, 0);
	assert_true(dr_settle(&d));
	for (unsigned i = 0; i < 80; i++) {
		assert_true(dr_used(&d, 0, &head, &used_len));
		assert_int_equal(used_len, 513);
	}
	assert_false(dr_used(&d, 0, &head, &used_len));
}

static void only_files_and_block_devices(void **state)
{
	struct err err;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(blk_init(&blk, p[0], false, "disk3", &err), -EINVAL);
	assert_non_null(strstr(err.msg, "disk3"));
	close(p[0]);
	close(p[1]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(config_says_what_it_is), T(reads_and_writes), T(the_range_is_checked),
		T(id_and_unknown_types), T(any_cut_is_the_same_request),
		T(two_hundred_and_fifty_four_segments),
		T(without_header_or_status_the_driver_is_broken),
		cmocka_unit_test_setup_teardown(read_only_is_enforced_here_too, setup_ro, teardown),
		T(a_file_made_shorter_is_an_io_error), T(a_failing_disk_is_an_io_error),
		T(many_requests_in_one_kick), cmocka_unit_test(only_files_and_block_devices),
	};

	return cmocka_run_group_tests_name("blk", tests, NULL, NULL);
}
