/* failures.c - machines that cannot be saved are not saved on every run. */
#include "runner/failures.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runner/cache.h"

#define ENOUGH 2		/* once may have been an accident; so many in the last... */
#define SECONDS 3600		/* ...hour: it is not tried again before that has passed */
#define NOTE (PATH_MAX + 16)	/* bytes of the name of the note */

/* The last line of a text, without our name before it; and how many lines there are. */
static unsigned last_line(char *text, const char **last)
{
	unsigned n = 0;
	char *next = text;

	while ((text = strsep(&next, "\n")) && next) {
		*last = strncmp(text, "sandbox: ", 9) ? text : text + 9;
		n++;
	}
	return n;
}

static int open_note(const char *path, char name[NOTE], int flags)
{
	snprintf(name, NOTE, "%s" CACHE_FAILED, path);
	return open(name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

void failures_forget(const char *path)
{
	char name[NOTE];

	snprintf(name, sizeof(name), "%s" CACHE_FAILED, path);
	unlink(name);
}

static unsigned read_lines(int fd, char *text, size_t n, const char **last)
{
	ssize_t got = pread(fd, text, n - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return last_line(text, last);
}

/* Written by us, when the maker is gone and the room that it took is free again.  One that was
 * killed has said nothing, and there is nothing to keep. */
int failures_add(const char *path, int said, struct err *err)
{
	char name[NOTE], text[1024];
	const char *why = "it was killed";
	autoclose int fd = -1;

	if (read_lines(said, text, sizeof(text), &why) > 0) {
		fd = open_note(path, name, O_WRONLY | O_CREAT | O_APPEND);
		dprintf(fd, "%s\n", why);
	}
	return err_set(err, EIO, "no template could be made: %.150s", why);
}

int failures_check(const char *path, struct err *err)
{
	char name[NOTE], text[1024];
	autoclose int fd = open_note(path, name, O_RDONLY);
	const char *why;
	struct stat st;
	time_t age;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	age = time(NULL) - st.st_mtim.tv_sec;
	if (age < 0 || age >= SECONDS) {
		failures_forget(path);
		return 0;
	}
	if (read_lines(fd, text, sizeof(text), &why) < ENOUGH)
		return 0;
	return err_set(err, EAGAIN, "saving this machine failed again and again: %.100s; the next try is "
		       "in %ld minutes, or after: sandbox cache rm", why,
		       (long)(SECONDS - age + 59) / 60);
}
