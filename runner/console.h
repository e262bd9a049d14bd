/* console.h - the end of what the guest's kernel said on its console, kept for the error
 * message of a panic. */
#ifndef RUNNER_CONSOLE_H
#define RUNNER_CONSOLE_H

#include "runner/watch.h"

#define CONSOLE_TAIL 4096

struct console {
	struct watch watch;
	size_t n;
	char tail[2 * CONSOLE_TAIL];	/* the last n bytes; at least CONSOLE_TAIL once there are */
};

/* fd: read end of the console pipe, owned from here on. */
void console_init(struct console *c, int fd, struct watch_set *set);

/* Copy the line of the last "Kernel panic" into out[n], cleaned; "" if there is none. */
void console_panic(const struct console *c, char *out, size_t n);

#endif
