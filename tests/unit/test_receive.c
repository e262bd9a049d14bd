/* test_receive.c - outputs as a guest sends them, and as one does that wants to write elsewhere. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/receive.h"

static char dir[] = "/tmp/sandbox-test-XXXXXX";
static struct target target[2];
static struct receive receive;
static struct err err;
static int guest, ours;

static int shell(const char *script)
{
	int status = system(script);

	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void begin(unsigned n, uint64_t bytes, uint32_t files)
{
	for (unsigned i = 0; i < n; i++) {
		target[i] = (struct target){ .path = i ? "second" : "first", .name = i ? "second" : "first",
					     .parent = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
		snprintf(target[i].tmp, sizeof(target[i].tmp), ".tmp-%u", i);
	}
	receive_init(&receive, target, n, bytes, files);
}

static int set_up(void **state)
{
	int pair[2];

	(void)state;
	if (!mkdtemp(strcpy(dir, "/tmp/sandbox-test-XXXXXX")) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	guest = pair[0];
	ours = pair[1];
	fcntl(ours, F_SETFL, O_NONBLOCK);
	setenv("D", dir, 1);
	umask(022);
	err = (struct err){ 0 };
	begin(1, 1 << 20, 100);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	receive_close(&receive);
	for (unsigned i = 0; i < 2; i++)
		if (target[i].parent > 0)
			close(target[i].parent);
	memset(target, 0, sizeof(target));
	close(guest);
	close(ours);
	return shell("chmod -R u+rwx \"$D\"; rm -rf \"$D\"");
}

static void send_raw(struct record head, const void *name, const void *more)
{
	assert_int_equal(io_write(guest, &head, sizeof(head)), 0);
	if (head.name)
		assert_int_equal(io_write(guest, name, head.name), 0);
	if (head.more)
		assert_int_equal(io_write(guest, more, head.more), 0);
}

static void put(enum record_type type, uint64_t value, unsigned mode, const char *name, const char *more)
{
	send_raw((struct record){ .type = (uint8_t)type, .mode = (uint16_t)mode, .value = value,
				  .name = (uint16_t)strlen(name), .more = (uint16_t)strlen(more) },
		 name, more);
}

/* Everything that was sent: 0, or the first error. */
static int take(void)
{
	int rc;

	do
		rc = receive_some(&receive, ours, &err);
	while (rc == 1);
	return rc;
}

static void refused(const char *says)
{
	assert_true(take() < 0);
	if (!strstr(err.msg, says))
		fail_msg("'%s' does not say '%s'", err.msg, says);
	assert_null(strchr(err.msg, '\n'));
	assert_int_equal(shell("[ ! -e \"$D/first\" ] && [ ! -L \"$D/first\" ]"), 0);
}

/* --- a guest that behaves ------------------------------------------------------------------- */

static void a_file_comes_out(void **state)
{
	(void)state;
	put(RECORD_FILE, 10, 0755, "", "");
	put(RECORD_DATA, 0, 0, "", "hello");
	put(RECORD_DATA, 5, 0, "", "there");
	put(RECORD_END, 0, 0, "", "");
	assert_int_equal(take(), 0);
	assert_int_equal(shell("[ \"$(cat \"$D/first\")\" = hellothere ] && [ $(stat -c %a \"$D/first\") = 755 ] &&"
			       "[ \"$(ls -A \"$D\")\" = first ]"), 0);
}

static void a_tree_comes_out(void **state)
{
	(void)state;
	begin(2, 1 << 20, 100);
	put(RECORD_DIR, 0, 0755, "", "");
	put(RECORD_FILE, 1, 0600, "a", "");
	put(RECORD_DATA, 0, 0, "", "a");
	put(RECORD_DIR, 0, 0500, "d", "");
	put(RECORD_FILE, 0, 0644, "empty", "");
	put(RECORD_LINK, 0, 0, "l", "../a");
	put(RECORD_UP, 0, 0, "", "");
	put(RECORD_UP, 0, 0, "", "");
	put(RECORD_MISSING, ENOENT, 0, "", "");
	put(RECORD_END, 0, 0, "", "");
	assert_int_equal(take(), 0);
	assert_int_equal(shell("cd \"$D/first\" && [ \"$(cat a)\" = a ] && [ -f d/empty ] && [ ! -s d/empty ] &&"
			       "[ \"$(cat d/l)\" = a ] && [ $(stat -c %a d) = 700 ] && [ $(stat -c %a a) = 600 ] &&"
			       "[ \"$(ls -A ..)\" = first ]"), 0);
	assert_int_equal(target[1].missing, ENOENT);
}

static void holes_stay_holes(void **state)
{
	(void)state;
	begin(1, 1ull << 40, 1);
	put(RECORD_FILE, 1ull << 32, 0644, "", "");
	put(RECORD_DATA, 1ull << 31, 0, "", "x");
	put(RECORD_END, 0, 0, "", "");
	assert_int_equal(take(), 0);
	assert_int_equal(shell("[ $(stat -c %s \"$D/first\") = 4294967296 ] && [ $(stat -c %b \"$D/first\") -lt 100 ]"), 0);
}

static void a_file_takes_the_place_of_a_file(void **state)
{
	(void)state;
	assert_int_equal(shell("echo precious > \"$D/other\" && ln -s other \"$D/first\""), 0);
	put(RECORD_FILE, 1, 0644, "", "");
	put(RECORD_DATA, 0, 0, "", "x");
	put(RECORD_END, 0, 0, "", "");
	assert_int_equal(take(), 0);
	assert_int_equal(shell("[ ! -L \"$D/first\" ] && [ \"$(cat \"$D/first\")\" = x ] &&"
			       "[ \"$(cat \"$D/other\")\" = precious ]"), 0);
}

static void a_directory_takes_no_others_place(void **state)
{
	(void)state;
	assert_int_equal(shell("mkdir \"$D/first\" && touch \"$D/first/mine\""), 0);
	put(RECORD_DIR, 0, 0755, "", "");
	put(RECORD_UP, 0, 0, "", "");
	assert_true(take() < 0);
	assert_non_null(strstr(err.msg, "is there already"));
	assert_int_equal(shell("[ -e \"$D/first/mine\" ]"), 0);
}

static void bytes_may_come_one_by_one(void **state)
{
	const struct record file = { .type = RECORD_FILE, .mode = 0644 }, end = { .type = RECORD_END };
	char all[2 * sizeof(file)];
	int rc = -EAGAIN;

	(void)state;
	memcpy(all, &file, sizeof(file));
	memcpy(all + sizeof(file), &end, sizeof(end));
	for (unsigned i = 0; i < sizeof(all); i++) {
		assert_true(rc == -EAGAIN || rc == 1);
		assert_int_equal(io_write(guest, all + i, 1), 0);
		do
			rc = receive_some(&receive, ours, &err);
		while (rc == 1 && i + 1 < sizeof(all));
	}
	assert_int_equal(rc == 1 ? take() : rc, 0);
	assert_int_equal(shell("[ -f \"$D/first\" ]"), 0);
}

/* --- and one that does not --------------------------------------------------------------------- */

static void names_lead_nowhere_else(void **state)
{
	static const char *const bad[] = { "..", ".", "a/b", "/etc", "../x", "a/" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (unsigned type = RECORD_DIR; type <= RECORD_LINK; type++) {
			if (type == RECORD_UP || type == RECORD_DATA)
				continue;
			assert_int_equal(i || type > RECORD_DIR ? tear_down(state) : 0, 0);
			assert_int_equal(i || type > RECORD_DIR ? set_up(state) : 0, 0);
			put(RECORD_DIR, 0, 0755, "", "");
			put((enum record_type)type, 0, 0755, bad[i], type == RECORD_LINK ? "x" : "");
			refused("a name that is none");
		}
}

static void a_name_has_no_nul_and_is_not_empty(void **state)
{
	(void)state;
	put(RECORD_DIR, 0, 0755, "", "");
	send_raw((struct record){ .type = RECORD_FILE, .name = 3 }, "a\0b", "");
	refused("a name that is none");
	tear_down(state);
	set_up(state);
	put(RECORD_DIR, 0, 0755, "", "");
	put(RECORD_FILE, 0, 0644, "", "");
	refused("a name that is none");
}

/* What the link would lead to is not to be touched, whether a directory or a file comes next. */
static void nothing_is_written_through_a_link(void **state)
{
	(void)state;
	for (int type = RECORD_DIR; type <= RECORD_FILE; type += RECORD_FILE - RECORD_DIR) {
		assert_int_equal(shell("mkdir -p \"$D/victim\""), 0);
		put(RECORD_DIR, 0, 0755, "", "");
		put(RECORD_DIR, 0, 0755, "d", "");
		put(RECORD_LINK, 0, 0, "l", "../d");
		put((enum record_type)type, 1, 0755, "l", "");
		refused("File exists");
		assert_int_equal(shell("[ -z \"$(ls -A \"$D/victim\")\" ]"), 0);
		tear_down(state);
		set_up(state);
	}
}

static void links_that_lead_out_are_left_out(void **state)
{
	static const char *const bad[] = { "/etc/passwd", "..", "../..", "../../x", "a/../../x", "a/..", "../a/../b",
					   "./..", "..//..", "/" };
	static const char *const good[] = { "x", "a/b", "...", "..a", "a..", "a/..b/c", "." };

	(void)state;
	put(RECORD_DIR, 0, 0755, "", "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		put(RECORD_LINK, 0, 0, "bad", bad[i]);
	put(RECORD_DIR, 0, 0755, "d", "");
	put(RECORD_LINK, 0, 0, "up", "../x");
	put(RECORD_LINK, 0, 0, "top", "..");
	put(RECORD_LINK, 0, 0, "bad", "../../x");
	put(RECORD_UP, 0, 0, "", "");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char name[16];

		snprintf(name, sizeof(name), "good%zu", i);
		put(RECORD_LINK, 0, 0, name, good[i]);
	}
	put(RECORD_UP, 0, 0, "", "");
	put(RECORD_END, 0, 0, "", "");
	assert_int_equal(take(), 0);
	assert_int_equal(receive.left_out, sizeof(bad) / sizeof(bad[0]) + 1);
	assert_int_equal(shell("cd \"$D/first\" && [ $(find . -type l | wc -l) = 9 ] && [ ! -L bad ] && [ ! -L d/bad ]"), 0);
}

static void an_output_itself_is_no_link(void **state)
{
	(void)state;
	send_raw((struct record){ .type = RECORD_LINK, .more = 11 }, "", "/etc/passwd");
	refused("not asked for");
}

/* Of a diff, whatever the guest sends is what has gone; of an output it is a lie. */
static void only_a_diff_has_what_is_gone(void **state)
{
	(void)state;
	put(RECORD_DIR, 0, 0755, "", "");
	put(RECORD_GONE, 0, 0, "x", "");
	refused("what is gone");
	tear_down(state);
	set_up(state);
	put(RECORD_GONE, 0, 0, "", "");
	refused("not asked for");
	tear_down(state);
	set_up(state);
	target[0].diff = true;
	put(RECORD_DIR, 0, 0755, "", "");
	put(RECORD_GONE, 0, 0, "x", "");
	put(RECORD_DIR, 1, 0755, "d", "");
	put(RECORD_UP, 0, 0, "", "");
	put(RECORD_UP, 0, 0, "", "");
	put(RECORD_END, 0, 0, "", "");
	assert_int_equal(take(), 0);
	assert_int_equal(shell("cd \"$D/first\" && [ -p x ] && [ $(stat -c %a d) = 1755 ]"), 0);
}

static void modes_have_nine_bits(void **state)
{
	(void)state;
	begin(1, 1 << 20, 100);
	put(RECORD_DIR, 1, 07777, "", "");
	put(RECORD_FILE, 0, 06777, "suid", "");
	put(RECORD_UP, 0, 0, "", "");
	put(RECORD_END, 0, 0, "", "");
	assert_int_equal(take(), 0);
	assert_int_equal(shell("[ $(stat -c %a \"$D/first/suid\") = 755 ] && [ $(stat -c %a \"$D/first\") = 755 ]"), 0);
}

static void sizes_are_limited(void **state)
{
	(void)state;
	put(RECORD_DIR, 0, 0755, "", "");
	put(RECORD_FILE, 1 << 20, 0644, "a", "");
	put(RECORD_FILE, 1, 0644, "b", "");
	refused("--output-max");
	tear_down(state);
	set_up(state);
	put(RECORD_FILE, UINT64_MAX, 0644, "", "");
	refused("--output-max");
}

static void the_number_of_files_is_limited(void **state)
{
	char name[8];

	(void)state;
	put(RECORD_DIR, 0, 0755, "", "");
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%u", i);
		put(i % 2 ? RECORD_FILE : RECORD_LINK, 0, 0644, name, i % 2 ? "" : "x");
	}
	refused("--output-files");
}

static void depth_is_limited(void **state)
{
	(void)state;
	begin(1, 1 << 20, 1000);
	put(RECORD_DIR, 0, 0755, "", "");
	for (unsigned i = 0; i < RECEIVE_DEPTH; i++)
		put(RECORD_DIR, 0, 0755, "d", "");
	refused(strerror(ELOOP));
}

static void data_stays_in_its_file(void **state)
{
	static const struct { uint64_t size, at; } bad[] = { { 4, 0 }, { 5, 1 }, { 5, UINT64_MAX }, { 5, 6 },
							     { 5, UINT64_MAX - 4 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(RECORD_FILE, bad[i].size, 0644, "", "");
		put(RECORD_DATA, bad[i].at, 0, "", "12345");
		refused("data of no file");
		tear_down(state);
		set_up(state);
	}
	put(RECORD_DATA, 0, 0, "", "x");
	refused("data of no file");
}

static void order_is_kept(void **state)
{
	(void)state;
	put(RECORD_UP, 0, 0, "", "");
	refused("not in");
	tear_down(state);
	set_up(state);
	put(RECORD_END, 0, 0, "", "");
	refused("fewer outputs");
	tear_down(state);
	set_up(state);
	put(RECORD_MISSING, ENOENT, 0, "", "");
	put(RECORD_FILE, 0, 0644, "", "");
	refused("not asked for");
	tear_down(state);
	set_up(state);
	put(RECORD_DIR, 0, 0755, "", "");
	put(RECORD_MISSING, ENOENT, 0, "", "");
	refused("out of order");
}

static void malformed_records_are_refused(void **state)
{
	static const struct record bad[] = {
		{ .type = 0 }, { .type = N_RECORD_TYPES }, { .type = 255 }, { .type = RECORD_FILE, .zero = 1 },
		{ .type = RECORD_FILE, .name = RECORD_MAX_NAME + 1 }, { .type = RECORD_FILE, .more = 1 },
		{ .type = RECORD_LINK, .name = 1 }, { .type = RECORD_DATA }, { .type = RECORD_UP, .name = 1 },
		{ .type = RECORD_DATA, .more = RECORD_MAX_DATA + 1 }, { .type = RECORD_END, .more = 1 },
		{ .type = RECORD_LINK, .name = 1, .more = RECORD_MAX_LINK + 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(io_write(guest, &bad[i], sizeof(bad[i])), 0);
		refused("malformed");
		tear_down(state);
		set_up(state);
	}
}

static void a_guest_that_hangs_up_is_told_of(void **state)
{
	(void)state;
	put(RECORD_FILE, 5, 0644, "", "");
	put(RECORD_DATA, 0, 0, "", "123");
	shutdown(guest, SHUT_WR);
	refused("broke off in the middle of first");
	assert_true(target[0].begun);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_file_comes_out),
		TEST(a_tree_comes_out),
		TEST(holes_stay_holes),
		TEST(a_file_takes_the_place_of_a_file),
		TEST(a_directory_takes_no_others_place),
		TEST(bytes_may_come_one_by_one),
		TEST(names_lead_nowhere_else),
		TEST(a_name_has_no_nul_and_is_not_empty),
		TEST(nothing_is_written_through_a_link),
		TEST(links_that_lead_out_are_left_out),
		TEST(an_output_itself_is_no_link),
		TEST(only_a_diff_has_what_is_gone),
		TEST(modes_have_nine_bits),
		TEST(sizes_are_limited),
		TEST(the_number_of_files_is_limited),
		TEST(depth_is_limited),
		TEST(data_stays_in_its_file),
		TEST(order_is_kept),
		TEST(malformed_records_are_refused),
		TEST(a_guest_that_hangs_up_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
