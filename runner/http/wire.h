/* wire.h - what `sandbox serve` and its HTTP process say to each other.
 *
 * One SOCK_SEQPACKET pair, one struct http_msg a packet, descriptors with a call only.  The
 * HTTP process reads strangers' bytes and is not trusted: serve checks each packet, and an
 * ill-formed one ends that process.  Descriptors are the receiver's; offsets are 0. */
#ifndef RUNNER_HTTP_WIRE_H
#define RUNNER_HTTP_WIRE_H

#include <stdint.h>

/* What the HTTP process is started with, besides 0, 1 and 2. */
enum { HTTP_FD_SERVE = 3, HTTP_FD_LISTEN };

enum http_op {
	HTTP_CALL = 1,		/* http: call `name`; descriptors: body, output */
	HTTP_METRICS,		/* http: write the metrics to the descriptor */
	HTTP_CANCEL,		/* http: nobody waits for call `id` any more */
	HTTP_ANSWER,		/* serve: request `id` is answered: `status` and all below */
	HTTP_DRAIN,		/* serve: accept no connection, end when all are answered */
};

#define HTTP_NAME 64

struct http_msg {
	uint32_t op;
	uint32_t id;			/* of the request, chosen by the HTTP process */
	char     name[HTTP_NAME];	/* CALL: the function, NUL-terminated */

	uint32_t status;		/* ANSWER: of HTTP */
	int32_t  code;			/* what `sandbox run` would exit with; -1: it did not run */
	char     reason[24];		/* "exit", "timeout"...: the result's; or "" */
	uint64_t queue_us, start_us, command_us, total_us;
	uint64_t memory_kib;		/* the command's peak */
	char     message[160];		/* one line for a body, where the output is none */
};

#endif
