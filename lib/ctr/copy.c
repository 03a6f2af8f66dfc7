#include "lib/ctr/copy.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/place.h"
#include "lib/image/stream.h"
#include "lib/image/tartree.h"
#include "lib/image/unpack.h"

#define MAX_LINKS 40

/* A path taken apart: a directory, and one component in it. */
struct split {
	char dir[MAX_PATH];
	char base[MAX_COMPONENT + 1];	/* "." for what a directory contains */
	bool is_contents;		/* "DIR/.", "/", "DIR/.." */
	bool is_dir;			/* a trailing slash says so */
};

static int split_path(struct split *out, const char *path, struct err *e)
{
	size_t len = strlen(path);
	const char *slash;

	*out = (struct split){ .is_dir = len && path[len - 1] == '/' };
	while (len && path[len - 1] == '/')
		len--;
	if (len >= sizeof(out->dir))
		return err_set(e, ENAMETOOLONG, "'%s' is too long", path);
	memcpy(out->dir, path, len);
	slash = strrchr(out->dir, '/');
	out->is_contents = !len || str_eq(slash ? slash + 1 : out->dir, ".") ||
			   str_eq(slash ? slash + 1 : out->dir, "..");
	if (out->is_contents) {
		out->is_dir = true;
		(void)str_copy(out->base, sizeof(out->base), ".");
		if (!len)
			(void)str_copy(out->dir, sizeof(out->dir), "/");
		return 0;
	}
	if (!str_copy(out->base, sizeof(out->base), slash ? slash + 1 : out->dir))
		return err_set(e, ENAMETOOLONG, "'%s' is too long", path);
	if (!slash)
		(void)str_copy(out->dir, sizeof(out->dir), ".");
	else
		out->dir[slash == out->dir ? 1 : slash - out->dir] = '\0';
	return 0;
}

/* Replaces path by where the link leads that is its last component.  1, or 0:
 * it is none. */
static int follow_once(char path[static MAX_PATH], int dirfd, const struct split *s, struct err *e)
{
	char text[MAX_PATH], joined[2 * MAX_PATH + 2];
	ssize_t n = readlinkat(dirfd, s->base, text, sizeof(text) - 1);

	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : err_sys(e, "read link '%s'", path);
	text[n] = '\0';
	snprintf(joined, sizeof(joined), "%s%s%s%s", text[0] == '/' ? "" : s->dir,
		 text[0] == '/' ? "" : "/", text, s->is_dir ? "/" : "");
	if (!str_copy(path, MAX_PATH, joined))
		return err_set(e, ENAMETOOLONG, "'%s' is too long", path);
	return 1;
}

/* The directory that the last component is in, open.  With follow that
 * component is no link afterwards, and path says where it is. */
static int open_parent(int root, char path[static MAX_PATH], bool follow, struct split *out,
		       struct err *e)
{
	for (unsigned links = 0; links < MAX_LINKS; links++) {
		int r = split_path(out, path, e);
		AUTO_FD int dir = -1;

		if (r < 0)
			return r;
		dir = fs_open_inroot(root, out->dir, O_PATH | O_DIRECTORY, 0, e);
		if (dir < 0)
			return dir;
		r = follow && !out->is_contents ? follow_once(path, dir, out, e) : 0;
		if (r <= 0)
			return r < 0 ? r : take_fd(&dir);
	}
	return err_set(e, ELOOP, "'%s': too many links", path);
}

/* --- looking first --- */

enum kind { KIND_ABSENT, KIND_DIR, KIND_OTHER };

struct look {
	char path[MAX_PATH];		/* afterwards without links, when followed */
	bool follow;
	enum kind kind;
	int answer;			/* a pipe back to us: the child's memory is its own */
};

static int look_child(int root, void *arg, struct err *e)
{
	struct look *l = arg;
	struct split s;
	struct stat st;
	AUTO_FD int dir = open_parent(root, l->path, l->follow, &s, e);

	if (dir < 0)
		return dir;
	l->kind = KIND_ABSENT;
	if (fstatat(dir, s.base, &st, AT_SYMLINK_NOFOLLOW) == 0)
		l->kind = S_ISDIR(st.st_mode) ? KIND_DIR : KIND_OTHER;
	else if (errno != ENOENT)
		return err_sys(e, "look at '%s'", l->path);
	if (s.is_dir && l->kind == KIND_OTHER)
		return err_set(e, ENOTDIR, "'%s' is not a directory", l->path);
	return fs_write_all(l->answer, l, sizeof(*l), e);
}

static int look(struct look *out, const struct place *p, const char *path, bool follow,
		struct err *e)
{
	AUTO(fd_pair) struct fd_pair pipe = FD_PAIR_INIT;
	struct look l = { .follow = follow };
	struct place_job job = { .place = p, .fn = look_child, .arg = &l, .not_ours = -1 };
	int r = fd_pipe(&pipe, e);

	if (!str_copy(l.path, sizeof(l.path), path))
		return err_set(e, ENAMETOOLONG, "'%s' is too long", path);
	l.answer = pipe.b;
	if (r == 0)
		r = place_start(&job, e);
	if (r == 0)
		r = place_finish(&job, e);
	if (r < 0)
		return r;
	if (read(pipe.a, out, sizeof(*out)) != (ssize_t)sizeof(*out))
		return err_set(e, EIO, "a worker said nothing");
	return 0;
}

/* --- the two ends of the stream --- */

struct reader {
	char path[MAX_PATH];
	bool follow;
	struct tartree_opts tar;
	int out;
};

static int read_child(int root, void *arg, struct err *e)
{
	struct reader *w = arg;
	struct split s;
	AUTO_FD int dir = open_parent(root, w->path, w->follow, &s, e);
	int r = dir < 0 ? dir : tartree_write(w->out, dir, s.base, &w->tar, e);

	fd_auto(&w->out);
	return r;
}

struct writer {
	char dir[MAX_PATH];		/* exists */
	int in;
	bool record_owners;
};

static int write_child(int root, void *arg, struct err *e)
{
	struct writer *w = arg;
	AUTO_FREE void *block = mem_zero(STREAM_FD_BUF, 1);
	struct stream_fd source = { .fd = w->in, .buf = block };
	const struct stream_opts so = {
		.source = stream_fd_read, .arg = &source, .any_ratio = true,
	};
	AUTO(stream) struct stream *stream = NULL;
	AUTO_FD int dir = fs_open_inroot(root, w->dir, O_RDONLY | O_DIRECTORY, 0, e);
	const struct unpack_opts uo = {
		.root_fd = dir,
		.form = SNAP_MERGED,
		.owners = w->record_owners ? UNPACK_OWNERS_RECORD : UNPACK_OWNERS_SET,
		.plain = true,
	};
	struct stream_result result;
	struct unpack_stats stats;
	int r = dir < 0 ? dir : stream_open(&stream, &so, e);

	if (r == 0)
		r = unpack_tar(&stats, &uo, stream_read, stream, e);
	/* The rest of the last block: else the other end sees a broken pipe. */
	if (r == 0)
		r = stream_finish(stream, &result, e);
	fd_auto(&w->in);
	return r < 0 ? err_ctx(e, r, "copy to '%s'", w->dir) : 0;
}

/* Both at once.  Who went first is to blame: a reader that lost its writer
 * says only that. */
static int pump(const struct place *from, struct reader *r, const struct place *to,
		struct writer *w, struct err *e)
{
	AUTO(fd_pair) struct fd_pair pipe = FD_PAIR_INIT;
	struct place_job reading = { .place = from, .fn = read_child, .arg = r };
	struct place_job writing = { .place = to, .fn = write_child, .arg = w };
	struct err read_err = ERR_INIT, write_err = ERR_INIT;
	int read_ret, write_ret = fd_pipe(&pipe, e);

	if (write_ret < 0)
		return write_ret;
	r->out = writing.not_ours = pipe.b;
	w->in = reading.not_ours = pipe.a;
	read_ret = place_start(&reading, e);
	if (read_ret < 0)
		return read_ret;
	write_ret = place_start(&writing, &write_err);
	fd_auto(&pipe.a);
	fd_auto(&pipe.b);
	if (write_ret == 0)
		write_ret = place_finish(&writing, &write_err);
	read_ret = place_finish(&reading, &read_err);
	if (read_ret < 0 && (read_ret != -EPIPE || write_ret == 0))
		return err_move(e, &read_err);
	return write_ret < 0 ? err_move(e, &write_err) : 0;
}

/* --- docker's rules --- */

/* Where it goes and what it is called there. */
static int choose_target(struct writer *w, char name[static MAX_COMPONENT + 1],
			 const struct look *from, const struct look *to, struct err *e)
{
	struct split source, target;
	int r = split_path(&source, from->path, e);

	if (r == 0)
		r = split_path(&target, to->path, e);
	if (r < 0)
		return r;
	name[0] = '\0';
	if (to->kind == KIND_DIR) {
		(void)str_copy(w->dir, sizeof(w->dir), to->path);
		if (!source.is_contents)
			(void)str_copy(name, MAX_COMPONENT + 1, source.base);
		return 0;
	}
	if (to->kind == KIND_OTHER && from->kind == KIND_DIR)
		return err_set(e, ENOTDIR, "a directory cannot replace '%s', which is none",
			       to->path);
	if (target.is_contents || (target.is_dir && from->kind != KIND_DIR))
		return err_set(e, ENOENT, "the directory '%s' does not exist", to->path);
	(void)str_copy(w->dir, sizeof(w->dir), target.dir);
	(void)str_copy(name, MAX_COMPONENT + 1, target.base);
	return 0;
}

static int look_source(struct look *out, const struct place *p, const char *path, bool follow,
		       struct err *e)
{
	bool is_dir = str_ends(path, "/");
	int r = look(out, p, path, follow || is_dir, e);

	if (r == 0 && out->kind == KIND_ABSENT)
		r = err_set(e, ENOENT, "'%s' does not exist", path);
	return r;
}

/* Looks at both ends, decides the name, moves the bytes. */
static int copy(const struct place *from, const char *source, const struct place *to,
		const char *target, const struct ctr_copy_opts *o, struct reader *r,
		struct writer *w, struct err *e)
{
	char name[MAX_COMPONENT + 1];
	struct look src, dst;
	struct split named;
	int ret = look_source(&src, from, source, o->follow, e);

	if (ret == 0)
		ret = look(&dst, to, target, true, e);
	/* What is copied into a directory is called as the user did. */
	if (ret == 0)
		ret = split_path(&named, source, e);
	if (ret == 0)
		ret = choose_target(w, name, &src, &dst, e);
	if (ret < 0)
		return ret;
	if (dst.kind == KIND_DIR && name[0])
		(void)str_copy(name, sizeof(name), named.is_contents ? "" : named.base);
	(void)str_copy(r->path, sizeof(r->path), src.path);
	r->tar.name = name;
	return pump(from, r, to, w, e);
}

static char *absolute(const char *path)
{
	AUTO_FREE char *cwd = NULL;

	if (path[0] == '/')
		return mem_str(path);
	cwd = getcwd(NULL, 0);
	return mem_printf("%s/%s", str_or(cwd, "/"), path);
}

/* Single-id maps have no owners to set. */
static bool records_owners(const struct place *p)
{
	return !p->ctr->is_running && p->bundle.ids.rung == IDS_SINGLE;
}

int ctr_copy_in(struct ctr_env *env, const struct ctr *c, const char *host, const char *inside,
		const struct ctr_copy_opts *o, struct err *e)
{
	AUTO_FREE char *source = absolute(host);
	AUTO(place) struct place from, to;
	struct reader r = { .tar.put = { .squash = !o->archive } };
	struct writer w = { .in = -1 };
	int ret;

	place_init(&from);
	place_init(&to);
	ret = place_host(&from, env, false, e);
	if (ret == 0)
		ret = place_ctr(&to, env, c, e);
	if (ret < 0)
		return ret;
	w.record_owners = o->archive && records_owners(&to);
	return copy(&from, source, &to, inside, o, &r, &w, e);
}

int ctr_copy_out(struct ctr_env *env, const struct ctr *c, const char *inside, const char *host,
		 const struct ctr_copy_opts *o, struct err *e)
{
	AUTO_FREE char *target = absolute(host);
	AUTO(place) struct place from, to;
	/* What the container's programs left must not run as the caller for others. */
	struct reader r = {
		.tar.put = {
			.squash = !o->archive, .no_setid = !o->archive,
			.uid = geteuid(), .gid = getegid(),
		},
	};
	struct writer w = { .in = -1 };
	int ret;

	place_init(&from);
	place_init(&to);
	ret = place_ctr(&from, env, c, e);
	if (ret == 0)
		ret = place_host(&to, env, o->archive, e);
	return ret < 0 ? ret : copy(&from, inside, &to, target, o, &r, &w, e);
}

int ctr_copy_in_tar(struct ctr_env *env, const struct ctr *c, int tar_fd, const char *inside,
		    struct err *e)
{
	AUTO(place) struct place to;
	struct writer w = { .in = tar_fd };
	struct place_job job = { .place = &to, .fn = write_child, .arg = &w, .not_ours = -1 };
	struct look dst;
	int r;

	place_init(&to);
	r = place_ctr(&to, env, c, e);
	if (r == 0)
		r = look(&dst, &to, inside, true, e);
	if (r < 0)
		return r;
	if (dst.kind != KIND_DIR)
		return err_set(e, ENOTDIR, "'%s' is not a directory", inside);
	(void)str_copy(w.dir, sizeof(w.dir), dst.path);
	w.record_owners = records_owners(&to);
	r = place_start(&job, e);
	return r < 0 ? r : place_finish(&job, e);
}

int ctr_copy_out_tar(struct ctr_env *env, const struct ctr *c, const char *inside, int tar_fd,
		     const struct ctr_copy_opts *o, struct err *e)
{
	AUTO(place) struct place from;
	struct reader w = { .out = tar_fd };
	struct place_job job = { .place = &from, .fn = read_child, .arg = &w, .not_ours = -1 };
	struct split named;
	struct look src;
	int r;

	place_init(&from);
	r = place_ctr(&from, env, c, e);
	if (r == 0)
		r = look_source(&src, &from, inside, o->follow, e);
	if (r == 0)
		r = split_path(&named, inside, e);
	if (r < 0)
		return r;
	(void)str_copy(w.path, sizeof(w.path), src.path);
	w.tar.name = named.is_contents ? "" : named.base;
	r = place_start(&job, e);
	return r < 0 ? r : place_finish(&job, e);
}

int ctr_export(struct ctr_env *env, const struct ctr *c, int tar_fd, struct err *e)
{
	AUTO(place) struct place from;
	struct reader w = { .path = "/", .out = tar_fd, .tar = { .name = "", .one_mount = true } };
	struct place_job job = { .place = &from, .fn = read_child, .arg = &w, .not_ours = -1 };
	int r;

	place_init(&from);
	r = place_ctr(&from, env, c, e);
	w.tar.put.recorded = from.bundle.ids.rung == IDS_SINGLE;
	if (r == 0)
		r = place_start(&job, e);
	return r < 0 ? r : place_finish(&job, e);
}
