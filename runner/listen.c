/* listen.c - sockets that wait for others. */
#include "runner/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/num.h"

#define BACKLOG 256
#define UNIX "unix:"

/* --- a path ----------------------------------------------------------------------------------- */

/* The file is a socket and nobody answers: its owner was killed. */
static bool is_stale(const struct sockaddr_un *a, int type)
{
	autoclose int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct stat st;

	return lstat(a->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) && fd >= 0 &&
	       connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 && errno == ECONNREFUSED;
}

static int bind_private(int fd, const struct sockaddr_un *a)
{
	mode_t before = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 ? -errno : 0;

	umask(before);
	return rc;
}

int listen_unix(const char *path, int type, struct err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	autoclose int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc;

	if (!*path || strlen(path) >= sizeof(a.sun_path))
		return err_set(err, ENAMETOOLONG, "socket '%.60s': a path of 1 to %zu bytes is needed",
			       path, sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, path);
	if (fd < 0)
		return err_sys(err, "no socket");
	rc = bind_private(fd, &a);
	if (rc == -EADDRINUSE && is_stale(&a, type)) {
		unlink(path);
		rc = bind_private(fd, &a);
	}
	if (rc == -EADDRINUSE)
		return err_set(err, EADDRINUSE, "socket %s: is in use", path);
	if (rc < 0)
		return err_set(err, -rc, "socket %s: %s", path, strerror(-rc));
	if (listen(fd, BACKLOG) < 0)
		return err_sys(err, "socket %s", path);
	return fd_take(&fd);
}

/* --- an address ------------------------------------------------------------------------------- */

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

/* "127.0.0.1:80" or "[::1]:80": numbers only, nothing is looked up. */
static int parse(const char *text, struct address *a)
{
	const char *colon = strrchr(text, ':');
	bool v6 = text[0] == '[';
	char host[INET6_ADDRSTRLEN];
	uint64_t port;
	int n;

	if (!colon || num_u64(colon + 1, &port) < 0 || port > 65535 || (v6 && colon[-1] != ']'))
		return -EINVAL;
	n = snprintf(host, sizeof(host), "%.*s", (int)(colon - text) - 2 * v6, text + v6);
	if (n < 0 || n >= (int)sizeof(host))
		return -EINVAL;
	*a = (struct address){ .len = v6 ? sizeof(a->in6) : sizeof(a->in) };
	if (v6) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons((uint16_t)port);
		return inet_pton(AF_INET6, host, &a->in6.sin6_addr) == 1 ? 0 : -EINVAL;
	}
	a->in.sin_family = AF_INET;
	a->in.sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &a->in.sin_addr) == 1 ? 0 : -EINVAL;
}

static bool is_loopback(const struct address *a)
{
	return a->any.sa_family == AF_INET ? ntohl(a->in.sin_addr.s_addr) >> 24 == 127 :
					     IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
}

int listen_at(const char *address, struct err *err)
{
	autoclose int fd = -1;
	struct address a;
	int on = 1;

	if (!strncmp(address, UNIX, strlen(UNIX)))
		return listen_unix(address + strlen(UNIX), SOCK_STREAM, err);
	if (parse(address, &a) < 0)
		return err_set(err, EINVAL, "listen: '%.60s' is none of 127.0.0.1:PORT, [::1]:PORT and "
			       "unix:PATH", address);
	if (!is_loopback(&a))
		return err_set(err, EPERM, "listen: %.60s is not of this host only; use 127.0.0.1, [::1] "
			       "or unix:PATH, behind a proxy", address);
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &a.any, a.len) < 0 || listen(fd, BACKLOG) < 0)
		return err_sys(err, "listen %.60s", address);
	return fd_take(&fd);
}

void listen_remove(const char *address)
{
	if (!strncmp(address, UNIX, strlen(UNIX)))
		unlink(address + strlen(UNIX));
}
