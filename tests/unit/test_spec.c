/* test_spec.c - the option table: what a value may be, and the text that is handed down. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/spec.h"

static struct spec s;
static struct err err;

static int set(const char *name, const char *value)
{
	const struct spec_row *row = spec_find(name, SPEC_FLAG | SPEC_DOWN);

	assert_non_null(row);
	err = (struct err){ 0 };
	return spec_set(&s, row, value, &err);
}

static int parse(const char *text, unsigned where)
{
	static char copy[16384];

	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	err = (struct err){ 0 };
	spec_init(&s);
	return spec_parse(&s, copy, where, &err);
}

/* Refused, and the message has these words in it. */
static void refused(int rc, const char *words)
{
	assert_true(rc < 0);
	assert_int_equal(err.code, -rc);
	if (!strstr(err.msg, words))
		fail_msg("'%s' does not say '%s'", err.msg, words);
}

static int setup(void **state)
{
	(void)state;
	spec_init(&s);
	return 0;
}

static void the_table_is_sound(void **state)
{
	(void)state;
	for (unsigned i = 0; i < spec_n_rows; i++) {
		const struct spec_row *row = &spec_rows[i];

		assert_true(row->at < sizeof(s));
		assert_true(row->where != 0);
		assert_int_equal((row->where & ~(unsigned)SPEC_DOWN) != 0, row->help != NULL);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(row->name, spec_rows[k].name);
		/* nothing that is handed down may hold a path or a list of words */
		if (row->where & SPEC_DOWN)
			assert_true(row->type != SPEC_STR && row->type != SPEC_LIST);
	}
}

static void values_are_checked(void **state)
{
	(void)state;
	assert_int_equal(set("memory", "256M"), 0);
	assert_int_equal(s.memory, 256 << 20);
	refused(set("memory", "0"), "memory: 0 is not between");
	refused(set("memory", "1M"), "32M");
	refused(set("memory", "1000T"), "memory");
	refused(set("memory", "lots"), "'lots' is not a size");
	refused(set("memory", "99999999999999999999"), "out of range");
	refused(set("memory", NULL), "needs a value");
	assert_int_equal(s.memory, 256 << 20);			/* as it was */
	assert_int_equal(set("cpus", "8"), 0);
	refused(set("cpus", "9"), "between 1 and 8");
	refused(set("cpus", "0"), "cpus");
	refused(set("cpus", "4294967297"), "cpus");
	assert_int_equal(s.cpus, 8);
	assert_int_equal(set("timeout", "1.5s"), 0);
	assert_int_equal(s.timeout, 1500000000);
	refused(set("timeout", "0s"), "timeout");
	refused(set("timeout", "soon"), "duration");
}

static void switches(void **state)
{
	(void)state;
	assert_int_equal(set("explain", NULL), 0);
	assert_true(s.explain);
	assert_int_equal(set("explain", "no"), 0);
	assert_false(s.explain);
	refused(set("explain", "maybe"), "yes or no");
	assert_int_equal(s.tty, TTY_AUTO);
	assert_int_equal(set("no-tty", NULL), 0);
	assert_int_equal(s.tty, TTY_OFF);
	assert_int_equal(set("tty", "yes"), 0);
	assert_int_equal(s.tty, TTY_ON);
	assert_int_equal(set("no-tty", "no"), 0);
	assert_int_equal(s.tty, TTY_ON);
}

static void lists_and_texts_have_an_end(void **state)
{
	static char text[MAX_CMDLINE + 1];

	(void)state;
	for (unsigned i = 0; i < MAX_DISKS - 1; i++)
		assert_int_equal(set("disk", "d"), 0);
	refused(set("disk", "d"), "more than 7 times");
	for (unsigned i = 0; i < MAX_ARGS; i++)
		assert_int_equal(set("env", "A=b"), 0);
	refused(set("env", "A=b"), "env");
	memset(text, 'x', MAX_CMDLINE - 1);
	assert_int_equal(set("cmdline", text), 0);
	assert_string_equal(s.cmdline, text);
	text[MAX_CMDLINE - 1] = 'x';
	refused(set("cmdline", text), "longer than");
	refused(set("cmdline", "a\nb"), "control character");
	refused(set("cmdline", "a\033[2J"), "control character");
}

static void lines_are_keys_and_values(void **state)
{
	(void)state;
	assert_int_equal(parse("", SPEC_FLAG), 0);
	assert_int_equal(parse("\n  # note\n\tmemory =  64M \ncpus=2\r\nenv=A=b\nenv = C", SPEC_FLAG), 0);
	assert_int_equal(s.memory, 64 << 20);
	assert_int_equal(s.cpus, 2);
	assert_int_equal(s.env.n, 2);
	assert_string_equal(s.env.v[0], "A=b");
	assert_string_equal(s.env.v[1], "C");
	refused(parse("cpus = 1\nmemory\n", SPEC_FLAG), "line 2");
	refused(parse("\n\ncpu = 1\n", SPEC_FLAG), "line 3: there is no option 'cpu'");
	refused(parse("cpus = 1\ncpus = 1\n", SPEC_FLAG), "cpus: given twice");
	refused(parse("cpus = 12\n", SPEC_FLAG), "line 1: cpus");
}

/* What is handed to a privileged process cannot name a path, nor can a user set its rows. */
static void each_side_has_its_rows(void **state)
{
	(void)state;
	refused(parse("root = /etc/shadow\n", SPEC_DOWN), "no option");
	refused(parse("kernel = x\n", SPEC_DOWN), "no option");
	refused(parse("disks = 2\n", SPEC_FLAG), "no option");
	assert_int_equal(parse("disks = 2\ndisks-ro = 1\n", SPEC_DOWN), 0);
	assert_null(spec_find("disks", SPEC_FLAG));
	assert_null(spec_find("root", SPEC_DOWN));
	assert_null(spec_find("", SPEC_FLAG | SPEC_DOWN));
}

static void what_is_printed_parses_to_the_same(void **state)
{
	char text[SPEC_MAX_TEXT], again[SPEC_MAX_TEXT];
	int len;

	(void)state;
	s.memory = 3ull << 30;
	s.cpus = 4;
	s.disks = 3;
	s.disks_ro = 5;
	s.net = NET_STREAM;
	s.initrd = true;
	strcpy(s.cmdline, "quiet a=b # not a comment");
	len = spec_print(&s, text, sizeof(text));
	assert_int_equal(len, strlen(text));
	assert_int_equal(parse(text, SPEC_DOWN), 0);
	assert_int_equal(s.memory, 3ull << 30);
	assert_int_equal(s.disks_ro, 5);
	assert_int_equal(s.net, NET_STREAM);
	assert_true(s.initrd);
	assert_string_equal(s.cmdline, "quiet a=b # not a comment");
	assert_int_equal(spec_print(&s, again, sizeof(again)), len);
	assert_string_equal(text, again);
	for (int n = 0; n <= len; n++)
		assert_int_equal(spec_print(&s, again, (size_t)n), -ENOSPC);
}

static void counts_fit_together(void **state)
{
	(void)state;
	assert_int_equal(spec_check_down(&s, &err), 0);
	s.memory += 4096;
	refused(spec_check_down(&s, &err), "multiple of 2M");
	s.memory -= 4096;
	s.disks = 2;
	s.disks_ro = 4;
	refused(spec_check_down(&s, &err), "disks-ro");
	s.disks = 3;
	assert_int_equal(spec_check_down(&s, &err), 0);
}

static int memfd_with(const char *text, size_t n, int seals)
{
	int fd = memfd_create("spec", MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void only_sealed_text_is_read(void **state)
{
	const int sealed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	static char big[SPEC_MAX_TEXT];
	struct { const char *text; size_t n; int seals; const char *says; } bad[] = {
		{ "cpus = 2\n", 9, 0, "not sealed" },
		{ "cpus = 2\n", 9, F_SEAL_WRITE, "not sealed" },
		{ "cpus = 2\n", 9, sealed & ~F_SEAL_GROW, "not sealed" },
		{ "", 0, sealed, "0 bytes" },
		{ big, sizeof(big), sealed, "8192 bytes" },
		{ "cpus = 2\n\0memory = 64M\n", 22, sealed, "NUL" },
		{ "cpus = 99\n", 10, sealed, "spec: line 1: cpus" },
		{ "memory = 33M\n", 13, sealed, "multiple of 2M" },
	};
	int fd;

	(void)state;
	memset(big, '\n', sizeof(big));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fd = memfd_with(bad[i].text, bad[i].n, bad[i].seals);
		refused(spec_read_fd(&s, fd, &err), bad[i].says);
		close(fd);
	}
	fd = open("/dev/null", O_RDONLY);
	refused(spec_read_fd(&s, fd, &err), "not a memfd");
	close(fd);
	fd = memfd_with("cpus = 2\n", 9, sealed);
	assert_int_equal(spec_read_fd(&s, fd, &err), 0);
	assert_int_equal(s.cpus, 2);
	assert_int_equal(s.memory, 128 << 20);		/* the default */
	close(fd);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(the_table_is_sound), T(values_are_checked), T(switches),
		T(lists_and_texts_have_an_end), T(lines_are_keys_and_values),
		T(each_side_has_its_rows), T(what_is_printed_parses_to_the_same),
		T(counts_fit_together), T(only_sealed_text_is_read),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
