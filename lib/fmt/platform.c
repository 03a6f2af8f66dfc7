#include "lib/fmt/platform.h"

#include <string.h>
#include <strings.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* What uname and people say, and what Go and so images say. */
static const struct {
	const char *from;
	const char *arch;
	const char *variant;
} aliases[] = {
	{ "x86_64", "amd64", NULL },	{ "x86-64", "amd64", NULL },
	{ "aarch64", "arm64", NULL },	{ "i386", "386", NULL },
	{ "i486", "386", NULL },	{ "i586", "386", NULL },
	{ "i686", "386", NULL },	{ "armhf", "arm", "v7" },
	{ "armel", "arm", "v6" },	{ "armv5tel", "arm", "v5" },
	{ "armv6l", "arm", "v6" },	{ "armv7l", "arm", "v7" },
	{ "armv8l", "arm", "v8" },	{ "loongarch64", "loong64", NULL },
};

static void set(char **to, const char *text)
{
	char *copy = mem_str(text);

	free(*to);
	*to = copy;
}

static void lower(char *s)
{
	for (; s && *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

void platform_normalize(struct platform *p)
{
	lower(p->os);
	lower(p->arch);
	lower(p->variant);
	if (str_eq(p->os, "macos"))
		set(&p->os, "darwin");
	for (size_t i = 0; p->arch && i < ARRAY_SIZE(aliases); i++) {
		if (!str_eq(p->arch, aliases[i].from))
			continue;
		set(&p->arch, aliases[i].arch);
		if (str_is_empty(p->variant) && aliases[i].variant)
			set(&p->variant, aliases[i].variant);
	}
	if (p->variant && strlen(p->variant) == 1 && strchr("123456789", *p->variant)) {
		char *with_v = mem_printf("v%s", p->variant);

		free(p->variant);
		p->variant = with_v;
	}
	if (str_eq(p->arch, "arm") && str_is_empty(p->variant))
		set(&p->variant, "v7");
	if (str_is_empty(p->variant) ||
	    (str_eq(p->arch, "arm64") && str_eq(p->variant, "v8")) ||
	    (str_eq(p->arch, "amd64") && str_eq(p->variant, "v1")))
		set(&p->variant, NULL);
}

static bool is_word(const char *s, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	return len > 0 && len <= MAX_ID && strspn(s, letters) >= len;
}

static bool is_os(const char *s)
{
	static const char *const names[] = {
		"linux", "darwin", "macos", "windows", "freebsd",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(s, names[i]) == 0)
			return true;
	return false;
}

int platform_parse(struct platform *out, const char *text,
		   const struct platform *host, struct err *e)
{
	AUTO(strv) struct strv words = STRV_INIT;
	struct platform p = PLATFORM_INIT;

	for (const char *s = text;; s++) {
		size_t len = strcspn(s, "/");

		if (!is_word(s, len) || words.len == 3)
			return err_set(e, EINVAL,
				       "'%s' is not a platform like linux/amd64",
				       text);
		strv_addn(&words, s, len);
		s += len;
		if (!*s)
			break;
	}
	if (words.len == 1 && is_os(words.v[0])) {
		platform_copy(&p, host);
		set(&p.os, words.v[0]);
	} else if (words.len == 1) {
		p.os = mem_str("linux");
		p.arch = mem_str(words.v[0]);
	} else {
		p.os = mem_str(words.v[0]);
		p.arch = mem_str(words.v[1]);
		p.variant = mem_str(words.len > 2 ? words.v[2] : NULL);
	}
	platform_normalize(&p);
	*out = p;
	return 0;
}

void platform_host(struct platform *out, const char *sysname,
		   const char *machine)
{
	*out = (struct platform){
		.os = mem_str(sysname),
		.arch = mem_str(machine),
	};
	platform_normalize(out);
}

/* "v8" is 800 and "v8.2" is 802; -1: not such a variant. */
static int variant_rank(const struct platform *p)
{
	const char *s = p->variant;
	int major = 0;
	int minor = 0;

	if (!s)
		return str_eq(p->arch, "arm64") ? 800 :
		       str_eq(p->arch, "amd64") ? 100 : -1;
	if (*s++ != 'v' || *s < '1' || *s > '9')
		return -1;
	major = *s++ - '0';
	if (*s == '.' && s[1] >= '0' && s[1] <= '9') {
		minor = s[1] - '0';
		s += 2;
	}
	return *s ? -1 : major * 100 + minor;
}

static int match(const struct platform *want, const struct platform *have)
{
	int wanted = variant_rank(want);
	int had = variant_rank(have);

	if (!str_eq(want->os, have->os) || !str_eq(want->arch, have->arch))
		return 0;
	if (str_eq(want->variant, have->variant))
		return 1000;
	if (wanted < 0 || had < 0 || had > wanted)
		return 0;
	return 1000 - (wanted - had);
}

int platform_match(const struct platform *want, const struct platform *have)
{
	AUTO(platform) struct platform w = PLATFORM_INIT;
	AUTO(platform) struct platform h = PLATFORM_INIT;

	platform_copy(&w, want);
	platform_copy(&h, have);
	platform_normalize(&w);
	platform_normalize(&h);
	return match(&w, &h);
}

void platform_print(const struct platform *p, struct buf *out)
{
	buf_addf(out, "%s/%s", str_or(p->os, "unknown"),
		 str_or(p->arch, "unknown"));
	if (p->variant)
		buf_addf(out, "/%s", p->variant);
}
