/* welcome.c - what the host knows better than a machine that has just been born: what time
 * it is, some entropy, its name. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/random.h>

#include "lib/fd.h"

static int set_clock(uint64_t realtime_ns)
{
	struct timespec t = { .tv_sec = (time_t)(realtime_ns / 1000000000u),
			      .tv_nsec = (long)(realtime_ns % 1000000000u) };

	return clock_settime(CLOCK_REALTIME, &t) < 0 ? -errno : 0;
}

/* Credited, because it comes from the host's getrandom(); the reseed makes even a pool that
 * was ready before, or restored from a copy, differ from the next guest's. */
static int add_entropy(const uint8_t *bytes, size_t n)
{
	struct { int bits, size; uint8_t buf[sizeof(((struct msg_welcome *)0)->entropy)]; } pool;
	autoclose int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	pool.bits = (int)(8 * n);
	pool.size = (int)n;
	memcpy(pool.buf, bytes, n);
	if (ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		return -errno;
	explicit_bzero(&pool, sizeof(pool));
	return 0;
}

/* The kernel gives `lo` its addresses when it comes up. */
int loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	return ioctl(fd, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
}

static int take(struct msg_welcome *w)
{
	size_t len = strlen(w->hostname);
	int rc = set_clock(w->realtime_ns);

	if (rc == 0)
		rc = add_entropy(w->entropy, sizeof(w->entropy));
	explicit_bzero(w->entropy, sizeof(w->entropy));
	if (rc == 0 && len && sethostname(w->hostname, len) < 0)
		rc = -errno;
	return rc;
}

int welcome(void)
{
	static struct msg m;

	host_recv(&m);
	return m.head.type == MSG_WELCOME ? take(&m.welcome) : -EPROTO;
}
