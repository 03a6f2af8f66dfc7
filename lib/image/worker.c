#include "lib/image/worker.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/links.h"
#include "lib/image/stream.h"

/* A worker sleeps until that much more is there, or all. */
#define STEP KIB(128)

int work_init(struct work *w, struct err *e)
{
	memset(w, 0, sizeof(*w));
	w->page = mmap(NULL, sizeof(*w->page), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->page == MAP_FAILED) {
		w->page = NULL;
		return err_sys(e, "map a shared page");
	}
	for (size_t i = 0; i < MAX_LAYERS; i++)
		w->page->layer[i].wanted = UINT64_MAX;
	return 0;
}

void work_clear(struct work *w)
{
	for (size_t i = 0; i < w->children; i++)
		enter_child_auto(&w->child[i]);
	w->children = 0;
	if (w->page)
		(void)munmap(w->page, sizeof(*w->page));
	w->page = NULL;
}

static void wake(struct work_shared *s)
{
	atomic_fetch_add(&s->wake, 1);
	(void)syscall(SYS_futex, &s->wake, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void work_grow(struct work *w, size_t layer, uint64_t avail)
{
	struct work_shared *s = &w->page->layer[layer];

	atomic_store(&s->avail, avail);
	if (avail >= atomic_load(&s->wanted))
		wake(s);
}

void work_abandon(struct work *w, size_t layer)
{
	atomic_store(&w->page->layer[layer].abandoned, 1);
	wake(&w->page->layer[layer]);
}

/* --- the child --- */

struct follower {
	const struct work_layer *layer;
	struct work_shared *shared;
	uint64_t at;
	char *buf;
};

/* Waits for a step's worth of bytes, or for the end.  The order of the two
 * atomics is what makes it safe: wanted is set before avail is looked at again,
 * and the writer does it the other way round. */
static int wait_for_bytes(struct follower *f, uint64_t *avail, struct err *e)
{
	uint64_t size = f->layer->blob->size;
	uint64_t want = size - f->at < STEP ? size : f->at + STEP;

	for (;;) {
		uint32_t seen = atomic_load(&f->shared->wake);

		atomic_store(&f->shared->wanted, want);
		*avail = atomic_load(&f->shared->avail);
		if (*avail >= want)
			break;
		if (atomic_load(&f->shared->abandoned))
			return err_set(e, ECANCELED, "the download ended");
		(void)syscall(SYS_futex, &f->shared->wake, FUTEX_WAIT, seen, NULL,
			      NULL, 0);
	}
	atomic_store(&f->shared->wanted, UINT64_MAX);
	return 0;
}

static ssize_t follow(void *arg, const void **data, struct err *e)
{
	struct follower *f = arg;
	uint64_t avail;
	ssize_t n;
	int r;

	if (f->at >= f->layer->blob->size)
		return 0;
	r = wait_for_bytes(f, &avail, e);
	if (r < 0)
		return r;
	if (avail - f->at > STREAM_FD_BUF)
		avail = f->at + STREAM_FD_BUF;
	do
		n = pread(f->layer->fd, f->buf, (size_t)(avail - f->at), (off_t)f->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "read");
	if (n == 0)
		return err_set(e, EBADMSG, "blob is shorter than %ju bytes",
			       (uintmax_t)f->layer->blob->size);
	f->at += (uint64_t)n;
	atomic_store(&f->shared->used, f->at);
	*data = f->buf;
	return n;
}

static void note(void *arg, const char *text)
{
	struct work_page *p = arg;
	uint32_t at = atomic_load(&p->notes);

	/* Two at once may lose one of them: these are only remarks. */
	if (at < MAX_WORK_NOTES && str_copy(p->note[at], WORK_NOTE_MAX, text))
		atomic_store(&p->notes, at + 1);
}

struct linker {
	int dir_fd;
	uint64_t count;
};

static int on_link(void *arg, const char *path, const char *target, struct err *e)
{
	struct linker *l = arg;

	l->count++;
	return links_note(l->dir_fd, path, target, e);
}

static int do_layer(struct work *w, size_t i, int dir_fd, int root_fd, char *buf,
		    struct err *e)
{
	const struct work_layer *l = &w->layer[i];
	struct follower f = { .layer = l, .shared = &w->page->layer[i], .buf = buf };
	struct stream_opts so = {
		.source = follow, .arg = &f, .blob = l->blob,
		.no_digest = l->is_verified, .want_diff = true,
	};
	struct linker links = { .dir_fd = dir_fd };
	struct unpack_opts uo = {
		.root_fd = root_fd, .form = w->form, .owners = w->owners,
		.warn = note, .arg = w->page,
		.link = w->form == SNAP_MERGED ? NULL : on_link, .link_arg = &links,
	};
	AUTO(stream) struct stream *s = NULL;
	struct unpack_stats stats = { .entries = 0 };
	struct stream_result res;
	int r = stream_open(&s, &so, e);

	if (r == 0 && root_fd >= 0)
		r = unpack_tar(&stats, &uo, stream_read, s, e);
	if (r == 0)
		r = stream_finish(s, &res, e);
	if (r < 0)
		return r;
	if (!digest_eq(&res.diff, l->diff))
		return err_set(e, EBADMSG, "its tar has not the diff id of the config");
	if (res.has_junk)
		note(w->page, "bytes after the end of a layer were ignored");
	f.shared->entries = stats.entries;
	f.shared->bytes = stats.bytes;
	f.shared->links = links.count;
	f.shared->is_bottom = stats.is_bottom;
	atomic_store(&f.shared->is_done, 1);
	return 0;
}

/* 0755 is what the root is when no layer says. */
static int open_root(const struct work *w, const struct work_job *j, struct err *e)
{
	int r = w->cloner ? w->cloner->clone(w->cloner, j->dir_fd, j->from_fd, e) : 0;

	if (r == 0)
		r = w->cloner ? fs_open_dir(j->dir_fd, "fs", e) :
				fs_mkdirs(j->dir_fd, "fs", 0755, e);
	return r < 0 ? err_ctx(e, r, "make the layer's directory") : r;
}

static int do_job(struct work *w, const struct work_job *j, char *buf,
		  struct err *e)
{
	AUTO_FD int root = -1;
	int r = 0;

	if (j->dir_fd >= 0) {
		root = open_root(w, j, e);
		if (root < 0)
			return root;
	}
	for (size_t i = j->first; i < j->first + j->count && r == 0; i++) {
		r = do_layer(w, i, j->dir_fd, root, buf, e);
		if (r < 0) {
			char text[DIGEST_TEXT_MAX];

			atomic_store(&w->page->layer[i].is_bad, r == -EBADMSG);
			digest_print(&w->layer[i].blob->digest, text);
			return err_ctx(e, r, "layer %.19s", text);
		}
	}
	return r;
}

static int worker_main(void *arg, struct err *e)
{
	struct work *w = arg;
	AUTO_FREE char *buf = mem_zero(STREAM_FD_BUF, 1);
	int r = 0;

	while (r == 0) {
		uint32_t i = atomic_fetch_add(&w->page->next_job, 1);

		if (i >= w->jobs)
			break;
		r = do_job(w, &w->job[i], buf, e);
	}
	return r;
}

/* --- the parent --- */

int work_start(struct work *w, unsigned max, const struct idmap *map,
	       struct err *e)
{
	struct enter_opts o = { .map = map };

	if (max > MAX_WORKERS)
		max = MAX_WORKERS;
	while (w->children < max && w->children < w->jobs) {
		int r = enter_start(&w->child[w->children], &o, worker_main, w, e);

		if (r < 0)
			return err_ctx(e, r, "start a worker");
		w->children++;
	}
	return 0;
}

int work_reap(struct work *w, size_t i, struct err *e)
{
	int r = enter_finish(&w->child[i], e);

	w->child[i] = w->child[--w->children];
	return r;
}

void work_tell(struct work *w, const struct image_progress *p)
{
	size_t count = atomic_load(&w->page->notes);

	for (; w->notes_told < count; w->notes_told++)
		if (p && p->note)
			p->note(p->arg, w->page->note[w->notes_told]);
}

int work_wait(struct work *w, const struct image_progress *p, struct err *e)
{
	while (w->children) {
		struct pollfd fds[MAX_WORKERS];

		for (size_t i = 0; i < w->children; i++)
			fds[i] = (struct pollfd){ .fd = w->child[i].result_fd,
						  .events = POLLIN };
		if (poll(fds, w->children, 100) < 0 && errno != EINTR)
			return err_sys(e, "poll");
		for (size_t i = w->children; i--;) {
			int r = fds[i].revents ? work_reap(w, i, e) : 0;

			if (r < 0)
				return r;
		}
		work_tell(w, p);
	}
	return 0;
}
