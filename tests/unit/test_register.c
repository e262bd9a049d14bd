/* test_register.c - which machines there are, who has which name, and what the dead leave. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/register.h"

static char top[] = "/tmp/test-register-XXXXXX";
static struct err err;
static unsigned seen;
static char last[REGISTER_NAME];

static int setup(void **state)
{
	(void)state;
	strcpy(strrchr(top, '-'), "-XXXXXX");
	assert_non_null(mkdtemp(top));
	setenv("XDG_RUNTIME_DIR", top, 1);
	seen = 0;
	return 0;
}

/* Nothing is left but the directory that was there before. */
static int teardown(void **state)
{
	(void)state;
	register_sweep(NULL, &err);
	assert_int_equal(rmdir(top), 0);
	return 0;
}

static void see(struct claim *c)
{
	seen++;
	strcpy(last, c->name);
}

static unsigned count(void)
{
	seen = 0;
	assert_int_equal(register_each(see, &err), 0);
	return seen;
}

/* Another process that claims, says so, and waits to be killed. */
static pid_t claims(const char *name, bool detached)
{
	int said[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(said), 0);
	pid = fork();
	if (pid == 0) {
		struct claim c;

		if (register_claim(&c, name, &err) < 0)
			_exit(1);
		c.entry.detached = detached;
		c.entry.state = ENTRY_RUNNING;
		register_update(&c);
		(void)!write(said[1], "", 1);
		for (;;)
			pause();
	}
	close(said[1]);
	assert_int_equal(read(said[0], &byte, 1), 1);
	close(said[0]);
	return pid;
}

static void kill_hard(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void what_is_claimed_is_found(void **state)
{
	struct claim c, found;

	(void)state;
	assert_int_equal(count(), 0);
	assert_int_equal(register_claim(&c, "build", &err), 0);
	c.entry.state = ENTRY_PAUSED;
	strcpy(c.entry.command, "make");
	register_update(&c);
	assert_int_equal(count(), 1);
	assert_string_equal(last, "build");
	assert_int_equal(register_find(&found, "build", &err), 0);
	assert_true(register_lives(&found));
	assert_int_equal(found.entry.state, ENTRY_PAUSED);
	assert_string_equal(found.entry.command, "make");
	register_close(&found);
	register_release(&c);
	assert_int_equal(count(), 0);
	assert_int_equal(register_find(&found, "build", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "there is no machine 'build'"));
}

static void a_name_is_one_machines(void **state)
{
	pid_t pid = claims("one", false);
	struct claim c;

	(void)state;
	assert_int_equal(register_claim(&c, "one", &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, "a machine 'one' already"));
	kill_hard(pid);
	assert_int_equal(register_claim(&c, "one", &err), 0);
	register_release(&c);
}

/* What it left goes when somebody looks; what a detached one left stays until gc. */
static void the_dead_are_noticed(void **state)
{
	pid_t a = claims("a", false), b = claims("b", true);
	struct claim c;

	(void)state;
	kill_hard(a);
	kill_hard(b);
	assert_int_equal(count(), 1);
	assert_string_equal(last, "b");
	assert_int_equal(register_find(&c, "b", &err), 0);
	assert_false(register_lives(&c));
	assert_int_equal(c.entry.state, ENTRY_RUNNING);	/* it could not say how it ended */
	register_close(&c);
	assert_int_equal(register_sweep("a", &err), 0);
	assert_int_equal(register_sweep("b", &err), 1);
	assert_int_equal(count(), 0);
	assert_int_equal(register_sweep(NULL, &err), 0);
}

static void the_living_are_not_swept_out(void **state)
{
	pid_t pid = claims("living", true);

	(void)state;
	assert_int_equal(register_sweep(NULL, &err), 0);
	assert_int_equal(count(), 1);
	kill_hard(pid);
}

static void an_end_can_be_waited_for(void **state)
{
	struct claim c;
	pid_t pid;

	(void)state;
	assert_int_equal(register_claim(&c, "job", &err), 0);
	c.entry.detached = 1;
	register_update(&c);
	pid = fork();
	if (pid == 0) {
		struct claim other;

		register_close(&c);		/* the parent's lock, which is shared, is not let go */
		if (register_find(&other, "job", &err) < 0 || !register_lives(&other))
			_exit(101);
		register_wait(&other);
		register_look(&other);
		_exit(other.entry.state == ENTRY_OVER ? other.entry.code : 100);
	}
	usleep(50000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	c.entry.code = 42;
	register_release(&c);
	{
		int status;

		waitpid(pid, &status, 0);
		assert_int_equal(WEXITSTATUS(status), 42);
	}
	assert_int_equal(count(), 1);		/* its code and outputs are still to be had */
}

/* Several processes want one name, again and again: at no time do two have it. */
static void one_name_is_never_two_machines(void **state)
{
	char path[64];
	int failed = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/mark", top);
	for (unsigned i = 0; i < 4; i++) {
		if (fork() != 0)
			continue;
		for (unsigned n = 0; n < 300; n++) {
			struct claim c;

			if (register_claim(&c, "hot", &err) < 0)
				continue;
			if (mkdir(path, 0700) < 0 || rmdir(path) < 0)
				_exit(1);
			register_release(&c);
		}
		_exit(0);
	}
	for (unsigned i = 0; i < 4; i++) {
		int status;

		wait(&status);
		failed |= status;
	}
	assert_int_equal(failed, 0);
}

static void a_directory_that_others_can_use_is_refused(void **state)
{
	char path[64];
	struct claim c;

	(void)state;
	snprintf(path, sizeof(path), "%s/sandbox", top);
	assert_int_equal(mkdir(path, 0700), 0);
	chmod(path, 0750);
	assert_int_equal(register_claim(&c, "x", &err), -EPERM);
	assert_int_equal(register_find(&c, "x", &err), -EPERM);
	assert_int_equal(register_each(see, &err), -EPERM);
	rmdir(path);
	assert_int_equal(symlink("/etc", path), 0);
	assert_int_not_equal(register_claim(&c, "x", &err), 0);
	unlink(path);
}

static void rubbish_is_no_entry(void **state)
{
	struct claim c, found;

	(void)state;
	assert_int_equal(register_claim(&c, "odd", &err), 0);
	assert_int_equal(pwrite(c.file, "rubbish", 7, 0), 7);
	assert_int_equal(register_find(&found, "odd", &err), 0);
	assert_int_equal(register_look(&found), -EAGAIN);
	assert_int_equal(count(), 0);
	register_close(&found);
	register_release(&c);
}

static void names_are_plain(void **state)
{
	struct claim c;
	char longest[70];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[64] = '\0';
	assert_false(register_is_name(longest));
	longest[63] = '\0';
	assert_true(register_is_name(longest));
	assert_true(register_is_name("a.B-c_1"));
	assert_false(register_is_name(""));
	assert_false(register_is_name(".."));
	assert_false(register_is_name("a/b"));
	assert_false(register_is_name("a b"));
	assert_false(register_is_name("\xc3\xa4"));
	assert_int_equal(register_find(&c, "../x", &err), -ENOENT);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_claimed_is_found),
		T(a_name_is_one_machines),
		T(the_dead_are_noticed),
		T(the_living_are_not_swept_out),
		T(an_end_can_be_waited_for),
		T(one_name_is_never_two_machines),
		T(a_directory_that_others_can_use_is_refused),
		T(rubbish_is_no_entry),
		T(names_are_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
