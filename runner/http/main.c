/* main.c - sandbox-http, the HTTP/1.1 front of `sandbox serve`, which starts it:
 *
 *	sandbox-http --max-body BYTES
 *
 * with the descriptors of wire.h.  It turns requests into calls and answers into
 * responses, and can do nothing else: whoever takes it over with a request has what the
 * clients have anyway, their calls. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/num.h"
#include "runner/http/drop.h"
#include "runner/http/front.h"

static int read_options(int argc, char **argv, uint64_t *max_body, struct err *err)
{
	if (argc != 3 || strcmp(argv[1], "--max-body") || num_u64(argv[2], max_body) < 0)
		return err_set(err, EINVAL, "`sandbox serve` starts this: --max-body BYTES");
	return 0;
}

static int option(int fd, int name)
{
	socklen_t n = sizeof(int);
	int value = -1;

	return getsockopt(fd, SOL_SOCKET, name, &value, &n) == 0 ? value : -1;
}

static int check_fds(struct err *err)
{
	if (option(HTTP_FD_SERVE, SO_TYPE) != SOCK_SEQPACKET)
		return err_set(err, EBADF, "descriptor %d is not serve's socket", HTTP_FD_SERVE);
	if (option(HTTP_FD_LISTEN, SO_ACCEPTCONN) != 1)
		return err_set(err, EBADF, "descriptor %d does not listen", HTTP_FD_LISTEN);
	if (fcntl(HTTP_FD_SERVE, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, "descriptor %d", HTTP_FD_SERVE);
	return 0;
}

static int run(uint64_t max_body, struct err *err)
{
	static struct front front;
	int rc = drop_belongings(err);

	if (rc == 0)
		rc = check_fds(err);
	if (rc == 0)
		rc = rights_drop(err);
	if (rc == 0)
		rc = front_init(&front, HTTP_FD_LISTEN, HTTP_FD_SERVE, max_body, err);
	if (rc == 0)
		rc = drop_calls(err);
	while (rc == 0)
		rc = front_step(&front, err);
	return rc;
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	uint64_t max_body;
	int rc = read_options(argc, argv, &max_body, &err);

	if (rc == 0)
		rc = run(max_body, &err);
	if (rc >= 0)
		return 0;
	fprintf(stderr, "sandbox-http: %s\n", err.msg);
	return 125;
}
