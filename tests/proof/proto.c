/* proto.c - for Frama-C: whatever a guest's frame has in it, msg_check_header() and msg_check() read
 * nothing but the frame. */
#include <__fc_builtin.h>

#include "lib/proto.c"

static struct msg m;

int main(void)
{
	Frama_C_make_unknown((char *)&m, sizeof(m));
	if (msg_check_header(&m.head, FROM_GUEST) == 0)
		msg_check(&m, FROM_GUEST);
	return 0;
}
