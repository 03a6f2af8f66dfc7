#include "bin/filter_volume.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/store/volumes.h"

static int by_name(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return strstr(((const struct volume *)o)->name, value) != NULL;
}

static int by_driver(const void *o UNUSED, void *arg UNUSED, const char *value,
		     struct err *e UNUSED)
{
	return str_eq(value, "local");
}

static int by_label(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return filter_label(&((const struct volume *)o)->labels, value);
}

static int by_dangling(const void *o, void *arg UNUSED, const char *value, struct err *e)
{
	bool wanted;
	int r = filter_bool(&wanted, "dangling", value, e);

	return r < 0 ? r : !((const struct volume *)o)->users == wanted;
}

static int by_anonymous(const void *o, void *arg UNUSED, const char *value, struct err *e)
{
	bool wanted;
	int r = filter_bool(&wanted, "anonymous", value, e);

	return r < 0 ? r : ((const struct volume *)o)->is_anonymous == wanted;
}

const struct filter_key volume_filters[] = {
	{ "name", by_name }, { "driver", by_driver }, { "label", by_label },
	{ "dangling", by_dangling }, { "anonymous", by_anonymous }, { NULL, NULL },
};

const struct filter_key volume_prune_filters[] = {
	{ "label", by_label }, { "anonymous", by_anonymous }, { NULL, NULL },
};
