/* stdio.h - our stdin, stdout and stderr, and the guest's. */
#ifndef RUNNER_STDIO_H
#define RUNNER_STDIO_H

#include <stdbool.h>

#include "lib/proto.h"
#include "runner/broker.h"
#include "runner/pump.h"

struct stdio_stream {
	struct broker_port port;
	struct pump pump;
	enum stream number;
	bool connected;
};

struct stdio {
	bool tty;			/* raw mode when stdin stands and is a terminal */
	struct stdio_stream stream[N_STREAMS];
	struct pump console;		/* the guest's kernel console to stderr, --console */
	bool console_on;
};

/* The first thing of all: descriptors 0, 1 and 2 are taken, no other one reaches a child by
 * accident, and a reader that leaves or a file grown too large is an error of write(2). */
void stdio_secure(void);

/* Is our stdin /dev/null? */
bool stdio_no_input(void);

/* The streams of command `id`; console: fd of the console pipe to copy to stderr, or -1. */
void stdio_init(struct stdio *s, uint32_t id, bool tty, int console, struct watch_set *set);

/* The guest may connect its streams now; until one stands, our side of it is not read. */
void stdio_offer(struct stdio *s, struct broker *b);

/* The command has ended, and wrote that much to stdout and to stderr. */
void stdio_expect(struct stdio *s, const uint64_t output[2]);

/* Has all the guest wrote on stdout and stderr been written, or can it not be? */
bool stdio_outputs_done(const struct stdio *s);

/* Bytes of both so far. */
uint64_t stdio_output(const struct stdio *s);

/* Is there an output of which we wait for more, rather than for its reader? */
bool stdio_waits_for_guest(const struct stdio *s);

/* Was output lost for another reason than that its reader left?  Says which. */
int stdio_error(const struct stdio *s, struct err *err);

#endif
