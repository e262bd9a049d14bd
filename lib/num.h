/* num.h - numbers as people write them. */
#ifndef LIB_NUM_H
#define LIB_NUM_H

#include <stdint.h>

/* All return 0, -EINVAL (not such a number, or rubbish behind it) or -ERANGE.
 * Nothing is accepted that strtoull() would: no sign, no space, no octal. */
int num_u64(const char *s, uint64_t *out);		/* 42 or 0x2a */
int num_size(const char *s, uint64_t *out);		/* bytes: 512, 64K, 128M, 2G */
int num_duration(const char *s, uint64_t *out);		/* ns: 500ms, 1s, 1.5s, 2m, 1h; 3 = 3s */

#endif
