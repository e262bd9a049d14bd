/* opts.c - generic over the option table in lib/spec.c: no option is named here but
 * --config, and the values that only the runner can judge. */
#include "runner/opts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "lib/report.h"
#include "runner/allow.h"
#include "runner/card.h"
#include "runner/register.h"

#define MAX_CONFIG 65536
#define MAX_NAME 24

/* Edit distance, for words of an option's length. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[MAX_NAME + 1];
	size_t n = strlen(b);

	if (n > MAX_NAME || strlen(a) > MAX_NAME)
		return MAX_NAME;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			unsigned best = diagonal + (*a != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

static const char *nearest(const char *name, unsigned where)
{
	const char *found = NULL;
	unsigned best = 3;	/* further off it is no typing error */

	for (unsigned i = 0; i < spec_n_rows; i++) {
		unsigned d = distance(name, spec_rows[i].name);

		if ((spec_rows[i].where & where) && d < best) {
			best = d;
			found = spec_rows[i].name;
		}
	}
	return found;
}

/* What the parsers of one command line share. */
struct line {
	unsigned where;
	int argc;
	char **argv;
};

static int unknown(const struct line *l, const char *name, struct err *err)
{
	const char *like = nearest(name, l->where);

	if (like)
		return err_set(err, EINVAL, "there is no option --%.40s; did you mean --%s? "
			       "All of them: sandbox %s --help", name, like, l->argv[0]);
	return err_set(err, EINVAL, "there is no option --%.40s; all of them: sandbox %s --help",
		       name, l->argv[0]);
}

/* One option at argv[i]: the number of words it takes, or a negative errno. */
static int parse_one(struct spec *s, const struct line *l, int i, struct err *err)
{
	char **argv = l->argv;
	char name[MAX_NAME * 2] = { 0 };
	const char *word = strcmp(argv[i], "-h") ? argv[i] + 2 : "help";
	const char *eq = strchr(word, '='), *value = eq ? eq + 1 : NULL;
	size_t n = eq ? (size_t)(eq - word) : strlen(word);
	const struct spec_row *row;
	int rc;

	memcpy(name, word, n < sizeof(name) ? n : sizeof(name) - 1);
	row = spec_find(name, l->where);
	if (!row)
		return unknown(l, name, err);
	if (row->arg && !value) {
		if (i + 1 >= l->argc)
			return err_set(err, EINVAL, "--%s: needs a value: --%s %s", name, name,
				       row->arg);
		value = argv[i + 1];
	}
	rc = spec_set(s, row, value, err);
	if (rc < 0)
		return rc;
	return row->arg && !eq ? 2 : 1;
}

/* All options; returns the index of the command's first word. */
static int parse_argv(struct spec *s, const struct line *l, struct err *err)
{
	char **argv = l->argv;
	int i = 1;

	while (i < l->argc && argv[i][0] == '-' && argv[i][1]) {
		int rc;

		if (!strcmp(argv[i], "--"))
			return i + 1;
		if (argv[i][1] != '-' && strcmp(argv[i], "-h"))
			return err_set(err, EINVAL, "there is no option %.40s; all of them: "
				       "sandbox %s --help", argv[i], argv[0]);
		rc = parse_one(s, l, i, err);
		if (rc < 0)
			return rc;
		i += rc;
	}
	return i;
}

/* The strings of *s point into this text ever after. */
static int read_config(struct spec *s, unsigned where, const char *path, struct err *err)
{
	static char text[MAX_CONFIG];
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return err_sys(err, "config %s", path);
	while ((got = io_read_some(fd, text + n, sizeof(text) - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		return err_set(err, (int)-got, "config %s: %s", path, strerror((int)-got));
	if (n == sizeof(text))
		return err_set(err, E2BIG, "config %s: longer than %d bytes", path, MAX_CONFIG - 1);
	text[n] = '\0';
	if (memchr(text, '\0', n))
		return err_set(err, EINVAL, "config %s: is not a text file", path);
	if (spec_parse(s, text, where, err) < 0)
		return err_in(err, "config %s", path);
	if (s->config)
		return err_set(err, EINVAL, "config %s: may not name another config file", path);
	return 0;
}

static bool is_hostname(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

	return n > 0 && n < MAX_HOSTNAME && s[n] == '\0' && s[0] != '-' && s[0] != '.';
}

int opts_check(const struct spec *s, struct err *err)
{
	static struct allow allow;
	struct msg_card card;
	uint64_t layers;
	int rc;

	if (!is_hostname(s->hostname))
		return err_set(err, EINVAL, "hostname: '%.70s' is not made of up to %d letters, "
			       "digits, '-' and '.'", s->hostname, MAX_HOSTNAME - 1);
	if (s->workdir && s->workdir[0] != '/')
		return err_set(err, EINVAL, "workdir: '%.100s' is not an absolute path", s->workdir);
	if (s->user && (!*s->user || strlen(s->user) >= 64))
		return err_set(err, EINVAL, "user: '%.70s' is not a user name or number", s->user);
	if (s->name && !register_is_name(s->name))
		return err_set(err, EINVAL, "name: '%.70s' is not made of up to 63 letters, digits, "
			       "'-', '_' and '.', and of no '.' in front", s->name);
	for (unsigned i = 0; i < s->env.n; i++)
		if (s->env.v[i][0] == '=' || s->env.v[i][0] == '\0')
			return err_set(err, EINVAL, "env: '%.100s' has no name; give --env K=V",
				       s->env.v[i]);
	if (s->require && report_layers(s->require, &layers, err) < 0)
		return err_in(err, "require");
	rc = card_parse(&card, s, err);
	if (rc == 0)
		rc = allow_parse(&allow, s, err);
	return rc < 0 ? rc : spec_check_down(s, err);
}

int opts_parse(struct opts *o, unsigned where, int argc, char **argv, struct err *err)
{
	const struct line line = { where, argc, argv };
	struct spec *s = &o->spec;
	const char *config;
	int at;

	spec_init(s);
	at = parse_argv(s, &line, err);
	if (at < 0)
		return at;
	config = s->config;
	if (config) {
		spec_init(s);
		if (read_config(s, where, config, err) < 0)
			return -err->code;
		parse_argv(s, &line, err);		/* once more, over the file */
	}
	o->argc = argc - at;
	o->argv = argv + at;
	return s->help ? 0 : opts_check(s, err);
}
