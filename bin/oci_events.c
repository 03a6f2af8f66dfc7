/* coracle-oci events: what a container uses, and what happens to it, as JSON in
 * runc's form, one object a line. */
#include <poll.h>
#include <stdio.h>

#include "bin/oci.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/os/cgroup_stats.h"

#define LOOK_MS 100	/* at an init that cannot be polled */

struct events_args {
	bool stats;
	const char *interval;
};

static const struct opt events_opts[] = {
	FLAG(struct events_args, stats, 0, "stats", "Print the figures once, and end"),
	TEXT(struct events_args, interval, 0, "interval", "DURATION", WORD_ANY,
	     "Time between two figures (default: 5s)"),
	{ .kind = OPT_END },
};

/* --- figures --- */

/* What is not to be had is left out. */
static void figure(struct json_w *w, const char *key, uint64_t value, uint64_t unit)
{
	if (value != UINT64_MAX)
		json_m_u64(w, key, value * unit);
}

static void print_average(struct json_w *w, const char *key, uint32_t hundredths)
{
	char text[24];

	snprintf(text, sizeof(text), "%u.%02u", hundredths / 100, hundredths % 100);
	json_w_key(w, key);
	json_w_raw(w, text);
}

static void print_psi(struct json_w *w, const char *key, const struct cgfile_psi *p)
{
	json_m_object(w, key);
	print_average(w, "avg10", p->avg10);
	print_average(w, "avg60", p->avg60);
	print_average(w, "avg300", p->avg300);
	json_m_u64(w, "total", p->total_us);
	json_w_end(w);
}

static void print_pressure(struct json_w *w, const struct cgfile_pressure *p)
{
	if (p->some.total_us == UINT64_MAX)
		return;
	json_m_object(w, "psi");
	print_psi(w, "some", &p->some);
	print_psi(w, "full", &p->full);
	json_w_end(w);
}

static void print_cpu(struct json_w *w, const struct cgroup_stats *s)
{
	json_m_object(w, "cpu");
	json_m_object(w, "usage");
	figure(w, "total", s->cpu_us, 1000);
	figure(w, "kernel", s->cpu_system_us, 1000);
	figure(w, "user", s->cpu_user_us, 1000);
	json_w_end(w);
	json_m_object(w, "throttling");
	figure(w, "periods", s->periods, 1);
	figure(w, "throttledPeriods", s->throttled, 1);
	figure(w, "throttledTime", s->throttled_us, 1000);
	json_w_end(w);
	print_pressure(w, &s->cpu_psi);
	json_w_end(w);
}

static void print_use(struct json_w *w, const char *key, uint64_t usage, uint64_t peak,
		      uint64_t limit, uint64_t failures)
{
	json_m_object(w, key);
	figure(w, "usage", usage, 1);
	figure(w, "max", peak, 1);
	figure(w, "limit", limit, 1);
	figure(w, "failcnt", failures, 1);
	json_w_end(w);
}

static void print_memory(struct json_w *w, const struct cgroup_stats *s)
{
	const char *text = s->memory_stat.data, *name;
	struct err odd = ERR_INIT;
	uint64_t value;
	size_t len;

	json_m_object(w, "memory");
	print_use(w, "usage", s->memory, s->memory_peak, s->memory_limit, s->memory_failures);
	print_use(w, "swap", s->swap, s->swap_peak, s->swap_limit, s->swap_failures);
	json_m_object(w, "raw");
	while (cgfile_next_flat(&text, &name, &len, &value, &odd) > 0) {
		AUTO_FREE char *key = mem_strn(name, len);

		json_m_u64(w, key, value);
	}
	json_w_end(w);
	print_pressure(w, &s->memory_psi);
	json_w_end(w);
}

static void print_io_line(struct json_w *w, const struct cgfile_io *io, const char *op,
			  uint64_t value)
{
	json_w_object(w);
	json_m_u64(w, "major", io->major);
	json_m_u64(w, "minor", io->minor);
	json_m_string(w, "op", op);
	json_m_u64(w, "value", value);
	json_w_end(w);
}

static void print_io(struct json_w *w, const struct cgroup_stats *s)
{
	json_m_object(w, "blkio");
	json_m_array(w, "ioServiceBytesRecursive");
	for (size_t i = 0; i < s->io_count; i++) {
		print_io_line(w, &s->io[i], "Read", s->io[i].read_bytes);
		print_io_line(w, &s->io[i], "Write", s->io[i].write_bytes);
	}
	json_w_end(w);
	json_m_array(w, "ioServicedRecursive");
	for (size_t i = 0; i < s->io_count; i++) {
		print_io_line(w, &s->io[i], "Read", s->io[i].reads);
		print_io_line(w, &s->io[i], "Write", s->io[i].writes);
	}
	json_w_end(w);
	print_pressure(w, &s->io_psi);
	json_w_end(w);
}

static void print_rest(struct json_w *w, const struct cgroup_stats *s)
{
	json_m_object(w, "pids");
	figure(w, "current", s->pids, 1);
	figure(w, "limit", s->pids_limit, 1);
	json_w_end(w);
	json_m_object(w, "hugetlb");
	for (size_t i = 0; i < s->hugetlb_count; i++)
		print_use(w, s->hugetlb[i].size, s->hugetlb[i].usage, UINT64_MAX,
			  s->hugetlb[i].limit, s->hugetlb[i].failures);
	json_w_end(w);
}

static void print_stats(struct app *app, const char *id, int cgroup)
{
	struct json_w w = JSON_W_INIT(&app->out);
	AUTO(cgroup_stats) struct cgroup_stats s;

	cgroup_stats_read(&s, cgroup);
	json_w_object(&w);
	json_m_string(&w, "type", "stats");
	json_m_string(&w, "id", id);
	json_m_object(&w, "data");
	print_cpu(&w, &s);
	print_memory(&w, &s);
	print_io(&w, &s);
	print_rest(&w, &s);
	json_w_end(&w);
	json_w_end(&w);
	app_printf(app, "\n");
}

/* --- as they happen --- */

static void print_oom(struct app *app, const char *id)
{
	struct json_w w = JSON_W_INIT(&app->out);

	json_w_object(&w);
	json_m_string(&w, "type", "oom");
	json_m_string(&w, "id", id);
	json_w_end(&w);
	app_printf(app, "\n");
}

/* To the end of the container, or of who reads. */
static int follow(struct app *app, const struct oci_box *b, int cgroup, uint64_t interval_ns,
		  struct err *e)
{
	AUTO_FD int watch = cgroup_watch(cgroup, e);
	AUTO_FD int init = watch < 0 ? -1 : oci_box_init(b, e);
	uint64_t kills = cgroup_oom_kills(cgroup), next = 0;
	struct pollfd p[2] = {
		{ .fd = watch, .events = POLLIN },
		{ .fd = init < 0 ? -1 : proc_pidfd_poll(init), .events = POLLIN },
	};

	while (init >= 0 && proc_pidfd_wait(init, 0) == 0) {
		uint64_t now = clock_mono_ns();
		int ms;

		if (now >= next) {
			print_stats(app, b->id, cgroup);
			next = now + interval_ns;
		}
		if (app_flush(app) < 0)
			return EXIT_NO_STDOUT;
		ms = (int)((next - now) / NS_PER_MS) + 1;
		if (poll(p, 2, p[1].fd < 0 && ms > LOOK_MS ? LOOK_MS : ms) < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (p[0].revents)
			cgroup_watch_drain(watch);
		for (; kills < cgroup_oom_kills(cgroup); kills++)
			print_oom(app, b->id);
	}
	return init < 0 ? -e->code : 0;
}

static int events_run(struct app *app, void *args, char **operands, int count UNUSED,
		      struct err *e)
{
	const struct events_args *a = args;
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	AUTO_FD int cgroup = -1;
	uint64_t interval_ns = 5 * NS_PER_S;
	int r = a->interval ? num_duration(a->interval, &interval_ns, e) : 0;

	if (r == 0 && (interval_ns < NS_PER_MS || interval_ns > 3600 * NS_PER_S))
		r = err_set(e, ERANGE, "'%s' is not between 1ms and 1h", a->interval);
	if (r < 0)
		return err_ctx(e, r, "--interval");
	r = oci_box_open(&b, oci_of(app), operands[0], OCI_LOOK, e);
	if (r < 0)
		return r;
	if (oci_box_status(&b) == OCI_STOPPED)
		return err_set(e, EBADF, "container '%s': container not running", b.id);
	cgroup = oci_box_cgroup(&b);
	if (cgroup < 0)
		return err_hint(e, err_set(e, EOPNOTSUPP, "container '%s': it has no cgroup", b.id),
				"cgroup.none");
	if (!a->stats)
		return follow(app, &b, cgroup, interval_ns, e);
	print_stats(app, b.id, cgroup);
	return 0;
}

const struct cmd oci_cmd_events = {
	.name = "events",
	.summary = "Print what a container uses, and kills for memory",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.example = "coracle-oci events --stats web",
	.opts = events_opts,
	.args_size = sizeof(struct events_args),
	.run = events_run,
};
