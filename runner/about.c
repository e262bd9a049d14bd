/* about.c - what is known of an image in the store. */
#include "runner/about.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "runner/store.h"

typedef struct json_object json;

/* --- writing -------------------------------------------------------------------------------------- */

static const struct { char kind; const char *key; bool is_list; } parts[] = {
	{ CONFIG_ENV, "env", true }, { CONFIG_CWD, "cwd", false }, { CONFIG_USER, "user", false },
	{ CONFIG_ENTRYPOINT, "entrypoint", true }, { CONFIG_CMD, "cmd", true },
};

/* One string of a PACK_CONFIG, which packer.c has checked. */
static void add_part(json *config, const char *s)
{
	json *list;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].kind != *s)
			continue;
		if (!parts[i].is_list)
			json_object_object_add(config, parts[i].key, json_object_new_string(s + 1));
		else if (json_object_object_get_ex(config, parts[i].key, &list) ||
			 (list = json_object_new_array(),
			  json_object_object_add(config, parts[i].key, list) == 0))
			json_object_array_add(list, json_object_new_string(s + 1));
	}
}

char *about_write(const char *source, const char *kind, const struct pack_msg *config)
{
	json *o = json_object_new_object(), *c;
	char when[32], *text;
	time_t now = time(NULL);

	strftime(when, sizeof(when), "%FT%TZ", gmtime(&now));
	json_object_object_add(o, "source", json_object_new_string(source));
	json_object_object_add(o, "kind", json_object_new_string(kind));
	json_object_object_add(o, "made", json_object_new_string(when));
	if (config->len) {
		c = json_object_new_object();
		for (uint32_t i = 0; i < config->len; i += (uint32_t)strlen(config->text + i) + 1)
			add_part(c, config->text + i);
		json_object_object_add(o, "config", c);
	}
	text = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY));
	json_object_put(o);
	return text;
}

/* --- reading -------------------------------------------------------------------------------------- */

static json *get(json *o, const char *key, enum json_type type)
{
	json *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, type) ? v : NULL;
}

static const char *text(json *o, const char *key)
{
	json *v = get(o, key, json_type_string);

	return v ? json_object_get_string(v) : NULL;
}

static size_t length(json *list)
{
	return list ? json_object_array_length(list) : 0;
}

static const char *word(json *list, size_t i)
{
	const char *s = json_object_get_string(json_object_array_get_idx(list, i));

	return s ? s : "";
}

/* --- applying ------------------------------------------------------------------------------------- */

/* As docker has it: what is given takes the place of cmd; the entrypoint stands before both. */
static int apply_command(struct opts *o, json *config, struct err *err)
{
	json *entry = o->spec.entrypoint ? NULL : get(config, "entrypoint", json_type_array);
	json *cmd = o->argc || o->spec.entrypoint ? NULL : get(config, "cmd", json_type_array);
	size_t n = length(entry), m = length(cmd);
	static char *words[MAX_ARGS + 1];
	int k = 0;

	if (n + m + (size_t)o->argc > MAX_ARGS)
		return err_set(err, E2BIG, "the command has more than %d arguments", MAX_ARGS);
	for (size_t i = 0; i < n; i++)
		words[k++] = (char *)(uintptr_t)word(entry, i);
	for (size_t i = 0; i < m; i++)
		words[k++] = (char *)(uintptr_t)word(cmd, i);
	for (int i = 0; i < o->argc; i++)
		words[k++] = o->argv[i];
	o->argc = k;
	o->argv = words;
	return 0;
}

static bool names(const struct spec_list *env, const char *variable)
{
	size_t n = strcspn(variable, "=");

	for (unsigned i = 0; i < env->n; i++)
		if (strcspn(env->v[i], "=") == n && !strncmp(env->v[i], variable, n))
			return true;
	return false;
}

/* What is given on the command line comes first, and counts. */
static int apply_env(struct spec *spec, json *config, struct err *err)
{
	json *list = get(config, "env", json_type_array);
	const struct spec_list given = spec->env;

	for (size_t i = 0; i < length(list); i++) {
		const char *variable = word(list, i);

		if (!strchr(variable, '=') || *variable == '=' || names(&given, variable))
			continue;
		if (spec->env.n == MAX_ARGS)
			return err_set(err, E2BIG, "too many variables");
		spec->env.v[spec->env.n++] = variable;
	}
	return 0;
}

static int apply(struct opts *o, json *config, struct err *err)
{
	struct spec *spec = &o->spec;
	int rc = apply_command(o, config, err);

	if (rc == 0)
		rc = apply_env(spec, config, err);
	if (rc < 0)
		return rc;
	if (!spec->workdir)
		spec->workdir = text(config, "cwd");
	if (!spec->user)
		spec->user = text(config, "user");
	return opts_check(spec, err);
}

/* --entrypoint WORD stands where the image's would. */
static int put_first(struct opts *o, struct err *err)
{
	static char *words[MAX_ARGS + 1];
	const char *first = o->spec.entrypoint;

	if (!first || !*first)
		return 0;
	if (o->argc >= MAX_ARGS)
		return err_set(err, E2BIG, "the command has more than %d arguments", MAX_ARGS);
	words[0] = (char *)(uintptr_t)first;
	memcpy(words + 1, o->argv, (size_t)o->argc * sizeof(*words));
	o->argv = words;
	o->argc++;
	return 0;
}

int about_apply(struct opts *o, struct err *err)
{
	char id[STORE_ID], image[PATH_MAX], about[PATH_MAX];
	static json *file;		/* *o has strings of it */
	json *config;
	int rc;

	if (!o->spec.root || store_id_of(o->spec.root, id) < 0 ||
	    store_paths(id, image, about, err) < 0)
		return put_first(o, err);
	json_object_put(file);
	file = json_object_from_file(about);
	if (!file)
		return err_set(err, EINVAL, "root: what is known of the image is damaged: %s; make it "
			       "again: sandbox image rm %s", about, id);
	config = get(file, "config", json_type_object);
	rc = config ? apply(o, config, err) : 0;
	if (rc < 0)
		return err_in(err, "root: the image's config");
	return put_first(o, err);
}

int about_print(const char *id, struct err *err)
{
	char image[PATH_MAX], about[PATH_MAX];
	struct stat st;
	json *o;
	int rc = store_paths(id, image, about, err);

	if (rc < 0)
		return rc;
	o = json_object_from_file(about);
	if (!o || stat(image, &st) < 0)
		return err_set(err, EINVAL, "images: %s is damaged; remove the image: sandbox image rm %s",
			       about, id);
	json_object_object_add(o, "id", json_object_new_string(id));
	json_object_object_add(o, "image", json_object_new_string(image));
	json_object_object_add(o, "bytes", json_object_new_int64(st.st_size));
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return fflush(stdout) == 0 ? 0 : err_sys(err, "stdout");
}
