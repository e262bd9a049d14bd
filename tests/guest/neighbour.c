/* neighbour.c - a guest that lies to nobody.  The launcher runs it beside cases that storm
 * and flood: its work has one right result, whatever goes on there. */
#include "tests/guest/dev.h"

/* Each of the monitor's threads has memory of its own here, see works.c. */
#define MEMORY(who) (ARENA + ((uint64_t)(who) << 20))

static void read_disk(unsigned disk)
{
	uint64_t *word = (uint64_t *)MEMORY(disk);
	uint32_t len = 16 * SECTOR;

	for (uint64_t sector = SCRATCH + SCRATCH_SECTORS; sector < DISK_SECTORS; sector += 16) {
		CHECK(blk_request(&devs[disk], BLK_IN, sector, word, len) == BLK_OK);
		for (unsigned i = 0; i < len / 8; i += 8)
			CHECK(word[i] == disk_word(disk, sector * SECTOR / 8 + i));
	}
}

static void echo(uint32_t port)
{
	struct packet p = vsock_packet(VS_RW, port, PORT_ECHO, 4000);
	const struct packet *back;

	CHECK(vsock_connect(port, PORT_ECHO));
	CHECK(vsock_send(&p, (void *)MEMORY(VSOCK), p.len));
	do
		back = vsock_receive();
	while (back && (back->dst_port != port || back->op != VS_RW));
	CHECK(back && back->len == p.len && !memcmp(back + 1, (void *)MEMORY(VSOCK), p.len));
	p = vsock_packet(VS_RST, port, PORT_ECHO, 0);
	CHECK(vsock_send(&p, NULL, 0));
}

static bool is_over(uint32_t port)
{
	struct packet p = vsock_packet(VS_REQUEST, port, PORT_OVER, 0);
	unsigned before = vsock_responses;

	CHECK(vsock_send(&p, NULL, 0));
	CHECK(vsock_answer(port, VS_RST) || vsock_responses > before);
	return vsock_responses > before;
}

void neighbour_works(void)
{
	uint32_t port = 100;

	start_all();
	do {
		read_disk(DISK);
		read_disk(RODISK);
		echo(port++);
		expect_all_work(NULL);
	} while (!is_over(port++));
}
