/* files.c - what a run brings into its guest, as one image. */
#include "runner/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/num.h"
#include "lib/proto.h"
#include "runner/closure.h"
#include "runner/stow.h"
#include "runner/nameless.h"
#include "runner/workspace.h"

/* What the guest is told of the disk.  A saved machine has looked at it, so it is always the same;
 * the file is a hole behind the image. */
#define FILES_CAPACITY (1ull << 43)

#define USER_DEFAULT 1000u

/* --- the file --------------------------------------------------------------------------------- */

/* Some file systems have no files without a name; then it loses it at once. */
static int named_and_removed(const char *dir)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/sandbox-XXXXXX", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

int files_nameless(uint64_t bytes, const char *what, struct err *err)
{
	const char *dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/var/tmp";
	char beside[PATH_MAX];
	autoclose int fd = -1;

	snprintf(beside, sizeof(beside), "%s/x", dir);
	fd = nameless_open(beside, 0600);
	if (fd == -EOPNOTSUPP || fd == -EISDIR)
		fd = named_and_removed(dir);
	if (fd < 0)
		return err_set(err, -fd, "%s: no file in %s: %s; say where with TMPDIR", what, dir,
			       strerror(-fd));
	if (ftruncate(fd, (off_t)bytes) < 0)
		return err_sys(err, "%s: a file of %llu bytes in %s", what, (unsigned long long)bytes, dir);
	return fd_take(&fd);
}

/* Whoever has it from us may not write it. */
static int read_only(int fd, int *out, struct err *err)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	*out = open(self, O_RDONLY | O_CLOEXEC);
	return *out < 0 ? err_sys(err, "the image of the files") : 0;
}

int files_empty(int *out, struct err *err)
{
	autoclose int fd = files_nameless(FILES_CAPACITY, "with-files", err);

	return fd < 0 ? fd : read_only(fd, out, err);
}

/* --- what is in it ------------------------------------------------------------------------------ */

/* A relative one is in the command's directory. */
static int place_of(const struct spec *s, const char *dst, char out[PATH_MAX], struct err *err)
{
	static const char *const mounted[] = { "/dev", "/proc", "/sys", "/run", "/tmp" };
	char full[PATH_MAX];
	int n = *dst == '/' ? snprintf(full, sizeof(full), "%s", dst) :
		snprintf(full, sizeof(full), "%s/%s", s->workdir ? s->workdir : WORK_DIR, dst);

	if (n >= (int)sizeof(full) || cargo_path(full, out, PATH_MAX) < 0)
		return err_set(err, ENAMETOOLONG, "copy-in: %.100s... is too long a path", dst);
	for (size_t i = 0; i < sizeof(mounted) / sizeof(mounted[0]); i++) {
		size_t len = strlen(mounted[i]);

		if (!strncmp(out, mounted[i], len) && (!out[len] || out[len] == '/'))
			return err_set(err, EINVAL, "copy-in: nothing can be put into %s, which the guest "
				       "mounts anew; choose another place than %.200s", mounted[i], dst);
	}
	return 0;
}

/* The last part of a path, or of where "." and ".." lead. */
static int name_of(const char *src, char out[PATH_MAX], struct err *err)
{
	char *real = realpath(src, NULL);
	const char *last = strrchr(src, '/');
	size_t n;

	last = last && last[1] ? last + 1 : src;
	n = strcspn(last, "/");
	if (!real)
		return err_sys(err, "copy-in: %s", src);
	if ((n == 1 && *last == '.') || (n == 2 && !strncmp(last, "..", 2)) || n == 0) {
		last = strrchr(real, '/') + 1;
		n = strlen(last);
	}
	snprintf(out, PATH_MAX, "%.*s", (int)n, last);
	free(real);
	return *out ? 0 : err_set(err, EINVAL, "copy-in: %s has no name; say SRC:DST", src);
}

static int copy_in(const struct spec *s, struct cargo *t, const char *text, struct err *err)
{
	char src[PATH_MAX], dst[PATH_MAX], at[PATH_MAX];
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	int rc;

	if (n == 0 || n >= sizeof(src) || (colon && (!colon[1] || strlen(colon) >= sizeof(dst))))
		return err_set(err, EINVAL, "copy-in: '%.100s' is not SRC or SRC:DST", text);
	memcpy(src, text, n);
	src[n] = '\0';
	rc = colon ? (strcpy(dst, colon + 1), 0) : name_of(src, dst, err);
	if (rc == 0)
		rc = place_of(s, dst, at, err);
	return rc < 0 ? rc : cargo_add(t, src, at, "copy-in", err);
}

/* --- the program ---------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool starts_here(const char *word)
{
	return !strncmp(word, "./", 2) || !strncmp(word, "../", 3);
}

/* A machine that is not made by this run takes nothing in. */
static bool makes_machine(const struct spec *s)
{
	return !s->pool && !s->machine_fd && !s->from && !s->save;
}

static bool is_hosts(const struct opts *o)
{
	if (o->argc == 0 || !makes_machine(&o->spec))
		return o->spec.host_program;
	return o->spec.host_program || (starts_here(o->argv[0]) && is_program(o->argv[0]));
}

static int look_in_path(const char *name, char out[PATH_MAX], struct err *err)
{
	const char *path = getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin";

	while (*path) {
		size_t n = strcspn(path, ":");

		if (n && snprintf(out, PATH_MAX, "%.*s/%s", (int)n, path, name) < PATH_MAX &&
		    is_program(out))
			return 0;
		path += n + (path[n] == ':');
	}
	return err_set(err, ENOENT, "host-program: %.100s is not in PATH here", name);
}

static int find_program(const char *word, char out[PATH_MAX], struct err *err)
{
	if (!strchr(word, '/'))
		return look_in_path(word, out, err);
	if (snprintf(out, PATH_MAX, "%s", word) >= PATH_MAX)
		return err_set(err, ENAMETOOLONG, "host-program: %.100s... is too long a path", word);
	if (access(word, F_OK) < 0)
		return err_sys(err, "host-program: %s", word);
	return is_program(word) ? 0 : err_set(err, EACCES, "host-program: %s is not an executable file; "
					      "chmod +x it", word);
}

/* The guest's word for it is as short as the user's, if the command starts beside it. */
static int add_program(struct opts *o, struct cargo *t, struct err *err)
{
	static char word[NAME_MAX + sizeof(WORK_DIR "/")];
	static char *argv[MAX_ARGS + 1];
	char host[PATH_MAX], guest[PATH_MAX];
	int rc;

	if (o->argc == 0)
		return err_set(err, EINVAL, "host-program: no COMMAND given");
	if (o->argc > MAX_ARGS)
		return err_set(err, E2BIG, "the command has more than %d arguments", MAX_ARGS);
	rc = find_program(o->argv[0], host, err);
	if (rc < 0)
		return rc;
	snprintf(guest, sizeof(guest), WORK_DIR "/%s", strrchr(host, '/') + 1);
	snprintf(word, sizeof(word), "%s%s", o->spec.workdir ? WORK_DIR "/" : "./", strrchr(host, '/') + 1);
	memcpy(argv, o->argv, (size_t)o->argc * sizeof(argv[0]));
	argv[0] = word;
	o->argv = argv;
	return closure_add(t, host, guest, err);
}

/* Copies belong to whom the command runs as, as far as that can be told here. */
static uint32_t owner(const char *user)
{
	char name[64];
	uint64_t uid;

	if (!user)
		return USER_DEFAULT;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(user, ":"), user);
	if (!strcmp(name, "root"))
		return 0;
	return num_u64(name, &uid) == 0 && uid < UINT32_MAX ? (uint32_t)uid : USER_DEFAULT;
}

static int fill(struct opts *o, struct cargo *t, struct err *err)
{
	int rc = o->spec.workspace ? workspace_add(t, &o->spec, err) : 0;

	for (unsigned i = 0; i < o->spec.copy_in.n && rc == 0; i++)
		rc = copy_in(&o->spec, t, o->spec.copy_in.v[i], err);
	return rc == 0 && is_hosts(o) ? add_program(o, t, err) : rc;
}

static int write_image(struct cargo *t, int *out, struct err *err)
{
	autoclose int fd = files_nameless(0, "copy-in", err);
	int rc = fd < 0 ? fd : stow(t, fd, err);

	if (rc == 0 && ftruncate(fd, (off_t)FILES_CAPACITY) < 0)
		rc = err_sys(err, "the image of the files");
	return rc < 0 ? rc : read_only(fd, out, err);
}

int files_open(struct opts *o, int *fd, struct err *err)
{
	uint32_t id = owner(o->spec.user);
	struct cargo t;
	int rc;

	*fd = -1;
	o->spec.work = o->spec.workspace || (!o->spec.workdir && (o->spec.copy_in.n || o->spec.output.n ||
								  is_hosts(o)));
	if (o->spec.copy_in.n == 0 && !o->spec.workspace && !is_hosts(o))
		return 0;
	if (!makes_machine(&o->spec))
		return err_set(err, EINVAL, "%s: the machine is there already, and takes no files; leave "
			       "it out", o->spec.copy_in.n ? "copy-in" : o->spec.workspace ? "workspace" :
			       "host-program");
	if (cargo_init(&t, id, id) < 0)
		return err_set(err, ENOMEM, "copy-in: no memory");
	rc = fill(o, &t, err);
	if (rc == 0)
		rc = write_image(&t, fd, err);
	if (rc == 0 && o->spec.workspace)
		workspace_keep(&t);
	cargo_free(&t);
	o->spec.files = rc == 0;
	return rc;
}
