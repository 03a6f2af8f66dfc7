#include "lib/fmt/ref.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

#define NAME_LIMIT 255		/* domain and path, as distribution has it */

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

void ref_clear(struct ref *r)
{
	int saved = errno;

	free(r->domain);
	free(r->path);
	free(r->tag);
	*r = (struct ref)REF_INIT;
	errno = saved;
}

void ref_copy(struct ref *to, const struct ref *from)
{
	*to = (struct ref){
		.domain = mem_str(from->domain),
		.path = mem_str(from->path),
		.tag = mem_str(from->tag),
		.digest = from->digest,
	};
}

bool ref_is_tag(const char *text)
{
	size_t len = 0;

	if (!is_alnum(text[0]) && text[0] != '_')
		return false;
	while (is_alnum(text[len]) || (text[len] && strchr("_.-", text[len])))
		len++;
	return !text[len] && len <= REF_TAG_MAX;
}

bool ref_is_id_prefix(const char *text, const char **hex)
{
	const char *digits = str_after(text, "sha256:");
	size_t len;

	if (!digits)
		digits = text;
	len = strspn(digits, "0123456789abcdef");
	if (len == 0 || len > 64 || digits[len])
		return false;
	*hex = digits;
	return true;
}

/* Labels of letters, digits and inner '-', with '.' between them. */
static bool is_host_name(const char *s, size_t len)
{
	char before = '.';

	for (size_t i = 0; i < len; i++) {
		bool ends = before == '.' || before == '-';

		if (s[i] == '.' ? ends : s[i] == '-' ? before == '.' : !is_alnum(s[i]))
			return false;
		before = s[i];
	}
	return before != '.' && before != '-';
}

static bool is_ipv6(const char *s, size_t len)
{
	return len > 3 && s[0] == '[' && s[len - 1] == ']' &&
	       strspn(s + 1, "0123456789abcdefABCDEF:.") == len - 2 &&
	       memchr(s, ':', len);
}

static bool is_port(const char *s)
{
	struct err ignored = ERR_INIT;
	uint64_t port;

	return num_u64(s, 1, 65535, &port, &ignored) == 0;
}

static bool is_domain(const char *s)
{
	size_t host = *s == '[' ? strcspn(s, "]") + 1 : strcspn(s, ":");

	if (host > strlen(s) || (!is_ipv6(s, host) && !is_host_name(s, host)))
		return false;
	return !s[host] || (s[host] == ':' && is_port(s + host + 1));
}

/* Letters and digits in lower case, with one '.', one or two '_' or any
 * number of '-' between them. */
static bool is_path_component(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && is_lower(s[i])) {
		while (i < len && is_lower(s[i]))
			i++;
		if (i == len)
			return true;
		if (s[i] == '-')
			while (i < len && s[i] == '-')
				i++;
		else if (s[i] == '.')
			i++;
		else if (s[i] == '_')
			i += s[i + 1] == '_' ? 2 : 1;
		else
			return false;
	}
	return false;
}

static bool is_path(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (!is_path_component(path, len))
			return false;
		if (!path[len])
			return true;
		path += len + 1;
	}
}

static bool looks_like_domain(const char *s, size_t len)
{
	return (len == strlen("localhost") && strncmp(s, "localhost", len) == 0) ||
	       memchr(s, '.', len) || memchr(s, ':', len) || s[0] == '[';
}

static bool is_docker(const char *domain)
{
	return str_eq(domain, REF_DOCKER) ||
	       str_eq(domain, "index." REF_DOCKER) ||
	       str_eq(domain, "registry-1." REF_DOCKER);
}

/* The name without tag and digest. */
static void split_name(struct ref *r, const char *name)
{
	size_t len = strcspn(name, "/");
	const char *path = name;

	if (name[len] && looks_like_domain(name, len)) {
		r->domain = mem_strn(name, len);
		path = name + len + 1;
	}
	if (!r->domain || is_docker(r->domain)) {
		free(r->domain);
		r->domain = mem_str(REF_DOCKER);
	}
	if (str_eq(r->domain, REF_DOCKER) && !strchr(path, '/'))
		r->path = mem_printf("library/%s", path);
	else
		r->path = mem_str(path);
}

static bool has_upper(const char *s)
{
	return s[strcspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0';
}

static int check(const struct ref *r, const char *text, struct err *e)
{
	if (!is_domain(r->domain))
		return err_set(e, EINVAL, "reference '%s': bad registry name '%s'",
			       text, r->domain);
	if (!is_path(r->path) && has_upper(r->path))
		return err_set(e, EINVAL, "reference '%s': the name must be lower case",
			       text);
	if (!is_path(r->path))
		return err_set(e, EINVAL, "reference '%s': bad name '%s'",
			       text, r->path);
	if (strlen(r->domain) + 1 + strlen(r->path) > NAME_LIMIT)
		return err_set(e, EINVAL, "reference '%s': the name is longer than %d bytes",
			       text, NAME_LIMIT);
	if (r->tag && !ref_is_tag(r->tag))
		return err_set(e, EINVAL, "reference '%s': bad tag '%s'",
			       text, r->tag);
	return 0;
}

int ref_parse(struct ref *out, const char *text, struct err *e)
{
	AUTO(ref) struct ref r = REF_INIT;
	const char *at = strchr(text, '@');
	AUTO_FREE char *name = NULL;
	const char *slash;
	char *colon;
	int ret;

	if (!*text)
		return err_set(e, EINVAL, "the reference is empty");
	if (strlen(text) > MAX_REF)
		return err_set(e, EINVAL, "reference '%.32s...': longer than %d bytes",
			       text, MAX_REF);
	if (at) {
		ret = digest_parse(&r.digest, at + 1, strlen(at + 1), e);
		if (ret < 0)
			return err_ctx(e, ret, "reference '%s'", text);
	}
	name = mem_strn(text, at ? (size_t)(at - text) : strlen(text));
	/* a colon before the last slash belongs to a port */
	slash = strrchr(name, '/');
	colon = strchr(slash ? slash : name, ':');
	if (colon) {
		*colon = '\0';
		r.tag = mem_str(colon + 1);
	}
	split_name(&r, name);
	ret = check(&r, text, e);
	if (ret < 0)
		return ret;
	*out = r;
	r = (struct ref)REF_INIT;
	return 0;
}

void ref_default_tag(struct ref *r)
{
	if (!r->tag && !digest_is_set(&r->digest))
		r->tag = mem_str("latest");
}

static void print_rest(const struct ref *r, struct buf *out)
{
	char digest[DIGEST_TEXT_MAX];

	if (r->tag)
		buf_addf(out, ":%s", r->tag);
	if (digest_is_set(&r->digest)) {
		digest_print(&r->digest, digest);
		buf_addf(out, "@%s", digest);
	}
}

void ref_print(const struct ref *r, struct buf *out)
{
	buf_addf(out, "%s/%s", r->domain, r->path);
	print_rest(r, out);
}

void ref_familiar_name(const struct ref *r, struct buf *out)
{
	const char *path = r->path;
	const char *official = str_after(path, "library/");

	if (!str_eq(r->domain, REF_DOCKER)) {
		buf_addf(out, "%s/%s", r->domain, path);
		return;
	}
	/* "library/a/b" is not what "a/b" would be read as, and neither is
	 * "library/localhost/x" */
	if (official && !strchr(official, '/'))
		path = official;
	else if (looks_like_domain(path, strcspn(path, "/")))
		buf_adds(out, REF_DOCKER "/");
	buf_adds(out, path);
}

void ref_familiar(const struct ref *r, struct buf *out)
{
	ref_familiar_name(r, out);
	print_rest(r, out);
}
