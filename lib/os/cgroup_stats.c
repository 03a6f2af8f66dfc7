#include "lib/os/cgroup_stats.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MAX_FILE 4096
#define MAX_STAT KIB(64)
#define MAX_DEVICES 1024

uint64_t cgroup_figure(int fd, const char *file, const char *key, uint64_t otherwise)
{
	char text[MAX_FILE];
	struct err none = ERR_INIT;
	uint64_t value;
	int r = fs_read_small(fd, file, text, sizeof(text), NULL, &none);

	if (r == 0)
		r = key ? cgfile_flat(text, key, &value, &none) :
			  cgfile_value(text, &value, &none);
	return r < 0 ? otherwise : value;
}

uint64_t cgroup_oom_kills(int fd)
{
	return cgroup_figure(fd, "memory.events", "oom_kill", 0);
}

/* --- stats --- */

/* Several figures of one file, which is read once. */
struct wish {
	const char *key;
	uint64_t *to;
};

static void read_keys(int fd, const char *file, const struct wish *wishes, size_t count)
{
	char text[MAX_FILE] = "";
	struct err none = ERR_INIT;

	(void)!fs_read_small(fd, file, text, sizeof(text), NULL, &none);
	err_clear(&none);
	for (size_t i = 0; i < count; i++) {
		*wishes[i].to = UINT64_MAX;
		if (cgfile_flat(text, wishes[i].key, wishes[i].to, &none) < 0)
			err_clear(&none);
	}
}

static void read_cpu(struct cgroup_stats *s, int fd)
{
	const struct wish wishes[] = {
		{ "usage_usec", &s->cpu_us },
		{ "user_usec", &s->cpu_user_us },
		{ "system_usec", &s->cpu_system_us },
		{ "nr_periods", &s->periods },
		{ "nr_throttled", &s->throttled },
		{ "throttled_usec", &s->throttled_us },
	};

	read_keys(fd, "cpu.stat", wishes, ARRAY_SIZE(wishes));
}

static void read_memory(struct cgroup_stats *s, int fd)
{
	const struct wish failures[] = { { "max", &s->memory_failures } };
	const struct wish swap_failures[] = { { "fail", &s->swap_failures } };
	struct err none = ERR_INIT;

	s->memory = cgroup_figure(fd, "memory.current", NULL, UINT64_MAX);
	s->memory_peak = cgroup_figure(fd, "memory.peak", NULL, UINT64_MAX);
	s->memory_limit = cgroup_figure(fd, "memory.max", NULL, UINT64_MAX);
	s->swap = cgroup_figure(fd, "memory.swap.current", NULL, UINT64_MAX);
	s->swap_peak = cgroup_figure(fd, "memory.swap.peak", NULL, UINT64_MAX);
	s->swap_limit = cgroup_figure(fd, "memory.swap.max", NULL, UINT64_MAX);
	read_keys(fd, "memory.events", failures, ARRAY_SIZE(failures));
	read_keys(fd, "memory.swap.events", swap_failures, ARRAY_SIZE(swap_failures));
	if (fs_read(fd, "memory.stat", &s->memory_stat, &none) < 0)
		buf_reset(&s->memory_stat);
}

static void read_io(struct cgroup_stats *s, int fd)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_STAT);
	struct err none = ERR_INIT;
	struct cgfile_io io;
	const char *p;

	if (fs_read(fd, "io.stat", &text, &none) < 0)
		return;
	p = text.data;
	while (s->io_count < MAX_DEVICES && cgfile_next_io(&p, &io, &none) > 0) {
		s->io = mem_more(s->io, s->io_count, sizeof(*s->io));
		s->io[s->io_count++] = io;
	}
}

/* "hugetlb.2MB.current" names one of the sizes of this machine's pages. */
static int read_hugetlb(int dirfd, const char *name, unsigned char type, void *arg,
			struct err *e)
{
	struct cgroup_stats *s = arg;
	struct cgroup_hugetlb *h = &s->hugetlb[s->hugetlb_count];
	const char *size = str_after(name, "hugetlb.");
	size_t len = size ? strcspn(size, ".") : 0;
	char file[64];

	(void)type;
	(void)e;
	if (!size || !str_eq(size + len, ".current") || len >= sizeof(h->size) ||
	    s->hugetlb_count == CGROUP_HUGETLB_MAX)
		return 0;
	(void)snprintf(h->size, sizeof(h->size), "%.*s", (int)len, size);
	h->usage = cgroup_figure(dirfd, name, NULL, UINT64_MAX);
	(void)snprintf(file, sizeof(file), "hugetlb.%s.max", h->size);
	h->limit = cgroup_figure(dirfd, file, NULL, UINT64_MAX);
	(void)snprintf(file, sizeof(file), "hugetlb.%s.events", h->size);
	h->failures = cgroup_figure(dirfd, file, "max", UINT64_MAX);
	s->hugetlb_count++;
	return 0;
}

static void read_pressure(struct cgfile_pressure *out, int fd, const char *file)
{
	char text[MAX_FILE];
	struct err none = ERR_INIT;

	out->some.total_us = out->full.total_us = UINT64_MAX;
	if (fs_read_small(fd, file, text, sizeof(text), NULL, &none) == 0)
		(void)!cgfile_pressure(text, out, &none);
}

void cgroup_stats_read(struct cgroup_stats *out, int fd)
{
	struct err none = ERR_INIT;

	*out = (struct cgroup_stats){ .memory_stat = BUF_INIT(MAX_STAT) };
	read_cpu(out, fd);
	read_memory(out, fd);
	read_io(out, fd);
	out->pids = cgroup_figure(fd, "pids.current", NULL, UINT64_MAX);
	out->pids_limit = cgroup_figure(fd, "pids.max", NULL, UINT64_MAX);
	(void)!fs_each(fd, read_hugetlb, out, &none);
	read_pressure(&out->cpu_psi, fd, "cpu.pressure");
	read_pressure(&out->memory_psi, fd, "memory.pressure");
	read_pressure(&out->io_psi, fd, "io.pressure");
}

void cgroup_stats_clear(struct cgroup_stats *s)
{
	free(s->io);
	buf_clear(&s->memory_stat);
	s->io = NULL;
	s->io_count = 0;
}

/* --- the watch --- */

int cgroup_watch(int fd, struct err *e)
{
	static const char *const files[] = { "memory.events", "cgroup.events" };
	AUTO_FD int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	size_t watched = 0;

	if (watch < 0)
		return err_sys(e, "inotify");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", fd, files[i]);
		if (inotify_add_watch(watch, path, IN_MODIFY) >= 0)
			watched++;
		else if (errno != ENOENT)
			return err_sys(e, "watch '%s'", files[i]);
	}
	if (!watched)
		return err_set(e, ENOENT, "no such cgroup");
	return take_fd(&watch);
}

void cgroup_watch_drain(int watch_fd)
{
	char events[KIB(4)];

	while (read(watch_fd, events, sizeof(events)) > 0)
		;
}
