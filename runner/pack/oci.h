/* oci.h - an image in layers: which ones, and what it says of its command.  Reads the JSON of OCI
 * layouts and of `docker save`. */
#ifndef RUNNER_PACK_OCI_H
#define RUNNER_PACK_OCI_H

#include "runner/pack/blobs.h"
#include "runner/pack/layer.h"
#include "runner/pack/wire.h"

/* Before the filter is on: json-c asks for randomness when it is used first. */
void oci_init(void);

/* Apply all layers, and fill in *config as a PACK_CONFIG. */
int oci_apply(struct pack *p, struct blobs *b, struct pack_msg *config, struct err *err);

#endif
