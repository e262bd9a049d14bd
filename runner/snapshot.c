/* snapshot.c - `sandbox snapshot`: machines kept in files. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/spec.h"
#include "runner/cache.h"
#include "runner/cmd.h"
#include "runner/door.h"
#include "runner/register.h"
#include "runner/savefile.h"
#include "runner/say.h"

static const char usage[] =
	"usage: sandbox snapshot take --template [OPTION...] FILE	boot a machine and save it\n"
	"       sandbox snapshot take ID FILE			save one that is running\n"
	"       sandbox snapshot info FILE				what machine it is\n"
	"       sandbox snapshot verify FILE			is it whole and unchanged\n"
	"       sandbox snapshot rm FILE\n"
	"OPTION is one of `sandbox run` that says what the machine is: --memory, --cpus, --root,\n"
	"--kernel, --initrd, --cmdline.  Start a command in it: sandbox run --from FILE -- COMMAND\n"
	"ID is the name or the process id of a `sandbox run --savable`.  It goes on, and so does its\n"
	"command from there with: sandbox run --from FILE\n";

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
	if (snapfile_look(path, err) < 0)
		return -err->code;
	return unlink(path) < 0 ? err_sys(err, "snapshot %s", path) : 0;
}

/* What says which machine it is, and how it is made; the rest of the options is about a command.
 * A --disk is told why not. */
static bool concerns_machine(const struct spec_row *row)
{
	static const char *const others[] = { "disk", "net-fd", "config", "console", "verbose", "fault",
					      "with-files" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(row->name, others[i]))
			return true;
	return row->where & SPEC_MACHINE && strcmp(row->name, "from");
}

/* The first option that means nothing here, or NULL.  One that does not exist is left to the
 * parser, which knows what it is like. */
static const char *misplaced(int argc, char **argv)
{
	for (int i = 2; i < argc && !strncmp(argv[i], "--", 2) && argv[i][2]; i++) {
		char name[64];
		const struct spec_row *row;

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(argv[i] + 2, "="), argv[i] + 2);
		row = spec_find(name, SPEC_FLAG);
		if (!row)
			return NULL;
		if (!concerns_machine(row))
			return row->name;
		if (row->arg && !strchr(argv[i], '='))
			i++;
	}
	return NULL;
}

static int save_running(const char *id, const char *path, struct err *err)
{
	const struct door_request q = { .version = DOOR_VERSION, .op = DOOR_SAVE };
	static struct door_answer a;
	struct claim machine;
	struct err unused;
	autoclose int fd = -1;
	autoclose int sock = -1;
	int rc;

	if (register_find(&machine, id, &unused) < 0)
		return err_set(err, ENOENT, "there is no savable machine '%s'; start one with: "
			       "sandbox run --savable --name %s", id, id);
	fd = savefile_open(path, err);
	if (fd < 0)
		return fd;
	rc = sock = door_ask(machine.dir, id, &q, fd, &a, err);
	if (rc < 0 && a.err.code)
		err_in(err, "machine '%s'", id);
	if (rc < 0)
		savefile_close(fd, path, 0, 0, "", &unused);
	else
		rc = savefile_close(fd, path, a.state_len, a.memory_len, a.text, err);
	return rc;
}

static int take_running(int argc, char **argv)
{
	struct err err;

	if (argc != 3 || !register_is_name(argv[1])) {
		say("snapshot take: give --template, or the name of a machine and a FILE; try: sandbox "
		    "snapshot");
		return EXIT_SANDBOX;
	}
	if (save_running(argv[1], argv[2], &err) == 0)
		return 0;
	say("%s", err.msg);
	return EXIT_SANDBOX;
}

static int take(int argc, char **argv)
{
	const char *odd;

	if (argc < 2 || strcmp(argv[1], "--template"))
		return take_running(argc, argv);
	odd = misplaced(argc, argv);
	if (odd) {
		say("snapshot take: --%s means nothing to a machine that is saved; try: sandbox snapshot",
		    odd);
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
