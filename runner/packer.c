/* packer.c - an image from something that is none. */
#include "runner/packer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/say.h"

#define PATIENCE_MS 2000		/* before it is told that this takes a while... */
#define NEWS_MS 10000			/* ...and how far it is */
#define BLOBS "blobs/sha256/"

/* --- starting ------------------------------------------------------------------------------------- */

/* Our own numbers are above the child's, so that no dup2() overwrites what the next one needs. */
static int place(posix_spawn_file_actions_t *fa, int fd, int number, int *kept)
{
	*kept = fcntl(fd, F_DUPFD_CLOEXEC, PACK_FD_END);
	if (*kept < 0)
		return -errno;
	return -posix_spawn_file_actions_adddup2(fa, *kept, number);
}

static int spawn(const char *program, const struct origin *o, const int fds[4], uint64_t max_bytes,
		 pid_t *pid)
{
	char path[PATH_MAX], kind[16], bytes[24];
	char *const argv[] = { path, kind, bytes, NULL }, *const no_environment[] = { NULL };
	int kept[4] = { -1, -1, -1, -1 }, rc = 0;
	posix_spawn_file_actions_t fa;

	snprintf(path, sizeof(path), "%s", program);
	snprintf(kind, sizeof(kind), "%s", origin_names[o->kind]);
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)max_bytes);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (int i = 0; rc == 0 && i < 4; i++)
		rc = place(&fa, fds[i], PACK_FD_ASK + i, &kept[i]);
	if (rc == 0)
		rc = -posix_spawn(pid, path, &fa, NULL, argv, no_environment);
	for (int i = 0; i < 4; i++)
		if (kept[i] >= 0)
			close(kept[i]);
	posix_spawn_file_actions_destroy(&fa);
	return rc;
}

/* --- answering ------------------------------------------------------------------------------------ */

/* A layout's own files, and nothing else that a path could lead to. */
static bool may_ask(const struct origin *o, const struct pack_msg *m)
{
	const char *hex = m->text + strlen(BLOBS);

	if (o->kind != ORIGIN_LAYOUT || m->len == 0 || m->len > sizeof(m->text) || m->text[m->len - 1])
		return false;
	if (!strcmp(m->text, "index.json"))
		return true;
	return !strncmp(m->text, BLOBS, strlen(BLOBS)) && strlen(hex) == 64 &&
	       strspn(hex, "0123456789abcdef") == 64;
}

static int open_blob(const struct origin *o, const char *name, struct err *err)
{
	autoclose int fd = openat(o->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "lacks its file %s: %s", name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "has a %s that is no file", name);
	return fd_take(&fd);
}

static int answer(const struct origin *o, int sock, struct pack_msg *m)
{
	autoclose int fd = open_blob(o, m->text, &m->err);

	m->len = 0;
	return io_send_fd(sock, m, sizeof(*m), fd);
}

/* --- what it says --------------------------------------------------------------------------------- */

static int broken(struct err *err)
{
	return err_set(err, EPROTO, "cannot be read: sandbox-pack broke the rules");
}

/* Each string has its NUL, and begins with a letter that is known. */
static bool is_config(const struct pack_msg *m)
{
	if (m->len > sizeof(m->text))
		return false;
	for (uint32_t i = 0; i < m->len; ) {
		const char *end = memchr(m->text + i, '\0', m->len - i);

		if (!end || !m->text[i] || !strchr("EWUPC", m->text[i]))
			return false;
		i = (uint32_t)(end - m->text) + 1;
	}
	return true;
}

/* What a stranger's archive has led to is shown as text. */
static int failed(struct pack_msg *m, struct err *err)
{
	say_clean(m->err.msg, sizeof(m->err.msg));
	*err = m->err;
	return err->code > 0 ? -err->code : broken(err);
}

/* One message: 1, 0 when the image is whole, or an error. */
static int take(const struct origin *o, int sock, struct pack_msg *m, struct pack_msg *config,
		struct err *err)
{
	ssize_t n = io_recv_fds(sock, m, sizeof(*m), NULL, 0);

	if (n == 0 || n == -ECONNRESET)
		return err_set(err, ECHILD, "cannot be read");
	if (n != sizeof(*m))
		return broken(err);
	switch (m->op) {
	case PACK_BLOB:
		return may_ask(o, m) && answer(o, sock, m) == 0 ? 1 : broken(err);
	case PACK_CONFIG:
		if (!is_config(m))
			return broken(err);
		*config = *m;
		return 1;
	case PACK_DONE:
		return 0;
	case PACK_FAILED:
		return failed(m, err);
	default:
		return broken(err);
	}
}

/* --- waiting -------------------------------------------------------------------------------------- */

static void tell(const struct origin *o, int image, bool first)
{
	struct stat st;

	if (first)
		say("making an image of %s, once", o->path);
	else if (fstat(image, &st) == 0)
		say("making an image of %s: %llu MiB so far", o->path,
		    (unsigned long long)st.st_size >> 20);
}

static int serve(const struct origin *o, int sock, int image, struct pack_msg *config, struct err *err)
{
	static struct pack_msg m;
	struct pollfd p = { .fd = sock, .events = POLLIN };
	uint64_t next = now_ns() + PATIENCE_MS * 1000000ull;
	bool told = false;
	int rc = 1;

	while (rc > 0) {
		uint64_t now = now_ns();
		int wait = now < next ? (int)((next - now) / 1000000) + 1 : 0;

		if (poll(&p, 1, wait) > 0) {
			rc = take(o, sock, &m, config, err);
		} else if (now >= next) {
			tell(o, image, !told);
			told = true;
			next = now + NEWS_MS * 1000000ull;
		}
	}
	return rc;
}

/* Whoever ended without a word was ended. */
static int reap(pid_t pid, int rc, struct err *err)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc != -ECHILD)
		return rc;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return err_set(err, ETIME, "cannot be read: it takes more than an hour of a processor");
	if (WIFSIGNALED(status))
		return err_set(err, ECHILD, "cannot be read: sandbox-pack was ended by signal %d%s",
			       WTERMSIG(status), WTERMSIG(status) == SIGSYS ? ", its filter's" : "");
	return err_set(err, ECHILD, "cannot be read: sandbox-pack ended with %d", WEXITSTATUS(status));
}

int packer_run(const char *program, const struct origin *o, int image, int scratch, uint64_t max_bytes,
	       struct pack_msg *config, struct err *err)
{
	pid_t pid;
	int pair[2], rc;

	config->len = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "no socket pair");
	rc = spawn(program, o, (const int[]){ pair[1], image, scratch, o->fd }, max_bytes, &pid);
	close(pair[1]);
	if (rc < 0) {
		close(pair[0]);
		return err_set(err, -rc, "cannot be read: %s: %s", program, strerror(-rc));
	}
	rc = serve(o, pair[0], image, config, err);
	close(pair[0]);		/* if it goes on, it has nobody to tell */
	return reap(pid, rc, err);
}
