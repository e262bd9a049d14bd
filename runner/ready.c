/* ready.c - machines that are jailed and restored and wait for a command. */
#include "runner/ready.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/io.h"
#include "runner/root.h"
#include "runner/say.h"
#include "runner/warm.h"

#define RETRY_NS 1000000000ull		/* a host that cannot start one will not at once start another */

struct ready_machine {
	struct loop_io leash;		/* hangs up when the machine has ended */
	struct ready *set;
	struct ready_machine *next;
	struct machine machine;
	struct handover over;
};

/* --- the list ------------------------------------------------------------------------------ */

/* One that has served before comes first: it is warmer, and has less left of its life. */
static void add(struct ready *r, struct ready_machine *m)
{
	struct ready_machine **at = m->over.commands || !r->last ? &r->first : &r->last->next;

	m->next = *at;
	*at = m;
	if (!m->next)
		r->last = m;
	r->n++;
}

static void drop(struct ready *r, struct ready_machine *m)
{
	struct ready_machine **at = &r->first, *before = NULL;

	while (*at != m) {
		before = *at;
		at = &before->next;
	}
	*at = m->next;
	if (r->last == m)
		r->last = before;
	r->n--;
	loop_del(r->loop, &m->leash);
	machine_close(&m->machine);
	free(m);
}

/* --- one that ends while it waits ----------------------------------------------------------- */

/* Its first error, by whoever it was sent. */
static bool find_error(int fd, char *text, size_t n)
{
	struct report rep;

	while (io_read_some(fd, &rep, sizeof(rep)) == sizeof(rep)) {
		if (rep.kind != REPORT_ERROR)
			continue;
		say_clean(rep.err.msg, sizeof(rep.err.msg));
		snprintf(text, n, "%s", rep.err.msg);
		return true;
	}
	return false;
}

static void ended(struct loop_io *io, uint32_t events)
{
	struct ready_machine *m = owner_of(io, struct ready_machine, leash);
	struct ready *r = m->set;
	char why[256] = "it was killed";

	(void)events;
	if (!find_error(m->machine.leash, why, sizeof(why)))
		find_error(m->machine.log, why, sizeof(why));
	say("a machine that was waiting has ended: %s", why);
	r->failed++;
	r->retry_at = now_ns() + RETRY_NS;
	drop(r, m);
}

static int keep(struct ready *r, const struct machine *machine, const struct handover *h)
{
	struct ready_machine *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return -ENOMEM;
	m->set = r;
	m->machine = *machine;
	m->over = *h;
	m->leash = (struct loop_io){ .fd = machine->leash, .ready = ended };
	rc = loop_add(r->loop, &m->leash, 0);	/* a hang-up is told unasked */
	if (rc < 0) {
		free(m);
		return rc;
	}
	add(r, m);
	return 0;
}

/* --- starting -------------------------------------------------------------------------------- */

int ready_open(struct ready *r, const struct spec *spec, struct loop *loop, struct err *err)
{
	int rc;

	*r = (struct ready){ .spec = *spec, .loop = loop };
	r->spec.hold = true;
	launch_init(&r->launch);
	rc = warm_adopt(&r->spec, err);
	if (rc == 0 && r->spec.going_on)
		rc = err_set(err, EINVAL, "from: there is a command in that snapshot already; take one "
			     "with: sandbox snapshot take --template");
	if (rc == 0)
		rc = root_find(&r->spec, r->launch.root, err);
	if (rc == 0)
		rc = paths_find(&r->paths, r->spec.cpus, err);
	if (rc == 0)
		rc = launch_open(&r->launch, &r->spec, &r->paths, err);
	if (rc == 0 && r->launch.why_cold[0])
		say("no warm start: %s", r->launch.why_cold);
	return rc;
}

int ready_start(struct ready *r, struct err *err)
{
	struct launch l = r->launch;
	const struct handover h = { .memory = r->spec.memory, .cpus = r->spec.cpus,
				    .generation = machine_generation(&r->spec) };
	int rc = launch_machine(&l, &r->spec, err);

	if (rc == 0)
		rc = launch_spawn(&l, &r->paths, err);
	else
		launch_close(&l);
	l.machine.kernel = l.machine.root = -1;		/* shared, and sent with each */
	if (rc == 0 && keep(r, &l.machine, &h) < 0)
		rc = err_set(err, ENOMEM, "no memory for one more machine");
	if (rc < 0)
		machine_close(&l.machine);
	r->started += rc == 0;
	r->failed += rc < 0;
	return rc;
}

bool ready_fill(struct ready *r)
{
	struct err err;

	if (r->n >= r->want || now_ns() < r->retry_at)
		return false;
	if (ready_start(r, &err) == 0)
		return r->n < r->want;
	say("%s", err.msg);
	r->retry_at = now_ns() + RETRY_NS;
	return false;
}

uint64_t ready_due(const struct ready *r)
{
	uint64_t now = now_ns();

	if (r->n >= r->want)
		return UINT64_MAX;
	return r->retry_at > now ? r->retry_at - now : 0;
}

/* --- handing out ----------------------------------------------------------------------------- */

int ready_hand_out(struct ready *r, int sock, unsigned reuse)
{
	struct ready_machine *m = r->first;
	struct machine all;
	int rc;

	if (!m)
		return -EAGAIN;
	all = m->machine;
	all.kernel = r->launch.machine.kernel;
	all.root = r->launch.machine.root;
	m->over.give_back = m->over.commands + 1 < reuse;
	rc = machine_send(sock, &all, &m->over);
	if (rc == 0)
		drop(r, m);	/* the copies that were sent keep it */
	return rc;
}

int ready_take_back(struct ready *r, const struct machine *m, const struct handover *h)
{
	return keep(r, m, h);
}

void ready_trim(struct ready *r)
{
	while (r->n > r->want)
		drop(r, r->last);
}

void ready_close(struct ready *r)
{
	while (r->first)
		drop(r, r->first);
	for (int i = 0; i < FD_JAILER_END; i++)
		if (r->launch.fd[i] >= 0 && i != FD_NULL1 && i != FD_NULL2)
			close(r->launch.fd[i]);
	if (r->launch.kernel >= 0 && r->launch.kernel != r->launch.fd[FD_KERNEL])
		close(r->launch.kernel);
	launch_init(&r->launch);
}
