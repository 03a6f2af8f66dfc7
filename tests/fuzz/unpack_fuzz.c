/* unpack_fuzz.c - any bytes as a layer: nothing may appear beside the root,
 * and whatever was made must be removable.  The first byte chooses the form.
 * Runs in an empty directory of its own. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fs.h"
#include "lib/image/stream.h"
#include "lib/image/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static ssize_t give(void *arg, const void **data, struct err *e)
{
	struct input *in = arg;
	size_t n = in->size;

	(void)e;
	*data = in->data;
	in->data += n;
	in->size = 0;
	return (ssize_t)n;
}

static int count_one(int dirfd, const char *name, unsigned char type, void *arg,
		     struct err *e)
{
	(void)dirfd;
	(void)name;
	(void)type;
	(void)e;
	++*(int *)arg;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int top = -1;
	struct input in = { data + 1, size - 1 };
	struct stream_opts so = { .source = give, .arg = &in, .want_diff = true };
	AUTO(stream) struct stream *s = NULL;
	struct unpack_opts uo = { .owners = UNPACK_OWNERS_RECORD,
				  .max_bytes = MIB(16), .max_entries = 1000 };
	struct unpack_stats stats;
	struct stream_result res;
	struct err e = ERR_INIT;
	char path[] = "/tmp/unpack-fuzz-XXXXXX";
	int names = 0;

	if (!size)
		return 0;
	if (top < 0) {
		if (!mkdtemp(path))
			abort();
		top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (mkdirat(top, "root", 0755) < 0)
		abort();
	uo.form = data[0] % 3;
	uo.root_fd = openat(top, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (stream_open(&s, &so, &e) < 0)
		abort();
	if (unpack_tar(&stats, &uo, stream_read, s, &e) == 0)
		(void)!stream_finish(s, &res, &e);
	fd_auto(&uo.root_fd);
	err_clear(&e);
	if (fs_each(top, count_one, &names, &e) < 0 || names != 1)
		abort();
	if (fs_rmtree(top, "root", &e) < 0)
		abort();
	return 0;
}
