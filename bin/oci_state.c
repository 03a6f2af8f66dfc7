/* coracle-oci state, list: what there is. */
#include <pwd.h>
#include <stdio.h>

#include "bin/oci.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/fmt/table.h"

static int state_run(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
		     struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	int r = oci_box_open(&b, oci_of(app), operands[0], OCI_LOOK, e);

	if (r < 0)
		return r;
	oci_state_tell(&b.state, oci_status_name(oci_box_status(&b)), &app->out);
	return 0;
}

const struct cmd oci_cmd_state = {
	.name = "state",
	.summary = "Print the state of a container as JSON",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.example = "coracle-oci state web",
	.run = state_run,
};

/* --- list --- */

struct list_args {
	bool quiet;
	const char *format;
};

static const struct opt list_opts[] = {
	FLAG(struct list_args, quiet, 'q', "quiet", "Print only the ids"),
	TEXT(struct list_args, format, 'f', "format", "FORMAT", WORD_ANY,
	     "table, json or a Go template"),
	{ .kind = OPT_END },
};

static const struct column columns[] = {
	{ "id", "ID", false },
	{ "pid", "PID", false },
	{ "status", "STATUS", false },
	{ "bundle", "BUNDLE", false },
	{ "created", "CREATED", false },
	{ "owner", "OWNER", false },
	{ "rootfs", "ROOTFS", true },
};

static const struct table table = { .columns = columns, .count = ARRAY_SIZE(columns) };

static json_t *row_of(const struct oci_box *b)
{
	enum oci_status status = oci_box_status(b);
	const struct passwd *owner = getpwuid(b->state.owner);
	char created[CLOCK_TEXT_MAX], number[16];

	clock_print(b->state.created_ns, created);
	snprintf(number, sizeof(number), "%u", b->state.owner);
	return mem_check(json_pack(
		"{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "ociVersion", OCI_VERSION,
		"id", b->id, "pid", status == OCI_STOPPED ? 0 : b->state.init.pid,
		"status", oci_status_name(status), "bundle", str_or(b->state.bundle, ""),
		"rootfs", str_or(b->state.rootfs, ""), "created", created,
		"owner", owner ? owner->pw_name : number));
}

/* One that another command removes meanwhile is none. */
static void add_row(json_t *rows, struct oci *o, const char *id)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	struct err why = ERR_INIT;
	int r = oci_box_open(&b, o, id, OCI_LOOK, &why);

	if (r == 0)
		(void)json_array_append_new(rows, row_of(&b));
	else if (r != -ENOENT)
		oci_warn(o, "%s", why.text);
}

static int list_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		    struct err *e)
{
	const struct list_args *a = args;
	struct table_opts t = { .format = a->format, .quiet = a->quiet };
	AUTO(json) json_t *rows = mem_check(json_array());
	AUTO(strv) struct strv ids = STRV_INIT;
	char *text;
	int r = oci_list(&ids, oci_of(app), e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ids.len; i++)
		add_row(rows, oci_of(app), ids.v[i]);
	if (!a->format || !str_eq(a->format, "json") || a->quiet)
		return table_print(&app->out, &table, &t, rows, e);
	/* one list, as runc prints it, not one object a line */
	text = mem_check(json_dumps(rows, JSON_COMPACT));
	app_printf(app, "%s\n", text);
	free(text);
	return 0;
}

const struct cmd oci_cmd_list = {
	.name = "list",
	.summary = "List the containers",
	.max = 0,
	.example = "coracle-oci list -q",
	.opts = list_opts,
	.args_size = sizeof(struct list_args),
	.run = list_run,
};
