/* images.c - `sandbox image`: what --root can name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/num.h"
#include "runner/about.h"
#include "runner/cmd.h"
#include "runner/root.h"
#include "runner/say.h"
#include "runner/store.h"

static const char usage[] =
	"usage: sandbox image build [-t NAME] [--max-size SIZE] SOURCE\n"
	"					make an image of a directory, a tar (plain, gz, bz2, xz,\n"
	"					zstd), an OCI layout or a docker-archive; prints its ID\n"
	"       sandbox image import [-t NAME] FILE\n"
	"					keep a copy of an ext4, erofs or squashfs image\n"
	"       sandbox image ls			last used first: when, MiB on disk, ID, names\n"
	"       sandbox image rm NAME|ID...	a name, and the image if that was its last one\n"
	"       sandbox image inspect NAME|ID	what is known of it, as JSON\n"
	"sandbox run --root takes all of it: SOURCE, FILE, NAME, ID.  An image without a name goes when\n"
	"there are more than 8G of such images, longest unused first.\n";

struct words {
	const char *name;
	uint64_t max_bytes;
	int argc;
	char **argv;			/* what follows the options */
};

static int usage_error(void)
{
	fputs(usage, stderr);
	return EXIT_SANDBOX;
}

static int failed(const struct err *err)
{
	say("%s", err->msg);
	return EXIT_SANDBOX;
}

/* 0, or EXIT_SANDBOX when that has been said. */
static int parse(struct words *w, int argc, char **argv)
{
	*w = (struct words){ .max_bytes = ROOT_MAX_BYTES, .argc = argc, .argv = argv };
	while (w->argc >= 2 && w->argv[0][0] == '-') {
		if (!strcmp(w->argv[0], "-t") || !strcmp(w->argv[0], "--name")) {
			w->name = w->argv[1];
		} else if (strcmp(w->argv[0], "--max-size")) {
			return usage_error();
		} else if (num_size(w->argv[1], &w->max_bytes) < 0 || w->max_bytes > 1ull << 44) {
			say("image: '%s' is not a size like 500M", w->argv[1]);
			return EXIT_SANDBOX;
		}
		w->argc -= 2;
		w->argv += 2;
	}
	if (w->name && !store_is_name(w->name)) {
		say("image: '%.70s' is not a name of up to %d letters, digits, '.', '_', '-' and ':'",
		    w->name, STORE_NAME - 1);
		return EXIT_SANDBOX;
	}
	return 0;
}

static int name_and_print(const char *id, const char *name)
{
	struct err err;

	if (name && store_name(id, name, &err) < 0)
		return failed(&err);
	puts(id);
	return fflush(stdout) == 0 ? 0 : EXIT_SANDBOX;
}

static int build(int argc, char **argv)
{
	char id[STORE_ID];
	struct words w;
	struct err err;
	int rc = parse(&w, argc, argv);

	if (rc)
		return rc;
	if (w.argc != 1)
		return usage_error();
	return root_make(w.argv[0], w.max_bytes, id, &err) < 0 ? failed(&err) : name_and_print(id, w.name);
}

static int import(int argc, char **argv)
{
	char id[STORE_ID];
	struct words w;
	struct err err;
	int rc = parse(&w, argc, argv);

	if (rc)
		return rc;
	if (w.argc != 1)
		return usage_error();
	return root_import(w.argv[0], id, &err) < 0 ? failed(&err) : name_and_print(id, w.name);
}

static int ls(int argc, char **argv)
{
	struct store_entry *e;
	struct err err;
	int n = argc ? 0 : store_list(&e, &err);

	(void)argv;
	if (argc)
		return usage_error();
	for (int i = 0; i < n; i++) {
		char when[32];

		strftime(when, sizeof(when), "%F %T", localtime(&e[i].used.tv_sec));
		printf("%s %6llu %s %s\n", when, (unsigned long long)e[i].bytes >> 20, e[i].id, e[i].names);
	}
	if (n < 0)
		return failed(&err);
	return fflush(stdout) == 0 ? 0 : EXIT_SANDBOX;
}

static int rm(int argc, char **argv)
{
	struct err err;

	if (argc < 1)
		return usage_error();
	for (int i = 0; i < argc; i++)
		if (store_remove(argv[i], &err) < 0)
			return failed(&err);
	return 0;
}

static int inspect(int argc, char **argv)
{
	char id[STORE_ID];
	struct err err = { 0 };
	int rc;

	if (argc != 1)
		return usage_error();
	rc = store_find(argv[0], id, &err);
	if (rc < 0 && !err.code)
		err_set(&err, -rc, "there is no image '%.70s'; see: sandbox image ls", argv[0]);
	if (rc == 0)
		rc = about_print(id, &err);
	return rc < 0 ? failed(&err) : 0;
}

int cmd_image(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = { { "build", build }, { "import", import }, { "ls", ls }, { "rm", rm },
		      { "inspect", inspect } };

	for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 2, argv + 2);
	return usage_error();
}
