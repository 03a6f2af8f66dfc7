/* What config.json says of the process itself, seen from inside. */
#include "tests/unit/runtime_run.h"

#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "lib/os/caps.h"
#include "lib/runtime/step.h"

/* field: process.scheduler */
static void scheduler(void **state)
{
	/* cut's own: nice, policy */
	static const char show[] = "cut -d' ' -f19,41 /proc/self/stat";
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr;
	struct err e = ERR_INIT;
	char idle[16];
	struct box b;

	(void)state;
	box_begin(&b, show);
	b.spec.process.scheduler = (struct spec_scheduler){ .set = true, .policy = 3, .nice = 7 };
	expect(&b, "7 3\n");
	box_begin(&b, show);
	b.spec.process.scheduler = (struct spec_scheduler){ .set = true, .policy = 5 };
	/* This policy has no use for one, and leaves it. */
	(void)snprintf(idle, sizeof(idle), "%d 5\n", getpriority(PRIO_PROCESS, 0));
	expect(&b, idle);
	box_begin(&b, "sleep 10");
	b.spec.process.scheduler =
		(struct spec_scheduler){ .set = true, .policy = 3, .nice = 3, .flags = 1 };
	assert_int_equal(box_compile(&b, &e), 0);
	assert_int_equal(box_start(&b, -1, &e), 0);
	assert_int_equal(syscall(SYS_sched_getattr, b.c.pid, &attr, sizeof(attr), 0), 0);
	assert_int_equal(attr.policy, 3);
	assert_int_equal(attr.flags, 1);
	assert_int_equal(attr.nice, 3);
	box_end(&b);
	if (geteuid() == 0)
		return;
	box_begin(&b, show);
	b.spec.process.scheduler =
		(struct spec_scheduler){ .set = true, .policy = 1, .priority = 1 };
	assert_int_equal(box_run(&b, &e), -EPERM);
	assert_string_equal(e.text, "set scheduler SCHED_FIFO: Operation not permitted");
	box_end(&b);
}

/* field: process.ioPriority */
static void io_priority(void **state)
{
	struct box b;

	(void)state;
	box_begin(&b, "ionice -p $$");
	b.spec.process.io_priority = (struct spec_io_priority){ true, 2, 6 };
	expect(&b, "best-effort: prio 6\n");
	box_begin(&b, "ionice -p $$");
	b.spec.process.io_priority = (struct spec_io_priority){ true, 3, 0 };
	expect(&b, "idle\n");
}

/* field: process.user.umask */
static void user_mask(void **state)
{
	struct box b;

	(void)state;
	box_begin(&b, "umask");
	b.spec.process.user.umask = 0;
	expect(&b, "0000\n");
	box_begin(&b, "umask");
	b.spec.process.user.umask = 077;
	expect(&b, "0077\n");
	says("umask", "0022\n");
}

/* field: process.rlimits */
static void limits(void **state)
{
	struct err e = ERR_INIT;
	struct box b;

	(void)state;
	box_begin(&b, "ulimit -n; ulimit -Hn; ulimit -c");
	spec_add_rlimit(&b.spec, "RLIMIT_NOFILE", 100, 200);
	spec_add_rlimit(&b.spec, "RLIMIT_CORE", 0, 0);
	expect(&b, "100\n200\n0\n");
	box_begin(&b, "exit 0");
	spec_add_rlimit(&b.spec, "RLIMIT_NOFILE", 200, 100);
	assert_int_equal(box_run(&b, &e), -EINVAL);
	assert_string_equal(e.text, "set resource limit RLIMIT_NOFILE: Invalid argument");
	box_end(&b);
}

/* field: process.oomScoreAdj */
static void oom_score(void **state)
{
	struct box b;

	(void)state;
	box_begin(&b, "cat /proc/self/oom_score_adj");
	b.spec.process.oom_score_set = true;
	b.spec.process.oom_score_adj = 777;
	expect(&b, "777\n");
}

/* field: linux.personality */
static void execution_domain(void **state)
{
	struct box b;

	(void)state;
	box_begin(&b, "cat /proc/self/personality");
	b.spec.personality.set = true;
	expect(&b, "00000000\n");
	box_begin(&b, "cat /proc/self/personality");
	b.spec.personality.set = true;
	b.spec.personality.domain = 8;
	expect(&b, "00000008\n");
}

static long long uptime(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &t), 0);
	return t.tv_sec;
}

/* field: linux.timeOffsets */
static void time_offsets(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(KIB(4));
	const struct plan_exec_options none = { .idmap = NULL };
	static const char show[] =
		"cat /proc/self/timens_offsets; cut -d. -f1 /proc/uptime";
	struct err e = ERR_INIT;
	char want[128];
	long long seen;
	struct box b;

	(void)state;
	if (access("/proc/self/ns/time", F_OK) < 0)
		skip();
	box_begin(&b, show);
	b.spec.ns[SPEC_NS_TIME].set = true;
	b.spec.time_offsets[SPEC_CLOCK_BOOTTIME] =
		(struct spec_time_offset){ true, 1000000, 5 };
	b.spec.time_offsets[SPEC_CLOCK_MONOTONIC] = (struct spec_time_offset){ true, 99, 0 };
	if (box_run(&b, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(sscanf(b.out.data, "%*s 99 0 %*s 1000000 5 %lld", &seen), 1);
	assert_in_range(seen - uptime(), 999990, 1000001);
	box_end(&b);

	/* who joins has the same clocks */
	box_begin(&b, "sleep 10");
	b.spec.ns[SPEC_NS_TIME].set = true;
	b.spec.time_offsets[SPEC_CLOCK_BOOTTIME] =
		(struct spec_time_offset){ true, 1000000, 0 };
	assert_int_equal(box_compile(&b, &e), 0);
	assert_int_equal(box_start(&b, -1, &e), 0);
	strv_set(&b.spec.process.args, 2, "readlink /proc/self/ns/time; readlink /proc/1/ns/time");
	assert_int_equal(box_exec(&b, &none, &out, &e), 0);
	snprintf(want, sizeof(want), "%.*s", (int)strcspn(out.data, "\n") + 1, out.data);
	assert_string_equal(out.data + strlen(want), want);
	box_end(&b);
}

/* field: linux.memoryPolicy */
static void memory_policy(void **state)
{
	struct err e = ERR_INIT;
	struct box b;

	(void)state;
	if (access("/proc/self/numa_maps", F_OK) < 0)
		skip();
	box_begin(&b, "head -n 1 /proc/self/numa_maps | cut -d' ' -f2");
	b.spec.memory_policy.set = true;
	b.spec.memory_policy.mode = 2;
	b.spec.memory_policy.flags = 1 << 15;
	b.spec.memory_policy.nodes = mem_str("0");
	expect(&b, "bind=static:0\n");
	box_begin(&b, "exit 0");
	b.spec.memory_policy.set = true;
	b.spec.memory_policy.mode = 2;
	assert_int_equal(box_run(&b, &e), -EINVAL);
	assert_string_equal(e.text, "set memory policy MPOL_BIND: Invalid argument");
	box_end(&b);
}

/* field: process.execCPUAffinity */
static void exec_affinity(void **state)
{
	static const struct {
		const char *initial, *final, *want;
	} rows[] = {
		{ NULL, "0", "Cpus_allowed_list:\t0\n" },
		{ "0", "0", "Cpus_allowed_list:\t0\n" },
		{ "0", NULL, NULL },
	};
	struct plan_exec_options o = { .idmap = NULL };
	struct err e = ERR_INIT;
	char all[128] = "";
	struct box b;

	(void)state;
	box_begin(&b, "grep Cpus_allowed_list /proc/self/status; sleep 10");
	free(take(b.spec.process.args.v[2]));
	b.spec.process.args.v[2] = mem_str("sleep 10");
	assert_int_equal(box_compile(&b, &e), 0);
	assert_int_equal(box_start(&b, -1, &e), 0);
	strv_set(&b.spec.process.args, 2, "grep Cpus_allowed_list /proc/self/status");
	for (size_t i = 0; i <= ARRAY_SIZE(rows); i++) {
		AUTO(buf) struct buf out = BUF_INIT(KIB(4));

		free(take(b.spec.process.exec_cpus_initial));
		free(take(b.spec.process.exec_cpus_final));
		if (i) {
			b.spec.process.exec_cpus_initial = mem_str(rows[i - 1].initial);
			b.spec.process.exec_cpus_final = mem_str(rows[i - 1].final);
		}
		assert_int_equal(box_exec(&b, &o, &out, &e), 0);
		if (!i)
			snprintf(all, sizeof(all), "%s", out.data);
		assert_string_equal(out.data, i && rows[i - 1].want ? rows[i - 1].want : all);
	}
	/* the first part is really used: no machine has this one */
	free(take(b.spec.process.exec_cpus_initial));
	b.spec.process.exec_cpus_initial = mem_str("8191");
	AUTO(buf) struct buf out = BUF_INIT(KIB(4));
	assert_int_equal(box_exec(&b, &o, &out, &e), -EINVAL);
	assert_string_equal(e.text, "set the CPU affinity: Invalid argument");
	box_end(&b);
}

/* The container's personality and memory policy hold for those who join. */
static void exec_inherits(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(KIB(4));
	struct plan_exec_options o = { .idmap = NULL };
	struct err e = ERR_INIT;
	struct box b;

	(void)state;
	box_begin(&b, "sleep 10");
	b.spec.personality.set = true;
	b.spec.personality.domain = 8;
	assert_int_equal(box_compile(&b, &e), 0);
	assert_int_equal(box_start(&b, -1, &e), 0);
	strv_set(&b.spec.process.args, 2, "cat /proc/self/personality");
	o.container = &b.spec;
	assert_int_equal(box_exec(&b, &o, &out, &e), 0);
	assert_string_equal(out.data, "00000008\n");
	box_end(&b);
}

/* In a user namespace without one capability and with odd securebits, as a
 * container around us could be. */
static int start_with_less(void)
{
	uint64_t effective, permitted, inheritable;
	struct err e = ERR_INIT;
	struct box b;

	if (!box_become_root(0) ||
	    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0) < 0 ||
	    prctl(PR_CAPBSET_DROP, 18, 0, 0, 0) < 0 ||
	    caps_get(&effective, &permitted, &inheritable) < 0)
		return 1;
	permitted &= ~CAP_BIT(18);
	if (caps_set(permitted, permitted, 0) < 0)
		return 2;
	box_begin_as_root(&b, "grep -E '^Cap(Prm|Bnd)' /proc/self/status");
	if (box_run(&b, &e) < 0) {
		print_message("%s\n", e.text);
		return 3;
	}
	if (!str_eq(b.out.data, "CapPrm:\t00000000a80025fb\nCapBnd:\t00000000a80025fb\n")) {
		print_message("%s\n", b.out.data);
		return 4;
	}
	return b.c.rungs & PLAN_RUNG_FEWER_CAPS ? 0 : 5;
}

/* field: process.capabilities
 * What cannot be granted is said, and does not fail. */
static void fewer_capabilities(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(start_with_less());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* RELIABILITY F3: what a step did not do is seen. */
static void skipped_steps(void **state)
{
	static const struct {
		enum plan_op op;
		const char *words;
	} rows[] = {
		{ OP_RLIMIT, "verify resource limit RLIMIT_NOFILE" },
		{ OP_UMASK, "verify that restrictions hold" },
		{ OP_OOM_SCORE, "verify oom_score_adj" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		struct plan_step *s;
		struct box b;

		box_begin(&b, "exit 0");
		spec_add_rlimit(&b.spec, "RLIMIT_NOFILE", 100, 200);
		b.spec.process.user.umask = 077;
		b.spec.process.oom_score_set = true;
		b.spec.process.oom_score_adj = 777;
		assert_int_equal(box_compile(&b, &e), 0);
		s = (struct plan_step *)plan_steps((struct plan_head *)b.plan.data);
		while (s->op != rows[i].op)
			s++;
		s->op = OP_SESSION;
		if (box_start(&b, -1, &e) == 0)
			fail_msg("%s was left out unseen", plan_ops[rows[i].op].name);
		if (!strstr(e.text, rows[i].words))
			fail_msg("%s left out: '%s'", plan_ops[rows[i].op].name, e.text);
		box_end(&b);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scheduler),
		cmocka_unit_test(io_priority),
		cmocka_unit_test(user_mask),
		cmocka_unit_test(limits),
		cmocka_unit_test(oom_score),
		cmocka_unit_test(execution_domain),
		cmocka_unit_test(time_offsets),
		cmocka_unit_test(memory_policy),
		cmocka_unit_test(exec_affinity),
		cmocka_unit_test(exec_inherits),
		cmocka_unit_test(fewer_capabilities),
		cmocka_unit_test(skipped_steps),
	};

	return box_main("runtime_proc", tests, argc, argv);
}
