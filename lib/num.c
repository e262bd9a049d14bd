/* num.c - numbers as people write them. */
#include "lib/num.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* The leading number; *end is the first character that is not of it. */
static int leading(const char *s, const char **end, uint64_t *out)
{
	unsigned base = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10;
	const char *p = base == 16 ? s + 2 : s;
	uint64_t v = 0;

	if (digit(*p) >= (int)base)
		return -EINVAL;
	for (; digit(*p) < (int)base; p++)
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (unsigned)digit(*p), &v))
			return -ERANGE;
	*end = p;
	*out = v;
	return 0;
}

int num_u64(const char *s, uint64_t *out)
{
	const char *end;
	uint64_t v;
	int rc = leading(s, &end, &v);

	if (rc < 0)
		return rc;
	if (*end)
		return -EINVAL;
	*out = v;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int scale(const struct unit *unit, const char *name, uint64_t *v)
{
	for (; unit->name; unit++)
		if (!strcmp(unit->name, name))
			return __builtin_mul_overflow(*v, unit->factor, v) ? -ERANGE : 0;
	return -EINVAL;
}

int num_size(const char *s, uint64_t *out)
{
	static const struct unit units[] = {
		{ "", 1 }, { "K", 1ull << 10 }, { "M", 1ull << 20 }, { "G", 1ull << 30 },
		{ "T", 1ull << 40 }, { "k", 1ull << 10 }, { "m", 1ull << 20 },
		{ "g", 1ull << 30 }, { "KiB", 1ull << 10 }, { "MiB", 1ull << 20 },
		{ "GiB", 1ull << 30 }, { NULL, 0 },
	};
	const char *end;
	uint64_t v;
	int rc = leading(s, &end, &v);

	if (rc == 0)
		rc = scale(units, end, &v);
	if (rc == 0)
		*out = v;
	return rc;
}

/* ".25" of a unit in thousandths; digits past the third are dropped. */
static const char *thousandths(const char *p, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned weight = 100; *p >= '0' && *p <= '9'; p++, weight /= 10)
		v += weight * (unsigned)(*p - '0');
	*out = v;
	return p;
}

int num_duration(const char *s, uint64_t *out)
{
	static const struct unit units[] = {
		{ "", 1000000 }, { "s", 1000000 }, { "ms", 1000 }, { "us", 1 },
		{ "m", 60 * 1000000ull }, { "h", 3600 * 1000000ull }, { NULL, 0 },
	};
	const char *end;
	uint64_t whole, part = 0;
	int rc = leading(s, &end, &whole);

	if (rc < 0)
		return rc;
	if (*end == '.') {
		if (end[1] < '0' || end[1] > '9')
			return -EINVAL;
		end = thousandths(end + 1, &part);
	}
	/* a unit's thousandth in nanoseconds is its length in microseconds */
	if (__builtin_mul_overflow(whole, 1000u, &whole) ||
	    __builtin_add_overflow(whole, part, &whole))
		return -ERANGE;
	rc = scale(units, end, &whole);
	if (rc == 0)
		*out = whole;
	return rc;
}
