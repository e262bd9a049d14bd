/* elf.c - what a program asks its loader for: the program headers, and of the dynamic section the
 * five entries that name something. */
#include "runner/elf.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/io.h"

#define MAX_HEADERS	128
#define MAX_DYNAMIC	4096		/* entries */
#define MAX_STRINGS	(64ull << 20)	/* bytes that a string table may have */

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#endif

struct file {
	int fd;
	uint64_t size;
	unsigned n;
	Elf64_Phdr header[MAX_HEADERS];
	unsigned n_dynamic;
	Elf64_Dyn dynamic[MAX_DYNAMIC];
	uint64_t strings, strings_len;	/* the string table, in the file */
	size_t used;			/* of elf's text */
};

static int malformed(struct err *err, const char *what)
{
	return err_set(err, EINVAL, "is not a whole ELF file: %s", what);
}

/* Bytes that are all inside of the file. */
static int read_at(const struct file *f, void *buf, uint64_t n, uint64_t off, const char *what,
		   struct err *err)
{
	int rc;

	if (off > f->size || n > f->size - off)
		return malformed(err, what);
	rc = io_pread(f->fd, buf, n, (off_t)off);
	if (rc == -EPIPE)
		return malformed(err, what);
	return rc < 0 ? err_set(err, -rc, "cannot be read: %s", strerror(-rc)) : 0;
}

static int read_headers(struct file *f, struct err *err)
{
	Elf64_Ehdr h;
	int rc = read_at(f, &h, sizeof(h), 0, "its header is cut short", err);

	if (rc < 0 || memcmp(h.e_ident, ELFMAG, SELFMAG))
		return err_set(err, ENOEXEC, "is no program (not an ELF file)");
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
	    h.e_machine != MACHINE)
		return err_set(err, ENOEXEC, "is for another kind of processor");
	if (h.e_type != ET_EXEC && h.e_type != ET_DYN)
		return err_set(err, ENOEXEC, "is no program (an object file or a core dump)");
	if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum > MAX_HEADERS)
		return malformed(err, "its program headers are not as they must be");
	f->n = h.e_phnum;
	return read_at(f, f->header, f->n * sizeof(Elf64_Phdr), h.e_phoff,
		       "its program headers are outside of it", err);
}

static const Elf64_Phdr *find(const struct file *f, uint32_t type)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->header[i].p_type == type)
			return &f->header[i];
	return NULL;
}

/* Where a string is that ends before `len` bytes are over: it becomes part of e->text. */
static int take_string(struct file *f, struct elf *e, uint64_t off, uint64_t len, const char **out,
		       struct err *err)
{
	char *to = e->text + f->used;
	uint64_t room = sizeof(e->text) - f->used;
	int rc;

	if (len > room)
		len = room;
	if (len > PATH_MAX)
		len = PATH_MAX;
	rc = read_at(f, to, len, off, "a name is outside of it", err);
	if (rc < 0)
		return rc;
	if (len == 0 || !memchr(to, '\0', len))
		return malformed(err, "a name has no end");
	*out = to;
	f->used += strlen(to) + 1;
	return 0;
}

static int read_interp(struct file *f, struct elf *e, struct err *err)
{
	const Elf64_Phdr *h = find(f, PT_INTERP);
	int rc = h ? take_string(f, e, h->p_offset, h->p_filesz, &e->interp, err) : 0;

	if (rc == 0 && h && e->interp[0] != '/')
		return malformed(err, "its loader has no absolute path");
	return rc;
}

static int read_dynamic(struct file *f, struct err *err)
{
	const Elf64_Phdr *h = find(f, PT_DYNAMIC);
	uint64_t n = h ? h->p_filesz / sizeof(Elf64_Dyn) : 0;

	if (n > MAX_DYNAMIC)
		return malformed(err, "its dynamic section is too long");
	f->n_dynamic = 0;
	if (!h)
		return 0;
	if (read_at(f, f->dynamic, n * sizeof(Elf64_Dyn), h->p_offset,
		    "its dynamic section is outside of it", err) < 0)
		return -err->code;
	while (f->n_dynamic < n && f->dynamic[f->n_dynamic].d_tag != DT_NULL)
		f->n_dynamic++;
	return 0;
}

/* The place in the file of what is loaded at `address`, and how much of the file follows. */
static bool file_place(const struct file *f, uint64_t address, uint64_t *off, uint64_t *len)
{
	for (unsigned i = 0; i < f->n; i++) {
		const Elf64_Phdr *h = &f->header[i];
		uint64_t in;

		if (h->p_type != PT_LOAD || address < h->p_vaddr)
			continue;
		in = address - h->p_vaddr;
		if (in >= h->p_filesz || h->p_offset > f->size || in > f->size - h->p_offset)
			continue;
		*off = h->p_offset + in;
		*len = h->p_filesz - in;
		return true;
	}
	return false;
}

static int find_strings(struct file *f, struct err *err)
{
	uint64_t address = 0, len = 0, there;

	for (unsigned i = 0; i < f->n_dynamic; i++) {
		if (f->dynamic[i].d_tag == DT_STRTAB)
			address = f->dynamic[i].d_un.d_ptr;
		if (f->dynamic[i].d_tag == DT_STRSZ)
			len = f->dynamic[i].d_un.d_val;
	}
	if (!address && !len)
		return 0;
	if (!file_place(f, address, &f->strings, &there) || len > there || len > MAX_STRINGS)
		return malformed(err, "its string table is not in it");
	f->strings_len = len;
	return 0;
}

static int name_at(struct file *f, struct elf *e, uint64_t at, const char **out, struct err *err)
{
	if (at >= f->strings_len)
		return malformed(err, "a name is outside of its string table");
	return take_string(f, e, f->strings + at, f->strings_len - at, out, err);
}

static int take_entry(struct file *f, struct elf *e, const Elf64_Dyn *d, struct err *err)
{
	switch (d->d_tag) {
	case DT_NEEDED:
		if (e->n_needed == ELF_MAX_NEEDED)
			return malformed(err, "it needs too many libraries");
		return name_at(f, e, d->d_un.d_val, &e->needed[e->n_needed++], err);
	case DT_RPATH:
		return name_at(f, e, d->d_un.d_val, &e->rpath, err);
	case DT_RUNPATH:
		return name_at(f, e, d->d_un.d_val, &e->runpath, err);
	default:
		return 0;
	}
}

int elf_read(int fd, struct elf *e, struct err *err)
{
	static struct file f;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "cannot be read");
	f.fd = fd;
	f.size = (uint64_t)st.st_size;
	f.used = 0;
	f.strings = f.strings_len = 0;
	e->interp = e->rpath = e->runpath = NULL;
	e->n_needed = 0;
	rc = read_headers(&f, err);
	if (rc == 0)
		rc = read_interp(&f, e, err);
	if (rc == 0)
		rc = read_dynamic(&f, err);
	if (rc == 0)
		rc = find_strings(&f, err);
	for (unsigned i = 0; rc == 0 && i < f.n_dynamic; i++)
		rc = take_entry(&f, e, &f.dynamic[i], err);
	return rc;
}
