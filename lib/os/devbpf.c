#include "lib/os/devbpf.h"

#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Program, as it is built for each call of the kernel:
 *
 *	r2 = kind of device, r3 = access not decided yet, r4 = major, r5 = minor
 *	for each rule, from the last to the first:
 *		on to the next rule unless kind, major and minor are the rule's
 *		allow: take its access away from r3; nothing left: return 1
 *		deny: any of its access in r3: return 0
 *	return 0
 */

#define NAME "coracle_devices"	/* 15 bytes, all that the kernel keeps */
#define MAX_ATTACHED 64		/* the kernel's own */

_Static_assert((int)SPEC_ACCESS_MKNOD == BPF_DEVCG_ACC_MKNOD &&
	       (int)SPEC_ACCESS_READ == BPF_DEVCG_ACC_READ &&
	       (int)SPEC_ACCESS_WRITE == BPF_DEVCG_ACC_WRITE, "the bits of the kernel");

static const struct spec_device_rule always[] = {
	{ true, 'c', SPEC_ANY, SPEC_ANY, SPEC_ACCESS_MKNOD },
	{ true, 'b', SPEC_ANY, SPEC_ANY, SPEC_ACCESS_MKNOD },
	{ true, 'c', 1, 3, SPEC_ACCESS_ALL },		/* null */
	{ true, 'c', 1, 5, SPEC_ACCESS_ALL },		/* zero */
	{ true, 'c', 1, 7, SPEC_ACCESS_ALL },		/* full */
	{ true, 'c', 1, 8, SPEC_ACCESS_ALL },		/* random */
	{ true, 'c', 1, 9, SPEC_ACCESS_ALL },		/* urandom */
	{ true, 'c', 5, 0, SPEC_ACCESS_ALL },		/* tty */
	{ true, 'c', 5, 1, SPEC_ACCESS_ALL },		/* console */
	{ true, 'c', 5, 2, SPEC_ACCESS_ALL },		/* ptmx */
	{ true, 'c', 136, SPEC_ANY, SPEC_ACCESS_ALL },	/* terminals */
};

/* --- the assembler --- */

struct program {
	struct bpf_insn *v;
	size_t len;
};

static void add(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
		int32_t imm)
{
	p->v = mem_more(p->v, p->len, sizeof(*p->v));
	p->v[p->len++] = (struct bpf_insn){
		.code = code,
		.dst_reg = dst & 0xfu,
		.src_reg = src & 0xfu,
		.off = off,
		.imm = imm,
	};
}

static void load(struct program *p, uint8_t to, size_t offset)
{
	add(p, BPF_LDX | BPF_MEM | BPF_W, to, BPF_REG_1, (int16_t)offset, 0);
}

static void finish(struct program *p, int answer)
{
	add(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, answer);
	add(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Goes on behind the rule, whose end is not known yet, unless they are equal. */
static void compare(struct program *p, uint8_t reg, int64_t value)
{
	if (value != SPEC_ANY)
		add(p, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, (int32_t)value);
}

static void add_rule(struct program *p, const struct spec_device_rule *r)
{
	size_t first = p->len, tests;

	compare(p, BPF_REG_2, r->type == 'a' ? SPEC_ANY :
			      r->type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK);
	compare(p, BPF_REG_4, r->major);
	compare(p, BPF_REG_5, r->minor);
	tests = p->len;
	if (r->allow) {
		add(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_3, 0, 0,
		    (int32_t)(~r->access & SPEC_ACCESS_ALL));
		add(p, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, 0);
	} else {
		add(p, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_0, BPF_REG_3, 0, 0);
		add(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, (int32_t)r->access);
		add(p, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0);
	}
	finish(p, r->allow);
	for (size_t i = first; i < tests; i++)
		p->v[i].off = (int16_t)(p->len - i - 1);
}

size_t devbpf_compile(struct bpf_insn **out, const struct spec_resources *r)
{
	struct program p = { .v = NULL };

	load(&p, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	load(&p, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, major));
	load(&p, BPF_REG_5, offsetof(struct bpf_cgroup_dev_ctx, minor));
	add(&p, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	add(&p, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	add(&p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	for (size_t i = ARRAY_SIZE(always); i; i--)
		add_rule(&p, &always[i - 1]);
	for (size_t i = r->rule_count; i; i--)
		add_rule(&p, &r->rules[i - 1]);
	finish(&p, 0);
	*out = p.v;
	return p.len;
}

/* --- the kernel --- */

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static uint64_t address(const void *p)
{
	return (uintptr_t)p;
}

static int load_program(const struct spec_resources *r, struct err *e)
{
	AUTO_FREE struct bpf_insn *insns = NULL;
	size_t count = devbpf_compile(&insns, r);
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = address(insns),
		.insn_cnt = (uint32_t)count,
		.license = address("Apache-2.0"),
		.prog_name = NAME,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	return fd < 0 ? err_sys(e, "device rules") : fd;
}

static int attach(int cgroup_fd, int program, struct err *e)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};

	return bpf(BPF_PROG_ATTACH, &attr) < 0 ? err_sys(e, "device rules: attach") : 0;
}

static int detach(int cgroup_fd, int program, struct err *e)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_DEVICE,
	};

	return bpf(BPF_PROG_DETACH, &attr) < 0 ? err_sys(e, "device rules: replace") : 0;
}

/* The program with that number when it is one of ours, else -1. */
static int open_ours(uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };
	AUTO_FD int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	struct bpf_prog_info info = { .type = 0 };
	union bpf_attr about = { .info = {
		.bpf_fd = (uint32_t)fd,
		.info_len = sizeof(info),
		.info = address(&info),
	} };

	if (fd < 0 || bpf(BPF_OBJ_GET_INFO_BY_FD, &about) < 0 || !str_eq(info.name, NAME))
		return -1;
	return take_fd(&fd);
}

int devbpf_attach(int cgroup_fd, const struct spec_resources *r, struct err *e)
{
	uint32_t ids[MAX_ATTACHED];
	union bpf_attr old = { .query = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_type = BPF_CGROUP_DEVICE,
		.prog_ids = address(ids),
		.prog_cnt = MAX_ATTACHED,
	} };
	AUTO_FD int program = load_program(r, e);
	int x;

	if (program < 0)
		return program;
	if (bpf(BPF_PROG_QUERY, &old) < 0)
		return err_sys(e, "device rules: query");
	x = attach(cgroup_fd, program, e);
	for (uint32_t i = 0; x == 0 && i < old.query.prog_cnt; i++) {
		AUTO_FD int fd = open_ours(ids[i]);

		if (fd >= 0)
			x = detach(cgroup_fd, fd, e);
	}
	return x;
}
