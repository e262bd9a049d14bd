/* outputs.c - what a command leaves behind, and where it goes. */
#include "runner/outputs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/say.h"
#include "runner/workspace.h"

#define SECOND 1000000000ull

/* A guest whose kernel is emulated needs a quarter of a millisecond for a call. */
#define PATIENCE	(60 * SECOND)
#define PER_RECORD	(SECOND / 20)
#define SLOWEST		65536u		/* bytes a second */

/* --- before ------------------------------------------------------------------------------------ */

/* PATH or PATH:DST; *dst is "" where there is none. */
static int split(const char *text, char path[PATH_MAX], const char **dst, struct err *err)
{
	size_t n = strcspn(text, ":");

	*dst = text[n] ? text + n + 1 : "";
	if (n == 0 || n >= PATH_MAX || (text[n] && !**dst))
		return err_set(err, EINVAL, "output: '%.100s' is not PATH or PATH:DST", text);
	while (n > 1 && text[n - 1] == '/')
		n--;
	snprintf(path, PATH_MAX, "%.*s", (int)n, text);
	return 0;
}

bool outputs_add(struct msg *m, size_t *used, const struct spec *spec)
{
	const char *dst, *in = spec->workdir ? spec->workdir : WORK_DIR;
	char path[PATH_MAX], full[2 * PATH_MAX];
	struct err unused;		/* outputs_prepare() has looked at them */

	for (unsigned i = 0; i < spec->output.n; i++) {
		if (split(spec->output.v[i], path, &dst, &unused) < 0)
			return false;
		snprintf(full, sizeof(full), "%s%s%s", *path == '/' ? "" : in, *path == '/' ? "" : "/", path);
		*used = msg_exec_add(m, *used, full);
		if (!*used)
			return false;
	}
	m->exec.outputs = spec->output.n;
	return true;
}

static bool is_name(const char *name)
{
	return *name && strcmp(name, ".") && strcmp(name, "..") && strlen(name) <= NAME_MAX;
}

/* `path` without slashes at its end: the directory, and the name in it. */
static int open_parent(struct target *t, char *path, struct err *err)
{
	size_t n = strlen(path);
	char *slash;

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	slash = strrchr(path, '/');
	t->name = strdup(slash ? slash + 1 : path);
	if (!t->name || !is_name(t->name))
		return err_set(err, EINVAL, "output: %.100s is no name for a file; say PATH:DST", path);
	if (slash)
		slash[slash == path] = '\0';
	t->parent = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->parent < 0 || faccessat(t->parent, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return err_sys(err, "output: cannot write into %s", slash ? path : "this directory");
	return 0;
}

static bool has_content(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned n = 0;

	while (d && n < 3 && readdir(d))
		n++;			/* "." and ".." are two */
	if (d)
		closedir(d);
	return n > 2;
}

static int prepare(struct target *t, const char *text, struct err *err)
{
	char path[PATH_MAX], to[PATH_MAX];
	const char *dst, *slash;
	struct stat st;
	int rc = split(text, path, &dst, err);

	if (rc < 0)
		return rc;
	slash = strrchr(path, '/');
	if (snprintf(to, sizeof(to), "%s", *dst ? dst : slash ? slash + 1 : path) >= PATH_MAX)
		return err_set(err, ENAMETOOLONG, "output: %.100s... is too long a path", dst);
	t->path = text;
	rc = open_parent(t, to, err);
	if (rc == 0 && fstatat(t->parent, t->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	    has_content(t->parent, t->name))
		return err_set(err, EEXIST, "output: the directory %s is there already, and not empty; "
			       "remove it, or say PATH:DST", t->name);
	return rc;
}

int outputs_prepare(struct outputs *o, const struct spec *spec, struct err *err)
{
	unsigned n = spec->output.n + (spec->workspace != NULL);
	uint32_t salt = 0;
	int rc = n ? io_random(&salt, sizeof(salt)) : 0;

	if (spec->apply && !spec->workspace)
		return err_set(err, EINVAL, "apply: there is no --workspace to write back into");
	if (rc < 0)
		return err_set(err, -rc, "output: no randomness: %s", strerror(-rc));
	for (unsigned i = 0; i < n && rc == 0; i++) {
		struct target *t = &o->target[i];

		snprintf(t->tmp, sizeof(t->tmp), ".sandbox-output-%08x-%u", salt, i);
		rc = i < spec->output.n ? prepare(t, spec->output.v[i], err) : workspace_target(t, spec, err);
	}
	receive_init(&o->receive, o->target, n, spec->output_max, spec->output_files);
	o->spec = spec;
	o->done = n == 0;
	return rc;
}

/* --- meanwhile ------------------------------------------------------------------------------------ */

static void outputs_ready(struct watch *w, short events)
{
	struct outputs *o = owner_of(w, struct outputs, watch);
	struct err err;
	int rc = receive_some(&o->receive, w->fd, &err);

	(void)events;
	if (rc == 1 || rc == -EAGAIN)
		return;
	if (rc < 0)
		facts_error(o->facts, &err);
	o->done = true;
	watch_close(w);
}

static void outputs_connected(struct broker_port *p, int fd)
{
	struct outputs *o = owner_of(p, struct outputs, port);

	o->watch.fd = fd;
	o->watch.want = POLLIN;
}

void outputs_init(struct outputs *o, uint32_t id, struct facts *facts, struct watch_set *set)
{
	o->port = (struct broker_port){ .port = PORT_OUTPUTS(id), .connected = outputs_connected };
	o->watch = (struct watch){ -1, 0, outputs_ready };
	o->facts = facts;
	watch_add(set, &o->watch);
}

void outputs_offer(struct outputs *o, struct broker *b)
{
	if (!o->done)
		broker_offer(b, &o->port);
}

uint64_t outputs_deadline(struct outputs *o)
{
	const struct receive *r = &o->receive;

	if (!o->began)
		o->began = now_ns();
	return o->began + PATIENCE + r->records * PER_RECORD + r->bytes / SLOWEST * SECOND;
}

/* --- after ------------------------------------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	remove(path);
	return 0;
}

/* Made by us, and never given a name that anybody knows. */
static void remove_ours(const struct target *t, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", t->parent, name);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void tell_missing(struct outputs *o, const struct target *t)
{
	struct err err;

	err_set(&err, t->missing, "output %.100s: %s", t->path, t->missing == EINVAL ?
		"is neither a file nor a directory in the guest" : strerror(t->missing));
	if (o->facts->exited.code == 0 && o->facts->exited.signal == 0)
		facts_error(o->facts, &err);
	else
		say("%s", err.msg);
}

/* They have come whole, or not at all. */
static void finish_workspace(struct outputs *o, const struct target *t)
{
	struct err err;

	if (o->receive.at == o->receive.n && !t->missing && !o->facts->error.code &&
	    workspace_finish(t, o->spec, &err) < 0)
		facts_error(o->facts, &err);
	remove_ours(t, t->name);
}

void outputs_finish(struct outputs *o)
{
	struct receive *r = &o->receive;

	receive_close(r);
	for (unsigned i = 0; i < r->n; i++) {
		if (o->target[i].begun)
			remove_ours(&o->target[i], o->target[i].tmp);
		if (o->target[i].missing && o->done && !o->facts->error.code)
			tell_missing(o, &o->target[i]);
	}
	if (r->n && o->target[r->n - 1].diff)
		finish_workspace(o, &o->target[r->n - 1]);
	if (r->left_out)
		say("outputs: %u links that lead out of their tree were left out", r->left_out);
}
