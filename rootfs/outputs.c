/* outputs.c - what a command was to leave behind goes to the host: lib/proto.h's records.
 *
 * The command is over; what it left running may still change its files, so nothing is believed of
 * one but what is read.  Only pid 1 reads here, and for that long it does nothing else. */
#include "rootfs/agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define MAX_TEXT MAX_FRAME		/* of all paths: they came in one */
#define MAX_DEPTH 160		/* more than the host takes: it says so */

static char paths[MAX_TEXT];
static unsigned n_paths;
static uint32_t owner;			/* the command they are of; others have none */
static bool diff;			/* and what has changed in WORK_DIR */
static bool in_diff;
static int sock = -1;

/* The message they are in is used for the next one. */
int outputs_keep(const struct msg *m)
{
	const char *s = msg_exec_string(m, 1 + m->exec.argc + m->exec.envc);
	size_t used = 0;

	if (!m->exec.outputs && !(m->exec.flags & EXEC_DIFF))
		return 0;
	owner = m->head.id;
	diff = m->exec.flags & EXEC_DIFF;
	n_paths = m->exec.outputs;
	for (unsigned i = 0; i < n_paths; i++) {
		size_t n = strlen(s) + 1;

		if (n > sizeof(paths) - used)
			return -E2BIG;
		memcpy(paths + used, s, n);
		used += n;
		s += n;
	}
	return 0;
}

/* A failure is the host's end of the connection: it has its reasons, and knows them. */
static int put(enum record_type type, uint64_t value, uint32_t mode, const char *name, const void *more,
	       size_t n)
{
	static struct { struct record head; uint8_t body[RECORD_MAX_NAME + RECORD_MAX_DATA]; } r;
	size_t len = strlen(name);

	r.head = (struct record){ .type = (uint8_t)type, .mode = (uint16_t)(mode & 0777),
				  .name = (uint16_t)len, .more = (uint16_t)n, .value = value };
	memcpy(r.body, name, len);
	memcpy(r.body + len, more, n);
	return io_write(sock, &r, sizeof(r.head) + len + n);
}

/* From one place with data in it to the next. */
static int send_data(int fd, off_t size)
{
	static uint8_t buf[RECORD_MAX_DATA];
	off_t at = 0, hole = 0;
	int rc = 0;

	while (rc == 0 && at < size) {
		ssize_t got;

		if (at >= hole) {
			at = lseek(fd, at, SEEK_DATA);
			if (at < 0 || at >= size)
				break;
			hole = lseek(fd, at, SEEK_HOLE);
		}
		got = hole - at < (off_t)sizeof(buf) ? hole - at : (off_t)sizeof(buf);
		if (got > size - at)
			got = size - at;
		got = pread(fd, buf, (size_t)got, at);
		if (got <= 0)
			break;			/* it has become shorter */
		rc = put(RECORD_DATA, (uint64_t)at, 0, "", buf, (size_t)got);
		at += got;
	}
	return rc;
}

static int send_file(int fd, const char *name, const struct stat *st)
{
	int rc = put(RECORD_FILE, (uint64_t)st->st_size, st->st_mode, name, "", 0);

	return rc < 0 ? rc : send_data(fd, st->st_size);
}

static int send_link(int dir, const char *name)
{
	char target[RECORD_MAX_LINK + 1];
	ssize_t n = readlinkat(dir, name, target, sizeof(target));

	if (n <= 0 || n > (ssize_t)RECORD_MAX_LINK)
		return 0;
	return put(RECORD_LINK, 0, 0, name, target, (size_t)n);
}

static int send_entry(int dir, const char *name, unsigned depth);

/* Of an overlay's upper layer: a directory that hides the one below it. */
static bool is_anew(int fd)
{
	char value[4];

	return in_diff && fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value)) == 1 && *value == 'y';
}

/* ... and what stands for a file that has been removed. */
static bool is_gone(int dir, const char *name)
{
	struct stat st;

	return in_diff && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == 0;
}

static int send_dir(int fd, const char *name, const struct stat *st, unsigned depth)
{
	int rc = put(RECORD_DIR, is_anew(fd), st->st_mode, name, "", 0);
	DIR *d = depth < MAX_DEPTH ? fdopendir(dup(fd)) : NULL;
	struct dirent *e;

	if (!d)
		return -EMFILE;
	while (rc == 0 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			rc = send_entry(fd, e->d_name, depth + 1);
	closedir(d);
	return rc == 0 ? put(RECORD_UP, 0, 0, "", "", 0) : rc;
}

/* Devices, sockets and pipes stay here. */
static int send_open(int fd, const char *name, unsigned depth)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return send_dir(fd, name, &st, depth);
	return S_ISREG(st.st_mode) ? send_file(fd, name, &st) : 0;
}

static int send_entry(int dir, const char *name, unsigned depth)
{
	autoclose int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);

	if (fd < 0 && errno == ELOOP)
		return send_link(dir, name);
	if (fd < 0)
		return is_gone(dir, name) ? put(RECORD_GONE, 0, 0, name, "", 0) : 0;
	return send_open(fd, name, depth);
}

static int send_output(const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return put(RECORD_MISSING, (uint64_t)errno, 0, "", "", 0);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return put(RECORD_MISSING, EINVAL, 0, "", "", 0);
	return send_open(fd, "", 0);
}

/* The upper layer has it, with all that is in there; the command's user owns it, so it is there. */
static int send_diff(void)
{
	autoclose int fd = openat(mounts_below(), "over/laid" WORK_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return put(RECORD_MISSING, (uint64_t)errno, 0, "", "", 0);
	in_diff = true;
	rc = send_open(fd, "", 0);
	in_diff = false;
	return rc;
}

static int connect_host(uint32_t id)
{
	int rc;

	sock = host_socket();
	rc = sock < 0 ? sock : host_connect(sock, PORT_OUTPUTS(id));
	if (rc == 0)
		rc = host_connected(sock);
	if (rc == 0 && fcntl(sock, F_SETFL, 0) < 0)
		rc = -errno;
	return rc;
}

void outputs_send(uint32_t id)
{
	const char *path = paths;
	int rc;

	if (id != owner || (!n_paths && !diff))
		return;
	rc = connect_host(id);
	for (unsigned i = 0; i < n_paths && rc == 0; i++, path += strlen(path) + 1)
		rc = send_output(path);
	if (rc == 0 && diff)
		rc = send_diff();
	if (rc == 0)
		rc = put(RECORD_END, 0, 0, "", "", 0);
	if (rc < 0)
		host_log("outputs: %s", strerror(-rc));
	if (sock >= 0)
		close(sock);
	sock = -1;
	n_paths = 0;
	diff = false;
}
