/* The end of every plan: limits, credentials, filters, execve. */
#include <linux/filter.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/str.h"
#include "lib/runtime/compile.h"

int rlimit_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} table[] = {
		{ "RLIMIT_AS", RLIMIT_AS },
		{ "RLIMIT_CORE", RLIMIT_CORE },
		{ "RLIMIT_CPU", RLIMIT_CPU },
		{ "RLIMIT_DATA", RLIMIT_DATA },
		{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
		{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
		{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
		{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
		{ "RLIMIT_NICE", RLIMIT_NICE },
		{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
		{ "RLIMIT_NPROC", RLIMIT_NPROC },
		{ "RLIMIT_RSS", RLIMIT_RSS },
		{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
		{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
		{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
		{ "RLIMIT_STACK", RLIMIT_STACK },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(table[i].name, name))
			return table[i].number;
	return -1;
}

static void limits(struct blob *b, const struct spec_process *p)
{
	for (size_t i = 0; i < p->rlimit_count; i++) {
		struct plan_step s = step_of(OP_RLIMIT);

		s.s1 = blob_text(b, p->rlimits[i].type);
		s.a = p->rlimits[i].soft;
		s.b = p->rlimits[i].hard;
		s.flags = (uint32_t)rlimit_number(p->rlimits[i].type);
		blob_step(b, s);
	}
}

/* The list always has the primary group (RELIABILITY F2). */
static void credentials(struct blob *b, enum plan_op op, const struct spec_user *u)
{
	struct plan_step s = step_of(op);
	struct buf ids;

	buf_init(&ids, MAX_PLAN);
	(void)buf_add(&ids, &u->gid, sizeof(u->gid));
	for (size_t i = 0; i < u->group_count; i++)
		if (u->groups[i] != u->gid)
			(void)buf_add(&ids, &u->groups[i], sizeof(u->groups[i]));
	s.a = u->uid;
	s.b = u->gid;
	blob_data(b, s, ids.data, ids.len);
	buf_clear(&ids);
}

static void filter(struct blob *b, const struct compile_proc *p)
{
	if (p->seccomp)
		blob_data(b, step_of(OP_SECCOMP), p->seccomp, p->seccomp_len);
}

static void restrictions(struct blob *b, const struct compile_proc *p)
{
	struct spec_caps caps = p->process->caps;
	struct plan_step s = step_of(OP_BOUND);

	if (!caps.set)
		memset(&caps, 0, sizeof(caps));
	/* The kernel raises no other; engines name them all the same. */
	caps.ambient &= caps.inheritable & caps.permitted;
	s.a = caps.bounding;
	blob_step(b, s);
	/* Without no_new_privs loading a filter needs CAP_SYS_ADMIN, so it
	 * comes while we still have it. */
	if (!p->process->no_new_privs)
		filter(b, p);
	credentials(b, OP_CREDS, &p->process->user);
	blob_data(b, step_of(OP_CAPS), &caps, sizeof(caps));
	if (p->process->no_new_privs) {
		blob_step(b, step_of(OP_NO_NEW_PRIVS));
		filter(b, p);
	}
	credentials(b, OP_VERIFY_IDS, &p->process->user);
	s = step_of(OP_VERIFY);
	s.flags = (p->process->no_new_privs ? STEP_NO_NEW_PRIVS : 0) |
		  (p->seccomp ? STEP_SECCOMP : 0);
	blob_data(b, s, &caps, sizeof(caps));
}

static void labels(struct blob *b, const struct spec_process *p)
{
	struct plan_step s = step_of(OP_LSM);

	if (!str_is_empty(p->apparmor)) {
		AUTO(buf) struct buf text = BUF_INIT(MAX_PATH);

		(void)buf_addf(&text, "exec %s", p->apparmor);
		s.s1 = blob_text(b, text.data);
		s.s2 = blob_text(b, "self/attr/apparmor/exec");
		blob_step(b, s);
	}
	if (!str_is_empty(p->selinux_label)) {
		s.s1 = blob_text(b, p->selinux_label);
		s.s2 = blob_text(b, "self/attr/exec");
		blob_step(b, s);
	}
}

int compile_process(struct blob *b, const struct compile_proc *p,
		    struct err *e)
{
	const struct spec_process *proc = p->process;
	struct plan_step s = step_of(OP_OWN_STDIO);

	if (p->seccomp && (p->seccomp_len % sizeof(struct sock_filter) ||
			   !p->seccomp_len ||
			   p->seccomp_len / sizeof(struct sock_filter) > BPF_MAXINSNS))
		return err_set(e, EINVAL, "seccomp filter: bad length");
	s.a = proc->user.uid;
	s.b = proc->user.gid;
	blob_step(b, s);
	limits(b, proc);
	s = step_of(OP_CWD);
	s.s1 = blob_text(b, str_or(proc->cwd, "/"));
	blob_step(b, s);
	s = step_of(OP_UMASK);
	s.a = proc->user.umask == ID_NONE ? 022 : proc->user.umask;
	blob_step(b, s);
	labels(b, proc);
	restrictions(b, p);
	s = step_of(OP_EXEC);
	s.s1 = blob_text(b, proc->args.v[0]);
	blob_vectors(b, s, &proc->args, &proc->env);
	return 0;
}
