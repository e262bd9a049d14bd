/* priv.c - who the process is, and what it may do: less and less, with no way back. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jailer/jail.h"
#include "lib/fd.h"

/* uid 0 gets nothing from exec, uid changes move no capability, none can be made ambient;
 * and all of that locked. */
#define SECUREBITS (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | \
		    SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | \
		    SECBIT_KEEP_CAPS_LOCKED | \
		    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

#define CAP(name) (1ull << CAP_##name)

#define NEEDED (CAP(SYS_ADMIN) | CAP(SETUID) | CAP(SETGID) | CAP(SETPCAP))
#define LENT (NEEDED | CAP(DAC_OVERRIDE))	/* at most; the last for directories of groups */

/* Asked directly: the library would read two files of /proc first. */
static uint64_t permitted_caps(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2];

	if (syscall(SYS_capget, &head, set) < 0)
		return 0;
	return set[0].permitted | (uint64_t)set[1].permitted << 32;
}

/* With a uid of its own file it could not tell the caller's rights from its own. */
int look_at_rights(struct jail *j, struct err *err)
{
	uint64_t has = permitted_caps();

	if (getuid() != geteuid() || getgid() != getegid())
		return err_set(err, EPERM, "the jailer is set-uid or set-gid: give it file "
			       "capabilities instead, see README.md");
	j->privileged = (has & NEEDED) == NEEDED;
	j->lent = getuid() != 0 && has & LENT;
	if (j->lent && !j->privileged)
		return err_set(err, EPERM, "the jailer has some of the file capabilities that it needs "
			       "and not all, see README.md");
	return j->lent ? limit_caps(has & LENT, 0, err) : 0;
}

/* Reports must not wait: whoever has the leash's other end can stop reading, and has the flags of
 * the descriptor in hand as long as it is shared. */
static int own_the_leash(struct err *err)
{
	char path[32];
	autoclose int fd = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", FD_LEASH);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || dup3(fd, FD_LEASH, O_CLOEXEC) < 0)
		return err_sys(err, "leash");
	return 0;
}

/* From here on the caller can neither signal nor trace us.  Until here nothing was made that the
 * caller could not have made, and so nothing is left behind by one who kills us. */
int take_up_rights(struct jail *j, struct err *err)
{
	uint64_t has = permitted_caps();

	if (!j->lent)
		return 0;
	if (limit_caps(has, has, err) < 0)
		return -err->code;
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(err, "taking up rights");
	return own_the_leash(err);
}

int lock_securebits(struct err *err)
{
	if (prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) < 0 ||
	    prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) != SECUREBITS)
		return err_sys(err, "securebits");
	return 0;
}

/* Up to the kernel's last one, whichever that is. */
int empty_bounding_set(struct err *err)
{
	for (unsigned cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno != EINVAL || cap <= CAP_AUDIT_READ)
			return err_sys(err, "capability %u", cap);
		break;
	}
	return 0;
}

/* By hand: the library for it asks about each capability twice, reads two files of /proc as the
 * program starts, and ties the program to a C library that takes 0.3 ms to start. */
int limit_caps(uint64_t keep, uint64_t use, struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2] = {
		{ .effective = (uint32_t)use, .permitted = (uint32_t)keep },
		{ .effective = (uint32_t)(use >> 32), .permitted = (uint32_t)(keep >> 32) },
	};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(err, "ambient capabilities");
	return syscall(SYS_capset, &head, set) < 0 ? err_sys(err, "capabilities") : 0;
}

/* A user without a namespace has no right to change these two, nor any that they could guard:
 * no_new_privs takes their place. */
static int close_ways_back(struct jail *j, struct err *err)
{
	if (j->bare)
		return 0;
	if (lock_securebits(err) < 0 || empty_bounding_set(err) < 0)
		return -err->code;
	layer_on(j, LAYER_SECUREBITS);
	return 0;
}

int drop_rights(struct jail *j, struct err *err)
{
	bool mapped = layer_is_on(j, LAYER_USERNS);
	uid_t uid = mapped ? JAIL_ID : j->uid;
	gid_t gid = mapped ? JAIL_ID : j->gid;
	int rc = close_ways_back(j, err);

	if (rc < 0)
		return rc;
	/* A user's groups cannot be left; with nothing to open they open nothing. */
	if (j->privileged && setgroups(0, NULL) < 0)
		return err_sys(err, "groups");
	if (setresgid(gid, gid, gid) < 0)
		return err_sys(err, "gid %u", gid);
	if (setresuid(uid, uid, uid) < 0)
		return err_sys(err, "uid %u", uid);
	rc = limit_caps(0, 0, err);
	if (rc < 0)
		return rc;
	layer_on(j, LAYER_NO_CAPS);
	if (j->privileged)
		layer_on(j, LAYER_OWN_UID);
	return 0;
}

/* After the uid changes, which would undo both settings. */
int tie_to_keeper(struct jail *j, struct err *err)
{
	struct pollfd keeper = { .fd = j->child_end, .events = POLLRDHUP };
	int gone;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_sys(err, "dumpable");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_sys(err, "parent death signal");
	gone = poll(&keeper, 1, 0);
	if (gone < 0)
		return err_sys(err, "the keeper cannot be looked at");
	if (gone)			/* it died before the signal was asked for */
		return err_set(err, ESRCH, "the keeper is gone");
	return 0;
}

int no_new_privs(struct jail *j, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return err_sys(err, "no_new_privs");
	layer_on(j, LAYER_NO_NEW_PRIVS);
	return 0;
}
