#include "lib/fmt/secprof.h"

#include <seccomp.h>
#include <stdio.h>

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/spec.h"
#include "tests/unit/test.h"

#define KERNEL SECPROF_KERNEL(6, 18)
#define SYS_ADMIN CAP_BIT(21)

static bool arg_holds(const struct secprof_arg *a, const uint64_t *args)
{
	uint64_t v = args[a->index];

	switch (a->op) {
	case SECPROF_NE: return v != a->value;
	case SECPROF_LT: return v < a->value;
	case SECPROF_LE: return v <= a->value;
	case SECPROF_EQ: return v == a->value;
	case SECPROF_GE: return v >= a->value;
	case SECPROF_GT: return v > a->value;
	case SECPROF_MASKED_EQ: return (v & a->value) == a->value_two;
	}
	return false;
}

static bool rule_fits(const struct secprof_rule *r, const char *name,
		      const uint64_t *args)
{
	bool is_named = false;

	for (const char *const *p = r->names; *p; p++)
		is_named = is_named || str_eq(*p, name);
	for (unsigned i = 0; i < r->arg_count; i++)
		if (!arg_holds(&r->args[i], args))
			return false;
	return is_named;
}

/* 0: allowed, else the errno.  Rules of the default profile that fit at the
 * same time must agree. */
static int verdict(const struct secprof *p, uint64_t caps, const char *arch,
		   const char *name, uint64_t a0, uint64_t a1)
{
	const uint64_t args[6] = { a0, a1 };
	int result = -1;

	for (size_t i = 0; i < p->rule_count; i++) {
		const struct secprof_rule *r = &p->rules[i];
		int v = r->action == SECPROF_ALLOW ? 0 : (int)r->errno_ret;

		if (!secprof_applies(r, caps, arch, KERNEL) || !rule_fits(r, name, args))
			continue;
		if (result >= 0 && result != v)
			fail_msg("%s: rules disagree", name);
		result = v;
	}
	return result < 0 ? (int)p->default_errno : result;
}

static void judges(void **state)
{
	static const struct {
		const char *name;
		uint64_t a0, a1;
		uint64_t caps;
		int want;
	} cases[] = {
		{ "read", 0, 0, 0, 0 },
		{ "no_such_call", 0, 0, CAP_ALL, ENOSYS },
		{ "io_uring_setup", 0, 0, CAP_ALL, EPERM },
		{ "userfaultfd", 0, 0, CAP_ALL, EPERM },
		{ "keyctl", 0, 0, CAP_ALL, EPERM },
		{ "kexec_load", 0, 0, CAP_ALL, EPERM },
		{ "bpf", 0, 0, 0, EPERM },
		{ "bpf", 0, 0, CAP_BIT(39), 0 },
		{ "bpf", 0, 0, CAP_ALL, 0 },
		{ "perf_event_open", 0, 0, 0, EPERM },
		{ "mount", 0, 0, 0, EPERM },
		{ "mount", 0, 0, SYS_ADMIN, 0 },
		{ "setns", 0, 0, CAP_ALL & ~SYS_ADMIN, EPERM },
		{ "unshare", 0x10000000, 0, 0, EPERM },
		{ "chroot", 0, 0, 0, EPERM },
		{ "chroot", 0, 0, CAP_BIT(18), 0 },
		{ "clone3", 0, 0, 0, ENOSYS },
		{ "clone3", 0, 0, SYS_ADMIN, 0 },
		{ "clone", 0x3d0f00, 0, 0, 0 },
		{ "clone", 0x10000011, 0, 0, EPERM },
		{ "clone", 0x00020011, 0x11, 0, EPERM },
		{ "clone", 0x7e020011, 0, 0, EPERM },
		{ "clone", 0x7e020011, 0, SYS_ADMIN, 0 },
		{ "clone", 0x11, 0x10000000, 0, 0 },
		{ "socket", 1, 0, 0, 0 },
		{ "socket", 2, 0, 0, 0 },
		{ "socket", 37, 0, 0, 0 },
		{ "socket", 38, 0, CAP_ALL, EPERM },
		{ "socket", 39, 0, 0, 0 },
		{ "socket", 40, 0, CAP_ALL, EPERM },
		{ "socket", 44, 0, 0, 0 },
		{ "socket", 46, 0, 0, EAFNOSUPPORT },
		{ "socket", 0x100000026, 0, CAP_ALL, EAFNOSUPPORT },
		{ "socket", 0xffffffff00000028, 0, CAP_ALL, EAFNOSUPPORT },
		{ "personality", 0, 0, 0, 0 },
		{ "personality", 0xffffffff, 0, 0, 0 },
		{ "personality", 0x40000, 0, 0, ENOSYS },
		{ "ioctl", 0, 0x5401, 0, 0 },
		{ "ioctl", 0, 0x5412, CAP_ALL, EPERM },
		{ "ioctl", 0, 0x541c, CAP_ALL, EPERM },
		{ "ioctl", 0, 0x100005412, CAP_ALL, EPERM },
		{ "ioctl", 0, 0xffffffff0000541c, CAP_ALL, EPERM },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int v = verdict(&secprof_default, cases[i].caps, "amd64", cases[i].name,
				cases[i].a0, cases[i].a1);

		if (v != cases[i].want)
			fail_msg("%s(%#llx, %#llx): %d", cases[i].name,
				 (unsigned long long)cases[i].a0,
				 (unsigned long long)cases[i].a1, v);
	}
	assert_int_equal(verdict(&secprof_default, 0, "s390x", "clone", 0x10000000, 0x11), 0);
	assert_int_equal(verdict(&secprof_default, 0, "s390x", "clone", 0x11, 0x10000000), EPERM);
}

static void lets_all_other_ioctls_through(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < 0x10000; n++)
		assert_int_equal(verdict(&secprof_default, 0, "amd64", "ioctl", 0, n),
				 n == 0x5412 || n == 0x541c ? EPERM : 0);
	for (int bit = 0; bit < 64; bit++)
		assert_int_equal(verdict(&secprof_default, 0, "amd64", "ioctl", 0,
					 0x5412 ^ 1ull << bit),
				 bit < 32 ? 0 : EPERM);
}

/* A misspelt name would be skipped silently when the filter is compiled. */
static void names_are_real(void **state)
{
	static const char *const newer[] = {
		"cachestat", "fchmodat2", "file_getattr", "file_setattr",
		"futex_requeue", "futex_wait", "futex_wake", "getxattrat",
		"listmount", "listxattrat", "lsm_get_self_attr",
		"lsm_list_modules", "lsm_set_self_attr", "map_shadow_stack",
		"mseal", "open_tree_attr", "removexattrat", "riscv_hwprobe",
		"set_mempolicy_home_node", "setxattrat", "statmount",
		"uretprobe", "utimensat_time64", "vserver",
	};

	(void)state;
	for (size_t i = 0; i < secprof_default.rule_count; i++) {
		for (const char *const *p = secprof_default.rules[i].names; *p; p++) {
			bool is_newer = false;

			for (size_t n = 0; n < ARRAY_SIZE(newer); n++)
				is_newer = is_newer || str_eq(newer[n], *p);
			if (!is_newer && seccomp_syscall_resolve_name(*p) == __NR_SCMP_ERROR)
				fail_msg("'%s' is no system call", *p);
		}
	}
}

/* Every call up to Linux 6.18 is allowed or refused by name: none that
 * libseccomp knows is taken for newer than the profile. */
static void knows_all_calls(void **state)
{
	unsigned unknown = 0;

	(void)state;
	for (int nr = 0; nr <= 469 /* file_setattr */; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);
		bool is_named = false;

		for (size_t i = 0; name && i < secprof_default.rule_count; i++)
			for (const char *const *p = secprof_default.rules[i].names; *p; p++)
				is_named = is_named || str_eq(*p, name);
		if (name && !is_named) {
			print_message("not in the profile: %s\n", name);
			unknown++;
		}
		free(name);
	}
	assert_int_equal(unknown, 0);
}

static const char sample[] =
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
	"\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":"
	"[\"SCMP_ARCH_X86\"]},{\"architecture\":\"SCMP_ARCH_ARM\",\"subArchitectures\":null}],"
	"\"syscalls\":[{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\","
	"\"args\":[],\"comment\":\"\",\"includes\":{},\"excludes\":{}},"
	"{\"name\":\"mount\",\"action\":\"SCMP_ACT_ALLOW\","
	"\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"],\"arches\":[\"amd64\"],\"minKernel\":\"4.8\"}},"
	"{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,"
	"\"value\":18446744073709551615,\"valueTwo\":1,\"op\":\"SCMP_CMP_MASKED_EQ\"}],"
	"\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"],\"arches\":[\"s390x\"]}}]}";

static void parses(void **state)
{
	AUTO(secprof) struct secprof p = SECPROF_INIT;
	struct err e = ERR_INIT;
	const struct secprof_rule *r;

	(void)state;
	assert_int_equal(secprof_parse(&p, sample, strlen(sample), &e), 0);
	assert_int_equal(p.default_action, SECPROF_ERRNO);
	assert_int_equal(p.default_errno, ENOSYS);
	assert_int_equal(p.arch_count, 2);
	assert_string_equal(p.arches[0].subs[0], "SCMP_ARCH_X86");
	assert_null(p.arches[1].subs[0]);
	assert_int_equal(p.rule_count, 3);
	assert_string_equal(p.rules[0].names[1], "write");
	assert_true(secprof_applies(&p.rules[0], 0, "arm", 0));
	r = &p.rules[1];
	assert_true(secprof_applies(r, SYS_ADMIN, "amd64", SECPROF_KERNEL(4, 8)));
	assert_false(secprof_applies(r, SYS_ADMIN, "amd64", SECPROF_KERNEL(4, 7)));
	assert_int_equal(secprof_kernel("6.18.44-fc"), SECPROF_KERNEL(6, 18));
	assert_int_equal(secprof_kernel("5.4"), SECPROF_KERNEL(5, 4));
	assert_int_equal(secprof_kernel("odd"), 0);
	assert_false(secprof_applies(r, SYS_ADMIN, "arm64", KERNEL));
	assert_false(secprof_applies(r, CAP_ALL & ~SYS_ADMIN, "amd64", KERNEL));
	r = &p.rules[2];
	assert_int_equal(r->action, SECPROF_KILL_THREAD);
	assert_true(r->args[0].value == UINT64_MAX);
	assert_true(secprof_applies(r, 0, "amd64", KERNEL));
	assert_false(secprof_applies(r, SYS_ADMIN, "amd64", KERNEL));
	assert_false(secprof_applies(r, 0, "s390x", KERNEL));
}

static void prints(void **state)
{
	AUTO(secprof) struct secprof p = SECPROF_INIT;
	AUTO(secprof) struct secprof again = SECPROF_INIT;
	AUTO(buf) struct buf one = BUF_INIT(MAX_SPEC);
	AUTO(buf) struct buf two = BUF_INIT(MAX_SPEC);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(secprof_parse(&p, sample, strlen(sample), &e), 0);
	secprof_print(&p, SYS_ADMIN, "amd64", KERNEL, &one);
	assert_string_equal(one.data,
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
		"\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],"
		"\"syscalls\":[{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\"}]}");
	buf_reset(&one);
	secprof_print(&secprof_default, 0, "amd64", KERNEL, &one);
	assert_int_equal(secprof_parse(&again, one.data, one.len, &e), 0);
	secprof_print(&again, 0, "amd64", KERNEL, &two);
	assert_string_equal(one.data, two.data);
	assert_int_equal(verdict(&again, 0, "amd64", "socket", 38, 0), EPERM);
	assert_null(strstr(one.data, "X32"));
}

static const char whole[] =
	"{\"defaultAction\":\"SCMP_ACT_TRACE\",\"defaultErrnoRet\":7,"
	"\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_LOONGARCH64\"],"
	"\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\",\"SECCOMP_FILTER_FLAG_LOG\","
	"\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\",\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],"
	"\"listenerPath\":\"/run/agent\",\"listenerMetadata\":\"m\",\"syscalls\":["
	"{\"names\":[\"a\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"},"
	"{\"names\":[\"a\"],\"action\":\"SCMP_ACT_KILL_THREAD\"},"
	"{\"names\":[\"a\"],\"action\":\"SCMP_ACT_TRAP\"},"
	"{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":0},"
	"{\"names\":[\"a\"],\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":4095},"
	"{\"names\":[\"a\"],\"action\":\"SCMP_ACT_LOG\"},"
	"{\"names\":[\"a\"],\"action\":\"SCMP_ACT_NOTIFY\"},"
	"{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
	"{\"index\":0,\"value\":1,\"valueTwo\":0,\"op\":\"SCMP_CMP_NE\"},"
	"{\"index\":1,\"value\":1,\"valueTwo\":0,\"op\":\"SCMP_CMP_LT\"},"
	"{\"index\":2,\"value\":1,\"valueTwo\":0,\"op\":\"SCMP_CMP_LE\"},"
	"{\"index\":3,\"value\":1,\"valueTwo\":0,\"op\":\"SCMP_CMP_EQ\"},"
	"{\"index\":4,\"value\":1,\"valueTwo\":0,\"op\":\"SCMP_CMP_GE\"},"
	"{\"index\":5,\"value\":18446744073709551615,\"valueTwo\":1,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}";

/* All that config.json's linux.seccomp can say. */
static void both_ways(void **state)
{
	AUTO(secprof) struct secprof p = SECPROF_INIT;
	AUTO(buf) struct buf out = BUF_INIT(MAX_SPEC);
	struct err e = ERR_INIT;

	(void)state;
	if (secprof_parse(&p, whole, strlen(whole), &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(p.flags, 0x27);
	assert_true(secprof_notifies(&p));
	assert_false(secprof_notifies(&secprof_default));
	secprof_print(&p, 0, "amd64", KERNEL, &out);
	assert_string_equal(out.data, whole);
}

static void refuses(void **state)
{
	static const char *const texts[] = {
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_LOG\",\"errnoRet\":1}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"m\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_Z80\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{\"architecture\":\"SCMP_ARCH_Z80\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86\",\"subArchitectures\":[\"Z80\"]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_NEW_LISTENER\"]}",
		"", "[]", "{}", "{\"defaultAction\":\"ALLOW\"}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":{}}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":0,\"op\":\"==\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_X\"]}}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"4\"}}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[1]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[1]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct secprof p = SECPROF_INIT;
		struct err e = ERR_INIT;

		if (secprof_parse(&p, texts[i], strlen(texts[i]), &e) >= 0)
			fail_msg("%s was taken", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges),
		cmocka_unit_test(lets_all_other_ioctls_through),
		cmocka_unit_test(names_are_real),
		cmocka_unit_test(knows_all_calls),
		cmocka_unit_test(parses),
		cmocka_unit_test(prints),
		cmocka_unit_test(both_ways),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("secprof", tests, NULL, NULL);
}
