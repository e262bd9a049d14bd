/* answer.c - header lines from a result.  Serve wrote the texts, but a run's guest may have
 * had a say in them: nothing but printable ASCII gets into a header. */
#include "runner/http/answer.h"

#include <stdio.h>
#include <string.h>

bool answer_valid(const struct http_msg *m)
{
	return m->status >= 200 && m->status <= 599 && m->code >= -1 && m->code <= 255 &&
	       memchr(m->reason, 0, sizeof(m->reason)) &&
	       memchr(m->message, 0, sizeof(m->message));
}

static void clean(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}

void answer_clean(struct http_msg *m)
{
	clean(m->reason);
	clean(m->message);
}

static void timing(const struct http_msg *m, char *out, size_t n)
{
	const struct { const char *name; uint64_t us; } t[] = {
		{ "queue", m->queue_us }, { "start", m->start_us },
		{ "command", m->command_us }, { "total", m->total_us },
	};
	size_t at = 0;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		at += (size_t)snprintf(out + at, n - at, "%s%s;dur=%llu.%03u", i ? ", " : "",
				       t[i].name, (unsigned long long)(t[i].us / 1000),
				       (unsigned)(t[i].us % 1000));
}

unsigned answer_headers(const struct http_msg *m, struct header h[ANSWER_HEADERS])
{
	unsigned n = 0;

	if (m->code >= 0) {
		h[n].name = "X-Sandbox-Exit-Code";
		snprintf(h[n++].value, sizeof(h->value), "%d", m->code);
	}
	if (m->reason[0]) {
		h[n].name = "X-Sandbox-Reason";
		snprintf(h[n++].value, sizeof(h->value), "%s", m->reason);
	}
	if (m->code >= 0) {
		h[n].name = "X-Sandbox-Memory-KiB";
		snprintf(h[n++].value, sizeof(h->value), "%llu", (unsigned long long)m->memory_kib);
	}
	if (m->status == 429) {
		h[n].name = "Retry-After";
		snprintf(h[n++].value, sizeof(h->value), "1");
	}
	h[n].name = "Server-Timing";
	timing(m, h[n++].value, sizeof(h->value));
	return n;
}
