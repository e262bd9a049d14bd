/* proto.c - control messages: checked whole, then used. */
#include "lib/proto.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/io.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are little-endian");
_Static_assert(sizeof(struct msg_header) == 16, "no padding in a header");
_Static_assert(sizeof(struct msg_card) == 16, "no padding in a card");
_Static_assert(sizeof(struct record) == 16, "no padding in a record");
_Static_assert(sizeof(struct msg) == MAX_FRAME, "a message is a frame");

struct shape {
	enum side from;
	uint32_t size;			/* of the fixed part */
	bool more;			/* strings may follow */
};

static const struct shape shapes[N_MSG_TYPES] = {
	[MSG_HELLO]	   = { FROM_GUEST, sizeof(struct msg_hello), false },
	[MSG_WELCOME]	   = { FROM_HOST, sizeof(struct msg_welcome), false },
	[MSG_EXEC]	   = { FROM_HOST, sizeof(struct msg_exec), true },
	[MSG_STARTED]	   = { FROM_GUEST, sizeof(struct msg_started), false },
	[MSG_SPAWN_FAILED] = { FROM_GUEST, sizeof(struct msg_spawn_failed), false },
	[MSG_SIGNAL]	   = { FROM_HOST, sizeof(struct msg_signal), false },
	[MSG_RESIZE]	   = { FROM_HOST, sizeof(struct msg_resize), false },
	[MSG_EXITED]	   = { FROM_GUEST, sizeof(struct msg_exited), false },
	[MSG_ATTACH]	   = { FROM_HOST, sizeof(struct msg_attach), false },
	[MSG_LOG]	   = { FROM_GUEST, sizeof(struct msg_log), false },
};

int msg_check_header(const struct msg_header *h, enum side from)
{
	const struct shape *shape;

	if (h->magic != PROTO_MAGIC || h->version != PROTO_VERSION || h->zero ||
	    h->type == 0 || h->type >= N_MSG_TYPES)
		return -EPROTO;
	shape = &shapes[h->type];
	if (shape->from != from || h->length < shape->size ||
	    h->length > MAX_FRAME - sizeof(*h))
		return -EPROTO;
	return shape->more || h->length == shape->size ? 0 : -EPROTO;
}

static bool terminated(const char *s, size_t n)
{
	return memchr(s, '\0', n) != NULL;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
	uint8_t any = 0;

	while (n > 0)
		any |= bytes[--n];
	return any == 0;
}

/* --- the card -------------------------------------------------------------------------- */

bool card_mac_ok(const uint8_t mac[6])
{
	return !is_zero(mac, 6) && !(mac[0] & MAC_GROUP);
}

static uint32_t ipv4(const uint8_t a[4])
{
	return (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
}

static uint32_t host_bits(unsigned prefix)
{
	return prefix < 32 ? UINT32_MAX >> prefix : 0;
}

/* Neither loopback nor a group's; nor, where a network has those, its own or its broadcast. */
bool card_address_ok(const uint8_t address[4], unsigned prefix)
{
	uint32_t bits = host_bits(prefix), host = ipv4(address) & bits;

	return address[0] != 0 && address[0] != 127 && address[0] < 224 && prefix >= 1 &&
	       prefix <= 32 && (prefix > 30 || (host != 0 && host != bits));
}

bool card_gateway_ok(const struct msg_card *card)
{
	uint32_t differ = ipv4(card->address) ^ ipv4(card->gateway);

	return card_address_ok(card->gateway, card->prefix) && differ != 0 &&
	       (differ & ~host_bits(card->prefix)) == 0;
}

static bool card_is_whole(const struct msg_card *c)
{
	bool address = c->prefix != 0 || !is_zero(c->address, sizeof(c->address));

	if (c->names > 1 || (c->names && is_zero(c->gateway, sizeof(c->gateway))))
		return false;
	if (!card_mac_ok(c->mac))
		return is_zero((const uint8_t *)c, sizeof(*c));
	if (!address)
		return is_zero(c->gateway, sizeof(c->gateway));
	return card_address_ok(c->address, c->prefix) &&
	       (is_zero(c->gateway, sizeof(c->gateway)) || card_gateway_ok(c));
}

/* --- whole messages ---------------------------------------------------------------------- */

/* The strings fill the body exactly, and there are as many as it says. */
static bool exec_is_whole(const struct msg *m)
{
	const char *p = (const char *)m->body + sizeof(struct msg_exec);
	const char *end = (const char *)m->body + m->head.length;
	uint64_t strings = 0;

	if (m->exec.argc == 0 || m->exec.argc > MAX_ARGS || m->exec.envc > MAX_ARGS ||
	    m->exec.outputs > MAX_OUTPUTS)
		return false;
	for (; p < end; strings++) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));

		if (!nul)
			return false;
		p = nul + 1;
	}
	return strings == 1ull + m->exec.argc + m->exec.envc + m->exec.outputs;
}

int msg_check(const struct msg *m, enum side from)
{
	bool ok = true;

	if (msg_check_header(&m->head, from) < 0)
		return -EPROTO;
	switch (m->head.type) {
	case MSG_WELCOME:
		ok = terminated(m->welcome.hostname, sizeof(m->welcome.hostname)) &&
		     !is_zero(m->welcome.machine_id, sizeof(m->welcome.machine_id)) &&
		     card_is_whole(&m->welcome.card) &&
		     m->welcome.files < MAX_DISKS && m->welcome.scratch < MAX_DISKS;
		break;
	case MSG_EXEC:
		ok = terminated(m->exec.user, sizeof(m->exec.user)) && exec_is_whole(m);
		break;
	case MSG_SPAWN_FAILED:
		ok = m->spawn_failed.stage > 0 && m->spawn_failed.stage < N_SPAWN_STAGES &&
		     m->spawn_failed.error > 0 && m->spawn_failed.error < 4096;
		break;
	case MSG_SIGNAL:
		ok = m->signal.signo > 0 && m->signal.signo <= 64;
		break;
	case MSG_EXITED:
		ok = m->exited.code >= 0 && m->exited.code <= 255 &&
		     m->exited.signal >= 0 && m->exited.signal <= 64 &&
		     m->exited.limit < N_EXITED_LIMITS && m->exited.zero == 0;
		break;
	case MSG_LOG:
		ok = terminated(m->log.text, sizeof(m->log.text));
		break;
	default:
		break;
	}
	return ok ? 0 : -EPROTO;
}

size_t msg_seal(struct msg *m, enum msg_type type, uint32_t id, size_t body)
{
	m->head = (struct msg_header){ .magic = PROTO_MAGIC, .version = PROTO_VERSION,
				       .type = (uint8_t)type, .id = id,
				       .length = (uint32_t)body };
	return sizeof(m->head) + body;
}

const char *msg_exec_string(const struct msg *m, uint32_t index)
{
	const char *p = (const char *)m->body + sizeof(struct msg_exec);

	while (index--)
		p += strlen(p) + 1;
	return p;
}

size_t msg_exec_add(struct msg *m, size_t used, const char *s)
{
	size_t n = strlen(s) + 1;

	if (n > sizeof(m->body) - used)
		return 0;
	memcpy(m->body + used, s, n);
	return used + n;
}

int msg_recv(int fd, struct msg *m, enum side from)
{
	int rc = io_read(fd, &m->head, sizeof(m->head));

	if (rc == 0)
		rc = msg_check_header(&m->head, from);
	if (rc == 0)
		rc = io_read(fd, m->body, m->head.length);
	return rc ? rc : msg_check(m, from);
}

int msg_send(int fd, const struct msg *m)
{
	return io_write(fd, m, sizeof(m->head) + m->head.length);
}
