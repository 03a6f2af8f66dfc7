/* spec.h - the OCI runtime-spec config.json as a struct (runtime-spec 1.3,
 * config.md and config-linux.md).
 *
 * spec_init() gives an empty spec.  All strings belong to the struct; arrays
 * grow with the spec_add_* functions, which return the new, zeroed element.
 * Absent members: NULL, an empty list, a false `set` or the stated number.
 * spec_parse() and spec_print() are inverse on what is modelled; members that
 * are not are ignored by the parser and so lost.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/fmt/idmap.h"
#include "lib/fmt/named.h"
#include "lib/fmt/spec_resources.h"

#define OCI_VERSION "1.3.0"

struct spec_user {
	uint32_t uid;
	uint32_t gid;
	uint32_t umask;			/* ID_NONE: not set */
	uint32_t *groups;
	size_t group_count;
};

/* Bit n is capability n. */
struct spec_caps {
	bool set;
	uint64_t bounding;
	uint64_t effective;
	uint64_t inheritable;
	uint64_t permitted;
	uint64_t ambient;
};

struct spec_rlimit {
	char *type;			/* "RLIMIT_NOFILE" */
	uint64_t soft;
	uint64_t hard;
};

/* Numbers are the kernel's; spec_sched_policies and so on have their names. */
struct spec_scheduler {
	bool set;
	uint32_t policy;		/* SCHED_OTHER ... */
	int32_t nice;
	uint32_t priority;
	uint64_t flags;			/* SCHED_FLAG_* */
	uint64_t runtime_ns;		/* these of SCHED_DEADLINE only */
	uint64_t deadline_ns;
	uint64_t period_ns;
};

struct spec_io_priority {
	bool set;
	uint32_t class;			/* IOPRIO_CLASS_RT ... */
	uint32_t priority;
};

struct spec_process {
	bool terminal;
	uint16_t rows, cols;		/* consoleSize; 0: not set */
	struct spec_user user;
	struct strv args;
	struct strv env;
	char *cwd;
	struct spec_caps caps;
	struct strv unknown_caps;	/* names that we do not know: a warning */
	struct spec_rlimit *rlimits;
	size_t rlimit_count;
	bool no_new_privs;
	char *apparmor;
	char *selinux_label;
	bool oom_score_set;
	int oom_score_adj;
	struct spec_scheduler scheduler;
	struct spec_io_priority io_priority;
	char *exec_cpus_initial;	/* execCPUAffinity: "0-3,7" */
	char *exec_cpus_final;
};

struct spec_mount {
	char *destination;
	char *type;			/* NULL for a bind */
	char *source;
	struct strv options;
	struct idmap *idmap;		/* of this mount alone; NULL: none */
};

enum spec_ns_type {
	SPEC_NS_USER, SPEC_NS_MOUNT, SPEC_NS_PID, SPEC_NS_NETWORK,
	SPEC_NS_IPC, SPEC_NS_UTS, SPEC_NS_CGROUP, SPEC_NS_TIME,
	SPEC_NS_COUNT,
};

struct spec_ns {
	bool set;			/* a namespace of this type is wanted */
	char *path;			/* join this one; NULL: a new one */
};

struct spec_device {
	char *path;
	char type;			/* 'c', 'b', 'p' or 'u' */
	int64_t major, minor;
	uint32_t mode;			/* permission bits; ID_NONE: not set */
	uint32_t uid, gid;		/* ID_NONE: not set */
};

enum spec_clock { SPEC_CLOCK_MONOTONIC, SPEC_CLOCK_BOOTTIME, SPEC_CLOCKS };

struct spec_time_offset {
	bool set;
	int64_t secs;
	uint32_t nanosecs;
};

struct spec_memory_policy {
	bool set;
	uint32_t mode;			/* MPOL_DEFAULT ... */
	uint32_t flags;			/* MPOL_F_* */
	char *nodes;			/* "0-3,7" */
};

struct spec_personality {
	bool set;
	uint32_t domain;		/* PER_LINUX ... */
	struct strv flags;		/* none is defined so far */
};

struct spec_net_device {
	char *name;			/* in our network namespace */
	char *rename;			/* in the container's; NULL: the same */
};

struct spec_hook {
	char *path;
	struct strv args;
	struct strv env;
	uint32_t timeout_s;		/* 0: none */
};

enum spec_hook_point {
	SPEC_HOOK_PRESTART, SPEC_HOOK_CREATE_RUNTIME,
	SPEC_HOOK_CREATE_CONTAINER, SPEC_HOOK_START_CONTAINER,
	SPEC_HOOK_POSTSTART, SPEC_HOOK_POSTSTOP, SPEC_HOOK_POINTS,
};

struct spec_hooks {
	struct spec_hook *at[SPEC_HOOK_POINTS];
	size_t count[SPEC_HOOK_POINTS];
};

struct spec {
	char *oci_version;
	char *root_path;
	bool root_readonly;
	char *hostname;
	char *domainname;
	struct spec_process process;
	struct spec_mount *mounts;
	size_t mount_count;
	struct strv annotations;	/* "key=value" */
	struct spec_hooks hooks;

	/* linux */
	struct spec_ns ns[SPEC_NS_COUNT];
	struct idmap idmap;		/* len 0: none given */
	struct spec_device *devices;
	size_t device_count;
	char *cgroups_path;
	struct spec_resources resources;
	char *seccomp;			/* the profile as JSON text; NULL: none */
	struct strv sysctl;		/* "key=value" */
	struct strv masked_paths;
	struct strv readonly_paths;
	char *rootfs_propagation;
	char *mount_label;
	struct spec_personality personality;
	struct spec_time_offset time_offsets[SPEC_CLOCKS];
	struct spec_memory_policy memory_policy;
	struct spec_net_device *net_devices;
	size_t net_device_count;
	char *intel_rdt;		/* as JSON text; NULL: none */
};

void spec_init(struct spec *s);
void spec_clear(struct spec *s);

static inline void spec_auto(struct spec *s)
{
	spec_clear(s);
}

struct spec_mount *spec_add_mount(struct spec *s, const char *destination,
				  const char *type, const char *source);
bool spec_mount_is_bind(const struct spec_mount *m);
struct spec_device *spec_add_device(struct spec *s, const char *path);
struct spec_rlimit *spec_add_rlimit(struct spec *s, const char *type,
				    uint64_t soft, uint64_t hard);
struct spec_hook *spec_add_hook(struct spec *s, enum spec_hook_point point,
				const char *path);
struct spec_net_device *spec_add_net_device(struct spec *s, const char *name,
					    const char *rename);

/* -EINVAL names the member ("process.args: missing"). */
int spec_parse(struct spec *out, const char *json, size_t len,
	       struct err *e) MUST_CHECK;
void spec_print(const struct spec *s, struct buf *out);

/* "process" alone, as `exec --process` takes it; cleared with
 * spec_process_clear(). */
int spec_process_parse(struct spec_process *out, const char *json, size_t len,
		       struct err *e) MUST_CHECK;
void spec_process_print(const struct spec_process *p, struct buf *out);
void spec_process_clear(struct spec_process *p);

/* Names of the numbers above. */
extern const struct named spec_sched_policies[], spec_sched_flags[];
extern const struct named spec_io_classes[];
extern const struct named spec_memory_modes[], spec_memory_flags[];
extern const struct named spec_personalities[];

/* "CAP_CHOWN", "chown" -> 0; -1: no such capability.  All as a bit set: the
 * ones this code knows (up to CAP_CHECKPOINT_RESTORE). */
int cap_number(const char *name);
const char *cap_name(unsigned number);	/* "CAP_CHOWN" or NULL */
#define CAP_COUNT 41u
#define CAP_ALL ((1ull << CAP_COUNT) - 1)
#define CAP_BIT(n) (1ull << (n))
