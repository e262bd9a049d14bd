/* load.h - installs a compiled filter.  See rules.h for what the filters say. */
#ifndef SECCOMP_LOAD_H
#define SECCOMP_LOAD_H

enum policy_id { POLICY_OUTER, POLICY_KEEPER, POLICY_LOOP, POLICY_BLK, POLICY_VCPU,
		 POLICY_VCPU_SOFT,	/* instead of VCPU where instructions are completed */
		 POLICY_SAVE,		/* instead of LOOP in a machine that is saved */
		 POLICY_SAVABLE,	/* ... that may be saved while its command runs */
		 POLICY_HTTP,		/* from here on none of the vmm: serve's HTTP process */
		 POLICY_NET,		/* sandbox-net */
		 POLICY_PACK,		/* the process that makes images */
		 N_POLICIES };

/* On the calling thread, forever.  no_new_privs must be set.  Denied calls raise SIGSYS
 * (SECCOMP_RET_TRAP): unhandled it ends the process, and the vmm's handler reports the
 * thread and the call first.  Returns 0 or a negative errno; in sanitizer builds, which
 * need calls of their own, it installs nothing and returns -ENOTSUP. */
int seccomp_install(enum policy_id id);

#endif
