/* oci.c - an image in layers: which ones, and what it says of its command. */
#include "runner/pack/oci.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define MAX_JSON (4 << 20)
#define MAX_DEPTH 32
#define MAX_LAYERS 256
#define MAX_NESTED 4			/* an index may name an index */
#define MAX_WORD 4096

static struct source source;		/* one is read at a time */

/* --- JSON ----------------------------------------------------------------------------------------- */

static struct json_object *parse(const char *text, size_t n)
{
	struct json_tokener *t = json_tokener_new_ex(MAX_DEPTH);
	struct json_object *o = t ? json_tokener_parse_ex(t, text, (int)n) : NULL;

	if (t)
		json_tokener_free(t);
	return o;
}

void oci_init(void)
{
	json_object_put(parse("{\"a\":1}", 7));
}

/* The whole source as text. */
static int read_text(struct source *s, char **out, size_t *n, struct err *err)
{
	off_t size = s->end - s->begin;
	ssize_t got;

	if (size > MAX_JSON)
		return err_set(err, EFBIG, "is longer than %d bytes", MAX_JSON);
	*n = 0;
	*out = malloc((size_t)size + 1);
	while (*out && (got = source_read(s)) > 0) {
		memcpy(*out + *n, s->bytes, (size_t)got);
		*n += (size_t)got;
	}
	if (!*out || *n != (size_t)size || source_close(s) < 0)
		return err_set(err, EBADMSG, "is damaged: copy the image again");
	return 0;
}

/* The file `name` as JSON: the caller's; NULL with *err. */
static struct json_object *read_json(struct blobs *b, const char *name, const char *hex,
				     struct err *err)
{
	struct json_object *o = NULL;
	char shown[TREE_SHOWN], *text = NULL;
	size_t n = 0;

	if (blobs_open(b, name, hex, &source, err) < 0)
		return NULL;
	if (read_text(&source, &text, &n, err) == 0) {
		o = parse(text, n);
		if (!o)
			err_set(err, EINVAL, "is no JSON");
	}
	if (!o)
		err_in(err, "'%s'", tree_show(name, shown));
	free(text);
	blobs_close(b, &source);
	return o;
}

static struct json_object *get(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *v = NULL;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v) ||
	    !json_object_is_type(v, type))
		return NULL;
	return v;
}

/* One with a NUL in it is none. */
static const char *string(struct json_object *o)
{
	const char *s = json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;

	return s && strlen(s) == (size_t)json_object_get_string_len(o) ? s : NULL;
}

static const char *get_string(struct json_object *o, const char *key)
{
	return string(get(o, key, json_type_string));
}

/* --- the command ------------------------------------------------------------------------------------ */

static int add_word(struct pack_msg *m, char kind, const char *word, struct err *err)
{
	size_t n = word ? strlen(word) + 1 : 0;

	if (!word || n > MAX_WORD)
		return err_set(err, EINVAL, "has a config with what is no text, or too long");
	if (n + 1 > sizeof(m->text) - m->len)
		return err_set(err, E2BIG, "has a config of more than %d bytes", PACK_TEXT);
	m->text[m->len++] = kind;
	memcpy(m->text + m->len, word, n);
	m->len += (uint32_t)n;
	return 0;
}

static int add_list(struct pack_msg *m, char kind, struct json_object *list, struct err *err)
{
	size_t n = list ? json_object_array_length(list) : 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_word(m, kind, string(json_object_array_get_idx(list, i)), err);
	return rc;
}

static int add_string(struct pack_msg *m, char kind, struct json_object *config, const char *key,
		      struct err *err)
{
	struct json_object *v = get(config, key, json_type_string);

	return v && json_object_get_string_len(v) ? add_word(m, kind, string(v), err) : 0;
}

static int take_config(struct blobs *b, const char *name, const char *hex, struct pack_msg *m,
		       struct err *err)
{
	struct json_object *file = read_json(b, name, hex, err);
	struct json_object *config = file ? get(file, "config", json_type_object) : NULL;
	int rc = file ? 0 : -err->code;

	m->op = PACK_CONFIG;
	m->len = 0;
	if (rc == 0)
		rc = add_list(m, CONFIG_ENV, get(config, "Env", json_type_array), err);
	if (rc == 0)
		rc = add_string(m, CONFIG_CWD, config, "WorkingDir", err);
	if (rc == 0)
		rc = add_string(m, CONFIG_USER, config, "User", err);
	if (rc == 0)
		rc = add_list(m, CONFIG_ENTRYPOINT, get(config, "Entrypoint", json_type_array), err);
	if (rc == 0)
		rc = add_list(m, CONFIG_CMD, get(config, "Cmd", json_type_array), err);
	json_object_put(file);
	return rc;
}

/* --- layers ------------------------------------------------------------------------------------------- */

static int apply(struct pack *p, struct blobs *b, const char *name, const char *hex, struct err *err)
{
	int rc = blobs_open(b, name, hex, &source, err);

	if (rc < 0)
		return rc;
	rc = layer_apply(p, &source, true, err);
	p->tree.layer++;
	blobs_close(b, &source);
	return rc;
}

/* --- OCI layouts ---------------------------------------------------------------------------------------- */

#define BLOB_DIR "blobs/sha256/"
#define DIGEST "sha256:"

/* The file that a descriptor names: its path, of which the last 64 digits are its sum. */
static int blob_path(struct json_object *descriptor, char path[BLOB_NAME], struct err *err)
{
	const char *digest = get_string(descriptor, "digest");
	size_t n = strlen(DIGEST);

	if (!digest || strncmp(digest, DIGEST, n) || strlen(digest) != n + 64 ||
	    strspn(digest + n, "0123456789abcdef") != 64)
		return err_set(err, EINVAL, "has a part without a sha256 digest");
	strcpy(path, BLOB_DIR);
	strcat(path, digest + n);
	return 0;
}

static struct json_object *read_blob(struct blobs *b, struct json_object *descriptor, struct err *err)
{
	char path[BLOB_NAME];

	if (blob_path(descriptor, path, err) < 0)
		return NULL;
	return read_json(b, path, path + strlen(BLOB_DIR), err);
}

/* OCI says amd64 where others say x86_64. */
static bool is_for_us(struct json_object *manifest)
{
	struct json_object *platform = get(manifest, "platform", json_type_object);
	const char *arch = get_string(platform, "architecture"), *os = get_string(platform, "os");
	struct utsname u;

	if (!platform)
		return true;
	uname(&u);
	if (!strcmp(u.machine, "x86_64"))
		strcpy(u.machine, "amd64");
	else if (!strcmp(u.machine, "aarch64"))
		strcpy(u.machine, "arm64");
	return arch && os && !strcmp(arch, u.machine) && !strcmp(os, "linux");
}

/* The one manifest of an index that is for this machine. */
static struct json_object *choose(struct json_object *index, struct err *err)
{
	struct json_object *list = get(index, "manifests", json_type_array), *found = NULL;
	size_t n = list ? json_object_array_length(list) : 0;
	unsigned fit = 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *m = json_object_array_get_idx(list, i);

		if (!is_for_us(m))
			continue;
		found = found ? found : m;
		fit++;
	}
	if (fit == 1)
		return found;
	if (fit == 0)
		err_set(err, ENOENT, "has no image for this machine (%zu for others)", n);
	else
		err_set(err, EINVAL, "has %u images; copy the one that is meant: skopeo copy oci:DIR:TAG "
			"oci:NEW", fit);
	return NULL;
}

static int apply_manifest(struct pack *p, struct blobs *b, struct json_object *manifest,
			  struct pack_msg *config, struct err *err)
{
	struct json_object *layers = get(manifest, "layers", json_type_array);
	size_t n = layers ? json_object_array_length(layers) : 0;
	char path[BLOB_NAME];
	int rc = blob_path(get(manifest, "config", json_type_object), path, err);

	if (n == 0 || n > MAX_LAYERS)
		return err_set(err, EINVAL, "has %zu layers", n);
	if (rc == 0)
		rc = take_config(b, path, path + strlen(BLOB_DIR), config, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = blob_path(json_object_array_get_idx(layers, i), path, err);
		if (rc == 0)
			rc = apply(p, b, path, path + strlen(BLOB_DIR), err);
	}
	return rc;
}

/* From an index to the manifest it names, over other indexes if need be. */
static int apply_oci(struct pack *p, struct blobs *b, struct pack_msg *config, struct err *err)
{
	struct json_object *o = read_json(b, "index.json", NULL, err), *next;
	int rc = o ? 0 : -err->code;

	for (unsigned depth = 0; rc == 0 && !get(o, "layers", json_type_array); depth++) {
		struct json_object *m = depth < MAX_NESTED ? choose(o, err) : NULL;

		if (depth == MAX_NESTED)
			err_set(err, EINVAL, "has an index in an index, and so on");
		next = m ? read_blob(b, m, err) : NULL;
		rc = next ? 0 : -err->code;
		json_object_put(o);
		o = next;
	}
	if (rc == 0)
		rc = apply_manifest(p, b, o, config, err);
	json_object_put(o);
	return rc;
}

/* --- docker save ------------------------------------------------------------------------------------------ */

static int apply_docker_image(struct pack *p, struct blobs *b, struct json_object *image,
			      struct pack_msg *config, struct err *err)
{
	struct json_object *layers = get(image, "Layers", json_type_array);
	const char *name = get_string(image, "Config");
	size_t n = layers ? json_object_array_length(layers) : 0;
	int rc;

	if (!name || n == 0 || n > MAX_LAYERS)
		return err_set(err, EINVAL, "has a manifest.json without config or layers");
	rc = take_config(b, name, NULL, config, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		name = string(json_object_array_get_idx(layers, i));
		rc = name ? apply(p, b, name, NULL, err) :
			    err_set(err, EINVAL, "has a layer without a name");
	}
	return rc;
}

static int apply_docker(struct pack *p, struct blobs *b, struct pack_msg *config, struct err *err)
{
	struct json_object *o = read_json(b, "manifest.json", NULL, err);
	size_t n = json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
	int rc;

	if (!o)
		return -err->code;
	if (n == 1)
		rc = apply_docker_image(p, b, json_object_array_get_idx(o, 0), config, err);
	else
		rc = err_set(err, EINVAL, "has %zu images; save the one that is meant", n);
	json_object_put(o);
	return rc;
}

int oci_apply(struct pack *p, struct blobs *b, struct pack_msg *config, struct err *err)
{
	if (blobs_has(b, "manifest.json"))
		return apply_docker(p, b, config, err);
	return apply_oci(p, b, config, err);
}
