/* test_opts.c - from argv and the config file to a struct spec. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/opts.h"

static struct opts o;
static struct err err;

static int parse(char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	memset(&o, 0, sizeof(o));
	memset(&err, 0, sizeof(err));
	return opts_parse(&o, SPEC_FLAG, argc, argv, &err);
}

/* String literals are not const to the compiler, and opts_parse() does not write to them. */
#define PARSE(...) parse((char *[]){ (char[]){ "run" }, __VA_ARGS__, NULL })
#define W(word) ((char[]){ word })

static void refused(int rc, const char *text)
{
	assert_true(rc < 0);
	if (!strstr(err.msg, text))
		fail_msg("'%s' does not say '%s'", err.msg, text);
}

static void config(char path[32], const char *text)
{
	int fd;

	strcpy(path, "/tmp/test_opts.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void the_command_begins_at_the_first_word(void **state)
{
	(void)state;
	assert_int_equal(PARSE(W("--cpus"), W("2"), W("ls"), W("--memory"), W("-l")), 0);
	assert_int_equal(o.argc, 3);
	assert_string_equal(o.argv[0], "ls");
	assert_string_equal(o.argv[1], "--memory");
	assert_int_equal(o.spec.cpus, 2);
}

static void two_dashes_end_the_options(void **state)
{
	(void)state;
	assert_int_equal(PARSE(W("--"), W("--cpus")), 0);
	assert_int_equal(o.argc, 1);
	assert_string_equal(o.argv[0], "--cpus");
	assert_int_equal(PARSE(W("-"), W("x")), 0);	/* "-" is a word */
	assert_int_equal(o.argc, 2);
}

static void a_value_may_be_joined_by_an_equals_sign(void **state)
{
	(void)state;
	assert_int_equal(PARSE(W("--memory=256M"), W("--env=A=B=C"), W("--"), W("true")), 0);
	assert_int_equal(o.spec.memory, 256u << 20);
	assert_int_equal(o.spec.env.n, 1);
	assert_string_equal(o.spec.env.v[0], "A=B=C");
}

static void the_last_of_two_counts_and_lists_grow(void **state)
{
	(void)state;
	assert_int_equal(PARSE(W("--cpus"), W("2"), W("--cpus"), W("3"), W("--env"), W("A=1"),
			       W("--env"), W("B"), W("--no-tty"), W("--tty"), W("x")), 0);
	assert_int_equal(o.spec.cpus, 3);
	assert_int_equal(o.spec.env.n, 2);
	assert_int_equal(o.spec.tty, TTY_ON);
}

static void an_unknown_option_is_named_with_its_neighbour(void **state)
{
	(void)state;
	refused(PARSE(W("--memroy"), W("1G"), W("x")), "--memroy; did you mean --memory?");
	refused(PARSE(W("--bogus"), W("x")), "--bogus; all of them: sandbox run --help");
	refused(PARSE(W("-m"), W("x")), "-m");
	refused(PARSE(W("--a-name-that-is-longer-than-any-option-could-ever-be"), W("x")),
		"--a-name-that-is-longer");
	refused(PARSE(W("--disks"), W("3"), W("x")), "--disks; did you mean --disk?");
}

static void a_missing_or_bad_value_is_named(void **state)
{
	(void)state;
	refused(PARSE(W("--memory")), "--memory SIZE");
	refused(PARSE(W("--memory"), W("lots"), W("x")), "memory");
	refused(PARSE(W("--memory"), W("0"), W("x")), "memory");
	refused(PARSE(W("--memory"), W("33M"), W("x")), "2M");
	refused(PARSE(W("--cpus"), W("9"), W("x")), "cpus");
	refused(PARSE(W("--cpus"), W("-1"), W("x")), "cpus");
	refused(PARSE(W("--timeout"), W("soon"), W("x")), "timeout");
	refused(PARSE(W("--timeout"), W("0"), W("x")), "timeout");
	refused(PARSE(W("--env"), W("=x"), W("x")), "env");
	refused(PARSE(W("--hostname"), W("a b"), W("x")), "hostname");
	refused(PARSE(W("--hostname"), W(""), W("x")), "hostname");
	refused(PARSE(W("--workdir"), W("tmp"), W("x")), "workdir");
	refused(PARSE(W("--user"), W(""), W("x")), "user");
	refused(PARSE(W("--cmdline"), W("a\nb"), W("x")), "cmdline");
}

static void the_command_line_overrides_the_file(void **state)
{
	char path[32];

	(void)state;
	config(path, "# comment\nhostname = file\ncpus=4\n\nenv = A=1\nenv = B=2\nconsole = yes\n");
	assert_int_equal(PARSE(W("--hostname"), W("argv"), W("--config"), path, W("--env"),
			       W("C=3"), W("x")), 0);
	unlink(path);
	assert_string_equal(o.spec.hostname, "argv");
	assert_int_equal(o.spec.cpus, 4);
	assert_true(o.spec.console);
	assert_int_equal(o.spec.env.n, 3);
	assert_string_equal(o.spec.env.v[0], "A=1");
	assert_string_equal(o.spec.env.v[2], "C=3");
	assert_string_equal(o.argv[0], "x");
}

static void a_bad_file_is_named_with_its_line(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "hostname = a\nhots = b\n", "line 2" },
		{ "hostname\n", "line 1" },
		{ "cpus = 1\ncpus = 2\n", "given twice" },
		{ "disks = 1\n", "there is no option" },	/* not the user's to say */
		{ "config = /etc/other\n", "another config file" },
	};
	char path[32];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		config(path, bad[i].text);
		refused(PARSE(W("--config"), path, W("x")), bad[i].says);
		assert_non_null(strstr(err.msg, path));
		unlink(path);
	}
	refused(PARSE(W("--config"), W("/nowhere"), W("x")), "/nowhere");
	refused(PARSE(W("--config"), W("/dev/zero"), W("x")), "longer than");
}

static void help_needs_no_command_and_no_sense(void **state)
{
	(void)state;
	assert_int_equal(PARSE(W("-h")), 0);
	assert_true(o.spec.help);
	assert_int_equal(PARSE(W("--hostname"), W(" "), W("--help")), 0);
	assert_true(o.spec.help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_begins_at_the_first_word),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(a_value_may_be_joined_by_an_equals_sign),
		cmocka_unit_test(the_last_of_two_counts_and_lists_grow),
		cmocka_unit_test(an_unknown_option_is_named_with_its_neighbour),
		cmocka_unit_test(a_missing_or_bad_value_is_named),
		cmocka_unit_test(the_command_line_overrides_the_file),
		cmocka_unit_test(a_bad_file_is_named_with_its_line),
		cmocka_unit_test(help_needs_no_command_and_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
