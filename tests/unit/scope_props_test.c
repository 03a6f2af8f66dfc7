#include "bin/scope_props.h"

#include <errno.h>
#include <string.h>

#include "lib/base/limits.h"
#include "tests/unit/test.h"

static void print(const struct scope_props *p, struct buf *out)
{
	for (size_t i = 0; i < p->len; i++) {
		buf_addf(out, "%s=", p->v[i].name);
		if (p->v[i].value.type)
			gvariant_print(&p->v[i].value, out);
		for (size_t k = 0; k < p->v[i].bytes.len; k++)
			buf_addf(out, "%02x", (unsigned char)p->v[i].bytes.data[k]);
		buf_addc(out, ';');
	}
}

static void assert_limits(const char *json, const char *expected)
{
	AUTO(spec_resources) struct spec_resources r;
	AUTO(scope_props) struct scope_props p = SCOPE_PROPS_INIT;
	AUTO(buf) struct buf out = BUF_INIT(KIB(4));
	struct err e = ERR_INIT;

	assert_int_equal(spec_resources_parse(&r, json, strlen(json), &e), 0);
	if (scope_props_limits(&p, &r, &e) < 0)
		fail_msg("%s", e.text);
	print(&p, &out);
	assert_string_equal(out.data, expected);
}

static void limits(void **state UNUSED)
{
	assert_limits("{}", "");
	assert_limits("{\"memory\":{\"limit\":1000,\"reservation\":500,\"swap\":1500}}",
		      "MemoryMax=uint64 1000;MemoryLow=uint64 500;MemorySwapMax=uint64 500;");
	assert_limits("{\"memory\":{\"limit\":-1}}",
		      "MemoryMax=uint64 18446744073709551615;MemorySwapMax=uint64 18446744073709551615;");
	assert_limits("{\"cpu\":{\"shares\":1024}}", "CPUWeight=uint64 39;");
	assert_limits("{\"cpu\":{\"shares\":1024,\"idle\":1}}", "");
	assert_limits("{\"pids\":{\"limit\":5}}", "TasksMax=uint64 5;");
	assert_limits("{\"pids\":{\"limit\":0}}", "TasksMax=uint64 1;");
	assert_limits("{\"pids\":{\"limit\":-1}}", "TasksMax=uint64 18446744073709551615;");
	assert_limits("{\"blockIO\":{\"weight\":1000}}", "IOWeight=uint64 10000;");
}

/* systemd knows whole percents of a processor: rounded up. */
static void quotas(void **state UNUSED)
{
	assert_limits("{\"cpu\":{\"quota\":50000,\"period\":100000}}",
		      "CPUQuotaPerSecUSec=uint64 500000;CPUQuotaPeriodUSec=uint64 100000;");
	assert_limits("{\"cpu\":{\"quota\":1,\"period\":3000}}",
		      "CPUQuotaPerSecUSec=uint64 10000;CPUQuotaPeriodUSec=uint64 3000;");
	assert_limits("{\"cpu\":{\"quota\":150001}}",
		      "CPUQuotaPerSecUSec=uint64 1510000;CPUQuotaPeriodUSec=uint64 100000;");
	assert_limits("{\"cpu\":{\"quota\":-1}}",
		      "CPUQuotaPerSecUSec=uint64 18446744073709551615;CPUQuotaPeriodUSec=uint64 100000;");
}

static void sets(void **state UNUSED)
{
	assert_limits("{\"cpu\":{\"cpus\":\"0-1,9\",\"mems\":\"0\"}}",
		      "AllowedCPUs=0302000000000000;AllowedMemoryNodes=0100000000000000;");
}

static void unified(void **state UNUSED)
{
	assert_limits("{\"memory\":{\"limit\":7},\"unified\":{\"memory.max\":\"8\",\"memory.high\":\"max\","
		      "\"memory.min\":\"1\",\"pids.max\":\"9\",\"cpu.max\":\"max 5000\",\"cpu.weight\":\"3\","
		      "\"cpuset.cpus\":\"1\",\"hugetlb.2MB.max\":\"0\",\"memory.oom.group\":\"1\"}}",
		      "MemoryMax=uint64 7;MemoryMax=uint64 8;MemoryHigh=uint64 18446744073709551615;"
		      "MemoryMin=uint64 1;TasksMax=uint64 9;CPUQuotaPerSecUSec=uint64 18446744073709551615;"
		      "CPUQuotaPeriodUSec=uint64 5000;CPUWeight=uint64 3;AllowedCPUs=0200000000000000;");
}

static void no_sets(void **state UNUSED)
{
	static const char json[] = "{\"cpu\":{\"cpus\":\"a\"}}";
	AUTO(spec_resources) struct spec_resources r;
	AUTO(scope_props) struct scope_props p = SCOPE_PROPS_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(spec_resources_parse(&r, json, strlen(json), &e), 0);
	assert_int_equal(scope_props_limits(&p, &r, &e), -EINVAL);
	assert_non_null(strstr(e.text, "AllowedCPUs"));
}

/* field: annotations */
static void annotations(void **state UNUSED)
{
	AUTO(scope_props) struct scope_props p = SCOPE_PROPS_INIT;
	AUTO(strv) struct strv a = STRV_INIT;
	AUTO(buf) struct buf out = BUF_INIT(KIB(4));
	struct err e = ERR_INIT;

	strv_add(&a, "org.example=x");
	strv_add(&a, "org.systemd.property.KillSignal=37");
	strv_add(&a, "org.systemd.property.TimeoutStopUSec=uint64 10000000");
	strv_add(&a, "org.systemd.property.TimeoutStopSec=5");
	strv_add(&a, "org.systemd.property.After=['a.service', 'b.service']");
	strv_add(&a, "org.systemd.property.CollectMode='inactive'");
	strv_add(&a, "org.systemd.property.Delegate=false");
	assert_int_equal(scope_props_annotations(&p, &a, &e), 0);
	print(&p, &out);
	assert_string_equal(out.data,
			    "KillSignal=int32 37;TimeoutStopUSec=uint64 10000000;TimeoutStopUSec=uint64 5000000;"
			    "After=@as ['a.service', 'b.service'];CollectMode=string 'inactive';Delegate=false;");
}

static void bad_annotations(void **state UNUSED)
{
	static const char *const bad[] = {
		"org.systemd.property.A=1", "org.systemd.property.a_b=1", "org.systemd.property.=1",
		"org.systemd.property.Abc=nonsense", "org.systemd.property.AbcSec='5'",
		"org.systemd.property.AbcSec=-1", "org.systemd.property.AbcSec=uint64 18446744073709551615",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(scope_props) struct scope_props p = SCOPE_PROPS_INIT;
		AUTO(strv) struct strv a = STRV_INIT;
		struct err e = ERR_INIT;

		strv_add(&a, bad[i]);
		assert_true(scope_props_annotations(&p, &a, &e) < 0);
		assert_non_null(strstr(e.text, "annotation 'org.systemd.property."));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(quotas),
		cmocka_unit_test(sets),
		cmocka_unit_test(unified),
		cmocka_unit_test(no_sets),
		cmocka_unit_test(annotations),
		cmocka_unit_test(bad_annotations),
	};

	return cmocka_run_group_tests_name("scope_props", tests, NULL, NULL);
}
