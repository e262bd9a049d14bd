/* snapfile.c - snapshot files, as the runner sees them. */
#include "runner/snapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define PAGE 4096u

typedef crypto_generichash_state hash;

_Static_assert(SNAP_KEY == crypto_generichash_KEYBYTES, "one key");

/* --- what is hashed ---------------------------------------------------------------------- */

static uint8_t buf[65536];

static int hash_range(hash *h, int fd, off_t at, uint64_t n)
{
	while (n > 0) {
		size_t part = n < sizeof(buf) ? (size_t)n : sizeof(buf);
		int rc = io_pread(fd, buf, part, at);

		if (rc < 0)
			return rc;
		crypto_generichash_update(h, buf, part);
		at += (off_t)part;
		n -= part;
	}
	return 0;
}

/* Header without its last field, then the state. */
static int mac_of(int fd, const uint8_t key[SNAP_KEY], const struct snap_header *head,
		  uint8_t mac[32])
{
	hash h;
	int rc;

	crypto_generichash_init(&h, key, SNAP_KEY, sizeof(head->mac));
	crypto_generichash_update(&h, (const uint8_t *)head, offsetof(struct snap_header, mac));
	rc = hash_range(&h, fd, SNAP_STATE_AT, head->state_len);
	crypto_generichash_final(&h, mac, sizeof(head->mac));
	return rc;
}

/* Pages that are not all zero, each with its place: whether zeros are a hole in the file, and
 * how large its holes are, is up to the file system and to whoever copied it. */
static int hash_pages(hash *h, int fd, off_t at, off_t end)
{
	static const uint8_t zero[PAGE];

	for (; at < end; at += sizeof(buf)) {
		size_t n = (size_t)(end - at) < sizeof(buf) ? (size_t)(end - at) : sizeof(buf);
		int rc = io_pread(fd, buf, n, at);

		if (rc < 0)
			return rc;
		for (size_t i = 0; i < n; i += PAGE) {
			off_t where = at + (off_t)i;

			if (!memcmp(buf + i, zero, PAGE))
				continue;
			crypto_generichash_update(h, (const uint8_t *)&where, sizeof(where));
			crypto_generichash_update(h, buf + i, PAGE);
		}
	}
	return 0;
}

static int sum_memory(int fd, uint64_t len, uint8_t sum[32])
{
	off_t end = (off_t)(SNAP_MEMORY_AT + len), to;
	int rc = 0;
	hash h;

	crypto_generichash_init(&h, NULL, 0, 32);
	for (off_t at = SNAP_MEMORY_AT; rc == 0 && at < end; at = to) {
		rc = io_next_data(fd, &at, end, &to);
		if (rc == 0)
			rc = hash_pages(&h, fd, at, to);
	}
	crypto_generichash_final(&h, sum, 32);
	return rc;
}

/* --- writing ----------------------------------------------------------------------------- */

int snapfile_finish(int fd, const uint8_t key[SNAP_KEY], uint32_t state_len, uint64_t memory_len,
		    const char *text, struct err *err)
{
	static struct snap_header h;
	int rc;

	h = (struct snap_header){ .magic = SNAP_MAGIC, .version = SNAP_VERSION,
				  .state_len = state_len, .memory_len = memory_len };
	if (state_len == 0 || state_len > SNAP_STATE_MAX || memory_len % PAGE)
		return err_set(err, EINVAL, "snapshot: the monitor left no state that makes sense");
	if (strlen(text) >= sizeof(h.text))
		return err_set(err, E2BIG, "snapshot: its options are too long");
	strcpy(h.text, text);
	if (ftruncate(fd, (off_t)(SNAP_MEMORY_AT + memory_len)) < 0)
		return err_sys(err, "snapshot");
	rc = sum_memory(fd, memory_len, h.memory_sum);
	if (rc == 0)
		rc = mac_of(fd, key, &h, h.mac);
	if (rc == 0)
		rc = io_pwrite(fd, &h, sizeof(h), 0);
	if (rc == 0 && fsync(fd) < 0)		/* a full disk may only now say so */
		rc = -errno;
	return rc < 0 ? err_set(err, -rc, "snapshot: %s", strerror(-rc)) : 0;
}

/* --- reading ----------------------------------------------------------------------------- */

static bool is_sane(const struct snap_header *h, const struct stat *st)
{
	return h->state_len > 0 && h->state_len <= SNAP_STATE_MAX &&
	       h->memory_len <= (1ull << 40) && h->memory_len % PAGE == 0 && memchr(h->text, '\0', sizeof(h->text)) &&
	       (uint64_t)st->st_size == SNAP_MEMORY_AT + h->memory_len;
}

int snapfile_look(const char *path, struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char magic[sizeof(((struct snap_header *)0)->magic)] = "";

	if (fd < 0)
		return err_sys(err, "snapshot %s", path);
	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
	    memcmp(magic, SNAP_MAGIC, sizeof(magic)))
		return err_set(err, EINVAL, "snapshot %s: is not a snapshot", path);
	return 0;
}

int snapfile_read(int fd, const uint8_t key[SNAP_KEY], const char *path, struct snap_header *h,
		  struct err *err)
{
	struct stat st;
	uint8_t mac[32];
	int rc;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "snapshot %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(err, EPERM, "snapshot %s: is not yours, or others can write it", path);
	rc = io_pread(fd, h, sizeof(*h), 0);
	if (rc < 0 && rc != -EPIPE)
		return err_set(err, -rc, "snapshot %s: cannot be read: %s", path, strerror(-rc));
	if (rc < 0 || memcmp(h->magic, SNAP_MAGIC, sizeof(h->magic)))
		return err_set(err, EINVAL, "snapshot %s: is not a snapshot", path);
	if (h->version != SNAP_VERSION)
		return err_set(err, EINVAL, "snapshot %s: has format %u, this program writes and reads "
			       "%u; take it again", path, h->version, SNAP_VERSION);
	if (!is_sane(h, &st))
		return err_set(err, EINVAL, "snapshot %s: is cut short or damaged; take it again", path);
	rc = mac_of(fd, key, h, mac);
	if (rc < 0)
		return err_set(err, -rc, "snapshot %s: cannot be read: %s", path, strerror(-rc));
	if (sodium_memcmp(mac, h->mac, sizeof(mac)))
		return err_set(err, EBADMSG, "snapshot %s: is damaged, or was made by another user; "
			       "take it again", path);
	return 0;
}

int snapfile_memory(int fd, const struct snap_header *h, const char *path, struct err *err)
{
	uint8_t sum[32];
	int rc = sum_memory(fd, h->memory_len, sum);

	if (rc < 0)
		return err_set(err, -rc, "snapshot %s: %s", path, strerror(-rc));
	if (memcmp(sum, h->memory_sum, sizeof(sum)))
		return err_set(err, EBADMSG, "snapshot %s: its memory has changed since it was taken",
			       path);
	return 0;
}

int snapfile_value(const char *text, const char *key, const char **value)
{
	size_t n = strlen(key);

	while (*text) {
		size_t line = strcspn(text, "\n");

		if (line > n + 3 && !strncmp(text, key, n) && !strncmp(text + n, " = ", 3)) {
			*value = text + n + 3;
			return (int)(line - n - 3);
		}
		text += line + (text[line] == '\n');
	}
	return -ENOENT;
}
