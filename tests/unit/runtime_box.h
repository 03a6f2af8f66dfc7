/* runtime_box.h - for tests: a spec like those of `run`, and a root file
 * system of one static busybox.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/spec.h"
#include "lib/os/userns.h"
#include "lib/runtime/plan.h"
#include "tests/unit/own_ids.h"

#define BOX_CAPS 0xa80425fbull		/* docker's fourteen */

static inline void box_mount(struct spec *s, const char *at, const char *type,
			     const char *a, const char *b, const char *c)
{
	struct spec_mount *m = spec_add_mount(s, at, type, type);
	const char *const options[] = { "nosuid", a, b, c };

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i])
			strv_add(&m->options, options[i]);
}

static inline void box_spec(struct spec *s)
{
	spec_init(s);
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		s->ns[i].set = i != SPEC_NS_TIME;
	strv_add(&s->process.env, "PATH=/bin");
	s->process.cwd = mem_str("/");
	s->process.user.umask = ID_NONE;
	s->hostname = mem_str("box");
	s->process.caps.set = true;
	s->process.caps.bounding = BOX_CAPS;
	s->process.caps.effective = BOX_CAPS;
	s->process.caps.permitted = BOX_CAPS;
	s->process.no_new_privs = true;
	box_mount(s, "/proc", "proc", "noexec", "nodev", NULL);
	box_mount(s, "/dev", "tmpfs", "strictatime", "mode=755", "size=65536k");
	box_mount(s, "/dev/pts", "devpts", "noexec", "ptmxmode=0666", "mode=0620");
	box_mount(s, "/dev/shm", "tmpfs", "noexec", "nodev", "mode=1777");
	box_mount(s, "/sys", "sysfs", "noexec", "nodev", "ro");
	strv_add(&s->masked_paths, "/proc/interrupts");
	strv_add(&s->masked_paths, "/proc/acpi");
	strv_add(&s->masked_paths, "/sys/firmware");
	strv_add(&s->readonly_paths, "/proc/sys");
}

/* The default map of whoever runs the test; false: only one id is to be had. */
static inline bool box_map(struct idmap *map)
{
	struct id_grant u, g;
	struct err e = ERR_INIT;
	char path[64];

	memset(map, 0, sizeof(*map));
	if (userns_find_helper("newuidmap", path, sizeof(path)) &&
	    own_grant("/etc/subuid", &u) && own_grant("/etc/subgid", &g))
		return id_map_default(&map->uids, geteuid(), &u, 1, &e) == 0 &&
		       id_map_default(&map->gids, getegid(), &g, 1, &e) == 0;
	(void)!id_map_single(&map->uids, geteuid(), 0, &e);
	(void)!id_map_single(&map->gids, getegid(), 0, &e);
	return false;
}

static inline void box_options(struct plan_options *o, const struct idmap *map,
			       const char *root)
{
	static char uidmap[64], gidmap[64];

	*o = (struct plan_options){
		.idmap = map,
		.self_uid = geteuid(),
		.self_gid = getegid(),
		.newuidmap = userns_find_helper("newuidmap", uidmap, sizeof(uidmap)),
		.newgidmap = userns_find_helper("newgidmap", gidmap, sizeof(gidmap)),
		.root = { .kind = PLAN_ROOT_DIR, .path = root },
		.net = { .kind = PLAN_NET_NONE },
	};
}
