#include "tests/unit/test.h"

#include "lib/base/mem.h"
#include "lib/os/lsm.h"
#include "lib/runtime/step.h"
#include "tests/unit/runtime_box.h"

static struct idmap map;

static int compile(struct buf *out, struct spec *s, struct err *e)
{
	struct plan_options o;

	if (!s->process.args.len)
		strv_add(&s->process.args, "true");
	box_options(&o, &map, "/srv/root");
	o.self_uid = 1000;
	o.self_gid = 1000;
	o.newuidmap = "/usr/bin/newuidmap";
	o.newgidmap = "/usr/bin/newgidmap";
	return plan_compile(out, s, &o, e);
}

static int set_map(void **state)
{
	struct err e = ERR_INIT;
	struct id_grant g = { .start = 100000, .count = 65536 };

	(void)state;
	return id_map_default(&map.uids, 1000, &g, 1, &e) ||
	       id_map_default(&map.gids, 1000, &g, 1, &e);
}

static void compiles(void **state)
{
	AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN), text = BUF_INIT(MAX_PLAN);
	AUTO(spec) struct spec s;
	struct err e = ERR_INIT;

	(void)state;
	box_spec(&s);
	assert_int_equal(compile(&plan, &s, &e), 0);
	assert_int_equal(plan_check(plan.data, plan.len, &e), 0);
	plan_print(plan.data, plan.len, &text);
	assert_non_null(strstr(text.data, "mask [0] <- [4] '/proc/interrupts'"));
	/* What names ids waits for them, what does not comes before. */
	assert_true(strstr(text.data, "'devpts'") > strstr(text.data, "wait-maps"));
	assert_true(strstr(text.data, "'proc'") < strstr(text.data, "wait-maps"));
	assert_true(strstr(text.data, "exec 'true'") > strstr(text.data, "seccomp") ||
		    !strstr(text.data, "seccomp"));
}

/* Root of a map without the caller may not walk where the caller keeps things. */
static void opens_before_becoming_root(void **state)
{
	static const struct plan_file hosts = { "/srv/hosts", "/etc/hosts", false };
	const struct plan_root overlay = {
		.kind = PLAN_ROOT_OVERLAY, .base = "/srv/base", .upper = "9/fs", .work = "9/work",
	};
	const struct plan_root dir = { .kind = PLAN_ROOT_DIR, .path = "/srv/root" };
	struct id_grant g = { .start = 100000, .count = 65536 };
	struct idmap nomap = { .uids = { .len = 0 } };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(id_map_grants(&nomap.uids, &g, 1, &e), 0);
	assert_int_equal(id_map_grants(&nomap.gids, &g, 1, &e), 0);
	for (int foreign = 0; foreign < 2; foreign++)
		for (int i = 0; i < 2; i++) {
			AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN), text = BUF_INIT(MAX_PLAN);
			AUTO(spec) struct spec s;
			struct plan_options o;
			const char *root, *wait;

			box_spec(&s);
			strv_add(&s.process.args, "true");
			box_options(&o, foreign ? &nomap : &map, NULL);
			o.self_uid = o.self_gid = 1000;
			o.newuidmap = o.newgidmap = "/usr/bin/newmap";
			o.files = &hosts;
			o.file_count = 1;
			o.root = i ? dir : overlay;
			if (!i)
				strv_add(&o.root.lowers, "1/fs");
			assert_int_equal(plan_compile(&plan, &s, &o, &e), 0);
			assert_int_equal(plan_check(plan.data, plan.len, &e), 0);
			plan_print(plan.data, plan.len, &text);
			wait = strstr(text.data, "wait-maps");
			root = strstr(text.data, i ? "'/srv/root'" :
				      foreign ? "layers '/srv/base' 'lowerdir+' '1/fs'" :
				      "overlay [0] = '/srv/base'");
			assert_non_null(root);
			assert_int_equal(root < wait, foreign);
			assert_int_equal(strstr(text.data, "'/srv/hosts'") < wait, foreign);
			strv_clear(&o.root.lowers);
		}
}

/* Each spoils a good spec in one way. */
static void bad_cwd(struct spec *s) { s->process.cwd[0] = 'x'; }
static void bad_user(struct spec *s) { s->process.user.uid = 70000; }
static void bad_group(struct spec *s) { s->process.user.gid = 70000; }
static void bad_sysctl(struct spec *s) { strv_add(&s->sysctl, "kernel.core_pattern=x"); }
static void dots_sysctl(struct spec *s) { strv_add(&s->sysctl, "net..=x"); }
static void bad_option(struct spec *s)
{
	strv_add(&spec_add_mount(s, "/m", "bind", "/tmp")->options, "frobnicate");
}
static void bad_tmpfs_uid(struct spec *s)
{
	strv_add(&spec_add_mount(s, "/m", "tmpfs", "tmpfs")->options, "uid=70000");
}
static void bad_fs(struct spec *s) { spec_add_mount(s, "/m", "ext4", "/dev/sda1"); }
static void bad_source(struct spec *s) { spec_add_mount(s, "/m", "bind", "rel"); }
static void over_root(struct spec *s) { spec_add_mount(s, "/", "tmpfs", "tmpfs"); }
static void no_mount_ns(struct spec *s) { s->ns[SPEC_NS_MOUNT].set = false; }
static void no_uts(struct spec *s) { s->ns[SPEC_NS_UTS].set = false; }
static void bad_limit(struct spec *s) { spec_add_rlimit(s, "RLIMIT_X", 1, 1); }
static void same_limit(struct spec *s)
{
	spec_add_rlimit(s, "RLIMIT_NOFILE", 1, 1);
	spec_add_rlimit(s, "RLIMIT_NOFILE", 1, 1);
}
static void bad_hook(struct spec *s) { spec_add_hook(s, SPEC_HOOK_POSTSTOP, "bin/h"); }
static void bad_env(struct spec *s) { strv_add(&s->process.env, "novalue"); }
static void bad_propagation(struct spec *s) { s->rootfs_propagation = mem_str("odd"); }
static void bad_version(struct spec *s) { s->oci_version = mem_str("2.0.0"); }
static void old_version(struct spec *s) { s->oci_version = mem_str("1."); }
static void bad_priority(struct spec *s)
{
	s->process.scheduler = (struct spec_scheduler){ .set = true, .priority = 1 };
}
static void bad_period(struct spec *s)
{
	s->process.scheduler = (struct spec_scheduler){ .set = true, .period_ns = 1 };
}
static void bad_cpus(struct spec *s) { s->process.exec_cpus_final = mem_str("1-"); }
static void bad_nodes(struct spec *s) { s->memory_policy.nodes = mem_str("x"); }
static void lost_offset(struct spec *s) { s->time_offsets[SPEC_CLOCK_BOOTTIME].set = true; }
static void joined_offset(struct spec *s)
{
	lost_offset(s);
	s->ns[SPEC_NS_TIME].set = true;
	s->ns[SPEC_NS_TIME].path = mem_str("/proc/1/ns/time");
}
static void odd_personality(struct spec *s) { strv_add(&s->personality.flags, "odd"); }
static void long_device(struct spec *s) { spec_add_net_device(s, "eth0", "sixteen-letters-"); }
static void no_network(struct spec *s)
{
	spec_add_net_device(s, "eth7", NULL);
	s->ns[SPEC_NS_NETWORK].set = false;
}
static void intel_rdt(struct spec *s) { s->intel_rdt = mem_str("{\"closID\":\"x\"}"); }

/* field: ociVersion (1.x)
 * refused: linux.intelRdt (linux.intelRdt: not supported) */
static void refuses(void **state)
{
	static const struct {
		void (*spoil)(struct spec *s);
		const char *words;
	} rows[] = {
		{ bad_cwd, "process.cwd" },
		{ bad_user, "user 70000 is not mapped" },
		{ bad_group, "group 70000 is not mapped" },
		{ bad_sysctl, "kernel.core_pattern" },
		{ dots_sysctl, "sysctl" },
		{ bad_option, "mount '/m': unknown option 'frobnicate'" },
		{ bad_tmpfs_uid, "mount '/m': user 70000 is not mapped" },
		{ bad_fs, "ext4" },
		{ bad_source, "not absolute" },
		{ over_root, "mount '/'" },
		{ no_mount_ns, "mount namespace" },
		{ no_uts, "uts namespace" },
		{ bad_limit, "RLIMIT_X" },
		{ same_limit, "process.rlimits: 'RLIMIT_NOFILE' is there twice" },
		{ bad_hook, "hook 'bin/h': the path is not absolute" },
		{ bad_env, "novalue" },
		{ bad_propagation, "odd" },
		{ bad_version, "ociVersion '2.0.0': not version 1 of the specification" },
		{ old_version, "ociVersion '1.'" },
		{ bad_priority, "process.scheduler.priority: belongs to SCHED_FIFO" },
		{ bad_period, "belong to SCHED_DEADLINE" },
		{ bad_cpus, "process.execCPUAffinity.final: '1-'" },
		{ bad_nodes, "linux.memoryPolicy.nodes: 'x'" },
		{ lost_offset, "linux.timeOffsets: need a new time namespace" },
		{ joined_offset, "linux.timeOffsets: need a new time namespace" },
		{ odd_personality, "linux.personality.flags: unknown 'odd'" },
		{ long_device, "linux.netDevices 'eth0': bad name" },
		{ no_network, "linux.netDevices 'eth7': needs a network namespace" },
		{ intel_rdt, "linux.intelRdt: not supported" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN);
		AUTO(spec) struct spec s;
		struct err e = ERR_INIT;

		box_spec(&s);
		strv_add(&s.process.args, "true");
		rows[i].spoil(&s);
		assert_true(compile(&plan, &s, &e) < 0);
		if (!strstr(e.text, rows[i].words))
			fail_msg("row %zu: '%s' is not about '%s'", i, e.text, rows[i].words);
	}
}

static void label(struct spec *s, const char *apparmor, const char *process, const char *mount)
{
	s->process.apparmor = mem_str(apparmor);
	s->process.selinux_label = mem_str(process);
	s->mount_label = mem_str(mount);
}

/* field: process.apparmorProfile (where the kernel has AppArmor, else refused)
 * field: process.selinuxLabel (where the kernel has SELinux, else refused)
 * field: linux.mountLabel (where the kernel has SELinux, else refused)
 * Applied and read back where the kernel has the module, else refused. */
static void labels(void **state)
{
	const struct {
		const char *apparmor, *process, *mount;
		bool can;
		const char *step, *words;
	} rows[] = {
		{ "p", NULL, NULL, lsm_has_apparmor(), "verify-lsm [1] 'p' 'self/attr/apparmor/exec'",
		  "process.apparmorProfile 'p': this kernel has no AppArmor" },
		{ NULL, "u:r:t:s0:c2,c1", NULL, lsm_has_selinux(),
		  "verify-lsm [1] 'u:r:t' 'self/attr/exec'",
		  "process.selinuxLabel 'u:r:t:s0:c2,c1': this kernel has no SELinux" },
		{ NULL, NULL, "m", lsm_has_selinux(), "exec",
		  "linux.mountLabel 'm': this kernel has no SELinux" },
		{ "unconfined", NULL, NULL, true, "exec", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN), text = BUF_INIT(MAX_PLAN);
		AUTO(spec) struct spec s;
		struct err e = ERR_INIT;
		int r;

		box_spec(&s);
		label(&s, rows[i].apparmor, rows[i].process, rows[i].mount);
		r = compile(&plan, &s, &e);
		assert_int_equal(r, rows[i].can ? 0 : -ENOTSUP);
		if (r < 0) {
			assert_string_equal(e.text, rows[i].words);
			continue;
		}
		assert_int_equal(plan_check(plan.data, plan.len, &e), 0);
		plan_print(plan.data, plan.len, &text);
		assert_non_null(strstr(text.data, rows[i].step));
	}
}

/* Cut short anywhere, or with any one byte of the head and the steps changed:
 * refused, or still harmless to print. */
static void checks(void **state)
{
	AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN);
	AUTO(spec) struct spec s;
	struct err e = ERR_INIT;
	AUTO_FREE char *copy = NULL;

	(void)state;
	box_spec(&s);
	assert_int_equal(compile(&plan, &s, &e), 0);
	copy = mem_zero(plan.len, 1);
	for (size_t len = 0; len < plan.len; len++) {
		memcpy(copy, plan.data, len);
		assert_true(plan_check(copy, len, &e) < 0);
		err_clear(&e);
	}
	for (size_t at = 0; at < plan.len; at++) {
		AUTO(buf) struct buf text = BUF_INIT(MAX_PLAN);

		memcpy(copy, plan.data, plan.len);
		copy[at] = (char)(copy[at] ^ 0x55);
		if (plan_check(copy, plan.len, &e) == 0)
			plan_print(copy, plan.len, &text);
		err_clear(&e);
	}
}

static void describes(void **state)
{
	AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN);
	AUTO(spec) struct spec s;
	struct err e = ERR_INIT;
	char words[PLAN_WORDS_MAX];
	bool found = false;

	(void)state;
	box_spec(&s);
	strv_add(&spec_add_mount(&s, "/a\033[31mb", "bind", "/tmp")->options, "ro");
	assert_int_equal(compile(&plan, &s, &e), 0);
	for (unsigned i = 0; i < ((struct plan_head *)plan.data)->step_count; i++) {
		plan_describe(plan.data, i, words);
		assert_null(strchr(words, '\033'));
		found |= str_eq(words, "mount '/a?[31mb'");
	}
	assert_true(found);
	plan_describe(plan.data, 100000, words);
	assert_string_equal(words, "container init");
}

static void rungs_have_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PLAN_RUNG_COUNT; i++)
		assert_non_null(plan_rung_text(1u << i));
	assert_null(plan_rung_text(1u << PLAN_RUNG_COUNT));
}

/* Do these stand in the plan in this order, the last one in its last line? */
static void in_order(const struct buf *plan, const char *const *words)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_PLAN);
	struct err e = ERR_INIT;
	const char *at;

	assert_int_equal(plan_check(plan->data, plan->len, &e), 0);
	plan_print(plan->data, plan->len, &text);
	assert_null(strstr(text.data, "/dev/zero"));
	at = text.data;
	for (; *words; words++) {
		at = strstr(at, *words);
		if (!at)
			print_error("not in its place: %s\n%s", *words, text.data);
		assert_non_null(at);
	}
	assert_int_equal(strcspn(at, "\n") + 1, strlen(at));
}

static void another_runtime(void **state)
{
	static const char *const start[] = {
		"tree [0] = '/'", "root [0]", "mount [0] <- [1] '/proc'", "overlay [",
		"'/srv/base'", "'/run/root'", "pivot", "call '/usr/bin/other' '/run/bundle' 'other' 'create'",
		"ready", "wait-go", "call '/usr/bin/other' '/run/bundle' 'other' 'start'", "follow",
		NULL,
	};
	static const char *const joins[] = {
		"session", "become-root", "call '/usr/bin/other' '/run/bundle' 'other' 'create'",
		"follow", NULL,
	};
	struct plan_runtime other = {
		.program = "/usr/bin/other", .dir = "/run/bundle", .root_at = "/run/root",
		.root = { .kind = PLAN_ROOT_OVERLAY, .base = "/srv/base", .upper = "9/fs",
			  .work = "9/work" },
	};
	AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN);
	const struct plan_exec_options join = { .idmap = &map, .runtime = &other };
	struct plan_options o;
	struct err e = ERR_INIT;
	AUTO(spec) struct spec s;

	(void)state;
	spec_init(&s);
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		s.ns[i].set = i != SPEC_NS_TIME;
	box_mount(&s, "/proc", "proc", "noexec", "nodev", NULL);
	strv_add(&s.process.args, "true");
	box_options(&o, &map, "/");
	o.self_uid = o.self_gid = 1000;
	o.newuidmap = o.newgidmap = "/usr/bin/newmap";
	o.root.recursive = true;
	o.runtime = &other;
	strv_add(&other.root.lowers, "1/fs");
	for (int i = 0; i < 2; i++) {
		strv_add(i ? &other.start : &other.create, "other");
		strv_add(i ? &other.start : &other.create, i ? "start" : "create");
	}
	assert_int_equal(plan_compile(&plan, &s, &o, &e), 0);
	in_order(&plan, start);
	assert_int_equal(plan_compile_exec(&plan, &s.process, &join, &e), 0);
	in_order(&plan, joins);
	/* Whoever is not mapped could not read the bundle. */
	o.self_uid = 70000;
	assert_int_equal(plan_compile(&plan, &s, &o, &e), -ENOTSUP);
	assert_non_null(strstr(e.text, "runtime '/usr/bin/other': needs an id map"));
	strv_clear(&other.root.lowers);
	strv_clear(&other.create);
	strv_clear(&other.start);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiles),
		cmocka_unit_test(opens_before_becoming_root),
		cmocka_unit_test(refuses),
		cmocka_unit_test(labels),
		cmocka_unit_test(checks),
		cmocka_unit_test(describes),
		cmocka_unit_test(rungs_have_words),
		cmocka_unit_test(another_runtime),
	};

	return cmocka_run_group_tests_name("runtime_plan", tests, set_map, NULL);
}
