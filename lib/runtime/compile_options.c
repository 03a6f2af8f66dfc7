/* What the options of a mount ask for: runtime-spec config.md, "Linux mount
 * options", and the few that runc and crun have beside it. */
#include <string.h>
#include <sys/mount.h>

#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/runtime/compile.h"

enum option_kind {
	O_SET, O_CLEAR,			/* an attribute */
	O_ATIME,			/* one of those of which there is one */
	O_PROPAGATION, O_BIND, O_COPY_UP, O_NO_FOLLOW, O_DEST_NO_FOLLOW, O_COPY_LINK,
	O_REMOUNT, O_IDMAP,
	O_SUPER,			/* of a file system, not of a mount */
	O_NOTHING,			/* what is so anyway, or has no meaning any more */
};

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
	{ "nodiratime", O_SET, false, MOUNT_ATTR_NODIRATIME },
	{ "diratime", O_CLEAR, false, MOUNT_ATTR_NODIRATIME },
	{ "rnodiratime", O_SET, true, MOUNT_ATTR_NODIRATIME },
	{ "rdiratime", O_CLEAR, true, MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow", O_SET, false, MOUNT_ATTR_NOSYMFOLLOW },
	{ "symfollow", O_CLEAR, false, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rnosymfollow", O_SET, true, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rsymfollow", O_CLEAR, true, MOUNT_ATTR_NOSYMFOLLOW },
	{ "noatime", O_ATIME, false, MOUNT_ATTR_NOATIME },
	{ "rnoatime", O_ATIME, true, MOUNT_ATTR_NOATIME },
	{ "strictatime", O_ATIME, false, MOUNT_ATTR_STRICTATIME },
	{ "rstrictatime", O_ATIME, true, MOUNT_ATTR_STRICTATIME },
	{ "relatime", O_ATIME, false, MOUNT_ATTR_RELATIME },
	{ "rrelatime", O_ATIME, true, MOUNT_ATTR_RELATIME },
	{ "atime", O_ATIME, false, MOUNT_ATTR_RELATIME },
	{ "ratime", O_ATIME, true, MOUNT_ATTR_RELATIME },
	{ "nostrictatime", O_ATIME, false, MOUNT_ATTR_RELATIME },
	{ "rnostrictatime", O_ATIME, true, MOUNT_ATTR_RELATIME },
	{ "norelatime", O_NOTHING, false, 0 },
	{ "rnorelatime", O_NOTHING, true, 0 },
	{ "private", O_PROPAGATION, false, MS_PRIVATE },
	{ "rprivate", O_PROPAGATION, true, MS_PRIVATE },
	{ "slave", O_PROPAGATION, false, MS_SLAVE },
	{ "rslave", O_PROPAGATION, true, MS_SLAVE },
	{ "shared", O_PROPAGATION, false, MS_SHARED },
	{ "rshared", O_PROPAGATION, true, MS_SHARED },
	{ "unbindable", O_PROPAGATION, false, MS_UNBINDABLE },
	{ "runbindable", O_PROPAGATION, true, MS_UNBINDABLE },
	{ "idmap", O_IDMAP, false, 0 },
	{ "ridmap", O_IDMAP, true, 0 },
	{ "remount", O_REMOUNT, false, 0 },
	{ "tmpcopyup", O_COPY_UP, false, 0 },
	{ "src-nofollow", O_NO_FOLLOW, false, 0 },
	{ "dest-nofollow", O_DEST_NO_FOLLOW, false, 0 },
	{ "copy-symlink", O_COPY_LINK, false, 0 },
	{ "sync", O_SUPER, false, 0 },
	{ "dirsync", O_SUPER, false, 0 },
	{ "lazytime", O_SUPER, false, 0 },
	{ "mand", O_SUPER, false, 0 },
	{ "async", O_NOTHING, false, 0 },
	{ "nolazytime", O_NOTHING, false, 0 },
	{ "nomand", O_NOTHING, false, 0 },
	/* Flags of mount(2) that newer calls do not have: file systems decide. */
	{ "iversion", O_NOTHING, false, 0 },
	{ "noiversion", O_NOTHING, false, 0 },
	{ "acl", O_NOTHING, false, 0 },
	{ "noacl", O_NOTHING, false, 0 },
	{ "silent", O_NOTHING, false, 0 },
	{ "loud", O_NOTHING, false, 0 },
	{ "defaults", O_NOTHING, false, 0 },
	/* every devpts is one today */
	{ "newinstance", O_NOTHING, false, 0 },
};

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

static void add_propagation(struct mount_plan *m, uint64_t value, bool recursive)
{
	if (m->propagation_count < ARRAY_SIZE(m->propagation))
		m->propagation[m->propagation_count++] =
			(struct mount_spread){ value, recursive };
}

static void apply_option(struct mount_plan *m, const struct mount_option *o)
{
	struct mount_attrs *a = o->recursive ? &m->all : &m->top;

	switch (o->kind) {
	case O_SET:
		a->set |= o->value;
		a->clear &= ~o->value;
		break;
	case O_CLEAR:
		a->set &= ~o->value;
		a->clear |= o->value;
		break;
	case O_ATIME:
		a->set = (a->set & ~(uint64_t)MOUNT_ATTR__ATIME) | o->value;
		a->clear |= MOUNT_ATTR__ATIME;
		break;
	case O_PROPAGATION:
		add_propagation(m, o->value, o->recursive);
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
	case O_DEST_NO_FOLLOW:
		m->dest_no_follow = true;
		break;
	case O_COPY_LINK:
		m->copy_link = m->no_follow = true;
		break;
	case O_REMOUNT:
		m->remount = true;
		break;
	case O_IDMAP:
		m->idmap = o->recursive ? MOUNT_IDMAP_ALL : MOUNT_IDMAP_TOP;
		break;
	case O_SUPER:
		strv_add(&m->super, o->name);
		break;
	case O_NOTHING:
		break;
	}
}

/* key=value for the file system.  Ids must be mapped, except that devpts goes
 * without a group rather than not at all. */
static int fs_option(const struct compile *c, struct mount_plan *m,
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

static int check_idmap(const struct mount_plan *m, const struct compile *c,
		       const struct spec_mount *sm, struct err *e)
{
	const char *at = sm->destination;

	if (m->remount)
		return err_set(e, EINVAL, "mount '%s': idmap and remount", at);
	if (c->opt->self_uid != 0)
		return err_set(e, ENOTSUP, "mount '%s': only root can map the ids of a mount", at);
	if (!sm->idmap && c->is_privileged)
		return err_set(e, EINVAL, "mount '%s': idmap needs a map or a user namespace", at);
	if (sm->idmap && (!sm->idmap->uids.len || !sm->idmap->gids.len))
		return err_set(e, EINVAL,
			       "mount '%s': uidMappings and gidMappings go together", at);
	return 0;
}

/* What makes no sense together. */
static int check_plan(const struct mount_plan *m, const struct compile *c,
		      const struct spec_mount *sm, struct err *e)
{
	const char *at = sm->destination;

	if ((m->bind || m->remount) && m->pairs.len)
		return err_set(e, EINVAL, "mount '%s': unknown option '%s'", at, m->pairs.v[0]);
	if (m->copy_up && !str_eq(sm->type, "tmpfs"))
		return err_set(e, EINVAL, "mount '%s': tmpcopyup is for a tmpfs", at);
	if ((m->no_follow || m->copy_link) && !m->bind)
		return err_set(e, EINVAL, "mount '%s': %s is for a bind", at,
			       m->copy_link ? "copy-symlink" : "src-nofollow");
	if (m->propagation_count == ARRAY_SIZE(m->propagation))
		return err_set(e, EINVAL, "mount '%s': too many propagation options", at);
	return m->idmap ? check_idmap(m, c, sm, e) : 0;
}

/* Without mounts below it the two sets are one: the last word counts in each,
 * and of both the one that is meant for all. */
static void join_attrs(struct mount_plan *m)
{
	uint64_t said = m->all.set | m->all.clear;

	m->top.set = (m->top.set & ~said) | m->all.set;
	m->top.clear = (m->top.clear & ~said) | m->all.clear;
	m->all = (struct mount_attrs){ 0, 0 };
	for (size_t i = 0; i < m->propagation_count; i++)
		m->propagation[i].recursive = false;
}

int mount_plan_read(struct mount_plan *m, const struct compile *c,
		    const struct spec_mount *sm, struct err *e)
{
	int r = 0;

	m->bind = !sm->type || str_eq(sm->type, "bind");
	if (sm->idmap)
		m->idmap = MOUNT_IDMAP_TOP;
	for (size_t i = 0; i < sm->options.len && r == 0; i++) {
		const char *text = sm->options.v[i];
		const struct mount_option *o = find_option(text);

		if (o)
			apply_option(m, o);
		else if (*text)
			r = fs_option(c, m, sm, text, e);
	}
	if (r == 0)
		r = check_plan(m, c, sm, e);
	if (r < 0)
		return r;
	/* A bind has no file system of its own to which they could apply. */
	for (size_t i = 0; i < m->super.len && !m->bind && !m->remount; i++) {
		strv_add(&m->pairs, m->super.v[i]);
		strv_add(&m->pairs, "");
	}
	if (!m->recursive && !m->remount)
		join_attrs(m);
	/* Only those that ask for it hear of the host's later mounts. */
	if (m->bind && !m->propagation_count && c->propagation != MS_PRIVATE)
		add_propagation(m, MS_PRIVATE, m->recursive);
	return 0;
}

void mount_plan_clear(struct mount_plan *m)
{
	strv_clear(&m->pairs);
	strv_clear(&m->super);
	free_auto(&m->target);
}

size_t mount_plan_changes(const struct mount_plan *m, struct mount_step out[MOUNT_STEPS_MAX])
{
	size_t count = 0;

	if (m->top.set | m->top.clear)
		out[count++] = (struct mount_step){ m->top, 0, false };
	if (m->all.set | m->all.clear)
		out[count++] = (struct mount_step){ m->all, 0, true };
	for (size_t i = 0; i < m->propagation_count; i++) {
		const struct mount_spread *p = &m->propagation[i];
		size_t k = 0;

		/* The first may go along with attributes, the others follow. */
		while (k < count && (i || out[k].recursive != p->recursive))
			k++;
		if (k == count)
			out[count++] = (struct mount_step){ .recursive = p->recursive };
		out[k].propagation = p->value;
	}
	return count;
}
