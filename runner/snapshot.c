/* snapshot.c - `sandbox snapshot`: machines kept in files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runner/cache.h"
#include "runner/cmd.h"
#include "runner/say.h"

static const char usage[] =
	"usage: sandbox snapshot take --template [OPTION...] FILE	boot a machine and save it\n"
	"       sandbox snapshot info FILE				what machine it is\n"
	"       sandbox snapshot verify FILE			is it whole and unchanged\n"
	"       sandbox snapshot rm FILE\n"
	"OPTION is one of `sandbox run` that says what the machine is: --memory, --cpus, --root,\n"
	"--kernel, --initrd, --cmdline.  Start a command in it: sandbox run --from FILE -- COMMAND\n";

static struct snap_header header;

static int open_checked(const char *path, struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t key[SNAP_KEY];
	int rc = fd < 0 ? err_sys(err, "snapshot %s", path) : cache_key(key, err);

	if (rc == 0)
		rc = snapfile_read(fd, key, path, &header, err);
	return rc < 0 ? rc : fd_take(&fd);
}

static int info(const char *path, struct err *err)
{
	autoclose int fd = open_checked(path, err);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	printf("%sstate = %u bytes\non disk = %llu bytes\n", header.text, header.state_len,
	       (unsigned long long)st.st_blocks * 512);
	return fflush(stdout) == 0 ? 0 : err_sys(err, "stdout");
}

static int verify(const char *path, struct err *err)
{
	autoclose int fd = open_checked(path, err);

	return fd < 0 ? -1 : snapfile_memory(fd, &header, path, err);
}

/* Only what is a snapshot, damaged or not, is removed by this name. */
static int rm(const char *path, struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[8] = "";

	if (fd < 0)
		return err_sys(err, "snapshot %s", path);
	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
	    memcmp(magic, SNAP_MAGIC, sizeof(magic)))
		return err_set(err, EINVAL, "snapshot %s: is not a snapshot", path);
	return unlink(path) < 0 ? err_sys(err, "snapshot %s", path) : 0;
}

static int take(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "--template")) {
		say("snapshot take: only --template is there to take; try: sandbox snapshot");
		return EXIT_SANDBOX;
	}
	argv[1] = argv[0];
	return run_save(argc - 1, argv + 1);
}

int cmd_snapshot(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const char *path, struct err *err);
	} verbs[] = { { "info", info }, { "verify", verify }, { "rm", rm } };
	struct err err;

	if (argc >= 2 && !strcmp(argv[1], "take"))
		return take(argc - 1, argv + 1);
	for (size_t i = 0; argc == 3 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		if (verbs[i].run(argv[2], &err) == 0)
			return 0;
		say("%s", err.msg);
		return EXIT_SANDBOX;
	}
	fputs(usage, stderr);
	return EXIT_SANDBOX;
}
