/* tell.c - what is kept of a run's network. */
#include "runner/net/tell.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/io.h"

#define MINUTE 60u

static const char *const verdicts[] = { [DENIED] = "deny", [ALLOWED] = "allow", [ACCEPTED] = "accept" };
static const char *const kinds[] = { [FRAME_OTHER] = "?", [FRAME_ARP] = "arp", [FRAME_TCP] = "tcp",
				     [FRAME_UDP] = "udp", [FRAME_PING] = "ping" };

/* --- the log ------------------------------------------------------------------------------ */

static void __attribute__((format(printf, 2, 3))) line(struct tell *t, const char *fmt, ...)
{
	char text[400];
	struct timespec now;
	struct tm tm;
	size_t n;
	va_list ap;
	int rc;

	if (t->log < 0 || t->lines > TELL_LINES)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(text + n, sizeof(text) - n, ".%03ldZ ", now.tv_nsec / 1000000);
	va_start(ap, fmt);
	if (t->lines++ < TELL_LINES)
		vsnprintf(text + n, sizeof(text) - n - 1, fmt, ap);
	else
		snprintf(text + n, sizeof(text) - n - 1, "the rest is counted only");
	va_end(ap);
	strcat(text, "\n");
	rc = io_write(t->log, text, strlen(text));
	if (rc == 0)
		return;
	t->totals.log_error = -rc;
	t->log = -1;
}

/* --- connections -------------------------------------------------------------------------- */

static uint32_t seconds(void)
{
	return (uint32_t)(now_ns() / 1000000000u) + 1;
}

/* A place for each hash: who comes later takes it over, and a connection may be told twice. */
static bool is_new(struct tell *t, const struct seen *c)
{
	uint32_t h = (c->to ^ c->ports * 0x9e3779b1u) + (uint32_t)c->kind * 4u + c->verdict;
	struct seen *s = &t->seen[(h * 0x85ebca6bu >> 16) % TELL_SEEN];
	bool same = s->to == c->to && s->ports == c->ports && s->kind == c->kind &&
		    s->verdict == c->verdict && s->second && c->second - s->second < MINUTE;

	*s = *c;
	return !same;
}

void tell_connection(struct tell *t, const struct frame *f, enum verdict v, const char *name)
{
	uint64_t *const counts[] = { &t->totals.denied, &t->totals.allowed, &t->totals.accepted };
	const struct seen c = { v == ACCEPTED ? f->from : f->to,
				(uint32_t)f->from_port << 16 | f->to_port, (uint8_t)f->kind,
				(uint8_t)v, seconds() };

	if (!is_new(t, &c))
		return;
	++*counts[v];
	line(t, "%s %s %u.%u.%u.%u:%u%s%s", verdicts[v], kinds[f->kind], c.to >> 24, c.to >> 16 & 255,
	     c.to >> 8 & 255, c.to & 255, v == ACCEPTED ? f->from_port : f->to_port,
	     name ? " " : "", name ? name : "");
}

void tell_name(struct tell *t, const char *name, bool denied, unsigned n)
{
	t->totals.names_denied += denied;
	t->totals.names += n > 0;
	line(t, "%s name %s %u", denied ? "deny" : "allow", name, n);
}

/* --- frames ------------------------------------------------------------------------------- */

static void capture(struct tell *t, const void *bytes, size_t n)
{
	int rc = io_write(t->pcap, bytes, n);

	t->captured += n;
	if (rc == 0)
		return;
	t->totals.pcap_error = -rc;
	t->pcap = -1;
}

void tell_frame(struct tell *t, const uint8_t *frame, size_t len)
{
	struct {
		uint32_t s, us, kept, len;
		uint8_t frame[FRAME_MAX];
	} record;
	struct timespec now;

	if (t->pcap < 0 || len > FRAME_MAX || t->captured > TELL_PCAP - sizeof(record))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	record.s = (uint32_t)now.tv_sec;
	record.us = (uint32_t)(now.tv_nsec / 1000);
	record.kept = record.len = (uint32_t)len;
	memcpy(record.frame, frame, len);
	capture(t, &record, 16 + len);
}

void tell_init(struct tell *t, int log, int pcap)
{
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, precision, most, ethernet;
	} head = { 0xa1b2c3d4, 2, 4, 0, 0, FRAME_MAX, 1 };

	*t = (struct tell){ .log = log, .pcap = pcap };
	if (pcap >= 0)
		capture(t, &head, sizeof(head));
}
