#include "lib/base/num.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits of one base at *text, at least one; *text is moved behind them, also
 * when the number is too large (-ERANGE). */
static int digits(const char **text, unsigned base, uint64_t *out)
{
	const char *p = *text;
	bool over = false;
	uint64_t v = 0;

	for (; is_digit(*p) && (unsigned)(*p - '0') < base; p++)
		over = over || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
		       __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v);
	if (p == *text)
		return -EINVAL;
	*text = p;
	*out = v;
	return over ? -ERANGE : 0;
}

int num_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out,
	    struct err *e)
{
	const char *p = text;
	uint64_t v = 0;
	int r = digits(&p, 10, &v);

	if (r == -EINVAL || *p)
		return err_set(e, EINVAL, "'%s' is not a number", text);
	if (r < 0 || v < min || v > max)
		return err_set(e, ERANGE, "%s is not between %llu and %llu",
			       text, (unsigned long long)min,
			       (unsigned long long)max);
	*out = v;
	return 0;
}

int num_i64(const char *text, int64_t min, int64_t max, int64_t *out,
	    struct err *e)
{
	bool negative = *text == '-';
	const char *p = text + negative;
	uint64_t v = 0;
	int r = digits(&p, 10, &v);
	int64_t n = 0;

	if (r == -EINVAL || *p || (negative && r == 0 && v == 0))
		return err_set(e, EINVAL, "'%s' is not a number", text);
	if (r == 0 && v > (uint64_t)INT64_MAX + negative)
		r = -ERANGE;
	if (r == 0)
		n = (int64_t)(negative ? 0 - v : v);
	if (r < 0 || n < min || n > max)
		return err_set(e, ERANGE, "%s is not between %lld and %lld",
			       text, (long long)min, (long long)max);
	*out = n;
	return 0;
}

int num_mode(const char *text, uint32_t *out, struct err *e)
{
	const char *p = text;
	uint64_t v = 0;
	int r = digits(&p, 8, &v);

	if (r < 0 || *p || v > 07777)
		return err_set(e, EINVAL, "'%s' is not an octal file mode",
			       text);
	*out = (uint32_t)v;
	return 0;
}

/* Digits and an optional fraction, times unit, at *text.  The fraction is
 * cut, not rounded, below one. */
static int fraction(const char **text, uint64_t *whole, uint64_t *nano)
{
	uint64_t scale = 1000000000;
	const char *p = *text;
	int r = digits(&p, 10, whole);

	*nano = 0;
	if (r == -EINVAL)
		return r;
	if (*p == '.') {
		if (!is_digit(*++p))
			return -EINVAL;
		for (; is_digit(*p); p++) {
			scale /= 10;
			*nano += (uint64_t)(*p - '0') * scale;
		}
	}
	*text = p;
	return r;
}

static int scale(uint64_t whole, uint64_t nano, uint64_t unit, uint64_t *out)
{
	unsigned __int128 v = (unsigned __int128)whole * unit +
			      (unsigned __int128)nano * unit / 1000000000;

	if (v > UINT64_MAX)
		return -ERANGE;
	*out = (uint64_t)v;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static uint64_t unit_factor(const struct unit *units, const char *s, size_t len)
{
	for (; units->name; units++)
		if (strlen(units->name) == len &&
		    strncasecmp(units->name, s, len) == 0)
			return units->factor;
	return 0;
}

int num_size(const char *text, uint64_t *bytes, struct err *e)
{
	static const struct unit units[] = {
		{ "", 1 }, { "b", 1 },
		{ "k", 1ull << 10 }, { "kb", 1ull << 10 }, { "kib", 1ull << 10 },
		{ "m", 1ull << 20 }, { "mb", 1ull << 20 }, { "mib", 1ull << 20 },
		{ "g", 1ull << 30 }, { "gb", 1ull << 30 }, { "gib", 1ull << 30 },
		{ "t", 1ull << 40 }, { "tb", 1ull << 40 }, { "tib", 1ull << 40 },
		{ NULL, 0 },
	};
	const char *p = text;
	uint64_t whole, nano, factor, v;
	int r = fraction(&p, &whole, &nano);

	factor = unit_factor(units, p, strlen(p));
	if (r == -EINVAL || !factor)
		return err_set(e, EINVAL, "'%s' is not a size like 512m or 2g",
			       text);
	if (r < 0 || scale(whole, nano, factor, &v) < 0)
		return err_set(e, ERANGE, "size '%s' is too large", text);
	*bytes = v;
	return 0;
}

int num_duration(const char *text, uint64_t *ns, struct err *e)
{
	static const struct unit units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 },
		{ "s", 1000000000 }, { "m", 60000000000 },
		{ "h", 3600000000000 }, { NULL, 0 },
	};
	const char *p = text;
	uint64_t sum = 0;

	do {
		uint64_t whole, nano, factor, part;
		bool first = p == text;
		int r = fraction(&p, &whole, &nano);
		size_t len = strspn(p, "numsh");

		factor = unit_factor(units, p, len);
		if (!*p && first)
			factor = 1000000000;
		if (r == -EINVAL || !factor)
			return err_set(e, EINVAL,
				       "'%s' is not a duration like 1m30s",
				       text);
		p += len;
		if (r < 0 || scale(whole, nano, factor, &part) < 0 ||
		    __builtin_add_overflow(sum, part, &sum))
			return err_set(e, ERANGE, "duration '%s' is too long",
				       text);
	} while (*p);
	*ns = sum;
	return 0;
}

int num_nano(const char *text, uint64_t *nano, struct err *e)
{
	const char *p = text;
	uint64_t whole, rest, v;
	int r = fraction(&p, &whole, &rest);

	if (r == -EINVAL || *p)
		return err_set(e, EINVAL, "'%s' is not a number like 1.5", text);
	if (r < 0 || scale(whole, 0, 1000000000, &v) < 0 ||
	    __builtin_add_overflow(v, rest, &v))
		return err_set(e, ERANGE, "'%s' is too large", text);
	*nano = v;
	return 0;
}

/* "2026-01-31", "2026-01-31T12:00:00[.frac][Z|+02:00]"; local time without
 * a zone would make scripts depend on TZ, so it is UTC. */
static int rfc3339(const char *text, uint64_t *ns)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%d", &tm);
	uint64_t whole, nano = 0;
	long zone = 0;
	time_t t;

	if (!p)
		return -EINVAL;
	if (*p == 'T' || *p == ' ') {
		p = strptime(p + 1, "%H:%M:%S", &tm);
		if (!p)
			return -EINVAL;
	}
	if (*p == '.') {
		char zero[32] = "0";

		if (!str_copy(zero + 1, sizeof(zero) - 1, p))
			return -EINVAL;
		const char *q = zero;

		if (fraction(&q, &whole, &nano) < 0)
			return -EINVAL;
		p += q - zero - 1;
	}
	if (*p == 'Z' && !p[1]) {
		p++;
	} else if (*p == '+' || *p == '-') {
		struct tm off = { 0 };
		const char *q = strptime(p + 1, "%H:%M", &off);

		if (!q)
			return -EINVAL;
		zone = (off.tm_hour * 60L + off.tm_min) * (*p == '-' ? -60 : 60);
		p = q;
	}
	t = timegm(&tm) - zone;
	if (*p || t < 0)
		return -EINVAL;
	return scale((uint64_t)t, nano, 1000000000, ns);
}

int num_time(const char *text, uint64_t now_ns, uint64_t *ns, struct err *e)
{
	struct err ignored = ERR_INIT;
	const char *p = text;
	uint64_t whole, nano, v;

	if (rfc3339(text, &v) == 0) {
		*ns = v;
		return 0;
	}
	if (fraction(&p, &whole, &nano) == 0 && !*p &&
	    scale(whole, 0, 1000000000, &v) == 0) {
		*ns = v + nano;
		return 0;
	}
	if (num_duration(text, &v, &ignored) == 0) {
		*ns = v < now_ns ? now_ns - v : 0;
		return 0;
	}
	return err_set(e, EINVAL,
		       "'%s' is not a time such as 2026-01-31T12:00:00Z, 1700000000 or 10m", text);
}
