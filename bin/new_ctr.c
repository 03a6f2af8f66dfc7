#include "bin/new_ctr.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/fmt/platform.h"
#include "lib/image/docs.h"
#include "lib/ctr/start.h"

int image_tool(const struct app *app, const struct ctr_env *env, char *const *words,
	       struct err *e)
{
	const struct proc_fd fds[] = {
		{ STDERR_FILENO, STDOUT_FILENO }, { STDERR_FILENO, STDERR_FILENO },
	};
	struct proc_spec spec = { .path = env->image_program, .fds = fds, .fd_count = 2 };
	AUTO(strv) struct strv argv = STRV_INIT;
	AUTO(proc) struct proc p = PROC_INIT;
	int status;
	int r;

	strv_add(&argv, "coracle");
	strv_add(&argv, "--data-dir");
	strv_add(&argv, app->data_dir);
	strv_add(&argv, "-n");
	strv_add(&argv, app->ns);
	for (; *words; words++)
		strv_add(&argv, *words);
	spec.argv = argv.v;
	r = proc_spawn(&p, &spec, e);
	if (r == 0)
		r = proc_wait(&p, &status, e);
	if (r < 0)
		return r;
	/* It has said what was wrong. */
	return status ? err_set(e, EIO, "%s failed", argv.v[5]) : 0;
}

/* Is the image what --platform asks for?  -ENOENT when it is another's. */
static int check_platform(struct ctr_env *env, const struct image *image, const char *name,
			  const char *text, struct err *e)
{
	AUTO(platform) struct platform host = PLATFORM_INIT, want = PLATFORM_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	AUTO(buf) struct buf have = BUF_INIT(KIB(1));
	struct utsname u;
	int r;

	if (uname(&u) < 0)
		return err_sys(e, "uname");
	platform_host(&host, u.sysname, u.machine);
	r = platform_parse(&want, text, &host, e);
	if (r == 0)
		r = ctr_image_docs(&docs, env, image, e);
	if (r < 0 || platform_match(&want, &docs.config.platform))
		return r;
	platform_print(&docs.config.platform, &have);
	return err_set(e, ENOENT, "image '%s' in the store is for %s, not %s", name, have.data,
		       text);
}

static int ensure_image(struct app *app, struct ctr_env *env, const struct create_args *a,
			const char *name, struct err *e)
{
	const char *policy = str_or(a->pull, "missing");
	char *words[7] = { (char *)"pull", (char *)"--policy", (char *)policy };
	AUTO(image) struct image image = IMAGE_INIT;
	size_t n = 3;
	int r;

	if (str_eq(policy, "missing") || str_eq(policy, "never")) {
		r = ctr_find_image(&image, env, name, e);
		if (r == 0 && a->platform)
			r = check_platform(env, &image, name, a->platform, e);
		if (r != -ENOENT || str_eq(policy, "never"))
			return r;
		err_clear(e);
	}
	if (a->platform) {
		words[n++] = (char *)"--platform";
		words[n++] = (char *)a->platform;
	}
	words[n++] = (char *)name;
	r = image_tool(app, env, words, e);
	return r < 0 ? err_ctx(e, r, "image '%s'", name) : 0;
}

/* Made before the container, so that an old one is never taken for new. */
static int open_cidfile(const struct app *app, const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666 & ~app->umask);

	return fd < 0 ? err_sys(e, "--cidfile '%s'", path) : fd;
}

int new_ctr(struct ctr_bundle *out, struct ctr_prepared *start, struct app *app,
	    struct ctr_env *env, const struct create_args *a, char **operands, int count,
	    struct err *e)
{
	AUTO(ctr_config) struct ctr_config config;
	struct ctr_create_in in = { .config = &config, .name = a->name, .is_started_next = start };
	AUTO_FD int cidfile = -1;
	int r;

	ctr_config_init(&config);
	r = create_config(&config, &in.given_entrypoint, a, operands, count, e);
	if (r == 0)
		r = env_begin(env, app, e);
	/* Its start and our work on the store go on side by side. */
	if (r == 0 && start) {
		r = ctr_prepare(start, env, &config, e);
		in.id = start->id;
	}
	if (r == 0)
		r = env_init(env, app, e);
	if (r == 0 && !a->rootfs)
		r = ensure_image(app, env, a, operands[0], e);
	if (r < 0)
		return r;
	if (a->cidfile) {
		cidfile = open_cidfile(app, a->cidfile, e);
		if (cidfile < 0)
			return cidfile;
	}
	r = ctr_create(out, env, &in, e);
	if (r == 0 && cidfile >= 0)
		r = fs_write_all(cidfile, out->id, strlen(out->id), e);
	if (r < 0 && cidfile >= 0)
		(void)unlink(a->cidfile);
	env_say(env, app);
	return r;
}
