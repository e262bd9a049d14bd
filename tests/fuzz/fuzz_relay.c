/* fuzz_relay.c - guest, passt and resolver all say anything to sandbox-net; what gets through is
 * looked at again: a packet of the guest's own, to where the policy lets it go. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/net/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

static struct relay relay;
static struct name_ask ask;
static int guest, passt, names;

static void rule(uint32_t address, uint32_t mask, uint16_t port, const char *name)
{
	struct net_rule *r = &relay.setup.rule[relay.setup.n_rules++];

	*r = (struct net_rule){ { address, mask }, port, "" };
	strcpy(r->name, name);
}

static void set_up(bool strict)
{
	memset(&relay, 0, sizeof(relay));
	relay.setup.guest = NET_GUEST;
	relay.setup.gateway = NET_GATEWAY;
	relay.setup.own[relay.setup.n_own++] = (struct net_range){ 0xc6336400, 0xffffff00 };
	relay.setup.published[relay.setup.n_published++] = 80;
	if (strict) {
		rule(0x0a000000, 0xff000000, 443, "");
		rule(0, 0, 80, "a.b");
		rule(0, 0, 0, "*.c");
	}
	tell_init(&relay.tell, -1, -1);
	relay_init(&relay);
}

static int sockets(int type, int *theirs)
{
	int pair[2];

	if (socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair))
		abort();
	*theirs = pair[1];
	return pair[0];
}

/* What stands in passt's buffer since `from`. */
static void check_passed(size_t from)
{
	const struct relay_end *e = &relay.passt;

	while (from < e->out_end) {
		size_t len = (size_t)e->out[from + 2] << 8 | e->out[from + 3];
		struct frame f;

		if (frame_read(&f, e->out + from + RELAY_PREFIX, len) < FRAME_TCP || f.from != NET_GUEST)
			abort();
		if (!egress_allows(&relay.egress, f.to, f.to_port) &&
		    !(f.kind == FRAME_TCP && !f.opens && f.from_port == 80))
			abort();
		from += RELAY_PREFIX + len;
	}
}

/* What the fuzzer would not guess in a while: sizes and checks of a header, the guest's address. */
static void mend(uint8_t *b, size_t n, bool to_guest)
{
	const uint32_t address = htonl(NET_GUEST);

	if (n < 42 || b[12] != 8 || b[13] != 0)
		return;
	b[14] = 0x45;
	b[16] = (uint8_t)((n - 14) >> 8);
	b[17] = (uint8_t)(n - 14);
	b[20] = b[21] = 0;
	memcpy(b + (to_guest ? 30 : 26), &address, 4);
	if (b[23] == 17) {
		b[38] = (uint8_t)((n - 34) >> 8);
		b[39] = (uint8_t)(n - 34);
	}
}

static void answer(const uint8_t *b, size_t n)
{
	struct name_answer a = { .n = n % (NET_ADDRESSES + 2) };

	if (read(names, &ask, sizeof(ask)) == sizeof(ask))
		a.serial = ask.serial;
	a.rcode = n ? b[0] : 0;
	memcpy(a.address, b, n < sizeof(a.address) ? n : sizeof(a.address));
	(void)!write(names, &a, sizeof(a));
}

static void move(uint8_t op, uint8_t *b, size_t n)
{
	size_t from = relay.passt.out_end;
	struct err err;

	switch (op % 8) {
	case 0: case 1: case 2:
		if (op & 8)
			mend(b, n, false);
		relay_from_guest(&relay, b, n);
		check_passed(from);
		break;
	case 3: case 4:
		if (op & 8)
			mend(b, n, true);
		relay_from_passt(&relay, b, n);
		break;
	case 5:
		answer(b, n);
		break;
	default:
		(void)!write(op & 8 ? guest : passt, b, n);
		relay_step(&relay, &err);
	}
	if (relay.passt.out_end > RELAY_BUFFER / 2 || relay.guest.out_end > RELAY_BUFFER / 2)
		relay.passt.out_at = relay.passt.out_end = relay.guest.out_at = relay.guest.out_end = 0;
}

/* Each move: an opcode, a length of 16 bits, bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	static uint8_t frame[2048];
	int ours, theirs;

	signal(SIGPIPE, SIG_IGN);
	set_up(n > 0 && in[0] & 1);
	relay.guest.fd = sockets(SOCK_STREAM, &guest);
	relay.passt.fd = sockets(SOCK_STREAM, &passt);
	relay.resolve.names = sockets(SOCK_SEQPACKET, &names);
	relay.runner = ours = sockets(SOCK_SEQPACKET, &theirs);
	(void)!write(theirs, "", 1);		/* so that no step waits */
	for (size_t at = 1; n > 3 && at <= n - 3; ) {
		size_t len = (size_t)(in[at + 1] << 8 | in[at + 2]) % sizeof(frame);
		uint8_t op = in[at];

		at += 3;
		len = len < n - at ? len : n - at;
		memcpy(frame, in + at, len);
		move(op, frame, len);
		at += len;
	}
	close(relay.guest.fd);
	close(relay.passt.fd);
	if (relay.resolve.names >= 0)
		close(relay.resolve.names);
	close(guest);
	close(passt);
	close(names);
	close(ours);
	close(theirs);
	return 0;
}
