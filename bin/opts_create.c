#include "bin/opts_create.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "bin/runtimes.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/ctr/spec.h"
#include "lib/fmt/env.h"
#include "lib/fmt/user.h"
#include "lib/snap/snap.h"

#define A struct create_args

const struct opt create_opts[] = {
	LIST(A, add_host, 0, "add-host", "NAME:ADDRESS", WORD_ANY,
	     "Add a line to /etc/hosts; host-gateway is the host"),
	LIST(A, annotation, 0, "annotation", "KEY=VALUE", WORD_ANY,
	     "Add an annotation to the OCI spec"),
	LIST(A, cap_add, 0, "cap-add", "CAP", WORD_ANY, "Add a capability, or ALL"),
	LIST(A, cap_drop, 0, "cap-drop", "CAP", WORD_ANY, "Drop a capability, or ALL"),
	TEXT(A, cidfile, 0, "cidfile", "FILE", WORD_FILE, "Write the container's id to a new file"),
	TEXT(A, cpu_shares, 0, "cpu-shares", "N", WORD_ANY,
	     "Weight of the processor time, 1024 is usual"),
	TEXT(A, cpus, 0, "cpus", "N", WORD_ANY, "Limit the processor time to N processors (1.5)"),
	TEXT(A, cpuset_cpus, 0, "cpuset-cpus", "LIST", WORD_ANY,
	     "Run on these processors only (0-3,7)"),
	LIST(A, dns, 0, "dns", "ADDRESS", WORD_ANY, "Use this name server"),
	LIST(A, dns_option, 0, "dns-option", "OPTION", WORD_ANY, "Set an option of the resolver"),
	LIST(A, dns_search, 0, "dns-search", "DOMAIN", WORD_ANY, "Search names in this domain"),
	TEXT(A, domainname, 0, "domainname", "NAME", WORD_ANY, "Set the NIS domain name"),
	TEXT(A, entrypoint, 0, "entrypoint", "COMMAND", WORD_ANY,
	     "Replace the image's entrypoint; '' for none"),
	LIST(A, env, 'e', "env", "KEY[=VALUE]", WORD_ANY,
	     "Set a variable; without a value it is taken from here"),
	LIST(A, env_file, 0, "env-file", "FILE", WORD_FILE, "Set the variables of a file"),
	LIST(A, expose, 0, "expose", "PORT", WORD_ANY, "Expose a port, for -P"),
	LIST(A, group_add, 0, "group-add", "GROUP", WORD_ANY, "Add a supplementary group"),
	FLAG(A, host_loopback, 0, "host-loopback", "Let 10.0.2.2 reach the host's own 127.0.0.1"),
	TEXT(A, hostname, 'h', "hostname", "NAME", WORD_ANY, "Set the host name"),
	FLAG(A, init, 0, "init", "Run a small init that reaps and passes signals on"),
	FLAG(A, interactive, 'i', "interactive", "Keep standard input open"),
	LIST(A, label, 'l', "label", "KEY[=VALUE]", WORD_ANY, "Set a label"),
	CHOICE(A, limits, 0, "limits", "best-effort strict",
	       "Whether a limit that cannot be had is an error"),
	CHOICE(A, log_driver, 0, "log-driver", "json-file none",
	       "Where output goes besides the attached"),
	LIST(A, log_opt, 0, "log-opt", "KEY=VALUE", WORD_ANY, "max-size or max-file of the log"),
	TEXT(A, memory, 'm', "memory", "SIZE", WORD_ANY, "Limit the memory (512m, 2g)"),
	TEXT(A, memory_swap, 0, "memory-swap", "SIZE", WORD_ANY,
	     "Limit memory and swap together; -1: no limit"),
	LIST(A, mount, 0, "mount", "type=...,...", WORD_ANY, "Mount a bind, volume or tmpfs"),
	TEXT(A, name, 0, "name", "NAME", WORD_ANY, "Name the container"),
	TEXT(A, network, 0, "network", "MODE", WORD_ANY,
	     "slirp (default), none, host or container:NAME"),
	TEXT(A, network, 0, "net", "MODE", WORD_ANY, NULL),
	TEXT(A, pids_limit, 0, "pids-limit", "N", WORD_ANY,
	     "Limit the number of processes; -1: no limit"),
	TEXT(A, platform, 0, "platform", "OS/ARCH", WORD_ANY,
	     "Choose this entry of a multi-platform image"),
	FLAG(A, privileged, 0, "privileged", "Give all that the user namespace can give"),
	LIST(A, publish, 'p', "publish", "[IP:][PORT:]PORT[/udp]", WORD_ANY,
	     "Publish a port on the host"),
	FLAG(A, publish_all, 'P', "publish-all", "Publish every exposed port on some free port"),
	CHOICE(A, pull, 0, "pull", "missing always newer never",
	       "When to ask the registry for the image"),
	FLAG(A, read_only, 0, "read-only", "Mount the root file system read-only"),
	CHOICE(A, restart, 0, "restart", "no", "What to do when the container ends"),
	FLAG(A, rm, 0, "rm", "Remove the container when it has ended"),
	FLAG(A, rootfs, 0, "rootfs", "The first argument is a directory, not an image"),
	TEXT(A, runtime, 0, "runtime", "NAME|PATH", WORD_FILE,
	     "Let this OCI runtime run it: crun, runc, runsc ($CORACLE_RUNTIME)"),
	LIST(A, security_opt, 0, "security-opt", "OPTION", WORD_ANY,
	     "seccomp=FILE|unconfined, no-new-privileges, systempaths=unconfined"),
	TEXT(A, shm_size, 0, "shm-size", "SIZE", WORD_ANY, "Size of /dev/shm, usually 64m"),
	TEXT(A, snapshotter, 0, "snapshotter", "NAME", WORD_ANY,
	     "Force how layers are stacked: " SNAP_NAMES),
	TEXT(A, stop_signal, 0, "stop-signal", "SIGNAL", WORD_ANY, "What stop sends first"),
	TEXT(A, stop_timeout, 0, "stop-timeout", "SECONDS", WORD_ANY,
	     "How long stop waits before SIGKILL"),
	LIST(A, sysctl, 0, "sysctl", "KEY=VALUE", WORD_ANY, "Set a namespaced kernel parameter"),
	LIST(A, tmpfs, 0, "tmpfs", "DIR[:OPTIONS]", WORD_ANY, "Mount a tmpfs"),
	FLAG(A, tty, 't', "tty", "Give the container a terminal"),
	LIST(A, ulimit, 0, "ulimit", "NAME=SOFT[:HARD]", WORD_ANY, "Set a resource limit"),
	TEXT(A, user, 'u', "user", "USER[:GROUP]", WORD_ANY, "Run as this user"),
	TEXT(A, userns, 0, "userns", "MODE", WORD_ANY,
	     "Ids inside: default, keep-id[:uid=N,gid=N] or nomap"),
	LIST(A, volume, 'v', "volume", "[SOURCE:]DIR[:OPTIONS]", WORD_FILE,
	     "Mount a directory or volume"),
	TEXT(A, workdir, 'w', "workdir", "DIR", WORD_ANY, "Start in this directory"),
	REFUSE("device", "an ordinary user cannot make devices"),
	REFUSE("gpus", "not there yet"),
	REFUSE("health-cmd", "health checks are not there yet"),
	REFUSE("ip", "user-defined networks are not there yet"),
	REFUSE("network-alias", "user-defined networks are not there yet"),
	REFUSE("pod", "pods are not there yet"),
	REFUSE("secret", "secrets are not there yet"),
	REFUSE("volumes-from", "not there yet"),
	{ .kind = OPT_END },
};

void create_args_clear(struct create_args *a)
{
	struct strv *const lists[] = {
		&a->env, &a->env_file, &a->volume, &a->mount, &a->tmpfs, &a->add_host, &a->dns,
		&a->dns_search, &a->dns_option, &a->publish, &a->expose, &a->cap_add, &a->cap_drop,
		&a->security_opt, &a->ulimit, &a->label, &a->log_opt, &a->group_add, &a->sysctl,
		&a->annotation,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_clear(lists[i]);
}

/* --- one group of options each --- */

static int set_env(struct ctr_config *c, const struct create_args *a, struct err *e)
{
	struct strv ours = STRV_INIT;
	int r = 0;

	for (char **p = environ; *p; p++)
		strv_add(&ours, *p);
	for (size_t i = 0; r == 0 && i < a->env_file.len; i++) {
		AUTO(buf) struct buf text = BUF_INIT(MAX_ENV_FILE);

		r = fs_read(AT_FDCWD, a->env_file.v[i], &text, e);
		if (r == 0)
			r = env_parse_file(&c->env, text.data, text.len, a->env_file.v[i], &ours,
					   e);
	}
	for (size_t i = 0; r == 0 && i < a->env.len; i++)
		r = env_add(&c->env, a->env.v[i], &ours, e);
	strv_clear(&ours);
	return r;
}

/* A path of this directory becomes absolute; names of volumes stay. */
static int absolute_source(struct mount_opt *m, struct err *e)
{
	char cwd[MAX_PATH];
	char *joined;

	if (m->kind != MOUNT_BIND || m->source[0] == '/')
		return 0;
	if (!getcwd(cwd, sizeof(cwd)))
		return err_sys(e, "current directory");
	joined = mem_printf("%s/%s", cwd, m->source);
	free(m->source);
	m->source = mount_clean_path(joined);
	free(joined);
	return 0;
}

typedef int mount_parse_fn(struct mount_opt *out, const char *text, struct err *e);

static int add_mounts(struct ctr_config *c, const struct strv *texts, mount_parse_fn *parse,
		      struct err *e)
{
	for (size_t i = 0; i < texts->len; i++) {
		struct mount_opt *m = ctr_config_add_mount(c);
		int r = parse(m, texts->v[i], e);

		if (r == 0)
			r = absolute_source(m, e);
		if (r == 0 && (m->chown || m->overlay))
			r = err_set(e, EOPNOTSUPP, "mount '%s': option %s is not supported yet",
				    m->target, m->chown ? "U" : "O");
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_mounts(struct ctr_config *c, const struct create_args *a, struct err *e)
{
	int r = add_mounts(c, &a->volume, mount_parse_volume, e);

	if (r == 0)
		r = add_mounts(c, &a->mount, mount_parse_mount, e);
	if (r == 0)
		r = add_mounts(c, &a->tmpfs, mount_parse_tmpfs, e);
	for (size_t i = 0; r == 0 && i < c->mount_count; i++)
		for (size_t j = 0; r == 0 && j < i; j++)
			if (str_eq(c->mounts[i].target, c->mounts[j].target))
				r = err_set(e, EINVAL, "two mounts at '%s'", c->mounts[i].target);
	return r;
}

static bool is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* A value that becomes part of a line of resolv.conf. */
static int one_word(const char *option, const char *text, struct err *e)
{
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~')
			return err_set(e, EINVAL, "%s: '%s' is not one word", option, text);
	return *text ? 0 : err_set(e, EINVAL, "%s: an empty value", option);
}

static int set_network(struct ctr_config *c, const struct create_args *a, struct err *e)
{
	const char *other = str_after(str_or(a->network, "slirp"), "container:");
	int r = 0;

	if (other) {
		c->net = CTR_NET_CONTAINER;
		c->net_container = mem_str(other);
	} else if (!a->network || str_eq(a->network, "slirp") || str_eq(a->network, "default")) {
		c->net = CTR_NET_SLIRP;
	} else if (str_eq(a->network, "none")) {
		c->net = CTR_NET_NONE;
	} else if (str_eq(a->network, "host")) {
		c->net = CTR_NET_HOST;
	} else {
		return err_set(e, EINVAL,
			       "--network: '%s' is not one of slirp, none, host, container:NAME",
			       a->network);
	}
	for (size_t i = 0; r == 0 && i < a->publish.len; i++)
		r = port_parse(&c->ports, a->publish.v[i], e);
	if (r == 0 && c->ports.len && c->net != CTR_NET_SLIRP)
		r = err_set(e, EINVAL, "-p: network '%s' has no ports to publish", a->network);
	for (size_t i = 0; r == 0 && i < a->expose.len; i++) {
		AUTO(ports) struct ports p = PORTS_INIT;

		r = port_parse_expose(&p, a->expose.v[i], e);
		if (r == 0)
			strv_add(&c->exposed, a->expose.v[i]);
	}
	for (size_t i = 0; r == 0 && i < a->dns.len; i++)
		if (!is_address(a->dns.v[i]))
			r = err_set(e, EINVAL, "--dns: '%s' is not an address", a->dns.v[i]);
	for (size_t i = 0; r == 0 && i < a->dns_search.len; i++)
		r = one_word("--dns-search", a->dns_search.v[i], e);
	for (size_t i = 0; r == 0 && i < a->dns_option.len; i++)
		r = one_word("--dns-option", a->dns_option.v[i], e);
	c->host_loopback = a->host_loopback;
	strv_join(&c->dns, &a->dns);
	strv_join(&c->dns_search, &a->dns_search);
	strv_join(&c->dns_options, &a->dns_option);
	strv_join(&c->add_hosts, &a->add_host);
	return r;
}

static int set_seccomp(struct ctr_config *c, const char *value, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MIB(1));
	int r;

	free(take(c->seccomp));
	if (str_eq(value, "unconfined")) {
		c->seccomp = mem_str(value);
		return 0;
	}
	r = fs_read(AT_FDCWD, value, &text, e);
	if (r < 0)
		return err_ctx(e, r, "--security-opt seccomp");
	c->seccomp = buf_steal(&text);
	return 0;
}

static int set_security(struct ctr_config *c, const struct create_args *a, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->security_opt.len; i++) {
		const char *o = a->security_opt.v[i];
		const char *value = strpbrk(o, "=:");

		value = value ? value + 1 : "";
		if (str_starts(o, "seccomp"))
			r = set_seccomp(c, value, e);
		else if (str_eq(o, "no-new-privileges") || (str_starts(o, "no-new-privileges") &&
							    str_eq(value, "true")))
			c->no_new_privs = true;
		else if (str_starts(o, "no-new-privileges") && str_eq(value, "false"))
			c->no_new_privs = false;
		else if (str_eq(o, "systempaths=unconfined") || str_eq(o, "unmask=ALL"))
			c->unmask = true;
		else
			r = err_set(e, EOPNOTSUPP, "--security-opt '%s' is not supported", o);
	}
	strv_join(&c->cap_add, &a->cap_add);
	strv_join(&c->cap_drop, &a->cap_drop);
	strv_join(&c->group_add, &a->group_add);
	for (size_t i = 0; r == 0 && i < a->sysctl.len; i++) {
		if (!strchr(a->sysctl.v[i], '='))
			r = err_set(e, EINVAL, "--sysctl '%s' is not KEY=VALUE", a->sysctl.v[i]);
		strv_add(&c->sysctl, a->sysctl.v[i]);
	}
	return r;
}

static int set_ulimit(struct ctr_config *c, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	AUTO_FREE char *soft = NULL;
	const char *colon;
	struct ctr_ulimit *u;
	int r = 0;

	if (!equals || equals == text)
		return err_set(e, EINVAL, "--ulimit '%s' is not NAME=SOFT[:HARD]", text);
	colon = strchr(equals, ':');
	soft = mem_strn(equals + 1, colon ? (size_t)(colon - equals - 1) : strlen(equals + 1));
	c->ulimits = mem_grow(c->ulimits, c->ulimit_count + 1, sizeof(*u));
	u = &c->ulimits[c->ulimit_count++];
	*u = (struct ctr_ulimit){ mem_strn(text, (size_t)(equals - text)), UINT64_MAX, UINT64_MAX };
	if (!str_eq(soft, "-1") && !str_eq(soft, "unlimited"))
		r = num_u64(soft, 0, UINT64_MAX - 1, &u->soft, e);
	u->hard = u->soft;
	if (r == 0 && colon) {
		u->hard = UINT64_MAX;
		if (!str_eq(colon + 1, "-1") && !str_eq(colon + 1, "unlimited"))
			r = num_u64(colon + 1, 0, UINT64_MAX - 1, &u->hard, e);
	}
	return r < 0 ? err_ctx(e, r, "--ulimit %s", u->name) : 0;
}

static int set_limits(struct ctr_config *c, const struct create_args *a, struct err *e)
{
	int r = 0;

	if (a->memory)
		r = num_size(a->memory, &c->memory, e);
	if (r == 0 && a->memory_swap && str_eq(a->memory_swap, "-1"))
		c->memory_swap = UINT64_MAX >> 1;
	else if (r == 0 && a->memory_swap)
		r = num_size(a->memory_swap, &c->memory_swap, e);
	if (r == 0 && a->cpus)
		r = num_nano(a->cpus, &c->nano_cpus, e);
	if (r == 0 && a->cpu_shares)
		r = num_u64(a->cpu_shares, 2, 262144, &c->cpu_shares, e);
	if (r == 0 && a->pids_limit)
		r = num_i64(a->pids_limit, -1, INT32_MAX, &c->pids_limit, e);
	if (r == 0 && a->shm_size)
		r = num_size(a->shm_size, &c->shm_size, e);
	for (size_t i = 0; r == 0 && i < a->ulimit.len; i++)
		r = set_ulimit(c, a->ulimit.v[i], e);
	c->cpuset_cpus = mem_str(a->cpuset_cpus);
	c->strict_limits = str_eq(a->limits, "strict");
	return r;
}

static int set_log(struct ctr_config *c, const struct create_args *a, struct err *e)
{
	int r = 0;

	if (str_eq(a->log_driver, "none"))
		c->log = CTR_LOG_NONE;
	for (size_t i = 0; r == 0 && i < a->log_opt.len; i++) {
		const char *size = str_after(a->log_opt.v[i], "max-size=");
		const char *files = str_after(a->log_opt.v[i], "max-file=");

		if (size)
			r = num_size(size, &c->log_max_size, e);
		else if (files)
			r = num_u64(files, 1, 1000, &c->log_max_files, e);
		else
			r = err_set(e, EOPNOTSUPP,
				    "--log-opt '%s' is not supported: max-size, max-file are",
				    a->log_opt.v[i]);
	}
	return r < 0 ? err_ctx(e, r, "--log-opt") : 0;
}

/* keep-id, keep-id:uid=1000,gid=1000 */
static int set_userns(struct ctr_config *c, const char *text, struct err *e)
{
	const char *p;

	if (!text || str_eq(text, "default"))
		return 0;
	if (str_eq(text, "nomap")) {
		c->userns = CTR_USERNS_NOMAP;
		return 0;
	}
	if (!str_starts(text, "keep-id") || (text[7] && text[7] != ':'))
		return err_set(e, EINVAL, "--userns: '%s' is not one of default, keep-id, nomap",
			       text);
	c->userns = CTR_USERNS_KEEP_ID;
	for (p = text[7] ? text + 8 : ""; *p; p += *p == ',') {
		AUTO_FREE char *part = mem_strn(p, strcspn(p, ","));
		uint32_t *id = str_starts(part, "uid=") ? &c->keep_uid :
			       str_starts(part, "gid=") ? &c->keep_gid : NULL;

		if (!id)
			return err_set(e, EINVAL, "--userns: '%s' is neither uid=N nor gid=N",
				       part);
		if (user_parse_id(id, part + 4, e) < 0)
			return err_ctx(e, -e->code, "--userns");
		p += strlen(part);
	}
	return 0;
}

static int set_labels(struct ctr_config *c, const struct create_args *a, struct err *e)
{
	for (size_t i = 0; i < a->label.len; i++) {
		const char *l = a->label.v[i];
		AUTO_FREE char *full = strchr(l, '=') ? mem_str(l) : mem_printf("%s=", l);

		if (l[0] == '=' || !l[0])
			return err_set(e, EINVAL, "--label '%s' has no key", l);
		strv_setenv(&c->labels, full);
	}
	for (size_t i = 0; i < a->annotation.len; i++) {
		if (!strchr(a->annotation.v[i], '='))
			return err_set(e, EINVAL, "--annotation '%s' is not KEY=VALUE",
				       a->annotation.v[i]);
		strv_setenv(&c->annotations, a->annotation.v[i]);
	}
	return 0;
}

static int set_stop(struct ctr_config *c, const struct create_args *a, struct err *e)
{
	int sig;
	int r = 0;

	if (a->stop_signal) {
		r = proc_signal(&sig, a->stop_signal, e);
		c->stop_signal = mem_str(a->stop_signal);
	}
	if (r == 0 && a->stop_timeout)
		r = num_u64(a->stop_timeout, 0, UINT32_MAX, &c->stop_timeout_s, e);
	return r < 0 ? err_ctx(e, r, "--stop") : 0;
}

static int set_command(struct ctr_config *c, bool *given_entrypoint, const struct create_args *a,
		       char **operands, int count, struct err *e)
{
	char real[MAX_PATH];

	if (a->rootfs) {
		if (!realpath(operands[0], real))
			return err_sys(e, "--rootfs '%s'", operands[0]);
		c->rootfs = mem_str(real);
	} else {
		c->image = mem_str(operands[0]);
	}
	*given_entrypoint = a->entrypoint;
	if (!str_is_empty(a->entrypoint))
		strv_add(&c->entrypoint, a->entrypoint);
	for (int i = 1; i < count; i++)
		strv_add(&c->cmd, operands[i]);
	if (a->workdir && a->workdir[0] != '/')
		return err_set(e, EINVAL, "--workdir: '%s' is not absolute", a->workdir);
	return 0;
}

static int set_runtime(struct ctr_config *c, const struct create_args *a, struct err *e)
{
	const char *name = a->runtime ? a->runtime :
			   str_or(getenv("CORACLE_RUNTIME"), RUNTIME_OURS);

	return runtime_find(&c->runtime, name, e);
}

int create_config(struct ctr_config *out, bool *given_entrypoint, const struct create_args *a,
		  char **operands, int count, struct err *e)
{
	AUTO(ctr_config) struct ctr_config c;
	int r;

	ctr_config_init(&c);
	c.tty = a->tty;
	c.stdin_open = a->interactive;
	c.auto_remove = a->rm;
	c.read_only = a->read_only;
	c.privileged = a->privileged;
	c.init = a->init;
	c.publish_all = a->publish_all;
	c.user = mem_str(a->user);
	c.workdir = a->workdir ? mount_clean_path(a->workdir) : NULL;
	c.hostname = mem_str(a->hostname);
	c.domainname = mem_str(a->domainname);
	c.snapshotter = mem_str(a->snapshotter);
	c.platform = mem_str(a->platform);
	if ((r = set_command(&c, given_entrypoint, a, operands, count, e)) < 0 ||
	    (r = set_env(&c, a, e)) < 0 || (r = set_mounts(&c, a, e)) < 0 ||
	    (r = set_network(&c, a, e)) < 0 || (r = set_security(&c, a, e)) < 0 ||
	    (r = set_limits(&c, a, e)) < 0 || (r = set_log(&c, a, e)) < 0 ||
	    (r = set_userns(&c, a->userns, e)) < 0 || (r = set_labels(&c, a, e)) < 0 ||
	    (r = set_stop(&c, a, e)) < 0 || (r = set_runtime(&c, a, e)) < 0)
		return r;
	*out = c;
	ctr_config_init(&c);
	return 0;
}
