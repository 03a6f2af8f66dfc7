#include "lib/fmt/mountopt.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/base/strv.h"

#define TMPFS_FLAGS (MOUNT_NOEXEC | MOUNT_NOSUID | MOUNT_NODEV)

enum {
	ON_BIND = 1 << MOUNT_BIND,
	ON_VOLUME = 1 << MOUNT_VOLUME,
	ON_TMPFS = 1 << MOUNT_TMPFS,
	ON_SOURCE = ON_BIND | ON_VOLUME,
	ON_ALL = ON_SOURCE | ON_TMPFS,
};

static const char *const kinds[] = {
	[MOUNT_BIND] = "bind",
	[MOUNT_VOLUME] = "volume",
	[MOUNT_TMPFS] = "tmpfs",
};

static const char *const propagations[] = {
	[MOUNT_PROP_DEFAULT] = "",
	[MOUNT_PRIVATE] = "private",
	[MOUNT_RPRIVATE] = "rprivate",
	[MOUNT_SLAVE] = "slave",
	[MOUNT_RSLAVE] = "rslave",
	[MOUNT_SHARED] = "shared",
	[MOUNT_RSHARED] = "rshared",
};

/* The words after the second colon, and the keys of --mount that stand alone
 * or take a boolean. */
struct word {
	const char *name;
	unsigned kinds;			/* ON_* */
	size_t field;			/* the bool it sets, when flag is 0 */
	uint32_t flag;			/* the bit of flags it sets */
	bool value;			/* to what, when it stands alone */
};

#define NOTHING SIZE_MAX
#define FIELD(name) offsetof(struct mount_opt, name)

static const struct word words[] = {
	{ "ro", ON_ALL, FIELD(read_only), 0, true },
	{ "readonly", ON_ALL, FIELD(read_only), 0, true },
	{ "rw", ON_ALL, FIELD(read_only), 0, false },
	{ "noexec", ON_ALL, 0, MOUNT_NOEXEC, true },
	{ "exec", ON_ALL, 0, MOUNT_NOEXEC, false },
	{ "nosuid", ON_ALL, 0, MOUNT_NOSUID, true },
	{ "suid", ON_ALL, 0, MOUNT_NOSUID, false },
	{ "nodev", ON_ALL, 0, MOUNT_NODEV, true },
	{ "dev", ON_ALL, 0, MOUNT_NODEV, false },
	{ "z", ON_SOURCE, FIELD(relabel), 0, true },
	{ "Z", ON_SOURCE, FIELD(relabel), 0, true },
	{ "U", ON_SOURCE, FIELD(chown), 0, true },
	{ "chown", ON_SOURCE, FIELD(chown), 0, true },
	{ "O", ON_SOURCE, FIELD(overlay), 0, true },
	{ "nocopy", ON_VOLUME, FIELD(no_copy), 0, true },
	{ "volume-nocopy", ON_VOLUME, FIELD(no_copy), 0, true },
	{ "rbind", ON_BIND, FIELD(not_recursive), 0, false },
	{ "bind", ON_BIND, FIELD(not_recursive), 0, true },
	{ "bind-nonrecursive", ON_BIND, FIELD(not_recursive), 0, true },
	/* Lag that a virtual machine may have: nothing to do. */
	{ "consistent", ON_SOURCE, NOTHING, 0, true },
	{ "cached", ON_SOURCE, NOTHING, 0, true },
	{ "delegated", ON_SOURCE, NOTHING, 0, true },
};

/* The options of a mount, which are judged once its kind is known. */
struct parse {
	struct mount_opt m;
	const char *type;
	const struct word *words[32];
	const char *values[32];		/* NULL: the word stands alone */
	size_t word_count;
	const char *tmpfs;		/* name of an option that only tmpfs has */
};

void mount_opt_clear(struct mount_opt *m)
{
	int saved = errno;

	free(m->source);
	free(m->target);
	*m = (struct mount_opt)MOUNT_OPT_INIT;
	errno = saved;
}

static void parse_auto(struct parse *p)
{
	mount_opt_clear(&p->m);
}

const char *mount_kind_name(enum mount_kind kind)
{
	return kinds[kind];
}

const char *mount_propagation_name(enum mount_propagation p)
{
	return propagations[p];
}

char *mount_clean_path(const char *path)
{
	char *out = mem_zero(strlen(path) + 2, 1);
	size_t len = 0;

	while (*path) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (len && out[--len] != '/')
				;
		} else if (n && !(n == 1 && *path == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n;
	}
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

static int set_target(struct mount_opt *m, const char *text, struct err *e)
{
	if (m->target)
		return err_set(e, EINVAL, "more than one target");
	if (*text != '/')
		return err_set(e, EINVAL, "target '%s' is not an absolute path",
			       text);
	if (strlen(text) >= MAX_PATH)
		return err_set(e, EINVAL, "the target is longer than %d bytes",
			       MAX_PATH - 1);
	m->target = mount_clean_path(text);
	if (str_eq(m->target, "/"))
		return err_set(e, EINVAL, "the target may not be '/'");
	return 0;
}

static int set_source(struct mount_opt *m, const char *text, struct err *e)
{
	if (m->source)
		return err_set(e, EINVAL, "more than one source");
	if (strlen(text) >= MAX_PATH)
		return err_set(e, EINVAL, "the source is longer than %d bytes",
			       MAX_PATH - 1);
	m->source = mem_str(text);
	return 0;
}

static bool find_propagation(const char *text, enum mount_propagation *out)
{
	for (size_t i = 1; i < ARRAY_SIZE(propagations); i++) {
		if (str_eq(propagations[i], text)) {
			*out = (enum mount_propagation)i;
			return true;
		}
	}
	return false;
}

static bool parse_bool(const char *text, bool *out)
{
	static const char *const yes[] = { "1", "t", "T", "true", "True", "TRUE" };
	static const char *const no[] = { "0", "f", "F", "false", "False", "FALSE" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (str_eq(text, yes[i]) || str_eq(text, no[i])) {
			*out = str_eq(text, yes[i]);
			return true;
		}
	}
	return false;
}

/* Remembers a word if it is one. */
static int add_word(struct parse *p, const char *name, const char *value,
		    struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!str_eq(words[i].name, name))
			continue;
		if (p->word_count == ARRAY_SIZE(p->words))
			return err_set(e, EINVAL, "too many options");
		p->words[p->word_count] = &words[i];
		p->values[p->word_count++] = value;
		return 1;
	}
	return 0;
}

static int apply_word(struct mount_opt *m, const struct word *w,
		      const char *text, struct err *e)
{
	bool value = true;

	if (!(w->kinds & 1u << m->kind))
		return err_set(e, EINVAL, "option '%s' does not go with a %s",
			       w->name, kinds[m->kind]);
	if (text && !parse_bool(text, &value))
		return err_set(e, EINVAL, "option '%s': '%s' is neither true nor false",
			       w->name, text);
	value = value == w->value;
	if (w->flag)
		m->flags = value ? m->flags | w->flag : m->flags & ~w->flag;
	else if (w->field != NOTHING)
		*(bool *)((char *)m + w->field) = value;
	return 0;
}

/* Puts the options on what is now known to be of some kind. */
static int finish(struct parse *p, struct err *e)
{
	struct mount_opt *m = &p->m;

	if (!m->target)
		return err_set(e, EINVAL, "no target is given");
	m->flags = m->kind == MOUNT_TMPFS ? TMPFS_FLAGS : 0;
	for (size_t i = 0; i < p->word_count; i++) {
		int r = apply_word(m, p->words[i], p->values[i], e);

		if (r < 0)
			return r;
	}
	if (p->tmpfs && m->kind != MOUNT_TMPFS)
		return err_set(e, EINVAL, "option '%s' does not go with a %s",
			       p->tmpfs, kinds[m->kind]);
	if (m->propagation && m->kind != MOUNT_BIND)
		return err_set(e, EINVAL, "option '%s' does not go with a %s",
			       propagations[m->propagation], kinds[m->kind]);
	if (m->source && m->kind == MOUNT_TMPFS)
		return err_set(e, EINVAL, "a tmpfs has no source");
	if (!m->source && m->kind == MOUNT_BIND)
		return err_set(e, EINVAL, "no source is given");
	if (m->source && m->kind == MOUNT_VOLUME && !str_is_name(m->source))
		return err_set(e, EINVAL, "'%s' is not the name of a volume",
			       m->source);
	return 0;
}

static int done(struct mount_opt *out, struct parse *p, const char *option,
		const char *text, int r, struct err *e)
{
	if (r == 0)
		r = finish(p, e);
	if (r < 0)
		return err_ctx(e, r, "%s '%s'", option, text);
	*out = p->m;
	p->m = (struct mount_opt)MOUNT_OPT_INIT;
	return 0;
}

/* size=, mode=, uid=, gid=: 1 when it was one of them. */
static int tmpfs_option(struct parse *p, const char *key, const char *value,
			struct err *e)
{
	uint64_t v;
	int r;

	if (str_eq(key, "size")) {
		r = num_size(value, &p->m.size, e);
	} else if (str_eq(key, "mode")) {
		r = num_mode(value, &p->m.mode, e);
	} else if (str_eq(key, "uid") || str_eq(key, "gid")) {
		r = num_u64(value, 0, UINT32_MAX - 1, &v, e);
		if (r == 0)
			*(*key == 'u' ? &p->m.uid : &p->m.gid) = (uint32_t)v;
	} else {
		return 0;
	}
	return r < 0 ? err_ctx(e, r, "%s", key) : 1;
}

/* "a,b=c": what follows the second colon of -v, or the first of --tmpfs. */
static int parse_options(struct parse *p, char *text, struct err *e)
{
	char *word;

	while ((word = strsep(&text, ","))) {
		char *value = strchr(word, '=');
		int r;

		if (!*word)
			continue;
		if (value)
			*value++ = '\0';
		if (value && p->m.kind == MOUNT_TMPFS)
			r = tmpfs_option(p, word, value, e);
		else if (!value && find_propagation(word, &p->m.propagation))
			r = 1;
		else
			r = value ? 0 : add_word(p, word, NULL, e);
		if (r < 0)
			return r;
		if (r == 0)
			return err_set(e, EINVAL, "unknown option '%s'", word);
	}
	return 0;
}

static bool is_path(const char *source)
{
	return *source == '/' || *source == '.';
}

static int parse_volume(struct parse *p, char *text, struct err *e)
{
	char *first = strsep(&text, ":");
	char *second = strsep(&text, ":");
	int r;

	if (!second) {
		p->m.kind = MOUNT_VOLUME;
		return set_target(&p->m, first, e);
	}
	if (text && strchr(text, ':'))
		return err_set(e, EINVAL, "too many colons");
	if (!*first)
		return err_set(e, EINVAL, "the source is empty");
	p->m.kind = is_path(first) ? MOUNT_BIND : MOUNT_VOLUME;
	p->m.make_source = p->m.kind == MOUNT_BIND;
	r = set_source(&p->m, first, e);
	if (r == 0)
		r = set_target(&p->m, second, e);
	return r < 0 || !text ? r : parse_options(p, text, e);
}

int mount_parse_volume(struct mount_opt *out, const char *text, struct err *e)
{
	AUTO(parse) struct parse p = { .m = MOUNT_OPT_INIT };
	AUTO_FREE char *copy = mem_str(text);
	int r = parse_volume(&p, copy, e);

	return done(out, &p, "volume", text, r, e);
}

int mount_parse_tmpfs(struct mount_opt *out, const char *text, struct err *e)
{
	AUTO(parse) struct parse p = { .m = MOUNT_OPT_INIT };
	AUTO_FREE char *copy = mem_str(text);
	char *options = strchr(copy, ':');
	int r;

	p.m.kind = MOUNT_TMPFS;
	if (options)
		*options++ = '\0';
	r = set_target(&p.m, copy, e);
	if (r == 0 && options)
		r = parse_options(&p, options, e);
	return done(out, &p, "tmpfs", text, r, e);
}

/* Takes a field off a line of comma separated values; the quotes around it
 * are removed in place, doubled ones inside become one. */
static int take_field(char **text, char **out, struct err *e)
{
	char *from = *text;
	char *to = from;

	*out = from;
	if (*from != '"') {
		from += strcspn(from, ",");
		if (memchr(*out, '"', (size_t)(from - *out)))
			return err_set(e, EINVAL, "a quote inside a field");
		to = from;
	} else {
		for (from++; *from != '"' || from[1] == '"'; from++) {
			if (!*from)
				return err_set(e, EINVAL, "a quote is not closed");
			if (*from == '"')
				from++;
			*to++ = *from;
		}
		from++;
	}
	if (*from && *from != ',')
		return err_set(e, EINVAL, "text behind a closing quote");
	*text = *from ? from + 1 : NULL;
	*to = '\0';
	return 0;
}

/* The keys of --mount that have a value: 1 when it was one. */
static int mount_key(struct parse *p, const char *key, const char *value,
		     struct err *e)
{
	const char *tmpfs = str_after(key, "tmpfs-");
	bool on;
	int r = 0;

	if (str_eq(key, "type")) {
		p->type = value;
	} else if (str_eq(key, "source") || str_eq(key, "src")) {
		r = set_source(&p->m, value, e);
	} else if (str_eq(key, "target") || str_eq(key, "dst") ||
		   str_eq(key, "destination")) {
		r = set_target(&p->m, value, e);
	} else if (str_eq(key, "bind-propagation")) {
		if (!find_propagation(value, &p->m.propagation))
			r = err_set(e, EINVAL, "bind-propagation '%s' is not known",
				    value);
	} else if (str_eq(key, "bind-recursive")) {
		if (!str_eq(value, "enabled") && !str_eq(value, "disabled"))
			r = err_set(e, EINVAL, "bind-recursive '%s' is not known",
				    value);
		on = str_eq(value, "enabled");
		return r < 0 ? r : add_word(p, on ? "rbind" : "bind", NULL, e);
	} else if (str_eq(key, "consistency")) {
		/* Lag that a virtual machine may have: nothing to do. */
	} else if (tmpfs) {
		p->tmpfs = key;
		return tmpfs_option(p, tmpfs, value, e);
	} else {
		return 0;
	}
	return r < 0 ? r : 1;
}

static int parse_mount(struct parse *p, char *text, struct err *e)
{
	char *key, *value;
	int r;

	while (text) {
		r = take_field(&text, &key, e);
		if (r < 0)
			return r;
		value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		r = value ? mount_key(p, key, value, e) : 0;
		if (r == 0)
			r = add_word(p, key, value, e);
		if (r < 0)
			return r;
		if (r == 0)
			return err_set(e, EINVAL, "unknown option '%s'", key);
	}
	p->m.kind = MOUNT_VOLUME;
	if (!p->type)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (str_eq(kinds[i], p->type)) {
			p->m.kind = (enum mount_kind)i;
			return 0;
		}
	}
	return err_set(e, EINVAL, "type '%s' is not bind, volume or tmpfs", p->type);
}

int mount_parse_mount(struct mount_opt *out, const char *text, struct err *e)
{
	AUTO(parse) struct parse p = { .m = MOUNT_OPT_INIT };
	AUTO_FREE char *copy = mem_str(text);
	int r = parse_mount(&p, copy, e);

	return done(out, &p, "mount", text, r, e);
}
