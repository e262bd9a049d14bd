/* judge.c - one start of the jailer and what must come of it; see judge.h. */
#include "tests/jail/judge.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/jail/inspect.h"

char judge_why[512];
const char *judge_expected;

bool no(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(judge_why, sizeof(judge_why), fmt, ap);
	va_end(ap);
	return false;
}

bool and_no(const char *fmt, ...)
{
	size_t n = strlen(judge_why);
	va_list ap;

	n += (size_t)snprintf(judge_why + n, sizeof(judge_why) - n, " - at ");
	va_start(ap, fmt);
	if (n < sizeof(judge_why))
		vsnprintf(judge_why + n, sizeof(judge_why) - n, fmt, ap);
	va_end(ap);
	return false;
}

bool up(struct rig *r)
{
	char hello[256];

	rig_start(r);
	if (!rig_up(r, hello, sizeof(hello)))
		return no("did not start: %s", r->error.kind ? r->error.err.msg : "silent");
	if (strcmp(hello, "argc 1\nargv0 sandbox-vmm\nenv empty\n"))
		return no("started wrongly: %s", hello);
	return r->jailed.kind ? true : no("no REPORT_JAILED");
}

bool down(struct rig *r, int code, int sig)
{
	if (!rig_down(r))
		return no("the keeper does not end");
	if (!r->ended.kind)
		return no("no REPORT_ENDED");
	if (r->ended.ended.code != code || r->ended.ended.signal != sig)
		return no("ended with code %d signal %d", r->ended.ended.code,
			  r->ended.ended.signal);
	if (r->ended.ended.leftovers)
		return no("%u directories left", r->ended.ended.leftovers);
	return rig_nothing_left(r) || no("something is left");
}

bool order_and_down(struct rig *r, uint64_t what, uint64_t arg, int code, int sig)
{
	rig_order(r, what, arg);
	return down(r, code, sig);
}

bool refused(struct rig *r, const char *words)
{
	const char *said = rig_refusal(r);

	if (!said)
		return no("not refused, where '%s' was expected", words);
	if (!strstr(said, words))
		return no("refused with '%s', not '%s'", said, words);
	return rig_nothing_left(r) || no("something is left");
}

bool jail_is_as_expected(struct rig *r)
{
	char *text = NULL;
	size_t n = 0;
	FILE *mem, *expected = fopen(judge_expected, "re");
	char want[256];
	char *line, *save = NULL;
	bool same = true;

	if (!expected)
		return no("%s: %s", judge_expected, strerror(errno));
	if (!up(r))
		return false;
	mem = open_memstream(&text, &n);
	inspect(mem, r->jailed.jailed.vmm_pid, r->pid);
	fclose(mem);
	line = strtok_r(text, "\n", &save);
	for (; same && fgets(want, sizeof(want), expected); line = strtok_r(NULL, "\n", &save)) {
		want[strcspn(want, "\n")] = '\0';
		if (!line || strcmp(line, want))
			same = no("'%s' where '%s' was expected", line ? line : "nothing", want);
	}
	if (same && line)
		same = no("'%s' is too much", line);
	free(text);
	fclose(expected);
	return same && order_and_down(r, ORDER_EXIT, 0, 0, 0);
}
