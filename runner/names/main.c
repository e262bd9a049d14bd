/* main.c - sandbox-names: asks this host's resolver for sandbox-net, which may ask nobody.
 *
 * What it reads are names that sandbox-net has let pass: letters, digits, '-', '_' and '.'; what
 * it says are addresses, and sandbox-net looks at them before the guest does.  A few threads, for
 * the C library's resolver takes one name at a time; what they do not get to is refused there. */
#include <errno.h>
#include <linux/close_range.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/rights.h"
#include "runner/net/dns.h"
#include "runner/net/wire.h"

#define THREADS 4

static uint32_t rcode_of(int rc)
{
	return rc == 0 || rc == EAI_NODATA ? DNS_OK : rc == EAI_NONAME ? DNS_NXDOMAIN : DNS_SERVFAIL;
}

static void resolve(const char *name, struct name_answer *a)
{
	static const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(name, NULL, &hints, &list);

	a->rcode = rcode_of(rc);
	if (rc != 0)
		return;
	for (const struct addrinfo *i = list; i && a->n < NET_ADDRESSES; i = i->ai_next) {
		struct sockaddr_in in;

		memcpy(&in, i->ai_addr, sizeof(in));
		a->address[a->n++] = ntohl(in.sin_addr.s_addr);
	}
	freeaddrinfo(list);
}

/* Each takes the next packet; the end of the socket is the end of all. */
static void *serve(void *unused)
{
	struct name_ask ask;

	(void)unused;
	while (recv(NET_FD_RUNNER, &ask, sizeof(ask), 0) == sizeof(ask)) {
		struct name_answer a = { .serial = ask.serial };

		ask.name[sizeof(ask.name) - 1] = '\0';
		resolve(ask.name, &a);
		if (send(NET_FD_RUNNER, &a, sizeof(a), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

static int drop(struct err *err)
{
	struct rlimit none = { 0, 0 };

	if (syscall(SYS_close_range, NET_FD_RUNNER + 1, ~0u, 0) < 0 || chdir("/") < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(err, "belongings");
	return rights_drop(err);
}

int main(void)
{
	struct err err = { 0 };
	pthread_t thread;

	if (drop(&err) < 0) {
		fprintf(stderr, "sandbox-names: %s\n", err.msg);
		return 125;
	}
	for (unsigned i = 1; i < THREADS; i++)
		if (pthread_create(&thread, NULL, serve, NULL))
			break;			/* fewer do, too */
	serve(NULL);
}
