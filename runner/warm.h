/* warm.h - does this run boot its machine, or restore it, and from which snapshot?
 *
 * `sandbox run` keeps a template of every machine it is asked for: booted once, saved as its
 * agent is about to speak to the host, and restored ever after.  A template is of a kernel, a
 * root image, an agent, a monitor and the machine's options, all by identity; whatever differs
 * makes another template. */
#ifndef RUNNER_WARM_H
#define RUNNER_WARM_H

#include "lib/err.h"
#include "lib/spec.h"
#include "runner/launch.h"

/* --from FILE: the machine's options become the snapshot's, and spec->going_on says whether a
 * command is in it.  Before anything looks at those. */
int warm_adopt(struct spec *spec, struct err *err);

/* The images are open: place the snapshot to restore from or to save in, and set
 * spec->snapshot; or leave both alone, and the machine is booted. */
int warm_choose(struct launch *l, struct spec *spec, const struct paths *p, struct err *err);

/* The monitor has saved the machine in l's FD_SNAPSHOT: make it a snapshot called spec->save. */
int warm_saved(struct launch *l, const struct spec *spec, uint32_t state_len, struct err *err);

/* What a snapshot of the running, savable machine has to say of it; static, until the next call. */
const char *warm_running(const struct spec *spec, uint32_t session, bool tty);

#endif
