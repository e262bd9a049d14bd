/* closure.c - what a program of this host needs to start, see closure.h.
 *
 * Each object - the program, a library - has a path here and one in the guest.  A library that is
 * found through an object's RPATH is put where the same RPATH leads in the guest; one found by
 * LD_LIBRARY_PATH or /etc/ld.so.conf is put into a directory that every loader looks into. */
#include "runner/closure.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/elf.h"

#define MAX_OBJECTS	1024u
#define MAX_SCRIPTS	4u		/* interpreters that are scripts: as many as Linux follows */
#define MAX_CONF	16u		/* files that include each other */

#if defined(__x86_64__)
#define TRIPLET "x86_64-linux-gnu"
#define PLATFORM "x86_64"
#elif defined(__aarch64__)
#define TRIPLET "aarch64-linux-gnu"
#define PLATFORM "aarch64"
#endif

struct object {
	char *host, *guest;
	char *rpath, *runpath;		/* or NULL */
	const struct object *by;	/* who needs it */
};

struct closure {
	struct cargo *t;
	struct err *err;
	const char *program;		/* what errors start with */
	bool musl;
	char home[PATH_MAX];		/* of libraries that the guest would not find elsewhere */
	unsigned n;
	struct object *object[MAX_OBJECTS];
	char *loader;			/* the name of it, which libraries may need, too */
};

static int no_memory(struct closure *c)
{
	return err_set(c->err, ENOMEM, "no memory for a list of libraries");
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* --- objects ------------------------------------------------------------------------------- */

static void free_object(struct object *o)
{
	free(o->host);
	free(o->guest);
	free(o->rpath);
	free(o->runpath);
	free(o);
}

static char *copy_of(const char *s)
{
	return s ? strdup(s) : NULL;
}

/* The loader is asked for by its path, which on this host is below a link of the root's: on a root
 * without such a link - /lib there is in all of them - it comes along. */
static int link_lib(struct closure *c, const char *guest)
{
	char at[PATH_MAX], link[16], target[24];
	int n = (int)strcspn(guest + 1, "/");

	if (n == 3 || n > 6 || cargo_path(guest, at, sizeof(at)) < 0 || strncmp(at, "/usr/", 5) ||
	    !strncmp(guest, "/usr/", 5))
		return 0;
	snprintf(link, sizeof(link), "/%.*s", n, guest + 1);
	snprintf(target, sizeof(target), "usr/%.*s", n, guest + 1);
	return cargo_link(c->t, link, target, c->err);
}

static int add_object(struct closure *c, const char *host, const char *guest, const struct elf *e,
		      const struct object *by)
{
	struct object *o = calloc(1, sizeof(*o));

	if (c->n == MAX_OBJECTS) {
		free(o);
		return err_set(c->err, E2BIG, "%s: needs more than %u libraries", c->program, MAX_OBJECTS);
	}
	if (!o)
		return no_memory(c);
	c->object[c->n++] = o;
	*o = (struct object){ strdup(host), strdup(guest), copy_of(e->rpath), copy_of(e->runpath), by };
	if (!o->host || !o->guest || (e->rpath && !o->rpath) || (e->runpath && !o->runpath))
		return no_memory(c);
	return cargo_add(c->t, host, guest, c->program, c->err);
}

static bool have(const struct closure *c, const char *name)
{
	for (unsigned i = 1; i < c->n; i++)		/* 0 is the program */
		if (!strcmp(last_part(c->object[i]->guest), name))
			return true;
	return c->loader && !strcmp(name, c->loader);
}

/* --- where libraries are ---------------------------------------------------------------------- */

struct want {
	const char *name;
	const struct object *by;
	struct elf *elf;		/* of the library, once it is found */
};

/* Is it there, and one of this processor?  What is not is passed over, as loaders do. */
static bool is_library(const char *path, struct elf *e)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct err unused;
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && elf_read(fd, e, &unused) == 0;
}

/* 1: found in that directory, which the guest has as `guest`, and added; 0: not; or an error. */
static int look_in(struct closure *c, const struct want *w, const char *host, const char *guest)
{
	char at[PATH_MAX], there[PATH_MAX];
	int rc;

	if (snprintf(at, sizeof(at), "%s/%s", host, w->name) >= (int)sizeof(at) ||
	    snprintf(there, sizeof(there), "%s/%s", guest, w->name) >= (int)sizeof(there) ||
	    !is_library(at, w->elf))
		return 0;
	rc = add_object(c, at, there, w->elf, w->by);
	return rc < 0 ? rc : 1;
}

static void directory_of(const char *path, char out[PATH_MAX])
{
	char *slash;

	snprintf(out, PATH_MAX, "%s", path);
	slash = strrchr(out, '/');
	if (slash)
		*slash = '\0';
}

/* One element of an RPATH with its tokens replaced; false: it does not fit. */
static bool expand(const char *element, size_t len, const char *origin, char out[PATH_MAX])
{
	static const struct { const char *token, *value; } tokens[] = {
		{ "$ORIGIN", NULL }, { "${ORIGIN}", NULL }, { "$LIB", "lib/" TRIPLET },
		{ "${LIB}", "lib/" TRIPLET }, { "$PLATFORM", PLATFORM }, { "${PLATFORM}", PLATFORM },
	};
	size_t used = 0;

	while (len > 0) {
		const char *put = element;
		size_t put_len = 1, taken = 1;

		for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
			size_t n = strlen(tokens[i].token);

			if (n <= len && !strncmp(element, tokens[i].token, n)) {
				put = tokens[i].value ? tokens[i].value : origin;
				put_len = strlen(put);
				taken = n;
			}
		}
		if (put_len >= PATH_MAX - used)
			return false;
		memcpy(out + used, put, put_len);
		used += put_len;
		element += taken;
		len -= taken;
	}
	out[used] = '\0';
	return true;
}

/* The directories of an object's RPATH, here and in the guest. */
static int look_in_rpath(struct closure *c, const struct want *w, const struct object *o,
			 const char *rpath)
{
	char origin[PATH_MAX], guest_origin[PATH_MAX], host[PATH_MAX], guest[PATH_MAX];
	int rc = 0;

	directory_of(o->host, origin);
	directory_of(o->guest, guest_origin);
	while (rpath && *rpath && rc == 0) {
		size_t len = strcspn(rpath, ":");

		if (len > 0 && expand(rpath, len, origin, host) &&
		    expand(rpath, len, guest_origin, guest) && guest[0] == '/')
			rc = look_in(c, w, host, guest);
		rpath += len + (rpath[len] == ':');
	}
	return rc;
}

/* A list of directories that only this host looks into. */
static int look_in_list(struct closure *c, const struct want *w, const char *dirs)
{
	char host[PATH_MAX];
	int rc = 0;

	while (dirs && *dirs && rc == 0) {
		size_t len = strcspn(dirs, ":;\n");

		if (len > 0 && len < sizeof(host)) {
			snprintf(host, sizeof(host), "%.*s", (int)len, dirs);
			rc = look_in(c, w, host, c->home);
		}
		dirs += len + (dirs[len] != '\0');
	}
	return rc;
}

static const char *const gnu_dirs[] = { "/lib/" TRIPLET, "/usr/lib/" TRIPLET, "/lib64", "/usr/lib64",
					"/lib", "/usr/lib" };
static const char *const musl_dirs[] = { "/lib", "/usr/local/lib", "/usr/lib" };

/* The directories that are built into the loader: the guest's looks there, too. */
static int look_in_defaults(struct closure *c, const struct want *w)
{
	const char *const *dirs = c->musl ? musl_dirs : gnu_dirs;
	size_t n = c->musl ? sizeof(musl_dirs) / sizeof(musl_dirs[0]) :
			     sizeof(gnu_dirs) / sizeof(gnu_dirs[0]);
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = look_in(c, w, dirs[i], dirs[i]);
	return rc;
}

static int read_text(const char *path, char *text, size_t n)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got = fd < 0 ? -1 : io_read_some(fd, text, n - 1);

	text[got > 0 ? got : 0] = '\0';
	return got < 0 ? -ENOENT : 0;
}

static int look_in_conf(struct closure *c, const struct want *w, const char *path, unsigned depth);

static int look_in_included(struct closure *c, const struct want *w, const char *pattern, unsigned depth)
{
	char full[PATH_MAX];
	glob_t found;
	int rc = 0;

	snprintf(full, sizeof(full), "%s%s", *pattern == '/' ? "" : "/etc/", pattern);
	if (glob(full, 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc && rc == 0; i++)
		rc = look_in_conf(c, w, found.gl_pathv[i], depth + 1);
	globfree(&found);
	return rc;
}

/* Without comment and the space around it. */
static char *trim(char *line)
{
	size_t n;

	line[strcspn(line, "#")] = '\0';
	line += strspn(line, " \t");
	for (n = strlen(line); n > 0 && strchr(" \t\r", line[n - 1]); n--)
		line[n - 1] = '\0';
	return line;
}

/* A file like /etc/ld.so.conf: directories, a line each, and includes. */
static int look_in_conf(struct closure *c, const struct want *w, const char *path, unsigned depth)
{
	char text[16384];
	int rc = 0;

	if (depth == MAX_CONF || read_text(path, text, sizeof(text)) < 0)
		return 0;
	for (char *line = text, *next; line && rc == 0; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line = trim(line);
		if (!strncmp(line, "include", 7) && strchr(" \t", line[7]))
			rc = look_in_included(c, w, line + 7 + strspn(line + 7, " \t"), depth);
		else if (*line == '/')
			rc = look_in_list(c, w, line);
	}
	return rc;
}

/* glibc: an RPATH counts for the libraries of libraries too, unless there is a RUNPATH. */
static int look_as_glibc(struct closure *c, const struct want *w)
{
	int rc = 0;

	for (const struct object *o = w->by; o && rc == 0 && !w->by->runpath; o = o->by)
		if (!o->runpath)
			rc = look_in_rpath(c, w, o, o->rpath);
	if (rc == 0)
		rc = look_in_list(c, w, getenv("LD_LIBRARY_PATH"));
	if (rc == 0)
		rc = look_in_rpath(c, w, w->by, w->by->runpath);
	if (rc == 0)
		rc = look_in_defaults(c, w);
	return rc ? rc : look_in_conf(c, w, "/etc/ld.so.conf", 0);
}

/* musl: both kinds count for the libraries of libraries, after LD_LIBRARY_PATH. */
static int look_as_musl(struct closure *c, const struct want *w)
{
	int rc = look_in_list(c, w, getenv("LD_LIBRARY_PATH"));
	char text[4096];

	for (const struct object *o = w->by; o && rc == 0; o = o->by)
		rc = look_in_rpath(c, w, o, o->runpath ? o->runpath : o->rpath);
	if (rc == 0 && read_text("/etc/ld-musl-" PLATFORM ".path", text, sizeof(text)) == 0)
		return look_in_list(c, w, text);
	return rc ? rc : look_in_defaults(c, w);
}

/* musl's loader is its C library, and takes these names for itself. */
static bool is_musl_itself(const char *name)
{
	static const char *const names[] = { "c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet." };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(name, "lib", 3) && !strncmp(name + 3, names[i], strlen(names[i])))
			return true;
	return false;
}

static int add_needed(struct closure *c, const char *name, const struct object *by)
{
	static struct elf e;
	const struct want w = { name, by, &e };
	int rc;

	if (have(c, last_part(name)) || (c->musl && is_musl_itself(name)))
		return 0;
	if (*name == '/')
		rc = look_in(c, &(struct want){ name + 1, by, &e }, "", "");
	else
		rc = c->musl ? look_as_musl(c, &w) : look_as_glibc(c, &w);
	if (rc == 0)
		return err_set(c->err, ENOENT, "%.80s: %s needs the library %.80s, which is not to be "
			       "found; install it, or say where it is with LD_LIBRARY_PATH", c->program,
			       last_part(by->host), name);
	return rc < 0 ? rc : 0;
}

/* --- programs ------------------------------------------------------------------------------------ */

static int read_elf(struct closure *c, const char *path, struct elf *e)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_sys(c->err, "%s", path);
	return elf_read(fd, e, c->err) < 0 ? err_in(c->err, "%s", path) : 0;
}

static int add_loader(struct closure *c, const struct elf *e)
{
	static struct elf loader;
	int rc;

	if (access(e->interp, F_OK) < 0)
		return err_set(c->err, ENOENT, "%.80s: its loader %.80s is not on this host; install the "
			       "C library it belongs to", c->program, e->interp);
	rc = read_elf(c, e->interp, &loader);
	if (rc == 0)
		rc = link_lib(c, e->interp);
	if (rc == 0)
		rc = cargo_add(c->t, e->interp, e->interp, c->program, c->err);
	c->loader = strdup(last_part(e->interp));
	c->musl = !strncmp(last_part(e->interp), "ld-musl-", 8);
	return rc == 0 && !c->loader ? no_memory(c) : rc;
}

/* Where this kind of loader keeps its C library, it looks for others as well. */
static void find_home(struct closure *c)
{
	strcpy(c->home, "/usr/lib");
	for (size_t i = 0; !c->musl && i < sizeof(gnu_dirs) / sizeof(gnu_dirs[0]); i++) {
		char libc[64];

		snprintf(libc, sizeof(libc), "%s/libc.so.6", gnu_dirs[i]);
		if (access(libc, F_OK) == 0) {
			strcpy(c->home, gnu_dirs[i]);
			return;
		}
	}
}

/* The objects are looked at in the order in which they are found: as long as the list grows. */
static int add_elf(struct closure *c, const char *host, const char *guest)
{
	static struct elf e;
	char *real = realpath(host, NULL);	/* $ORIGIN of a link is where it leads */
	int rc = real ? read_elf(c, real, &e) : err_sys(c->err, "%s", host);

	if (rc == 0)
		rc = add_object(c, real, guest, &e, NULL);
	free(real);
	if (rc == 0 && e.interp)
		rc = add_loader(c, &e);
	find_home(c);
	for (unsigned i = 0; rc == 0 && i < c->n; i++) {
		rc = read_elf(c, c->object[i]->host, &e);
		for (unsigned k = 0; rc == 0 && k < e.n_needed; k++)
			rc = add_needed(c, e.needed[k], c->object[i]);
	}
	for (unsigned i = 0; i < c->n; i++)
		free_object(c->object[i]);
	free(c->loader);
	c->loader = NULL;
	c->n = 0;
	return rc;
}

/* --- scripts --------------------------------------------------------------------------------------- */

static int add_program(struct closure *c, const char *host, const char *guest, unsigned depth);

/* `#!/usr/bin/env NAME` is a script of NAME, wherever that is here. */
static int add_by_env(struct closure *c, const char *word, unsigned depth)
{
	char dirs[PATH_MAX], at[PATH_MAX], *state, *dir;

	snprintf(dirs, sizeof(dirs), "%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	for (dir = strtok_r(dirs, ":", &state); dir; dir = strtok_r(NULL, ":", &state)) {
		if (snprintf(at, sizeof(at), "%s/%s", dir, word) < (int)sizeof(at) && *dir == '/' &&
		    access(at, X_OK) == 0)
			return add_program(c, at, at, depth + 1);
	}
	return err_set(c->err, ENOENT, "%.80s: its interpreter %.80s is not in PATH; install it", c->program,
		       word);
}

static int add_interpreter(struct closure *c, char *line, unsigned depth)
{
	char *state, *interp = strtok_r(line, " \t", &state);
	char *word = interp ? strtok_r(NULL, " \t", &state) : NULL;
	int rc;

	if (!interp || *interp != '/' || depth == MAX_SCRIPTS)
		return err_set(c->err, ENOEXEC, "%.80s: its first line names no interpreter", c->program);
	if (access(interp, X_OK) < 0)
		return err_set(c->err, ENOENT, "%.80s: its interpreter %.80s is not on this host; install "
			       "it", c->program, interp);
	rc = add_program(c, interp, interp, depth + 1);
	while (word && *word == '-')
		word = strtok_r(NULL, " \t", &state);
	if (rc == 0 && word && !strcmp(last_part(interp), "env"))
		rc = add_by_env(c, word, depth);
	return rc;
}

/* A script or an ELF file, with what it needs. */
static int add_program(struct closure *c, const char *host, const char *guest, unsigned depth)
{
	char head[257];
	int rc = read_text(host, head, sizeof(head));

	if (rc < 0)
		return err_sys(c->err, "%s", host);
	if (strncmp(head, "#!", 2))
		return add_elf(c, host, guest);
	head[strcspn(head, "\n")] = '\0';
	rc = cargo_add(c->t, host, guest, c->program, c->err);
	return rc < 0 ? rc : add_interpreter(c, head + 2, depth);
}

int closure_add(struct cargo *t, const char *host, const char *guest, struct err *err)
{
	static struct closure c;

	c = (struct closure){ .t = t, .err = err, .program = host };
	return add_program(&c, host, guest, 0);
}
