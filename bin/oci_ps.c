/* coracle-oci ps: the processes of a container. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bin/oci.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"

#define MAX_CGROUP_DEPTH 64

static bool add_pid(struct oci_pids *p, const char *text)
{
	struct err no_pid = ERR_INIT;
	uint64_t pid;

	if (num_u64(text, 1, INT32_MAX, &pid, &no_pid) < 0)
		return false;
	p->v = mem_more(p->v, p->len, sizeof(*p->v));
	p->v[p->len++] = (pid_t)pid;
	return true;
}

/* --- by cgroup --- */

struct walk {
	struct oci_pids *pids;
	unsigned depth;
};

static int add_procs(int dirfd, struct walk *w, struct err *e);

static int add_below(int dirfd, const char *name, unsigned char type, void *arg, struct err *e)
{
	struct walk *w = arg;
	AUTO_FD int fd = -1;
	int r;

	if (type != DT_DIR || w->depth == MAX_CGROUP_DEPTH)
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	w->depth++;
	r = fd < 0 ? 0 : add_procs(fd, w, e);
	w->depth--;
	return r;
}

static int add_procs(int dirfd, struct walk *w, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MIB(1));
	AUTO_FD int fd = openat(dirfd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char chunk[KIB(4)], *save = NULL;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0)
		(void)buf_add(&text, chunk, (size_t)n);
	for (char *l = strtok_r(text.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		(void)add_pid(w->pids, l);
	return fs_each(dirfd, add_below, w, e);
}

/* --- by pid namespace --- */

struct search {
	struct oci_pids *pids;
	struct stat ns;
};

static int add_if_inside(int dirfd, const char *name, unsigned char type UNUSED, void *arg,
			 struct err *e UNUSED)
{
	AUTO_FREE char *ns = mem_printf("%s/ns/pid", name);
	struct search *s = arg;
	struct stat st;

	if (*name >= '1' && *name <= '9' && fstatat(dirfd, ns, &st, 0) == 0 &&
	    st.st_ino == s->ns.st_ino && st.st_dev == s->ns.st_dev)
		(void)add_pid(s->pids, name);
	return 0;
}

static int by_namespace(struct oci_pids *out, const struct oci_box *b, struct err *e)
{
	AUTO_FREE char *init = mem_printf("%d/ns/pid", b->state.init.pid);
	AUTO_FD int proc = fs_open_dir(AT_FDCWD, "/proc", e);
	struct search s = { .pids = out };
	struct stat own;

	if (proc < 0)
		return proc;
	if (fstatat(proc, init, &s.ns, 0) < 0 || fstatat(proc, "self/ns/pid", &own, 0) < 0)
		return err_sys(e, "container '%s': its processes", b->id);
	if (s.ns.st_ino != own.st_ino)
		return fs_each(proc, add_if_inside, &s, e);
	/* It shares ours: of its init we know. */
	out->v = mem_more(out->v, out->len, sizeof(*out->v));
	out->v[out->len++] = b->state.init.pid;
	return 0;
}

int oci_pids(struct oci_pids *out, const struct oci_box *b, struct err *e)
{
	AUTO_FD int cgroup = oci_box_cgroup(b);
	struct walk w = { .pids = out };

	if (cgroup >= 0)
		return add_procs(cgroup, &w, e);
	return proc_id_is_alive(&b->state.init) ? by_namespace(out, b, e) : 0;
}

/* --- the command --- */

struct ps_args {
	const char *format;
};

static const struct opt ps_opts[] = {
	CHOICE(struct ps_args, format, 'f', "format", "table json", "Rows of ps(1), or pids"),
	{ .kind = OPT_END },
};

static bool has_pid(const struct oci_pids *p, const char *text)
{
	struct err no_pid = ERR_INIT;
	uint64_t pid;

	if (num_u64(text, 1, INT32_MAX, &pid, &no_pid) < 0)
		return false;
	for (size_t i = 0; i < p->len; i++)
		if (p->v[i] == (pid_t)pid)
			return true;
	return false;
}

/* The word of that column, cut off in place. */
static char *word_at(char *line, size_t column)
{
	char *save = NULL;
	char *word = strtok_r(line, " ", &save);

	for (; word && column; column--)
		word = strtok_r(NULL, " ", &save);
	return word;
}

/* The lines of ps that are the container's, under their header. */
static int print_rows(struct app *app, char *text, const struct oci_pids *pids, struct err *e)
{
	size_t column = 0;
	bool found = false;
	char *save = NULL;
	char *line = strtok_r(text, "\n", &save);

	for (; line && !found; column++) {
		AUTO_FREE char *copy = mem_str(line);
		const char *word = word_at(copy, column);

		if (!word)
			return err_set(e, EINVAL, "ps: its output has no column PID");
		found = str_eq(word, "PID");
	}
	if (line)
		app_printf(app, "%s\n", line);
	while ((line = strtok_r(NULL, "\n", &save))) {
		AUTO_FREE char *copy = mem_str(line);
		const char *word = word_at(copy, column - 1);

		if (word && has_pid(pids, word))
			app_printf(app, "%s\n", line);
	}
	return 0;
}

static int print_table(struct app *app, const struct oci_pids *pids, char **operands, int count,
		       struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MIB(64));
	AUTO(strv) struct strv argv = STRV_INIT;
	struct proc_spec ps = { .path = "ps", .search = true };
	int r;

	strv_add(&argv, "ps");
	for (int i = 0; i < count; i++)
		strv_add(&argv, operands[i]);
	if (!count)
		strv_add(&argv, "-ef");
	ps.argv = strv_args(&argv);
	r = proc_run(&ps, NULL, &text, e);
	return r < 0 ? r : print_rows(app, text.data, pids, e);
}

static int ps_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	AUTO(oci_pids) struct oci_pids pids = { .v = NULL };
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	const struct ps_args *a = args;
	int r = oci_box_open(&b, oci_of(app), operands[0], OCI_LOOK, e);

	if (r == 0)
		r = oci_pids(&pids, &b, e);
	if (r < 0)
		return r;
	if (!str_eq(a->format, "json"))
		return print_table(app, &pids, operands + 1, count - 1, e);
	app_printf(app, "[");
	for (size_t i = 0; i < pids.len; i++)
		app_printf(app, "%s%d", i ? "," : "", pids.v[i]);
	app_printf(app, "]\n");
	return 0;
}

const struct cmd oci_cmd_ps = {
	.name = "ps",
	.summary = "List the processes of a container",
	.operands = "ID [PS-OPTION...]",
	.min = 1,
	.max = -1,
	.about = "Rows of ps(1), which is run with the given options (-ef without any); "
		 "with --format json before the ID, their pids.",
	.example = "coracle-oci ps web -eo pid,comm",
	.opts = ps_opts,
	.args_size = sizeof(struct ps_args),
	.stop_at_operand = true,
	.run = ps_run,
};
