/* state.c - a machine's state as bytes. */
#include "vmm/state.h"

#include <errno.h>
#include <string.h>

struct section {
	uint32_t tag, version;
	uint64_t len;
};

static const struct {
	const char *name;
	uint32_t version;
} kinds[N_STATE_TAGS] = {
	[STATE_HOST]	= { "host", 1 },
	[STATE_VM]	= { "vm", 1 },
	[STATE_VCPU]	= { "vcpu", 1 },
	[STATE_DEVICE]	= { "device", 1 },
	[STATE_VSOCK]	= { "vsock", 2 },
	[STATE_SERIAL]	= { "serial", 1 },
};

#define OVERFLOWN SIZE_MAX

void state_put(struct state *s, enum state_tag tag, const void *data, size_t n)
{
	struct section h = { .tag = tag, .version = kinds[tag].version, .len = n };

	if (s->len == OVERFLOWN || n > sizeof(s->buf) - sizeof(h) ||
	    s->len > sizeof(s->buf) - sizeof(h) - n) {
		s->len = OVERFLOWN;
		return;
	}
	memcpy(s->buf + s->len, &h, sizeof(h));
	memcpy(s->buf + s->len + sizeof(h), data, n);
	s->len += sizeof(h) + n;
}

int state_whole(const struct state *s, struct err *err)
{
	return s->len == OVERFLOWN ? err_set(err, ENOSPC, "snapshot: the state is too large") : 0;
}

int state_get(struct state *s, enum state_tag tag, void *data, size_t n, struct err *err)
{
	const char *name = kinds[tag].name;
	size_t left = s->len - s->at;
	struct section h;

	if (left < sizeof(h))
		return err_set(err, EINVAL, "snapshot: ends before its section '%s'", name);
	memcpy(&h, s->buf + s->at, sizeof(h));
	if (h.tag != tag)
		return err_set(err, EINVAL, "snapshot: section %u where '%s' is due", h.tag, name);
	if (h.version != kinds[tag].version)
		return err_set(err, EINVAL, "snapshot: section '%s' has version %u, not %u", name,
			       h.version, kinds[tag].version);
	if (h.len != n || n > left - sizeof(h))
		return err_set(err, EINVAL, "snapshot: section '%s' has the wrong length", name);
	memcpy(data, s->buf + s->at + sizeof(h), n);
	s->at += sizeof(h) + n;
	return 0;
}

int state_end(const struct state *s, struct err *err)
{
	return s->at == s->len ? 0 : err_set(err, EINVAL, "snapshot: goes on behind its end");
}
