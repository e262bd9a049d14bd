/* pool.c - `sandbox pool`: keeps machines ready at a socket, for `sandbox run --pool`.
 *
 * A connection is a wish for one machine: it gets the oldest, as descriptors, and has it from
 * then on; this process is not asked again.  Only this user can connect. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/cmd.h"
#include "runner/listen.h"
#include "runner/opts.h"
#include "runner/ready.h"
#include "runner/say.h"
#include "runner/signals.h"

#define MAX_CLIENTS 256			/* that wait for a machine */

struct client {
	struct loop_io io;		/* hangs up when it does not want to wait any more */
	struct client *next;
};

static struct pool {
	struct opts opts;
	const char *path;
	struct ready ready;
	struct loop loop;
	struct loop_io listener, signals;
	struct client *first, **end;	/* the longest waiting is served first */
	unsigned clients;
	bool announced;
} pool;

/* --- clients ----------------------------------------------------------------------------------- */

static void remove_client(struct pool *p, struct client *c)
{
	struct client **at = &p->first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (p->end == &c->next)
		p->end = at;
	p->clients--;
	loop_del(&p->loop, &c->io);
	close(c->io.fd);
	free(c);
}

static void client_ready(struct loop_io *io, uint32_t events)
{
	(void)events;			/* it has nothing to say: it left */
	remove_client(&pool, owner_of(io, struct client, io));
}

static void add_client(struct pool *p, int fd)
{
	struct client *c = p->clients < MAX_CLIENTS ? calloc(1, sizeof(*c)) : NULL;

	if (c)
		c->io = (struct loop_io){ .fd = fd, .ready = client_ready };
	if (!c || loop_add(&p->loop, &c->io, EPOLLIN) < 0) {
		free(c);
		close(fd);
		return;
	}
	*p->end = c;
	p->end = &c->next;
	p->clients++;
}

static void listener_ready(struct loop_io *io, uint32_t events)
{
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0)
		add_client(&pool, fd);
}

static void serve_clients(struct pool *p)
{
	while (p->first && ready_hand_out(&p->ready, p->first->io.fd, 1) != -EAGAIN)
		remove_client(p, p->first);
}

/* --- the loop ---------------------------------------------------------------------------------- */

static void signals_ready(struct loop_io *io, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (io_read_some(io->fd, &info, sizeof(info)) != sizeof(info))
		return;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;			/* keepers, of machines that have ended */
	if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT || info.ssi_signo == SIGHUP)
		pool.loop.stop = true;
}

static int patience(const struct pool *p)
{
	uint64_t due = ready_due(&p->ready);

	return due == UINT64_MAX ? -1 : (int)((due + 999999) / 1000000);
}

static void serve(struct pool *p)
{
	while (!p->loop.stop) {
		loop_once(&p->loop, patience(p));
		ready_fill(&p->ready);
		serve_clients(p);
		if (!p->announced && p->ready.n == p->ready.want) {
			say("pool: %u machine%s ready at %s", p->ready.n, p->ready.n > 1 ? "s" : "",
			    p->path);
			p->announced = true;
		}
	}
}

static int open_all(struct pool *p, struct err *err)
{
	struct rlimit files;
	int rc;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;	/* four a machine */
		setrlimit(RLIMIT_NOFILE, &files);
	}
	p->end = &p->first;
	p->listener = (struct loop_io){ .fd = listen_unix(p->path, SOCK_SEQPACKET, err),
					.ready = listener_ready };
	if (p->listener.fd < 0)
		return p->listener.fd;
	rc = loop_init(&p->loop);
	if (rc < 0)
		return err_set(err, -rc, "no epoll set");
	rc = ready_open(&p->ready, &p->opts.spec, &p->loop, err);
	if (rc < 0)
		return rc;
	p->ready.want = p->opts.spec.size;
	p->signals = (struct loop_io){ .fd = signals_open(err), .ready = signals_ready };
	if (p->signals.fd < 0)
		return p->signals.fd;
	if (loop_add(&p->loop, &p->signals, EPOLLIN) < 0 ||
	    loop_add(&p->loop, &p->listener, EPOLLIN) < 0)
		return err_set(err, ENOMEM, "no epoll set");
	return 0;
}

static int parse(struct pool *p, int argc, char **argv, struct err *err)
{
	int rc = opts_parse(&p->opts, SPEC_MACHINE | SPEC_POOL, argc, argv, err);

	if (rc < 0 || p->opts.spec.help)
		return rc;
	if (p->opts.argc != 1)
		return err_set(err, EINVAL, "pool: give one path for its socket; try: sandbox pool --help");
	p->path = p->opts.argv[0];
	return 0;
}

int cmd_pool(int argc, char **argv)
{
	struct pool *p = &pool;
	struct err err;
	int rc = parse(p, argc, argv, &err);

	if (rc == 0 && p->opts.spec.help) {
		help_pool();
		return 0;
	}
	if (rc == 0) {
		rc = open_all(p, &err);
		if (rc == 0) {
			serve(p);
			ready_close(&p->ready);
			while (waitpid(-1, NULL, 0) > 0)
				;	/* the keepers clean up */
		}
		if (p->listener.fd >= 0)
			unlink(p->path);
	}
	if (rc < 0)
		say("%s", err.msg);
	return rc < 0 ? EXIT_SANDBOX : 0;
}
