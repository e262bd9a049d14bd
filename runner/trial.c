/* trial.c - one jail, made and ended again; see trial.h. */
#include "runner/trial.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>

#include "lib/io.h"
#include "runner/launch.h"

#define PATIENCE_MS 10000

static int start(struct launch *l, struct err *err)
{
	struct paths p;
	struct spec s;
	int rc = paths_find(&p, 1, err);

	spec_init(&s);
	s.cold = true;			/* no template is made for this */
	launch_init(l);
	if (rc == 0)
		rc = launch_open(l, &s, &p, err);
	if (rc == 0)
		rc = launch_machine(l, &s, err);
	return rc < 0 ? rc : launch_spawn(l, &p, err);
}

/* The jailer's report, be it that it cannot go on. */
static int hear(int leash, uint64_t *layers, struct err *err)
{
	struct pollfd p = { .fd = leash, .events = POLLIN };
	struct report r;

	while (poll(&p, 1, PATIENCE_MS) > 0 && io_read_some(leash, &r, sizeof(r)) == sizeof(r)) {
		if (r.kind == REPORT_ERROR) {
			*err = r.err;
			return err->code ? -err->code : -EPROTO;
		}
		if (r.kind == REPORT_JAILED) {
			*layers = r.jailed.layers;
			return 0;
		}
	}
	return err_set(err, EPROTO, "the jailer ended without a word");
}

int trial_jail(uint64_t *layers, struct err *err)
{
	struct launch l;
	int rc = start(&l, err);

	if (rc < 0)
		return rc;
	rc = hear(l.machine.leash, layers, err);
	machine_close(&l.machine);	/* the keeper ends what there is by now */
	while (waitpid(l.jailer, NULL, 0) < 0 && errno == EINTR)
		;
	return rc;
}
