/* signals.c - signals as events of the loop, by signalfd(2). */
#include "runner/signals.h"

#include <sys/signalfd.h>

#include "lib/io.h"

static void signals_ready(struct watch *w, short events)
{
	struct signals *s = owner_of(w, struct signals, watch);
	struct signalfd_siginfo info;

	(void)events;
	if (io_read_some(w->fd, &info, sizeof(info)) == sizeof(info))
		s->got(s, (int)info.ssi_signo);
}

int signals_open(struct err *err)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH,
				      SIGCHLD };
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&mask, wanted[i]);
	signal(SIGCHLD, SIG_DFL);	/* an inherited "ignore" would reap the keeper unseen */
	sigprocmask(SIG_BLOCK, &mask, NULL);
	fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(err, "no signalfd") : fd;
}

int signals_init(struct signals *s, void (*got)(struct signals *s, int signo),
		 struct watch_set *set, struct err *err)
{
	int fd = signals_open(err);

	if (fd < 0)
		return fd;
	s->got = got;
	s->watch = (struct watch){ fd, POLLIN, signals_ready };
	watch_add(set, &s->watch);
	return 0;
}
