/* cgroup_stats.h - what a cgroup v2 has used, and the watch for what happens
 * in it.
 *
 * Figures that are not to be had (no controller, an older kernel) are
 * UINT64_MAX, and so is a limit that is not there.
 */
#pragma once

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/fmt/cgfile.h"

/* The number in a file, or in its line that begins with key when that is not
 * NULL; "max" is CGFILE_MAX; `otherwise` where there is none. */
uint64_t cgroup_figure(int fd, const char *file, const char *key, uint64_t otherwise);

/* How often the kernel killed for memory; 0 also when it cannot be known. */
uint64_t cgroup_oom_kills(int fd);

struct cgroup_hugetlb {
	char size[16];			/* "2MB" */
	uint64_t usage;
	uint64_t limit;
	uint64_t failures;
};

#define CGROUP_HUGETLB_MAX 8

struct cgroup_stats {
	uint64_t cpu_us, cpu_user_us, cpu_system_us;
	uint64_t periods, throttled, throttled_us;
	uint64_t memory, memory_peak, memory_limit, memory_failures;
	uint64_t swap, swap_peak, swap_limit, swap_failures;
	uint64_t pids, pids_limit;
	struct cgroup_hugetlb hugetlb[CGROUP_HUGETLB_MAX];
	size_t hugetlb_count;
	struct cgfile_io *io;		/* one per device */
	size_t io_count;
	struct cgfile_pressure cpu_psi, memory_psi, io_psi;
	struct buf memory_stat;		/* the file: see cgfile_next_flat() */
};

void cgroup_stats_read(struct cgroup_stats *out, int fd);
void cgroup_stats_clear(struct cgroup_stats *s);

static inline void cgroup_stats_auto(struct cgroup_stats *s)
{
	cgroup_stats_clear(s);
}

/* A descriptor to poll for input: memory.events or cgroup.events may have
 * changed.  cgroup_watch_drain() makes it quiet again; only then is looked.
 * Never blocks. */
int cgroup_watch(int fd, struct err *e) MUST_CHECK;
void cgroup_watch_drain(int watch_fd);
