/* test_agent_command.c - how the guest agent starts a command: its arguments and
 * environment, finding the file, and where it failed.  Without a guest, on real processes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "rootfs/agent.h"
#include "tests/unit/check.h"

static struct msg m;
static struct account somebody = { .uid = 1000, .gid = 1000, .name = "somebody",
				   .home = "/home/somebody", .shell = "/bin/ash" };

/* An EXEC of NULL-terminated lists. */
static void request(const char *workdir, const char *const *argv, const char *const *env)
{
	size_t used = sizeof(struct msg_exec);

	memset(&m, 0, sizeof(m));
	used = msg_exec_add(&m, used, workdir);
	for (; *argv; argv++, m.exec.argc++)
		used = msg_exec_add(&m, used, *argv);
	for (; *env; env++, m.exec.envc++)
		used = msg_exec_add(&m, used, *env);
	msg_seal(&m, MSG_EXEC, 1, used);
	assert_int_equal(msg_check(&m, FROM_HOST), 0);
}

static const char *env_of(const struct command *c, const char *name)
{
	const char *found = NULL;
	size_t n = strlen(name);

	for (char **e = c->env; *e; e++) {
		if (strncmp(*e, name, n) != 0 || (*e)[n] != '=')
			continue;
		assert_null(found);		/* said once only */
		found = *e + n + 1;
	}
	return found;
}

static void arguments_arrive_in_order(void **state)
{
	const char *const argv[] = { "sh", "-c", "", "a b", NULL }, *const env[] = { NULL };
	struct command c = { .who = &somebody };

	(void)state;
	request("/srv", argv, env);
	command_strings(&c, &m);
	assert_string_equal(c.workdir, "/srv");
	for (int i = 0; argv[i]; i++)
		assert_string_equal(c.argv[i], argv[i]);
	assert_null(c.argv[4]);
}

static void the_environment_is_completed(void **state)
{
	const char *const argv[] = { "true", NULL }, *const env[] = { "A=1", "HOMER=x", NULL };
	struct command c = { .who = &somebody, .generation = UINT64_MAX };

	(void)state;
	request("", argv, env);
	command_strings(&c, &m);
	assert_string_equal(env_of(&c, "A"), "1");
	assert_string_equal(env_of(&c, "HOMER"), "x");
	assert_string_equal(env_of(&c, "HOME"), "/home/somebody");
	assert_string_equal(env_of(&c, "USER"), "somebody");
	assert_string_equal(env_of(&c, "SHELL"), "/bin/ash");
	assert_non_null(strstr(env_of(&c, "PATH"), "/usr/bin"));
	assert_string_equal(env_of(&c, "SANDBOX_GENERATION"), "18446744073709551615");
}

static void what_was_given_is_kept(void **state)
{
	const char *const argv[] = { "true", NULL };
	const char *const env[] = { "PATH=/x", "HOME=", "USER=other", "SHELL=/s",
				    "SANDBOX_GENERATION=mine", NULL };
	struct command c = { .who = &somebody };

	(void)state;
	request("", argv, env);
	command_strings(&c, &m);
	assert_string_equal(env_of(&c, "PATH"), "/x");
	assert_string_equal(env_of(&c, "HOME"), "");
	assert_string_equal(env_of(&c, "USER"), "other");
	assert_string_equal(env_of(&c, "SANDBOX_GENERATION"), "mine");
	assert_null(c.env[5]);
}

static void as_many_strings_as_a_frame_allows(void **state)
{
	static const char *argv[MAX_ARGS + 1], *env[MAX_ARGS + 1];
	struct command c = { .who = &somebody };

	(void)state;
	for (int i = 0; i < MAX_ARGS; i++) {
		argv[i] = "x";
		env[i] = "E=";
	}
	request("", argv, env);
	command_strings(&c, &m);
	assert_null(c.argv[MAX_ARGS]);
	assert_non_null(env_of(&c, "PATH"));
	assert_null(c.env[MAX_ARGS + 5]);
}

static void a_path_is_searched_in_order(void **state)
{
	char dir[] = "/tmp/agent-XXXXXX", path[256], file[64], out[256];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/tool", dir);
	snprintf(path, sizeof(path), "/nonexistent:%s:/bin", dir);
	assert_int_equal(command_find("tool", path, out, sizeof(out)), -ENOENT);

	close(open(file, O_CREAT | O_WRONLY, 0755));
	assert_int_equal(command_find("tool", path, out, sizeof(out)), 0);
	assert_string_equal(out, file);
	assert_int_equal(command_find("sh", path, out, sizeof(out)), 0);
	assert_string_equal(out, "/bin/sh");
	assert_int_equal(command_find("./tool", path, out, sizeof(out)), 0);
	assert_string_equal(out, "./tool");

	chmod(file, 0644);			/* no longer executable, not even for root */
	assert_int_equal(command_find("tool", path, out, sizeof(out)), -EACCES);
	assert_int_equal(command_find("", path, out, sizeof(out)), -ENOENT);
	assert_int_equal(command_find("tool", path, out, 8), -ENAMETOOLONG);
	unlink(file);
	rmdir(dir);
}

/* --- with a process ------------------------------------------------------------------- */

/* Run argv as `who` with pipes; its output ends up in out, and its wait status is returned,
 * or -1 with *why. */
static int run(const struct account *who, const char *workdir, const char *const *argv,
	       char *out, size_t n, struct msg_spawn_failed *why)
{
	const char *const env[] = { NULL };
	struct command c = { .who = who };
	int pipes[N_STREAMS][2], status = -1;
	size_t used = 0;
	ssize_t got;
	pid_t pid;

	request(workdir, argv, env);
	command_strings(&c, &m);
	for (int i = 0; i < N_STREAMS; i++) {
		assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
		c.fd[i] = pipes[i][i != STREAM_STDIN];
	}
	pid = command_start(&c, why);
	for (int i = 0; i < N_STREAMS; i++)
		close(c.fd[i]);
	while ((got = io_read_some(pipes[STREAM_STDOUT][0], out + used, n - 1 - used)) > 0)
		used += (size_t)got;
	out[used] = '\0';
	for (int i = 0; i < N_STREAMS; i++)
		close(pipes[i][i == STREAM_STDIN]);
	if (pid > 0)
		assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Whoever runs the tests; as root also a real change of user. */
static struct account self(void)
{
	struct account a = somebody;

	strcpy(a.home, "/");
	if (geteuid() != 0)
		skip();				/* setgroups() is root's */
	return a;
}

static void a_command_runs_as_somebody_else(void **state)
{
	const char *const argv[] = { "sh", "-c", "id -u; id -g; pwd; "
		"grep -E 'CapPrm|CapEff|NoNew|SigBlk' /proc/self/status | cut -f2; umask; exit 7",
		NULL };
	struct account who = self();
	struct msg_spawn_failed why;
	char out[512];
	int status = run(&who, "", argv, out, sizeof(out), &why);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_string_equal(out, "1000\n1000\n/\n0000000000000000\n0000000000000000\n"
				 "0000000000000000\n1\n0022\n");
}

static void its_streams_can_be_opened_again(void **state)
{
	const char *const argv[] = { "sh", "-c", "echo by name > /dev/stdout", NULL };
	struct account who = self();
	struct msg_spawn_failed why;
	char out[512];

	(void)state;
	assert_int_equal(run(&who, "", argv, out, sizeof(out), &why), 0);
	assert_string_equal(out, "by name\n");
}

static void it_leads_a_session(void **state)
{
	const char *const argv[] = { "sh", "-c", "cut -d' ' -f1,5,6 /proc/$$/stat", NULL };
	struct account who = self();
	struct msg_spawn_failed why;
	int pid, group, session;
	char out[512];

	(void)state;
	assert_int_equal(run(&who, "", argv, out, sizeof(out), &why), 0);
	assert_int_equal(sscanf(out, "%d %d %d", &pid, &group, &session), 3);
	assert_int_equal(pid, group);
	assert_int_equal(pid, session);
}

static void failures_say_where_and_why(void **state)
{
	const struct { const char *workdir, *file; uint32_t stage; int32_t error; } rows[] = {
		{ "", "no-such-command", SPAWN_FIND, ENOENT },
		{ "", "/no/such/file", SPAWN_FIND, ENOENT },
		{ "", "/etc/passwd/x", SPAWN_FIND, ENOTDIR },
		{ "", "/etc/passwd", SPAWN_EXEC, EACCES },
		{ "", "/etc", SPAWN_EXEC, EACCES },
		{ "/no/such/dir", "true", SPAWN_WORKDIR, ENOENT },
		{ "/etc/passwd", "true", SPAWN_WORKDIR, ENOTDIR },
	};
	struct account who = self();
	char out[64];

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const argv[] = { rows[i].file, NULL };
		struct msg_spawn_failed why;

		assert_int_equal(run(&who, rows[i].workdir, argv, out, sizeof(out), &why), -1);
		assert_int_equal(why.stage, rows[i].stage);
		assert_int_equal(why.error, rows[i].error);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);	/* no zombie stays */
}

static void parameters_go_to_their_module(void **state)
{
	static const char cmdline[] = "quiet virtio_mmio.device=4K@0xd0000000:5 x.virtio_mmio.y=1 "
		"virtio_mmio_other.z=2 virtio_mmio.device=4K@0xd0001000:6 virtio_mmio.\n";
	char out[128];

	(void)state;
	modules_params(cmdline, "virtio_mmio", out, sizeof(out));
	assert_string_equal(out, "device=4K@0xd0000000:5 device=4K@0xd0001000:6");
	modules_params(cmdline, "erofs", out, sizeof(out));
	assert_string_equal(out, "");
	modules_params(cmdline, "virtio_mmio", out, 30);	/* room for one of them */
	assert_string_equal(out, "device=4K@0xd0000000:5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_arrive_in_order),
		cmocka_unit_test(the_environment_is_completed),
		cmocka_unit_test(what_was_given_is_kept),
		cmocka_unit_test(as_many_strings_as_a_frame_allows),
		cmocka_unit_test(a_path_is_searched_in_order),
		cmocka_unit_test(a_command_runs_as_somebody_else),
		cmocka_unit_test(its_streams_can_be_opened_again),
		cmocka_unit_test(it_leads_a_session),
		cmocka_unit_test(failures_say_where_and_why),
		cmocka_unit_test(parameters_go_to_their_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
