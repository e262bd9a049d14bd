/* request.h - one HTTP request, from its first line to the last byte of its answer. */
#ifndef RUNNER_HTTP_REQUEST_H
#define RUNNER_HTTP_REQUEST_H

#include "runner/http/front.h"
#include "runner/http/route.h"

struct request {
	struct front *front;
	struct MHD_Connection *connection;
	int fd;				/* the connection's: to look at, not to touch */
	enum phase phase;
	enum route route;
	char name[HTTP_NAME];
	unsigned refused;		/* the status it will end with, or 0 */
	const char *why;		/* if refused: one line, not on the heap */
	uint64_t received;		/* bytes of the body, kept or not */
	int body, output;		/* memfds, ours, or -1 */
	uint32_t call;			/* its id, while CALLING */
	struct http_msg answer;		/* if ANSWERED */
};

/* For MHD: something of a request has arrived (MHD_AccessHandlerCallback), or it has ended
 * one way or another (MHD_RequestCompletedCallback). */
enum MHD_Result request_handle(void *front, struct MHD_Connection *c, const char *path,
			       const char *method, const char *version, const char *data,
			       size_t *n, void **state);
void request_ended(void *front, struct MHD_Connection *c, void **state,
		   enum MHD_RequestTerminationCode how);

/* Its call has ended with this answer. */
void request_answered(struct request *r, const struct http_msg *answer);

/* Its client left while it was CALLING: cancel the call, close the connection. */
void request_abandon(struct request *r);

#endif
