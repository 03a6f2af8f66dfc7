/* What is wrong with a spec, in words, before anything is started. */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/bitlist.h"
#include "lib/os/lsm.h"
#include "lib/runtime/compile.h"

static int check_ids(const struct spec_user *u, const struct idmap *map,
		     struct err *e)
{
	if (!map)
		return 0;
	if (id_to_outside(&map->uids, u->uid) == ID_NONE)
		return err_hint(e, err_set(e, EINVAL, "user %u is not mapped", u->uid),
				"idmap.user");
	if (id_to_outside(&map->gids, u->gid) == ID_NONE)
		return err_hint(e, err_set(e, EINVAL, "group %u is not mapped", u->gid),
				"idmap.user");
	for (size_t i = 0; i < u->group_count; i++)
		if (id_to_outside(&map->gids, u->groups[i]) == ID_NONE)
			return err_set(e, EINVAL, "additional group %u is not mapped",
				       u->groups[i]);
	return 0;
}

static int check_scheduler(const struct spec_scheduler *s, struct err *e)
{
	const char *policy = s->set ? named_of(spec_sched_policies, s->policy) : NULL;

	if (s->priority && !str_eq(policy, "SCHED_FIFO") && !str_eq(policy, "SCHED_RR"))
		return err_set(e, EINVAL,
			       "process.scheduler.priority: belongs to SCHED_FIFO and SCHED_RR");
	if ((s->runtime_ns || s->deadline_ns || s->period_ns) &&
	    !str_eq(policy, "SCHED_DEADLINE"))
		return err_set(e, EINVAL, "process.scheduler: runtime, deadline and period "
			       "belong to SCHED_DEADLINE");
	return 0;
}

static int check_list(const char *text, const char *member, struct err *e)
{
	struct bitlist ignored;
	int r = bitlist_parse(&ignored, str_or(text, ""), e);

	return r < 0 ? err_ctx(e, r, "%s", member) : 0;
}

/* Asked for and not to be had is an error (RELIABILITY F3). */
static int check_labels(const struct spec_process *p, struct err *e)
{
	if (!str_is_empty(p->apparmor) && !str_eq(p->apparmor, "unconfined") &&
	    !lsm_has_apparmor())
		return err_set(e, ENOTSUP,
			       "process.apparmorProfile '%s': this kernel has no AppArmor",
			       p->apparmor);
	if (!str_is_empty(p->selinux_label) && !lsm_has_selinux())
		return err_set(e, ENOTSUP,
			       "process.selinuxLabel '%s': this kernel has no SELinux",
			       p->selinux_label);
	return 0;
}

static int check_rest_of_process(const struct spec_process *p, struct err *e)
{
	int r = check_scheduler(&p->scheduler, e);

	if (r == 0)
		r = check_list(p->exec_cpus_initial, "process.execCPUAffinity.initial", e);
	if (r == 0)
		r = check_list(p->exec_cpus_final, "process.execCPUAffinity.final", e);
	return r < 0 ? r : check_labels(p, e);
}

static int check_limits(const struct spec_process *p, struct err *e)
{
	for (size_t i = 0; i < p->rlimit_count; i++) {
		if (rlimit_number(p->rlimits[i].type) < 0)
			return err_set(e, EINVAL, "process.rlimits: unknown limit '%s'",
				       p->rlimits[i].type);
		for (size_t k = 0; k < i; k++)
			if (str_eq(p->rlimits[i].type, p->rlimits[k].type))
				return err_set(e, EINVAL, "process.rlimits: '%s' is there twice",
					       p->rlimits[i].type);
	}
	return 0;
}

int check_process(const struct spec_process *p, const struct idmap *map,
		  struct err *e)
{
	int r;

	if (!p->args.len)
		return err_set(e, EINVAL, "process.args: missing");
	if (p->cwd && p->cwd[0] != '/')
		return err_set(e, EINVAL, "process.cwd: '%s' is not absolute", p->cwd);
	r = check_limits(p, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->env.len; i++)
		if (!strchr(p->env.v[i], '='))
			return err_set(e, EINVAL, "process.env: '%s' has no value",
				       p->env.v[i]);
	r = check_ids(&p->user, map, e);
	return r < 0 ? r : check_rest_of_process(p, e);
}

/* runtime-spec "sysctl", as far as the kernel keeps them per namespace. */
static int check_sysctl(const struct spec *s, const char *text, struct err *e)
{
	static const char *const ipc[] = {
		"kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
		"kernel.shm_rmid_forced", "kernel.msgmax", "kernel.msgmnb",
		"kernel.msgmni",
	};
	const char *eq = strchr(text, '=');
	size_t len = eq ? (size_t)(eq - text) : 0;

	if (!len || strstr(text, "..") || text[0] == '/')
		return err_set(e, EINVAL, "sysctl '%s': not key=value", text);
	if (str_starts(text, "net."))
		return s->ns[SPEC_NS_NETWORK].set ? 0 :
			err_set(e, EINVAL, "sysctl '%s': needs a network namespace", text);
	if (str_starts(text, "fs.mqueue."))
		return s->ns[SPEC_NS_IPC].set ? 0 :
			err_set(e, EINVAL, "sysctl '%s': needs an ipc namespace", text);
	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		if (strlen(ipc[i]) == len && !strncmp(text, ipc[i], len))
			return s->ns[SPEC_NS_IPC].set ? 0 :
				err_set(e, EINVAL, "sysctl '%s': needs an ipc namespace",
					text);
	if (str_starts(text, "kernel.domainname=") && s->ns[SPEC_NS_UTS].set)
		return 0;
	return err_set(e, EINVAL, "sysctl '%s': belongs to the host, not to a namespace",
		       text);
}

static int check_mount(const struct spec_mount *m, bool has_userns, struct err *e)
{
	static const char *const ours[] = {
		"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2",
		"bind", "none", "overlay", "ramfs",
	};
	bool bind = spec_mount_is_bind(m);

	if (str_is_empty(m->destination))
		return err_set(e, EINVAL, "mount: the destination is missing");
	if (strlen(m->destination) >= MAX_PATH)
		return err_set(e, ENAMETOOLONG, "mount: destination too long");
	if (bind && (str_is_empty(m->source) || m->source[0] != '/'))
		return err_set(e, EINVAL, "mount '%s': the source is not absolute",
			       m->destination);
	if (bind)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (str_eq(m->type, ours[i]))
			return 0;
	if (!has_userns)
		return 0;
	return err_set(e, ENOTSUP, "mount '%s': a user cannot mount file system '%s'",
		       m->destination, m->type);
}

static int check_namespaces(const struct spec *s, const struct plan_options *o,
			    struct err *e)
{
	if (!s->ns[SPEC_NS_MOUNT].set || s->ns[SPEC_NS_MOUNT].path)
		return err_set(e, EINVAL,
			       "linux.namespaces: a new mount namespace is missing");
	if (s->ns[SPEC_NS_USER].path && o->net.kind == PLAN_NET_JOIN)
		return err_set(e, EINVAL,
			       "linux.namespaces: a user namespace and a container to share");
	if ((s->hostname || s->domainname) && !s->ns[SPEC_NS_UTS].set)
		return err_set(e, EINVAL, "hostname: needs a uts namespace");
	if (o->net.kind == PLAN_NET_TAP && !o->net.tap)
		return err_set(e, EINVAL, "network: no configuration of the tap");
	if (o->net.kind == PLAN_NET_JOIN && o->net.join.pid <= 0)
		return err_set(e, EINVAL, "network: no container to join");
	return 0;
}

static bool is_propagation(const char *text)
{
	static const char *const known[] = {
		"private", "rprivate", "slave", "rslave", "shared", "rshared",
		"unbindable", "runbindable",
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(text, known[i]))
			return true;
	return false;
}

/* "1.2.0-dev" too: what a later 1.x adds may be ignored. */
static int check_version(const char *version, struct err *e)
{
	const char *minor = str_after(str_or(version, OCI_VERSION), "1.");

	return minor && *minor >= '0' && *minor <= '9' ? 0 :
		err_set(e, EINVAL, "ociVersion '%s': not version 1 of the specification",
			version);
}

static bool is_device_name(const char *name)
{
	return str_is_component(name) && strlen(name) < IFNAMSIZ && !strpbrk(name, ": \t\n");
}

static int check_net_devices(const struct spec *s, struct err *e)
{
	for (size_t i = 0; i < s->net_device_count; i++) {
		const struct spec_net_device *d = &s->net_devices[i];

		if (!is_device_name(d->name) || (d->rename && !is_device_name(d->rename)))
			return err_set(e, EINVAL, "linux.netDevices '%s': bad name", d->name);
		if (!s->ns[SPEC_NS_NETWORK].set)
			return err_set(e, EINVAL,
				       "linux.netDevices '%s': needs a network namespace",
				       d->name);
	}
	return 0;
}

static int check_kernel(const struct spec *s, struct err *e)
{
	const struct spec_ns *time = &s->ns[SPEC_NS_TIME];
	int r;

	for (size_t i = 0; i < SPEC_CLOCKS; i++)
		if (s->time_offsets[i].set && (!time->set || time->path))
			return err_set(e, EINVAL,
				       "linux.timeOffsets: need a new time namespace");
	if (s->personality.flags.len)
		return err_set(e, ENOTSUP, "linux.personality.flags: unknown '%s'",
			       s->personality.flags.v[0]);
	r = check_list(s->memory_policy.nodes, "linux.memoryPolicy.nodes", e);
	if (r < 0)
		return r;
	if (!str_is_empty(s->mount_label) && !lsm_has_selinux())
		return err_set(e, ENOTSUP, "linux.mountLabel '%s': this kernel has no SELinux",
			       s->mount_label);
	r = check_net_devices(s, e);
	if (r < 0)
		return r;
	if (s->intel_rdt)
		return err_set(e, ENOTSUP, "linux.intelRdt: not supported");
	return 0;
}

static int check_hooks(const struct spec_hooks *h, struct err *e)
{
	for (size_t point = 0; point < SPEC_HOOK_POINTS; point++)
		for (size_t i = 0; i < h->count[point]; i++)
			if (h->at[point][i].path[0] != '/')
				return err_set(e, EINVAL, "hook '%s': the path is not absolute",
					       h->at[point][i].path);
	return 0;
}

int check_spec(const struct spec *s, const struct plan_options *o,
	       struct err *e)
{
	bool has_map = o->idmap && o->idmap->uids.len;
	int r = check_version(s->oci_version, e);

	if (r == 0)
		r = check_namespaces(s, o, e);
	if (r == 0)
		r = check_kernel(s, e);
	if (r == 0)
		r = check_hooks(&s->hooks, e);
	if (r == 0)
		r = check_process(&s->process, has_map ? o->idmap : NULL, e);
	for (size_t i = 0; r == 0 && i < s->mount_count; i++)
		r = check_mount(&s->mounts[i], has_map, e);
	for (size_t i = 0; r == 0 && i < s->sysctl.len; i++)
		r = check_sysctl(s, s->sysctl.v[i], e);
	if (r < 0)
		return r;
	if (s->rootfs_propagation && !is_propagation(s->rootfs_propagation))
		return err_set(e, EINVAL, "linux.rootfsPropagation: unknown '%s'",
			       s->rootfs_propagation);
	if (o->preserve_fds > PLAN_PRESERVE_MAX)
		return err_set(e, EINVAL, "more than %d descriptors to preserve",
			       PLAN_PRESERVE_MAX);
	return 0;
}
