/* log.c - lines for the runner, written as reports. */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/report.h"

static int log_fd = -1;

void log_to(int fd)
{
	log_fd = fd;
}

__attribute__((format(printf, 1, 0)))
static void say(const char *fmt, va_list ap)
{
	struct report r = { .kind = REPORT_NOTE };

	if (log_fd < 0)
		return;
	vsnprintf(r.err.msg, sizeof(r.err.msg), fmt, ap);
	report_send(log_fd, &r);
}

void log_guest(struct log_once *once, const char *fmt, ...)
{
	va_list ap;

	if (__atomic_fetch_add(&once->count, 1, __ATOMIC_RELAXED) != 0)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void log_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}
