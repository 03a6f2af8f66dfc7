/* imgworld.h - an image in a layout, a registry that serves it, and a store to
 * pull it into. */
#pragma once

#include <isa-l/igzip_lib.h>

#include "lib/fmt/platform.h"
#include "lib/image/pull.h"
#include "lib/os/enter.h"
#include "lib/store/images.h"
#include "lib/store/store.h"
#include "tests/unit/fakereg.h"
#include "tests/unit/tarmake.h"

#define LAYERS 3

/* An image of three layers in a layout, and a store to pull it into. */
struct world {
	struct layout layout;
	int dirfd;
	struct digest layer[LAYERS];
	uint64_t layer_size[LAYERS];
	char store_dir[64];
	struct store *store;
	struct idmap map;
	struct platform host;
	struct fake fake;
	const struct tar_entry (*more)[9];	/* of each layer; or NULL */
};

static inline void gzip(struct buf *out, const struct buf *in)
{
	struct isal_zstream z;
	char *to = buf_room(out, in->len + 4096);

	isal_deflate_stateless_init(&z);
	z.gzip_flag = IGZIP_GZIP;
	z.end_of_stream = 1;
	z.next_in = (uint8_t *)in->data;
	z.avail_in = (uint32_t)in->len;
	z.next_out = (uint8_t *)to;
	z.avail_out = (uint32_t)in->len + 4096;
	assert_int_equal(isal_deflate_stateless(&z), COMP_OK);
	out->len += in->len + 4096 - z.avail_out;
}

/* Layer n has the file "fN" of noise, and "same" with the digit n. */
static inline void make_layer(struct world *w, int n, char diff[static DIGEST_TEXT_MAX])
{
	AUTO(buf) struct buf tar = BUF_INIT(MIB(8));
	AUTO(buf) struct buf packed = BUF_INIT(MIB(8));
	AUTO_FREE char *noise = mem_zero(200001, 1);
	const char name[] = { 'f', (char)('0' + n), 0 }, digit[] = { (char)('0' + n), 0 };
	struct digest d = { .alg = DIGEST_SHA256 };
	uint32_t x = (uint32_t)n + 1;

	for (int i = 0; i < 200000; i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (char)('a' + (x >> 24) % 26);
	}
	tar_add(&tar, &(struct tar_entry){ '0', name, noise, 0, 0, 0, 0, 0 });
	tar_add(&tar, &(struct tar_entry){ '0', "same", digit, 0, 0, 0, 0, 0 });
	for (size_t i = 0; w->more && w->more[n][i].name; i++)
		tar_add(&tar, &w->more[n][i]);
	tar_end(&tar);
	assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA256, tar.data, tar.len, d.bytes), 0);
	digest_print(&d, diff);
	gzip(&packed, &tar);
	put_blob(w->dirfd, packed.data, packed.len, &w->layer[n]);
	w->layer_size[n] = packed.len;
}

/* lie: the first diff id is another one. */
static inline void make_image(struct world *w, bool lie)
{
	AUTO(buf) struct buf config = BUF_INIT(MIB(1)), manifest = BUF_INIT(MIB(1));
	AUTO_FREE char *index = NULL;
	char diff[DIGEST_TEXT_MAX], text[DIGEST_TEXT_MAX];
	struct digest d;
	struct err e = ERR_INIT;

	buf_adds(&config, "{\"architecture\":\"amd64\",\"os\":\"linux\","
		 "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
	for (int i = 0; i < LAYERS; i++) {
		make_layer(w, i, diff);
		if (lie && i == 0)
			diff[10] = diff[10] == 'a' ? 'b' : 'a';
		buf_addf(&config, "%s\"%s\"", i ? "," : "", diff);
	}
	buf_adds(&config, "]}}");
	put_blob(w->dirfd, config.data, config.len, &d);
	digest_print(&d, text);
	buf_addf(&manifest, "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\","
		 "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
		 "\"digest\":\"%s\",\"size\":%zu},\"layers\":[",
		 text, config.len);
	for (int i = 0; i < LAYERS; i++) {
		digest_print(&w->layer[i], text);
		buf_addf(&manifest, "%s{\"mediaType\":"
			 "\"application/vnd.oci.image.layer.v1.tar+gzip\","
			 "\"digest\":\"%s\",\"size\":%llu}", i ? "," : "", text,
			 (unsigned long long)w->layer_size[i]);
	}
	buf_adds(&manifest, "]}");
	put_blob(w->dirfd, manifest.data, manifest.len, &d);
	digest_print(&d, text);
	index = mem_printf("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MANIFEST_TYPE
			   "\",\"digest\":\"%s\",\"size\":%zu,"
			   "\"annotations\":{\"org.opencontainers.image.ref.name\":\"latest\"}}]}",
			   text, manifest.len);
	MUST(fs_replace(w->dirfd, "index.json", index, strlen(index), 0644, FS_NOSYNC, &e));
}

static inline void open_store(struct world *w)
{
	struct store_options o = { .root = w->store_dir, .create = true };
	struct err e = ERR_INIT;

	snprintf(w->store_dir, sizeof(w->store_dir), "/tmp/pull-test-XXXXXX");
	assert_non_null(mkdtemp(w->store_dir));
	MUST(store_open(&w->store, &o, &e));
}

static inline void close_store(struct world *w)
{
	struct enter_opts o = { .map = &w->map };
	AUTO_FD int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	store_close(w->store);
	MUST(enter_rmtree(&o, tmp, w->store_dir + 5, &e));
}

static inline int set_up(void **state)
{
	struct world *w = mem_new(struct world);
	struct err e = ERR_INIT;

	layout_make(&w->layout, 16);
	w->dirfd = fs_open_dir(AT_FDCWD, w->layout.dir, &e);
	make_image(w, false);
	MUST(id_map_single(&w->map.uids, geteuid(), 0, &e));
	MUST(id_map_single(&w->map.gids, getegid(), 0, &e));
	platform_host(&w->host, "Linux", "x86_64");
	open_store(w);
	*state = w;
	return 0;
}

static inline int tear_down(void **state)
{
	struct world *w = *state;

	close_store(w);
	fd_auto(&w->dirfd);
	layout_clear(&w->layout);
	platform_clear(&w->host);
	free(w);
	return 0;
}

static inline struct image_env env_of(struct world *w, const struct snap_driver *driver)
{
	return (struct image_env){
		.store = w->store, .driver = driver,
		.map = geteuid() ? &w->map : NULL, .record_owners = geteuid() != 0,
	};
}

static inline int pull(struct world *w, const struct snap_driver *driver,
		       enum pull_policy policy, struct pull_result *res, struct err *e)
{
	struct registry_options ro = quick_options();
	AUTO(registry) struct registry *reg = NULL;
	AUTO(ref) struct ref ref = REF_INIT;
	AUTO_FREE char *text = mem_printf("%s/img:latest", w->fake.host);
	struct pull_options o = {
		.ref = &ref, .ns = "default", .platform = &w->host, .policy = policy,
		.env = env_of(w, driver),
	};

	assert_int_equal(ref_parse(&ref, text, e), 0);
	assert_int_equal(registry_open(&reg, &ro, e), 0);
	o.registry = reg;
	return pull_image(res, &o, e);
}

static inline int find(struct world *w, struct image *img)
{
	AUTO_FREE char *name = mem_printf("%s/img:latest", w->fake.host);
	struct err e = ERR_INIT;

	return image_get(img, w->store, "default", name, &e);
}
