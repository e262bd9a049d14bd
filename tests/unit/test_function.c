/* test_function.c - the config file of the function host, and what its metrics say. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/function.h"

static struct err err;

static struct config *read_text(const char *text)
{
	char path[64];
	int fd = memfd_create("config", 0);
	struct config *c;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	c = config_read(path, &err);
	close(fd);
	return c;
}

static void refused(const char *text, const char *says)
{
	if (read_text(text))
		fail_msg("taken: %s", text);
	if (!strstr(err.msg, says))
		fail_msg("'%s' does not say '%s'", err.msg, says);
}

/* --- words ---------------------------------------------------------------------------------- */

static void words(const char *text, unsigned n, const char *joined)
{
	char all[256] = "";
	unsigned got;
	char **w = words_split(text, &got, &err);

	assert_non_null(w);
	assert_int_equal(got, n);
	assert_null(w[n]);
	for (unsigned i = 0; i < n; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s|", w[i]);
	assert_string_equal(all, joined);
	free(w);
}

static void words_are_quoted_as_for_a_shell(void **state)
{
	unsigned n;

	(void)state;
	words("cat", 1, "cat|");
	words("  a \t b ", 2, "a|b|");
	words("sh -c 'echo \"x  y\"; a'", 3, "sh|-c|echo \"x  y\"; a|");
	words("a\"b c\"d 'e'f", 2, "ab cd|ef|");
	words("\"a\\\"b\\\\c\\d\"", 1, "a\"b\\c\\d|");
	words("a\\ b \\' \\\\", 3, "a b|'|\\|");
	words("'' \"\" x", 3, "||x|");
	words("$HOME * `id`", 3, "$HOME|*|`id`|");
	words("a\\", 1, "a\\|");
	assert_null(words_split("a 'b", &n, &err));
	assert_null(words_split("a \"b\\\"", &n, &err));
	assert_null(words_split("", &n, &err));
	assert_null(words_split("  ", &n, &err));
}

/* --- the file ------------------------------------------------------------------------------- */

static void a_file_has_functions(void **state)
{
	struct config *c = read_text("# host\nlisten = unix:/s\nmax-body = 1M\n\n"
				     "[function a]\ncommand = cat\n\n  [function b-2_]  \n# b\n"
				     "command = sh -c 'x = y'\nenv = A=1\nenv = B\nmemory = 64M\n"
				     "timeout = 2s\nconcurrency = 9\nreuse = 4");
	const struct function *b;

	(void)state;
	if (!c)
		fail_msg("%s", err.msg);
	assert_string_equal(c->host.listen, "unix:/s");
	assert_int_equal(c->host.max_body, 1 << 20);
	assert_int_equal(c->n, 2);
	assert_int_equal(config_find(c, "a")->spec.timeout, FUNCTION_TIMEOUT);
	assert_int_equal(config_find(c, "a")->spec.reuse, 1);
	assert_null(config_find(c, "b"));
	b = config_find(c, "b-2_");
	assert_string_equal(b->words[2], "x = y");
	assert_int_equal(b->spec.env.n, 2);
	assert_int_equal(b->spec.memory, 64 << 20);
	assert_int_equal(b->spec.timeout, 2000000000);
	assert_int_equal(b->spec.concurrency, 9);
	assert_int_equal(b->spec.reuse, 4);
	config_free(c);
}

static void what_is_wrong_is_named(void **state)
{
	char many[8192] = "";

	(void)state;
	refused("", "has no [function NAME]");
	refused("listen = x\n", "has no [function NAME]");
	refused("command = x\n[function a]\ncommand = x\n", "line 1: there is no option 'command'");
	refused("[function a]\n", "[function a]: has no `command`");
	refused("[function a]\ncommand = x\nlisten = y\n", "[function a]: line 3: there is no option");
	refused("[function a]\ncommand = x\ndisk = y\n", "there is no option 'disk'");
	refused("[function a]\ncommand = x\ncommand = y\n", "command: given twice");
	refused("[function a]\ncommand = 'x\n", "left open");
	refused("[function a]\ncommand = x\nmemory = 1\n", "memory: 1 is not between");
	refused("[function a]\ncommand = x\nworkdir = y\n", "not an absolute path");
	refused("[function a]\ncommand = x\nwarm-min = 9\n", "warm-min is more than warm-max");
	refused("[function a]\ncommand = x\n[function a]\ncommand = x\n", "[function a]: is there twice");
	refused("[function ]\ncommand = x\n", "is not [function NAME]");
	refused("[function a b]\n", "is not [function NAME]");
	refused("[function a/b]\n", "is not [function NAME]");
	refused("[function a] x\n", "is not [function NAME]");
	refused("[function a\n]\n", "is not [function NAME]");
	refused("[a]\n", "is not [function NAME]");
	for (unsigned i = 0; i <= MAX_FUNCTIONS; i++)
		sprintf(many + strlen(many), "[function f%u]\ncommand = x\n", i);
	refused(many, "there may be");
	assert_null(config_read("/no/such/file", &err));
	assert_non_null(strstr(err.msg, "/no/such/file"));
}

/* --- metrics ---------------------------------------------------------------------------------- */

static void metrics_are_prometheus_text(void **state)
{
	static char text[65536];
	struct config *c = read_text("[function a]\ncommand = x\n");
	int fd = memfd_create("metrics", 0);

	(void)state;
	metrics_count(&c->function[0]->metrics, 200, 4000);
	metrics_count(&c->function[0]->metrics, 200, 70000);
	metrics_count(&c->function[0]->metrics, 504, 99000000);
	c->function[0]->queued = 3;
	assert_int_equal(metrics_write(fd, c), 0);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, "# TYPE sandbox_call_seconds histogram\n"));
	assert_non_null(strstr(text, "sandbox_calls_total{function=\"a\",status=\"200\"} 2\n"));
	assert_non_null(strstr(text, "sandbox_calls_total{function=\"a\",status=\"504\"} 1\n"));
	assert_non_null(strstr(text, "sandbox_call_seconds_bucket{function=\"a\",le=\"0.005\"} 1\n"));
	assert_non_null(strstr(text, "sandbox_call_seconds_bucket{function=\"a\",le=\"0.1\"} 2\n"));
	assert_non_null(strstr(text, "sandbox_call_seconds_bucket{function=\"a\",le=\"30\"} 2\n"));
	assert_non_null(strstr(text, "sandbox_call_seconds_bucket{function=\"a\",le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(text, "sandbox_call_seconds_sum{function=\"a\"} 99.074000\n"));
	assert_non_null(strstr(text, "sandbox_calls_queued{function=\"a\"} 3\n"));
	close(fd);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_quoted_as_for_a_shell),
		cmocka_unit_test(a_file_has_functions),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(metrics_are_prometheus_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
