/* spec.c - the option table and the text form of a spec. */
#include "lib/spec.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/io.h"
#include "lib/num.h"
#include "lib/report.h"

#define AT(field) offsetof(struct spec, field)
#define MACHINE (SPEC_FLAG | SPEC_MACHINE)
#define CALL (SPEC_FLAG | SPEC_CALL)
#define ANYONE (SPEC_FLAG | SPEC_POOL)

const struct spec_row spec_rows[] = {
	{ "memory", SPEC_SIZE, MACHINE | SPEC_DOWN, AT(memory), MIN_MEMORY, MAX_MEMORY, "SIZE",
	  "guest memory (128M)",
	  "A multiple of 2M. The root's overlay, /tmp and /run live in it too.", 0 },
	{ "cpus", SPEC_U32, MACHINE | SPEC_DOWN, AT(cpus), 1, MAX_VCPUS, "N", "virtual cpus, 1 to 8 (1)", NULL, 0 },
	{ "root", SPEC_STR, MACHINE, AT(root), 0, 0, "ROOT",
	  "root file system: an image, a tar, a directory, a name (the built base image)",
	  "An ext4, erofs or squashfs image; a name that `sandbox image` knows; or a tar, an OCI layout, "
	  "a docker-archive or a directory, of which an image is made the first time. Environment, "
	  "directory, user and command that an OCI image or docker-archive names are used where the "
	  "command line gives none; what is given as COMMAND are arguments if it has an entrypoint. "
	  "Always attached read-only; what the command writes goes to an overlay in guest "
	  "memory and is gone when it ends.", 0 },
	{ "entrypoint", SPEC_STR, SPEC_FLAG, AT(entrypoint), 0, 0, "WORD",
	  "first word of the command, instead of what the root's image names (its own)",
	  "With '' there is none, and COMMAND is the whole command.", 0 },
	{ "disk", SPEC_LIST, SPEC_FLAG, AT(disk), 0, MAX_DISKS - 1, "FILE[:ro]",
	  "attach a raw image or block device as /dev/vdb, /dev/vdc, ...",
	  "May be given seven times. A disk is locked for the time of the run: one writer, or "
	  "any number of readers.", 0 },
	{ "disk-rate", SPEC_SIZE, MACHINE | SPEC_DOWN, AT(disk_rate), 0, 1ull << 40, "SIZE",
	  "bytes a second that the machine may read, and write, on its disks' devices (no limit)",
	  "Of each block device that an image is on, whatever part of it. What the host has in its "
	  "cache is read without limit, and what is written to a file that others have just written "
	  "may count as theirs. Needs a control group that limits I/O: io in version 2, blkio in "
	  "version 1.", 0 },
	{ "scratch", SPEC_SIZE, SPEC_FLAG, AT(scratch), 16ull << 20, 1ull << 40, "SIZE",
	  "a throw-away disk of that size, mounted at /scratch (none)",
	  "Anybody in the guest may write there; what does not fit is refused, and all of it is gone "
	  "when the command ends. On the host it is a file without a name, in TMPDIR or /var/tmp. Needs "
	  "mkfs.ext4.", 0 },
	{ "copy-in", SPEC_LIST, SPEC_FLAG, AT(copy_in), 0, MAX_FILES_IN, "SRC[:DST]",
	  "put a file or tree of this host into the guest, as /work/NAME or as DST",
	  "May be given 32 times. The guest has a copy, which belongs to the command's user; modes and "
	  "times are kept. The command starts in /work, if --workdir does not say otherwise; a relative DST "
	  "is in that directory. What is there already of that name in the root is hidden. /bin, /sbin and "
	  "/lib are taken for /usr/bin, /usr/sbin and /usr/lib; /dev, /proc, /sys, /run and /tmp can "
	  "take nothing. A colon is the end of SRC.", 0 },
	{ "host-program", SPEC_BOOL, SPEC_FLAG, AT(host_program), 0, 0, NULL,
	  "COMMAND is a program of this host (if it starts with ./ or ../ and is there)",
	  "It becomes /work/NAME, and what it needs to start comes with it: the shared libraries that "
	  "it names, as its loader would find them here; of a script, the interpreter. Nothing is run "
	  "here to learn that. What a program opens later - plugins, modules, data - is not known: "
	  "--copy-in brings it. With this option the program is looked for in PATH, as a shell does; "
	  "without, ./prog and ../prog are the host's if there is such a program, and all else is the "
	  "guest's. The libraries hide those of the same path in --root.", 0 },
	{ "output", SPEC_LIST, SPEC_FLAG, AT(output), 0, MAX_OUTPUTS, "PATH[:DST]",
	  "when the command has ended, copy PATH out of the guest, to ./NAME or to DST",
	  "May be given 32 times. Taken whatever the exit code is, but not after --timeout. A relative PATH "
	  "is in the command's directory, which is /work, as with --copy-in. Files, directories and links "
	  "come out, each output whole or not at all: no devices, no set-uid bits, no owners, and no links "
	  "that lead out of the tree. A file takes the place of DST; a directory takes no other's. "
	  "An output that is not there makes the exit code 125, if the command's own is 0.", 0 },
	{ "output-max", SPEC_SIZE, SPEC_FLAG, AT(output_max), 4096, 1ull << 40, "SIZE",
	  "the most that all outputs may have, holes included (1G)", NULL, 0 },
	{ "output-files", SPEC_U32, SPEC_FLAG, AT(output_files), 1, 10000000, "N",
	  "how many files, directories and links all outputs may be (100000)", NULL, 0 },
	{ "workspace", SPEC_STR, SPEC_FLAG, AT(workspace), 0, 0, "DIR",
	  "give the guest a copy of DIR as /work, and leave what has changed there in DIR.changes.tar",
	  "What .gitignore and .sandboxignore files in it name stays here, and so do .git/config, "
	  ".git/hooks, .env and .ssh, and pipes, sockets and devices. The tar is written to the current "
	  "directory, with .wh.NAME for what was removed, whatever the exit code is, but not after "
	  "--timeout. --output-max and --output-files count for it, too.", 0 },
	{ "apply", SPEC_BOOL, SPEC_FLAG, AT(apply), 0, 0, NULL,
	  "with --workspace, write what has changed back into DIR",
	  "What the guest was not given, and what is no longer as it was copied in, stays as it is, and "
	  "is counted on stderr.", 0 },
	{ "with-files", SPEC_BOOL, SPEC_FLAG, AT(files), 0, 0, NULL,
	  "leave a place for files in a machine that is saved (with --copy-in, there is one)",
	  "For `sandbox snapshot take --template`, as runs with files call it.", 0 },
	{ "env", SPEC_LIST, CALL | SPEC_EXEC, AT(env), 0, MAX_ARGS, "K[=V]",
	  "set K in the command's environment; without =V, as it is here",
	  "Nothing else of the host's environment is passed on. HOME, USER, SHELL and PATH are "
	  "set for the user, and SANDBOX_GENERATION: 0 in a machine that was booted, in a restored "
	  "one a number that no other restore has.", 0 },
	{ "workdir", SPEC_STR, CALL | SPEC_EXEC, AT(workdir), 0, 0, "DIR",
	  "directory in the guest to start the command in (the user's home, or /)", NULL, 0 },
	{ "user", SPEC_STR, CALL | SPEC_EXEC, AT(user), 0, 0, "USER[:GROUP]",
	  "guest user to run the command as, by name or number (1000)", NULL, 0 },
	{ "hostname", SPEC_STR, CALL, AT(hostname), 0, 0, "NAME",
	  "the guest's host name (sandbox)", NULL, 0 },
	{ "tty", SPEC_CHOICE, SPEC_FLAG | SPEC_EXEC, AT(tty), 0, 0, NULL,
	  "give the command a terminal (if stdin and stdout are one)", NULL, TTY_ON },
	{ "no-tty", SPEC_CHOICE, SPEC_FLAG | SPEC_EXEC, AT(tty), 0, 0, NULL,
	  "give the command pipes, even at a terminal", NULL, TTY_OFF },
	{ "timeout", SPEC_DURATION, CALL | SPEC_EXEC, AT(timeout), 1, UINT64_MAX, "DUR",
	  "end the command after this long with exit code 124 (no limit)",
	  "Counted from the start of the command, not of the machine. 500ms, 10s, 5m, 1h; a "
	  "bare number is seconds.", 0 },
	{ "cpu-seconds", SPEC_U32, MACHINE | SPEC_DOWN, AT(cpu_seconds), 0, 1u << 30, "N",
	  "end the machine when it has used that much processor time, with reason cpu-limit (no limit)",
	  "Of its monitor and of everything in the guest, all processors together, from the start of the "
	  "machine. The exit code is 152, as of a command that SIGXCPU has ended.", 0 },
	{ "output-limit", SPEC_SIZE, CALL | SPEC_EXEC, AT(output_limit), 1, 1ull << 50, "SIZE",
	  "end a command that writes more than this, with reason output-limit (no limit)",
	  "Stdout and stderr together. What was read by then is passed on, which may be up to 128K more. "
	  "The exit code is 153, as of a command that SIGXFSZ has ended.", 0 },
	{ "pids", SPEC_U32, CALL, AT(pids), 1, 1u << 20, "N",
	  "processes and threads that all commands of the machine may have at once (no limit)",
	  "Where one more is to be started, all are killed, with reason pids-limit and exit code 137. The "
	  "guest's kernel counts.", 0 },
	{ "kernel", SPEC_STR, MACHINE, AT(kernel), 0, 0, "FILE",
	  "guest kernel, an ELF vmlinux or a bzImage (the built one)", NULL, 0 },
	{ "initrd", SPEC_STR, MACHINE, AT(initrd_path), 0, 0, "FILE",
	  "initramfs placed in front of the agent's, for kernels with modules (none)",
	  "An uncompressed or compressed cpio. The agent loads the modules that its "
	  "/modules/order lists.", 0 },
	{ "cmdline", SPEC_TEXT, MACHINE | SPEC_DOWN, AT(cmdline), 0, MAX_CMDLINE, "TEXT",
	  "append to the guest kernel's command line (nothing)", NULL, 0 },
	{ "cold", SPEC_BOOL, SPEC_FLAG, AT(cold), 0, 0, NULL,
	  "boot the machine, instead of restoring its template",
	  "The first run of a kind of machine - kernel, root, memory, cpus - boots it once and keeps "
	  "it in the cache directory; later runs start from there. With --disk or --console "
	  "a machine is always booted.", 0 },
	{ "prefault", SPEC_BOOL, MACHINE | SPEC_DOWN, AT(prefault), 0, 0, NULL,
	  "have guest memory in place before the guest runs",
	  "Of a restored machine, what its snapshot has of it; else all of it. The start takes longer, "
	  "and the guest never waits for a page after that.", 0 },
	{ "huge-pages", SPEC_BOOL, MACHINE | SPEC_DOWN, AT(huge_pages), 0, 0, NULL,
	  "ask the host for huge pages (2M) as guest memory",
	  "Then a restored machine's memory is a copy and shared with no other clone.", 0 },
	{ "require", SPEC_STR, MACHINE, AT(require), 0, 0, "LAYER,...",
	  "start no machine unless these layers of its jail are on (as many as the host gives)",
	  "`sandbox doctor` has the names of all layers, and says which ones this host gives; cgroup "
	  "stands for the limits of memory, pids and cpu.", 0 },
	{ "from", SPEC_STR, MACHINE, AT(from), 0, 0, "FILE",
	  "restore the machine from this snapshot (see: sandbox snapshot)",
	  "The snapshot says what the machine is: its memory, cpus, kernel and root.", 0 },
	{ "savable", SPEC_BOOL, SPEC_FLAG | SPEC_DOWN, AT(savable), 0, 0, NULL,
	  "let `sandbox snapshot take` save the machine while the command runs",
	  "Its monitor keeps the system calls that this takes; that is why it must be asked for.", 0 },
	{ "name", SPEC_STR, SPEC_FLAG, AT(name), 0, 0, "NAME",
	  "what `sandbox exec`, `kill`, `wait` and so on know the machine by (the process id)",
	  "A run with a name, like a savable or detached one, is found by the other commands of its user "
	  "and by nobody else.", 0 },
	{ "detach", SPEC_BOOL, SPEC_FLAG, AT(detach), 0, 0, NULL,
	  "go to the background when the command has started, and print the name",
	  "The command reads an empty stdin; what it writes is kept, the last 8M of stdout and of stderr, "
	  "for `sandbox logs`, and its exit code for `sandbox wait`, until the name is used again or "
	  "`sandbox gc` is called.", 0 },
	{ "keep-on-fail", SPEC_BOOL, SPEC_FLAG, AT(keep), 0, 0, NULL,
	  "let the machine of a command that fails wait for `sandbox exec`, until `sandbox kill`",
	  "A command fails that ends with another code than 0 or by a signal. --timeout ends the machine "
	  "all the same.", 0 },
	{ "console", SPEC_BOOL, SPEC_FLAG, AT(console), 0, 0, NULL,
	  "copy the guest kernel's console to stderr", NULL, 0 },
	{ "result", SPEC_STR, SPEC_FLAG | SPEC_EXEC, AT(result), 0, 0, "FILE",
	  "write what happened as JSON: reason, code, phases, layers", NULL, 0 },
	{ "kvm-fd", SPEC_U32, MACHINE, AT(kvm_fd), 3, 1 << 20, "FD",
	  "use this inherited descriptor of /dev/kvm instead of opening it",
	  "For unprivileged callers that are handed the device and not granted its node.", 0 },
	{ "net-fd", SPEC_U32, SPEC_FLAG, AT(net_fd), 3, 1 << 20, "FD",
	  "use this inherited tap, or stream socket with passt's framing, as network card (none)",
	  "A tap is one without headers: IFF_TAP and IFF_NO_PI, not IFF_VNET_HDR. A stream is a Unix "
	  "socket; before each frame goes its length, 32 bits, big-endian. It is made non-blocking. "
	  "Whoever made it decides what the guest can reach.", 0 },
	{ "net", SPEC_STR, SPEC_FLAG, AT(network), 0, 0, "user",
	  "a network card whose connections this host makes, as you, through passt (none)",
	  "IPv4 only. Without --allow it reaches public addresses; private, link-local and loopback "
	  "ones, the networks that this host is in and the places where clouds keep metadata are "
	  "refused unless --allow names them. Names are resolved as this host does.", 0 },
	{ "allow", SPEC_LIST, SPEC_FLAG, AT(allow), 0, MAX_ALLOW, "TO[:PORT]",
	  "with --net user: reach this host name, address or network, and no other",
	  "May be given 64 times. TO is a name, *.NAME for all names below it, an address or a network "
	  "like 10.1.0.0/16. A name is allowed at the addresses that it has when the guest asks for "
	  "it, but for those that are refused unless named. 127.0.0.1 is this host's own loopback, which the guest "
	  "finds at its gateway's address, 192.0.0.1.", 0 },
	{ "publish", SPEC_LIST, SPEC_FLAG, AT(publish), 0, MAX_PUBLISH, "[IP:]HOST:GUEST",
	  "with --net user: TCP port HOST of this host is port GUEST of the guest",
	  "May be given 16 times. At 127.0.0.1, where no IP says otherwise.", 0 },
	{ "net-log", SPEC_STR, SPEC_FLAG, AT(net_log), 0, 0, "FILE",
	  "with --net user: write a line for each connection and name, allowed or refused",
	  "What looks the same within a minute is one line; there are 100,000 at most.", 0 },
	{ "pcap", SPEC_STR, SPEC_FLAG, AT(pcap), 0, 0, "FILE",
	  "with --net user: write the guest's frames, for tcpdump -r (1G at most)", NULL, 0 },
	{ "net-rate", SPEC_SIZE, SPEC_FLAG, AT(net_rate), 0, 1ull << 40, "SIZE",
	  "with --net user: bytes a second that the guest may send, and receive (no limit)", NULL, 0 },
	{ "address", SPEC_STR, SPEC_FLAG, AT(address), 0, 0, "IP/N[,GW]",
	  "IPv4 address of the network card, and a default gateway (none)",
	  "With --net user (192.0.0.2/29,192.0.0.1) or --net-fd, and set before the command starts.", 0 },
	{ "mac", SPEC_STR, SPEC_FLAG, AT(mac), 0, 0, "MAC",
	  "hardware address of the network card (another in every run)", "With --net user or --net-fd.", 0 },
	{ "pool", SPEC_STR, SPEC_FLAG, AT(pool), 0, 0, "SOCKET",
	  "take the machine from the pool that listens there (see: sandbox pool)",
	  "The pool says what the machine is. If none is ready, wait for one.", 0 },
	{ "machine-fd", SPEC_U32, SPEC_FLAG, AT(machine_fd), 3, 1 << 20, "FD",
	  "take the machine from this inherited socket; at its end the run is given up",
	  "For programs that keep machines ready, as `sandbox serve` does.", 0 },
	{ "config", SPEC_STR, ANYONE, AT(config), 0, 0, "FILE",
	  "read options from FILE first, one `key = value` a line", NULL, 0 },
	{ "explain", SPEC_BOOL, SPEC_FLAG, AT(explain), 0, 0, NULL,
	  "print the whole plan - jail, filters, devices, command line - and start nothing",
	  NULL, 0 },
	{ "verbose", SPEC_BOOL, ANYONE | SPEC_EXEC, AT(verbose), 0, 0, NULL,
	  "say on stderr what happens when", NULL, 0 },
	{ "help", SPEC_BOOL, ANYONE | SPEC_EXEC, AT(help), 0, 0, NULL, "print this and exit", NULL, 0 },

	{ "size", SPEC_U32, SPEC_POOL, AT(size), 1, MAX_READY, "N",
	  "machines that wait, ready to run (2)", NULL, 0 },

	{ "listen", SPEC_STR, SPEC_HOST, AT(listen), 0, 0, "ADDRESS",
	  "where to take HTTP requests: 127.0.0.1:PORT, [::1]:PORT or unix:PATH (127.0.0.1:8080)",
	  "A socket of this host only: what faces a network is a proxy's business.", 0 },
	{ "max-body", SPEC_SIZE, SPEC_HOST, AT(max_body), 1, 1ull << 30, "SIZE",
	  "the most that a request may have as its body (6M)", NULL, 0 },
	{ "max-output", SPEC_SIZE, SPEC_HOST, AT(max_output), 4096, 1ull << 30, "SIZE",
	  "the most that a function may write; more is reason output-limit (6M)", NULL, 0 },
	{ "command", SPEC_STR, SPEC_FUNCTION, AT(command), 0, 0, "WORDS",
	  "what to run, split into words and quoted as for a shell",
	  "Nothing is expanded; for that, say sh -c '...'.", 0 },
	{ "concurrency", SPEC_U32, SPEC_FUNCTION, AT(concurrency), 1, MAX_READY, "N",
	  "calls that run at once (4)", NULL, 0 },
	{ "queue", SPEC_U32, SPEC_FUNCTION, AT(queue), 0, 256, "N",
	  "calls that wait for one to end (16)", "One more is answered with status 429.", 0 },
	{ "reuse", SPEC_U32, SPEC_FUNCTION, AT(reuse), 1, 1u << 30, "N",
	  "calls that one machine serves, one after the other (1)",
	  "More than one is faster, and each call finds what the last one left in the guest.", 0 },
	{ "warm-min", SPEC_U32, SPEC_FUNCTION, AT(warm_min), 0, MAX_READY, "N",
	  "machines that wait even if nobody calls (0)", NULL, 0 },
	{ "warm-max", SPEC_U32, SPEC_FUNCTION, AT(warm_max), 0, MAX_READY, "N",
	  "machines that wait when many call (4)", NULL, 0 },

	{ "disks", SPEC_U32, SPEC_DOWN, AT(disks), 0, MAX_DISKS, NULL, NULL, NULL, 0 },
	{ "disks-ro", SPEC_U32, SPEC_DOWN, AT(disks_ro), 0, (1u << MAX_DISKS) - 1, NULL, NULL,
	  NULL, 0 },
	{ "card", SPEC_U32, SPEC_DOWN, AT(net), NET_NONE, NET_STREAM, NULL, NULL, NULL, 0 },
	{ "layers", SPEC_U32, SPEC_DOWN, AT(layers), 0, (1u << N_LAYERS) - 1, NULL, NULL, NULL, 0 },
	{ "has-initrd", SPEC_BOOL, SPEC_DOWN, AT(initrd), 0, 0, NULL, NULL, NULL, 0 },
	{ "held", SPEC_BOOL, SPEC_DOWN, AT(hold), 0, 0, NULL, NULL, NULL, 0 },
	{ "snapshot", SPEC_U32, SPEC_DOWN, AT(snapshot), SNAP_NONE, SNAP_RESTORE, NULL, NULL, NULL,
	  0 },
#ifdef SANDBOX_FAULTS
	{ "fault", SPEC_TEXT, SPEC_FLAG | SPEC_DOWN, AT(fault), 0, 32, "NAME",
	  "test builds only: commit this fault in the monitor", NULL, 0 },
#endif
};

#define N_ROWS (sizeof(spec_rows) / sizeof(spec_rows[0]))

const unsigned spec_n_rows = N_ROWS;

void spec_init(struct spec *s)
{
	*s = (struct spec){ .memory = 128ull << 20, .cpus = 1, .hostname = "sandbox",
			    .tty = TTY_AUTO, .size = 2, .listen = "127.0.0.1:8080",
			    .max_body = 6ull << 20, .max_output = 6ull << 20, .concurrency = 4,
			    .queue = 16, .reuse = 1, .warm_max = 4,
			    .output_max = 1ull << 30, .output_files = 100000 };
}

const struct spec_row *spec_find(const char *name, unsigned where)
{
	for (unsigned i = 0; i < spec_n_rows; i++)
		if ((spec_rows[i].where & where) && !strcmp(spec_rows[i].name, name))
			return &spec_rows[i];
	return NULL;
}

static void *field(struct spec *s, const struct spec_row *row)
{
	return (char *)s + row->at;
}

static int bad_value(struct err *err, int rc, const struct spec_row *row, const char *value)
{
	static const char *const what[] = {
		[SPEC_BOOL] = "yes or no", [SPEC_U32] = "a number",
		[SPEC_SIZE] = "a size like 128M", [SPEC_DURATION] = "a duration like 10s",
		[SPEC_CHOICE] = "yes or no",
	};

	if (rc == -ERANGE)
		return err_set(err, ERANGE, "%s: %s is out of range", row->name, value);
	return err_set(err, EINVAL, "%s: '%s' is not %s", row->name, value, what[row->type]);
}

static int parse_bool(const char *value, bool *out)
{
	if (!value || !strcmp(value, "yes"))
		*out = true;
	else if (!strcmp(value, "no"))
		*out = false;
	else
		return -EINVAL;
	return 0;
}

/* A range is said in the unit the user wrote in, so that the remedy is plain. */
static int out_of_range(struct err *err, const struct spec_row *row, const char *value)
{
	if (row->type == SPEC_SIZE)
		return err_set(err, ERANGE, "%s: %s is not between %lluM and %lluM", row->name, value,
			       (unsigned long long)row->min >> 20,
			       (unsigned long long)row->max >> 20);
	if (row->type == SPEC_DURATION)
		return err_set(err, ERANGE, "%s: %s is no time at all", row->name, value);
	return err_set(err, ERANGE, "%s: %s is not between %llu and %llu", row->name, value,
		       (unsigned long long)row->min, (unsigned long long)row->max);
}

static int set_number(struct spec *s, const struct spec_row *row, const char *value,
		      struct err *err)
{
	uint64_t v;
	int rc = row->type == SPEC_SIZE ? num_size(value, &v) :
		 row->type == SPEC_DURATION ? num_duration(value, &v) : num_u64(value, &v);

	if (rc < 0)
		return bad_value(err, rc, row, value);
	if (v < row->min || v > row->max)
		return out_of_range(err, row, value);
	if (row->type == SPEC_U32)
		*(uint32_t *)field(s, row) = (uint32_t)v;
	else
		*(uint64_t *)field(s, row) = v;
	return 0;
}

static int set_text(struct spec *s, const struct spec_row *row, const char *value,
		    struct err *err)
{
	size_t n = strlen(value);

	if (n >= row->max)
		return err_set(err, E2BIG, "%s: longer than %llu bytes", row->name,
			       (unsigned long long)row->max - 1);
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)value[i]))
			return err_set(err, EINVAL, "%s: has a control character", row->name);
	memcpy(field(s, row), value, n + 1);
	return 0;
}

static int add_to_list(struct spec *s, const struct spec_row *row, const char *value,
		       struct err *err)
{
	struct spec_list *list = field(s, row);

	if (list->n >= row->max || list->n >= MAX_ARGS)
		return err_set(err, E2BIG, "%s: given more than %llu times", row->name,
			       (unsigned long long)row->max);
	list->v[list->n++] = value;
	return 0;
}

static int set_switch(struct spec *s, const struct spec_row *row, const char *value,
		      struct err *err)
{
	bool on;
	int rc = parse_bool(value, &on);

	if (rc < 0)
		return bad_value(err, rc, row, value);
	if (row->type == SPEC_BOOL)
		*(bool *)field(s, row) = on;
	else if (on)
		*(uint32_t *)field(s, row) = row->choice;
	return 0;
}

int spec_set(struct spec *s, const struct spec_row *row, const char *value, struct err *err)
{
	switch (row->type) {
	case SPEC_BOOL:
	case SPEC_CHOICE:
		return set_switch(s, row, value, err);
	default:
		break;
	}
	if (!value)
		return err_set(err, EINVAL, "%s: needs a value", row->name);
	switch (row->type) {
	case SPEC_TEXT:
		return set_text(s, row, value, err);
	case SPEC_LIST:
		return add_to_list(s, row, value, err);
	case SPEC_STR:
		*(const char **)field(s, row) = value;
		return 0;
	default:
		return set_number(s, row, value, err);
	}
}

/* Sizes of what the rows point at; SPEC_TEXT's is in the row. */
static size_t width(const struct spec_row *row)
{
	static const size_t widths[] = {
		[SPEC_BOOL] = sizeof(bool), [SPEC_U32] = sizeof(uint32_t),
		[SPEC_SIZE] = sizeof(uint64_t), [SPEC_DURATION] = sizeof(uint64_t),
		[SPEC_STR] = sizeof(char *), [SPEC_LIST] = sizeof(unsigned),
		[SPEC_CHOICE] = sizeof(uint32_t),
	};

	return row->type == SPEC_TEXT ? row->max : widths[row->type];
}

const char *spec_given(const struct spec *s, unsigned where)
{
	struct spec plain;

	spec_init(&plain);
	for (unsigned i = 0; i < spec_n_rows; i++) {
		const struct spec_row *row = &spec_rows[i];

		if (row->where & where && memcmp((const char *)s + row->at, field(&plain, row),
						 width(row)))
			return row->name;
	}
	return NULL;
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static int parse_line(struct spec *s, char *line, unsigned where, bool seen[N_ROWS],
		      struct err *err)
{
	char *key = trim(line), *eq = strchr(key, '='), *value;
	const struct spec_row *row;

	if (*key == '\0' || *key == '#')
		return 0;
	if (!eq)
		return err_set(err, EINVAL, "'%.40s' is not `key = value`", key);
	*eq = '\0';
	key = trim(key);
	value = trim(eq + 1);
	row = spec_find(key, where);
	if (!row)
		return err_set(err, EINVAL, "there is no option '%.40s'", key);
	if (seen[row - spec_rows] && row->type != SPEC_LIST)
		return err_set(err, EINVAL, "%s: given twice", row->name);
	seen[row - spec_rows] = true;
	return spec_set(s, row, value, err);
}

int spec_parse(struct spec *s, char *text, unsigned where, struct err *err)
{
	bool seen[N_ROWS] = { false };
	unsigned line = 1;

	for (char *next; text; text = next, line++) {
		int rc;

		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		rc = parse_line(s, text, where, seen, err);
		if (rc < 0)
			return err_in(err, "line %u", line);
	}
	return 0;
}

static int print_row(const struct spec *s, const struct spec_row *row, char *buf, size_t n)
{
	const void *at = (const char *)s + row->at;

	switch (row->type) {
	case SPEC_BOOL:
		return snprintf(buf, n, "%s = %s\n", row->name, *(const bool *)at ? "yes" : "no");
	case SPEC_U32:
		return snprintf(buf, n, "%s = %u\n", row->name, *(const uint32_t *)at);
	case SPEC_TEXT:
		return snprintf(buf, n, "%s = %s\n", row->name, (const char *)at);
	default:
		return snprintf(buf, n, "%s = %llu\n", row->name,
				(unsigned long long)*(const uint64_t *)at);
	}
}

int spec_print(const struct spec *s, char *buf, size_t n)
{
	size_t len = 0;

	for (unsigned i = 0; i < spec_n_rows; i++) {
		int put;

		if (!(spec_rows[i].where & SPEC_DOWN))
			continue;
		put = print_row(s, &spec_rows[i], buf + len, n - len);
		if (put < 0 || (size_t)put >= n - len)
			return -ENOSPC;
		len += (size_t)put;
	}
	return (int)len;
}

int spec_check_down(const struct spec *s, struct err *err)
{
	if (s->memory & ((2ull << 20) - 1))
		return err_set(err, EINVAL, "memory: %llu bytes is not a multiple of 2M",
			       (unsigned long long)s->memory);
	if (s->disks_ro >> s->disks)
		return err_set(err, EINVAL, "disks-ro: names a disk that is not there");
	return 0;
}

/* Sealed, or what was checked could be changed before it is used. */
static int check_sealed(int fd, struct err *err)
{
	const int want = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return err_sys(err, "spec: descriptor %d is not a memfd", fd);
	if ((seals & want) != want)
		return err_set(err, EPERM, "spec: the memfd is not sealed");
	return 0;
}

int spec_read_fd(struct spec *s, int fd, struct err *err)
{
	static char text[SPEC_MAX_TEXT];
	struct stat st;
	int rc = check_sealed(fd, err);

	if (rc < 0)
		return rc;
	if (fstat(fd, &st) < 0)
		return err_sys(err, "spec");
	if (st.st_size <= 0 || st.st_size >= SPEC_MAX_TEXT)
		return err_set(err, EINVAL, "spec: %lld bytes long", (long long)st.st_size);
	rc = io_pread(fd, text, (size_t)st.st_size, 0);
	if (rc < 0)
		return err_set(err, -rc, "spec: cannot be read");
	text[st.st_size] = '\0';
	if (strlen(text) != (size_t)st.st_size)
		return err_set(err, EINVAL, "spec: has a NUL byte");
	spec_init(s);
	if (spec_parse(s, text, SPEC_DOWN, err) < 0)
		return err_in(err, "spec");
	return spec_check_down(s, err);
}
