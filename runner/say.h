/* say.h - the runner's own lines on stderr. */
#ifndef RUNNER_SAY_H
#define RUNNER_SAY_H

#include <stddef.h>
#include <stdint.h>

/* "sandbox: ...", one line, one write; also right on a terminal in raw mode. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For --verbose: "sandbox: +12.3 ms: ...", counted from `begin` (now_ns()).  Before
 * say_verbose() a note is not printed. */
void say_verbose(uint64_t begin);
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Bytes that the monitor or the guest chose, made fit for a terminal: ends the string
 * within n and turns all that is not printable ASCII into '?'. */
void say_clean(char *s, size_t n);

#endif
