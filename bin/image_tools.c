/* The hidden commands: what coracle asks of coracle-image. */
#include <pwd.h>
#include <shadow/subid.h>
#include <stdio.h>
#include <string.h>

#include "bin/image_args.h"
#include "bin/image_env.h"
#include "lib/base/num.h"
#include "lib/ctr/config.h"
#include "lib/ctr/layers.h"

/* coracle asks for one that the default pull did not unpack: another map. */
int unpack_run(struct app *app, void *args UNUSED, char **operands, int count UNUSED, struct err *e)
{
	static const struct platform any;
	AUTO(image_tool) struct image_tool tool;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	AUTO(ctr_config) struct ctr_config config;
	struct digest manifest;
	uint64_t policy, uid, gid;
	struct ids ids;
	int r = image_tool_init(&tool, app, operands[4], true, e);

	ctr_config_init(&config);
	if (r < 0 || (r = digest_parse(&manifest, operands[0], strlen(operands[0]), e)) < 0 ||
	    (r = num_u64(operands[1], 0, CTR_USERNS_NOMAP, &policy, e)) < 0 ||
	    (r = num_u64(operands[2], 0, UINT32_MAX, &uid, e)) < 0 ||
	    (r = num_u64(operands[3], 0, UINT32_MAX, &gid, e)) < 0)
		return r;
	config.userns = (enum ctr_userns)policy;
	config.keep_uid = (uint32_t)uid;
	config.keep_gid = (uint32_t)gid;
	r = ctr_ids(&tool.ctr, &config, &ids, e);
	if (r == 0)
		r = image_docs_load(&docs, app->store, &manifest, &any, e);
	tool.env.map = &ids.map;
	tool.env.record_owners = ids.rung == IDS_SINGLE;
	return r < 0 ? r : layers_unpack(&docs, &tool.env, e) < 0 ? -e->code : EXIT_DONE;
}

typedef int ranges_fn(const char *owner, struct subid_range **ranges);

static void print_ranges(struct app *app, const char *kind, const char *owner, ranges_fn *get)
{
	AUTO_FREE struct subid_range *ranges = NULL;
	int n = get(owner, &ranges);

	for (int i = 0; i < n; i++)
		app_printf(app, "%s %lu %lu\n", kind, ranges[i].start, ranges[i].count);
}

int subid_run(struct app *app, void *args UNUSED, char **operands UNUSED, int count UNUSED,
	      struct err *e UNUSED)
{
	struct passwd *pw = getpwuid(geteuid());
	char number[16];

	snprintf(number, sizeof(number), "%u", geteuid());
	print_ranges(app, "uid", pw ? pw->pw_name : number, subid_get_uid_ranges);
	print_ranges(app, "gid", pw ? pw->pw_name : number, subid_get_gid_ranges);
	return EXIT_DONE;
}
