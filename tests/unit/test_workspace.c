/* test_workspace.c - what of a workspace goes in, and what of a guest's changes comes back. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/ignore.h"
#include "runner/workspace.h"

static char dir[] = "/tmp/sandbox-test-XXXXXX";
static char work[sizeof(dir) + 8];
static struct spec spec;
static struct cargo tree;
static struct target target;
static struct err err;

static int shell(const char *script)
{
	int status = system(script);

	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(strcpy(dir, "/tmp/sandbox-test-XXXXXX")))
		return -1;
	setenv("D", dir, 1);
	snprintf(work, sizeof(work), "%s/work", dir);
	spec_init(&spec);
	spec.workspace = work;
	if (chdir(dir) < 0 || shell("mkdir work") || cargo_init(&tree, 0, 0) < 0)
		return -1;
	target = (struct target){ .tmp = ".sandbox-x" };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cargo_free(&tree);
	if (target.parent > 0)
		close(target.parent);
	return chdir("/") < 0 || shell("rm -rf \"$D\"");
}

/* --- patterns -------------------------------------------------------------------------------- */

static void patterns_mean_what_git_means(void **state)
{
	static const struct { const char *pattern, *path; bool is_dir, hit; } cases[] = {
		{ "*.o", "/a.o", false, true }, { "*.o", "/x/y/a.o", false, true }, { "*.o", "/a.oo", false, false },
		{ "/a.o", "/a.o", false, true }, { "/a.o", "/x/a.o", false, false },
		{ "build/", "/x/build", true, true }, { "build/", "/x/build", false, false },
		{ "x/*.c", "/x/a.c", false, true }, { "x/*.c", "/y/x/a.c", false, false },
		{ "x/*.c", "/x/y/a.c", false, false }, { "**/a", "/x/y/a", false, true }, { "**/a", "/a", false, true },
		{ "x/**", "/x/y/z", false, true }, { "x/**/z", "/x/z", false, true }, { "x/**/z", "/x/1/2/z", false, true },
		{ "x/**/z", "/x/1/2/y", false, false }, { "a?c", "/abc", false, true }, { "a?c", "/ac", false, false },
		{ "[a-c]x", "/bx", false, true }, { "[!a-c]x", "/bx", false, false }, { "[a-c", "/[a-c", false, true },
		{ "\\#x", "/#x", false, true }, { "#x", "/#x", false, false }, { "a b  ", "/a b", false, true },
		{ "*a*b*c", "/xaxbxc", false, true }, { "*a*b*c", "/xaxbxcx", false, false }, { "", "/a", false, false },
		{ "/", "/a", true, false }, { "*", "/a", false, true }, { "a*/b", "/ax/b", false, true },
		{ "a*/b", "/ax/y/b", false, false }, { "**/x*/**/y", "/1/xx/2/3/y", false, true },
	};
	static struct ignore g;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[PATH_MAX];
		int fd = open("work/.gitignore", O_CREAT | O_TRUNC | O_WRONLY, 0600), mark;

		assert_int_equal(io_write(fd, cases[i].pattern, strlen(cases[i].pattern)), 0);
		close(fd);
		mark = ignore_enter(&g, work);
		assert_int_equal(mark, 0);
		snprintf(path, sizeof(path), "%s%s", work, cases[i].path);
		if (ignore_match(&g, path, cases[i].is_dir) != cases[i].hit)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].path);
		ignore_leave(&g, mark);
	}
}

static void no_pattern_takes_long(void **state)
{
	static struct ignore g;
	char path[512];
	uint64_t began = now_ns();

	(void)state;
	assert_int_equal(shell("i=0; while [ $i -lt 60 ]; do printf '*a'; i=$((i+1)); done > work/.gitignore;"
			       "echo b >> work/.gitignore; i=0; while [ $i -lt 60 ]; do printf '**/*a'; i=$((i+1));"
			       "done >> work/.gitignore; echo b >> work/.gitignore"), 0);
	assert_int_equal(ignore_enter(&g, work), 0);
	snprintf(path, sizeof(path), "%s/%0250d", work, 0);
	memset(strrchr(path, '/') + 1, 'a', 250);
	for (int i = 0; i < 100; i++)
		assert_false(ignore_match(&g, path, false));
	assert_true(now_ns() - began < 2000000000u);
	ignore_leave(&g, 0);
}

static void what_is_secret_stays_here(void **state)
{
	static const char *const withheld[] = { "/w/.git/config", "/w/a/.git/hooks", "/w/.ssh", "/w/.env", "/w/.env.local",
						"/w/x/.GIT/Config", "/w/.git-credentials", "/w/x.git/config", "/w/.git/modules/a/hooks", "/w/.sandbox-output-1" };
	static const char *const taken[] = { "/w/.git", "/w/.git/HEAD", "/w/config", "/w/.environment", "/w/.sandboxignore",
					     "/w/hooks" };

	(void)state;
	for (size_t i = 0; i < sizeof(withheld) / sizeof(withheld[0]); i++)
		if (!ignore_withheld(withheld[i]))
			fail_msg("%s", withheld[i]);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (ignore_withheld(taken[i]))
			fail_msg("%s", taken[i]);
}

/* --- in ------------------------------------------------------------------------------------------ */

static const struct node *at(const char *path)
{
	const struct node *n = tree.root;
	char copy[PATH_MAX], *state;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *part = strtok_r(copy, "/", &state); part && n; part = strtok_r(NULL, "/", &state)) {
		const struct node *found = NULL;

		for (uint32_t i = 0; i < n->n_child; i++)
			if (!strcmp(n->child[i]->name, part))
				found = n->child[i];
		n = found;
	}
	return n;
}

static void the_ignored_is_left_out(void **state)
{
	(void)state;
	assert_int_equal(shell("cd work && mkdir -p .git/hooks .git/objects src/deep build .ssh &&"
			       "touch .git/config .git/HEAD .git/hooks/x src/a.c src/a.o src/keep.o src/deep/b.o build/x "
			       ".env .ssh/id && mkfifo pipe && printf '*.o\\n!keep.o\\nbuild/\\npipe\\n' > .gitignore &&"
			       "echo '!*.o' > src/deep/.sandboxignore"), 0);
	assert_int_equal(workspace_add(&tree, &spec, &err), 0);
	assert_non_null(at("work/.git/HEAD"));
	assert_non_null(at("work/src/a.c"));
	assert_non_null(at("work/src/keep.o"));
	assert_non_null(at("work/src/deep/b.o"));
	assert_null(at("work/src/a.o"));
	assert_null(at("work/build"));
	assert_null(at("work/.git/config"));
	assert_null(at("work/.git/hooks"));
	assert_null(at("work/.env"));
	assert_null(at("work/.ssh"));
}

/* --- and back --------------------------------------------------------------------------------------- */

/* What a guest has changed, as receive.c makes it of that. */
static int come_back(const char *changes)
{
	char script[4096];

	assert_int_equal(workspace_add(&tree, &spec, &err), 0);
	workspace_keep(&tree);
	assert_int_equal(cargo_init(&tree, 0, 0), 0);
	assert_int_equal(workspace_target(&target, &spec, &err), 0);
	snprintf(script, sizeof(script), "mkdir work/%s && cd work/%s && %s", target.name, target.name, changes);
	assert_int_equal(shell(script), 0);
	return workspace_finish(&target, &spec, &err);
}

static void changes_are_written_back(void **state)
{
	(void)state;
	spec.apply = true;
	assert_int_equal(shell("cd work && mkdir -p d/e gone anew file-to-dir.d && echo 1 > changed && echo 1 > removed &&"
			       "echo 1 > d/e/deep && echo 1 > gone/x && echo 1 > anew/old && echo 1 > f && mkdir g &&"
			       "echo 1 > g/x && echo same > same"), 0);
	assert_int_equal(come_back("echo 2 > changed && mkfifo removed && mkdir -p d/e && echo 2 > d/e/deep && echo 2 > d/new &&"
				   "mkfifo gone && mkdir anew && chmod 1755 anew && echo 2 > anew/new && mkdir f &&"
				   "echo 2 > f/x && echo 2 > g && ln -s d/new link"), 0);
	assert_int_equal(shell("cd work && [ $(cat changed) = 2 ] && [ ! -e removed ] && [ $(cat d/e/deep) = 2 ] &&"
			       "[ $(cat d/new) = 2 ] && [ ! -e gone ] && [ ! -e anew/old ] && [ $(cat anew/new) = 2 ] &&"
			       "[ $(cat f/x) = 2 ] && [ $(cat g) = 2 ] && [ $(cat link) = 2 ] && [ $(cat same) = same ]"), 0);
}

static void what_was_not_given_is_left_alone(void **state)
{
	(void)state;
	spec.apply = true;
	assert_int_equal(shell("cd work && mkdir -p .git/hooks build d && echo mine > .git/config && echo mine > build/x &&"
			       "echo build > .gitignore && echo 1 > later && echo 1 > d/x && ln -s /etc victim &&"
			       "touch -d 2001-01-01 later d/x"), 0);
	/* Changed here while the guest ran; and a directory that has become a link elsewhere. */
	assert_int_equal(come_back("mkdir -p .git/hooks build && echo evil > .git/config && echo evil > .git/hooks/pre-commit &&"
				   "echo evil > build/x && echo evil > later && mkdir victim && echo evil > victim/passwd.new &&"
				   "echo evil > .env && mkdir -p d sub && echo gitdir: ../d > sub/.git && echo evil > d/x && echo 2 > .gitignore.new &&"
				   "cd .. && echo 9 > later && rm -r d && mkdir ../elsewhere && ln -s ../elsewhere d"), 0);
	assert_int_equal(shell("cd work && [ $(cat .git/config) = mine ] && [ ! -e .git/hooks/pre-commit ] &&"
			       "[ $(cat build/x) = mine ] && [ $(cat later) = 9 ] && [ ! -e /etc/passwd.new ] &&"
			       "[ ! -e .env ] && [ ! -e sub/.git ] && [ -z \"$(ls -A ../elsewhere)\" ] && [ -L d ]"), 0);
}

static void a_removed_directory_keeps_what_stayed_here(void **state)
{
	(void)state;
	spec.apply = true;
	assert_int_equal(shell("cd work && mkdir -p .git/hooks && echo mine > .git/config && echo x > .git/HEAD"), 0);
	assert_int_equal(come_back("mkfifo .git"), 0);
	assert_int_equal(shell("cd work && [ $(cat .git/config) = mine ] && [ ! -e .git/HEAD ]"), 0);
}

static void else_there_is_a_tar_file(void **state)
{
	(void)state;
	assert_int_equal(shell("cd work && mkdir d && echo 1 > a && echo 1 > b && echo 1 > d/x"), 0);
	assert_int_equal(come_back("echo 2 > a && mkfifo b && mkdir d && chmod 1755 d && echo 2 > d/y"), 0);
	assert_int_equal(shell("[ \"$(tar tf work.changes.tar | sort | tr '\\n' ' ')\" = "
			       "'./ ./.wh.b ./a ./d/ ./d/.wh..wh..opq ./d/y ' ] && [ $(cat work/a) = 1 ]"), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(patterns_mean_what_git_means),
		TEST(no_pattern_takes_long),
		TEST(what_is_secret_stays_here),
		TEST(the_ignored_is_left_out),
		TEST(changes_are_written_back),
		TEST(what_was_not_given_is_left_alone),
		TEST(a_removed_directory_keeps_what_stayed_here),
		TEST(else_there_is_a_tar_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
