/* vsock.c - packets that break the connection protocol.  The launcher is the host side:
 * see world.h for what its ports do. */
#include "tests/guest/dev.h"

static void send(struct packet p)
{
	CHECK(vsock_send(&p, NULL, 0));
}

static void send_op(uint16_t op, uint32_t src_port, uint32_t dst_port)
{
	send(vsock_packet(op, src_port, dst_port, 0));
}

static bool send_data(uint32_t src_port, uint32_t dst_port, const void *data, uint32_t len)
{
	struct packet p = vsock_packet(VS_RW, src_port, dst_port, len);

	return vsock_send(&p, data, len);
}

/* The next RW on our port is these bytes. */
static bool echoes(uint32_t port, const void *data, uint32_t len)
{
	const struct packet *p;

	do
		p = vsock_receive();
	while (p && (p->dst_port != port || p->op == VS_CREDIT_UPDATE));
	return p && p->op == VS_RW && p->len == len && !memcmp(p + 1, data, len);
}

/* What we did was wrong: the device may have stopped; else it must work. */
static void expect_stopped_or_works(void)
{
	if (is_broken(&devs[VSOCK])) {
		expect_revived(&devs[VSOCK]);
		return;
	}
	expect_all_work(NULL);
}

void vsock_cid(void)
{
	static const uint64_t cids[] = { 0, 1, 2, 4, 99, 0xffffffff, 0x100000003, 0xffffffffffffffff };

	start_all();
	for (unsigned i = 0; i < COUNT(cids); i++) {
		struct packet p = vsock_packet(VS_REQUEST, 100 + i, PORT_ECHO, 0);

		trying("cid", cids[i]);
		p.src_cid = cids[i];
		send(p);
		p.src_cid = VSOCK_GUEST_CID;
		p.dst_cid = cids[i] == 2 ? VSOCK_GUEST_CID : cids[i];
		send(p);
		expect_all_work(NULL);
		CHECK(vsock_responses == 0);
	}
	CHECK(vsock_connect(200, PORT_ECHO));
	for (unsigned i = 0; i < COUNT(cids); i++) {
		struct packet p = vsock_packet(VS_RW, 200, PORT_ECHO, 3);

		p.src_cid = cids[i];
		CHECK(vsock_send(&p, "bad", 3));
	}
	CHECK(send_data(200, PORT_ECHO, "good", 4));
	CHECK(echoes(200, "good", 4));
	expect_all_work(NULL);
}

void vsock_refused(void)
{
	struct packet p[16];

	start_all();
	for (unsigned i = 0; i < 200; i++) {
		send_op(VS_REQUEST, 1000 + i, 20 + i * 7919);
		CHECK(vsock_answer(1000 + i, VS_RST));
	}
	for (uint16_t i = 0; i < 16; i++) {			/* all at once */
		p[i] = vsock_packet(VS_REQUEST, 2000, 20u + i, 0);
		p[i].src_port += i;
		VSOCK_TX->desc[i] = (struct desc){ (uintptr_t)&p[i], sizeof(p[i]), 0, 0 };
		ring_put(VSOCK_TX, i);
	}
	ring_kick(VSOCK_TX);
	for (unsigned i = 0; i < 16; i++) {
		const struct packet *answer = vsock_receive();
		uint32_t id, len;

		CHECK(answer && answer->op == VS_RST && answer->dst_port - 2000 < 16);
		CHECK(ring_wait(VSOCK_TX, &id, &len));
	}
	expect_all_work(NULL);
}

void vsock_slots(void)
{
	unsigned accepted = 0;

	start_all();
	for (unsigned i = 0; i < 200; i++) {
		const struct packet *p;

		trying("connection", i);
		send_op(VS_REQUEST, 1000 + i, PORT_SINK);
		do
			p = vsock_receive();
		while (p && p->dst_port != 1000 + i);
		CHECK(p && (p->op == VS_RESPONSE || p->op == VS_RST));
		accepted += p->op == VS_RESPONSE;
	}
	CHECK(accepted >= 64 && accepted <= MAX_VSOCK_CONNS);
	expect_all_work(&devs[VSOCK]);
	dev_start(&devs[VSOCK], 16);				/* every slot is free again */
	for (unsigned i = 0; i < 64; i++)
		CHECK(vsock_connect(3000 + i, PORT_SINK));
	for (unsigned i = 0; i < 64; i++)
		send_op(VS_REQUEST, 3000 + i, PORT_SINK);	/* connected twice */
	expect_stopped_or_works();
}

void vsock_silent(void)
{
	start_all();
	for (unsigned i = 0; i < 200; i++) {
		send_op(VS_REQUEST, 1000 + i, PORT_SILENT);
		send_op(VS_RST, 1000 + i, PORT_SILENT);
	}
	for (unsigned i = 0; i < 16; i++)			/* these wait until the reset */
		send_op(VS_REQUEST, 2000 + i, PORT_SILENT);
	for (unsigned i = 0; i < 16; i++)			/* data before any answer */
		CHECK(send_data(2000 + i, PORT_SILENT, "early", 5));
	expect_all_work(NULL);
	dev_start(&devs[VSOCK], 16);
	CHECK(vsock_connect(5000, PORT_ECHO));
	expect_all_work(NULL);
}

void vsock_credit(void)
{
	const struct packet *p;

	start_all();
	CHECK(vsock_connect(100, PORT_SINK));
	for (unsigned i = 0; i < 64; i++)			/* 4 MiB to one who does not read */
		CHECK(send_data(100, PORT_SINK, (void *)ARENA, 65536));
	do						/* credit updates first */
		p = vsock_receive();
	while (p && p->op != VS_RST);
	CHECK(p && p->dst_port == 100);
	CHECK(vsock_connect(101, PORT_ECHO));
	expect_all_work(NULL);
}

void vsock_credit_lies(void)
{
	struct packet p = vsock_packet(VS_REQUEST, 100, PORT_ECHO, 0);

	start_all();
	p.buf_alloc = 0;					/* no room at all */
	send(p);
	CHECK(vsock_answer(100, VS_RESPONSE));
	p.op = VS_RW;
	p.len = 5;
	CHECK(vsock_send(&p, "hello", 5));
	for (unsigned i = 0; i < 5; i++)
		expect_all_work(&devs[VSOCK]);
	p.op = VS_CREDIT_UPDATE;				/* room for one byte: it comes */
	p.len = 0;
	p.buf_alloc = 1;
	send(p);
	CHECK(echoes(100, "h", 1));
	for (unsigned i = 0; i < 64; i++) {			/* nonsense */
		p.buf_alloc = i & 1 ? 0xffffffff : i & 2 ? 0 : 0x80000000;
		p.fwd_cnt = i & 4 ? 0xffffffff : i & 8 ? 0x80000000 : 0;
		send(p);
		if (i % 16 == 0)
			send_op(VS_CREDIT_REQUEST, 100, PORT_ECHO);
	}
	expect_stopped_or_works();
}

void vsock_shutdown(void)
{
	struct packet p;

	start_all();
	for (uint32_t flags = 1; flags <= 3; flags++) {
		uint32_t port = 100 + flags;

		trying("shutdown", flags);
		CHECK(vsock_connect(port, PORT_ECHO));
		CHECK(send_data(port, PORT_ECHO, "first", 5) && echoes(port, "first", 5));
		p = vsock_packet(VS_SHUTDOWN, port, PORT_ECHO, 0);
		p.flags = flags;				/* 1: no receive, 2: no send */
		send(p);
		send(p);
		for (unsigned i = 0; i < 20; i++)
			CHECK(send_data(port, PORT_ECHO, "late", 4));
		send(p);
		send_op(VS_RST, port, PORT_ECHO);
		send_op(VS_RST, port, PORT_ECHO);
		expect_all_work(NULL);
	}
	CHECK(vsock_connect(200, PORT_SINK));			/* a host that does not close */
	p = vsock_packet(VS_SHUTDOWN, 200, PORT_SINK, 0);
	p.flags = 2;
	send(p);
	CHECK(send_data(200, PORT_SINK, "late", 4) && vsock_answer(200, VS_RST));
	CHECK(vsock_connect(300, PORT_ECHO));
	CHECK(send_data(300, PORT_ECHO, "new", 3) && echoes(300, "new", 3));
	expect_all_work(NULL);
}

void vsock_stray(void)
{
	static const uint16_t ops[] = { VS_RESPONSE, VS_SHUTDOWN, VS_CREDIT_UPDATE, VS_CREDIT_REQUEST };

	start_all();
	CHECK(send_data(100, PORT_ECHO, "to nobody", 9));
	CHECK(vsock_answer(100, VS_RST));
	for (unsigned i = 0; i < COUNT(ops); i++)
		send_op(ops[i], 101, PORT_ECHO);
	expect_all_work(NULL);
	send_op(VS_RST, 102, PORT_ECHO);			/* a reset is not answered */
	send_op(VS_REQUEST, 103, 1);
	CHECK(vsock_receive()->dst_port == 103);
	expect_all_work(NULL);
}

void vsock_length(void)
{
	static const uint32_t lies[] = { 101, 4096, 65536, 65537, 0x7fffffff, 0xffffffff };
	struct packet p;

	start_all();
	for (unsigned i = 0; i < COUNT(lies); i++) {
		trying("length", lies[i]);
		CHECK(vsock_connect(100, PORT_ECHO));
		p = vsock_packet(VS_RW, 100, PORT_ECHO, lies[i]);
		vsock_send(&p, (void *)ARENA, 100);
		expect_broken(&devs[VSOCK]);
		expect_revived(&devs[VSOCK]);
	}
	CHECK(vsock_connect(100, PORT_ECHO));
	p = vsock_packet(VS_RW, 100, PORT_ECHO, 4);		/* less than there is: that much */
	CHECK(vsock_send(&p, "that much", 9) && echoes(100, "that", 4));
	for (uint32_t n = 0; n < sizeof(p); n += 11) {
		trying("header of", n);
		chain(VSOCK_TX, 1, &(struct desc){ ARENA, n, 0, 0 });
		expect_broken(&devs[VSOCK]);
		expect_revived(&devs[VSOCK]);
	}
}

void vsock_split(void)
{
	static struct packet p;
	static uint8_t data[] = "in pieces";
	struct desc d[60];
	uint16_t n = 0;
	uint32_t id, used;

	start_all();
	dev_start(&devs[VSOCK], 64);
	CHECK(vsock_connect(100, PORT_ECHO));
	p = vsock_packet(VS_RW, 100, PORT_ECHO, sizeof(data));
	for (; n < sizeof(p); n++)
		d[n] = (struct desc){ (uintptr_t)&p + n, 1, NEXT, (uint16_t)(n + 1) };
	d[n++] = (struct desc){ ARENA, 0, NEXT, 45 };
	d[n++] = (struct desc){ (uintptr_t)data, 1, NEXT, 46 };
	d[n++] = (struct desc){ (uintptr_t)data + 1, sizeof(data) - 1, 0, 0 };
	chain(VSOCK_TX, n, d);
	CHECK(ring_wait(VSOCK_TX, &id, &used));
	CHECK(echoes(100, data, sizeof(data)));
	expect_all_work(NULL);
}

void vsock_op(void)
{
	static const uint16_t ops[] = { 0, 8, 9, 255, 256, 0xffff };
	static const uint16_t types[] = { 0, 2, 3, 0xffff };

	start_all();
	for (unsigned i = 0; i < COUNT(ops); i++) {
		trying("op", ops[i]);
		send_op(ops[i], 100 + i, PORT_ECHO);
	}
	for (unsigned i = 0; i < COUNT(types); i++) {
		struct packet p = vsock_packet(VS_REQUEST, 200 + i, PORT_ECHO, 0);

		trying("type", types[i]);
		p.type = types[i];
		send(p);
	}
	expect_stopped_or_works();
	CHECK(vsock_responses == 0);
	CHECK(vsock_connect(300, PORT_ECHO));
	for (unsigned i = 0; i < COUNT(ops); i++) {		/* on a connection */
		send_op(ops[i], 300, PORT_ECHO);
		send_op(VS_REQUEST, 300, PORT_ECHO);
		send_op(VS_RESPONSE, 300, PORT_ECHO);
	}
	expect_stopped_or_works();
}

void vsock_small_buffers(void)
{
	static const struct { uint32_t len; uint16_t flags; } bad[] = {
		{ 0, WRITE }, { 1, WRITE }, { 43, WRITE }, { 44, WRITE }, { 45, WRITE }, { 4140, 0 },
	};
	struct ring *r = VSOCK_RX;

	start_all();
	for (unsigned i = 0; i < COUNT(bad); i++) {
		struct packet p = vsock_packet(VS_REQUEST, 100, PORT_ECHO, 0);

		trying("buffer of", bad[i].len);
		dev_negotiate(r->dev);
		for (unsigned k = 0; k < 3; k++) {
			ring_clear(&r->dev->ring[k], 16);
			ring_offer(&r->dev->ring[k]);
			CHECK(ring_enable(&r->dev->ring[k]));
		}
		set(r->dev, STATUS, ST_ACK | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK);
		memset((void *)ARENA, 0x66, 256);
		r->desc[0] = (struct desc){ ARENA, bad[i].len, bad[i].flags, 0 };
		for (unsigned k = 0; k < 8; k++)
			ring_put(r, 0);
		ring_kick(r);
		vsock_send(&p, NULL, 0);
		if (bad[i].len < sizeof(p) || !bad[i].flags) {
			expect_broken(r->dev);
		} else {				/* a header fits, perhaps a byte */
			p = vsock_packet(VS_RW, 100, PORT_ECHO, 5);
			vsock_send(&p, "hello", 5);
		}
		expect_all_work(r->dev);
		for (unsigned k = bad[i].flags ? bad[i].len : 0; k < 256; k++)
			CHECK(*(uint8_t *)(ARENA + k) == 0x66);
		dev_start(r->dev, 16);
		expect_works(r->dev);
	}
}

void vsock_hangup(void)
{
	start_all();
	for (unsigned i = 0; i < 20; i++) {
		CHECK(vsock_connect(100 + i, PORT_HANGUP));
		for (unsigned k = 0; k < 5; k++)
			CHECK(send_data(100 + i, PORT_HANGUP, "anybody there?", 14));
		send_op(VS_SHUTDOWN, 100 + i, PORT_HANGUP);
	}
	expect_all_work(NULL);
}

/* The host's REQUEST to PORT_GUEST: the port it comes from. */
static uint32_t await_call(void)
{
	const struct packet *p;

	send_op(VS_REQUEST, 100, PORT_CALL_ME);
	do
		p = vsock_receive();
	while (p && p->op != VS_REQUEST);
	CHECK(p && p->dst_port == PORT_GUEST);
	return p->src_port;
}

void vsock_call(void)
{
	uint32_t port;

	start_all();
	port = await_call();
	CHECK(send_data(PORT_GUEST, port, "before the answer", 17));
	send_op(VS_SHUTDOWN, PORT_GUEST, port);
	send_op(VS_RESPONSE, PORT_GUEST + 1, port);
	send_op(VS_RESPONSE, PORT_GUEST, port + 1);
	send_op(VS_REQUEST, PORT_GUEST, port);
	send_op(VS_RESPONSE, PORT_GUEST, port);
	send_op(VS_RESPONSE, PORT_GUEST, port);
	expect_stopped_or_works();

	dev_start(&devs[VSOCK], 16);
	port = await_call();
	send_op(VS_RST, PORT_GUEST, port);
	send_op(VS_RESPONSE, PORT_GUEST, port);
	expect_stopped_or_works();

	dev_start(&devs[VSOCK], 16);
	port = await_call();				/* a reset while it waits for us */
	dev_start(&devs[VSOCK], 16);
	send_op(VS_RESPONSE, PORT_GUEST, port);
	expect_stopped_or_works();
}
