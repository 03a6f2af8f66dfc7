/* The end of every plan: limits, credentials, filters, execve. */
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/bitlist.h"
#include "lib/fmt/json.h"
#include "lib/os/lsm.h"
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

/* --- scheduling --- */

/* check_process() has read the list before. */
static void bits_step(struct blob *b, struct plan_step s, const char *list)
{
	struct err ignored = ERR_INIT;
	struct bitlist bits = { .len = 0 };

	(void)!bitlist_parse(&bits, str_or(list, ""), &ignored);
	blob_data(b, s, bits.words, bits.len * sizeof(bits.words[0]));
}

/* Of the joining process before, and of the program after it is in the
 * container's cgroup; without a word on the latter all that the cgroup has. */
static void affinity(struct blob *b, const struct spec_process *p)
{
	struct bitlist bits = { .len = 0 };
	struct err ignored = ERR_INIT;

	if (str_is_empty(p->exec_cpus_initial) && str_is_empty(p->exec_cpus_final))
		return;
	(void)!bitlist_parse(&bits, str_or(p->exec_cpus_initial, ""), &ignored);
	b->head.cpus_len = (uint32_t)(bits.len * sizeof(bits.words[0]));
	b->head.cpus = blob_bytes(b, bits.words, b->head.cpus_len);
	bits_step(b, step_of(OP_AFFINITY), p->exec_cpus_final);
}

static void memory_policy(struct blob *b, const struct spec_memory_policy *m)
{
	struct plan_step s = step_of(OP_MEMORY_POLICY);

	s.s1 = blob_text(b, named_of(spec_memory_modes, m->mode));
	s.a = m->mode | m->flags;
	bits_step(b, s, m->nodes);
}

static void scheduling(struct blob *b, const struct compile_proc *p)
{
	const struct spec_process *proc = p->process;
	struct plan_step s;

	if (p->container && p->container->personality.set) {
		s = step_of(OP_PERSONALITY);
		s.a = p->container->personality.domain;
		blob_step(b, s);
	}
	if (p->container && p->container->memory_policy.set)
		memory_policy(b, &p->container->memory_policy);
	if (p->is_exec)
		affinity(b, proc);
	if (proc->scheduler.set) {
		s = step_of(OP_SCHEDULER);
		s.s1 = blob_text(b, named_of(spec_sched_policies, proc->scheduler.policy));
		blob_data(b, s, &proc->scheduler, sizeof(proc->scheduler));
	}
	if (proc->io_priority.set) {
		s = step_of(OP_IO_PRIORITY);
		s.a = IOPRIO_PRIO_VALUE(proc->io_priority.class, proc->io_priority.priority);
		blob_step(b, s);
	}
}

/* --- limits and credentials --- */

static void limits(struct blob *b, enum plan_op op, const struct spec_process *p)
{
	for (size_t i = 0; i < p->rlimit_count; i++) {
		struct plan_step s = step_of(op);

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

/* What the listener is told: runtime-spec's "containerProcessState". */
static uint32_t listener_words(struct blob *b, const struct compile_proc *p)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	struct json_w w = JSON_W_INIT(&text);

	json_w_object(&w);
	json_m_string(&w, "ociVersion", OCI_VERSION);
	json_m_array(&w, "fds");
	json_w_string(&w, "seccompFd");
	json_w_end(&w);
	json_w_key(&w, "pid");
	json_w_raw(&w, "\1");
	json_m_string(&w, "metadata", p->profile->listener_metadata);
	json_w_key(&w, "state");
	json_w_raw(&w, str_or(p->state, "{}"));
	json_w_end(&w);
	return blob_text(b, text.data);
}

static void filter(struct blob *b, const struct compile_proc *p)
{
	struct plan_step s = step_of(OP_SECCOMP);

	if (!p->seccomp)
		return;
	s.a = p->profile ? p->profile->flags : 0;
	if (p->profile && secprof_notifies(p->profile)) {
		/* These two exclude each other, and we have one thread. */
		s.a &= ~(uint64_t)SECCOMP_FILTER_FLAG_TSYNC;
		s.a |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		s.s1 = blob_text(b, str_or(p->profile->listener_path, ""));
		s.s2 = listener_words(b, p);
	} else {
		s.a &= ~(uint64_t)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	}
	blob_data(b, s, p->seccomp, p->seccomp_len);
}

/* "user:role:type": the kernel may write the level that follows in another
 * way. */
static char *without_level(const char *label)
{
	const char *end = label;

	for (int colons = 0; *end && (*end != ':' || ++colons < 3); end++)
		;
	return mem_strn(label, (size_t)(end - label));
}

static void label(struct blob *b, enum plan_op op, const char *text, const char *file)
{
	struct plan_step s = step_of(op);

	s.slot = SLOT_PROC;
	s.s1 = blob_text(b, text);
	s.s2 = blob_text(b, file);
	blob_step(b, s);
}

static void labels(struct blob *b, enum plan_op op, const struct spec_process *p)
{
	bool set = op == OP_LSM;

	/* Without AppArmor everything is unconfined. */
	if (!str_is_empty(p->apparmor) &&
	    (!str_eq(p->apparmor, "unconfined") || lsm_has_apparmor())) {
		AUTO_FREE char *command = mem_printf("exec %s", p->apparmor);

		label(b, op, set ? command : p->apparmor, "self/attr/apparmor/exec");
	}
	if (!str_is_empty(p->selinux_label)) {
		AUTO_FREE char *type = without_level(p->selinux_label);

		label(b, op, set ? p->selinux_label : type, "self/attr/exec");
	}
}

/* That what was asked for is so (RELIABILITY F3). */
static void verification(struct blob *b, const struct compile_proc *p,
			 const struct spec_caps *caps, mode_t mask)
{
	struct plan_step s = step_of(OP_VERIFY_OOM_SCORE);

	labels(b, OP_VERIFY_LSM, p->process);
	limits(b, OP_VERIFY_RLIMIT, p->process);
	if (p->process->oom_score_set) {
		s.slot = SLOT_PROC;
		s.a = (uint64_t)(int64_t)p->process->oom_score_adj;
		blob_step(b, s);
	}
	credentials(b, OP_VERIFY_IDS, &p->process->user);
	s = step_of(OP_VERIFY);
	s.a = mask;
	s.flags = (p->process->no_new_privs ? STEP_NO_NEW_PRIVS : 0) |
		  (p->seccomp ? STEP_SECCOMP : 0);
	blob_data(b, s, caps, sizeof(*caps));
}

static void restrictions(struct blob *b, const struct compile_proc *p, mode_t mask)
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
	verification(b, p, &caps, mask);
}

int compile_process(struct blob *b, const struct compile_proc *p,
		    struct err *e)
{
	const struct spec_process *proc = p->process;
	mode_t mask = proc->user.umask == ID_NONE ? 022 : proc->user.umask;
	struct plan_step s = step_of(OP_OWN_STDIO);

	if (p->seccomp && (p->seccomp_len % sizeof(struct sock_filter) ||
			   !p->seccomp_len ||
			   p->seccomp_len / sizeof(struct sock_filter) > BPF_MAXINSNS))
		return err_set(e, EINVAL, "seccomp filter: bad length");
	s.a = proc->user.uid;
	s.b = proc->user.gid;
	blob_step(b, s);
	scheduling(b, p);
	limits(b, OP_RLIMIT, proc);
	s = step_of(OP_CWD);
	s.s1 = blob_text(b, str_or(proc->cwd, "/"));
	blob_step(b, s);
	s = step_of(OP_UMASK);
	s.a = mask;
	blob_step(b, s);
	labels(b, OP_LSM, proc);
	restrictions(b, p, mask);
	s = step_of(OP_EXEC);
	s.s1 = blob_text(b, proc->args.v[0]);
	blob_vectors(b, s, &proc->args, &proc->env);
	return 0;
}
