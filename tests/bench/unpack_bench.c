/* unpack_bench.c - unpacks one layer file into a directory, as pull does, but
 * alone: unpack_bench BLOB DIR [nohash].  As an ordinary user it enters a user
 * namespace with the ranges given by UID:SUBUID:COUNT in argv[4]. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/image/stream.h"
#include "lib/image/unpack.h"
#include "lib/os/enter.h"

struct job {
	const char *blob;
	const char *dir;
	bool hash;
};

static int work(void *arg, struct err *e)
{
	const struct job *j = arg;
	AUTO(stream) struct stream *s = NULL;
	struct stream_fd in = { .buf = mem_zero(STREAM_FD_BUF, 1) };
	struct stream_opts so = { .source = stream_fd_read, .arg = &in,
				  .no_digest = !j->hash, .want_diff = j->hash };
	struct unpack_opts uo = { .form = SNAP_STACKED };
	struct unpack_stats stats;
	struct stream_result res;
	int r;

	in.fd = open(j->blob, O_RDONLY | O_CLOEXEC);
	uo.root_fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in.fd < 0 || uo.root_fd < 0)
		return err_sys(e, "open");
	r = stream_open(&s, &so, e);
	if (r == 0)
		r = unpack_tar(&stats, &uo, stream_read, s, e);
	if (r == 0)
		r = stream_finish(s, &res, e);
	free(in.buf);
	if (r == 0)
		printf("%ju entries, %ju bytes\n", (uintmax_t)stats.entries,
		       (uintmax_t)stats.bytes);
	fflush(stdout);
	return r;
}

int main(int argc, char **argv)
{
	struct job j = { argv[1], argv[2], argc < 4 || strcmp(argv[3], "nohash") };
	struct idmap map = { .uids.len = 0 };
	struct enter_opts o = { .map = &map };
	struct err e = ERR_INIT;

	if (argc < 3)
		return 2;
	if (id_add(&map.uids, 0, geteuid(), 1, &e) < 0 ||
	    id_add(&map.gids, 0, getegid(), 1, &e) < 0 ||
	    id_add(&map.uids, 1, 100000, 65536, &e) < 0 ||
	    id_add(&map.gids, 1, 100000, 65536, &e) < 0 ||
	    enter_run(&o, work, &j, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	return 0;
}
