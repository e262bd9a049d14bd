/* test_files.c - files on their way into a guest: the tree, the image that it becomes, and what a
 * program of this host needs. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/limits.h"
#include "runner/closure.h"
#include "runner/elf.h"
#include "runner/stow.h"

static char dir[] = "/tmp/sandbox-test-XXXXXX";
static struct cargo tree;
static struct err err;

/* A shell that has $D. */
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
	err = (struct err){ 0 };
	return cargo_init(&tree, 1000, 1000);
}

static int tear_down(void **state)
{
	(void)state;
	cargo_free(&tree);
	unsetenv("LD_LIBRARY_PATH");
	return shell("rm -rf \"$D\"");
}

static const char *in_dir(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], PATH_MAX, "%s/%s", dir, name);
	return path[next];
}

/* The image, as erofs-utils take it: whole, and with everything as it was. */
static void write_image(void)
{
	int fd = open(in_dir("image"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(stow(&tree, fd, &err), 0);
	close(fd);
	assert_int_equal(shell("fsck.erofs --extract=\"$D/got\" --force --preserve \"$D/image\" > \"$D/log\" "
			       "2>&1 || { cat \"$D/log\" >&2; false; }"), 0);
}

static struct node *at(const char *path)
{
	struct node *n = tree.root;
	char copy[PATH_MAX], *state;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *part = strtok_r(copy, "/", &state); part && n; part = strtok_r(NULL, "/", &state)) {
		struct node *found = NULL;

		for (uint32_t i = 0; i < n->n_child; i++)
			if (!strcmp(n->child[i]->name, part))
				found = n->child[i];
		n = found;
	}
	return n;
}

/* --- trees and images ------------------------------------------------------------------------ */

static void an_image_has_what_was_copied(void **state)
{
	(void)state;
	assert_int_equal(shell("cd \"$D\" && mkdir -p in/deep/er in/empty && cd in && printf hello > small &&"
			       "head -c 4096 /dev/urandom > block && head -c 4095 /dev/urandom > less &&"
			       "head -c 4033 /dev/urandom > edge && head -c 4032 /dev/urandom > fits &&"
			       "head -c 1000003 /dev/urandom > large && : > nothing && ln -s ../small deep/link &&"
			       "truncate -s 3M sparse && printf x | dd of=sparse bs=1 seek=1500000 conv=notrunc "
			       "status=none && ln -s \"$(head -c 4000 /dev/zero | tr '\\0' y)\" long &&"
			       "chmod 600 small && chmod 711 deep && touch -d 2001-02-03T04:05:06 small &&"
			       "printf z > '-first' && printf z > '+before' && printf z > deep/er/x"), 0);
	assert_int_equal(cargo_add(&tree, in_dir("in"), "/work/in", "copy-in", &err), 0);
	write_image();
	assert_int_equal(shell("cd \"$D\" && diff -r --no-dereference in got/work/in"), 0);
	assert_int_equal(shell("cd \"$D\" && list() { (cd \"$1\" && find . ! -type l -printf '%p %m %s %T@ %y\\n' "
			       "| grep -v ' d$' | sort); }; "
			       "list in > a && list got/work/in > b && diff a b"), 0);
	assert_int_equal(shell("cd \"$D\" && [ $(stat -c %a got/work/in/deep) = 711 ]"), 0);
}

static void a_directory_of_thousands_is_whole(void **state)
{
	(void)state;
	assert_int_equal(shell("mkdir \"$D/in\" && cd \"$D/in\" && seq -f file-with-a-longer-name-%g 3000 | "
			       "xargs touch"), 0);
	assert_int_equal(cargo_add(&tree, in_dir("in"), "/work/in", "copy-in", &err), 0);
	write_image();
	assert_int_equal(shell("cd \"$D\" && diff -r in got/work/in && [ $(ls got/work/in | wc -l) = 3000 ]"), 0);
}

static void holes_stay_holes(void **state)
{
	(void)state;
	assert_int_equal(shell("truncate -s 4G \"$D/in\""), 0);
	assert_int_equal(cargo_add(&tree, in_dir("in"), "/work/in", "copy-in", &err), 0);
	int fd = open(in_dir("image"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	assert_int_equal(stow(&tree, fd, &err), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_blocks < 2048);
	close(fd);
}

static void owners_and_ways_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(shell("mkdir \"$D/in\" && printf x > \"$D/in/x\""), 0);
	assert_int_equal(cargo_add(&tree, in_dir("in/x"), "/home/user/x", "copy-in", &err), 0);
	assert_int_equal(at("/home/user/x")->uid, 1000);
	assert_int_equal(at("/home/user")->uid, FILES_ON_THE_WAY);
	assert_int_equal(cargo_add(&tree, in_dir("in"), "/home/user", "copy-in", &err), 0);
	assert_int_equal(at("/home/user")->uid, 1000);
	assert_int_equal(at("/home")->uid, FILES_ON_THE_WAY);
}

static void trees_may_meet_and_files_may_not(void **state)
{
	(void)state;
	assert_int_equal(shell("cd \"$D\" && mkdir -p a/d b/d && touch a/d/1 b/d/2 a/d/same b/d/same"), 0);
	assert_int_equal(cargo_add(&tree, in_dir("a/d"), "/work/d", "copy-in", &err), 0);
	assert_int_equal(cargo_add(&tree, in_dir("a/d/1"), "/work/d/1", "copy-in", &err), 0);
	assert_int_equal(at("/work/d")->n_child, 2);
	assert_int_equal(cargo_add(&tree, in_dir("b/d/2"), "/work/d/2", "copy-in", &err), 0);
	assert_int_equal(cargo_add(&tree, in_dir("b"), "/work", "copy-in", &err), -EEXIST);
	assert_non_null(strstr(err.msg, "same"));
	assert_int_equal(cargo_add(&tree, in_dir("a/d/1"), "/work/d/1/below", "copy-in", &err), -ENOTDIR);
}

static void odd_files_are_refused(void **state)
{
	(void)state;
	assert_int_equal(shell("mkdir \"$D/in\" && mkfifo \"$D/in/pipe\""), 0);
	assert_int_equal(cargo_add(&tree, in_dir("in"), "/work/in", "copy-in", &err), -EINVAL);
	assert_non_null(strstr(err.msg, "pipe"));
	assert_int_equal(cargo_add(&tree, in_dir("none"), "/work/none", "copy-in", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "none"));
}

static void a_file_that_changes_is_noticed(void **state)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(shell("head -c 9000 /dev/zero > \"$D/in\""), 0);
	assert_int_equal(cargo_add(&tree, in_dir("in"), "/work/in", "copy-in", &err), 0);
	assert_int_equal(shell("printf x >> \"$D/in\""), 0);
	assert_int_equal(stow(&tree, fd, &err), -ESTALE);
	assert_non_null(strstr(err.msg, "changed"));
	close(fd);
}

static void a_full_disk_is_said(void **state)
{
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(shell("printf x > \"$D/in\""), 0);
	assert_int_equal(cargo_add(&tree, in_dir("in"), "/work/in", "copy-in", &err), 0);
	assert_true(stow(&tree, fd, &err) < 0);
	assert_true(err.code != 0);
	close(fd);
}

static void paths_mean_what_they_say(void **state)
{
	static const struct { const char *path, *means; } good[] = {
		{ "/a/b", "/a/b" }, { "/a//b/", "/a/b" }, { "/a/./b/../c", "/a/c" }, { "/../../x", "/x" },
		{ "/lib/x", "/usr/lib/x" }, { "/lib64", "/usr/lib64" }, { "/a/../bin/sh", "/usr/bin/sh" },
		{ "/work/lib/x", "/work/lib/x" }, { "/library", "/library" }, { "/", "" },
	};
	char out[64], large[NAME_MAX + 3];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(cargo_path(good[i].path, out, sizeof(out)), 0);
		assert_string_equal(out, good[i].means);
	}
	assert_int_equal(cargo_path("work", out, sizeof(out)), -EINVAL);
	memset(large, 'x', sizeof(large));
	large[0] = '/';
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(cargo_path(large, out, sizeof(out)), -ENAMETOOLONG);
}

/* --- programs --------------------------------------------------------------------------------- */

static int build(const char *script)
{
	return shell(script);
}

static void a_dynamic_program_brings_its_libraries(void **state)
{
	(void)state;
	assert_int_equal(build("cd \"$D\" && mkdir -p bin lib && echo 'int inner(void) { return 7; }' > i.c &&"
			       "echo 'int inner(void); int outer(void) { return inner(); }' > o.c &&"
			       "echo 'int outer(void); int main(void) { return outer(); }' > m.c &&"
			       "cc -shared -fPIC -o lib/libinner.so i.c &&"
			       "cc -shared -fPIC -o lib/libouter.so o.c -Llib -linner -Wl,-rpath,'$ORIGIN' &&"
			       "cc -o bin/prog m.c -Llib -louter -Wl,-rpath,'$ORIGIN/../lib' -Wl,-rpath-link,lib"), 0);
	assert_int_equal(shell("mkdir \"$D/links\" && ln -s ../bin/prog \"$D/links/prog\""), 0);
	assert_int_equal(closure_add(&tree, in_dir("links/prog"), "/work/prog", &err), 0);
	assert_non_null(at("/work/prog"));
	assert_non_null(at("/usr/lib/libouter.so"));	/* $ORIGIN/../lib of /work */
	assert_non_null(at("/usr/lib/libinner.so"));
	assert_non_null(at("/usr/lib/x86_64-linux-gnu/libc.so.6"));
	assert_non_null(at("/usr/lib64/ld-linux-x86-64.so.2"));
	assert_string_equal(at("/lib64")->source, "usr/lib64");
	write_image();
}

static void a_missing_library_is_named(void **state)
{
	(void)state;
	assert_int_equal(build("cd \"$D\" && mkdir lib && echo 'int f(void) { return 7; }' > f.c &&"
			       "echo 'int f(void); int main(void) { return f(); }' > m.c &&"
			       "cc -shared -fPIC -o lib/libfar.so f.c && cc -o prog m.c -Llib -lfar"), 0);
	assert_int_equal(closure_add(&tree, in_dir("prog"), "/work/prog", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "prog needs the library libfar.so"));
	cargo_free(&tree);
	assert_int_equal(cargo_init(&tree, 0, 0), 0);
	setenv("LD_LIBRARY_PATH", in_dir("lib"), 1);
	assert_int_equal(closure_add(&tree, in_dir("prog"), "/work/prog", &err), 0);
	assert_non_null(at("/usr/lib/x86_64-linux-gnu/libfar.so"));	/* where the guest looks, too */
}

static void a_missing_loader_is_named(void **state)
{
	(void)state;
	assert_int_equal(build("cd \"$D\" && echo 'int main(void) { return 0; }' > m.c &&"
			       "cc -o prog m.c -Wl,--dynamic-linker=/lib/ld-of-nobody.so.1"), 0);
	assert_int_equal(closure_add(&tree, in_dir("prog"), "/work/prog", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/lib/ld-of-nobody.so.1"));
}

static void a_musl_program_brings_its_loader_only(void **state)
{
	(void)state;
	assert_int_equal(build("cd \"$D\" && echo 'int main(void) { return 0; }' > m.c && musl-gcc -o prog m.c"), 0);
	assert_int_equal(closure_add(&tree, in_dir("prog"), "/work/prog", &err), 0);
	assert_non_null(at("/usr/lib/ld-musl-x86_64.so.1"));
	assert_null(at("/usr/lib/x86_64-linux-gnu"));
}

static void a_static_program_brings_nothing(void **state)
{
	(void)state;
	assert_int_equal(build("cd \"$D\" && echo 'int main(void) { return 0; }' > m.c && cc -static -o prog m.c"), 0);
	assert_int_equal(closure_add(&tree, in_dir("prog"), "/work/prog", &err), 0);
	assert_int_equal(tree.n, 2);
}

static void a_script_brings_its_interpreter(void **state)
{
	(void)state;
	assert_int_equal(build("cd \"$D\" && printf '#!/bin/sh -e\\necho\\n' > script &&"
			       "printf '#!/usr/bin/env -S jq -n\\n' > by-env &&"
			       "printf '#!/no/such/thing\\n' > odd && printf '#!\\n' > empty && chmod +x *"), 0);
	assert_int_equal(closure_add(&tree, in_dir("script"), "/work/script", &err), 0);
	assert_non_null(at("/usr/bin/sh"));
	assert_non_null(at("/usr/lib/x86_64-linux-gnu/libc.so.6"));
	assert_int_equal(closure_add(&tree, in_dir("by-env"), "/work/by-env", &err), 0);
	assert_non_null(at("/usr/bin/env"));
	assert_non_null(at("/usr/bin/jq"));
	assert_int_equal(closure_add(&tree, in_dir("odd"), "/work/odd", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/no/such/thing"));
	assert_int_equal(closure_add(&tree, in_dir("empty"), "/work/empty", &err), -ENOEXEC);
}

static void a_script_of_itself_ends(void **state)
{
	(void)state;
	assert_int_equal(build("cd \"$D\" && printf \"#!$D/loop\\n\" > loop && chmod +x loop"), 0);
	assert_int_equal(closure_add(&tree, in_dir("loop"), "/work/loop", &err), -ENOEXEC);
}

static void what_is_no_program_is_refused(void **state)
{
	(void)state;
	assert_int_equal(build("cd \"$D\" && echo text > text && head -c 100 /bin/true > cut &&"
			       "echo 'int f(void) { return 0; }' > f.c && cc -c f.c"), 0);
	assert_int_equal(closure_add(&tree, in_dir("text"), "/work/text", &err), -ENOEXEC);
	assert_non_null(strstr(err.msg, "text: is no program"));
	assert_int_equal(closure_add(&tree, in_dir("cut"), "/work/cut", &err), -EINVAL);
	assert_int_equal(closure_add(&tree, in_dir("f.o"), "/work/f.o", &err), -ENOEXEC);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_image_has_what_was_copied),
		TEST(a_directory_of_thousands_is_whole),
		TEST(holes_stay_holes),
		TEST(owners_and_ways_are_told_apart),
		TEST(trees_may_meet_and_files_may_not),
		TEST(odd_files_are_refused),
		TEST(a_file_that_changes_is_noticed),
		TEST(a_full_disk_is_said),
		TEST(paths_mean_what_they_say),
		TEST(a_dynamic_program_brings_its_libraries),
		TEST(a_missing_library_is_named),
		TEST(a_missing_loader_is_named),
		TEST(a_musl_program_brings_its_loader_only),
		TEST(a_static_program_brings_nothing),
		TEST(a_script_brings_its_interpreter),
		TEST(a_script_of_itself_ends),
		TEST(what_is_no_program_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
