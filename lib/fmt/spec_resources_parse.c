#include "lib/fmt/spec_text.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/str.h"

#define MAX_ITEMS 4096
#define MAX_PAGE_DIGITS 4		/* up to the next unit */

static int get_numbers(struct spec_resources *r, const struct json_at *at,
		       const char *object, struct err *e)
{
	int x = 0;

	for (size_t i = 0; x >= 0 && i < SPEC_NUMBERS; i++) {
		const struct spec_number *n = &spec_numbers[i];

		if (str_eq(n->object, object))
			x = json_get_i64(spec_number_at(r, n), at, n->key, n->min, n->max,
					 JSON_MAY, e);
	}
	for (size_t i = 0; x >= 0 && i < SPEC_STRINGS; i++) {
		const struct spec_string *s = &spec_strings[i];

		if (str_eq(s->object, object))
			x = json_get_copy(spec_string_at(r, s), at, s->key, JSON_MAY, e);
	}
	return x;
}

/* A member of `at` that is an object: its numbers and texts. */
static int get_group(struct json_at *out, struct spec_resources *r,
		     const struct json_at *at, const char *object, struct err *e)
{
	int x = json_get_object(out, at, object, JSON_MAY, e);
	int y = x > 0 ? get_numbers(r, out, object, e) : 0;

	return y < 0 ? y : x;
}

static int get_access(struct spec_device_rule *rule, const struct json_at *at, struct err *e)
{
	struct json_at member = json_member(at, "access");
	const char *text;
	int x = json_get_string(&text, at, "access", JSON_MAY, e);

	if (x <= 0)
		return x;
	rule->access = 0;
	for (const char *p = text; *p; p++) {
		size_t i = 0;

		while (i < SPEC_ACCESS_LETTERS && spec_access_letters[i].letter != *p)
			i++;
		if (i == SPEC_ACCESS_LETTERS)
			return json_fail(&member, EINVAL, e, "not made of r, w and m: '%s'",
					 text);
		rule->access |= spec_access_letters[i].bit;
	}
	return rule->access ? 0 : json_fail(&member, EINVAL, e, "empty");
}

static int get_rule(struct spec_resources *r, const struct json_at *at, struct err *e)
{
	struct json_at member = json_member(at, "type");
	struct spec_device_rule *rule;
	const char *type = "a";
	int x = json_as_object(at, e);

	if (x >= 0)
		x = json_get_string(&type, at, "type", JSON_MAY, e);
	if (x < 0)
		return x;
	if (strlen(type) != 1 || !strchr("acb", *type))
		return json_fail(&member, EINVAL, e, "no such type: '%s'", type);
	rule = spec_resources_add_rule(r);
	rule->type = *type;
	x = json_get_bool(&rule->allow, at, "allow", JSON_MUST, e);
	if (x >= 0)
		x = json_get_i64(&rule->major, at, "major", SPEC_ANY, UINT32_MAX, JSON_MAY, e);
	if (x >= 0)
		x = json_get_i64(&rule->minor, at, "minor", SPEC_ANY, UINT32_MAX, JSON_MAY, e);
	return x < 0 ? x : get_access(rule, at, e);
}

/* The numbers of a device that has to be there. */
static int get_numbered(int64_t *major, int64_t *minor, const struct json_at *at,
			struct err *e)
{
	int x = json_as_object(at, e);

	if (x >= 0)
		x = json_get_i64(major, at, "major", 0, UINT32_MAX, JSON_MUST, e);
	return x < 0 ? x : json_get_i64(minor, at, "minor", 0, UINT32_MAX, JSON_MUST, e);
}

static int get_weight(struct spec_resources *r, const struct json_at *at, struct err *e)
{
	struct spec_io_weight *w = spec_resources_add_weight(r);
	int x = get_numbered(&w->major, &w->minor, at, e);

	if (x >= 0)
		x = json_get_i64(&w->weight, at, "weight", 0, SPEC_MAX_IO_WEIGHT, JSON_MAY, e);
	if (x >= 0)
		x = json_get_i64(&w->leaf_weight, at, "leafWeight", 0, SPEC_MAX_IO_WEIGHT,
				 JSON_MAY, e);
	if (x >= 0 && w->weight == SPEC_UNSET && w->leaf_weight == SPEC_UNSET)
		return json_fail(at, EINVAL, e, "neither weight nor leafWeight");
	return x;
}

static int get_throttle(struct spec_resources *r, const struct json_at *at, struct err *e)
{
	struct spec_throttle *t = spec_resources_add_throttle(r);
	int x = get_numbered(&t->major, &t->minor, at, e);

	return x < 0 ? x : json_get_u64(&t->rate, at, "rate", 0, UINT64_MAX, JSON_MUST, e);
}

/* "64KB", "2MB": it becomes part of a file's name. */
static bool is_page_size(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits && digits <= MAX_PAGE_DIGITS && s[digits] && strchr("KMG", s[digits]) &&
	       str_eq(s + digits + 1, "B");
}

static int get_hugepages(struct spec_resources *r, const struct json_at *at, struct err *e)
{
	const char *size;
	int x = json_as_object(at, e);

	if (x >= 0)
		x = json_get_string(&size, at, "pageSize", JSON_MUST, e);
	if (x < 0)
		return x;
	if (!is_page_size(size))
		return json_fail(at, EINVAL, e, "not the size of a page: '%s'", size);
	return json_get_u64(&spec_resources_add_hugepages(r, size)->limit, at, "limit", 0,
			    UINT64_MAX, JSON_MUST, e);
}

static int get_priority(struct spec_resources *r, const struct json_at *at, struct err *e)
{
	const char *name;
	uint32_t priority;
	int x = json_as_object(at, e);

	if (x >= 0)
		x = json_get_string(&name, at, "name", JSON_MUST, e);
	if (x >= 0)
		x = json_get_u32(&priority, at, "priority", JSON_MUST, e);
	if (x >= 0 && (!*name || strchr(name, '=')))
		return json_fail(at, EINVAL, e, "not the name of an interface: '%s'", name);
	if (x >= 0)
		strv_addf(&r->net_priorities, "%s=%u", name, priority);
	return x;
}

/* rdma is an object, its members are named by the devices. */
static int get_rdma(struct spec_resources *r, const struct json_at *at, struct err *e)
{
	struct spec_rdma *d = spec_resources_add_rdma(r, at->key);
	int x = json_as_object(at, e);

	if (x >= 0 && !str_is_name(at->key))
		return json_fail(at, EINVAL, e, "not the name of a device");
	if (x >= 0)
		x = json_get_i64(&d->handles, at, "hcaHandles", 0, UINT32_MAX, JSON_MAY, e);
	if (x >= 0)
		x = json_get_i64(&d->objects, at, "hcaObjects", 0, UINT32_MAX, JSON_MAY, e);
	if (x >= 0 && d->handles == SPEC_UNSET && d->objects == SPEC_UNSET)
		return json_fail(at, EINVAL, e, "neither hcaHandles nor hcaObjects");
	return x;
}

typedef int item_fn(struct spec_resources *r, const struct json_at *at, struct err *e);

static int get_list(struct spec_resources *r, const struct json_at *at, const char *key,
		    item_fn *get, struct err *e)
{
	struct json_at list;
	int x = json_get_list(&list, at, key, MAX_ITEMS, JSON_MAY, e);

	for (size_t i = 0; x > 0 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);

		x = get(r, &item, e) < 0 ? -e->code : 1;
	}
	return x;
}

static int get_members(struct spec_resources *r, const struct json_at *at, const char *key,
		       item_fn *get, struct err *e)
{
	struct json_at all, item;
	int x = json_get_object(&all, at, key, JSON_MAY, e);

	if (x <= 0)
		return x;
	json_each_member(&all, iter, item) {
		x = get(r, &item, e);
		if (x < 0)
			return x;
	}
	return 0;
}

static int get_memory(struct spec_resources *r, const struct json_at *at, struct err *e)
{
	struct json_at memory;
	int x = get_group(&memory, r, at, "memory", e);

	if (x > 0)
		x = json_get_bool(&r->memory_no_oom_killer, &memory, "disableOOMKiller",
				  JSON_MAY, e) < 0 ? -e->code : 1;
	if (x > 0)
		x = json_get_bool(&r->memory_check_before_update, &memory,
				  "checkBeforeUpdate", JSON_MAY, e);
	return x;
}

static int get_block_io(struct spec_resources *r, const struct json_at *at, struct err *e)
{
	struct json_at io;
	int x = get_group(&io, r, at, "blockIO", e);

	if (x <= 0)
		return x;
	x = get_list(r, &io, "weightDevice", get_weight, e);
	for (enum spec_throttle_kind kind = 0; x >= 0 && kind < SPEC_THROTTLE_KINDS; kind++) {
		size_t first = r->throttle_count;

		x = get_list(r, &io, spec_throttle_keys[kind], get_throttle, e);
		for (size_t i = first; i < r->throttle_count; i++)
			r->throttles[i].kind = kind;
	}
	return x;
}

static int get_all(struct spec_resources *r, const struct json_at *at, struct err *e)
{
	struct json_at group;
	int x = get_list(r, at, "devices", get_rule, e);

	if (x >= 0)
		x = get_memory(r, at, e);
	if (x >= 0)
		x = get_group(&group, r, at, "cpu", e);
	if (x >= 0)
		x = get_group(&group, r, at, "pids", e);
	if (x >= 0)
		x = get_block_io(r, at, e);
	if (x >= 0)
		x = get_list(r, at, "hugepageLimits", get_hugepages, e);
	if (x >= 0)
		x = get_group(&group, r, at, "network", e);
	if (x > 0)
		x = get_list(r, &group, "priorities", get_priority, e);
	if (x >= 0)
		x = get_members(r, at, "rdma", get_rdma, e);
	if (x >= 0)
		x = json_get_map(&r->unified, at, "unified", JSON_MAY, e);
	return x;
}

int spec_resources_get(struct spec_resources *r, const struct json_at *linux_at,
		       struct err *e)
{
	struct json_at at;
	int x = json_get_object(&at, linux_at, "resources", JSON_MAY, e);

	return x > 0 ? get_all(r, &at, e) : x;
}

int spec_resources_parse(struct spec_resources *out, const char *json, size_t len,
			 struct err *e)
{
	AUTO(json) json_t *tree = NULL;
	AUTO(spec_resources) struct spec_resources r;
	struct json_at doc;
	int x;

	spec_resources_init(&r);
	if (len > MAX_SPEC)
		return err_set(e, EINVAL, "resources: longer than %zu bytes", MAX_SPEC);
	x = json_load_strict(&tree, json, len, e);
	doc = json_root(tree);
	if (x == 0)
		x = json_as_object(&doc, e);
	if (x >= 0)
		x = get_all(&r, &doc, e);
	if (x < 0) {
		e->code = EINVAL;
		return err_ctx(e, -EINVAL, "resources");
	}
	*out = r;
	spec_resources_init(&r);
	return 0;
}
