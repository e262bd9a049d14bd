/* fuzz_receive.c - any bytes as the outputs of a guest: whatever comes of them is below the two
 * places that were meant, and nothing is beside or above those.
 *
 * A byte says a record's type, or, from 0xf0 on, that it is not as it should be; the next ones its
 * length, and where. */
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/receive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[] = "/tmp/sandbox-fuzz-XXXXXX";
static unsigned seen;

static int look(const char *path, const struct stat *st, int type, struct FTW *f)
{
	const char *name = path + strlen(top);

	(void)type;
	seen++;
	if (f->level == 0 || !strcmp(name, "/in") || !strcmp(name, "/victim"))
		return 0;
	if (strncmp(name, "/in/first", 9) && strncmp(name, "/in/second", 10) && strncmp(name, "/in/.tmp-", 9))
		abort();
	if (st->st_mode & 07000 || !(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode)))
		abort();
	return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	return f->level > 1 ? remove(path) : 0;
}

static void set_up(void)
{
	char path[64];

	if (!mkdtemp(top))
		abort();
	snprintf(path, sizeof(path), "%s/in", top);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/victim", top);
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void clean_up(void)
{
	nftw(top, drop, 16, FTW_PHYS | FTW_DEPTH);
}

static void end(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command))
		abort();
}

/* Records out of bytes: mostly sound ones. */
static void write_records(int fd, const uint8_t *p, const uint8_t *stop)
{
	while (stop - p >= 4) {
		struct record h = { .type = p[0] & 7, .mode = (uint16_t)(p[1] << 4), .value = p[1] };
		size_t name = p[2] % 16, more = p[3] % 32;

		if (h.type == RECORD_DATA || h.type == RECORD_UP || h.type >= RECORD_MISSING)
			name = 0;
		if (h.type != RECORD_DATA && h.type != RECORD_LINK)
			more = 0;
		if (p[0] >= 0xf0)
			memcpy(&h.value, p, 4);
		p += 4;
		if (name + more > (size_t)(stop - p))
			break;
		h.name = (uint16_t)name;
		h.more = (uint16_t)more;
		if (write(fd, &h, sizeof(h)) < 0 || write(fd, p, name + more) < 0)
			abort();
		p += name + more;
	}
	if (write(fd, p, (size_t)(stop - p)) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct receive r;
	static int fd = -1, dir = -1;
	struct target t[2] = { { .path = "a", .name = "first", .tmp = ".tmp-0" },
			       { .path = "b", .name = "second", .tmp = ".tmp-1" } };
	struct err err = { 0 };
	char path[64];
	int rc;

	if (fd < 0) {
		fd = memfd_create("records", MFD_CLOEXEC);
		set_up();
		atexit(end);
		snprintf(path, sizeof(path), "%s/in", top);
		dir = open(path, O_RDONLY | O_DIRECTORY);
	}
	if (size < 1 || ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return 0;
	if (data[0] & 1)
		write_records(fd, data + 1, data + size);
	else if (write(fd, data + 1, size - 1) < 0)
		abort();
	lseek(fd, 0, SEEK_SET);
	t[0].parent = t[1].parent = dir;
	receive_init(&r, t, 2, 100000, 50);
	do
		rc = receive_some(&r, fd, &err);
	while (rc == 1);
	if (rc < 0 && (err.code <= 0 || strchr(err.msg, '\n')))
		abort();
	receive_close(&r);
	if (r.depth || r.file >= 0)
		abort();
	if (nftw(top, look, 16, FTW_PHYS))
		abort();
	clean_up();
	return 0;
}
