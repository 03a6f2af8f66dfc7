#include "lib/image/layertar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/str.h"

static int put_whiteout(struct tarput *t, const struct diff_item *item, struct err *e)
{
	const char *slash = strrchr(item->path, '/');
	int dir = slash ? (int)(slash + 1 - item->path) : 0;
	char path[MAX_PATH + 8];

	snprintf(path, sizeof(path), "%.*s.wh.%s", dir, item->path, item->path + dir);
	return tarput_mark(t, path, S_IFREG, e);
}

int layertar_put(void *tarput, const struct diff_item *item, struct err *e)
{
	const char *slash = strrchr(item->path, '/');

	if (str_starts(slash ? slash + 1 : item->path, ".wh."))
		return err_set(e, ENOTSUP, "layers cannot have a file of this name");
	if (item->kind == DIFF_DELETED ||
	    (item->kind == DIFF_CHANGED && S_ISSOCK(item->st->st_mode)))
		return put_whiteout(tarput, item, e);
	if (S_ISDIR(item->st->st_mode))
		return tarput_dir(tarput, str_or(item->path, "."), item->dirfd, e);
	return tarput_other(tarput, item->path, item->dirfd, item->base, e);
}
