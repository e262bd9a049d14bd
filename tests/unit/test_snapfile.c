/* test_snapfile.c - a snapshot is taken as it was made, and not when a byte of it differs. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/snapfile.h"

#define STATE	300u		/* bytes */
#define MEMORY	(1u << 20)
#define PAGE	4096u

static const uint8_t key[SNAP_KEY] = "a key of thirty-two bytes";
static const char text[] = "memory = 1048576\ncpus = 2\nroot file = 1:2\nroot = /a/b = c\nlast = x";
static struct snap_header h;
static struct err err;
static int fd;

/* What a monitor leaves: state, and memory of which two pages are not zero. */
static int make_file(void **state)
{
	char path[] = "/tmp/sandbox-test-XXXXXX";
	uint8_t bytes[STATE];

	(void)state;
	for (unsigned i = 0; i < STATE; i++)
		bytes[i] = (uint8_t)(i * 7);
	fd = mkstemp(path);
	if (fd < 0 || unlink(path) < 0)
		return -1;
	io_pwrite(fd, bytes, STATE, SNAP_STATE_AT);
	io_pwrite(fd, "a page", 6, SNAP_MEMORY_AT + 3 * PAGE);
	io_pwrite(fd, "another", 7, SNAP_MEMORY_AT + 200 * PAGE);
	return snapfile_finish(fd, key, STATE, MEMORY, text, &err);
}

static int close_file(void **state)
{
	(void)state;
	return close(fd);
}

static int take(void)
{
	return snapfile_read(fd, key, "FILE", &h, &err);
}

static void refused(int code, const char *says)
{
	assert_int_equal(take(), -code);
	if (!strstr(err.msg, says))
		fail_msg("'%s' does not say '%s'", err.msg, says);
	assert_non_null(strstr(err.msg, "snapshot FILE: "));
}

/* Another byte in its place, or the one that was there. */
static void flip(off_t at)
{
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* --- header and state -------------------------------------------------------------------- */

static void what_was_made_is_read(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(take(), 0);
	assert_int_equal(h.state_len, STATE);
	assert_int_equal(h.memory_len, MEMORY);
	assert_string_equal(h.text, text);
	assert_int_equal(snapfile_memory(fd, &h, "FILE", &err), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, SNAP_MEMORY_AT + MEMORY);
}

static void every_byte_of_the_header_counts(void **state)
{
	(void)state;
	for (off_t at = 0; at < (off_t)sizeof(h); at++) {
		flip(at);
		if (take() == 0)
			fail_msg("taken with byte %lld changed", (long long)at);
		flip(at);
	}
	assert_int_equal(take(), 0);
}

static void every_byte_of_the_state_counts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STATE; i++) {
		flip(SNAP_STATE_AT + i);
		refused(EBADMSG, "is damaged, or was made by another user");
		flip(SNAP_STATE_AT + i);
	}
	assert_int_equal(take(), 0);
}

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	flip(0);
	refused(EINVAL, "is not a snapshot");
	flip(0);
	flip(offsetof(struct snap_header, version));
	refused(EINVAL, "has format 65, this program writes and reads 1");
	flip(offsetof(struct snap_header, version));
	flip(offsetof(struct snap_header, memory_len) + 7);
	refused(EINVAL, "is cut short or damaged");
}

static void another_users_is_refused(void **state)
{
	uint8_t other[SNAP_KEY];

	(void)state;
	memcpy(other, key, sizeof(other));
	other[31] ^= 1;
	assert_int_equal(snapfile_read(fd, other, "FILE", &h, &err), -EBADMSG);
}

static void one_that_others_can_write_is_refused(void **state)
{
	(void)state;
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(take(), 0);
	assert_int_equal(fchmod(fd, 0620), 0);
	refused(EPERM, "others can write it");
	assert_int_equal(fchmod(fd, 0602), 0);
	refused(EPERM, "others can write it");
}

static void cut_short_is_refused(void **state)
{
	static const off_t at[] = { SNAP_MEMORY_AT + MEMORY - 1, SNAP_MEMORY_AT, SNAP_STATE_AT + 1,
				    SNAP_STATE_AT, sizeof(struct snap_header) };

	(void)state;
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		assert_int_equal(ftruncate(fd, at[i]), 0);
		refused(EINVAL, "is cut short or damaged");
	}
	assert_int_equal(ftruncate(fd, sizeof(struct snap_header) - 1), 0);
	refused(EINVAL, "is not a snapshot");
	assert_int_equal(ftruncate(fd, 0), 0);
	refused(EINVAL, "is not a snapshot");
}

static void lengthened_is_refused(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(fd, SNAP_MEMORY_AT + MEMORY + 1), 0);
	refused(EINVAL, "is cut short or damaged");
}

/* --- guest memory ------------------------------------------------------------------------ */

static void changed_memory_is_found_by_those_who_look(void **state)
{
	static const off_t at[] = { 0, 3 * PAGE, 3 * PAGE + 4095, 200 * PAGE, MEMORY - 1 };

	(void)state;
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		flip((off_t)SNAP_MEMORY_AT + at[i]);
		assert_int_equal(take(), 0);
		assert_int_equal(snapfile_memory(fd, &h, "FILE", &err), -EBADMSG);
		assert_non_null(strstr(err.msg, "its memory has changed"));
		flip((off_t)SNAP_MEMORY_AT + at[i]);
	}
	assert_int_equal(snapfile_memory(fd, &h, "FILE", &err), 0);
}

static void a_page_in_another_place_is_a_change(void **state)
{
	static const uint8_t zero[PAGE];

	(void)state;
	assert_int_equal(take(), 0);
	io_pwrite(fd, zero, PAGE, SNAP_MEMORY_AT + 3 * PAGE);
	io_pwrite(fd, "a page", 6, SNAP_MEMORY_AT + 4 * PAGE);
	assert_int_equal(snapfile_memory(fd, &h, "FILE", &err), -EBADMSG);
}

/* cp and tar may fill holes with zeros, or make them. */
static void holes_and_zeros_are_the_same(void **state)
{
	static const uint8_t zero[PAGE];

	(void)state;
	assert_int_equal(take(), 0);
	for (unsigned i = 0; i < MEMORY / PAGE; i++)
		if (i != 3 && i != 200)
			io_pwrite(fd, zero, PAGE, SNAP_MEMORY_AT + i * PAGE);
	assert_int_equal(snapfile_memory(fd, &h, "FILE", &err), 0);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   SNAP_MEMORY_AT + 100 * PAGE, 50 * PAGE), 0);
	assert_int_equal(snapfile_memory(fd, &h, "FILE", &err), 0);
}

static void memory_of_zeros_only_is_memory(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(ftruncate(fd, SNAP_MEMORY_AT), 0);
	assert_int_equal(snapfile_finish(fd, key, STATE, MEMORY, "", &err), 0);
	assert_int_equal(take(), 0);
	assert_int_equal(snapfile_memory(fd, &h, "FILE", &err), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_blocks * 512 < MEMORY);
}

/* --- making ------------------------------------------------------------------------------ */

static void what_a_monitor_says_of_its_state_is_doubted(void **state)
{
	(void)state;
	assert_int_equal(snapfile_finish(fd, key, 0, MEMORY, text, &err), -EINVAL);
	assert_int_equal(snapfile_finish(fd, key, SNAP_STATE_MAX + 1, MEMORY, text, &err), -EINVAL);
	assert_int_equal(snapfile_finish(fd, key, UINT32_MAX, MEMORY, text, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "snapshot: "));
}

static void a_text_that_does_not_fit_is_refused(void **state)
{
	static char large[SNAP_TEXT + 1];

	(void)state;
	memset(large, 'x', SNAP_TEXT);
	assert_int_equal(snapfile_finish(fd, key, STATE, MEMORY, large, &err), -E2BIG);
	large[SNAP_TEXT - 1] = '\0';
	assert_int_equal(snapfile_finish(fd, key, STATE, MEMORY, large, &err), 0);
	assert_int_equal(take(), 0);
	assert_string_equal(h.text, large);
}

static void a_descriptor_that_cannot_be_written(void **state)
{
	int full = open("/dev/full", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_true(snapfile_finish(full, key, STATE, MEMORY, text, &err) < 0);
	assert_non_null(strstr(err.msg, "snapshot: "));
	close(full);
}

/* --- the text ---------------------------------------------------------------------------- */

static void value_is(const char *name, const char *want)
{
	const char *value;
	int n = snapfile_value(text, name, &value);

	assert_int_equal(n, strlen(want));
	assert_memory_equal(value, want, strlen(want));
}

static void values_are_found_by_their_whole_key(void **state)
{
	const char *value;

	(void)state;
	value_is("memory", "1048576");
	value_is("cpus", "2");
	value_is("root", "/a/b = c");
	value_is("root file", "1:2");
	value_is("last", "x");
	assert_int_equal(snapfile_value(text, "mem", &value), -ENOENT);
	assert_int_equal(snapfile_value(text, "file", &value), -ENOENT);
	assert_int_equal(snapfile_value(text, "cpus =", &value), -ENOENT);
	assert_int_equal(snapfile_value(text, "kernel", &value), -ENOENT);
	assert_int_equal(snapfile_value("", "kernel", &value), -ENOENT);
	assert_int_equal(snapfile_value("kernel", "kernel", &value), -ENOENT);
	assert_int_equal(snapfile_value("kernel = ", "kernel", &value), -ENOENT);
}

#define WITH_FILE(name) cmocka_unit_test_setup_teardown(name, make_file, close_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILE(what_was_made_is_read),
		WITH_FILE(every_byte_of_the_header_counts),
		WITH_FILE(every_byte_of_the_state_counts),
		WITH_FILE(what_is_wrong_is_said),
		WITH_FILE(another_users_is_refused),
		WITH_FILE(one_that_others_can_write_is_refused),
		WITH_FILE(cut_short_is_refused),
		WITH_FILE(lengthened_is_refused),
		WITH_FILE(changed_memory_is_found_by_those_who_look),
		WITH_FILE(a_page_in_another_place_is_a_change),
		WITH_FILE(holes_and_zeros_are_the_same),
		WITH_FILE(memory_of_zeros_only_is_memory),
		WITH_FILE(what_a_monitor_says_of_its_state_is_doubted),
		WITH_FILE(a_text_that_does_not_fit_is_refused),
		cmocka_unit_test(a_descriptor_that_cannot_be_written),
		cmocka_unit_test(values_are_found_by_their_whole_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
