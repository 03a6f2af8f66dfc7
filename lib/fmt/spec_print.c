#include "lib/fmt/spec_text.h"

static void print_ids(struct json_w *w, const char *key,
		      const struct id_ranges *m)
{
	if (!m->len)
		return;
	json_m_array(w, key);
	for (size_t i = 0; i < m->len; i++) {
		json_w_object(w);
		json_m_u64(w, "containerID", m->at[i].inside);
		json_m_u64(w, "hostID", m->at[i].outside);
		json_m_u64(w, "size", m->at[i].count);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_id(struct json_w *w, const char *key, uint32_t id)
{
	if (id != ID_NONE)
		json_m_u64(w, key, id);
}

/* --- process --- */

static void print_user(struct json_w *w, const struct spec_user *u)
{
	json_m_object(w, "user");
	json_m_u64(w, "uid", u->uid);
	json_m_u64(w, "gid", u->gid);
	print_id(w, "umask", u->umask);
	if (u->group_count) {
		json_m_array(w, "additionalGids");
		for (size_t i = 0; i < u->group_count; i++)
			json_w_u64(w, u->groups[i]);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_cap_set(struct json_w *w, const char *key, uint64_t set)
{
	json_m_array(w, key);
	for (unsigned i = 0; i < CAP_COUNT; i++)
		if (set & CAP_BIT(i))
			json_w_string(w, cap_name(i));
	json_w_end(w);
}

static void print_caps(struct json_w *w, const struct spec_caps *c)
{
	if (!c->set)
		return;
	json_m_object(w, "capabilities");
	print_cap_set(w, "bounding", c->bounding);
	print_cap_set(w, "effective", c->effective);
	print_cap_set(w, "inheritable", c->inheritable);
	print_cap_set(w, "permitted", c->permitted);
	print_cap_set(w, "ambient", c->ambient);
	json_w_end(w);
}

static void print_rlimits(struct json_w *w, const struct spec_process *p)
{
	if (!p->rlimit_count)
		return;
	json_m_array(w, "rlimits");
	for (size_t i = 0; i < p->rlimit_count; i++) {
		json_w_object(w);
		json_m_string(w, "type", p->rlimits[i].type);
		json_m_u64(w, "hard", p->rlimits[i].hard);
		json_m_u64(w, "soft", p->rlimits[i].soft);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_process(struct json_w *w, const struct spec_process *p)
{
	if (!p->args.len)
		return;
	json_m_object(w, "process");
	json_m_flag(w, "terminal", p->terminal);
	if (p->rows || p->cols) {
		json_m_object(w, "consoleSize");
		json_m_u64(w, "height", p->rows);
		json_m_u64(w, "width", p->cols);
		json_w_end(w);
	}
	print_user(w, &p->user);
	json_m_strv(w, "args", &p->args);
	json_m_strv(w, "env", &p->env);
	json_m_string(w, "cwd", p->cwd);
	print_caps(w, &p->caps);
	print_rlimits(w, p);
	json_m_flag(w, "noNewPrivileges", p->no_new_privs);
	json_m_string(w, "apparmorProfile", p->apparmor);
	json_m_string(w, "selinuxLabel", p->selinux_label);
	if (p->oom_score_set)
		json_m_i64(w, "oomScoreAdj", p->oom_score_adj);
	json_w_end(w);
}

/* --- mounts and hooks --- */

static void print_mounts(struct json_w *w, const struct spec *s)
{
	if (!s->mount_count)
		return;
	json_m_array(w, "mounts");
	for (size_t i = 0; i < s->mount_count; i++) {
		const struct spec_mount *m = &s->mounts[i];

		json_w_object(w);
		json_m_string(w, "destination", m->destination);
		json_m_string(w, "type", m->type);
		json_m_string(w, "source", m->source);
		json_m_strv(w, "options", &m->options);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_hook(struct json_w *w, const struct spec_hook *h)
{
	json_w_object(w);
	json_m_string(w, "path", h->path);
	json_m_strv(w, "args", &h->args);
	json_m_strv(w, "env", &h->env);
	if (h->timeout_s)
		json_m_u64(w, "timeout", h->timeout_s);
	json_w_end(w);
}

static void print_hooks(struct json_w *w, const struct spec_hooks *h)
{
	size_t all = 0;

	for (size_t point = 0; point < SPEC_HOOK_POINTS; point++)
		all += h->count[point];
	if (!all)
		return;
	json_m_object(w, "hooks");
	for (size_t point = 0; point < SPEC_HOOK_POINTS; point++) {
		if (!h->count[point])
			continue;
		json_m_array(w, spec_hook_names[point]);
		for (size_t i = 0; i < h->count[point]; i++)
			print_hook(w, &h->at[point][i]);
		json_w_end(w);
	}
	json_w_end(w);
}

/* --- linux --- */

static void print_namespaces(struct json_w *w, const struct spec *s)
{
	json_m_array(w, "namespaces");
	for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
		if (!s->ns[i].set)
			continue;
		json_w_object(w);
		json_m_string(w, "type", spec_ns_names[i]);
		json_m_string(w, "path", s->ns[i].path);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_devices(struct json_w *w, const struct spec *s)
{
	if (!s->device_count)
		return;
	json_m_array(w, "devices");
	for (size_t i = 0; i < s->device_count; i++) {
		const struct spec_device *d = &s->devices[i];

		json_w_object(w);
		json_m_string(w, "path", d->path);
		json_w_key(w, "type");
		json_w_stringn(w, &d->type, 1);
		json_m_i64(w, "major", d->major);
		json_m_i64(w, "minor", d->minor);
		print_id(w, "fileMode", d->mode);
		print_id(w, "uid", d->uid);
		print_id(w, "gid", d->gid);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_linux(struct json_w *w, const struct spec *s)
{
	json_m_object(w, "linux");
	print_ids(w, "uidMappings", &s->idmap.uids);
	print_ids(w, "gidMappings", &s->idmap.gids);
	print_namespaces(w, s);
	print_devices(w, s);
	json_m_string(w, "cgroupsPath", s->cgroups_path);
	spec_resources_put(w, &s->resources);
	if (s->seccomp) {
		json_w_key(w, "seccomp");
		json_w_raw(w, s->seccomp);
	}
	json_m_map(w, "sysctl", &s->sysctl);
	json_m_strv(w, "maskedPaths", &s->masked_paths);
	json_m_strv(w, "readonlyPaths", &s->readonly_paths);
	json_m_string(w, "rootfsPropagation", s->rootfs_propagation);
	json_w_end(w);
}

void spec_print(const struct spec *s, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);

	json_w_object(&w);
	json_m_string(&w, "ociVersion", s->oci_version);
	if (s->root_path) {
		json_m_object(&w, "root");
		json_m_string(&w, "path", s->root_path);
		json_m_flag(&w, "readonly", s->root_readonly);
		json_w_end(&w);
	}
	json_m_string(&w, "hostname", s->hostname);
	json_m_string(&w, "domainname", s->domainname);
	print_process(&w, &s->process);
	print_mounts(&w, s);
	json_m_map(&w, "annotations", &s->annotations);
	print_hooks(&w, &s->hooks);
	print_linux(&w, s);
	json_w_end(&w);
}
