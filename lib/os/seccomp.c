#include "lib/os/seccomp.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"

/* The kernel's limit, in instructions. */
#define MAX_FILTER (BPF_MAXINSNS * sizeof(struct sock_filter))

static int action_of(enum secprof_action a, uint32_t errno_ret, uint32_t *out,
		     struct err *e)
{
	switch (a) {
	case SECPROF_KILL_PROCESS:
		*out = SCMP_ACT_KILL_PROCESS;
		return 0;
	case SECPROF_KILL_THREAD:
		*out = SCMP_ACT_KILL_THREAD;
		return 0;
	case SECPROF_TRAP:
		*out = SCMP_ACT_TRAP;
		return 0;
	case SECPROF_ERRNO:
		*out = SCMP_ACT_ERRNO(errno_ret);
		return 0;
	case SECPROF_TRACE:
		*out = SCMP_ACT_TRACE(errno_ret);
		return 0;
	case SECPROF_LOG:
		*out = SCMP_ACT_LOG;
		return 0;
	case SECPROF_ALLOW:
		*out = SCMP_ACT_ALLOW;
		return 0;
	case SECPROF_NOTIFY:
		*out = SCMP_ACT_NOTIFY;
		return 0;
	}
	return err_set(e, EINVAL, "seccomp: unknown action");
}

static struct scmp_arg_cmp compare_of(const struct secprof_arg *a)
{
	static const enum scmp_compare ops[] = {
		[SECPROF_NE] = SCMP_CMP_NE,
		[SECPROF_LT] = SCMP_CMP_LT,
		[SECPROF_LE] = SCMP_CMP_LE,
		[SECPROF_EQ] = SCMP_CMP_EQ,
		[SECPROF_GE] = SCMP_CMP_GE,
		[SECPROF_GT] = SCMP_CMP_GT,
		[SECPROF_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};

	return (struct scmp_arg_cmp){
		.arg = a->index,
		.op = ops[a->op],
		.datum_a = a->value,
		.datum_b = a->value_two,
	};
}

/* Two conditions on one argument are alternatives: a rule for each. */
static bool has_alternatives(const struct secprof_rule *r)
{
	for (unsigned i = 0; i < r->arg_count; i++)
		for (unsigned k = 0; k < i; k++)
			if (r->args[i].index == r->args[k].index)
				return true;
	return false;
}

static int add_name(scmp_filter_ctx ctx, const struct secprof_rule *r,
		    uint32_t action, const char *name, struct err *e)
{
	struct scmp_arg_cmp args[SECPROF_ARGS_MAX];
	int number = seccomp_syscall_resolve_name(name);
	int x = 0;

	if (number == __NR_SCMP_ERROR)
		return 0;	/* another architecture's, or a later kernel's */
	for (unsigned i = 0; i < r->arg_count; i++)
		args[i] = compare_of(&r->args[i]);
	if (has_alternatives(r)) {
		for (unsigned i = 0; x == 0 && i < r->arg_count; i++)
			x = seccomp_rule_add_array(ctx, action, number, 1, &args[i]);
	} else {
		x = seccomp_rule_add_array(ctx, action, number, r->arg_count, args);
	}
	if (x < 0)
		return err_ret(e, x, "seccomp: rule for '%s'", name);
	return 0;
}

/* The listener's descriptor is sent out by the process that loaded the filter:
 * the call that does it cannot wait for the listener. */
static int check_notify(const struct secprof *p, struct err *e)
{
	if (!secprof_notifies(p))
		return 0;
	if (p->default_action == SECPROF_NOTIFY)
		return err_set(e, EINVAL, "seccomp: SCMP_ACT_NOTIFY cannot be the default");
	if (!p->listener_path)
		return err_set(e, EINVAL, "seccomp: SCMP_ACT_NOTIFY without listenerPath");
	for (size_t i = 0; i < p->rule_count; i++) {
		const struct secprof_rule *r = &p->rules[i];

		for (size_t k = 0; r->action == SECPROF_NOTIFY && r->names[k]; k++)
			if (str_eq(r->names[k], "sendmsg"))
				return err_set(e, EINVAL,
					       "seccomp: SCMP_ACT_NOTIFY of 'sendmsg', which "
					       "is how the listener is told");
	}
	return 0;
}

static int add_rule(scmp_filter_ctx ctx, const struct secprof *p,
		    const struct secprof_rule *r, struct err *e)
{
	uint32_t action, otherwise = 0;
	int x = action_of(r->action, r->errno_ret, &action, e);

	if (x == 0)
		x = action_of(p->default_action, p->default_errno, &otherwise, e);
	/* What the filter does anyway; libseccomp refuses such rules. */
	if (x < 0 || action == otherwise)
		return x;
	for (size_t i = 0; x == 0 && r->names[i]; i++)
		x = add_name(ctx, r, action, r->names[i], e);
	return x;
}

static const char *native_arch(void)
{
	static const struct {
		uint32_t token;
		const char *go;
	} names[] = {
		{ SCMP_ARCH_X86_64, "amd64" }, { SCMP_ARCH_X86, "386" },
		{ SCMP_ARCH_AARCH64, "arm64" }, { SCMP_ARCH_ARM, "arm" },
		{ SCMP_ARCH_PPC64LE, "ppc64le" }, { SCMP_ARCH_S390X, "s390x" },
		{ SCMP_ARCH_RISCV64, "riscv64" },
	};
	uint32_t native = seccomp_arch_native();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].token == native)
			return names[i].go;
	return "unknown";
}

/* 0 when it cannot be read. */
static uint32_t kernel_version(void)
{
	struct utsname u;

	return uname(&u) < 0 ? 0 : secprof_kernel(u.release);
}

/* "SCMP_ARCH_X86_64" as libseccomp's number, which calls it "x86_64". */
static uint32_t arch_token(const char *scmp_name)
{
	char name[32];

	(void)str_copy(name, sizeof(name),
		       str_or(str_after(scmp_name, "SCMP_ARCH_"), scmp_name));
	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return seccomp_arch_resolve_name(name);
}

/* One that libseccomp does not know is no machine that it runs on. */
static int add_arch(scmp_filter_ctx ctx, const char *name, struct err *e)
{
	uint32_t token = arch_token(name);
	int x = token ? seccomp_arch_add(ctx, token) : 0;

	return x < 0 && x != -EEXIST ?
		err_ret(e, x, "seccomp: architecture '%s'", name) : 0;
}

/* Of a map the native one's, of a list all. */
static int add_arches(scmp_filter_ctx ctx, const struct secprof *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->arch_count; i++) {
		const struct secprof_arch *a = &p->arches[i];

		if (!a->subs)
			r = add_arch(ctx, a->name, e);
		else if (arch_token(a->name) == seccomp_arch_native())
			for (size_t k = 0; r == 0 && a->subs[k]; k++)
				r = add_arch(ctx, a->subs[k], e);
	}
	return r;
}

/* libseccomp can only write to a descriptor. */
static int export(scmp_filter_ctx ctx, struct buf *out, struct err *e)
{
	AUTO_FD int fd = fd_memory("filter", false);
	AUTO(buf) struct buf b = BUF_INIT(MAX_FILTER);
	int x;

	if (fd < 0)
		return err_ret(e, fd, "seccomp filter");
	x = seccomp_export_bpf(ctx, fd);
	if (x < 0)
		return err_ret(e, x, "seccomp: compile the filter");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "seccomp filter");
	x = fs_read_fd(fd, "seccomp filter", &b, e);
	if (x < 0)
		return x;
	buf_reset(out);
	(void)buf_add(out, b.data, b.len);
	return buf_ok(out, "seccomp filter", e);
}

int seccomp_compile(struct buf *out, const struct secprof *p, uint64_t caps,
		    struct err *e)
{
	const char *arch = native_arch();
	uint32_t kernel = kernel_version();
	uint32_t action;
	scmp_filter_ctx ctx;
	int r = check_notify(p, e);

	if (r == 0)
		r = action_of(p->default_action, p->default_errno, &action, e);
	if (r < 0)
		return r;
	ctx = seccomp_init(action);
	if (!ctx)
		return err_set(e, EINVAL, "seccomp: bad default action");
	/* A binary tree: every call costs about log2 of the rules. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* Foreign architectures, x32 among them. */
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r < 0)
		r = err_ret(e, r, "seccomp: foreign architectures");
	if (r == 0)
		r = add_arches(ctx, p, e);
	for (size_t i = 0; r == 0 && i < p->rule_count; i++)
		if (secprof_applies(&p->rules[i], caps, arch, kernel))
			r = add_rule(ctx, p, &p->rules[i], e);
	if (r == 0)
		r = export(ctx, out, e);
	seccomp_release(ctx);
	return r;
}

bool seccomp_has_flag(uint32_t flag)
{
	/* This one says how a listener waits. */
	if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	/* EFAULT: the flags were looked at, and liked, before the filter. */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 &&
	       errno == EFAULT;
}
