/* memory.c - all the memory there is. */
#include "tests/guest/dev.h"

extern const char end[];			/* of our image */

/* Every page behind it, by us, and those from the arena up by the disk: the machine has its
 * memory in full, and the launcher sees that the monitor has no more than that. */
void memory_all(void)
{
	uint32_t piece = DISK_SECTORS * SECTOR / 2;

	start_all();
	for (uint64_t at = ((uintptr_t)end | 4095) + 1; at < GUEST_RAM; at += 4096)
		*(volatile uint64_t *)at = at;
	for (uint64_t at = ARENA; at < GUEST_RAM; at += piece) {
		trying("address", at);
		CHECK(blk_request(&devs[RODISK], BLK_IN, 0, (void *)at, piece) == BLK_OK);
		CHECK(*(const uint64_t *)at == disk_word(1, 0));
	}
	expect_all_work(NULL);
}
