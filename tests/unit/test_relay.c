/* test_relay.c - what sandbox-net does with frames: passed, refused with an answer, dropped; and
 * names, with this test as the resolver. */
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/net/relay.h"

#define OUT 0xcb007107u			/* 203.0.113.7 */
#define HOME 0x0a000001u		/* 10.0.0.1 */

enum { SYN = 2, RST = 4, ACK = 16 };

static struct relay relay;
static int names, guest, passt;
static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };

static int pair(int type, int *other)
{
	int p[2];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, p), 0);
	*other = p[1];
	return p[0];
}

static int set_up(void **state)
{
	(void)state;
	memset(&relay, 0, sizeof(relay));
	relay.setup.guest = NET_GUEST;
	relay.setup.gateway = NET_GATEWAY;
	relay.setup.published[relay.setup.n_published++] = 80;
	tell_init(&relay.tell, -1, -1);
	relay.resolve.names = pair(SOCK_SEQPACKET, &names);
	relay.guest.fd = pair(SOCK_STREAM, &guest);
	relay.passt.fd = pair(SOCK_STREAM, &passt);
	relay.runner = -1;
	relay_init(&relay);
	return 0;
}

static int tear_down(void **state)
{
	const int fds[] = { names, guest, passt, relay.resolve.names, relay.guest.fd, relay.passt.fd };

	(void)state;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return 0;
}

static void only(const char *name)
{
	strcpy(relay.setup.rule[relay.setup.n_rules++].name, name);
}

/* --- frames -------------------------------------------------------------------------------- */

static void put16(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static void put32(uint8_t *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b + 2, v);
}

static uint32_t get32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint8_t sent[FRAME_MAX];

static size_t packet(uint8_t proto, uint32_t from, uint32_t to, size_t n)
{
	memset(sent, 0, 34);
	memcpy(sent + 6, mac, 6);
	put16(sent + 12, 0x0800);
	sent[14] = 0x45;
	put16(sent + 16, (uint32_t)(20 + n));
	sent[23] = proto;
	put32(sent + 26, from);
	put32(sent + 30, to);
	return 34 + n;
}

static size_t tcp(uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port, uint8_t flags)
{
	memset(sent + 34, 0, 20);
	put16(sent + 34, from_port);
	put16(sent + 36, to_port);
	put32(sent + 38, 1000);
	sent[46] = 0x50;
	sent[47] = flags;
	return packet(6, from, to, 20);
}

static size_t udp(uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port, size_t n)
{
	put16(sent + 34, from_port);
	put16(sent + 36, to_port);
	put16(sent + 38, (uint32_t)(8 + n));
	put16(sent + 40, 0);
	return packet(17, from, to, 8 + n);
}

static void forget(void)
{
	relay.passt.out_at = relay.passt.out_end = relay.guest.out_at = relay.guest.out_end = 0;
}

static bool passed(size_t len)
{
	forget();
	relay_from_guest(&relay, sent, len);
	return relay.passt.out_end > 0;
}

static bool let_in(size_t len)
{
	forget();
	relay_from_passt(&relay, sent, len);
	return relay.guest.out_end > 0;
}

static uint32_t sum(const uint8_t *b, size_t n)
{
	uint32_t s = 0;

	for (size_t i = 0; i < n; i++)
		s += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* The frame that the guest is sent, with its checksums right. */
static const uint8_t *answered(struct frame *f)
{
	const uint8_t *p = relay.guest.out + RELAY_PREFIX;
	size_t len = (size_t)relay.guest.out[2] << 8 | relay.guest.out[3];
	uint8_t pseudo[FRAME_MAX] = { 0 };

	assert_true(relay.guest.out_end == RELAY_PREFIX + len);
	frame_read(f, p, len);
	assert_memory_equal(p, mac, 6);
	if (p[12] != 8 || p[13] != 0)
		return p;
	assert_int_equal(sum(p + 14, 20), 0xffff);
	memcpy(pseudo, p + 26, 8);
	put16(pseudo + 8, p[23]);
	put16(pseudo + 10, (uint32_t)len - 34);
	memcpy(pseudo + 12, p + 34, len - 34);
	assert_int_equal(p[23] == 1 ? sum(p + 34, len - 34) : sum(pseudo, 12 + len - 34), 0xffff);
	return p;
}

/* --- what passes --------------------------------------------------------------------------- */

static void the_gateway_has_a_mac(void **state)
{
	static const uint8_t ask[] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	struct frame f;
	const uint8_t *p;

	(void)state;
	memset(sent, 0xff, 42);
	memcpy(sent + 6, mac, 6);
	put16(sent + 12, 0x0806);
	memcpy(sent + 14, ask, sizeof(ask));
	memcpy(sent + 22, mac, 6);
	put32(sent + 28, NET_GUEST);
	put32(sent + 38, NET_GATEWAY);
	assert_false(passed(42));
	p = answered(&f);
	assert_int_equal(p[21], 2);
	assert_memory_equal(p + 28, sent + 38, 4);
	assert_memory_equal(p + 32, mac, 6);
	assert_memory_equal(p + 38, sent + 28, 4);
	put32(sent + 38, OUT);
	assert_false(passed(42));
	assert_int_equal(relay.guest.out_end, 0);
}

static void a_refused_connection_is_reset(void **state)
{
	struct frame f;

	(void)state;
	assert_true(passed(tcp(NET_GUEST, 4000, OUT, 80, SYN)));
	assert_int_equal(relay.tell.totals.allowed, 1);
	assert_false(passed(tcp(NET_GUEST, 4000, HOME, 80, SYN)));
	answered(&f);
	assert_int_equal(f.kind, FRAME_TCP);
	assert_true(f.resets && f.from == HOME && f.to == NET_GUEST && f.from_port == 80 && f.to_port == 4000);
	assert_int_equal(get32(f.ip + 28), 1001);
	assert_int_equal(relay.tell.totals.denied, 1);
	assert_false(passed(tcp(NET_GUEST, 4000, HOME, 80, RST)));
	assert_int_equal(relay.guest.out_end, 0);		/* a reset is never answered */
}

static void a_refused_datagram_is_told(void **state)
{
	struct frame f;
	const uint8_t *p;

	(void)state;
	assert_true(passed(udp(NET_GUEST, 4000, OUT, 123, 8)));
	assert_true(passed(udp(NET_GUEST, 4000, OUT, 123, 8)));
	assert_int_equal(relay.tell.totals.allowed, 1);		/* a flow, not a packet */
	assert_false(passed(udp(NET_GUEST, 4000, HOME, 123, 8)));
	p = answered(&f);
	assert_int_equal(p[34] << 8 | p[35], 3 << 8 | 13);
	assert_memory_equal(p + 42, sent + 14, 28);
}

static void what_is_no_packet_of_the_guests_is_dropped(void **state)
{
	size_t len;

	(void)state;
	assert_false(passed(tcp(OUT, 4000, OUT + 1, 80, SYN)));	/* another's address */
	assert_false(passed(13));
	len = tcp(NET_GUEST, 4000, OUT, 80, SYN);
	assert_false(passed(len - 1));				/* cut */
	sent[20] = 0x20;
	assert_false(passed(len));				/* a fragment */
	sent[20] = 0;
	sent[14] = 0x4f;
	assert_false(passed(len));				/* options beyond its end */
	sent[14] = 0x65;
	assert_false(passed(len));
	sent[14] = 0x45;
	sent[46] = 0xf0;
	assert_false(passed(len));
	sent[46] = 0x40;
	assert_false(passed(len));
	tcp(NET_GUEST, 4000, OUT, 80, SYN);
	sent[23] = 132;
	assert_false(passed(len));				/* of no protocol that we know */
	put16(sent + 12, 0x86dd);
	assert_false(passed(len));				/* IPv6 */
	assert_int_equal(relay.guest.out_end, 0);
	assert_int_equal(relay.tell.totals.dropped, 10);
}

static void only_answers_and_published_ports_are_let_in(void **state)
{
	(void)state;
	assert_true(let_in(tcp(OUT, 80, NET_GUEST, 4000, SYN | ACK)));
	assert_true(let_in(udp(OUT, 123, NET_GUEST, 4000, 4)));
	assert_false(let_in(udp(HOME, 123, NET_GUEST, 4000, 4)));
	assert_false(let_in(tcp(OUT, 80, NET_GUEST, 22, SYN)));
	assert_false(let_in(tcp(OUT, 80, NET_GUEST + 1, 80, SYN)));
	assert_true(let_in(tcp(HOME, 5000, NET_GUEST, 80, SYN)));
	assert_int_equal(relay.tell.totals.accepted, 1);
	assert_true(passed(tcp(NET_GUEST, 80, HOME, 5000, SYN | ACK)));
	assert_false(passed(tcp(NET_GUEST, 80, HOME, 5000, SYN)));	/* no way out of it */
}

/* Who has only been visited has said nothing that passt has seen. */
static void what_is_let_in_finds_a_guest_that_was_silent(void **state)
{
	(void)state;
	packet(0, 0, 0, 0);
	put16(sent + 12, 0x86dd);
	assert_false(passed(60));
	assert_true(let_in(tcp(HOME, 5000, NET_GUEST, 80, SYN)));
	assert_memory_equal(relay.guest.out + RELAY_PREFIX, mac, sizeof(mac));
}

/* --- names --------------------------------------------------------------------------------- */

static size_t question(const char *wire, size_t n, uint16_t type)
{
	static const uint8_t head[12] = { 0x12, 0x34, 1, 0, 0, 1 };

	memcpy(sent + 42, head, 12);
	memcpy(sent + 54, wire, n);
	put16(sent + 54 + n, type);
	put16(sent + 56 + n, 1);
	return udp(NET_GUEST, 5353, NET_GATEWAY, 53, 12 + n + 4);
}

#define QUESTION(wire, type) question(wire, sizeof(wire), type)

static void answer(uint32_t rcode, uint32_t n, uint32_t first)
{
	struct name_answer a = { .rcode = rcode, .n = n, .address = { first, OUT } };
	struct name_ask ask;
	struct err err;

	assert_int_equal(read(names, &ask, sizeof(ask)), sizeof(ask));
	assert_string_equal(ask.name, "www.example.org");
	a.serial = ask.serial;
	assert_int_equal(write(names, &a, sizeof(a)), sizeof(a));
	forget();
	assert_int_equal(relay_step(&relay, &err), 0);
}

/* What stands in the stream to the guest. */
static void expect(enum dns_rcode rcode, unsigned n, uint32_t first)
{
	struct frame f;
	uint8_t *b = relay.guest.out;

	if (relay.guest.out_end == 0)
		relay.guest.out_end = (size_t)read(guest, b, sizeof(relay.guest.out));
	answered(&f);
	assert_true(f.kind == FRAME_UDP && f.from == NET_GATEWAY && f.from_port == 53 && f.to_port == 5353);
	assert_memory_equal(f.data, "\x12\x34\x81", 3);
	assert_int_equal(f.data[3], 0x80 | rcode);
	assert_int_equal(f.data[7], n);
	if (n)
		assert_int_equal(get32(f.data + f.data_len - 4), first);
}

static void a_name_is_asked_for_and_pinned(void **state)
{
	(void)state;
	only("www.example.org");
	assert_false(passed(tcp(NET_GUEST, 4000, OUT, 80, SYN)));
	assert_false(passed(QUESTION("\3WWW\7example\3org", 1)));
	assert_int_equal(relay.guest.out_end, 0);
	answer(0, 1, OUT);
	expect(DNS_OK, 1, OUT);
	assert_true(passed(tcp(NET_GUEST, 4001, OUT, 80, SYN)));
	assert_int_equal(relay.tell.totals.names, 1);
}

static void an_answer_that_leads_home_is_refused(void **state)
{
	(void)state;
	only("www.example.org");
	passed(QUESTION("\3www\7example\3org", 1));
	answer(0, 1, HOME);
	expect(DNS_REFUSED, 0, 0);
	passed(QUESTION("\3www\7example\3org", 1));
	answer(0, 2, HOME);
	expect(DNS_OK, 1, OUT);			/* the other one */
	assert_int_equal(relay.tell.totals.names_denied, 1);
}

static void a_name_that_fails_is_told_at_once(void **state)
{
	(void)state;
	only("www.example.org");
	passed(QUESTION("\3www\7example\3org", 1));
	answer(DNS_NXDOMAIN, 0, 0);
	expect(DNS_NXDOMAIN, 0, 0);
	passed(QUESTION("\3www\7example\3com", 1));
	expect(DNS_REFUSED, 0, 0);
	passed(QUESTION("\3www\7example\3org", 28));
	expect(DNS_OK, 0, 0);			/* it has no address of IPv6 */
	close(names);
	names = -1;
	passed(QUESTION("\3www\7example\3org", 1));
	expect(DNS_SERVFAIL, 0, 0);
}

static void more_names_than_can_wait_are_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RESOLVE_WAITING; i++) {
		passed(QUESTION("\3www\7example\3org", 1));
		assert_int_equal(relay.guest.out_end, 0);
	}
	passed(QUESTION("\3www\7example\3org", 1));
	expect(DNS_SERVFAIL, 0, 0);
}

static void a_malformed_question_is_no_name(void **state)
{
	struct dns_question q;
	uint8_t b[400] = { 0, 1, 1, 0, 0, 1 };

	(void)state;
	for (size_t n = 0; n < 12; n++)
		assert_int_equal(dns_read(&q, b, n), -EPROTO);
	assert_int_equal(dns_read(&q, b, 17), DNS_FORMERR);	/* the root */
	memcpy(b + 12, "\1a\0\0\1\0\1", 7);
	assert_int_equal(dns_read(&q, b, 19), DNS_OK);
	assert_string_equal(q.name, "a");
	assert_int_equal(dns_read(&q, b, 18), DNS_FORMERR);	/* cut */
	b[13] = '\n';
	assert_int_equal(dns_read(&q, b, 19), DNS_FORMERR);
	b[12] = 0xc0;						/* a pointer, to itself */
	b[13] = 12;
	assert_int_equal(dns_read(&q, b, 19), DNS_FORMERR);
	b[2] = 0x80;						/* an answer */
	assert_int_equal(dns_read(&q, b, 19), -EPROTO);
	b[2] = 0;
	for (size_t i = 12; i < 12 + 4 * 64; i += 64) {		/* 256 bytes of labels */
		memset(b + i, 'x', 64);
		b[i] = 63;
	}
	assert_int_equal(dns_read(&q, b, sizeof(b)), DNS_FORMERR);
	b[12 + 3 * 64] = 61;					/* 253 letters and dots: the longest */
	b[12 + 3 * 64 + 62] = 0;
	assert_int_equal(dns_read(&q, b, sizeof(b)), DNS_NOTIMP);
	assert_int_equal(strlen(q.name), NET_NAME - 1);
	assert_int_equal(q.len, DNS_QUESTION);
}

/* --- streams and rates ---------------------------------------------------------------------- */

static void a_broken_stream_ends_it(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(write(passt, "\0\1\0\x0e", 4), 4);	/* 65550 bytes */
	assert_int_equal(relay_step(&relay, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "framing"));
}

static void without_passt_there_is_no_network(void **state)
{
	struct err err;

	(void)state;
	close(passt);
	passt = -1;
	assert_int_equal(relay_step(&relay, &err), -ECONNRESET);
	assert_non_null(strstr(err.msg, "passt has ended"));
	close(guest);
	guest = -1;
	assert_int_equal(relay_step(&relay, &err), -EPIPE);	/* the machine's end is no error */
}

static void a_rate_holds_the_guest_back(void **state)
{
	uint8_t stream[1518] = { 0, 0, 1514 >> 8, 1514 & 255 };
	uint64_t begin = now_ns();
	struct err err;
	size_t got = 0;

	(void)state;
	relay.setup.rate = 200000;
	put16(sent + 34 + 4, 1480);
	udp(NET_GUEST, 4000, OUT, 9, 1472);
	memcpy(stream + 4, sent, 1514);
	while (now_ns() - begin < 500000000) {
		(void)!write(guest, stream, sizeof(stream));
		assert_int_equal(relay_step(&relay, &err), 0);
		for (uint8_t b[4096]; ; ) {
			ssize_t n = read(passt, b, sizeof(b));

			if (n <= 0)
				break;
			got += (size_t)n;
		}
	}
	if (got < 30000 || got > 130000)
		fail_msg("%zu bytes in half a second", got);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_gateway_has_a_mac),
		TEST(a_refused_connection_is_reset),
		TEST(a_refused_datagram_is_told),
		TEST(what_is_no_packet_of_the_guests_is_dropped),
		TEST(only_answers_and_published_ports_are_let_in),
		TEST(what_is_let_in_finds_a_guest_that_was_silent),
		TEST(a_name_is_asked_for_and_pinned),
		TEST(an_answer_that_leads_home_is_refused),
		TEST(a_name_that_fails_is_told_at_once),
		TEST(more_names_than_can_wait_are_refused),
		TEST(a_malformed_question_is_no_name),
		TEST(a_broken_stream_ends_it),
		TEST(without_passt_there_is_no_network),
		TEST(a_rate_holds_the_guest_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
