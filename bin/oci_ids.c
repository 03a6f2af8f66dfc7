/* Ids for a container whose spec leaves them to us. */
#include <stdlib.h>

#include "bin/oci.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/idmap.h"
#include "rootless/idmap.h"

static char *cache_dir(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	return !str_is_empty(cache) && *cache == '/' ? mem_printf("%s/coracle", cache) :
		mem_printf("%s/.cache/coracle", str_or(home, "/nonexistent"));
}

/* As crun does for callers that are no root, who could do nothing of a spec
 * without a user namespace: all the ids that are granted to them. */
int oci_default_ids(struct spec *s, struct oci *o, struct err *e)
{
	AUTO_FREE char *asker = NULL, *cache = NULL;
	struct err none = ERR_INIT;
	struct ids_env env;
	struct ids ids;
	int r;

	if (geteuid() == 0 || s->ns[SPEC_NS_USER].path || s->idmap.uids.len)
		return 0;
	/* Where it is not installed nobody can be asked: a single id, then. */
	(void)!app_program("coracle-image", &asker, &none);
	cache = cache_dir();
	env = (struct ids_env){ .cache_dir = cache, .asker = str_or(asker, "/nonexistent") };
	r = ids_choose(&ids, &env, IDS_DEFAULT, ID_NONE, ID_NONE, e);
	if (r < 0)
		return r;
	if (ids.rung == IDS_SINGLE)
		oci_warn(o, "a single id: %s", ids.why);
	s->ns[SPEC_NS_USER].set = true;
	s->idmap = ids.map;
	return 0;
}
