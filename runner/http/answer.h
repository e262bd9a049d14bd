/* answer.h - what serve says of a call, as header lines. */
#ifndef RUNNER_HTTP_ANSWER_H
#define RUNNER_HTTP_ANSWER_H

#include <stdbool.h>

#include "runner/http/wire.h"

#define ANSWER_HEADERS 5

struct header {
	const char *name;
	char value[192];
};

/* Is an ANSWER well-formed: a final status, an exit code, texts that end? */
bool answer_valid(const struct http_msg *m);

/* What is not printable ASCII in its texts becomes '?'. */
void answer_clean(struct http_msg *m);

/* The headers that tell of a call; returns how many. */
unsigned answer_headers(const struct http_msg *m, struct header h[ANSWER_HEADERS]);

#endif
