#include "bin/row_ctr.h"

#include <stdio.h>
#include <string.h>

#include "bin/jtree.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/ctr/config.h"
#include "lib/ctr/layers.h"
#include "lib/ctr/start.h"
#include "lib/fmt/human.h"

static const struct column columns[] = {
	{ .name = "ID", .header = "CONTAINER ID" },
	{ .name = "Image", .header = "IMAGE" },
	{ .name = "Command", .header = "COMMAND" },
	{ .name = "CreatedAt", .header = "CREATED AT", .hidden = true },
	{ .name = "RunningFor", .header = "CREATED" },
	{ .name = "Status", .header = "STATUS" },
	{ .name = "State", .header = "STATE", .hidden = true },
	{ .name = "Ports", .header = "PORTS" },
	{ .name = "Names", .header = "NAMES" },
	{ .name = "Labels", .header = "LABELS", .hidden = true },
	{ .name = "Mounts", .header = "MOUNTS", .hidden = true },
	{ .name = "Networks", .header = "NETWORKS", .hidden = true },
	{ .name = "LocalVolumes", .header = "LOCAL VOLUMES", .hidden = true },
	{ .name = "Size", .header = "SIZE", .hidden = true },
	{ .name = "Runtime", .header = "RUNTIME", .hidden = true },
};

const struct table ctr_table = { columns, ARRAY_SIZE(columns), "ID" };

/* "Up 3 minutes", "Exited (0) 2 hours ago", "Created" */
static void status_text(const struct ctr *c, const char *state, char *out, size_t size)
{
	uint64_t now = clock_wall_ns();
	char ago[HUMAN_MAX];

	if (c->is_running) {
		human_duration((now - c->page.started_ns) / NS_PER_S, ago);
		snprintf(out, size, "Up %s%s%s", ago,
			 str_eq(state, "paused") ? " (Paused)" : "",
			 c->is_orphan ? " (no shim)" : "");
	} else if (c->row.state != CONTAINER_EXITED) {
		snprintf(out, size, "Created");
	} else {
		human_ago(c->row.finished_ns, now, ago);
		if (c->row.exit_code < 0)
			snprintf(out, size, "Exited (unknown) %s", ago);
		else
			snprintf(out, size, "Exited (%d) %s", c->row.exit_code, ago);
	}
}

/* The command as docker quotes it, at most 20 characters unless in full. */
static void command_text(struct buf *out, const struct ctr_config *c, bool no_trunc)
{
	AUTO(buf) struct buf text = BUF_INIT(MIB(1));

	for (size_t i = 0; i < c->entrypoint.len; i++)
		buf_addf(&text, "%s%s", text.len ? " " : "", c->entrypoint.v[i]);
	for (size_t i = 0; i < c->cmd.len; i++)
		buf_addf(&text, "%s%s", text.len ? " " : "", c->cmd.v[i]);
	if (no_trunc || text.len <= 20)
		buf_addf(out, "\"%s\"", text.data);
	else
		buf_addf(out, "\"%.19s…\"", text.data);
}

static void join(struct buf *out, const struct strv *s)
{
	for (size_t i = 0; i < s->len; i++)
		buf_addf(out, "%s%s", i ? "," : "", s->v[i]);
}

static void ports_text(struct buf *out, struct ctr_env *env, const struct ctr *c,
		       const struct ctr_config *config)
{
	AUTO(ports) struct ports p = PORTS_INIT;
	struct err absent = ERR_INIT;

	if (c->is_running && config->ports.len)
		(void)!ctr_published(&p, env, c->row.id, &absent);
	for (size_t i = 0; i < config->exposed.len; i++) {
		AUTO(ports) struct ports one = PORTS_INIT;
		bool known = false;

		err_clear(&absent);
		if (port_parse_expose(&one, config->exposed.v[i], &absent) < 0 || !one.len)
			continue;
		for (size_t j = 0; j < p.len; j++)
			known |= p.at[j].ctr == one.at[0].ctr && p.at[j].proto == one.at[0].proto;
		for (size_t j = 0; !known && c->is_running && j < one.len; j++) {
			one.at[j].host = 0;
			ports_add(&p, &one.at[j]);
		}
	}
	ports_print(&p, out);
}

static void mounts_text(struct buf *mounts, size_t *volumes, const struct ctr_config *c)
{
	*volumes = 0;
	for (size_t i = 0; i < c->mount_count; i++) {
		const struct mount_opt *m = &c->mounts[i];

		if (m->kind == MOUNT_TMPFS)
			continue;
		*volumes += m->kind == MOUNT_VOLUME;
		buf_addf(mounts, "%s%s", mounts->len ? "," : "", m->source);
	}
}

static int size_text(struct buf *out, struct ctr_env *env, const struct container *row,
		     const struct ctr_config *config, struct err *e)
{
	struct ctr_size size;
	char own[HUMAN_MAX], all[HUMAN_MAX];
	int r = ctr_measure(&size, env, row, config, e);

	if (r < 0)
		return r;
	human_size(size.own, own);
	human_size(size.all, all);
	buf_addf(out, "%s (virtual %s)", own, all);
	return 0;
}

const char *row_network(const struct ctr_config *config)
{
	static const char *const names[] = {
		[CTR_NET_SLIRP] = "slirp", [CTR_NET_NONE] = "none", [CTR_NET_HOST] = "host",
		[CTR_NET_CONTAINER] = "container",
	};

	return names[config->net];
}

int row_ctr(json_t **out, struct ctr_env *env, const struct ctr *c, bool no_trunc,
	    bool with_size, struct err *e)
{
	AUTO(buf) struct buf command = BUF_INIT(MIB(2)), ports = BUF_INIT(MIB(1));
	AUTO(buf) struct buf labels = BUF_INIT(MIB(8)), mounts = BUF_INIT(MIB(8));
	AUTO(buf) struct buf size = BUF_INIT(128);
	AUTO(ctr_config) struct ctr_config config;
	char id[ID_LEN + 1], text[128], when[CLOCK_TEXT_MAX];
	const char *state = ctr_state_name(c);
	size_t volumes;
	json_t *row;
	int r;

	ctr_config_init(&config);
	r = ctr_config_parse(&config, c->row.config, strlen(c->row.config), e);
	if (r == 0 && with_size)
		r = size_text(&size, env, &c->row, &config, e);
	if (r < 0)
		return err_ctx(e, r, "container '%s'", c->row.name);
	row = json_object();
	snprintf(id, sizeof(id), "%.*s", no_trunc ? ID_LEN : ID_SHORT_LEN, c->row.id);
	jtree_text(row, "ID", id);
	jtree_text(row, "Image", str_or(config.image, str_or(config.rootfs, "")));
	command_text(&command, &config, no_trunc);
	jtree_text(row, "Command", command.data);
	clock_print(c->row.created_ns, when);
	jtree_text(row, "CreatedAt", when);
	human_ago(c->row.created_ns, clock_wall_ns(), text);
	jtree_text(row, "RunningFor", text);
	status_text(c, state, text, sizeof(text));
	jtree_text(row, "Status", text);
	jtree_text(row, "State", state);
	ports_text(&ports, env, c, &config);
	jtree_text(row, "Ports", ports.data);
	jtree_text(row, "Names", c->row.name);
	join(&labels, &c->row.labels);
	jtree_text(row, "Labels", labels.data);
	mounts_text(&mounts, &volumes, &config);
	jtree_text(row, "Mounts", mounts.data);
	jtree_text(row, "Networks", row_network(&config));
	snprintf(text, sizeof(text), "%zu", volumes);
	jtree_text(row, "LocalVolumes", text);
	jtree_text(row, "Size", size.data);
	jtree_text(row, "Runtime", str_or(config.runtime, "coracle-oci"));
	*out = row;
	return 0;
}
