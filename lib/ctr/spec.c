#include "lib/ctr/spec.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

#define BIT(name) CAP_BIT(cap_bit_##name)

/* capability(7); the numbers are the kernel's interface */
enum {
	cap_bit_chown = 0, cap_bit_dac_override = 1, cap_bit_fowner = 3,
	cap_bit_fsetid = 4, cap_bit_kill = 5, cap_bit_setgid = 6,
	cap_bit_setuid = 7, cap_bit_setpcap = 8, cap_bit_net_bind_service = 10,
	cap_bit_sys_chroot = 18, cap_bit_setfcap = 31,
};

/* podman's eleven: docker's without MKNOD, NET_RAW and AUDIT_WRITE */
static const uint64_t default_caps =
	BIT(chown) | BIT(dac_override) | BIT(fowner) | BIT(fsetid) | BIT(kill) |
	BIT(setgid) | BIT(setuid) | BIT(setpcap) | BIT(net_bind_service) |
	BIT(sys_chroot) | BIT(setfcap);

static int cap_list(uint64_t *out, const struct strv *names, const char *flag, struct err *e)
{
	*out = 0;
	for (size_t i = 0; i < names->len; i++) {
		int n;

		if (strcasecmp(names->v[i], "all") == 0) {
			*out = CAP_ALL;
			continue;
		}
		n = cap_number(names->v[i]);
		if (n < 0)
			return err_set(e, EINVAL, "%s: '%s' is not a capability", flag,
				       names->v[i]);
		*out |= CAP_BIT(n);
	}
	return 0;
}

int ctr_caps(uint64_t *out, const struct ctr_config *c, struct err *e)
{
	uint64_t add, drop;
	int r = cap_list(&add, &c->cap_add, "--cap-add", e);

	if (r == 0)
		r = cap_list(&drop, &c->cap_drop, "--cap-drop", e);
	if (r < 0)
		return r;
	/* "drop all, add one" leaves one; "add all, drop one" leaves the rest. */
	if (c->privileged || add == CAP_ALL)
		*out = CAP_ALL & ~drop;
	else if (drop == CAP_ALL)
		*out = add;
	else
		*out = (default_caps | add) & ~drop;
	return 0;
}

static void add_options(struct spec_mount *m, const char *options)
{
	while (*options) {
		size_t len = strcspn(options, ",");

		strv_addn(&m->options, options, len);
		options += len + (options[len] == ',');
	}
}

static void base_mounts(struct spec *s, const struct ctr_spec_in *in)
{
	const struct ctr_config *c = in->config;
	const char *mode = c->privileged ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro";
	struct spec_mount *m;

	m = spec_add_mount(s, "/proc", "proc", "proc");
	add_options(m, "nosuid,noexec,nodev");
	m = spec_add_mount(s, "/dev", "tmpfs", "tmpfs");
	add_options(m, "nosuid,strictatime,mode=755,size=65536k");
	m = spec_add_mount(s, "/dev/pts", "devpts", "devpts");
	add_options(m, "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
	if (in->tty_gid != ID_NONE)
		strv_addf(&m->options, "gid=%u", in->tty_gid);
	m = spec_add_mount(s, "/dev/shm", "tmpfs", "shm");
	add_options(m, "nosuid,noexec,nodev,mode=1777");
	strv_addf(&m->options, "size=%llu", (unsigned long long)c->shm_size);
	m = spec_add_mount(s, "/dev/mqueue", "mqueue", "mqueue");
	add_options(m, "nosuid,noexec,nodev");
	m = spec_add_mount(s, "/sys", "sysfs", "sysfs");
	add_options(m, mode);
	m = spec_add_mount(s, "/sys/fs/cgroup", "cgroup", "cgroup");
	add_options(m, mode);
	strv_add(&m->options, "relatime");
}

static void tmpfs_options(struct spec_mount *m, const struct mount_opt *o)
{
	if (o->size)
		strv_addf(&m->options, "size=%llu", (unsigned long long)o->size);
	strv_addf(&m->options, "mode=%o", o->mode == MOUNT_MODE_UNSET ? 01777 : o->mode);
	if (o->uid != MOUNT_ID_UNSET)
		strv_addf(&m->options, "uid=%u", o->uid);
	if (o->gid != MOUNT_ID_UNSET)
		strv_addf(&m->options, "gid=%u", o->gid);
}

/* For the mounts below it as well. */
static void restrict_mount(struct spec_mount *m, const struct mount_opt *o, bool all)
{
	if (o->read_only)
		strv_add(&m->options, all ? "rro" : "ro");
	strv_add(&m->options, all ? "rnosuid" : "nosuid");
	strv_add(&m->options, all ? "rnodev" : "nodev");
	if (o->flags & MOUNT_NOEXEC)
		strv_add(&m->options, all ? "rnoexec" : "noexec");
}

static void user_mount(struct spec *s, const struct mount_opt *o, const char *source)
{
	struct spec_mount *m;

	if (o->kind == MOUNT_TMPFS) {
		m = spec_add_mount(s, o->target, "tmpfs", "tmpfs");
		tmpfs_options(m, o);
	} else {
		m = spec_add_mount(s, o->target, "bind", source);
		strv_add(&m->options, o->not_recursive ? "bind" : "rbind");
		strv_add(&m->options, o->propagation == MOUNT_PROP_DEFAULT ? "rprivate" :
				      mount_propagation_name(o->propagation));
	}
	restrict_mount(m, o, o->kind != MOUNT_TMPFS && !o->not_recursive);
}

/* RELIABILITY 3.3; thermal_throttle exists for each processor. */
static void mask_paths(struct spec *s)
{
	static const char *const masked[] = {
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
		"/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
		"/sys/fs/selinux",
	};
	static const char *const readonly[] = {
		"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
	};
	char path[96];

	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		strv_add(&s->masked_paths, masked[i]);
	for (unsigned cpu = 0;; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/thermal_throttle", cpu);
		if (access(path, F_OK) < 0)
			break;
		strv_add(&s->masked_paths, path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(readonly); i++)
		strv_add(&s->readonly_paths, readonly[i]);
}

static int add_rlimits(struct spec *s, const struct ctr_config *c, struct err *e)
{
	bool has_core = false;

	for (size_t i = 0; i < c->ulimit_count; i++) {
		AUTO_FREE char *type = mem_printf("RLIMIT_%s", c->ulimits[i].name);

		for (char *p = type; *p; p++)
			if (*p >= 'a' && *p <= 'z')
				*p = (char)(*p - 'a' + 'A');
		if (c->ulimits[i].soft > c->ulimits[i].hard)
			return err_set(e, EINVAL,
				       "--ulimit %s: the soft limit is above the hard one",
				       c->ulimits[i].name);
		has_core |= str_eq(type, "RLIMIT_CORE");
		spec_add_rlimit(s, type, c->ulimits[i].soft, c->ulimits[i].hard);
	}
	/* core_pattern is the host's: no cores unless they are asked for */
	if (!has_core)
		spec_add_rlimit(s, "RLIMIT_CORE", 0, 0);
	return 0;
}

static void add_resources(struct spec *s, const struct ctr_config *c)
{
	struct spec_resources *r = &s->resources;

	if (c->memory)
		r->memory_limit = (int64_t)c->memory;
	if (c->memory_swap)
		r->memory_swap = (int64_t)c->memory_swap;
	if (c->nano_cpus) {
		r->cpu_period = 100000;
		r->cpu_quota = (int64_t)(c->nano_cpus / 10000);
	}
	if (c->cpu_shares)
		r->cpu_shares = (int64_t)c->cpu_shares;
	r->cpuset_cpus = mem_str(c->cpuset_cpus);
	if (c->pids_limit)
		r->pids_limit = c->pids_limit;
}

static int add_process(struct spec *s, const struct ctr_spec_in *in, struct err *e)
{
	const struct ctr_config *c = in->config;
	struct spec_process *p = &s->process;
	uint64_t caps;
	int r = ctr_caps(&caps, c, e);

	if (r < 0)
		return r;
	p->terminal = c->tty;
	p->user.uid = in->user->uid;
	p->user.gid = in->user->gid;
	p->user.umask = ID_NONE;
	/* the primary group too: RELIABILITY F2; a single id has no others */
	if (!in->is_single) {
		p->user.group_count = in->user->group_count + 1;
		p->user.groups = mem_zero(p->user.group_count, sizeof(*p->user.groups));
		p->user.groups[0] = in->user->gid;
		memcpy(p->user.groups + 1, in->user->groups,
		       in->user->group_count * sizeof(*p->user.groups));
	}
	strv_join(&p->args, &c->entrypoint);
	strv_join(&p->args, &c->cmd);
	if (!p->args.len)
		return err_set(e, EINVAL, "no command is given, and the image has none");
	strv_join(&p->env, &c->env);
	if (!strv_getenv(&p->env, "HOME"))
		strv_addf(&p->env, "HOME=%s", in->user->home ? in->user->home : "/");
	if (!strv_getenv(&p->env, "HOSTNAME"))
		strv_addf(&p->env, "HOSTNAME=%s", s->hostname);
	if (c->tty && !strv_getenv(&p->env, "TERM"))
		strv_add(&p->env, "TERM=xterm");
	if (!strv_getenv(&p->env, "container"))
		strv_add(&p->env, "container=coracle");
	p->cwd = mem_str(c->workdir);
	p->caps.set = true;
	p->caps.bounding = caps;
	/* another user than root starts without: RELIABILITY F5 */
	p->caps.permitted = p->caps.effective = p->user.uid == 0 ? caps : 0;
	p->no_new_privs = c->no_new_privs;
	return add_rlimits(s, c, e);
}

static void add_namespaces(struct spec *s, const struct ctr_config *c)
{
	static const enum spec_ns_type always[] = {
		SPEC_NS_USER, SPEC_NS_MOUNT, SPEC_NS_PID, SPEC_NS_IPC, SPEC_NS_UTS, SPEC_NS_CGROUP,
	};

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		s->ns[always[i]].set = true;
	s->ns[SPEC_NS_NETWORK].set = c->net != CTR_NET_HOST;
}

int ctr_spec(struct spec *out, const struct ctr_spec_in *in, struct err *e)
{
	const struct ctr_config *c = in->config;
	int r;

	spec_init(out);
	out->oci_version = mem_str("1.2.0");
	out->root_path = mem_str(in->root_path);
	out->root_readonly = c->read_only;
	out->hostname = c->hostname ? mem_str(c->hostname) : mem_strn(in->id, ID_SHORT_LEN);
	out->domainname = mem_str(c->domainname);
	base_mounts(out, in);
	for (size_t i = 0; i < c->mount_count; i++)
		user_mount(out, &c->mounts[i], in->mount_sources[i]);
	strv_join(&out->annotations, &c->annotations);
	strv_join(&out->sysctl, &c->sysctl);
	/* who owns the network namespace may bind every port in it */
	if (c->net == CTR_NET_SLIRP &&
	    !strv_getenv(&out->sysctl, "net.ipv4.ip_unprivileged_port_start"))
		strv_add(&out->sysctl, "net.ipv4.ip_unprivileged_port_start=0");
	/* ping without CAP_NET_RAW */
	if (c->net == CTR_NET_SLIRP && !strv_getenv(&out->sysctl, "net.ipv4.ping_group_range"))
		strv_addf(&out->sysctl, "net.ipv4.ping_group_range=0 %u", in->max_gid);
	add_namespaces(out, c);
	add_resources(out, c);
	if (!c->privileged && !c->unmask)
		mask_paths(out);
	r = add_process(out, in, e);
	if (r < 0)
		spec_clear(out);
	return r;
}
