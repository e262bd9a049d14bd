/* say.c - the runner's own lines on stderr. */
#include "runner/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/tty.h"

static uint64_t notes_since;	/* 0: nobody wants to know */

void say_verbose(uint64_t begin)
{
	notes_since = begin;
}

void say_note(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!notes_since)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say("+%.1f ms: %s", (double)(now_ns() - notes_since) / 1e6, text);
}

void say(const char *fmt, ...)
{
	static const char prefix[] = "sandbox: ";
	char line[1024];
	size_t n = sizeof(prefix) - 1;
	const size_t room = sizeof(line) - 2;
	va_list ap;

	memcpy(line, prefix, n);
	va_start(ap, fmt);
	vsnprintf(line + n, room - n, fmt, ap);
	va_end(ap);
	n = strlen(line);
	if (tty_is_raw())
		line[n++] = '\r';
	line[n++] = '\n';
	(void)!io_write(STDERR_FILENO, line, n);
}

void say_clean(char *s, size_t n)
{
	s[n - 1] = '\0';
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}
