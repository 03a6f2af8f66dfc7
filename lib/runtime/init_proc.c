/* Steps that change the process itself, up to its execve. */
#include "lib/runtime/init.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/os/caps.h"
#include "lib/os/mount.h"
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

/* Before dumpable is cleared: the file then belongs to somebody else. */
int init_oom_score(struct init *in, const struct plan_step *s)
{
	char text[24];
	int64_t value = (int64_t)s->a;
	uint64_t n = value < 0 ? (uint64_t)-value : (uint64_t)value;
	size_t at = sizeof(text);
	AUTO_FD int fd = -1;

	do
		text[--at] = (char)('0' + n % 10);
	while (n /= 10);
	if (value < 0)
		text[--at] = '-';
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	(void)in;
	if (fd < 0 || write(fd, text + at, sizeof(text) - at) < 0)
		return -errno;
	return 0;
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

/* Opens what verify reads, since a filter may forbid it later. */
int init_bound(struct init *in, const struct plan_step *s)
{
	in->status_fd = openat(in->slots[SLOT_PROC], "self/status",
			       O_RDONLY | O_CLOEXEC);
	if (in->status_fd < 0)
		return -errno;
	if (mount_magic(in->status_fd) != PROC_SUPER_MAGIC)
		return -EPERM;
	return caps_bound(s->a);
}

int init_creds(struct init *in, const struct plan_step *s)
{
	uid_t uid = (uid_t)s->a;
	gid_t gid = (gid_t)s->b;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (!(in->head->flags & PLAN_F_DENY_SETGROUPS) &&
	    syscall(SYS_setgroups, s->data_len / sizeof(uint32_t),
		    in->plan + s->data) < 0)
		return -errno;
	if (syscall(SYS_setresgid, gid, gid, gid) < 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -errno;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int init_caps(struct init *in, const struct plan_step *s)
{
	struct spec_caps c;
	int r;

	memcpy(&c, in->plan + s->data, sizeof(c));
	r = caps_set(c.effective, c.permitted, c.inheritable);
	return r < 0 ? r : caps_ambient(c.ambient);
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

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, s->a, &prog) < 0)
		return -errno;
	return 0;
}

/* The number behind "\nNAME:\t" of a status file. */
static int status_value(const char *text, const char *name, unsigned base,
			uint64_t *out)
{
	const char *p = strstr(text, name);
	uint64_t n = 0;

	if (!p)
		return -ENODATA;
	for (p += strlen(name); *p && *p != '\n'; p++) {
		unsigned d = *p >= 'a' ? (unsigned)(*p - 'a') + 10 : (unsigned)(*p - '0');

		if (d >= base)
			return -EBADMSG;
		n = n * base + d;
	}
	*out = n;
	return 0;
}

/* Read once: a filter may forbid to go back. */
static int read_status(struct init *in)
{
	ssize_t n;

	if (in->status[0])
		return 0;
	n = read(in->status_fd, in->status, sizeof(in->status) - 1);
	if (n < 0)
		return -errno;
	in->status[n] = '\0';
	return 0;
}

/* The next number of a list in one line; false at its end. */
static bool next_id(const char **p, uint32_t *id)
{
	uint32_t n = 0;

	*p += strspn(*p, " \t");
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (uint32_t)(**p - '0');
	*id = n;
	return true;
}

/* Real, effective, saved and that of file systems: all this one? */
static bool all_are(const char *text, const char *name, uint64_t want)
{
	const char *p = strstr(text, name);
	unsigned count = 0;
	uint32_t id;

	for (p = p ? p + strlen(name) : ""; next_id(&p, &id); count++)
		if (id != want)
			return false;
	return count == 4;
}

static bool groups_are(const char *text, const char *ids, size_t len)
{
	static const char name[] = "\nGroups:\t";
	const char *p = strstr(text, name);
	uint32_t id, one;
	size_t count = 0;

	for (p = p ? p + strlen(name) : ""; next_id(&p, &id); count++) {
		size_t at = 0;

		for (one = ~id; at < len && one != id; at += sizeof(one))
			memcpy(&one, ids + at, sizeof(one));
		if (one != id)
			return false;
	}
	return count == len / sizeof(uint32_t);
}

/* What was asked for must be so, whatever the calls said (RELIABILITY F3). */
int init_verify_ids(struct init *in, const struct plan_step *s)
{
	int r = read_status(in);

	if (r < 0)
		return r;
	if (!all_are(in->status, "\nUid:\t", s->a) || !all_are(in->status, "\nGid:\t", s->b))
		return -EPERM;
	if (in->head->flags & PLAN_F_DENY_SETGROUPS)
		return 0;
	return groups_are(in->status, in->plan + s->data, s->data_len) ? 0 : -EPERM;
}

int init_verify(struct init *in, const struct plan_step *s)
{
	const char *text = in->status;
	struct spec_caps c;
	uint64_t known = 0;
	int r = read_status(in);

	if (r < 0)
		return r;
	memcpy(&c, in->plan + s->data, sizeof(c));
	for (unsigned long i = 0; i < CAP_COUNT; i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0)
			known |= CAP_BIT(i);
	const struct {
		const char *name;
		uint64_t want;
		unsigned base;
	} rows[] = {
		{ "\nCapInh:\t", c.inheritable & known, 16 },
		{ "\nCapPrm:\t", c.permitted & known, 16 },
		{ "\nCapEff:\t", c.effective & known, 16 },
		{ "\nCapBnd:\t", c.bounding & known, 16 },
		{ "\nCapAmb:\t", c.ambient & known, 16 },
		{ "\nNoNewPrivs:\t", s->flags & STEP_NO_NEW_PRIVS ? 1 : 0, 10 },
		{ "\nSeccomp:\t", s->flags & STEP_SECCOMP ? 2 : 0, 10 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t got = 0;

		r = status_value(text, rows[i].name, rows[i].base, &got);

		if (r < 0)
			return r;
		/* More restricted than asked is what a sandbox around us does. */
		if (i >= 5 ? got < rows[i].want : got != rows[i].want)
			return -EPERM;
	}
	return 0;
}
