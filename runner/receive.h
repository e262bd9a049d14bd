/* receive.h - a guest's outputs, out of lib/proto.h's records and into files of ours.
 *
 * All that arrives is the guest's to choose.  A name is one component and made anew, in a directory
 * that was made here and is held open: there is no path to lead astray, and nothing that was there
 * before is opened.  What is not done is under a name of ours beside its place, and is renamed when
 * it is whole. */
#ifndef RUNNER_RECEIVE_H
#define RUNNER_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/proto.h"

#define RECEIVE_DEPTH 128

/* Where an output goes. */
struct target {
	const char *path;		/* the guest's, for messages */
	int parent;			/* the directory it will be in */
	const char *name;		/* in that */
	char tmp[40];			/* until it is whole */
	int missing;			/* errno, if the guest has none */
	bool diff;			/* it is what has changed: pipes and sticky bits say what is gone */
	bool begun;			/* there is something of that temporary name */
};

struct receive {
	struct target *target;
	unsigned n, at;			/* how many, and which is on its way */
	uint64_t bytes_left;
	uint32_t files_left;
	unsigned left_out;		/* links that lead out of their tree */
	uint64_t records, bytes;	/* so far */
	unsigned depth;
	int dir[RECEIVE_DEPTH];
	int file;			/* being filled, or -1 */
	uint64_t size;			/* of that */
	char name[RECORD_MAX_NAME + 1];	/* of what the record is about */
	size_t have;
	struct { struct record head; uint8_t body[RECORD_MAX_NAME + RECORD_MAX_DATA]; } in;
};

/* target[n]: the caller's, with path, parent, name and tmp set.  Room for so much and so many. */
void receive_init(struct receive *r, struct target *target, unsigned n, uint64_t bytes, uint32_t files);

/* Take what is there to be read, at most one record: 1: go on; 0: that was all; -EAGAIN; or an
 * error, and the one line that says whose. */
int receive_some(struct receive *r, int fd, struct err *err);

/* Close what is open. */
void receive_close(struct receive *r);

#endif
