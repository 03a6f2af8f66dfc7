#include "bin/oci.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/runtime/plan.h"

#define STATE "state.json"

const char *oci_status_name(enum oci_status s)
{
	static const char *const names[] = {
		[OCI_CREATING] = "creating",
		[OCI_CREATED] = "created",
		[OCI_RUNNING] = "running",
		[OCI_PAUSED] = "paused",
		[OCI_STOPPED] = "stopped",
	};

	return names[s];
}

void oci_box_clear(struct oci_box *b)
{
	free_auto(&b->id);
	fd_auto(&b->dir);
	oci_state_clear(&b->state);
}

/* What runc takes: more than our own names may have. */
static int check_id(const char *id, struct err *e)
{
	size_t len = strlen(id);

	if (len && len <= MAX_COMPONENT && !str_eq(id, ".") && !str_eq(id, "..") &&
	    strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.") == len)
		return 0;
	return err_set(e, EINVAL, "'%s' is not a container id: letters, digits and _+-.", id);
}

static int missing(const char *id, struct err *e)
{
	return err_set(e, ENOENT, "container '%s' does not exist", id);
}

/* Whoever deletes it while we wait for the lock leaves us a directory without
 * a name. */
static int lock(struct oci_box *b, const char *id, struct err *e)
{
	struct stat st;
	int r;

	do
		r = flock(b->dir, LOCK_EX);
	while (r < 0 && errno == EINTR);
	if (r < 0 || fstat(b->dir, &st) < 0)
		return err_sys(e, "lock container '%s'", id);
	return st.st_nlink ? 0 : missing(id, e);
}

/* By somebody else. */
static bool is_locked(int dir)
{
	if (flock(dir, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	(void)flock(dir, LOCK_UN);
	return false;
}

int oci_box_make(struct oci_box *out, const struct oci *o, const char *id, struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	AUTO_FD int root = -1;
	int r = check_id(id, e);

	if (r < 0)
		return r;
	root = fs_mkdirs(AT_FDCWD, o->root, 0700, e);
	if (root < 0)
		return root;
	if (mkdirat(root, id, 0700) < 0)
		return errno == EEXIST ?
			err_set(e, EEXIST, "container '%s' exists already", id) :
			err_sys(e, "make '%s/%s'", o->root, id);
	b.dir = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (b.dir < 0)
		return err_sys(e, "open '%s/%s'", o->root, id);
	r = lock(&b, id, e);
	if (r < 0)
		return r;
	b.id = mem_str(id);
	*out = b;
	b = (struct oci_box)OCI_BOX_INIT;
	return 0;
}

void oci_box_unlock(struct oci_box *b)
{
	(void)flock(b->dir, LOCK_UN);
}

/* Without one its creation has only begun, or ended there. */
static int load_state(struct oci_box *b, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	struct err why = ERR_INIT;
	struct stat st;
	int r = fs_read(b->dir, STATE, &text, &why);

	if (r == 0)
		return oci_state_parse(&b->state, text.data, text.len, e);
	if (r != -ENOENT)
		return err_move(e, &why);
	if (fstat(b->dir, &st) < 0 || !st.st_nlink)
		return missing(b->id, e);
	b->state.id = mem_str(b->id);
	b->state.owner = st.st_uid;
	b->state.created_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u +
			      (uint64_t)st.st_mtim.tv_nsec;
	return 0;
}

int oci_box_open(struct oci_box *out, const struct oci *o, const char *id,
		 enum oci_access access, struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	AUTO_FREE char *path = mem_printf("%s/%s", o->root, id);
	int r = check_id(id, e);

	if (r < 0)
		return r;
	b.id = mem_str(id);
	b.dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (b.dir < 0)
		return errno == ENOENT ? missing(id, e) : err_sys(e, "open '%s'", path);
	/* Before the state is read: what nobody holds now does not change after. */
	if (access == OCI_CHANGE)
		r = lock(&b, id, e);
	else
		b.is_busy = is_locked(b.dir);
	if (r == 0)
		r = load_state(&b, e);
	if (r < 0)
		return r;
	*out = b;
	b = (struct oci_box)OCI_BOX_INIT;
	return 0;
}

int oci_box_save(struct oci_box *b, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	int r;

	oci_state_print(&b->state, &text);
	r = buf_ok(&text, "state", e);
	return r < 0 ? r : fs_replace(b->dir, STATE, text.data, text.len, 0600, FS_NOSYNC, e);
}

int oci_box_drop(struct oci_box *b, const struct oci *o, struct err *e)
{
	AUTO_FD int root = fs_open_dir(AT_FDCWD, o->root, e);

	return root < 0 ? root : fs_rmtree(root, b->id, e);
}

int oci_box_cgroup(const struct oci_box *b)
{
	char boot[BOOT_ID_LEN + 1];
	struct err none = ERR_INIT;

	if (!b->state.cgroup || clock_boot_id(boot, &none) < 0 ||
	    !str_eq(boot, b->state.init.boot))
		return -1;
	return cgroup_open_path(b->state.cgroup, &none);
}

static bool is_frozen(const struct oci_box *b)
{
	AUTO_FD int cgroup = oci_box_cgroup(b);

	return cgroup >= 0 && cgroup_is_frozen(cgroup);
}

enum oci_status oci_box_status(const struct oci_box *b)
{
	if (!b->state.init.pid && b->is_busy)
		return OCI_CREATING;
	if (!proc_id_is_alive(&b->state.init))
		return OCI_STOPPED;
	if (is_frozen(b))
		return OCI_PAUSED;
	return rt_is_waiting(b->dir, OCI_START) ? OCI_CREATED : OCI_RUNNING;
}

int oci_box_init(const struct oci_box *b, struct err *e)
{
	struct err gone = ERR_INIT;
	int fd = proc_id_open(&b->state.init, &gone);

	/* containerd knows a process that has ended by these words */
	return fd >= 0 ? fd : err_set(e, ESRCH, "container '%s': container not running", b->id);
}

int oci_box_save_spec(const struct oci_box *b, const struct spec *s, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	int r;

	spec_print(s, &text);
	r = buf_ok(&text, "config.json", e);
	return r < 0 ? r : fs_replace(b->dir, OCI_CONFIG, text.data, text.len, 0600,
				      FS_NOSYNC, e);
}

int oci_box_spec(struct spec *out, const struct oci_box *b, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	int r = fs_read(b->dir, OCI_CONFIG, &text, e);

	if (r == 0)
		r = spec_parse(out, text.data, text.len, e);
	return r < 0 ? err_ctx(e, r, "container '%s'", b->id) : 0;
}

int oci_box_plan(struct buf *out, const struct oci_box *b, struct err *e)
{
	int r = fs_read(b->dir, OCI_PLAN, out, e);

	if (r == 0)
		r = plan_check(out->data, out->len, e);
	return r < 0 ? err_ctx(e, r, "container '%s'", b->id) : 0;
}

static int add_name(int dirfd UNUSED, const char *name, unsigned char type, void *arg,
		    struct err *e UNUSED)
{
	if (type == DT_DIR || type == DT_UNKNOWN)
		strv_add(arg, name);
	return 0;
}

int oci_list(struct strv *out, const struct oci *o, struct err *e)
{
	AUTO_FD int root = open(o->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open '%s'", o->root);
	r = fs_each(root, add_name, out, e);
	strv_sort(out);
	return r;
}
