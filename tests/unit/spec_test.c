#include "lib/fmt/spec.h"

#include <stdio.h>

#include "lib/base/limits.h"
#include "tests/unit/test.h"

static const char full[] =
	"{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
	"\"hostname\":\"h\",\"domainname\":\"d\","
	"\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},"
	"\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[3,4]},"
	"\"args\":[\"sh\",\"-c\",\"x\\ny\"],\"env\":[\"A=b\"],\"cwd\":\"/\","
	"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_BPF\"],\"effective\":[\"CAP_CHOWN\"],"
	"\"inheritable\":[],\"permitted\":[\"CAP_CHECKPOINT_RESTORE\"],\"ambient\":[]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,\"soft\":1024}],"
	"\"noNewPrivileges\":true,\"apparmorProfile\":\"a\",\"selinuxLabel\":\"s\",\"oomScoreAdj\":-500,"
	"\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"nice\":-20,\"priority\":99,"
	"\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\",\"SCHED_FLAG_UTIL_CLAMP_MAX\"],"
	"\"runtime\":10000000,\"deadline\":20000000,\"period\":18446744073709551615},"
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":7},"
	"\"execCPUAffinity\":{\"initial\":\"0-3,7\",\"final\":\"1\"}},"
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/x\",\"source\":\"/y\",\"options\":[\"rbind\",\"ro\"],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":2}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":3,\"size\":4}]}],"
	"\"annotations\":{\"k\":\"v=w\"},"
	"\"hooks\":{\"createRuntime\":[{\"path\":\"/h\",\"args\":[\"h\"],\"env\":[\"E=f\"],\"timeout\":5}],"
	"\"poststop\":[{\"path\":\"/p\"}]},"
	"\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1},"
	"{\"containerID\":1,\"hostID\":100000,\"size\":65536}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
	"\"namespaces\":[{\"type\":\"user\"},{\"type\":\"mount\"},{\"type\":\"network\",\"path\":\"/n\"},{\"type\":\"cgroup\"}],"
	"\"devices\":[{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":438,\"uid\":0,\"gid\":0}],"
	"\"cgroupsPath\":\"/c\",\"resources\":{\"memory\":{\"limit\":1048576,\"swap\":-1},"
	"\"cpu\":{\"shares\":512,\"quota\":-1,\"period\":100000,\"cpus\":\"0-1\"},"
	"\"pids\":{\"limit\":100},\"unified\":{\"memory.high\":\"1\"}},"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"value\":18446744073709551615}]},"
	"\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},\"maskedPaths\":[\"/proc/kcore\"],"
	"\"readonlyPaths\":[\"/proc/sys\"],\"rootfsPropagation\":\"private\","
	"\"mountLabel\":\"m\",\"personality\":{\"domain\":\"LINUX32\",\"flags\":[\"f\"]},"
	"\"timeOffsets\":{\"monotonic\":{\"secs\":-9223372036854775808,\"nanosecs\":0},"
	"\"boottime\":{\"secs\":5,\"nanosecs\":999999999}},"
	"\"memoryPolicy\":{\"mode\":\"MPOL_WEIGHTED_INTERLEAVE\",\"nodes\":\"0-1\","
	"\"flags\":[\"MPOL_F_NUMA_BALANCING\",\"MPOL_F_STATIC_NODES\"]},"
	"\"netDevices\":{\"eth7\":{\"name\":\"eth0\"},\"eth8\":{}},"
	"\"intelRdt\":{\"closID\":\"c\",\"schemata\":[\"L3:0=f\"]}}}";

static void both_ways(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_SPEC);
	AUTO(spec) struct spec s;
	struct err e = ERR_INIT;

	(void)state;
	spec_init(&s);
	assert_int_equal(spec_parse(&s, full, strlen(full), &e), 0);
	assert_int_equal(s.process.user.umask, 022);
	assert_true(s.process.rlimits[0].hard == UINT64_MAX);
	assert_true(s.process.caps.bounding == (CAP_BIT(0) | CAP_BIT(39)));
	assert_true(s.ns[SPEC_NS_NETWORK].set);
	assert_string_equal(s.ns[SPEC_NS_NETWORK].path, "/n");
	assert_false(s.ns[SPEC_NS_PID].set);
	assert_int_equal(s.idmap.uids.len, 2);
	assert_true(s.resources.memory_reservation == SPEC_UNSET);
	assert_int_equal(s.hooks.count[SPEC_HOOK_CREATE_RUNTIME], 1);
	spec_print(&s, &b);
	assert_string_equal(b.data, full);
}

static void prints_nothing_that_is_not_there(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_SPEC);
	AUTO(spec) struct spec s;
	AUTO(spec) struct spec again;
	struct err e = ERR_INIT;

	(void)state;
	spec_init(&s);
	spec_init(&again);
	s.oci_version = strdup("1.3.0");
	spec_print(&s, &b);
	assert_string_equal(b.data, "{\"ociVersion\":\"1.3.0\",\"linux\":{\"namespaces\":[],\"resources\":{}}}");
	assert_int_equal(spec_parse(&again, b.data, b.len, &e), 0);
	assert_int_equal(again.process.user.umask, ID_NONE);
	assert_true(again.resources.pids_limit == SPEC_UNSET);
}

static void refuses(void **state)
{
	static const struct {
		const char *member, *text;
	} cases[] = {
		{ "\"root\":{}", "root.path: missing" },
		{ "\"process\":{}", "process.args: missing" },
		{ "\"process\":{\"args\":[]}", "process.args: empty" },
		{ "\"process\":{\"args\":[1]}", "process.args[0]: not a string" },
		{ "\"process\":{\"args\":[\"a\"]}", "process.cwd: missing" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{\"uid\":4294967295}}", "process.user.uid: not between" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{\"uid\":-1}}", "process.user.uid: not between" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{\"additionalGids\":[4294967296]}}", "additionalGids[0]" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"capabilities\":{\"bounding\":[1]}}", "bounding[0]: not a string" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"scheduler\":{}}", "process.scheduler.policy: missing" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"scheduler\":{\"policy\":\"SCHED_X\"}}", "scheduler.policy: unknown: 'SCHED_X'" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}}", "scheduler.nice: not between" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"flags\":[\"X\"]}}", "scheduler.flags[0]: unknown: 'X'" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"ioPriority\":{\"class\":\"IDLE\"}}", "ioPriority.class: unknown" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}}", "ioPriority.priority: not between" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"execCPUAffinity\":{\"final\":1}}", "execCPUAffinity.final: not a string" },
		{ "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"oomScoreAdj\":1001}", "oomScoreAdj" },
		{ "\"mounts\":[{}]", "mounts[0].destination: missing" },
		{ "\"mounts\":[{\"destination\":\"/a\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]}]", "mounts[0]: uidMappings and gidMappings belong together" },
		{ "\"linux\":{\"personality\":{\"domain\":\"BSD\"}}", "personality.domain: unknown: 'BSD'" },
		{ "\"linux\":{\"timeOffsets\":{\"realtime\":{}}}", "timeOffsets.realtime: no such clock" },
		{ "\"linux\":{\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}}", "timeOffsets.boottime.nanosecs: not between" },
		{ "\"linux\":{\"memoryPolicy\":{\"mode\":\"BIND\"}}", "memoryPolicy.mode: unknown" },
		{ "\"linux\":{\"netDevices\":{\"eth0\":1}}", "netDevices.eth0: not an object" },
		{ "\"linux\":{\"intelRdt\":[]}", "intelRdt: not an object" },
		{ "\"mounts\":[{\"destination\":\"/a\"},1]", "mounts[1]: not an object" },
		{ "\"hooks\":{\"poststop\":[{}]}", "hooks.poststop[0].path: missing" },
		{ "\"linux\":{\"namespaces\":[{\"type\":\"x\"}]}", "no such namespace" },
		{ "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]}", "there twice" },
		{ "\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]}", "uidMappings[0]" },
		{ "\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":2},{\"containerID\":1,\"hostID\":5,\"size\":1}]}", "uidMappings[1]" },
		{ "\"linux\":{\"devices\":[{\"path\":\"/d\",\"type\":\"x\"}]}", "devices[0]: no such type" },
		{ "\"linux\":{\"resources\":{\"pids\":{\"limit\":-2}}}", "pids.limit" },
		{ "\"hostname\":\"a\\u0000\"", "not valid JSON" },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct spec s;

		spec_init(&s);
		snprintf(text, sizeof(text), "{\"ociVersion\":\"1.3.0\",%s}", cases[i].member);
		assert_int_equal(spec_parse(&s, text, strlen(text), &e), -EINVAL);
		assert_int_equal(e.code, EINVAL);
		if (!strstr(e.text, cases[i].text))
			fail_msg("%s: %s", cases[i].member, e.text);
	}
}

static void capabilities(void **state)
{
	(void)state;
	assert_int_equal(cap_number("CAP_CHOWN"), 0);
	assert_int_equal(cap_number("net_raw"), 13);
	assert_int_equal(cap_number("cap_Checkpoint_Restore"), 40);
	assert_int_equal(cap_number(""), -1);
	assert_int_equal(cap_number("CAP_"), -1);
	assert_int_equal(cap_number("ALL"), -1);
	for (unsigned i = 0; i < CAP_COUNT; i++)
		assert_int_equal(cap_number(cap_name(i)), i);
	assert_null(cap_name(CAP_COUNT));
}

/* What cannot be granted is to be warned about, not a reason to fail. */
static void unknown_capabilities(void **state)
{
	static const char text[] =
		"{\"ociVersion\":\"1.3.0\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"capabilities\":"
		"{\"bounding\":[\"CAP_KILL\",\"CAP_X\"],\"permitted\":[\"CAP_X\",\"CAP_Y\"]}}}";
	AUTO(spec) struct spec s;
	struct err e = ERR_INIT;

	(void)state;
	spec_init(&s);
	assert_int_equal(spec_parse(&s, text, strlen(text), &e), 0);
	assert_int_equal(s.process.caps.bounding, CAP_BIT(5));
	assert_int_equal(s.process.caps.permitted, 0);
	assert_int_equal(s.process.unknown_caps.len, 2);
	assert_string_equal(s.process.unknown_caps.v[1], "CAP_Y");
}

/* Members of other platforms, later versions and no meaning, and empty ones. */
static void ignores(void **state)
{
	static const char text[] =
		"{\"ociVersion\":\"1.3.0\",\"windows\":{\"layerFolders\":[]},\"vm\":{\"kernel\":{}},\"x\":1,"
		"\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"commandLine\":\"a b\",\"user\":{\"username\":\"u\"}},"
		"\"linux\":{\"intelRdt\":{},\"netDevices\":{},\"timeOffsets\":{},\"y\":{}}}";
	AUTO(buf) struct buf b = BUF_INIT(MAX_SPEC);
	AUTO(spec) struct spec s;
	struct err e = ERR_INIT;

	(void)state;
	spec_init(&s);
	assert_int_equal(spec_parse(&s, text, strlen(text), &e), 0);
	spec_print(&s, &b);
	assert_string_equal(b.data, "{\"ociVersion\":\"1.3.0\",\"process\":{\"user\":{\"uid\":0,\"gid\":0},"
			    "\"args\":[\"a\"],\"cwd\":\"/\"},\"linux\":{\"namespaces\":[],\"resources\":{}}}");
}

static void process_alone(void **state)
{
	static const char text[] = "{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{\"uid\":7}}";
	AUTO(buf) struct buf out = BUF_INIT(MAX_SPEC);
	struct spec_process p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(spec_process_parse(&p, text, strlen(text), &e), 0);
	assert_int_equal(p.user.uid, 7);
	assert_int_equal(p.user.umask, ID_NONE);
	assert_string_equal(p.args.v[0], "a");
	spec_process_print(&p, &out);
	spec_process_clear(&p);
	assert_int_equal(spec_process_parse(&p, out.data, out.len, &e), 0);
	assert_int_equal(p.user.uid, 7);
	spec_process_clear(&p);
	assert_int_equal(spec_process_parse(&p, "{}", 2, &e), -EINVAL);
	assert_string_equal(e.text, "process: args: missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(prints_nothing_that_is_not_there),
		cmocka_unit_test(refuses),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(unknown_capabilities),
		cmocka_unit_test(ignores),
		cmocka_unit_test(process_alone),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
