/* main.c - sandbox-net, which stands between a machine and passt; `sandbox run` starts it with the
 * descriptors of wire.h.
 *
 * It reads what a hostile guest sends, and can do nothing but pass it on: whoever takes it over
 * has passt, so the network, and the log of it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/rights.h"
#include "runner/net/relay.h"
#include "seccomp/load.h"

static struct relay relay;		/* large: zero pages until used */

static int optional(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : fd;
}

static int stream(struct relay_end *e, int fd, struct err *err)
{
	e->fd = fd;
	return fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0 ? err_sys(err, "descriptor %d", fd) : 0;
}

static int take_fds(struct relay *r, struct err *err)
{
	int rc = stream(&r->guest, NET_FD_GUEST, err);

	if (rc == 0)
		rc = stream(&r->passt, NET_FD_PASST, err);
	if (rc == 0 && fcntl(NET_FD_NAMES, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		rc = err_sys(err, "descriptor %d", NET_FD_NAMES);
	r->resolve.names = NET_FD_NAMES;
	r->runner = NET_FD_RUNNER;
	tell_init(&r->tell, optional(NET_FD_LOG), optional(NET_FD_PCAP));
	return rc;
}

static int read_setup(struct net_setup *s, struct err *err)
{
	ssize_t got = recv(NET_FD_RUNNER, s, sizeof(*s), 0);

	if (got != sizeof(*s) || s->n_rules > MAX_ALLOW || s->n_own > NET_OWN ||
	    s->n_published > MAX_PUBLISH)
		return err_set(err, EPROTO, "`sandbox run` starts this: no setup on descriptor %d",
			       NET_FD_RUNNER);
	return 0;
}

static int drop(struct err *err)
{
	struct rlimit none = { 0, 0 };
	int rc;

	if (syscall(SYS_close_range, NET_FD_END, ~0u, 0) < 0 || chdir("/") < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(err, "belongings");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	rc = rights_drop(err);
	if (rc < 0)
		return rc;
	rc = seccomp_install(POLICY_NET);
	return rc < 0 && rc != -ENOTSUP ? err_set(err, -rc, "seccomp filter: %s", strerror(-rc)) : 0;
}

int main(void)
{
	struct net_report report = { .err = { 0 } };
	int rc = read_setup(&relay.setup, &report.err);

	if (rc == 0)
		rc = take_fds(&relay, &report.err);
	if (rc == 0)
		rc = drop(&report.err);
	if (rc == 0)
		relay_init(&relay);
	while (rc == 0)
		rc = relay_step(&relay, &report.err);
	report.totals = relay.tell.totals;
	(void)!write(NET_FD_RUNNER, &report, sizeof(report));	/* if nobody listens, it is over all the same */
	return report.err.code ? 125 : 0;
}
