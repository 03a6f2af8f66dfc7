#include "lib/ctr/start.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/ctr/files.h"
#include "lib/ctr/foreign.h"
#include "lib/ctr/seccomp.h"
#include "lib/ctr/spec.h"
#include "lib/ctr/stop.h"
#include "lib/runtime/plan.h"
#include "rootless/delegate.h"
#include "rootless/net.h"

#define PORTS_NAME "ports"
#define SHIM_GONE_MS 1000

/* --- the network --- */

static int one_port(struct net_port *out, const struct port *p, struct err *e)
{
	*out = (struct net_port){
		.family = strchr(p->ip, ':') ? AF_INET6 : AF_INET,
		.proto = p->proto == PORT_UDP ? IPPROTO_UDP : IPPROTO_TCP,
		.host_port = p->host,
		.guest_port = p->ctr,
	};
	if (p->ip[0] && inet_pton(out->family, p->ip, out->host_ip) != 1)
		return err_set(e, EINVAL, "-p: '%s' is not an address", p->ip);
	return 0;
}

static int make_net(struct net_config **out, const struct ctr_config *c, struct err *e)
{
	AUTO(buf) struct buf resolv = BUF_INIT(KIB(64));
	AUTO_FREE struct net_config *net = NULL;

	net = net_config_new(c->ports.len);
	net->host_loopback = c->host_loopback;
	for (size_t i = 0; i < c->ports.len; i++) {
		int r = one_port(&net->ports[i], &c->ports.at[i], e);

		if (r < 0)
			return r;
	}
	ctr_host_resolv_conf(&resolv);
	(void)str_copy(net->resolv_conf, sizeof(net->resolv_conf), resolv.data);
	*out = take(net);
	return 0;
}

/* Remembers the ports that were really taken, for ps and port. */
static int note_ports(int run_fd, const struct ctr_config *c, const struct net_config *net,
		      struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(512));

	for (size_t i = 0; i < c->ports.len && i < net->port_count; i++) {
		struct port p = c->ports.at[i];

		p.host = net->ports[i].host_port;
		port_print(&p, &text);
		buf_addc(&text, '\n');
	}
	return fs_replace(run_fd, PORTS_NAME, text.data, text.len, 0600, FS_NOSYNC, e);
}

/* A container whose ports nobody can be told of is none. */
static int publish(struct client *c, int run_fd, const struct ctr_config *config,
		   const struct net_config *net, int *exit_status, struct err *e)
{
	int r = note_ports(run_fd, config, net, e);
	struct err ignored = ERR_INIT;
	int code;

	if (r == 0)
		return 0;
	*exit_status = EXIT_STATUS_TOOL;
	if (client_stop(c, SIGKILL, 0, &ignored) == 0)
		(void)!client_wait(c, 0, SHIM_GONE_MS, &code, &ignored);
	return r;
}

int ctr_published(struct ports *out, struct ctr_env *env, const char *id, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(512));
	AUTO_FD int run = ctr_run_dir(env, id, false, e);
	char *save = NULL;
	int r;

	if (run < 0)
		return run;
	r = fs_read(run, PORTS_NAME, &text, e);
	for (char *l = r ? NULL : strtok_r(text.data, "\n", &save); l && r == 0;
	     l = strtok_r(NULL, "\n", &save))
		r = port_parse(out, l, e);
	return r;
}

/* --- the plan --- */

/* dir: where the path of a plain directory is kept. */
static void plan_root(struct plan_root *out, char **dir, const struct ctr_env *env,
		      const struct rootfs *r)
{
	*out = (struct plan_root){ .base = r->base, .lowers = r->lowers };
	switch (r->kind) {
	case ROOTFS_DIR:
		out->kind = PLAN_ROOT_DIR;
		*dir = r->base ? mem_printf("%s/%s", r->base, r->upper) : mem_str(r->upper);
		out->path = *dir;
		break;
	case ROOTFS_OVERLAY:
		out->kind = PLAN_ROOT_OVERLAY;
		/* nothing that a layer says may redirect (RELIABILITY C7) */
		strv_add(&out->options, "userxattr");
		strv_add(&out->options, "redirect_dir=nofollow");
		strv_add(&out->options, "metacopy=off");
		strv_add(&out->options, "index=off");
		break;
	case ROOTFS_FUSE:
		out->kind = PLAN_ROOT_FUSE;
		out->program = env->fuse_program;
		break;
	}
	if (out->kind != PLAN_ROOT_DIR) {
		out->upper = r->upper;
		out->work = r->work;
	}
}

/* owner: whose hosts and resolv.conf hold in this network, by id; set when it
 * is another container. */
static int plan_net(struct plan_net *out, struct tap_config *tap, char **owner,
		    struct ctr_env *env, const struct ctr_config *c, struct err *e)
{
	AUTO_FREE struct net_config *net = NULL;
	AUTO(ctr) struct ctr other = CTR_INIT;
	int r;

	switch (c->net) {
	case CTR_NET_NONE:
		out->kind = PLAN_NET_NONE;
		return 0;
	case CTR_NET_HOST:
		out->kind = PLAN_NET_HOST;
		return 0;
	case CTR_NET_SLIRP:
		net = net_config_new(0);
		net_tap_config(tap, net);
		out->kind = PLAN_NET_TAP;
		out->tap = tap;
		return 0;
	case CTR_NET_CONTAINER:
		break;
	}
	r = ctr_get(&other, env, c->net_container, e);
	if (r < 0)
		return r;
	if (!other.is_running)
		return err_set(e, EINVAL, "network of container '%s': it is not running",
			       other.row.name);
	out->kind = PLAN_NET_JOIN;
	out->join = other.page.init;
	*owner = mem_str(other.row.id);
	return 0;
}

int ctr_plan(struct buf *out, struct ctr_env *env, const struct ctr_bundle *b, struct err *e)
{
	const char *data = store_dir_path(env->store, STORE_DIR_CONTAINERS);
	AUTO_FREE char *hosts = NULL, *resolv = NULL, *hostname = NULL, *owner = NULL, *dir = NULL;
	AUTO(buf) struct buf before = BUF_INIT(MAX_SPEC), behind = BUF_INIT(MAX_SPEC);
	AUTO(buf) struct buf filter = BUF_INIT(MIB(1));
	AUTO(secprof) struct secprof profile = SECPROF_INIT;
	struct plan_file files[3];
	struct plan_options o = {
		.idmap = &b->ids.map,
		.self_uid = geteuid(),
		.self_gid = getegid(),
		.newuidmap = b->ids.newuidmap[0] ? b->ids.newuidmap : NULL,
		.newgidmap = b->ids.newgidmap[0] ? b->ids.newgidmap : NULL,
		.files = files,
		.file_count = ARRAY_SIZE(files),
		.init = b->config.init,
	};
	struct tap_config tap;
	int r = 0;

	if (!b->config.runtime && !b->config.privileged &&
	    !str_eq(b->config.seccomp, "unconfined"))
		r = ctr_seccomp_filter(&filter, &profile, env, b->config.seccomp,
				       b->spec.process.caps.bounding, e);
	if (r == 0)
		r = plan_net(&o.net, &tap, &owner, env, &b->config, e);
	if (r < 0)
		return r;
	hosts = mem_printf("%s/%s/%s/hosts", data, env->ns, owner ? owner : b->id);
	resolv = mem_printf("%s/%s/%s/resolv.conf", data, env->ns, owner ? owner : b->id);
	hostname = mem_printf("%s/%s/%s/hostname", data, env->ns, b->id);
	files[0] = (struct plan_file){ hosts, "/etc/hosts", false };
	files[1] = (struct plan_file){ resolv, "/etc/resolv.conf", false };
	files[2] = (struct plan_file){ hostname, "/etc/hostname", false };
	o.seccomp = filter.len ? filter.data : NULL;
	o.seccomp_len = filter.len;
	o.profile = &profile;
	if (profile.listener_path) {
		AUTO(oci_state) struct oci_state state;

		oci_state_init(&state);
		ctr_bundle_state(&state, env, b);
		oci_state_halves(&state, &before, &behind);
		o.state = before.data;
		o.state_rest = behind.data;
	}
	plan_root(&o.root, &dir, env, &b->rootfs);
	r = b->config.runtime ? foreign_plan(out, env, b, &o, e) :
				plan_compile(out, &b->spec, &o, e);
	strv_clear(&o.root.options);
	return r;
}

/* --- the shim --- */

static void cgroup_name(char out[static ID_SHORT_LEN + 16], const char *id)
{
	snprintf(out, ID_SHORT_LEN + 16, "coracle-%.*s", ID_SHORT_LEN, id);
}

void ctr_prepared_auto(struct ctr_prepared *p)
{
	client_auto(&p->shim);
	delegate_undo(&p->cgroup);
}

/* Limits may need a scope, which is made around the shim; and another
 * container's network is in its user namespace. */
static bool can_begin_early(const struct ctr_config *c)
{
	return c->net != CTR_NET_CONTAINER && !c->memory && !c->nano_cpus && !c->cpu_shares &&
	       !c->cpuset_cpus && !c->pids_limit;
}

static int prepare_cgroup(struct delegated *out, const char *id, struct err *e)
{
	struct spec_resources none;
	char name[ID_SHORT_LEN + 16];
	const struct delegate_request q = { .name = name, .limits = &none };

	spec_resources_init(&none);
	cgroup_name(name, id);
	return delegate_create(out, &q, e);
}

int ctr_prepare(struct ctr_prepared *out, struct ctr_env *env, const struct ctr_config *c,
		struct err *e)
{
	uint64_t flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
			 CLONE_NEWUTS | CLONE_NEWCGROUP;
	AUTO(buf) struct buf early = BUF_INIT(MAX_SHIM_MESSAGE);
	struct plan_options o = { .self_uid = geteuid(), .self_gid = getegid() };
	struct ids ids;
	int r = id_make(out->id, e);

	if (r < 0)
		return r;
	if (!can_begin_early(c))
		return client_prepare(&out->shim, env->shim_program, NULL, -1, e);
	r = ctr_ids(env, c, &ids, e);
	if (r == 0)
		r = prepare_cgroup(&out->cgroup, out->id, e);
	if (r < 0)
		return r;
	if (c->net != CTR_NET_HOST)
		flags |= CLONE_NEWNET;
	o.idmap = &ids.map;
	o.newuidmap = ids.newuidmap[0] ? ids.newuidmap : NULL;
	o.newgidmap = ids.newgidmap[0] ? ids.newgidmap : NULL;
	r = plan_compile_early(&early, &o, flags, e);
	return r < 0 ? r : client_prepare(&out->shim, env->shim_program, &early, out->cgroup.fd, e);
}

/* Starts the shim when only it can be what a scope is made around. */
static int make_cgroup(struct delegated *out, struct client *c, struct ctr_env *env,
		       const struct ctr_bundle *b, struct err *e)
{
	char name[ID_SHORT_LEN + 16];
	struct delegate_request q = {
		.name = name,
		.limits = &b->spec.resources,
		.strict = b->config.strict_limits,
		.scoper = env->scope_program,
	};
	int r = 0;

	if (out->fd >= 0)
		return 0;
	cgroup_name(name, b->id);
	if (delegate_wants_shim(&q) && c->sock < 0)
		r = client_prepare(c, env->shim_program, NULL, -1, e);
	q.shim = c->shim;
	if (r == 0)
		r = delegate_create(out, &q, e);
	if (r == 0 && out->missing[0])
		ctr_notice(env, "limits without effect here: %s (%s)", out->missing, out->why);
	return r;
}

struct launch {
	int fds[SHIM_FDS];		/* borrowed, -1 where none */
	struct net_config *net;		/* borrowed, or NULL */
	const char *cgroup;
	uint32_t flags;
};

static int launch(struct client *out, struct ctr_env *env, const struct ctr_bundle *b,
		  const struct launch *l, const struct ctr_start_opts *o, struct err *e)
{
	AUTO_FREE char *fallback = !env->run_fallback ? NULL :
		mem_printf("%s/%s/%s", env->run_fallback, env->ns, b->id);
	struct shim_start s = {
		.flags = l->flags,
		.streams = o->streams,
		.log = b->config.log == CTR_LOG_NONE ? SHIM_LOG_NONE : SHIM_LOG_JSON,
		.log_files = b->config.log_max_files ? (uint32_t)b->config.log_max_files : 1,
		.log_size = b->config.log_max_size,
		.stop_timeout_ms = b->config.stop_timeout_s * 1000,
		.rows = o->rows,
		.cols = o->cols,
		.cgroup = l->cgroup,
		.fallback = fallback ? fallback : "",
		.net_path = l->net ? env->net_program : "",
		.net = l->net,
		.net_len = l->net ? l->net->size : 0,
		.cleanup = { env->self, "--data-dir", env->data_dir, "-n", env->ns,
			     "__cleanup", b->id },
	};
	int r = proc_signal(&s.stop_signal, b->config.stop_signal, e);

	if (r < 0)
		return r;
	if (b->config.tty)
		s.flags |= SHIM_START_TTY;
	if (b->config.stdin_open)
		s.flags |= SHIM_START_STDIN;
	if (b->config.auto_remove)
		s.flags |= SHIM_START_REMOVE;
	return client_launch(out, env->shim_program, &s, l->fds, e);
}

int ctr_mark_started(struct ctr_env *env, struct ctr_bundle *b, struct err *e)
{
	struct proc_id self = { .pid = getpid() };
	int r = proc_start_time(self.pid, &self.start, e);

	if (r < 0)
		return r;
	(void)str_copy(self.boot, sizeof(self.boot), store_boot(env->store));
	b->marked_ns = clock_wall_ns();
	return container_set_started(env->store, env->ns, b->id, &self, b->marked_ns, e);
}

/* A shim that was killed before it could answer may have left a container that
 * runs, and nobody is going to hear of it. */
static void kill_stranded(struct ctr_env *env, const char *id)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int run = ctr_run_dir(env, id, false, &ignored);
	AUTO_FD int shim = -1;
	enum client_health health;
	struct shim_page page;

	if (run < 0 || client_look(run, &page, &health, &ignored) < 0 ||
	    (health != CLIENT_SERVED && health != CLIENT_ORPHAN))
		return;
	/* Its socket closes a moment before it is gone. */
	shim = proc_id_open(&page.shim, &ignored);
	if (shim < 0 || proc_pidfd_wait(shim, SHIM_GONE_MS) != 0)
		(void)!ctr_kill_init(&page, &ignored);
}

static int start(struct client *out, struct delegated *cgroup, struct ctr_env *env,
		 struct ctr_bundle *b, const struct ctr_start_opts *o, int *exit_status,
		 struct err *e)
{
	AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN);
	AUTO(client) struct client client = CLIENT_INIT;
	AUTO_FREE struct net_config *net = NULL;
	AUTO_FD int run = -1, data = -1, memory = -1;
	struct client_started started = { .init = 0 };
	/* With the host's network its /sys is what there is to see. */
	const uint32_t rungs_worth_saying =
		b->config.net == CTR_NET_HOST ? ~PLAN_RUNG_SYS_BIND : ~0u;
	struct launch l;
	int r;

	*exit_status = EXIT_STATUS_TOOL;
	if (o->prepared) {
		client = o->prepared->shim;
		*cgroup = o->prepared->cgroup;
		o->prepared->shim = (struct client)CLIENT_INIT;
		o->prepared->cgroup = (struct delegated)DELEGATED_INIT;
	}
	if (b->ids.rung == IDS_SINGLE && b->config.userns == CTR_USERNS_DEFAULT)
		ctr_notice(env, "one id only: %s", b->ids.why);
	r = ctr_plan(&plan, env, b, e);
	if (r == 0 && b->config.net == CTR_NET_SLIRP)
		r = make_net(&net, &b->config, e);
	if (r == 0)
		r = make_cgroup(cgroup, &client, env, b, e);
	if (r < 0)
		return r;
	if ((run = ctr_run_dir(env, b->id, true, e)) < 0)
		return run;
	if ((data = container_open_dir(env->store, env->ns, b->id, e)) < 0)
		return data;
	if ((memory = fd_sealed("plan", plan.data, plan.len, e)) < 0)
		return memory;
	if (b->config.runtime && (r = foreign_prepare(env, b, run, e)) < 0)
		return r;

	l = (struct launch){
		.fds = { [SHIM_FD_RUN] = run, [SHIM_FD_DATA] = data, [SHIM_FD_PLAN] = memory,
			 [SHIM_FD_CGROUP] = cgroup->fd },
		.net = net,
		.cgroup = cgroup->path,
	};
	r = b->marked_ns ? 0 : ctr_mark_started(env, b, e);
	if (r == 0)
		r = launch(&client, env, b, &l, o, e);
	if (r == 0) {
		r = client_await_start(&client, &started, e);
		*exit_status = started.exit_status;
	}
	if (r < 0 && b->config.runtime)
		foreign_explain(b, run, FOREIGN_BUNDLE, exit_status, e);
	for (unsigned i = 0; r == 0 && i < PLAN_RUNG_COUNT; i++)
		if (started.rungs & rungs_worth_saying & 1u << i)
			ctr_notice(env, "%s", plan_rung_text(1u << i));
	if (r == 0 && started.net && b->config.ports.len)
		r = publish(&client, run, &b->config, started.net, exit_status, e);
	free(started.net);
	if (r < 0)
		return r;
	out->sock = take_fd(&client.sock);
	return 0;
}

int ctr_start(struct client *out, struct ctr_env *env, struct ctr_bundle *b,
	      const struct ctr_start_opts *o, int *exit_status, struct err *e)
{
	AUTO(delegated) struct delegated cgroup = DELEGATED_INIT;
	struct err late = ERR_INIT;
	int r = start(out, &cgroup, env, b, o, exit_status, e);

	if (r == -EPIPE)
		kill_stranded(env, b->id);
	if (r < 0)
		delegate_undo(&cgroup);
	/* The row said that it runs; now it has ended before it began. */
	if (r < 0 && b->marked_ns)
		(void)!container_set_finished(env->store, env->ns, b->id, b->marked_ns,
					      clock_wall_ns(), *exit_status, &late);
	return r;
}

int ctr_start_adopt(struct ctr_env *env, const struct ctr_bundle *b, const char *cgroup,
		    struct err *e)
{
	AUTO(client) struct client client = CLIENT_INIT;
	struct client_started started = { .init = 0 };
	const struct ctr_start_opts o = { .streams = 0 };
	AUTO_FD int run = ctr_run_dir(env, b->id, false, e);
	AUTO_FD int data = -1;
	struct launch l = { .flags = SHIM_START_ADOPT, .cgroup = "" };
	int r;

	if (run < 0)
		return run;
	if ((data = container_open_dir(env->store, env->ns, b->id, e)) < 0)
		return data;
	l.fds[SHIM_FD_RUN] = run;
	l.fds[SHIM_FD_DATA] = data;
	l.fds[SHIM_FD_PLAN] = l.fds[SHIM_FD_CGROUP] = -1;
	r = client_prepare(&client, env->shim_program, NULL, -1, e);
	if (r < 0)
		return r;
	delegate_adopt(cgroup, env->scope_program, client.shim);
	r = launch(&client, env, b, &l, &o, e);
	if (r == 0)
		r = client_await_start(&client, &started, e);
	free(started.net);
	return r;
}

int ctr_adopt(struct ctr *c, struct ctr_env *env, struct err *e)
{
	AUTO(ctr_bundle) struct ctr_bundle b;
	int r;

	if (!c->is_running || !c->is_orphan)
		return 0;
	r = ctr_bundle_load(&b, env, &c->row, e);
	if (r == 0)
		r = ctr_start_adopt(env, &b, c->page.cgroup, e);
	/* Another call was faster. */
	if (r == -EALREADY) {
		err_clear(e);
		r = 0;
	}
	if (r < 0)
		return err_ctx(e, r, "container '%s' has lost its shim; a new one", c->row.name);
	c->is_orphan = false;
	return 0;
}
