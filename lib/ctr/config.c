#include "lib/ctr/config.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/idmap.h"
#include "lib/fmt/json.h"

/* How it works: every member that is a plain value stands once in the table
 * below, which prints, parses and releases it.  Arrays of structs follow by
 * hand. */
enum kind { K_STRING, K_BOOL, K_U64, K_I64, K_U32, K_ENUM, K_STRV };

#define F(kind, field) { kind, #field, offsetof(struct ctr_config, field) }

static const struct field {
	enum kind kind;
	const char *name;
	size_t offset;
} fields[] = {
	F(K_STRING, image), F(K_STRING, rootfs), F(K_STRING, hostname),
	F(K_STRING, domainname), F(K_STRING, user), F(K_STRING, workdir),
	F(K_STRV, env), F(K_STRV, entrypoint), F(K_STRV, cmd), F(K_STRV, labels),
	F(K_STRV, annotations), F(K_BOOL, tty), F(K_BOOL, stdin_open),
	F(K_BOOL, auto_remove), F(K_BOOL, read_only), F(K_BOOL, privileged),
	F(K_BOOL, init), F(K_BOOL, no_new_privs), F(K_BOOL, unmask),
	F(K_U64, shm_size), F(K_ENUM, net), F(K_STRING, net_container),
	F(K_BOOL, host_loopback), F(K_BOOL, publish_all), F(K_STRV, exposed), F(K_STRV, dns),
	F(K_STRV, dns_search), F(K_STRV, dns_options), F(K_STRV, add_hosts),
	F(K_STRV, cap_add), F(K_STRV, cap_drop), F(K_STRING, seccomp),
	F(K_STRV, group_add), F(K_STRV, sysctl), F(K_U64, memory),
	F(K_U64, memory_swap), F(K_U64, nano_cpus), F(K_U64, cpu_shares),
	F(K_STRING, cpuset_cpus), F(K_I64, pids_limit), F(K_BOOL, strict_limits),
	F(K_STRING, stop_signal),
	F(K_U64, stop_timeout_s), F(K_ENUM, log), F(K_U64, log_max_size),
	F(K_U64, log_max_files), F(K_ENUM, userns), F(K_U32, keep_uid),
	F(K_U32, keep_gid), F(K_STRING, snapshotter), F(K_STRING, platform),
	F(K_STRING, runtime),
};

static void *at(const struct ctr_config *c, const struct field *f)
{
	return (char *)c + f->offset;
}

void ctr_config_init(struct ctr_config *c)
{
	*c = (struct ctr_config){
		.shm_size = CTR_SHM_SIZE,
		.stop_timeout_s = CTR_STOP_TIMEOUT_S,
		.keep_uid = ID_NONE,
		.keep_gid = ID_NONE,
	};
}

void ctr_config_clear(struct ctr_config *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (fields[i].kind == K_STRING)
			free(*(char **)at(c, &fields[i]));
		else if (fields[i].kind == K_STRV)
			strv_clear(at(c, &fields[i]));
	}
	for (size_t i = 0; i < c->mount_count; i++)
		mount_opt_clear(&c->mounts[i]);
	free(c->mounts);
	for (size_t i = 0; i < c->ulimit_count; i++)
		free(c->ulimits[i].name);
	free(c->ulimits);
	ports_clear(&c->ports);
	ctr_config_init(c);
}

struct mount_opt *ctr_config_add_mount(struct ctr_config *c)
{
	struct mount_opt *m;

	c->mounts = mem_grow(c->mounts, c->mount_count + 1, sizeof(*c->mounts));
	m = &c->mounts[c->mount_count++];
	*m = (struct mount_opt)MOUNT_OPT_INIT;
	return m;
}

static void default_string(char **field, const char *value)
{
	if (!*field)
		*field = mem_str(value);
}

/* Environment of the image first, then what the user said. */
static void merge_env(struct strv *env, const struct strv *image)
{
	struct strv merged = STRV_INIT;

	for (size_t i = 0; i < image->len; i++)
		strv_setenv(&merged, image->v[i]);
	if (!strv_getenv(&merged, "PATH"))
		strv_add(&merged,
			 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (size_t i = 0; i < env->len; i++)
		strv_setenv(&merged, env->v[i]);
	strv_clear(env);
	*env = merged;
}

/* -P: what is exposed and not published yet goes to a free port. */
static void publish_exposed(struct ctr_config *c)
{
	for (size_t i = 0; i < c->exposed.len; i++) {
		AUTO(ports) struct ports more = PORTS_INIT;
		struct err ignored = ERR_INIT;

		/* What the image says may be nonsense; then it exposes nothing. */
		if (port_parse_expose(&more, c->exposed.v[i], &ignored) < 0)
			continue;
		for (size_t j = 0; j < more.len; j++) {
			bool known = false;

			for (size_t k = 0; k < c->ports.len; k++)
				known |= c->ports.at[k].ctr == more.at[j].ctr &&
					 c->ports.at[k].proto == more.at[j].proto;
			more.at[j].host = 0;
			if (!known)
				ports_add(&c->ports, &more.at[j]);
		}
	}
}

static bool has_target(const struct ctr_config *c, const char *target)
{
	for (size_t i = 0; i < c->mount_count; i++)
		if (str_eq(c->mounts[i].target, target))
			return true;
	return false;
}

/* VOLUME of the image: an anonymous volume, unless something is there. */
static void merge_volumes(struct ctr_config *c, const struct strv *volumes)
{
	for (size_t i = 0; i < volumes->len; i++) {
		AUTO_FREE char *target = NULL;
		struct mount_opt *m;

		if (volumes->v[i][0] != '/')
			continue;
		target = mount_clean_path(volumes->v[i]);
		if (str_eq(target, "/") || has_target(c, target))
			continue;
		m = ctr_config_add_mount(c);
		m->kind = MOUNT_VOLUME;
		m->target = take(target);
	}
}

void ctr_config_merge(struct ctr_config *c, const struct imgconf *image,
		      bool given_entrypoint)
{
	const struct imgconf_run *run = &image->run;

	default_string(&c->user, run->user);
	default_string(&c->workdir, run->working_dir);
	default_string(&c->stop_signal, run->stop_signal);
	merge_env(&c->env, &run->env);
	if (!given_entrypoint) {
		strv_join(&c->entrypoint, &run->entrypoint);
		if (!c->cmd.len)
			strv_join(&c->cmd, &run->cmd);
	}
	for (size_t i = 0; i < run->labels.len; i++) {
		AUTO_FREE char *key = mem_strn(run->labels.v[i], strcspn(run->labels.v[i], "="));

		if (!strv_getenv(&c->labels, key))
			strv_add(&c->labels, run->labels.v[i]);
	}
	for (size_t i = 0; i < run->exposed_ports.len; i++)
		if (!strv_has(&c->exposed, run->exposed_ports.v[i]))
			strv_add(&c->exposed, run->exposed_ports.v[i]);
	if (c->publish_all)
		publish_exposed(c);
	merge_volumes(c, &run->volumes);
	default_string(&c->stop_signal, "SIGTERM");
	default_string(&c->workdir, "/");
}

static void print_mounts(const struct ctr_config *c, struct json_w *w)
{
	json_m_array(w, "mounts");
	for (size_t i = 0; i < c->mount_count; i++) {
		const struct mount_opt *m = &c->mounts[i];

		json_w_object(w);
		json_m_u64(w, "kind", m->kind);
		json_m_string(w, "source", m->source);
		json_m_string(w, "target", m->target);
		json_m_flag(w, "read_only", m->read_only);
		json_m_u64(w, "flags", m->flags);
		json_m_u64(w, "propagation", m->propagation);
		json_m_flag(w, "not_recursive", m->not_recursive);
		json_m_flag(w, "no_copy", m->no_copy);
		json_m_flag(w, "chown", m->chown);
		json_m_u64(w, "size", m->size);
		json_m_u64(w, "mode", m->mode);
		json_m_u64(w, "uid", m->uid);
		json_m_u64(w, "gid", m->gid);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_ports(const struct ctr_config *c, struct json_w *w)
{
	json_m_array(w, "ports");
	for (size_t i = 0; i < c->ports.len; i++) {
		json_w_object(w);
		json_m_string(w, "ip", c->ports.at[i].ip);
		json_m_u64(w, "host", c->ports.at[i].host);
		json_m_u64(w, "ctr", c->ports.at[i].ctr);
		json_m_u64(w, "proto", c->ports.at[i].proto);
		json_w_end(w);
	}
	json_w_end(w);
	json_m_array(w, "ulimits");
	for (size_t i = 0; i < c->ulimit_count; i++) {
		json_w_object(w);
		json_m_string(w, "name", c->ulimits[i].name);
		json_m_u64(w, "soft", c->ulimits[i].soft);
		json_m_u64(w, "hard", c->ulimits[i].hard);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_field(struct json_w *w, const struct field *f, const void *p)
{
	switch (f->kind) {
	case K_STRING:
		json_m_string(w, f->name, *(char *const *)p);
		break;
	case K_BOOL:
		json_m_flag(w, f->name, *(const bool *)p);
		break;
	case K_U64:
		if (*(const uint64_t *)p)
			json_m_u64(w, f->name, *(const uint64_t *)p);
		break;
	case K_I64:
		if (*(const int64_t *)p)
			json_m_i64(w, f->name, *(const int64_t *)p);
		break;
	case K_U32:
	case K_ENUM:
		json_m_u64(w, f->name, *(const unsigned *)p);
		break;
	case K_STRV:
		json_m_strv(w, f->name, p);
		break;
	}
}

void ctr_config_print(const struct ctr_config *c, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);

	json_w_object(&w);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		print_field(&w, &fields[i], at(c, &fields[i]));
	if (c->mount_count)
		print_mounts(c, &w);
	if (c->ports.len || c->ulimit_count)
		print_ports(c, &w);
	json_w_end(&w);
}

static int parse_field(const struct field *f, void *p, const struct json_at *root,
		       struct err *e)
{
	switch (f->kind) {
	case K_STRING:
		return json_get_copy(p, root, f->name, JSON_MAY, e);
	case K_BOOL:
		return json_get_bool(p, root, f->name, JSON_MAY, e);
	case K_U64:
		/* left out when zero, whatever the default is */
		*(uint64_t *)p = 0;
		return json_get_u64(p, root, f->name, 0, UINT64_MAX, JSON_MAY, e);
	case K_I64:
		return json_get_i64(p, root, f->name, INT64_MIN, INT64_MAX, JSON_MAY, e);
	case K_U32:
	case K_ENUM:
		return json_get_u32(p, root, f->name, JSON_MAY, e);
	case K_STRV:
		return json_get_strv(p, root, f->name, JSON_MAY, e);
	}
	return 0;
}

static int parse_mount(struct mount_opt *m, const struct json_at *o, struct err *e)
{
	uint32_t kind = 0, propagation = 0;
	int r;

	if ((r = json_get_u32(&kind, o, "kind", JSON_MUST, e)) < 0 ||
	    (r = json_get_copy(&m->source, o, "source", JSON_MAY, e)) < 0 ||
	    (r = json_get_copy(&m->target, o, "target", JSON_MUST, e)) < 0 ||
	    (r = json_get_bool(&m->read_only, o, "read_only", JSON_MAY, e)) < 0 ||
	    (r = json_get_u32(&m->flags, o, "flags", JSON_MAY, e)) < 0 ||
	    (r = json_get_u32(&propagation, o, "propagation", JSON_MAY, e)) < 0 ||
	    (r = json_get_bool(&m->not_recursive, o, "not_recursive", JSON_MAY, e)) < 0 ||
	    (r = json_get_bool(&m->no_copy, o, "no_copy", JSON_MAY, e)) < 0 ||
	    (r = json_get_bool(&m->chown, o, "chown", JSON_MAY, e)) < 0 ||
	    (r = json_get_u64(&m->size, o, "size", 0, UINT64_MAX, JSON_MAY, e)) < 0 ||
	    (r = json_get_u32(&m->mode, o, "mode", JSON_MAY, e)) < 0 ||
	    (r = json_get_u32(&m->uid, o, "uid", JSON_MAY, e)) < 0 ||
	    (r = json_get_u32(&m->gid, o, "gid", JSON_MAY, e)) < 0)
		return r;
	if (kind > MOUNT_TMPFS || propagation > MOUNT_RSHARED)
		return json_fail(o, EBADMSG, e, "not a mount");
	m->kind = (enum mount_kind)kind;
	m->propagation = (enum mount_propagation)propagation;
	return 0;
}

static int parse_mounts(struct ctr_config *c, const struct json_at *root, struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, root, "mounts", 4096, JSON_MAY, e);

	for (size_t i = 0; r == 1 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);

		if (parse_mount(ctr_config_add_mount(c), &item, e) < 0)
			r = -e->code;
	}
	return r;
}

static int parse_ports(struct ctr_config *c, const struct json_at *root, struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, root, "ports", MAX_PORTS, JSON_MAY, e);

	for (size_t i = 0; r == 1 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		uint64_t host = 0, ctr = 0, proto = 0;
		const char *ip = "";
		struct port p = { .host = 0 };

		if (json_get_string(&ip, &item, "ip", JSON_MAY, e) < 0 ||
		    json_get_u64(&host, &item, "host", 0, 65535, JSON_MAY, e) < 0 ||
		    json_get_u64(&ctr, &item, "ctr", 1, 65535, JSON_MUST, e) < 0 ||
		    json_get_u64(&proto, &item, "proto", 0, PORT_UDP, JSON_MAY, e) < 0)
			return -e->code;
		if (!str_copy(p.ip, sizeof(p.ip), ip))
			return json_fail(&item, EBADMSG, e, "bad address");
		p.host = (uint16_t)host;
		p.ctr = (uint16_t)ctr;
		p.proto = (enum port_proto)proto;
		ports_add(&c->ports, &p);
	}
	return r;
}

static int parse_ulimits(struct ctr_config *c, const struct json_at *root, struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, root, "ulimits", 64, JSON_MAY, e);

	for (size_t i = 0; r == 1 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		struct ctr_ulimit *u;

		c->ulimits = mem_grow(c->ulimits, c->ulimit_count + 1, sizeof(*u));
		u = &c->ulimits[c->ulimit_count++];
		*u = (struct ctr_ulimit){ .name = NULL };
		if (json_get_copy(&u->name, &item, "name", JSON_MUST, e) < 0 ||
		    json_get_u64(&u->soft, &item, "soft", 0, UINT64_MAX, JSON_MUST, e) < 0 ||
		    json_get_u64(&u->hard, &item, "hard", 0, UINT64_MAX, JSON_MUST, e) < 0)
			return -e->code;
	}
	return r;
}

int ctr_config_parse(struct ctr_config *out, const char *json, size_t len, struct err *e)
{
	AUTO(json) json_t *doc = NULL;
	AUTO(ctr_config) struct ctr_config c;
	struct json_at root;
	int r = json_load_strict(&doc, json, len, e);

	ctr_config_init(&c);
	if (r < 0)
		return err_ctx(e, r, "container config");
	root = json_root(doc);
	for (size_t i = 0; i < ARRAY_SIZE(fields) && r >= 0; i++)
		r = parse_field(&fields[i], at(&c, &fields[i]), &root, e);
	if (r >= 0)
		r = parse_mounts(&c, &root, e);
	if (r >= 0)
		r = parse_ports(&c, &root, e);
	if (r >= 0)
		r = parse_ulimits(&c, &root, e);
	if (r >= 0 && (c.net > CTR_NET_CONTAINER || c.log > CTR_LOG_NONE ||
		       c.userns > CTR_USERNS_NOMAP))
		r = err_set(e, EBADMSG, "bad value");
	if (r < 0)
		return err_ctx(e, r, "container config");
	*out = c;
	ctr_config_init(&c);
	return 0;
}
