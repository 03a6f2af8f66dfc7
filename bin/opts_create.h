/* opts_create.h - the options that run and create share, and what they mean.
 *
 * Every option that is accepted works; those that users know from elsewhere
 * and Coracle does not have are refused by name.
 */
#pragma once

#include "bin/app.h"
#include "lib/ctr/config.h"

struct create_args {
	bool interactive, tty, rm, read_only, privileged, init, publish_all;
	bool host_loopback;
	const char *name, *workdir, *user, *entrypoint, *hostname, *domainname;
	const char *network, *memory, *memory_swap, *cpus, *cpu_shares, *cpuset_cpus, *limits,
		*pids_limit;
	const char *shm_size, *stop_signal, *stop_timeout, *cidfile, *pull, *platform, *userns;
	const char *log_driver, *snapshotter, *restart, *runtime;
	bool rootfs;
	struct strv env, env_file, volume, mount, tmpfs, add_host, dns, dns_search, dns_option;
	struct strv publish, expose, cap_add, cap_drop, security_opt, ulimit, label, log_opt;
	struct strv group_add, sysctl, annotation;
};

extern const struct opt create_opts[];

void create_args_clear(struct create_args *a);

/* operands: IMAGE (or a directory with --rootfs) and the command.
 * given_entrypoint: see ctr_config_merge(). */
int create_config(struct ctr_config *out, bool *given_entrypoint,
		  const struct create_args *a, char **operands, int count,
		  struct err *e) MUST_CHECK;
