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

static uint64_t wrote[2];		/* by command 1, as EXITED has it */

static void give(const int stream[N_STREAMS], unsigned i, const char *buf, size_t n)
{
	wrote[i - STREAM_STDOUT] += n;
	io_write(stream[i], buf, n);
}

static void exited(int control, int code)
{
	m.exited = (struct msg_exited){ .code = code, .drained = 1,
					.output = { wrote[0], wrote[1] } };
	post(control, MSG_EXITED, 1, sizeof(m.exited));
}

/* cat: what comes in goes out, on both. */
static void play_cat(void)
{
	int stream[N_STREAMS], control = start_command(stream);
	char buf[4096];
	ssize_t got;

	while ((got = io_read_some(stream[STREAM_STDIN], buf, sizeof(buf))) > 0)
		for (unsigned i = STREAM_STDOUT; i <= STREAM_STDERR; i++)
			give(stream, i, buf, (size_t)got);
	close(stream[STREAM_STDOUT]);
	close(stream[STREAM_STDERR]);
	exited(control, 7);
	wait_for_stop();
	end(0, 0);
}

static void play_signal(void)
{
	int stream[N_STREAMS], control = start_command(stream);

	give(stream, STREAM_STDOUT, "ready", 5);
	msg_recv(control, &m, FROM_HOST);
	close(stream[STREAM_STDOUT]);
	close(stream[STREAM_STDERR]);
	exited(control, m.head.type == MSG_SIGNAL ? (int)m.signal.signo : 1);
	wait_for_stop();
	end(0, 0);
}

/* Another command, which says its name and waits for a signal. */
static void start_another(int control, int stream[N_STREAMS])
{
	uint32_t id = m.head.id;
	char word[64];

	snprintf(word, sizeof(word), "%s\n", msg_exec_string(&m, 1));
	for (unsigned i = 0; i < N_STREAMS; i++)
		stream[i] = connect_to(PORT_STREAM(id, i));
	m.started = (struct msg_started){ .pid = id };
	post(control, MSG_STARTED, id, sizeof(m.started));
	io_write(stream[STREAM_STDOUT], word, strlen(word));
}

static void end_another(int control, uint32_t id, int signo, int stream[N_STREAMS])
{
	for (unsigned i = 0; i < N_STREAMS; i++)
		close(stream[i]);
	m.exited = (struct msg_exited){ .signal = signo == SIGKILL ? SIGKILL : 0, .code = signo % 9,
					.drained = 1, .output = { UINT64_MAX, UINT64_MAX } };	/* they are closed */
	post(control, MSG_EXITED, id, sizeof(m.exited));
}

/* A guest with a command of ours and one of another's at a time, each until it is signalled. */
static void play_rooms(void)
{
	int stream[N_STREAMS], other[N_STREAMS], control = start_command(stream);

	give(stream, STREAM_STDOUT, "ready", 5);
	for (;;) {
		if (msg_recv(control, &m, FROM_HOST) < 0)
			break;
		if (m.head.type == MSG_EXEC)
			start_another(control, other);
		else if (m.head.type == MSG_SIGNAL && m.head.id != 1)
			end_another(control, m.head.id, (int)m.signal.signo, other);
		else if (m.head.type == MSG_SIGNAL)
			break;
	}
	close(stream[STREAM_STDOUT]);
	close(stream[STREAM_STDERR]);
	exited(control, (int)m.signal.signo);
	wait_for_stop();
	end(0, 0);
}

/* EXITED is there before all of the output is, and no connection is ever closed. */
static void play_counts(void)
{
	static char buf[300000];
	int stream[N_STREAMS], control = start_command(stream);

	memset(buf, 'x', sizeof(buf));
	wrote[0] = sizeof(buf);
	exited(control, 7);
	io_write(stream[STREAM_STDOUT], buf, sizeof(buf));
	wait_for_stop();
	end(0, 0);
}

static void play_keeps_output(void)
{
	int stream[N_STREAMS], control = start_command(stream);

	m.exited = (struct msg_exited){ .code = 3, .drained = 0, .output = { 1, 0 } };
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
	{ "counts", play_counts },
	{ "rubbish", play_rubbish }, { "crash", play_crash }, { "error", play_error },
	{ "rooms", play_rooms }, { "deaf", play_deaf }, { "dies", play_dies },
	{ "outputs", play_outputs }, { "outputs-above", play_outputs_above },
	{ "outputs-half", play_outputs_half },
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
	char path[PATH_MAX];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	in_dir(path, "run");
	if (mkdir(path, 0700) < 0 || setenv("XDG_RUNTIME_DIR", path, 1) < 0)
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
	in_dir(path, "run");
	rmdir(path);			/* empty: no machine has left anything */
	return rmdir(dir);
}

struct child {
	pid_t pid;
	int in, out, err;	/* the far ends of its standard streams */
};

/* `sandbox` with these words. */
static struct child start_words(const char *const words[])
{
	char path[PATH_MAX];
	struct child c;
	int in[2], out[2], err[2];

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
	c = (struct child){ fork(), in[1], out[0], err[0] };
	if (c.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		dup2(2, FD_INITRD);	/* inherited by accident: must not reach the jailer */
		in_dir(path, "sandbox");
		execv(path, (char **)(uintptr_t)words);
		_exit(99);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	return c;
}

static void set_play(const char *play)
{
	if (access("/dev/kvm", F_OK) < 0) {
		print_message("skip: no /dev/kvm on this machine\n");
		skip();
	}
	put("play", play, strlen(play), 0, (off_t)strlen(play));
}

#define WORDS(...) ((const char *[]){ "/sandbox", __VA_ARGS__, NULL })

static struct child start(const char *play)
{
	set_play(play);
	return start_words(WORDS("run", "--cold", "--", "command"));
}

static struct child start_outputs(const char *play)
{
	char output[PATH_MAX + 16];

	set_play(play);
	snprintf(output, sizeof(output), "/o:%s/taken", dir);
	return start_words(WORDS("run", "--cold", "--output", output, "--", "command"));
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

/* --- machines with a name -------------------------------------------------------------------- */

static void says(struct child *c, const char *text)
{
	char got[64] = "";

	assert_int_equal(io_read(c->out, got, strlen(text)), 0);
	assert_string_equal(got, text);
}

/* Ends with that code, and with these outputs. */
static void command(int want, const char *out_says, const char *err_says,
		    const char *const words[])
{
	struct child c = start_words(words);
	char out[1024];

	read_all(c.out, out, sizeof(out));
	if (!strstr(out, out_says))
		fail_msg("%s: '%s' does not say '%s'", words[1], out, out_says);
	c.out = open("/dev/null", O_RDONLY);
	ends(&c, want, err_says);
}

static struct child start_rooms(const char *option)
{
	struct child c;

	set_play("rooms");
	c = start_words(WORDS("run", "--cold", "--name", "box", option, "--", "command"));
	says(&c, "ready");
	return c;
}

static void another_command_runs_beside_ours(void **state)
{
	struct child c = start_rooms("--verbose"), other;

	(void)state;
	other = start_words(WORDS("exec", "box", "--", "second"));
	says(&other, "second\n");
	command(0, "box                  running", "", WORDS("ps"));
	kill(other.pid, SIGUSR1);		/* 10: the play's code is the rest of a division by 9 */
	ends(&other, 1, "");
	command(0, "", "", WORDS("kill", "--signal", "USR2", "box"));
	ends(&c, SIGUSR2, "");
	command(125, "", "there is no machine 'box'", WORDS("exec", "box", "second"));
}

static void who_visits_a_machine_that_ends_is_told(void **state)
{
	struct child c = start_rooms("--verbose"), other;

	(void)state;
	other = start_words(WORDS("exec", "box", "--", "second"));
	says(&other, "second\n");
	command(0, "", "", WORDS("kill", "box"));
	ends(&c, 137, "");
	ends(&other, 125, "the machine ended before the command was over");
}

static void a_failed_command_leaves_its_machine(void **state)
{
	struct child c = start_rooms("--keep-on-fail"), other;

	(void)state;
	command(0, "", "", WORDS("kill", "--signal", "USR2", "box"));
	for (int i = 0; i < 100; i++) {
		other = start_words(WORDS("kill", "--signal", "USR2", "box"));
		usleep(20000);
		close(other.in);
		close(other.out);
		close(other.err);
		int status;

		waitpid(other.pid, &status, 0);
		if (WEXITSTATUS(status) == 125)
			break;		/* its command has ended */
	}
	command(0, "kept", "", WORDS("ps"));
	command(0, "", "", WORDS("kill", "box"));
	ends(&c, SIGUSR2, "its machine waits: sandbox exec box");
}

static void a_name_is_one_machines(void **state)
{
	struct child c = start_rooms("--verbose");

	(void)state;
	command(125, "", "there is a machine 'box' already", WORDS("run", "--cold", "--name",
								   "box", "--", "true"));
	kill(c.pid, SIGUSR1);
	ends(&c, SIGUSR1, "");
}

static void a_detached_run_is_waited_for_later(void **state)
{
	(void)state;
	set_play("rooms");
	command(0, "job\n", "", WORDS("run", "--cold", "--detach", "--name", "job", "--",
				      "command"));
	command(0, "job                  running", "", WORDS("ps"));
	command(0, "", "", WORDS("kill", "-s", "12", "job"));
	command(12, "", "", WORDS("wait", "job"));
	command(0, "over (12)", "", WORDS("ps"));
	command(0, "ready", "", WORDS("logs", "--follow", "job"));
	command(0, "1 removed", "", WORDS("gc"));
	command(125, "", "there is no machine 'job'", WORDS("wait", "job"));
}

static void a_detached_run_that_cannot_start_leaves_nothing(void **state)
{
	(void)state;
	set_play("error");
	command(125, "", "kernel: ?[31mno entry point", WORDS("run", "--cold", "--detach",
							      "--name", "job", "--", "x"));
	command(0, "0 removed", "", WORDS("gc"));
}

static void what_has_no_name_cannot_be_asked(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		static const char *const verbs[] = { "kill", "pause", "resume", "wait", "logs" };

		command(125, "", "there is no machine 'none'", WORDS(verbs[i], "none"));
	}
	command(125, "", "there is no machine 'none'", WORDS("exec", "none", "true"));
	command(125, "", "is not the name or number", WORDS("kill", "-s", "65", "none"));
	command(125, "", "name: '.x'", WORDS("run", "--name", ".x", "true"));
}

static void too_much_output_ends_the_run(void **state)
{
	struct child c;
	char text[5000];

	(void)state;
	set_play("cat");
	memset(text, 'x', sizeof(text));
	c = start_words(WORDS("run", "--cold", "--output-limit", "9000", "--", "cat"));
	assert_int_equal(io_write(c.in, text, sizeof(text)), 0);
	ends(&c, 153, "");
}

/* --- what comes back -------------------------------------------------------------------------- */

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

static void output_is_complete_when_its_count_is_reached(void **state)
{
	static char out[400000];
	struct child c = start("counts");

	(void)state;
	assert_int_equal(read_all(c.out, out, sizeof(out)), 300000);
	c.out = open("/dev/null", O_RDONLY);
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
	struct child c = start_outputs("outputs");
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
	struct child c = start_outputs("outputs-above");

	(void)state;
	ends(&c, 125, "sandbox: outputs: the guest sent a name that is none\n");
	assert_false(is_there("taken") || is_there("above") || is_there("../above"));
}

static void half_an_output_is_none(void **state)
{
	struct child c = start_outputs("outputs-half");

	(void)state;
	ends(&c, 125, "sandbox: outputs: the guest broke off in the middle of /o:");
	assert_false(is_there("taken"));
}

static int subcommand(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "run", cmd_run }, { "exec", cmd_exec }, { "ps", cmd_ps }, { "kill", cmd_kill },
		{ "wait", cmd_wait }, { "logs", cmd_logs }, { "gc", cmd_gc }, { "pause", cmd_pause },
		{ "resume", cmd_resume },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(argc, argv);
	return 99;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_command_runs_beside_ours),
		cmocka_unit_test(who_visits_a_machine_that_ends_is_told),
		cmocka_unit_test(a_failed_command_leaves_its_machine),
		cmocka_unit_test(a_name_is_one_machines),
		cmocka_unit_test(a_detached_run_is_waited_for_later),
		cmocka_unit_test(a_detached_run_that_cannot_start_leaves_nothing),
		cmocka_unit_test(what_has_no_name_cannot_be_asked),
		cmocka_unit_test(too_much_output_ends_the_run),
		cmocka_unit_test(bytes_go_through_and_the_code_comes_back),
		cmocka_unit_test(output_is_complete_when_its_count_is_reached),
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
		return subcommand(argc - 1, argv + 1);
	if (argc > 1)		/* a runner that starts /proc/self/exe, for a template, gets us */
		return 99;
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
