/* config.h - what a container is to be: the flags of run and create, merged
 * once with the image's configuration and the defaults.
 *
 * It is kept as JSON with the container's row and read again by start, restart
 * and inspect; what the runtime needs of it goes into the OCI spec.  Image
 * text is data here (RELIABILITY D5): nothing of it chooses a file or program
 * of the host.
 *
 * Ownership: the struct owns everything.  Errors of parse: -EBADMSG.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/fmt/imgconf.h"
#include "lib/fmt/mountopt.h"
#include "lib/fmt/port.h"

enum ctr_userns { CTR_USERNS_DEFAULT, CTR_USERNS_KEEP_ID, CTR_USERNS_NOMAP };
enum ctr_net { CTR_NET_SLIRP, CTR_NET_NONE, CTR_NET_HOST, CTR_NET_CONTAINER };
enum ctr_log { CTR_LOG_JSON, CTR_LOG_NONE };

struct ctr_ulimit {
	char *name;			/* "nofile" */
	uint64_t soft, hard;		/* UINT64_MAX: unlimited */
};

struct ctr_config {
	char *image;			/* as the user wrote it; NULL: --rootfs */
	char *rootfs;			/* --rootfs, absolute; NULL: the image */
	char *hostname;			/* NULL: the short id */
	char *domainname;
	char *user;
	char *workdir;
	struct strv env;
	struct strv entrypoint;
	struct strv cmd;
	struct strv labels;		/* "key=value" */
	struct strv annotations;
	bool tty;
	bool stdin_open;
	bool auto_remove;
	bool read_only;
	bool privileged;
	bool init;
	bool no_new_privs;
	bool unmask;			/* systempaths=unconfined */

	struct mount_opt *mounts;
	size_t mount_count;
	uint64_t shm_size;		/* bytes */

	enum ctr_net net;
	char *net_container;		/* id, when CTR_NET_CONTAINER */
	bool host_loopback;
	bool publish_all;		/* every exposed port too */
	struct ports ports;		/* published; host 0: chosen at start */
	struct strv exposed;		/* "80/tcp" */
	struct strv dns;
	struct strv dns_search;
	struct strv dns_options;
	struct strv add_hosts;		/* "name:address" */

	struct strv cap_add;
	struct strv cap_drop;
	char *seccomp;			/* NULL: default, "unconfined", or JSON */
	struct strv group_add;
	struct strv sysctl;		/* "key=value" */

	uint64_t memory;		/* bytes; 0: no limit, as below */
	uint64_t memory_swap;		/* memory and swap together */
	uint64_t nano_cpus;
	uint64_t cpu_shares;
	char *cpuset_cpus;
	bool strict_limits;		/* one that cannot be had is an error */
	int64_t pids_limit;		/* 0 not given, -1 unlimited */
	struct ctr_ulimit *ulimits;
	size_t ulimit_count;

	char *stop_signal;		/* "SIGTERM" */
	uint64_t stop_timeout_s;
	enum ctr_log log;
	uint64_t log_max_size;		/* bytes; 0: no rotation */
	uint64_t log_max_files;

	enum ctr_userns userns;
	uint32_t keep_uid, keep_gid;	/* ID_NONE: the caller's own */
	char *snapshotter;		/* NULL: chosen by probing */
	char *platform;			/* NULL: the host's */
	char *runtime;			/* absolute path of another one; NULL: ours */
};

#define CTR_SHM_SIZE (64ull << 20)
#define CTR_STOP_TIMEOUT_S 10

/* The defaults of an unnamed flag. */
void ctr_config_init(struct ctr_config *c);
void ctr_config_clear(struct ctr_config *c);

static inline void ctr_config_auto(struct ctr_config *c)
{
	ctr_config_clear(c);
}

/* The image's part where the user said nothing: user, directory, environment,
 * command, labels, stop signal, exposed ports, volumes.  given_entrypoint: an
 * --entrypoint also drops the image's command. */
void ctr_config_merge(struct ctr_config *c, const struct imgconf *image,
		      bool given_entrypoint);

struct mount_opt *ctr_config_add_mount(struct ctr_config *c);	/* empty */

void ctr_config_print(const struct ctr_config *c, struct buf *out);
int ctr_config_parse(struct ctr_config *out, const char *json, size_t len,
		     struct err *e) MUST_CHECK;
