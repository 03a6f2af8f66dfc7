/* Where the mounts go, the devices, and the paths that are restricted. */
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/base/str.h"
#include "lib/fmt/mountopt.h"
#include "lib/runtime/compile.h"

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

static struct plan_step attach_step(struct compile *c, uint8_t dir, uint8_t from,
				    const char *path)
{
	struct plan_step s = step_of(OP_ATTACH);

	s.slot = dir;
	s.from = from;
	s.s1 = blob_text(&c->blob, path);
	if (dir == SLOT_ROOT && (str_eq(path, "/proc") || str_eq(path, "/sys")))
		s.flags |= STEP_REAL_DIR;
	if (dir == SLOT_ROOT && may_be_in_proc(path))
		s.flags |= STEP_IN_PROC;
	/* There the host's root has one mounted already. */
	if (c->opt->runtime && str_eq(path, "/proc"))
		s.flags |= STEP_IN_PROC;
	return s;
}

/* A step about the mount at its place. */
static void place_step(struct compile *c, enum plan_op op, const struct mount_plan *m,
		       const char *text)
{
	struct plan_step s = step_of(op);

	s.slot = SLOT_ROOT;
	s.from = m->slot;
	s.s1 = blob_text(&c->blob, text);
	blob_step(&c->blob, s);
}

/* The changes that making it did not include. */
static void change_steps(struct compile *c, const struct mount_plan *m)
{
	struct mount_step steps[MOUNT_STEPS_MAX];
	size_t count = mount_plan_changes(m, steps);

	for (size_t i = m->bind ? 1 : 0; i < count; i++) {
		struct plan_step s = step_of(OP_ATTR);

		s.slot = m->slot;
		s.s1 = blob_text(&c->blob, m->target);
		if (m->bind) {
			s.a = steps[i].attrs.set;
			s.b = steps[i].attrs.clear;
		} else if (m->copy_up) {
			s.a = steps[i].attrs.set & MOUNT_ATTR_RDONLY;
		}
		s.data_len = (uint32_t)steps[i].propagation;
		s.flags = steps[i].recursive ? STEP_ATTR_RECURSIVE : 0;
		if (s.a || s.b || s.data_len)
			blob_step(&c->blob, s);
	}
}

static void remount_steps(struct compile *c, const struct mount_plan *m)
{
	struct mount_step steps[MOUNT_STEPS_MAX];
	size_t count = mount_plan_changes(m, steps);

	for (size_t i = 0; i < count; i++) {
		struct plan_step s = step_of(OP_REMOUNT);

		s.slot = SLOT_ROOT;
		s.s1 = blob_text(&c->blob, m->target);
		s.a = steps[i].attrs.set;
		s.b = steps[i].attrs.clear;
		s.data_len = (uint32_t)steps[i].propagation;
		s.flags = steps[i].recursive ? STEP_ATTR_RECURSIVE : 0;
		blob_step(&c->blob, s);
	}
}

static void idmap_step(struct compile *c, const struct mount_plan *m, const struct idmap *map)
{
	struct plan_step s = step_of(OP_IDMAP);
	AUTO(strv) struct strv texts = STRV_INIT;

	if (m->idmap == MOUNT_IDMAP_NONE)
		return;
	if (map) {
		AUTO(buf) struct buf uids = BUF_INIT(MAX_PLAN), gids = BUF_INIT(MAX_PLAN);

		id_print(&map->uids, &uids);
		id_print(&map->gids, &gids);
		strv_add(&texts, uids.data);
		strv_add(&texts, gids.data);
	}
	s.slot = m->slot;
	s.s1 = blob_text(&c->blob, m->target);
	s.flags = m->idmap == MOUNT_IDMAP_ALL ? STEP_ATTR_RECURSIVE : 0;
	blob_list(&c->blob, s, &texts);
}

static void attach_mount(struct compile *c, size_t i)
{
	const struct mount_plan *m = &c->mounts[i];
	struct plan_step s;

	if (m->remount) {
		remount_steps(c, m);
		return;
	}
	if (m->copy_up)
		place_step(c, OP_COPY_UP, m, m->target);
	idmap_step(c, m, c->spec->mounts[i].idmap);
	change_steps(c, m);
	if (m->copy_link)
		place_step(c, OP_COPY_LINK, m, m->target);
	s = attach_step(c, SLOT_ROOT, m->slot, m->target);
	s.flags |= m->dest_no_follow ? STEP_NO_FOLLOW : 0;
	blob_step(&c->blob, s);
}

/* --- devices --- */

static void link_step(struct compile *c, const char *name, const char *text)
{
	struct plan_step s = step_of(OP_SYMLINK);

	s.slot = SLOT_DEV;
	s.s1 = blob_text(&c->blob, name);
	s.s2 = blob_text(&c->blob, text);
	blob_step(&c->blob, s);
}

/* With a node of its own, where the kernel lets us make one; elsewhere the
 * host's is bound, with its owner and mode. */
static int add_device(struct compile *c, const struct spec_device *d, uint8_t dir,
		      const char *path, struct err *e)
{
	const uint32_t ids[2] = {
		d->uid == ID_NONE ? 0 : d->uid,
		d->gid == ID_NONE ? 0 : d->gid,
	};
	mode_t mode = d->mode == ID_NONE ? 0666 : d->mode & 07777;
	struct plan_step s = step_of(OP_NODE);
	uint8_t slot;
	int r;

	if (c->is_privileged || d->type == 'p') {
		s.slot = dir;
		s.s1 = blob_text(&c->blob, path);
		s.s2 = blob_text(&c->blob, d->path);
		s.a = mode | (d->type == 'b' ? S_IFBLK : d->type == 'p' ? S_IFIFO : S_IFCHR);
		s.b = d->type == 'p' ? 0 : makedev((unsigned)d->major, (unsigned)d->minor);
		blob_data(&c->blob, s, ids, sizeof(ids));
		return 0;
	}
	r = blob_slot(&c->blob, &slot, e);
	if (r < 0)
		return r;
	device_step(c, d, slot);
	blob_step(&c->blob, attach_step(c, dir, slot, path));
	return 0;
}

/* What every container finds in /dev (runtime-spec, "Default Devices").  The
 * null device is attached from a copy: masks need the original. */
static int default_devices(struct compile *c, struct err *e)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = {
		{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 }, { "/dev/full", 1, 7 },
		{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(nodes) && r == 0; i++) {
		const struct spec_device d = {
			.path = (char *)nodes[i].path,
			.type = 'c',
			.major = nodes[i].major,
			.minor = nodes[i].minor,
			.mode = ID_NONE, .uid = ID_NONE, .gid = ID_NONE,
		};

		r = add_device(c, &d, SLOT_DEV, d.path + strlen("/dev/"), e);
	}
	link_step(c, "fd", "/proc/self/fd");
	link_step(c, "stdin", "/proc/self/fd/0");
	link_step(c, "stdout", "/proc/self/fd/1");
	link_step(c, "stderr", "/proc/self/fd/2");
	if (c->has_pts)
		link_step(c, "ptmx", "pts/ptmx");
	return r;
}

static int spec_devices(struct compile *c, struct err *e)
{
	for (size_t i = 0; i < c->spec->device_count; i++) {
		const struct spec_device *d = &c->spec->devices[i];
		AUTO_FREE char *path = mount_clean_path(d->path);
		const char *in_dev = str_after(path, "/dev/");
		int r = 0;

		if (!strchr("bcup", d->type))
			return err_set(e, ENOTSUP, "device '%s': type '%c'", d->path, d->type);
		if (!in_dev)
			r = add_device(c, d, SLOT_ROOT, path, e);
		/* With a devpts of its own ptmx is a link into that, whatever a list says. */
		else if (!c->binds_dev && !(c->has_pts && str_eq(in_dev, "ptmx")))
			r = add_device(c, d, SLOT_DEV, in_dev, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A /dev from elsewhere is its owner's business. */
static int devices(struct compile *c, struct err *e)
{
	struct plan_step s = step_of(OP_DEV_DIR);
	int r = 0;

	if (!c->binds_dev && !c->has_dev) {
		s.slot = SLOT_DEV;
		s.from = SLOT_ROOT;
		blob_step(&c->blob, s);
	}
	if (!c->binds_dev)
		r = default_devices(c, e);
	return r < 0 ? r : spec_devices(c, e);
}

/* --- restricted paths --- */

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
		blob_step(&c->blob, attach_step(c, SLOT_ROOT, c->file_slots[i],
						c->opt->files[i].target));
	r = devices(c, e);
	if (r < 0)
		return r;
	if (c->spec->process.terminal) {
		struct plan_step s = step_of(OP_CONSOLE);

		if (!c->has_pts)
			return err_set(e, EINVAL, "process.terminal: no devpts is mounted");
		s.slot = c->binds_dev ? SLOT_PTS : SLOT_DEV;
		s.a = (uint64_t)c->spec->process.rows << 16 | c->spec->process.cols;
		blob_step(&c->blob, s);
	}
	path_steps(c, OP_MASK, &c->spec->masked_paths);
	path_steps(c, OP_READ_ONLY, &c->spec->readonly_paths);
	return 0;
}
