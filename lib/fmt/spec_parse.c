#include "lib/fmt/spec_text.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MAX_NET_DEVICES 64

int spec_id_get(uint32_t *out, const struct json_at *at, const char *key,
		enum json_need need, struct err *e)
{
	uint64_t v;
	int r = json_get_u64(&v, at, key, 0, ID_NONE - 1, need, e);

	if (r > 0)
		*out = (uint32_t)v;
	return r;
}

/* Any object, as JSON text. */
static int get_raw(char **out, const struct json_at *up, const char *key,
		   struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC * 2);
	struct json_w w = JSON_W_INIT(&text);
	struct json_at at;
	int r = json_get_object(&at, up, key, JSON_MAY, e);

	if (r <= 0)
		return r;
	json_w_value(&w, at.value);
	r = buf_ok(&text, key, e);
	if (r == 0)
		*out = buf_steal(&text);
	return r;
}

static int get_map(struct id_ranges *out, const struct json_at *up,
		   const char *key, struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, up, key, MAX_IDMAP, JSON_MAY, e);

	for (size_t i = 0; r > 0 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		struct err why = ERR_INIT;
		uint32_t inside, outside, size;

		r = json_as_object(&item, e);
		if (r >= 0)
			r = spec_id_get(&inside, &item, "containerID", JSON_MUST, e);
		if (r >= 0)
			r = spec_id_get(&outside, &item, "hostID", JSON_MUST, e);
		if (r >= 0)
			r = json_get_u32(&size, &item, "size", JSON_MUST, e);
		if (r >= 0 && id_add(out, inside, outside, size, &why) < 0)
			r = json_fail(&item, EINVAL, e, "%s", why.text);
	}
	return r;
}

/* --- mounts and hooks --- */

static int get_mount_map(struct spec_mount *m, const struct json_at *at,
			 struct err *e)
{
	int r;

	if (!json_has(at, "uidMappings") && !json_has(at, "gidMappings"))
		return 0;
	m->idmap = mem_new(struct idmap);
	r = get_map(&m->idmap->uids, at, "uidMappings", e);
	if (r >= 0)
		r = get_map(&m->idmap->gids, at, "gidMappings", e);
	if (r >= 0 && !m->idmap->uids.len && !m->idmap->gids.len)
		free(take(m->idmap));
	else if (r >= 0 && (!m->idmap->uids.len || !m->idmap->gids.len))
		r = json_fail(at, EINVAL, e, "uidMappings and gidMappings belong together");
	return r;
}

static int get_mount(struct spec *s, const struct json_at *at, struct err *e)
{
	struct spec_mount *m;
	const char *destination;
	int r = json_as_object(at, e);

	if (r >= 0)
		r = json_get_string(&destination, at, "destination", JSON_MUST, e);
	if (r < 0)
		return r;
	m = spec_add_mount(s, destination, NULL, NULL);
	r = json_get_copy(&m->type, at, "type", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&m->source, at, "source", JSON_MAY, e);
	if (r >= 0)
		r = json_get_strv(&m->options, at, "options", JSON_MAY, e);
	if (r >= 0)
		r = get_mount_map(m, at, e);
	return r;
}

static int get_hook(struct spec *s, enum spec_hook_point point,
		    const struct json_at *at, struct err *e)
{
	struct spec_hook *h;
	const char *path;
	uint64_t timeout = 0;
	int r = json_as_object(at, e);

	if (r >= 0)
		r = json_get_string(&path, at, "path", JSON_MUST, e);
	if (r < 0)
		return r;
	h = spec_add_hook(s, point, path);
	r = json_get_strv(&h->args, at, "args", JSON_MAY, e);
	if (r >= 0)
		r = json_get_strv(&h->env, at, "env", JSON_MAY, e);
	if (r >= 0)
		r = json_get_u64(&timeout, at, "timeout", 1, UINT32_MAX, JSON_MAY, e);
	h->timeout_s = (uint32_t)timeout;
	return r;
}

static int get_mounts(struct spec *s, const struct json_at *doc, struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, doc, "mounts", SIZE_MAX, JSON_MAY, e);

	for (size_t i = 0; r > 0 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);

		r = get_mount(s, &item, e) < 0 ? -e->code : 1;
	}
	return r;
}

static int get_hooks(struct spec *s, const struct json_at *doc, struct err *e)
{
	struct json_at hooks, list;
	int r = json_get_object(&hooks, doc, "hooks", JSON_MAY, e);

	if (r <= 0)
		return r;
	for (size_t point = 0; point < SPEC_HOOK_POINTS; point++) {
		r = json_get_list(&list, &hooks, spec_hook_names[point],
				  MAX_COMPONENT, JSON_MAY, e);
		for (size_t i = 0; r > 0 && i < json_len(&list); i++) {
			struct json_at item = json_item(&list, i);

			r = get_hook(s, (enum spec_hook_point)point, &item, e) < 0
				    ? -e->code : 1;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- linux --- */

static int get_namespace(struct spec *s, const struct json_at *at,
			 struct err *e)
{
	const char *type;
	int r = json_as_object(at, e);

	if (r >= 0)
		r = json_get_string(&type, at, "type", JSON_MUST, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
		if (!str_eq(type, spec_ns_names[i]))
			continue;
		if (s->ns[i].set)
			return json_fail(at, EINVAL, e, "'%s' is there twice", type);
		s->ns[i].set = true;
		return json_get_copy(&s->ns[i].path, at, "path", JSON_MAY, e);
	}
	return json_fail(at, EINVAL, e, "no such namespace: '%s'", type);
}

static int get_namespaces(struct spec *s, const struct json_at *linux_at,
			  struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, linux_at, "namespaces", SPEC_NS_COUNT, JSON_MAY, e);

	for (size_t i = 0; r > 0 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);

		r = get_namespace(s, &item, e) < 0 ? -e->code : 1;
	}
	return r;
}

static int get_device(struct spec *s, const struct json_at *at, struct err *e)
{
	struct spec_device *d;
	const char *path, *type;
	uint64_t mode = ID_NONE;
	int r = json_as_object(at, e);

	if (r >= 0)
		r = json_get_string(&path, at, "path", JSON_MUST, e);
	if (r >= 0)
		r = json_get_string(&type, at, "type", JSON_MUST, e);
	if (r < 0)
		return r;
	if (strlen(type) != 1 || !strchr("cbup", *type))
		return json_fail(at, EINVAL, e, "no such type: '%s'", type);
	d = spec_add_device(s, path);
	d->type = *type;
	r = json_get_i64(&d->major, at, "major", 0, UINT32_MAX, JSON_MAY, e);
	if (r >= 0)
		r = json_get_i64(&d->minor, at, "minor", 0, UINT32_MAX, JSON_MAY, e);
	/* some writers put the type in here as well */
	if (r >= 0)
		r = json_get_u64(&mode, at, "fileMode", 0, UINT16_MAX, JSON_MAY, e);
	d->mode = r > 0 ? (uint32_t)mode & 07777 : ID_NONE;
	if (r >= 0)
		r = spec_id_get(&d->uid, at, "uid", JSON_MAY, e);
	if (r >= 0)
		r = spec_id_get(&d->gid, at, "gid", JSON_MAY, e);
	return r;
}

static int get_devices(struct spec *s, const struct json_at *linux_at,
		       struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, linux_at, "devices", SIZE_MAX, JSON_MAY, e);

	for (size_t i = 0; r > 0 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);

		r = get_device(s, &item, e) < 0 ? -e->code : 1;
	}
	return r;
}

static int get_personality(struct spec_personality *p,
			   const struct json_at *linux_at, struct err *e)
{
	struct json_at at;
	uint64_t domain = 0;
	int r = json_get_object(&at, linux_at, "personality", JSON_MAY, e);

	if (r <= 0)
		return r;
	p->set = true;
	r = named_get(&domain, &at, "domain", spec_personalities, e);
	if (r >= 0)
		r = json_get_strv(&p->flags, &at, "flags", JSON_MAY, e);
	p->domain = (uint32_t)domain;
	return r;
}

static int get_time_offset(struct spec *s, const struct json_at *at, struct err *e)
{
	uint64_t nanosecs = 0;
	int r = json_as_object(at, e);

	for (size_t i = 0; r >= 0 && i < SPEC_CLOCKS; i++) {
		struct spec_time_offset *o = &s->time_offsets[i];

		if (!str_eq(at->key, spec_clock_names[i]))
			continue;
		o->set = true;
		r = json_get_i64(&o->secs, at, "secs", INT64_MIN, INT64_MAX, JSON_MAY, e);
		if (r >= 0)
			r = json_get_u64(&nanosecs, at, "nanosecs", 0, 999999999, JSON_MAY, e);
		o->nanosecs = (uint32_t)nanosecs;
		return r;
	}
	return r < 0 ? r : json_fail(at, EINVAL, e, "no such clock");
}

static int get_time_offsets(struct spec *s, const struct json_at *linux_at,
			    struct err *e)
{
	struct json_at map, item;
	int r = json_get_object(&map, linux_at, "timeOffsets", JSON_MAY, e);

	if (r <= 0)
		return r;
	json_each_member(&map, iter, item) {
		r = get_time_offset(s, &item, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int get_memory_policy(struct spec_memory_policy *p,
			     const struct json_at *linux_at, struct err *e)
{
	struct json_at at;
	uint64_t mode = 0, flags = 0;
	int r = json_get_object(&at, linux_at, "memoryPolicy", JSON_MAY, e);

	if (r <= 0)
		return r;
	p->set = true;
	r = named_get(&mode, &at, "mode", spec_memory_modes, e);
	if (r >= 0)
		r = json_get_copy(&p->nodes, &at, "nodes", JSON_MAY, e);
	if (r >= 0)
		r = named_get_flags(&flags, &at, "flags", spec_memory_flags, e);
	p->mode = (uint32_t)mode;
	p->flags = (uint32_t)flags;
	return r;
}

static int get_net_devices(struct spec *s, const struct json_at *linux_at,
			   struct err *e)
{
	struct json_at map, item;
	int r = json_get_object(&map, linux_at, "netDevices", JSON_MAY, e);

	if (r <= 0)
		return r;
	if (json_len(&map) > MAX_NET_DEVICES)
		return json_fail(&map, E2BIG, e, "more than %d", MAX_NET_DEVICES);
	json_each_member(&map, iter, item) {
		struct spec_net_device *d;

		r = json_as_object(&item, e);
		if (r < 0)
			return r;
		d = spec_add_net_device(s, item.key, NULL);
		r = json_get_copy(&d->rename, &item, "name", JSON_MAY, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* All that is in the object belongs to a mechanism that we do not have. */
static int get_intel_rdt(struct spec *s, const struct json_at *linux_at,
			 struct err *e)
{
	struct json_at at = json_member(linux_at, "intelRdt");
	int r = get_raw(&s->intel_rdt, linux_at, "intelRdt", e);

	if (r >= 0 && s->intel_rdt && !json_len(&at))
		free(take(s->intel_rdt));
	return r;
}

static int get_kernel(struct spec *s, const struct json_at *at, struct err *e)
{
	int r = get_personality(&s->personality, at, e);

	if (r >= 0)
		r = get_time_offsets(s, at, e);
	if (r >= 0)
		r = get_memory_policy(&s->memory_policy, at, e);
	if (r >= 0)
		r = get_net_devices(s, at, e);
	if (r >= 0)
		r = get_intel_rdt(s, at, e);
	return r;
}

static int get_linux(struct spec *s, const struct json_at *doc, struct err *e)
{
	struct json_at at;
	int r = json_get_object(&at, doc, "linux", JSON_MAY, e);

	if (r <= 0)
		return r;
	r = get_namespaces(s, &at, e);
	if (r >= 0)
		r = get_map(&s->idmap.uids, &at, "uidMappings", e);
	if (r >= 0)
		r = get_map(&s->idmap.gids, &at, "gidMappings", e);
	if (r >= 0)
		r = get_devices(s, &at, e);
	if (r >= 0)
		r = json_get_copy(&s->cgroups_path, &at, "cgroupsPath", JSON_MAY, e);
	if (r >= 0)
		r = spec_resources_get(&s->resources, &at, e);
	if (r >= 0)
		r = get_raw(&s->seccomp, &at, "seccomp", e);
	if (r >= 0)
		r = json_get_map(&s->sysctl, &at, "sysctl", JSON_MAY, e);
	if (r >= 0)
		r = json_get_strv(&s->masked_paths, &at, "maskedPaths", JSON_MAY, e);
	if (r >= 0)
		r = json_get_strv(&s->readonly_paths, &at, "readonlyPaths", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&s->rootfs_propagation, &at, "rootfsPropagation", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&s->mount_label, &at, "mountLabel", JSON_MAY, e);
	if (r >= 0)
		r = get_kernel(s, &at, e);
	return r;
}

/* --- the document --- */

static int get_root(struct spec *s, const struct json_at *doc, struct err *e)
{
	struct json_at at;
	int r = json_get_object(&at, doc, "root", JSON_MAY, e);

	if (r > 0)
		r = json_get_copy(&s->root_path, &at, "path", JSON_MUST, e);
	if (r > 0)
		r = json_get_bool(&s->root_readonly, &at, "readonly", JSON_MAY, e);
	return r;
}

static int get_spec(struct spec *s, const struct json_at *doc, struct err *e)
{
	struct json_at process;
	int r = json_as_object(doc, e);

	if (r >= 0)
		r = json_get_copy(&s->oci_version, doc, "ociVersion", JSON_MUST, e);
	if (r >= 0)
		r = get_root(s, doc, e);
	if (r >= 0)
		r = json_get_copy(&s->hostname, doc, "hostname", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&s->domainname, doc, "domainname", JSON_MAY, e);
	if (r >= 0)
		r = json_get_object(&process, doc, "process", JSON_MAY, e);
	if (r > 0)
		r = spec_process_get(&s->process, &process, e);
	if (r >= 0)
		r = get_mounts(s, doc, e);
	if (r >= 0)
		r = json_get_map(&s->annotations, doc, "annotations", JSON_MAY, e);
	if (r >= 0)
		r = get_hooks(s, doc, e);
	if (r >= 0)
		r = get_linux(s, doc, e);
	return r < 0 ? r : 0;
}

int spec_parse(struct spec *out, const char *json, size_t len, struct err *e)
{
	AUTO(json) json_t *tree = NULL;
	AUTO(spec) struct spec s;
	struct json_at doc;
	int r;

	spec_init(&s);
	if (len > MAX_SPEC)
		return err_set(e, EINVAL, "config.json: longer than %zu bytes",
			       MAX_SPEC);
	r = json_load_strict(&tree, json, len, e);
	doc = json_root(tree);
	if (r == 0)
		r = get_spec(&s, &doc, e);
	if (r < 0) {
		e->code = EINVAL;
		return err_ctx(e, -EINVAL, "config.json");
	}
	*out = s;
	spec_init(&s);
	return 0;
}
