#include "lib/fmt/spec_text.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MAX_GROUPS 65536	/* NGROUPS_MAX */

/* The last id is not an id: chown takes it for "leave alone". */
static int get_id(uint32_t *out, const struct json_at *at, const char *key,
		  enum json_need need, struct err *e)
{
	uint64_t v;
	int r = json_get_u64(&v, at, key, 0, ID_NONE - 1, need, e);

	if (r > 0)
		*out = (uint32_t)v;
	return r;
}

static int get_text(char **out, const struct json_at *at, const char *key,
		    struct err *e)
{
	return json_get_copy(out, at, key, JSON_MAY, e);
}

/* --- process --- */

static int get_groups(struct spec_user *u, const struct json_at *at,
		      struct err *e)
{
	struct json_at list;
	uint64_t gid;
	int r = json_get_list(&list, at, "additionalGids", MAX_GROUPS, JSON_MAY, e);

	if (r <= 0)
		return r;
	u->groups = mem_zero(json_len(&list), sizeof(*u->groups));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);

		r = json_as_u64(&gid, &item, 0, ID_NONE - 1, e);
		if (r < 0)
			return r;
		u->groups[u->group_count++] = (uint32_t)gid;
	}
	return 0;
}

static int get_user(struct spec_user *u, const struct json_at *process,
		    struct err *e)
{
	struct json_at at;
	uint64_t umask = ID_NONE;
	int r = json_get_object(&at, process, "user", JSON_MAY, e);

	if (r <= 0)
		return r;
	r = get_id(&u->uid, &at, "uid", JSON_MAY, e);
	if (r >= 0)
		r = get_id(&u->gid, &at, "gid", JSON_MAY, e);
	if (r >= 0)
		r = json_get_u64(&umask, &at, "umask", 0, 0777, JSON_MAY, e);
	u->umask = (uint32_t)umask;
	if (r >= 0)
		r = get_groups(u, &at, e);
	return r;
}

static int get_console(struct spec_process *p, const struct json_at *process,
		       struct err *e)
{
	struct json_at at;
	uint64_t rows = 0;
	uint64_t cols = 0;
	int r = json_get_object(&at, process, "consoleSize", JSON_MAY, e);

	if (r > 0)
		r = json_get_u64(&rows, &at, "height", 0, UINT16_MAX, JSON_MUST, e);
	if (r > 0)
		r = json_get_u64(&cols, &at, "width", 0, UINT16_MAX, JSON_MUST, e);
	p->rows = (uint16_t)rows;
	p->cols = (uint16_t)cols;
	return r;
}

static int get_cap_set(uint64_t *out, const struct json_at *at, const char *key,
		       struct err *e)
{
	struct json_at list;
	const char *name;
	int r = json_get_list(&list, at, key, MAX_JSON_DEPTH * 4, JSON_MAY, e);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		int cap;

		r = json_as_string(&name, &item, e);
		if (r < 0)
			return r;
		cap = cap_number(name);
		if (cap < 0)
			return json_fail(&item, EINVAL, e,
					 "no such capability: '%s'", name);
		*out |= CAP_BIT(cap);
	}
	return 0;
}

static int get_caps(struct spec_caps *c, const struct json_at *process,
		    struct err *e)
{
	struct json_at at;
	int r = json_get_object(&at, process, "capabilities", JSON_MAY, e);

	if (r <= 0)
		return r;
	c->set = true;
	r = get_cap_set(&c->bounding, &at, "bounding", e);
	if (r >= 0)
		r = get_cap_set(&c->effective, &at, "effective", e);
	if (r >= 0)
		r = get_cap_set(&c->inheritable, &at, "inheritable", e);
	if (r >= 0)
		r = get_cap_set(&c->permitted, &at, "permitted", e);
	if (r >= 0)
		r = get_cap_set(&c->ambient, &at, "ambient", e);
	return r;
}

static int get_rlimits(struct spec *s, const struct json_at *process,
		       struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, process, "rlimits", MAX_COMPONENT, JSON_MAY, e);

	for (size_t i = 0; r > 0 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		uint64_t soft = 0;
		uint64_t hard = 0;
		const char *type;

		r = json_as_object(&item, e);
		if (r >= 0)
			r = json_get_string(&type, &item, "type", JSON_MUST, e);
		if (r >= 0)
			r = json_get_u64(&soft, &item, "soft", 0, UINT64_MAX, JSON_MUST, e);
		if (r >= 0)
			r = json_get_u64(&hard, &item, "hard", 0, UINT64_MAX, JSON_MUST, e);
		if (r >= 0)
			spec_add_rlimit(s, type, soft, hard);
	}
	return r;
}

static int get_oom(struct spec_process *p, const struct json_at *at,
		   struct err *e)
{
	int64_t v = 0;
	int r = json_get_i64(&v, at, "oomScoreAdj", -1000, 1000, JSON_MAY, e);

	p->oom_score_set = r > 0;
	p->oom_score_adj = (int)v;
	return r;
}

static int get_process(struct spec *s, const struct json_at *doc, struct err *e)
{
	struct spec_process *p = &s->process;
	struct json_at at, args;
	int r = json_get_object(&at, doc, "process", JSON_MAY, e);

	if (r <= 0)
		return r;
	args = json_member(&at, "args");
	r = json_get_strv(&p->args, &at, "args", JSON_MUST, e);
	if (r >= 0 && !p->args.len)
		r = json_fail(&args, EINVAL, e, "empty");
	if (r >= 0)
		r = json_get_copy(&p->cwd, &at, "cwd", JSON_MUST, e);
	if (r >= 0)
		r = json_get_bool(&p->terminal, &at, "terminal", JSON_MAY, e);
	if (r >= 0)
		r = get_console(p, &at, e);
	if (r >= 0)
		r = get_user(&p->user, &at, e);
	if (r >= 0)
		r = json_get_strv(&p->env, &at, "env", JSON_MAY, e);
	if (r >= 0)
		r = get_caps(&p->caps, &at, e);
	if (r >= 0)
		r = get_rlimits(s, &at, e);
	if (r >= 0)
		r = json_get_bool(&p->no_new_privs, &at, "noNewPrivileges", JSON_MAY, e);
	if (r >= 0)
		r = get_text(&p->apparmor, &at, "apparmorProfile", e);
	if (r >= 0)
		r = get_text(&p->selinux_label, &at, "selinuxLabel", e);
	if (r >= 0)
		r = get_oom(p, &at, e);
	return r;
}

/* --- mounts and hooks --- */

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
	r = get_text(&m->type, at, "type", e);
	if (r >= 0)
		r = get_text(&m->source, at, "source", e);
	if (r >= 0)
		r = json_get_strv(&m->options, at, "options", JSON_MAY, e);
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
		return get_text(&s->ns[i].path, at, "path", e);
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

static int get_map(struct id_ranges *out, const struct json_at *linux_at,
		   const char *key, struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, linux_at, key, MAX_IDMAP, JSON_MAY, e);

	for (size_t i = 0; r > 0 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		struct err why = ERR_INIT;
		uint32_t inside, outside, size;

		r = json_as_object(&item, e);
		if (r >= 0)
			r = get_id(&inside, &item, "containerID", JSON_MUST, e);
		if (r >= 0)
			r = get_id(&outside, &item, "hostID", JSON_MUST, e);
		if (r >= 0)
			r = json_get_u32(&size, &item, "size", JSON_MUST, e);
		if (r >= 0 && id_add(out, inside, outside, size, &why) < 0)
			r = json_fail(&item, EINVAL, e, "%s", why.text);
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
		r = get_id(&d->uid, at, "uid", JSON_MAY, e);
	if (r >= 0)
		r = get_id(&d->gid, at, "gid", JSON_MAY, e);
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

static int get_seccomp(struct spec *s, const struct json_at *linux_at,
		       struct err *e)
{
	struct buf text = BUF_INIT(MAX_SPEC * 2);
	struct json_w w = JSON_W_INIT(&text);
	struct json_at at;
	int r = json_get_object(&at, linux_at, "seccomp", JSON_MAY, e);

	if (r <= 0)
		return r;
	json_w_value(&w, at.value);
	r = buf_ok(&text, "linux.seccomp", e);
	if (r == 0)
		s->seccomp = buf_steal(&text);
	buf_clear(&text);
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
		r = get_text(&s->cgroups_path, &at, "cgroupsPath", e);
	if (r >= 0)
		r = spec_resources_get(&s->resources, &at, e);
	if (r >= 0)
		r = get_seccomp(s, &at, e);
	if (r >= 0)
		r = json_get_map(&s->sysctl, &at, "sysctl", JSON_MAY, e);
	if (r >= 0)
		r = json_get_strv(&s->masked_paths, &at, "maskedPaths", JSON_MAY, e);
	if (r >= 0)
		r = json_get_strv(&s->readonly_paths, &at, "readonlyPaths", JSON_MAY, e);
	if (r >= 0)
		r = get_text(&s->rootfs_propagation, &at, "rootfsPropagation", e);
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
	int r = json_as_object(doc, e);

	if (r >= 0)
		r = json_get_copy(&s->oci_version, doc, "ociVersion", JSON_MUST, e);
	if (r >= 0)
		r = get_root(s, doc, e);
	if (r >= 0)
		r = get_text(&s->hostname, doc, "hostname", e);
	if (r >= 0)
		r = get_text(&s->domainname, doc, "domainname", e);
	if (r >= 0)
		r = get_process(s, doc, e);
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
