/* A directory with files of their names stands for a cgroup: which of them are
 * written, in which order, with what. */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/os/cgroup_limits.h"
#include "lib/os/cgroup_stats.h"
#include "tests/unit/tmpdir.h"

static int group = -1;

static void add_file(const char *name, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(fs_replace(group, name, text, strlen(text), 0644, FS_NOSYNC, &e), 0);
}

/* All that a kernel of today has; io.max and rdma.max are pipes, so that none
 * of several lines is lost. */
static int make_group(void **state)
{
	static const char *const files[] = {
		"memory.low", "memory.swap.max", "memory.high", "cpu.weight", "cpu.max", "cpu.idle",
		"cpu.max.burst", "cpuset.cpus", "cpuset.mems", "pids.max", "io.weight",
		"hugetlb.2MB.max", "hugetlb.2MB.rsvd.max",
	};

	if (make_dir(state) < 0)
		return -1;
	group = open_dir();
	add_file("memory.max", "max\n");
	add_file("memory.current", "8192\n");
	add_file("cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma\n");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		add_file(files[i], "");
	return mkfifoat(group, "io.max", 0600) || mkfifoat(group, "rdma.max", 0600);
}

static int remove_group(void **state)
{
	fd_auto(&group);
	return remove_dir(state);
}

static int set(const char *json, bool strict, char *missing, size_t size, struct err *e)
{
	AUTO(spec_resources) struct spec_resources r;

	spec_resources_init(&r);
	if (spec_resources_parse(&r, json, strlen(json), e) < 0)
		fail_msg("%s", e->text);
	return cgroup_set_limits(group, &r, strict, missing, size, e);
}

static void add_write(struct buf *out, const char *name, int pipe_fd)
{
	struct err e = ERR_INIT;
	char text[KIB(1)] = "";
	ssize_t n = pipe_fd < 0 ? 0 : read(pipe_fd, text, sizeof(text) - 1);

	if (n > 0)
		text[n] = '\0';
	else
		assert_int_equal(fs_read_small(group, name, text, sizeof(text), NULL, &e), 0);
	text[strcspn(text, "\n")] = '\0';
	buf_addf(out, "%s=%s;", name, text);
}

/* "file=what it has in the end;" for each write; the lines of a pipe one
 * behind the other. */
static void assert_writes(const char *json, const char *expected)
{
	AUTO(buf) struct buf out = BUF_INIT(KIB(64));
	AUTO_FD int io = openat(group, "io.max", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	AUTO_FD int rdma = openat(group, "rdma.max", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	AUTO_FD int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	_Alignas(struct inotify_event) char events[KIB(4)];
	struct err e = ERR_INIT;
	ssize_t len;

	assert_true(inotify_add_watch(watch, dir_path, IN_CLOSE_WRITE) >= 0);
	if (set(json, true, NULL, 0, &e) < 0)
		fail_msg("%s", e.text);
	len = read(watch, events, sizeof(events));
	for (char *p = events; p < events + (len < 0 ? 0 : len);) {
		const struct inotify_event *ev = (const void *)p;

		add_write(&out, ev->name, str_eq(ev->name, "io.max") ? io :
					  str_eq(ev->name, "rdma.max") ? rdma : -1);
		p += sizeof(*ev) + ev->len;
	}
	assert_string_equal(out.data, expected);
}

static void assert_refused(const char *json, int code, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(set(json, true, NULL, 0, &e), -code);
	if (!strstr(e.text, text))
		fail_msg("%s: %s", json, e.text);
}

/* ignored: linux.resources.memory.useHierarchy (always so in cgroup v2) */
static void nothing_asked(void **state UNUSED)
{
	assert_writes("{}", "");
	assert_writes("{\"memory\":{\"useHierarchy\":true}}", "");
}

/* field: linux.resources.memory.limit */
static void memory_limit(void **state UNUSED)
{
	assert_writes("{\"memory\":{\"limit\":1048576}}", "memory.max=1048576;");
	assert_writes("{\"memory\":{\"limit\":0}}", "");
}

/* As with cgroup v1: no limit of memory is none of memory and swap either. */
static void memory_unlimited(void **state UNUSED)
{
	add_file("memory.max", "10\n");
	assert_writes("{\"memory\":{\"limit\":-1}}", "memory.max=max;memory.swap.max=max;");
}

/* field: linux.resources.memory.reservation */
static void memory_reservation(void **state UNUSED)
{
	assert_writes("{\"memory\":{\"reservation\":4096}}", "memory.low=4096;");
}

/* field: linux.resources.memory.swap */
static void memory_swap(void **state UNUSED)
{
	assert_writes("{\"memory\":{\"limit\":1000,\"swap\":1500}}",
		      "memory.swap.max=500;memory.max=1000;");
	assert_writes("{\"memory\":{\"swap\":-1}}", "memory.swap.max=max;");
	assert_refused("{\"memory\":{\"swap\":5}}", EINVAL, "memory.swap: needs a limit of memory");
	assert_refused("{\"memory\":{\"limit\":-1,\"swap\":5}}", EINVAL, "memory.swap: needs");
	assert_refused("{\"memory\":{\"limit\":6,\"swap\":5}}", EINVAL, "memory.swap: less than");
}

static void raised_before_lowered(void **state UNUSED)
{
	add_file("memory.max", "4096\n");
	assert_writes("{\"memory\":{\"limit\":8192,\"swap\":8192}}",
		      "memory.max=8192;memory.swap.max=0;");
	assert_writes("{\"memory\":{\"limit\":4096,\"swap\":8193}}",
		      "memory.swap.max=4097;memory.max=4096;");
}

static void no_swap_accounting(void **state UNUSED)
{
	assert_int_equal(unlinkat(group, "memory.swap.max", 0), 0);
	assert_writes("{\"memory\":{\"limit\":1000,\"swap\":1000}}", "memory.max=1000;");
}

/* field: linux.resources.memory.checkBeforeUpdate */
static void checked_before_update(void **state UNUSED)
{
	assert_refused("{\"memory\":{\"limit\":8191,\"checkBeforeUpdate\":true}}", EBUSY,
		       "linux.resources.memory.limit: 8191, but 8192 bytes are in use");
	assert_writes("{\"memory\":{\"limit\":8192,\"checkBeforeUpdate\":true}}",
		      "memory.max=8192;");
}

/* ignored: linux.resources.memory.kernel
 * ignored: linux.resources.memory.kernelTCP */
static void kernel_memory_is_said_to_be_without_effect(void **state UNUSED)
{
	static const char json[] = "{\"memory\":{\"kernel\":4096,\"kernelTCP\":4096}}";
	AUTO(spec_resources) struct spec_resources r;
	AUTO(strv) struct strv notes = STRV_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(spec_resources_parse(&r, json, strlen(json), &e), 0);
	assert_int_equal(cgroup_check_limits(&r, -1, &notes, &e), 0);
	assert_int_equal(notes.len, 2);
	assert_non_null(strstr(notes.v[0], "linux.resources.memory.kernel: without effect"));
	assert_non_null(strstr(notes.v[1], "linux.resources.memory.kernelTCP: without effect"));
	assert_writes(json, "");
}

/* refused: linux.resources.memory.swappiness (cgroup v2 has no swappiness)
 * refused: linux.resources.memory.disableOOMKiller (cgroup v2 has always an OOM killer)
 * refused: linux.resources.cpu.realtimeRuntime (cgroup v2 has no real-time)
 * refused: linux.resources.cpu.realtimePeriod (cgroup v2 has no real-time)
 * refused: linux.resources.blockIO.leafWeight (cgroup v2 has no weight of leaves)
 * refused: linux.resources.network.classID (cgroup v2 has no net_cls)
 * refused: linux.resources.network.priorities (cgroup v2 has no net_prio) */
static void refused_by_name(void **state UNUSED)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{ "{\"memory\":{\"swappiness\":0}}", "memory.swappiness: cgroup v2 has no swappiness" },
		{ "{\"memory\":{\"disableOOMKiller\":true}}",
		  "memory.disableOOMKiller: cgroup v2 has always an OOM killer" },
		{ "{\"cpu\":{\"realtimeRuntime\":1}}", "cpu.realtimeRuntime: cgroup v2 has no real-time" },
		{ "{\"cpu\":{\"realtimePeriod\":1}}", "cpu.realtimePeriod: cgroup v2 has no real-time" },
		{ "{\"blockIO\":{\"leafWeight\":10}}", "blockIO.leafWeight: cgroup v2 has no weight of leaves" },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"leafWeight\":10}]}}",
		  "blockIO.weightDevice.leafWeight: cgroup v2 has no" },
		{ "{\"network\":{\"classID\":1}}", "network.classID: cgroup v2 has no net_cls" },
		{ "{\"network\":{\"priorities\":[{\"name\":\"e\",\"priority\":1}]}}",
		  "network.priorities: cgroup v2 has no net_prio" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(cases[i].json, EOPNOTSUPP, cases[i].text);
	assert_writes("{\"cpu\":{\"realtimeRuntime\":0},\"network\":{\"classID\":0}}", "");
}

/* field: linux.resources.cpu.shares */
static void cpu_shares(void **state UNUSED)
{
	static const struct {
		int64_t shares, weight;
	} cases[] = { { 1, 1 }, { 2, 1 }, { 1024, 39 }, { 262144, 10000 }, { 300000, 10000 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cgroup_cpu_weight(cases[i].shares), cases[i].weight);
	assert_writes("{\"cpu\":{\"shares\":1024}}", "cpu.weight=39;");
	assert_writes("{\"cpu\":{\"shares\":0}}", "");
}

/* field: linux.resources.cpu.quota
 * field: linux.resources.cpu.period */
static void cpu_quota(void **state UNUSED)
{
	assert_writes("{\"cpu\":{\"quota\":50000,\"period\":20000}}", "cpu.max=50000 20000;");
	assert_writes("{\"cpu\":{\"quota\":50000}}", "cpu.max=50000 100000;");
	add_file("cpu.max", "");
	assert_writes("{\"cpu\":{\"period\":20000}}", "cpu.max=max 20000;");
	assert_writes("{\"cpu\":{\"quota\":-1,\"period\":0}}", "cpu.max=max 100000;");
}

/* field: linux.resources.cpu.burst */
static void cpu_burst(void **state UNUSED)
{
	add_file("cpu.max.burst", "2000\n");
	assert_writes("{\"cpu\":{\"quota\":50000,\"burst\":3000}}",
		      "cpu.max=50000 100000;cpu.max.burst=3000;");
	assert_writes("{\"cpu\":{\"quota\":50000,\"burst\":1000}}",
		      "cpu.max.burst=1000;cpu.max=50000 100000;");
	assert_refused("{\"cpu\":{\"quota\":1000,\"burst\":1001}}", EINVAL, "cpu.burst: more than the quota");
}

/* field: linux.resources.cpu.idle */
static void cpu_idle(void **state UNUSED)
{
	assert_writes("{\"cpu\":{\"idle\":1,\"shares\":1024}}", "cpu.idle=1;");
	assert_writes("{\"cpu\":{\"idle\":0,\"shares\":1024}}", "cpu.idle=0;cpu.weight=39;");
}

/* field: linux.resources.cpu.cpus
 * field: linux.resources.cpu.mems */
static void cpuset(void **state UNUSED)
{
	assert_writes("{\"cpu\":{\"cpus\":\"0-1,3\",\"mems\":\"0\"}}",
		      "cpuset.cpus=0-1,3;cpuset.mems=0;");
}

/* field: linux.resources.pids.limit */
static void pids(void **state UNUSED)
{
	assert_writes("{\"pids\":{\"limit\":100}}", "pids.max=100;");
	add_file("pids.max", "");
	assert_writes("{\"pids\":{\"limit\":0}}", "pids.max=1;");
	assert_writes("{\"pids\":{\"limit\":-1}}", "pids.max=max;");
}

/* field: linux.resources.blockIO.weight
 * field: linux.resources.blockIO.weightDevice */
static void io_weight(void **state UNUSED)
{
	static const char json[] = "{\"blockIO\":{\"weight\":500}}";
	static const char device[] =
		"{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":16,\"weight\":1000}]}}";

	assert_int_equal(cgroup_io_weight(10), 1);
	assert_int_equal(cgroup_io_weight(1000), 10000);
	assert_writes(json, "io.weight=4950;");
	assert_writes(device, "io.weight=8:16 10000;");
	add_file("io.bfq.weight", "");
	assert_writes(json, "io.bfq.weight=500;");
	assert_writes(device, "io.bfq.weight=8:16 1000;");
}

/* field: linux.resources.blockIO.throttleReadBpsDevice
 * field: linux.resources.blockIO.throttleWriteBpsDevice
 * field: linux.resources.blockIO.throttleReadIOPSDevice
 * field: linux.resources.blockIO.throttleWriteIOPSDevice */
static void io_max(void **state UNUSED)
{
	assert_writes("{\"blockIO\":{"
		      "\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":18446744073709551615}]}}",
		      "io.max=8:0 rbps=18446744073709551615;");
	assert_writes("{\"blockIO\":{"
		      "\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":2}],"
		      "\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":3}],"
		      "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":0}]}}",
		      "io.max=8:0 wbps=28:0 riops=38:0 wiops=max;");
}

/* field: linux.resources.hugepageLimits */
static void hugepages(void **state UNUSED)
{
	static const char json[] = "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}";

	assert_writes(json, "hugetlb.2MB.rsvd.max=4194304;hugetlb.2MB.max=4194304;");
	assert_int_equal(unlinkat(group, "hugetlb.2MB.rsvd.max", 0), 0);
	assert_writes(json, "hugetlb.2MB.max=4194304;");
	assert_refused("{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":1}]}", EOPNOTSUPP,
		       "cgroup limit hugetlb.1GB.max: this kernel has none");
}

/* field: linux.resources.rdma */
static void rdma(void **state UNUSED)
{
	assert_writes("{\"rdma\":{\"mlx4_0\":{\"hcaHandles\":2,\"hcaObjects\":0}}}",
		      "rdma.max=mlx4_0 hca_handle=2 hca_object=0;");
	assert_writes("{\"rdma\":{\"a\":{\"hcaObjects\":5}}}", "rdma.max=a hca_object=5;");
}

/* field: linux.resources.unified */
static void unified(void **state UNUSED)
{
	static const char *const bad[] = { "memory", "../memory.max", "cgroup.procs", "", "a.b/c" };

	assert_writes("{\"memory\":{\"limit\":1000},\"unified\":{\"memory.max\":\"2000\",\"memory.high\":\"5\"}}",
		      "memory.max=2000;memory.high=5;");
	assert_writes("{\"unified\":{\"io.max\":\"8:0 rbps=1\\n8:1 rbps=2\\n\"}}",
		      "io.max=8:0 rbps=18:1 rbps=2;");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char json[64];

		(void)snprintf(json, sizeof(json), "{\"unified\":{\"%s\":\"1\"}}", bad[i]);
		assert_refused(json, EINVAL, "linux.resources.unified");
	}
}

static void missing_controllers(void **state UNUSED)
{
	struct err e = ERR_INIT;
	char missing[64];

	add_file("cgroup.controllers", "memory\n");
	assert_int_equal(unlinkat(group, "pids.max", 0), 0);
	assert_int_equal(unlinkat(group, "cpu.max", 0), 0);
	assert_int_equal(unlinkat(group, "cpu.weight", 0), 0);
	assert_refused("{\"pids\":{\"limit\":1}}", EOPNOTSUPP,
		       "pids limit: controller 'pids' is not delegated");
	assert_int_equal(set("{\"memory\":{\"limit\":5000},\"cpu\":{\"shares\":2,\"quota\":1},"
			     "\"pids\":{\"limit\":1}}", false, missing, sizeof(missing), &e), 0);
	assert_string_equal(missing, "cpu pids");
	/* what asks for no limit has it */
	assert_writes("{\"cpu\":{\"quota\":-1},\"pids\":{\"limit\":-1}}", "");
}

static void what_the_kernel_refuses(void **state UNUSED)
{
	assert_int_equal(unlinkat(group, "pids.max", 0), 0);
	assert_int_equal(mkdirat(group, "pids.max", 0700), 0);
	assert_refused("{\"pids\":{\"limit\":7}}", EISDIR, "cgroup limit pids.max '7': ");
}

/* What was there, and where there was nothing, nothing. */
static void a_change_is_whole(void **state UNUSED)
{
	static const char json[] = "{\"memory\":{\"limit\":5000},\"cpu\":{\"shares\":2,\"mems\":\"0\"},"
				   "\"pids\":{\"limit\":9}}";
	AUTO(spec_resources) struct spec_resources r;
	struct err e = ERR_INIT;

	add_file("memory.max", "4000\n");
	add_file("cpu.weight", "7\n");
	assert_int_equal(spec_resources_parse(&r, json, strlen(json), &e), 0);
	assert_int_equal(cgroup_change_limits(group, &r, &e), 0);
	assert_int_equal(cgroup_figure(group, "memory.max", NULL, 0), 5000);
	assert_int_equal(unlinkat(group, "pids.max", 0), 0);
	assert_int_equal(mkdirat(group, "pids.max", 0700), 0);
	r.memory_limit = 6000;
	assert_int_equal(cgroup_change_limits(group, &r, &e), -EISDIR);
	assert_int_equal(cgroup_figure(group, "memory.max", NULL, 0), 5000);
	assert_int_equal(cgroup_figure(group, "cpu.weight", NULL, 0), 1);
}

static void wants_and_names(void **state UNUSED)
{
	static const struct {
		const char *json, *names;
	} cases[] = {
		{ "{}", "" },
		{ "{\"memory\":{\"kernel\":5},\"devices\":[{\"allow\":true}]}", "" },
		{ "{\"memory\":{\"limit\":-1,\"swap\":-1},\"cpu\":{\"quota\":-1},"
		  "\"pids\":{\"limit\":-1}}", "" },
		{ "{\"memory\":{\"limit\":1,\"swap\":2},\"cpu\":{\"shares\":2,\"cpus\":\"0\"},"
		  "\"unified\":{\"hugetlb.2MB.max\":\"0\"}}", "memory cpu cpuset hugetlb" },
		{ "{\"unified\":{\"cpuset.mems\":\"0\"},\"cpu\":{\"quota\":5}}", "cpu cpuset" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(spec_resources) struct spec_resources r;
		struct err e = ERR_INIT;
		char names[64], few[12];

		assert_int_equal(spec_resources_parse(&r, cases[i].json, strlen(cases[i].json),
						      &e), 0);
		cgroup_name_limits(&r, names, sizeof(names));
		assert_string_equal(names, cases[i].names);
		assert_int_equal(cgroup_wants_limits(&r), names[0] != '\0');
		cgroup_name_limits(&r, few, sizeof(few));
		assert_true(strlen(few) < sizeof(few));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_group, remove_group)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_asked),
		TEST(memory_limit),
		TEST(memory_unlimited),
		TEST(memory_reservation),
		TEST(memory_swap),
		TEST(raised_before_lowered),
		TEST(no_swap_accounting),
		TEST(checked_before_update),
		TEST(kernel_memory_is_said_to_be_without_effect),
		TEST(refused_by_name),
		TEST(cpu_shares),
		TEST(cpu_quota),
		TEST(cpu_burst),
		TEST(cpu_idle),
		TEST(cpuset),
		TEST(pids),
		TEST(io_weight),
		TEST(io_max),
		TEST(hugepages),
		TEST(rdma),
		TEST(unified),
		TEST(missing_controllers),
		TEST(what_the_kernel_refuses),
		TEST(a_change_is_whole),
		TEST(wants_and_names),
	};

	return cmocka_run_group_tests_name("cgroup_limits", tests, NULL, NULL);
}
