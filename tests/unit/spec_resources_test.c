#include "lib/fmt/spec_resources.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "tests/unit/test.h"

static const char full[] =
	"{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
	"{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"},"
	"{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"m\"}],"
	"\"memory\":{\"limit\":1048576,\"reservation\":4096,\"swap\":-1,\"kernel\":-1,"
	"\"kernelTCP\":5,\"swappiness\":60,\"disableOOMKiller\":true,\"checkBeforeUpdate\":true},"
	"\"cpu\":{\"shares\":512,\"quota\":-1,\"burst\":1000,\"period\":100000,"
	"\"realtimeRuntime\":950000,\"realtimePeriod\":1000000,\"idle\":1,"
	"\"cpus\":\"0-1\",\"mems\":\"0\"},"
	"\"pids\":{\"limit\":100},"
	"\"blockIO\":{\"weight\":10,\"leafWeight\":20,"
	"\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":500,\"leafWeight\":300},"
	"{\"major\":8,\"minor\":16,\"leafWeight\":0}],"
	"\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":18446744073709551615}],"
	"\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1}],"
	"\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":2},{\"major\":9,\"minor\":1,\"rate\":0}],"
	"\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":3}]},"
	"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":209715200},{\"pageSize\":\"64KB\",\"limit\":0}],"
	"\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":500}]},"
	"\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000},\"rxe3\":{\"hcaObjects\":1}},"
	"\"unified\":{\"memory.high\":\"1\",\"io.max\":\"8:0 rbps=1\\n8:16 wbps=2\"}}";

static void parse(struct spec_resources *r, const char *json)
{
	struct err e = ERR_INIT;

	if (spec_resources_parse(r, json, strlen(json), &e) < 0)
		fail_msg("%s", e.text);
}

static void assert_prints(const struct spec_resources *r, const char *json)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_SPEC);

	spec_resources_print(r, &b);
	assert_string_equal(b.data, json);
}

static void both_ways(void **state UNUSED)
{
	AUTO(spec_resources) struct spec_resources r;

	parse(&r, full);
	assert_prints(&r, full);
	assert_int_equal(r.rules[0].type, 'a');
	assert_true(r.rules[0].major == SPEC_ANY && r.rules[2].minor == SPEC_ANY);
	assert_int_equal(r.rules[2].access, SPEC_ACCESS_MKNOD);
	assert_int_equal(r.throttle_count, 5);
	assert_int_equal(r.throttles[4].kind, SPEC_WRITE_IOPS);
	assert_true(r.rdma[1].handles == SPEC_UNSET);
}

static void nothing(void **state UNUSED)
{
	AUTO(spec_resources) struct spec_resources r;

	parse(&r, "{\"memory\":{\"useHierarchy\":true,\"disableOOMKiller\":false},\"cpu\":null,"
		  "\"pids\":{},\"blockIO\":{},\"network\":{},\"rdma\":{},\"devices\":[],\"new\":1}");
	assert_true(r.memory_limit == SPEC_UNSET && r.net_class == SPEC_UNSET);
	assert_prints(&r, "{}");
}

/* As the spec has it: all that is not said about a device is "all". */
static void defaults_of_rules(void **state UNUSED)
{
	AUTO(spec_resources) struct spec_resources r;

	parse(&r, "{\"devices\":[{\"allow\":true},{\"allow\":false,\"type\":\"a\",\"major\":-1,"
		  "\"minor\":-1,\"access\":\"mwr\"}]}");
	assert_prints(&r, "{\"devices\":[{\"allow\":true,\"access\":\"rwm\"},"
			  "{\"allow\":false,\"access\":\"rwm\"}]}");
}

static void refuses(void **state UNUSED)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{ "[]", "not an object" },
		{ "{\"memory\":1}", "memory: not an object" },
		{ "{\"memory\":{\"limit\":-2}}", "memory.limit: not between" },
		{ "{\"memory\":{\"limit\":\"1\"}}", "memory.limit: not a" },
		{ "{\"memory\":{\"swappiness\":101}}", "memory.swappiness: not between" },
		{ "{\"memory\":{\"checkBeforeUpdate\":1}}", "memory.checkBeforeUpdate: not" },
		{ "{\"memory\":{\"disableOOMKiller\":1}}", "memory.disableOOMKiller: not" },
		{ "{\"cpu\":{\"idle\":2}}", "cpu.idle: not between" },
		{ "{\"cpu\":{\"cpus\":0}}", "cpu.cpus: not a string" },
		{ "{\"pids\":{\"limit\":-2}}", "pids.limit: not between" },
		{ "{\"blockIO\":{\"weight\":1001}}", "blockIO.weight: not between" },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0}]}}",
		  "blockIO.weightDevice[0]: neither" },
		{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0}]}}",
		  "blockIO.throttleReadBpsDevice[0].rate: missing" },
		{ "{\"blockIO\":{\"throttleWriteIOPSDevice\":[{\"minor\":0,\"rate\":1}]}}",
		  "blockIO.throttleWriteIOPSDevice[0].major: missing" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"../2MB\",\"limit\":1}]}",
		  "hugepageLimits[0]: not the size of a page: '../2MB'" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2M\",\"limit\":1}]}", "hugepageLimits[0]" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2\",\"limit\":1}]}", "hugepageLimits[0]" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\"}]}", "hugepageLimits[0].limit: missing" },
		{ "{\"network\":{\"priorities\":[{\"name\":\"a=b\",\"priority\":1}]}}",
		  "network.priorities[0]: not the name" },
		{ "{\"rdma\":{\"a b\":{\"hcaHandles\":1}}}", "rdma.a b: not the name" },
		{ "{\"rdma\":{\"a\":{}}}", "rdma.a: neither" },
		{ "{\"unified\":{\"a=b\":\"1\"}}", "unified" },
		{ "{\"devices\":[{}]}", "devices[0].allow: missing" },
		{ "{\"devices\":[{\"allow\":true,\"type\":\"p\"}]}", "devices[0].type: no such type" },
		{ "{\"devices\":[{\"allow\":true,\"type\":\"\"}]}", "devices[0].type: no such type" },
		{ "{\"devices\":[{\"allow\":true,\"access\":\"rx\"}]}", "devices[0].access: not made of" },
		{ "{\"devices\":[{\"allow\":true,\"access\":\"\"}]}", "devices[0].access: empty" },
		{ "{\"devices\":[{\"allow\":true,\"major\":-2}]}", "devices[0].major: not between" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct spec_resources r;

		assert_int_equal(spec_resources_parse(&r, cases[i].json, strlen(cases[i].json), &e),
				 -EINVAL);
		if (!strstr(e.text, cases[i].text))
			fail_msg("%s: %s", cases[i].json, e.text);
	}
}

static void merges(void **state UNUSED)
{
	AUTO(spec_resources) struct spec_resources r;
	AUTO(spec_resources) struct spec_resources change;

	parse(&r, full);
	parse(&change,
	      "{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}],"
	      "\"memory\":{\"limit\":7},\"cpu\":{\"mems\":\"1\",\"idle\":0},\"pids\":{\"limit\":-1},"
	      "\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":16,\"weight\":11}],"
	      "\"throttleReadIOPSDevice\":[{\"major\":9,\"minor\":1,\"rate\":4}],"
	      "\"throttleWriteBpsDevice\":[{\"major\":9,\"minor\":1,\"rate\":5}]},"
	      "\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":1},{\"pageSize\":\"2MB\",\"limit\":2}],"
	      "\"network\":{\"priorities\":[{\"name\":\"eth0\",\"priority\":1}]},"
	      "\"rdma\":{\"rxe3\":{\"hcaHandles\":8},\"x\":{\"hcaHandles\":9}},"
	      "\"unified\":{\"memory.high\":\"2\",\"memory.low\":\"3\"}}");
	spec_resources_merge(&r, &change);
	assert_prints(&r,
		      "{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}],"
		      "\"memory\":{\"limit\":7,\"reservation\":4096,\"swap\":-1,\"kernel\":-1,"
		      "\"kernelTCP\":5,\"swappiness\":60,\"disableOOMKiller\":true},"
		      "\"cpu\":{\"shares\":512,\"quota\":-1,\"burst\":1000,\"period\":100000,"
		      "\"realtimeRuntime\":950000,\"realtimePeriod\":1000000,\"idle\":0,"
		      "\"cpus\":\"0-1\",\"mems\":\"1\"},"
		      "\"pids\":{\"limit\":-1},"
		      "\"blockIO\":{\"weight\":10,\"leafWeight\":20,"
		      "\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":500,\"leafWeight\":300},"
		      "{\"major\":8,\"minor\":16,\"weight\":11}],"
		      "\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":18446744073709551615}],"
		      "\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1},{\"major\":9,\"minor\":1,\"rate\":5}],"
		      "\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":2},{\"major\":9,\"minor\":1,\"rate\":4}],"
		      "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":3}]},"
		      "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":2},{\"pageSize\":\"64KB\",\"limit\":0},"
		      "{\"pageSize\":\"1GB\",\"limit\":1}],"
		      "\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":1}]},"
		      "\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000},\"rxe3\":{\"hcaHandles\":8},"
		      "\"x\":{\"hcaHandles\":9}},"
		      "\"unified\":{\"memory.high\":\"2\",\"io.max\":\"8:0 rbps=1\\n8:16 wbps=2\",\"memory.low\":\"3\"}}");
}

/* Nothing changes what is there, and again and again is as once. */
static void merges_nothing(void **state UNUSED)
{
	AUTO(spec_resources) struct spec_resources r;
	AUTO(spec_resources) struct spec_resources none;
	AUTO(spec_resources) struct spec_resources same;

	parse(&r, full);
	parse(&same, full);
	spec_resources_init(&none);
	spec_resources_merge(&r, &same);
	spec_resources_merge(&r, &same);
	assert_prints(&r, full);
	spec_resources_merge(&r, &none);
	r.memory_check_before_update = true;
	assert_prints(&r, full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(nothing),
		cmocka_unit_test(defaults_of_rules),
		cmocka_unit_test(refuses),
		cmocka_unit_test(merges),
		cmocka_unit_test(merges_nothing),
	};

	return cmocka_run_group_tests_name("spec_resources", tests, NULL, NULL);
}
