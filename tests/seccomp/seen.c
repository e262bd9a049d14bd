/* seen.c - which rows of the filters are used: counts the calls of recorded runs.
 *
 *	find ... | seen
 *
 * Its stdin names logs.  A log is what `strace -ff` wrote of one thread, filters in full and
 * all else as numbers: see vm/traced.sh.  A line of output is a row of a policy, and how
 * many calls needed it: "blk preadv 17" or, where an argument is looked at, "vcpu
 * ioctl(1=0xae80) 4711".  Filters stack, and so a call can need a row in each of two. */
#include <linux/filter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies.h"
#include "seccomp/load.h"
#include "seccomp/rules.h"
#include "tests/seccomp/match.h"

#define MAX_ROWS 128
#define SET_FILTER "seccomp(SECCOMP_SET_MODE_FILTER"

static unsigned long seen[N_POLICIES][MAX_ROWS];

struct call {
	char name[32];
	uint64_t arg[6];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "seen: %s: %s\n", what, why);
	exit(1);
}

/* Whether a line shows this very program; "BPF_STMT(code, k)" or "BPF_JUMP(code, k, jt, jf)" is
 * an instruction, and k is a word where strace has one for it. */
static bool shows(const char *from, enum policy_id id)
{
	unsigned n = 0;

	for (; (from = strstr(from, "(BPF_")) != NULL; n++) {
		unsigned long k;
		char *end;

		from += strcspn(from, ",");
		from += strspn(from, ", ");
		k = strtoul(from, &end, 0);
		if (n >= policy_programs[id].n ||
		    (end != from && k != policy_programs[id].insns[n].k))
			return false;
	}
	return n == policy_programs[id].n;
}

/* Of a line that installs a filter, which; N_POLICIES if it does not. */
static enum policy_id installed(const char *from)
{
	enum policy_id id = 0;

	if (strncmp(from, SET_FILTER, strlen(SET_FILTER)) != 0)
		return N_POLICIES;
	while (id < N_POLICIES && !shows(from, id))
		id++;
	if (id == N_POLICIES)
		die("a log", "has a filter of another build");
	return id;
}

/* "name(0x1, 0x2) = 0" */
static bool parse(const char *from, struct call *c)
{
	size_t n = strcspn(from, "(");

	if (!from[n] || n >= sizeof(c->name))
		return false;
	memcpy(c->name, from, n);
	c->name[n] = '\0';
	memset(c->arg, 0, sizeof(c->arg));
	from += n + 1;
	for (unsigned i = 0; i < 6 && *from != ')'; i++) {
		char *end;

		c->arg[i] = strtoull(from, &end, 0);
		from = end + strspn(end, ", ");
	}
	return true;
}

/* What no row allows goes to stderr: a violation, which ends a machine, or a mistake here. */
static void count(enum policy_id id, const struct call *c)
{
	const struct policy *p = seccomp_policies[id];

	for (unsigned i = 0; i < p->n; i++) {
		if (!strcmp(p->rules[i].call, c->name) && rule_matches(&p->rules[i], c->arg)) {
			seen[id][i]++;
			return;
		}
	}
	fprintf(stderr, "%s %s\n", p->name, c->name);
}

/* The monitor's threads are born under the outer filter: their first is one of their own. */
static bool born_filtered(FILE *f)
{
	static char line[65536];
	enum policy_id id = N_POLICIES;

	while (id == N_POLICIES && fgets(line, sizeof(line), f))
		id = installed(line);
	rewind(f);
	return id != N_POLICIES && id != POLICY_OUTER && id != POLICY_KEEPER && id != POLICY_HTTP &&
	       id != POLICY_PACK;
}

static void read_log(const char *path)
{
	static char line[65536];
	bool on[N_POLICIES + 1] = { false };	/* the last one stands for none */
	FILE *f = fopen(path, "r");
	struct call c;

	if (!f)
		die(path, "cannot be opened");
	on[POLICY_OUTER] = born_filtered(f);
	while (fgets(line, sizeof(line), f)) {
		for (unsigned i = 0; i < N_POLICIES && parse(line, &c); i++)
			if (on[i])
				count(i, &c);
		on[installed(line)] = true;
	}
	fclose(f);
}

static void print_rows(void)
{
	for (unsigned i = 0; i < N_POLICIES; i++) {
		const struct policy *p = seccomp_policies[i];

		for (unsigned j = 0; j < p->n; j++) {
			const struct rule *r = &p->rules[j];

			printf("%s %s", p->name, r->call);
			if (r->test == EQ)
				printf("(%u=%#llx)", r->arg, (unsigned long long)r->value);
			if (r->test == MASKED)
				printf("(%u&%#llx=%#llx)", r->arg, (unsigned long long)r->mask,
				       (unsigned long long)r->value);
			printf(" %lu\n", seen[i][j]);
		}
	}
}

int main(void)
{
	char path[4096];

	while (fgets(path, sizeof(path), stdin)) {
		path[strcspn(path, "\n")] = '\0';
		read_log(path);
	}
	print_rows();
	return fflush(stdout) == 0 ? 0 : 1;
}
