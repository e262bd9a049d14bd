/* card.c - card KIND COMMAND...: executes COMMAND with a descriptor 3 of that kind, for --net-fd:
 * tap NAME, tun NAME, header NAME, stream, unconnected, datagram. */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CARD_FD 3

static const struct {
	const char *kind;
	short flags;
} interfaces[] = {
	{ "tap", IFF_TAP | IFF_NO_PI }, { "tun", IFF_TUN | IFF_NO_PI },
	{ "header", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR },
};

static int must(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	perror(what);
	exit(99);
}

static int open_interface(const char *name, short flags)
{
	struct ifreq r = { .ifr_flags = flags };
	int fd = must(open("/dev/net/tun", O_RDWR), "/dev/net/tun");

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	must(ioctl(fd, TUNSETIFF, &r), name);
	return fd;
}

static int open_socket(const char *kind)
{
	int pair[2];

	if (!strcmp(kind, "unconnected"))
		return must(socket(AF_UNIX, SOCK_STREAM, 0), kind);
	must(socketpair(AF_UNIX, strcmp(kind, "stream") ? SOCK_DGRAM : SOCK_STREAM, 0, pair), kind);
	return pair[0];
}

int main(int argc, char **argv)
{
	int used = 2, fd = -1;

	if (argc < 4)
		return 99;
	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
		if (!strcmp(argv[1], interfaces[i].kind))
			fd = open_interface(argv[used++], interfaces[i].flags);
	if (fd < 0)
		fd = open_socket(argv[1]);
	if (fd != CARD_FD)
		must(dup2(fd, CARD_FD), "dup2");
	execvp(argv[used], argv + used);
	must(-1, argv[used]);
}
