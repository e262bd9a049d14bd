/* card.c - the network card, as WELCOME has it.  The device's own address is the same in every
 * machine, and a clone's is what its template had: both are overwritten. */
#include "rootfs/agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define CARD "eth0"		/* there is one at most, and nobody renames it */

static int set(int fd, unsigned long what, struct ifreq *r)
{
	strcpy(r->ifr_name, CARD);
	return ioctl(fd, what, r) < 0 ? -errno : 0;
}

static struct sockaddr inet(const uint8_t address[4])
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr any;

	memcpy(&in.sin_addr, address, sizeof(in.sin_addr));
	memcpy(&any, &in, sizeof(any));
	return any;
}

static int set_mac(int fd, const uint8_t mac[6])
{
	struct ifreq r = { .ifr_hwaddr = { .sa_family = ARPHRD_ETHER } };

	memcpy(r.ifr_hwaddr.sa_data, mac, 6);
	return set(fd, SIOCSIFHWADDR, &r);
}

static int set_address(int fd, const struct msg_card *card)
{
	uint32_t mask = htonl(UINT32_MAX << (32 - card->prefix));
	struct ifreq address = { .ifr_addr = inet(card->address) };
	struct ifreq netmask = { .ifr_netmask = inet((const uint8_t *)&mask) };
	int rc = set(fd, SIOCSIFADDR, &address);

	return rc < 0 ? rc : set(fd, SIOCSIFNETMASK, &netmask);
}

static int set_gateway(int fd, const uint8_t gateway[4])
{
	static const uint8_t any[4];
	struct rtentry route = { .rt_dst = inet(any), .rt_genmask = inet(any),
				 .rt_gateway = inet(gateway), .rt_flags = RTF_UP | RTF_GATEWAY };

	return ioctl(fd, SIOCADDRT, &route) < 0 && errno != EEXIST ? -errno : 0;
}

static bool given(const uint8_t address[4])
{
	return address[0] != 0;		/* no host's begins with zero */
}

/* Where an image's file is a link into a /run that is not there, ours takes its place. */
static int set_resolver(const uint8_t gateway[4])
{
	static const char path[] = "/etc/resolv.conf";
	char text[64];
	int n = snprintf(text, sizeof(text), "nameserver %u.%u.%u.%u\n", gateway[0], gateway[1],
			 gateway[2], gateway[3]);
	autoclose int fd = -1;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;	/* an image without /etc */
	return io_write(fd, text, (size_t)n);
}

/* Up comes after the addresses, so that not one frame goes out under others. */
int card_init(const struct msg_card *card)
{
	struct ifreq up = { .ifr_flags = IFF_UP };
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = fd < 0 ? -errno : set_mac(fd, card->mac);

	if (rc == 0 && given(card->address))
		rc = set_address(fd, card);
	if (rc == 0)
		rc = set(fd, SIOCSIFFLAGS, &up);
	if (rc == 0 && given(card->gateway))
		rc = set_gateway(fd, card->gateway);
	if (rc == 0 && card->names)
		rc = set_resolver(card->gateway);
	return rc;
}
