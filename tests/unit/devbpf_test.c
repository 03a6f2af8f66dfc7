#include "tests/unit/test.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/os/devbpf.h"
#include "tests/unit/tmpdir.h"

enum { R = SPEC_ACCESS_READ, W = SPEC_ACCESS_WRITE, M = SPEC_ACCESS_MKNOD };

/* The rules as the kernel runs them are in tests/run/root_oci_cgroup.bats.
 * As much of the machine as our programs need; what it does not know fails. */
static uint64_t interpret(const struct bpf_insn *v, size_t len,
			  const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t r[11] = { 0 };

	for (size_t pc = 0; pc < len; pc++) {
		const struct bpf_insn *i = &v[pc];
		uint64_t *dst = &r[i->dst_reg];

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(i->src_reg, BPF_REG_1);
			*dst = *(const uint32_t *)((const char *)ctx + i->off);
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			*dst = (uint32_t)r[i->src_reg];
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			*dst = (uint32_t)*dst >> i->imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			*dst = (uint32_t)*dst & (uint32_t)i->imm;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = (uint64_t)(int64_t)i->imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			if ((uint32_t)*dst != (uint32_t)i->imm)
				pc += (size_t)i->off;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			if ((uint32_t)*dst == (uint32_t)i->imm)
				pc += (size_t)i->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return r[0];
		default:
			fail_msg("instruction %zu: code 0x%x", pc, i->code);
		}
	}
	fail_msg("runs past the end");
	return 0;
}

static bool allows(const char *json, char type, uint32_t major, uint32_t minor, unsigned access)
{
	AUTO(spec_resources) struct spec_resources r;
	AUTO_FREE struct bpf_insn *v = NULL;
	const struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 |
			(type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK),
		.major = major,
		.minor = minor,
	};
	struct err e = ERR_INIT;
	size_t len;

	if (spec_resources_parse(&r, json, strlen(json), &e) < 0)
		fail_msg("%s", e.text);
	len = devbpf_compile(&v, &r);
	return interpret(v, len, &ctx) == 1;
}

#define DENY_ALL "{\"allow\":false,\"access\":\"rwm\"}"

/* Whatever the rules are. */
static void what_every_container_has(void **state UNUSED)
{
	static const char *const rules[] = { "{}", "{\"devices\":[" DENY_ALL "]}" };
	static const uint32_t always[][2] = {
		{ 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 }, { 5, 0 }, { 5, 1 }, { 5, 2 },
		{ 136, 0 }, { 136, 77 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(always); k++)
			assert_true(allows(rules[i], 'c', always[k][0], always[k][1], R | W | M));
		assert_true(allows(rules[i], 'b', 8, 0, M));
		assert_true(allows(rules[i], 'c', 1, 1, M));
		assert_false(allows(rules[i], 'c', 1, 1, R));		/* mem */
		assert_false(allows(rules[i], 'b', 8, 0, R));
		assert_false(allows(rules[i], 'b', 8, 0, R | M));
		assert_false(allows(rules[i], 'b', 1, 3, W));
	}
}

/* field: linux.resources.devices */
static void a_device_is_allowed(void **state UNUSED)
{
	static const char json[] = "{\"devices\":[" DENY_ALL ","
		"{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"},"
		"{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"r\"}]}";

	assert_true(allows(json, 'c', 10, 229, R));
	assert_true(allows(json, 'c', 10, 229, R | W));
	assert_true(allows(json, 'c', 10, 229, R | W | M));	/* mknod: always */
	assert_false(allows(json, 'b', 10, 229, R));
	assert_false(allows(json, 'c', 10, 228, R));
	assert_false(allows(json, 'c', 11, 229, R));
	assert_true(allows(json, 'b', 8, 0, R));
	assert_true(allows(json, 'b', 8, 16, R));
	assert_false(allows(json, 'b', 8, 0, R | W));
	assert_false(allows(json, 'b', 8, 0, W));
}

static void the_last_rule_holds(void **state UNUSED)
{
	static const char json[] = "{\"devices\":["
		"{\"allow\":true,\"access\":\"rwm\"},"
		"{\"allow\":false,\"type\":\"b\",\"access\":\"w\"},"
		"{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":0,\"access\":\"w\"}]}";

	assert_true(allows(json, 'c', 10, 200, R | W | M));
	assert_true(allows(json, 'b', 9, 0, R));
	assert_false(allows(json, 'b', 9, 0, W));
	assert_false(allows(json, 'b', 9, 0, R | W));
	assert_true(allows(json, 'b', 8, 0, R | W));
	assert_false(allows("{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}," DENY_ALL "]}",
			    'b', 9, 0, R));
}

/* Each kind of access has its own last rule. */
static void access_bit_by_bit(void **state UNUSED)
{
	static const char json[] = "{\"devices\":[" DENY_ALL ","
		"{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":0,\"access\":\"r\"},"
		"{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"w\"}]}";

	assert_true(allows(json, 'b', 8, 0, R | W));
	assert_true(allows(json, 'b', 8, 1, W));
	assert_false(allows(json, 'b', 8, 1, R | W));
}

static void an_ordinary_user_is_told(void **state UNUSED)
{
	AUTO(spec_resources) struct spec_resources r;
	AUTO_FD int dir = -1;
	struct err e = ERR_INIT;

	if (geteuid() == 0)
		skip();
	dir = open_dir();
	spec_resources_init(&r);
	assert_int_equal(devbpf_attach(dir, &r, &e), -EPERM);
	assert_true(str_starts(e.text, "device rules: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_every_container_has),
		cmocka_unit_test(a_device_is_allowed),
		cmocka_unit_test(the_last_rule_holds),
		cmocka_unit_test(access_bit_by_bit),
		cmocka_unit_test_setup_teardown(an_ordinary_user_is_told, make_dir, remove_dir),
	};

	return cmocka_run_group_tests_name("devbpf", tests, NULL, NULL);
}
