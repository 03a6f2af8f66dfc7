#include "lib/image/check.h"

#include <errno.h>
#include <unistd.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/stream.h"

int image_check_blob(int fd, const struct digest *d, struct err *e)
{
	AUTO(hash) struct hash *h = hash_new(d->alg);
	AUTO_FREE char *chunk = mem_zero(1, MIB(1));
	struct digest is;
	ssize_t n;

	while ((n = read(fd, chunk, MIB(1))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		/* A disk that cannot read it has lost it. */
		if (n < 0)
			return err_set(e, EBADMSG, "it cannot be read: %s", str_errno(errno));
		hash_add(h, chunk, (size_t)n);
	}
	hash_end(h, &is);
	return digest_eq(&is, d) ? 0 : err_set(e, EBADMSG, "its bytes are not those of its digest");
}

int image_restore_layer(int64_t id, const struct image_env *env, struct err *e)
{
	static const struct platform any;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	AUTO(snapshot) struct snapshot s = SNAPSHOT_INIT;
	AUTO(buf) struct buf key = BUF_INIT(KIB(64));
	struct image_env own = *env;
	struct digest manifest;
	int r = snapshot_get(&s, env->store, id, e);

	if (r < 0)
		return r;
	own.driver = snap_find(s.driver);
	if (env->map)
		idmap_key(env->map, &key);
	if (!own.driver || !key.len || !str_starts(s.map, key.data))
		return err_set(e, ENOTSUP, "it was unpacked under another id map");
	r = check_hide_layer(&manifest, env->store, id, e);
	if (r == 0)
		r = image_docs_load(&docs, env->store, &manifest, &any, e);
	if (r == 0)
		r = layers_unpack(&docs, &own, e);
	return r < 0 ? r : check_replace_layer(env->store, id, e);
}
