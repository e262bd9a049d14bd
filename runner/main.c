/* main.c - `sandbox`: which subcommand? */
#include <stddef.h>
#include <string.h>

#include "runner/cmd.h"
#include "runner/say.h"
#include "runner/stdio.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", cmd_run },
	{ "exec", cmd_exec },
	{ "ps", cmd_ps },
	{ "logs", cmd_logs },
	{ "stats", cmd_stats },
	{ "wait", cmd_wait },
	{ "kill", cmd_kill },
	{ "pause", cmd_pause },
	{ "resume", cmd_resume },
	{ "snapshot", cmd_snapshot },
	{ "pool", cmd_pool },
	{ "serve", cmd_serve },
	{ "image", cmd_image },
	{ "cache", cmd_cache },
	{ "gc", cmd_gc },
	{ "doctor", cmd_doctor },
	{ "help", cmd_help }, { "--help", cmd_help }, { "-h", cmd_help },
	{ "version", cmd_version }, { "--version", cmd_version },
};

int main(int argc, char **argv)
{
	stdio_secure();
	if (argc < 2) {
		say("no subcommand given; try: sandbox run -- COMMAND, or: sandbox help");
		return EXIT_SANDBOX;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	say("there is no subcommand '%s'; try: sandbox run -- %s, or: sandbox help", argv[1],
	    argv[1]);
	return EXIT_SANDBOX;
}
