/* The mounts of a spec: each is made detached, early when that needs no ids,
 * and attached in the order of the spec once the root is there. */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/mountopt.h"
#include "lib/runtime/compile.h"

static void tree_step(struct compile *c, const struct mount_plan *m,
		      const char *source, uint8_t slot, bool early)
{
	struct mount_step first[MOUNT_STEPS_MAX] = { { .propagation = 0 } };
	struct plan_step s = step_of(OP_TREE);

	(void)mount_plan_changes(m, first);
	s.slot = slot;
	s.s1 = blob_text(&c->blob, source);
	s.a = first->attrs.set;
	s.b = first->attrs.clear;
	s.data_len = (uint32_t)first->propagation;
	s.flags = (m->recursive ? STEP_RECURSIVE : 0) |
		  (first->recursive ? STEP_ATTR_RECURSIVE : 0) |
		  (m->no_follow ? STEP_NO_FOLLOW : 0) |
		  (early && c->has_userns ? STEP_EARLY : 0);
	blob_step(&c->blob, s);
}

/* The lower rung for file systems that a nested or restricted container does
 * not get: the host's own, or none. */
static void add_fallback(struct compile *c, struct plan_step *s, const char *type)
{
	if (str_eq(type, "proc")) {
		s->flags |= STEP_FALLBACK;
		s->s2 = blob_text(&c->blob, "/proc");
		s->b = PLAN_RUNG_PROC_BIND;
	} else if (str_eq(type, "sysfs")) {
		s->flags |= STEP_FALLBACK;
		s->s2 = blob_text(&c->blob, "/sys");
		s->b = PLAN_RUNG_SYS_BIND;
	} else if (str_eq(type, "cgroup2")) {
		s->flags |= STEP_OPTIONAL;
		s->b = PLAN_RUNG_NO_CGROUPFS;
		/* Who shares the surrounding namespace sees what it sees. */
		if (!c->spec->ns[SPEC_NS_CGROUP].set) {
			s->flags |= STEP_FALLBACK;
			s->s2 = blob_text(&c->blob, "/sys/fs/cgroup");
		}
	} else if (str_eq(type, "mqueue")) {
		s->flags |= STEP_OPTIONAL;
		s->b = PLAN_RUNG_NO_MQUEUE;
	}
}

static const char *fs_type(const struct spec_mount *sm)
{
	return str_eq(sm->type, "cgroup") ? "cgroup2" : sm->type;
}

static bool is_one_of(const char *type, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(type, list[i]))
			return true;
	return false;
}

/* Options that are not in the list of the spec. */
static void add_pairs(struct compile *c, struct mount_plan *m, const struct spec_mount *sm)
{
	static const char *const virtual[] = {
		"proc", "sysfs", "tmpfs", "ramfs", "devpts", "mqueue", "cgroup2", "overlay",
	};
	static const char *const labelled[] = { "tmpfs", "ramfs", "devpts", "overlay" };
	const char *type = fs_type(sm);
	bool is_virtual = is_one_of(type, virtual, ARRAY_SIZE(virtual));

	if (!str_is_empty(sm->source)) {
		strv_add(&m->pairs, "source");
		strv_add(&m->pairs, sm->source);
	}
	if (str_is_empty(c->spec->mount_label) ||
	    (is_virtual && !is_one_of(type, labelled, ARRAY_SIZE(labelled))))
		return;
	strv_add(&m->pairs, "context");
	strv_add(&m->pairs, c->spec->mount_label);
}

static void fs_step(struct compile *c, struct mount_plan *m,
		    const struct spec_mount *sm)
{
	const char *type = fs_type(sm);
	struct plan_step s = step_of(OP_FSMOUNT);

	s.slot = m->slot;
	s.s1 = blob_text(&c->blob, type);
	/* What is to be filled is not read-only yet. */
	s.a = m->top.set & ~(m->copy_up ? (uint64_t)MOUNT_ATTR_RDONLY : 0u);
	add_fallback(c, &s, type);
	add_pairs(c, m, sm);
	blob_list(&c->blob, s, &m->pairs);
}

static int mount_slot(struct compile *c, struct mount_plan *m, const struct spec_mount *sm,
		      struct err *e)
{
	if (str_eq(sm->type, "proc") && str_eq(m->target, "/proc") && !c->proc_used) {
		m->slot = SLOT_PROC;
		c->proc_used = true;
		return 0;
	}
	if (str_eq(m->target, "/dev") && str_eq(sm->type, "tmpfs") && !c->has_dev) {
		m->slot = SLOT_DEV;
		c->has_dev = true;
		return 0;
	}
	c->binds_dev |= str_eq(m->target, "/dev") && !m->remount;
	if (str_eq(sm->type, "devpts") && !c->has_pts) {
		m->slot = SLOT_PTS;
		c->has_pts = true;
		return 0;
	}
	return m->remount ? 0 : blob_slot(&c->blob, &m->slot, e);
}

int compile_mounts_read(struct compile *c, struct err *e)
{
	for (size_t i = 0; i < c->spec->mount_count; i++) {
		const struct spec_mount *sm = &c->spec->mounts[i];
		struct mount_plan *m = &c->mounts[i];
		int r;

		m->target = mount_clean_path(sm->destination);
		if (str_eq(m->target, "/"))
			return err_set(e, EINVAL, "mount '%s': the root cannot be covered",
				       sm->destination);
		r = mount_plan_read(m, c, sm, e);
		if (r == 0)
			r = mount_slot(c, m, sm, e);
		if (r < 0)
			return r;
	}
	return 0;
}

void compile_mounts_clear(struct compile *c)
{
	for (size_t i = 0; i < c->spec->mount_count; i++)
		mount_plan_clear(&c->mounts[i]);
	free_auto(&c->mounts);
}

/* Makes the i-th mount if this is the time for it. */
static void make_mount(struct compile *c, size_t i, bool early)
{
	const struct spec_mount *sm = &c->spec->mounts[i];
	struct mount_plan *m = &c->mounts[i];
	bool ids;

	if (m->remount)
		return;
	if (m->bind) {
		/* Once more when the first try had no right to look. */
		if (early || c->has_userns)
			tree_step(c, m, sm->source, m->slot, early);
		return;
	}
	ids = m->names_ids || str_eq(sm->type, "devpts") ||
	      (str_eq(sm->type, "tmpfs") && !c->early);
	if (early == !ids)
		fs_step(c, m, sm);
}

void device_step(struct compile *c, const struct spec_device *d, uint8_t slot)
{
	struct plan_step s = step_of(OP_DEVICE);

	s.slot = slot;
	s.s1 = blob_text(&c->blob, d->path);
	s.a = d->type == 'b' ? S_IFBLK : S_IFCHR;
	s.b = makedev((unsigned)d->major, (unsigned)d->minor);
	blob_step(&c->blob, s);
}

/* A procfs that nothing masks is needed in any case: for sysctls, labels and
 * the verification. */
static void own_proc(struct compile *c)
{
	struct plan_step s = step_of(OP_FSMOUNT);

	if (c->proc_used)
		return;
	s.slot = SLOT_PROC;
	s.s1 = blob_text(&c->blob, "proc");
	s.a = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	add_fallback(c, &s, "proc");
	blob_step(&c->blob, s);
}

static int open_files(struct compile *c, struct err *e)
{
	for (size_t i = 0; i < c->opt->file_count; i++) {
		const struct plan_file *f = &c->opt->files[i];
		struct mount_plan m = {
			.top.set = f->read_only ? MOUNT_ATTR_RDONLY : 0,
		};
		int r = blob_slot(&c->blob, &c->file_slots[i], e);

		if (r < 0)
			return r;
		tree_step(c, &m, f->source, c->file_slots[i], false);
	}
	return 0;
}

int compile_mounts_early(struct compile *c, struct err *e)
{
	static char null_path[] = "/dev/null";
	const struct spec_device null = { .path = null_path, .type = 'c', .major = 1, .minor = 3 };

	for (size_t i = 0; i < c->spec->mount_count; i++)
		make_mount(c, i, true);
	own_proc(c);
	device_step(c, &null, SLOT_NULL);
	if (c->spec->masked_paths.len) {
		struct plan_step s = step_of(OP_FSMOUNT);

		s.slot = SLOT_MASK;
		s.s1 = blob_text(&c->blob, "tmpfs");
		s.a = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
		      MOUNT_ATTR_NOEXEC;
		blob_step(&c->blob, s);
	}
	return c->is_foreign ? open_files(c, e) : 0;
}

int compile_mounts_late(struct compile *c, struct err *e)
{
	for (size_t i = 0; i < c->spec->mount_count; i++)
		make_mount(c, i, false);
	return c->is_foreign ? 0 : open_files(c, e);
}
