/* agent.h - the parts of /init: pid 1 of the guest, and the host's agent in it.
 *
 * main.c is the list of what happens; one file a part.  Everything is written for a guest
 * kernel that may be emulated, where a system call costs a quarter of a millisecond: few
 * calls, no polling, no allocation.  There is one pid 1, so its state is static.
 *
 * The agent trusts the host, which can do anything to the guest anyway, and nothing that
 * the command or the root image says. */
#ifndef ROOTFS_AGENT_H
#define ROOTFS_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/proto.h"

/* --- host.c: the host, over vsock ------------------------------------------------- */

/* Open the control connection, instead of the one there was, and say HELLO; session: of the
 * command that is running, or 0.  0 or a negative errno. */
int host_hello(uint32_t session);

/* Receive the next message, checked; blocks.  A host that is gone or talks rubbish ends
 * the machine: this returns only with a message. */
void host_recv(struct msg *m);

/* Seal and send m's body of that type; a failure ends the machine. */
void host_send(struct msg *m, enum msg_type type, uint32_t id, size_t body);

int host_fd(void);			/* the control connection, for epoll */

/* A socket that never blocks: the caller's descriptor, or a negative errno. */
int host_socket(void);

/* Ask for its connection to that host port; and wait until it is there.  In two steps, so that
 * several are asked for in one go.  0 or a negative errno. */
int host_connect(int fd, uint32_t port);
int host_connected(int fd);

/* One line for --verbose; on the kernel log while there is no connection. */
void host_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Say why and reset the machine: there is nothing to fall back on. */
void host_give_up(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* --- modules.c, mounts.c, group.c, welcome.c, card.c: the steps of main() ------------------- */

/* 0 or a negative errno, all of them. */
int modules_load(void);			/* what /modules/order lists, if it is there */
int mounts_early(void);			/* /dev, and descriptors 0 to 2 */
int mounts_root(void);			/* the root disk, its overlay, the file systems in it */
int mounts_wait(const char *device);	/* until it is there; -ENXIO: it does not come */
int mounts_below(void);			/* the initramfs, where the root's layers are */
int mounts_enter(const char *root);	/* make that directory the root */
int group_init(void);			/* the cgroup of the command */
int loopback_up(void);
int welcome(void);			/* WELCOME: clock, entropy, host name, identity, card */
int card_init(const struct msg_card *card);	/* which is there */

/* The parameters of module `name` on a kernel command line, as finit_module() takes them:
 * "name.device=x" becomes "device=x".  What does not fit is left out. */
void modules_params(const char *cmdline, const char *name, char *out, size_t n);

/* --- files.c: disks that come with a run, by their numbers; 0 or a negative errno -------------- */

int files_lay(unsigned disk);		/* over the root */
int files_scratch(unsigned disk);	/* at /scratch */

struct account;
int files_work(const struct account *who);	/* WORK_DIR, which is the user's */

/* While the root is being mounted: /etc/machine-id, if the image has an /etc.  WELCOME fills it. */
int identity_file(void);
uint64_t identity_generation(void);	/* WELCOME's */

int group_fd(void);			/* for CLONE_INTO_CGROUP, or -1 without cgroups */
uint64_t group_oom_kills(void);		/* processes that ran out of memory so far */

/* From now on its processes are no more than that.  A descriptor on which EPOLLPRI says that there
 * was to be one more, or a negative errno. */
int group_limit_pids(uint32_t most);
bool group_had_too_many(void);		/* has it ever said so? */
void group_kill(void);

/* --- account.c: who a command runs as ---------------------------------------------- */

#define ACCOUNT_GROUPS 32

struct account {
	uid_t uid;
	gid_t gid;
	gid_t groups[ACCOUNT_GROUPS];	/* supplementary */
	unsigned n_groups;
	char name[64], home[256], shell[256];
};

/* Find "user", "user:group", by name or number, in the text of a passwd and a group file.
 * A number needs no entry: its group is then the same number, its home "/".  An empty
 * `who` is user 1000.  0, -ENOENT for a name that is not there, -EINVAL. */
int account_find(struct account *a, const char *who, const char *passwd, const char *group);

/* The whole file, NUL-terminated; one that is not there is empty.  -EFBIG: it does not fit. */
int read_file(const char *path, char *text, size_t n);

/* The same as account_find(), from the files of the root image.  -EFBIG: a file of more than 128 KiB. */
int account_load(struct account *a, const char *who);

/* Read these files for the next account_load(): until a command has run, nobody changes them.
 * Returns 0: what is wrong with them is for whoever asks for a user. */
int account_init(void);

/* --- command.c: starting it --------------------------------------------------------- */

struct command {
	const struct account *who;
	char **argv, **env;		/* NULL-terminated */
	const char *workdir;		/* "" is the home directory, or / if there is none */
	uint64_t generation;		/* of the machine */
	int fd[N_STREAMS];		/* become 0, 1, 2; all above 2, the caller's */
	bool tty;			/* fd[0] is a terminal: make it the controlling one */
};

/* Point argv and env at the strings of a checked EXEC, and add HOME, USER, SHELL, PATH and
 * SANDBOX_GENERATION where it has none.  The strings stay in m and in static storage. */
void command_strings(struct command *c, const struct msg *m);

/* The file that executes `name` by this PATH: 0, -ENOENT, -EACCES, -ENAMETOOLONG. */
int command_find(const char *name, const char *path, char *out, size_t n);

/* Start it.  Returns its pid, or 0 and *why says what failed. */
pid_t command_start(const struct command *c, struct msg_spawn_failed *why);

/* In a machine that is about to be saved ("warmup=1" among the words the kernel hands us), start
 * and reap a shell: what every command needs - its pages of the root image, the kernel's own
 * caches - is then in memory, and in every clone's.  Returns 0: without it all still works. */
int warm_up(void);

/* --- flow.c: bytes from one descriptor to another ----------------------------------- */

#define FLOW_BUF 65536

enum flow_need { FLOW_INPUT = 1, FLOW_OUTPUT, FLOW_ENDED, FLOW_LOST };

/* Both descriptors non-blocking and owned by the flow; -1 when closed. */
struct flow {
	int from, to;
	unsigned off, len;		/* buf[off], len bytes, wait for `to` */
	uint64_t moved;			/* bytes read in all */
	uint64_t sent;			/* bytes written to this `to` */
	int at_end;			/* a byte to write at the end of input, or -1 */
	char buf[FLOW_BUF];
};

void flow_open(struct flow *f, int from, int to);
void flow_close(struct flow *f);

/* Move what can be moved in one go, and say what it takes to go on: `from` readable,
 * `to` writable, or nothing any more: the input ended and all of it is written, or the
 * output was closed by its reader; or, LOST, a connection to the host is the other end of
 * nothing.  The descriptors are still open then. */
enum flow_need flow_run(struct flow *f);

/* --- streams.c: what a command reads and writes ------------------------------------- */

struct streams {
	uint32_t id;			/* of the session */
	uint32_t tag;			/* in the epoll set, stream i has tag + i as its data */
	bool tty;
	struct flow flow[N_STREAMS];
	int watched[N_STREAMS];		/* the descriptor in the epoll set, or -1 */
	enum flow_need need[N_STREAMS];
	uint64_t tell_at;		/* ns: when the host is to be told of an output's end */
};

/* What the first command's streams need before it is known.  set: the caller's epoll set. */
int streams_init(int set);

/* Make those of a command, connected to the host; c->fd[] is what it gets.  Then either it has
 * been started, and data may move, or it has not.  0 or a negative errno. */
int streams_open(struct streams *s, struct command *c, const struct msg_exec *e, uint32_t id);
void streams_begin(struct streams *s);
void streams_abandon(struct streams *s);

/* Connect those that are open to the host anew. */
int streams_reconnect(struct streams *s);

bool stream_is_open(const struct streams *s, unsigned i);
bool stream_ready(struct streams *s, unsigned i);	/* move data; was there any? */
void stream_end(struct streams *s, unsigned i);

/* Of an output that has ended, the host's end stays until it is told: by EXITED, which says it for
 * less than closing a connection takes, or, from this time on (ns; UINT64_MAX: none), by that. */
uint64_t streams_tell_at(const struct streams *s);
void streams_tell_ends(struct streams *s);

uint64_t streams_output(const struct streams *s);	/* bytes that the command has written so far */
bool streams_wait_for_host(const struct streams *s);	/* is there output that it has not taken yet? */
void streams_resize(struct streams *s, uint16_t rows, uint16_t cols);	/* of a terminal, if there is one */

/* --- outputs.c: what a command was to leave behind ---------------------------------------- */

/* Remember the outputs of an EXEC; 0 or -E2BIG. */
int outputs_keep(const struct msg *m);

/* Send them, if there are any: the session's end has been told. */
void outputs_send(uint32_t id);

/* --- serve.c: the loop -------------------------------------------------------------- */

/* The epoll set, limits that a command inherits, and what the first command's streams need
 * before it is known.  0 or a negative errno. */
int serve_init(void);

/* Run commands as the host asks for them, up to MAX_SESSIONS at once, and reap orphans. */
void serve(void) __attribute__((noreturn));

#endif
