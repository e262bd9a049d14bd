/* card.c - the network card, as WELCOME has it.  The device's own address is the same in every
 * machine, and a clone's is what its template had: both are overwritten. */
#include "rootfs/agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"

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
	return rc;
}
