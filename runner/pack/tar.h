/* tar.h - a tar of a root, or of an image in layers: docker-archive, or an OCI layout. */
#ifndef RUNNER_PACK_TAR_H
#define RUNNER_PACK_TAR_H

#include "runner/pack/layer.h"
#include "runner/pack/wire.h"

/* The first `size` bytes of fd into the tree; *config as oci_apply() has it, if there is one. */
int tar_apply(struct pack *p, int fd, off_t size, struct pack_msg *config, struct err *err);

#endif
