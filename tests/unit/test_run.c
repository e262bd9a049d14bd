/* test_run.c - `sandbox run` whole, with a jailer that plays keeper, monitor and guest.
 *
 * This program is linked into a directory of its own as `sandbox` and as `sandbox-jailer`,
 * and is then what it is called; what the jailer is to do stands in the file `play`. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/broker.h"
#include "lib/fds.h"
#include "lib/io.h"
#include "lib/proto.h"
#include "lib/report.h"
#include "runner/cmd.h"
#include "runner/stdio.h"

extern char **environ;

/* --- the other side ------------------------------------------------------------------- */

static struct msg m;

static void tell(int fd, struct report r)
{
	report_send(fd, &r);
}

static _Noreturn void end(int code, int signo)
{
	tell(FD_LEASH, (struct report){ .kind = REPORT_ENDED,
					.ended = { .code = code, .signal = signo } });
	_exit(0);
}

static _Noreturn void jail_error(const char *what)
{
	struct err err;

	err_set(&err, EPERM, "%s", what);
	report_error(FD_LEASH, &err);
	end(1, 0);
}

/* Exactly the descriptors of lib/fds.h, no environment, a process group of our own. */
static void look_around(void)
{
	const unsigned absent = 1u << FD_KVM | 1u << FD_INITRD | 1u << FD_SNAPSHOT | 1u << FD_NET;

	for (int fd = 0; fd < 256; fd++) {
		bool disk = fd > FD_DISK0 && fd < FD_VMM_END;
		bool want = fd < FD_JAILER_END && !disk && !(absent >> fd & 1);

		if ((fcntl(fd, F_GETFD) >= 0) != want)
			jail_error(want ? "a descriptor is missing" : "a descriptor is too many");
	}
	if (environ[0] || getpgrp() != getpid())
		jail_error("the environment or the process group is the caller's");
	if (signal(SIGPIPE, SIG_DFL) != SIG_DFL || signal(SIGINT, SIG_DFL) != SIG_DFL)
		jail_error("signal handling is the caller's");
}

static int connect_to(uint32_t port)
{
	struct broker_msg b = { BROKER_REQUEST, port, port };
	int fd;

	if (io_send_fd(FD_BROKER, &b, sizeof(b), -1) < 0)
		_exit(1);
	poll(&(struct pollfd){ .fd = FD_BROKER, .events = POLLIN }, 1, -1);
	io_recv_fd(FD_BROKER, &b, sizeof(b), &fd);
	if (fd >= 0)
		fcntl(fd, F_SETFL, 0);
	return fd;
}

static void post(int fd, enum msg_type type, uint32_t id, size_t body)
{
	msg_seal(&m, type, id, body);
	msg_send(fd, &m);
}

static void wait_for_stop(void)
{
	struct broker_msg b = { 0 };
	int fd;

	poll(&(struct pollfd){ .fd = FD_BROKER, .events = POLLIN }, 1, -1);
	io_recv_fd(FD_BROKER, &b, sizeof(b), &fd);
	tell(FD_LOG, (struct report){ .kind = REPORT_STOPPED, .stopped = {
		.reason = b.op == BROKER_STOP ? STOP_ASKED : STOP_INTERNAL } });
}

static int connect_agent(void)
{
	int control = connect_to(PORT_CONTROL);

	m.hello = (struct msg_hello){ .agent_version = PROTO_VERSION };
	post(control, MSG_HELLO, 0, sizeof(m.hello));
	msg_recv(control, &m, FROM_HOST);	/* WELCOME */
	msg_recv(control, &m, FROM_HOST);	/* EXEC */
	return control;
}

static void begin_command(int control, int stream[N_STREAMS])
{
	for (unsigned i = 0; i < N_STREAMS; i++)
		stream[i] = connect_to(PORT_STREAM(1u, i));
	m.started = (struct msg_started){ .pid = 2 };
	post(control, MSG_STARTED, 1, sizeof(m.started));
}

static int start_command(int stream[N_STREAMS])
{
	int control = connect_agent();

	begin_command(control, stream);
	return control;
}

static void exited(int control, int code)
{
	m.exited = (struct msg_exited){ .code = code, .drained = 1 };
	post(control, MSG_EXITED, 1, sizeof(m.exited));
}

/* cat: what comes in goes out, on both. */
static void play_cat(void)
{
	int stream[N_STREAMS], control = start_command(stream);
	char buf[4096];
	ssize_t got;

	while ((got = io_read_some(stream[STREAM_STDIN], buf, sizeof(buf))) > 0)
		for (int i = STREAM_STDOUT; i <= STREAM_STDERR; i++)
			io_write(stream[i], buf, (size_t)got);
	close(stream[STREAM_STDOUT]);
	close(stream[STREAM_STDERR]);
	exited(control, 7);
	wait_for_stop();
	end(0, 0);
}

static void play_signal(void)
{
	int stream[N_STREAMS], control = start_command(stream);

	io_write(stream[STREAM_STDOUT], "ready", 5);
	msg_recv(control, &m, FROM_HOST);
	close(stream[STREAM_STDOUT]);
	close(stream[STREAM_STDERR]);
	exited(control, m.head.type == MSG_SIGNAL ? (int)m.signal.signo : 1);
	wait_for_stop();
	end(0, 0);
}

static void play_keeps_output(void)
{
	int stream[N_STREAMS], control = start_command(stream);

	m.exited = (struct msg_exited){ .code = 3, .drained = 0 };
	post(control, MSG_EXITED, 1, sizeof(m.exited));
	wait_for_stop();
	end(0, 0);
}

static void play_rubbish(void)
{
	int control = connect_to(PORT_CONTROL);
	char rubbish[100] = { 1 };

	io_write(control, rubbish, sizeof(rubbish));
	wait_for_stop();
	end(0, 0);
}

static void play_crash(void)
{
	int stream[N_STREAMS];

	start_command(stream);
	end(0, SIGSEGV);
}

static void play_error(void)
{
	struct err err;

	err_set(&err, EINVAL, "kernel: \033[31mno entry point");
	report_error(FD_LOG, &err);
	end(1, 0);
}

/* A monitor that does not stop when asked, and a keeper that kills it. */
static void play_deaf(void)
{
	tell(FD_LOG, (struct report){ .kind = REPORT_NOTE });
	poll(&(struct pollfd){ .fd = FD_LEASH }, 1, -1);
	_exit(0);
}

/* A command that leaves an output, and an agent that sends it so. */
static int open_outputs(void)
{
	int stream[N_STREAMS], control = connect_agent();

	if (m.head.type != MSG_EXEC || m.exec.outputs != 1 ||
	    strcmp(msg_exec_string(&m, 1 + m.exec.argc + m.exec.envc), "/o"))
		jail_error("the agent was not told of the output");
	begin_command(control, stream);
	close(stream[STREAM_STDOUT]);
	close(stream[STREAM_STDERR]);
	exited(control, 0);
	return connect_to(PORT_OUTPUTS(1u));
}

static void record(int fd, enum record_type type, uint64_t value, const char *name)
{
	const struct record r = { .type = (uint8_t)type, .mode = 0644, .value = value,
				  .name = (uint16_t)strlen(name) };

	io_write(fd, &r, sizeof(r));
	io_write(fd, name, strlen(name));
}

static void play_outputs(void)
{
	int fd = open_outputs();

	record(fd, RECORD_DIR, 0, "");
	record(fd, RECORD_FILE, 0, "file");
	record(fd, RECORD_UP, 0, "");
	record(fd, RECORD_END, 0, "");
	wait_for_stop();
	end(0, 0);
}

static void play_outputs_above(void)
{
	int fd = open_outputs();

	record(fd, RECORD_DIR, 0, "");
	record(fd, RECORD_FILE, 0, "../above");
	wait_for_stop();
	end(0, 0);
}

static void play_outputs_half(void)
{
	int fd = open_outputs();

	record(fd, RECORD_DIR, 0, "");
	record(fd, RECORD_FILE, 5, "file");
	close(fd);
	wait_for_stop();
	end(0, 0);
}

static void play_dies(void)
{
	_exit(1);
}

static const struct {
	const char *name;
	void (*play)(void);
} plays[] = {
	{ "cat", play_cat }, { "signal", play_signal }, { "keeps-output", play_keeps_output },
	{ "rubbish", play_rubbish }, { "crash", play_crash }, { "error", play_error },
	{ "deaf", play_deaf }, { "dies", play_dies }, { "outputs", play_outputs },
	{ "outputs-above", play_outputs_above }, { "outputs-half", play_outputs_half },
};

static int jailer_main(const char *self)
{
	char path[PATH_MAX], name[32] = { 0 };
	int fd;

	look_around();
	snprintf(path, sizeof(path), "%.*s/play", (int)(strrchr(self, '/') - self), self);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, name, sizeof(name) - 1) <= 0)
		return 1;
	close(fd);
	tell(FD_LEASH, (struct report){ .kind = REPORT_JAILED, .jailed = { .layers = 1 } });
	tell(FD_LOG, (struct report){ .kind = REPORT_LOCKED });
	for (size_t i = 0; i < sizeof(plays) / sizeof(plays[0]); i++)
		if (!strcmp(name, plays[i].name))
			plays[i].play();
	return 1;
}

/* --- this side -------------------------------------------------------------------------- */

static char dir[] = "/tmp/test_run.XXXXXX";

static void in_dir(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", dir, name);
}

static void put(const char *name, const void *bytes, size_t n, off_t at, off_t size)
{
	char path[PATH_MAX];
	int fd;

	in_dir(path, name);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static void copy_self(const char *name)
{
	static char bytes[1 << 20];
	char path[PATH_MAX];
	ssize_t got;
	int from = open("/proc/self/exe", O_RDONLY), to;

	in_dir(path, name);
	to = open(path, O_CREAT | O_WRONLY, 0755);
	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		assert_int_equal(io_write(to, bytes, (size_t)got), 0);
	close(from);
	close(to);
}

static int make_dir(void **state)
{
	static const unsigned char erofs[] = { 0xe2, 0xe1, 0xf5, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 12,
					       [0x24] = 1 };

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	copy_self("sandbox");
	copy_self("sandbox-jailer");
	put("sandbox-vmm", "x", 1, 0, 1);
	put("init.cpio", "x", 1, 0, 1);
	put("vmlinux-up", "\177ELF", 4, 0, 4096);
	put("base.erofs", erofs, sizeof(erofs), 1024, 4096);
	return 0;
}

static int remove_dir(void **state)
{
	static const char *const files[] = { "sandbox", "sandbox-jailer", "sandbox-vmm", "init.cpio",
					     "vmlinux-up", "base.erofs", "play" };
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		in_dir(path, files[i]);
		unlink(path);
	}
	return rmdir(dir);
}

struct child {
	pid_t pid;
	int in, out, err;	/* the far ends of its standard streams */
};

static struct child start(const char *play)
{
	char path[PATH_MAX];
	struct child c;
	int in[2], out[2], err[2];

	if (access("/dev/kvm", F_OK) < 0) {
		print_message("skip: no /dev/kvm on this machine\n");
		skip();
	}
	put("play", play, strlen(play), 0, (off_t)strlen(play));
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
	c = (struct child){ fork(), in[1], out[0], err[0] };
	if (c.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		dup2(2, FD_INITRD);	/* inherited by accident: must not reach the jailer */
		in_dir(path, "sandbox");
		if (!strncmp(play, "outputs", 7) && chdir(dir) == 0)
			execl(path, path, "run", "--cold", "--output", "/o:taken", "--", "command",
			      (char *)NULL);
		execl(path, path, "run", "--cold", "--", "command", (char *)NULL);
		_exit(99);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	return c;
}

static size_t read_all(int fd, char *buf, size_t n)
{
	size_t have = 0;
	ssize_t got;

	while (have < n - 1 && (got = io_read_some(fd, buf + have, n - 1 - have)) > 0)
		have += (size_t)got;
	buf[have] = '\0';
	close(fd);
	return have;
}

/* Its end: exit status, and what it said on stderr. */
static void ends(struct child *c, int want, const char *says)
{
	char err[1024];
	int status;

	read_all(c->err, err, sizeof(err));
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != want || !strstr(err, says))
		fail_msg("status %#x instead of %d, or '%s' does not say '%s'", (unsigned)status, want,
			 err, says);
	close(c->in);
	close(c->out);
}

static void bytes_go_through_and_the_code_comes_back(void **state)
{
	struct child c = start("cat");
	char out[64], err[64];

	(void)state;
	assert_int_equal(io_write(c.in, "in\0and out", 10), 0);
	close(c.in);
	assert_int_equal(read_all(c.out, out, sizeof(out)), 10);
	assert_memory_equal(out, "in\0and out", 10);
	assert_int_equal(read_all(c.err, err, sizeof(err)), 10);
	c.in = c.out = c.err = open("/dev/null", O_RDONLY);
	ends(&c, 7, "");
}

static void a_signal_is_passed_on(void **state)
{
	struct child c = start("signal");
	char ready[5];

	(void)state;
	assert_int_equal(io_read(c.out, ready, sizeof(ready)), 0);
	kill(c.pid, SIGUSR1);
	ends(&c, SIGUSR1, "");
}

static void an_output_kept_open_is_not_waited_for(void **state)
{
	struct child c = start("keeps-output");
	uint64_t begin = now_ns();

	(void)state;
	ends(&c, 3, "");
	assert_true(now_ns() - begin < 5000000000u);
}

static void rubbish_ends_the_run(void **state)
{
	struct child c = start("rubbish");

	(void)state;
	ends(&c, 125, "malformed");
}

static void a_crash_is_told(void **state)
{
	struct child c = start("crash");

	(void)state;
	ends(&c, 125, "signal 11");
}

static void the_monitors_words_are_cleaned(void **state)
{
	struct child c = start("error");

	(void)state;
	ends(&c, 125, "sandbox: kernel: ?[31mno entry point\n");
}

static void a_dead_jailer_is_told(void **state)
{
	struct child c = start("dies");

	(void)state;
	ends(&c, 125, "killed");
}

/* The first signal asks, the second lets go of the leash. */
static void a_deaf_monitor_is_killed_by_the_keeper(void **state)
{
	struct child c = start("deaf");
	uint64_t begin = now_ns();

	(void)state;
	usleep(300000);
	kill(c.pid, SIGTERM);
	usleep(100000);
	kill(c.pid, SIGINT);
	ends(&c, 143, "");
	assert_true(now_ns() - begin < 4000000000u);
}

static bool is_there(const char *name)
{
	char path[PATH_MAX];

	in_dir(path, name);
	return access(path, F_OK) == 0;
}

static void an_output_is_taken(void **state)
{
	struct child c = start("outputs");
	char path[PATH_MAX];

	(void)state;
	ends(&c, 0, "");
	assert_true(is_there("taken/file"));
	in_dir(path, "taken/file");
	unlink(path);
	in_dir(path, "taken");
	assert_int_equal(rmdir(path), 0);
}

/* remove_dir() sees to it that nothing else is there. */
static void an_output_that_leads_out_is_refused(void **state)
{
	struct child c = start("outputs-above");

	(void)state;
	ends(&c, 125, "sandbox: outputs: the guest sent a name that is none\n");
	assert_false(is_there("taken") || is_there("above") || is_there("../above"));
}

static void half_an_output_is_none(void **state)
{
	struct child c = start("outputs-half");

	(void)state;
	ends(&c, 125, "sandbox: outputs: the guest broke off in the middle of /o:taken\n");
	assert_false(is_there("taken"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_through_and_the_code_comes_back),
		cmocka_unit_test(a_signal_is_passed_on),
		cmocka_unit_test(an_output_kept_open_is_not_waited_for),
		cmocka_unit_test(rubbish_ends_the_run),
		cmocka_unit_test(a_crash_is_told),
		cmocka_unit_test(the_monitors_words_are_cleaned),
		cmocka_unit_test(a_dead_jailer_is_told),
		cmocka_unit_test(an_output_is_taken),
		cmocka_unit_test(an_output_that_leads_out_is_refused),
		cmocka_unit_test(half_an_output_is_none),
		cmocka_unit_test(a_deaf_monitor_is_killed_by_the_keeper),
	};
	const char *name = strrchr(argv[0], '/');

	if (name && !strcmp(name, "/sandbox-jailer"))
		return jailer_main(argv[0]);
	stdio_secure();
	if (name && !strcmp(name, "/sandbox"))
		return cmd_run(argc - 1, argv + 1);
	if (argc > 1)		/* a runner that starts /proc/self/exe, for a template, gets us */
		return 99;
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
