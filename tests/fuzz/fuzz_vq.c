/* fuzz_vq.c - rings of any content: nothing outside guest memory is touched, and what is
 * popped adds up. */
#include <stdlib.h>
#include <string.h>

#include "virtio/vq.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

enum { RAM = 8192, BASE = 0x1000, DESC = 0, AVAIL = 0x400, USED = 0x800 };

static struct vq_chain c;

static void check(const struct vq_chain *chain, const uint8_t *ram)
{
	size_t out = 0, in = 0;

	for (unsigned i = 0; i < chain->n_out + chain->n_in; i++) {
		const struct iovec *v = &chain->iov[i];
		const uint8_t *p = v->iov_base;

		if (p < ram || p > ram + RAM || v->iov_len > (size_t)(ram + RAM - p))
			abort();
		*(i < chain->n_out ? &out : &in) += v->iov_len;
	}
	if (out != chain->out_left || in != chain->in_left)
		abort();
}

/* Use the chain in one of the ways that devices do. */
static void use(struct vq_chain *chain, uint8_t how)
{
	uint8_t buf[64] = { 0 };
	size_t room = chain->in_left;
	uint8_t *last = how & 1 ? vq_split_last(chain) : NULL;
	unsigned n;

	if (last)
		*last = 1;
	vq_read(chain, buf, how & 2 ? sizeof(buf) : 16);
	vq_out_iov(chain, &n);
	vq_sent(chain, chain->out_left / 2);
	vq_write(chain, buf, sizeof(buf));
	vq_in_iov(chain, &n);
	vq_wrote(chain, chain->in_left / 2);
	vq_read(chain, buf, sizeof(buf));
	if (chain->written + chain->in_left + (last != NULL) != room)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	uint8_t *ram = calloc(1, RAM), how = 0;
	struct gmem m = { 1, { { BASE, RAM, ram } } };
	struct vq q = { .num = 16, .desc_gpa = BASE + DESC, .avail_gpa = BASE + AVAIL,
			.used_gpa = BASE + USED };

	if (n >= 4) {
		how = in[0];
		if (how & 4) {
			q.num = in[1];
			q.avail_gpa += in[2] * 64u;
			q.used_gpa += in[3] * 64u;
		}
		in += 4;
		n -= 4;
	}
	memcpy(ram, in, n < RAM ? n : RAM);
	if (vq_enable(&q, &m) == 0)
		for (int i = 0; i < 64 && vq_pop(&q, &m, &c) == 1; i++) {
			check(&c, ram);
			if (i == 3 && (how & 8)) {
				vq_unpop(&q);
				continue;
			}
			use(&c, how);
			vq_push(&q, &c);
			vq_wants_interrupt(&q);
		}
	free(ram);
	return 0;
}
