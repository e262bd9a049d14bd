/* metrics.c - what /metrics tells. */
#include "runner/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "runner/function.h"

const unsigned metrics_statuses[6] = { 200, 429, 500, 502, 503, 504 };

#define N_STATUSES (sizeof(metrics_statuses) / sizeof(metrics_statuses[0]))

static const double bounds[METRICS_BUCKETS] = {		/* seconds */
	0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30
};

void metrics_count(struct metrics *m, unsigned status, uint64_t total_us)
{
	unsigned b = 0;

	for (unsigned i = 0; i < N_STATUSES; i++)
		m->answers[i] += metrics_statuses[i] == status;
	while (b < METRICS_BUCKETS && (double)total_us > bounds[b] * 1e6)
		b++;
	m->bucket[b]++;
	m->sum_us += total_us;
}

/* --- one metric, of every function --------------------------------------------------------- */

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP sandbox_%s %s\n# TYPE sandbox_%s %s\n", name, help, name, type);
}

static void line(FILE *f, const char *name, const struct function *fn, uint64_t v)
{
	fprintf(f, "sandbox_%s{function=\"%s\"} %llu\n", name, fn->name, (unsigned long long)v);
}

static void write_answers(FILE *f, const struct function *fn)
{
	for (unsigned i = 0; i < N_STATUSES; i++)
		fprintf(f, "sandbox_calls_total{function=\"%s\",status=\"%u\"} %llu\n", fn->name,
			metrics_statuses[i], (unsigned long long)fn->metrics.answers[i]);
}

static void write_seconds(FILE *f, const struct function *fn)
{
	const struct metrics *m = &fn->metrics;
	uint64_t n = 0;

	for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
		n += m->bucket[i];
		fprintf(f, "sandbox_call_seconds_bucket{function=\"%s\",le=\"%g\"} %llu\n", fn->name,
			bounds[i], (unsigned long long)n);
	}
	n += m->bucket[METRICS_BUCKETS];
	fprintf(f, "sandbox_call_seconds_bucket{function=\"%s\",le=\"+Inf\"} %llu\n"
		"sandbox_call_seconds_sum{function=\"%s\"} %.6f\n"
		"sandbox_call_seconds_count{function=\"%s\"} %llu\n", fn->name, (unsigned long long)n,
		fn->name, (double)m->sum_us / 1e6, fn->name, (unsigned long long)n);
}

static void write_running(FILE *f, const struct function *fn)
{
	line(f, "calls_running", fn, fn->running);
}

static void write_queued(FILE *f, const struct function *fn)
{
	line(f, "calls_queued", fn, fn->queued);
}

static void write_reused(FILE *f, const struct function *fn)
{
	line(f, "calls_reused_total", fn, fn->metrics.reused);
}

static void write_ready(FILE *f, const struct function *fn)
{
	line(f, "machines_ready", fn, fn->ready.n);
}

static void write_started(FILE *f, const struct function *fn)
{
	line(f, "machines_started_total", fn, fn->ready.started);
}

static void write_failed(FILE *f, const struct function *fn)
{
	line(f, "machines_failed_total", fn, fn->ready.failed);
}

static const struct {
	const char *name, *type, *help;
	void (*write)(FILE *f, const struct function *fn);
} table[] = {
	{ "calls_total", "counter", "Calls answered, by HTTP status.", write_answers },
	{ "call_seconds", "histogram", "From request to answer.", write_seconds },
	{ "calls_running", "gauge", "Calls that run now.", write_running },
	{ "calls_queued", "gauge", "Calls that wait for another to end.", write_queued },
	{ "calls_reused_total", "counter", "Calls in a machine that had served before.", write_reused },
	{ "machines_ready", "gauge", "Machines that wait for a call.", write_ready },
	{ "machines_started_total", "counter", "Machines restored.", write_started },
	{ "machines_failed_total", "counter", "Machines that failed to start, or ended as they waited.",
	  write_failed },
};

int metrics_write(int fd, const struct config *c)
{
	int own = dup(fd);
	FILE *f = own < 0 ? NULL : fdopen(own, "w");

	if (!f)
		return -errno;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		head(f, table[i].name, table[i].type, table[i].help);
		for (unsigned n = 0; n < c->n; n++)
			table[i].write(f, c->function[n]);
	}
	return fclose(f) ? -errno : 0;
}
