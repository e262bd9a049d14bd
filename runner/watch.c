/* watch.c - one round of poll(2). */
#include "runner/watch.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/io.h"

void watch_add(struct watch_set *set, struct watch *w)
{
	if (set->n == MAX_WATCHES)
		abort();	/* the runner's own count is wrong */
	set->v[set->n++] = w;
}

void watch_close(struct watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->want = 0;
}

/* Rounded up: waking a moment early would be a busy loop. */
static int milliseconds_until(uint64_t deadline)
{
	uint64_t now = now_ns(), ms;

	if (deadline == UINT64_MAX)
		return -1;
	if (deadline <= now)
		return 0;
	ms = (deadline - now + 999999) / 1000000;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int watch_wait(struct watch_set *set, uint64_t deadline)
{
	struct pollfd p[MAX_WATCHES];
	int calls = 0;

	for (unsigned i = 0; i < set->n; i++)
		p[i] = (struct pollfd){ .fd = set->v[i]->want ? set->v[i]->fd : -1,
					.events = set->v[i]->want };
	if (poll(p, set->n, milliseconds_until(deadline)) <= 0)
		return 0;
	for (unsigned i = 0; i < set->n; i++) {
		struct watch *w = set->v[i];

		/* an earlier call of this round may have closed or quieted it */
		if (!p[i].revents || w->fd != p[i].fd || !w->want)
			continue;
		w->ready(w, p[i].revents);
		calls++;
	}
	return calls;
}
