/* test_result.c - the verdict over the facts of a run, and the record that is written. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysnames.h>
#include <unistd.h>

#include "runner/console.h"
#include "runner/hash.h"
#include "runner/outcome.h"
#include "runner/result.h"
#include "runner/sysname.h"

static struct facts f;
static struct spec spec;
static struct outcome o;

static int fresh(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	spec_init(&spec);
	return 0;
}

static void verdict_is(enum reason reason, int code, const char *says)
{
	outcome_judge(&o, &f, &spec, "prog");
	assert_string_equal(reason_names[o.reason], reason_names[reason]);
	assert_int_equal(o.code, code);
	if (!*says)
		assert_string_equal(o.message, "");
	else if (!strstr(o.message, says))
		fail_msg("'%s' does not say '%s'", o.message, says);
}

/* A run in which the command ended, all was read, and the monitor stopped when asked. */
static void all_well(int code, int signo)
{
	f.t_jailed = f.t_locked = f.t_hello = f.t_started = f.t_over = f.t_ended = 1;
	f.has_exited = f.complete = f.has_stopped = f.leash_hung_up = f.log_hung_up = true;
	f.exited = (struct msg_exited){ .code = code, .signal = signo, .drained = 1 };
	f.stopped.reason = STOP_ASKED;
}

/* The monitor ran the guest and ended without saying why. */
static void monitor_died(int code, int signo)
{
	f.t_jailed = f.t_locked = f.t_ended = 1;
	f.leash_hung_up = f.log_hung_up = true;
	f.ended = (struct report_ended){ .code = code, .signal = signo };
}

/* --- verdicts ------------------------------------------------------------------------- */

static void the_command_ends(void **state)
{
	(void)state;
	all_well(7, 0);
	verdict_is(REASON_EXIT, 7, "");
	all_well(0, SIGSEGV);
	verdict_is(REASON_SIGNAL, 139, "");
	assert_int_equal(o.signal, SIGSEGV);
}

static void out_of_memory_is_a_kill_with_a_cause(void **state)
{
	(void)state;
	all_well(0, SIGKILL);
	verdict_is(REASON_SIGNAL, 137, "");
	f.exited.oom_kill = 1;
	verdict_is(REASON_OOM, 137, "--memory");
	f.exited.signal = SIGTERM;	/* something else was killed for memory */
	verdict_is(REASON_SIGNAL, 143, "");
}

static void each_limit_has_its_reason(void **state)
{
	(void)state;
	all_well(2, 0);
	f.exited.limit = LIMIT_PIDS;
	spec.pids = 8;
	verdict_is(REASON_PIDS_LIMIT, 137, "more than 8 processes");
	f.wrote_too_much = true;
	spec.output_limit = 1000;
	verdict_is(REASON_OUTPUT_LIMIT, 153, "more than 1000 bytes");
	f.stopped.reason = STOP_CPU_LIMIT;
	verdict_is(REASON_CPU_LIMIT, 152, "--cpu-seconds");
	f.timed_out = true;
	verdict_is(REASON_TIMEOUT, 124, "");
}

static void a_machine_that_is_gone_is_not_the_visitors_fault(void **state)
{
	(void)state;
	f.visiting = f.leash_hung_up = f.log_hung_up = true;
	verdict_is(REASON_ERROR, 125, "the machine ended before");
	all_well(4, 0);
	f.t_jailed = f.t_ended = f.has_stopped = 0;
	verdict_is(REASON_EXIT, 4, "");
}

static void our_own_decisions_come_first(void **state)
{
	(void)state;
	monitor_died(0, SIGKILL);
	f.timed_out = true;
	verdict_is(REASON_TIMEOUT, 124, "");
	f.interrupted = SIGINT;
	verdict_is(REASON_INTERRUPTED, 130, "");
}

static void a_broken_rule_outranks_what_the_guest_claims(void **state)
{
	(void)state;
	all_well(0, 0);
	facts_protocol(&f, "the guest said %s", "rubbish");
	facts_protocol(&f, "and more");
	verdict_is(REASON_PROTOCOL, 125, "the guest said rubbish; the sandbox was killed");
}

static void spawn_failures_have_the_shells_codes(void **state)
{
	(void)state;
	f.has_spawn_failed = true;
	f.spawn_failed = (struct msg_spawn_failed){ SPAWN_FIND, ENOENT };
	verdict_is(REASON_SPAWN_FAILED, 127, "prog: not found");
	f.spawn_failed = (struct msg_spawn_failed){ SPAWN_EXEC, ENOENT };
	verdict_is(REASON_SPAWN_FAILED, 127, "prog");
	f.spawn_failed = (struct msg_spawn_failed){ SPAWN_EXEC, EACCES };
	verdict_is(REASON_SPAWN_FAILED, 126, "prog");
	spec.workdir = "/nowhere";
	f.spawn_failed = (struct msg_spawn_failed){ SPAWN_WORKDIR, ENOENT };
	verdict_is(REASON_SPAWN_FAILED, 125, "/nowhere");
	spec.user = "nobody-here";
	f.spawn_failed = (struct msg_spawn_failed){ SPAWN_USER, ENOENT };
	verdict_is(REASON_SPAWN_FAILED, 125, "nobody-here");
	f.spawn_failed = (struct msg_spawn_failed){ SPAWN_FORK, EAGAIN };
	verdict_is(REASON_SPAWN_FAILED, 125, "stage");
}

static void a_reset_is_a_panic_and_quotes_it(void **state)
{
	(void)state;
	monitor_died(0, 0);
	f.has_stopped = true;
	f.stopped.reason = STOP_RESET;
	verdict_is(REASON_GUEST_PANIC, 125, "--console");
	strcpy(f.panic, "Kernel panic - not syncing: no init");
	verdict_is(REASON_GUEST_PANIC, 125, "no init");
	f.stopped.reason = STOP_TRIPLE_FAULT;
	f.panic[0] = '\0';
	verdict_is(REASON_GUEST_PANIC, 125, "triple fault");
}

static void a_dead_monitor_is_at_fault(void **state)
{
	(void)state;
	monitor_died(0, SIGSEGV);
	verdict_is(REASON_VMM_FAULT, 125, "signal 11");
	monitor_died(3, 0);
	verdict_is(REASON_VMM_FAULT, 125, "status 3");
	monitor_died(0, SIGKILL);
	f.ended.oom_kill = 1;
	verdict_is(REASON_VMM_FAULT, 125, "memory limit");
	f.has_stopped = true;
	f.stopped = (struct report_stopped){ .reason = STOP_INTERNAL, .msg = "vcpu 0: exit 17" };
	verdict_is(REASON_VMM_FAULT, 125, "vcpu 0: exit 17");
}

/* Bytes may be lost in a monitor that dies after the command has ended. */
static void a_monitor_that_dies_spoils_a_good_end(void **state)
{
	(void)state;
	all_well(0, 0);
	f.has_stopped = false;
	f.ended.signal = SIGBUS;
	verdict_is(REASON_VMM_FAULT, 125, "signal 7");
}

static void a_violation_names_thread_call_and_arguments(void **state)
{
	(void)state;
	monitor_died(1, 0);
	f.violated = true;
	f.violation = (struct report_violation){ .thread = "vcpu0", .nr = SYS_socket,
						 .arch = SYSNAMES_ARCH,
						 .arg = { 1, 0x80002, 0, 4, 5, UINT64_MAX } };
	verdict_is(REASON_POLICY_KILL, 125,
		   "thread vcpu0 called socket(0x1, 0x80002, 0, 0x4, 0x5, 0xffffffffffffffff)");
	f.violation.arch = AUDIT_ARCH_I386;
	verdict_is(REASON_POLICY_KILL, 125, "of another architecture");
	f.violated = false;
	f.ended = (struct report_ended){ .signal = SIGSYS };
	verdict_is(REASON_POLICY_KILL, 125, "filter");
}

static void what_stops_the_start_is_said_as_it_was_said(void **state)
{
	(void)state;
	f.leash_hung_up = true;
	verdict_is(REASON_ERROR, 125, "jailer ended");
	f.t_jailed = 1;
	verdict_is(REASON_ERROR, 125, "keeper");
	monitor_died(1, 0);
	f.t_locked = 0;
	err_set(&f.vmm_error, EINVAL, "kernel: no entry point");
	verdict_is(REASON_ERROR, 125, "kernel: no entry point");
	err_set(&f.jail_error, EACCES, "/dev/kvm: Permission denied");
	verdict_is(REASON_ERROR, 125, "/dev/kvm");
}

static void nothing_known_is_still_125(void **state)
{
	(void)state;
	verdict_is(REASON_ERROR, 125, "before the command was over");
}

static void system_calls_have_names(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(sysname(SYS_openat, SYSNAMES_ARCH, buf, sizeof(buf)), "openat");
	assert_string_equal(sysname(SYS_read, SYSNAMES_ARCH, buf, sizeof(buf)), "read");
	assert_string_equal(sysname(99999, SYSNAMES_ARCH, buf, sizeof(buf)), "system call 99999");
}

static void the_last_panic_on_the_console_is_found(void **state)
{
	static struct console c;
	static const char said[] = "Kernel panic - first\r\nmore\r\nKernel panic - \033second\r\n";
	char line[64], shorter[8];

	(void)state;
	memcpy(c.tail, said, sizeof(said) - 1);
	c.n = sizeof(said) - 1;
	console_panic(&c, line, sizeof(line));
	assert_string_equal(line, "Kernel panic - ?second");
	console_panic(&c, shorter, sizeof(shorter));
	assert_string_equal(shorter, "Kernel ");
	c.n = 5;
	console_panic(&c, line, sizeof(line));
	assert_string_equal(line, "");
}

/* --- the record ----------------------------------------------------------------------- */

static char dir[] = "/tmp/test_result.XXXXXX", path[64];

static int make_dir(void **state)
{
	fresh(state);
	strcpy(strrchr(dir, '.'), ".XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/r.json", dir);
	return 0;
}

static unsigned files_in_dir(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static json_object *get(json_object *j, const char *key)
{
	json_object *v = NULL;

	if (!json_object_object_get_ex(j, key, &v))
		fail_msg("no '%s'", key);
	return v;
}

static int write_record(const char *to, struct err *err)
{
	struct result r = { &f, &o, "cold", -1, -1 };

	outcome_judge(&o, &f, &spec, "prog");
	return result_write(&r, to, err);
}

static void the_record_has_what_happened(void **state)
{
	json_object *j;
	struct err err;

	(void)state;
	all_well(7, 0);
	f.t_started = 5000000;
	f.t_over = 7000000;
	f.t_locked = 9;
	f.t_hello = 3;		/* a clock that runs backwards is no huge phase */
	f.locked.soft_kvm = 1;
	f.jailed.layers = 1u << LAYER_USERNS | 1u << LAYER_SECCOMP;
	assert_int_equal(result_check(path, &err), 0);
	assert_int_equal(write_record(path, &err), 0);
	j = json_object_from_file(path);
	assert_non_null(j);
	assert_int_equal(json_object_get_int(get(j, "schema")), 1);
	assert_string_equal(json_object_get_string(get(j, "reason")), "exit");
	assert_int_equal(json_object_get_int(get(j, "code")), 7);
	assert_int_equal(json_object_get_int(get(get(j, "phases_us"), "command")), 2000);
	assert_int_equal(json_object_get_int(get(get(j, "phases_us"), "boot")), 0);
	assert_string_equal(json_object_get_string(get(j, "kvm")), "software");
	assert_int_equal(json_object_array_length(get(j, "layers")), 2);
	assert_null(get(j, "violation"));
	json_object_put(j);
	assert_int_equal(files_in_dir(), 1);
}

static void a_violation_is_in_the_record(void **state)
{
	json_object *j;
	struct err err;

	(void)state;
	f.violated = true;
	f.violation = (struct report_violation){ .thread = "main", .nr = SYS_openat,
						 .arch = SYSNAMES_ARCH,
						 .arg = { 1, 2, [5] = UINT64_MAX } };
	assert_int_equal(write_record(path, &err), 0);
	j = json_object_from_file(path);
	assert_string_equal(json_object_get_string(get(get(j, "violation"), "thread")), "main");
	assert_string_equal(json_object_get_string(get(get(j, "violation"), "syscall")), "openat");
	assert_string_equal(json_object_get_string(get(get(j, "violation"), "args")),
			    "[ 1, 2, 0, 0, 0, 18446744073709551615 ]");
	json_object_put(j);
}

static void an_old_record_is_replaced_whole(void **state)
{
	struct err err;
	struct stat st;
	FILE *old = fopen(path, "w");

	(void)state;
	assert_non_null(old);
	for (int i = 0; i < 10000; i++)
		fputs("old ", old);
	fclose(old);
	assert_int_equal(write_record(path, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 10000);
	assert_int_equal(files_in_dir(), 1);
}

/* As on a full disk: the write fails in the middle. */
static void a_write_that_fails_leaves_nothing(void **state)
{
	struct rlimit old, small;
	struct err err;
	int rc;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){ 100, old.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	rc = write_record(path, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(rc < 0);
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(files_in_dir(), 0);
}

static void a_place_that_cannot_be_is_refused_at_once(void **state)
{
	char nowhere[80];
	struct err err;

	(void)state;
	snprintf(nowhere, sizeof(nowhere), "%s/no/dir/r", dir);
	assert_true(result_check(nowhere, &err) < 0);
	assert_non_null(strstr(err.msg, nowhere));
	assert_true(result_check("", &err) < 0);
	assert_int_equal(files_in_dir(), 0);
}

static void a_device_is_written_to_as_it_is(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(write_record("/dev/null", &err), 0);
	assert_int_equal(write_record("/dev/full", &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "/dev/full"));
}

static void a_hash_is_sha256(void **state)
{
	char hex[HASH_HEX];
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	(void)state;
	assert_int_equal(write(fd, "abc", 3), 3);	/* the example of FIPS 180-2 */
	assert_true(hash_file(fd, hex));
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	close(fd);
	assert_false(hash_file(-1, hex));
}

#define WITH_DIR(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_command_ends, fresh),
		cmocka_unit_test_setup(out_of_memory_is_a_kill_with_a_cause, fresh),
		cmocka_unit_test_setup(each_limit_has_its_reason, fresh),
		cmocka_unit_test_setup(a_machine_that_is_gone_is_not_the_visitors_fault, fresh),
		cmocka_unit_test_setup(our_own_decisions_come_first, fresh),
		cmocka_unit_test_setup(a_broken_rule_outranks_what_the_guest_claims, fresh),
		cmocka_unit_test_setup(spawn_failures_have_the_shells_codes, fresh),
		cmocka_unit_test_setup(a_reset_is_a_panic_and_quotes_it, fresh),
		cmocka_unit_test_setup(a_dead_monitor_is_at_fault, fresh),
		cmocka_unit_test_setup(a_monitor_that_dies_spoils_a_good_end, fresh),
		cmocka_unit_test_setup(a_violation_names_thread_call_and_arguments, fresh),
		cmocka_unit_test_setup(what_stops_the_start_is_said_as_it_was_said, fresh),
		cmocka_unit_test_setup(nothing_known_is_still_125, fresh),
		cmocka_unit_test(system_calls_have_names),
		cmocka_unit_test(the_last_panic_on_the_console_is_found),
		WITH_DIR(the_record_has_what_happened),
		WITH_DIR(a_violation_is_in_the_record),
		WITH_DIR(an_old_record_is_replaced_whole),
		WITH_DIR(a_write_that_fails_leaves_nothing),
		WITH_DIR(a_place_that_cannot_be_is_refused_at_once),
		WITH_DIR(a_device_is_written_to_as_it_is),
		WITH_DIR(a_hash_is_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
