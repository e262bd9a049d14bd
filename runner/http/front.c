/* front.c - the loop: MHD's descriptors, serve's socket, and clients that may leave.
 *
 * The loop is ours and level-triggered.  MHD's own, over an edge-triggered epoll, takes the
 * end of a connection that came together with its last bytes for silence, and lets the
 * connection of a client that is long gone take room until it times out.
 *
 * MHD looks at no connection that is suspended, so the loop does: a client that hung up
 * need not be computed for.  Over TCP, one that only closed its sending side looks the same,
 * and is taken for gone, as most HTTP servers do. */
#include "runner/http/front.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/http/request.h"

#define MAX_CONNECTIONS 256
#define IDLE_SECONDS 30
#define DRAIN_NS 2000000000ull

/* Paths are compared as they were sent, see route.h. */
static size_t leave_escapes(void *cls, struct MHD_Connection *c, char *s)
{
	(void)cls, (void)c;
	return strlen(s);
}

/* MHD found its own state broken and goes no further; nor must we. */
static void panic(void *cls, const char *file, unsigned line, const char *reason)
{
	(void)cls;
	dprintf(STDERR_FILENO, "sandbox-http: libmicrohttpd, %s:%u: %s\n", file, line,
		reason ? reason : "inconsistent");
	_exit(125);
}

int front_init(struct front *f, int listener, int serve, uint64_t max_body, struct err *err)
{
	memset(f, 0, sizeof(*f));
	pending_init(&f->calls, serve);
	f->listener = listener;
	f->max_body = max_body;
	snprintf(f->too_large, sizeof(f->too_large), "the body is larger than %llu bytes\n",
		 (unsigned long long)max_body);
	MHD_set_panic_func(panic, NULL);
	f->mhd = MHD_start_daemon(MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
				  request_handle, f,
				  MHD_OPTION_LISTEN_SOCKET, listener,
				  MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
				  MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
				  MHD_OPTION_NOTIFY_COMPLETED, request_ended, f,
				  MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
				  MHD_OPTION_STRICT_FOR_CLIENT, 1,
				  MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
				  MHD_OPTION_END);
	if (!f->mhd)
		return err_set(err, EIO, "libmicrohttpd does not start");
	return 0;
}

/* --- what to wait for -------------------------------------------------------------------- */

enum { SERVE, CLIENTS };

/* Serve, the clients that wait for an answer, then what MHD waits for. */
struct wait {
	struct pollfd p[CLIENTS + MAX_CALLS + FD_SETSIZE];
	struct request *client[CLIENTS + MAX_CALLS];
	unsigned clients_end, n;
};

static void gather(const struct front *f, struct wait *w)
{
	short out = pending_unsent(&f->calls) ? POLLOUT : 0;

	w->p[SERVE] = (struct pollfd){ .fd = f->calls.fd, .events = (short)(POLLIN | out) };
	w->n = CLIENTS;
	for (unsigned i = 0; i < MAX_CALLS; i++) {
		struct request *r = pending_owner(&f->calls, i);

		if (!r)
			continue;
		w->client[w->n] = r;
		w->p[w->n++] = (struct pollfd){ .fd = r->fd, .events = POLLRDHUP };
	}
	w->clients_end = w->n;
}

/* MHD would accept one too many and close it; this way it waits for another to leave. */
static bool is_full(const struct front *f)
{
	return MHD_get_daemon_info(f->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		       ->num_connections >= MAX_CONNECTIONS;
}

/* It names them as for select(); RLIMIT_NOFILE keeps them below FD_SETSIZE. */
static int gather_mhd(const struct front *f, struct wait *w, struct err *err)
{
	fd_set in, out, none;
	int last = -1;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&none);
	if (MHD_get_fdset(f->mhd, &in, &out, &none, &last) != MHD_YES)
		return err_set(err, EIO, "libmicrohttpd does not say what it waits for");
	if (!f->draining && is_full(f))
		FD_CLR(f->listener, &in);
	for (int fd = 0; fd <= last; fd++) {
		int events = (FD_ISSET(fd, &in) ? POLLIN : 0) | (FD_ISSET(fd, &out) ? POLLOUT : 0);

		if (events)
			w->p[w->n++] = (struct pollfd){ .fd = fd, .events = (short)events };
	}
	return 0;
}

static int until_ms(uint64_t ns)
{
	uint64_t now = now_ns();

	return ns > now ? (int)((ns - now) / 1000000 + 1) : INT_MAX;
}

/* MHD's time is part of its state: 0 where it has read more than it has handled. */
static int timeout_ms(const struct front *f)
{
	MHD_UNSIGNED_LONG_LONG mhd;
	bool has = MHD_get_timeout(f->mhd, &mhd) == MHD_YES;
	int drain = f->draining ? until_ms(f->drain_until) : INT_MAX;

	if (has && mhd < (unsigned)drain)
		return (int)mhd;
	return drain == INT_MAX ? -1 : drain;
}

/* Not poll(), which is another call on each architecture, and a third one after a stop. */
static int wait_for(struct wait *w, int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	return ppoll(w->p, w->n, ms < 0 ? NULL : &t, NULL);
}

/* --- what to do -------------------------------------------------------------------------- */

static void drain(struct front *f)
{
	if (f->draining)
		return;
	f->draining = true;
	f->drain_until = now_ns() + DRAIN_NS;
	close(MHD_quiesce_daemon(f->mhd));
}

/* Everything serve has said; 1 when it says no more. */
static int hear_serve(struct front *f, struct err *err)
{
	struct http_msg msg;
	struct request *r;
	void *owner;
	int heard;

	while ((heard = pending_hear(&f->calls, &msg, &owner)) > HEARD_NOTHING) {
		if (heard == HEARD_END)
			return 1;
		if (heard == HEARD_DRAIN) {
			drain(f);
			continue;
		}
		r = owner;
		request_answered(r, &msg);
	}
	return heard < 0 ? err_set(err, -heard, "from serve: %s", strerror(-heard)) : 0;
}

/* A hang-up makes reads and writes possible: they fail. */
static int run_mhd(const struct front *f, const struct wait *w, struct err *err)
{
	fd_set in, out, none;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&none);
	for (unsigned i = w->clients_end; i < w->n; i++) {
		const struct pollfd *p = &w->p[i];

		if ((p->events & POLLIN) && (p->revents & (POLLIN | POLLHUP | POLLERR)))
			FD_SET(p->fd, &in);
		if ((p->events & POLLOUT) && (p->revents & (POLLOUT | POLLHUP | POLLERR)))
			FD_SET(p->fd, &out);
	}
	if (MHD_run_from_select(f->mhd, &in, &out, &none) != MHD_YES)
		return err_set(err, EIO, "libmicrohttpd's loop failed");
	return 0;
}

static void notice_who_left(const struct wait *w)
{
	for (unsigned i = CLIENTS; i < w->clients_end; i++)
		if (w->p[i].revents & (POLLRDHUP | POLLHUP | POLLERR))
			request_abandon(w->client[i]);
}

/* Calls and answers are waited for, however long they take; serve can always end us.  A
 * request that is still arriving has a moment, a connection without one none. */
static bool is_drained(const struct front *f)
{
	if (!f->draining || f->n[CALLING] || f->n[ANSWERED] || f->n[GONE] || f->n[SENDING])
		return false;
	return f->n[RECEIVING] == 0 || now_ns() >= f->drain_until;
}

int front_step(struct front *f, struct err *err)
{
	struct wait w;
	int rc;

	gather(f, &w);
	rc = gather_mhd(f, &w, err);
	if (rc < 0)
		return rc;
	if (wait_for(&w, timeout_ms(f)) < 0) {
		if (errno != EINTR)
			return err_sys(err, "ppoll");
		return 0;
	}
	notice_who_left(&w);		/* before an answer ends a call that w points to */
	rc = w.p[SERVE].revents ? hear_serve(f, err) : 0;
	if (rc == 0)
		rc = run_mhd(f, &w, err);
	if (rc)
		return rc;
	rc = pending_flush(&f->calls);
	if (rc < 0)
		return err_set(err, -rc, "to serve: %s", strerror(-rc));
	return is_drained(f);
}
