/* main.c - sandbox-pack: makes the image of a root.  `sandbox` starts it:
 *
 *	sandbox-pack KIND BYTES
 *
 * with the descriptors of wire.h.  KIND is what PACK_FD_SOURCE is: a directory, the tar of a root
 * or of an image in layers, or an OCI layout, of which it asks for the files; BYTES is how much
 * content it may have.
 *
 * A tar may come from anybody.  It is read by a process that has given up all rights but to write
 * the image: whoever takes it over can make a bad image, which a guest's kernel then mounts.  A
 * directory is read with the rights of who asked for it, and holds nothing to be parsed. */
#include <errno.h>
#include <iconv.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/num.h"
#include "lib/rights.h"
#include "runner/pack/confine.h"
#include "runner/pack/erofs.h"
#include "runner/pack/oci.h"
#include "runner/pack/tar.h"
#include "runner/pack/walk.h"

static struct pack pack;
static struct pack_msg config;		/* op 0: there is none */

static void release(void *arg, const struct inode *ino)
{
	blocks_release(arg, ino);
}

static int begin(uint64_t max_bytes, struct err *err)
{
	int rc = tree_init(&pack.tree);

	pack.tree.release = release;
	pack.tree.arg = &pack.blocks;
	if (rc == 0)
		rc = blocks_init(&pack.blocks, PACK_FD_IMAGE, PACK_FD_SCRATCH, max_bytes);
	return rc < 0 ? err_set(err, -rc, "cannot be read: no memory") : 0;
}

/* --- kinds ------------------------------------------------------------------------------------------ */

static int pack_dir(struct err *err)
{
	return walk(&pack, PACK_FD_SOURCE, err);
}

static int pack_tar(struct err *err)
{
	off_t size = lseek(PACK_FD_SOURCE, 0, SEEK_END);

	if (size < 0)
		return err_sys(err, "cannot be read");
	return tar_apply(&pack, PACK_FD_SOURCE, size, &config, err);
}

static int pack_layout(struct err *err)
{
	static struct blobs blobs = { .ask = PACK_FD_ASK };

	return oci_apply(&pack, &blobs, &config, err);
}

static const struct kind {
	const char *name;
	bool from_strangers;
	int (*run)(struct err *err);
} kinds[] = {
	{ "dir", false, pack_dir }, { "tar", true, pack_tar }, { "layout", true, pack_layout },
};

/* --- steps ------------------------------------------------------------------------------------------ */

static const struct kind *read_options(int argc, char **argv, uint64_t *max_bytes)
{
	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name) && num_u64(argv[2], max_bytes) == 0)
			return &kinds[i];
	return NULL;
}

/* What names in a tar are in, if in anything.  Where there is no such locale, libarchive converts
 * with iconv, whose tables are a file that must be open before the filter is there. */
static void choose_locale(void)
{
	iconv_t tables;

	if (setlocale(LC_CTYPE, "C.UTF-8"))
		return;
	tables = iconv_open(nl_langinfo(CODESET), "UTF-8");
	if (tables != (iconv_t)-1)
		iconv_close(tables);
}

static int give_up(const struct kind *k, uint64_t max_bytes, struct err *err)
{
	int rc = confine_belongings(max_bytes, err);

	choose_locale();
	oci_init();
	if (rc == 0 && sodium_init() < 0)
		rc = err_set(err, EIO, "no randomness");
	if (rc == 0)
		rc = begin(max_bytes, err);
	if (rc == 0 && k->from_strangers)
		rc = rights_drop(err);
	if (rc == 0)
		rc = confine_to_parent(err);
	return rc == 0 && k->from_strangers ? confine_calls(err) : rc;
}

static int tell(uint32_t op, const struct err *err)
{
	static struct pack_msg m;

	m.op = op;
	m.err = *err;
	return io_send_fd(PACK_FD_ASK, op == PACK_CONFIG ? &config : &m, sizeof(m), -1);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	uint64_t max_bytes;
	const struct kind *k = read_options(argc, argv, &max_bytes);
	int rc;

	if (!k) {
		fprintf(stderr, "sandbox-pack: `sandbox` starts this: dir|tar|layout BYTES\n");
		return 125;
	}
	rc = give_up(k, max_bytes, &err);
	if (rc == 0)
		rc = k->run(&err);
	if (rc == 0)
		rc = erofs_write(&pack.tree, &pack.blocks, &err);
	if (rc == 0 && config.op)
		rc = tell(PACK_CONFIG, &err);
	if (rc == 0)
		return tell(PACK_DONE, &err) < 0 ? 125 : 0;
	tell(PACK_FAILED, &err);
	return 125;
}
