/* root.c - from what --root says to an image that a machine can have as its root. */
#include "runner/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/about.h"
#include "runner/image.h"
#include "runner/packer.h"
#include "runner/paths.h"
#include "runner/store.h"

/* --- making --------------------------------------------------------------------------------------- */

/* "root: PATH has..." */
static int of_source(const char *source, struct err *err)
{
	struct err was = *err;

	return err_set(err, was.code, "root: %.100s %s", source, was.msg);
}

static int keep(const struct origin *o, const char *id, int fd, const struct pack_msg *config,
		struct err *err)
{
	char *source = realpath(o->path, NULL);
	char *about = about_write(source ? source : o->path, origin_names[o->kind], config);
	int rc = about ? store_keep(id, fd, about, err) : err_set(err, ENOMEM, "images: no memory");

	free(source);
	free(about);
	return rc;
}

/* A directory has no content that could be compared: it must not have changed meanwhile. */
static int is_same(const struct origin *o, const char *id, struct err *err)
{
	char now[STORE_ID];
	int rc = o->kind == ORIGIN_DIR ? origin_id(o, now, err) : 0;

	if (rc < 0 || o->kind != ORIGIN_DIR || !strcmp(now, id))
		return rc;
	return err_set(err, EAGAIN, "root: %.100s changed while its image was made; try again when it is "
		       "left alone, or copy it first", o->path);
}

static int fill(const struct origin *o, const char *id, int fd, uint64_t max_bytes, struct err *err)
{
	static struct pack_msg config;
	char name[STORE_ID + 16];
	struct err unused;
	struct paths p;
	autoclose int scratch = -1;
	int rc = paths_find(&p, 1, err);

	if (rc < 0)
		return rc;
	snprintf(name, sizeof(name), "%s-scratch", id);
	scratch = store_create(name, err);
	if (scratch < 0)
		return scratch;
	store_abandon(name);		/* nobody else needs it by name */
	rc = packer_run(p.pack, o, fd, scratch, max_bytes, &config, err);
	if (rc < 0)
		return of_source(o->path, err);
	rc = is_same(o, id, err);
	if (rc == 0)
		rc = keep(o, id, fd, &config, err);
	if (rc == 0)
		store_trim(STORE_LIMIT, id, &unused);
	return rc;
}

/* Whoever had the lock before may have made it. */
static int make_locked(const struct origin *o, const char *id, uint64_t max_bytes, struct err *err)
{
	autoclose int fd = -1;
	int rc;

	if (store_has(id))
		return 0;
	fd = store_create(id, err);
	if (fd < 0)
		return fd;
	rc = fill(o, id, fd, max_bytes, err);
	if (rc < 0)
		store_abandon(id);
	return rc;
}

static int make(const struct origin *o, char id[STORE_ID], uint64_t max_bytes, struct err *err)
{
	int rc = origin_id(o, id, err), lock;

	if (rc < 0 || store_has(id))
		return rc;
	lock = store_lock(id, err);
	if (lock < 0)
		return lock;
	rc = make_locked(o, id, max_bytes, err);
	store_unlock(id, lock);
	return rc;
}

int root_make(const char *source, uint64_t max_bytes, char id[STORE_ID], struct err *err)
{
	struct origin o;
	int rc = origin_open(&o, source, err);

	if (rc == 0 && o.kind == ORIGIN_IMAGE)
		rc = image_check(o.fd, IMAGE_ROOT, source, err) < 0 ? -err->code :
		     err_set(err, EINVAL, "root: %s is an image already; keep a copy of it with: sandbox "
			     "image import", source);
	if (rc == 0)
		rc = make(&o, id, max_bytes, err);
	if (o.fd >= 0)
		close(o.fd);
	return rc;
}

/* --- importing ------------------------------------------------------------------------------------ */

/* What is a hole stays one. */
static int copy(int from, int to, off_t size)
{
	static char bytes[1 << 20];
	off_t at = 0, end;
	int rc = ftruncate(to, size) < 0 ? -errno : 0;

	while (rc == 0 && at < size) {
		rc = io_next_data(from, &at, (size + 4095) & ~(off_t)4095, &end);
		for (; rc == 0 && at < size && at < end; ) {
			off_t left = (end < size ? end : size) - at;
			size_t n = left < (off_t)sizeof(bytes) ? (size_t)left : sizeof(bytes);

			rc = io_pread(from, bytes, n, at);
			if (rc == 0)
				rc = io_pwrite(to, bytes, n, at);
			at += (off_t)n;
		}
	}
	return rc;
}

static int import_locked(const struct origin *o, const char *id, struct err *err)
{
	static const struct pack_msg no_config;
	autoclose int fd = -1;
	struct stat st;
	int rc;

	if (store_has(id))
		return 0;
	fd = store_create(id, err);
	if (fd < 0)
		return fd;
	rc = fstat(o->fd, &st) < 0 ? -errno : copy(o->fd, fd, st.st_size);
	if (rc < 0)
		err_set(err, -rc, "root: %s cannot be copied: %s", o->path, strerror(-rc));
	else
		rc = keep(o, id, fd, &no_config, err);
	if (rc < 0)
		store_abandon(id);
	return rc;
}

static int import(const struct origin *o, char id[STORE_ID], struct err *err)
{
	int rc = image_check(o->fd, IMAGE_ROOT, o->path, err), lock;

	if (rc == 0)
		rc = origin_id(o, id, err);
	if (rc < 0)
		return rc;
	lock = store_lock(id, err);
	if (lock < 0)
		return lock;
	rc = import_locked(o, id, err);
	store_unlock(id, lock);
	return rc;
}

int root_import(const char *path, char id[STORE_ID], struct err *err)
{
	struct origin o;
	int rc = origin_open(&o, path, err);

	if (rc == 0 && o.kind != ORIGIN_IMAGE)
		rc = err_set(err, EINVAL, "root: %s is no image, but one can be made of it: sandbox image "
			     "build", path);
	if (rc == 0)
		rc = import(&o, id, err);
	if (o.fd >= 0)
		close(o.fd);
	return rc;
}

/* --- finding -------------------------------------------------------------------------------------- */

static int in_store(struct spec *spec, const char *id, char out[PATH_MAX], struct err *err)
{
	char about[PATH_MAX];
	int rc = store_paths(id, out, about, err);

	if (rc == 0)
		spec->root = out;
	return rc;
}

static int not_there(const char *name, struct err *err)
{
	return err_set(err, ENOENT, "root: there is no file '%.70s', and no image of that name; see: sandbox "
		       "image ls", name);
}

/* A name of the store's before a file's: ./NAME is always the file. */
int root_find(struct spec *spec, char out[PATH_MAX], struct err *err)
{
	const char *given = spec->root;
	bool is_name = given && (store_is_name(given) || store_is_id(given));
	char id[STORE_ID];
	struct origin o;
	int rc;

	if (!given)
		return 0;
	if (is_name && store_find(given, id, err) == 0)
		return in_store(spec, id, out, err);
	if (is_name && access(given, F_OK) < 0)
		return not_there(given, err);
	rc = origin_open(&o, given, err);
	if (rc == 0 && o.kind != ORIGIN_IMAGE) {
		rc = make(&o, id, ROOT_MAX_BYTES, err);
		if (rc == 0)
			rc = in_store(spec, id, out, err);
	}
	if (o.fd >= 0)
		close(o.fd);
	return rc;
}
