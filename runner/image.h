/* image.h - is a file what it is given as?  Looked at before anything is started, so that
 * the error names the file; what is inside is the vmm's to parse, in its jail. */
#ifndef RUNNER_IMAGE_H
#define RUNNER_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

enum image_use { IMAGE_KERNEL, IMAGE_AGENT, IMAGE_INITRD, IMAGE_ROOT, IMAGE_DISK };

/* fd is `what path` to the user.  A kernel is ELF or a bzImage; a root is a whole ext4,
 * erofs or squashfs file system; a disk is whole 512-byte sectors; only root and disk may be block
 * devices.  Returns 0 or a negative errno. */
int image_check(int fd, enum image_use use, const char *path, struct err *err);

/* Open, check and lock for the time of the run: many readers or one writer. */
int image_open_disk(const char *path, bool read_only, enum image_use use, int *out,
		    struct err *err);
int image_open(const char *path, enum image_use use, int *out, struct err *err);

extern const char *const image_use_names[];

#endif
