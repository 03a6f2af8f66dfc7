/* spec_resources.h - linux.resources of the OCI runtime-spec (config-linux.md):
 * what a control group is to hold.
 *
 * spec_resources_init() gives one that asks for nothing: numbers SPEC_UNSET,
 * strings NULL, lists empty.  The struct owns its strings.
 */
#pragma once

#include <stdint.h>

#include "lib/base/strv.h"

#define SPEC_UNSET INT64_MIN

struct spec_resources {
	int64_t memory_limit;		/* bytes, -1 unlimited, SPEC_UNSET */
	int64_t memory_reservation;
	int64_t memory_swap;		/* memory + swap, as the spec has it */
	int64_t cpu_shares;
	int64_t cpu_quota;		/* us per period, -1 unlimited */
	int64_t cpu_period;
	char *cpuset_cpus;
	char *cpuset_mems;
	int64_t pids_limit;		/* -1 unlimited */
	struct strv unified;		/* "file=value" */
};

void spec_resources_init(struct spec_resources *r);
void spec_resources_clear(struct spec_resources *r);
