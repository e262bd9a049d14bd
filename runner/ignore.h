/* ignore.h - what of a workspace stays here: what its .gitignore and .sandboxignore files say, and what
 * is nobody else's business whatever they say.
 *
 * The files are the workspace's, perhaps a stranger's: a pattern costs no more than its length times
 * that of the name. */
#ifndef RUNNER_IGNORE_H
#define RUNNER_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#define IGNORE_MAX_RULES 4096

struct ignore_rule {
	char *pattern;			/* without '!', leading and trailing '/' */
	size_t base;			/* the rule is of a directory whose path has that length */
	bool negated, of_dirs, anchored;
};

struct ignore {
	unsigned n;
	struct ignore_rule rule[IGNORE_MAX_RULES];
};

/* Into that directory: take its rules.  Returns a mark for the way out, or a negative errno. */
int ignore_enter(struct ignore *g, const char *dir);
void ignore_leave(struct ignore *g, int mark);

/* Does that path, below a directory that was entered, stay here? */
bool ignore_match(const struct ignore *g, const char *path, bool is_dir);

/* Is it one that goes neither in nor out: keys, passwords, what git would run? */
bool ignore_withheld(const char *path);

#endif
