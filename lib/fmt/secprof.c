#include "lib/fmt/secprof.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/base/strv.h"
#include "lib/fmt/json.h"
#include "lib/fmt/spec.h"

#define MAX_ARCHES 64
#define MAX_ERRNO 4095

/* What a parsed profile's pointers show.  The strings of a strv stay where
 * they are when lists moves. */
struct owned {
	struct strv *lists;
	size_t list_count;
	struct secprof_rule *rules;
	struct secprof_arch *arches;	/* their names are owned as well */
	size_t arch_count;
	char *listener_path;
	char *listener_metadata;
};

const struct named secprof_actions[] = {
	{ "SCMP_ACT_KILL_PROCESS", SECPROF_KILL_PROCESS },
	{ "SCMP_ACT_KILL_THREAD", SECPROF_KILL_THREAD },
	{ "SCMP_ACT_KILL", SECPROF_KILL_THREAD },
	{ "SCMP_ACT_TRAP", SECPROF_TRAP },
	{ "SCMP_ACT_ERRNO", SECPROF_ERRNO },
	{ "SCMP_ACT_TRACE", SECPROF_TRACE },
	{ "SCMP_ACT_LOG", SECPROF_LOG },
	{ "SCMP_ACT_ALLOW", SECPROF_ALLOW },
	{ "SCMP_ACT_NOTIFY", SECPROF_NOTIFY },
	{ NULL, 0 },
};

const struct named secprof_ops[] = {
	{ "SCMP_CMP_NE", SECPROF_NE },
	{ "SCMP_CMP_LT", SECPROF_LT },
	{ "SCMP_CMP_LE", SECPROF_LE },
	{ "SCMP_CMP_EQ", SECPROF_EQ },
	{ "SCMP_CMP_GE", SECPROF_GE },
	{ "SCMP_CMP_GT", SECPROF_GT },
	{ "SCMP_CMP_MASKED_EQ", SECPROF_MASKED_EQ },
	{ NULL, 0 },
};

const struct named secprof_flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", 1 << 0 },
	{ "SECCOMP_FILTER_FLAG_LOG", 1 << 1 },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", 1 << 2 },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 1 << 5 },
	{ NULL, 0 },
};

const char *const secprof_arch_names[] = {
	"SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM",
	"SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64",
	"SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X",
	"SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",
	"SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB",
	NULL,
};

static bool in_list(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (str_eq(*list, word))
			return true;
	return false;
}

void secprof_clear(struct secprof *p)
{
	struct owned *o = p->owned;
	int saved = errno;

	for (size_t i = 0; o && i < o->list_count; i++)
		strv_clear(&o->lists[i]);
	for (size_t i = 0; o && i < o->arch_count; i++)
		free((char *)o->arches[i].name);
	if (o) {
		free(o->lists);
		free(o->rules);
		free(o->arches);
		free(o->listener_path);
		free(o->listener_metadata);
	}
	free(o);
	*p = (struct secprof)SECPROF_INIT;
	errno = saved;
}

/* --- reading --- */

static int get_action(enum secprof_action *out, const struct json_at *at,
		      const char *key, struct err *e)
{
	uint64_t v = 0;
	int r = named_get(&v, at, key, secprof_actions, e);

	*out = (enum secprof_action)v;
	return r;
}

static bool has_errno(enum secprof_action a)
{
	return a == SECPROF_ERRNO || a == SECPROF_TRACE;
}

/* A number where the action takes none is an error by the specification. */
static int get_errno(uint32_t *out, enum secprof_action action,
		     const struct json_at *at, const char *key, struct err *e)
{
	struct json_at member = json_member(at, key);
	uint64_t v = EPERM;
	int r = json_get_u64(&v, at, key, 0, MAX_ERRNO, JSON_MAY, e);

	if (r > 0 && !has_errno(action))
		return json_fail(&member, EBADMSG, e, "this action has none");
	*out = (uint32_t)v;
	return r;
}

/* A list of strings that the profile owns; NULL when empty or absent. */
static int get_list(const char *const **out, struct owned *o,
		    const struct json_at *at, const char *key,
		    enum json_need need, struct err *e)
{
	struct strv *list;
	int r;

	o->lists = mem_grow(o->lists, o->list_count + 1, sizeof(*o->lists));
	list = &o->lists[o->list_count++];
	*list = (struct strv)STRV_INIT;
	r = json_get_strv(list, at, key, need, e);
	*out = (const char *const *)list->v;
	return r;
}

/* Many in "names", or one in "name". */
static int get_names(const char *const **out, struct owned *o,
		     const struct json_at *at, struct err *e)
{
	const char *name = NULL;
	int r = get_list(out, o, at, "names", JSON_MAY, e);

	if (r >= 0 && !*out)
		r = json_get_string(&name, at, "name", JSON_MAY, e);
	if (r < 0)
		return r;
	if (!*out && str_is_empty(name))
		return json_fail(at, EBADMSG, e, "names no system call");
	if (!*out) {
		strv_add(&o->lists[o->list_count - 1], name);
		*out = (const char *const *)o->lists[o->list_count - 1].v;
	}
	return 1;
}

static int get_caps(uint64_t *out, const struct json_at *at, struct err *e)
{
	struct json_at member = json_member(at, "caps");
	AUTO(strv) struct strv names = STRV_INIT;
	int r = json_get_strv(&names, at, "caps", JSON_MAY, e);

	for (size_t i = 0; r > 0 && i < names.len; i++) {
		int cap = cap_number(names.v[i]);

		if (cap < 0)
			return json_fail(&member, EBADMSG, e,
					 "unknown: '%s'", names.v[i]);
		*out |= CAP_BIT(cap);
	}
	return r;
}

static int get_kernel(uint32_t *out, const struct json_at *at, struct err *e)
{
	struct json_at member = json_member(at, "minKernel");
	struct err ignored = ERR_INIT;
	AUTO_FREE char *copy = NULL;
	uint64_t major, minor;
	char *dot;
	int r = json_get_copy(&copy, at, "minKernel", JSON_MAY, e);

	if (r <= 0 || !*copy)
		return r;
	dot = strchr(copy, '.');
	if (dot)
		*dot++ = '\0';
	if (!dot || num_u64(copy, 0, UINT16_MAX, &major, &ignored) < 0 ||
	    num_u64(dot, 0, UINT16_MAX, &minor, &ignored) < 0)
		return json_fail(&member, EBADMSG, e, "not MAJOR.MINOR");
	*out = SECPROF_KERNEL(major, minor);
	return 1;
}

static int get_when(struct secprof_when *out, struct owned *o,
		    const struct json_at *rule, const char *key, struct err *e)
{
	struct json_at at;
	int r = json_get_object(&at, rule, key, JSON_MAY, e);

	if (r > 0)
		r = get_caps(&out->caps, &at, e);
	if (r >= 0 && json_has(rule, key))
		r = get_list(&out->arches, o, &at, "arches", JSON_MAY, e);
	if (r >= 0 && json_has(rule, key))
		r = get_kernel(&out->min_kernel, &at, e);
	return r;
}

static int get_arg(struct secprof_arg *out, const struct json_at *at,
		   struct err *e)
{
	uint64_t index = 0;
	uint64_t op = 0;
	int r = json_as_object(at, e);

	if (r >= 0)
		r = json_get_u64(&index, at, "index", 0, SECPROF_ARGS_MAX - 1,
				 JSON_MUST, e);
	if (r >= 0)
		r = json_get_u64(&out->value, at, "value", 0, UINT64_MAX,
				 JSON_MUST, e);
	if (r >= 0)
		r = json_get_u64(&out->value_two, at, "valueTwo", 0, UINT64_MAX,
				 JSON_MAY, e);
	if (r >= 0)
		r = named_get(&op, at, "op", secprof_ops, e);
	out->index = (unsigned)index;
	out->op = (enum secprof_op)op;
	return r;
}

static int get_args(struct secprof_rule *out, const struct json_at *rule,
		    struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, rule, "args", SECPROF_ARGS_MAX, JSON_MAY, e);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);

		r = get_arg(&out->args[out->arg_count++], &item, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int get_rule(struct secprof_rule *out, struct owned *o,
		    const struct json_at *at, struct err *e)
{
	int r = json_as_object(at, e);

	if (r >= 0)
		r = get_names(&out->names, o, at, e);
	if (r >= 0)
		r = get_action(&out->action, at, "action", e);
	if (r >= 0)
		r = get_errno(&out->errno_ret, out->action, at, "errnoRet", e);
	if (r >= 0)
		r = get_args(out, at, e);
	if (r >= 0)
		r = get_when(&out->include, o, at, "includes", e);
	if (r >= 0)
		r = get_when(&out->exclude, o, at, "excludes", e);
	return r;
}

static int get_rules(struct secprof *p, struct owned *o,
		     const struct json_at *doc, struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, doc, "syscalls", SECPROF_RULES_MAX, JSON_MAY, e);

	if (r <= 0)
		return r;
	o->rules = mem_zero(json_len(&list), sizeof(*o->rules));
	p->rules = o->rules;
	for (; p->rule_count < json_len(&list); p->rule_count++) {
		struct json_at item = json_item(&list, p->rule_count);

		r = get_rule(&o->rules[p->rule_count], o, &item, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_arch(const char *name, const struct json_at *at, struct err *e)
{
	return in_list(secprof_arch_names, name) ? 0 :
		json_fail(at, EBADMSG, e, "unknown architecture: '%s'", name);
}

/* An entry of a map has a list, if an empty one. */
static const char *const no_subs[] = { NULL };

static int get_arch(struct secprof_arch *out, struct owned *o,
		    const struct json_at *at, struct err *e)
{
	const char *name;
	int r = json_as_object(at, e);

	if (r >= 0)
		r = json_get_string(&name, at, "architecture", JSON_MUST, e);
	if (r >= 0)
		r = check_arch(name, at, e);
	if (r < 0)
		return r;
	out->name = mem_str(name);
	r = get_list(&out->subs, o, at, "subArchitectures", JSON_MAY, e);
	if (!out->subs)
		out->subs = no_subs;
	for (size_t i = 0; r >= 0 && out->subs[i]; i++)
		r = check_arch(out->subs[i], at, e);
	return r;
}

static int get_arch_name(struct secprof_arch *out, const struct json_at *at,
			 struct err *e)
{
	const char *name;
	int r = json_as_string(&name, at, e);

	if (r >= 0)
		r = check_arch(name, at, e);
	if (r < 0)
		return r;
	out->name = mem_str(name);
	return 0;
}

/* "archMap" of profiles, or "architectures" of config.json. */
static int get_arches(struct secprof *p, struct owned *o,
		      const struct json_at *doc, struct err *e)
{
	bool has_map = json_has(doc, "archMap");
	struct json_at list;
	int r = json_get_list(&list, doc, has_map ? "archMap" : "architectures",
			      MAX_ARCHES, JSON_MAY, e);

	if (r <= 0)
		return r;
	o->arches = mem_zero(json_len(&list), sizeof(*o->arches));
	p->arches = o->arches;
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		struct secprof_arch *arch = &o->arches[o->arch_count++];

		r = has_map ? get_arch(arch, o, &item, e) :
			      get_arch_name(arch, &item, e);
		if (r < 0)
			return r;
	}
	p->arch_count = o->arch_count;
	return 0;
}

static int get_listener(struct secprof *p, struct owned *o,
			const struct json_at *doc, struct err *e)
{
	int r = json_get_copy(&o->listener_path, doc, "listenerPath", JSON_MAY, e);

	if (r >= 0)
		r = json_get_copy(&o->listener_metadata, doc, "listenerMetadata", JSON_MAY, e);
	if (r >= 0 && o->listener_metadata && !o->listener_path)
		r = json_fail(doc, EBADMSG, e, "listenerMetadata without listenerPath");
	p->listener_path = o->listener_path;
	p->listener_metadata = o->listener_metadata;
	return r;
}

static int get_profile(struct secprof *p, struct owned *o,
		       const struct json_at *doc, struct err *e)
{
	uint64_t flags = 0;
	int r = json_as_object(doc, e);

	if (r >= 0)
		r = get_action(&p->default_action, doc, "defaultAction", e);
	if (r >= 0)
		r = get_errno(&p->default_errno, p->default_action, doc, "defaultErrnoRet", e);
	if (r >= 0)
		r = get_arches(p, o, doc, e);
	if (r >= 0)
		r = named_get_flags(&flags, doc, "flags", secprof_flags, e);
	p->flags = (uint32_t)flags;
	if (r >= 0)
		r = get_listener(p, o, doc, e);
	if (r >= 0)
		r = get_rules(p, o, doc, e);
	return r < 0 ? r : 0;
}

int secprof_parse(struct secprof *out, const char *text, size_t len,
		  struct err *e)
{
	AUTO(secprof) struct secprof p = SECPROF_INIT;
	AUTO(json) json_t *tree = NULL;
	struct json_at doc;
	int r;

	if (len > MAX_SPEC)
		return err_set(e, EFBIG, "seccomp profile: longer than %zu bytes",
			       MAX_SPEC);
	r = json_load_strict(&tree, text, len, e);
	doc = json_root(tree);
	p.owned = mem_new(struct owned);
	if (r == 0)
		r = get_profile(&p, p.owned, &doc, e);
	if (r < 0)
		return err_ctx(e, r, "seccomp profile");
	*out = p;
	p = (struct secprof)SECPROF_INIT;
	return 0;
}

/* --- conditions --- */

uint32_t secprof_kernel(const char *release)
{
	uint32_t part[2] = { 0, 0 };

	for (int i = 0; i < 2; i++) {
		for (; *release >= '0' && *release <= '9'; release++)
			part[i] = part[i] * 10 + (uint32_t)(*release - '0');
		if (*release == '.')
			release++;
	}
	return SECPROF_KERNEL(part[0], part[1]);
}

bool secprof_applies(const struct secprof_rule *r, uint64_t caps,
		     const char *arch, uint32_t kernel)
{
	if ((r->include.caps & caps) != r->include.caps ||
	    (r->include.arches && !in_list(r->include.arches, arch)) ||
	    r->include.min_kernel > kernel)
		return false;
	return !(r->exclude.caps & caps) &&
	       !(r->exclude.arches && in_list(r->exclude.arches, arch)) &&
	       !(r->exclude.min_kernel && r->exclude.min_kernel <= kernel);
}

bool secprof_notifies(const struct secprof *p)
{
	for (size_t i = 0; i < p->rule_count; i++)
		if (p->rules[i].action == SECPROF_NOTIFY)
			return true;
	return p->default_action == SECPROF_NOTIFY;
}

/* --- printing --- */

static void print_list(struct json_w *w, const char *key,
		       const char *const *list)
{
	if (!list)
		return;
	json_m_array(w, key);
	for (; *list; list++)
		json_w_string(w, *list);
	json_w_end(w);
}

static void print_rule(struct json_w *w, const struct secprof_rule *r)
{
	json_w_object(w);
	print_list(w, "names", r->names);
	json_m_string(w, "action", named_of(secprof_actions, r->action));
	if (has_errno(r->action))
		json_m_u64(w, "errnoRet", r->errno_ret);
	if (r->arg_count) {
		json_m_array(w, "args");
		for (unsigned i = 0; i < r->arg_count; i++) {
			const struct secprof_arg *a = &r->args[i];

			json_w_object(w);
			json_m_u64(w, "index", a->index);
			json_m_u64(w, "value", a->value);
			json_m_u64(w, "valueTwo", a->value_two);
			json_m_string(w, "op", named_of(secprof_ops, a->op));
			json_w_end(w);
		}
		json_w_end(w);
	}
	json_w_end(w);
}

/* The names by which one machine's architectures go in profiles and in
 * libseccomp. */
static const char *native_arch(const char *arch)
{
	static const struct {
		const char *go;
		const char *name;
	} names[] = {
		{ "amd64", "SCMP_ARCH_X86_64" },
		{ "386", "SCMP_ARCH_X86" },
		{ "arm64", "SCMP_ARCH_AARCH64" },
		{ "arm", "SCMP_ARCH_ARM" },
		{ "ppc64le", "SCMP_ARCH_PPC64LE" },
		{ "s390x", "SCMP_ARCH_S390X" },
		{ "riscv64", "SCMP_ARCH_RISCV64" },
		{ "loong64", "SCMP_ARCH_LOONGARCH64" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(names[i].go, arch))
			return names[i].name;
	return NULL;
}

/* Of a map the entry of the machine with its subs; a plain list as it is. */
static void print_arches(struct json_w *w, const struct secprof *p,
			 const char *arch)
{
	const char *native = native_arch(arch);
	bool is_map = false;
	bool is_open = false;

	for (size_t i = 0; i < p->arch_count; i++)
		is_map = is_map || p->arches[i].subs;
	for (size_t i = 0; i < p->arch_count; i++) {
		const struct secprof_arch *a = &p->arches[i];

		if (is_map && !str_eq(a->name, native))
			continue;
		if (!is_open)
			json_m_array(w, "architectures");
		is_open = true;
		json_w_string(w, a->name);
		for (const char *const *sub = a->subs; sub && *sub; sub++)
			json_w_string(w, *sub);
	}
	if (is_open)
		json_w_end(w);
}

void secprof_print(const struct secprof *p, uint64_t caps, const char *arch,
		   uint32_t kernel, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);

	json_w_object(&w);
	json_m_string(&w, "defaultAction", named_of(secprof_actions, p->default_action));
	if (has_errno(p->default_action))
		json_m_u64(&w, "defaultErrnoRet", p->default_errno);
	print_arches(&w, p, arch);
	named_print_flags(&w, "flags", secprof_flags, p->flags);
	json_m_string(&w, "listenerPath", p->listener_path);
	json_m_string(&w, "listenerMetadata", p->listener_metadata);
	json_m_array(&w, "syscalls");
	for (size_t i = 0; i < p->rule_count; i++)
		if (secprof_applies(&p->rules[i], caps, arch, kernel))
			print_rule(&w, &p->rules[i]);
	json_w_end(&w);
	json_w_end(&w);
}
