/* test_packer.c - sandbox-pack and who starts it: what it may do, what it may ask for, and what is
 * said of an archive that is none. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/image.h"
#include "runner/packer.h"

#if defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SANITIZED 1
# endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SANITIZED 1
#endif

#define PATIENCE_MS 20000

static char program[PATH_MAX], dir[64];
static struct pack_msg m, config;
static struct err err;
static int image, scratch;

static int begin(void **state)
{
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 32);

	(void)state;
	if (n < 0)
		return -1;
	program[n] = '\0';
	strcpy(strrchr(program, '/'), "/../sandbox-pack");	/* unit/test_packer */
	strcpy(dir, "/tmp/sandbox-test-XXXXXX");
	image = memfd_create("image", MFD_CLOEXEC);
	scratch = memfd_create("scratch", MFD_CLOEXEC);
	memset(&err, 0, sizeof(err));
	return mkdtemp(dir) && image >= 0 && scratch >= 0 ? 0 : -1;
}

static int end(void **state)
{
	char cmd[100];

	(void)state;
	close(image);
	close(scratch);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void shell(const char *cmd)
{
	char line[1000];

	snprintf(line, sizeof(line), "cd %s && %s", dir, cmd);
	assert_int_equal(system(line), 0);
}

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int run(const char *name)
{
	struct origin o;
	int rc = origin_open(&o, in_dir(name), &err);

	if (rc == 0)
		rc = packer_run(program, &o, image, scratch, 1 << 30, &config, &err);
	close(o.fd);
	return rc;
}

static void makes(const char *name)
{
	if (run(name) < 0)
		fail_msg("%s: %s", name, err.msg);
	assert_int_equal(image_check(image, IMAGE_ROOT, name, &err), 0);
}

static void refuses(const char *name, const char *says)
{
	assert_true(run(name) < 0);
	if (!strstr(err.msg, says))
		fail_msg("%s: '%s' does not say '%s'", name, err.msg, says);
	assert_null(strchr(err.msg, '\n'));
}

/* --- started by packer.c --------------------------------------------------------------------- */

static void a_directory_and_a_tar_become_images(void **state)
{
	(void)state;
	shell("mkdir d && echo x > d/x && tar -C d -cf t .");
	makes("d");
	assert_int_equal(config.len, 0);
	assert_int_equal(ftruncate(image, 0), 0);
	assert_int_equal(ftruncate(scratch, 0), 0);
	makes("t");
}

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	shell("echo x > x && tar -cf t x && head -c 513 t > cut && echo hello | gzip > text");
	refuses("cut", "damaged");
	refuses("text", "damaged, or no tar");
}

static void a_reader_that_dies_is_told(void **state)
{
	(void)state;
	shell("mkdir d; printf '#!/bin/sh\\nkill -9 $$\\n' > dies; printf '#!/bin/sh\\nexit 3\\n' > ends;"
	      " printf '#!/bin/sh\\necho rubbish >&3\\n' > raves; chmod +x dies ends raves");
	snprintf(program, sizeof(program), "%s/dies", dir);
	refuses("d", "ended by signal 9");
	snprintf(program, sizeof(program), "%s/ends", dir);
	refuses("d", "ended with 3");
	snprintf(program, sizeof(program), "%s/raves", dir);
	refuses("d", "broke the rules");
	snprintf(program, sizeof(program), "%s/nothing", dir);
	refuses("d", "No such file");
}

/* --- played by this test ------------------------------------------------------------------------ */

static pid_t pid;
static int sock;

/* As its parent, with a layout: it asks for its index and waits. */
static void start(const char *kind, int source)
{
	char k[16], bytes[] = "1000000", path[PATH_MAX];
	char *const argv[] = { path, k, bytes, NULL }, *const env[] = { NULL };
	int pair[2], fds[4];
	posix_spawn_file_actions_t fa;

	strcpy(path, program);
	strcpy(k, kind);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fds[0] = pair[1];
	fds[1] = image;
	fds[2] = scratch;
	fds[3] = source;
	posix_spawn_file_actions_init(&fa);
	for (int i = 0; i < 4; i++) {
		int high = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);

		posix_spawn_file_actions_adddup2(&fa, high, PACK_FD_ASK + i);
	}
	posix_spawn_file_actions_adddup2(&fa, image, 50);	/* a stray one */
	assert_int_equal(posix_spawn(&pid, path, &fa, NULL, argv, env), 0);
	posix_spawn_file_actions_destroy(&fa);
	close(pair[1]);
	sock = pair[0];
	for (int fd = 100; fd < 110; fd++)
		close(fd);
}

static void hear(uint32_t op)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(recv(sock, &m, sizeof(m), 0), sizeof(m));
	if (m.op != op)
		fail_msg("message %u instead of %u: %s", m.op, op, m.err.msg);
}

static unsigned long long status_of(const char *key, int base)
{
	char path[64], line[256];
	unsigned long long value = ~0ull;
	size_t n = strlen(key);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n) && line[n] == ':')
			value = strtoull(line + n + 1, NULL, base);
	fclose(f);
	return value;
}

static void it_has_no_rights(void **state)
{
	unsigned id = getuid() ? getuid() : 65534;
	char path[64];
	struct stat st;

	(void)state;
	start("layout", scratch);
	hear(PACK_BLOB);		/* it is at work, and waits for us */
	assert_string_equal(m.text, "index.json");
	assert_int_equal(status_of("Uid", 10), id);
	assert_int_equal(status_of("CapPrm", 16), 0);
	assert_int_equal(status_of("CapEff", 16), 0);
	if (getuid() == 0)
		assert_int_equal(status_of("CapBnd", 16), 0);
	assert_int_equal(status_of("NoNewPrivs", 10), 1);
#ifndef SANITIZED
	assert_int_equal(status_of("Seccomp", 10), 2);
#endif
	snprintf(path, sizeof(path), "/proc/%d/fd/50", pid);
	assert_true(getuid() != 0 || lstat(path, &st) < 0);	/* what it was not told of, it closed */
	close(sock);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void it_ends_with_who_started_it(void **state)
{
	int status;

	(void)state;
	start("layout", scratch);
	hear(PACK_BLOB);
	close(sock);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 125);
}

/* --- what a reader that was taken over may ask for ------------------------------------------------- */

/* What a stand-in for it will send. */
static void ask(const char *text)
{
	int fd;

	m = (struct pack_msg){ .op = PACK_BLOB, .len = (uint32_t)strlen(text) + 1 };
	strcpy(m.text, text);
	fd = open(in_dir("packet"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(io_write(fd, &m, sizeof(m)), 0);
	close(fd);
}

static void only_files_of_the_layout_are_opened(void **state)
{
	static const char *const others[] = {
		"../secret", "/etc/passwd", "blobs/sha256/../../../secret", "blobs", "", "oci-layout",
		"blobs/sha256/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeF",
	};

	(void)state;
	shell("mkdir lay; echo {} > lay/index.json; echo {} > lay/oci-layout; echo secret > secret;"
	      "printf '#!/bin/sh\\ndd status=none bs=100000 if=%s/packet >&3\\nsleep 0.2\\n' \"$PWD\" > asks;"
	      "chmod +x asks");
	snprintf(program, sizeof(program), "%s/asks", dir);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		ask(others[i]);
		refuses("lay", "broke the rules");
	}
	ask("index.json");
	refuses("lay", "ended with 0");		/* it was answered, and said no more */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_directory_and_a_tar_become_images),
		TEST(what_is_wrong_is_said),
		TEST(a_reader_that_dies_is_told),
		TEST(it_has_no_rights),
		TEST(it_ends_with_who_started_it),
		TEST(only_files_of_the_layout_are_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
