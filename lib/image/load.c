#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/fmt/ref.h"
#include "lib/image/archive.h"
#include "lib/image/getter.h"
#include "lib/image/members.h"
#include "lib/image/record.h"
#include "lib/image/stream.h"
#include "lib/store/content.h"
#include "lib/store/images.h"

#define MAX_ARCHIVE_IMAGES 1024
#define MAX_ARCHIVE_TAGS 1024

struct load {
	const struct load_options *o;
	struct lease lease;
	struct members members;
	struct load_result res;
};

void load_result_clear(struct load_result *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->images[i].name);
	free(r->images);
	*r = (struct load_result)LOAD_RESULT_INIT;
}

static void load_auto(struct load *l)
{
	members_clear(&l->members);
	load_result_clear(&l->res);
	lease_auto(&l->lease);
}

/* --- an image whose blobs are in the store gets its row --- */

static struct load_image *add_result(struct load *l, const struct record *rec)
{
	struct load_image *one;

	l->res.images = mem_grow(l->res.images, l->res.count + 1, sizeof(*one));
	one = &l->res.images[l->res.count++];
	*one = (struct load_image){
		.name = mem_str(rec->name),
		.target = rec->target,
		.config = rec->docs->manifest.config.digest,
		.fate = rec->name ? LOAD_NEW : LOAD_UNNAMED,
	};
	return one;
}

/* May the name stand for this image from now on?  What is there under the
 * name, if anything, decides. */
static int decide(struct load *l, struct record *rec, struct load_image *one,
		  struct err *e)
{
	AUTO(image) struct image known = IMAGE_INIT;
	struct err why = ERR_INIT;
	int r;

	if (!rec->name)
		return 0;
	r = image_get(&known, l->o->env.store, l->o->ns, rec->name, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_move(e, &why);
	if (digest_eq(&known.config, &rec->docs->manifest.config.digest)) {
		one->fate = LOAD_SAME;
		return 0;
	}
	one->was = known.config;
	one->fate = l->o->force ? LOAD_MOVED : LOAD_KEPT;
	if (!l->o->force)
		rec->name = NULL;
	return 0;
}

static int add_image(struct load *l, const struct image_docs *docs,
		     const char *name, const char *media_type, uint64_t size,
		     struct err *e)
{
	struct get_options get = { .docs = docs, .env = &l->o->env, .lease = &l->lease };
	struct record rec = {
		.ns = l->o->ns, .name = name, .target = docs->target,
		.media_type = media_type, .size = size, .docs = docs,
		.env = &l->o->env,
	};
	struct load_image *one;
	int r;

	if (l->res.count >= MAX_ARCHIVE_IMAGES)
		return err_set(e, E2BIG, "more than %d names", MAX_ARCHIVE_IMAGES);
	r = layers_get(&get, e);
	if (r < 0)
		return r;
	one = add_result(l, &rec);
	r = decide(l, &rec, one, e);
	return r < 0 ? r : record_image(&rec, NULL, e);
}

/* "x:1" in full; NULL when it is no reference. */
static char *full_name(const char *text)
{
	AUTO(ref) struct ref ref = REF_INIT;
	AUTO(buf) struct buf b = BUF_INIT(MAX_REF);
	struct err ignored = ERR_INIT;

	if (ref_parse(&ref, text, &ignored) < 0)
		return NULL;
	ref_default_tag(&ref);
	ref_print(&ref, &b);
	return buf_ok(&b, "reference", &ignored) < 0 ? NULL : buf_steal(&b);
}

/* --- docker-archive: the manifest is ours to make --- */

static int sniff(enum compression *out, struct store *s, const struct digest *d,
		 struct err *e)
{
	unsigned char head[4] = { 0 };
	AUTO_FD int fd = content_get(s, d, NULL, e);

	if (fd < 0)
		return fd;
	if (read(fd, head, sizeof(head)) < 0)
		return err_sys(e, "read layer");
	*out = head[0] == 0x1f && head[1] == 0x8b ? COMPRESSION_GZIP :
		!memcmp(head, "\x28\xb5\x2f\xfd", 4) ? COMPRESSION_ZSTD :
		COMPRESSION_NONE;
	return 0;
}

static void set_desc(struct desc *d, const char *type, const struct member *m)
{
	d->media_type = mem_str(type);
	d->digest = m->digest;
	d->size = m->size;
}

static int build_manifest(struct manifest *out, struct load *l,
			  const struct json_at *item, struct err *e)
{
	struct json_at layers, layer;
	const struct member *m;
	const char *name;
	int r = json_get_string(&name, item, "Config", JSON_MUST, e);

	if (r < 0)
		return r;
	m = members_get(&l->members, name);
	if (!m)
		return err_set(e, EBADMSG, "the archive lacks '%s'", name);
	set_desc(&out->config, media_text(MEDIA_OCI_CONFIG), m);
	r = json_get_list(&layers, item, "Layers", MAX_LAYERS, JSON_MUST, e);
	for (size_t i = 0; r >= 0 && i < json_len(&layers); i++) {
		enum compression c;

		layer = json_item(&layers, i);
		r = json_as_string(&name, &layer, e);
		if (r < 0)
			return r;
		m = members_get(&l->members, name);
		if (!m)
			return err_set(e, EBADMSG, "the archive lacks '%s'", name);
		r = sniff(&c, l->o->env.store, &m->digest, e);
		if (r == 0)
			set_desc(manifest_add_layer(out), media_text(media_layer(c)), m);
	}
	return r < 0 ? r : 0;
}

static int put_manifest(struct image_docs *docs, struct load *l,
			const struct manifest *m, uint64_t *size, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_MANIFEST);
	AUTO(buf) struct buf config = BUF_INIT(MAX_IMGCONF);
	struct digest digest;
	int r;

	manifest_print(m, &text);
	r = buf_ok(&text, "manifest", e);
	if (r < 0)
		return r;
	*size = text.len;
	r = content_read(l->o->env.store, &m->config.digest, &config, e);
	if (r == 0)
		r = record_doc(&digest, l->o->env.store, &l->lease, &text, e);
	return r < 0 ? r : image_docs_parse(docs, &text, &digest, &config, e);
}

static int load_docker_image(struct load *l, const struct json_at *item,
			     struct err *e)
{
	AUTO(manifest) struct manifest m = MANIFEST_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	struct json_at tags;
	uint64_t size;
	size_t named = 0;
	int r = build_manifest(&m, l, item, e);

	if (r == 0)
		r = put_manifest(&docs, l, &m, &size, e);
	if (r < 0)
		return r;
	r = json_get_list(&tags, item, "RepoTags", MAX_ARCHIVE_TAGS, JSON_MAY, e);
	for (size_t i = 0; r > 0 && i < json_len(&tags); i++) {
		AUTO_FREE char *name = NULL;
		struct json_at tag = json_item(&tags, i);
		const char *text;

		if (json_as_string(&text, &tag, e) < 0)
			return -EBADMSG;
		name = full_name(text);
		if (!name)
			return err_set(e, EBADMSG, "'%s' is not a name", text);
		r = add_image(l, &docs, name, media_text(m.media), size, e);
		if (r < 0)
			return r;
		r = 1;
		named++;
	}
	if (r < 0 || named)
		return r < 0 ? r : 0;
	return add_image(l, &docs, NULL, media_text(m.media), size, e);
}

static int load_docker(struct load *l, struct err *e)
{
	AUTO(json) json_t *doc = NULL;
	struct json_at root;
	int r = json_load_strict(&doc, l->members.manifest_json.data,
				 l->members.manifest_json.len, e);

	if (r < 0)
		return err_ctx(e, r, "manifest.json");
	root = json_root(doc);
	if (!json_is_array(doc) || !json_len(&root))
		return err_set(e, EBADMSG, "manifest.json: not a list of images");
	for (size_t i = 0; i < json_len(&root) && r == 0; i++) {
		struct json_at item = json_item(&root, i);

		r = json_as_object(&item, e);
		if (r >= 0)
			r = load_docker_image(l, &item, e);
	}
	return r;
}

/* --- oci-archive --- */

/* The name that an entry carries: containerd's full one, or OCI's, which is
 * often a mere tag and then says nothing. */
static char *entry_name(const struct desc *d)
{
	const char *full = strv_getenv(&d->annotations, "io.containerd.image.name");
	const char *ref = strv_getenv(&d->annotations, "org.opencontainers.image.ref.name");

	if (full)
		return full_name(full);
	return ref && strpbrk(ref, ":/") ? full_name(ref) : NULL;
}

/* The edges of an index, and of all manifests of it that are here. */
static int index_edges(struct load *l, const struct digest *target,
		       struct err *e)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_MANIFEST);
	AUTO(manifest_doc) struct manifest_doc doc = MANIFEST_DOC_INIT;
	int r = content_read(l->o->env.store, target, &b, e);

	if (r == 0)
		r = manifest_doc_parse(&doc, NULL, b.data, b.len, e);
	if (r < 0 || doc.kind != MEDIA_IS_INDEX)
		return r;
	for (size_t i = 0; i < doc.index.entry_count && r == 0; i++)
		r = content_ref(l->o->env.store, target, &doc.index.entries[i].digest, e);
	return r;
}

static int load_entry(struct load *l, const struct desc *entry, struct err *e)
{
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	AUTO_FREE char *name = entry_name(entry);
	int r = image_docs_load(&docs, l->o->env.store, &entry->digest,
				l->o->platform, e);

	if (r == 0)
		r = index_edges(l, &entry->digest, e);
	if (r == 0)
		r = add_image(l, &docs, name, entry->media_type, entry->size, e);
	return r;
}

static int load_oci(struct load *l, struct err *e)
{
	AUTO(index) struct index index = INDEX_INIT;
	int r = index_parse(&index, l->members.index_json.data,
			    l->members.index_json.len, e);

	if (r < 0)
		return err_ctx(e, r, "index.json");
	for (size_t i = 0; i < index.entry_count && r == 0; i++)
		r = load_entry(l, &index.entries[i], e);
	return r;
}

int archive_load(struct load_result *out, const struct load_options *o,
		 struct err *e)
{
	AUTO(load) struct load l = {
		.o = o, .lease = LEASE_INIT, .members = MEMBERS_INIT,
		.res = LOAD_RESULT_INIT,
	};
	AUTO(store_hold) struct store_hold index;
	int r = lease_begin(&l.lease, o->env.store, "load", e);

	store_hold_index(&index, o->env.store);
	if (r == 0)
		r = members_read(&l.members, o->fd, o->env.store, &l.lease, e);
	if (r < 0)
		return r;
	if (l.members.index_json.len)
		r = load_oci(&l, e);
	else if (l.members.manifest_json.len)
		r = load_docker(&l, e);
	else if (members_get(&l.members, "repositories"))
		r = err_set(e, ENOTSUP, "an archive of docker 1.9 or older, without "
			    "manifest.json: load it into a newer docker and save it again");
	else
		r = err_set(e, EBADMSG, "not an image archive: neither manifest.json "
			    "nor index.json in it");
	if (r == 0) {
		*out = l.res;
		l.res = (struct load_result)LOAD_RESULT_INIT;
	}
	return r;
}
