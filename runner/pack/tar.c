/* tar.c - a tar of a root, or of an image in layers. */
#include "runner/pack/tar.h"

#include <archive_entry.h>

#include "runner/pack/oci.h"

/* The scratch file holds the members first; the ends of files come behind them. */
static int apply_bundle(struct pack *p, struct blobs *b, struct pack_msg *config,
			struct err *err)
{
	blocks_skip(&p->blocks, (uint64_t)b->end);
	return oci_apply(p, b, config, err);
}

static int keep_member(struct blobs *b, struct archive *a, struct archive_entry *e, const char *name,
		       struct err *err)
{
	struct blob *blob;
	const void *data;
	int64_t at;
	size_t n;
	int rc = 1;

	if (archive_entry_filetype(e) == AE_IFDIR)
		return 0;
	if (blobs_add(b, name, archive_entry_symlink(e), &blob, err) < 0)
		return -err->code;
	while (rc > 0) {
		rc = layer_data(a, &data, &n, &at, err);
		if (rc > 0 && blobs_write(b, data, n, err) < 0)
			rc = -err->code;
	}
	return rc;
}

/* What the first entry says decides: a root, or the layers of one. */
int tar_apply(struct pack *p, int fd, off_t size, struct pack_msg *config, struct err *err)
{
	static struct source s;
	static struct blobs blobs;
	struct archive *a;
	struct archive_entry *e;
	const char *name;
	bool bundle = false;
	int rc, more = 1;

	blobs.in_tar = true;
	blobs.fd = p->blocks.scratch;
	blobs.limit = p->blocks.limit;
	blobs.end = 0;
	blobs.n = 0;
	source_open(&s, fd, 0, size, NULL);
	rc = layer_open(&a, &s, err);
	for (bool first = true; rc == 0 && more; first = false) {
		more = layer_next(a, &e, &name, err);
		if (more <= 0)
			break;
		bundle = first ? blobs_is_bundle(name) : bundle;
		rc = bundle ? keep_member(&blobs, a, e, name, err) :
			      layer_entry(p, a, e, name, false, err);
	}
	rc = layer_close(a, &s, more < 0 ? more : rc, err);
	return rc == 0 && bundle ? apply_bundle(p, &blobs, config, err) : rc;
}
