/* request.c - what is done with a request: receive, call, wait, answer.
 *
 * A request that is refused is read to its end before it is told so: a client that still
 * sends would see a reset connection, not the reason.  Exceptions are a client that waits
 * for our leave to send, and a body that says it is too large. */
#include "runner/http/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/num.h"
#include "runner/http/answer.h"

#define SWALLOW (1u << 20)	/* bytes beyond max_body that are read for the sake of a 413 */

static void enter(struct request *r, enum phase phase)
{
	r->front->n[r->phase]--;
	r->phase = phase;
	r->front->n[phase]++;
}

static void forget(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The first refusal counts.  The body's memory is given back before its rest arrives. */
static void refuse(struct request *r, unsigned status, const char *why)
{
	if (r->refused)
		return;
	r->refused = status;
	r->why = why;
	forget(&r->body);
}

/* --- answering --------------------------------------------------------------------------- */

/* Consumes the response, which may be NULL. */
static enum MHD_Result send_response(struct request *r, unsigned status, struct MHD_Response *resp)
{
	enum MHD_Result queued;

	if (!resp)
		return MHD_NO;
	if (r->front->draining)
		MHD_add_response_header(resp, MHD_HTTP_HEADER_CONNECTION, "close");
	queued = MHD_queue_response(r->connection, status, resp);
	MHD_destroy_response(resp);
	enter(r, SENDING);
	return queued;
}

static struct MHD_Response *text(const char *line)
{
	char *bytes = strdup(line);
	struct MHD_Response *resp;

	if (!bytes)
		return NULL;
	resp = MHD_create_response_from_buffer(strlen(bytes), bytes, MHD_RESPMEM_MUST_FREE);
	if (!resp)
		free(bytes);
	else if (*line)
		MHD_add_response_header(resp, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	return resp;
}

static enum MHD_Result send_text(struct request *r, unsigned status, const char *line)
{
	struct MHD_Response *resp = text(line);

	if (resp && status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(resp, MHD_HTTP_HEADER_ALLOW, route_method(r->route));
	return send_response(r, status, resp);
}

static enum MHD_Result send_refusal(struct request *r)
{
	return send_text(r, r->refused, r->why);
}

/* The output file becomes the response's. */
static struct MHD_Response *output(struct request *r, uint64_t size)
{
	struct MHD_Response *resp = MHD_create_response_from_fd_at_offset64(size, r->output, 0);

	if (!resp)
		return NULL;
	r->output = -1;
	MHD_add_response_header(resp, MHD_HTTP_HEADER_CONTENT_TYPE,
				r->route == ROUTE_METRICS ? "text/plain; version=0.0.4" :
							    "application/octet-stream");
	return resp;
}

static struct MHD_Response *output_or_message(struct request *r)
{
	char line[sizeof(r->answer.message) + 1];
	off_t size = lseek(r->output, 0, SEEK_END);

	if (size > 0)
		return output(r, (uint64_t)size);
	snprintf(line, sizeof(line), "%s%s", r->answer.message, r->answer.message[0] ? "\n" : "");
	return text(line);
}

static enum MHD_Result send_answer(struct request *r)
{
	struct MHD_Response *resp = output_or_message(r);
	struct header h[ANSWER_HEADERS];
	unsigned n = r->route == ROUTE_CALL ? answer_headers(&r->answer, h) : 0;

	for (unsigned i = 0; resp && i < n; i++)
		MHD_add_response_header(resp, h[i].name, h[i].value);
	return send_response(r, r->answer.status, resp);
}

/* --- receiving --------------------------------------------------------------------------- */

static const char *header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static void find_route(struct request *r, const char *path, const char *method)
{
	const char *name = "";

	r->route = route_of(path, &name);
	strncpy(r->name, name, sizeof(r->name) - 1);
	if (r->route == ROUTE_NONE)
		refuse(r, MHD_HTTP_NOT_FOUND, "there is nothing by this name\n");
	else if (strcmp(method, route_method(r->route)))
		refuse(r, MHD_HTTP_METHOD_NOT_ALLOWED,
		       r->route == ROUTE_CALL ? "functions take POST\n" : "this takes GET\n");
}

/* Two opinions on where the body ends are how one request is made to look like two. */
static void check_length(struct request *r)
{
	const char *length = header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t n = 0;

	if (!length)
		return;
	if (header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING))
		refuse(r, MHD_HTTP_BAD_REQUEST, "a body has a length or is chunked, not both\n");
	else if (num_u64(length, &n) < 0 || n > r->front->max_body)
		refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, r->front->too_large);
}

static bool is_refused_at_once(const struct request *r)
{
	return r->refused == MHD_HTTP_BAD_REQUEST || r->refused == MHD_HTTP_CONTENT_TOO_LARGE ||
	       (r->refused && header(r, MHD_HTTP_HEADER_EXPECT));
}

static enum MHD_Result begin(struct front *f, struct MHD_Connection *c, const char *path,
			     const char *method, void **state)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return MHD_NO;
	*r = (struct request){ .front = f, .connection = c, .body = -1, .output = -1 };
	r->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	f->n[RECEIVING]++;
	*state = r;
	find_route(r, path, method);
	check_length(r);
	if (r->route == ROUTE_CALL && !r->refused) {
		r->body = memfd_create("body", MFD_CLOEXEC);
		if (r->body < 0)
			refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE, "no file for the body\n");
	}
	return is_refused_at_once(r) ? send_refusal(r) : MHD_YES;
}

static enum MHD_Result receive(struct request *r, const char *data, size_t n)
{
	uint64_t max = r->front->max_body;

	r->received += n;
	if (r->received > max && r->received - max > SWALLOW)
		return MHD_NO;
	if (r->received > max)
		refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, r->front->too_large);
	if (r->body >= 0 && io_write(r->body, data, n) < 0)
		refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for the body\n");
	return MHD_YES;
}

/* --- calling ----------------------------------------------------------------------------- */

/* A call's body and output, or the metrics' output alone. */
static int ask_serve(struct request *r)
{
	bool call = r->route == ROUTE_CALL;
	int fds[2];

	r->output = memfd_create("output", MFD_CLOEXEC);
	if (r->output < 0 || (call && lseek(r->body, 0, SEEK_SET) < 0))
		return -errno;
	fds[0] = call ? r->body : r->output;
	fds[1] = r->output;
	return pending_start(&r->front->calls, call ? HTTP_CALL : HTTP_METRICS, r->name, fds,
			   call ? 2 : 1, r, &r->call);
}

/* All of it has arrived. */
static enum MHD_Result act(struct request *r)
{
	int rc;

	if (r->refused)
		return send_refusal(r);
	if (r->route == ROUTE_HEALTH)
		return send_text(r, MHD_HTTP_OK, "ok\n");
	rc = ask_serve(r);
	if (rc < 0)
		return send_text(r, MHD_HTTP_SERVICE_UNAVAILABLE,
				 rc == -EBUSY ? "too many calls at once\n" :
						"calls cannot be taken now\n");
	enter(r, CALLING);
	MHD_suspend_connection(r->connection);
	return MHD_YES;
}

void request_answered(struct request *r, const struct http_msg *answer)
{
	r->answer = *answer;
	answer_clean(&r->answer);
	enter(r, ANSWERED);
	MHD_resume_connection(r->connection);
}

/* A resumed connection is handled once more, and that is where it can be closed. */
void request_abandon(struct request *r)
{
	if (r->phase != CALLING)
		return;
	pending_cancel(&r->front->calls, r->call);
	enter(r, GONE);
	MHD_resume_connection(r->connection);
}

/* --- for MHD ----------------------------------------------------------------------------- */

enum MHD_Result request_handle(void *front, struct MHD_Connection *c, const char *path,
			       const char *method, const char *version, const char *data,
			       size_t *n, void **state)
{
	struct request *r = *state;
	size_t arrived = *n;

	(void)version;
	if (!r)
		return begin(front, c, path, method, state);
	*n = 0;
	if (arrived > 0)
		return receive(r, data, arrived);
	switch (r->phase) {
	case RECEIVING:
		return act(r);
	case ANSWERED:
		return send_answer(r);
	default:
		return MHD_NO;
	}
}

void request_ended(void *front, struct MHD_Connection *c, void **state,
		   enum MHD_RequestTerminationCode how)
{
	struct request *r = *state;

	(void)front, (void)c, (void)how;
	if (!r)
		return;
	if (r->phase == CALLING)
		pending_cancel(&r->front->calls, r->call);
	r->front->n[r->phase]--;
	forget(&r->body);
	forget(&r->output);
	free(r);
	*state = NULL;
}
