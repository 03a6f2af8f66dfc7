#include "lib/os/cgroup_limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/cgfile.h"
#include "lib/os/cgroup_stats.h"

#define RESOURCES "linux.resources."
#define DEFAULT_PERIOD 100000
#define MAX_FILE 4096

static bool is_set(int64_t v)
{
	return v != SPEC_UNSET;
}

/* Zero stands for "not said" where it would stop everything. */
static bool is_given(int64_t v)
{
	return is_set(v) && v != 0;
}

/* --- conversions --- */

/* 2..262144 to 1..10000, as runc and crun convert. */
int64_t cgroup_cpu_weight(int64_t shares)
{
	if (shares < 2)
		shares = 2;
	if (shares > 262144)
		shares = 262144;
	return 1 + (shares - 2) * 9999 / 262142;
}

/* 10..1000 to 1..10000 */
int64_t cgroup_io_weight(int64_t weight)
{
	return weight < 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

int64_t cgroup_swap_alone(const struct spec_resources *r)
{
	/* Without a limit of memory none of both together: as cgroup v1. */
	if (!is_given(r->memory_swap))
		return r->memory_limit == -1 ? -1 : SPEC_UNSET;
	return r->memory_swap < 0 ? -1 : r->memory_swap - r->memory_limit;
}

int64_t cgroup_pids(int64_t limit)
{
	return limit ? limit : 1;
}

/* --- what is possible --- */

static int refuse(struct err *e, const char *member, const char *why)
{
	return err_set(e, EOPNOTSUPP, RESOURCES "%s: cgroup v2 has %s", member, why);
}

static int check_absent(const struct spec_resources *r, struct err *e)
{
	if (is_set(r->memory_swappiness))
		return refuse(e, "memory.swappiness", "no swappiness");
	if (r->memory_no_oom_killer)
		return refuse(e, "memory.disableOOMKiller", "always an OOM killer");
	if (is_given(r->cpu_rt_runtime))
		return refuse(e, "cpu.realtimeRuntime", "no real-time bandwidth");
	if (is_given(r->cpu_rt_period))
		return refuse(e, "cpu.realtimePeriod", "no real-time bandwidth");
	if (is_given(r->io_leaf_weight))
		return refuse(e, "blockIO.leafWeight", "no weight of leaves");
	for (size_t i = 0; i < r->io_weight_count; i++)
		if (is_given(r->io_weights[i].leaf_weight))
			return refuse(e, "blockIO.weightDevice.leafWeight",
				      "no weight of leaves");
	if (is_given(r->net_class))
		return refuse(e, "network.classID", "no net_cls");
	if (r->net_priorities.len)
		return refuse(e, "network.priorities", "no net_prio");
	return 0;
}

static int check_sums(const struct spec_resources *r, struct err *e)
{
	if (is_given(r->memory_swap) && r->memory_swap > 0) {
		if (!is_given(r->memory_limit) || r->memory_limit < 0)
			return err_set(e, EINVAL, RESOURCES "memory.swap: "
				       "needs a limit of memory, which it includes");
		if (r->memory_swap < r->memory_limit)
			return err_set(e, EINVAL, RESOURCES "memory.swap: "
				       "less than the limit of memory, which it includes");
	}
	if (is_given(r->cpu_burst) && r->cpu_quota > 0 && r->cpu_burst > r->cpu_quota)
		return err_set(e, EINVAL, RESOURCES "cpu.burst: more than the quota");
	return 0;
}

/* "file=value"; the file must be a plain name of a controller's. */
static int split_unified(char file[static MAX_COMPONENT + 1], const char *text,
			 struct err *e)
{
	size_t len = strcspn(text, "=");

	if (len <= MAX_COMPONENT) {
		memcpy(file, text, len);
		file[len] = '\0';
		if (text[len] && str_is_component(file) && strchr(file, '.') &&
		    !str_starts(file, "cgroup."))
			return 0;
	}
	return err_set(e, EINVAL, RESOURCES "unified: '%.*s' is not a controller's file",
		       (int)(len < MAX_COMPONENT ? len : MAX_COMPONENT), text);
}

static int check_use(int fd, const struct spec_resources *r, struct err *e)
{
	uint64_t used;

	if (fd < 0 || !r->memory_check_before_update || r->memory_limit <= 0)
		return 0;
	used = cgroup_figure(fd, "memory.current", NULL, 0);
	return used <= (uint64_t)r->memory_limit ? 0 :
		err_set(e, EBUSY, RESOURCES "memory.limit: %" PRId64 ", but %" PRIu64
			" bytes are in use", r->memory_limit, used);
}

int cgroup_check_limits(const struct spec_resources *r, int fd, struct strv *notes,
			struct err *e)
{
	char file[MAX_COMPONENT + 1];
	int x = check_absent(r, e);

	if (x == 0)
		x = check_sums(r, e);
	for (size_t i = 0; x == 0 && i < r->unified.len; i++)
		x = split_unified(file, r->unified.v[i], e);
	if (x == 0)
		x = check_use(fd, r, e);
	if (x < 0 || !notes)
		return x;
	if (is_given(r->memory_kernel) && r->memory_kernel > 0)
		strv_add(notes, RESOURCES "memory.kernel: without effect, "
				"the kernel's memory counts as memory");
	if (is_given(r->memory_kernel_tcp) && r->memory_kernel_tcp > 0)
		strv_add(notes, RESOURCES "memory.kernelTCP: without effect, "
				"the kernel's memory counts as memory");
	return 0;
}

/* --- limits one by one --- */

struct limit {
	const char *file;		/* what is before the dot is the controller */
	const char *value;
};

typedef int limit_fn(const struct limit *l, void *arg, struct err *e);

/* "max", "max 100000": nothing is lost where it cannot be written. */
static bool is_no_limit(const struct limit *l)
{
	return str_starts(l->value, "max");
}

/* What the order and the names of the files depend on. */
struct course {
	bool memory_first;		/* before swap */
	bool burst_first;		/* before the quota */
	bool has_bfq;
	limit_fn *each;
	void *arg;
};

static int give(const struct course *c, struct err *e, const char *file, const char *fmt, ...)
	PRINTF(4, 5);

static int give(const struct course *c, struct err *e, const char *file, const char *fmt, ...)
{
	char value[256];
	struct limit l = { .file = file, .value = value };
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	return c->each(&l, c->arg, e);
}

static int give_number(const struct course *c, struct err *e, const char *file, int64_t value)
{
	return value < 0 ? give(c, e, file, "max") : give(c, e, file, "%" PRId64, value);
}

static int give_memory_max(const struct course *c, const struct spec_resources *r,
			   struct err *e)
{
	return is_given(r->memory_limit) ?
		give_number(c, e, "memory.max", r->memory_limit) : 0;
}

static int each_memory(const struct course *c, const struct spec_resources *r, struct err *e)
{
	int64_t swap = cgroup_swap_alone(r);
	int x = 0;

	if (is_given(r->memory_reservation))
		x = give_number(c, e, "memory.low", r->memory_reservation);
	if (x == 0 && c->memory_first)
		x = give_memory_max(c, r, e);
	if (x == 0 && is_set(swap))
		x = give_number(c, e, "memory.swap.max", swap);
	if (x == 0 && !c->memory_first)
		x = give_memory_max(c, r, e);
	return x;
}

static int give_burst(const struct course *c, const struct spec_resources *r, struct err *e)
{
	return is_set(r->cpu_burst) ? give_number(c, e, "cpu.max.burst", r->cpu_burst) : 0;
}

static int give_quota(const struct course *c, const struct spec_resources *r, struct err *e)
{
	int64_t period = is_given(r->cpu_period) ? r->cpu_period : DEFAULT_PERIOD;

	if (!is_given(r->cpu_quota) && !is_given(r->cpu_period))
		return 0;
	if (!is_given(r->cpu_quota) || r->cpu_quota < 0)
		return give(c, e, "cpu.max", "max %" PRId64, period);
	return give(c, e, "cpu.max", "%" PRId64 " %" PRId64, r->cpu_quota, period);
}

static int each_cpu(const struct course *c, const struct spec_resources *r, struct err *e)
{
	int x = 0;

	/* What is idle has no weight, and refuses one. */
	if (is_set(r->cpu_idle))
		x = give_number(c, e, "cpu.idle", r->cpu_idle);
	if (x == 0 && is_given(r->cpu_shares) && r->cpu_idle != 1)
		x = give_number(c, e, "cpu.weight", cgroup_cpu_weight(r->cpu_shares));
	if (x == 0 && c->burst_first)
		x = give_burst(c, r, e);
	if (x == 0)
		x = give_quota(c, r, e);
	if (x == 0 && !c->burst_first)
		x = give_burst(c, r, e);
	if (x == 0 && r->cpuset_cpus)
		x = c->each(&(struct limit){ "cpuset.cpus", r->cpuset_cpus }, c->arg, e);
	if (x == 0 && r->cpuset_mems)
		x = c->each(&(struct limit){ "cpuset.mems", r->cpuset_mems }, c->arg, e);
	return x;
}

static int each_pids(const struct course *c, const struct spec_resources *r, struct err *e)
{
	return is_set(r->pids_limit) ?
		give_number(c, e, "pids.max", cgroup_pids(r->pids_limit)) : 0;
}

static int each_weight(const struct course *c, const struct spec_resources *r, struct err *e)
{
	const char *file = c->has_bfq ? "io.bfq.weight" : "io.weight";
	int x = 0;

	if (is_given(r->io_weight))
		x = give_number(c, e, file, c->has_bfq ? r->io_weight :
						cgroup_io_weight(r->io_weight));
	for (size_t i = 0; x == 0 && i < r->io_weight_count; i++) {
		const struct spec_io_weight *w = &r->io_weights[i];

		if (is_given(w->weight))
			x = give(c, e, file, "%" PRId64 ":%" PRId64 " %" PRId64, w->major,
				 w->minor, c->has_bfq ? w->weight :
						cgroup_io_weight(w->weight));
	}
	return x;
}

static int each_throttle(const struct course *c, const struct spec_resources *r, struct err *e)
{
	static const char *const words[SPEC_THROTTLE_KINDS] = {
		[SPEC_READ_BPS] = "rbps",
		[SPEC_WRITE_BPS] = "wbps",
		[SPEC_READ_IOPS] = "riops",
		[SPEC_WRITE_IOPS] = "wiops",
	};
	int x = 0;

	for (size_t i = 0; x == 0 && i < r->throttle_count; i++) {
		const struct spec_throttle *t = &r->throttles[i];

		if (t->rate)
			x = give(c, e, "io.max", "%" PRId64 ":%" PRId64 " %s=%" PRIu64, t->major,
				 t->minor, words[t->kind], t->rate);
		else
			x = give(c, e, "io.max", "%" PRId64 ":%" PRId64 " %s=max", t->major,
				 t->minor, words[t->kind]);
	}
	return x;
}

/* What is reserved and what is used: the first is refused at mmap, the other
 * ends in SIGBUS. */
static int each_hugepages(const struct course *c, const struct spec_resources *r,
			  struct err *e)
{
	char file[64];
	int x = 0;

	for (size_t i = 0; x == 0 && i < r->hugepages_count; i++) {
		const struct spec_hugepages *h = &r->hugepages[i];

		(void)snprintf(file, sizeof(file), "hugetlb.%s.rsvd.max", h->page_size);
		x = give(c, e, file, "%" PRIu64, h->limit);
		(void)snprintf(file, sizeof(file), "hugetlb.%s.max", h->page_size);
		if (x == 0)
			x = give(c, e, file, "%" PRIu64, h->limit);
	}
	return x;
}

static int each_rdma(const struct course *c, const struct spec_resources *r, struct err *e)
{
	int x = 0;

	for (size_t i = 0; x == 0 && i < r->rdma_count; i++) {
		const struct spec_rdma *d = &r->rdma[i];
		char handles[40] = "", objects[40] = "";

		if (is_set(d->handles))
			(void)snprintf(handles, sizeof(handles), " hca_handle=%" PRId64,
				       d->handles);
		if (is_set(d->objects))
			(void)snprintf(objects, sizeof(objects), " hca_object=%" PRId64,
				       d->objects);
		x = give(c, e, "rdma.max", "%s%s%s", d->device, handles, objects);
	}
	return x;
}

/* A file such as io.max takes one line at a time. */
static int each_unified(const struct course *c, const struct spec_resources *r, struct err *e)
{
	char file[MAX_COMPONENT + 1];
	int x = 0;

	for (size_t i = 0; x == 0 && i < r->unified.len; i++) {
		const char *text = r->unified.v[i];
		AUTO_FREE char *lines = NULL;
		char *state = NULL;

		x = split_unified(file, text, e);
		if (x < 0)
			return x;
		lines = mem_str(strchr(text, '=') + 1);
		for (char *line = strtok_r(lines, "\n", &state); x == 0 && line;
		     line = strtok_r(NULL, "\n", &state))
			x = c->each(&(struct limit){ file, line }, c->arg, e);
	}
	return x;
}

static int each_limit(const struct course *c, const struct spec_resources *r, struct err *e)
{
	typedef int part_fn(const struct course *c, const struct spec_resources *r, struct err *e);
	static part_fn *const parts[] = {
		each_memory, each_cpu, each_pids, each_weight, each_throttle,
		each_hugepages, each_rdma, each_unified,
	};
	int x = 0;

	for (size_t i = 0; x == 0 && i < ARRAY_SIZE(parts); i++)
		x = parts[i](c, r, e);
	return x;
}

/* --- their names --- */

struct names {
	char *out;			/* NULL: not wanted */
	size_t size;
};

static void controller_of(char *out, size_t size, const struct limit *l)
{
	(void)snprintf(out, size, "%.*s", (int)strcspn(l->file, "."), l->file);
}

static void note(const struct names *n, const struct limit *l)
{
	char controller[64];
	size_t len;

	controller_of(controller, sizeof(controller), l);
	if (!n->out || cgfile_has(n->out, controller))
		return;
	len = strlen(n->out);
	(void)snprintf(n->out + len, n->size - len, "%s%s", len ? " " : "", controller);
}

static int note_each(const struct limit *l, void *arg, struct err *e)
{
	(void)e;
	if (!is_no_limit(l))
		note(arg, l);
	return 0;
}

void cgroup_name_limits(const struct spec_resources *r, char *out, size_t size)
{
	struct names n = { .out = out, .size = size };
	const struct course c = { .each = note_each, .arg = &n };
	struct err impossible = ERR_INIT;

	out[0] = '\0';
	(void)!each_limit(&c, r, &impossible);
}

static int stop_at_each(const struct limit *l, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return !is_no_limit(l);
}

bool cgroup_wants_limits(const struct spec_resources *r)
{
	const struct course c = { .each = stop_at_each };
	struct err impossible = ERR_INIT;

	return each_limit(&c, r, &impossible) != 0;
}

/* --- into the files --- */

struct writer {
	int fd;
	bool strict;
	struct names missing;
	struct strv *before;		/* "file=value" of what is written; NULL */
};

static bool lists(int fd, const char *controllers_file, const char *controller)
{
	char text[MAX_FILE];
	struct err ignored = ERR_INIT;

	return fs_read_small(fd, controllers_file, text, sizeof(text), NULL, &ignored) == 0 &&
	       cgfile_has(text, controller);
}

/* The file is not there, or not ours. */
static int do_without(const struct writer *w, const struct limit *l, int code, struct err *e)
{
	bool is_absent = code == ENOENT;
	char controller[64];

	controller_of(controller, sizeof(controller), l);
	if (is_absent && is_no_limit(l))
		return 0;
	if (is_absent && lists(w->fd, "cgroup.controllers", controller)) {
		/* No swap accounting: nothing to limit.  No reservations: the
		 * limit of what is used comes next. */
		if (str_eq(l->file, "memory.swap.max") || str_ends(l->file, ".rsvd.max"))
			return 0;
		if (w->strict)
			return err_set(e, EOPNOTSUPP, "cgroup limit %s: this kernel has none",
				       l->file);
	} else if (w->strict && lists(w->fd, "../cgroup.controllers", controller)) {
		return err_set(e, EOPNOTSUPP, "%s limit: processes in the cgroup above keep "
			       "controller '%s' out", controller, controller);
	} else if (w->strict) {
		return err_hint(e, err_set(e, EOPNOTSUPP,
			"%s limit: controller '%s' is not delegated",
			controller, controller), "cgroup.controller");
	}
	note(&w->missing, l);
	return 0;
}

static void remember(const struct writer *w, const char *file)
{
	char text[MAX_FILE];
	struct err none = ERR_INIT;
	size_t len;

	if (fs_read_small(w->fd, file, text, sizeof(text), NULL, &none) < 0)
		return;
	len = strcspn(text, "\n");
	if (!text[len] || !text[len + 1])
		strv_addf(w->before, "%s=%.*s", file, (int)len, text);
}

static void put_back(const struct writer *w)
{
	for (size_t i = w->before->len; i; i--) {
		char *file = w->before->v[i - 1], *value = strchr(file, '=');
		struct err lost = ERR_INIT;

		*value++ = '\0';
		/* An empty set is an empty line. */
		(void)!fs_write_small(w->fd, file, *value ? value : "\n", &lost);
	}
}

static int write_each(const struct limit *l, void *arg, struct err *e)
{
	const struct writer *w = arg;
	struct err why = ERR_INIT;
	int r;

	if (w->before)
		remember(w, l->file);
	r = fs_write_small(w->fd, l->file, l->value, &why);
	if (r == -ENOENT || r == -EACCES || r == -EPERM)
		return do_without(w, l, -r, e);
	return r < 0 ? err_set(e, -r, "cgroup limit %s '%s': %s", l->file, l->value,
			       str_errno(-r)) : 0;
}

/* What is raised comes before what is lowered; a burst is never more than the
 * quota. */
static struct course chart(int fd, const struct spec_resources *r)
{
	uint64_t limit = r->memory_limit < 0 ? CGFILE_MAX : (uint64_t)r->memory_limit;

	return (struct course){
		.memory_first = is_given(r->memory_limit) && is_set(cgroup_swap_alone(r)) &&
			limit > cgroup_figure(fd, "memory.max", NULL, CGFILE_MAX),
		.burst_first = is_set(r->cpu_burst) &&
			(uint64_t)r->cpu_burst < cgroup_figure(fd, "cpu.max.burst", NULL, 0),
		.has_bfq = (is_given(r->io_weight) || r->io_weight_count) &&
			faccessat(fd, "io.bfq.weight", F_OK, 0) == 0,
	};
}

static int set_limits(struct writer *w, const struct spec_resources *r, struct err *e)
{
	struct course c = chart(w->fd, r);
	int x = cgroup_check_limits(r, w->fd, NULL, e);

	c.each = write_each;
	c.arg = w;
	return x < 0 ? x : each_limit(&c, r, e);
}

int cgroup_set_limits(int fd, const struct spec_resources *r, bool strict,
		      char *missing, size_t size, struct err *e)
{
	struct writer w = { .fd = fd, .strict = strict, .missing = { missing, size } };

	if (missing && size)
		missing[0] = '\0';
	return set_limits(&w, r, e);
}

int cgroup_change_limits(int fd, const struct spec_resources *r, struct err *e)
{
	AUTO(strv) struct strv before = STRV_INIT;
	struct writer w = { .fd = fd, .strict = true, .before = &before };
	int x = set_limits(&w, r, e);

	if (x < 0)
		put_back(&w);
	return x;
}
