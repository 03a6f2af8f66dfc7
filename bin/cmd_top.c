#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/jtree.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/top.h"
#include "lib/fmt/idmap.h"
#include "lib/fmt/table.h"

#define MAX_TOP_COLUMNS 32

struct top_args {
	const char *format;
};

static const struct opt top_opts[] = {
	TEXT(struct top_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	{ .kind = OPT_END },
};

/* The first eight are what is shown unless columns are named. */
static const struct column known[] = {
	{ .name = "Uid", .header = "UID" },
	{ .name = "Pid", .header = "PID" },
	{ .name = "Ppid", .header = "PPID" },
	{ .name = "C", .header = "C" },
	{ .name = "Stime", .header = "STIME" },
	{ .name = "Tty", .header = "TTY" },
	{ .name = "Time", .header = "TIME" },
	{ .name = "Cmd", .header = "CMD" },
	{ .name = "Gid", .header = "GID" },
	{ .name = "Inner", .header = "INNER" },
	{ .name = "Comm", .header = "COMMAND" },
	{ .name = "Stat", .header = "STAT" },
	{ .name = "Rss", .header = "RSS" },
	{ .name = "Vsz", .header = "VSZ" },
};

#define DEFAULT_COLUMNS 8

static void set_number(json_t *row, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	jtree_text(row, key, text);
}

static void set_id(json_t *row, const char *key, uint32_t id)
{
	if (id == ID_NONE)
		jtree_text(row, key, "?");
	else
		set_number(row, key, id);
}

/* The clock time of today, else the day, as ps has it. */
static void set_start(json_t *row, uint64_t started_ns)
{
	time_t then = (time_t)(started_ns / NS_PER_S);
	time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
	struct tm at, today;
	char text[32] = "?";

	if (localtime_r(&then, &at) && localtime_r(&now, &today))
		(void)strftime(text, sizeof(text), at.tm_yday == today.tm_yday &&
			       at.tm_year == today.tm_year ? "%H:%M" : "%b%d", &at);
	jtree_text(row, "Stime", text);
}

static void set_time(json_t *row, uint64_t cpu_ms)
{
	uint64_t s = cpu_ms / 1000;
	char text[32];

	snprintf(text, sizeof(text), "%02llu:%02u:%02u", (unsigned long long)(s / 3600),
		 (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	jtree_text(row, "Time", text);
}

static json_t *top_row(const struct top_proc *p)
{
	json_t *row = json_object();

	set_id(row, "Uid", p->uid);
	set_id(row, "Gid", p->gid);
	set_number(row, "Pid", (uint64_t)p->pid);
	set_number(row, "Ppid", (uint64_t)p->ppid);
	set_number(row, "Inner", (uint64_t)p->inner_pid);
	set_number(row, "C", p->percent);
	set_start(row, p->started_ns);
	jtree_text(row, "Tty", p->tty);
	set_time(row, p->cpu_ms);
	jtree_text(row, "Cmd", p->command);
	jtree_text(row, "Comm", p->name);
	jtree_text(row, "Stat", (char[]){ p->state, '\0' });
	set_number(row, "Rss", p->rss / 1024);
	set_number(row, "Vsz", p->vsz / 1024);
	return row;
}

static int add_column(struct column *out, size_t *count, const char *name, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcasecmp(known[i].name, name) != 0)
			continue;
		if (*count == MAX_TOP_COLUMNS)
			return err_set(e, E2BIG, "more than %d columns", MAX_TOP_COLUMNS);
		out[(*count)++] = known[i];
		return 0;
	}
	return err_set(e, EINVAL,
		       "'%s' is not one of the columns uid, gid, pid, ppid, inner, c, stime, "
		       "tty, time, cmd, comm, stat, rss, vsz", name);
}

/* "pid,cmd", also behind the -o of ps; its other options change nothing. */
static int choose_columns(struct column *out, size_t *count, char **words, int n, struct err *e)
{
	int r = 0;

	*count = 0;
	for (int i = 0; i < n && r == 0; i++) {
		AUTO_FREE char *list = mem_str(words[i]);
		char *save = NULL;

		if (list[0] == '-' || str_eq(list, "aux") || str_eq(list, "ef"))
			continue;
		for (char *w = strtok_r(list, ",", &save); w && r == 0;
		     w = strtok_r(NULL, ",", &save))
			r = add_column(out, count, w, e);
	}
	if (*count)
		return r;
	memcpy(out, known, DEFAULT_COLUMNS * sizeof(*out));
	*count = DEFAULT_COLUMNS;
	return r;
}

static int top_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct top_args *a = args;
	const struct table_opts o = { .format = a->format };
	struct column columns[MAX_TOP_COLUMNS];
	struct table table = { .columns = columns };
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO(top) struct top top = TOP_INIT;
	json_t *rows;
	int r = choose_columns(columns, &table.count, operands + 1, count - 1, e);

	if (r == 0)
		r = env_init(&env, app, e);
	if (r == 0)
		r = ctr_get(&c, &env, operands[0], e);
	if (r == 0)
		r = ctr_top(&top, &env, &c, e);
	if (r < 0)
		return r;
	rows = json_array();
	for (size_t i = 0; i < top.len; i++)
		json_array_append_new(rows, top_row(&top.v[i]));
	r = table_print(&app->out, &table, &o, rows, e);
	json_decref(rows);
	return r;
}

static const char *const top_aliases[] = { "container top", "task ps", NULL };

const struct cmd cmd_top = {
	.name = "top",
	.aliases = top_aliases,
	.summary = "Show the processes of a running container",
	.operands = "CONTAINER [COLUMN[,COLUMN]...]",
	.operand_word = WORD_RUNNING,
	.min = 1,
	.max = -1,
	.stop_at_operand = true,
	.about = "List the processes as the host sees them; nothing of the container is run. PID "
		 "and PPID are the host's, INNER is the number inside, UID and GID are those "
		 "inside. COLUMN is one of uid, gid, pid, ppid, inner, c, stime, tty, time, cmd, "
		 "comm, stat, rss and vsz (KiB). Options of ps other than -o change nothing.",
	.example = "coracle top web\ncoracle top web inner,uid,cmd",
	.opts = top_opts,
	.args_size = sizeof(struct top_args),
	.run = top_run,
};
