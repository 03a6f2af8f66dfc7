/* The snapshots of containerd's users, by key. */
#include <stdio.h>
#include <string.h>

#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/image_args.h"
#include "bin/jtree.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/ctr/bundle.h"
#include "lib/ctr/remove.h"
#include "lib/ctr/snaps.h"
#include "lib/fmt/human.h"
#include "lib/fmt/table.h"

struct snapshot_args {
	const char *snapshotter, *format, *target;
	bool quiet, mounts, bytes;
};

#define SNAPSHOTTER								\
	TEXT(struct snapshot_args, snapshotter, 0, "snapshotter", "NAME", WORD_ANY, \
	     SNAP_NAMES ", instead of this machine's")

static const struct opt driver_opts[] = { SNAPSHOTTER, { .kind = OPT_END } };

static int begin(struct ctr_env *env, const struct snap_driver **d, struct app *app,
		 const struct snapshot_args *a, struct err *e)
{
	int r = env_init(env, app, e);

	return r < 0 ? r : ctr_snap_driver(d, env, a->snapshotter, e);
}

static const char *kind_name(enum snapshot_kind k)
{
	return k == SNAPSHOT_LAYER ? "Committed" : k == SNAPSHOT_ACTIVE ? "Active" : "View";
}

/* --- lists --- */

static const struct column columns[] = {
	{ .name = "Key", .header = "KEY" },
	{ .name = "Parent", .header = "PARENT" },
	{ .name = "Kind", .header = "KIND" },
	{ .name = "Snapshotter", .header = "SNAPSHOTTER", .hidden = true },
	{ .name = "Size", .header = "SIZE", .hidden = true },
	{ .name = "Inodes", .header = "INODES", .hidden = true },
	{ .name = "CreatedAt", .header = "CREATED AT", .hidden = true },
};

static const struct table table = { columns, ARRAY_SIZE(columns), "Key" };

static const struct opt ls_opts[] = {
	TEXT(struct snapshot_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	FLAG(struct snapshot_args, quiet, 'q', "quiet", "Only keys"),
	SNAPSHOTTER,
	{ .kind = OPT_END },
};

static json_t *row_of(const struct ctr_snap *s)
{
	json_t *row = json_object();

	jtree_text(row, "Key", s->key);
	jtree_text(row, "Parent", s->parent);
	jtree_text(row, "Kind", kind_name(s->snap.kind));
	jtree_text(row, "Snapshotter", s->snap.driver);
	jtree_number(row, "Size", (int64_t)s->snap.size);
	jtree_number(row, "Inodes", (int64_t)s->snap.inodes);
	jtree_time(row, "CreatedAt", s->snap.created_ns);
	return row;
}

static int ls_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		  struct err *e)
{
	const struct snapshot_args *a = args;
	const struct table_opts o = { .format = a->format, .quiet = a->quiet };
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr_snaps) struct ctr_snaps all = CTR_SNAPS_INIT;
	const struct snap_driver *d;
	json_t *rows = json_array();
	int r = begin(&env, &d, app, a, e);

	if (r == 0)
		r = ctr_snaps_list(&all, &env, d->name, e);
	for (size_t i = 0; r == 0 && i < all.len; i++)
		json_array_append_new(rows, row_of(&all.v[i]));
	if (r == 0)
		r = table_print(&app->out, &table, &o, rows, e);
	json_decref(rows);
	return r;
}

static void print_below(struct app *app, const struct ctr_snaps *l, const char *parent, int depth)
{
	for (size_t i = 0; i < l->len && depth <= MAX_LAYERS; i++) {
		if (!str_eq(l->v[i].parent, parent))
			continue;
		app_printf(app, "%*s%s%s\n", depth ? 2 * depth - 2 : 0, "", depth ? "\\_" : "",
			   l->v[i].key);
		print_below(app, l, l->v[i].key, depth + 1);
	}
}

static int tree_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		    struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr_snaps) struct ctr_snaps all = CTR_SNAPS_INIT;
	const struct snap_driver *d;
	int r = begin(&env, &d, app, args, e);

	if (r == 0)
		r = ctr_snaps_list(&all, &env, d->name, e);
	if (r == 0)
		print_below(app, &all, "", 0);
	return r;
}

/* --- one of them --- */

static int info_run(struct app *app, void *args, char **operands, int count UNUSED, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr_snaps) struct ctr_snaps all = CTR_SNAPS_INIT;
	AUTO(strv) struct strv labels = STRV_INIT;
	const struct snap_driver *d;
	const struct ctr_snap *s;
	char object[24];
	json_t *o;
	int r = begin(&env, &d, app, args, e);

	if (r == 0)
		r = ctr_snaps_list(&all, &env, d->name, e);
	if (r < 0)
		return r;
	s = ctr_snaps_find(&all, operands[0], e);
	if (!s)
		return -e->code;
	snprintf(object, sizeof(object), "%lld", (long long)s->snap.id);
	r = label_list(&labels, app->store, app->ns, LABEL_SNAPSHOT, object, e);
	if (r < 0)
		return r;
	o = json_object();
	jtree_text(o, "Kind", kind_name(s->snap.kind));
	jtree_text(o, "Name", s->key);
	jtree_text(o, "Parent", s->parent);
	jtree_map(o, "Labels", &labels);
	jtree_time(o, "Created", s->snap.created_ns);
	jtree_text(o, "Snapshotter", s->snap.driver);
	jtree_print(&app->out, o);
	json_decref(o);
	return 0;
}

static const struct column usage_columns[] = {
	{ .name = "Key", .header = "KEY" },
	{ .name = "Size", .header = "SIZE" },
	{ .name = "Inodes", .header = "INODES" },
};

static const struct table usage_table = { usage_columns, ARRAY_SIZE(usage_columns), "Key" };

static const struct opt usage_opts[] = {
	FLAG(struct snapshot_args, bytes, 'b', "bytes", "Sizes in bytes"),
	TEXT(struct snapshot_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	SNAPSHOTTER,
	{ .kind = OPT_END },
};

static int add_usage(json_t *rows, struct ctr_env *env, const struct ctr_snap *s, bool bytes,
		     struct err *e)
{
	struct snap_usage usage;
	char size[HUMAN_MAX];
	json_t *row;
	int r = ctr_snap_usage(&usage, env, s, e);

	if (r < 0)
		return r;
	row = json_object();
	human_size(usage.bytes, size);
	jtree_text(row, "Key", s->key);
	if (bytes)
		jtree_number(row, "Size", (int64_t)usage.bytes);
	else
		jtree_text(row, "Size", size);
	jtree_number(row, "Inodes", (int64_t)usage.inodes);
	json_array_append_new(rows, row);
	return 0;
}

static int usage_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct snapshot_args *a = args;
	const struct table_opts o = { .format = a->format };
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr_snaps) struct ctr_snaps all = CTR_SNAPS_INIT;
	const struct snap_driver *d;
	json_t *rows = json_array();
	int r = begin(&env, &d, app, a, e);

	if (r == 0)
		r = ctr_snaps_list(&all, &env, d->name, e);
	for (size_t i = 0; r == 0 && !count && i < all.len; i++)
		r = add_usage(rows, &env, &all.v[i], a->bytes, e);
	for (int i = 0; r == 0 && i < count; i++) {
		const struct ctr_snap *s = ctr_snaps_find(&all, operands[i], e);

		r = s ? add_usage(rows, &env, s, a->bytes, e) : -e->code;
	}
	if (r == 0)
		r = table_print(&app->out, &usage_table, &o, rows, e);
	json_decref(rows);
	return r;
}

/* --- mounts --- */

static void print_mount(struct app *app, const struct rootfs *r, const char *target, bool is_view)
{
	if (r->kind == ROOTFS_DIR) {
		app_printf(app, "mount -t bind %s/%s %s -o rbind,%s\n", r->base, r->upper, target,
			   is_view ? "ro" : "rw");
		return;
	}
	app_printf(app, "mount -t %s overlay %s -o lowerdir=",
		   r->kind == ROOTFS_FUSE ? "fuse.fuse-overlayfs" : "overlay", target);
	if (is_view)
		app_printf(app, "%s/%s:", r->base, r->upper);
	for (size_t i = 0; i < r->lowers.len; i++)
		app_printf(app, "%s%s/%s", i ? ":" : "", r->base, r->lowers.v[i]);
	if (!is_view)
		app_printf(app, ",upperdir=%s/%s,workdir=%s/%s", r->base, r->upper, r->base,
			   r->work);
	app_printf(app, "%s\n", r->kind == ROOTFS_OVERLAY ? ",userxattr" : "");
}

/* Without a layer below there is nothing for an overlay to stack. */
static int say_mounts(struct app *app, struct ctr_env *env, const struct snap_driver *d,
		      const char *key, const char *target, struct err *e)
{
	AUTO(ctr_snaps) struct ctr_snaps all = CTR_SNAPS_INIT;
	AUTO(rootfs) struct rootfs root = ROOTFS_INIT;
	const struct ctr_snap *s;
	int r = ctr_snaps_list(&all, env, d->name, e);

	if (r < 0)
		return r;
	s = ctr_snaps_find(&all, key, e);
	if (!s)
		return -e->code;
	if (s->snap.kind == SNAPSHOT_LAYER)
		return err_set(e, EINVAL,
			       "snapshot '%s' is committed: 'coracle snapshot view' makes one of "
			       "it that can be mounted", key);
	r = ctr_rootfs(&root, env, s->snap.id, e);
	if (r < 0)
		return r;
	if (!root.lowers.len)
		root.kind = ROOTFS_DIR;
	print_mount(app, &root, target, s->snap.kind == SNAPSHOT_VIEW);
	return 0;
}

static int mounts_run(struct app *app, void *args, char **operands, int count UNUSED,
		      struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	const struct snap_driver *d;
	int r = begin(&env, &d, app, args, e);

	return r < 0 ? r : say_mounts(app, &env, d, operands[1], operands[0], e);
}

/* --- changes --- */

static const struct opt prepare_opts[] = {
	FLAG(struct snapshot_args, mounts, 0, "mounts", "Print how it is mounted on TARGET"),
	SNAPSHOTTER,
	TEXT(struct snapshot_args, target, 't', "target", "DIR", WORD_DIR,
	     "Print how it is mounted there"),
	{ .kind = OPT_END },
};

static int new_one(struct app *app, const struct snapshot_args *a, char **operands, int count,
		   enum snapshot_kind kind, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	const struct snap_driver *d;
	int r = begin(&env, &d, app, a, e);

	if (r == 0)
		r = ctr_snap_prepare(&env, d, operands[0], count > 1 ? operands[1] : NULL, kind, e);
	if (r == 0 && (a->target || a->mounts))
		r = say_mounts(app, &env, d, operands[0], str_or(a->target, "TARGET"), e);
	env_say(&env, app);
	return r;
}

static int prepare_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	return new_one(app, args, operands, count, SNAPSHOT_ACTIVE, e);
}

static int view_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	return new_one(app, args, operands, count, SNAPSHOT_VIEW, e);
}

/* Prints the keys of its layers, lowest first. */
static int unpack_image(struct app *app, struct ctr_env *env, const struct snap_driver *d,
			const char *image, struct err *e)
{
	AUTO(ctr_layers) struct ctr_layers layers = { .driver = d };
	char digest[DIGEST_TEXT_MAX];
	struct ids ids;
	int r = ctr_ids(env, NULL, &ids, e);

	if (r == 0)
		r = ctr_snap_image(&layers, env, image, &ids, e);
	for (size_t i = 0; r == 0 && i < layers.count; i++) {
		AUTO(snapshot) struct snapshot s = SNAPSHOT_INIT;

		r = snapshot_get(&s, env->store, layers.ids[i], e);
		if (r < 0)
			break;
		digest_print(&s.diff_id, digest);
		app_printf(app, "%s\n", digest);
	}
	return r;
}

static int snap_unpack_run(struct app *app, void *args, char **operands, int count UNUSED,
			   struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	const struct snap_driver *d;
	int r = begin(&env, &d, app, args, e);

	if (r == 0)
		r = unpack_image(app, &env, d, operands[0], e);
	env_say(&env, app);
	return r;
}

static int snap_commit_run(struct app *app, void *args, char **operands, int count UNUSED,
			   struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	const struct snap_driver *d;
	int r = begin(&env, &d, app, args, e);

	return r < 0 ? r : ctr_snap_commit(&env, d, operands[1], operands[0], e);
}

static int label_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr_snaps) struct ctr_snaps all = CTR_SNAPS_INIT;
	AUTO(strv) struct strv labels = STRV_INIT;
	const struct snap_driver *d;
	const struct ctr_snap *s;
	char object[24];
	int r = begin(&env, &d, app, args, e);

	if (r == 0)
		r = ctr_snaps_list(&all, &env, d->name, e);
	if (r < 0)
		return r;
	s = ctr_snaps_find(&all, operands[0], e);
	if (!s)
		return -e->code;
	for (int i = 1; i < count; i++)
		strv_add(&labels, operands[i]);
	snprintf(object, sizeof(object), "%lld", (long long)s->snap.id);
	return label_change(app->store, app->ns, LABEL_SNAPSHOT, object, &labels, e);
}

struct rm_work {
	struct ctr_env env;
	const struct snap_driver *driver;
};

static int rm_one(struct app *app, const char *key, void *arg, struct err *e)
{
	struct rm_work *w = arg;
	int r = ctr_snap_remove(&w->env, w->driver, key, e);

	if (r == 0)
		app_printf(app, "%s\n", key);
	return r;
}

static int rm_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	struct rm_work w = { .env = { .ns = NULL } };
	int status, r = begin(&w.env, &w.driver, app, args, e);

	if (r == 0) {
		status = app_each(app, operands, count, rm_one, &w);
		ctr_reap_soon(&w.env);
		r = status;
	}
	env_clear(&w.env);
	return r;
}

static const char *const ls_aliases[] = { "snapshot list", NULL };
static const char *const rm_aliases[] = { "snapshot delete", "snapshot remove", NULL };

#define ARGS_OF(o) .opts = o, .args_size = sizeof(struct snapshot_args)

const struct cmd cmd_snapshot_ls = {
	.name = "snapshot ls",
	.aliases = ls_aliases,
	.summary = "List snapshots",
	.max = 0,
	.about = "A layer of an image is a snapshot of its own, whose key is its diff id; that of "
		 "a container has the container's id.",
	.example = "coracle snapshot ls --format '{{.Kind}} {{.Key}}'",
	ARGS_OF(ls_opts),
	.run = ls_run,
};

const struct cmd cmd_snapshot_tree = {
	.name = "snapshot tree",
	.summary = "Show which snapshot lies on which",
	.max = 0,
	.example = "coracle snapshot tree",
	ARGS_OF(driver_opts),
	.run = tree_run,
};

const struct cmd cmd_snapshot_info = {
	.name = "snapshot info",
	.summary = "Show a snapshot as JSON",
	.operands = "KEY",
	.min = 1,
	.max = 1,
	.example = "coracle snapshot info work",
	ARGS_OF(driver_opts),
	.run = info_run,
};

const struct cmd cmd_snapshot_usage = {
	.name = "snapshot usage",
	.summary = "Measure snapshots",
	.operands = "[KEY...]",
	.max = -1,
	.about = "What each takes by itself; committed ones were measured when they were made.",
	.example = "coracle snapshot usage -b",
	ARGS_OF(usage_opts),
	.run = usage_run,
};

const struct cmd cmd_snapshot_mounts = {
	.name = "snapshot mounts",
	.summary = "Print the command that mounts a snapshot",
	.operands = "TARGET KEY",
	.min = 2,
	.max = 2,
	.about = "The mount is for a user namespace with this user's id map; nothing is ever "
		 "mounted outside of one.",
	.example = "coracle snapshot mounts /mnt work",
	ARGS_OF(driver_opts),
	.run = mounts_run,
};

static const struct opt snapshot_diff_opts[] = {
	TEXT(struct snapshot_diff_args, output, 'o', "output", "FILE", WORD_FILE,
	     "Write this file, not standard output"),
	TEXT(struct snapshot_diff_args, snapshotter, 0, "snapshotter", "NAME", WORD_ANY,
	     SNAP_NAMES ", instead of this machine's"),
	{ .kind = OPT_END },
};

const struct cmd cmd_snapshot_diff = {
	.name = "snapshot diff",
	.summary = "Write what a snapshot changed as the tar of a layer",
	.operands = "KEY",
	.min = 1,
	.max = 1,
	.about = "Compare the snapshot KEY with its parent, and write what was added, changed and "
		 "deleted as the tar archive of a layer, as 'coracle commit' makes it. Without a "
		 "parent it is all of it.",
	.example = "coracle snapshot diff -o layer.tar work\n"
		   "coracle snapshot diff work | tar -t",
	.opts = snapshot_diff_opts,
	.args_size = sizeof(struct snapshot_diff_args),
	.program = PROGRAM_IMAGE,
};

const struct cmd cmd_snapshot_prepare = {
	.name = "snapshot prepare",
	.summary = "Make a snapshot that can be written to",
	.operands = "KEY [PARENT]",
	.min = 1,
	.max = 2,
	.about = "PARENT is a committed snapshot, the diff id of a layer, or an image.",
	.example = "coracle snapshot prepare work alpine",
	ARGS_OF(prepare_opts),
	.run = prepare_run,
};

const struct cmd cmd_snapshot_view = {
	.name = "snapshot view",
	.summary = "Make a snapshot that can only be read",
	.operands = "KEY [PARENT]",
	.min = 1,
	.max = 2,
	.example = "coracle snapshot view look alpine",
	ARGS_OF(prepare_opts),
	.run = view_run,
};

const struct cmd cmd_snapshot_unpack = {
	.name = "snapshot unpack",
	.summary = "Make snapshots of the layers of an image",
	.operands = "IMAGE",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = 1,
	.about = "Do what pulling does for this machine's snapshotter, for the one that is given, "
		 "and print the keys of the layers, lowest first. Layers that are there already "
		 "are left alone. A snapshotter that copies has one snapshot for all layers.",
	.example = "coracle snapshot unpack --snapshotter native alpine",
	ARGS_OF(driver_opts),
	.run = snap_unpack_run,
};

const struct cmd cmd_snapshot_commit = {
	.name = "snapshot commit",
	.summary = "Make a snapshot one that others can lie on",
	.operands = "NAME KEY",
	.min = 2,
	.max = 2,
	.about = "The active snapshot KEY never changes again, and is called NAME.",
	.example = "coracle snapshot commit base work",
	ARGS_OF(driver_opts),
	.run = snap_commit_run,
};

const struct cmd cmd_snapshot_label = {
	.name = "snapshot label",
	.summary = "Set and clear labels of a snapshot",
	.operands = "KEY LABEL=VALUE...",
	.min = 2,
	.max = -1,
	.about = "LABEL= clears a label. Without " LABEL_GC_ROOT " a snapshot is collected once "
		 "nothing refers to it.",
	.example = "coracle snapshot label base reviewed=yes",
	ARGS_OF(driver_opts),
	.run = label_run,
};

const struct cmd cmd_snapshot_rm = {
	.name = "snapshot rm",
	.aliases = rm_aliases,
	.summary = "Remove snapshots",
	.operands = "KEY...",
	.min = 1,
	.max = -1,
	.example = "coracle snapshot rm work",
	ARGS_OF(driver_opts),
	.run = rm_run,
};
