#include "lib/fmt/logline.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

static const char *const stream_names[] = {
	[LOGLINE_STDOUT] = "stdout",
	[LOGLINE_STDERR] = "stderr",
};

/* --- UTF-8 --- */

/* Bytes of the valid character at s, or 0. */
static size_t utf8_len(const unsigned char *s, size_t len)
{
	unsigned char c = s[0];
	size_t n;

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		n = 2;
	else if (c >= 0xe0 && c <= 0xef)
		n = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		n = 4;
	else
		return 0;
	if (len < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) ||
	    (c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

size_t logline_cut(const char *text, size_t max)
{
	const unsigned char *s = (const unsigned char *)text;

	/* A lead byte among the last three whose character goes on beyond. */
	for (size_t back = 1; back <= 3 && back < max; back++) {
		unsigned char c = s[max - back];
		size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

		if ((c & 0xc0) == 0x80)
			continue;
		return c >= 0xc2 && need > back ? max - back : max;
	}
	return max;
}

/* --- printing --- */

static char *put(char *out, const char *s, size_t len)
{
	memcpy(out, s, len);
	return out + len;
}

static char *put_escaped(char *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	*out++ = '\\';
	for (size_t i = 0; i + 1 < sizeof(shorts); i += 2)
		if ((unsigned char)shorts[i] == c) {
			*out++ = shorts[i + 1];
			return out;
		}
	out = put(out, "u00", 3);
	*out++ = hex[c >> 4];
	*out++ = hex[c & 15];
	return out;
}

static char *put_text(char *out, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	for (size_t i = 0; i < len;) {
		size_t n;

		if (s[i] < 0x20 || s[i] == '"' || s[i] == '\\' || s[i] == 0x7f) {
			out = put_escaped(out, s[i++]);
			continue;
		}
		n = utf8_len(s + i, len - i);
		if (n) {
			out = put(out, text + i, n);
			i += n;
		} else {
			out = put(out, "\\ufffd", 6);
			i++;
		}
	}
	return out;
}

size_t logline_print(char *out, const struct logline *l)
{
	const char *stream = stream_names[l->stream];
	char time[CLOCK_TEXT_MAX];
	char *p = out;

	clock_print(l->time_ns, time);
	p = put(p, "{\"log\":\"", 8);
	p = put_text(p, l->text, l->len);
	p = put(p, "\",\"stream\":\"", 12);
	p = put(p, stream, strlen(stream));
	p = put(p, "\",\"time\":\"", 10);
	p = put(p, time, strlen(time));
	p = put(p, "\"}\n", 3);
	return (size_t)(p - out);
}

/* --- parsing --- */

struct scan {
	char *p;
	char *end;
};

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' ||
				 *s->p == '\n'))
		s->p++;
}

static bool eat(struct scan *s, char c)
{
	skip_space(s);
	if (s->p >= s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static bool eat_hex(struct scan *s, unsigned *out)
{
	unsigned v = 0;

	if (s->end - s->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = *s->p++;

		if (c >= '0' && c <= '9')
			v = v << 4 | (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | (unsigned)((c | 32) - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

static char *put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 63));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 63));
		*to++ = (char)(0x80 | (c >> 6 & 63));
	}
	*to++ = (char)(0x80 | (c & 63));
	return to;
}

/* After "\u"; halves of a pair that are alone become U+FFFD.  What comes out
 * is never longer than the escape. */
static bool eat_unicode(struct scan *s, char **to)
{
	unsigned c, low;

	if (!eat_hex(s, &c))
		return false;
	if (c >= 0xd800 && c <= 0xdbff && s->end - s->p >= 6 && s->p[0] == '\\' &&
	    s->p[1] == 'u') {
		struct scan ahead = { s->p + 2, s->end };

		if (!eat_hex(&ahead, &low))
			return false;
		if (low >= 0xdc00 && low <= 0xdfff) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			s->p = ahead.p;
		}
	}
	if (c >= 0xd800 && c <= 0xdfff)
		c = 0xfffd;
	*to = put_utf8(*to, c);
	return true;
}

static bool eat_escape(struct scan *s, char **to)
{
	static const char shorts[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	char c;

	if (s->p >= s->end)
		return false;
	c = *s->p++;
	if (c == 'u')
		return eat_unicode(s, to);
	for (size_t i = 0; i + 1 < sizeof(shorts); i += 2)
		if (shorts[i] == c) {
			*(*to)++ = shorts[i + 1];
			return true;
		}
	return false;
}

/* A string, decoded in place. */
static bool eat_string(struct scan *s, char **text, size_t *len)
{
	char *to;

	if (!eat(s, '"'))
		return false;
	*text = to = s->p;
	while (s->p < s->end) {
		char c = *s->p++;

		if (c == '"') {
			*len = (size_t)(to - *text);
			return true;
		}
		if (c != '\\')
			*to++ = c;
		else if (!eat_escape(s, &to))
			return false;
	}
	return false;
}

static bool is_text(const char *s, size_t len, const char *want)
{
	return len == strlen(want) && !memcmp(s, want, len);
}

static bool take_time(struct logline *l, const char *value, size_t len)
{
	struct err ignored = ERR_INIT;
	char text[64];

	if (len >= sizeof(text) || memchr(value, '\0', len))
		return false;
	memcpy(text, value, len);
	text[len] = '\0';
	/* Only a full time begins with a year. */
	return len > 10 && value[4] == '-' &&
	       num_time(text, 0, &l->time_ns, &ignored) == 0;
}

enum { GOT_LOG = 1, GOT_STREAM = 2, GOT_TIME = 4, GOT_ALL = 7 };

/* One "key": "value".  Keys that other writers add are passed over. */
static bool eat_member(struct scan *s, struct logline *l, int *got)
{
	char *key, *value;
	size_t key_len, len;

	if (!eat_string(s, &key, &key_len) || !eat(s, ':') ||
	    !eat_string(s, &value, &len))
		return false;
	if (is_text(key, key_len, "log")) {
		l->text = value;
		l->len = len;
		*got |= GOT_LOG;
	} else if (is_text(key, key_len, "stream")) {
		if (is_text(value, len, "stderr"))
			l->stream = LOGLINE_STDERR;
		else if (is_text(value, len, "stdout"))
			l->stream = LOGLINE_STDOUT;
		else
			return false;
		*got |= GOT_STREAM;
	} else if (is_text(key, key_len, "time")) {
		if (!take_time(l, value, len))
			return false;
		*got |= GOT_TIME;
	}
	return true;
}

int logline_parse(struct logline *out, char *line, size_t len, struct err *e)
{
	struct scan s = { line, line + len };
	struct logline l = { .text = "" };
	int got = 0;

	if (!eat(&s, '{'))
		return err_set(e, EBADMSG, "log record: no object");
	do {
		if (!eat_member(&s, &l, &got))
			return err_set(e, EBADMSG, "log record: damaged");
	} while (eat(&s, ','));
	if (!eat(&s, '}'))
		return err_set(e, EBADMSG, "log record: no end");
	skip_space(&s);
	if (s.p != s.end || got != GOT_ALL)
		return err_set(e, EBADMSG, "log record: incomplete");
	*out = l;
	return 0;
}
