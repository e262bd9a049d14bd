/* register.c - the machines that this user's other commands can find. */
#include "runner/register.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/say.h"

#define VERSION 1u
#define TRIES 50		/* for a name that is given up while it is taken */

const char *const entry_state_names[N_ENTRY_STATES] = {
	[ENTRY_STARTING] = "starting", [ENTRY_RUNNING] = "running", [ENTRY_PAUSED] = "paused",
	[ENTRY_KEPT] = "kept", [ENTRY_OVER] = "over",
};

static const char *const files[] = { "entry", "door", "out", "err" };

bool register_is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");

	return n > 0 && n < REGISTER_NAME && name[n] == '\0' && name[0] != '.';
}

/* --- the directory of all ------------------------------------------------------------------ */

/* Another user's runtime directory, which sudo may have left in our environment, is not ours. */
static void top_path(char path[PATH_MAX])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (runtime && runtime[0] == '/' && stat(runtime, &st) == 0 && st.st_uid == geteuid() &&
	    snprintf(path, PATH_MAX, "%s/sandbox", runtime) < PATH_MAX)
		return;
	snprintf(path, PATH_MAX, "/tmp/sandbox-%u", geteuid());
}

/* -ENOENT without a message, if it is not there and not to be made. */
static int open_top(bool make, struct err *err)
{
	char path[PATH_MAX];
	autoclose int fd = -1;
	struct stat st;

	top_path(path);
	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(err, "the directory of machines, %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ENOENT, "there is no machine");
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "the directory of machines, %s", path);
	if (st.st_uid != geteuid() || st.st_mode & 077)
		return err_set(err, EPERM, "%s is not a directory of yours alone; remove it, or set "
			       "XDG_RUNTIME_DIR", path);
	return fd_take(&fd);
}

/* --- one of them ------------------------------------------------------------------------------ */

static int lock(int fd, short type, int how)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET };
	int rc;

	do
		rc = fcntl(fd, how, &l);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -errno;
	return how == F_OFD_GETLK && l.l_type != F_UNLCK ? -EBUSY : 0;
}

/* Is that file still what the name says? */
static bool is_there(int top, const char *name, int file)
{
	char path[REGISTER_NAME + 8];
	struct stat a, b;

	snprintf(path, sizeof(path), "%s/entry", name);
	return fstat(file, &a) == 0 && fstatat(top, path, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static void remove_files(int dir)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(dir, files[i], 0);
}

/* Whose lock the caller has. */
static void remove_claim(struct claim *c)
{
	char link[32], path[PATH_MAX], *slash;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", c->dir);
	n = readlink(link, path, sizeof(path) - 1);
	remove_files(c->dir);
	if (n <= 0)
		return;
	path[n] = '\0';
	rmdir(path);
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	rmdir(path);			/* the directory of all, if this was the last */
}

static int open_claim(struct claim *c, int top, const char *name, int flags)
{
	autoclose int dir = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autoclose int file = dir < 0 ? -1 : openat(dir, "entry", flags | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (file < 0)
		return -errno;
	*c = (struct claim){ .dir = fd_take(&dir), .file = fd_take(&file) };
	snprintf(c->name, sizeof(c->name), "%s", name);
	return 0;
}

void register_close(struct claim *c)
{
	if (c->dir >= 0)
		close(c->dir);
	if (c->file >= 0)
		close(c->file);
	c->dir = c->file = -1;
}

int register_look(struct claim *c)
{
	struct entry *e = &c->entry;
	ssize_t got = pread(c->file, e, sizeof(*e), 0);

	if (got != sizeof(*e) || e->version != VERSION || e->state >= N_ENTRY_STATES) {
		*e = (struct entry){ .version = VERSION };	/* just made, or another version's */
		return -EAGAIN;
	}
	e->reason[sizeof(e->reason) - 1] = e->command[sizeof(e->command) - 1] = '\0';
	for (unsigned i = 0; i < 5; i++)
		e->cgroup[i][sizeof(e->cgroup[i]) - 1] = '\0';
	return 0;
}

bool register_lives(const struct claim *c)
{
	return lock(c->file, F_RDLCK, F_OFD_GETLK) == -EBUSY;
}

int register_wait(const struct claim *c)
{
	return lock(c->file, F_RDLCK, F_OFD_SETLKW);
}

/* --- a machine's own side ------------------------------------------------------------------------ */

/* -EAGAIN: it was just given up, and the next try makes it anew. */
static int try_claim(struct claim *c, const char *name, struct err *err)
{
	autoclose int top = open_top(true, err);
	int rc;

	if (top < 0)
		return top;
	if (mkdirat(top, name, 0700) < 0 && errno != EEXIST)
		return errno == ENOENT ? -EAGAIN : err_sys(err, "name: '%s'", name);
	rc = open_claim(c, top, name, O_RDWR | O_CREAT);
	if (rc < 0)
		return rc == -ENOENT ? -EAGAIN : err_set(err, -rc, "name: '%s': %s", name, strerror(-rc));
	rc = lock(c->file, F_WRLCK, F_OFD_SETLK);
	if (rc == 0 && is_there(top, name, c->file))
		return 0;
	register_close(c);
	return rc == 0 ? -EAGAIN : err_set(err, EADDRINUSE, "name: there is a machine '%s' already; "
					   "see: sandbox ps", name);
}

int register_claim(struct claim *c, const char *name, struct err *err)
{
	int rc = -EAGAIN;

	for (unsigned i = 0; i < TRIES && rc == -EAGAIN; i++)
		rc = try_claim(c, name, err);
	if (rc < 0)
		return rc == -EAGAIN ? err_set(err, EAGAIN, "name: '%s' comes and goes", name) : rc;
	for (size_t i = 1; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(c->dir, files[i], 0);		/* of one that is over */
	c->entry = (struct entry){ .version = VERSION };
	return 0;
}

void register_update(struct claim *c)
{
	if (c->file >= 0 && io_pwrite(c->file, &c->entry, sizeof(c->entry), 0) < 0)
		say_note("the entry of '%s' cannot be written", c->name);
}

void register_release(struct claim *c)
{
	if (c->file < 0)
		return;
	c->entry.state = ENTRY_OVER;
	register_update(c);
	if (!c->entry.detached)
		remove_claim(c);
	else
		unlinkat(c->dir, "door", 0);
	register_close(c);
}

/* --- the other side --------------------------------------------------------------------------------- */

int register_find(struct claim *c, const char *name, struct err *err)
{
	autoclose int top = register_is_name(name) ? open_top(false, err) : -1;
	int rc;

	if (top < 0 && register_is_name(name) && err->code != ENOENT)
		return top;
	rc = top < 0 ? -ENOENT : open_claim(c, top, name, O_RDONLY);
	if (rc < 0)
		return err_set(err, ENOENT, "there is no machine '%.70s'; see: sandbox ps", name);
	register_look(c);
	return 0;
}

/* Of one that does not live, if its lock can be had: then nobody else does the same. */
static bool remove_dead(int top, const char *name)
{
	struct claim c;
	bool ours;

	if (open_claim(&c, top, name, O_RDWR) < 0)
		return unlinkat(top, name, AT_REMOVEDIR) == 0;	/* nothing in it */
	ours = lock(c.file, F_WRLCK, F_OFD_SETLK) == 0 && is_there(top, name, c.file);
	if (ours)
		remove_claim(&c);
	register_close(&c);
	return ours;
}

static int is_entry(const struct dirent *d)
{
	return register_is_name(d->d_name);
}

/* The names, sorted; to be freed by the caller, each and all.  None is 0. */
static int list(int top, struct dirent ***names)
{
	char path[32];
	int n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", top);
	n = scandir(path, names, is_entry, alphasort);
	if (n < 0)
		*names = NULL;
	return n;
}

int register_each(void (*each)(struct claim *c), struct err *err)
{
	autoclose int top = open_top(false, err);
	struct dirent **names;
	int n;

	if (top < 0)
		return err->code == ENOENT ? 0 : top;
	n = list(top, &names);
	for (int i = 0; i < n; i++) {
		struct claim c;

		if (open_claim(&c, top, names[i]->d_name, O_RDONLY) == 0) {
			bool known = register_look(&c) == 0;

			if (known && (c.entry.detached || register_lives(&c)))
				each(&c);
			else if (!register_lives(&c))
				remove_dead(top, names[i]->d_name);
			register_close(&c);
		}
		free(names[i]);
	}
	free(names);
	return 0;
}

unsigned register_sweep(const char *name, struct err *err)
{
	autoclose int top = open_top(false, err);
	struct dirent **names;
	unsigned removed = 0;
	int n;

	if (top < 0) {
		err->code = err->code == ENOENT ? 0 : err->code;
		return 0;
	}
	n = list(top, &names);
	for (int i = 0; i < n; i++) {
		if (!name || !strcmp(name, names[i]->d_name))
			removed += remove_dead(top, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return removed;
}
