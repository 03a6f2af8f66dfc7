#include "lib/image/tartree.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define BLOCK KIB(256)

struct tartree {
	const struct tartree_opts *opts;
	struct archive *archive;
	struct map links;		/* "device:inode" -> first path, owned */
	char path[MAX_PATH];
	size_t len;
	unsigned depth;
	char *block;			/* BLOCK bytes */
};

static int add(struct tartree *t, int dirfd, const char *base, struct err *e);

static int failed(struct tartree *t, struct err *e)
{
	int code = archive_errno(t->archive);

	if (code <= 0)
		code = EIO;
	return err_set(e, code, "write the archive: %s", str_errno(code));
}

static void put_xattrs(struct tartree *t, struct archive_entry *entry, int fd)
{
	AUTO_FREE char *names = mem_zero(MAX_XATTR_VALUE + 1, 1);
	ssize_t len = flistxattr(fd, names, MAX_XATTR_VALUE);

	for (const char *n = names; len > 0 && n < names + len; n += strlen(n) + 1) {
		ssize_t size = fgetxattr(fd, n, t->block, BLOCK);

		if (size >= 0)		/* else not ours to see */
			archive_entry_xattr_add_entry(entry, n, t->block, (size_t)size);
	}
}

static void put_meta(struct tartree *t, struct archive_entry *entry, const struct stat *st)
{
	const struct tartree_opts *o = t->opts;

	archive_entry_copy_stat(entry, st);
	archive_entry_copy_pathname(entry, t->path);
	if (o->squash) {
		archive_entry_set_uid(entry, o->uid);
		archive_entry_set_gid(entry, o->gid);
	}
	if (o->no_setid && !S_ISDIR(st->st_mode))
		archive_entry_set_perm(entry, st->st_mode & 0777);
	/* set by copy_stat, and would make the output differ between copies */
	archive_entry_unset_atime(entry);
	archive_entry_unset_ctime(entry);
	archive_entry_unset_birthtime(entry);
}

static int put_data(struct tartree *t, int fd, uint64_t size, struct err *e)
{
	while (size) {
		ssize_t n = read(fd, t->block, size < BLOCK ? (size_t)size : BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			break;
		if (archive_write_data(t->archive, t->block, (size_t)n) < 0)
			return failed(t, e);
		size -= (uint64_t)n;
	}
	return archive_write_finish_entry(t->archive) < ARCHIVE_WARN ? failed(t, e) : 0;
}

/* Another name of a file that was written already. */
static bool put_link(struct tartree *t, struct archive_entry *entry, const struct stat *st)
{
	char key[48];
	const char *first;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return false;
	snprintf(key, sizeof(key), "%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
	first = map_get(&t->links, key);
	if (!first) {
		map_set(&t->links, key, mem_str(t->path));
		return false;
	}
	archive_entry_copy_hardlink(entry, first);
	archive_entry_set_size(entry, 0);
	return true;
}

static int header(struct tartree *t, struct archive_entry *entry, struct err *e)
{
	return archive_write_header(t->archive, entry) < ARCHIVE_WARN ? failed(t, e) : 0;
}

static int add_file(struct tartree *t, struct archive_entry *entry, int dirfd, const char *base,
		    struct err *e)
{
	AUTO_FD int fd = openat(dirfd, base,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0)
		return err_sys(e, "open");
	/* What is read is what was described. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ESTALE, "changed while it was looked at");
	put_meta(t, entry, &st);
	if (put_link(t, entry, &st))
		return header(t, entry, e);
	if (!t->opts->squash)
		put_xattrs(t, entry, fd);
	r = header(t, entry, e);
	return r < 0 ? r : put_data(t, fd, (uint64_t)st.st_size, e);
}

static int add_child(int dirfd, const char *name, unsigned char type UNUSED, void *arg,
		     struct err *e)
{
	struct tartree *t = arg;
	size_t before = t->len, len = strlen(name);
	int r;

	if (before + 1 + len >= sizeof(t->path))
		return err_set(e, ENAMETOOLONG, "a path of more than %d bytes", MAX_PATH - 1);
	if (before)
		t->path[t->len++] = '/';
	memcpy(t->path + t->len, name, len + 1);
	t->len += len;
	r = add(t, dirfd, name, e);
	if (r < 0)
		return r;		/* path says where */
	t->len = before;
	t->path[before] = '\0';
	return 0;
}

static int add_dir(struct tartree *t, struct archive_entry *entry, int dirfd, const char *base,
		   struct err *e)
{
	AUTO_FD int fd = openat(dirfd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return err_sys(e, "open");
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	if (++t->depth > MAX_DEPTH)
		return err_set(e, ELOOP, "directories too deep");
	if (t->len) {
		put_meta(t, entry, &st);
		if (!t->opts->squash)
			put_xattrs(t, entry, fd);
		r = header(t, entry, e);
	}
	if (r == 0)
		r = fs_each(fd, add_child, t, e);
	t->depth--;
	return r;
}

static int add_other(struct tartree *t, struct archive_entry *entry, int dirfd, const char *base,
		     const struct stat *st, struct err *e)
{
	char text[MAX_PATH];
	ssize_t n;

	put_meta(t, entry, st);
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dirfd, base, text, sizeof(text) - 1);
		if (n < 0)
			return err_sys(e, "read link");
		text[n] = '\0';
		archive_entry_copy_symlink(entry, text);
	}
	(void)put_link(t, entry, st);
	return header(t, entry, e);
}

static void entry_auto(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static int add(struct tartree *t, int dirfd, const char *base, struct err *e)
{
	AUTO(entry) struct archive_entry *entry = mem_check(archive_entry_new());
	struct stat st;

	if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return t->depth && errno == ENOENT ? 0 : err_sys(e, "stat");
	if (S_ISDIR(st.st_mode))
		return add_dir(t, entry, dirfd, base, e);
	if (S_ISREG(st.st_mode))
		return add_file(t, entry, dirfd, base, e);
	return S_ISSOCK(st.st_mode) ? 0 : add_other(t, entry, dirfd, base, &st, e);
}

static int write_all(struct tartree *t, int out_fd, int dirfd, const char *base, struct err *e)
{
	int r;

	if (archive_write_set_format_pax_restricted(t->archive) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(t->archive, 1) != ARCHIVE_OK ||
	    archive_write_open_fd(t->archive, out_fd) != ARCHIVE_OK)
		return failed(t, e);
	r = add(t, dirfd, base, e);
	if (r < 0)
		return err_ctx(e, r, "'%s'", str_or(t->path, base));
	return archive_write_close(t->archive) == ARCHIVE_OK ? 0 : failed(t, e);
}

int tartree_write(int out_fd, int dirfd, const char *base, const struct tartree_opts *o,
		  struct err *e)
{
	AUTO_FREE struct tartree *t = mem_new(struct tartree);
	AUTO_FREE char *block = mem_zero(BLOCK, 1);
	int r;

	t->opts = o;
	t->block = block;
	if (!str_copy(t->path, sizeof(t->path), o->name))
		return err_set(e, ENAMETOOLONG, "'%s' is too long", o->name);
	t->len = strlen(t->path);
	t->archive = mem_check(archive_write_new());
	r = write_all(t, out_fd, dirfd, base, e);
	if (r < 0)
		(void)archive_write_fail(t->archive);	/* no end of archive */
	(void)archive_write_free(t->archive);
	for (size_t i = 0; i < t->links.len; i++)
		free(t->links.entries[i].value);
	map_clear(&t->links);
	return r;
}
