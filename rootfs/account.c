/* account.c - users and groups of the root image, read from its own files: a static agent
 * has no name service, and needs none. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define DEFAULT_USER "1000"
#define FILE_MAX (128 * 1024)

/* A field of a line: bytes in the text, not terminated. */
struct field {
	const char *at;
	size_t len;
};

/* The colon-separated fields of the line at `text`, missing ones empty.  Returns the next
 * line, or NULL at the end. */
static const char *split(const char *text, struct field *f, unsigned n)
{
	const char *end = strchrnul(text, '\n');

	for (unsigned i = 0; i < n; i++) {
		size_t len = 0;

		while (text + len < end && text[len] != ':')
			len++;
		f[i] = (struct field){ text, len };
		text += len;
		if (text < end)
			text++;
	}
	return *end ? end + 1 : NULL;
}

static bool same(struct field a, struct field b)
{
	return a.len == b.len && !memcmp(a.at, b.at, a.len);
}

/* A decimal id; (uid_t)-1 means "leave as it is" to the kernel and is not one. */
static bool number(struct field f, uint32_t *out)
{
	char *end;
	unsigned long long v = strtoull(f.at, &end, 10);

	*out = (uint32_t)v;
	return f.len > 0 && f.len <= 10 && *f.at >= '0' && *f.at <= '9' &&
	       end == f.at + f.len && v < UINT32_MAX;
}

static void copy(char *to, size_t n, struct field f)
{
	snprintf(to, n, "%.*s", (int)f.len, f.at);
}

/* name:password:uid:gid:gecos:home:shell */
static bool find_user(struct account *a, struct field who, const char *passwd)
{
	struct field f[7];
	uint32_t wanted;
	bool by_number = number(who, &wanted);

	for (const char *line = passwd; line;) {
		line = split(line, f, 7);
		if (!f[0].len || !number(f[2], &a->uid) || !number(f[3], &a->gid) ||
		    (by_number ? a->uid != wanted : !same(f[0], who)))
			continue;
		copy(a->name, sizeof(a->name), f[0]);
		if (f[5].len)
			copy(a->home, sizeof(a->home), f[5]);
		if (f[6].len)
			copy(a->shell, sizeof(a->shell), f[6]);
		return true;
	}
	return false;
}

/* name:password:gid:member,member */
static bool find_group(gid_t *gid, struct field who, const char *group)
{
	struct field f[3];

	if (number(who, gid))
		return true;
	for (const char *line = group; line;) {
		line = split(line, f, 3);
		if (same(f[0], who) && number(f[2], gid))
			return true;
	}
	return false;
}

static bool lists(struct field members, const char *name)
{
	for (const char *at = members.at, *end = at + members.len; at < end; at++) {
		struct field one = { at, 0 };

		while (at < end && *at != ',')
			at++;
		one.len = (size_t)(at - one.at);
		if (same(one, (struct field){ name, strlen(name) }))
			return true;
	}
	return false;
}

static void add_groups(struct account *a, const char *group)
{
	struct field f[4];
	uint32_t gid;

	for (const char *line = group; line && a->n_groups < ACCOUNT_GROUPS;) {
		line = split(line, f, 4);
		if (f[0].len && number(f[2], &gid) && gid != a->gid && lists(f[3], a->name))
			a->groups[a->n_groups++] = gid;
	}
}

int account_find(struct account *a, const char *who, const char *passwd, const char *group)
{
	struct field f[2];
	bool with_group = strchr(who, ':') != NULL, known;

	if (!*who)
		who = DEFAULT_USER;
	split(who, f, 2);
	if (!f[0].len || (with_group && !f[1].len) || strchr(who, '\n'))
		return -EINVAL;

	*a = (struct account){ .home = "/", .shell = "/bin/sh" };
	known = find_user(a, f[0], passwd);
	if (!known) {
		if (!number(f[0], &a->uid))
			return -ENOENT;
		a->gid = a->uid;
		copy(a->name, sizeof(a->name), f[0]);
	}
	if (with_group)
		return find_group(&a->gid, f[1], group) ? 0 : -ENOENT;
	if (known)
		add_groups(a, group);
	return 0;
}

int read_file(const char *path, char *text, size_t n)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = 1;

	if (fd < 0 && errno != ENOENT)
		return -errno;
	while (fd >= 0 && got > 0 && used < n) {
		got = io_read_some(fd, text + used, n - used);
		if (got < 0)
			return (int)got;
		used += (size_t)got;
	}
	if (used == n)
		return -EFBIG;
	text[used] = '\0';
	return 0;
}

static char passwd[FILE_MAX], group[FILE_MAX];
static bool is_read;

static int read_files(void)
{
	int rc = read_file("/etc/passwd", passwd, sizeof(passwd));

	return rc ? rc : read_file("/etc/group", group, sizeof(group));
}

int account_init(void)
{
	is_read = read_files() == 0;
	return 0;
}

int account_load(struct account *a, const char *who)
{
	int rc = is_read ? 0 : read_files();

	is_read = false;
	return rc ? rc : account_find(a, who, passwd, group);
}
