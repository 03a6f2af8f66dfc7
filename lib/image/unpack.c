#include "lib/image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/whiteout.h"
#include "lib/image/links.h"
#include "lib/image/tree.h"
#include "lib/image/xattr.h"

/* What one header may take: the records that go before it, and a sparse map. */
#define MAX_HEADER (4 * MAX_TAR_RECORD)

/* Runs of zeros from here on are holes; shorter ones would only split files. */
#define HOLE_MIN KIB(32)
#define PAGE KIB(4)

enum warning {
	WARN_AUFS = 1 << 0,
	WARN_XATTR = 1 << 1,
	WARN_XATTR_FS = 1 << 2,
	WARN_DEVICE = 1 << 3,
};

struct unpack {
	const struct unpack_opts *opts;
	unpack_read_fn *read;
	void *read_arg;
	struct err *read_err;		/* where the reader's error goes */
	struct archive *archive;
	bool in_header;
	size_t header_bytes;
	uint64_t max_bytes;
	uint64_t max_entries;
	unsigned warned;
	struct unpack_stats stats;
	struct tree tree;
};

/* An entry, as far as it is the same for every type. */
struct item {
	struct archive_entry *entry;
	char path[MAX_PATH];
	const char *base;		/* in path */
	int parent;			/* borrowed from the tree */
	struct tree_meta meta;
};

static void warn_once(struct unpack *u, enum warning w, const char *text)
{
	if (!(u->warned & w) && u->opts->warn)
		u->opts->warn(u->opts->arg, text);
	u->warned |= w;
}

/* --- libarchive's side --- */

static la_ssize_t on_read(struct archive *a, void *arg, const void **data)
{
	struct unpack *u = arg;
	ssize_t n;

	if (u->in_header && u->header_bytes > MAX_HEADER) {
		archive_set_error(a, EFBIG, "a header of more than %zu bytes",
				  MAX_HEADER);
		return ARCHIVE_FATAL;
	}
	n = u->read(u->read_arg, data, u->read_err);
	if (n < 0) {
		archive_set_error(a, (int)-n, "read error");
		return ARCHIVE_FATAL;
	}
	/* What is left of the block that the header began in may be large:
	 * only whole blocks beyond it count. */
	if (u->in_header)
		u->header_bytes += (size_t)n;
	return n;
}

/* The reader's own error counts, when there is one. */
static int archive_failed(struct unpack *u, struct err *e)
{
	int code = archive_errno(u->archive);
	const char *text = archive_error_string(u->archive);

	if (e->code)
		return -e->code;
	return err_set(e, code == EFBIG ? EFBIG : EBADMSG, "tar: %s",
		       text ? text : "damaged");
}

static int open_archive(struct unpack *u, struct err *e)
{
	struct archive *a = archive_read_new();

	u->archive = a;
	if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_support_format_empty(a) != ARCHIVE_OK ||
	    archive_read_open(a, u, NULL, on_read, NULL) != ARCHIVE_OK)
		return archive_failed(u, e);
	return 0;
}

/* --- contents and attributes --- */

static int set_xattr(struct unpack *u, int fd, const char *name,
		     const void *value, size_t size, struct err *e)
{
	if (xattr_is_control(name)) {
		warn_once(u, WARN_XATTR, "extended attributes that would steer the "
			  "storage driver were left out");
		return 0;
	}
	if (!xattr_is_wanted(name))
		return 0;
	if (fsetxattr(fd, name, value, size, 0) == 0)
		return 0;
	if (errno == ENOTSUP || errno == EPERM || errno == E2BIG) {
		warn_once(u, WARN_XATTR_FS,
			  "some extended attributes cannot be kept here");
		return 0;
	}
	return err_sys(e, "set '%s'", name);
}

static int set_xattrs(struct unpack *u, const struct item *it, int fd,
		      struct err *e)
{
	const char *name;
	const void *value;
	size_t size, sum = 0;
	int r = 0;

	if (!archive_entry_xattr_count(it->entry))
		return 0;
	archive_entry_xattr_reset(it->entry);
	while (r == 0 && archive_entry_xattr_next(it->entry, &name, &value,
						  &size) == ARCHIVE_OK) {
		sum += size + strlen(name);
		if (size > MAX_XATTR_VALUE || sum > MAX_XATTR_SUM)
			return err_set(e, EFBIG, "extended attributes beyond %zu or %zu bytes",
				       MAX_XATTR_VALUE, MAX_XATTR_SUM);
		r = set_xattr(u, fd, name, value, size, e);
	}
	return r;
}

/* Everything about a file or fifo that is open, times last. */
static int finish_file(struct unpack *u, const struct item *it, int fd,
		       mode_t plain_mode, const char *device, struct err *e)
{
	struct timespec times[2] = { it->meta.mtime, it->meta.mtime };
	int r = tree_apply(&u->tree, fd, &it->meta, plain_mode, device, e);

	if (r == 0)
		r = set_xattrs(u, it, fd, e);
	if (r == 0 && futimens(fd, times) < 0)
		r = err_sys(e, "set time");
	return r;
}

static int write_at(int fd, const char *data, size_t len, off_t at, off_t *end,
		    struct err *e)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "write");
		data += n;
		*end = at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* As many pages from data on as hold nothing but zeros, in bytes. */
static size_t count_zeros(const char *data, size_t len)
{
	static const char page[PAGE];
	size_t n = 0;

	while (len - n >= PAGE && memcmp(data + n, page, PAGE) == 0)
		n += PAGE;
	return n;
}

/* Leaves long runs of zeros out; *end is behind the last byte written. */
static int write_around_holes(int fd, const char *data, size_t len, off_t at, off_t *end,
			      struct err *e)
{
	const char *from = data, *stop = data + len;
	int r = 0;

	for (const char *p = data; p < stop && r == 0;) {
		size_t left = (size_t)(stop - p);
		size_t zeros = count_zeros(p, left);

		if (zeros < HOLE_MIN) {
			p += zeros ? zeros : left < PAGE ? left : PAGE;
			continue;
		}
		r = write_at(fd, from, (size_t)(p - from), at + (from - data), end, e);
		p += zeros;
		from = p;
	}
	return r < 0 ? r : write_at(fd, from, (size_t)(stop - from), at + (from - data), end, e);
}

static int write_data(struct unpack *u, const struct item *it, int fd,
		      struct err *e)
{
	la_int64_t size = archive_entry_size(it->entry);
	off_t end = 0;
	const void *data;
	size_t len;
	la_int64_t at;
	int r;

	while ((r = archive_read_data_block(u->archive, &data, &len, &at)) ==
	       ARCHIVE_OK) {
		if (at < 0 || at > size || (la_int64_t)len > size - at)
			return err_set(e, EBADMSG, "more data than announced");
		r = write_around_holes(fd, data, len, at, &end, e);
		if (r < 0)
			return r;
	}
	if (r != ARCHIVE_EOF)
		return archive_failed(u, e);
	if (end < size && ftruncate(fd, size) < 0)
		return err_sys(e, "set size");
	return 0;
}

/* --- making room --- */

/* Something has the name already.  What the way was may be gone after. */
static int clear_place(struct unpack *u, struct item *it, struct err *e)
{
	struct stat st;
	int r;

	if (u->opts->plain && fstatat(it->parent, it->base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "a directory is in the way");
	r = tree_remove(&u->tree, it->parent, it->base, e);
	if (r < 0)
		return r;
	it->parent = tree_parent(&u->tree, it->path, true, &it->base, e);
	return it->parent < 0 ? it->parent : 0;
}

/* --- the types --- */

static int create(struct unpack *u, struct item *it, mode_t mode, struct err *e)
{
	static const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(it->parent, it->base, flags, mode);
	int r;

	if (fd < 0 && errno == EEXIST) {
		r = clear_place(u, it, e);
		if (r < 0)
			return r;
		fd = openat(it->parent, it->base, flags, mode);
	}
	return fd < 0 ? err_sys(e, "create") : fd;
}

static int unpack_file(struct unpack *u, struct item *it, struct err *e)
{
	la_int64_t size = archive_entry_size(it->entry);
	mode_t plain = it->meta.mode & 0777;
	AUTO_FD int fd = -1;
	int r;

	if (size < 0)
		return err_set(e, EBADMSG, "a negative size");
	if ((uint64_t)size > u->max_bytes - u->stats.bytes)
		return err_set(e, EFBIG, "the layer holds more than %ju bytes",
			       (uintmax_t)u->max_bytes);
	u->stats.bytes += (uint64_t)size;
	fd = create(u, it, plain, e);
	if (fd < 0)
		return fd;
	r = write_data(u, it, fd, e);
	return r < 0 ? r : finish_file(u, it, fd, plain, NULL, e);
}

static int unpack_dir(struct unpack *u, struct item *it, struct err *e)
{
	AUTO_FD int fd = -1;
	struct stat st;
	int r;

	if (*it->base && mkdirat(it->parent, it->base, 0700) < 0) {
		if (errno != EEXIST ||
		    fstatat(it->parent, it->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, "make directory");
		if (!S_ISDIR(st.st_mode)) {
			r = clear_place(u, it, e);
			if (r < 0)
				return r;
			if (mkdirat(it->parent, it->base, 0700) < 0)
				return err_sys(e, "make directory");
		}
	}
	tree_note_dir(&u->tree, it->path, &it->meta);
	if (!archive_entry_xattr_count(it->entry))
		return 0;
	fd = openat(it->parent, *it->base ? it->base : ".",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open directory");
	return set_xattrs(u, it, fd, e);
}

/* A link has no descriptor but O_PATH, so no xattrs; nobody uses them. */
static int unpack_symlink(struct unpack *u, struct item *it, struct err *e)
{
	struct timespec times[2] = { it->meta.mtime, it->meta.mtime };
	const char *text = archive_entry_symlink(it->entry);
	AUTO_FD int fd = -1;
	struct stat st;
	int r;

	if (!text || !*text)
		return err_set(e, EBADMSG, "a symbolic link to nothing");
	if (symlinkat(text, it->parent, it->base) < 0) {
		if (errno != EEXIST)
			return err_sys(e, "make symbolic link");
		r = clear_place(u, it, e);
		if (r < 0)
			return r;
		if (symlinkat(text, it->parent, it->base) < 0)
			return err_sys(e, "make symbolic link");
	}
	fd = openat(it->parent, it->base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open symbolic link");
	if (!S_ISLNK(st.st_mode))
		return err_set(e, EBADMSG, "somebody else is changing the tree");
	if (tree_is_foreign(&u->tree, &it->meta) && !u->tree.record &&
	    fchownat(fd, "", it->meta.uid, it->meta.gid, AT_EMPTY_PATH) < 0)
		return tree_chown_failed(&it->meta, e);
	if (utimensat(fd, "", times, AT_EMPTY_PATH) < 0)
		return err_sys(e, "set time");
	return 0;
}

/* A file that has all the links its file system allows is copied. */
static int copy_file(struct unpack *u, struct item *it, int path_fd,
		     const struct stat *st, struct err *e)
{
	char by_proc[32];
	AUTO_FD int from = -1, to = -1;
	int r;

	if (!S_ISREG(st->st_mode))
		return err_set(e, EMLINK, "too many links");
	snprintf(by_proc, sizeof(by_proc), "/proc/self/fd/%d", path_fd);
	from = open(by_proc, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return err_sys(e, "open link target");
	to = create(u, it, 0600, e);
	if (to < 0)
		return to;
	r = fs_copy_data(to, from, UINT64_MAX, e);
	it->meta = (struct tree_meta){ st->st_uid, st->st_gid,
				       st->st_mode & 07777, st->st_mtim };
	return r < 0 ? r : finish_file(u, it, to, 0600, NULL, e);
}

/* The link waits for the end of the layer, or for the other ones. */
static int postpone(struct unpack *u, struct item *it, const char *target,
		    struct err *e)
{
	int r;

	it->parent = tree_parent(&u->tree, it->path, true, &it->base, e);
	if (it->parent < 0)
		return it->parent;
	r = mknodat(it->parent, it->base, S_IFSOCK | 0600, 0) < 0 ? -errno : 0;
	if (r == -EEXIST) {
		r = clear_place(u, it, e);
		if (r < 0)
			return r;
		r = mknodat(it->parent, it->base, S_IFSOCK | 0600, 0) < 0 ? -errno : 0;
	}
	if (r < 0)
		return err_ret(e, r, "make what stands for a link");
	return links_add(&u->tree, it->path, target, e);
}

static int unpack_hardlink(struct unpack *u, struct item *it, struct err *e)
{
	char target[MAX_PATH];
	struct err why = ERR_INIT;
	AUTO_FD int fd = -1;
	const char *base;
	struct stat st;
	int from, r;

	r = tree_normalize(target, archive_entry_hardlink(it->entry), e);
	if (r < 0)
		return r;
	if (str_eq(target, it->path))
		return 0;
	from = tree_parent(&u->tree, target, false, &base, &why);
	if (from >= 0 && *base)
		fd = openat(from, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return postpone(u, it, target, e);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat link target");
	if (S_ISDIR(st.st_mode))
		return err_set(e, EBADMSG, "hard link to a directory");
	if (link_is_waiting(&st))
		return postpone(u, it, str_or(links_target(&u->tree, target), target), e);
	it->parent = tree_parent(&u->tree, it->path, true, &it->base, e);
	if (it->parent < 0)
		return it->parent;
	r = link_fd(fd, it->parent, it->base);
	if (r == -EEXIST) {
		r = clear_place(u, it, e);
		if (r < 0)
			return r;
		r = link_fd(fd, it->parent, it->base);
	}
	if (r == -EMLINK)
		return copy_file(u, it, fd, &st, e);
	return r < 0 ? err_ret(e, r, "link to '%s'", target) : 0;
}

/* A node that we cannot make, or that would be a whiteout, becomes an empty
 * file that says what it stands for. */
static int stand_in(struct unpack *u, struct item *it, mode_t type, dev_t dev,
		    struct err *e)
{
	char device[64];
	AUTO_FD int fd = create(u, it, 0600, e);

	if (fd < 0)
		return fd;
	warn_once(u, WARN_DEVICE, "devices in the image became empty files");
	snprintf(device, sizeof(device), "%s-%u-%u",
		 S_ISCHR(type) ? "char" : "block", major(dev), minor(dev));
	return finish_file(u, it, fd, 0600, device, e);
}

static int unpack_node(struct unpack *u, struct item *it, mode_t type,
		       struct err *e)
{
	struct timespec times[2] = { it->meta.mtime, it->meta.mtime };
	dev_t dev = S_ISFIFO(type) ? 0 :
		makedev((unsigned)archive_entry_rdevmajor(it->entry),
			(unsigned)archive_entry_rdevminor(it->entry));
	AUTO_FD int fd = -1;
	int r = -EPERM;

	if (!S_ISCHR(type) || dev != 0)
		r = mknodat(it->parent, it->base, type | 0600, dev) < 0 ? -errno : 0;
	if (r == -EEXIST) {
		r = clear_place(u, it, e);
		if (r < 0)
			return r;
		r = mknodat(it->parent, it->base, type | 0600, dev) < 0 ? -errno : 0;
	}
	if (r == -EPERM && !S_ISFIFO(type))
		return stand_in(u, it, type, dev, e);
	if (r < 0)
		return err_ret(e, r, "make node");
	fd = openat(it->parent, it->base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open node");
	if (tree_is_foreign(&u->tree, &it->meta) && !u->tree.record &&
	    fchownat(fd, "", it->meta.uid, it->meta.gid, AT_EMPTY_PATH) < 0)
		return tree_chown_failed(&it->meta, e);
	/* fchmodat has no way for O_PATH; the name is the node just made, and
	 * AT_SYMLINK_NOFOLLOW would be all it could add */
	if (fchmodat(it->parent, it->base, it->meta.mode, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set mode");
	if (utimensat(fd, "", times, AT_EMPTY_PATH) < 0)
		return err_sys(e, "set time");
	return 0;
}

static int unpack_whiteout(struct unpack *u, const char *path, const char *base,
			   bool *is_one, struct err *e)
{
	char target[MAX_PATH];
	const char *name = NULL;
	size_t dir_len = (size_t)(base - path);

	*is_one = !u->opts->plain;
	if (u->opts->plain)
		return 0;
	memcpy(target, path, dir_len);
	switch (whiteout_classify(base, &name)) {
	case WHITEOUT_NOT:
		break;
	case WHITEOUT_HIDES:
		memcpy(target + dir_len, name, strlen(name) + 1);
		return tree_hide(&u->tree, target, e);
	case WHITEOUT_OPAQUE:
		if (dir_len == 0 && u->tree.form != SNAP_MERGED)
			u->stats.is_bottom = true;
		target[dir_len ? dir_len - 1 : 0] = '\0';
		return tree_make_opaque(&u->tree, target, e);
	case WHITEOUT_IGNORE:
		warn_once(u, WARN_AUFS, "metadata of aufs was left out");
		return 0;
	case WHITEOUT_INVALID:
		return err_set(e, EBADMSG, "a whiteout of nothing");
	}
	*is_one = false;
	return 0;
}

/* --- an entry --- */

static void read_meta(struct tree_meta *out, struct archive_entry *entry)
{
	out->uid = (uint32_t)archive_entry_uid(entry);
	out->gid = (uint32_t)archive_entry_gid(entry);
	out->mode = archive_entry_perm(entry) & 07777;
	out->mtime.tv_sec = archive_entry_mtime(entry);
	out->mtime.tv_nsec = archive_entry_mtime_nsec(entry);
}

static int check_ids(struct archive_entry *entry, struct err *e)
{
	la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);

	if (uid < 0 || uid >= ID_NONE || gid < 0 || gid >= ID_NONE)
		return err_set(e, EBADMSG, "owner %jd:%jd", (intmax_t)uid, (intmax_t)gid);
	return 0;
}

static int unpack_item(struct unpack *u, struct item *it, struct err *e)
{
	mode_t type = archive_entry_filetype(it->entry);

	if (!*it->path && (type != S_IFDIR || archive_entry_hardlink(it->entry)))
		return err_set(e, EBADMSG, "the root is not a directory");
	tree_add(&u->tree, it->path);
	if (archive_entry_hardlink(it->entry))
		return unpack_hardlink(u, it, e);
	it->parent = tree_parent(&u->tree, it->path, true, &it->base, e);
	if (it->parent < 0)
		return it->parent;
	switch (type) {
	case S_IFREG:
		return unpack_file(u, it, e);
	case S_IFDIR:
		return unpack_dir(u, it, e);
	case S_IFLNK:
		return unpack_symlink(u, it, e);
	case S_IFIFO:
	case S_IFCHR:
	case S_IFBLK:
		return unpack_node(u, it, type, e);
	default:
		return err_set(e, EBADMSG, "a type that layers do not have");
	}
}

static int unpack_entry(struct unpack *u, struct archive_entry *entry,
			struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	struct item it = { .entry = entry, .parent = -1 };
	const char *base;
	bool is_whiteout;
	int r;

	if (++u->stats.entries > u->max_entries)
		return err_set(e, EFBIG, "the layer has more than %ju entries",
			       (uintmax_t)u->max_entries);
	if (!name)
		return err_set(e, EBADMSG, "an entry without a name");
	r = tree_normalize(it.path, name, e);
	if (r < 0)
		return r;
	base = strrchr(it.path, '/');
	base = base ? base + 1 : it.path;
	r = unpack_whiteout(u, it.path, base, &is_whiteout, e);
	if (r == 0 && !is_whiteout)
		r = check_ids(entry, e);
	if (r == 0 && !is_whiteout) {
		read_meta(&it.meta, entry);
		r = unpack_item(u, &it, e);
	}
	return r < 0 ? err_ctx(e, r, "'%s'", it.path) : 0;
}

static int unpack_all(struct unpack *u, struct err *e)
{
	int r = open_archive(u, e);

	while (r == 0) {
		struct archive_entry *entry;
		int a;

		u->in_header = true;
		u->header_bytes = 0;
		a = archive_read_next_header(u->archive, &entry);
		u->in_header = false;
		if (a == ARCHIVE_EOF)
			break;
		if (a != ARCHIVE_OK && a != ARCHIVE_WARN)
			return archive_failed(u, e);
		r = unpack_entry(u, entry, e);
	}
	if (r == 0)
		r = links_settle(&u->tree, u->opts->link, u->opts->link_arg, e);
	if (r == 0)
		r = tree_finish_whiteouts(&u->tree, e);
	return r < 0 ? r : tree_finish(&u->tree, e);
}

int unpack_tar(struct unpack_stats *out, const struct unpack_opts *o,
	       unpack_read_fn *read, void *arg, struct err *e)
{
	AUTO_FREE struct unpack *u = mem_new(struct unpack);
	mode_t mask = umask(0);
	int r;

	u->opts = o;
	u->read = read;
	u->read_arg = arg;
	u->read_err = e;
	u->max_bytes = o->max_bytes ? o->max_bytes : MAX_LAYER_BYTES;
	u->max_entries = o->max_entries ? o->max_entries : MAX_LAYER_ENTRIES;
	tree_init(&u->tree, o);
	r = unpack_all(u, e);
	tree_clear(&u->tree);
	archive_read_free(u->archive);
	umask(mask);
	if (r == 0)
		*out = u->stats;
	return r;
}
