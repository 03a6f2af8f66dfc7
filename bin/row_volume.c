#include "bin/row_volume.h"

#include <stdio.h>

#include "bin/jtree.h"
#include "lib/base/limits.h"

static const struct column columns[] = {
	{ .name = "Driver", .header = "DRIVER" },
	{ .name = "Name", .header = "VOLUME NAME" },
	{ .name = "Labels", .header = "LABELS", .hidden = true },
	{ .name = "Links", .header = "LINKS", .hidden = true },
	{ .name = "Mountpoint", .header = "MOUNTPOINT", .hidden = true },
	{ .name = "Scope", .header = "SCOPE", .hidden = true },
	{ .name = "CreatedAt", .header = "CREATED AT", .hidden = true },
};

const struct table volume_table = { columns, ARRAY_SIZE(columns), "Name" };

json_t *row_volume(const struct store *s, const struct volume *v)
{
	AUTO_FREE char *path = volume_path(s, v->ns, v->name);
	json_t *row = json_object();
	char users[24];

	snprintf(users, sizeof(users), "%llu", (unsigned long long)v->users);
	jtree_text(row, "Driver", "local");
	jtree_text(row, "Name", v->name);
	jtree_words(row, "Labels", &v->labels);
	jtree_text(row, "Links", users);
	jtree_text(row, "Mountpoint", path);
	jtree_text(row, "Scope", "local");
	jtree_time(row, "CreatedAt", v->created_ns);
	return row;
}
