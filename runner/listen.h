/* listen.h - sockets that wait for others. */
#ifndef RUNNER_LISTEN_H
#define RUNNER_LISTEN_H

#include "lib/err.h"

/* A Unix socket at `path` of that SOCK_ type, for this user only (mode 0600), non-blocking.  One
 * that a killed process has left there is replaced; one that somebody listens on is -EADDRINUSE.
 * Returns the descriptor. */
int listen_unix(const char *path, int type, struct err *err);

/* "unix:PATH", "127.0.0.1:PORT" or "[::1]:PORT", stream.  Other addresses are refused. */
int listen_at(const char *address, struct err *err);

/* Remove the file of a Unix socket; other addresses leave none. */
void listen_remove(const char *address);

#endif
