#include "lib/snap/external.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/plugin/helper.h"
#include "lib/snap/merged.h"

#define MAX_NAME 32
#define MAX_EXTERNAL 64		/* in one process */
#define MAX_MESSAGE KIB(64)
#define PREPARE_MS 600000

/* --- one request --- */

static int add_path(struct json_w *w, const char *key, int fd, struct err *e)
{
	char link[32], path[MAX_PATH];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path));
	if (len < 0)
		return err_sys(e, "find the path of a directory");
	if ((size_t)len == sizeof(path))
		return err_set(e, ENAMETOOLONG, "the path of a directory is too long");
	json_w_key(w, key);
	json_w_stringn(w, path, (size_t)len);
	return 0;
}

static int read_answer(const struct buf *text, struct err *e)
{
	AUTO(json) json_t *doc = NULL;
	const char *error = NULL;
	struct json_at root;
	bool is_ok = false;
	int r = json_load_strict(&doc, text->data, text->len, e);

	root = json_root(doc);
	if (r == 0)
		r = json_as_object(&root, e);
	if (r == 0)
		r = json_get_string(&error, &root, "error", JSON_MAY, e);
	if (r > 0)
		return err_set(e, EREMOTEIO, "%.512s", error);
	if (r == 0)
		r = json_get_bool(&is_ok, &root, "ok", JSON_MUST, e);
	if (r > 0 && is_ok)
		return 0;
	if (r > 0)
		return err_set(e, EPROTO, "an answer that is neither ok nor an error");
	e->code = EPROTO;
	return -EPROTO;
}

static int ask(const char *program, const struct buf *request, struct err *e)
{
	AUTO(buf) struct buf answer = BUF_INIT(MAX_MESSAGE);
	const struct helper h = {
		.program = program, .input = request->data, .timeout_ms = PREPARE_MS,
	};
	int r = helper_ask(&h, &answer, e);

	/* a directory of PATH may be closed to us */
	if (r == -ENOENT || r == -EACCES) {
		err_clear(e);
		return err_set(e, ENOTSUP, "there is no program '%s' to run, and built in are "
			       SNAP_NAMES, program);
	}
	if (r < 0)
		return r;
	r = read_answer(&answer, e);
	return r < 0 ? err_ctx(e, r, "helper '%s'", program) : 0;
}

static int external_clone(const struct snap_driver *d, int dir_fd, int from_fd, struct err *e)
{
	AUTO_FREE char *program = mem_printf(EXTERNAL_PREFIX "%s", d->name);
	AUTO(buf) struct buf text = BUF_INIT(MAX_MESSAGE);
	struct json_w w = JSON_W_INIT(&text);
	struct stat st;
	int r;

	json_w_object(&w);
	json_m_u64(&w, "version", 1);
	json_m_string(&w, "op", "prepare");
	r = add_path(&w, "to", dir_fd, e);
	if (r == 0 && from_fd >= 0)
		r = add_path(&w, "from", from_fd, e);
	json_w_end(&w);
	if (r == 0)
		r = buf_ok(&text, "request", e);
	if (r == 0)
		r = ask(program, &text, e);
	if (r < 0)
		return r;
	if (fstatat(dir_fd, "fs", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, EPROTO, "helper '%s': it made no directory 'fs'", program);
	if (from_fd < 0 && fchmodat(dir_fd, "fs", 0755, 0) < 0)
		return err_sys(e, "set mode");
	return 0;
}

/* --- drivers --- */

/* It becomes part of a program's name and of a path. */
static bool is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len && len <= MAX_NAME && !name[len] && name[0] != '-';
}

const char *external_refuses(const char *name)
{
	static const struct { const char *name, *why; } known[] = {
		{ "zfs", "its datasets are mounted by root alone" },
		{ "devmapper", "its block devices are made by root alone" },
		{ "blockfile", "its images are mounted by root alone" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(known[i].name, name))
			return known[i].why;
	return is_name(name) ? NULL : "names are of a-z, 0-9 and '-'";
}

/* A driver is told apart by its address, so there is one of each name: once
 * made it is a constant like the built-in ones. */
const struct snap_driver *external_find(const char *name)
{
	static struct {
		struct snap_driver driver;
		char name[MAX_NAME + 1];
	} *made[MAX_EXTERNAL];
	size_t i = 0;

	if (external_refuses(name))
		return NULL;
	while (i < MAX_EXTERNAL && made[i] && !str_eq(made[i]->name, name))
		i++;
	if (i == MAX_EXTERNAL)
		return NULL;
	if (made[i])
		return &made[i]->driver;
	made[i] = mem_zero(1, sizeof(*made[i]));
	(void)str_copy(made[i]->name, sizeof(made[i]->name), name);
	made[i]->driver = (struct snap_driver){
		.name = made[i]->name,
		.form = SNAP_MERGED,
		.kind = ROOTFS_DIR,
		.is_chained = true,
		.probe = merged_probe,
		.prepare = merged_prepare,
		.clone = external_clone,
	};
	return &made[i]->driver;
}
