/* test_agent_account.c - users and groups as the guest agent finds them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rootfs/agent.h"
#include "tests/unit/check.h"

static const char passwd[] =
	"root:x:0:0:root:/root:/bin/ash\n"
	"# a comment, or any other rubbish\n"
	"\n"
	"broken:x:notanumber:1::/:\n"
	"short:x:7\n"
	"bare:x:8:9\n"
	"app:x:500:600:An app:/srv/app:\n"
	"user:x:1000:1001:user:/home/user:/bin/sh";	/* no newline at the end */

static const char group[] =
	"root:x:0:\n"
	"web:x:33:app,user\n"
	"apprentices:x:44:apprentice\n"
	"app:x:600:app\n"
	"media:x:55:user,app\n"
	"nonsense:x:x:app\n";

static int find(struct account *a, const char *who)
{
	return account_find(a, who, passwd, group);
}

static void a_name_brings_ids_home_and_groups(void **state)
{
	struct account a;

	(void)state;
	assert_int_equal(find(&a, "app"), 0);
	assert_int_equal(a.uid, 500);
	assert_int_equal(a.gid, 600);
	assert_string_equal(a.name, "app");
	assert_string_equal(a.home, "/srv/app");
	assert_string_equal(a.shell, "/bin/sh");
	assert_int_equal(a.n_groups, 2);	/* its own group is not a supplementary one */
	assert_int_equal(a.groups[0], 33);
	assert_int_equal(a.groups[1], 55);
}

static void a_number_finds_its_entry(void **state)
{
	struct account a;

	(void)state;
	assert_int_equal(find(&a, "1000"), 0);
	assert_int_equal(a.gid, 1001);
	assert_string_equal(a.name, "user");
	assert_string_equal(a.home, "/home/user");
	assert_int_equal(find(&a, "0"), 0);
	assert_string_equal(a.name, "root");
	assert_string_equal(a.shell, "/bin/ash");
}

static void nobody_asked_for_is_user_1000(void **state)
{
	struct account a;

	(void)state;
	assert_int_equal(find(&a, ""), 0);
	assert_int_equal(a.uid, 1000);
	assert_string_equal(a.name, "user");
}

static void an_unlisted_number_needs_no_entry(void **state)
{
	struct account a;

	(void)state;
	assert_int_equal(find(&a, "4242"), 0);
	assert_int_equal(a.uid, 4242);
	assert_int_equal(a.gid, 4242);
	assert_string_equal(a.name, "4242");
	assert_string_equal(a.home, "/");
	assert_int_equal(a.n_groups, 0);
	assert_int_equal(account_find(&a, "1000", "", ""), 0);
	assert_int_equal(a.uid, 1000);
}

static void a_group_given_replaces_all_groups(void **state)
{
	struct account a;

	(void)state;
	assert_int_equal(find(&a, "app:web"), 0);
	assert_int_equal(a.uid, 500);
	assert_int_equal(a.gid, 33);
	assert_int_equal(a.n_groups, 0);
	assert_int_equal(find(&a, "1:2"), 0);
	assert_int_equal(a.uid, 1);
	assert_int_equal(a.gid, 2);
}

static void unknown_names_are_not_there(void **state)
{
	static const char *const unknown[] = {
		"nosuch", "ap", "appp", "broken", "short", "app:nosuch", "app:nonsense", "# a comment, or any other rubbish",
	};
	struct account a;

	(void)state;
	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(find(&a, unknown[i]), -ENOENT);
	assert_int_equal(find(&a, "bare"), 0);
	assert_string_equal(a.home, "/");
}

static void rubbish_is_refused(void **state)
{
	static const char *const bad[] = { ":", ":web", "app:", "app\nroot", "root:\n" };
	struct account a;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(find(&a, bad[i]), -EINVAL);
}

/* An id of -1 would tell setresuid() to change nothing: root. */
static void no_number_means_root_by_wrapping(void **state)
{
	static const char *const big[] = {
		"4294967295", "4294967296", "18446744073709551616", "-1", "0x0", "1 ",
	};
	struct account a;

	(void)state;
	for (unsigned i = 0; i < sizeof(big) / sizeof(big[0]); i++)
		assert_int_equal(find(&a, big[i]), -ENOENT);
	assert_int_equal(find(&a, "4294967294"), 0);
	assert_int_equal(account_find(&a, "evil", "evil:x:4294967295:0::/:\n", ""), -ENOENT);
}

static void more_groups_than_fit_are_left_out(void **state)
{
	char many[4096];
	struct account a;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 2 * ACCOUNT_GROUPS; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "g%d:x:%d:app\n", i, 2000 + i);
	assert_int_equal(account_find(&a, "app", passwd, many), 0);
	assert_int_equal(a.n_groups, ACCOUNT_GROUPS);
	assert_int_equal(a.groups[ACCOUNT_GROUPS - 1], 2000 + ACCOUNT_GROUPS - 1);
}

static void long_fields_are_cut_not_overrun(void **state)
{
	char line[1200], home[1001];
	struct account a;

	(void)state;
	memset(home, 'h', sizeof(home) - 1);
	home[sizeof(home) - 1] = '\0';
	snprintf(line, sizeof(line), "app:x:1:1::%s:%s\n", home, "/bin/sh");
	assert_int_equal(account_find(&a, "app", line, ""), 0);
	assert_int_equal(strlen(a.home), sizeof(a.home) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_brings_ids_home_and_groups),
		cmocka_unit_test(a_number_finds_its_entry),
		cmocka_unit_test(nobody_asked_for_is_user_1000),
		cmocka_unit_test(an_unlisted_number_needs_no_entry),
		cmocka_unit_test(a_group_given_replaces_all_groups),
		cmocka_unit_test(unknown_names_are_not_there),
		cmocka_unit_test(rubbish_is_refused),
		cmocka_unit_test(no_number_means_root_by_wrapping),
		cmocka_unit_test(more_groups_than_fit_are_left_out),
		cmocka_unit_test(long_fields_are_cut_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
