/* blobs.c - the files that an image in layers is made of. */
#include "runner/pack/blobs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/pack/tree.h"
#include "runner/pack/wire.h"

/* "./a//b" is "a/b" to whoever looks for it. */
static const char *plain(const char *name)
{
	while (!strncmp(name, "./", 2) || *name == '/')
		name += *name == '/' ? 1 : 2;
	return name;
}

bool blobs_is_bundle(const char *first)
{
	static const char *const known[] = { "oci-layout", "index.json", "manifest.json", "repositories",
					     "blobs", "blobs/" };
	size_t hex = strspn(plain(first), "0123456789abcdef");

	first = plain(first);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(first, known[i]))
			return true;
	return !strncmp(first, "blobs/sha256", 12) ||
	       (hex == 64 && (!first[64] || first[64] == '/' || first[64] == '.'));
}

int blobs_add(struct blobs *b, const char *name, const char *link, struct blob **out, struct err *err)
{
	struct blob *blob = &b->blob[b->n];
	char shown[TREE_SHOWN];

	name = plain(name);
	if (b->n == BLOBS_MAX)
		return err_set(err, E2BIG, "has more than %d files, and is no root", BLOBS_MAX);
	if (strlen(name) >= BLOB_NAME || (link && strlen(link) >= BLOB_NAME))
		return err_set(err, ENAMETOOLONG, "entry '%s' is too long a name for an image's",
			       tree_show(name, shown));
	strcpy(blob->name, name);
	strcpy(blob->link, link ? link : "");
	blob->at = blob->end = b->end;
	b->n++;
	*out = blob;
	return 0;
}

int blobs_write(struct blobs *b, const void *data, size_t n, struct err *err)
{
	int rc;

	if (n > b->limit - (uint64_t)b->end)
		return err_set(err, EFBIG, "has more than %llu MiB of layers; if that is meant, allow "
			       "more: sandbox image build --max-size",
			       (unsigned long long)b->limit >> 20);
	rc = io_pwrite(b->fd, data, n, b->end);
	if (rc < 0)
		return err_set(err, -rc, "it cannot be unpacked: %s", strerror(-rc));
	b->end += (off_t)n;
	b->blob[b->n - 1].end = b->end;
	return 0;
}

/* The last of that name, as in any tar. */
static const struct blob *find(const struct blobs *b, const char *name)
{
	name = plain(name);
	for (unsigned i = b->n; i > 0; i--)
		if (!strcmp(b->blob[i - 1].name, name))
			return &b->blob[i - 1];
	return NULL;
}

bool blobs_has(const struct blobs *b, const char *name)
{
	return b->in_tar && find(b, name);
}

/* docker save links a layer that it has already: "../ID/layer.tar", seen from the link. */
static const struct blob *behind(const struct blobs *b, const struct blob *link)
{
	const char *to = link->link;
	const char *slash = strrchr(link->name, '/');
	char path[2 * BLOB_NAME];

	if (!strncmp(to, "../", 3) && slash && strchr(link->name, '/') == slash)
		return find(b, to + 3);
	snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash - link->name) + 1 : 0, link->name, to);
	return find(b, path);
}

static int open_member(struct blobs *b, const char *name, const char *hex, struct source *s,
		       struct err *err)
{
	const struct blob *blob = find(b, name);
	char shown[TREE_SHOWN];

	if (blob && blob->link[0])
		blob = behind(b, blob);
	if (!blob || blob->link[0])
		return err_set(err, ENOENT, "lacks its file '%s'; save it again",
			       tree_show(name, shown));
	source_open(s, b->fd, blob->at, blob->end, hex);
	return 0;
}

/* Others answer with a descriptor, or say why there is none. */
static int ask(int sock, const char *name, int *fd, struct err *err)
{
	static struct pack_msg m;
	ssize_t n;
	int rc;

	m = (struct pack_msg){ .op = PACK_BLOB, .len = (uint32_t)strlen(name) + 1 };
	memcpy(m.text, name, m.len);
	rc = io_send_fd(sock, &m, sizeof(m), -1);
	n = rc < 0 ? rc : io_recv_fd(sock, &m, sizeof(m), fd);
	if (n != sizeof(m))
		return err_set(err, EPIPE, "nobody opens its files");
	if (*fd < 0)
		*err = m.err;
	return *fd < 0 ? -err->code : 0;
}

static int open_file(struct blobs *b, const char *name, const char *hex, struct source *s,
		     struct err *err)
{
	char shown[TREE_SHOWN];
	off_t end;
	int fd = -1, rc;

	if (strlen(name) >= BLOB_NAME)
		return err_set(err, ENAMETOOLONG, "names '%s' as one of its files", tree_show(name, shown));
	rc = ask(b->ask, name, &fd, err);
	if (rc < 0)
		return rc;
	end = lseek(fd, 0, SEEK_END);
	if (end < 0)
		end = 0;
	source_open(s, fd, 0, end, hex);
	return 0;
}

int blobs_open(struct blobs *b, const char *name, const char *hex, struct source *s, struct err *err)
{
	return b->in_tar ? open_member(b, name, hex, s, err) : open_file(b, name, hex, s, err);
}

void blobs_close(struct blobs *b, struct source *s)
{
	if (!b->in_tar)
		close(s->fd);
	s->fd = -1;
}
