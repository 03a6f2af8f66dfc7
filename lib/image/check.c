#include "lib/image/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/diff.h"
#include "lib/image/getter.h"
#include "lib/image/stream.h"
#include "lib/image/xattr.h"
#include "lib/os/enter.h"

int image_check_blob(int fd, const struct digest *d, struct err *e)
{
	AUTO(hash) struct hash *h = hash_new(d->alg);
	AUTO_FREE char *chunk = mem_zero(1, MIB(1));
	struct digest is;
	ssize_t n;

	while ((n = read(fd, chunk, MIB(1))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		/* A disk that cannot read it has lost it. */
		if (n < 0)
			return err_set(e, EBADMSG, "it cannot be read: %s", str_errno(errno));
		hash_add(h, chunk, (size_t)n);
	}
	hash_end(h, &is);
	return digest_eq(&is, d) ? 0 : err_set(e, EBADMSG, "its bytes are not those of its digest");
}

/* The environment that a layer was unpacked in, whatever env's is. */
static int env_of(struct image_env *out, struct idmap *map, const struct snapshot *s,
		  const struct image_env *env, struct err *e)
{
	int r;

	*out = *env;
	out->driver = snap_find(s->driver);
	if (!out->driver)
		return err_set(e, ENOTSUP, "snapshotter '%s' is not known", s->driver);
	out->map = NULL;
	if (s->map[0] == '-')
		return 0;
	r = idmap_from_key(map, s->map, e);
	out->map = map;
	out->record_owners = r == 0 && id_map_is_single(&map->uids);
	return r;
}

/* --- layers against their blobs --- */

/* Two trees of one layer. */
struct pair {
	int dir_fd;			/* what is there; holds "fs", */
	int trial_fd;			/* and so does what was unpacked just now */
	int trial;			/* (child) its "fs" */
	unsigned bad;
	char first[MAX_PATH + 64];
};

/* Times of directories are those of the unpacking where the layer has none. */
static int is_same_dir(const struct pair *p, const struct diff_item *item, struct err *e)
{
	AUTO(xattrs) struct xattrs x = XATTRS_INIT, y = XATTRS_INIT;
	AUTO_FD int a = openat(item->dirfd, item->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int b = fs_open_inroot(p->trial, item->path[0] ? item->path : ".",
				       O_RDONLY | O_DIRECTORY, 0, e);
	struct stat st;
	int r;

	if (b == -ENOENT || b == -ENOTDIR) {
		err_clear(e);
		return 0;
	}
	if (b < 0)
		return b;
	if (a < 0 || fstat(b, &st) < 0)
		return err_sys(e, "open '%s'", item->path);
	if (st.st_mode != item->st->st_mode || st.st_uid != item->st->st_uid ||
	    st.st_gid != item->st->st_gid)
		return 0;
	r = xattrs_read(&x, a, true, e);
	if (r == 0)
		r = xattrs_read(&y, b, true, e);
	return r < 0 ? r : xattrs_eq(&x, &y);
}

static bool is_mark(const char *path, const struct stat *st)
{
	const char *slash = strrchr(path, '/');

	return (S_ISCHR(st->st_mode) && st->st_rdev == 0) ||
	       (S_ISREG(st->st_mode) && !st->st_size &&
		str_starts(slash ? slash + 1 : path, ".wh."));
}

/* Whiteouts have the time of the unpacking, too. */
static int is_same_mark(const struct pair *p, const struct diff_item *item, struct err *e)
{
	AUTO_FD int fd = fs_open_inroot(p->trial, item->path, O_PATH | O_NOFOLLOW, 0, e);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", item->path);
	return is_mark(item->path, &st);
}

static int note_difference(void *arg, const struct diff_item *item, struct err *e)
{
	struct pair *p = arg;
	int r = 0;

	if (item->kind == DIFF_CHANGED && S_ISDIR(item->st->st_mode))
		r = is_same_dir(p, item, e);
	else if (item->kind == DIFF_CHANGED && is_mark(item->path, item->st))
		r = is_same_mark(p, item, e);
	if (r == 0 && p->bad++ == 0)
		snprintf(p->first, sizeof(p->first), "'/%s' %s", item->path,
			 item->kind == DIFF_ADDED   ? "is not in its blob" :
			 item->kind == DIFF_DELETED ? "is missing" :
						      "is not as in its blob");
	return r < 0 ? r : 0;
}

/* (child) Both as they are on disk, marks and all. */
static int compare_trees(void *arg, struct err *e)
{
	const struct strv none = STRV_INIT;
	struct pair *p = arg;
	AUTO_FD int fs = fs_open_dir(p->dir_fd, "fs", e);
	AUTO_FD int trial = fs < 0 ? -1 : fs_open_dir(p->trial_fd, "fs", e);
	const struct diff_opts o = {
		.form = SNAP_MERGED, .upper_fd = fs, .lower_fds = &trial, .lower_count = 1,
		.places = &none, .raw = true,
	};
	int r;

	if (trial < 0)
		return e->code ? -e->code : -EIO;
	p->trial = trial;
	r = diff_walk(&o, note_difference, p, e);
	if (r < 0 || !p->bad)
		return r;
	if (p->bad == 1)
		return err_set(e, EBADMSG, "%s", p->first);
	return err_set(e, EBADMSG, "%s, and %u more", p->first, p->bad - 1);
}

static int compare(struct findings *out, const struct image_env *env, const struct digest *diff,
		   int64_t id, int64_t trial, struct err *e)
{
	const struct enter_opts enter = { .map = env->map };
	AUTO_FD int dir = snapshot_open(env->store, env->driver->name, id, e);
	AUTO_FD int other = dir < 0 ? -1 : snapshot_open(env->store, env->driver->name, trial, e);
	struct pair p = { .dir_fd = dir, .trial_fd = other };
	char object[DIGEST_TEXT_MAX];
	int r = other < 0 ? -e->code : enter_run(&enter, compare_trees, &p, e);

	if (r != -EBADMSG)
		return r;
	digest_print(diff, object);
	findings_add(out, CHECK_LAYER, "", object, e->text)->row = id;
	err_clear(e);
	return 0;
}

/* Those that were compared. */
struct ids {
	int64_t *v;
	size_t len;
};

static void ids_auto(struct ids *l)
{
	free(l->v);
}

static bool has_id(const struct ids *l, int64_t id)
{
	for (size_t i = 0; i < l->len; i++)
		if (l->v[i] == id)
			return true;
	return false;
}

static void add_id(struct ids *l, int64_t id)
{
	l->v = mem_more(l->v, l->len, sizeof(*l->v));
	l->v[l->len++] = id;
}

/* One layer of an image, unpacked for us as well; then that copy goes. */
static int check_layer(struct findings *out, struct ids *seen, const struct image_docs *docs,
		       const struct image_env *env, size_t layer, struct err *e)
{
	struct image_env apart = *env;
	enum layer_kind kind;
	int64_t id, trial;
	int r, gone;

	apart.is_trial = true;
	r = layers_find_one(&trial, &kind, docs, &apart, layer, NULL, e);
	if (r < 0)
		return r == -ENOENT && !e->code ? 0 : r;
	r = layers_find_one(&id, &kind, docs, env, layer, NULL, e);
	if (r == 0 && !has_id(seen, id)) {
		add_id(seen, id);
		r = compare(out, env, &docs->config.diff_ids[layer], id, trial, e);
	} else if (r == -ENOENT && !e->code) {
		r = 0;
	}
	gone = snapshot_remove(env->store, trial, r < 0 ? &(struct err)ERR_INIT : e);
	return r < 0 ? r : gone;
}

/* The image that has this layer, with all others that it has. */
static int check_image(struct findings *out, struct ids *seen, const struct snapshot *s,
		       const struct image_env *env, struct err *e)
{
	static const struct platform any;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	AUTO_FREE struct idmap *map = mem_new(struct idmap);
	AUTO(lease) struct lease lease = LEASE_INIT;
	struct image_env own, apart;
	struct digest manifest;
	int r = env_of(&own, map, s, env, e);

	if (r == 0)
		r = check_layer_manifest(&manifest, env->store, s->id, e);
	if (r == 0)
		r = image_docs_load(&docs, env->store, &manifest, &any, e);
	if (r == 0)
		r = lease_begin(&lease, env->store, "check", e);
	if (r == 0) {
		apart = own;
		apart.is_trial = true;
		r = layers_get(&(struct get_options){
				       .docs = &docs, .env = &apart, .lease = &lease }, e);
	}
	for (size_t i = 0; i < docs.config.diff_count && r == 0; i++)
		r = check_layer(out, seen, &docs, &own, i, e);
	return r;
}

int image_check_layers(struct findings *out, const struct image_env *env, struct err *e)
{
	AUTO(snapshots) struct snapshots all = SNAPSHOTS_INIT;
	AUTO(ids) struct ids seen = { .v = NULL };
	int r = snapshot_list(&all, env->store, NULL, e);

	for (size_t i = 0; i < all.len && r == 0; i++) {
		const struct snapshot *s = &all.v[i];

		if (s->kind != SNAPSHOT_LAYER || !s->is_ready || !digest_is_set(&s->diff_id) ||
		    str_starts(s->map, LAYER_LOST) || str_starts(s->map, LAYER_TRIAL) ||
		    has_id(&seen, s->id))
			continue;
		r = check_image(out, &seen, s, env, e);
		/* Without its blob, or a whole one, there is nothing to compare
		 * with; that is another finding. */
		if (r == -ENOENT || r == -EBADMSG) {
			err_clear(e);
			r = 0;
		}
	}
	return r;
}

/* --- repair --- */

int image_restore_layer(int64_t id, const struct image_env *env, struct err *e)
{
	static const struct platform any;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	AUTO(snapshot) struct snapshot s = SNAPSHOT_INIT;
	AUTO_FREE struct idmap *map = mem_new(struct idmap);
	struct image_env own;
	struct digest manifest;
	int r = snapshot_get(&s, env->store, id, e);

	if (r == 0)
		r = env_of(&own, map, &s, env, e);
	if (r == 0)
		r = check_hide_layer(&manifest, env->store, id, e);
	if (r == 0)
		r = image_docs_load(&docs, env->store, &manifest, &any, e);
	if (r == 0)
		r = layers_unpack(&docs, &own, e);
	return r < 0 ? r : check_replace_layer(env->store, id, e);
}
