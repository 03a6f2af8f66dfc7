#include "rootless/check.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/os/fstype.h"

/* Takes the texts. */
static void add(struct checks *c, const char *what, enum check_verdict verdict, bool is_needed,
		char *reason, char *remedy)
{
	c->v = mem_grow(c->v, c->len + 1, sizeof(*c->v));
	c->v[c->len++] = (struct check){
		.what = what,
		.verdict = verdict,
		.is_needed = is_needed,
		.reason = reason,
		.remedy = remedy,
	};
}

void checks_clear(struct checks *c)
{
	for (size_t i = 0; i < c->len; i++) {
		free(c->v[i].reason);
		free(c->v[i].remedy);
	}
	free(c->v);
	*c = (struct checks)CHECKS_INIT;
}

bool checks_pass(const struct checks *c)
{
	for (size_t i = 0; i < c->len; i++)
		if (c->v[i].is_needed && c->v[i].verdict == CHECK_MISSING)
			return false;
	return true;
}

/* The number in a file of /proc/sys; absent when there is no such file. */
static uint64_t sysctl(const char *path, uint64_t absent)
{
	struct err ignored = ERR_INIT;
	char text[32];
	uint64_t value;
	ssize_t len;

	if (fs_read_small(AT_FDCWD, path, text, sizeof(text), &len, &ignored) < 0)
		return absent;
	text[strcspn(text, "\n")] = '\0';
	return num_u64(text, 0, UINT64_MAX, &value, &ignored) < 0 ? absent : value;
}

static char *user_name(void)
{
	const struct passwd *pw = getpwuid(geteuid());

	return pw ? mem_str(pw->pw_name) : mem_printf("%u", geteuid());
}

/* --- namespaces and ids --- */

/* Which switch forbids them, as the kernel does not say. */
static void check_userns(struct checks *c, const struct probe *p)
{
	static const char what[] = "user namespaces";

	if (p->userns == 0 && p->mount == 0)
		add(c, what, CHECK_OK, true, mem_str("an own one can be made, and mounts in it"),
		    NULL);
	else if (sysctl("/proc/sys/user/max_user_namespaces", 1) == 0)
		add(c, what, CHECK_MISSING, true, mem_str("user.max_user_namespaces is 0"),
		    mem_str("sudo sysctl -w user.max_user_namespaces=15000"));
	else if (sysctl("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0)
		add(c, what, CHECK_MISSING, true, mem_str("kernel.unprivileged_userns_clone is 0"),
		    mem_str("sudo sysctl -w kernel.unprivileged_userns_clone=1"));
	else if (sysctl("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1)
		add(c, what, CHECK_MISSING, true,
		    mem_str("AppArmor takes the rights away in them "
			    "(kernel.apparmor_restrict_unprivileged_userns is 1)"),
		    mem_str("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"));
	else if (p->userns < 0)
		add(c, what, CHECK_MISSING, true,
		    mem_printf("the kernel or a sandbox around us refuses them: %s",
			       str_errno(-p->userns)),
		    mem_str("in a container: run that with --security-opt seccomp=unconfined"));
	else
		add(c, what, CHECK_MISSING, true,
		    mem_printf("mounting in them fails: %s", str_errno(-p->mount)),
		    mem_str("in a container: run that with --security-opt seccomp=unconfined"));
}

static char *helper_remedy(void)
{
	return mem_str("sudo apt install uidmap    (Fedora: dnf install shadow-utils)");
}

static int check_ids(struct checks *c, const struct probe *p, const struct check_env *env,
		     struct err *e)
{
	static const char what[] = "ids of a user";
	AUTO_FREE char *name = user_name();
	struct ids ids;
	unsigned count = 0;
	int r = ids_choose(&ids, &env->ids, IDS_DEFAULT, ID_NONE, ID_NONE, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ids.map.uids.len; i++)
		count += ids.map.uids.at[i].count;
	if (ids.rung == IDS_ROOT)
		add(c, what, CHECK_OK, false, mem_str("we are root here: every id that is mapped"),
		    NULL);
	else if (ids.rung == IDS_SUBID)
		add(c, what, CHECK_OK, false,
		    mem_printf("own id and %u subordinate ones", count - 1), NULL);
	else
		add(c, what, CHECK_LOWER, false,
		    mem_printf("%s: containers have one user id, other owners are recorded",
			       str_or(ids.why, "no subordinate ids")),
		    p->newuidmap < 0 || p->newgidmap < 0
			    ? helper_remedy()
			    : mem_printf("sudo usermod --add-subuids 100000-165535 --add-subgids "
					 "100000-165535 %s",
					 name));
	return 0;
}

static void check_procfs(struct checks *c, const struct probe *p)
{
	if (p->procfs == 0)
		add(c, "procfs", CHECK_OK, false, mem_str("a fresh one can be mounted"), NULL);
	else if (p->userns == 0)
		add(c, "procfs", CHECK_LOWER, false,
		    mem_str("parts of /proc are masked here, as in a container: containers see "
			    "ours"),
		    mem_str("docker/podman run --security-opt systempaths=unconfined"));
}

static void check_seccomp(struct checks *c, const struct probe *p)
{
	if (p->seccomp == 0)
		add(c, "seccomp", CHECK_OK, false, mem_str("system call filters"), NULL);
	else
		add(c, "seccomp", CHECK_MISSING, false,
		    mem_printf("the kernel has no system call filters: %s", str_errno(-p->seccomp)),
		    mem_str("coracle run --security-opt seccomp=unconfined"));
}

/* --- files --- */

static const char elsewhere[] = "export XDG_DATA_HOME=/some/other/directory";

static const char *overlay_lacks(const struct probe *p)
{
	return p->overlay == -EOPNOTSUPP ? "the store has no extended attributes" :
					   str_errno(-p->overlay);
}

static void check_layers(struct checks *c, const struct probe *p, const struct check_env *env,
			 const char *dir)
{
	static const char what[] = "layers";
	const char *lacks = !env->fuse_program	  ? "fuse-overlayfs" :
			    p->fuse < 0		  ? "/dev/fuse" :
			    !fstype_has_acls(dir) ? "access lists for fuse-overlayfs" :
						    NULL;

	if (p->overlay == 0)
		add(c, what, CHECK_OK, false, mem_str("kernel overlay works on the store"), NULL);
	else if (!lacks)
		add(c, what, CHECK_LOWER, false,
		    mem_printf("kernel overlay does not work here (%s): fuse-overlayfs is used",
			       overlay_lacks(p)), NULL);
	else
		add(c, what, CHECK_LOWER, false,
		    mem_printf(
			    "no kernel overlay (%s), no %s: each container is a copy of its image",
			    overlay_lacks(p), lacks),
		    mem_str(!env->fuse_program
				    ? "sudo apt install fuse-overlayfs    (Fedora: dnf install)" :
			    p->fuse < 0 ? "sudo modprobe fuse && sudo chmod 0666 /dev/fuse" :
					  elsewhere));
	if (p->fuse < 0)
		add(c, "/dev/fuse", p->overlay == 0 ? CHECK_OK : CHECK_MISSING, false,
		    mem_printf("%s%s", str_errno(-p->fuse), p->overlay == 0 ? "; not needed" : ""),
		    p->overlay == 0 ? NULL
				    : mem_str("sudo modprobe fuse && sudo chmod 0666 /dev/fuse"));
	else
		add(c, "/dev/fuse", CHECK_OK, false, mem_str("opens"), NULL);
}

#define MIN_FILES 1000

/* Too little for a layer, or for its files. */
static bool is_full(const struct fstype_room *room)
{
	return room->bytes < MIB(16) || room->files < MIN_FILES;
}

/* As what the store makes below it: it keeps capitals apart where it may. */
static bool folds_case(int dirfd)
{
	struct err ignored = ERR_INIT;
	AUTO_FREE char *name = mem_printf(FS_NEW "doctor-%d", (int)getpid());
	AUTO_FD int fd = fs_mkdirs(dirfd, name, 0700, &ignored);
	bool folds;

	if (fd < 0)
		return false;
	fstype_keep_case(fd);
	folds = fstype_folds_case(fd);
	(void)unlinkat(dirfd, name, AT_REMOVEDIR);
	return folds;
}

/* fd: the store's directory, or -1 and why not. */
static void check_store(struct checks *c, const struct check_env *env, int fd,
			const struct err *why)
{
	static const char what[] = "store";
	const char *dir = env->data_dir;
	struct fstype_room room;
	struct statvfs fs;

	if (fd < 0 || fstatvfs(fd, &fs) < 0) {
		add(c, what, CHECK_MISSING, true,
		    mem_printf("'%s': %s", dir, fd < 0 ? why->text : str_errno(errno)),
		    mem_str(elsewhere));
		return;
	}
	fstype_room(&room, fd);
	if (fs.f_flag & ST_RDONLY)
		add(c, what, CHECK_MISSING, true,
		    mem_printf("'%s' is on a read-only file system", dir), mem_str(elsewhere));
	else if (fstype_remote(fd))
		add(c, what, CHECK_LOWER, false,
		    mem_printf("'%s' is on %s: database, layers and volumes go to '%s'", dir,
			       fstype_remote(fd), env->local_dir),
		    mem_str(elsewhere));
	else if (folds_case(fd))
		add(c, what, CHECK_MISSING, true,
		    mem_printf("'%s' takes 'a' and 'A' for the same name", dir),
		    mem_str(elsewhere));
	else if (is_full(&room))
		add(c, what, CHECK_MISSING, true,
		    mem_printf("'%s' is full: %llu MB are free%s", dir,
			       (unsigned long long)room.bytes / 1000000,
			       room.files < MIN_FILES ? ", and hardly a file more" : ""),
		    mem_str("coracle system prune"));
	else if (fs.f_flag & ST_NOEXEC)
		add(c, what, CHECK_LOWER, false,
		    mem_printf("'%s' is mounted noexec: programs in volumes do not run", dir),
		    mem_str(elsewhere));
	else if (room.bytes == UINT64_MAX)
		add(c, what, CHECK_OK, false, mem_printf("'%s'", dir), NULL);
	else
		add(c, what, CHECK_OK, false,
		    mem_printf("'%s', %llu GB free", dir,
			       (unsigned long long)room.bytes / 1000000000ull), NULL);
}

static void check_runtime_dir(struct checks *c, const struct check_env *env)
{
	if (env->run_dir_is_fallback)
		add(c, "runtime directory", CHECK_LOWER, false,
		    mem_printf("no XDG_RUNTIME_DIR of ours: '%s' is used", env->run_dir),
		    mem_printf(
			    "log in by ssh or a console, or: export XDG_RUNTIME_DIR=/run/user/%u",
			    geteuid()));
	else
		add(c, "runtime directory", CHECK_OK, false, mem_printf("'%s'", env->run_dir),
		    NULL);
}

/* --- limits, network, sessions --- */

static bool has_systemd_user(void)
{
	AUTO_FREE char *path = mem_printf("/run/user/%u/systemd/private", geteuid());

	return access(path, W_OK) == 0;
}

static void check_cgroup(struct checks *c, const struct probe *p)
{
	static const char what[] = "limits";

	if (p->cgroup == 0)
		add(c, what, CHECK_OK, false, mem_str("our cgroup is delegated to us"), NULL);
	else if (has_systemd_user())
		add(c, what, CHECK_LOWER, false,
		    mem_str("by scopes of the user's systemd, when a limit is asked for"), NULL);
	else
		add(c, what, CHECK_MISSING, false,
		    mem_printf("no delegated cgroup v2 (%s) and no systemd user session: limits "
			       "are not "
			       "enforced",
			       str_errno(-p->cgroup)),
		    access("/run/systemd/system", F_OK) == 0
			    ? mem_printf("sudo loginctl enable-linger %u; then log in again",
					 geteuid())
			    : mem_printf("as root: mkdir CGROUP; chown -R %u CGROUP; echo PID > "
					 "CGROUP/cgroup.procs",
					 geteuid()));
}

static void check_network(struct checks *c, const struct probe *p)
{
	if (p->netns < 0)
		add(c, "network", CHECK_LOWER, false,
		    mem_printf("no network namespaces (%s): only --network host",
			       str_errno(-p->netns)),
		    NULL);
	else if (p->tun == 0)
		add(c, "network", CHECK_OK, false, mem_str("own namespace, by a tap device"), NULL);
	else
		add(c, "network", CHECK_LOWER, false,
		    mem_printf("/dev/net/tun: %s: a veth pair and a packet socket are used",
			       str_errno(-p->tun)),
		    mem_str("sudo modprobe tun && sudo chmod 0666 /dev/net/tun"));
}

static void check_low_ports(struct checks *c)
{
	uint64_t first = sysctl("/proc/sys/net/ipv4/ip_unprivileged_port_start", 1024);

	if (first <= 80 || geteuid() == 0)
		add(c, "low ports", CHECK_OK, false,
		    mem_printf("from %llu on", (unsigned long long)first), NULL);
	else
		add(c, "low ports", CHECK_LOWER, false,
		    mem_printf("ports below %llu cannot be published", (unsigned long long)first),
		    mem_str("sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80"));
}

/* systemd may end a user's processes with the last session. */
static void check_linger(struct checks *c)
{
	AUTO_FREE char *name = user_name();
	AUTO_FREE char *path = mem_printf("/var/lib/systemd/linger/%s", name);

	if (access("/run/systemd/system", F_OK) < 0 || geteuid() == 0)
		return;
	if (access(path, F_OK) == 0)
		add(c, "after logout", CHECK_OK, false, mem_str("lingering is enabled"), NULL);
	else
		add(c, "after logout", CHECK_LOWER, false,
		    mem_str("no lingering: containers may be ended when you log out"),
		    mem_printf("sudo loginctl enable-linger %s", name));
}

/* Where layers are, or would be. */
static const char *layers_dir(const struct check_env *env, int fd)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int local = -1;

	if (fd < 0 || !fstype_remote(fd))
		return env->data_dir;
	local = fs_mkdirs(AT_FDCWD, env->local_dir, 0700, &ignored);
	return env->local_dir;
}

int check_machine(struct checks *out, const struct check_env *env, struct err *e)
{
	AUTO(checks) struct checks c = CHECKS_INIT;
	struct err why = ERR_INIT;
	AUTO_FD int fd = fs_mkdirs(AT_FDCWD, env->data_dir, 0700, &why);
	const char *layers = layers_dir(env, fd);
	struct probe p;
	int r = probe_run(&p, layers, e);

	if (r < 0)
		return r;
	check_userns(&c, &p);
	r = check_ids(&c, &p, env, e);
	if (r < 0)
		return r;
	check_procfs(&c, &p);
	check_seccomp(&c, &p);
	check_store(&c, env, fd, &why);
	check_layers(&c, &p, env, layers);
	check_runtime_dir(&c, env);
	check_network(&c, &p);
	check_low_ports(&c);
	check_cgroup(&c, &p);
	check_linger(&c);
	*out = c;
	c = (struct checks)CHECKS_INIT;
	return 0;
}
