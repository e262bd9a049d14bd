/* result.c - what happened, as JSON. */
#include "runner/result.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/hash.h"
#include "runner/nameless.h"
#include "runner/sysname.h"

typedef struct json_object json;

static void number(json *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

static void text(json *o, const char *key, const char *v)
{
	json_object_object_add(o, key, v ? json_object_new_string(v) : NULL);
}

/* --- the parts ---------------------------------------------------------------------- */

/* Some of the times are the vmm's claims: a phase is never negative. */
static void phase(json *o, const char *key, uint64_t from, uint64_t to)
{
	if (from && to)
		number(o, key, to > from ? (to - from) / 1000 : 0);
}

/* A machine that was ready before we came has no past in our run. */
static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static json *phases(const struct facts *f)
{
	json *o = json_object_new_object();

	phase(o, "spec", f->t_begin, f->t_spawned);
	phase(o, "jail", f->t_spawned, f->t_jailed);
	phase(o, "vmm", later(f->t_spawned, f->t_jailed), f->t_locked);
	phase(o, "boot", later(f->t_spawned, f->t_locked), f->t_hello);
	phase(o, "ready", f->t_hello, f->t_started);
	phase(o, "command", f->t_started, f->t_over);
	phase(o, "end", f->t_over, f->t_ended);
	phase(o, "total", f->t_begin, now_ns());
	return o;
}

static uint64_t us(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/* What its process did as the jailer is the jailer's. */
static uint64_t vmm_start_ns(const struct facts *f)
{
	uint64_t all = f->locked.cpu_ns, jailer = f->jailed.vmm_cpu_ns;

	return all > jailer ? all - jailer : 0;
}

static json *cpu(const struct facts *f)
{
	json *o = json_object_new_object();
	struct rusage self;

	if (getrusage(RUSAGE_SELF, &self) == 0)
		number(o, "runner", us(self.ru_utime) + us(self.ru_stime));
	if (f->t_jailed)
		number(o, "jailer", f->jailed.cpu_ns / 1000);
	if (f->t_locked) {
		number(o, "runner_start", f->cpu_locked_ns / 1000);
		number(o, "vmm_start", vmm_start_ns(f) / 1000);
		number(o, "create_vm", f->locked.create_vm_ns / 1000);
		number(o, "memory_region", f->locked.memory_region_ns / 1000);
		number(o, "memory_region_cpu", f->locked.memory_region_cpu_ns / 1000);
	}
	if (f->t_ended) {
		number(o, "vmm_user", f->ended.user_us);
		number(o, "vmm_system", f->ended.system_us);
	}
	return o;
}

static json *guest(const struct facts *f)
{
	json *o = json_object_new_object();

	if (!f->has_exited)
		return o;
	number(o, "user_us", f->exited.user_us);
	number(o, "system_us", f->exited.system_us);
	number(o, "maxrss_kib", f->exited.maxrss_kib);
	json_object_object_add(o, "oom_kill", json_object_new_boolean(f->exited.oom_kill));
	json_object_object_add(o, "drained", json_object_new_boolean(f->exited.drained));
	return o;
}

static json *layers(const struct facts *f)
{
	json *a = json_object_new_array();

	for (unsigned i = 0; i < N_LAYERS; i++)
		if (f->jailed.layers >> i & 1 ||
		    (i == LAYER_THREAD_SECCOMP && f->locked.layers_seccomp))
			json_object_array_add(a, json_object_new_string(report_layer_names[i]));
	return a;
}

static json *counters(const struct facts *f)
{
	json *o = json_object_new_object();

	if (!f->has_stopped)
		return o;
	number(o, "exits", f->stopped.counters.exits);
	number(o, "insn_emulation", f->stopped.counters.insn_emulation);
	number(o, "insn_to_agent", f->heard.insn_emulation);
	number(o, "completions", f->stopped.counters.completions);
	return o;
}

static json *network(const struct facts *f)
{
	const struct net_totals *t = &f->net;
	json *o;

	if (!f->has_net)
		return NULL;
	o = json_object_new_object();
	number(o, "allowed", t->allowed);
	number(o, "denied", t->denied);
	number(o, "accepted", t->accepted);
	number(o, "names", t->names);
	number(o, "names_denied", t->names_denied);
	number(o, "bytes_out", t->bytes_out);
	number(o, "bytes_in", t->bytes_in);
	number(o, "dropped", t->dropped);
	return o;
}

static json *violation(const struct facts *f)
{
	const struct report_violation *v = &f->violation;
	json *o, *args;
	char call[SYSNAME_MAX];

	if (!f->violated)
		return NULL;
	o = json_object_new_object();
	text(o, "thread", v->thread);
	text(o, "syscall", sysname(v->nr, v->arch, call, sizeof(call)));
	number(o, "nr", v->nr);
	args = json_object_new_array();
	for (unsigned i = 0; i < 6; i++)
		json_object_array_add(args, json_object_new_uint64(v->arg[i]));
	json_object_object_add(o, "args", args);
	return o;
}

static json *image(int fd)
{
	json *o = json_object_new_object();
	char hex[HASH_HEX];
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		number(o, "size", (uint64_t)st.st_size);
	text(o, "sha256", hash_file(fd, hex) ? hex : NULL);
	return o;
}

static json *compose(const struct result *r)
{
	const struct facts *f = r->facts;
	json *o = json_object_new_object();

	number(o, "schema", 1);
	text(o, "reason", reason_names[r->outcome->reason]);
	number(o, "code", (uint64_t)r->outcome->code);
	number(o, "signal", (uint64_t)r->outcome->signal);
	text(o, "message", r->outcome->message);
	json_object_object_add(o, "phases_us", phases(f));
	json_object_object_add(o, "cpu_us", cpu(f));
	json_object_object_add(o, "guest", guest(f));
	number(o, "peak_rss_kib", f->t_ended ? f->ended.maxrss_kib : 0);
	text(o, "kvm", !f->t_locked ? NULL : f->locked.soft_kvm ? "software" : "hardware");
	text(o, "start", r->start);
	json_object_object_add(o, "layers", layers(f));
	json_object_object_add(o, "counters", counters(f));
	json_object_object_add(o, "net", network(f));
	json_object_object_add(o, "violation", violation(f));
	json_object_object_add(o, "kernel", image(r->kernel));
	json_object_object_add(o, "root", image(r->root));
	return o;
}

/* --- the file ------------------------------------------------------------------------ */

static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int bad_result(struct err *err, int rc, const char *path)
{
	return err_set(err, -rc, "result: cannot write %s: %s", path, strerror(-rc));
}

int result_check(const char *path, struct err *err)
{
	char dir[PATH_MAX];
	char *slash;

	if (is_special(path))
		return access(path, W_OK) < 0 ? bad_result(err, -errno, path) : 0;
	if (!*path || strlen(path) >= sizeof(dir) - sizeof(".tmp"))
		return bad_result(err, *path ? -ENAMETOOLONG : -ENOENT, path);
	strcpy(dir, path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';	/* "/r" is in "/" */
	return access(slash ? dir : ".", W_OK | X_OK) < 0 ? bad_result(err, -errno, path) : 0;
}

static int write_special(const char *path, const char *s)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : io_write(fd, s, strlen(s));
}

static int write_whole(int fd, const char *s)
{
	int rc = io_write(fd, s, strlen(s));

	return rc == 0 && fsync(fd) < 0 ? -errno : rc;	/* a full disk may only now say so */
}

/* Where each file has a name from its beginning. */
static int replace_by_rename(const char *path, const char *s)
{
	char tmp[PATH_MAX + 32];
	autoclose int fd = -1;
	int rc;

	snprintf(tmp, sizeof(tmp), "%s.%d.tmp", path, getpid());
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	rc = write_whole(fd, s);
	if (rc == 0 && rename(tmp, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(tmp);
	return rc;
}

/* Of a run that is killed meanwhile there is no record, be it half of one or an older one's. */
static int replace_file(const char *path, const char *s)
{
	autoclose int fd = nameless_open(path, 0666);
	int rc;

	if (fd < 0)
		return replace_by_rename(path, s);
	rc = write_whole(fd, s);
	if (rc == 0)
		rc = nameless_link(fd, path);
	if (rc == -EEXIST && unlink(path) == 0)
		rc = nameless_link(fd, path);
	return rc;
}

int result_write(const struct result *r, const char *path, struct err *err)
{
	json *o = compose(r);
	const char *s = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
						       JSON_C_TO_STRING_SPACED |
						       JSON_C_TO_STRING_NOSLASHESCAPE);
	char *line = NULL;
	int rc = asprintf(&line, "%s\n", s) < 0 ? -ENOMEM : 0;

	json_object_put(o);
	if (rc == 0)
		rc = is_special(path) ? write_special(path, line) : replace_file(path, line);
	free(line);
	return rc < 0 ? bad_result(err, rc, path) : 0;
}
