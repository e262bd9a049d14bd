/* rig.h - plays the runner for one start of the jailer. */
#ifndef TESTS_JAIL_RIG_H
#define TESTS_JAIL_RIG_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/fds.h"
#include "lib/report.h"
#include "tests/jail/order.h"

struct rig {
	const char *jailer;
	int fd[FD_JAILER_END];		/* what the jailer gets under that number; -1 is closed */
	int log, leash, console, broker;	/* our ends */
	pid_t pid;			/* the jailer, later the keeper */
	void (*before_exec)(void);	/* spoils what the jailer inherits; as we are */
	char out[16384];		/* its stdout, with rig_explain() */

	struct report jailed, error, ended;	/* as far as they came; kind 0 if not */
	int status;			/* of the jailer, once it ended */
};

extern const char *rig_build;	/* the build directory */
extern int rig_kvm;		/* descriptor of /dev/kvm to hand over, or -1 */
extern const char *rig_jailer;	/* path of the program; NULL: as it was built */
extern uid_t rig_user;		/* who starts it; 0: as we are */

/* Become that user, for good. */
void rig_become_user(void);

/* Once, before the first start: what is left now was left by others. */
void rig_remember(void);

/* Everything as it should be, for a machine of 64 MiB with one read-only disk. */
void rig_init(struct rig *r);
void rig_spec(struct rig *r, const char *text);		/* another spec, sealed */
void rig_replace(struct rig *r, int number, int fd);	/* fd is the rig's from here on */
void rig_free(struct rig *r);
void rig_again(struct rig *r);		/* as after rig_init(), but for before_exec */

void rig_start(struct rig *r);
int rig_explain(struct rig *r);				/* its exit status, and r->out */

/* Until the probe has said hello: true; or the jailer failed: false.  hello gets its text. */
bool rig_up(struct rig *r, char *hello, size_t n);
void rig_order(struct rig *r, uint64_t what, uint64_t arg);

/* Until the jailer, now keeper, is gone; false after 5 seconds.  Collects its reports. */
bool rig_down(struct rig *r);

/* Start, expect a refusal: the error's text, or NULL if it was not refused. */
const char *rig_refusal(struct rig *r);

/* What runs have left behind: processes of ours, directories.  Says what on stderr. */
bool rig_nothing_left(const struct rig *r);

#endif
