/* cmd.h - the subcommands of `sandbox`: one file each, listed in main.c. */
#ifndef RUNNER_CMD_H
#define RUNNER_CMD_H

#define SANDBOX_VERSION "0.1"

/* Exit codes that are not the command's own. */
enum {
	EXIT_TIMEOUT = 124,	/* the command was still running after --timeout */
	EXIT_SANDBOX = 125,	/* the sandbox itself failed */
	EXIT_NOEXEC = 126,	/* the command is there but cannot be executed */
	EXIT_NOTFOUND = 127,	/* there is no such command */
	EXIT_SIGNAL = 128,	/* plus the number of the signal */
};

/* argv[0] is the subcommand's name.  Each returns the exit status. */
int cmd_run(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_logs(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_wait(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_pool(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_cache(int argc, char **argv);
int cmd_gc(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* `snapshot take`: boot a machine and save it in the file that argv names; run.c. */
int run_save(int argc, char **argv);

/* What `sandbox run --help` prints, and so on. */
void help_run(void);
void help_exec(void);
void help_pool(void);
void help_serve(void);

#endif
