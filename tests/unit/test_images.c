/* test_images.c - the store of images: names, IDs, what goes and what stays; what an image says of
 * its command; and which image something given as a root is. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/about.h"
#include "runner/origin.h"
#include "runner/root.h"
#include "runner/store.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccc"

static char dir[64], id[STORE_ID];
static struct err err;

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/sandbox-test-XXXXXX");
	memset(&err, 0, sizeof(err));
	return mkdtemp(dir) ? setenv("XDG_DATA_HOME", dir, 1) : -1;
}

static int end(void **state)
{
	char cmd[100];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const char *in_dir(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void shell(const char *cmd)
{
	char line[1000];

	snprintf(line, sizeof(line), "cd %s && %s", dir, cmd);
	assert_int_equal(system(line), 0);
}

/* An image of `bytes`, last used so many seconds ago. */
static void keep(const char *name, size_t bytes, const char *about, int seconds)
{
	char image[PATH_MAX], json[PATH_MAX];
	struct timespec t[2] = { { .tv_sec = time(NULL) - seconds }, { .tv_sec = time(NULL) - seconds } };
	char *data = calloc(1, bytes + 1);
	int fd = store_create(name, &err);

	memset(data, 'x', bytes);
	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, data, bytes), 0);
	assert_int_equal(store_keep(name, fd, about, &err), 0);
	assert_int_equal(store_paths(name, image, json, &err), 0);
	assert_int_equal(utimensat(AT_FDCWD, json, t, 0), 0);
	close(fd);
	free(data);
}

/* --- the store ----------------------------------------------------------------------------------- */

static void a_name_is_no_path_and_no_id(void **state)
{
	static const char *const good[] = { "a", "debian:12", "x.y_z-1", "A9", "deb.tar" };
	static const char *const bad[] = { "", ".", "..", "a/b", "-t", ".hidden", "a b", "a\n", A, "\xc3\xa4",
		"0123456789012345678901234567890123456789012345678901234567890123" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(store_is_name(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(store_is_name(bad[i]));
	assert_true(store_is_id(A));
}

static void an_image_is_found_by_name_and_id(void **state)
{
	(void)state;
	assert_int_equal(store_find("one", id, &err), -ENOENT);
	keep(A, 10, "{}", 0);
	assert_int_equal(store_name(A, "one", &err), 0);
	assert_int_equal(store_find("one", id, &err), 0);
	assert_string_equal(id, A);
	assert_int_equal(store_find(A, id, &err), 0);
	assert_int_equal(store_find(B, id, &err), -ENOENT);
}

static void an_image_goes_with_its_last_name(void **state)
{
	(void)state;
	keep(A, 10, "{}", 0);
	store_name(A, "one", &err);
	store_name(A, "two", &err);
	assert_int_equal(store_remove("one", &err), 0);
	assert_true(store_has(A));
	assert_int_equal(store_remove("two", &err), 0);
	assert_false(store_has(A));
	assert_int_equal(store_remove("two", &err), -ENOENT);
	keep(A, 10, "{}", 0);
	store_name(A, "one", &err);
	assert_int_equal(store_remove(A, &err), 0);
	assert_int_equal(store_find("one", id, &err), -ENOENT);
}

static void those_without_a_name_are_trimmed_longest_unused_first(void **state)
{
	struct store_entry *e;

	(void)state;
	keep(A, 100000, "{}", 30);
	keep(B, 100000, "{}", 20);
	keep(C, 100000, "{}", 10);
	store_name(A, "old", &err);
	assert_int_equal(store_trim(150000, C, &err), 1);
	assert_int_equal(store_list(&e, &err), 2);
	assert_string_equal(e[0].id, C);
	assert_string_equal(e[1].id, A);
	assert_string_equal(e[1].names, "old");
	assert_int_equal(store_trim(0, C, &err), 0);
	assert_int_equal(store_trim(0, "", &err), 1);
	assert_true(store_has(A));
}

static void an_image_is_read_only_and_its_owners(void **state)
{
	char image[PATH_MAX], json[PATH_MAX];
	struct stat st;

	(void)state;
	keep(A, 10, "{}", 0);
	store_paths(A, image, json, &err);
	assert_int_equal(stat(image, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	shell("chmod 777 sandbox/images");
	assert_int_equal(store_dir(image, &err), -EPERM);
}

/* --- what is given as a root -------------------------------------------------------------------- */

static enum origin_kind kind_of(const char *name, char out[STORE_ID])
{
	struct origin o;

	if (origin_open(&o, in_dir(name), &err) < 0 || (out && origin_id(&o, out, &err) < 0))
		fail_msg("%s", err.msg);
	close(o.fd);
	return o.kind;
}

static void kinds_are_told_by_their_first_bytes(void **state)
{
	(void)state;
	shell("mkdir d lay && echo x > d/x && tar -cf t d && tar --format=v7 -cf old d && gzip -k t &&"
	      "echo {} > lay/index.json && touch lay/oci-layout empty && echo text > text");
	assert_int_equal(kind_of("d", NULL), ORIGIN_DIR);
	assert_int_equal(kind_of("lay", NULL), ORIGIN_LAYOUT);
	assert_int_equal(kind_of("t", NULL), ORIGIN_TAR);
	assert_int_equal(kind_of("old", NULL), ORIGIN_TAR);
	assert_int_equal(kind_of("t.gz", NULL), ORIGIN_TAR);
	assert_int_equal(kind_of("empty", NULL), ORIGIN_IMAGE);
	assert_int_equal(kind_of("text", NULL), ORIGIN_IMAGE);
}

static void a_file_is_known_by_its_content(void **state)
{
	char one[STORE_ID], two[STORE_ID];

	(void)state;
	shell("mkdir d && tar -cf t d && cp t u && touch -d '1 hour ago' u");
	kind_of("t", one);
	kind_of("u", two);
	assert_string_equal(one, two);
	kind_of("u", two);			/* remembered, or hashed once more */
	assert_string_equal(one, two);
	shell("printf x | dd of=u bs=1 seek=9000 conv=notrunc status=none && touch -d '1 hour ago' u");
	kind_of("u", two);
	assert_string_not_equal(one, two);
}

/* Also where the time is set back. */
static void a_directory_is_known_by_all_that_is_in_it(void **state)
{
	static const char *const changes[] = {
		"touch -d '1 hour ago' d/x", "echo y > d/x; touch -d '1 hour ago' d/x", "chmod 600 d/x",
		"mv d/x d/y", "ln d/y d/z", "mkdir d/sub", "touch d/sub/a", "rm d/z", "ln -s y d/l", "chmod 700 d",
	};
	char was[STORE_ID], is[STORE_ID];

	(void)state;
	shell("mkdir d && echo x > d/x");
	kind_of("d", was);
	kind_of("d", is);
	assert_string_equal(was, is);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		shell("sleep 0.02");		/* a tick of the file system's clock */
		shell(changes[i]);
		kind_of("d", is);
		if (!strcmp(was, is))
			fail_msg("not seen: %s", changes[i]);
		strcpy(was, is);
	}
}

/* --- commands ------------------------------------------------------------------------------------ */

static struct opts o;

/* The command line `words`, of a root whose config is this. */
static int apply(const char *config, int argc, const char *const *argv)
{
	static char image[PATH_MAX], json[PATH_MAX];

	keep(A, 10, config, 0);
	store_paths(A, image, json, &err);
	if (opts_parse(&o, SPEC_FLAG, argc, (char **)(uintptr_t)argv, &err) < 0)
		fail_msg("%s", err.msg);
	o.spec.root = image;
	return about_apply(&o, &err);
}

#define WORDS(...) ((const char *const[]){ "run", __VA_ARGS__ })
#define APPLY(config, ...) apply(config, (int)(sizeof(WORDS(__VA_ARGS__)) / sizeof(char *)), WORDS(__VA_ARGS__))

static void is_command(const char *text)
{
	char all[1000] = "";

	for (int i = 0; i < o.argc; i++)
		strcat(strcat(all, i ? " " : ""), o.argv[i]);
	assert_string_equal(all, text);
}

#define IMAGE "{\"config\":{\"entrypoint\":[\"serve\",\"-v\"],\"cmd\":[\"all\"],\"cwd\":\"/srv\",\"user\":\"www\"," \
	      "\"env\":[\"A=1\",\"B=2\"]}}"

static void entrypoint_and_cmd_are_dockers(void **state)
{
	(void)state;
	assert_int_equal(APPLY(IMAGE, "--"), 0);
	is_command("serve -v all");
	assert_int_equal(APPLY(IMAGE, "--", "one", "two"), 0);
	is_command("serve -v one two");
	assert_int_equal(APPLY(IMAGE, "--entrypoint", "sh", "--", "-c"), 0);
	is_command("sh -c");
	assert_int_equal(APPLY(IMAGE, "--entrypoint", "", "--", "ls"), 0);
	is_command("ls");
	assert_int_equal(APPLY("{\"config\":{\"cmd\":[\"sh\"]}}", "--"), 0);
	is_command("sh");
	assert_int_equal(APPLY("{\"config\":{\"cmd\":[\"sh\"]}}", "--", "ls"), 0);
	is_command("ls");
	assert_int_equal(APPLY("{}", "--"), 0);
	is_command("");
}

static void what_is_given_counts_more_than_what_the_image_says(void **state)
{
	(void)state;
	assert_int_equal(APPLY(IMAGE, "--env", "B=3", "--"), 0);
	assert_int_equal(o.spec.env.n, 2);
	assert_string_equal(o.spec.env.v[0], "B=3");
	assert_string_equal(o.spec.env.v[1], "A=1");
	assert_string_equal(o.spec.workdir, "/srv");
	assert_string_equal(o.spec.user, "www");
	assert_int_equal(APPLY(IMAGE, "--workdir", "/", "--user", "root", "--"), 0);
	assert_string_equal(o.spec.workdir, "/");
	assert_string_equal(o.spec.user, "root");
}

static void a_config_is_checked_like_options(void **state)
{
	(void)state;
	assert_true(APPLY("{\"config\":{\"cwd\":\"relative\"}}", "--") < 0);
	assert_non_null(strstr(err.msg, "relative"));
	assert_true(APPLY("{\"config\":", "--") < 0);
	assert_non_null(strstr(err.msg, "damaged"));
	assert_int_equal(APPLY("{\"config\":{\"env\":[\"=x\",\"HOME\",7],\"cmd\":\"text\",\"user\":[]}}", "--"), 0);
	assert_int_equal(o.spec.env.n, 0);
	assert_int_equal(o.argc, 0);
}

/* What sandbox-pack says comes back as it was. */
static void about_is_what_was_said(void **state)
{
	static const char said[] = "EA=1\0EB=\"q\"\0W/srv\0Uwww\0Pserve\0P-v\0Call";
	struct pack_msg m = { .len = sizeof(said) };
	char *text;

	(void)state;
	memcpy(m.text, said, sizeof(said));
	text = about_write("/a \"b\"", "tar", &m);
	assert_int_equal(APPLY(text, "--"), 0);
	is_command("serve -v all");
	assert_string_equal(o.spec.env.v[1], "B=\"q\"");
	assert_string_equal(o.spec.workdir, "/srv");
	free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_is_no_path_and_no_id),
		TEST(an_image_is_found_by_name_and_id),
		TEST(an_image_goes_with_its_last_name),
		TEST(those_without_a_name_are_trimmed_longest_unused_first),
		TEST(an_image_is_read_only_and_its_owners),
		TEST(kinds_are_told_by_their_first_bytes),
		TEST(a_file_is_known_by_its_content),
		TEST(a_directory_is_known_by_all_that_is_in_it),
		TEST(entrypoint_and_cmd_are_dockers),
		TEST(what_is_given_counts_more_than_what_the_image_says),
		TEST(a_config_is_checked_like_options),
		TEST(about_is_what_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
