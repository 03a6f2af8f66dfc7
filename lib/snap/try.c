#include "lib/snap/try.h"

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Does it say nothing of this machine?  Without the ids nothing was tried, who
 * was killed did not finish, and of these there will be enough again. */
static bool is_passing(const struct err *e)
{
	static const int codes[] = { EAGAIN, EDQUOT, EINTR, EMFILE, ENFILE, ENOMEM, ENOSPC,
				     EROFS };
	bool is_short = false;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		is_short |= e->code == codes[i];
	return str_eq(e->key, "userns.helper") || (is_short && !str_eq(e->key, "userns.none"));
}

int snap_try(const struct snap_env *env, struct snap_try *t, enter_fn *fn, struct err *e)
{
	AUTO_FREE char *name = mem_printf(FS_NEW "probe-%d", (int)getpid());
	AUTO_FREE char *path = mem_printf("%s/%s", env->base, name);
	struct enter_opts o = { .map = env->map, .mount_ns = env->map };
	struct err ignored = ERR_INIT;
	AUTO_FD int base = fs_open_dir(AT_FDCWD, env->base, e);
	AUTO_FD int dir = -1;
	int r;

	if (base < 0)
		return base;
	dir = fs_mkdirs(base, name, 0700, e);
	if (dir < 0)
		return dir;
	t->dir = path;
	r = enter_run(&o, fn, t, e);
	if (enter_rmtree(&o, base, name, &ignored) < 0) {
		err_clear(&ignored);
		(void)!fs_rmtree(base, name, &ignored);
	}
	if (r == 0 || is_passing(e))
		return r;
	e->code = ENOTSUP;
	return -ENOTSUP;
}
