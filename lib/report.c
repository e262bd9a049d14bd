/* report.c - what jailer, keeper and vmm tell the runner. */
#include "lib/report.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/io.h"

_Static_assert(sizeof(struct report) <= PIPE_BUF, "one report is one atomic write");

const char *const report_layer_names[N_LAYERS] = {
	[LAYER_USERNS] = "userns", [LAYER_PIDNS] = "pidns", [LAYER_MOUNTNS] = "mountns",
	[LAYER_NETNS] = "netns", [LAYER_IPCNS] = "ipcns", [LAYER_UTSNS] = "utsns",
	[LAYER_CGROUPNS] = "cgroupns", [LAYER_EMPTY_ROOT] = "empty-root",
	[LAYER_RLIMITS] = "rlimits", [LAYER_KEYRING] = "keyring", [LAYER_CORE] = "core", [LAYER_CGROUP_MEMORY] = "cgroup-memory",
	[LAYER_CGROUP_PIDS] = "cgroup-pids", [LAYER_CGROUP_CPU] = "cgroup-cpu",
	[LAYER_CGROUP_IO] = "cgroup-io", [LAYER_CGROUP_KILL] = "cgroup-kill", [LAYER_OWN_UID] = "own-uid",
	[LAYER_NO_CAPS] = "no-caps", [LAYER_SECUREBITS] = "securebits",
	[LAYER_NO_NEW_PRIVS] = "no-new-privs", [LAYER_FD_TABLE] = "fd-table",
	[LAYER_LANDLOCK] = "landlock", [LAYER_SECCOMP] = "seccomp",
	[LAYER_THREAD_SECCOMP] = "thread-seccomp",
};

#define BIT(layer) (1ull << (layer))

/* 0 if there is no such layer. */
static uint64_t layers_of(const char *name, size_t n)
{
	if (n == strlen("cgroup") && !memcmp(name, "cgroup", n))
		return BIT(LAYER_CGROUP_MEMORY) | BIT(LAYER_CGROUP_PIDS) | BIT(LAYER_CGROUP_CPU);
	for (unsigned i = 0; i < N_LAYERS; i++)
		if (strlen(report_layer_names[i]) == n && !memcmp(report_layer_names[i], name, n))
			return BIT(i);
	return 0;
}

int report_layers(const char *text, uint64_t *layers, struct err *err)
{
	*layers = 0;
	for (const char *p = text;; p++) {
		size_t n = strcspn(p, ",");
		uint64_t some = layers_of(p, n);

		if (!some)
			return err_set(err, EINVAL, "'%.*s' is no layer of the jail; `sandbox doctor` "
				       "lists them", n < 40 ? (int)n : 40, p);
		*layers |= some;
		p += n;
		if (!*p)
			return 0;
	}
}

const char *report_missing(uint64_t want, uint64_t have)
{
	for (unsigned i = 0; i < N_LAYERS; i++)
		if (want & ~have & BIT(i))
			return report_layer_names[i];
	return NULL;
}

void report_send(int fd, struct report *r)
{
	r->t_ns = now_ns();
	(void)!io_write_some(fd, r, sizeof(*r));
}

void report_error(int fd, const struct err *err)
{
	struct report r = { .kind = REPORT_ERROR, .err = *err };

	report_send(fd, &r);
}

void report_phase(int fd, enum phase p)
{
	struct report r = { .kind = REPORT_PHASE, .arg = p };

	report_send(fd, &r);
}
