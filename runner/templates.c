/* templates.c - `sandbox cache`: what runs start from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/num.h"
#include "runner/cache.h"
#include "runner/cmd.h"
#include "runner/say.h"

static const char usage[] =
	"usage: sandbox cache ls		the templates, last used first: when, MiB on disk, name\n"
	"       sandbox cache rm		remove all of them\n"
	"       sandbox cache gc [SIZE]	remove the longest unused, until SIZE is left (2G)\n";

static int ls(uint64_t size, struct err *err)
{
	const struct cache_entry *e;
	int n = cache_list(&e, err);

	(void)size;
	for (int i = 0; i < n; i++) {
		char when[32];

		strftime(when, sizeof(when), "%F %T", localtime(&e[i].used.tv_sec));
		printf("%s %6llu %s\n", when, (unsigned long long)e[i].bytes >> 20, e[i].name);
	}
	if (n < 0)
		return n;
	return fflush(stdout) == 0 ? 0 : err_sys(err, "stdout");
}

static int trim(uint64_t size, struct err *err)
{
	int gone = cache_trim(size, err);

	if (gone < 0 || cache_forget(err) < 0)
		return -err->code;
	printf("%d removed\n", gone);
	return fflush(stdout) == 0 ? 0 : err_sys(err, "stdout");
}

int cmd_cache(int argc, char **argv)
{
	uint64_t size = CACHE_LIMIT;
	struct err err;
	int rc = -1;

	if (argc == 3 && !strcmp(argv[1], "gc") && num_size(argv[2], &size) < 0) {
		say("cache gc: '%s' is not a size like 500M", argv[2]);
		return EXIT_SANDBOX;
	}
	if (argc == 2 && !strcmp(argv[1], "ls"))
		rc = ls(0, &err);
	else if (argc == 2 && !strcmp(argv[1], "rm"))
		rc = trim(0, &err);
	else if ((argc == 2 || argc == 3) && !strcmp(argv[1], "gc"))
		rc = trim(size, &err);
	else {
		fputs(usage, stderr);
		return EXIT_SANDBOX;
	}
	if (rc == 0)
		return 0;
	say("%s", err.msg);
	return EXIT_SANDBOX;
}
