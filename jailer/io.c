/* io.c - how fast a machine may read from and write to the devices that its disks are on. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "jailer/jail.h"
#include "lib/fd.h"
#include "lib/io.h"

/* A limit is one of a whole device; what a partition is one of stands above it in sysfs. */
static int whole_device(dev_t part, char *device, size_t n)
{
	char path[64];
	autoclose int dir = -1, fd = -1;
	ssize_t got;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(part), minor(part));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = openat(dir, faccessat(dir, "partition", F_OK, 0) == 0 ? "../dev" : "dev",
		    O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -errno : io_read_some(fd, device, n - 1);
	if (got <= 0)
		return got < 0 ? (int)got : -ENODEV;
	device[got] = '\0';
	device[strcspn(device, "\n")] = '\0';
	return 0;
}

static int limit_device(const struct cgroup_dir *d, bool v2, const char *device, uint64_t rate)
{
	unsigned long long r = rate;
	int rc;

	if (v2)
		return cgroup_put(d->dir, "io.max", "%s rbps=%llu wbps=%llu", device, r, r);
	rc = cgroup_put(d->dir, "blkio.throttle.read_bps_device", "%s %llu", device, r);
	return rc < 0 ? rc : cgroup_put(d->dir, "blkio.throttle.write_bps_device", "%s %llu",
					device, r);
}

int limit_io(const struct cgroup_dir *d, bool v2, const struct spec *s)
{
	int rc = 0;

	for (unsigned i = 0; i < s->disks && rc == 0; i++) {
		char device[32];
		struct stat st;

		if (fstat(FD_DISK0 + (int)i, &st) < 0)
			return -errno;
		rc = whole_device(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev, device, sizeof(device));
		if (rc == 0)
			rc = limit_device(d, v2, device, s->disk_rate);
	}
	return rc;
}
