/* card.c - the guest's network card: what --net, --net-fd, --mac and --address say of it. */
#include "runner/card.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/num.h"
#include "runner/net/wire.h"

/* --- addresses ----------------------------------------------------------------------------- */

/* What the C library reads leniently is printed again and compared. */
static int parse_mac(uint8_t mac[6], const char *text, struct err *err)
{
	struct ether_addr a;
	char again[sizeof("00:00:00:00:00:00")] = "";

	if (ether_aton_r(text, &a)) {
		memcpy(mac, &a, sizeof(a));
		snprintf(again, sizeof(again), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
			 mac[2], mac[3], mac[4], mac[5]);
	}
	if (!again[0] || strcasecmp(text, again))
		return err_set(err, EINVAL, "mac: '%.40s' is not six bytes like 02:00:5e:10:00:01",
			       text);
	if (!card_mac_ok(mac))
		return err_set(err, EINVAL, "mac: %s is not the address of one station", text);
	return 0;
}

/* Cut into its parts: A.B.C.D, N, and GATEWAY or NULL. */
static bool split(char *text, char **prefix, char **gateway)
{
	*gateway = strchr(text, ',');
	if (*gateway)
		*(*gateway)++ = '\0';
	*prefix = strchr(text, '/');
	if (*prefix)
		*(*prefix)++ = '\0';
	return *prefix != NULL;
}

static int malformed(const char *text, struct err *err)
{
	return err_set(err, EINVAL, "address: '%.60s' is not like 10.0.0.2/24 or "
		       "10.0.0.2/24,10.0.0.1", text);
}

static int parse_address(struct msg_card *card, const char *text, struct err *err)
{
	char parts[64], *prefix, *gateway;
	uint64_t bits;

	if (strlen(text) >= sizeof(parts) || !split(strcpy(parts, text), &prefix, &gateway))
		return malformed(text, err);
	if (inet_pton(AF_INET, parts, card->address) != 1 || num_u64(prefix, &bits) < 0 ||
	    (gateway && inet_pton(AF_INET, gateway, card->gateway) != 1))
		return malformed(text, err);
	if (bits < 1 || bits > 32)
		return err_set(err, ERANGE, "address: /%s is not between /1 and /32", prefix);
	card->prefix = (uint8_t)bits;
	if (!card_address_ok(card->address, card->prefix))
		return err_set(err, EINVAL, "address: %s/%s is not the address of one host", parts,
			       prefix);
	if (gateway && !card_gateway_ok(card))
		return err_set(err, EINVAL, "address: the gateway %s is no other host of %s/%s",
			       gateway, parts, prefix);
	return 0;
}

bool card_wanted(const struct spec *spec)
{
	return spec->net_fd || spec->network;
}

static void put_ipv4(uint8_t out[4], uint32_t address)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(address >> (24 - 8 * i));
}

/* Of a network that we make: it is all there, and the gateway knows names. */
static int our_own(struct msg_card *card, struct err *err)
{
	if (!card->address[0]) {
		card->prefix = NET_BITS;
		put_ipv4(card->address, NET_GUEST);
		put_ipv4(card->gateway, NET_GATEWAY);
	}
	if (!card->gateway[0])
		return err_set(err, EINVAL, "address: --net user needs a gateway, too, like "
			       "10.0.0.2/24,10.0.0.1");
	card->names = 1;
	return 0;
}

int card_parse(struct msg_card *card, const struct spec *spec, struct err *err)
{
	const char *odd = spec->mac ? "mac" : spec->address ? "address" : NULL;
	int rc = 0;

	*card = (struct msg_card){ .prefix = 0 };
	if (odd && !card_wanted(spec))
		return err_set(err, EINVAL, "%s: the machine has no network card; give it one with "
			       "--net user or --net-fd", odd);
	if (spec->mac)
		rc = parse_mac(card->mac, spec->mac, err);
	if (rc == 0 && spec->address)
		rc = parse_address(card, spec->address, err);
	if (rc == 0 && spec->network)
		rc = our_own(card, err);
	return rc;
}

void card_make_mac(uint8_t mac[6], const uint8_t machine_id[16])
{
	uint8_t sum[crypto_generichash_BYTES_MIN];

	crypto_generichash(sum, sizeof(sum), machine_id, 16, NULL, 0);
	memcpy(mac, sum, 6);
	mac[0] = (uint8_t)((mac[0] & ~MAC_GROUP) | MAC_LOCAL);
}

/* --- what a descriptor is ------------------------------------------------------------------ */

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

static bool is_stream(int fd)
{
	return option(fd, SO_DOMAIN) == AF_UNIX && option(fd, SO_TYPE) == SOCK_STREAM &&
	       is_connected(fd);
}

int card_kind(int fd, struct err *err)
{
	struct ifreq r = { 0 };

	if (is_stream(fd))
		return NET_STREAM;
	if (ioctl(fd, TUNGETIFF, &r) < 0)
		return err_set(err, EINVAL, "net-fd: descriptor %d is neither a tap nor a connected "
			       "Unix stream socket", fd);
	if (!(r.ifr_flags & IFF_TAP))
		return err_set(err, EINVAL, "net-fd: %.15s is a tun; a tap is needed (IFF_TAP)",
			       r.ifr_name);
	if ((r.ifr_flags & (IFF_NO_PI | IFF_VNET_HDR)) != IFF_NO_PI)
		return err_set(err, EINVAL, "net-fd: %.15s puts a header before its frames; open it "
			       "with IFF_NO_PI and without IFF_VNET_HDR", r.ifr_name);
	return NET_TAP;
}
