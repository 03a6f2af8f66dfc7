#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/jtree.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/fmt/table.h"
#include "lib/os/cgroup_stats.h"

struct metrics_args {
	const char *format;
};

static const struct opt metrics_opts[] = {
	CHOICE(struct metrics_args, format, 0, "format", "table json", "How they are printed"),
	{ .kind = OPT_END },
};

#define M(group, member, field) { group, member, offsetof(struct cgroup_stats, field) }

/* As containerd calls them. */
static const struct metric {
	const char *group, *member;
	size_t offset;
} metrics[] = {
	M("pids", "current", pids),
	M("pids", "limit", pids_limit),
	M("cpu", "usage_usec", cpu_us),
	M("cpu", "user_usec", cpu_user_us),
	M("cpu", "system_usec", cpu_system_us),
	M("cpu", "nr_periods", periods),
	M("cpu", "nr_throttled", throttled),
	M("cpu", "throttled_usec", throttled_us),
	M("memory", "usage", memory),
	M("memory", "usage_limit", memory_limit),
	M("memory", "swap_usage", swap),
	M("memory", "swap_limit", swap_limit),
};

/* UINT64_MAX: there is none. */
static uint64_t value_of(const struct cgroup_stats *s, const struct metric *m)
{
	return *(const uint64_t *)((const char *)s + m->offset);
}

/* --- as a table --- */

static const struct column task_columns[] = {
	{ .name = "ID", .header = "ID" },
	{ .name = "Timestamp", .header = "TIMESTAMP" },
};

static const struct column metric_columns[] = {
	{ .name = "Metric", .header = "METRIC" },
	{ .name = "Value", .header = "VALUE" },
};

static const struct table task_table = { task_columns, ARRAY_SIZE(task_columns), NULL };
static const struct table metric_table = { metric_columns, ARRAY_SIZE(metric_columns), NULL };

static int print_table(struct app *app, const struct ctr *c, const struct cgroup_stats *s,
		       struct err *e)
{
	static const struct table_opts plain = { .format = NULL };
	AUTO(json) json_t *tasks = json_array(), *rows = json_array();
	json_t *task = json_object();
	int r;

	jtree_text(task, "ID", c->row.name);
	jtree_time(task, "Timestamp", clock_wall_ns());
	json_array_append_new(tasks, task);
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		AUTO_FREE char *name = mem_printf("%s.%s", metrics[i].group, metrics[i].member);
		json_t *row;

		if (value_of(s, &metrics[i]) == UINT64_MAX)
			continue;
		row = json_object();
		jtree_text(row, "Metric", name);
		jtree_number(row, "Value", (int64_t)value_of(s, &metrics[i]));
		json_array_append_new(rows, row);
	}
	r = table_print(&app->out, &task_table, &plain, tasks, e);
	app_printf(app, "\n");
	return r < 0 ? r : table_print(&app->out, &metric_table, &plain, rows, e);
}

/* --- as JSON --- */

/* The memory's figures, as the kernel names them. */
static void add_memory(json_t *memory, const struct cgroup_stats *s)
{
	const char *text = s->memory_stat.data, *name;
	struct err odd = ERR_INIT;
	uint64_t value;
	size_t len;

	while (cgfile_next_flat(&text, &name, &len, &value, &odd) > 0) {
		AUTO_FREE char *key = mem_strn(name, len);

		jtree_number(memory, key, (int64_t)value);
	}
}

static void print_json(struct app *app, const struct cgroup_stats *s)
{
	AUTO(json) json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		const struct metric *m = &metrics[i];
		json_t *group = json_object_get(o, m->group);

		if (!group)
			group = jtree_object(o, m->group);
		if (value_of(s, m) != UINT64_MAX)
			jtree_number(group, m->member, (int64_t)value_of(s, m));
	}
	add_memory(json_object_get(o, "memory"), s);
	jtree_print(&app->out, o);
}

static int metrics_run(struct app *app, void *args, char **operands, int count UNUSED,
		       struct err *e)
{
	const struct metrics_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(cgroup_stats) struct cgroup_stats stats = { .memory_stat = BUF_INIT(0) };
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO_FD int cgroup = -1;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = ctr_get(&c, &env, operands[0], e);
	if (r < 0)
		return r;
	cgroup = ctr_cgroup(&c, e);
	if (cgroup < 0)
		return cgroup;
	cgroup_stats_read(&stats, cgroup);
	if (!str_eq(a->format, "json"))
		return print_table(app, &c, &stats, e);
	print_json(app, &stats);
	return 0;
}

static const char *const metrics_aliases[] = { "task metric", NULL };

const struct cmd cmd_task_metrics = {
	.name = "task metrics",
	.aliases = metrics_aliases,
	.summary = "Show what a container uses now",
	.operands = "CONTAINER",
	.operand_word = WORD_RUNNING,
	.min = 1,
	.max = 1,
	.about = "Print the figures of the container's cgroup, which it must have: processes, "
		 "microseconds of processor time, bytes of memory. One that the kernel does not "
		 "keep here, or a limit that is not set, is left out.",
	.example = "coracle task metrics --format json web | jq .memory.usage",
	.opts = metrics_opts,
	.args_size = sizeof(struct metrics_args),
	.run = metrics_run,
};
