/* packer.h - an image from something that is none, by a process of its own (runner/pack). */
#ifndef RUNNER_PACKER_H
#define RUNNER_PACKER_H

#include "runner/origin.h"
#include "runner/pack/wire.h"

/* Fill the empty file `image` from o, of at most max_bytes of content; scratch: an empty file, too.
 * config: what a PACK_CONFIG said, of length 0 if there was none.  Both files stay the caller's,
 * who is told how long it takes.  program: sandbox-pack's path. */
int packer_run(const char *program, const struct origin *o, int image, int scratch, uint64_t max_bytes,
	       struct pack_msg *config, struct err *err);

#endif
