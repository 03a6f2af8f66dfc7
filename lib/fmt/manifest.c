#include "lib/fmt/manifest.h"

#include <string.h>
#include <strings.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/fmt/platform.h"

/* --- life --- */

static void clear_descs(struct desc *descs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		desc_clear(&descs[i]);
	free(descs);
}

void manifest_clear(struct manifest *m)
{
	int saved = errno;

	free(m->artifact_type);
	desc_clear(&m->config);
	clear_descs(m->layers, m->layer_count);
	clear_descs(m->subject, m->subject ? 1 : 0);
	strv_clear(&m->annotations);
	*m = (struct manifest)MANIFEST_INIT;
	errno = saved;
}

void index_clear(struct index *x)
{
	int saved = errno;

	free(x->artifact_type);
	clear_descs(x->entries, x->entry_count);
	clear_descs(x->subject, x->subject ? 1 : 0);
	strv_clear(&x->annotations);
	*x = (struct index)INDEX_INIT;
	errno = saved;
}

void manifest_doc_clear(struct manifest_doc *d)
{
	manifest_clear(&d->manifest);
	index_clear(&d->index);
	d->kind = MEDIA_IS_OTHER;
}

static struct desc *add_desc(struct desc **descs, size_t *count)
{
	*descs = mem_grow(*descs, *count + 1, sizeof(**descs));
	(*descs)[*count] = (struct desc)DESC_INIT;
	return &(*descs)[(*count)++];
}

bool manifest_repeats(const struct manifest *m, size_t layer)
{
	for (size_t i = 0; i < layer; i++)
		if (digest_eq(&m->layers[i].digest, &m->layers[layer].digest))
			return true;
	return false;
}

struct desc *manifest_add_layer(struct manifest *m)
{
	return add_desc(&m->layers, &m->layer_count);
}

struct desc *index_add_entry(struct index *x)
{
	return add_desc(&x->entries, &x->entry_count);
}

/* --- reading --- */

static int read_platform(struct platform *out, const struct json_at *at,
			 struct err *e)
{
	struct json_at p;
	int r = json_get_object(&p, at, "platform", JSON_MAY, e);

	if (r > 0)
		r = json_get_copy(&out->os, &p, "os", JSON_MAY, e);
	if (r >= 0 && out->os)
		r = json_get_copy(&out->arch, &p, "architecture", JSON_MAY, e);
	if (r >= 0 && out->os)
		r = json_get_copy(&out->variant, &p, "variant", JSON_MAY, e);
	if (r >= 0 && out->os)
		r = json_get_copy(&out->os_version, &p, "os.version", JSON_MAY, e);
	return r;
}

static int read_digest(struct digest *out, const struct json_at *at,
		       struct err *e)
{
	struct json_at member = json_member(at, "digest");
	struct err why = ERR_INIT;
	const char *text;
	int r = json_get_string(&text, at, "digest", JSON_MUST, e);

	if (r < 0)
		return r;
	if (digest_parse(out, text, strlen(text), &why) < 0)
		return json_fail(&member, EBADMSG, e, "%s", why.text);
	return 0;
}

static int read_desc(struct desc *out, const struct json_at *at, struct err *e)
{
	int r = json_as_object(at, e);

	if (r >= 0)
		r = json_get_copy(&out->media_type, at, "mediaType", JSON_MUST, e);
	if (r >= 0)
		r = read_digest(&out->digest, at, e);
	if (r >= 0)
		r = json_get_u64(&out->size, at, "size", 0, MAX_LAYER_BYTES, JSON_MUST, e);
	if (r >= 0)
		r = json_get_copy(&out->artifact_type, at, "artifactType", JSON_MAY, e);
	if (r >= 0)
		r = json_get_strv(&out->urls, at, "urls", JSON_MAY, e);
	if (r >= 0)
		r = json_get_map(&out->annotations, at, "annotations", JSON_MAY, e);
	if (r >= 0)
		r = read_platform(&out->platform, at, e);
	return r < 0 ? r : 0;
}

static int read_descs(struct desc **out, size_t *count,
		      const struct json_at *at, const char *key, size_t max,
		      struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, at, key, max, JSON_MUST, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);

		r = read_desc(add_desc(out, count), &item, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_subject(struct desc **out, const struct json_at *at,
			struct err *e)
{
	struct json_at subject;
	size_t count = 0;
	int r = json_get_object(&subject, at, "subject", JSON_MAY, e);

	if (r <= 0)
		return r;
	return read_desc(add_desc(out, &count), &subject, e);
}

static int read_manifest(struct manifest *m, const struct json_at *at,
			 struct err *e)
{
	struct json_at config;
	int r = json_get_object(&config, at, "config", JSON_MUST, e);

	if (r >= 0)
		r = read_desc(&m->config, &config, e);
	if (r >= 0)
		r = read_descs(&m->layers, &m->layer_count, at, "layers", MAX_LAYERS, e);
	if (r >= 0)
		r = read_subject(&m->subject, at, e);
	if (r >= 0)
		r = json_get_copy(&m->artifact_type, at, "artifactType", JSON_MAY, e);
	if (r >= 0)
		r = json_get_map(&m->annotations, at, "annotations", JSON_MAY, e);
	return r < 0 ? r : 0;
}

static int read_index(struct index *x, const struct json_at *at, struct err *e)
{
	int r = read_descs(&x->entries, &x->entry_count, at, "manifests",
			   MAX_INDEX_ENTRIES, e);

	if (r >= 0)
		r = read_subject(&x->subject, at, e);
	if (r >= 0)
		r = json_get_copy(&x->artifact_type, at, "artifactType", JSON_MAY, e);
	if (r >= 0)
		r = json_get_map(&x->annotations, at, "annotations", JSON_MAY, e);
	return r < 0 ? r : 0;
}

/* --- which of them it is --- */

static int refuse_schema1(struct err *e)
{
	return err_set(e, ENOTSUP, "docker's manifest schema 1 is not supported; "
		       "push the image again with a newer tool");
}

/* Other readers take member names in any case; what they would see and we
 * would not is refused. */
static int check_case(const struct json_at *doc, struct err *e)
{
	static const char *const names[] = {
		"schemaVersion", "mediaType", "config", "layers", "manifests",
		"fsLayers", "subject", "artifactType", "annotations",
	};
	struct json_at item;

	json_each_member(doc, iter, item) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (strcasecmp(item.key, names[i]) == 0 &&
			    !str_eq(item.key, names[i]))
				return json_fail(&item, EBADMSG, e,
						 "ambiguous, '%s' is spelled otherwise",
						 names[i]);
	}
	return 0;
}

static bool is_there(const struct json_at *doc, const char *key)
{
	return json_member(doc, key).value != NULL;
}

static int check_shape(enum media_kind kind, const struct json_at *doc,
		       struct err *e)
{
	static const char *const foreign[][4] = {
		[MEDIA_IS_MANIFEST] = { "manifests", "fsLayers" },
		[MEDIA_IS_INDEX] = { "config", "layers", "fsLayers" },
	};
	const char *const *p;

	for (p = foreign[kind]; *p; p++)
		if (is_there(doc, *p))
			return err_set(e, EBADMSG, "ambiguous: %s with '%s'",
				       kind == MEDIA_IS_INDEX ? "an index" : "a manifest",
				       *p);
	return 0;
}

static int usable(enum media m, const char *text, struct err *e)
{
	if (media_kind(m) == MEDIA_IS_SCHEMA1)
		return refuse_schema1(e);
	if (media_kind(m) != MEDIA_IS_MANIFEST && media_kind(m) != MEDIA_IS_INDEX)
		return err_set(e, EBADMSG, "'%s' is no type of a manifest or index",
			       text);
	return 0;
}

/* Types that servers of plain files give to everything say nothing. */
static bool says_nothing(const char *type)
{
	static const char *const plain[] = {
		"application/json", "application/octet-stream", "text/plain",
		"binary/octet-stream",
	};
	size_t len;

	type += strspn(type, " \t");
	len = strcspn(type, " \t;");
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (strlen(plain[i]) == len && strncasecmp(plain[i], type, len) == 0)
			return true;
	return len == 0;
}

static int check_version(const struct json_at *doc, struct err *e)
{
	struct err why = ERR_INIT;
	uint64_t version = 0;

	if (json_get_u64(&version, doc, "schemaVersion", 1, 2, JSON_MUST, &why) < 0)
		return err_set(e, EBADMSG, "%s", why.text);
	return version == 1 ? refuse_schema1(e) : 0;
}

static int decide(enum media *out, const struct json_at *doc,
		  const char *content_type, struct err *e)
{
	enum media outer = MEDIA_UNKNOWN;
	enum media inner = MEDIA_UNKNOWN;
	const char *text;
	int r = check_version(doc, e);

	if (r >= 0)
		r = json_get_string(&text, doc, "mediaType", JSON_MAY, e);
	if (r > 0) {
		inner = media_lookup(text);
		r = usable(inner, text, e);
	}
	if (r >= 0 && content_type && !says_nothing(content_type)) {
		outer = media_lookup_header(content_type);
		r = usable(outer, content_type, e);
	}
	if (r < 0)
		return r;
	if (inner && outer && inner != outer)
		return err_set(e, EBADMSG, "ambiguous: sent as '%s', says it is '%s'",
			       media_text(outer), media_text(inner));
	*out = inner ? inner : outer ? outer :
	       is_there(doc, "manifests") ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST;
	return 0;
}

static int read_doc(struct manifest_doc *out, const char *content_type,
		    const struct json_at *doc, struct err *e)
{
	enum media media = MEDIA_UNKNOWN;
	int r = check_case(doc, e);

	if (r == 0)
		r = decide(&media, doc, content_type, e);
	if (r == 0)
		r = check_shape(media_kind(media), doc, e);
	if (r < 0)
		return r;
	out->kind = media_kind(media);
	if (out->kind == MEDIA_IS_INDEX) {
		out->index.media = media;
		return read_index(&out->index, doc, e);
	}
	out->manifest.media = media;
	return read_manifest(&out->manifest, doc, e);
}

int manifest_doc_parse(struct manifest_doc *out, const char *content_type,
		       const char *data, size_t len, struct err *e)
{
	struct manifest_doc d = MANIFEST_DOC_INIT;
	AUTO(json) json_t *tree = NULL;
	struct json_at doc;
	int r;

	if (len > MAX_MANIFEST)
		return err_set(e, EFBIG, "manifest: longer than %zu bytes",
			       MAX_MANIFEST);
	r = json_load_strict(&tree, data, len, e);
	doc = json_root(tree);
	if (r == 0)
		r = json_as_object(&doc, e);
	if (r == 0)
		r = read_doc(&d, content_type, &doc, e);
	if (r < 0) {
		manifest_doc_clear(&d);
		return err_ctx(e, r, "manifest");
	}
	*out = d;
	return 0;
}

int manifest_parse(struct manifest *out, const char *data, size_t len,
		   struct err *e)
{
	AUTO(manifest_doc) struct manifest_doc d = MANIFEST_DOC_INIT;
	int r = manifest_doc_parse(&d, NULL, data, len, e);

	if (r < 0)
		return r;
	if (d.kind != MEDIA_IS_MANIFEST)
		return err_set(e, EBADMSG, "an index where a manifest should be");
	*out = d.manifest;
	d.manifest = (struct manifest)MANIFEST_INIT;
	return 0;
}

int index_parse(struct index *out, const char *data, size_t len, struct err *e)
{
	AUTO(manifest_doc) struct manifest_doc d = MANIFEST_DOC_INIT;
	int r = manifest_doc_parse(&d, NULL, data, len, e);

	if (r < 0)
		return r;
	if (d.kind != MEDIA_IS_INDEX)
		return err_set(e, EBADMSG, "a manifest where an index should be");
	*out = d.index;
	d.index = (struct index)INDEX_INIT;
	return 0;
}

/* --- choosing --- */

/* An entry without a platform may be anything: its configuration tells. */
static int rank(const struct desc *d, const struct platform *want)
{
	if (media_kind(media_lookup(d->media_type)) != MEDIA_IS_MANIFEST)
		return 0;
	if (d->platform.os)
		return platform_match(want, &d->platform);
	return d->artifact_type ? 0 : 1;
}

static int no_entry(const struct index *index, const struct platform *want,
		    struct err *e)
{
	AUTO(buf) struct buf there = BUF_INIT(ERR_TEXT_MAX / 2);
	AUTO(buf) struct buf wanted = BUF_INIT(ERR_TEXT_MAX / 4);

	platform_print(want, &wanted);
	for (size_t i = 0; i < index->entry_count; i++) {
		const struct platform *p = &index->entries[i].platform;

		if (!p->os || str_eq(p->os, "unknown"))
			continue;
		buf_adds(&there, there.len ? ", " : "");
		platform_print(p, &there);
	}
	return err_set(e, ENOENT, "no image for %s; there is %s", wanted.data,
		       there.len ? there.data : "none that names its platform");
}

int manifest_choose(const struct desc **out, const struct index *index,
		    const struct platform *want, struct err *e)
{
	const struct desc *best = NULL;
	int best_rank = 0;

	for (size_t i = 0; i < index->entry_count; i++) {
		int n = rank(&index->entries[i], want);

		if (n > best_rank) {
			best = &index->entries[i];
			best_rank = n;
		}
	}
	if (!best)
		return no_entry(index, want, e);
	*out = best;
	return 0;
}

/* --- printing --- */

static void print_desc(struct json_w *w, const struct desc *d)
{
	char digest[DIGEST_TEXT_MAX];

	digest_print(&d->digest, digest);
	json_w_object(w);
	json_m_string(w, "mediaType", d->media_type);
	json_m_string(w, "digest", digest);
	json_m_u64(w, "size", d->size);
	json_m_strv(w, "urls", &d->urls);
	json_m_map(w, "annotations", &d->annotations);
	json_m_string(w, "artifactType", d->artifact_type);
	if (d->platform.os) {
		json_m_object(w, "platform");
		json_m_string(w, "architecture", d->platform.arch);
		json_m_string(w, "os", d->platform.os);
		json_m_string(w, "os.version", d->platform.os_version);
		json_m_string(w, "variant", d->platform.variant);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_descs(struct json_w *w, const char *key,
			const struct desc *descs, size_t count)
{
	json_m_array(w, key);
	for (size_t i = 0; i < count; i++)
		print_desc(w, &descs[i]);
	json_w_end(w);
}

static void print_head(struct json_w *w, enum media media,
		       const char *artifact_type)
{
	json_w_object(w);
	json_m_u64(w, "schemaVersion", 2);
	json_m_string(w, "mediaType", media_text(media));
	json_m_string(w, "artifactType", artifact_type);
}

static void print_tail(struct json_w *w, const struct desc *subject,
		       const struct strv *annotations)
{
	if (subject) {
		json_w_key(w, "subject");
		print_desc(w, subject);
	}
	json_m_map(w, "annotations", annotations);
	json_w_end(w);
}

void manifest_print(const struct manifest *m, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);

	print_head(&w, m->media, m->artifact_type);
	json_w_key(&w, "config");
	print_desc(&w, &m->config);
	print_descs(&w, "layers", m->layers, m->layer_count);
	print_tail(&w, m->subject, &m->annotations);
}

void index_print(const struct index *x, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);

	print_head(&w, x->media, x->artifact_type);
	print_descs(&w, "manifests", x->entries, x->entry_count);
	print_tail(&w, x->subject, &x->annotations);
}
