/* welcome.c - what the host knows better than a machine that has just been born, or that many
 * others are a copy of: what time it is, some entropy, who it is. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/random.h>

#include "lib/fd.h"
#include "lib/io.h"

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
	struct { int bits, size; uint8_t buf[sizeof(((struct msg_welcome *)0)->entropy)]; } pool = {
		.bits = (int)(8 * n), .size = (int)n };
	autoclose int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
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

static int id_file = -1;
static uint64_t generation;

/* Put into the overlay's upper layer before there is an overlay: through it, /etc and the file
 * would be copied up.  It stays open, for closing it is one call more in every clone. */
int identity_file(void)
{
	static const char none[] = "00000000000000000000000000000000\n";
	struct stat etc;

	if (lstat("/lower/etc", &etc) < 0 || !S_ISDIR(etc.st_mode))
		return 0;
	if (mkdir("/over/upper/etc", etc.st_mode & 07777) < 0 ||
	    ((etc.st_uid || etc.st_gid) && chown("/over/upper/etc", etc.st_uid, etc.st_gid) < 0))
		return -errno;
	id_file = open("/over/upper/etc/machine-id", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	return id_file < 0 ? -errno : io_write(id_file, none, strlen(none));
}

static int set_identity(const struct msg_welcome *w)
{
	char text[2 * sizeof(w->machine_id) + 2];

	generation = w->generation;
	for (unsigned i = 0; i < sizeof(w->machine_id); i++)
		sprintf(text + 2 * i, "%02x\n", w->machine_id[i]);
	return id_file < 0 ? 0 : io_pwrite(id_file, text, sizeof(text) - 1, 0);
}

uint64_t identity_generation(void)
{
	return generation;
}

/* Its own last words, for a card that is not there sounds like a clock that is not. */
static void set_card(const struct msg_card *card)
{
	int rc = card_mac_ok(card->mac) ? card_init(card) : 0;

	if (rc < 0)
		host_give_up("setting up the network card: %s", strerror(-rc));
}

static void set_files(const struct msg_welcome *w)
{
	int rc = w->files ? files_lay(w->files) : 0;

	if (rc < 0)
		host_give_up("laying files over the root: %s", strerror(-rc));
	rc = w->scratch ? files_scratch(w->scratch) : 0;
	if (rc < 0)
		host_give_up("mounting /scratch: %s", strerror(-rc));
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
	if (rc == 0)
		rc = set_identity(w);
	if (rc == 0)
		set_card(&w->card);
	if (rc == 0)
		set_files(w);
	return rc;
}

int welcome(void)
{
	static struct msg m;

	host_recv(&m);
	return m.head.type == MSG_WELCOME ? take(&m.welcome) : -EPROTO;
}
