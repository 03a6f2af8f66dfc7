#include "rootless/idmap.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/num.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/os/userns.h"

#define MAX_GRANTS 32
#define CACHE_NAME "subid"

struct grants {
	struct id_grant uids[MAX_GRANTS], gids[MAX_GRANTS];
	size_t uid_count, gid_count;
};

/* What the cached answer depends on, as the first line of the file. */
static int cache_key(struct buf *key, struct err *e)
{
	static const char *const files[] = { "/etc/subuid", "/etc/subgid", "/etc/nsswitch.conf" };
	char boot[BOOT_ID_LEN + 1];
	int r = clock_boot_id(boot, e);

	if (r < 0)
		return r;
	buf_addf(key, "1 %u %s", geteuid(), boot);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct stat st = { .st_ino = 0 };

		(void)!stat(files[i], &st);
		buf_addf(key, " %llu.%llu.%lld.%ld", (unsigned long long)st.st_ino,
			 (unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec,
			 st.st_mtim.tv_nsec);
	}
	buf_addc(key, '\n');
	return 0;
}

/* The three words of a line, cut in place; false: not three. */
static bool three_words(char *line, char *word[static 3])
{
	char *save = NULL;

	for (int i = 0; i < 3; i++)
		word[i] = strtok_r(i ? NULL : line, " ", &save);
	return word[0] && word[1] && word[2] && !strtok_r(NULL, " ", &save);
}

/* Lines "uid START COUNT" and "gid START COUNT"; the text is cut in place. */
static int parse_grants(struct grants *g, char *text, struct err *e)
{
	char *save = NULL, *word[3];

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		bool is_uid = l[0] == 'u';
		uint64_t first, number;
		struct id_grant *to;

		if (!three_words(l, word) || num_u64(word[1], 1, ID_NONE - 1, &first, e) < 0 ||
		    num_u64(word[2], 1, ID_NONE - first, &number, e) < 0) {
			err_clear(e);
			return err_set(e, EBADMSG, "bad answer about subordinate ids");
		}
		if (g->uid_count == MAX_GRANTS || g->gid_count == MAX_GRANTS)
			return err_set(e, E2BIG, "too many ranges of subordinate ids");
		to = is_uid ? &g->uids[g->uid_count++] : &g->gids[g->gid_count++];
		*to = (struct id_grant){ (uint32_t)first, (uint32_t)number };
	}
	return 0;
}

static int ask(const struct ids_env *env, const struct buf *key, struct buf *text,
	       struct err *e)
{
	char *argv[] = { (char *)"coracle-image", (char *)"__subid", NULL };
	const struct proc_spec spec = { .path = env->asker, .argv = argv };
	struct err ignored = ERR_INIT;
	AUTO_FD int dir = -1;
	AUTO(buf) struct buf file = BUF_INIT(KIB(64));
	int r = proc_run(&spec, NULL, text, e);

	if (r < 0)
		return r;
	dir = fs_mkdirs(AT_FDCWD, env->cache_dir, 0700, &ignored);
	buf_add(&file, key->data, key->len);
	buf_add(&file, text->data, text->len);
	/* A cache that cannot be used costs time, no more. */
	if (dir >= 0 && key->len)
		(void)!fs_replace(dir, CACHE_NAME, file.data, file.len, 0600, FS_NOSYNC, &ignored);
	return 0;
}

static int get_grants(struct grants *g, const struct ids_env *env, struct err *e)
{
	AUTO(buf) struct buf key = BUF_INIT(KIB(1));
	AUTO(buf) struct buf text = BUF_INIT(KIB(64));
	struct err ignored = ERR_INIT;
	AUTO_FD int dir = open(env->cache_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	/* Without a key the cache may be of another boot: who knows is asked. */
	if (cache_key(&key, &ignored) == 0 && dir >= 0 &&
	    fs_read(dir, CACHE_NAME, &text, &ignored) == 0 && str_starts(text.data, key.data)) {
		buf_drop(&text, key.len);
	} else {
		buf_reset(&text);
		r = ask(env, &key, &text, e);
		if (r < 0)
			return r;
	}
	return text.len ? parse_grants(g, text.data, e) : 0;
}

/* Every id that is mapped in our own user namespace, unchanged. */
static int identity(struct id_ranges *out, const char *path, struct err *e)
{
	struct err err = ERR_INIT;
	char *save = NULL;
	char line[KIB(4)];
	ssize_t len;
	int r = fs_read_small(AT_FDCWD, path, line, sizeof(line), &len, &err);

	if (r < 0)
		return err_move(e, &err);
	for (char *l = strtok_r(line, "\n", &save); l && r == 0; l = strtok_r(NULL, "\n", &save)) {
		uint64_t first, number;
		char *word[3];

		if (!three_words(l, word))
			return err_set(e, EBADMSG, "bad '%s'", path);
		r = num_u64(word[0], 0, ID_NONE, &first, e);
		if (r == 0)
			r = num_u64(word[2], 1, UINT32_MAX, &number, e);
		if (r == 0)
			r = id_add(out, (uint32_t)first, (uint32_t)first, (uint32_t)number, e);
	}
	return r;
}

static int single(struct ids *out, const char *why, enum ids_policy policy,
		  uint32_t uid, uint32_t gid, struct err *e)
{
	bool keep = policy == IDS_KEEP_ID;
	int r;

	out->rung = IDS_SINGLE;
	out->why = why;
	out->newuidmap[0] = out->newgidmap[0] = '\0';
	r = id_map_single(&out->map.uids, geteuid(), keep ? uid : 0, e);
	if (r == 0)
		r = id_map_single(&out->map.gids, getegid(), keep ? gid : 0, e);
	return r;
}

static int by_policy(struct ids *out, const struct grants *g, enum ids_policy policy,
		     uint32_t uid, uint32_t gid, struct err *e)
{
	struct id_ranges *u = &out->map.uids;
	struct id_ranges *v = &out->map.gids;
	int r = -EINVAL;

	switch (policy) {
	case IDS_DEFAULT:
		r = id_map_default(u, geteuid(), g->uids, g->uid_count, e);
		return r < 0 ? r : id_map_default(v, getegid(), g->gids, g->gid_count, e);
	case IDS_KEEP_ID:
		r = id_map_keep(u, geteuid(), uid, g->uids, g->uid_count, e);
		return r < 0 ? r : id_map_keep(v, getegid(), gid, g->gids, g->gid_count, e);
	case IDS_NOMAP:
		r = id_map_grants(u, g->uids, g->uid_count, e);
		return r < 0 ? r : id_map_grants(v, g->gids, g->gid_count, e);
	}
	return r;
}

int ids_choose(struct ids *out, const struct ids_env *env, enum ids_policy policy,
	       uint32_t uid, uint32_t gid, struct err *e)
{
	struct err why = ERR_INIT;
	struct grants g = { .uid_count = 0 };
	int r;

	*out = (struct ids){ .rung = IDS_SUBID };
	if (uid == ID_NONE)
		uid = geteuid();
	if (gid == ID_NONE)
		gid = getegid();
	if (geteuid() == 0) {
		out->rung = IDS_ROOT;
		r = identity(&out->map.uids, "/proc/self/uid_map", e);
		return r < 0 ? r : identity(&out->map.gids, "/proc/self/gid_map", e);
	}
	r = get_grants(&g, env, &why);
	/* Who was killed did not say that there are none. */
	if (r == -ENOMEM)
		return err_move(e, &why);
	if (r < 0 || !g.uid_count || !g.gid_count)
		return single(out, "no subordinate ids are granted to this user", policy, uid, gid,
			      e);
	if (!userns_find_helper("newuidmap", out->newuidmap, sizeof(out->newuidmap)) ||
	    !userns_find_helper("newgidmap", out->newgidmap, sizeof(out->newgidmap)))
		return single(out, "newuidmap or newgidmap is not installed", policy, uid, gid, e);
	return by_policy(out, &g, policy, uid, gid, e);
}
