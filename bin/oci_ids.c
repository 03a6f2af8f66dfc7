/* Ids for a container whose spec leaves them to us. */
#include "bin/oci.h"
#include "lib/base/str.h"
#include "lib/fmt/idmap.h"

/* As crun does for callers that are no root: without a user namespace nothing
 * of a spec could be done. */
int oci_default_ids(struct spec *s, struct oci *o UNUSED, struct err *e)
{
	int r = 0;

	if (geteuid() == 0 || s->ns[SPEC_NS_USER].path)
		return 0;
	s->ns[SPEC_NS_USER].set = true;
	if (!s->idmap.uids.len)
		r = id_map_single(&s->idmap.uids, geteuid(), 0, e);
	if (r == 0 && !s->idmap.gids.len)
		r = id_map_single(&s->idmap.gids, getegid(), 0, e);
	return r;
}
