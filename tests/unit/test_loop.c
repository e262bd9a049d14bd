/* test_loop.c - one thread's events and the work others hand to it. */
#include "tests/unit/check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/loop.h"

/* --- events ------------------------------------------------------------------------------ */

struct pipe_end {
	struct loop_io io;
	struct loop *loop;
	struct pipe_end *victim;	/* taken out, and put back for another fd, when ready */
	int fd[2], other[2];
	unsigned ready;
};

static void on_ready(struct loop_io *io, uint32_t events)
{
	struct pipe_end *p = owner_of(io, struct pipe_end, io);

	(void)events;
	p->ready++;
	if (p->victim) {
		loop_del(p->loop, &p->victim->io);
		p->victim->io.fd = p->victim->other[0];
		loop_add(p->loop, &p->victim->io, EPOLLIN);
		p->victim = NULL;
	}
}

static void pipe_init(struct pipe_end *p, struct loop *l)
{
	assert_int_equal(pipe(p->fd), 0);
	assert_int_equal(pipe(p->other), 0);
	p->loop = l;
	p->io = (struct loop_io){ .fd = p->fd[0], .ready = on_ready };
	assert_int_equal(loop_add(l, &p->io, EPOLLIN), 0);
}

static void pipe_fini(struct pipe_end *p)
{
	for (unsigned i = 0; i < 2; i++) {
		close(p->fd[i]);
		close(p->other[i]);
	}
}

/* Both are ready in one round; whichever is first replaces the other's descriptor under the
 * same struct: the event already fetched for the old one must not reach it. */
static void a_fetched_event_of_a_deleted_io_is_lost(void **state)
{
	struct pipe_end a = { 0 }, b = { 0 };
	struct loop l;

	(void)state;
	assert_int_equal(loop_init(&l), 0);
	pipe_init(&a, &l);
	pipe_init(&b, &l);
	a.victim = &b;
	b.victim = &a;
	assert_int_equal(write(a.fd[1], "x", 1), 1);
	assert_int_equal(write(b.fd[1], "x", 1), 1);
	assert_int_equal(loop_once(&l, 0), 2);
	assert_int_equal(a.ready + b.ready, 1);
	loop_fini(&l);
	pipe_fini(&a);
	pipe_fini(&b);
}

static void asking_for_nothing_is_silent_even_when_hung_up(void **state)
{
	struct pipe_end p = { 0 };
	struct loop l;

	(void)state;
	assert_int_equal(loop_init(&l), 0);
	pipe_init(&p, &l);
	close(p.fd[1]);
	p.fd[1] = dup(0);
	assert_int_equal(loop_once(&l, 0), 1);
	assert_int_equal(loop_set(&l, &p.io, 0), 0);
	assert_int_equal(loop_once(&l, 0), 0);
	assert_int_equal(loop_set(&l, &p.io, 0), 0);	/* again: nothing to do */
	assert_int_equal(loop_set(&l, &p.io, EPOLLIN), 0);
	assert_int_equal(loop_once(&l, 0), 1);
	assert_int_equal(loop_set(&l, &p.io, EPOLLIN | EPOLLPRI), 0);
	assert_int_equal(loop_once(&l, 0), 1);
	loop_fini(&l);
	pipe_fini(&p);
}

/* --- work from other threads ------------------------------------------------------------- */

enum { CALLERS = 4, CALLS = 20000 };

static struct loop loop;
static unsigned long count;

struct add {
	struct loop_job job;
	unsigned by;
};

static void add(struct loop_job *j)
{
	count += owner_of(j, struct add, job)->by;
}

static void quit(struct loop_job *j)
{
	(void)j;
	loop.stop = true;
}

static void *run_loop(void *arg)
{
	loop_run(&loop);
	return arg;
}

static void *call_often(void *arg)
{
	struct add a = { .job = { .run = add, .done_fd = eventfd(0, 0) }, .by = 1 };

	for (unsigned i = 0; i < CALLS; i++)
		loop_call(&loop, &a.job);
	close(a.job.done_fd);
	return arg;
}

static void stop_loop(pthread_t t)
{
	struct loop_job j = { .run = quit, .done_fd = eventfd(0, 0) };

	loop_call(&loop, &j);
	close(j.done_fd);
	pthread_join(t, NULL);
	loop_fini(&loop);
}

static void every_call_is_run_once_and_waited_for(void **state)
{
	pthread_t t, caller[CALLERS];

	(void)state;
	count = 0;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(pthread_create(&t, NULL, run_loop, NULL), 0);
	for (unsigned i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&caller[i], NULL, call_often, NULL), 0);
	for (unsigned i = 0; i < CALLERS; i++)
		pthread_join(caller[i], NULL);
	stop_loop(t);
	assert_int_equal(count, CALLERS * CALLS);
}

static void on_signal(int signo)
{
	(void)signo;
}

/* Signals, without SA_RESTART, on both sides of a call. */
static void signals_change_nothing(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal }, old;
	pthread_t t, caller;

	(void)state;
	count = 0;
	sigaction(SIGUSR1, &sa, &old);
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(pthread_create(&t, NULL, run_loop, NULL), 0);
	assert_int_equal(pthread_create(&caller, NULL, call_often, NULL), 0);
	for (unsigned i = 0; i < 2000; i++) {
		pthread_kill(t, SIGUSR1);
		pthread_kill(caller, SIGUSR1);
		usleep(20);
	}
	pthread_join(caller, NULL);
	stop_loop(t);
	sigaction(SIGUSR1, &old, NULL);
	assert_int_equal(count, CALLS);
}

static void a_signal_alone_is_an_empty_round(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal }, old;
	struct loop l;

	(void)state;
	sigaction(SIGALRM, &sa, &old);
	assert_int_equal(loop_init(&l), 0);
	ualarm(20000, 0);
	assert_int_equal(loop_once(&l, 5000), 0);
	assert_false(l.stop);
	loop_fini(&l);
	sigaction(SIGALRM, &old, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fetched_event_of_a_deleted_io_is_lost),
		cmocka_unit_test(asking_for_nothing_is_silent_even_when_hung_up),
		cmocka_unit_test(every_call_is_run_once_and_waited_for),
		cmocka_unit_test(signals_change_nothing),
		cmocka_unit_test(a_signal_alone_is_an_empty_round),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
