/* spec_resources.h - linux.resources of the OCI runtime-spec (config-linux.md,
 * 1.3): what a control group is to hold.
 *
 * spec_resources_init() gives one that asks for nothing: numbers SPEC_UNSET,
 * strings NULL, lists empty.  The struct owns its strings and lists; the
 * spec_resources_add_* functions return the new element.
 *
 * Numbers are as the spec has them, -1 for unlimited where that can be; what
 * a control group makes of them is lib/os/cgroup's matter.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/strv.h"

#define SPEC_UNSET INT64_MIN
#define SPEC_ANY (-1)			/* a device's number: all of them */

enum spec_access {
	SPEC_ACCESS_MKNOD = 1, SPEC_ACCESS_READ = 2, SPEC_ACCESS_WRITE = 4,
	SPEC_ACCESS_ALL = 7,
};

/* Which devices may be used: the last rule that matches holds. */
struct spec_device_rule {
	bool allow;
	char type;			/* 'a', 'c' or 'b' */
	int64_t major, minor;		/* SPEC_ANY */
	unsigned access;		/* of enum spec_access */
};

struct spec_io_weight {
	int64_t major, minor;
	int64_t weight, leaf_weight;	/* SPEC_UNSET, but not both */
};

enum spec_throttle_kind {
	SPEC_READ_BPS, SPEC_WRITE_BPS, SPEC_READ_IOPS, SPEC_WRITE_IOPS,
	SPEC_THROTTLE_KINDS,
};

struct spec_throttle {
	enum spec_throttle_kind kind;
	int64_t major, minor;
	uint64_t rate;
};

struct spec_hugepages {
	char *page_size;		/* "2MB" */
	uint64_t limit;
};

struct spec_rdma {
	char *device;
	int64_t handles, objects;	/* SPEC_UNSET, but not both */
};

struct spec_resources {
	int64_t memory_limit;		/* bytes, -1 unlimited, SPEC_UNSET */
	int64_t memory_reservation;
	int64_t memory_swap;		/* memory + swap, as the spec has it */
	int64_t memory_kernel;
	int64_t memory_kernel_tcp;
	int64_t memory_swappiness;
	bool memory_no_oom_killer;
	bool memory_check_before_update;
	int64_t cpu_shares;
	int64_t cpu_quota;		/* us per period, -1 unlimited */
	int64_t cpu_burst;
	int64_t cpu_period;
	int64_t cpu_rt_runtime;
	int64_t cpu_rt_period;
	int64_t cpu_idle;		/* 0 or 1 */
	char *cpuset_cpus;
	char *cpuset_mems;
	int64_t pids_limit;		/* -1 unlimited */
	int64_t io_weight;
	int64_t io_leaf_weight;
	struct spec_io_weight *io_weights;
	size_t io_weight_count;
	struct spec_throttle *throttles;
	size_t throttle_count;
	struct spec_hugepages *hugepages;
	size_t hugepages_count;
	int64_t net_class;
	struct strv net_priorities;	/* "eth0=5" */
	struct spec_rdma *rdma;
	size_t rdma_count;
	struct strv unified;		/* "file=value" */
	struct spec_device_rule *rules;
	size_t rule_count;
};

void spec_resources_init(struct spec_resources *r);
void spec_resources_clear(struct spec_resources *r);

static inline void spec_resources_auto(struct spec_resources *r)
{
	spec_resources_clear(r);
}

struct spec_device_rule *spec_resources_add_rule(struct spec_resources *r);
struct spec_io_weight *spec_resources_add_weight(struct spec_resources *r);
struct spec_throttle *spec_resources_add_throttle(struct spec_resources *r);
struct spec_hugepages *spec_resources_add_hugepages(struct spec_resources *r,
						    const char *page_size);
struct spec_rdma *spec_resources_add_rdma(struct spec_resources *r, const char *device);

/* What `change` says replaces the same in r: numbers and texts one by one,
 * limits of a device, a page size or a file by that, the rules for devices as
 * a whole.  memory_check_before_update is the change's. */
void spec_resources_merge(struct spec_resources *r, const struct spec_resources *change);

/* The object alone, as `update --resources` has it: {"memory":{"limit":1}}.
 * out need not be initialised.  -EINVAL names the member. */
int spec_resources_parse(struct spec_resources *out, const char *json, size_t len,
			 struct err *e) MUST_CHECK;
void spec_resources_print(const struct spec_resources *r, struct buf *out);
