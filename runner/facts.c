/* facts.c - the first failure is the one that counts. */
#include "runner/facts.h"

#include <stdarg.h>
#include <stdio.h>

void facts_protocol(struct facts *f, const char *fmt, ...)
{
	va_list ap;

	if (f->protocol[0])
		return;
	va_start(ap, fmt);
	vsnprintf(f->protocol, sizeof(f->protocol), fmt, ap);
	va_end(ap);
}

void facts_error(struct facts *f, const struct err *err)
{
	if (!f->error.code)
		f->error = *err;
}
