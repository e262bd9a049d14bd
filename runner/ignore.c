/* ignore.c - patterns as gitignore(5) has them. */
#include "runner/ignore.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/fd.h"
#include "lib/io.h"

#define MAX_FILE 65536

/* --- patterns -------------------------------------------------------------------------------- */

/* One of [...], with p behind the '['; *end behind its ']'.  Without a ']' it is no class. */
static bool in_class(const char *p, char c, const char **end)
{
	bool negated = *p == '!' || *p == '^', hit = false;
	const char *first = p += negated;

	for (; *p && (*p != ']' || p == first); p++) {
		if (p[1] == '-' && p[2] && p[2] != ']') {
			hit |= c >= p[0] && c <= p[2];
			p += 2;
		} else {
			hit |= c == *p;
		}
	}
	*end = *p ? p + 1 : NULL;
	return *p && hit != negated;
}

/* One character of the pattern against one of the name: where the pattern goes on, or NULL. */
static const char *step(const char *p, char c)
{
	const char *end;

	if (*p == '[') {
		bool hit = in_class(p + 1, c, &end);

		if (end)
			return hit ? end : NULL;
	}
	if (*p == '?')
		return c == '/' ? NULL : p + 1;
	if (*p == '\\' && p[1])
		p++;
	return *p == c ? p + 1 : NULL;
}

/* '*' stops at a '/', "**" does not.  Of those that have matched before, only the last is tried
 * again, and of each kind only one is remembered: no pattern takes long. */
static bool glob_match(const char *p, const char *s)
{
	const char *star = NULL, *at = NULL, *deep = NULL, *deep_at = NULL;

	for (;;) {
		const char *next;

		if (!strncmp(p, "**/", 3) || !strcmp(p, "**")) {
			deep = p += p[2] ? 3 : 2;
			deep_at = s;
			star = NULL;
			if (!*p)
				return true;
			continue;
		}
		if (*p == '*') {
			star = ++p;
			at = s;
			continue;
		}
		if (!*p && !*s)
			return true;
		next = *p && *s ? step(p, *s) : NULL;
		if (next) {
			p = next;
			s++;
		} else if (star && *at && *at != '/') {
			p = star;
			s = ++at;
		} else if (deep && (deep_at = strchr(deep_at, '/'))) {
			p = deep;
			s = ++deep_at;
			star = NULL;
		} else {
			return false;
		}
	}
}

/* --- rules ------------------------------------------------------------------------------------- */

static int add_rule(struct ignore *g, char *line, size_t base)
{
	struct ignore_rule r = { .base = base };
	size_t n = strlen(line);

	while (n > 0 && (line[n - 1] == '\r' || (line[n - 1] == ' ' && !(n > 1 && line[n - 2] == '\\'))))
		line[--n] = '\0';
	if (*line == '#' || !n)
		return 0;
	r.negated = *line == '!';
	line += r.negated;
	n -= r.negated;
	if (n > 0 && line[n - 1] == '/') {
		r.of_dirs = true;
		line[--n] = '\0';
	}
	r.anchored = strchr(line, '/') != NULL;
	line += *line == '/';
	if (!*line)
		return 0;
	if (g->n == IGNORE_MAX_RULES)
		return -E2BIG;
	r.pattern = strdup(line);
	if (!r.pattern)
		return -ENOMEM;
	g->rule[g->n++] = r;
	return 0;
}

static int read_rules(struct ignore *g, const char *dir, const char *name)
{
	static char text[MAX_FILE];
	char path[PATH_MAX], *state;
	autoclose int fd = -1;
	ssize_t got = 0;
	size_t n = 0;
	int rc = 0;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	while (fd >= 0 && n < sizeof(text) - 1 && (got = io_read_some(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	if (n == sizeof(text) - 1)
		return -E2BIG;
	text[n] = '\0';
	for (char *line = strtok_r(text, "\n", &state); line && rc == 0; line = strtok_r(NULL, "\n", &state))
		rc = add_rule(g, line, strlen(dir));
	return rc;
}

int ignore_enter(struct ignore *g, const char *dir)
{
	int mark = (int)g->n;
	int rc = read_rules(g, dir, ".gitignore");

	if (rc == 0)
		rc = read_rules(g, dir, ".sandboxignore");
	return rc < 0 ? rc : mark;
}

void ignore_leave(struct ignore *g, int mark)
{
	while (g->n > (unsigned)mark)
		free(g->rule[--g->n].pattern);
}

bool ignore_match(const struct ignore *g, const char *path, bool is_dir)
{
	const char *name = strrchr(path, '/') + 1;

	if (ignore_withheld(path))
		return true;
	for (unsigned i = g->n; i-- > 0;) {
		const struct ignore_rule *r = &g->rule[i];

		if (r->of_dirs && !is_dir)
			continue;
		if (glob_match(r->pattern, r->anchored ? path + r->base + 1 : name))
			return !r->negated;
	}
	return false;
}

/* What git would run, or be told to run, in a repository or one of its modules: whatever kind of
 * letters a file system may take for the same. */
static bool is_gits(const char *path, const char *name)
{
	static const char *const names[] = { "config", "config.worktree", "hooks" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(name, names[i]) && strcasestr(path, ".git/"))
			return true;
	return false;
}

bool ignore_withheld(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return !strncmp(name, ".sandbox-", 9) || !strcasecmp(name, ".ssh") || !strcasecmp(name, ".env") || !strncasecmp(name, ".env.", 5) ||
	       !strcasecmp(name, ".git-credentials") || is_gits(path, name);
}
