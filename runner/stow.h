/* stow.h - a tree as one read-only file system image.
 *
 * Written here and not by mkfs.erofs: that reads one directory, so that everything would have to be
 * copied together first, and owners be pretended with fakeroot.  This reads each file once, from
 * where it is, straight to its place in the image - on a file system that shares blocks, without
 * copying a byte - and needs no tool where `sandbox` runs. */
#ifndef RUNNER_STOW_H
#define RUNNER_STOW_H

#include "runner/cargo.h"

/* Into the empty file fd, holes left out.  0 or a negative errno; the error names the file that has
 * changed or cannot be read, or says that the image does not fit. */
int stow(struct cargo *t, int fd, struct err *err);

#endif
