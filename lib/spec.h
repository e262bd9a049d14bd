/* spec.h - what the user wrote, as one plain struct, and the one table behind it.
 *
 * A row of spec_rows[] is a command-line flag, a config-file key, a line of --help,
 * a paragraph of the man page and, where it concerns the machine, a line of the text
 * handed down in the sealed memfd (FD_SPEC).  That text has numbers and words, never
 * a path: `key = value`, one a line, '#' starts a comment.
 *
 * Strings in struct spec are borrowed from argv or from the text that was parsed;
 * the ones that are handed down are copied into arrays. */
#ifndef LIB_SPEC_H
#define LIB_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/limits.h"

enum spec_net { NET_NONE, NET_TAP, NET_STREAM };
enum spec_snapshot { SNAP_NONE, SNAP_TAKE, SNAP_RESTORE };
enum spec_tty { TTY_AUTO, TTY_ON, TTY_OFF };

struct spec_list {
	unsigned n;
	const char *v[MAX_ARGS];
};

struct spec {
	/* the machine: handed down to jailer and vmm */
	uint64_t memory;		/* bytes of guest RAM, a multiple of 2 MiB */
	uint32_t cpus;
	uint32_t disks;			/* how many of FD_DISK0.. are there, root included */
	uint32_t disks_ro;		/* bit i: disk i is read-only */
	uint32_t net;			/* enum spec_net: what FD_NET is */
	bool     initrd;		/* FD_INITRD is there */
	bool     hold;			/* the guest waits for BROKER_START */
	uint32_t snapshot;		/* enum spec_snapshot: what FD_SNAPSHOT is for */
	bool     prefault, huge_pages;	/* guest memory: in place before the guest runs; of 2 MiB */
	bool     savable;		/* it may be saved while the command runs */
	uint32_t cpu_seconds;		/* of processor time that the monitor may use; 0: no limit */
	uint64_t disk_rate;		/* bytes a second, read and written each; 0: no limit */
	uint32_t layers;		/* rather no machine than without these, bits of enum layer */
	char     cmdline[MAX_CMDLINE];	/* appended to the kernel command line */
	char     fault[32];		/* test builds only: what to do wrong, see SANDBOX_FAULTS */

	/* the run: stays in the runner */
	const char *root, *kernel, *initrd_path, *result, *config;
	const char *workdir, *user, *hostname;
	const char *entrypoint;		/* instead of the image's; "": none */
	const char *require;		/* names of layers */
	const char *from, *save;	/* a snapshot: to restore the machine from, to save it in */
	uint32_t going_on;		/* the session of the command that was saved with it; 0: none */
	const char *name;		/* of the machine, for others */
	const char *enter;		/* the machine of another run to run the command in */
	struct spec_list disk, env;
	struct spec_list copy_in, output;	/* files: SRC[:DST] in, PATH[:DST] out */
	const char *workspace;		/* a directory that is WORK_DIR in the guest */
	bool     apply;			/* write back what changed there */
	uint64_t output_max;		/* bytes of all outputs */
	uint32_t output_files;		/* how many files, directories and links they may be */
	uint64_t scratch;		/* bytes of a throw-away disk; 0: none */
	bool     host_program;		/* the command is a program of this host */
	bool     files;			/* a disk is there that brings files */
	bool     work;			/* it starts in a directory of its own */
	uint32_t files_disk, scratch_disk;	/* which disks these are; 0: none */
	uint64_t timeout;		/* ns from the start of the command; 0 = none */
	uint64_t output_limit;		/* bytes that the command may write; 0: no limit */
	uint32_t pids;			/* processes and threads of the guest's commands; 0: no limit */
	uint32_t tty;			/* enum spec_tty */
	uint32_t kvm_fd;		/* an inherited descriptor of /dev/kvm; 0 = open it */
	uint32_t net_fd;		/* an inherited tap or stream; 0: no network card */
	const char *mac, *address;	/* of that card, as text */
	const char *network;		/* what kind of network we make; NULL: none */
	struct spec_list allow, publish;
	const char *net_log, *pcap;
	uint64_t net_rate;		/* bytes a second each way; 0: no limit */
	const char *pool;		/* the socket of a pool to take the machine from */
	uint32_t machine_fd;		/* an inherited socket over which the machine comes; 0: none */
	bool     detach;		/* to the background, once the command has started */
	bool     keep;			/* the machine of a command that failed */
	bool     cold, console, explain, verbose, help;

	/* a pool */
	uint32_t size;			/* machines that wait */

	/* the function host */
	const char *listen;		/* HOST:PORT or unix:PATH */
	uint64_t max_body, max_output;	/* bytes of a request, of an answer */

	/* one of its functions */
	const char *command;		/* words, quoted as for a shell */
	uint32_t concurrency, queue;	/* calls at once, and that wait */
	uint32_t reuse;			/* calls of one machine */
	uint32_t warm_min, warm_max;	/* machines that wait */
};

enum spec_type {
	SPEC_BOOL,		/* flag: no argument; text: yes or no */
	SPEC_U32, SPEC_SIZE, SPEC_DURATION,
	SPEC_STR,		/* const char *, borrowed */
	SPEC_TEXT,		/* char array of `max` bytes */
	SPEC_LIST,		/* struct spec_list, borrowed */
	SPEC_CHOICE,		/* uint32_t; the flag itself or the word says which */
};

/* Where a row may stand; most may in several places. */
enum {
	SPEC_FLAG = 1,		/* `sandbox run`: on the command line and in a config file */
	SPEC_DOWN = 2,		/* in the text that is handed down */
	SPEC_MACHINE = 4,	/* wherever a machine is described */
	SPEC_CALL = 8,		/* wherever a command in it is */
	SPEC_POOL = 16,		/* `sandbox pool` */
	SPEC_HOST = 32,		/* the function host as a whole */
	SPEC_FUNCTION = 64,	/* one of its functions */
	SPEC_EXEC = 128,	/* `sandbox exec` */
};

struct spec_row {
	const char *name;	/* --name, `name = ` */
	enum spec_type type;
	unsigned where;		/* SPEC_FLAG and so on, or'ed */
	size_t at;		/* offsetof in struct spec */
	uint64_t min, max;	/* of numbers, in bytes, ns or 1; of SPEC_TEXT, max is the size */
	const char *arg;	/* what --help calls the argument; NULL for none */
	const char *help;	/* one sentence; the default value, if any, is in it */
	const char *more;	/* the rest of the man page's paragraph, or NULL */
	uint32_t choice;	/* SPEC_CHOICE given as a bare flag sets this value */
};

extern const struct spec_row spec_rows[];
extern const unsigned spec_n_rows;

/* The defaults: what an empty command line means. */
void spec_init(struct spec *s);

/* The row of that name if it may stand in `where`, else NULL. */
const struct spec_row *spec_find(const char *name, unsigned where);

/* Set one value from text, checked against its row.  A SPEC_BOOL or a bare-flag
 * SPEC_CHOICE takes value NULL as "given".  Errors name the row and the value. */
int spec_set(struct spec *s, const struct spec_row *row, const char *value, struct err *err);

/* The name of a row of `where` that has another value than its default, or NULL. */
const char *spec_given(const struct spec *s, unsigned where);

/* Parse `key = value` lines.  text is modified: strings in *s point into it.  Only rows
 * allowed in `where`; a key that is no list may stand once.  Errors name the line. */
int spec_parse(struct spec *s, char *text, unsigned where, struct err *err);

/* Write the SPEC_DOWN rows as text into buf[n].  Returns the length without NUL, or
 * -ENOSPC. */
int spec_print(const struct spec *s, char *buf, size_t n);

/* What no single row can say: sizes that fit together, counts that match.  Used by the
 * jailer and the vmm on what they were handed. */
int spec_check_down(const struct spec *s, struct err *err);

#define SPEC_MAX_TEXT 8192	/* bytes of handed-down text, NUL included */

/* Read and parse the sealed memfd; refuses one that is not sealed against writing. */
int spec_read_fd(struct spec *s, int fd, struct err *err);

#endif
