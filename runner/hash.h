/* hash.h - which image was it?  SHA-256 of a file. */
#ifndef RUNNER_HASH_H
#define RUNNER_HASH_H

#include <stdbool.h>

#define HASH_HEX 65

/* By sha256sum(1), which uses the processor's own instructions where it has them; the
 * descriptor is read from its start.  False if there is no such program, or the file is
 * larger than 1 GiB: a run must not take seconds longer for its record. */
bool hash_file(int fd, char hex[HASH_HEX]);

#endif
