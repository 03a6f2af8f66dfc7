#include "lib/fmt/spec_text.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"

#define MAX_GROUPS 65536	/* NGROUPS_MAX */
#define MAX_IO_PRIORITY 7

const struct named spec_sched_policies[] = {
	{ "SCHED_OTHER", 0 },
	{ "SCHED_FIFO", 1 },
	{ "SCHED_RR", 2 },
	{ "SCHED_BATCH", 3 },
	{ "SCHED_ISO", 4 },
	{ "SCHED_IDLE", 5 },
	{ "SCHED_DEADLINE", 6 },
	{ NULL, 0 },
};

const struct named spec_sched_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", 1 << 0 },
	{ "SCHED_FLAG_RECLAIM", 1 << 1 },
	{ "SCHED_FLAG_DL_OVERRUN", 1 << 2 },
	{ "SCHED_FLAG_KEEP_POLICY", 1 << 3 },
	{ "SCHED_FLAG_KEEP_PARAMS", 1 << 4 },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", 1 << 5 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 1 << 6 },
	{ NULL, 0 },
};

const struct named spec_io_classes[] = {
	{ "IOPRIO_CLASS_RT", 1 },
	{ "IOPRIO_CLASS_BE", 2 },
	{ "IOPRIO_CLASS_IDLE", 3 },
	{ NULL, 0 },
};

void spec_process_clear(struct spec_process *p)
{
	free(p->user.groups);
	strv_clear(&p->args);
	strv_clear(&p->env);
	free(p->cwd);
	strv_clear(&p->unknown_caps);
	for (size_t i = 0; i < p->rlimit_count; i++)
		free(p->rlimits[i].type);
	free(p->rlimits);
	free(p->apparmor);
	free(p->selinux_label);
	free(p->exec_cpus_initial);
	free(p->exec_cpus_final);
}

static void add_rlimit(struct spec_process *p, const char *type, uint64_t soft,
		       uint64_t hard)
{
	struct spec_rlimit *r;

	p->rlimits = mem_grow(p->rlimits, p->rlimit_count + 1, sizeof(*r));
	r = &p->rlimits[p->rlimit_count++];
	*r = (struct spec_rlimit){
		.type = mem_str(type),
		.soft = soft,
		.hard = hard,
	};
}

struct spec_rlimit *spec_add_rlimit(struct spec *s, const char *type,
				    uint64_t soft, uint64_t hard)
{
	add_rlimit(&s->process, type, soft, hard);
	return &s->process.rlimits[s->process.rlimit_count - 1];
}

/* --- reading --- */

static int get_groups(struct spec_user *u, const struct json_at *at,
		      struct err *e)
{
	struct json_at list;
	uint64_t gid;
	int r = json_get_list(&list, at, "additionalGids", MAX_GROUPS, JSON_MAY, e);

	if (r <= 0)
		return r;
	u->groups = mem_zero(json_len(&list), sizeof(*u->groups));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);

		r = json_as_u64(&gid, &item, 0, ID_NONE - 1, e);
		if (r < 0)
			return r;
		u->groups[u->group_count++] = (uint32_t)gid;
	}
	return 0;
}

static int get_user(struct spec_user *u, const struct json_at *process,
		    struct err *e)
{
	struct json_at at;
	uint64_t umask = ID_NONE;
	int r = json_get_object(&at, process, "user", JSON_MAY, e);

	if (r <= 0)
		return r;
	r = spec_id_get(&u->uid, &at, "uid", JSON_MAY, e);
	if (r >= 0)
		r = spec_id_get(&u->gid, &at, "gid", JSON_MAY, e);
	if (r >= 0)
		r = json_get_u64(&umask, &at, "umask", 0, 0777, JSON_MAY, e);
	u->umask = (uint32_t)umask;
	if (r >= 0)
		r = get_groups(u, &at, e);
	return r;
}

static int get_console(struct spec_process *p, const struct json_at *process,
		       struct err *e)
{
	struct json_at at;
	uint64_t rows = 0;
	uint64_t cols = 0;
	int r = json_get_object(&at, process, "consoleSize", JSON_MAY, e);

	if (r > 0)
		r = json_get_u64(&rows, &at, "height", 0, UINT16_MAX, JSON_MUST, e);
	if (r > 0)
		r = json_get_u64(&cols, &at, "width", 0, UINT16_MAX, JSON_MUST, e);
	p->rows = (uint16_t)rows;
	p->cols = (uint16_t)cols;
	return r;
}

/* What we do not know cannot be granted, which is no reason to fail. */
static int get_cap_set(uint64_t *out, struct strv *unknown,
		       const struct json_at *at, const char *key, struct err *e)
{
	struct json_at list;
	const char *name;
	int r = json_get_list(&list, at, key, MAX_JSON_DEPTH * 4, JSON_MAY, e);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		int cap;

		r = json_as_string(&name, &item, e);
		if (r < 0)
			return r;
		cap = cap_number(name);
		if (cap >= 0)
			*out |= CAP_BIT(cap);
		else if (!strv_has(unknown, name))
			strv_add(unknown, name);
	}
	return 0;
}

static int get_caps(struct spec_process *p, const struct json_at *process,
		    struct err *e)
{
	struct spec_caps *c = &p->caps;
	const struct {
		uint64_t *out;
		const char *key;
	} sets[] = {
		{ &c->bounding, "bounding" },
		{ &c->effective, "effective" },
		{ &c->inheritable, "inheritable" },
		{ &c->permitted, "permitted" },
		{ &c->ambient, "ambient" },
	};
	struct json_at at;
	int r = json_get_object(&at, process, "capabilities", JSON_MAY, e);

	if (r <= 0)
		return r;
	c->set = true;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(sets); i++)
		r = get_cap_set(sets[i].out, &p->unknown_caps, &at, sets[i].key, e);
	return r;
}

static int get_rlimits(struct spec_process *p, const struct json_at *process,
		       struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, process, "rlimits", MAX_COMPONENT, JSON_MAY, e);

	for (size_t i = 0; r > 0 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		uint64_t soft = 0;
		uint64_t hard = 0;
		const char *type;

		r = json_as_object(&item, e);
		if (r >= 0)
			r = json_get_string(&type, &item, "type", JSON_MUST, e);
		if (r >= 0)
			r = json_get_u64(&soft, &item, "soft", 0, UINT64_MAX, JSON_MUST, e);
		if (r >= 0)
			r = json_get_u64(&hard, &item, "hard", 0, UINT64_MAX, JSON_MUST, e);
		if (r >= 0)
			add_rlimit(p, type, soft, hard);
	}
	return r;
}

static int get_oom(struct spec_process *p, const struct json_at *at,
		   struct err *e)
{
	int64_t v = 0;
	int r = json_get_i64(&v, at, "oomScoreAdj", -1000, 1000, JSON_MAY, e);

	p->oom_score_set = r > 0;
	p->oom_score_adj = (int)v;
	return r;
}

static int get_scheduler(struct spec_process *p, const struct json_at *process,
			 struct err *e)
{
	struct spec_scheduler *s = &p->scheduler;
	struct json_at at;
	uint64_t policy = 0;
	int64_t nice = 0, priority = 0;
	int r = json_get_object(&at, process, "scheduler", JSON_MAY, e);

	if (r <= 0)
		return r;
	s->set = true;
	r = named_get(&policy, &at, "policy", spec_sched_policies, e);
	if (r >= 0)
		r = json_get_i64(&nice, &at, "nice", -20, 19, JSON_MAY, e);
	if (r >= 0)
		r = json_get_i64(&priority, &at, "priority", 0, 99, JSON_MAY, e);
	if (r >= 0)
		r = named_get_flags(&s->flags, &at, "flags", spec_sched_flags, e);
	if (r >= 0)
		r = json_get_u64(&s->runtime_ns, &at, "runtime", 0, UINT64_MAX, JSON_MAY, e);
	if (r >= 0)
		r = json_get_u64(&s->deadline_ns, &at, "deadline", 0, UINT64_MAX, JSON_MAY, e);
	if (r >= 0)
		r = json_get_u64(&s->period_ns, &at, "period", 0, UINT64_MAX, JSON_MAY, e);
	s->policy = (uint32_t)policy;
	s->nice = (int32_t)nice;
	s->priority = (uint32_t)priority;
	return r;
}

static int get_io_priority(struct spec_process *p, const struct json_at *process,
			   struct err *e)
{
	struct json_at at;
	uint64_t class = 0, priority = 0;
	int r = json_get_object(&at, process, "ioPriority", JSON_MAY, e);

	if (r <= 0)
		return r;
	r = named_get(&class, &at, "class", spec_io_classes, e);
	if (r >= 0)
		r = json_get_u64(&priority, &at, "priority", 0, MAX_IO_PRIORITY, JSON_MAY, e);
	p->io_priority = (struct spec_io_priority){
		.set = true,
		.class = (uint32_t)class,
		.priority = (uint32_t)priority,
	};
	return r;
}

static int get_exec_cpus(struct spec_process *p, const struct json_at *process,
			 struct err *e)
{
	struct json_at at;
	int r = json_get_object(&at, process, "execCPUAffinity", JSON_MAY, e);

	if (r <= 0)
		return r;
	r = json_get_copy(&p->exec_cpus_initial, &at, "initial", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&p->exec_cpus_final, &at, "final", JSON_MAY, e);
	return r;
}

static int get_command(struct spec_process *p, const struct json_at *at, struct err *e)
{
	struct json_at args = json_member(at, "args");
	int r = json_get_strv(&p->args, at, "args", JSON_MUST, e);

	if (r >= 0 && !p->args.len)
		r = json_fail(&args, EINVAL, e, "empty");
	if (r >= 0)
		r = json_get_strv(&p->env, at, "env", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&p->cwd, at, "cwd", JSON_MUST, e);
	return r;
}

int spec_process_get(struct spec_process *p, const struct json_at *at, struct err *e)
{
	int r = get_command(p, at, e);

	if (r >= 0)
		r = json_get_bool(&p->terminal, at, "terminal", JSON_MAY, e);
	if (r >= 0)
		r = get_console(p, at, e);
	if (r >= 0)
		r = get_user(&p->user, at, e);
	if (r >= 0)
		r = get_caps(p, at, e);
	if (r >= 0)
		r = get_rlimits(p, at, e);
	if (r >= 0)
		r = json_get_bool(&p->no_new_privs, at, "noNewPrivileges", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&p->apparmor, at, "apparmorProfile", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&p->selinux_label, at, "selinuxLabel", JSON_MAY, e);
	if (r >= 0)
		r = get_oom(p, at, e);
	if (r >= 0)
		r = get_scheduler(p, at, e);
	if (r >= 0)
		r = get_io_priority(p, at, e);
	if (r >= 0)
		r = get_exec_cpus(p, at, e);
	return r;
}

int spec_process_parse(struct spec_process *out, const char *json, size_t len,
		       struct err *e)
{
	AUTO(json) json_t *tree = NULL;
	AUTO(spec) struct spec s;
	struct json_at doc;
	int r;

	spec_init(&s);
	if (len > MAX_SPEC)
		return err_set(e, EINVAL, "process: longer than %zu bytes", MAX_SPEC);
	r = json_load_strict(&tree, json, len, e);
	doc = json_root(tree);
	if (r == 0)
		r = json_as_object(&doc, e);
	if (r >= 0)
		r = spec_process_get(&s.process, &doc, e);
	if (r < 0) {
		e->code = EINVAL;
		return err_ctx(e, -EINVAL, "process");
	}
	*out = s.process;
	s.process = (struct spec_process){ .terminal = false };
	return 0;
}

/* --- printing --- */

static void print_user(struct json_w *w, const struct spec_user *u)
{
	json_m_object(w, "user");
	json_m_u64(w, "uid", u->uid);
	json_m_u64(w, "gid", u->gid);
	spec_id_put(w, "umask", u->umask);
	if (u->group_count) {
		json_m_array(w, "additionalGids");
		for (size_t i = 0; i < u->group_count; i++)
			json_w_u64(w, u->groups[i]);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_cap_set(struct json_w *w, const char *key, uint64_t set)
{
	json_m_array(w, key);
	for (unsigned i = 0; i < CAP_COUNT; i++)
		if (set & CAP_BIT(i))
			json_w_string(w, cap_name(i));
	json_w_end(w);
}

static void print_caps(struct json_w *w, const struct spec_caps *c)
{
	if (!c->set)
		return;
	json_m_object(w, "capabilities");
	print_cap_set(w, "bounding", c->bounding);
	print_cap_set(w, "effective", c->effective);
	print_cap_set(w, "inheritable", c->inheritable);
	print_cap_set(w, "permitted", c->permitted);
	print_cap_set(w, "ambient", c->ambient);
	json_w_end(w);
}

static void print_rlimits(struct json_w *w, const struct spec_process *p)
{
	if (!p->rlimit_count)
		return;
	json_m_array(w, "rlimits");
	for (size_t i = 0; i < p->rlimit_count; i++) {
		json_w_object(w);
		json_m_string(w, "type", p->rlimits[i].type);
		json_m_u64(w, "hard", p->rlimits[i].hard);
		json_m_u64(w, "soft", p->rlimits[i].soft);
		json_w_end(w);
	}
	json_w_end(w);
}

static void print_scheduler(struct json_w *w, const struct spec_scheduler *s)
{
	if (!s->set)
		return;
	json_m_object(w, "scheduler");
	json_m_string(w, "policy", named_of(spec_sched_policies, s->policy));
	if (s->nice)
		json_m_i64(w, "nice", s->nice);
	if (s->priority)
		json_m_u64(w, "priority", s->priority);
	named_print_flags(w, "flags", spec_sched_flags, s->flags);
	if (s->runtime_ns)
		json_m_u64(w, "runtime", s->runtime_ns);
	if (s->deadline_ns)
		json_m_u64(w, "deadline", s->deadline_ns);
	if (s->period_ns)
		json_m_u64(w, "period", s->period_ns);
	json_w_end(w);
}

static void print_io_priority(struct json_w *w, const struct spec_io_priority *p)
{
	if (!p->set)
		return;
	json_m_object(w, "ioPriority");
	json_m_string(w, "class", named_of(spec_io_classes, p->class));
	json_m_u64(w, "priority", p->priority);
	json_w_end(w);
}

static void print_exec_cpus(struct json_w *w, const struct spec_process *p)
{
	if (!p->exec_cpus_initial && !p->exec_cpus_final)
		return;
	json_m_object(w, "execCPUAffinity");
	json_m_string(w, "initial", p->exec_cpus_initial);
	json_m_string(w, "final", p->exec_cpus_final);
	json_w_end(w);
}

static void print_members(struct json_w *w, const struct spec_process *p)
{
	json_m_flag(w, "terminal", p->terminal);
	if (p->rows || p->cols) {
		json_m_object(w, "consoleSize");
		json_m_u64(w, "height", p->rows);
		json_m_u64(w, "width", p->cols);
		json_w_end(w);
	}
	print_user(w, &p->user);
	json_m_strv(w, "args", &p->args);
	json_m_strv(w, "env", &p->env);
	json_m_string(w, "cwd", p->cwd);
	print_caps(w, &p->caps);
	print_rlimits(w, p);
	json_m_flag(w, "noNewPrivileges", p->no_new_privs);
	json_m_string(w, "apparmorProfile", p->apparmor);
	json_m_string(w, "selinuxLabel", p->selinux_label);
	if (p->oom_score_set)
		json_m_i64(w, "oomScoreAdj", p->oom_score_adj);
	print_scheduler(w, &p->scheduler);
	print_io_priority(w, &p->io_priority);
	print_exec_cpus(w, p);
}

void spec_process_put(struct json_w *w, const struct spec_process *p)
{
	if (!p->args.len)
		return;
	json_m_object(w, "process");
	print_members(w, p);
	json_w_end(w);
}

void spec_process_print(const struct spec_process *p, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);

	json_w_object(&w);
	print_members(&w, p);
	json_w_end(&w);
}
