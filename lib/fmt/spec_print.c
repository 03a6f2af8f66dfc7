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

void spec_id_put(struct json_w *w, const char *key, uint32_t id)
{
	if (id != ID_NONE)
		json_m_u64(w, key, id);
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
		if (m->idmap) {
			print_ids(w, "uidMappings", &m->idmap->uids);
			print_ids(w, "gidMappings", &m->idmap->gids);
		}
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
		spec_id_put(w, "fileMode", d->mode);
		spec_id_put(w, "uid", d->uid);
		spec_id_put(w, "gid", d->gid);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_personality(struct json_w *w, const struct spec_personality *p)
{
	if (!p->set)
		return;
	json_m_object(w, "personality");
	json_m_string(w, "domain", named_of(spec_personalities, p->domain));
	json_m_strv(w, "flags", &p->flags);
	json_w_end(w);
}

static void print_time_offsets(struct json_w *w, const struct spec *s)
{
	bool is_open = false;

	for (size_t i = 0; i < SPEC_CLOCKS; i++) {
		const struct spec_time_offset *o = &s->time_offsets[i];

		if (!o->set)
			continue;
		if (!is_open)
			json_m_object(w, "timeOffsets");
		is_open = true;
		json_m_object(w, spec_clock_names[i]);
		json_m_i64(w, "secs", o->secs);
		json_m_u64(w, "nanosecs", o->nanosecs);
		json_w_end(w);
	}
	if (is_open)
		json_w_end(w);
}

static void print_memory_policy(struct json_w *w, const struct spec_memory_policy *p)
{
	if (!p->set)
		return;
	json_m_object(w, "memoryPolicy");
	json_m_string(w, "mode", named_of(spec_memory_modes, p->mode));
	json_m_string(w, "nodes", p->nodes);
	named_print_flags(w, "flags", spec_memory_flags, p->flags);
	json_w_end(w);
}

static void print_net_devices(struct json_w *w, const struct spec *s)
{
	if (!s->net_device_count)
		return;
	json_m_object(w, "netDevices");
	for (size_t i = 0; i < s->net_device_count; i++) {
		json_m_object(w, s->net_devices[i].name);
		json_m_string(w, "name", s->net_devices[i].rename);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_raw(struct json_w *w, const char *key, const char *json)
{
	if (!json)
		return;
	json_w_key(w, key);
	json_w_raw(w, json);
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
	print_raw(w, "seccomp", s->seccomp);
	json_m_map(w, "sysctl", &s->sysctl);
	json_m_strv(w, "maskedPaths", &s->masked_paths);
	json_m_strv(w, "readonlyPaths", &s->readonly_paths);
	json_m_string(w, "rootfsPropagation", s->rootfs_propagation);
	json_m_string(w, "mountLabel", s->mount_label);
	print_personality(w, &s->personality);
	print_time_offsets(w, s);
	print_memory_policy(w, &s->memory_policy);
	print_net_devices(w, s);
	print_raw(w, "intelRdt", s->intel_rdt);
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
	spec_process_put(&w, &s->process);
	print_mounts(&w, s);
	json_m_map(&w, "annotations", &s->annotations);
	print_hooks(&w, &s->hooks);
	print_linux(&w, s);
	json_w_end(&w);
}
