/* thread.c - start, filter, park, release. */
#include "vmm/thread.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/io.h"
#include "vmm/fault.h"

static _Thread_local const char *self = "main";

const char *thread_name(void)
{
	return self;
}

const char *thread_policy_name(enum policy_id id)
{
	static const char *const names[N_POLICIES] = {
		[POLICY_OUTER] = "outer", [POLICY_KEEPER] = "keeper", [POLICY_LOOP] = "loop",
		[POLICY_BLK] = "blk", [POLICY_VCPU] = "vcpu", [POLICY_VCPU_SOFT] = "vcpu-soft",
		[POLICY_SAVE] = "save", [POLICY_SAVABLE] = "savable",
	};

	return names[id];
}

void threads_add(struct threads *all, struct thread *t)
{
	all->of[all->n++] = t;
}

static void *begin(void *arg)
{
	struct thread *t = arg;
	uint64_t n = 1;

	self = t->name;
	t->tid = (pid_t)syscall(SYS_gettid);
	prctl(PR_SET_NAME, t->name);
	t->rc = seccomp_install(t->policy);
	io_write(t->ready_fd, &n, sizeof(n));
	io_read(t->go_fd, &n, sizeof(n));
	fault_thread(t->name);
	t->run(t->ctx);
	return NULL;
}

static int start(struct thread *t, struct err *err)
{
	pthread_t id;
	int rc;

	t->go_fd = eventfd(0, EFD_CLOEXEC);
	if (t->go_fd < 0)
		return err_sys(err, "thread %s: eventfd", t->name);
	rc = pthread_create(&id, NULL, begin, t);
	if (rc != 0)
		return err_set(err, rc, "thread %s: %s", t->name, strerror(rc));
	pthread_detach(id);
	return 0;
}

int threads_start(struct threads *all, struct err *err)
{
	int rc = 0;

	all->ready_fd = eventfd(0, EFD_CLOEXEC);
	if (all->ready_fd < 0)
		return err_sys(err, "threads: eventfd");
	for (unsigned i = 0; i < all->n && rc == 0; i++) {
		all->of[i]->ready_fd = all->ready_fd;
		rc = start(all->of[i], err);
	}
	return rc;
}

int threads_parked(struct threads *all, bool *filtered, struct err *err)
{
	uint64_t ready = 0, n;

	while (ready < all->n) {
		if (io_read(all->ready_fd, &n, sizeof(n)) < 0)
			return err_sys(err, "threads: eventfd");
		ready += n;
	}
	*filtered = true;
	for (unsigned i = 0; i < all->n; i++) {
		const struct thread *t = all->of[i];

		if (t->rc == -ENOTSUP)
			*filtered = false;
		else if (t->rc < 0)
			return err_set(err, -t->rc, "thread %s: no filter: %s", t->name,
				       strerror(-t->rc));
	}
	return 0;
}

void threads_release(struct threads *all)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < all->n; i++)
		io_write(all->of[i]->go_fd, &one, sizeof(one));
}
