#include <string.h>

#include "bin/inspect.h"
#include "bin/jtree.h"
#include "bin/row_ctr.h"
#include "bin/runtimes.h"
#include "lib/base/id.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/client.h"
#include "lib/ctr/config.h"
#include "lib/ctr/files.h"
#include "lib/ctr/layers.h"
#include "lib/ctr/start.h"
#include "lib/store/snapshots.h"

/* Was the end of the last run the kernel's, for memory? */
static bool was_oom(struct ctr_env *env, const struct ctr *c)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int dir = container_open_dir(env->store, c->row.ns, c->row.id, &ignored);
	struct shim_exit end;

	if (c->is_running || dir < 0)
		return c->page.flags & SHIM_F_OOM;
	return client_read_exit(dir, &end, &ignored) == 0 && end.flags & SHIM_F_OOM;
}

static void set_state(json_t *o, struct ctr_env *env, const struct ctr *c)
{
	const char *status = ctr_state_name(c);
	json_t *state = jtree_object(o, "State");
	uint64_t started = c->is_running ? c->page.started_ns : c->row.started_ns;

	jtree_text(state, "Status", status);
	jtree_bool(state, "Running", c->is_running);
	jtree_bool(state, "Paused", str_eq(status, "paused"));
	jtree_bool(state, "Restarting", false);
	jtree_bool(state, "OOMKilled", was_oom(env, c));
	jtree_bool(state, "Dead", false);
	jtree_number(state, "Pid", c->is_running ? c->page.init.pid : 0);
	jtree_number(state, "ExitCode", c->row.state == CONTAINER_EXITED ? c->row.exit_code : 0);
	jtree_text(state, "Error", "");
	jtree_time(state, "StartedAt", started);
	jtree_time(state, "FinishedAt", c->is_running ? 0 : c->row.finished_ns);
}

static void port_key(const struct port *p, struct buf *key)
{
	buf_reset(key);
	buf_addf(key, "%u/%s", p->ctr, port_proto_name(p->proto));
}

/* {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]} */
static void set_ports(json_t *o, const char *name, const struct ports *ports)
{
	AUTO(buf) struct buf text = BUF_INIT(64);
	json_t *map = jtree_object(o, name);

	for (size_t i = 0; i < ports->len; i++) {
		const struct port *p = &ports->at[i];
		json_t *one = json_object();
		json_t *list;

		port_key(p, &text);
		list = json_object_get(map, text.data);
		if (!list)
			list = jtree_array(map, text.data);
		jtree_text(one, "HostIp", p->ip);
		buf_reset(&text);
		if (p->host)
			buf_addf(&text, "%u", p->host);
		jtree_text(one, "HostPort", text.data);
		json_array_append_new(list, one);
	}
}

/* What is only exposed is there too, without a place on the host. */
static void add_exposed(json_t *ports, const struct ctr_config *config)
{
	for (size_t i = 0; i < config->exposed.len; i++)
		if (!json_object_get(ports, config->exposed.v[i]))
			json_object_set_new(ports, config->exposed.v[i], json_null());
}

static void set_network(json_t *o, struct ctr_env *env, const struct ctr *c,
			const struct ctr_config *config)
{
	json_t *net = jtree_object(o, "NetworkSettings");
	AUTO(ports) struct ports ports = PORTS_INIT;
	struct err ignored = ERR_INIT;
	struct ctr_addresses a;
	json_t *one;

	ctr_addresses(&a, config->net);
	if (c->is_running && config->ports.len)
		(void)!ctr_published(&ports, env, c->row.id, &ignored);
	set_ports(net, "Ports", &ports);
	if (c->is_running)
		add_exposed(json_object_get(net, "Ports"), config);
	one = jtree_object(jtree_object(net, "Networks"), row_network(config));
	for (int i = 0; i < 2; i++) {
		json_t *at = i ? one : net;
		bool has = c->is_running && a.own4;

		jtree_text(at, "IPAddress", has ? a.own4 : "");
		jtree_text(at, "Gateway", has ? a.host : "");
		jtree_text(at, "GlobalIPv6Address", has ? a.own6 : "");
		jtree_number(at, "IPPrefixLen", has ? 24 : 0);
		jtree_text(at, "MacAddress", "");
	}
}

static const char *const kinds[] = {
	[MOUNT_BIND] = "bind", [MOUNT_VOLUME] = "volume", [MOUNT_TMPFS] = "tmpfs",
};

static void set_mounts(json_t *o, struct ctr_env *env, const struct ctr_config *config)
{
	json_t *mounts = jtree_array(o, "Mounts");

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct mount_opt *m = &config->mounts[i];
		AUTO_FREE char *path = NULL;
		json_t *one = json_object();
		bool is_volume = m->kind == MOUNT_VOLUME;

		if (is_volume)
			path = volume_path(env->store, env->ns, m->source);
		jtree_text(one, "Type", kinds[m->kind]);
		jtree_text(one, "Name", is_volume ? m->source : "");
		jtree_text(one, "Source", is_volume ? path : m->source);
		jtree_text(one, "Destination", m->target);
		jtree_text(one, "Driver", is_volume ? "local" : "");
		jtree_text(one, "Mode", m->read_only ? "ro" : "");
		jtree_bool(one, "RW", !m->read_only);
		jtree_text(one, "Propagation", m->kind != MOUNT_BIND ? "" :
			   str_or(mount_propagation_name(m->propagation), "rprivate"));
		json_array_append_new(mounts, one);
	}
}

static void set_limits(json_t *host, const struct ctr_config *c)
{
	json_t *ulimits = jtree_array(host, "Ulimits");

	jtree_number(host, "ShmSize", (int64_t)c->shm_size);
	jtree_number(host, "Memory", (int64_t)c->memory);
	jtree_number(host, "MemorySwap", (int64_t)c->memory_swap);
	jtree_number(host, "NanoCpus", (int64_t)c->nano_cpus);
	jtree_number(host, "CpuShares", (int64_t)c->cpu_shares);
	jtree_text(host, "CpusetCpus", c->cpuset_cpus);
	jtree_number(host, "PidsLimit", c->pids_limit);
	for (size_t i = 0; i < c->ulimit_count; i++) {
		const struct ctr_ulimit *u = &c->ulimits[i];
		json_t *one = json_object();

		jtree_text(one, "Name", u->name);
		jtree_number(one, "Soft", u->soft == UINT64_MAX ? -1 : (int64_t)u->soft);
		jtree_number(one, "Hard", u->hard == UINT64_MAX ? -1 : (int64_t)u->hard);
		json_array_append_new(ulimits, one);
	}
}

static void set_log(json_t *host, const struct ctr_config *c)
{
	json_t *log = jtree_object(host, "LogConfig");
	AUTO(strv) struct strv options = STRV_INIT;

	if (c->log_max_size)
		strv_addf(&options, "max-size=%llu", (unsigned long long)c->log_max_size);
	if (c->log_max_files)
		strv_addf(&options, "max-file=%llu", (unsigned long long)c->log_max_files);
	jtree_text(log, "Type", c->log == CTR_LOG_NONE ? "none" : "json-file");
	jtree_map(log, "Config", &options);
}

static void set_security(json_t *host, const struct ctr_config *c)
{
	AUTO(strv) struct strv options = STRV_INIT;

	if (c->no_new_privs)
		strv_add(&options, "no-new-privileges");
	if (c->seccomp)
		strv_addf(&options, "seccomp=%s", c->seccomp);
	if (c->unmask)
		strv_add(&options, "systempaths=unconfined");
	jtree_list(host, "SecurityOpt", &options);
	jtree_list(host, "CapAdd", &c->cap_add);
	jtree_list(host, "CapDrop", &c->cap_drop);
	jtree_bool(host, "Privileged", c->privileged);
	jtree_bool(host, "ReadonlyRootfs", c->read_only);
}

/* "/host:/inside:ro", and volumes by name. */
static void set_binds(json_t *host, const struct ctr_config *c)
{
	AUTO(strv) struct strv binds = STRV_INIT, tmpfs = STRV_INIT;

	for (size_t i = 0; i < c->mount_count; i++) {
		const struct mount_opt *m = &c->mounts[i];

		if (m->kind == MOUNT_TMPFS)
			strv_addf(&tmpfs, "%s=", m->target);
		else
			strv_addf(&binds, "%s:%s%s", m->source, m->target,
				  m->read_only ? ":ro" : "");
	}
	jtree_list(host, "Binds", &binds);
	jtree_map(host, "Tmpfs", &tmpfs);
}

static void set_host(json_t *o, const struct ctr *c, const struct ctr_config *config)
{
	static const char *const userns[] = {
		[CTR_USERNS_DEFAULT] = "",
		[CTR_USERNS_KEEP_ID] = "keep-id",
		[CTR_USERNS_NOMAP] = "nomap",
	};
	json_t *host = jtree_object(o, "HostConfig");
	AUTO_FREE char *mode = config->net == CTR_NET_CONTAINER ?
		mem_printf("container:%s", config->net_container) : mem_str(row_network(config));
	json_t *restart;

	set_binds(host, config);
	set_log(host, config);
	jtree_text(host, "NetworkMode", mode);
	set_ports(host, "PortBindings", &config->ports);
	restart = jtree_object(host, "RestartPolicy");
	jtree_text(restart, "Name", str_or(c->row.restart, "no"));
	jtree_number(restart, "MaximumRetryCount", 0);
	jtree_bool(host, "AutoRemove", config->auto_remove);
	jtree_list(host, "Dns", &config->dns);
	jtree_list(host, "DnsOptions", &config->dns_options);
	jtree_list(host, "DnsSearch", &config->dns_search);
	jtree_list(host, "ExtraHosts", &config->add_hosts);
	jtree_list(host, "GroupAdd", &config->group_add);
	jtree_map(host, "Sysctls", &config->sysctl);
	jtree_bool(host, "PublishAllPorts", config->publish_all);
	jtree_bool(host, "Init", config->init);
	jtree_text(host, "UsernsMode", userns[config->userns]);
	jtree_text(host, "Runtime", runtime_name(config->runtime));
	set_security(host, config);
	set_limits(host, config);
}

/* Anonymous volumes are named by an id. */
static void set_volumes(json_t *config, const struct ctr_config *c)
{
	AUTO(strv) struct strv targets = STRV_INIT;

	for (size_t i = 0; i < c->mount_count; i++)
		if (c->mounts[i].kind == MOUNT_VOLUME && strlen(c->mounts[i].source) == ID_LEN)
			strv_add(&targets, c->mounts[i].target);
	jtree_keys(config, "Volumes", &targets);
}

static void set_config(json_t *o, const struct ctr *c, const struct ctr_config *config)
{
	json_t *to = jtree_object(o, "Config");
	AUTO_FREE char *short_id = mem_strn(c->row.id, ID_SHORT_LEN);
	AUTO(strv) struct strv ports = STRV_INIT;
	AUTO(buf) struct buf key = BUF_INIT(64);

	strv_join(&ports, &config->exposed);
	for (size_t i = 0; i < config->ports.len; i++) {
		port_key(&config->ports.at[i], &key);
		if (!strv_has(&ports, key.data))
			strv_add(&ports, key.data);
	}
	jtree_text(to, "Hostname", str_or(config->hostname, short_id));
	jtree_text(to, "Domainname", config->domainname);
	jtree_text(to, "User", config->user);
	jtree_keys(to, "ExposedPorts", &ports);
	jtree_bool(to, "Tty", config->tty);
	jtree_bool(to, "OpenStdin", config->stdin_open);
	jtree_list(to, "Env", &config->env);
	jtree_list(to, "Cmd", &config->cmd);
	jtree_list(to, "Entrypoint", &config->entrypoint);
	jtree_text(to, "Image", str_or(config->image, config->rootfs));
	set_volumes(to, config);
	jtree_text(to, "WorkingDir", config->workdir);
	jtree_map(to, "Labels", &c->row.labels);
	jtree_map(to, "Annotations", &config->annotations);
	jtree_text(to, "StopSignal", config->stop_signal);
	jtree_number(to, "StopTimeout", (int64_t)config->stop_timeout_s);
}

/* The first word and the others. */
static void set_command(json_t *o, const struct ctr_config *config)
{
	AUTO(strv) struct strv words = STRV_INIT;
	json_t *args;

	strv_join(&words, &config->entrypoint);
	strv_join(&words, &config->cmd);
	jtree_text(o, "Path", words.len ? words.v[0] : "");
	args = jtree_array(o, "Args");
	for (size_t i = 1; i < words.len; i++)
		json_array_append_new(args, json_string(words.v[i]));
}

static void set_path(json_t *o, const char *key, struct ctr_env *env, const struct ctr *c,
		     const char *name)
{
	const char *dir = store_dir_path(env->store, STORE_DIR_CONTAINERS);
	AUTO_FREE char *path = mem_printf("%s/%s/%s/%s", dir, c->row.ns, c->row.id, name);

	jtree_text(o, key, path);
}

/* Where its own layer is, and those below. */
static int set_layers(json_t *o, struct ctr_env *env, const struct ctr *c, struct err *e)
{
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	AUTO(rootfs) struct rootfs root = ROOTFS_INIT;
	AUTO(buf) struct buf lowers = BUF_INIT(MIB(1));
	json_t *driver, *data;
	int r = c->row.snapshot ? snapshot_get(&snap, env->store, c->row.snapshot, e) : 0;

	if (r == 0 && c->row.snapshot)
		r = ctr_rootfs(&root, env, c->row.snapshot, e);
	if (r < 0)
		return r;
	jtree_text(o, "Driver", snap.driver);
	driver = jtree_object(o, "GraphDriver");
	jtree_text(driver, "Name", snap.driver);
	data = jtree_object(driver, "Data");
	for (size_t i = 0; i < root.lowers.len; i++)
		buf_addf(&lowers, "%s%s/%s", i ? ":" : "", root.base, root.lowers.v[i]);
	jtree_text(data, "LowerDir", lowers.data);
	if (root.upper) {
		AUTO_FREE char *upper = root.base ? mem_printf("%s/%s", root.base, root.upper) :
						    mem_str(root.upper);

		jtree_text(data, "UpperDir", upper);
	}
	return 0;
}

int inspect_ctr(json_t **out, struct ctr_env *env, const struct ctr *c, bool with_size,
		struct err *e)
{
	AUTO(ctr_config) struct ctr_config config;
	struct ctr_size size = { .own = 0 };
	AUTO_FREE char *name = mem_printf("/%s", c->row.name);
	json_t *o;
	int r;

	ctr_config_init(&config);
	r = ctr_config_parse(&config, c->row.config, strlen(c->row.config), e);
	if (r == 0 && with_size)
		r = ctr_measure(&size, env, &c->row, &config, e);
	if (r < 0)
		return err_ctx(e, r, "container '%s'", c->row.name);
	o = json_object();
	jtree_text(o, "Id", c->row.id);
	jtree_time(o, "Created", c->row.created_ns);
	set_command(o, &config);
	set_state(o, env, c);
	jtree_digest(o, "Image", &c->row.config_digest);
	set_path(o, "ResolvConfPath", env, c, "resolv.conf");
	set_path(o, "HostnamePath", env, c, "hostname");
	set_path(o, "HostsPath", env, c, "hosts");
	set_path(o, "LogPath", env, c, SHIM_LOG_NAME);
	jtree_text(o, "Name", name);
	jtree_number(o, "RestartCount", c->page.restarts);
	jtree_text(o, "Platform", "linux");
	set_host(o, c, &config);
	if (with_size) {
		jtree_number(o, "SizeRw", (int64_t)size.own);
		jtree_number(o, "SizeRootFs", (int64_t)size.all);
	}
	set_mounts(o, env, &config);
	set_config(o, c, &config);
	set_network(o, env, c, &config);
	r = set_layers(o, env, c, e);
	if (r < 0) {
		json_decref(o);
		return err_ctx(e, r, "container '%s'", c->row.name);
	}
	*out = o;
	return 0;
}
