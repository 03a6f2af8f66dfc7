/* Carries out a plan: the loop, and talking to the parent. */
#include "lib/runtime/init.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/base/fd.h"
#include "lib/runtime/plan.h"

static init_op *const ops[OP_COUNT] = {
	[OP_SESSION] = init_session,
	[OP_PRIVATE] = init_private,
	[OP_KEYRING] = init_keyring,
	[OP_LO] = init_lo,
	[OP_HOSTNAME] = init_hostname,
	[OP_DOMAINNAME] = init_domainname,
	[OP_OOM_SCORE] = init_oom_score,
	[OP_TIME_NS] = init_time_ns,
	[OP_WAIT_MAPS] = init_wait_maps,
	[OP_BECOME_ROOT] = init_become_root,
	[OP_NET_DEVICES] = init_net_devices,
	[OP_TAP] = init_tap,
	[OP_FSMOUNT] = init_fsmount,
	[OP_LAYERS] = init_layers,
	[OP_OVERLAY] = init_overlay,
	[OP_FUSE] = init_fuse,
	[OP_TREE] = init_tree,
	[OP_DEVICE] = init_device,
	[OP_ATTR] = init_attr,
	[OP_SYSCTL] = init_sysctl,
	[OP_ROOT] = init_root,
	[OP_ATTACH] = init_attach,
	[OP_REMOUNT] = init_remount,
	[OP_IDMAP] = init_idmap,
	[OP_DEV_DIR] = init_dev_dir,
	[OP_NODE] = init_node,
	[OP_COPY_LINK] = init_copy_link,
	[OP_SYMLINK] = init_symlink,
	[OP_COPY_UP] = init_copy_up,
	[OP_CONSOLE] = init_console,
	[OP_MASK] = init_mask,
	[OP_READ_ONLY] = init_read_only,
	[OP_PIVOT] = init_pivot,
	[OP_ROOT_ATTR] = init_root_attr,
	[OP_VERIFY_ROOT] = init_verify_root,
	[OP_VERIFY_MASK] = init_verify_mask,
	[OP_VERIFY_READ_ONLY] = init_verify_read_only,
	[OP_HOOK] = init_hook,
	[OP_OWN_STDIO] = init_own_stdio,
	[OP_LOOKUP] = init_lookup,
	[OP_READY] = init_ready,
	[OP_WAIT_GO] = init_wait_go,
	[OP_PERSONALITY] = init_personality,
	[OP_MEMORY_POLICY] = init_memory_policy,
	[OP_AFFINITY] = init_affinity,
	[OP_SCHEDULER] = init_scheduler,
	[OP_IO_PRIORITY] = init_io_priority,
	[OP_RLIMIT] = init_rlimit,
	[OP_MKCWD] = init_mkcwd,
	[OP_CWD] = init_cwd,
	[OP_UMASK] = init_umask,
	[OP_LSM] = init_lsm,
	[OP_BOUND] = init_bound,
	[OP_CREDS] = init_creds,
	[OP_CAPS] = init_caps,
	[OP_NO_NEW_PRIVS] = init_no_new_privs,
	[OP_SECCOMP] = init_seccomp,
	[OP_VERIFY_OOM_SCORE] = init_verify_oom_score,
	[OP_VERIFY_RLIMIT] = init_verify_rlimit,
	[OP_VERIFY_LSM] = init_verify_lsm,
	[OP_VERIFY_IDS] = init_verify_ids,
	[OP_VERIFY] = init_verify,
	[OP_CALL] = init_call,
	[OP_FOLLOW] = init_follow,
	[OP_EXEC] = init_exec,
};

int rt_tell(int sock, uint32_t kind, uint32_t step, int32_t value,
	    uint32_t detail, int fd)
{
	struct rt_msg m = {
		.kind = kind,
		.step = step,
		.value = value,
		.detail = detail,
	};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = &m, .iov_len = sizeof(m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	/* A plain write where it will do: seccomp filters let it through. */
	if (fd < 0)
		return write(sock, &m, sizeof(m)) < 0 ? -errno : 0;
	msg.msg_control = control.bytes;
	msg.msg_controllen = sizeof(control.bytes);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int init_wait_for(struct init *in, char what)
{
	char got = 0;
	ssize_t n;

	do
		n = read(in->sock, &got, 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 1 && got == what ? 0 : -EPIPE;
}

int init_wait_maps(struct init *in, const struct plan_step *s)
{
	int r = init_wait_for(in, RT_MAPS_WRITTEN);

	(void)s;
	/* newuidmap needed to look at us; from here on nobody may, but those
	 * who own the user namespace.  Memory that has not been executed anew
	 * belongs to the host's, where that would shut out our own helpers:
	 * then it has to wait until they have joined.  Nobody else is in the
	 * container's namespaces so far. */
	if (r == 0 && !in->direct && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = -errno;
	return r;
}

/* Capabilities that were asked for and that we do not have. */
static bool wants_more_caps(const struct init *in)
{
	const struct plan_step *steps = plan_steps(in->head);
	struct spec_caps c = { .set = false };

	for (uint32_t i = in->step; i < in->head->step_count; i++)
		if (steps[i].op == OP_CAPS)
			memcpy(&c, in->plan + steps[i].data, sizeof(c));
	return (c.bounding | c.permitted | c.inheritable) & ~in->caps;
}

int init_ready(struct init *in, const struct plan_step *s)
{
	int r = init_own_caps(in);

	if (r < 0)
		return r;
	if (wants_more_caps(in))
		in->rungs |= PLAN_RUNG_FEWER_CAPS;
	return rt_tell(in->sock, RT_MSG_READY, in->step,
		       (int32_t)(in->rungs | (uint32_t)s->a), 0, -1);
}

/* The next connection takes the place of our parent's socket. */
static int await_caller(struct init *in)
{
	int fd = accept4(in->first_fd + 2, NULL, NULL, SOCK_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == EINTR || errno == ECONNABORTED ? 0 : -errno;
	r = dup3(fd, in->sock, O_CLOEXEC) < 0 ? -errno : 0;
	fd_auto(&fd);
	return r;
}

/* A caller that went away again is not the last one. */
static int wait_for_caller(struct init *in)
{
	int r = init_wait_for(in, RT_LET_GO);

	while (r == 0) {
		r = await_caller(in);
		if (r < 0 || init_wait_for(in, RT_GO) == 0)
			break;
	}
	(void)close(in->first_fd + 2);
	return r;
}

int init_wait_go(struct init *in, const struct plan_step *s)
{
	bool remote = in->head->flags & PLAN_F_REMOTE;
	int r = remote ? wait_for_caller(in) : init_wait_for(in, RT_GO);

	(void)s;
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = -errno;
	return r;
}

static _Noreturn void fail(struct init *in, int r)
{
	(void)rt_tell(in->sock, RT_MSG_ERROR, in->step, -r, in->detail, -1);
	_exit(125);
}

/* The parent has checked the plan and sealed the file. */
static void map_plan(struct init *in, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		fail(in, -errno);
	in->plan = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE, fd, 0);
	if (in->plan == MAP_FAILED)
		fail(in, -errno);
	in->head = (const struct plan_head *)in->plan;
}

/* A step for which it is too early has its turn once there are ids. */
static void run_step(struct init *in, uint32_t i)
{
	const struct plan_step *s = plan_steps(in->head) + i;
	int r;

	in->step = i;
	r = ops[s->op](in, s);
	if (r == -ERESTART && in->stage.early)
		in->later[i / 32] |= 1u << i % 32;
	else if (r < 0)
		fail(in, r);
}

static void run_later(struct init *in, uint32_t end)
{
	in->stage.early = false;
	in->again = true;
	for (uint32_t i = 0; i < end; i++)
		if (in->later[i / 32] & 1u << i % 32)
			run_step(in, i);
	in->again = false;
}

static bool has_step(const struct init *in, enum plan_op op)
{
	for (uint32_t i = 0; i < in->head->step_count; i++)
		if (plan_steps(in->head)[i].op == op)
			return true;
	return false;
}

static struct init the_init;

_Noreturn void init_main(unsigned preserve, bool direct)
{
	struct init *in = &the_init;

	in->direct = direct;
	in->first_fd = 3 + (int)preserve;
	in->sock = in->first_fd + 1;
	in->status_fd = -1;
	in->stage.fd = -1;
	in->step = RT_STEP_REEXEC;
	for (size_t i = 0; i < PLAN_SLOTS; i++)
		in->slots[i] = -1;
	fd_cloexec_from(in->first_fd);
	map_plan(in, in->first_fd);
	/* A joining process must not be looked at by those inside. */
	if ((in->head->kind == PLAN_EXEC || !in->head->uid_map) &&
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		fail(in, -errno);
	in->stage.early = has_step(in, OP_BECOME_ROOT);
	for (uint32_t i = 0; i < in->head->step_count; i++) {
		run_step(in, i);
		if (plan_steps(in->head)[i].op == OP_BECOME_ROOT)
			run_later(in, i);
	}
	fail(in, -ENOEXEC);
}
