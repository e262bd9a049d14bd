/* layer.c - one tar, compressed or not, into the tree. */
#include "runner/pack/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"
#define MAX_ATTRIBUTES 256		/* of one entry */

/* --- libarchive ------------------------------------------------------------------------------- */

static la_ssize_t read_more(struct archive *a, void *arg, const void **out)
{
	struct source *s = arg;
	ssize_t n = source_read(s);

	*out = s->bytes;
	if (n < 0)
		archive_set_error(a, (int)-n, "it cannot be read: %s", strerror((int)-n));
	return n < 0 ? ARCHIVE_FATAL : n;
}

/* What it says may quote the archive. */
static int malformed(struct archive *a, struct err *err)
{
	const char *why = a ? archive_error_string(a) : NULL;
	char shown[TREE_SHOWN];

	return err_set(err, EINVAL, "is damaged, or no tar: %s",
		       tree_show(why ? why : "it does not say why", shown));
}

int layer_open(struct archive **out, struct source *s, struct err *err)
{
	struct archive *a = *out = archive_read_new();

	if (!a)
		return err_set(err, ENOMEM, "cannot be read: no memory");
	if (archive_read_support_filter_gzip(a) || archive_read_support_filter_bzip2(a) ||
	    archive_read_support_filter_xz(a) || archive_read_support_filter_lzma(a) ||
	    archive_read_support_filter_zstd(a) || archive_read_support_format_tar(a) ||
	    archive_read_open(a, s, NULL, read_more, NULL))
		return malformed(a, err);
	return 0;
}

/* A name in no known encoding is taken as it stands; every other doubt is an error. */
static bool only_encoding(struct archive *a)
{
	const char *why = archive_error_string(a);

	return why && strstr(why, "can't be converted");
}

int layer_next(struct archive *a, struct archive_entry **e, const char **name, struct err *err)
{
	int rc = archive_read_next_header(a, e);

	if (rc == ARCHIVE_EOF)
		return 0;
	if (rc != ARCHIVE_OK && !(rc == ARCHIVE_WARN && only_encoding(a)))
		return malformed(a, err);
	*name = archive_entry_pathname(*e);
	if (!*name || !**name)
		return err_set(err, EINVAL, "has an entry without a name");
	return 1;
}

int layer_data(struct archive *a, const void **data, size_t *n, int64_t *at, struct err *err)
{
	int rc = archive_read_data_block(a, data, n, at);

	if (rc == ARCHIVE_EOF)
		return 0;
	return rc == ARCHIVE_OK && *at >= 0 ? 1 : malformed(a, err);
}

int layer_close(struct archive *a, struct source *s, int rc, struct err *err)
{
	bool compressed = a && archive_filter_code(a, 0) != ARCHIVE_FILTER_NONE;

	if (a)
		archive_read_free(a);
	if (rc < 0)
		return rc;
	if (!compressed && !source_ends_in_zeros(s))
		return err_set(err, EINVAL, "is cut short: the blocks that end a tar are missing");
	rc = source_close(s);
	if (rc == -EBADMSG)
		return err_set(err, EBADMSG, "has a layer with another content than its name says; copy "
			       "it again");
	return rc < 0 ? err_set(err, -rc, "cannot be read: %s", strerror(-rc)) : 0;
}

/* --- one entry -------------------------------------------------------------------------------- */

static int in_entry(const char *name, struct err *err)
{
	char shown[TREE_SHOWN];

	return err_in(err, "entry '%s'", tree_show(name, shown));
}

static int add_attributes(struct tree *t, struct inode *ino, struct archive_entry *e, struct err *err)
{
	const char *name;
	const void *value;
	size_t n;
	unsigned count = 0;

	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &n) == ARCHIVE_OK) {
		int rc = name && ++count <= MAX_ATTRIBUTES ? tree_xattr(t, ino, name, value, n) : -E2BIG;

		if (rc < 0)
			return err_set(err, -rc, "has extended attributes that are too many or too long");
	}
	return 0;
}

static int64_t in_range(int64_t id)
{
	return id >= 0 && id <= UINT32_MAX;
}

/* What is there besides the content. */
static int make_inode(struct tree *t, struct archive_entry *e, struct inode **out, struct err *err)
{
	struct inode *ino = tree_inode(t, archive_entry_mode(e));
	const char *link = archive_entry_symlink(e);

	*out = ino;
	if (!ino)
		return err_set(err, ENOMEM, "has too many files");
	if (!in_range(archive_entry_uid(e)) || !in_range(archive_entry_gid(e)))
		return err_set(err, ERANGE, "has an owner that is no number of 32 bits");
	if (archive_entry_size(e) < 0)
		return err_set(err, EINVAL, "has a size below nothing");
	ino->uid = (uint32_t)archive_entry_uid(e);
	ino->gid = (uint32_t)archive_entry_gid(e);
	ino->mtime = archive_entry_mtime(e);
	ino->mtime_ns = (uint32_t)archive_entry_mtime_nsec(e);
	if (S_ISREG(ino->mode))
		ino->size = (uint64_t)archive_entry_size(e);
	if (S_ISCHR(ino->mode) || S_ISBLK(ino->mode))
		ino->rdev = (uint32_t)makedev(archive_entry_rdevmajor(e) & 0xfff,
					      archive_entry_rdevminor(e) & 0xfffff);
	if (!S_ISLNK(ino->mode))
		return add_attributes(t, ino, e, err);
	if (!link || !*link || strlen(link) >= BLOCK)
		return err_set(err, EINVAL, "is a symbolic link to nothing, or too long");
	return tree_set_link(t, ino, link) < 0 ? err_set(err, ENOMEM, "has too many links") : 0;
}

static int read_content(struct pack *p, struct archive *a, struct archive_entry *e, struct inode *ino,
			struct err *err)
{
	int rc = blocks_begin(&p->blocks, &p->tree, ino, archive_entry_sparse_count(e) > 0, err);
	const void *data;
	int64_t at;
	size_t n;

	while (rc == 0) {
		rc = layer_data(a, &data, &n, &at, err);
		if (rc <= 0)
			break;
		rc = blocks_data(&p->blocks, ino, (uint64_t)at, data, n, err);
	}
	return rc;
}

static bool is_known(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISCHR(mode) || S_ISBLK(mode) ||
	       S_ISFIFO(mode);
}

static int put(struct pack *p, struct archive *a, struct archive_entry *e, const char *name,
	       struct err *err)
{
	struct inode *ino;
	int rc;

	if (!is_known(archive_entry_mode(e)))
		return err_set(err, EINVAL, "is of no kind that a file can be");
	rc = make_inode(&p->tree, e, &ino, err);
	if (rc == 0 && S_ISREG(ino->mode))
		rc = read_content(p, a, e, ino, err);
	if (rc == 0)
		rc = tree_put(&p->tree, name, ino, err);
	if (rc < 0 && ino && !ino->nlink)
		tree_inode_free(ino);
	return rc;
}

/* The last name of a path. */
static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Is it a whiteout?  Then it has been one: 1, or an error. */
static int hide(struct tree *t, const char *name, struct err *err)
{
	char path[4096];
	const char *last = last_name(name);
	size_t n = (size_t)(last - name);

	if (strncmp(last, WHITEOUT, strlen(WHITEOUT)))
		return 0;
	if (strlen(name) >= sizeof(path))
		return err_set(err, ENAMETOOLONG, "is too long");
	memcpy(path, name, n + 1);
	path[n] = '\0';
	if (!strcmp(last, OPAQUE))
		return tree_hide_children(t, path, err) < 0 ? -err->code : 1;
	if (!strncmp(last, WHITEOUT WHITEOUT, 2 * strlen(WHITEOUT)))
		return 1;		/* what an old storage driver had for itself */
	last += strlen(WHITEOUT);
	if (!*last || !strcmp(last, ".") || !strcmp(last, ".."))
		return err_set(err, EINVAL, "hides nothing");
	strcpy(path + n, last);
	return tree_hide(t, path, err) < 0 ? -err->code : 1;
}

int layer_entry(struct pack *p, struct archive *a, struct archive_entry *e, const char *name,
		bool whiteouts, struct err *err)
{
	const char *target = archive_entry_hardlink(e);
	int rc = whiteouts ? hide(&p->tree, name, err) : 0;

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = target ? tree_hardlink(&p->tree, name, target, err) : put(p, a, e, name, err);
	if (rc < 0 && strncmp(err->msg, "entry ", 6))
		in_entry(name, err);
	return rc;
}

int layer_apply(struct pack *p, struct source *s, bool whiteouts, struct err *err)
{
	struct archive *a;
	struct archive_entry *e;
	const char *name;
	int rc = layer_open(&a, s, err), more = 1;

	while (rc == 0 && more) {
		more = layer_next(a, &e, &name, err);
		rc = more < 0 ? more : more ? layer_entry(p, a, e, name, whiteouts, err) : 0;
	}
	return layer_close(a, s, rc, err);
}
