/* take.c - a run in a machine that somebody else has made ready. */
#include "runner/take.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"

bool take_wanted(const struct spec *spec)
{
	return spec->pool || spec->machine_fd;
}

/* What the machine is, or what would be done instead of running in it. */
static const char *contradicts(const struct spec *spec)
{
	const char *machine = spec_given(spec, SPEC_MACHINE);

	return machine ? machine : spec->disk.n ? "disk" :
	       spec->net_fd ? "net-fd" : spec->network ? "net" : spec->savable ? "savable" : spec->cold ? "cold" :
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

int take(const struct spec *spec, struct machine *m, struct handover *h, struct err *err)
{
	const char *option = contradicts(spec);
	autoclose int pool = -1;
	int sock = (int)spec->machine_fd, rc;

	if (option)
		return err_set(err, EINVAL, "%s: the machine is there already; leave out --%s",
			       spec->pool ? "pool" : "machine-fd", option);
	if (spec->pool) {
		sock = pool = call_pool(spec->pool, err);
		if (pool < 0)
			return pool;
	}
	rc = machine_recv(sock, m, h);
	if (rc == -EPROTO)
		return err_set(err, EPROTO, "the pool is of another version of sandbox, or is none");
	return rc < 0 ? err_set(err, -rc, "the pool is gone: %s", strerror(-rc)) : 0;
}
