/* console.c - the guest kernel's last words. */
#include "runner/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/io.h"
#include "runner/say.h"

static void console_ready(struct watch *w, short events)
{
	struct console *c = owner_of(w, struct console, watch);
	ssize_t got;

	(void)events;
	if (c->n > CONSOLE_TAIL) {
		memmove(c->tail, c->tail + c->n - CONSOLE_TAIL, CONSOLE_TAIL);
		c->n = CONSOLE_TAIL;
	}
	got = io_read_some(w->fd, c->tail + c->n, sizeof(c->tail) - c->n);
	if (got > 0)
		c->n += (size_t)got;
	else if (got != -EAGAIN)
		watch_close(w);
}

void console_init(struct console *c, int fd, struct watch_set *set)
{
	c->watch = (struct watch){ fd, POLLIN, console_ready };
	watch_add(set, &c->watch);
}

void console_panic(const struct console *c, char *out, size_t n)
{
	static const char word[] = "Kernel panic";
	const char *end = c->tail + c->n, *line = c->tail, *eol;

	out[0] = '\0';
	while ((line = memmem(line, (size_t)(end - line), word, sizeof(word) - 1))) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (!eol)
			eol = end;
		if (eol > line && eol[-1] == '\r')
			eol--;
		snprintf(out, n, "%.*s", (int)(eol - line), line);
		line = eol;
	}
	say_clean(out, n);
}
