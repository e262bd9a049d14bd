/* wire.c - wire COMMAND...: runs COMMAND with a network card's stream as descriptor 3, and is the
 * other end of it, as world.h says.  Its exit status, or 99 if a frame was wrong. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/peer.h"

#define CARD_FD	3
#define FAILED	99

static int must(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	perror(what);
	exit(FAILED);
}

static _Noreturn void become(char **argv, int card)
{
	must(prctl(PR_SET_PDEATHSIG, SIGTERM), "death signal");
	if (card == CARD_FD)
		must(fcntl(card, F_SETFD, 0), "descriptor");
	else
		must(dup2(card, CARD_FD), "descriptor");
	execvp(argv[0], argv);
	must(-1, argv[0]);
	abort();
}

/* Until the command is over. */
static void serve(struct peer *p, int over)
{
	struct pollfd fds[PEER_POLLS + 1];

	for (;;) {
		int timeout = 1000;			/* ms; peer_polls() makes it less */
		unsigned n = peer_polls(p, fds, &timeout);

		fds[n] = (struct pollfd){ .fd = over, .events = POLLIN };
		if (poll(fds, n + 1, timeout) < 0 && errno != EINTR)
			must(-1, "poll");
		if (fds[n].revents)
			return;
		peer_serve(p, fds, n);
	}
}

int main(int argc, char **argv)
{
	static struct peer peer;
	int pair[2], status, small = 4096;	/* bytes on their way: a peer that stalls is felt */
	pid_t pid;

	if (argc < 2)
		return FAILED;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	must(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), "wire");
	pid = must(fork(), "fork");
	if (pid == 0)
		become(argv + 1, pair[1]);
	close(pair[1]);
	peer_init(&peer, pid, -1, pair[0], -1);
	serve(&peer, must((int)syscall(SYS_pidfd_open, pid, 0), "pidfd"));
	must(waitpid(pid, &status, 0), "wait");
	if (peer.complaint[0]) {
		fprintf(stderr, "wire: %s\n", peer.complaint);
		return FAILED;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
