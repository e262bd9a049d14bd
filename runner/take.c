/* take.c - a run in a machine that somebody else has made ready. */
#include "runner/take.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runner/door.h"
#include "runner/register.h"

bool take_wanted(const struct spec *spec)
{
	return spec->pool || spec->machine_fd || spec->enter;
}

/* What the machine is, or what would be done instead of running in it. */
static const char *contradicts(const struct spec *spec)
{
	const char *machine = spec_given(spec, SPEC_MACHINE);

	return machine ? machine : spec->disk.n ? "disk" :
	       spec->scratch ? "scratch" : spec->files ? "with-files" :
	       spec->net_fd ? "net-fd" : spec->network ? "net" : spec->savable ? "savable" : spec->cold ? "cold" :
	       spec->name ? "name" : spec->detach ? "detach" : spec->keep ? "keep-on-fail" :
	       spec->explain ? "explain" : spec->pool && spec->machine_fd ? "machine-fd" : NULL;
}

static int call_pool(const char *path, struct err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(err, ENAMETOOLONG, "pool: %.60s... is too long for a socket", path);
	strcpy(a.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(err, "pool %s (start one with: sandbox pool %s)", path, path);
	return fd_take(&fd);
}

/* The machine of another run of ours. */
static int knock(const char *name, struct err *err)
{
	const struct door_request q = { .version = DOOR_VERSION, .op = DOOR_ENTER };
	static struct door_answer a;
	struct claim c;
	int rc = register_find(&c, name, err);

	if (rc < 0)
		return rc;
	rc = door_ask(c.dir, name, &q, -1, &a, err);
	if (rc == -EAGAIN || rc == -EBUSY)
		err_in(err, "machine '%s' takes no command now", name);
	register_close(&c);
	return rc;
}

int take(const struct spec *spec, struct machine *m, struct handover *h, struct err *err)
{
	const char *option = contradicts(spec);
	autoclose int pool = -1;
	int sock = (int)spec->machine_fd, rc;

	if (option)
		return err_set(err, EINVAL, "%s: the machine is there already; leave out --%s",
			       spec->pool ? "pool" : "machine-fd", option);
	if (spec->pool || spec->enter) {
		sock = pool = spec->pool ? call_pool(spec->pool, err) : knock(spec->enter, err);
		if (pool < 0)
			return pool;
	}
	rc = machine_recv(sock, m, h);
	if (rc < 0 && spec->enter)
		return err_set(err, -rc, "machine '%s' was not handed over: %s", spec->enter,
			       strerror(-rc));
	if (rc == -EPROTO)
		return err_set(err, EPROTO, "the pool is of another version of sandbox, or is none");
	return rc < 0 ? err_set(err, -rc, "the pool is gone: %s", strerror(-rc)) : 0;
}
