/* image_bench.c - pull, load and save without the command line:
 *   image_bench STORE pull REF [DRIVER]
 *   image_bench STORE load FILE [DRIVER]
 *   image_bench STORE save REF FILE docker|oci
 * The id map is the caller and 100000:65536; SINGLE=1: the caller alone. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/fmt/platform.h"
#include "lib/image/archive.h"
#include "lib/image/pull.h"
#include "lib/os/enter.h"
#include "lib/store/images.h"
#include "lib/store/store.h"

struct tool {
	struct store *store;
	struct idmap map;
	struct image_env env;
	struct platform host;
};

static void note(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "note: %s\n", text);
}

static const struct image_progress progress = { .note = note };

static int set_up(struct tool *t, const char *root, const char *driver,
		  struct err *e)
{
	struct store_options so = { .root = root, .create = true };
	bool single = getenv("SINGLE");
	struct snap_env se = { .map = &t->map, .fuse_overlayfs = "/usr/bin/fuse-overlayfs" };
	int r = store_open(&t->store, &so, e);

	if (r == 0)
		r = id_map_single(&t->map.uids, geteuid(), 0, e);
	if (r == 0)
		r = id_map_single(&t->map.gids, getegid(), 0, e);
	if (r == 0 && !single)
		r = id_add(&t->map.uids, 1, 100000, 65536, e);
	if (r == 0 && !single)
		r = id_add(&t->map.gids, 1, 100000, 65536, e);
	if (r == 0) {
		r = store_dir(t->store, STORE_DIR_SNAPSHOTS, e);
		se.base = store_dir_path(t->store, STORE_DIR_SNAPSHOTS);
	}
	if (r >= 0)
		r = snap_choose(&t->env.driver, &se, -1, NULL, driver, e);
	t->env.store = t->store;
	t->env.map = &t->map;
	t->env.record_owners = single;
	t->env.progress = &progress;
	platform_host(&t->host, "Linux", "x86_64");
	return r;
}

static int pull(struct tool *t, const char *text, struct err *e)
{
	struct registry_options ro = { .user_agent = "bench" };
	AUTO(registry) struct registry *reg = NULL;
	AUTO(ref) struct ref ref = REF_INIT;
	struct pull_options o = { .ref = &ref, .ns = "default", .platform = &t->host,
				  .policy = PULL_ALWAYS, .env = t->env };
	struct pull_result res;
	int r = ref_parse(&ref, text, e);

	if (r == 0)
		r = registry_open(&reg, &ro, e);
	o.registry = reg;
	return r < 0 ? r : pull_image(&res, &o, e);
}

static int load(struct tool *t, const char *path, struct err *e)
{
	AUTO(load_result) struct load_result res = LOAD_RESULT_INIT;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct load_options o = { .fd = fd, .ns = "default", .platform = &t->host,
				  .env = t->env };
	int r = fd < 0 ? err_sys(e, "open") : archive_load(&res, &o, e);

	for (size_t i = 0; r == 0 && i < res.count; i++)
		printf("%s %d\n", str_or(res.images[i].name, "-"), res.images[i].fate);
	return r;
}

static int save(struct tool *t, const char *text, const char *path, bool oci,
		struct err *e)
{
	AUTO(ref) struct ref ref = REF_INIT;
	AUTO(buf) struct buf name = BUF_INIT(MAX_REF);
	AUTO(image) struct image img = IMAGE_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct save_image one = { .docs = &docs };
	struct save_options o = { .fd = fd, .format = oci ? SAVE_OCI : SAVE_DOCKER,
				  .images = &one, .count = 1, .store = t->store };
	int r = ref_parse(&ref, text, e);

	ref_print(&ref, &name);
	one.name = name.data;
	if (r == 0)
		r = image_get(&img, t->store, "default", name.data, e);
	if (r == 0)
		r = image_docs_load(&docs, t->store, &img.target, &t->host, e);
	return r < 0 ? r : archive_save(&o, e);
}

int main(int argc, char **argv)
{
	struct tool t = { .store = NULL };
	struct err e = ERR_INIT;
	uint64_t start;
	int r = -EINVAL;

	if (argc < 4)
		return 2;
	r = set_up(&t, argv[1], str_eq(argv[2], "save") ? NULL : argv[4], &e);
	start = clock_mono_ns();
	if (r == 0 && str_eq(argv[2], "pull"))
		r = pull(&t, argv[3], &e);
	else if (r == 0 && str_eq(argv[2], "load"))
		r = load(&t, argv[3], &e);
	else if (r == 0 && argc > 5)
		r = save(&t, argv[3], argv[4], str_eq(argv[5], "oci"), &e);
	fprintf(stderr, "%s %.2f s %s\n", t.env.driver ? t.env.driver->name : "-",
		(double)(clock_mono_ns() - start) / 1e9, r < 0 ? e.text : "");
	platform_clear(&t.host);
	store_close(t.store);
	return r < 0;
}
