/* coracle-oci spec: a config.json to begin with. */
#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "bin/oci.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"

struct spec_args {
	const char *bundle;
	bool rootless;
};

static const struct opt spec_opts[] = {
	TEXT(struct spec_args, bundle, 'b', "bundle", "DIR", WORD_DIR, "Where to write it"),
	FLAG(struct spec_args, rootless, 0, "rootless", "For an ordinary user, with one id"),
	{ .kind = OPT_END },
};

/* destination, type, source, options */
static const char *const mounts[][8] = {
	{ "/proc", "proc", "proc", NULL },
	{ "/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k" },
	{ "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666",
	  "mode=0620" },
	{ "/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" },
	{ "/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev" },
	{ "/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro" },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro" },
};

static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
	"/sys/firmware",
};

static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static void process(struct spec_process *p)
{
	uint64_t caps = CAP_BIT(cap_number("CAP_AUDIT_WRITE")) | CAP_BIT(cap_number("CAP_KILL")) |
			CAP_BIT(cap_number("CAP_NET_BIND_SERVICE"));

	p->terminal = true;
	strv_add(&p->args, "sh");
	strv_add(&p->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(&p->env, "TERM=xterm");
	p->cwd = mem_str("/");
	p->no_new_privs = true;
	p->caps = (struct spec_caps){
		.set = true, .bounding = caps, .effective = caps, .permitted = caps,
	};
}

static void fill(struct spec *s, bool rootless, struct err *e)
{
	/* It has nothing newer, and other runtimes shall read it, too. */
	s->oci_version = mem_str("1.0.2");
	s->root_path = mem_str("rootfs");
	s->root_readonly = true;
	s->hostname = mem_str("coracle");
	process(&s->process);
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		struct spec_mount *m = spec_add_mount(s, mounts[i][0], mounts[i][1], mounts[i][2]);

		for (size_t k = 3; k < ARRAY_SIZE(mounts[i]) && mounts[i][k]; k++)
			strv_add(&m->options, mounts[i][k]);
		if (!rootless && str_eq(mounts[i][1], "devpts"))
			strv_add(&m->options, "gid=5");
	}
	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		s->ns[i].set = i != SPEC_NS_TIME && (rootless || i != SPEC_NS_USER);
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		strv_add(&s->masked_paths, masked[i]);
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++)
		strv_add(&s->readonly_paths, read_only[i]);
	if (!rootless)
		return;
	(void)!id_map_single(&s->idmap.uids, geteuid(), 0, e);
	(void)!id_map_single(&s->idmap.gids, getegid(), 0, e);
}

/* With a line for each member. */
static char *for_people(const struct spec *s, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	AUTO(json) json_t *tree = NULL;

	spec_print(s, &text);
	if (json_load_strict(&tree, text.data, text.len, e) < 0)
		return NULL;
	return mem_check(json_dumps(tree, JSON_INDENT(2) | JSON_PRESERVE_ORDER));
}

static int spec_run(struct app *app UNUSED, void *args, char **operands UNUSED, int count UNUSED,
		    struct err *e)
{
	const struct spec_args *a = args;
	AUTO(spec) struct spec s;
	AUTO_FREE char *text = NULL;
	AUTO_FD int dir = fs_open_dir(AT_FDCWD, str_or(a->bundle, "."), e);

	if (dir < 0)
		return dir;
	spec_init(&s);
	if (faccessat(dir, "config.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, EEXIST, "'config.json' exists already");
	fill(&s, a->rootless, e);
	text = e->code ? NULL : for_people(&s, e);
	return text ? fs_replace(dir, "config.json", text, strlen(text), 0666, FS_NOSYNC, e) :
		      -e->code;
}

const struct cmd oci_cmd_spec = {
	.name = "spec",
	.summary = "Write a config.json to begin with",
	.max = 0,
	.example = "coracle-oci spec --rootless -b ./bundle",
	.opts = spec_opts,
	.args_size = sizeof(struct spec_args),
	.run = spec_run,
};
