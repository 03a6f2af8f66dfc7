#include "lib/ctr/top.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/ctr/config.h"
#include "lib/ctr/foreign.h"
#include "rootless/idmap.h"

#define MAX_NS_DEPTH 32			/* the kernel's */
#define MAX_COMMAND KIB(4)

/* Fields of /proc/PID/stat behind the name, from 0. */
enum { STAT_STATE, STAT_PPID, STAT_TTY = 4, STAT_UTIME = 11, STAT_STIME, STAT_START = 19,
       STAT_VSIZE, STAT_RSS, STAT_FIELDS };

struct look {
	struct top *out;
	size_t cap;
	struct idmap map;
	struct stat ns;			/* the container's pid namespace */
	size_t level;			/* which number of NSpid is its own */
	uint64_t boot_ns;		/* since boot, now */
	uint64_t wall_ns;
	uint64_t tick_ns;
};

void top_clear(struct top *t)
{
	for (size_t i = 0; i < t->len; i++)
		free(t->v[i].command);
	free(t->v);
	*t = (struct top)TOP_INIT;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Is the process in that pid namespace, or in one below it? */
static bool is_inside(int proc, const struct stat *ns)
{
	AUTO_FD int fd = openat(proc, "ns/pid", O_RDONLY | O_CLOEXEC);
	struct stat st;

	for (unsigned i = 0; fd >= 0 && i < MAX_NS_DEPTH; i++) {
		int parent;

		if (fstat(fd, &st) < 0)
			return false;
		if (is_same(&st, ns))
			return true;
		parent = ioctl(fd, NS_GET_PARENT);
		fd_auto(&fd);
		fd = parent;
	}
	return false;
}

/* The numbers of "NAME:\t1\t2\t3" in a status file; how many there are. */
static size_t status_numbers(const char *text, const char *name, uint64_t *out, size_t max)
{
	AUTO_FREE char *find = mem_printf("\n%s:", name);
	const char *line = strstr(text, find);
	AUTO_FREE char *copy = NULL;
	char *save = NULL;
	size_t n = 0;

	if (!line)
		return 0;
	line += strlen(find);
	copy = mem_strn(line, strcspn(line, "\n"));
	for (char *w = strtok_r(copy, "\t ", &save); w && n < max;
	     w = strtok_r(NULL, "\t ", &save)) {
		struct err ignored = ERR_INIT;

		if (num_u64(w, 0, UINT32_MAX, &out[n], &ignored) < 0)
			break;
		n++;
	}
	return n;
}

static void read_status(struct top_proc *p, const struct look *l, const char *text)
{
	uint64_t n[MAX_NS_DEPTH + 1];
	size_t count;

	p->uid = p->gid = ID_NONE;
	if (status_numbers(text, "Uid", n, 4))
		p->uid = id_to_inside(&l->map.uids, (uint32_t)n[0]);
	if (status_numbers(text, "Gid", n, 4))
		p->gid = id_to_inside(&l->map.gids, (uint32_t)n[0]);
	count = status_numbers(text, "NSpid", n, ARRAY_SIZE(n));
	if (l->level < count)
		p->inner_pid = (pid_t)n[l->level];
}

static void set_tty(struct top_proc *p, uint64_t number)
{
	unsigned major = (unsigned)(number >> 8) & 0xfff;
	unsigned minor = (unsigned)((number & 0xff) | ((number >> 12) & 0xfff00));

	if (major >= 136 && major <= 143)	/* Unix98 pseudo terminals */
		snprintf(p->tty, sizeof(p->tty), "pts/%u", minor + (major - 136) * 256);
	else if (number)
		snprintf(p->tty, sizeof(p->tty), "%u:%u", major, minor);
	else
		snprintf(p->tty, sizeof(p->tty), "?");
}

static int read_stat(struct top_proc *p, const struct look *l, char *text, struct err *e)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	uint64_t n[STAT_FIELDS] = { 0 };
	uint64_t start_ns, age_ns;
	char *save = NULL;
	size_t i = 0;

	if (!open || !close)
		return err_set(e, EBADMSG, "process %d: not a stat file", (int)p->pid);
	*close = '\0';
	(void)str_copy(p->name, sizeof(p->name), open + 1);
	for (char *w = strtok_r(close + 1, " ", &save); w && i < STAT_FIELDS;
	     w = strtok_r(NULL, " ", &save), i++) {
		struct err negative = ERR_INIT;		/* then it stays 0 */

		if (i == STAT_STATE)
			p->state = w[0];
		else
			(void)!num_u64(w, 0, UINT64_MAX, &n[i], &negative);
	}
	p->ppid = (pid_t)n[STAT_PPID];
	set_tty(p, n[STAT_TTY]);
	p->cpu_ms = (n[STAT_UTIME] + n[STAT_STIME]) * l->tick_ns / NS_PER_MS;
	start_ns = n[STAT_START] * l->tick_ns;
	age_ns = start_ns < l->boot_ns ? l->boot_ns - start_ns : 0;
	p->started_ns = l->wall_ns - age_ns;
	if (age_ns > NS_PER_MS)
		p->percent = (unsigned)(p->cpu_ms * 100 / (age_ns / NS_PER_MS));
	p->vsz = n[STAT_VSIZE];
	p->rss = n[STAT_RSS] * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

/* The arguments with blanks between them. */
static char *read_command(int proc, const char *name)
{
	char *text = mem_zero(MAX_COMMAND, 1);
	struct err ignored = ERR_INIT;
	ssize_t len = 0;

	if (fs_read_small(proc, "cmdline", text, MAX_COMMAND, &len, &ignored) < 0)
		len = 0;
	while (len > 0 && !text[len - 1])
		len--;
	for (ssize_t i = 0; i < len; i++)
		if (!text[i] || text[i] == '\n')
			text[i] = ' ';
	if (len == 0)
		snprintf(text, MAX_COMMAND, "[%s]", name);
	str_mask(text);
	return text;
}

/* A process that ends while we look was not there. */
static int add_proc(int proc_dir, const char *name, unsigned char type UNUSED, void *arg,
		    struct err *e)
{
	struct look *l = arg;
	struct err gone = ERR_INIT;
	struct top_proc p = { .pid = 0 };
	char text[KIB(8)];
	AUTO_FD int proc = -1;
	uint64_t pid;
	ssize_t len;

	if (name[0] < '1' || name[0] > '9' || num_u64(name, 1, INT32_MAX, &pid, &gone) < 0)
		return 0;
	proc = openat(proc_dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || !is_inside(proc, &l->ns))
		return 0;
	p.pid = (pid_t)pid;
	if (fs_read_small(proc, "status", text, sizeof(text), &len, &gone) < 0)
		return 0;
	read_status(&p, l, text);
	if (fs_read_small(proc, "stat", text, sizeof(text), &len, &gone) < 0)
		return 0;
	if (read_stat(&p, l, text, e) < 0)
		return -e->code;
	str_mask(p.name);
	p.command = read_command(proc, p.name);
	if (l->out->len == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->out->v = mem_grow(l->out->v, l->cap, sizeof(p));
	}
	l->out->v[l->out->len++] = p;
	return 0;
}

static int compare_pid(const void *a, const void *b)
{
	pid_t one = ((const struct top_proc *)a)->pid, other = ((const struct top_proc *)b)->pid;

	return one < other ? -1 : one > other;
}

/* How many pid namespaces that /proc knows a process is below the own one of
 * that /proc. */
static int levels(size_t *out, int proc, const char *process, struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s/status", process);
	uint64_t pids[MAX_NS_DEPTH + 1];
	char text[KIB(8)];
	ssize_t len;
	int r = fs_read_small(proc, name, text, sizeof(text), &len, e);

	if (r < 0)
		return r;
	*out = status_numbers(text, "NSpid", pids, ARRAY_SIZE(pids));
	*out -= *out > 0;
	return 0;
}

/* The container's pid namespace; the init is held meanwhile, so that its
 * number cannot become another's. */
static int find_ns(struct look *l, int proc, const struct ctr_env *env, const struct ctr *c,
		   struct err *e)
{
	AUTO_FREE char *init = mem_printf("%d", (int)c->page.init.pid);
	AUTO_FREE char *first = foreign_process(env, c);
	AUTO_FREE char *name = mem_printf("%s/ns/pid", first);
	AUTO_FD int pidfd = proc_id_open(&c->page.init, e);
	size_t below = 0;
	int r;

	if (pidfd < 0)
		return pidfd;
	if (fstatat(proc, name, &l->ns, 0) < 0)
		return err_sys(e, "pid namespace of '%s'", c->row.name);
	r = levels(&l->level, proc, init, e);
	if (r == 0 && !str_eq(first, init))
		r = levels(&below, proc, first, e);
	l->level += below;
	return r;
}

int ctr_top(struct top *out, struct ctr_env *env, const struct ctr *c, struct err *e)
{
	AUTO(ctr_config) struct ctr_config config;
	AUTO(top) struct top top = TOP_INIT;
	struct look l = { .out = &top, .wall_ns = clock_wall_ns() };
	AUTO_FD int proc = -1;
	struct timespec boot;
	struct ids ids;
	int r;

	ctr_config_init(&config);
	if (!c->is_running)
		return err_hint(e, err_set(e, ESRCH, "container '%s' is not running", c->row.name),
				"container.exited");
	r = ctr_config_parse(&config, c->row.config, strlen(c->row.config), e);
	if (r == 0)
		r = ctr_ids(env, &config, &ids, e);
	if (r < 0)
		return r;
	l.map = ids.map;
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	l.boot_ns = (uint64_t)boot.tv_sec * NS_PER_S + (uint64_t)boot.tv_nsec;
	l.tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	proc = fs_open_dir(AT_FDCWD, "/proc", e);
	r = proc < 0 ? proc : find_ns(&l, proc, env, c, e);
	if (r == 0)
		r = fs_each(proc, add_proc, &l, e);
	if (r < 0)
		return r;
	qsort(top.v, top.len, sizeof(*top.v), compare_pid);
	*out = top;
	top = (struct top)TOP_INIT;
	return 0;
}
