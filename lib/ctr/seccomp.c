#include "lib/ctr/seccomp.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/ctr/ctr.h"

/* Two different profiles must not meet in the cache by accident; nobody but
 * the user can choose them, so a plain hash will do. */
static void profile_name(char out[static 64], const char *profile, uint64_t caps,
			 const char *compiler)
{
	uint64_t a = 14695981039346656037ull, b = 0x9e3779b97f4a7c15ull;
	struct stat st = { .st_size = 0 };

	for (const char *p = profile ? profile : "default"; *p; p++) {
		a = (a ^ (unsigned char)*p) * 1099511628211ull;
		b = (b + (unsigned char)*p) * 0xff51afd7ed558ccdull;
		b ^= b >> 29;
	}
	/* another compiler may have another default */
	(void)!stat(compiler, &st);
	a ^= (uint64_t)st.st_mtim.tv_sec * 0x9e3779b97f4a7c15ull ^ (uint64_t)st.st_mtim.tv_nsec;
	snprintf(out, 64, "%016llx%016llx-%llx", (unsigned long long)a, (unsigned long long)b,
		 (unsigned long long)caps);
}

static bool is_filter(const struct buf *b)
{
	return b->len && b->len % sizeof(struct sock_filter) == 0 &&
	       b->len / sizeof(struct sock_filter) <= BPF_MAXINSNS;
}

static int compile(struct buf *out, struct ctr_env *env, const char *profile,
		   uint64_t caps, struct err *e)
{
	char mask[24];
	char *argv[] = { (char *)"coracle-oci", (char *)"seccomp", mask,
			 profile ? (char *)"/dev/stdin" : NULL, NULL };
	const struct proc_spec spec = { .path = env->oci_program, .argv = argv };
	int r;

	snprintf(mask, sizeof(mask), "%llx", (unsigned long long)caps);
	r = proc_run(&spec, profile, out, e);
	if (r < 0)
		return err_ctx(e, r, "compile the seccomp profile");
	if (!is_filter(out))
		return err_set(e, EBADMSG, "compile the seccomp profile: no filter came back");
	return 0;
}

static int find_filter(struct buf *out, struct ctr_env *env, const char *text,
		       uint64_t caps, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/seccomp", env->cache_dir);
	struct err ignored = ERR_INIT;
	AUTO_FD int dir = -1;
	char name[64];
	int r;

	profile_name(name, text, caps, env->oci_program);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && fs_read(dir, name, out, &ignored) == 0 && is_filter(out))
		return 0;
	err_clear(&ignored);
	buf_reset(out);
	r = compile(out, env, text, caps, e);
	if (r < 0)
		return r;
	if (dir < 0)
		dir = fs_mkdirs(AT_FDCWD, path, 0700, &ignored);
	/* A cache that cannot be written costs time, no more. */
	if (dir >= 0)
		(void)!fs_replace(dir, name, out->data, out->len, 0600, FS_NOSYNC, &ignored);
	return 0;
}

int ctr_seccomp_filter(struct buf *out, struct secprof *profile, struct ctr_env *env,
		       const char *text, uint64_t caps, struct err *e)
{
	int r = text ? secprof_parse(profile, text, strlen(text), e) : 0;

	return r < 0 ? r : find_filter(out, env, text, caps, e);
}
