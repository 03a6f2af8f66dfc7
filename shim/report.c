#include "shim/report.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"

int report_init(struct report *r, int run_fd, int data_fd, const char *fallback,
		struct err *e)
{
	struct shim_page *p = &r->page;
	int ret;

	*r = (struct report){
		.run_fd = run_fd,
		.data_fd = data_fd,
		.fallback = fallback,
		.page = {
			.magic = SHIM_MAGIC,
			.version = SHIM_VERSION,
			.state = SHIM_CREATED,
		},
	};
	ret = clock_boot_id(p->shim.boot, e);
	if (ret < 0)
		return ret;
	p->shim.pid = getpid();
	return proc_start_time(p->shim.pid, &p->shim.start, e);
}

int report_resume(struct report *r, struct err *e)
{
	struct proc_id shim = r->page.shim;
	struct shim_page old;
	char bytes[sizeof(old) + 1];
	ssize_t len;
	int ret;

	ret = fs_read_small(r->run_fd, SHIM_PAGE_NAME, bytes, sizeof(bytes), &len, e);
	if (ret == 0)
		ret = shim_page_parse(&old, bytes, (size_t)len, e);
	if (ret < 0)
		return ret;
	if (old.state == SHIM_EXITED)
		return err_set(e, ESRCH, "the container has ended");
	if (proc_id_is_alive(&old.shim))
		return err_set(e, EALREADY, "the container has a shim");
	r->page = old;
	r->page.shim = shim;
	r->page.state = SHIM_RUNNING;
	r->page.flags = (old.flags | SHIM_F_ADOPTED) & ~SHIM_F_TTY;
	return 0;
}

int report_running(struct report *r, pid_t init, struct err *e)
{
	struct shim_page *p = &r->page;

	memcpy(p->init.boot, p->shim.boot, sizeof(p->init.boot));
	p->init.pid = init;
	p->state = SHIM_RUNNING;
	p->started_ns = clock_wall_ns();
	return proc_start_time(init, &p->init.start, e);
}

int report_page(struct report *r, struct err *e)
{
	return fs_replace(r->run_fd, SHIM_PAGE_NAME, &r->page, sizeof(r->page), 0600,
			  FS_NOSYNC, e);
}

void report_exit(struct report *r, int code)
{
	struct shim_page *p = &r->page;
	struct err lost = ERR_INIT;
	struct shim_exit x;

	if (r->recorded)
		return;
	r->recorded = true;
	p->finished_ns = clock_wall_ns();
	p->exit_code = code;
	p->state = SHIM_EXITED;
	memset(&x, 0, sizeof(x));
	x.magic = SHIM_MAGIC;
	x.version = SHIM_VERSION;
	x.exit_code = code;
	x.flags = p->flags;
	x.started_ns = p->started_ns;
	x.finished_ns = p->finished_ns;
	x.init = p->init;
	/* When neither can be written, a dead shim and a dead init under a
	 * page that says "running" still tell that the end is unknown. */
	if (fs_replace(r->data_fd, SHIM_EXIT_NAME, &x, sizeof(x), 0600,
		       r->durable ? FS_SYNC : FS_NOSYNC, &lost) < 0)
		err_clear(&lost);
	if (report_page(r, &lost) < 0)
		err_clear(&lost);
}

bool report_moved(struct report *r, const char *name)
{
	struct err lost = ERR_INIT;
	struct stat st;
	int fd;

	if (fstatat(r->run_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT || !*r->fallback)
		return false;
	fd = fs_mkdirs(AT_FDCWD, r->fallback, 0700, &lost);
	if (fd < 0 || fs_check_private(fd, r->fallback, &lost) < 0) {
		fd_auto(&fd);
		return false;
	}
	fd_auto(&r->run_fd);
	r->run_fd = fd;
	return report_page(r, &lost) == 0;
}

void report_clear(struct report *r)
{
	fd_auto(&r->run_fd);
	fd_auto(&r->data_fd);
}
