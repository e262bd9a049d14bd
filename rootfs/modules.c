/* modules.c - for a kernel that is not ours: its modules, in the order given, before
 * anything needs them.  They come decompressed in an initramfs of module-initrd.sh. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"

void modules_params(const char *cmdline, const char *name, char *out, size_t n)
{
	size_t len = strlen(name), used = 0;

	out[0] = '\0';
	while (*(cmdline += strspn(cmdline, " \n"))) {
		size_t word = strcspn(cmdline, " \n");

		if (word > len + 1 && cmdline[len] == '.' && !strncmp(cmdline, name, len) &&
		    used + word - len < n)
			used += (size_t)sprintf(out + used, "%s%.*s", used ? " " : "",
						(int)(word - len - 1), cmdline + len + 1);
		cmdline += word;
	}
}

/* "virtio-mmio.ko" or "virtio_mmio.ko" in a file name is "virtio_mmio" on a command line. */
static void module_name(const char *file, char *name, size_t n)
{
	snprintf(name, n, "%.*s", (int)strcspn(file, "."), file);
	for (; *name; name++)
		if (*name == '-')
			*name = '_';
}

static int load(const char *file, const char *cmdline)
{
	char path[128], name[64], params[1024];
	autoclose int fd = -1;

	snprintf(path, sizeof(path), "/modules/%s", file);
	module_name(file, name, sizeof(name));
	modules_params(cmdline, name, params, sizeof(params));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && (syscall(SYS_finit_module, fd, params, 0) == 0 || errno == EEXIST))
		return 0;
	host_log("module %s: %s", file, strerror(errno));
	return -errno;
}

int modules_load(void)
{
	static char order[4096], cmdline[4096];
	char *next = order;
	int rc = read_file("/modules/order", order, sizeof(order));

	if (rc < 0 || !order[0])
		return rc;			/* our kernel: all built in */
	if ((mkdir("/proc", 0555) < 0 && errno != EEXIST) ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		return -errno;
	rc = read_file("/proc/cmdline", cmdline, sizeof(cmdline));
	umount("/proc");
	while (rc == 0 && next) {
		char *file = strsep(&next, "\n");

		if (*file)
			rc = load(file, cmdline);
	}
	return rc;
}
