/* gen.c - host tool: turns the policy tables into BPF for one architecture.
 *
 *	seccomp-gen ARCH > policies.h
 *
 * For each policy the output has one array of instructions, then a table in the order of
 * enum policy_id.  Filters stack: a thread of the vmm is under the outer policy and its
 * own, so a thread's policy that allows what the outer one does not is refused here. */
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seccomp/load.h"
#include "seccomp/rules.h"

#define MAX_INSNS 4096		/* the kernel's own limit, BPF_MAXINSNS */

static void die(const struct policy *p, const char *what, const char *why)
{
	fprintf(stderr, "seccomp-gen: policy %s: %s: %s\n", p->name, what, why);
	exit(1);
}

static scmp_filter_ctx new_filter(const struct policy *p, uint32_t arch)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_TRAP);
	int rc = f ? 0 : -ENOMEM;

	if (rc == 0)
		rc = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0 && arch != seccomp_arch_native()) {
		rc = seccomp_arch_add(f, arch);
		if (rc == 0)
			rc = seccomp_arch_remove(f, seccomp_arch_native());
	}
	/* A binary tree pays from about a dozen calls on; a short list stays a list. */
	if (rc == 0 && p->n > 12)
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc < 0)
		die(p, "new filter", strerror(-rc));
	return f;
}

static int add_rule(scmp_filter_ctx f, const struct rule *r, int nr)
{
	struct scmp_arg_cmp cmp = { .arg = r->arg };

	switch (r->test) {
	case EQ:
		cmp.op = SCMP_CMP_EQ;
		cmp.datum_a = r->value;
		break;
	case MASKED:
		cmp.op = SCMP_CMP_MASKED_EQ;
		cmp.datum_a = r->mask;
		cmp.datum_b = r->value;
		break;
	default:
		return seccomp_rule_add_exact(f, SCMP_ACT_ALLOW, nr, 0);
	}
	return seccomp_rule_add_exact_array(f, SCMP_ACT_ALLOW, nr, 1, &cmp);
}

static void add_rules(const struct policy *p, scmp_filter_ctx f, uint32_t arch)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct rule *r = &p->rules[i];
		bool known = seccomp_syscall_resolve_name_arch(arch, r->call) >= 0;
		int rc;

		if (!known && r->test == WHERE_KNOWN)
			continue;
		if (!known)
			die(p, r->call, "no such call; WHERE_KNOWN if that is meant");
		/* libseccomp wants this machine's number, and translates */
		rc = add_rule(f, r, seccomp_syscall_resolve_name(r->call));
		if (rc < 0)
			die(p, r->call, strerror(-rc));
	}
}

/* libseccomp writes programs to descriptors only. */
static size_t export_bpf(const struct policy *p, scmp_filter_ctx f, struct sock_filter *insns)
{
	FILE *tmp = tmpfile();
	size_t n;
	int rc;

	if (!tmp)
		die(p, "temporary file", strerror(errno));
	rc = seccomp_export_bpf(f, fileno(tmp));
	if (rc < 0)
		die(p, "export", strerror(-rc));
	rewind(tmp);
	n = fread(insns, sizeof(*insns), MAX_INSNS, tmp);
	if (n == 0 || ferror(tmp) || fgetc(tmp) != EOF)
		die(p, "export", "too long, or not written whole");
	fclose(tmp);
	return n;
}

static void print_policy(unsigned id, const struct policy *p, uint32_t arch)
{
	static struct sock_filter insns[MAX_INSNS];
	scmp_filter_ctx f = new_filter(p, arch);
	size_t n;

	add_rules(p, f, arch);
	n = export_bpf(p, f, insns);
	seccomp_release(f);

	printf("\n/* %s: %u rules, %zu instructions */\n", p->name, p->n, n);
	printf("static const struct sock_filter policy_%u[] = {\n", id);
	for (size_t i = 0; i < n; i++)
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", insns[i].code, insns[i].jt, insns[i].jf,
		       insns[i].k);
	printf("};\n");
}

static bool same_test(const struct rule *outer, const struct rule *inner)
{
	if (outer->test == ANY || outer->test == WHERE_KNOWN)
		return true;
	if (inner->test != EQ || inner->arg != outer->arg)
		return outer->test == inner->test && outer->arg == inner->arg &&
		       outer->mask == inner->mask && outer->value == inner->value;
	return outer->test == EQ ? inner->value == outer->value :
				   (inner->value & outer->mask) == outer->value;
}

static bool allows(const struct policy *p, const struct rule *r)
{
	for (unsigned i = 0; i < p->n; i++)
		if (!strcmp(p->rules[i].call, r->call) && same_test(&p->rules[i], r))
			return true;
	return false;
}

static void check_within(const struct policy *outer, const struct policy *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (!allows(outer, &p->rules[i]))
			die(p, p->rules[i].call, "not in the outer policy");
}

/* Those whose threads have the outer policy, too. */
static bool is_of_the_vmm(unsigned id)
{
	return id != POLICY_OUTER && id != POLICY_KEEPER && id != POLICY_HTTP &&
	       id != POLICY_PACK;
}

static uint32_t arch_by_name(const char *name)
{
	uint32_t arch = seccomp_arch_resolve_name(name);

	if (arch)
		return arch;
	fprintf(stderr, "seccomp-gen: %s: no such architecture\n", name);
	exit(1);
}

int main(int argc, char **argv)
{
	uint32_t arch;

	if (argc != 2) {
		fprintf(stderr, "usage: seccomp-gen ARCH > policies.h\n");
		return 1;
	}
	arch = arch_by_name(argv[1]);
	printf("/* Made by seccomp-gen for %s. */\n", argv[1]);
	for (unsigned i = 0; i < seccomp_n_policies; i++) {
		if (is_of_the_vmm(i))
			check_within(seccomp_policies[POLICY_OUTER], seccomp_policies[i]);
		print_policy(i, seccomp_policies[i], arch);
	}
	printf("\nstatic const struct { const struct sock_filter *insns; unsigned short n; }\n"
	       "policy_programs[] = {\n");
	for (unsigned i = 0; i < seccomp_n_policies; i++)
		printf("\t{ policy_%u, sizeof(policy_%u) / sizeof(struct sock_filter) },\n", i, i);
	printf("};\n");
	return fflush(stdout) == 0 ? 0 : 1;
}
