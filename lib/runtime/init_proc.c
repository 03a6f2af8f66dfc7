/* Steps that change the process itself, up to its execve. */
#include "lib/runtime/init.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/fmt/bitlist.h"
#include "lib/os/caps.h"
#include "lib/os/mount.h"
#include "lib/os/netlink.h"
#include "lib/runtime/plan.h"

int init_session(struct init *in, const struct plan_step *s)
{
	(void)in;
	(void)s;
	(void)umask(022);
	/* A process group leader has its session already. */
	if (setsid() < 0 && errno != EPERM)
		return -errno;
	return 0;
}

int init_keyring(struct init *in, const struct plan_step *s)
{
	(void)s;
	/* Quotas are per user, and sandboxes forbid the call: said, not fatal. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		in->rungs |= PLAN_RUNG_NO_KEYRING;
	return 0;
}

int init_lo(struct init *in, const struct plan_step *s)
{
	AUTO_FD int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	(void)in;
	(void)s;
	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &ifr) < 0)
		return -errno;
	return 0;
}

int init_hostname(struct init *in, const struct plan_step *s)
{
	const char *name = init_text(in, s->s1);

	return sethostname(name, strlen(name)) < 0 ? -errno : 0;
}

int init_domainname(struct init *in, const struct plan_step *s)
{
	const char *name = init_text(in, s->s1);

	return setdomainname(name, strlen(name)) < 0 ? -errno : 0;
}

/* Digits at the end of out; where they begin. */
char *init_decimal(char out[static 24], int64_t value)
{
	uint64_t n = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char *p = out + 23;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	if (value < 0)
		*--p = '-';
	return p;
}

/* Before dumpable is cleared: the file then belongs to somebody else. */
int init_oom_score(struct init *in, const struct plan_step *s)
{
	AUTO_FD int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	char text[24];
	const char *digits = init_decimal(text, (int64_t)s->a);

	(void)in;
	if (fd < 0 || write(fd, digits, strlen(digits)) < 0)
		return -errno;
	return 0;
}

/* Nobody may be in it when its clocks are set, so we are the first to enter.
 * execve would do that too, since Linux 6.3. */
int init_time_ns(struct init *in, const struct plan_step *s)
{
	const char *lines = init_text(in, s->s1);
	AUTO_FD int offsets = -1, ns = -1;

	if (unshare(CLONE_NEWTIME) < 0)
		return -errno;
	if (lines) {
		offsets = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
		if (offsets < 0 || write(offsets, lines, strlen(lines)) < 0)
			return -errno;
	}
	ns = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	return ns < 0 || setns(ns, CLONE_NEWTIME) < 0 ? -errno : 0;
}

/* Namespaces inherit from those around them that it is forbidden, which who
 * made the plan as somebody's root could not know. */
static bool is_setgroups_denied(void)
{
	char text[8] = "";
	AUTO_FD int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && !strncmp(text, "deny", 4);
}

static int drop_groups(struct init *in)
{
	struct plan_head *h = (struct plan_head *)in->plan;
	const struct plan_step *steps = plan_steps(h);

	if ((h->flags & PLAN_F_DENY_SETGROUPS) || syscall(SYS_setgroups, 0, NULL) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	if (!is_setgroups_denied())
		return -EPERM;
	h->flags |= PLAN_F_DENY_SETGROUPS;
	for (uint32_t i = 0; i < h->step_count; i++)
		if (steps[i].op == OP_CREDS && steps[i].data_len > sizeof(uint32_t))
			in->rungs |= PLAN_RUNG_NO_SETGROUPS;
	return 0;
}

int init_become_root(struct init *in, const struct plan_step *s)
{
	uid_t uid = (uid_t)s->a;
	gid_t gid = (gid_t)s->b;
	int r = drop_groups(in);

	if (r < 0)
		return r;
	/* The raw calls: the C library's signal all threads, of which there
	 * are none. */
	if (syscall(SYS_setresgid, gid, gid, gid) < 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -errno;
	/* Another id outside has made us one whom our own helpers could not
	 * join: see init_wait_maps(). */
	if (in->direct && in->head->uid_map && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* Only those outside may take them away there. */
int init_net_devices(struct init *in, const struct plan_step *s)
{
	int nl = netlink_open();
	int r = nl;

	(void)s;
	if (nl >= 0)
		r = rt_tell(in->sock, RT_MSG_NET_DEVICES, in->step, 0, 0, nl);
	fd_auto(&nl);
	return r < 0 ? r : init_wait_for(in, RT_MOVED);
}

int init_tap(struct init *in, const struct plan_step *s)
{
	struct tap_config c;
	struct tap t = { .fd = -1 };
	enum tap_step failed = TAP_STEP_NETLINK;
	int r;

	memcpy(&c, in->plan + s->data, sizeof(c));
	c.tun_path = init_text(in, s->s1);
	r = tap_setup(&t, &c, &failed);
	if (r < 0) {
		in->detail = (uint32_t)failed;
		return r;
	}
	r = rt_tell(in->sock, RT_MSG_TAP, in->step, (int32_t)t.kind, 0, t.fd);
	fd_auto(&t.fd);
	return r;
}

/* A user who is not root may reopen /dev/stdout: pipes and the terminal that
 * were made for the container are theirs; other files are not touched. */
int init_own_stdio(struct init *in, const struct plan_step *s)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			return -errno;
		if (S_ISFIFO(st.st_mode) || (in->head->flags & PLAN_F_TERMINAL))
			(void)!fchown(fd, (uid_t)s->a, (gid_t)-1);
	}
	return 0;
}

int init_rlimit(struct init *in, const struct plan_step *s)
{
	struct rlimit rl = { .rlim_cur = s->a, .rlim_max = s->b };

	(void)in;
	return setrlimit((int)s->flags, &rl) < 0 ? -errno : 0;
}

/* --- scheduling --- */

int init_personality(struct init *in, const struct plan_step *s)
{
	(void)in;
	return personality((unsigned long)s->a) < 0 ? -errno : 0;
}

int init_memory_policy(struct init *in, const struct plan_step *s)
{
	const void *nodes = s->data ? in->plan + s->data : NULL;
	/* The kernel takes one bit less than it is told. */
	unsigned long bits = s->data ? s->data_len * 8ul + 1 : 0;

	return syscall(SYS_set_mempolicy, (int)s->a, nodes, bits) < 0 ? -errno : 0;
}

int init_affinity(struct init *in, const struct plan_step *s)
{
	static uint64_t all[BITLIST_MAX / 64];
	const void *bits = s->data ? in->plan + s->data : (const char *)all;
	size_t len = s->data ? s->data_len : sizeof(all);

	if (!s->data)
		memset(all, 0xff, sizeof(all));
	return syscall(SYS_sched_setaffinity, 0, len, bits) < 0 ? -errno : 0;
}

int init_scheduler(struct init *in, const struct plan_step *s)
{
	struct spec_scheduler want;
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { .size = sizeof(attr) };	/* the first form of sched_attr */

	memcpy(&want, in->plan + s->data, sizeof(want));
	attr.policy = want.policy;
	attr.flags = want.flags;
	attr.nice = want.nice;
	attr.priority = want.priority;
	attr.runtime = want.runtime_ns;
	attr.deadline = want.deadline_ns;
	attr.period = want.period_ns;
	return syscall(SYS_sched_setattr, 0, &attr, 0) < 0 ? -errno : 0;
}

int init_io_priority(struct init *in, const struct plan_step *s)
{
	(void)in;
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, (int)s->a) < 0 ? -errno : 0;
}

/* --- the rest up to execve --- */

int init_umask(struct init *in, const struct plan_step *s)
{
	(void)in;
	(void)umask((mode_t)s->a);
	return 0;
}

int init_lsm(struct init *in, const struct plan_step *s)
{
	const char *label = init_text(in, s->s1);
	AUTO_FD int fd = openat(in->slots[SLOT_PROC], init_text(in, s->s2),
				O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (mount_magic(fd) != PROC_SUPER_MAGIC)
		return -EPERM;
	return write(fd, label, strlen(label)) < 0 ? -errno : 0;
}

/* Opens what verify reads, since a filter may forbid it later.  What we do not
 * have cannot be given; whoever waits for READY was told so. */
int init_bound(struct init *in, const struct plan_step *s)
{
	int r = init_own_caps(in);

	if (r < 0)
		return r;
	in->status_fd = openat(in->slots[SLOT_PROC], "self/status",
			       O_RDONLY | O_CLOEXEC);
	if (in->status_fd < 0)
		return -errno;
	if (mount_magic(in->status_fd) != PROC_SUPER_MAGIC)
		return -EPERM;
	/* Of real root's caller; new user namespaces begin without. */
	if (prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) != 0 &&
	    prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) < 0)
		return -errno;
	return caps_bound(s->a & in->caps);
}

/* Without additional ones it is no loss where nobody may set them. */
static int set_groups(struct init *in, const struct plan_step *s)
{
	struct plan_head *h = (struct plan_head *)in->plan;
	size_t count = s->data_len / sizeof(uint32_t);

	if ((h->flags & PLAN_F_DENY_SETGROUPS) ||
	    syscall(SYS_setgroups, count, in->plan + s->data) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	if (count > 1 || !is_setgroups_denied())
		return -EPERM;
	h->flags |= PLAN_F_DENY_SETGROUPS;
	return 0;
}

int init_creds(struct init *in, const struct plan_step *s)
{
	uid_t uid = (uid_t)s->a;
	gid_t gid = (gid_t)s->b;

	int r;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	r = set_groups(in, s);
	if (r < 0)
		return r;
	if (syscall(SYS_setresgid, gid, gid, gid) < 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -errno;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int init_own_caps(struct init *in)
{
	uint64_t effective, inheritable;

	return caps_get(&effective, &in->caps, &inheritable);
}

int init_caps(struct init *in, const struct plan_step *s)
{
	struct spec_caps c;
	int r;

	memcpy(&c, in->plan + s->data, sizeof(c));
	r = caps_set(c.effective & in->caps, c.permitted & in->caps, c.inheritable & in->caps);
	return r < 0 ? r : caps_ambient(c.ambient & in->caps);
}

int init_no_new_privs(struct init *in, const struct plan_step *s)
{
	(void)in;
	(void)s;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int init_seccomp(struct init *in, const struct plan_step *s)
{
	struct sock_fprog prog = {
		.len = (unsigned short)(s->data_len / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(in->plan + s->data),
	};

	AUTO_FD int fd = -1;
	int r = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, s->a, &prog);

	if (r < 0)
		return -errno;
	/* With TSYNC: the thread that has another filter. */
	if (!(s->a & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return r == 0 ? 0 : -EPERM;
	fd = r;
	r = rt_tell(in->sock, RT_MSG_SECCOMP, in->step, 0, 0, fd);
	return r < 0 ? r : init_wait_for(in, RT_HEARD);
}
