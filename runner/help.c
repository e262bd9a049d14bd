/* help.c - `sandbox help`, `sandbox run --help` and the man page: one table, two forms. */
#include <stdio.h>
#include <string.h>

#include "lib/spec.h"
#include "runner/cmd.h"
#include "runner/say.h"

static const char summary[] =
	"Runs a command in a virtual machine of its own, behind a jail.";

static const struct {
	const char *usage, *what;
} subcommands[] = {
	{ "run [OPTIONS] [--] COMMAND [ARG...]", "run COMMAND in a new machine" },
	{ "exec [OPTIONS] NAME [--] COMMAND...", "run another COMMAND in the machine of a run with a name" },
	{ "ps", "the machines that have a name, or run in the background" },
	{ "logs [--follow] NAME", "what the command of a run --detach has written" },
	{ "stats [NAME...]", "what machines use of processors and memory" },
	{ "wait NAME", "wait for the end of a run, and end with its exit code" },
	{ "kill [--signal SIGNAL] NAME", "end a machine, or signal its command" },
	{ "pause NAME", "stop a machine; time that passes does not count for --timeout" },
	{ "resume NAME", "let it go on" },
	{ "snapshot take|info|verify|rm ...", "keep a machine in a file; run --from starts there" },
	{ "pool [OPTIONS] SOCKET", "keep machines ready; run --pool SOCKET takes one" },
	{ "serve --config FILE", "host functions over HTTP, each call in a machine of its own" },
	{ "image build|import|ls|rm|inspect ...", "make and keep images for --root" },
	{ "cache ls|rm|gc", "the templates that runs start from" },
	{ "gc [NAME]", "remove what killed runs, and detached ones that are over, have left" },
	{ "doctor", "say what this host offers, and what to do about what is missing" },
	{ "help [--man]", "print this, or the man page" },
	{ "version", "print the version" },
};

static const struct {
	const char *code, *meaning;
} codes[] = {
	{ "0-123", "the command's own exit code (any other code of its own is passed on, too)" },
	{ "124", "the command was still running after --timeout" },
	{ "125", "the sandbox itself failed; one line on stderr says why" },
	{ "126", "the command is there but cannot be executed" },
	{ "127", "there is no such command in the guest" },
	{ "128+n", "the command was ended by signal n, or the run was by signal n to sandbox" },
};

static const struct {
	const char *reason, *meaning;
} reasons[] = {
	{ "exit", "the command ended by itself" },
	{ "signal", "a signal in the guest ended it" },
	{ "timeout", "--timeout was over" },
	{ "cpu-limit", "the machine used more than --cpu-seconds" },
	{ "output-limit", "the command wrote more than --output-limit" },
	{ "pids-limit", "the commands had more processes than --pids" },
	{ "oom", "the guest ran out of memory" },
	{ "guest-panic", "the guest's kernel gave up" },
	{ "vmm-fault", "the monitor crashed, or KVM could not go on" },
	{ "policy-kill", "a filter stopped the monitor; see violation" },
	{ "spawn-failed", "the command could not be started" },
	{ "interrupted", "a signal to sandbox ended the run" },
	{ "protocol", "guest or monitor broke a rule and the sandbox was killed" },
	{ "error", "the sandbox could not start or finish" },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- --help -------------------------------------------------------------------------- */

static void help_option(const struct spec_row *row)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", row->name, row->arg ? " " : "",
		 row->arg ? row->arg : "");
	printf("  %-22s %s\n", left, row->help);
}

static void help_options(unsigned where)
{
	for (unsigned i = 0; i < spec_n_rows; i++)
		if (spec_rows[i].where & where)
			help_option(&spec_rows[i]);
}

void help_run(void)
{
	printf("usage: sandbox %s\n\n%s\n\n", subcommands[0].usage, summary);
	help_options(SPEC_FLAG);
	printf("\nexit status:\n");
	for (size_t i = 0; i < COUNT(codes); i++)
		printf("  %-7s %s\n", codes[i].code, codes[i].meaning);
}

void help_exec(void)
{
	printf("usage: sandbox %s\n\n"
	       "Runs COMMAND in the machine of a run that has a name, beside its own command, with stdin,\n"
	       "stdout and stderr from here, and ends as run does.  Up to %d commands run at once; when the\n"
	       "machine's own is over, they end, and when this one is killed, so is COMMAND.\n\n",
	       subcommands[1].usage, MAX_SESSIONS);
	help_options(SPEC_EXEC);
}

void help_pool(void)
{
	printf("usage: sandbox pool [OPTIONS] SOCKET\n\n"
	       "Keeps machines ready, so that sandbox run --pool SOCKET starts at once.  Ends, and its\n"
	       "machines with it, on SIGTERM or SIGINT.\n\n");
	help_options(SPEC_MACHINE | SPEC_POOL);
}

static void help_keys(unsigned where)
{
	for (unsigned i = 0; i < spec_n_rows; i++)
		if (spec_rows[i].where & where)
			printf("  %-12s %s\n", spec_rows[i].name, spec_rows[i].help);
}

void help_serve(void)
{
	printf("usage: sandbox serve --config FILE\n\n"
	       "Hosts functions: POST /v1/functions/NAME runs NAME's command with the request's body on\n"
	       "stdin and answers with its stdout.  GET /metrics, GET /healthz.  SIGHUP reads FILE again,\n"
	       "SIGTERM answers what was asked and ends.\n\nFILE has lines `key = value`.  First:\n");
	help_keys(SPEC_HOST);
	printf("\nThen, after a line `[function NAME]` for each:\n");
	help_keys(SPEC_FUNCTION);
	help_keys(SPEC_CALL);
	help_keys(SPEC_MACHINE);
	printf("\nA function that says nothing of timeout has 30s.\n");
}

static void help_all(void)
{
	printf("%s\n\n", summary);
	for (size_t i = 0; i < COUNT(subcommands); i++)
		printf("  sandbox %-36s %s\n", subcommands[i].usage, subcommands[i].what);
	printf("\nThe options of run: sandbox run --help\n");
}

/* --- the man page -------------------------------------------------------------------- */

/* Text as troff wants it: '-' is a minus sign, a leading '.' or '\'' no request. */
static void troff(const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", stdout);
	for (; *s; s++) {
		if (*s == '-')
			fputs("\\-", stdout);
		else if (*s == '\\')
			fputs("\\e", stdout);
		else if (*s != '`')
			putchar(*s);
	}
}

static void man_term(const char *term, const char *meaning)
{
	fputs(".TP\n.B ", stdout);
	troff(term);
	putchar('\n');
	troff(meaning);
	putchar('\n');
}

static void man_option(const struct spec_row *row)
{
	fputs(".TP\n.B \\-\\-", stdout);
	troff(row->name);
	if (row->arg) {
		fputs(" \\fI", stdout);
		troff(row->arg);
		fputs("\\fR", stdout);
	}
	putchar('\n');
	troff(row->help);
	puts(".");
	if (row->more) {
		troff(row->more);
		putchar('\n');
	}
}

static void man_head(void)
{
	puts(".TH SANDBOX 1 \"\" \"sandbox " SANDBOX_VERSION "\" \"User Commands\"\n"
	     ".SH NAME\nsandbox \\- run a command in a virtual machine of its own\n.SH SYNOPSIS");
	for (size_t i = 0; i < COUNT(subcommands); i++) {
		fputs(i ? ".br\n.B sandbox " : ".B sandbox ", stdout);
		troff(subcommands[i].usage);
		putchar('\n');
	}
	puts(".SH DESCRIPTION");
	troff(summary);
	puts("\nThe command sees a small Linux whose root file system is an image that it cannot\n"
	     "change: what it writes is kept in the machine's memory and gone when it ends. It has\n"
	     "no network and sees none of the host's files but copies that it is given. Its standard streams, its exit code and\n"
	     "the signals sent to\n.B sandbox\nare those of a command run here.");
}

static void man_key(const struct spec_row *row)
{
	fputs(".TP\n.B ", stdout);
	troff(row->name);
	putchar('\n');
	troff(row->help);
	puts(".");
	if (row->more) {
		troff(row->more);
		putchar('\n');
	}
}

/* What stands beside the options of run, or only there. */
static void man_others(void)
{
	puts(".SH POOLS\n.B sandbox pool\nkeeps machines restored and paused, and hands one to each\n"
	     ".BR \"sandbox run \\-\\-pool\" .\nIt has the options of run that say what the machine is, and");
	for (unsigned i = 0; i < spec_n_rows; i++)
		if (spec_rows[i].where == SPEC_POOL)
			man_option(&spec_rows[i]);
	puts(".SH IMAGES\n.B \"sandbox image build \\fR[\\fB\\-t\\fI NAME\\fR] [\\fB\\-\\-max\\-size\\fI SIZE\\fR] \\fISOURCE\"\n"
	     "makes an image of a directory, a tar (plain or compressed), an OCI layout or a docker\\-archive,\n"
	     "as\n.B \\-\\-root\ndoes by itself, and prints its ID; SIZE bounds its content (16G).\n"
	     ".B import\nkeeps a copy of an image,\n.B ls\nlists all,\n.B rm\nremoves a name, and with its last\n"
	     "name the image,\n.B inspect\nprints what is known of one, as JSON. They lie in\n"
	     ".IR $XDG_DATA_HOME/sandbox/images .\nThose without a name are kept up to 8G.");
	puts(".SH FUNCTIONS\n.B sandbox serve\nanswers POST /v1/functions/NAME by running NAME's command, with the\n"
	     "body of the request on its stdin, in a machine of its own. Its file has lines\n"
	     ".IR \"key = value\" .\nIn front of the first section stand");
	for (unsigned i = 0; i < spec_n_rows; i++)
		if (spec_rows[i].where == SPEC_HOST)
			man_key(&spec_rows[i]);
	puts(".PP\nThen each function has a line\n.I [function NAME]\nand under it");
	for (unsigned i = 0; i < spec_n_rows; i++)
		if (spec_rows[i].where == SPEC_FUNCTION)
			man_key(&spec_rows[i]);
	puts(".PP\nand what run has of memory, cpus, root, kernel, initrd, cmdline, from, env, workdir, user,\n"
	     "hostname and timeout (here 30s, if it is not given).");
}

static void man_page(void)
{
	man_head();
	puts(".SH OPTIONS\nThose of\n.BR \"sandbox run\" ,\nwhich are also the keys of the file of\n"
	     ".BR \\-\\-config .\nThe command line overrides the file.");
	for (unsigned i = 0; i < spec_n_rows; i++)
		if (spec_rows[i].where & SPEC_FLAG)
			man_option(&spec_rows[i]);
	man_others();
	puts(".SH EXIT STATUS");
	for (size_t i = 0; i < COUNT(codes); i++)
		man_term(codes[i].code, codes[i].meaning);
	puts(".SH SIGNALS\nSIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are passed on to the\n"
	     "command. A second SIGINT within a second ends the machine; so does any of them\n"
	     "before the command has started. At a terminal, keys such as ^C go to the command\n"
	     "as they are.\n.SH RESULT\nThe\n.B reason\nin the file of\n.B \\-\\-result\nis one of:");
	for (size_t i = 0; i < COUNT(reasons); i++)
		man_term(reasons[i].reason, reasons[i].meaning);
	puts(".SH EXAMPLES\n.nf\nsandbox run \\-\\- sh \\-c 'echo hello; uname \\-r'\n"
	     "tar c . | sandbox run \\-\\-timeout 1m \\-\\-result r.json \\-\\- tar t\n"
	     "sandbox run \\-\\-copy-in src \\-\\-output sums \\-\\- sh \\-c 'sha256sum src/* > sums'\n"
	     "sandbox run ./prog \\-\\-help\n"
	     "sandbox run \\-\\-disk data.img \\-\\-user root \\-\\- mount /dev/vdb /mnt\n.fi");
}

int cmd_help(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--man"))
		man_page();
	else if (argc > 1 && !strcmp(argv[1], "run"))
		help_run();
	else
		help_all();
	if (fflush(stdout) == 0)
		return 0;
	say("cannot write the help text to stdout");
	return EXIT_SANDBOX;
}

int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("sandbox " SANDBOX_VERSION);
	return 0;
}
