/* build.c - the linker's build id, from the note it left in the program's own headers. */
#include "vmm/build.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAX_ID 20

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* The id in one segment of notes: its bytes and how many, or NULL. */
static const uint8_t *find_id(const uint8_t *at, size_t len, size_t *n)
{
	while (len >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)at;
		size_t name = (note->n_namesz + 3u) & ~3u, desc = (note->n_descsz + 3u) & ~3u;
		size_t whole = sizeof(*note) + name + desc;

		*n = note->n_descsz;
		if (note->n_type == NT_GNU_BUILD_ID && !memcmp(note + 1, "GNU", 4))
			return at + sizeof(*note) + name;
		if (whole > len)
			break;
		at += whole;
		len -= whole;
	}
	return NULL;
}

const char *build_id(void)
{
	static char hex[2 * MAX_ID + 1];
	const uint8_t *image = (const uint8_t *)&__ehdr_start, *id = NULL;
	const ElfW(Phdr) *ph = (const void *)(image + __ehdr_start.e_phoff);
	size_t n = 0;

	for (unsigned i = 0; i < __ehdr_start.e_phnum && !id; i++)
		if (ph[i].p_type == PT_NOTE)
			id = find_id(image + ph[i].p_vaddr, ph[i].p_memsz, &n);
	for (size_t i = 0; id && i < n && i < MAX_ID; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	return hex;
}
