/* launch.c - runs the monitor, unjailed, with a hostile guest, and judges what is left.
 *
 *	launch --list				the names of the cases, a line each
 *	launch MONITOR GUEST.elf CASE		says ok, FAIL or skip, see tests/check.sh
 *
 * A guest judges its devices from inside and says so by its exit code.  Judged here is what
 * it cannot see: the monitor stopped for the reason it should, crashed nowhere, called
 * nothing its filters forbid, spoke little, used little CPU time and memory, left the disks
 * alone.  Beside a case that storms or floods an honest guest works from before its beginning
 * until after its end, in a machine of its own, and is judged as well. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fds.h"
#include "lib/io.h"
#include "lib/report.h"
#include "tests/guest/peer.h"
#include "tests/guest/world.h"

#define WALL_LIMIT_MS	60000
#define CPU_LIMIT_MS	20000		/* of the monitor; sanitizers and software KVM included */
#define IDLE_LIMIT_MS	20		/* of all but the vcpus while the guest is quiet, and a ... */
#define IDLE_SHARE	5		/* ... fifth of what the vcpus use */
#define OWN_MEMORY_KIB	8192		/* of the monitor, besides the guest's */
#define NEIGHBOUR	"neighbour_works"
#define MAX_REPORTS	64		/* a guest cannot make it say more */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED	1		/* shadows more memory than there is */
#else
#define SANITIZED	0
#endif
#define CONSOLE_PIPE	4096		/* bytes; nobody reads it before the end */
#define HIGH_FD		64		/* ours, while the monitor's numbers are arranged */

static const struct guest_case {
	const char *name, *what;
	unsigned cpus;
	uint32_t reason;
	int code;
} cases[] = {
#define CASE(name, cpus, stop, code, what) { #name, what, cpus, stop, code },
#include "tests/guest/cases.h"
#undef CASE
};

struct run {
	const struct guest_case *c;
	int kvm, kernel;
	int log[2], console[2], broker[2], wire[2];
	int spec, agent, disk[2], output;	/* memfds */
	int beside;				/* the launcher of the case beside us, or -1 */
	pid_t pid;
	int pidfd;
	struct peer peer;

	bool timed_out;
	int status;				/* as waitpid() has it */
	uint64_t cpu_ms, wall_ms;
	long memory_kib;
	unsigned reports;
	struct report stopped, error, violation;	/* kind 0: there was none */
	char why[512];				/* it failed: one line; "" is good */
};

static void give_up(const char *what)
{
	fprintf(stderr, "launch: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int must(int rc, const char *what)
{
	if (rc < 0)
		give_up(what);
	return rc;
}

/* --- the monitor's descriptors ------------------------------------------------------------- */

static int high(int fd)
{
	int up = must(fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD), "descriptor");

	close(fd);
	return up;
}

static int file_of(const char *name, const void *bytes, size_t n)
{
	int fd = must(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), name);

	if (io_write(fd, bytes, n) < 0)
		give_up(name);
	must((int)lseek(fd, 0, SEEK_SET), name);
	return high(fd);
}

static int make_spec(const struct guest_case *c)
{
	char text[512];
	const char *seed = getenv("SEED");
	int n = snprintf(text, sizeof(text),
			 "memory = %u\ncpus = %u\ndisks = 2\ndisks-ro = 2\ncard = 2\n"
			 "cmdline = case=%s seed=%llu\n", GUEST_RAM, c->cpus, c->name,
			 seed ? strtoull(seed, NULL, 0) : (unsigned long long)now_ns());
	int fd = file_of("spec", text, (size_t)n);

	must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), "seal");
	return fd;
}

/* A cpio with nothing in it: the mark of its end. */
static int make_agent(void)
{
	char text[512] = "";

	snprintf(text, sizeof(text), "070701%032x%08x%048x%08x%08xTRAILER!!!",
		 0, 1 /* link */, 0, 11 /* bytes of name */, 0);
	return file_of("agent", text, sizeof(text));
}

#define DISK_BYTES (DISK_SECTORS * SECTOR + DISK_TAIL)

static void fill_disk(unsigned disk, uint64_t *words)
{
	for (uint64_t i = 0; i * 8 < DISK_BYTES; i++)
		words[i] = disk_word(disk, i);
}

static int make_disk(unsigned disk)
{
	static uint64_t words[DISK_BYTES / 8 + 1];
	char path[64];
	int fd;

	fill_disk(disk, words);
	fd = file_of("disk", words, DISK_BYTES);
	if (disk == 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);	/* another open file: read-only */
	return high(must(open(path, O_RDONLY | O_CLOEXEC), path));
}

static void make_pair(int type, int pair[2])
{
	must(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), "socketpair");
	pair[0] = high(pair[0]);
	pair[1] = high(pair[1]);
}

static void make_pipe(int ends[2])
{
	must(pipe2(ends, O_CLOEXEC), "pipe");
	ends[0] = high(ends[0]);
	ends[1] = high(ends[1]);
	must(fcntl(ends[1], F_SETFL, O_WRONLY | O_NONBLOCK), "pipe");
}

/* False when the machine has no usable KVM. */
static bool prepare(struct run *r, const char *elf)
{
	int small = 4096;

	r->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (r->kvm < 0)
		return false;
	r->kvm = high(r->kvm);
	r->kernel = high(must(open(elf, O_RDONLY | O_CLOEXEC), elf));
	make_pipe(r->log);
	make_pipe(r->console);
	must(fcntl(r->console[1], F_SETPIPE_SZ, CONSOLE_PIPE), "console");
	make_pair(SOCK_SEQPACKET, r->broker);
	make_pair(SOCK_STREAM, r->wire);
	must(setsockopt(r->wire[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), "wire");
	must(fcntl(r->wire[1], F_SETFL, O_RDWR | O_NONBLOCK), "wire");
	r->spec = make_spec(r->c);
	r->agent = make_agent();
	r->output = file_of("output", "", 0);
	for (unsigned i = 0; i < 2; i++)
		r->disk[i] = make_disk(i);
	return true;
}

static void become_monitor(const struct run *r, const char *path)
{
	const struct { int from, to; } table[] = {
		{ r->output, FD_NULL1 }, { r->output, FD_NULL2 }, { r->spec, FD_SPEC },
		{ r->log[1], FD_LOG }, { r->console[1], FD_CONSOLE }, { r->kvm, FD_KVM },
		{ r->kernel, FD_KERNEL }, { r->agent, FD_AGENT }, { r->broker[1], FD_BROKER },
		{ r->wire[1], FD_NET }, { r->disk[0], FD_DISK0 }, { r->disk[1], FD_DISK0 + 1 },
	};

	for (int fd = FD_SPEC; fd < HIGH_FD; fd++)
		close(fd);
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		must(dup2(table[i].from, table[i].to), "dup2");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(prctl(PR_SET_PDEATHSIG, SIGKILL), "death signal");
	execl(path, "sandbox-vmm", (char *)NULL);
	dprintf(FD_NULL2, "%s: %s\n", path, strerror(errno));
	_exit(1);
}

static void start(struct run *r, const char *path)
{
	r->pid = must(fork(), "fork");
	if (r->pid == 0)
		become_monitor(r, path);
	r->pidfd = must((int)syscall(SYS_pidfd_open, r->pid, 0), "pidfd");
	close(r->log[1]);
	close(r->console[1]);
	close(r->broker[1]);
	close(r->wire[1]);
	peer_init(&r->peer, r->pid, r->broker[0], r->wire[0], r->beside);
}

/* --- while it runs --------------------------------------------------------------------------- */

static void attend(struct run *r)
{
	uint64_t began = now_ns();
	struct pollfd fds[PEER_POLLS + 1];

	for (;;) {
		int64_t left = WALL_LIMIT_MS - (int64_t)((now_ns() - began) / 1000000);
		int timeout = (int)left;
		unsigned n;

		if (left <= 0) {
			r->timed_out = true;
			kill(r->pid, SIGKILL);
			break;
		}
		n = peer_polls(&r->peer, fds, &timeout);
		fds[n] = (struct pollfd){ .fd = r->pidfd, .events = POLLIN };
		poll(fds, n + 1, timeout);
		if (fds[n].revents)
			break;
		peer_serve(&r->peer, fds, n);
	}
	r->wall_ms = (now_ns() - began) / 1000000;
}

static uint64_t ms(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_usec / 1000;
}

static void take_report(struct run *r, const struct report *report)
{
	r->reports++;
	if (report->kind == REPORT_STOPPED)
		r->stopped = *report;
	else if (report->kind == REPORT_ERROR)
		r->error = *report;
	else if (report->kind == REPORT_VIOLATION)
		r->violation = *report;
	if (getenv("V") && report->kind == REPORT_NOTE)
		fprintf(stderr, "note: %.*s\n", (int)sizeof(report->err.msg), report->err.msg);
}

static void collect(struct run *r)
{
	struct rusage usage;
	struct report report;

	must(wait4(r->pid, &r->status, 0, &usage), "wait");
	r->cpu_ms = ms(usage.ru_utime) + ms(usage.ru_stime);
	r->memory_kib = usage.ru_maxrss;
	while (io_read(r->log[0], &report, sizeof(report)) == 0)
		take_report(r, &report);
	peer_fini(&r->peer);
}

/* --- what is left ------------------------------------------------------------------------------- */

/* The first line of what was written to fd that says something - sanitizers begin with a
 * ruler - without what would spoil a line of ours.  V=1 shows all of it. */
static void first_line(int fd, char *line, size_t n)
{
	static char text[65536];
	ssize_t got = io_read_some(fd, text, sizeof(text) - 1);
	const char *p = text;

	text[got > 0 ? got : 0] = '\0';
	if (getenv("V"))
		fputs(text, stderr);
	while (*p && (*p == '\n' || strspn(p, "=") == strcspn(p, "\n")))
		p++;
	snprintf(line, n, "%.*s", (int)strcspn(p, "\n"), p);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
}

/* A monkey has all of the disk that can be written. */
static bool is_scratch(const struct run *r, unsigned disk, uint64_t word)
{
	uint64_t sector = word * 8 / SECTOR;

	return disk == 0 && sector < DISK_SECTORS &&
	       (!strncmp(r->c->name, "monkey_", 7) ||
		(sector >= SCRATCH && sector < SCRATCH + SCRATCH_SECTORS));
}

static void judge_disk(struct run *r, unsigned disk)
{
	static uint64_t want[DISK_BYTES / 8 + 1], have[DISK_BYTES / 8 + 1];

	fill_disk(disk, want);
	memcpy(have, want, sizeof(have));
	if (lseek(r->disk[disk], 0, SEEK_END) != DISK_BYTES ||
	    io_pread(r->disk[disk], have, DISK_BYTES, 0) < 0) {
		snprintf(r->why, sizeof(r->why), "disk %u has changed its size", disk);
		return;
	}
	for (uint64_t i = 0; i * 8 < DISK_BYTES; i++)
		if (have[i] != want[i] && !is_scratch(r, disk, i))
			snprintf(r->why, sizeof(r->why), "disk %u was written to at byte %llu", disk,
				 (unsigned long long)i * 8);
}

static void judge_stop(struct run *r)
{
	const struct report_stopped *s = &r->stopped.stopped;
	char said[300];

	first_line(r->console[0], said, sizeof(said));
	if (r->stopped.kind != REPORT_STOPPED)
		snprintf(r->why, sizeof(r->why), "the monitor did not say why it stopped");
	else if (s->reason != r->c->reason)
		snprintf(r->why, sizeof(r->why), "stopped for reason %u, not %u: %.*s %s", s->reason,
			 r->c->reason, (int)sizeof(s->msg), s->msg, said);
	else if (s->reason == STOP_EXIT_PORT && s->code != r->c->code)
		snprintf(r->why, sizeof(r->why), "guest exit code %#x, not %#x: %s",
			 (unsigned)s->code, (unsigned)r->c->code, said);
}

/* Between two samples the guest was quiet. */
static void judge_idleness(struct run *r)
{
	const struct usage *was = &r->peer.sample[0], *is = &r->peer.sample[1];
	uint64_t others = (is->others_ns - was->others_ns) / 1000000;
	uint64_t vcpus = (is->vcpus_ns - was->vcpus_ns) / 1000000;

	if (r->peer.n_samples == 2 && others > vcpus / IDLE_SHARE + IDLE_LIMIT_MS)
		snprintf(r->why, sizeof(r->why), "the monitor used %llu ms of CPU time, the vcpus "
			 "%llu, while the guest was quiet", (unsigned long long)others,
			 (unsigned long long)vcpus);
}

static void judge_manners(struct run *r)
{
	if (r->reports >= MAX_REPORTS)
		snprintf(r->why, sizeof(r->why), "the guest made the monitor send %u reports",
			 r->reports);
	else if (r->cpu_ms > CPU_LIMIT_MS)
		snprintf(r->why, sizeof(r->why), "the monitor used %llu ms of CPU time",
			 (unsigned long long)r->cpu_ms);
	else if (!SANITIZED && r->memory_kib > (GUEST_RAM >> 10) + OWN_MEMORY_KIB)
		snprintf(r->why, sizeof(r->why), "the monitor used %ld KiB of memory",
			 r->memory_kib);
	else if (r->peer.complaint[0])
		snprintf(r->why, sizeof(r->why), "%s", r->peer.complaint);
}

static void judge_health(struct run *r)
{
	char said[300];

	must((int)lseek(r->output, 0, SEEK_SET), "output");
	first_line(r->output, said, sizeof(said));
	if (r->timed_out)
		snprintf(r->why, sizeof(r->why), "still running after %u s", WALL_LIMIT_MS / 1000);
	else if (r->violation.kind)
		snprintf(r->why, sizeof(r->why), "thread %.16s: system call %u is not allowed",
			 r->violation.violation.thread, r->violation.violation.nr);
	else if (r->error.kind)
		snprintf(r->why, sizeof(r->why), "%s", r->error.err.msg);
	else if (WIFSIGNALED(r->status))
		snprintf(r->why, sizeof(r->why), "the monitor died by signal %d: %s",
			 WTERMSIG(r->status), said);
	else if (said[0])
		snprintf(r->why, sizeof(r->why), "the monitor wrote: %s", said);
	else if (WEXITSTATUS(r->status) != 0)
		snprintf(r->why, sizeof(r->why), "the monitor exited with %d",
			 WEXITSTATUS(r->status));
}

static void judge(struct run *r)
{
	judge_health(r);
	if (!r->why[0])
		judge_stop(r);
	if (!r->why[0])
		judge_manners(r);
	if (!r->why[0])
		judge_idleness(r);
	for (unsigned i = 0; i < 2 && !r->why[0]; i++)
		judge_disk(r, i);
}

/* --- */

static const struct guest_case *find(const char *name)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	return NULL;
}

static int list(void)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		puts(cases[i].name);
	return 0;
}

/* --- a case and its neighbour -------------------------------------------------------------------- */

/* False when the machine has no usable KVM. */
static bool play(struct run *r, char **programs)
{
	if (!prepare(r, programs[1]))
		return false;
	start(r, programs[0]);
	attend(r);
	collect(r);
	judge(r);
	return true;
}

static bool is_loud(const char *name)
{
	return !strncmp(name, "storm_", 6) || !strncmp(name, "flood_", 6) ||
	       !strncmp(name, "memory_", 7);
}

/* The neighbour's own launcher: a NUL with every round of work, at last its complaint. */
static _Noreturn void play_neighbour(struct run *r, char **programs, int to)
{
	r->c = find(NEIGHBOUR);
	r->beside = to;
	if (!play(r, programs))
		snprintf(r->why, sizeof(r->why), "/dev/kvm: %s", strerror(errno));
	io_write(to, r->why, strlen(r->why));
	exit(0);
}

/* Returns once it works, or has failed. */
static int neighbour_start(struct run *r, char **programs)
{
	int pair[2];
	char first;

	make_pair(SOCK_STREAM, pair);
	if (must(fork(), "fork") == 0) {
		close(pair[0]);
		play_neighbour(r, programs, pair[1]);
	}
	close(pair[1]);
	must((int)recv(pair[0], &first, 1, MSG_PEEK), "neighbour");
	return pair[0];
}

static void neighbour_end(struct run *r, int from)
{
	char c, said[sizeof(r->why)] = "";
	size_t n = 0;

	shutdown(from, SHUT_WR);
	while (io_read(from, &c, 1) == 0)
		if (c && n < sizeof(said) - 1)
			said[n++] = c;
	if (n > 0 && !r->why[0])
		snprintf(r->why, sizeof(r->why), "its neighbour: %.400s", said);
}

int main(int argc, char **argv)
{
	static struct run r = { .beside = -1 };
	int neighbour = -1;
	bool played;

	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc != 4 || !(r.c = find(argv[3]))) {
		fprintf(stderr, "usage: launch --list | launch MONITOR GUEST.elf CASE\n");
		return 2;
	}
	if (is_loud(r.c->name))
		neighbour = neighbour_start(&r, argv + 1);
	played = play(&r, argv + 1);
	if (neighbour >= 0)
		neighbour_end(&r, neighbour);
	if (!played) {
		printf("skip guest.%s: /dev/kvm: %s\n", r.c->name, strerror(errno));
		return 0;
	}
	if (r.why[0]) {
		printf("FAIL guest.%s: %s: %s\n", r.c->name, r.c->what, r.why);
		return 1;
	}
	printf("ok guest.%s: %s (%llu ms, %llu ms CPU)\n", r.c->name, r.c->what,
	       (unsigned long long)r.wall_ms, (unsigned long long)r.cpu_ms);
	return 0;
}
