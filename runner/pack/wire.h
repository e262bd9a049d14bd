/* wire.h - what `sandbox` and sandbox-pack, which makes root images for it, say to each other.
 *
 * One SOCK_SEQPACKET pair, one struct pack_msg a packet.  sandbox-pack reads strangers' bytes and
 * is not trusted: what it asks for is checked, and what it says of itself is text for a user. */
#ifndef RUNNER_PACK_WIRE_H
#define RUNNER_PACK_WIRE_H

#include <stdint.h>

#include "lib/err.h"

/* What it is started with, besides 0, 1 and 2. */
enum {
	PACK_FD_ASK = 3,	/* the socket */
	PACK_FD_IMAGE,		/* an empty file: becomes the image */
	PACK_FD_SCRATCH,	/* an empty file, for what has to lie somewhere meanwhile */
	PACK_FD_SOURCE,		/* a file to be read, or a directory */
	PACK_FD_END,
};

enum pack_op {
	PACK_BLOB = 1,		/* pack: open `text`, a file of an OCI layout; answer: its descriptor,
				 * or none and `err` */
	PACK_CONFIG,		/* pack: text[0..len) is what the image says of its command */
	PACK_DONE,		/* pack: the image is whole */
	PACK_FAILED,		/* pack: `err` */
};

#define PACK_TEXT 32768

/* PACK_CONFIG's text: strings, each with its NUL, of which the first byte says what it is. */
enum { CONFIG_ENV = 'E', CONFIG_CWD = 'W', CONFIG_USER = 'U', CONFIG_ENTRYPOINT = 'P',
       CONFIG_CMD = 'C' };

struct pack_msg {
	uint32_t op;
	uint32_t len;			/* of text, in bytes */
	struct err err;
	char text[PACK_TEXT];
};

#endif
