/* tty.c - raw mode and the way back from it, whatever happens. */
#include "runner/tty.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static int raw_fd;
static volatile sig_atomic_t is_raw;

bool tty_is_raw(void)
{
	return is_raw;
}

/* Only async-signal-safe calls: also runs when we crash.  SIGTTOU is held back, or a
 * runner in the background would stop here instead of restoring. */
void tty_restore(void)
{
	sigset_t ttou, old;

	if (!is_raw)
		return;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	tcsetattr(raw_fd, TCSANOW, &saved);
	is_raw = 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void crashed(int signo)
{
	tty_restore();
	raise(signo);		/* SA_RESETHAND: this time for real */
}

static void restore_on_crash(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGXCPU,
				     SIGALRM };
	struct sigaction sa = { .sa_handler = crashed, .sa_flags = (int)SA_RESETHAND };

	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &sa, NULL);
}

int tty_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &saved) < 0)
		return -errno;
	raw_fd = fd;
	restore_on_crash();
	atexit(tty_restore);
	t = saved;
	cfmakeraw(&t);
	is_raw = 1;		/* first, so that no moment is unprotected */
	if (tcsetattr(fd, TCSANOW, &t) < 0) {
		is_raw = 0;
		return -errno;
	}
	return 0;
}

void tty_window(uint16_t *rows, uint16_t *cols)
{
	struct winsize w;

	*rows = 24;
	*cols = 80;
	for (int fd = 0; fd <= 2; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &w) < 0 || w.ws_row == 0 || w.ws_col == 0)
			continue;
		*rows = w.ws_row;
		*cols = w.ws_col;
		return;
	}
}
