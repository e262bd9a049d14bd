/* receive.c - a guest's outputs, record by record. */
#include "runner/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/io.h"

void receive_init(struct receive *r, struct target *target, unsigned n, uint64_t bytes, uint32_t files)
{
	*r = (struct receive){ .target = target, .n = n, .bytes_left = bytes, .files_left = files,
			       .file = -1 };
}

/* --- errors ------------------------------------------------------------------------------------ */

static int lied(const char *what, struct err *err)
{
	return err_set(err, EPROTO, "outputs: the guest sent %s", what);
}

static int failed(const struct receive *r, int code, struct err *err)
{
	return err_set(err, code, "output %.100s: %s", r->target[r->at].path, strerror(code));
}

/* --- files --------------------------------------------------------------------------------------- */

/* One component, made by this call or by mkdirat() just before. */
static int open_new(int dir, const char *name, uint64_t flags, uint64_t mode)
{
	struct open_how how = { .flags = flags | O_NOFOLLOW | O_CLOEXEC, .mode = mode,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
	int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int place(const struct receive *r)
{
	return r->depth ? r->dir[r->depth - 1] : r->target[r->at].parent;
}

/* The output is whole. */
static int commit(struct receive *r, struct err *err)
{
	struct target *t = &r->target[r->at];

	if (renameat(t->parent, t->tmp, t->parent, t->name) < 0)
		return err_set(err, errno, "output %.100s: %.100s is there already, and is %s; remove it",
			       t->path, t->name, errno == ENOTEMPTY || errno == EEXIST ?
			       "a directory with something in it" : strerror(errno));
	t->begun = false;
	r->at++;
	return 0;
}

/* No further data comes for the file. */
static int end_file(struct receive *r, struct err *err)
{
	int fd = r->file;
	bool bad = fd >= 0 && ftruncate(fd, (off_t)r->size) < 0;

	if (fd < 0)
		return 0;
	r->file = -1;
	if (close(fd) < 0 || bad)
		return failed(r, errno, err);
	return r->depth == 0 ? commit(r, err) : 0;
}

/* The name of a new thing: its own, or, of an output itself, ours for the time being. */
static int take_name(struct receive *r, struct err *err)
{
	char *name = r->name;
	size_t n = r->in.head.name;

	if (r->depth == 0 && (n != 0 || r->at == r->n || r->in.head.type == RECORD_LINK ||
			      r->in.head.type == RECORD_GONE))
		return lied("something that was not asked for", err);
	if (r->files_left-- == 0)
		return err_set(err, EFBIG, "output %.100s: too many files; more of them are allowed with "
			       "--output-files", r->target[r->at].path);
	if (r->depth == 0) {
		strcpy(name, r->target[r->at].tmp);
		r->target[r->at].begun = true;
		return 0;
	}
	memcpy(name, r->in.body, n);
	name[n] = '\0';
	if (n == 0 || strlen(name) != n || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return lied("a name that is none", err);
	return 0;
}

/* --- records ----------------------------------------------------------------------------------------- */

/* Ours to enter and to remove, whatever the guest says. */
static int take_dir(struct receive *r, struct err *err)
{
	mode_t anew = r->target[r->at].diff && r->in.head.value ? S_ISVTX : 0;
	int fd;

	if (r->depth == RECEIVE_DEPTH)
		return failed(r, ELOOP, err);
	if (mkdirat(place(r), r->name, (r->in.head.mode & 0777) | 0700 | anew) < 0)
		return failed(r, errno, err);
	fd = open_new(place(r), r->name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return failed(r, -fd, err);
	r->dir[r->depth++] = fd;
	return 0;
}

static int take_up(struct receive *r, struct err *err)
{
	if (r->depth == 0)
		return lied("the end of a directory that it is not in", err);
	close(r->dir[--r->depth]);
	return r->depth == 0 ? commit(r, err) : 0;
}

static int take_file(struct receive *r, struct err *err)
{
	if (r->in.head.value > r->bytes_left)
		return err_set(err, EFBIG, "output %.100s: too large; more is allowed with --output-max",
			       r->target[r->at].path);
	r->bytes_left -= r->size = r->in.head.value;
	r->file = open_new(place(r), r->name, O_WRONLY | O_CREAT | O_EXCL, r->in.head.mode & 0777);
	return r->file < 0 ? failed(r, -r->file, err) : 0;
}

static int take_data(struct receive *r, struct err *err)
{
	uint64_t at = r->in.head.value, n = r->in.head.more;
	int rc;

	if (r->file < 0 || at > r->size || n > r->size - at)
		return lied("data of no file", err);
	rc = io_pwrite(r->file, r->in.body, n, (off_t)at);
	r->bytes += n;
	return rc < 0 ? failed(r, -rc, err) : 0;
}

/* Does it stay in its tree, from a directory so deep?  "../" only in front, so that no other link
 * on the way makes it another. */
static bool stays_inside(const char *target, unsigned depth)
{
	size_t n;

	for (; !strncmp(target, "..", 2) && (!target[2] || target[2] == '/'); target += target[2] ? 3 : 2)
		if (depth-- <= 1)
			return false;
	n = strlen(target);
	return *target != '/' && !strstr(target, "/../") && !(n > 2 && !strcmp(target + n - 3, "/.."));
}

static int take_link(struct receive *r, struct err *err)
{
	char target[RECORD_MAX_LINK + 1];
	size_t n = r->in.head.more;

	memcpy(target, r->in.body + r->in.head.name, n);
	target[n] = '\0';
	if (strlen(target) != n)
		return lied("a link with a NUL in it", err);
	if (!stays_inside(target, r->depth))
		return r->left_out++, 0;
	return symlinkat(target, place(r), r->name) < 0 ? failed(r, errno, err) : 0;
}

/* What is not to be there any more stands in the tree as a pipe: a guest's own do not get here. */
static int take_gone(struct receive *r, struct err *err)
{
	if (!r->target[r->at].diff)
		return lied("what is gone, and was not asked", err);
	return mkfifoat(place(r), r->name, 0600) < 0 ? failed(r, errno, err) : 0;
}

static int take_missing(struct receive *r, struct err *err)
{
	if (r->depth > 0 || r->at == r->n || r->in.head.value == 0 || r->in.head.value >= 4096)
		return lied("a failure out of order", err);
	r->target[r->at++].missing = (int)r->in.head.value;
	return 0;
}

static int take_end(struct receive *r, struct err *err)
{
	return r->at == r->n ? 0 : lied("fewer outputs than were asked for", err);
}

static const struct {
	int (*take)(struct receive *r, struct err *err);
	uint16_t name, more;		/* at most; of more there is then some */
} records[N_RECORD_TYPES] = {
	[RECORD_DIR]	 = { take_dir, RECORD_MAX_NAME, 0 },
	[RECORD_UP]	 = { take_up, 0, 0 },
	[RECORD_FILE]	 = { take_file, RECORD_MAX_NAME, 0 },
	[RECORD_DATA]	 = { take_data, 0, RECORD_MAX_DATA },
	[RECORD_LINK]	 = { take_link, RECORD_MAX_NAME, RECORD_MAX_LINK },
	[RECORD_GONE]	 = { take_gone, RECORD_MAX_NAME, 0 },
	[RECORD_MISSING] = { take_missing, 0, 0 },
	[RECORD_END]	 = { take_end, 0, 0 },
};

static bool is_sound(const struct record *h)
{
	return h->type > 0 && h->type < N_RECORD_TYPES && h->zero == 0 &&
	       h->name <= records[h->type].name && h->more <= records[h->type].more &&
	       (h->more > 0) == (records[h->type].more > 0);
}

/* Read up to `upto` bytes of the record: 0 when they are there. */
static int fill(struct receive *r, int fd, size_t upto)
{
	while (r->have < upto) {
		ssize_t got = io_read_some(fd, (uint8_t *)&r->in + r->have, upto - r->have);

		if (got <= 0)
			return got == 0 ? -EPIPE : (int)got;
		r->have += (size_t)got;
	}
	return 0;
}

int receive_some(struct receive *r, int fd, struct err *err)
{
	int rc = fill(r, fd, sizeof(r->in.head));

	if (rc == 0 && !is_sound(&r->in.head))
		return lied("a malformed record", err);
	if (rc == 0)
		rc = fill(r, fd, sizeof(r->in.head) + r->in.head.name + r->in.head.more);
	if (rc == -EAGAIN)
		return rc;
	if (rc < 0)
		return err_set(err, -rc, "outputs: the guest broke off in the middle of %.100s",
			       r->at < r->n ? r->target[r->at].path : "them");
	r->have = 0;
	r->records++;
	if (r->in.head.type != RECORD_DATA)
		rc = end_file(r, err);
	if (rc == 0 && records[r->in.head.type].name)
		rc = take_name(r, err);
	if (rc == 0)
		rc = records[r->in.head.type].take(r, err);
	return rc < 0 ? rc : r->in.head.type != RECORD_END;
}

void receive_close(struct receive *r)
{
	while (r->depth > 0)
		close(r->dir[--r->depth]);
	if (r->file >= 0)
		close(r->file);
	r->file = -1;
}
