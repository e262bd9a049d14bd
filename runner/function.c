/* function.c - what `sandbox serve` hosts: its config file. */
#include "runner/function.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/opts.h"

#define MAX_CONFIG 262144
#define SECTION_KEYS (SPEC_MACHINE | SPEC_CALL | SPEC_FUNCTION)

/* --- the command ----------------------------------------------------------------------------- */

/* What is quoted at *s, up to and without the closing quote; false when there is none. */
static bool quoted(const char **s, char **to, char quote)
{
	const char *p = *s;

	while (*p && *p != quote) {
		if (quote == '"' && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		*(*to)++ = *p++;
	}
	*s = *p ? p + 1 : p;
	return *p == quote;
}

/* One word; false: a quote is open. */
static bool one_word(const char **s, char **to)
{
	while (**s && **s != ' ' && **s != '\t') {
		char c = *(*s)++;

		if ((c == '\'' || c == '"')) {
			if (!quoted(s, to, c))
				return false;
			continue;
		}
		if (c == '\\' && **s)
			c = *(*s)++;
		*(*to)++ = c;
	}
	*(*to)++ = '\0';
	return true;
}

char **words_split(const char *text, unsigned *n, struct err *err)
{
	size_t most = strlen(text) / 2 + 2;	/* words, with the NULL */
	char **words = calloc(1, most * sizeof(*words) + strlen(text) + 1);
	char *to = (char *)(words + most);

	*n = 0;
	if (!words) {
		err_set(err, ENOMEM, "no memory");
		return NULL;
	}
	for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
		words[(*n)++] = to;
		if (one_word(&text, &to))
			continue;
		err_set(err, EINVAL, "command: a quote is left open");
		free(words);
		return NULL;
	}
	if (*n > 0)
		return words;
	err_set(err, EINVAL, "command: is empty");
	free(words);
	return NULL;
}

/* --- the file -------------------------------------------------------------------------------- */

static char *read_text(const char *path, struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, MAX_CONFIG);
	size_t n = 0;
	ssize_t got = 0;

	while (fd >= 0 && text && (got = io_read_some(fd, text + n, MAX_CONFIG - 1 - n)) > 0)
		n += (size_t)got;
	if (fd < 0 || !text || got < 0)
		err_sys(err, "config %s", path);
	else if (n == MAX_CONFIG - 1)
		err_set(err, E2BIG, "config %s: longer than %d bytes", path, MAX_CONFIG - 2);
	else if (memchr(text, '\0', n))
		err_set(err, EINVAL, "config %s: is not a text file", path);
	else
		return text;
	free(text);
	return NULL;
}

static bool is_name(const char *s, size_t n)
{
	return n > 0 && n < HTTP_NAME &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") >= n;
}

/* "[function NAME]" alone in its line. */
static int parse_header(const char *line, char name[HTTP_NAME], struct err *err)
{
	static const char start[] = "[function ";
	size_t n = strcspn(line, "]\n"), from = sizeof(start) - 1;

	if (strncmp(line, start, from) || line[n] != ']' || !is_name(line + from, n - from) ||
	    strspn(line + n + 1, " \t\r") != strcspn(line + n + 1, "\n"))
		return err_set(err, EINVAL, "'%.*s' is not [function NAME], with a NAME of up to %d "
			       "letters, digits, '-' and '_'", (int)strcspn(line, "\n"), line,
			       HTTP_NAME - 1);
	memcpy(name, line + from, n - from);
	name[n - from] = '\0';
	return 0;
}

static int check_function(struct function *f, struct err *err)
{
	if (!f->spec.command)
		return err_set(err, EINVAL, "has no `command`");
	if (f->spec.warm_min > f->spec.warm_max)
		return err_set(err, EINVAL, "warm-min is more than warm-max");
	f->words = words_split(f->spec.command, &f->n_words, err);
	return f->words ? opts_check(&f->spec, err) : -err->code;
}

/* `text` is the section's, behind its header. */
static int add_function(struct config *c, const char name[HTTP_NAME], char *text, struct err *err)
{
	struct function *f;

	if (config_find(c, name))
		return err_set(err, EEXIST, "is there twice");
	f = c->n < MAX_FUNCTIONS ? calloc(1, sizeof(*f)) : NULL;
	if (!f)
		return err_set(err, ENOMEM, "there may be %d functions", MAX_FUNCTIONS);
	c->function[c->n++] = f;
	strcpy(f->name, name);
	f->end = &f->first;
	spec_init(&f->spec);
	f->spec.timeout = FUNCTION_TIMEOUT;
	if (spec_parse(&f->spec, text, SECTION_KEYS, err) < 0)
		return -err->code;
	return check_function(f, err);
}

/* The line that opens the next section, or NULL. */
static char *next_header(char *text)
{
	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		text += strspn(text, " \t");
		if (*text == '[')
			return text;
	}
	return NULL;
}

static int parse_section(struct config *c, char *header, char *next, struct err *err)
{
	char name[HTTP_NAME];
	char *text = header + strcspn(header, "\n");
	int rc = parse_header(header, name, err);

	if (rc < 0)
		return rc;
	if (next)
		next[-1] = '\0';	/* the newline in front of it, or the white space */
	rc = add_function(c, name, text, err);
	return rc < 0 ? err_in(err, "[function %s]", name) : 0;
}

static int parse(struct config *c, struct err *err)
{
	char *header = next_header(c->text), first = '\0';
	int rc;

	if (!header)
		return err_set(err, EINVAL, "has no [function NAME]");
	spec_init(&c->host);
	first = *header;
	*header = '\0';
	rc = spec_parse(&c->host, c->text, SPEC_HOST, err);
	*header = first;
	while (rc == 0 && header) {
		char *next = next_header(header + 1);

		rc = parse_section(c, header, next, err);
		header = next;
	}
	return rc;
}

struct config *config_read(const char *path, struct err *err)
{
	struct config *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set(err, ENOMEM, "no memory");
		return NULL;
	}
	c->text = read_text(path, err);
	if (c->text && parse(c, err) == 0)
		return c;
	if (c->text)
		err_in(err, "config %s", path);
	config_free(c);
	return NULL;
}

void config_free(struct config *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->function[i]->ready.loop)
			ready_close(&c->function[i]->ready);
		free(c->function[i]->words);
		free(c->function[i]);
	}
	free(c->text);
	free(c);
}

struct function *config_find(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n; i++)
		if (!strcmp(c->function[i]->name, name))
			return c->function[i];
	return NULL;
}
