/* The mounts of a spec: each is made detached, early when that needs no ids,
 * and attached in the order of the spec once the root is there. */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/runtime/compile.h"

enum option_kind { O_SET, O_CLEAR, O_PROPAGATION, O_BIND, O_COPY_UP, O_NO_FOLLOW, O_IGNORE };

/* runtime-spec config.md, "Linux mount options" */
static const struct mount_option {
	const char *name;
	enum option_kind kind;
	bool recursive;
	uint64_t value;
} options[] = {
	{ "bind", O_BIND, false, 0 },
	{ "rbind", O_BIND, true, 0 },
	{ "ro", O_SET, false, MOUNT_ATTR_RDONLY },
	{ "rw", O_CLEAR, false, MOUNT_ATTR_RDONLY },
	{ "rro", O_SET, true, MOUNT_ATTR_RDONLY },
	{ "rrw", O_CLEAR, true, MOUNT_ATTR_RDONLY },
	{ "nosuid", O_SET, false, MOUNT_ATTR_NOSUID },
	{ "suid", O_CLEAR, false, MOUNT_ATTR_NOSUID },
	{ "rnosuid", O_SET, true, MOUNT_ATTR_NOSUID },
	{ "rsuid", O_CLEAR, true, MOUNT_ATTR_NOSUID },
	{ "nodev", O_SET, false, MOUNT_ATTR_NODEV },
	{ "dev", O_CLEAR, false, MOUNT_ATTR_NODEV },
	{ "rnodev", O_SET, true, MOUNT_ATTR_NODEV },
	{ "rdev", O_CLEAR, true, MOUNT_ATTR_NODEV },
	{ "noexec", O_SET, false, MOUNT_ATTR_NOEXEC },
	{ "exec", O_CLEAR, false, MOUNT_ATTR_NOEXEC },
	{ "rnoexec", O_SET, true, MOUNT_ATTR_NOEXEC },
	{ "rexec", O_CLEAR, true, MOUNT_ATTR_NOEXEC },
	{ "noatime", O_SET, false, MOUNT_ATTR_NOATIME },
	{ "rnoatime", O_SET, true, MOUNT_ATTR_NOATIME },
	{ "strictatime", O_SET, false, MOUNT_ATTR_STRICTATIME },
	{ "rstrictatime", O_SET, true, MOUNT_ATTR_STRICTATIME },
	{ "relatime", O_IGNORE, false, 0 },	/* the kernel's default */
	{ "rrelatime", O_IGNORE, false, 0 },
	{ "atime", O_IGNORE, false, 0 },
	{ "nodiratime", O_SET, false, MOUNT_ATTR_NODIRATIME },
	{ "rnodiratime", O_SET, true, MOUNT_ATTR_NODIRATIME },
	{ "diratime", O_CLEAR, false, MOUNT_ATTR_NODIRATIME },
	{ "rdiratime", O_CLEAR, true, MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow", O_SET, false, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rnosymfollow", O_SET, true, MOUNT_ATTR_NOSYMFOLLOW },
	{ "symfollow", O_CLEAR, false, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rsymfollow", O_CLEAR, true, MOUNT_ATTR_NOSYMFOLLOW },
	{ "private", O_PROPAGATION, false, MS_PRIVATE },
	{ "rprivate", O_PROPAGATION, true, MS_PRIVATE },
	{ "slave", O_PROPAGATION, false, MS_SLAVE },
	{ "rslave", O_PROPAGATION, true, MS_SLAVE },
	{ "shared", O_PROPAGATION, false, MS_SHARED },
	{ "rshared", O_PROPAGATION, true, MS_SHARED },
	{ "unbindable", O_PROPAGATION, false, MS_UNBINDABLE },
	{ "runbindable", O_PROPAGATION, true, MS_UNBINDABLE },
	{ "tmpcopyup", O_COPY_UP, false, 0 },
	{ "src-nofollow", O_NO_FOLLOW, false, 0 },
	{ "defaults", O_IGNORE, false, 0 },
	{ "async", O_IGNORE, false, 0 },
};

/* What the options of one mount come to. */
struct mount_plan {
	bool bind, recursive, copy_up, no_follow;
	bool names_ids;			/* must wait for the maps */
	bool attr_recursive;
	uint64_t set, clear, propagation;
	struct strv pairs;		/* for the file system itself */
};

static void mount_plan_auto(struct mount_plan *m)
{
	strv_clear(&m->pairs);
}

static const struct mount_option *find_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (str_eq(options[i].name, name))
			return &options[i];
	return NULL;
}

const char *plan_mount_option(size_t i)
{
	return i < ARRAY_SIZE(options) ? options[i].name : NULL;
}

static void apply_option(struct mount_plan *m, const struct mount_option *o)
{
	switch (o->kind) {
	case O_SET:
		m->set |= o->value;
		m->clear &= ~o->value;
		m->attr_recursive |= o->recursive;
		break;
	case O_CLEAR:
		/* Nothing is set unless asked for, so this only takes back. */
		m->set &= ~o->value;
		break;
	case O_PROPAGATION:
		m->propagation = o->value;
		break;
	case O_BIND:
		m->bind = true;
		m->recursive = o->recursive;
		break;
	case O_COPY_UP:
		m->copy_up = true;
		break;
	case O_NO_FOLLOW:
		m->no_follow = true;
		break;
	case O_IGNORE:
		break;
	}
}

/* key=value for the file system.  Ids must be mapped, except that devpts goes
 * without a group rather than not at all. */
static int fs_option(struct compile *c, struct mount_plan *m,
		     const struct spec_mount *sm, const char *text, struct err *e)
{
	const char *eq = strchr(text, '=');
	bool is_uid = str_starts(text, "uid="), is_gid = str_starts(text, "gid=");
	uint64_t id = 0;

	if (is_uid || is_gid) {
		int r = num_u64(eq + 1, 0, UINT32_MAX - 1, &id, e);

		if (r < 0)
			return err_ctx(e, r, "mount '%s': option '%s'",
				       sm->destination, text);
		m->names_ids = true;
		if (c->has_maps &&
		    id_to_outside(is_uid ? &c->opt->idmap->uids : &c->opt->idmap->gids,
				  (uint32_t)id) == ID_NONE) {
			if (str_eq(sm->type, "devpts"))
				return 0;
			return err_set(e, EINVAL, "mount '%s': %s %u is not mapped",
				       sm->destination, is_uid ? "user" : "group",
				       (unsigned)id);
		}
	}
	if (eq)
		strv_addn(&m->pairs, text, (size_t)(eq - text));
	else
		strv_add(&m->pairs, text);
	strv_add(&m->pairs, eq ? eq + 1 : "");
	return 0;
}

static int read_options(struct compile *c, struct mount_plan *m,
			const struct spec_mount *sm, struct err *e)
{
	m->bind = !sm->type || str_eq(sm->type, "bind");
	for (size_t i = 0; i < sm->options.len; i++) {
		const char *text = sm->options.v[i];
		const struct mount_option *o = find_option(text);
		int r = 0;

		if (o)
			apply_option(m, o);
		else if (str_eq(text, "newinstance") || !*text)
			continue;	/* every devpts is one today */
		else
			r = fs_option(c, m, sm, text, e);
		if (r < 0)
			return r;
	}
	if (m->bind && m->pairs.len)
		return err_set(e, EINVAL, "mount '%s': unknown option '%s'",
			       sm->destination, m->pairs.v[0]);
	if (m->copy_up && !str_eq(sm->type, "tmpfs"))
		return err_set(e, EINVAL, "mount '%s': tmpcopyup is for a tmpfs",
			       sm->destination);
	return 0;
}


static void tree_step(struct compile *c, const struct mount_plan *m,
		      const char *source, uint8_t slot, bool early)
{
	struct plan_step s = step_of(OP_TREE);

	s.slot = slot;
	s.s1 = blob_text(&c->blob, source);
	s.a = m->set;
	s.b = m->clear;
	s.data_len = (uint32_t)m->propagation;
	s.flags = (m->recursive ? STEP_RECURSIVE : 0) |
		  (m->attr_recursive || m->propagation ? STEP_ATTR_RECURSIVE : 0) |
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
	} else if (str_eq(type, "mqueue")) {
		s->flags |= STEP_OPTIONAL;
		s->b = PLAN_RUNG_NO_MQUEUE;
	}
}

static const char *fs_type(const struct spec_mount *sm)
{
	return str_eq(sm->type, "cgroup") ? "cgroup2" : sm->type;
}

static void fs_step(struct compile *c, struct mount_plan *m,
		    const struct spec_mount *sm, uint8_t slot)
{
	struct plan_step s = step_of(OP_FSMOUNT);

	s.slot = slot;
	s.s1 = blob_text(&c->blob, fs_type(sm));
	s.a = m->set;
	add_fallback(c, &s, fs_type(sm));
	if (str_eq(sm->type, "sysfs") && (s.flags & STEP_FALLBACK))
		s.a |= MOUNT_ATTR_RDONLY;
	blob_list(&c->blob, s, &m->pairs);
}

static int mount_slot(struct compile *c, size_t i, struct err *e)
{
	const struct spec_mount *sm = &c->spec->mounts[i];

	if (c->mount_slots[i])
		return 0;
	if (str_eq(sm->type, "proc") && str_eq(sm->destination, "/proc") &&
	    !c->proc_used) {
		c->mount_slots[i] = SLOT_PROC;
		c->proc_used = true;
		return 0;
	}
	if (str_eq(sm->destination, "/dev") && str_eq(sm->type, "tmpfs") && !c->has_dev) {
		c->mount_slots[i] = SLOT_DEV;
		c->has_dev = true;
		return 0;
	}
	if (str_eq(sm->type, "devpts") && !c->has_pts) {
		c->mount_slots[i] = SLOT_PTS;
		c->has_pts = true;
		return 0;
	}
	return blob_slot(&c->blob, &c->mount_slots[i], e);
}

/* Makes the i-th mount if this is the time for it. */
static int make_mount(struct compile *c, size_t i, bool early, struct err *e)
{
	const struct spec_mount *sm = &c->spec->mounts[i];
	__attribute__((__cleanup__(mount_plan_auto)))
	struct mount_plan m = { .pairs = STRV_INIT };
	bool ids;
	int r = read_options(c, &m, sm, e);

	if (r == 0)
		r = mount_slot(c, i, e);
	if (r < 0)
		return r;
	if (m.bind) {
		/* Once more when the first try had no right to look. */
		if (early || c->has_userns)
			tree_step(c, &m, sm->source, c->mount_slots[i], early);
		return 0;
	}
	ids = m.names_ids || str_eq(sm->type, "devpts") ||
	      (str_eq(sm->type, "tmpfs") && !c->early);
	if (early == !ids)
		fs_step(c, &m, sm, c->mount_slots[i]);
	return 0;
}

static void device_step(struct compile *c, const char *path, uint64_t type,
			dev_t rdev, uint8_t slot)
{
	struct plan_step s = step_of(OP_DEVICE);

	s.slot = slot;
	s.s1 = blob_text(&c->blob, path);
	s.a = type;
	s.b = rdev;
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
			.set = f->read_only ? MOUNT_ATTR_RDONLY : 0,
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
	for (size_t i = 0; i < c->spec->mount_count; i++) {
		int r = make_mount(c, i, true, e);

		if (r < 0)
			return r;
	}
	own_proc(c);
	device_step(c, "/dev/null", S_IFCHR, makedev(1, 3), SLOT_NULL);
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
	for (size_t i = 0; i < c->spec->mount_count; i++) {
		int r = make_mount(c, i, false, e);

		if (r < 0)
			return r;
	}
	return c->is_foreign ? 0 : open_files(c, e);
}

/* --- where they go --- */

/* Files of /proc that tools such as lxcfs put a better answer over. */
static bool may_be_in_proc(const char *path)
{
	static const char *const names[] = {
		"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat",
		"/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo",
		"/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(path, names[i]))
			return true;
	return false;
}

static void attach_step(struct compile *c, uint8_t dir, uint8_t from,
			const char *path, mode_t mode)
{
	struct plan_step s = step_of(OP_ATTACH);

	s.slot = dir;
	s.from = from;
	s.s1 = blob_text(&c->blob, path);
	s.a = mode;
	if (dir == SLOT_ROOT && (str_eq(path, "/proc") || str_eq(path, "/sys")))
		s.flags |= STEP_REAL_DIR;
	if (dir == SLOT_ROOT && may_be_in_proc(path))
		s.flags |= STEP_IN_PROC;
	blob_step(&c->blob, s);
}

static void attach_mount(struct compile *c, size_t i)
{
	const struct spec_mount *sm = &c->spec->mounts[i];
	uint8_t slot = c->mount_slots[i];

	if (str_eq(sm->type, "tmpfs") && strv_has(&sm->options, "tmpcopyup")) {
		struct plan_step s = step_of(OP_COPY_UP);

		s.slot = SLOT_ROOT;
		s.from = slot;
		s.s1 = blob_text(&c->blob, sm->destination);
		blob_step(&c->blob, s);
	}
	attach_step(c, SLOT_ROOT, slot, sm->destination, 0755);
}

static void link_step(struct compile *c, const char *name, const char *text)
{
	struct plan_step s = step_of(OP_SYMLINK);

	s.slot = SLOT_DEV;
	s.s1 = blob_text(&c->blob, name);
	s.s2 = blob_text(&c->blob, text);
	blob_step(&c->blob, s);
}

/* What every container finds in /dev (runtime-spec, "Default Devices"); with
 * a /dev from elsewhere that is its owner's business. */
static int default_devices(struct compile *c, struct err *e)
{
	static const struct {
		const char *host;
		const char *name;
		unsigned major, minor;
	} nodes[] = {
		{ "/dev/zero", "zero", 1, 5 },
		{ "/dev/full", "full", 1, 7 },
		{ "/dev/random", "random", 1, 8 },
		{ "/dev/urandom", "urandom", 1, 9 },
		{ "/dev/tty", "tty", 5, 0 },
	};

	if (!c->has_dev)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		uint8_t slot;
		int r = blob_slot(&c->blob, &slot, e);

		if (r < 0)
			return r;
		device_step(c, nodes[i].host, S_IFCHR,
			    makedev(nodes[i].major, nodes[i].minor), slot);
		attach_step(c, SLOT_DEV, slot, nodes[i].name, 0);
	}
	link_step(c, "fd", "/proc/self/fd");
	link_step(c, "stdin", "/proc/self/fd/0");
	link_step(c, "stdout", "/proc/self/fd/1");
	link_step(c, "stderr", "/proc/self/fd/2");
	if (c->has_pts)
		link_step(c, "ptmx", "pts/ptmx");
	return 0;
}

/* The null device is attached from a copy: masks need the original. */
static int null_device(struct compile *c, struct err *e)
{
	uint8_t slot;
	int r;

	if (!c->has_dev)
		return 0;
	r = blob_slot(&c->blob, &slot, e);
	if (r < 0)
		return r;
	device_step(c, "/dev/null", S_IFCHR, makedev(1, 3), slot);
	attach_step(c, SLOT_DEV, slot, "null", 0);
	return 0;
}

static int spec_devices(struct compile *c, struct err *e)
{
	for (size_t i = 0; i < c->spec->device_count; i++) {
		const struct spec_device *d = &c->spec->devices[i];
		uint64_t type = d->type == 'b' ? S_IFBLK : S_IFCHR;
		uint8_t slot;
		int r;

		if (d->type != 'b' && d->type != 'c' && d->type != 'u')
			return err_set(e, ENOTSUP, "device '%s': type '%c'",
				       d->path, d->type);
		r = blob_slot(&c->blob, &slot, e);
		if (r < 0)
			return r;
		device_step(c, d->path, type,
			    makedev((unsigned)d->major, (unsigned)d->minor), slot);
		attach_step(c, SLOT_ROOT, slot, d->path, 0);
	}
	return 0;
}

static void path_steps(struct compile *c, enum plan_op op, const struct strv *paths)
{
	for (size_t i = 0; i < paths->len; i++) {
		struct plan_step s = step_of(op);

		s.slot = SLOT_ROOT;
		s.from = SLOT_MASK;
		s.s1 = blob_text(&c->blob, paths->v[i]);
		blob_step(&c->blob, s);
	}
}

void compile_verify(struct compile *c)
{
	path_steps(c, OP_VERIFY_MASK, &c->spec->masked_paths);
	path_steps(c, OP_VERIFY_READ_ONLY, &c->spec->readonly_paths);
}

int compile_places(struct compile *c, struct err *e)
{
	int r;

	for (size_t i = 0; i < c->spec->mount_count; i++)
		attach_mount(c, i);
	for (size_t i = 0; i < c->opt->file_count; i++)
		attach_step(c, SLOT_ROOT, c->file_slots[i], c->opt->files[i].target, 0);
	r = null_device(c, e);
	if (r == 0)
		r = default_devices(c, e);
	if (r == 0)
		r = spec_devices(c, e);
	if (r < 0)
		return r;
	if (c->spec->process.terminal) {
		struct plan_step s = step_of(OP_CONSOLE);

		if (!c->has_pts)
			return err_set(e, EINVAL, "process.terminal: no devpts is mounted");
		s.slot = c->has_dev ? SLOT_DEV : SLOT_PTS;
		s.a = (uint64_t)c->spec->process.rows << 16 | c->spec->process.cols;
		blob_step(&c->blob, s);
	}
	path_steps(c, OP_MASK, &c->spec->masked_paths);
	path_steps(c, OP_READ_ONLY, &c->spec->readonly_paths);
	return 0;
}
