/* broker.h - how connected descriptors reach the vmm, which may not connect().
 *
 * One SOCK_SEQPACKET pair between runner and vmm, one struct broker_msg a packet,
 * at most one descriptor with it (SCM_RIGHTS).  Descriptors are AF_UNIX stream
 * sockets; the receiver owns them.  The vmm treats a malformed packet as the end
 * of the run; the runner treats the vmm's packets as hostile. */
#ifndef LIB_BROKER_H
#define LIB_BROKER_H

#include <stdint.h>

enum broker_op {
	BROKER_REQUEST = 1,	/* vmm: the guest connects to host port `port` as `id` */
	BROKER_ACCEPT,		/* runner: request `id` gets this descriptor */
	BROKER_REFUSE,		/* runner: request `id` is reset */
	BROKER_CONNECT,		/* runner: connect this descriptor to guest port `port`; or, to a run
				 * that visits its machine: the guest has connected it to host port `port` */
	BROKER_STOP,		/* runner: the run is over, stop the machine */
	BROKER_START,		/* runner: a machine that is held may run; once */
	BROKER_SAVE,		/* runner: save a savable machine into this descriptor of a file,
				 * say so with REPORT_SAVED, and go on */
};

struct broker_msg {
	uint32_t op, id, port;
};

#endif
