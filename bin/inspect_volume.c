#include "bin/inspect.h"
#include "bin/jtree.h"

json_t *inspect_volume(const struct store *s, const struct volume *v)
{
	AUTO_FREE char *path = volume_path(s, v->ns, v->name);
	json_t *o = json_object();

	jtree_time(o, "CreatedAt", v->created_ns);
	jtree_text(o, "Driver", "local");
	jtree_map(o, "Labels", &v->labels);
	jtree_text(o, "Mountpoint", path);
	jtree_text(o, "Name", v->name);
	jtree_map(o, "Options", &v->options);
	jtree_text(o, "Scope", "local");
	return o;
}
