#include "lib/image/tarout.h"

#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>

#include "lib/base/fs.h"
#include "lib/base/str.h"

#define BLOCK 512
#define COPY_STEP (1 << 20)

/* POSIX.1-1988 header block. */
struct ustar {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char sum[8];
	char type;
	char link[100];
	char magic[8];
	char uname[32];
	char gname[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char pad[12];
};

_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

static void put_size(char out[static 12], uint64_t size)
{
	if (size < (1ull << 33)) {
		snprintf(out, 12, "%011llo", (unsigned long long)size);
		return;
	}
	memset(out, 0, 12);
	out[0] = (char)0x80;
	for (int i = 11; size; i--, size >>= 8)
		out[i] = (char)(size & 0xff);
}

static int put_header(int fd, const char *name, char type, uint64_t size,
		      struct err *e)
{
	struct ustar h = { .type = type };
	unsigned sum = 0;

	if (!str_copy(h.name, sizeof(h.name), name))
		return err_set(e, EINVAL, "name '%s' is too long", name);
	memcpy(h.mode, type == '5' ? "0000755" : "0000644", 8);
	memcpy(h.uid, "0000000", 8);
	memcpy(h.gid, "0000000", 8);
	memcpy(h.mtime, "00000000000", 12);
	memcpy(h.magic, "ustar\00000", 8);
	put_size(h.size, size);
	memset(h.sum, ' ', sizeof(h.sum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += ((unsigned char *)&h)[i];
	snprintf(h.sum, sizeof(h.sum), "%06o", sum & 0777777);
	return fs_write_all(fd, &h, sizeof(h), e);
}

static int pad(int fd, uint64_t len, struct err *e)
{
	static const char zeros[BLOCK];

	return len % BLOCK ? fs_write_all(fd, zeros, BLOCK - len % BLOCK, e) : 0;
}

int tarout_file(int fd, const char *name, const void *data, size_t len,
		struct err *e)
{
	int r = put_header(fd, name, '0', len, e);

	if (r == 0)
		r = fs_write_all(fd, data, len, e);
	return r < 0 ? r : pad(fd, len, e);
}

int tarout_copy(int fd, const char *name, int from, uint64_t len,
		struct err *e)
{
	off_t at = 0;
	int r = put_header(fd, name, '0', len, e);

	while (r == 0 && (uint64_t)at < len) {
		uint64_t left = len - (uint64_t)at;
		ssize_t n = sendfile(fd, from, &at, left < COPY_STEP ? left : COPY_STEP);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = err_sys(e, "write '%s'", name);
		else if (n == 0)
			r = err_set(e, EIO, "'%s' became shorter", name);
	}
	return r < 0 ? r : pad(fd, len, e);
}

int tarout_dir(int fd, const char *name, struct err *e)
{
	return put_header(fd, name, '5', 0, e);
}

int tarout_end(int fd, struct err *e)
{
	static const char zeros[2 * BLOCK];

	return fs_write_all(fd, zeros, sizeof(zeros), e);
}
