#include "lib/base/str.h"

#include <fnmatch.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/limits.h"

bool str_eq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t len = strlen(s);
	size_t end = strlen(suffix);

	return len >= end && strcmp(s + len - end, suffix) == 0;
}

bool str_is_empty(const char *s)
{
	return !s || !*s;
}

const char *str_or(const char *s, const char *otherwise)
{
	return str_is_empty(s) ? otherwise : s;
}

const char *str_after(const char *s, const char *prefix)
{
	return str_starts(s, prefix) ? s + strlen(prefix) : NULL;
}

/* The length of the valid UTF-8 sequence at s (1..4) and its code point, or
 * 0.  Overlong forms, surrogates and values above 0x10ffff are invalid. */
static size_t utf8_at(const unsigned char *s, size_t len, uint32_t *cp)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 :
		   (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t c;

	if (n == 0 || n > len)
		return 0;
	c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (n > 1 && c < smallest[n])
		return 0;
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return n;
}

bool str_is_utf8(const char *s, size_t len)
{
	uint32_t cp;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_at((const unsigned char *)s + i, len - i, &cp);

		if (n == 0 || cp == 0)
			return false;
		i += n;
	}
	return true;
}

static bool steers_terminal(uint32_t cp)
{
	return (cp < 0x20 && cp != '\t') || (cp >= 0x7f && cp < 0xa0) ||
	       (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

void str_mask(char *s)
{
	size_t len = strlen(s);
	size_t out = 0;
	uint32_t cp;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_at((unsigned char *)s + i, len - i, &cp);

		if (n == 0 || steers_terminal(cp)) {
			s[out++] = '?';
		} else {
			memmove(s + out, s + i, n);
			out += n;
		}
		i += n ? n : 1;
	}
	s[out] = '\0';
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

bool str_is_name(const char *s)
{
	size_t i;

	if (!is_alnum(s[0]))
		return false;
	for (i = 1; s[i]; i++)
		if (!is_alnum(s[i]) && !strchr("_.-", s[i]))
			return false;
	return i <= MAX_ID;
}

bool str_is_component(const char *s)
{
	return *s && !strchr(s, '/') && !str_eq(s, ".") && !str_eq(s, "..") &&
	       strlen(s) <= MAX_COMPONENT;
}

bool str_matches(const char *s, const char *pattern)
{
	return fnmatch(pattern, s, 0) == 0;
}

const char *str_errno(int code)
{
	const char *text = strerrordesc_np(code);

	return text ? text : "unknown error";
}

bool str_copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);
	bool fits = len < size;

	if (!fits)
		len = size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
	return fits;
}
