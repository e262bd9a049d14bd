/* door.c - how other commands of this user reach a running machine. */
#include "runner/door.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define MAX_NAME 64

struct door_request {
	uint32_t version, zero;
};

bool door_is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");

	return n > 0 && n < MAX_NAME && name[n] == '\0';
}

/* Of this user's machine: the length of the address. */
static socklen_t address(struct sockaddr_un *a, const char *name)
{
	int n;

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "sandbox/%u/%s", geteuid(), name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
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

static void client_ready(struct watch *w, short events)
{
	struct door *d = owner_of(w, struct door, client);
	struct door_request q = { 0 };
	autoclose int fd = -1;
	ssize_t got = io_recv_fd(w->fd, &q, sizeof(q), &fd);
	struct stat st;

	(void)events;
	if (got == -EAGAIN)
		return;
	if (got != sizeof(q) || q.version != DOOR_VERSION || fd < 0 || fstat(fd, &st) < 0 ||
	    !S_ISREG(st.st_mode)) {
		next_client(d);		/* it has left, or is none of ours */
		return;
	}
	w->want = 0;			/* until it is answered; a hang-up shows nevertheless */
	d->save(d, fd);
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

int door_open(struct door *d, const char *name, void (*save)(struct door *, int fd),
	      struct watch_set *set, struct err *err)
{
	struct sockaddr_un a;
	socklen_t n = address(&a, name);
	autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(err, "no socket");
	if (bind(fd, (struct sockaddr *)&a, n) < 0 && errno == EADDRINUSE)
		return err_set(err, EADDRINUSE, "name: there is a machine '%s' already", name);
	if (listen(fd, 8) < 0)
		return err_sys(err, "name: '%s'", name);
	*d = (struct door){ .listener = { fd_take(&fd), POLLIN, listener_ready },
			    .client = { -1, 0, client_ready }, .save = save };
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

/* --- the other side -------------------------------------------------------------------- */

int door_ask(const char *name, int fd, struct door_answer *a, struct err *err)
{
	const struct door_request q = { .version = DOOR_VERSION };
	struct sockaddr_un to;
	socklen_t n = address(&to, name);
	autoclose int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int unwanted = -1;
	ssize_t got;

	if (sock < 0 || connect(sock, (struct sockaddr *)&to, n) < 0 || !is_ours(sock))
		return err_set(err, ENOENT, "there is no savable machine '%s'; start one with: "
			       "sandbox run --savable --name %s", name, name);
	if (io_send_fd(sock, &q, sizeof(q), fd) < 0)
		return err_sys(err, "machine '%s'", name);
	got = io_recv_fd(sock, a, sizeof(*a), &unwanted);
	if (got != sizeof(*a) || a->version != DOOR_VERSION)
		return err_set(err, EPIPE, "machine '%s' ended before it was saved", name);
	a->text[sizeof(a->text) - 1] = '\0';
	*err = a->err;
	return -a->err.code;
}
