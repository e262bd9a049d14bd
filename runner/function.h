/* function.h - what `sandbox serve` hosts: its config file.
 *
 *	listen = 127.0.0.1:8080
 *
 *	[function hello]
 *	command = sh -c 'echo "hello, $(cat)"'
 *	timeout = 5s
 *
 * The keys in front of the first section are those of SPEC_HOST, in a section those of
 * SPEC_MACHINE, SPEC_CALL and SPEC_FUNCTION (lib/spec.h). */
#ifndef RUNNER_FUNCTION_H
#define RUNNER_FUNCTION_H

#include "runner/http/wire.h"
#include "runner/metrics.h"
#include "runner/ready.h"

#define MAX_FUNCTIONS 64
#define FUNCTION_TIMEOUT 30000000000ull	/* ns, where the file says nothing */

struct call;

struct function {
	char name[HTTP_NAME];
	struct spec spec;
	char **words;			/* the command, NULL-terminated */
	unsigned n_words;
	struct ready ready;
	struct metrics metrics;

	/* calls.c's */
	unsigned running, queued;
	struct call *first, **end;	/* that wait */
	unsigned peak, peak_before;	/* calls at once, in this window and in the one before */
	uint64_t window_end;		/* ns */
	uint64_t next_line_at;		/* ns: a failed call is logged no earlier */
};

struct config {
	char *text;			/* the strings of all specs point into it */
	struct spec host;
	unsigned n, calls;		/* calls: in work, that need it */
	struct function *function[MAX_FUNCTIONS];
};

/* Read and check the file; opens no machine.  The caller's, for config_free(). */
struct config *config_read(const char *path, struct err *err);
void config_free(struct config *c);

/* NULL: there is none of that name. */
struct function *config_find(const struct config *c, const char *name);

/* Split into words, quoted as for a shell: '...', "...", \x.  NULL-terminated, one piece of
 * memory for free(); NULL with *err for an open quote or no word at all. */
char **words_split(const char *text, unsigned *n, struct err *err);

#endif
