/* origin.c - what a root was given as, and which image that will be. */
#include "runner/origin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

/* Part of every ID: to be changed with what sandbox-pack makes of the same thing. */
#define FORMAT "sandbox root 1\n"
#define READ (1u << 20)
#define SETTLED 2			/* seconds: a file changed since may change again unseen */
#define MAX_DEPTH 512
#define TAR_SUM 148			/* where a tar's header has its sum, 8 bytes */

const char *const origin_names[] = { "image", "tar", "layout", "dir" };

typedef crypto_generichash_state hash;

/* --- which kind? ------------------------------------------------------------------------------- */

/* Old ones have no magic number, but all have a sum. */
static bool is_tar_header(const uint8_t head[512])
{
	unsigned sum = 8 * ' ', said;
	char text[9] = { 0 }, *end;

	for (int i = 0; i < 512; i++)
		sum += i < TAR_SUM || i >= TAR_SUM + 8 ? head[i] : 0;
	memcpy(text, head + TAR_SUM, 8);
	said = (unsigned)strtoul(text, &end, 8);
	return end != text && said == sum && head[0];
}

static bool is_archive(int fd)
{
	static const struct { size_t n; char bytes[6]; } compressed[] = {
		{ 2, "\x1f\x8b" }, { 6, "\xfd" "7zXZ" }, { 4, "\x28\xb5\x2f\xfd" }, { 3, "BZh" },
	};
	uint8_t head[512] = { 0 };
	int rc = io_pread(fd, head, sizeof(head), 0);

	for (size_t i = 0; i < sizeof(compressed) / sizeof(compressed[0]); i++)
		if (!memcmp(head, compressed[i].bytes, compressed[i].n))
			return true;
	return rc == 0 && is_tar_header(head);
}

int origin_open(struct origin *o, const char *path, struct err *err)
{
	struct stat st;

	*o = (struct origin){ .kind = ORIGIN_IMAGE, .path = path };
	o->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (o->fd < 0 || fstat(o->fd, &st) < 0)
		return err_sys(err, "root: %s", path);
	if (S_ISDIR(st.st_mode))
		o->kind = faccessat(o->fd, "oci-layout", F_OK, 0) == 0 &&
			  faccessat(o->fd, "index.json", F_OK, 0) == 0 ? ORIGIN_LAYOUT : ORIGIN_DIR;
	else if (S_ISREG(st.st_mode) && is_archive(o->fd))
		o->kind = ORIGIN_TAR;
	return 0;
}

/* --- hashes -------------------------------------------------------------------------------------- */

static void begin(hash *h, const char *kind)
{
	crypto_generichash_init(h, NULL, 0, crypto_generichash_BYTES);
	crypto_generichash_update(h, (const uint8_t *)FORMAT, strlen(FORMAT));
	crypto_generichash_update(h, (const uint8_t *)kind, strlen(kind) + 1);
}

/* As many hex digits as n has room for. */
static void end(hash *h, char *hex, size_t n)
{
	uint8_t sum[crypto_generichash_BYTES];

	crypto_generichash_final(h, sum, sizeof(sum));
	sodium_bin2hex(hex, n, sum, n / 2);
}

static int add_content(hash *h, int fd)
{
	static uint8_t bytes[READ];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, bytes, sizeof(bytes), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		crypto_generichash_update(h, bytes, (size_t)n);
		at += n;
	}
}

static int unreadable(const char *path, int rc, struct err *err)
{
	return err_set(err, -rc, "root: %s cannot be read: %s", path, strerror(-rc));
}

/* --- files ----------------------------------------------------------------------------------------- */

/* What changes when the file is written or replaced. */
static void identify(const struct stat *st, char hex[65])
{
	char text[200];
	hash h;

	snprintf(text, sizeof(text), "%llx:%llu %llu %lld.%09ld %lld.%09ld",
		 (unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
		 (unsigned long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		 (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
	begin(&h, "seen");
	crypto_generichash_update(&h, (const uint8_t *)text, strlen(text));
	end(&h, hex, 65);
}

/* Read once, and remembered as long as it is unchanged: its clock may be too coarse to tell of a
 * change that comes at once. */
static int id_of_file(const struct origin *o, char id[STORE_ID], struct err *err)
{
	time_t now = time(NULL);
	char seen[65];
	struct stat st;
	hash h;
	int rc;

	if (fstat(o->fd, &st) < 0)
		return err_sys(err, "root: %s", o->path);
	identify(&st, seen);
	if (store_seen(seen, id))
		return 0;
	begin(&h, "file");
	rc = add_content(&h, o->fd);
	if (rc < 0)
		return unreadable(o->path, rc, err);
	end(&h, id, STORE_ID);
	if (st.st_mtim.tv_sec + SETTLED < now && st.st_ctim.tv_sec + SETTLED < now)
		store_see(seen, id);
	return 0;
}

/* --- layouts ---------------------------------------------------------------------------------------- */

static int id_of_layout(const struct origin *o, char id[STORE_ID], struct err *err)
{
	autoclose int fd = openat(o->fd, "index.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	hash h;
	int rc = fd < 0 ? -errno : 0;

	begin(&h, "layout");
	if (rc == 0)
		rc = add_content(&h, fd);
	end(&h, id, STORE_ID);
	return rc < 0 ? unreadable(o->path, rc, err) : 0;
}

/* --- directories -------------------------------------------------------------------------------------- */

struct scan {
	hash h;
	dev_t dev;
	struct err *err;
	const char *path;
};

static int no_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
}

static int in_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The change time is nobody's to set: who writes a file and sets its other time back is seen. */
static void add_stat(struct scan *s, const char *name, const struct stat *st)
{
	const uint64_t facts[] = {
		strlen(name), st->st_mode, st->st_uid, st->st_gid, (uint64_t)st->st_size, st->st_ino,
		st->st_rdev, st->st_nlink, (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec,
	};

	crypto_generichash_update(&s->h, (const uint8_t *)facts, sizeof(facts));
	crypto_generichash_update(&s->h, (const uint8_t *)name, strlen(name));
}

static int scan_dir(struct scan *s, int fd, const char *name, unsigned depth);

/* The name in it is what whoever looks for it needs to know. */
static int unreadable_in(struct scan *s, const char *name)
{
	return err_set(s->err, errno, "root: %.100s: '%.100s' in it: %s", s->path, name, strerror(errno));
}

static int scan_one(struct scan *s, int dir, const char *name, unsigned depth)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return unreadable_in(s, name);
	add_stat(s, name, &st);
	if (!S_ISDIR(st.st_mode) || st.st_dev != s->dev)
		return 0;
	return scan_dir(s, openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), name, depth + 1);
}

/* Takes fd over. */
static int scan_dir(struct scan *s, int fd, const char *name, unsigned depth)
{
	autoclose int dir = fd;
	const uint64_t up = 0;
	struct dirent **list = NULL;
	int n = dir < 0 || depth > MAX_DEPTH ? -1 : scandirat(dir, ".", &list, no_dots, in_bytes), rc = 0;

	if (depth > MAX_DEPTH)
		return err_set(s->err, ENAMETOOLONG, "root: %s has more than %d directories in each other",
			       s->path, MAX_DEPTH);
	if (n < 0)
		return unreadable_in(s, name);
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = scan_one(s, dir, list[i]->d_name, depth);
		free(list[i]);
	}
	free(list);
	crypto_generichash_update(&s->h, (const uint8_t *)&up, sizeof(up));
	return rc;
}

static int id_of_dir(const struct origin *o, char id[STORE_ID], struct err *err)
{
	struct scan s = { .err = err, .path = o->path };
	struct stat st;
	int rc;

	if (fstat(o->fd, &st) < 0)
		return err_sys(err, "root: %s", o->path);
	s.dev = st.st_dev;
	begin(&s.h, "dir");
	add_stat(&s, "", &st);
	rc = scan_dir(&s, fcntl(o->fd, F_DUPFD_CLOEXEC, 0), ".", 0);
	end(&s.h, id, STORE_ID);
	return rc;
}

int origin_id(const struct origin *o, char id[STORE_ID], struct err *err)
{
	switch (o->kind) {
	case ORIGIN_DIR:
		return id_of_dir(o, id, err);
	case ORIGIN_LAYOUT:
		return id_of_layout(o, id, err);
	default:
		return id_of_file(o, id, err);
	}
}
