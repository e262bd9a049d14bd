/* fuzz_proto.c - control messages of any content, as either side receives them. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

/* A checked EXEC: every string is where it is said to be, and inside. */
static void walk_strings(const struct msg *m)
{
	const char *end = (const char *)m->body + m->head.length, *s = NULL;

	for (uint32_t i = 0; i < 1 + m->exec.argc + m->exec.envc; i++) {
		s = msg_exec_string(m, i);
		if (s >= end || s + strlen(s) >= end)
			abort();
	}
	if (s + strlen(s) + 1 != end)
		abort();
}

/* A checked WELCOME: a name that ends, an identity, and a card that can be set up. */
static void look_at(const struct msg_welcome *w)
{
	static const uint8_t none[sizeof(w->machine_id)];

	if (strlen(w->hostname) >= sizeof(w->hostname) ||
	    !memcmp(w->machine_id, none, sizeof(none)))
		abort();
	if (w->card.prefix > 32 || (w->card.mac[0] & MAC_GROUP) ||
	    (w->card.gateway[0] && !w->card.address[0]))
		abort();
}

/* A checked EXITED: a status that there is, and a limit that we know. */
static void look_at_end(const struct msg_exited *e)
{
	if (e->code < 0 || e->code > 255 || e->signal < 0 || e->signal > 64 ||
	    e->limit >= N_EXITED_LIMITS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	enum side from = n > 0 && (in[0] & 1) ? FROM_HOST : FROM_GUEST;
	struct msg *m = malloc(sizeof(*m));

	n -= n > 0;
	memset(m, 0xa5, sizeof(*m));		/* what was not received is not all zero */
	memcpy(m, in + 1, n < sizeof(*m) ? n : sizeof(*m));
	if (n >= sizeof(m->head) && msg_check_header(&m->head, from) == 0 &&
	    n >= sizeof(m->head) + m->head.length) {
		bool good = msg_check(m, from) == 0;

		if (good && m->head.type == MSG_EXEC)
			walk_strings(m);
		if (good && m->head.type == MSG_WELCOME)
			look_at(&m->welcome);
		if (good && m->head.type == MSG_EXITED)
			look_at_end(&m->exited);
	}
	free(m);
	return 0;
}
