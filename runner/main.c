/* main.c - `sandbox`: which subcommand, and a sound footing for it. */
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "runner/cmd.h"
#include "runner/say.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", cmd_run },
	{ "doctor", cmd_doctor },
	{ "help", cmd_help }, { "--help", cmd_help }, { "-h", cmd_help },
	{ "version", cmd_version }, { "--version", cmd_version },
};

/* A closed 0, 1 or 2 must not become the number of an image.  What takes its place fails
 * like a closed one: 0 cannot be read, 1 and 2 cannot be written. */
static void fill_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	fill_standard_fds();
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);	/* nothing is inherited by accident */
	signal(SIGPIPE, SIG_IGN);
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
