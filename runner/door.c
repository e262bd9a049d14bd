/* door.c - how other commands of this user reach a running machine. */
#include "runner/door.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

/* By way of the directory's descriptor: a path that would be too long for a socket is none there. */
static socklen_t address(struct sockaddr_un *a, int dir)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/door", dir);
	return sizeof(*a);
}

/* This user, or one who could be anybody. */
static bool is_ours(int sock)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
	       (who.uid == geteuid() || who.uid == 0);
}

/* --- the machine's side ---------------------------------------------------------------- */

static void next_client(struct door *d)
{
	watch_close(&d->client);
	d->listener.want = POLLIN;
}

static bool is_request(const struct door_request *q, ssize_t got, int fd)
{
	struct stat st;

	if (got != sizeof(*q) || q->version != DOOR_VERSION || q->op == 0 || q->op >= N_DOOR_OPS ||
	    q->arg < 0 || q->arg > 64)
		return false;
	return q->op == DOOR_SAVE ? fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) : fd < 0;
}

static void client_ready(struct watch *w, short events)
{
	struct door *d = owner_of(w, struct door, client);
	struct door_request q = { 0 };
	autoclose int fd = -1;
	ssize_t got = io_recv_fd(w->fd, &q, sizeof(q), &fd);

	(void)events;
	if (got == -EAGAIN)
		return;
	if (!is_request(&q, got, fd)) {
		next_client(d);		/* it has left, or is none of ours */
		return;
	}
	w->want = 0;			/* until it is answered; a hang-up shows nevertheless */
	d->asked(d, &q, fd);
}

static void listener_ready(struct watch *w, short events)
{
	struct door *d = owner_of(w, struct door, listener);
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	if (!is_ours(fd)) {
		close(fd);
		return;
	}
	d->client.fd = fd;
	d->client.want = POLLIN;
	w->want = 0;
}

int door_open(struct door *d, int dir, void (*asked)(struct door *, const struct door_request *, int fd),
	      struct watch_set *set, struct err *err)
{
	struct sockaddr_un a;
	socklen_t n = address(&a, dir);
	autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(err, "no socket");
	if (bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, 8) < 0)
		return err_sys(err, "no socket for others");
	*d = (struct door){ .listener = { fd_take(&fd), POLLIN, listener_ready },
			    .client = { -1, 0, client_ready }, .asked = asked };
	watch_add(set, &d->listener);
	watch_add(set, &d->client);
	return 0;
}

void door_answer(struct door *d, const struct door_answer *a)
{
	if (d->client.fd < 0)
		return;
	io_send_fd(d->client.fd, a, sizeof(*a), -1);
	next_client(d);
}

void door_answer_plain(struct door *d, const struct err *err)
{
	static struct door_answer a;

	a = (struct door_answer){ .version = DOOR_VERSION, .err = *err };
	door_answer(d, &a);
}

/* --- the other side -------------------------------------------------------------------- */

int door_ask(int dir, const char *name, const struct door_request *q, int fd, struct door_answer *a,
	     struct err *err)
{
	struct sockaddr_un to;
	socklen_t n = address(&to, dir);
	autoclose int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int unwanted = -1;
	ssize_t got;

	if (sock < 0 || connect(sock, (struct sockaddr *)&to, n) < 0 || !is_ours(sock))
		return err_set(err, ENOENT, "machine '%s' has ended", name);
	if (io_send_fd(sock, q, sizeof(*q), fd) < 0)
		return err_sys(err, "machine '%s'", name);
	got = io_recv_fd(sock, a, sizeof(*a), &unwanted);
	if (got != sizeof(*a) || a->version != DOOR_VERSION)
		return err_set(err, EPIPE, "machine '%s' ended before it answered", name);
	a->text[sizeof(a->text) - 1] = a->err.msg[sizeof(a->err.msg) - 1] = '\0';
	*err = a->err;
	if (a->err.code < 0)
		err->code = EPROTO;
	return err->code ? -err->code : fd_take(&sock);
}
