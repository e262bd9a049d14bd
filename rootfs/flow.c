/* flow.c - bytes from one descriptor to another, through one buffer.
 *
 * A buffer and not splice(): Linux sends spliced pages over vsock one packet each, and a
 * packet costs a guest more than copying 4 KiB twice.  There is at most one buffer under way,
 * so a slow reader is felt by the writer and nothing is ever dropped. */
#include "rootfs/agent.h"

#include <errno.h>
#include <unistd.h>

#include "lib/io.h"

void flow_open(struct flow *f, int from, int to)
{
	f->from = from;
	f->to = to;
	f->off = f->len = 0;
	f->moved = f->sent = 0;
	f->at_end = -1;
}

void flow_close(struct flow *f)
{
	if (f->from >= 0)
		close(f->from);
	if (f->to >= 0)
		close(f->to);
	f->from = f->to = -1;
	f->len = 0;
}

/* Of a connection that the kernel has reset because the machine is another one now.  One that
 * the host resets has ended: it answers 0 and EPIPE. */
static bool is_lost(ssize_t error)
{
	return error == -ENOTCONN || error == -ECONNRESET;
}

/* A terminal whose last process is gone answers EIO: that is the end, too. */
static enum flow_need fill(struct flow *f)
{
	ssize_t got = io_read_some(f->from, f->buf, sizeof(f->buf));

	if (got == -EAGAIN)
		return FLOW_INPUT;
	if (is_lost(got))
		return FLOW_LOST;
	if (got <= 0 && f->at_end < 0)
		return FLOW_ENDED;
	f->off = 0;
	f->len = got > 0 ? (unsigned)got : 1;
	f->moved += f->len;
	if (got > 0)
		return FLOW_OUTPUT;
	f->buf[0] = (char)f->at_end;
	f->at_end = -1;
	return FLOW_OUTPUT;
}

enum flow_need flow_run(struct flow *f)
{
	ssize_t put;

	if (f->len == 0) {
		enum flow_need need = fill(f);

		if (need != FLOW_OUTPUT)
			return need;
	}
	put = io_write_some(f->to, f->buf + f->off, f->len);
	if (put == -EAGAIN)
		return FLOW_OUTPUT;
	if (put < 0)
		return is_lost(put) ? FLOW_LOST : FLOW_ENDED;
	f->sent += (uint64_t)put;
	f->off += (unsigned)put;
	f->len -= (unsigned)put;
	return f->len ? FLOW_OUTPUT : FLOW_INPUT;
}
