/* images.h - what saving and restoring have in common; see checkpoint.h. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/fmt/mountinfo.h"
#include "lib/runtime/checkpoint.h"
#include "lib/runtime/criu.h"

/* How criu calls a network namespace that config.json has by its path. */
#define IMAGES_NET "extRootNetNS"

void images_add_options(struct strv *args, const struct rt_images *i);

/* criu_run(), which mounts the cgroup2 tree without its options: for all that
 * have it mounted they would be gone. */
int images_run(const struct criu_call *c, struct err *e) MUST_CHECK;

/* The mounts that a process sees. */
struct mount_table {
	struct buf text;
	struct mountinfo *v;
	size_t len;
};

#define MOUNT_TABLE_INIT { .text = BUF_INIT(MIB(4)) }

void mount_table_auto(struct mount_table *t);
int mount_table_read(struct mount_table *t, pid_t pid, struct err *e) MUST_CHECK;

/* NULL: nothing is mounted there. */
const struct mountinfo *mount_table_find(const struct mount_table *t, const char *target);

/* Of what is mounted there inside, the path outside: the source of a bind, or a
 * mount of the host's below it.  The caller frees it; NULL: the spec has no
 * such bind. */
char *images_source(const struct spec *s, const struct mount_table *host, const char *target);
