#include "lib/image/tarput.h"

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
#include "lib/fmt/override.h"
#include "lib/image/unpack.h"
#include "lib/image/xattr.h"

#define BLOCK KIB(256)

/* A file in more pieces is written as if it had no holes. */
#define MAX_PIECES 4096

struct tarput {
	const struct tarput_opts *opts;
	struct archive *archive;
	int fd;
	bool is_over;			/* what is written now is not meant */
	struct map links;		/* "device:inode" -> first path, owned */
	char block[BLOCK];
};

static int failed(struct tarput *t, struct err *e)
{
	int code = archive_errno(t->archive);

	if (code <= 0)
		code = EIO;
	return err_set(e, code, "write the archive: %s", str_errno(code));
}

static void entry_auto(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

/* --- attributes --- */

static void put_meta(struct tarput *t, struct archive_entry *entry, const char *path,
		     const struct stat *st)
{
	const struct tarput_opts *o = t->opts;

	archive_entry_copy_stat(entry, st);
	archive_entry_copy_pathname(entry, path);
	if (o->squash) {
		archive_entry_set_uid(entry, o->uid);
		archive_entry_set_gid(entry, o->gid);
	}
	if (o->no_setid && !S_ISDIR(st->st_mode))
		archive_entry_set_perm(entry, st->st_mode & 0777);
	archive_entry_set_mtime(entry, o->is_clamped && st->st_mtim.tv_sec > o->latest_s ?
					       o->latest_s : st->st_mtim.tv_sec, 0);
	/* set by copy_stat, and would make the output differ between copies */
	archive_entry_unset_atime(entry);
	archive_entry_unset_ctime(entry);
	archive_entry_unset_birthtime(entry);
}

static void put_record(struct tarput *t, struct archive_entry *entry, int fd,
		       const struct stat *st)
{
	struct err ignored = ERR_INIT;
	struct override o;
	char text[128];
	ssize_t len = fgetxattr(fd, XATTR_OVERRIDE, text, sizeof(text));

	if (len < 0 || override_parse(&o, text, (size_t)len, &ignored) < 0)
		return;
	if (t->opts->recorded) {
		archive_entry_set_uid(entry, o.uid);
		archive_entry_set_gid(entry, o.gid);
	}
	if (o.device && S_ISREG(st->st_mode) && st->st_size == 0 &&
	    (t->opts->recorded || st->st_uid == 0)) {
		archive_entry_set_filetype(entry, o.device);
		archive_entry_set_rdevmajor(entry, o.major);
		archive_entry_set_rdevminor(entry, o.minor);
	}
}

static int put_attributes(struct tarput *t, struct archive_entry *entry, int fd,
			  const struct stat *st, struct err *e)
{
	AUTO(xattrs) struct xattrs x = XATTRS_INIT;
	int r;

	if (t->opts->squash)
		return 0;
	put_record(t, entry, fd, st);
	r = xattrs_read(&x, fd, false, e);
	for (size_t i = 0; r == 0 && i < x.len; i++)
		archive_entry_xattr_add_entry(entry, x.v[i].name, x.v[i].value, x.v[i].len);
	return r;
}

/* Another name of a file that was written already. */
static bool put_link(struct tarput *t, struct archive_entry *entry, const char *path,
		     const struct stat *st)
{
	char key[48];
	const char *first;

	if (st->st_nlink < 2)
		return false;
	snprintf(key, sizeof(key), "%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
	first = map_get(&t->links, key);
	if (!first) {
		map_set(&t->links, key, mem_str(path));
		return false;
	}
	archive_entry_copy_hardlink(entry, first);
	archive_entry_set_size(entry, 0);
	return true;
}

static int header(struct tarput *t, struct archive_entry *entry, struct err *e)
{
	return archive_write_header(t->archive, entry) < ARCHIVE_WARN ? failed(t, e) : 0;
}

/* --- contents --- */

static void put_holes(struct archive_entry *entry, int fd, const struct stat *st)
{
	off_t data = 0, hole = 0;
	unsigned pieces = 0;

	if ((uint64_t)st->st_blocks * 512 >= (uint64_t)st->st_size)
		return;
	while (hole < st->st_size && pieces <= MAX_PIECES) {
		data = lseek(fd, hole, SEEK_DATA);
		if (data < 0)
			break;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			break;
		archive_entry_sparse_add_entry(entry, data, hole - data);
		pieces++;
	}
	/* ENXIO: there is no data any more */
	if (pieces > MAX_PIECES || (hole < st->st_size && errno != ENXIO))
		archive_entry_sparse_clear(entry);
	else if (!pieces)
		archive_entry_sparse_add_entry(entry, 0, 0);
	(void)lseek(fd, 0, SEEK_SET);
}

/* What is in holes is passed on as well; libarchive takes it out. */
static int put_data(struct tarput *t, int fd, uint64_t size, struct err *e)
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

/* --- entries --- */

int tarput_dir(struct tarput *t, const char *path, int fd, struct err *e)
{
	AUTO(entry) struct archive_entry *entry = mem_check(archive_entry_new());
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	put_meta(t, entry, path, &st);
	r = put_attributes(t, entry, fd, &st, e);
	return r < 0 ? r : header(t, entry, e);
}

static int put_file(struct tarput *t, struct archive_entry *entry, const char *path, int fd,
		    struct err *e)
{
	struct stat st;
	int r;

	/* What is read is what was described. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ESTALE, "changed while it was looked at");
	put_meta(t, entry, path, &st);
	if (put_link(t, entry, path, &st))
		return header(t, entry, e);
	r = put_attributes(t, entry, fd, &st, e);
	if (r < 0)
		return r;
	if (archive_entry_filetype(entry) == S_IFREG && !t->opts->no_holes)
		put_holes(entry, fd, &st);
	r = header(t, entry, e);
	return r < 0 ? r : put_data(t, fd, (uint64_t)st.st_size, e);
}

int tarput_other(struct tarput *t, const char *path, int dirfd, const char *base,
		 struct err *e)
{
	AUTO(entry) struct archive_entry *entry = mem_check(archive_entry_new());
	AUTO_FD int fd = -1;
	char text[MAX_PATH];
	struct stat st;
	ssize_t n;

	if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "stat");
	if (S_ISSOCK(st.st_mode))
		return 0;
	if (S_ISREG(st.st_mode)) {
		fd = openat(dirfd, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOENT ? 0 : err_sys(e, "open");
		return put_file(t, entry, path, fd, e);
	}
	put_meta(t, entry, path, &st);
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(dirfd, base, text, sizeof(text) - 1);
		if (n < 0)
			return err_sys(e, "read link");
		text[n] = '\0';
		archive_entry_copy_symlink(entry, text);
	}
	(void)put_link(t, entry, path, &st);
	return header(t, entry, e);
}

int tarput_mark(struct tarput *t, const char *path, mode_t mode, struct err *e)
{
	AUTO(entry) struct archive_entry *entry = mem_check(archive_entry_new());

	archive_entry_copy_pathname(entry, path);
	archive_entry_set_mode(entry, mode);
	archive_entry_set_size(entry, 0);
	archive_entry_set_mtime(entry, 0, 0);
	return header(t, entry, e);
}

/* --- the archive --- */

static la_ssize_t on_write(struct archive *a, void *arg, const void *data, size_t len)
{
	struct tarput *t = arg;
	struct err why = ERR_INIT;

	if (!t->is_over && fs_write_all(t->fd, data, len, &why) < 0) {
		archive_set_error(a, why.code, "%s", why.text);
		return -1;
	}
	return (la_ssize_t)len;
}

int tarput_open(struct tarput **out, int fd, const struct tarput_opts *o, struct err *e)
{
	AUTO(tarput) struct tarput *t = mem_new(struct tarput);
	struct archive *a = mem_check(archive_write_new());

	t->opts = o;
	t->archive = a;
	t->fd = fd;
	if (archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
	    archive_write_set_format_option(a, "pax", "xattrheader", "SCHILY") != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
	    archive_write_open(a, t, NULL, on_write, NULL) != ARCHIVE_OK)
		return failed(t, e);
	*out = take(t);
	return 0;
}

int tarput_end(struct tarput *t, struct err *e)
{
	return archive_write_close(t->archive) == ARCHIVE_OK ? 0 : failed(t, e);
}

void tarput_free(struct tarput *t)
{
	/* without tarput_end() it would end the archive now */
	t->is_over = true;
	(void)archive_write_free(t->archive);
	for (size_t i = 0; i < t->links.len; i++)
		free(t->links.entries[i].value);
	map_clear(&t->links);
	free(t);
}
