#include "lib/fmt/spec.h"

#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/spec_text.h"

const char *const spec_ns_names[SPEC_NS_COUNT] = {
	[SPEC_NS_USER] = "user",
	[SPEC_NS_MOUNT] = "mount",
	[SPEC_NS_PID] = "pid",
	[SPEC_NS_NETWORK] = "network",
	[SPEC_NS_IPC] = "ipc",
	[SPEC_NS_UTS] = "uts",
	[SPEC_NS_CGROUP] = "cgroup",
	[SPEC_NS_TIME] = "time",
};

const char *const spec_hook_names[SPEC_HOOK_POINTS] = {
	[SPEC_HOOK_PRESTART] = "prestart",
	[SPEC_HOOK_CREATE_RUNTIME] = "createRuntime",
	[SPEC_HOOK_CREATE_CONTAINER] = "createContainer",
	[SPEC_HOOK_START_CONTAINER] = "startContainer",
	[SPEC_HOOK_POSTSTART] = "poststart",
	[SPEC_HOOK_POSTSTOP] = "poststop",
};

const char *const spec_clock_names[SPEC_CLOCKS] = {
	[SPEC_CLOCK_MONOTONIC] = "monotonic",
	[SPEC_CLOCK_BOOTTIME] = "boottime",
};

const struct named spec_memory_modes[] = {
	{ "MPOL_DEFAULT", 0 },
	{ "MPOL_PREFERRED", 1 },
	{ "MPOL_BIND", 2 },
	{ "MPOL_INTERLEAVE", 3 },
	{ "MPOL_LOCAL", 4 },
	{ "MPOL_PREFERRED_MANY", 5 },
	{ "MPOL_WEIGHTED_INTERLEAVE", 6 },
	{ NULL, 0 },
};

const struct named spec_memory_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", 1 << 13 },
	{ "MPOL_F_RELATIVE_NODES", 1 << 14 },
	{ "MPOL_F_STATIC_NODES", 1 << 15 },
	{ NULL, 0 },
};

const struct named spec_personalities[] = {
	{ "LINUX", 0 },
	{ "LINUX32", 8 },
	{ NULL, 0 },
};

/* In the order of their numbers. */
static const char *const caps[CAP_COUNT] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
	"CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
	"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
	"CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
	"CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD",
	"CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP",
	"CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

int cap_number(const char *name)
{
	static const char prefix[] = "CAP_";

	if (strncasecmp(name, prefix, strlen(prefix)) == 0)
		name += strlen(prefix);
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		if (strcasecmp(name, caps[i] + strlen(prefix)) == 0)
			return (int)i;
	return -1;
}

const char *cap_name(unsigned number)
{
	return number < CAP_COUNT ? caps[number] : NULL;
}

void spec_init(struct spec *s)
{
	*s = (struct spec){
		.process = { .user = { .umask = ID_NONE } },
	};
	spec_resources_init(&s->resources);
}

static void clear_hooks(struct spec_hooks *h)
{
	for (size_t point = 0; point < SPEC_HOOK_POINTS; point++) {
		for (size_t i = 0; i < h->count[point]; i++) {
			free(h->at[point][i].path);
			strv_clear(&h->at[point][i].args);
			strv_clear(&h->at[point][i].env);
		}
		free(h->at[point]);
	}
}

static void clear_linux(struct spec *s)
{
	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		free(s->ns[i].path);
	for (size_t i = 0; i < s->device_count; i++)
		free(s->devices[i].path);
	free(s->devices);
	free(s->cgroups_path);
	spec_resources_clear(&s->resources);
	free(s->seccomp);
	strv_clear(&s->sysctl);
	strv_clear(&s->masked_paths);
	strv_clear(&s->readonly_paths);
	free(s->rootfs_propagation);
	free(s->mount_label);
	strv_clear(&s->personality.flags);
	free(s->memory_policy.nodes);
	for (size_t i = 0; i < s->net_device_count; i++) {
		free(s->net_devices[i].name);
		free(s->net_devices[i].rename);
	}
	free(s->net_devices);
	free(s->intel_rdt);
}

void spec_clear(struct spec *s)
{
	int saved = errno;

	free(s->oci_version);
	free(s->root_path);
	free(s->hostname);
	free(s->domainname);
	spec_process_clear(&s->process);
	for (size_t i = 0; i < s->mount_count; i++) {
		free(s->mounts[i].destination);
		free(s->mounts[i].type);
		free(s->mounts[i].source);
		strv_clear(&s->mounts[i].options);
		free(s->mounts[i].idmap);
	}
	free(s->mounts);
	strv_clear(&s->annotations);
	clear_hooks(&s->hooks);
	clear_linux(s);
	spec_init(s);
	errno = saved;
}

struct spec_mount *spec_add_mount(struct spec *s, const char *destination,
				  const char *type, const char *source)
{
	struct spec_mount *m;

	s->mounts = mem_grow(s->mounts, s->mount_count + 1, sizeof(*m));
	m = &s->mounts[s->mount_count++];
	*m = (struct spec_mount){
		.destination = mem_str(destination),
		.type = mem_str(type),
		.source = mem_str(source),
	};
	return m;
}

bool spec_mount_is_bind(const struct spec_mount *m)
{
	return !m->type || str_eq(m->type, "bind") || strv_has(&m->options, "bind") ||
	       strv_has(&m->options, "rbind");
}

struct spec_device *spec_add_device(struct spec *s, const char *path)
{
	struct spec_device *d;

	s->devices = mem_grow(s->devices, s->device_count + 1, sizeof(*d));
	d = &s->devices[s->device_count++];
	*d = (struct spec_device){
		.path = mem_str(path),
		.mode = ID_NONE,
		.uid = ID_NONE,
		.gid = ID_NONE,
	};
	return d;
}

struct spec_hook *spec_add_hook(struct spec *s, enum spec_hook_point point,
				const char *path)
{
	struct spec_hooks *all = &s->hooks;
	struct spec_hook *h;

	all->at[point] = mem_grow(all->at[point], all->count[point] + 1, sizeof(*h));
	h = &all->at[point][all->count[point]++];
	*h = (struct spec_hook){ .path = mem_str(path) };
	return h;
}

struct spec_net_device *spec_add_net_device(struct spec *s, const char *name,
					    const char *rename)
{
	struct spec_net_device *d;

	s->net_devices = mem_grow(s->net_devices, s->net_device_count + 1, sizeof(*d));
	d = &s->net_devices[s->net_device_count++];
	*d = (struct spec_net_device){
		.name = mem_str(name),
		.rename = mem_str(rename),
	};
	return d;
}
