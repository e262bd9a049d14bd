/* report.h - what jailer, keeper and vmm tell the runner: one struct, one write.
 *
 * Jailer and keeper write to FD_LEASH, the vmm to FD_LOG.  A report is smaller than
 * PIPE_BUF, so reports of several threads never mix.  What comes over FD_LOG is a
 * claim of a process that the guest may have taken over; FD_LEASH is trusted. */
#ifndef LIB_REPORT_H
#define LIB_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

enum report_kind {
	REPORT_ERROR = 1,	/* anyone: it cannot go on; body err */
	REPORT_JAILED,		/* jailer, before the vmm runs; body jailed */
	REPORT_PHASE,		/* vmm: reached `arg`, an enum phase */
	REPORT_LOCKED,		/* vmm: about to run the guest; body locked */
	REPORT_VIOLATION,	/* vmm: a filter stopped it; body violation */
	REPORT_HEARD,		/* vmm: the guest's first connect request; body counters */
	REPORT_STOPPED,		/* vmm: the machine stops; body stopped */
	REPORT_SAVED,		/* vmm: BROKER_SAVE is done; body saved */
	REPORT_NOTE,		/* vmm: a line for --verbose; body err.msg */
	REPORT_ENDED,		/* keeper: the vmm is gone and cleaned up; body ended */
};

enum phase { PHASE_SPEC, PHASE_KVM, PHASE_MEMORY, PHASE_KERNEL, PHASE_DEVICES, PHASE_VCPUS,
	     N_PHASES };

/* Layers of isolation that were really on; report_layer_names[] spells them. */
enum layer {
	LAYER_USERNS, LAYER_PIDNS, LAYER_MOUNTNS, LAYER_NETNS, LAYER_IPCNS, LAYER_UTSNS,
	LAYER_CGROUPNS, LAYER_EMPTY_ROOT, LAYER_RLIMITS, LAYER_KEYRING, LAYER_CORE,
	LAYER_CGROUP_MEMORY, LAYER_CGROUP_PIDS, LAYER_CGROUP_CPU, LAYER_CGROUP_IO,
	LAYER_CGROUP_KILL,
	LAYER_OWN_UID, LAYER_NO_CAPS, LAYER_SECUREBITS, LAYER_NO_NEW_PRIVS, LAYER_FD_TABLE,
	LAYER_LANDLOCK, LAYER_SECCOMP, LAYER_THREAD_SECCOMP,
	N_LAYERS
};
extern const char *const report_layer_names[N_LAYERS];

/* Those that are off unless a run asks for what they limit. */
#define LAYERS_ON_REQUEST (1ull << LAYER_CGROUP_IO)

/* Names with commas between them, as bits: those above, and `cgroup` for its limits of
 * memory, pids and cpu. */
int report_layers(const char *text, uint64_t *layers, struct err *err);

/* The name of the first of `want` that is not in `have`; NULL if none is missing. */
const char *report_missing(uint64_t want, uint64_t have);

enum stop_reason {
	STOP_ASKED = 1,		/* the runner sent BROKER_STOP, or its broker hung up */
	STOP_RESET,		/* the guest asked for a reset: with our kernel, a panic */
	STOP_TRIPLE_FAULT,
	STOP_EXIT_PORT,		/* the guest wrote to the exit port; code is the byte */
	STOP_CPU_LIMIT,		/* its processor time is used up */
	STOP_SNAPSHOT,		/* it is saved; code is the bytes of its state */
	STOP_INTERNAL,		/* KVM could not go on, or a device broke; msg says what */
};

struct report_jailed {
	uint64_t layers;		/* bit 1 << enum layer */
	uint32_t uid;			/* of the vmm, in the host's initial namespace or ours */
	int32_t  vmm_pid;		/* as the keeper sees it */
	uint64_t cpu_ns;		/* CPU time of the jailer so far */
	uint64_t vmm_cpu_ns;		/* of it, that of the process which becomes the vmm */
	char     cgroup[5][128];	/* directories to remove, should the keeper be killed */
};

struct report_locked {
	uint64_t create_vm_ns;		/* wall time in KVM_CREATE_VM */
	uint64_t memory_region_ns;	/* ... and in KVM_SET_USER_MEMORY_REGION */
	uint64_t memory_region_cpu_ns;	/* the processor's time of that: the rest was waiting */
	uint64_t cpu_ns;		/* CPU time of its process so far: that, and the jailer's part */
	uint32_t soft_kvm;		/* 1: instruction completion is on */
	uint32_t layers_seccomp;	/* 1: thread filters are on */
};

struct report_violation {
	char     thread[16];
	uint32_t nr;			/* system call number */
	uint32_t arch;			/* AUDIT_ARCH_* */
	uint64_t arg[6];
};

struct report_counters {
	uint64_t exits;			/* KVM exits to user space, all vcpus */
	uint64_t insn_emulation;	/* KVM_GET_STATS_FD, 0 where there is none */
	uint64_t completions;		/* software KVM: instructions completed */
};

struct report_stopped {
	uint32_t reason;		/* enum stop_reason */
	int32_t  code;
	struct report_counters counters;
	char     msg[160];
};

struct report_saved {
	uint32_t state_len;		/* bytes at SNAP_STATE_AT */
	struct err err;			/* with a code: it is not saved */
};

struct report_ended {
	int32_t  code, signal;		/* how the vmm ended: one of the two */
	uint32_t oom_kill;		/* the vmm's cgroup ran out of memory */
	uint32_t leftovers;		/* cgroup directories that could not be removed */
	uint64_t user_us, system_us;	/* of the vmm */
	uint64_t maxrss_kib;
};

struct report {
	uint32_t kind, arg;
	uint64_t t_ns;			/* CLOCK_MONOTONIC */
	union {
		struct err err;
		struct report_jailed jailed;
		struct report_locked locked;
		struct report_violation violation;
		struct report_counters counters;
		struct report_stopped stopped;
		struct report_saved saved;
		struct report_ended ended;
	};
};

/* Stamp the time and write; a full or broken pipe loses the report, never blocks.
 * Safe in a signal handler. */
void report_send(int fd, struct report *r);

/* Shorthands for the common kinds. */
void report_error(int fd, const struct err *err);
void report_phase(int fd, enum phase p);

#endif
