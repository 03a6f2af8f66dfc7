/* spec to plan: the order of everything. */
#include "lib/runtime/compile.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/userns.h"

static const uint64_t ns_flags[SPEC_NS_COUNT] = {
	[SPEC_NS_USER] = CLONE_NEWUSER,
	[SPEC_NS_MOUNT] = CLONE_NEWNS,
	[SPEC_NS_PID] = CLONE_NEWPID,
	[SPEC_NS_NETWORK] = CLONE_NEWNET,
	[SPEC_NS_IPC] = CLONE_NEWIPC,
	[SPEC_NS_UTS] = CLONE_NEWUTS,
	[SPEC_NS_CGROUP] = CLONE_NEWCGROUP,
	[SPEC_NS_TIME] = CLONE_NEWTIME,
};

static void step_text(struct compile *c, enum plan_op op, const char *text)
{
	struct plan_step s = step_of(op);

	s.s1 = blob_text(&c->blob, text);
	blob_step(&c->blob, s);
}

/* --- namespaces and maps --- */

static bool joins_user(const struct compile *c)
{
	return c->opt->net.kind == PLAN_NET_JOIN ||
	       c->spec->ns[SPEC_NS_USER].path;
}

static void compile_namespaces(struct compile *c)
{
	struct plan_head *h = &c->blob.head;
	uint64_t flags = 0;

	for (unsigned i = 0; i < SPEC_NS_COUNT; i++) {
		const struct spec_ns *ns = &c->spec->ns[i];

		if (!ns->set || i == SPEC_NS_USER || i == SPEC_NS_NETWORK)
			continue;
		/* A step makes that of time, whose clocks are to be set before
		 * anybody is in it. */
		if (!ns->path && i != SPEC_NS_TIME)
			flags |= ns_flags[i];
	}
	if (c->has_userns)
		flags |= CLONE_NEWUSER;
	if (c->opt->net.kind == PLAN_NET_JOIN) {
		h->join = c->opt->net.join;
		h->join_flags = CLONE_NEWUSER | CLONE_NEWNET;
	} else if (!c->spec->ns[SPEC_NS_NETWORK].path &&
		   c->opt->net.kind != PLAN_NET_HOST) {
		flags |= CLONE_NEWNET;
	}
	/* Index 0 is the user namespace: it has to be joined first. */
	for (unsigned i = 0; i < SPEC_NS_COUNT; i++) {
		if (!c->spec->ns[i].set || !c->spec->ns[i].path)
			continue;
		h->joins[i].flag = (uint32_t)ns_flags[i];
		h->joins[i].path = blob_text(&c->blob, c->spec->ns[i].path);
	}
	h->clone_flags = flags;
}

static uint32_t map_text(struct compile *c, const struct id_ranges *m)
{
	struct buf b;
	uint32_t at;

	buf_init(&b, MAX_PLAN);
	id_print(m, &b);
	at = blob_text(&c->blob, b.data);
	buf_clear(&b);
	return at;
}

static int compile_maps(struct compile *c, struct err *e)
{
	const struct plan_options *o = c->opt;
	struct plan_head *h = &c->blob.head;

	if (!c->has_userns)
		return 0;
	h->uid_map = map_text(c, &o->idmap->uids);
	h->gid_map = map_text(c, &o->idmap->gids);
	if (o->self_uid == 0)
		return 0;
	if (userns_needs_helper(&o->idmap->uids, o->self_uid)) {
		if (!o->newuidmap)
			return err_hint(e, err_set(e, ENOENT, "newuidmap: not found"),
					"userns.helper");
		h->newuidmap = blob_text(&c->blob, o->newuidmap);
	}
	if (userns_needs_helper(&o->idmap->gids, o->self_gid)) {
		if (!o->newgidmap)
			return err_hint(e, err_set(e, ENOENT, "newgidmap: not found"),
					"userns.helper");
		h->newgidmap = blob_text(&c->blob, o->newgidmap);
	} else {
		h->flags |= PLAN_F_DENY_SETGROUPS;
	}
	return 0;
}

/* --- the parts --- */

static void network(struct compile *c)
{
	const struct plan_net *n = &c->opt->net;
	struct tap_config tap;
	struct plan_step s = step_of(OP_TAP);

	if (n->kind == PLAN_NET_NONE && !c->spec->ns[SPEC_NS_NETWORK].path)
		blob_step(&c->blob, step_of(OP_LO));
	if (n->kind != PLAN_NET_TAP)
		return;
	tap = *n->tap;
	s.s1 = blob_text(&c->blob, str_or(tap.tun_path, "/dev/net/tun"));
	tap.tun_path = NULL;
	blob_data(&c->blob, s, &tap, sizeof(tap));
}

/* Lines as timens_offsets has them. */
static void time_ns(struct compile *c)
{
	AUTO(buf) struct buf lines = BUF_INIT(256);
	struct plan_step s = step_of(OP_TIME_NS);

	if (!c->spec->ns[SPEC_NS_TIME].set || c->spec->ns[SPEC_NS_TIME].path)
		return;
	for (size_t i = 0; i < SPEC_CLOCKS; i++) {
		const struct spec_time_offset *o = &c->spec->time_offsets[i];

		if (o->set)
			(void)buf_addf(&lines, "%s %lld %u\n",
				       i == SPEC_CLOCK_MONOTONIC ? "monotonic" : "boottime",
				       (long long)o->secs, o->nanosecs);
	}
	s.s1 = lines.len ? blob_text(&c->blob, lines.data) : 0;
	blob_step(&c->blob, s);
}

static void start_steps(struct compile *c)
{
	const struct spec *s = c->spec;
	struct plan_step step;

	blob_step(&c->blob, step_of(OP_SESSION));
	compile_private(c);
	if (!c->opt->keep_keyring)
		blob_step(&c->blob, step_of(OP_KEYRING));
	if (s->process.oom_score_set) {
		step = step_of(OP_OOM_SCORE);
		step.a = (uint64_t)(int64_t)s->process.oom_score_adj;
		blob_step(&c->blob, step);
	}
	time_ns(c);
	if (s->hostname)
		step_text(c, OP_HOSTNAME, s->hostname);
	if (s->domainname)
		step_text(c, OP_DOMAINNAME, s->domainname);
	network(c);
}

static void become_root(struct compile *c)
{
	const struct spec_user *u = &c->spec->process.user;
	const struct idmap *m = c->opt->idmap;
	struct plan_step s = step_of(OP_BECOME_ROOT);

	if (c->blob.head.uid_map)
		blob_step(&c->blob, step_of(OP_WAIT_MAPS));
	if (!c->has_maps && !joins_user(c))
		return;
	/* A map of one id need not have the root: then that one it is. */
	s.a = c->has_maps && id_to_outside(&m->uids, 0) == ID_NONE ? u->uid : 0;
	s.b = c->has_maps && id_to_outside(&m->gids, 0) == ID_NONE ? u->gid : 0;
	blob_step(&c->blob, s);
}

static void net_devices(struct compile *c)
{
	AUTO(strv) struct strv names = STRV_INIT;

	for (size_t i = 0; i < c->spec->net_device_count; i++) {
		const struct spec_net_device *d = &c->spec->net_devices[i];

		strv_add(&names, d->name);
		strv_add(&names, str_or(d->rename, d->name));
	}
	if (names.len)
		blob_list(&c->blob, step_of(OP_NET_DEVICES), &names);
}

static void sysctls(struct compile *c)
{
	for (size_t i = 0; i < c->spec->sysctl.len; i++) {
		const char *text = c->spec->sysctl.v[i];
		const char *eq = strchr(text, '=');
		AUTO_FREE char *path = mem_printf("sys/%.*s", (int)(eq - text), text);
		struct plan_step s = step_of(OP_SYSCTL);

		for (char *p = path; *p; p++)
			if (*p == '.')
				*p = '/';
		s.slot = SLOT_PROC;
		s.s1 = blob_text(&c->blob, path);
		s.s2 = blob_text(&c->blob, eq + 1);
		blob_step(&c->blob, s);
	}
}

/* Those of the container's namespaces are its init's to run. */
static bool is_inside(enum spec_hook_point point)
{
	return point == SPEC_HOOK_CREATE_CONTAINER || point == SPEC_HOOK_START_CONTAINER;
}

static void hooks(struct compile *c, enum spec_hook_point point)
{
	static const char *const status[SPEC_HOOK_POINTS] = {
		[SPEC_HOOK_PRESTART] = "creating",
		[SPEC_HOOK_CREATE_RUNTIME] = "creating",
		[SPEC_HOOK_CREATE_CONTAINER] = "creating",
		[SPEC_HOOK_START_CONTAINER] = "created",
		[SPEC_HOOK_POSTSTART] = "running",
		[SPEC_HOOK_POSTSTOP] = "stopped",
	};

	for (size_t i = 0; i < c->spec->hooks.count[point]; i++) {
		const struct spec_hook *h = &c->spec->hooks.at[point][i];
		struct plan_step s = step_of(OP_HOOK);
		AUTO(strv) struct strv args = STRV_INIT;
		AUTO_FREE char *state = mem_printf("{%s\"status\":\"%s\",\"pid\":",
						   str_or(c->opt->state, ""), status[point]);

		strv_join(&args, &h->args);
		if (!args.len)
			strv_add(&args, h->path);
		s.s1 = blob_text(&c->blob, h->path);
		s.s2 = blob_text(&c->blob, state);
		(void)blob_text(&c->blob, str_or(c->opt->state_rest, "}"));
		s.a = h->timeout_s;
		s.b = point;
		s.flags = is_inside(point) ? 0 : STEP_OUTSIDE;
		blob_vectors(&c->blob, s, &args, &h->env);
	}
}

static void enter_root(struct compile *c)
{
	struct plan_step s = step_of(OP_MKCWD);

	if (!str_is_empty(c->spec->process.cwd) && !str_eq(c->spec->process.cwd, "/")) {
		s.slot = SLOT_ROOT;
		s.s1 = blob_text(&c->blob, c->spec->process.cwd);
		blob_step(&c->blob, s);
	}
	hooks(c, SPEC_HOOK_PRESTART);
	hooks(c, SPEC_HOOK_CREATE_RUNTIME);
	hooks(c, SPEC_HOOK_CREATE_CONTAINER);
	s = step_of(OP_PIVOT);
	s.slot = SLOT_ROOT;
	s.a = c->opt->no_pivot;
	blob_step(&c->blob, s);
	compile_root_attrs(c);
	s = step_of(OP_VERIFY_ROOT);
	s.slot = SLOT_ROOT;
	s.a = c->spec->root_readonly ? MOUNT_ATTR_RDONLY : 0;
	blob_step(&c->blob, s);
	compile_verify(c);
}

static const char *path_of(const struct strv *env)
{
	for (size_t i = 0; i < env->len; i++)
		if (str_starts(env->v[i], "PATH="))
			return str_after(env->v[i], "PATH=");
	return NULL;
}

static void lookup(struct compile *c)
{
	const struct spec_process *p = &c->spec->process;
	struct plan_step s = step_of(OP_LOOKUP);

	s.s1 = blob_text(&c->blob, p->args.v[0]);
	s.s2 = blob_text(&c->blob, path_of(&p->env));
	blob_step(&c->blob, s);
}

static void created(struct compile *c)
{
	const struct spec_process *p = &c->spec->process;
	struct plan_step s = step_of(OP_READY);

	/* Who only creates a container wants to know now. */
	if (c->opt->remote)
		lookup(c);
	if (c->opt->runtime)
		compile_create(&c->blob, c->opt->runtime);
	if ((c->blob.head.flags & PLAN_F_DENY_SETGROUPS) && p->user.group_count)
		s.a = PLAN_RUNG_NO_SETGROUPS;
	blob_step(&c->blob, s);
	blob_step(&c->blob, step_of(OP_WAIT_GO));
	hooks(c, SPEC_HOOK_START_CONTAINER);
}

static int compile_all(struct compile *c, struct err *e)
{
	struct plan_head *h = &c->blob.head;
	AUTO_FREE char *state = mem_printf("{%s\"status\":\"created\",\"pid\":\1%s",
					   str_or(c->opt->state, ""),
					   str_or(c->opt->state_rest, "}"));
	const struct compile_proc p = {
		.process = &c->spec->process,
		.container = c->spec,
		.seccomp = c->opt->seccomp,
		.seccomp_len = c->opt->seccomp_len,
		.profile = c->opt->profile,
		.state = state,
	};
	int r;

	compile_namespaces(c);
	r = compile_maps(c, e);
	if (r < 0)
		return r;
	if (c->opt->init || c->opt->runtime)
		h->flags |= PLAN_F_INIT;
	if (c->spec->process.terminal)
		h->flags |= PLAN_F_TERMINAL;
	if (c->opt->remote)
		h->flags |= PLAN_F_REMOTE;
	/* CAP_SYS_ADMIN, or no own mount namespace's owner, could make a clone
	 * of our program writable again. */
	if (!c->has_maps || (c->spec->process.caps.bounding & CAP_BIT(21)))
		h->flags |= PLAN_F_SEALED_EXE;
	h->preserve_fds = c->opt->preserve_fds;

	start_steps(c);
	r = compile_mounts_read(c, e);
	if (r == 0)
		r = compile_mounts_early(c, e);
	if (r == 0 && c->is_foreign)
		r = compile_root_early(c, e);
	if (r < 0)
		return r;
	become_root(c);
	net_devices(c);
	sysctls(c);
	r = compile_mounts_late(c, e);
	if (r == 0)
		r = compile_root(c, e);
	if (r == 0)
		r = compile_places(c, e);
	if (r == 0 && c->opt->runtime)
		r = compile_inner_root(c, e);
	if (r < 0)
		return r;
	enter_root(c);
	created(c);
	if (c->opt->runtime) {
		compile_start(&c->blob, c->opt->runtime);
		compile_follow(&c->blob);
	} else {
		r = compile_process(&c->blob, &p, e);
	}
	hooks(c, SPEC_HOOK_POSTSTART);
	hooks(c, SPEC_HOOK_POSTSTOP);
	return r;
}

int plan_compile(struct buf *out, const struct spec *s,
		 const struct plan_options *o, struct err *e)
{
	struct compile c = { .spec = s, .opt = o };
	int r = check_spec(s, o, e);

	if (r < 0)
		return r;
	c.has_maps = o->idmap && o->idmap->uids.len;
	c.has_userns = c.has_maps && !joins_user(&c);
	c.early = !c.has_userns ||
		  (id_to_inside(&o->idmap->uids, o->self_uid) == 0 &&
		   id_to_inside(&o->idmap->gids, o->self_gid) == 0);
	/* Then root inside may not walk through the caller's directories, so
	 * that all that lies in them is opened before we become it. */
	c.is_foreign = c.has_maps &&
		       (id_to_inside(&o->idmap->uids, o->self_uid) == ID_NONE ||
			id_to_inside(&o->idmap->gids, o->self_gid) == ID_NONE);
	c.is_privileged = !c.has_maps && !joins_user(&c);
	c.propagation = propagation_wanted(&c);
	c.binds_dev = o->runtime;	/* it is the host's */
	c.mounts = mem_zero(s->mount_count + 1, sizeof(*c.mounts));
	c.file_slots = mem_zero(o->file_count + 1, 1);
	blob_init(&c.blob, PLAN_START);
	r = compile_all(&c, e);
	if (r == 0)
		r = blob_finish(&c.blob, out, e);
	blob_clear(&c.blob);
	compile_mounts_clear(&c);
	free(c.file_slots);
	return r;
}

int plan_compile_early(struct buf *out, const struct plan_options *o,
		       uint64_t clone_flags, struct err *e)
{
	struct compile c = { .opt = o, .has_userns = true };
	int r;

	blob_init(&c.blob, PLAN_EARLY);
	c.blob.head.clone_flags = clone_flags;
	r = compile_maps(&c, e);
	if (r == 0)
		r = blob_finish(&c.blob, out, e);
	blob_clear(&c.blob);
	return r;
}

/* What a joining process needs before its own steps. */
static void own_process(struct blob *b, const struct spec_process *p)
{
	struct plan_step s = step_of(OP_FSMOUNT);

	s.slot = SLOT_PROC;
	s.s1 = blob_text(b, "proc");
	s.s2 = blob_text(b, "/proc");
	s.a = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	s.flags = STEP_FALLBACK;
	blob_step(b, s);
	if (!p->terminal)
		return;
	s = step_of(OP_CONSOLE);
	s.slot = SLOT_PTS;
	s.a = (uint64_t)p->rows << 16 | p->cols;
	blob_step(b, s);
}

int plan_compile_exec(struct buf *out, const struct spec_process *p,
		      const struct plan_exec_options *o, struct err *e)
{
	bool has_maps = o->idmap && o->idmap->uids.len;
	AUTO(blob) struct blob b;
	const struct compile_proc cp = {
		.process = p,
		.container = o->container,
		.seccomp = o->seccomp,
		.seccomp_len = o->seccomp_len,
		.profile = o->profile,
		.state = o->state,
		.is_exec = true,
	};
	int r;

	blob_init(&b, PLAN_EXEC);
	r = check_process(p, has_maps ? o->idmap : NULL, e);
	if (r < 0)
		return r;
	b.head.flags = (p->terminal ? PLAN_F_TERMINAL : 0) |
		       (o->deny_setgroups ? PLAN_F_DENY_SETGROUPS : 0);
	b.head.preserve_fds = o->preserve_fds;
	b.head.join_flags = (has_maps || o->join_user ? CLONE_NEWUSER : 0) | o->join_flags;
	blob_step(&b, step_of(OP_SESSION));
	if (!o->keep_keyring)
		blob_step(&b, step_of(OP_KEYRING));
	if (b.head.join_flags & CLONE_NEWUSER) {
		struct plan_step root = step_of(OP_BECOME_ROOT);

		if (has_maps && id_to_outside(&o->idmap->uids, 0) == ID_NONE)
			root.a = p->user.uid;
		if (has_maps && id_to_outside(&o->idmap->gids, 0) == ID_NONE)
			root.b = p->user.gid;
		blob_step(&b, root);
	}
	if (o->runtime) {
		compile_create(&b, o->runtime);
		compile_follow(&b);
		return blob_finish(&b, out, e);
	}
	own_process(&b, p);
	r = compile_process(&b, &cp, e);
	return r < 0 ? r : blob_finish(&b, out, e);
}
