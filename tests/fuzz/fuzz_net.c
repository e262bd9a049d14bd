/* fuzz_net.c - guest and peer of the stream both say anything. */
#include <signal.h>
#include <sys/socket.h>

#include "tests/fuzz/script.h"
#include "virtio/net.h"

static struct net net;
static int peer;

/* The peer reads, sends a frame in pieces, sends rubbish, or hangs up. */
static void backend(struct script *s)
{
	uint8_t how = script_u8(s), buf[2048] = { 0 };
	uint32_t len = script_u16(s) % sizeof(buf);

	switch (how % 5) {
	case 0:
		(void)!read(peer, buf, len);
		break;
	case 1:
		for (unsigned i = 0; i < len % 32; i++)
			buf[i] = script_u8(s);
		(void)!write(peer, buf, len % 32);
		break;
	case 2:
		buf[0] = buf[1] = 0;
		buf[2] = (uint8_t)(len >> 8);
		buf[3] = (uint8_t)len;
		(void)!write(peer, buf, 4);
		(void)!write(peer, buf, len);
		break;
	case 3:
		(void)!write(peer, buf, len);
		break;
	case 4:
		if (how > 250)
			shutdown(peer, SHUT_RDWR);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct script s;
	struct err err;
	int sv[2];

	signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv))
		abort();
	peer = sv[1];
	if (net_init(&net, sv[0], NET_KIND_STREAM, mac, &err))
		abort();
	script_init(&s, &net.dev, in, n);
	script_run(&s, backend);
	net_fini(&net);
	script_fini(&s);
	close(sv[0]);
	close(sv[1]);
	return 0;
}
