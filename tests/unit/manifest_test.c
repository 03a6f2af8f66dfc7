#include "lib/fmt/manifest.h"

#include <stdio.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "tests/unit/test.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define SCHEMA1 "application/vnd.docker.distribution.manifest.v1+prettyjws"

#define DESC "{\"mediaType\":\"t\",\"digest\":\"sha256:" HEX64 "\",\"size\":3}"
#define V2 "\"schemaVersion\":2"
#define TYPE(t) "\"mediaType\":\"" t "\""
#define IMAGE "\"config\":" DESC ",\"layers\":[" DESC "]"
#define LIST "\"manifests\":[" DESC "]"

static int parse(const char *type, const char *text, struct err *e)
{
	AUTO(manifest_doc) struct manifest_doc d = MANIFEST_DOC_INIT;
	int r = manifest_doc_parse(&d, type, text, strlen(text), e);

	return r < 0 ? r : (int)d.kind;
}

static void decides(void **state)
{
	static const struct {
		const char *type, *text;
		int want;
	} cases[] = {
		{ NULL, "{" V2 "," IMAGE "}", MEDIA_IS_MANIFEST },
		{ "", "{" V2 "," IMAGE "}", MEDIA_IS_MANIFEST },
		{ "application/json", "{" V2 "," LIST "}", MEDIA_IS_INDEX },
		{ OCI_MANIFEST "; charset=utf-8", "{" V2 "," IMAGE "}", MEDIA_IS_MANIFEST },
		{ OCI_INDEX, "{" V2 "," LIST "}", MEDIA_IS_INDEX },
		{ NULL, "{" V2 "," TYPE(DOCKER_LIST) "," LIST "}", MEDIA_IS_INDEX },
		{ DOCKER_MANIFEST, "{" V2 "," TYPE(DOCKER_MANIFEST) "," IMAGE "}", MEDIA_IS_MANIFEST },
		/* what header and document say differs */
		{ OCI_INDEX, "{" V2 "," TYPE(OCI_MANIFEST) "," IMAGE "}", -EBADMSG },
		{ OCI_MANIFEST, "{" V2 "," TYPE(DOCKER_MANIFEST) "," IMAGE "}", -EBADMSG },
		{ DOCKER_LIST, "{" V2 "," TYPE(OCI_INDEX) "," LIST "}", -EBADMSG },
		{ OCI_INDEX, "{" V2 "," IMAGE "}", -EBADMSG },
		{ OCI_MANIFEST, "{" V2 "," LIST "}", -EBADMSG },
		{ "text/html", "{" V2 "," IMAGE "}", -EBADMSG },
		{ NULL, "{" V2 "," TYPE("text/plain") "," IMAGE "}", -EBADMSG },
		{ NULL, "{" V2 "," TYPE("application/vnd.oci.image.config.v1+json") "," IMAGE "}", -EBADMSG },
		/* both at once */
		{ NULL, "{" V2 "," IMAGE "," LIST "}", -EBADMSG },
		{ OCI_INDEX, "{" V2 "," IMAGE "," LIST "}", -EBADMSG },
		{ OCI_MANIFEST, "{" V2 "," IMAGE "," LIST "}", -EBADMSG },
		{ NULL, "{" V2 "," TYPE(OCI_MANIFEST) "," IMAGE ",\"manifests\":null}", -EBADMSG },
		{ NULL, "{" V2 "," TYPE(OCI_INDEX) "," LIST ",\"config\":{}}", -EBADMSG },
		{ NULL, "{" V2 "," TYPE(OCI_INDEX) "," LIST ",\"layers\":[]}", -EBADMSG },
		{ NULL, "{" V2 "," LIST ",\"fsLayers\":[]}", -EBADMSG },
		{ NULL, "{" V2 "," IMAGE ",\"fsLayers\":[]}", -EBADMSG },
		{ NULL, "{" V2 "," IMAGE ",\"Manifests\":[]}", -EBADMSG },
		{ NULL, "{" V2 "," LIST ",\"LAYERS\":[]}", -EBADMSG },
		{ NULL, "{" V2 "," IMAGE ",\"mediatype\":\"" OCI_INDEX "\"}", -EBADMSG },
		{ NULL, "{" V2 "," IMAGE "," IMAGE "}", -EBADMSG },
		{ NULL, "{" V2 "," V2 "," IMAGE "}", -EBADMSG },
		/* versions */
		{ NULL, "{" IMAGE "}", -EBADMSG },
		{ NULL, "{\"schemaVersion\":3," IMAGE "}", -EBADMSG },
		{ NULL, "{\"schemaVersion\":\"2\"," IMAGE "}", -EBADMSG },
		{ NULL, "{\"schemaVersion\":1,\"fsLayers\":[]}", -ENOTSUP },
		{ SCHEMA1, "{" V2 "," IMAGE "}", -ENOTSUP },
		{ NULL, "{" V2 "," TYPE(SCHEMA1) "," IMAGE "}", -ENOTSUP },
		/* members */
		{ NULL, "{" V2 "}", -EBADMSG },
		{ NULL, "{" V2 ",\"config\":" DESC "}", -EBADMSG },
		{ NULL, "{" V2 ",\"config\":[],\"layers\":[]}", -EBADMSG },
		{ NULL, "[]", -EBADMSG },
		{ NULL, "", -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		int r = parse(cases[i].type, cases[i].text, &e);

		if (r != cases[i].want)
			fail_msg("case %zu: %d (%s), not %d", i, r, e.text, cases[i].want);
	}
}

static void descriptors(void **state)
{
	static const char *const bad[] = {
		"{}", "[]", "1",
		"{\"mediaType\":\"t\",\"digest\":\"sha256:" HEX64 "\"}",
		"{\"digest\":\"sha256:" HEX64 "\",\"size\":3}",
		"{\"mediaType\":\"t\",\"digest\":\"sha256:../../x\",\"size\":3}",
		"{\"mediaType\":\"t\",\"digest\":\"md5:" HEX64 "\",\"size\":3}",
		"{\"mediaType\":\"t\",\"digest\":\"sha256:" HEX64 "\",\"size\":-1}",
		"{\"mediaType\":\"t\",\"digest\":\"sha256:" HEX64 "\",\"size\":9223372036854775807}",
		"{\"mediaType\":\"t\",\"digest\":\"sha256:" HEX64 "\",\"size\":1e3}",
		"{\"mediaType\":\"t\",\"digest\":\"sha256:" HEX64 "\",\"size\":\"3\"}",
		"{\"mediaType\":\"t\",\"digest\":\"sha256:" HEX64 "\",\"size\":3,\"urls\":[1]}",
		"{\"mediaType\":\"t\",\"digest\":\"sha256:" HEX64 "\",\"size\":3,\"annotations\":{\"a\":1}}",
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;

		snprintf(text, sizeof(text), "{" V2 ",\"config\":" DESC ",\"layers\":[" DESC ",%s]}", bad[i]);
		if (parse(NULL, text, &e) >= 0)
			fail_msg("%s was taken", bad[i]);
		assert_non_null(strstr(e.text, "manifest: layers[1]"));
	}
}

static void bounds(void **state)
{
	struct manifest m = MANIFEST_INIT;
	AUTO(buf) struct buf b = BUF_INIT(MAX_MANIFEST);
	struct err e = ERR_INIT;
	struct desc one = DESC_INIT;

	(void)state;
	one.media_type = (char *)"t";
	assert_int_equal(digest_parse(&one.digest, "sha256:" HEX64, 71, &e), 0);
	desc_copy(&m.config, &one);
	for (size_t i = 0; i < MAX_LAYERS; i++)
		desc_copy(manifest_add_layer(&m), &one);
	manifest_print(&m, &b);
	assert_int_equal(parse(NULL, b.data, &e), MEDIA_IS_MANIFEST);
	desc_copy(manifest_add_layer(&m), &one);
	buf_reset(&b);
	manifest_print(&m, &b);
	assert_int_equal(parse(NULL, b.data, &e), -E2BIG);
	manifest_clear(&m);
}

static const char index_text[] =
	"{" V2 "," TYPE(OCI_INDEX) ",\"manifests\":["
	"{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"sha256:" HEX64 "\",\"size\":1,"
	"\"platform\":{\"architecture\":\"unknown\",\"os\":\"unknown\"}},"
	"{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"sha256:" HEX64 "\",\"size\":2,"
	"\"platform\":{\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v6\"}},"
	"{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"sha256:" HEX64 "\",\"size\":3,"
	"\"platform\":{\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v7\"}},"
	"{\"mediaType\":\"" OCI_INDEX "\",\"digest\":\"sha256:" HEX64 "\",\"size\":4,"
	"\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"}},"
	"{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"sha256:" HEX64 "\",\"size\":5,"
	"\"urls\":[\"https://x\"],\"annotations\":{\"a\":\"b\"},"
	"\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\",\"os.version\":\"6\"}},"
	"{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"sha256:" HEX64 "\",\"size\":6,"
	"\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"}}],"
	"\"annotations\":{\"k\":\"v\"}}";

static void chooses(void **state)
{
	static const struct {
		const char *arch, *variant;
		uint64_t size;
	} cases[] = {
		{ "arm", "v7", 3 }, { "arm", "v6", 2 }, { "arm", NULL, 3 },
		{ "amd64", NULL, 5 }, { "x86_64", NULL, 5 }, { "arm64", NULL, 0 },
		{ "arm", "v5", 0 },
	};
	AUTO(index) struct index x = INDEX_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(index_parse(&x, index_text, strlen(index_text), &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct platform want = { .os = (char *)"linux",
					 .arch = (char *)cases[i].arch,
					 .variant = (char *)cases[i].variant };
		const struct desc *d = NULL;
		int r = manifest_choose(&d, &x, &want, &e);

		assert_int_equal(r, cases[i].size ? 0 : -ENOENT);
		if (r == 0)
			assert_int_equal(d->size, cases[i].size);
		else
			assert_non_null(strstr(e.text, "there is linux/arm/v6, linux/arm/v7, linux/amd64"));
		err_clear(&e);
	}
}

static void chooses_without_platform(void **state)
{
	static const char text[] =
		"{" V2 ",\"manifests\":[{\"mediaType\":\"" OCI_MANIFEST
		"\",\"digest\":\"sha256:" HEX64 "\",\"size\":1}]}";
	struct platform want = { .os = (char *)"linux", .arch = (char *)"amd64" };
	AUTO(index) struct index x = INDEX_INIT;
	const struct desc *d = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(index_parse(&x, text, strlen(text), &e), 0);
	assert_int_equal(manifest_choose(&d, &x, &want, &e), 0);
	x.entries[0].artifact_type = mem_str("x");
	assert_int_equal(manifest_choose(&d, &x, &want, &e), -ENOENT);
}

static void prints(void **state)
{
	static const char text[] =
		"{" V2 "," TYPE(OCI_MANIFEST) ",\"artifactType\":\"a\"," IMAGE
		",\"subject\":" DESC ",\"annotations\":{\"k\":\"v=w\"}}";
	AUTO(manifest) struct manifest m = MANIFEST_INIT;
	AUTO(index) struct index x = INDEX_INIT;
	AUTO(buf) struct buf b = BUF_INIT(MAX_MANIFEST);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(manifest_parse(&m, text, strlen(text), &e), 0);
	manifest_print(&m, &b);
	assert_string_equal(b.data, text);
	buf_reset(&b);
	assert_int_equal(index_parse(&x, index_text, strlen(index_text), &e), 0);
	index_print(&x, &b);
	assert_string_equal(b.data, index_text);
	assert_int_equal(manifest_parse(&m, index_text, strlen(index_text), &e), -EBADMSG);
	err_clear(&e);
	assert_int_equal(index_parse(&x, text, strlen(text), &e), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(bounds),
		cmocka_unit_test(chooses),
		cmocka_unit_test(chooses_without_platform),
		cmocka_unit_test(prints),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
