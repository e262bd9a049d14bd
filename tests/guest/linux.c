/* linux.c - the hostile guest as a driver of its own in a running Linux: root, /dev/mem, and
 * the same cases.
 *
 *	raw --list			the names of the cases, a line each
 *	raw CASE			plays it: exit status 0, or what was not so, and 1
 *	raw --wild			what monkey_steps does, to Linux' own devices as well, until
 *					the machine ends
 *	raw --disk N			writes to stdout what disk N holds, see world.h
 *
 * SEED is what makes a monkey this one, and no other.
 *
 * Cases take an address for a guest's physical one.  So that it is, Linux leaves us memory
 * ("memmap=16M$128M,1M$255M" on its command line: half of the 16 MiB is the arena, in the other half
 * lies this program's image; the last MiB is where cases try RAM's end), and we put our data and
 * stack there: at their own addresses, but in that memory.  Registers are where they are, too.
 * "iomem=relaxed" lets us have those that a driver of Linux has. */
#include "tests/guest/rt.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/guest/dev.h"

#define IMAGE_END	(ARENA + 2 * ARENA_SIZE)
#define NO_RAM		0xc0000000ull		/* from here to 4 GiB: registers, or nothing */
#define PAGE_OF(at)	((uintptr_t)(at) & ~(uintptr_t)(PAGE - 1))

extern const char etext[], end[];		/* of our image; its data begins on a page after etext */

static const struct { const char *name; void (*play)(void); } cases[] = {
#define CASE(name, cpus, stop, code, what) { #name, name },
#include "tests/guest/cases.h"
#undef CASE
};

static int memory = -1;
static const char *wanted;			/* the name of a case */
static uint8_t stack[1 << 18] __attribute__((aligned(4096)));
static bool second_is_over;			/* atomic: written there, read here */

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(2);
}

void print(const char *s)
{
	fputs(s, stdout);
}

uint64_t wanted_seed(void)
{
	const char *seed = getenv("SEED");

	return seed ? strtoull(seed, NULL, 0) : start_wait();
}

void finish(uint8_t code)
{
	fflush(stdout);
	_exit(code != GUEST_PASSED);
}

/* --- memory --------------------------------------------------------------------------- */

static void *map(void *at, size_t len, int how, uintptr_t gpa)
{
	return mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | how, memory, (off_t)gpa);
}

/* Registers are mapped when they are first touched. */
static void touched(int sig, siginfo_t *info, void *context)
{
	static const char lost[] = "a fault where no registers are\n";
	uintptr_t at = PAGE_OF(info->si_addr);

	(void)sig, (void)context;
	if (at >= NO_RAM && at >> 32 == 0 &&
	    map((void *)at, PAGE, MAP_FIXED_NOREPLACE, at) != MAP_FAILED)
		return;
	(void)!write(STDOUT_FILENO, lost, sizeof(lost) - 1);
	_exit(2);
}

/* Nothing of ours may change between the copy and its taking the original's place. */
static void move_into_our_memory(void)
{
	uintptr_t from = PAGE_OF(etext + PAGE - 1), to = PAGE_OF(end + PAGE - 1);
	void *copy;

	if (from < ARENA + ARENA_SIZE || to > IMAGE_END) {
		fputs("the image is not where memory was left for it\n", stderr);
		exit(2);
	}
	copy = map(NULL, to - from, 0, from);
	if (copy == MAP_FAILED)
		give_up("/dev/mem, memory");
	memcpy(copy, (const void *)from, to - from);
	if (map((void *)from, to - from, MAP_FIXED, from) == MAP_FAILED ||
	    map((void *)ARENA, ARENA_SIZE, MAP_FIXED_NOREPLACE, ARENA) == MAP_FAILED)
		give_up("/dev/mem, memory");
	munmap(copy, to - from);
}

static void set_up(void)
{
	struct sigaction on_touch = { .sa_sigaction = touched, .sa_flags = SA_SIGINFO };

	memory = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (memory < 0)
		give_up("/dev/mem");
	sigaction(SIGSEGV, &on_touch, NULL);
	sigaction(SIGBUS, &on_touch, NULL);
	for (unsigned i = 0; i < N_OURS; i++)	/* whoever had it before us had our memory, too */
		set(&devs[i], STATUS, 0);
	move_into_our_memory();
}

/* --- the second thread ---------------------------------------------------------------------- */

struct call {
	void (*fn)(void *arg);
	void *arg;
};

static void *second_main(void *call)
{
	const struct call *c = call;

	c->fn(c->arg);
	__atomic_store_n(&second_is_over, true, __ATOMIC_RELEASE);
	return NULL;
}

void second_start(void (*fn)(void *arg), void *arg)
{
	static struct call call;
	pthread_t second;

	call = (struct call){ fn, arg };
	if (pthread_create(&second, NULL, second_main, &call))
		give_up("thread");
}

bool second_done(void)
{
	return __atomic_load_n(&second_is_over, __ATOMIC_ACQUIRE);
}

/* --- what to do --------------------------------------------------------------------------- */

static void play_case(void)
{
	for (unsigned i = 0; i < COUNT(cases); i++)
		if (!strcmp(cases[i].name, wanted)) {
			cases[i].play();
			finish(GUEST_PASSED);
		}
	fail("there is such a case", wanted, 0);
}

/* On a stack that devices can reach. */
static int play(void (*fn)(void), const char *name)
{
	static ucontext_t here, there;

	set_up();
	wanted = name;
	if (getcontext(&there) < 0)
		give_up("stack");
	there.uc_stack = (stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) };
	there.uc_link = &here;
	makecontext(&there, fn, 0);
	swapcontext(&here, &there);
	return 2;				/* it ends by finish() */
}

static int list(void)
{
	for (unsigned i = 0; i < COUNT(cases); i++)
		puts(cases[i].name);
	return 0;
}

static int write_disk(unsigned disk)
{
	for (uint64_t i = 0; i < DISK_SECTORS * SECTOR / 8; i++) {
		uint64_t word = disk_word(disk, i);

		fwrite(&word, sizeof(word), 1, stdout);
	}
	return fflush(stdout) ? 2 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc == 3 && !strcmp(argv[1], "--disk"))
		return write_disk((unsigned)strtoul(argv[2], NULL, 0));
	if (argc == 2 && !strcmp(argv[1], "--wild"))
		return play(monkey_wild, NULL);
	if (argc == 2 && argv[1][0] != '-')
		return play(play_case, argv[1]);
	fputs("usage: raw --list | CASE | --wild | --disk N\n", stderr);
	return 2;
}
