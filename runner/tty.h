/* tty.h - the user's terminal: raw while a command in the guest owns it. */
#ifndef RUNNER_TTY_H
#define RUNNER_TTY_H

#include <stdbool.h>
#include <stdint.h>

/* Make fd raw until tty_restore(), exit(), or a signal that ends the process for a
 * fault of ours.  Returns 0 or a negative errno. */
int  tty_raw(int fd);
void tty_restore(void);
bool tty_is_raw(void);

/* The window of the first of stdin, stdout and stderr that has one, else 24 by 80. */
void tty_window(uint16_t *rows, uint16_t *cols);

#endif
