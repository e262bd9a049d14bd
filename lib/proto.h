/* proto.h - what runner and guest agent say to each other on the control connection.
 *
 * A frame is a 16-byte header and a body of a fixed struct, all little-endian; EXEC
 * adds strings.  The guest connects out to PORT_CONTROL as its first act and says HELLO;
 * data streams are vsock connections of their own, also made by the guest, one each.
 *
 *	guest			host
 *	HELLO		->
 *			<-	WELCOME  (time, entropy, name, identity, network card)
 *			<-	EXEC
 *	[connects the streams of EXEC.id]
 *	STARTED (with WELCOME's generation) or SPAWN_FAILED ->
 *			<-	SIGNAL, RESIZE ...
 *	[drains stdout and stderr]
 *	EXITED		->	[reads them up to the bytes that EXITED counts]
 *
 * Up to MAX_SESSIONS commands run at once, each EXEC with an id that none of them has: what is
 * said of one has its id, what is said of several comes in any order.
 *
 * In a clone of a machine whose command was running, the guest connects again; HELLO names
 * the session, and the answer is WELCOME and ATTACH, after which the streams that are still
 * open are connected and STARTED is said, as after EXEC.
 *
 * Everything from the guest is a claim.  A malformed, unknown or out-of-order message
 * ends the run. */
#ifndef LIB_PROTO_H
#define LIB_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/limits.h"

#define PROTO_MAGIC	0x58425353u	/* "SSBX" */
#define PROTO_VERSION	4
#define PORT_CONTROL	1000

/* Port of stream `n` of session `id`. */
enum stream { STREAM_STDIN, STREAM_STDOUT, STREAM_STDERR, N_STREAMS };
#define PORT_STREAM(id, n) (2000u + 4u * (id) + (unsigned)(n))

enum msg_type {
	MSG_HELLO = 1, MSG_WELCOME, MSG_EXEC, MSG_STARTED, MSG_SPAWN_FAILED, MSG_SIGNAL,
	MSG_RESIZE, MSG_EXITED, MSG_LOG, MSG_ATTACH,
	N_MSG_TYPES
};

struct msg_header {
	uint32_t magic;
	uint8_t  version, type;
	uint16_t zero;
	uint32_t id;			/* session; 0 for HELLO, WELCOME and LOG */
	uint32_t length;		/* of the body that follows */
};

struct msg_hello {
	uint32_t agent_version;		/* PROTO_VERSION it was built with */
	uint32_t session;		/* of the command that runs already, or 0 */
	uint64_t boot_ns;		/* guest CLOCK_MONOTONIC */
};

/* Set up by the agent, in whose memory a clone has its template's.  All zero: no card. */
struct msg_card {
	uint8_t  mac[6];		/* of one station */
	uint8_t  prefix;		/* bits of the network in address, 1 to 32 */
	uint8_t  names;			/* 1: the gateway resolves names */
	uint8_t  address[4];		/* IPv4, as on the wire; zero: none, and prefix is zero too */
	uint8_t  gateway[4];		/* another host of that network; zero: none */
};

enum { MAC_GROUP = 1, MAC_LOCAL = 2 };	/* bits of mac[0] */

struct msg_welcome {
	uint64_t realtime_ns;		/* host CLOCK_REALTIME */
	uint64_t generation;		/* 0: booted; else of this restore, and of no other */
	uint8_t  machine_id[16];	/* of this run: not all zero */
	uint8_t  entropy[64];
	struct msg_card card;
	uint32_t files;			/* number of the disk to be laid over the root; 0: none */
	uint32_t scratch;		/* ... and to be mounted at /scratch; 0: none */
	char     hostname[MAX_HOSTNAME];
};

enum {
	EXEC_TTY = 1,
	EXEC_SYNC = 2,			/* a disk is writable, sync at the end */
	EXEC_NO_STDIN = 4,		/* it is empty, and so not connected; not with a terminal */
	EXEC_WORK = 8,			/* the workdir is WORK_DIR, to be made and given to the user */
	EXEC_DIFF = 16,			/* hand over what has changed in WORK_DIR, as an output */
};

struct msg_exec {
	uint32_t flags;
	uint16_t rows, cols;		/* with EXEC_TTY */
	uint32_t argc, envc;
	uint32_t max_pids;		/* of all commands from now on, if not 0 */
	uint32_t outputs;
	char     user[64];		/* "1000", "root", "app:web" */
	/* then NUL-terminated strings: workdir (may be empty), argc arguments, envc K=V, outputs:
	 * absolute paths */
};

struct msg_started {
	uint32_t pid, zero;
	uint64_t boot_ns;
	uint64_t generation;		/* WELCOME's: what it brought was in place before this */
};

/* Where starting the command failed; the host maps FIND and EXEC to 127 and 126. */
enum spawn_stage { SPAWN_FIND = 1, SPAWN_EXEC, SPAWN_USER, SPAWN_WORKDIR, SPAWN_STREAMS,
		   SPAWN_FORK, SPAWN_TTY, N_SPAWN_STAGES };

struct msg_spawn_failed {
	uint32_t stage;
	int32_t  error;			/* errno */
};

struct msg_signal {
	uint32_t signo;
};

struct msg_resize {
	uint16_t rows, cols;
};

struct msg_attach {
	uint16_t rows, cols;		/* of a terminal, if the command has one */
};

enum exited_limit { LIMIT_NONE, LIMIT_PIDS, N_EXITED_LIMITS };

struct msg_exited {
	int32_t  code, signal;		/* signal is 0 for an exit */
	uint32_t oom_kill;		/* the guest's kernel killed something for memory */
	uint32_t drained;		/* 0: something still held an output open */
	uint32_t limit, zero;		/* enum exited_limit: which one ended it */
	uint64_t user_us, system_us, maxrss_kib;
	uint64_t output[2];		/* bytes written to the connections of stdout and stderr */
};

struct msg_log {
	char     text[256];		/* one line, NUL-terminated */
};

struct msg {
	struct msg_header head;
	union {
		struct msg_hello hello;
		struct msg_welcome welcome;
		struct msg_exec exec;
		struct msg_started started;
		struct msg_spawn_failed spawn_failed;
		struct msg_signal signal;
		struct msg_resize resize;
		struct msg_attach attach;
		struct msg_exited exited;
		struct msg_log log;
		uint8_t body[MAX_FRAME - sizeof(struct msg_header)];
	};
};

/* --- outputs -----------------------------------------------------------------------------
 *
 * After EXITED the paths of EXEC's last strings go to the host over PORT_OUTPUTS(session), a
 * connection of their own, in their order.  Each is one RECORD_DIR, RECORD_FILE or RECORD_MISSING;
 * a directory's content follows it, up to RECORD_UP; a file's, its holes left out, as RECORD_DATA.
 * A name is one component, and empty for the output itself.  With EXEC_DIFF the last output is what
 * is different in WORK_DIR; there RECORD_GONE is what has been removed.  RECORD_END is the last. */
#define PORT_OUTPUTS(id) PORT_STREAM(id, N_STREAMS)

enum record_type { RECORD_DIR = 1, RECORD_UP, RECORD_FILE, RECORD_DATA, RECORD_LINK, RECORD_GONE,
		   RECORD_MISSING, RECORD_END, N_RECORD_TYPES };

struct record {
	uint8_t  type, zero;
	uint16_t mode;			/* DIR, FILE: nine bits count */
	uint16_t name;			/* bytes of a name that follow: DIR, FILE, LINK */
	uint16_t more;			/* bytes that follow that: LINK's target, DATA */
	uint64_t value;			/* FILE: its size; DATA: where; MISSING: errno; DIR: 1: in the
					 * place of another */
};

#define RECORD_MAX_NAME	255u
#define RECORD_MAX_LINK	4095u
#define RECORD_MAX_DATA	61440u

/* Who is speaking: a type that the other side sends is malformed. */
enum side { FROM_GUEST = 1, FROM_HOST = 2 };

/* A header as received: 0, or -EPROTO.  After it, m->head.length more bytes make the
 * message whole. */
int msg_check_header(const struct msg_header *h, enum side from);

/* A whole message: 0, or -EPROTO when a field, a string or a count is not as it must be. */
int msg_check(const struct msg *m, enum side from);

/* What msg_check() asks of a card: not zero and not a group's; of one host, in a network of that
 * prefix; and, of a gateway, another host of the address's network. */
bool card_mac_ok(const uint8_t mac[6]);
bool card_address_ok(const uint8_t address[4], unsigned prefix);
bool card_gateway_ok(const struct msg_card *card);

/* Fill in the header for a body of that type; returns the bytes to send. */
size_t msg_seal(struct msg *m, enum msg_type type, uint32_t id, size_t body);

/* The strings of a checked EXEC, in order: 0 is the workdir, then argv, then the
 * environment.  They point into m. */
const char *msg_exec_string(const struct msg *m, uint32_t index);

/* Append one string to an EXEC of `used` body bytes: the new number of bytes, or 0 when
 * the frame is full.  Start with used = sizeof(struct msg_exec). */
size_t msg_exec_add(struct msg *m, size_t used, const char *s);

/* Receive and send over a blocking stream, checked: 0, -EPIPE at its end, -EPROTO... */
int msg_recv(int fd, struct msg *m, enum side from);
int msg_send(int fd, const struct msg *m);

#endif
