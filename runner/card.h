/* card.h - the guest's network card: what --net, --net-fd, --mac and --address say of it. */
#ifndef RUNNER_CARD_H
#define RUNNER_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/proto.h"
#include "lib/spec.h"

/* Has the machine one? */
bool card_wanted(const struct spec *spec);

/* Parse them.  All of *card is zero without a card; its mac is without --mac. */
int card_parse(struct msg_card *card, const struct spec *spec, struct err *err);

/* An address for the machine of that id, which does not show the id: locally administered, of
 * one station. */
void card_make_mac(uint8_t mac[6], const uint8_t machine_id[16]);

/* What the descriptor is: NET_TAP or NET_STREAM, or an error. */
int card_kind(int fd, struct err *err);

#endif
