#include "lib/ctr/create.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/ctr/files.h"
#include "lib/ctr/layers.h"
#include "lib/ctr/names.h"
#include "lib/ctr/spec.h"
#include "lib/ctr/start.h"
#include "lib/fmt/ref.h"
#include "lib/fmt/user.h"
#include "lib/store/volumes.h"

#define MAX_NAME_TRIES 10

int ctr_find_image(struct image *out, struct ctr_env *env, const char *text, struct err *e)
{
	AUTO(ref) struct ref ref = REF_INIT;
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	struct err err = ERR_INIT;
	const char *hex;
	int r = ref_parse(&ref, text, &err);

	if (r == 0) {
		ref_default_tag(&ref);
		ref_print(&ref, &name);
		r = image_get(out, env->store, env->ns, name.data, &err);
	}
	if (r < 0 && (ref_is_id_prefix(text, &hex) || strchr(text, '@'))) {
		const char *at = strchr(text, '@');

		err_clear(&err);
		r = image_find(out, env->store, env->ns, at ? at + 1 : text, &err);
	}
	if (r < 0)
		(void)err_move(e, &err);
	if (r == -ENOENT) {
		err_clear(e);
		(void)err_set(e, ENOENT, "image '%s' is not in the store", text);
		return err_hint(e, r, "image.missing");
	}
	return r;
}

int ctr_image_docs(struct image_docs *out, struct ctr_env *env, const struct image *image,
		   struct err *e)
{
	static const struct platform any;
	int r = image_docs_load(out, env->store, &image->manifest, &any, e);

	if (r < 0)
		return err_ctx(e, r, "image '%s'", str_or(image->name, "<none>"));
	(void)imgconf_drop_reserved(&out->config);
	return 0;
}

/* --- mounts --- */

static int bind_source(char **out, const struct mount_opt *m, struct err *e)
{
	AUTO_FD int fd = -1;

	if (m->source[0] != '/')
		return err_set(e, EINVAL, "mount '%s': source '%s' is not absolute", m->target,
			       m->source);
	if (access(m->source, F_OK) < 0) {
		if (errno != ENOENT || !m->make_source)
			return err_sys(e, "mount '%s': source '%s'", m->target, m->source);
		fd = fs_mkdirs(AT_FDCWD, m->source, 0755, e);
		if (fd < 0)
			return err_ctx(e, fd, "mount '%s'", m->target);
	}
	*out = mem_str(m->source);
	return 0;
}

struct source {
	char *path;			/* NULL: of a tmpfs */
	char *draft;			/* of a volume that is not there yet */
	bool is_anonymous;
};

struct sources {
	struct source *at;		/* one for each mount */
	size_t len;
};

static void sources_auto(struct sources *s)
{
	for (size_t i = 0; i < s->len; i++) {
		free(s->at[i].path);
		free(s->at[i].draft);
	}
	free(s->at);
}

/* One without a name gets a random one. */
static int volume_source(struct source *out, struct ctr_env *env, struct mount_opt *m,
			 struct err *e)
{
	AUTO(volume) struct volume v = VOLUME_INIT;
	struct err missing = ERR_INIT;
	char id[ID_LEN + 1];
	int r;

	if (!m->source) {
		r = id_make(id, e);
		if (r < 0)
			return r;
		m->source = mem_str(id);
		out->is_anonymous = true;
	}
	if (!str_is_name(m->source))
		return err_set(e, EINVAL,
			       "mount '%s': '%s' is neither a path nor the name of a volume",
			       m->target, m->source);
	out->path = volume_path(env->store, env->ns, m->source);
	r = volume_get(&v, env->store, env->ns, m->source, &missing);
	if (r == -ENOENT)
		return volume_draft(&out->draft, env->store, env->ns, e);
	return r < 0 ? err_move(e, &missing) : 0;
}

static int find_sources(struct sources *out, struct ctr_env *env, struct ctr_config *c,
			struct err *e)
{
	out->len = c->mount_count;
	out->at = mem_zero(c->mount_count, sizeof(*out->at));
	for (size_t i = 0; i < c->mount_count; i++) {
		struct mount_opt *m = &c->mounts[i];
		int r = 0;

		if (m->kind == MOUNT_BIND)
			r = bind_source(&out->at[i].path, m, e);
		else if (m->kind == MOUNT_VOLUME)
			r = volume_source(&out->at[i], env, m, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What a new volume has of the image, while it is not a volume yet. */
static int fill_volumes(struct ctr_env *env, const struct ctr_bundle *b,
			const struct ctr_layers *layers, const struct sources *sources,
			struct err *e)
{
	for (size_t i = 0; i < sources->len; i++) {
		const struct mount_opt *m = &b->config.mounts[i];
		int r;

		if (!sources->at[i].draft || m->no_copy)
			continue;
		r = ctr_layers_fill(env, b, layers, m->target, sources->at[i].draft, e);
		if (r < 0)
			return err_ctx(e, r, "fill volume '%s'", m->source);
	}
	return 0;
}

static int use_volume(struct ctr_env *env, const struct ctr_bundle *b, size_t mount,
		      const struct source *s, struct err *e)
{
	const struct volume v = {
		.ns = (char *)env->ns,
		.name = b->config.mounts[mount].source,
		.is_anonymous = s->is_anonymous,
	};
	int r = s->draft ? volume_settle(env->store, &v, s->draft, e) : 0;

	return r < 0 ? r : volume_use(env->store, env->ns, v.name, b->id, e);
}

static void end_drafts(struct ctr_env *env, const struct ctr_config *c,
		       const struct sources *sources)
{
	for (size_t i = 0; i < sources->len; i++)
		if (sources->at[i].draft)
			volume_end_draft(env->store, env->ns, sources->at[i].draft,
					 c->mounts[i].source);
}

/* --- files --- */

static int write_files(struct ctr_env *env, const struct ctr_bundle *b, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	AUTO(buf) struct buf host = BUF_INIT(KIB(64));
	AUTO_FD int dir = container_open_dir(env->store, env->ns, b->id, e);
	struct ctr_addresses a;
	int r;

	if (dir < 0)
		return dir;
	ctr_addresses(&a, b->config.net);
	spec_print(&b->spec, &text);
	r = buf_ok(&text, "config.json", e);
	if (r == 0)
		r = fs_replace(dir, "config.json", text.data, text.len, 0600, FS_NOSYNC, e);
	buf_reset(&text);
	if (r == 0)
		r = ctr_hosts(&text, &b->config, b->spec.hostname, b->name, &a, e);
	if (r == 0)
		r = fs_replace(dir, "hosts", text.data, text.len, 0644, FS_NOSYNC, e);
	buf_reset(&text);
	ctr_host_resolv_conf(&host);
	ctr_resolv_conf(&text, &b->config, &a, host.data);
	if (r == 0)
		r = fs_replace(dir, "resolv.conf", text.data, text.len, 0644, FS_NOSYNC, e);
	buf_reset(&text);
	buf_addf(&text, "%s\n", b->spec.hostname);
	if (r == 0)
		r = fs_replace(dir, "hostname", text.data, text.len, 0644, FS_NOSYNC, e);
	return r;
}

/* --- rows --- */

static int put_row(struct ctr_env *env, const struct ctr_bundle *b, const struct image *image,
		   const struct sources *sources, int64_t snapshot, struct err *e)
{
	AUTO(buf) struct buf config = BUF_INIT(MAX_SPEC);
	struct container row = {
		.id = b->id,
		.ns = (char *)env->ns,
		.name = b->name,
		.image = b->config.image,
		.manifest = image->manifest,
		.config_digest = image->config,
		.snapshot = snapshot,
		.exit_code = EXIT_UNKNOWN,
		.labels = b->config.labels,
	};
	int r;

	ctr_config_print(&b->config, &config);
	r = buf_ok(&config, "container config", e);
	if (r < 0)
		return r;
	row.config = config.data;
	row.flags = (b->config.auto_remove ? CONTAINER_AUTO_REMOVE : 0) |
		    (b->config.tty ? CONTAINER_TTY : 0) |
		    (b->config.stdin_open ? CONTAINER_STDIN : 0);
	r = container_put(env->store, &row, e);
	for (size_t i = 0; r == 0 && i < b->config.mount_count; i++)
		if (b->config.mounts[i].kind == MOUNT_VOLUME)
			r = use_volume(env, b, i, &sources->at[i], e);
	return r == -EEXIST ? err_hint(e, r, "container.name") : r;
}

/* 0 up to which are mapped without a gap; the kernel takes no more than int. */
static uint32_t max_gid(const struct id_ranges *m)
{
	uint64_t end = 0;

	for (size_t i = 0; i < m->len; i++)
		for (size_t j = 0; j < m->len; j++)
			if (m->at[j].inside == end)
				end += m->at[j].count;
	return end ? end > INT32_MAX ? INT32_MAX : (uint32_t)end - 1 : 0;
}

/* Who the process is needs the root file system; the rest of the spec needs
 * who it is. */
static int make_spec(struct ctr_bundle *b, const char *root, const struct sources *sources,
		     struct err *e)
{
	AUTO_FREE const char **paths = mem_zero(sources->len, sizeof(*paths));
	AUTO(user) struct user user = USER_INIT;
	const struct ctr_spec_in in = {
		.config = &b->config,
		.user = &user,
		.id = b->id,
		.root_path = root,
		.mount_sources = paths,
		.is_single = b->ids.rung == IDS_SINGLE,
		.tty_gid = id_to_outside(&b->ids.map.gids, 5) == ID_NONE ? ID_NONE : 5,
		.max_gid = max_gid(&b->ids.map.gids),
	};
	int r;

	for (size_t i = 0; i < sources->len; i++)
		paths[i] = sources->at[i].path;
	/* keep-id is about being oneself inside, unless another user is named. */
	if (!b->config.user && b->config.userns == CTR_USERNS_KEEP_ID)
		b->config.user = mem_printf("%u:%u", id_to_inside(&b->ids.map.uids, geteuid()),
					    id_to_inside(&b->ids.map.gids, getegid()));
	r = ctr_user(&user, &b->rootfs, b->config.user, &b->config.group_add, e);
	spec_clear(&b->spec);
	return r < 0 ? r : ctr_spec(&b->spec, &in, e);
}

int ctr_bare_spec(struct spec *out, struct ctr_env *env, struct ctr_config *config,
		  struct err *e)
{
	static const struct imgconf nothing = IMGCONF_INIT;
	static const struct sources none;
	AUTO(ctr_bundle) struct ctr_bundle b;
	int r;

	ctr_bundle_init(&b);
	b.config = *config;
	ctr_config_init(config);
	b.id = mem_str("");
	r = ctr_ids(env, &b.config, &b.ids, e);
	if (r < 0)
		return r;
	ctr_config_merge(&b.config, &nothing, false);
	r = make_spec(&b, "rootfs", &none, e);
	if (r < 0)
		return r;
	*out = b.spec;
	spec_init(&b.spec);
	return 0;
}

/* In one transaction: snapshot, row, files; or nothing. */
static int commit(struct ctr_env *env, struct ctr_bundle *b, const struct image *image,
		  const struct ctr_top *top, const struct sources *sources, bool mark,
		  struct err *e)
{
	AUTO_FREE char *root = mem_printf("%s/%s/%s/rootfs",
					  store_dir_path(env->store, STORE_DIR_CONTAINERS),
					  env->ns, b->id);
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int64_t snapshot = 0;
	int r = store_begin(&tx, env->store, STORE_FAST, e);

	if (r == 0)
		r = ctr_top_take(&snapshot, top, e);
	if (r == 0 && snapshot)
		r = ctr_rootfs(&b->rootfs, env, snapshot, e);
	if (r == 0)
		r = make_spec(b, root, sources, e);
	if (r == 0)
		r = put_row(env, b, image, sources, snapshot, e);
	if (r == 0 && mark)
		r = ctr_mark_started(env, b, e);
	if (r == 0)
		r = write_files(env, b, e);
	return r < 0 ? r : store_commit(&tx, e);
}

static int choose_identity(struct ctr_bundle *out, const struct ctr_create_in *in,
			   struct err *e)
{
	char id[ID_LEN + 1];
	int r = in->id ? 0 : id_make(id, e);

	if (r < 0)
		return r;
	if (in->name && !str_is_name(in->name))
		return err_set(e, EINVAL,
			       "'%s' is not a name: letters, digits, '_', '.', '-' are allowed",
			       in->name);
	out->id = mem_str(in->id ? in->id : id);
	out->name = in->name ? mem_str(in->name) : ctr_random_name(0);
	return 0;
}

int ctr_create(struct ctr_bundle *out, struct ctr_env *env, const struct ctr_create_in *in,
	       struct err *e)
{
	AUTO(sources) struct sources sources = { .len = 0 };
	AUTO(image) struct image image = IMAGE_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	AUTO(ctr_layers) struct ctr_layers layers = CTR_LAYERS_INIT;
	AUTO(ctr_top) struct ctr_top top = CTR_TOP_INIT;
	AUTO(ctr_bundle) struct ctr_bundle b;
	int r;

	ctr_bundle_init(&b);
	b.config = *in->config;
	ctr_config_init(in->config);
	r = choose_identity(&b, in, e);
	if (r == 0)
		r = ctr_ids(env, &b.config, &b.ids, e);
	if (r == 0 && !b.config.rootfs) {
		r = ctr_find_image(&image, env, b.config.image, e);
		if (r == 0)
			r = ctr_image_docs(&docs, env, &image, e);
	} else if (r == 0) {
		b.rootfs.upper = mem_str(b.config.rootfs);
	}
	if (r < 0)
		return r;
	ctr_config_merge(&b.config, &docs.config, in->given_entrypoint);
	r = find_sources(&sources, env, &b.config, e);
	if (r == 0 && !b.config.rootfs)
		r = ctr_layers_find(&layers, env, &b, &docs, e);
	if (r == 0)
		r = fill_volumes(env, &b, &layers, &sources, e);
	if (r == 0)
		r = ctr_top_begin(&top, env, &layers, SNAPSHOT_ACTIVE, e);
	if (r == 0)
		r = commit(env, &b, &image, &top, &sources, in->is_started_next, e);
	/* A name that we chose may be taken in the same moment. */
	for (unsigned tries = 1; r == -EEXIST && !in->name && tries < MAX_NAME_TRIES; tries++) {
		err_clear(e);
		free(b.name);
		b.name = ctr_random_name(tries);
		r = commit(env, &b, &image, &top, &sources, in->is_started_next, e);
	}
	end_drafts(env, &b.config, &sources);
	if (r < 0)
		return r;
	ctr_top_keep(&top);
	*out = b;
	ctr_bundle_init(&b);
	return 0;
}
