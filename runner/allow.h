/* allow.h - where the guest may go, and who may come: what --net, --allow, --publish and
 * --net-rate say. */
#ifndef RUNNER_ALLOW_H
#define RUNNER_ALLOW_H

#include <stdbool.h>

#include "lib/proto.h"
#include "lib/spec.h"
#include "runner/net/wire.h"

struct allow {
	struct net_setup setup;		/* but for the addresses and own[], which allow_host() adds */
	bool loopback;			/* this host's 127.0.0.1 is named */
	unsigned n_published;
	struct allow_publish {
		uint32_t at;		/* IPv4, host order */
		uint16_t host, guest;
	} publish[MAX_PUBLISH];
};

/* Without --net user all of *a is zero, and options that need it are refused. */
int allow_parse(struct allow *a, const struct spec *spec, struct err *err);

/* As it is on this host, for this card: the networks that the host is in, and where its loopback
 * is to be found. */
int allow_host(struct allow *a, const struct msg_card *card, struct err *err);

#endif
