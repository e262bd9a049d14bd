/* log.h - lines that the guest can cause, counted and limited.
 *
 * The guest must not be able to fill a log or to make the vmm write at its pace: each
 * place speaks once, and what it would have said later is only counted. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdint.h>

struct log_once {
	uint64_t count;		/* how often it happened; atomic */
};

/* Where lines go: FD_LOG as REPORT_NOTE.  Set before the first thread; -1 is nowhere. */
void log_to(int fd);

/* Say it the first time, count it ever after.  Any thread. */
void log_guest(struct log_once *once, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A line of our own, for --verbose; not for anything the guest can repeat. */
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
