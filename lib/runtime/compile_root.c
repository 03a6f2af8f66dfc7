/* The root file system: a directory, an overlay of the kernel, or one by a
 * FUSE server. */
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/base/str.h"
#include "lib/runtime/compile.h"

/* --- what spreads from one mount namespace to another --- */

static uint64_t stronger(uint64_t a, const char *text)
{
	if (strstr(text, "shared"))
		return MS_SHARED;
	return strstr(text, "slave") && a == MS_PRIVATE ? (uint64_t)MS_SLAVE : a;
}

uint64_t propagation_wanted(const struct compile *c)
{
	const struct spec *s = c->spec;
	uint64_t p = stronger(MS_PRIVATE, str_or(s->rootfs_propagation, ""));

	for (size_t i = 0; i < s->mount_count; i++)
		for (size_t k = 0; k < s->mounts[i].options.len; k++) {
			const char *o = s->mounts[i].options.v[k];

			if (str_eq(o, "slave") || str_eq(o, "rslave") || str_eq(o, "shared") ||
			    str_eq(o, "rshared"))
				p = stronger(p, o);
		}
	/* In a user namespace all that came from the host is its slave. */
	return p == MS_SHARED && !c->is_privileged ? (uint64_t)MS_SLAVE : p;
}

/* Nothing of ours may spread, whatever is wanted: not even for those mounts
 * that are to stay shared is the root one of them. */
void compile_private(struct compile *c)
{
	struct plan_step s = step_of(OP_PRIVATE);

	s.a = c->propagation == MS_SHARED ? (uint64_t)MS_PRIVATE : MS_REC | c->propagation;
	blob_step(&c->blob, s);
}

void compile_root_attrs(struct compile *c)
{
	const char *text = str_or(c->spec->rootfs_propagation, "private");
	struct plan_step s = step_of(OP_ROOT_ATTR);

	s.a = c->spec->root_readonly ? MOUNT_ATTR_RDONLY : 0;
	if (strstr(text, "slave"))
		s.b = MS_SLAVE;
	else if (strstr(text, "shared"))
		s.b = MS_SHARED;
	else if (strstr(text, "unbindable"))
		s.b = MS_UNBINDABLE;
	if (s.b && text[0] == 'r')
		s.b |= MS_REC;
	if (s.a || s.b)
		blob_step(&c->blob, s);
}

/* --- the root file system --- */

static int compile_dir(struct compile *c, const struct plan_root *r, uint8_t slot,
		       struct err *e)
{
	struct plan_step s = step_of(OP_TREE);

	if (str_is_empty(r->path) || r->path[0] != '/')
		return err_set(e, EINVAL, "root.path: not absolute");
	s.slot = slot;
	s.s1 = blob_text(&c->blob, r->path);
	s.flags = r->recursive ? STEP_RECURSIVE : 0;
	/* Else what is mounted in it could be seen outside. */
	if (c->propagation != MS_PRIVATE) {
		s.data_len = MS_PRIVATE;
		s.flags |= STEP_ATTR_RECURSIVE;
	}
	blob_step(&c->blob, s);
	return 0;
}

/* "key=value" or "key" as two texts. */
static void add_pair(struct strv *pairs, const char *option)
{
	const char *eq = strchr(option, '=');

	if (!eq) {
		strv_add(pairs, option);
		strv_add(pairs, "");
		return;
	}
	strv_addn(pairs, option, (size_t)(eq - option));
	strv_add(pairs, eq + 1);
}

/* op: OVERLAY, or LAYERS for it. */
static int compile_overlay(struct compile *c, enum plan_op op, const struct plan_root *r,
			   uint8_t slot, struct err *e)
{
	AUTO(strv) struct strv pairs = STRV_INIT;
	struct plan_step s = step_of(op);

	if (!r->lowers.len || str_is_empty(r->base))
		return err_set(e, EINVAL, "root file system: no layers");
	for (size_t i = 0; i < r->lowers.len; i++) {
		strv_add(&pairs, "lowerdir+");
		strv_add(&pairs, r->lowers.v[i]);
	}
	if (r->upper) {
		strv_add(&pairs, "upperdir");
		strv_add(&pairs, r->upper);
		strv_add(&pairs, "workdir");
		strv_add(&pairs, str_or(r->work, ""));
	}
	for (size_t i = 0; i < r->options.len; i++)
		add_pair(&pairs, r->options.v[i]);
	s.slot = slot;
	s.s1 = blob_text(&c->blob, r->base);
	blob_list(&c->blob, s, &pairs);
	return 0;
}

static int compile_fuse(struct compile *c, const struct plan_root *r, uint8_t slot,
			struct err *e)
{
	AUTO(strv) struct strv args = STRV_INIT;
	AUTO(buf) struct buf o = BUF_INIT(MAX_PLAN);
	struct plan_step s = step_of(OP_FUSE);

	if (!r->lowers.len || str_is_empty(r->base) || str_is_empty(r->program))
		return err_set(e, EINVAL, "root file system: no layers");
	/* The server takes paths apart, so that descriptors do not help it. */
	if (c->is_foreign)
		return err_set(e, ENOTSUP, "root file system: fuse-overlayfs needs a map "
			       "that has our own ids; the snapshotters overlay and native do not");
	(void)buf_adds(&o, "lowerdir=");
	for (size_t i = 0; i < r->lowers.len; i++) {
		if (i)
			(void)buf_addc(&o, ':');
		(void)buf_adds(&o, r->lowers.v[i]);
	}
	/* It works in base: a path above that may have what it takes apart. */
	if (r->upper)
		(void)buf_addf(&o, ",upperdir=%s,workdir=%s", r->upper, str_or(r->work, ""));
	for (size_t i = 0; i < r->options.len; i++)
		(void)buf_addf(&o, ",%s", r->options.v[i]);
	strv_add(&args, r->program);
	strv_add(&args, "-f");
	strv_add(&args, "-o");
	strv_add(&args, o.data);
	s.slot = slot;
	s.s1 = blob_text(&c->blob, r->program);
	s.s2 = blob_text(&c->blob, r->base);
	blob_list(&c->blob, s, &args);
	return 0;
}

int compile_root_early(struct compile *c, struct err *e)
{
	const struct plan_root *r = &c->opt->root;

	switch (r->kind) {
	case PLAN_ROOT_DIR:
		return compile_dir(c, r, SLOT_ROOT, e);
	case PLAN_ROOT_OVERLAY:
		return compile_overlay(c, OP_LAYERS, r, SLOT_ROOT, e);
	case PLAN_ROOT_FUSE:
		break;
	}
	return 0;
}

static int make_root(struct compile *c, const struct plan_root *r, uint8_t slot,
		     struct err *e)
{
	switch (r->kind) {
	case PLAN_ROOT_DIR:
		return compile_dir(c, r, slot, e);
	case PLAN_ROOT_OVERLAY:
		return compile_overlay(c, OP_OVERLAY, r, slot, e);
	case PLAN_ROOT_FUSE:
		return compile_fuse(c, r, slot, e);
	}
	return err_set(e, EINVAL, "root file system: unknown kind");
}

int compile_root(struct compile *c, struct err *e)
{
	const struct plan_root *root = &c->opt->root;
	bool is_open = c->is_foreign && root->kind == PLAN_ROOT_DIR;
	struct plan_step s = step_of(OP_ROOT);
	int r = is_open ? 0 : make_root(c, root, SLOT_ROOT, e);

	if (r < 0)
		return r;
	/* Of the host's mounts only copies are needed from here on. */
	if (c->propagation == MS_SHARED) {
		struct plan_step p = step_of(OP_PRIVATE);

		p.a = MS_REC | MS_PRIVATE;
		blob_step(&c->blob, p);
	}
	s.slot = SLOT_ROOT;
	blob_step(&c->blob, s);
	return 0;
}

int compile_inner_root(struct compile *c, struct err *e)
{
	const struct plan_runtime *rt = c->opt->runtime;
	struct plan_step s = step_of(OP_ATTACH);
	int r;

	if (c->is_foreign || (c->has_maps && id_to_outside(&c->opt->idmap->uids, 0) == ID_NONE))
		return err_set(e, ENOTSUP, "runtime '%s': needs an id map that has both root "
			       "and our own ids", rt->program);
	r = blob_slot(&c->blob, &s.from, e);
	if (r == 0)
		r = make_root(c, &rt->root, s.from, e);
	s.slot = SLOT_ROOT;
	s.s1 = blob_text(&c->blob, rt->root_at);
	s.a = 0755;
	if (r == 0)
		blob_step(&c->blob, s);
	return r;
}
