/* device.c - the two devices, and no hole left in the descriptor table. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "jailer/jail.h"
#include "lib/fd.h"

#define KVM_VERSION 12	/* the only one there ever was */

static int kvm_failed(struct err *err)
{
	switch (errno) {
	case EACCES:
	case EPERM:
		return err_set(err, errno, "/dev/kvm: permission denied: join the group that owns "
			       "it (kvm), or hand an open descriptor over with --kvm-fd");
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return err_set(err, errno, "/dev/kvm: there is none: load the module kvm_intel or "
			       "kvm_amd, or turn virtualization on in the firmware");
	default:
		return err_sys(err, "/dev/kvm");
	}
}

static int open_kvm(struct err *err)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return kvm_failed(err);
	if (fd == FD_KVM)
		return 0;
	if (dup3(fd, FD_KVM, O_CLOEXEC) < 0)
		return err_sys(err, "/dev/kvm");
	close(fd);
	return 0;
}

/* 0, 1 and 2, and plugs for the absent numbers: from here on whatever is opened gets a
 * number above the contract's.  arrange_fds() takes the plugs out. */
static int plug_holes(struct err *err)
{
	autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int up;

	if (null < 0)
		return err_sys(err, "/dev/null");
	up = fcntl(null, F_DUPFD_CLOEXEC, FD_JAILER_END);
	if (up < 0)
		return err_sys(err, "/dev/null");
	for (int fd = 0; fd < FD_JAILER_END; fd++)
		if (fd <= FD_NULL2 || fcntl(fd, F_GETFD) < 0)
			dup3(up, fd, O_CLOEXEC);
	close(up);
	if (null < FD_JAILER_END)
		fd_take(&null);		/* it plugs its own hole */
	return 0;
}

int open_devices(struct jail *j, struct err *err)
{
	int rc = 0;

	if (fcntl(FD_KVM, F_GETFD) < 0)
		rc = open_kvm(err);
	if (rc == 0)
		rc = plug_holes(err);
	if (rc == 0 && ioctl(FD_KVM, KVM_GET_API_VERSION, 0) != KVM_VERSION)
		rc = err_set(err, ENODEV, "kvm: descriptor %d is not /dev/kvm", FD_KVM);
	if (rc < 0)
		return rc;
	j->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return j->proc < 0 ? err_sys(err, "/proc") : 0;
}
