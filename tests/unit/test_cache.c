/* test_cache.c - the cache directory: whose it is, its key, and what is kept in it. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/cache.h"

static char parent[64], cache[PATH_MAX];
static struct err err;

static int make_parent(void **state)
{
	(void)state;
	strcpy(parent, "/tmp/sandbox-test-XXXXXX");
	if (!mkdtemp(parent))
		return -1;
	snprintf(cache, sizeof(cache), "%s/sandbox", parent);
	return setenv("XDG_CACHE_HOME", parent, 1);
}

static int remove_parent(void **state)
{
	char cmd[100];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", parent);
	return system(cmd);
}

static char *in_cache(const char *name)
{
	static char path[PATH_MAX + 256];

	snprintf(path, sizeof(path), "%s/%s", cache, name);
	return path;
}

static bool is_there(const char *name)
{
	return access(in_cache(name), F_OK) == 0;
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void says(const char *what)
{
	if (!strstr(err.msg, what))
		fail_msg("'%s' does not say '%s'", err.msg, what);
}

/* --- the directory ----------------------------------------------------------------------- */

static void it_is_made_for_its_owner_alone(void **state)
{
	char out[PATH_MAX];
	mode_t old = umask(0);

	(void)state;
	assert_int_equal(cache_dir(out, &err), 0);
	umask(old);
	assert_string_equal(out, cache);
	assert_int_equal(mode_of(cache), 0700);
	assert_int_equal(cache_dir(out, &err), 0);	/* and found */
}

static void it_is_below_home_when_nothing_else_is_said(void **state)
{
	char out[PATH_MAX], want[PATH_MAX];

	(void)state;
	setenv("HOME", parent, 1);
	snprintf(want, sizeof(want), "%s/.cache/sandbox", parent);
	setenv("XDG_CACHE_HOME", "relative", 1);	/* to be ignored, says its specification */
	assert_int_equal(cache_dir(out, &err), 0);
	assert_string_equal(out, want);
	unsetenv("XDG_CACHE_HOME");
	assert_int_equal(cache_dir(out, &err), 0);
	assert_string_equal(out, want);
}

static void without_a_home_it_is_nowhere(void **state)
{
	uint8_t key[SNAP_KEY];
	char out[PATH_MAX];

	(void)state;
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	assert_int_equal(cache_dir(out, &err), -ENOENT);
	says("neither XDG_CACHE_HOME nor HOME");
	assert_true(cache_key(key, &err) < 0);
	says("neither XDG_CACHE_HOME nor HOME");
	assert_true(cache_trim(0, &err) < 0);
	setenv("HOME", "/nowhere/at/all", 1);
	assert_int_equal(cache_dir(out, &err), -ENOENT);
	says("/nowhere/at/all");
}

static void a_path_too_long_is_refused(void **state)
{
	static char home[PATH_MAX];
	char out[PATH_MAX];

	(void)state;
	memset(home, '/', sizeof(home) - 1);
	setenv("XDG_CACHE_HOME", home, 1);
	assert_int_equal(cache_dir(out, &err), -ENAMETOOLONG);
	says("too long");
}

static void what_is_no_directory_of_ours_is_refused(void **state)
{
	char out[PATH_MAX];

	(void)state;
	close(open(cache, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(cache_dir(out, &err), -EPERM);
	says(cache);
	unlink(cache);
	assert_int_equal(symlink("/tmp", cache), 0);
	assert_int_equal(cache_dir(out, &err), -EPERM);
	unlink(cache);
	assert_int_equal(mkdir(cache, 0700), 0);
	assert_int_equal(chmod(cache, 0720), 0);
	assert_int_equal(cache_dir(out, &err), -EPERM);
	assert_int_equal(chmod(cache, 0702), 0);
	assert_int_equal(cache_dir(out, &err), -EPERM);
	assert_int_equal(chmod(cache, 0755), 0);
	assert_int_equal(cache_dir(out, &err), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(cache, 1, 1), 0);
		assert_int_equal(cache_dir(out, &err), -EPERM);
		says("only you can write");
	}
}

/* --- the key ----------------------------------------------------------------------------- */

static unsigned files_in_cache(void)
{
	DIR *d = opendir(cache);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;		/* . and .. */
}

static void a_key_is_made_once(void **state)
{
	static const uint8_t zero[SNAP_KEY];
	uint8_t one[SNAP_KEY] = { 0 }, two[SNAP_KEY] = { 0 };

	(void)state;
	assert_int_equal(cache_key(one, &err), 0);
	assert_memory_not_equal(one, zero, sizeof(one));
	assert_int_equal(mode_of(in_cache("key")), 0600);
	assert_int_equal(files_in_cache(), 1);
	assert_int_equal(cache_key(two, &err), 0);
	assert_memory_equal(one, two, sizeof(one));
	unlink(in_cache("key"));
	assert_int_equal(cache_key(two, &err), 0);
	assert_memory_not_equal(one, two, sizeof(one));
}

static void what_a_killed_process_left_does_not_stop_it(void **state)
{
	uint8_t key[SNAP_KEY];
	char name[32];

	(void)state;
	assert_int_equal(mkdir(cache, 0700), 0);
	snprintf(name, sizeof(name), "key.%d.tmp", getpid());
	close(open(in_cache(name), O_CREAT | O_WRONLY, 0600));
	assert_int_equal(cache_key(key, &err), 0);
	assert_int_equal(files_in_cache(), 1);
}

static void no_key_of_ours(void)
{
	uint8_t key[SNAP_KEY];

	assert_int_equal(cache_key(key, &err), -EPERM);
	says(in_cache("key"));
}

static void a_key_that_others_can_read_is_none(void **state)
{
	static const mode_t bad[] = { 0644, 0640, 0604, 0620, 0602, 0601 };
	uint8_t key[SNAP_KEY];

	(void)state;
	assert_int_equal(cache_key(key, &err), 0);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chmod(in_cache("key"), bad[i]), 0);
		no_key_of_ours();
	}
	assert_int_equal(chmod(in_cache("key"), 0400), 0);
	assert_int_equal(cache_key(key, &err), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(in_cache("key"), 1, 1), 0);
		no_key_of_ours();
	}
}

static void a_key_of_another_size_is_none(void **state)
{
	static const off_t bad[] = { 0, SNAP_KEY - 1, SNAP_KEY + 1 };
	uint8_t key[SNAP_KEY];

	(void)state;
	assert_int_equal(cache_key(key, &err), 0);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(truncate(in_cache("key"), bad[i]), 0);
		no_key_of_ours();
	}
}

static void a_key_elsewhere_is_none(void **state)
{
	uint8_t key[SNAP_KEY];

	(void)state;
	assert_int_equal(mkdir(cache, 0700), 0);
	assert_int_equal(symlink("/dev/zero", in_cache("key")), 0);
	assert_true(cache_key(key, &err) < 0);
	says(in_cache("key"));
}

/* --- what lies there --------------------------------------------------------------------- */

/* A template that takes 64 KiB of disk and was used that many seconds ago: its blocks. */
static uint64_t put(const char *name, time_t ago)
{
	static char data[65536];
	int fd = open(in_cache(name), O_CREAT | O_WRONLY | O_TRUNC, 0600);
	struct timespec when[2] = { { .tv_sec = 2000000000 - ago }, { .tv_sec = 2000000000 - ago } };
	struct stat st;

	assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
	fsync(fd);			/* where blocks are counted late */
	assert_int_equal(futimens(fd, when), 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return (uint64_t)st.st_blocks * 512;
}

static uint64_t put_three(void)
{
	assert_int_equal(mkdir(cache, 0700), 0);
	put("b.snap", 20);
	put("a.snap", 30);
	return put("c.snap", 10);
}

static void what_fits_is_kept(void **state)
{
	uint64_t one = put_three();

	(void)state;
	assert_int_equal(cache_trim(3 * one, &err), 0);
	assert_true(is_there("a.snap") && is_there("b.snap") && is_there("c.snap"));
}

static void longest_unused_goes_first(void **state)
{
	uint64_t one = put_three();

	(void)state;
	assert_int_equal(cache_trim(3 * one - 1, &err), 1);
	assert_true(!is_there("a.snap") && is_there("b.snap") && is_there("c.snap"));
	put("a.snap", 5);				/* used again */
	assert_int_equal(cache_trim(2 * one, &err), 1);
	assert_true(is_there("a.snap") && !is_there("b.snap") && is_there("c.snap"));
	assert_int_equal(cache_trim(0, &err), 2);
	assert_int_equal(files_in_cache(), 0);
	assert_int_equal(cache_trim(0, &err), 0);
}

static void parts_of_a_second_count(void **state)
{
	struct timespec when[2] = { { .tv_sec = 2000000000 - 10, .tv_nsec = 1 },
				    { .tv_sec = 2000000000 - 10, .tv_nsec = 1 } };
	uint64_t one;

	(void)state;
	assert_int_equal(mkdir(cache, 0700), 0);
	one = put("newer.snap", 10);
	put("older.snap", 10);
	assert_int_equal(utimensat(AT_FDCWD, in_cache("newer.snap"), when, 0), 0);
	assert_int_equal(cache_trim(one, &err), 1);
	assert_true(is_there("newer.snap"));
}

static void only_templates_are_trimmed(void **state)
{
	uint8_t key[SNAP_KEY];

	(void)state;
	assert_int_equal(cache_key(key, &err), 0);
	put("notes.txt", 10);
	put("a.snapshot", 10);
	put(".snap", 10);				/* nothing before its suffix */
	assert_int_equal(mkdir(in_cache("dir.snap"), 0700), 0);
	assert_int_equal(cache_trim(0, &err), 0);
	assert_int_equal(files_in_cache(), 5);
}

static void a_lock_goes_unless_somebody_holds_it(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkdir(cache, 0700), 0);
	close(open(in_cache("a.snap.lock"), O_CREAT | O_WRONLY, 0600));
	fd = cache_lock(in_cache("b.snap.lock"));
	assert_true(fd >= 0);
	assert_int_equal(cache_trim(0, &err), 0);
	assert_true(!is_there("a.snap.lock") && is_there("b.snap.lock"));
	close(fd);
	assert_int_equal(cache_trim(0, &err), 0);
	assert_int_equal(files_in_cache(), 0);
}

static void a_lock_that_was_removed_is_made_again(void **state)
{
	char path[PATH_MAX];
	int held, fd;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdir(cache, 0700), 0);
	strcpy(path, in_cache("a.snap.lock"));
	held = cache_lock(path);
	pid = fork();
	if (pid == 0) {			/* waits for the one that goes */
		close(held);
		fd = cache_lock(path);
		_exit(fd < 0 || access(path, F_OK) < 0);
	}
	usleep(50000);
	unlink(path);
	close(held);
	assert_int_equal(waitpid(pid, &fd, 0), pid);
	assert_int_equal(fd, 0);
}

static void failures_are_forgotten_on_request(void **state)
{
	(void)state;
	put_three();
	put("a.snap.failed", 10);
	assert_int_equal(cache_trim(UINT64_MAX, &err), 0);
	assert_true(is_there("a.snap.failed"));
	assert_int_equal(cache_forget(&err), 0);
	assert_true(!is_there("a.snap.failed") && is_there("a.snap"));
}

static void half_made_ones_go_unless_their_maker_lives(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkdir(cache, 0700), 0);
	put("a.snap.1.tmp", 10);
	put("b.snap.2.tmp", 10);
	fd = open(in_cache("b.snap.2.tmp"), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(cache_trim(UINT64_MAX, &err), 0);
	assert_true(!is_there("a.snap.1.tmp") && is_there("b.snap.2.tmp"));
	close(fd);
	assert_int_equal(cache_trim(UINT64_MAX, &err), 0);
	assert_int_equal(files_in_cache(), 0);
}

#define WITH_PARENT(name) cmocka_unit_test_setup_teardown(name, make_parent, remove_parent)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PARENT(it_is_made_for_its_owner_alone),
		WITH_PARENT(it_is_below_home_when_nothing_else_is_said),
		WITH_PARENT(without_a_home_it_is_nowhere),
		WITH_PARENT(a_path_too_long_is_refused),
		WITH_PARENT(what_is_no_directory_of_ours_is_refused),
		WITH_PARENT(a_key_is_made_once),
		WITH_PARENT(what_a_killed_process_left_does_not_stop_it),
		WITH_PARENT(a_key_that_others_can_read_is_none),
		WITH_PARENT(a_key_of_another_size_is_none),
		WITH_PARENT(a_key_elsewhere_is_none),
		WITH_PARENT(what_fits_is_kept),
		WITH_PARENT(longest_unused_goes_first),
		WITH_PARENT(parts_of_a_second_count),
		WITH_PARENT(only_templates_are_trimmed),
		WITH_PARENT(half_made_ones_go_unless_their_maker_lives),
		WITH_PARENT(a_lock_goes_unless_somebody_holds_it),
		WITH_PARENT(a_lock_that_was_removed_is_made_again),
		WITH_PARENT(failures_are_forgotten_on_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
