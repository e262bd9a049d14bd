/* fuzz_spec.c - option text: what parses prints, and parses again to the same. */
#include <stdlib.h>
#include <string.h>

#include "lib/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

/* Whatever the jailer is handed: parsed, printed, parsed, printed - the prints agree. */
static void round_trip(const struct spec *s)
{
	static struct spec again;
	static char first[SPEC_MAX_TEXT], second[SPEC_MAX_TEXT], text[SPEC_MAX_TEXT];
	struct err err;
	int len = spec_print(s, first, sizeof(first));

	if (len < 0)
		abort();			/* every value that is accepted fits */
	memcpy(text, first, sizeof(text));
	spec_init(&again);
	if (spec_parse(&again, text, SPEC_DOWN, &err) < 0)
		abort();
	if (spec_print(&again, second, sizeof(second)) != len || strcmp(first, second))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	static struct spec s;
	struct err err;
	unsigned where = n > 0 && (in[0] & 1) ? SPEC_FLAG : SPEC_DOWN;
	char *text = malloc(n + 1);

	memcpy(text, in, n);
	text[n] = '\0';
	spec_init(&s);
	if (spec_parse(&s, text + (n > 0), where, &err) == 0) {
		if (where == SPEC_DOWN)
			round_trip(&s);
		spec_check_down(&s, &err);
	} else if (err.code == 0 || err.msg[0] == '\0') {
		abort();
	}
	free(text);
	return 0;
}
