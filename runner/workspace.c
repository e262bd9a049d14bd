/* workspace.c - what a command has changed in a directory of this host's, and what becomes of that.
 *
 * The changes are in a directory of ours, as runner/receive.c makes it: files, links and directories,
 * a pipe for what is gone, and the sticky bit on a directory that took the place of another.  Names
 * in it are the guest's choice: each is taken below a directory that is held open, and no link is
 * followed. */
#include "runner/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runner/ignore.h"
#include "runner/say.h"

static struct cargo given;		/* what was copied in */
static struct ignore ignore;

int workspace_add(struct cargo *t, const struct spec *spec, struct err *err)
{
	struct stat st;
	int rc;

	if (stat(spec->workspace, &st) < 0)
		return err_sys(err, "workspace: %s", spec->workspace);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ENOTDIR, "workspace: %s is not a directory", spec->workspace);
	t->ignore = &ignore;
	rc = cargo_add(t, spec->workspace, WORK_DIR, "workspace", err);
	t->ignore = NULL;
	return rc;
}

void workspace_keep(struct cargo *t)
{
	given = *t;
	t->root = NULL;
}

int workspace_target(struct target *t, const struct spec *spec, struct err *err)
{
	static char name[sizeof(t->tmp) + 8];

	snprintf(name, sizeof(name), "%s-whole", t->tmp);
	t->path = spec->workspace;
	t->name = name;
	t->diff = true;
	t->parent = open(spec->workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->parent < 0 || faccessat(t->parent, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return err_sys(err, "workspace: cannot write into %s", spec->workspace);
	return 0;
}

/* --- back into the directory ------------------------------------------------------------------- */

struct apply {
	struct err *err;
	unsigned withheld, differ;	/* what was left as it is here, and why */
	char path[PATH_MAX];		/* in the workspace, for the error and for what is withheld */
};

static int open_dir(int dir, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };

	return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

static const struct node *child(const struct node *dir, const char *name)
{
	for (uint32_t i = 0; dir && i < dir->n_child; i++)
		if (!strcmp(dir->child[i]->name, name))
			return dir->child[i];
	return NULL;
}

static int failed(struct apply *a)
{
	return err_sys(a->err, "workspace: %.150s", a->path + 1);
}

/* Is what is here what the guest was given?  Or nothing, if it was given nothing. */
static bool is_as_given(int dir, const char *name, const struct node *was)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	return was && (st.st_mode & S_IFMT) == (was->mode & S_IFMT) &&
	       (!S_ISREG(st.st_mode) || ((uint64_t)st.st_size == was->size &&
		st.st_mtim.tv_sec == was->mtime.tv_sec && st.st_mtim.tv_nsec == was->mtime.tv_nsec));
}

static void remove_given(struct apply *a, int dir, const char *name, const struct node *was);

static void remove_content(struct apply *a, int dir, const struct node *was)
{
	for (uint32_t i = 0; i < was->n_child; i++)
		remove_given(a, dir, was->child[i]->name, was->child[i]);
}

/* A directory that has something in it which the guest was not given stays. */
static void remove_given(struct apply *a, int dir, const char *name, const struct node *was)
{
	autoclose int sub = S_ISDIR(was->mode) ? open_dir(dir, name) : -1;

	if (!is_as_given(dir, name, was)) {
		a->differ++;
	} else if (S_ISDIR(was->mode) && sub >= 0) {
		remove_content(a, sub, was);
		unlinkat(dir, name, AT_REMOVEDIR);
	} else {
		unlinkat(dir, name, 0);
	}
}

static int apply_content(struct apply *a, int from, int to, const struct node *was);

static int apply_dir(struct apply *a, int from, int to, const char *name, const struct stat *st,
		     const struct node *was)
{
	autoclose int source = open_dir(from, name), dir = -1;

	if (was && !S_ISDIR(was->mode))
		remove_given(a, to, name, was);
	if (mkdirat(to, name, st->st_mode & 0777) < 0 && errno != EEXIST)
		return failed(a);
	dir = open_dir(to, name);
	if (dir < 0 && (errno == ENOTDIR || errno == ELOOP))
		return a->differ++, 0;
	if (dir < 0 || source < 0)
		return failed(a);
	if (st->st_mode & S_ISVTX && was && S_ISDIR(was->mode))
		remove_content(a, dir, was);
	return apply_content(a, source, dir, was);
}

static int apply_one(struct apply *a, int from, int to, const char *name, const struct node *was)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(a);
	if (S_ISDIR(st.st_mode))
		return apply_dir(a, from, to, name, &st, was);
	if (!strcasecmp(name, ".git") && !S_ISFIFO(st.st_mode))
		return a->withheld++, 0;	/* it would say where else git finds what to run */
	if (was && (S_ISFIFO(st.st_mode) || S_ISDIR(was->mode)))
		remove_given(a, to, name, was);
	if (S_ISFIFO(st.st_mode))
		return 0;
	if (!is_as_given(to, name, was))
		return a->differ++, 0;
	return renameat(from, name, to, name) < 0 ? failed(a) : 0;
}

static int apply_content(struct apply *a, int from, int to, const struct node *was)
{
	DIR *d = fdopendir(fcntl(from, F_DUPFD_CLOEXEC, 0));
	size_t len = strlen(a->path);
	int rc = d ? 0 : failed(a);

	for (struct dirent *e; rc == 0 && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (snprintf(a->path + len, sizeof(a->path) - len, "/%s", e->d_name) >=
		    (int)(sizeof(a->path) - len))
			rc = err_set(a->err, ENAMETOOLONG, "workspace: a path that is too long");
		else if (ignore_withheld(a->path))
			a->withheld++;
		else
			rc = apply_one(a, from, to, e->d_name, child(was, e->d_name));
		a->path[len] = '\0';
	}
	if (d)
		closedir(d);
	return rc;
}

static int apply(int changes, int workspace, struct err *err)
{
	static struct apply a;
	int rc;

	a = (struct apply){ .err = err };
	rc = apply_content(&a, changes, workspace, child(given.root, &WORK_DIR[1]));
	if (a.withheld)
		say("workspace: %u changed files are of a kind that is not written back (.git/config, hooks, "
		    ".env, .ssh)", a.withheld);
	if (a.differ)
		say("workspace: %u files were left as they are: they are not as they were copied in", a.differ);
	return rc;
}

/* --- into a tar file ------------------------------------------------------------------------------ */

static int mark(int dir, const char *prefix, const char *name, struct err *err)
{
	char text[NAME_MAX + 16];
	autoclose int fd = -1;

	snprintf(text, sizeof(text), ".wh.%s%s", prefix, name);
	unlinkat(dir, text, 0);
	fd = openat(dir, text, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? err_sys(err, "workspace: the changes") : 0;
}

static int mark_content(int dir, struct err *err);

static int mark_one(int dir, const char *name, struct err *err)
{
	autoclose int sub = -1;
	struct stat st;
	int rc;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "workspace: the changes");
	if (S_ISFIFO(st.st_mode)) {
		unlinkat(dir, name, 0);
		return mark(dir, "", name, err);
	}
	if (!S_ISDIR(st.st_mode))
		return 0;
	sub = open_dir(dir, name);
	if (sub < 0 || fchmod(sub, st.st_mode & 0777) < 0)
		return err_sys(err, "workspace: the changes");
	rc = mark_content(sub, err);
	return rc == 0 && st.st_mode & S_ISVTX ? mark(sub, ".wh.", ".opq", err) : rc;
}

/* As layers of container images have it: .wh.NAME for what is gone, .wh..wh..opq in a directory that
 * took the place of another.  The names are read first, for the directory changes. */
static int mark_content(int dir, struct err *err)
{
	char here[32];
	struct dirent **names;
	int n, rc = 0;

	snprintf(here, sizeof(here), "/proc/self/fd/%d", dir);
	n = scandir(here, &names, NULL, NULL);
	if (n < 0)
		return err_sys(err, "workspace: the changes");
	for (int i = 0; i < n; i++) {
		if (rc == 0 && strcmp(names[i]->d_name, ".") && strcmp(names[i]->d_name, ".."))
			rc = mark_one(dir, names[i]->d_name, err);
		free(names[i]);
	}
	free(names);
	return rc;
}

static int run_tar(int changes, const char *to, struct err *err)
{
	char from[32];
	const char *const argv[] = { "tar", "--format=posix", "--owner=0", "--group=0", "--numeric-owner", "-C",
				     from, "-cf", to, ".", NULL };
	char path[] = "PATH=/usr/bin:/bin";
	char *const env[] = { path, NULL };
	posix_spawn_file_actions_t actions;
	int status, rc;
	pid_t pid;

	snprintf(from, sizeof(from), "/proc/self/fd/%d", changes);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, changes, changes);
	rc = posix_spawnp(&pid, "tar", &actions, NULL, (char *const *)(uintptr_t)argv, env);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		return err_set(err, rc, "workspace: tar: %s", strerror(rc));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "workspace: waiting for tar");
	return status == 0 ? 0 : err_set(err, EIO, "workspace: tar could not write %.150s", to);
}

static int leave_tar(int changes, const char *dir, struct err *err)
{
	char *real = realpath(dir, NULL), to[PATH_MAX], tmp[PATH_MAX + 16];
	int rc;

	if (!real)
		return err_sys(err, "workspace: %s", dir);
	snprintf(to, sizeof(to), "%s.changes.tar", strrchr(real, '/') + 1);
	snprintf(tmp, sizeof(tmp), "%s.%d.tmp", to, getpid());
	free(real);
	rc = mark_content(changes, err);
	if (rc == 0)
		rc = run_tar(changes, tmp, err);
	if (rc == 0 && rename(tmp, to) < 0)
		rc = err_sys(err, "workspace: %s", to);
	if (rc < 0)
		unlink(tmp);
	else
		say("workspace: what has changed is in %s; --apply writes it back", to);
	return rc;
}

int workspace_finish(const struct target *t, const struct spec *spec, struct err *err)
{
	autoclose int changes = open_dir(t->parent, t->name);
	int rc;

	if (changes < 0)
		return err_sys(err, "workspace: the changes");
	rc = spec->apply ? apply(changes, t->parent, err) : leave_tar(changes, spec->workspace, err);
	cargo_free(&given);
	return rc;
}
