/* Mounts and devices of config.json, seen from inside a container.  All of it
 * runs in a user namespace of one id, where mounts can be arranged at will,
 * and what is arranged there is locked for the container, as the host's is. */
#include "tests/unit/runtime_run.h"

#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "lib/runtime/step.h"
#include "tests/unit/deny.h"

static char source[96];			/* a tmpfs with another at sub */
static char locked[96];			/* one that is ro,nosuid,noexec */

/* Mounts at /mnt and below: path, options, propagation. */
#define LOOK "busybox awk '$5 ~ \"^/mnt\" { p = \"\"; "				\
	"for (i = 7; $i != \"-\"; i++) { sub(\":.*\", \"\", $i); p = p \" \" $i } "	\
	"print $5, $6 p }' /proc/self/mountinfo | busybox sort"

static void add_mount(struct box *b, const char *at, const char *type, const char *from,
		      const char *options)
{
	struct spec_mount *m = spec_add_mount(&b->spec, at, type, from);

	while (*options) {
		size_t len = strcspn(options, ",");

		strv_addn(&m->options, options, len);
		options += len + (options[len] == ',');
	}
}

static void writable_sys(struct box *b)
{
	for (size_t i = 0; i < b->spec.mount_count; i++)
		if (str_eq(b->spec.mounts[i].destination, "/sys"))
			strv_add(&b->spec.mounts[i].options, "rw");
}

static void mounts(const char *type, const char *from, const char *options,
		   const char *script, const char *text)
{
	struct err e = ERR_INIT;
	struct box b;

	box_begin(&b, script);
	add_mount(&b, "/mnt", type, from, options);
	if (box_run(&b, &e) < 0)
		fail_msg("%s: %s", options, e.text);
	if (!str_eq(b.out.data, text))
		fail_msg("%s: %s", options, b.out.data);
	assert_int_equal(b.status, 0);
	box_end(&b);
}

static void binds(const char *options, const char *text)
{
	mounts("bind", source, options, LOOK, text);
}

static void refused(struct box *b, int code, const char *text)
{
	struct err e = ERR_INIT;
	int r = box_run(b, &e);

	if (r != -code || !strstr(e.text, text))
		fail_msg("%d '%s', not '%s'", r, e.text, text);
	box_end(b);
}

static void refuses(const char *type, const char *from, const char *options, int code,
		    const char *text)
{
	struct box b;

	box_begin(&b, "exit 0");
	add_mount(&b, "/mnt", type, from, options);
	refused(&b, code, text);
}

/* field: mounts.options.bind
 * field: mounts.options.rbind
 * field: mounts.options.defaults
 * field: mounts.source */
static void recursion(void **state)
{
	(void)state;
	/* What is locked together cannot be had apart. */
	binds("bind", "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
	binds("bind,ro", "/mnt ro,relatime\n/mnt/sub ro,relatime\n");
	mounts("bind", locked, "bind", LOOK, "/mnt ro,nosuid,noexec,relatime\n");
	binds("rbind", "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
	mounts(NULL, source, "rbind", LOOK, "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
	mounts("none", source, "rbind", LOOK, "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
	mounts("bind", source, "defaults,rbind", LOOK, "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
}

/* What is so anyway, and what no file system of today has any use for.
 * field: mounts.options.async
 * field: mounts.options.nolazytime
 * field: mounts.options.nomand
 * field: mounts.options.norelatime
 * field: mounts.options.rnorelatime
 * field: mounts.options.newinstance
 * ignored: mounts.options.iversion
 * ignored: mounts.options.noiversion
 * ignored: mounts.options.acl
 * ignored: mounts.options.noacl
 * ignored: mounts.options.silent
 * ignored: mounts.options.loud */
static void without_effect(void **state)
{
	static const char all[] = "async,nolazytime,nomand,norelatime,rnorelatime,newinstance,"
		"iversion,noiversion,acl,noacl,silent,loud";

	(void)state;
	mounts("tmpfs", "tmpfs", all, LOOK, "/mnt rw,relatime\n");
	mounts("devpts", "devpts", all, LOOK, "/mnt rw,relatime\n");
	mounts(NULL, source, all, LOOK, "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
}

/* field: mounts.options.ro
 * field: mounts.options.nosuid
 * field: mounts.options.nodev
 * field: mounts.options.noexec
 * field: mounts.options.nodiratime
 * field: mounts.options.nosymfollow
 * field: mounts.options.noatime
 * field: mounts.options.strictatime
 * field: mounts.options.relatime
 * field: mounts.options.rro
 * field: mounts.options.rnosuid
 * field: mounts.options.rnodev
 * field: mounts.options.rnoexec
 * field: mounts.options.rnodiratime
 * field: mounts.options.rnosymfollow */
static void attributes(void **state)
{
	(void)state;
	binds("rbind,ro", "/mnt ro,relatime\n/mnt/sub rw,relatime\n");
	binds("rbind,rro", "/mnt ro,relatime\n/mnt/sub ro,relatime\n");
	binds("rbind,nosuid,rnodev,noexec",
	      "/mnt rw,nosuid,nodev,noexec,relatime\n/mnt/sub rw,nodev,relatime\n");
	binds("rbind,nodev,rnosuid,rnoexec",
	      "/mnt rw,nosuid,nodev,noexec,relatime\n/mnt/sub rw,nosuid,noexec,relatime\n");
	binds("rbind,nosymfollow,rro",
	      "/mnt ro,relatime,nosymfollow\n/mnt/sub ro,relatime\n");
	binds("rbind,rnosymfollow",
	      "/mnt rw,relatime,nosymfollow\n/mnt/sub rw,relatime,nosymfollow\n");
	/* of contradicting ones the last */
	binds("rbind,ro,rw", "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
	binds("rbind,rrw,rro", "/mnt ro,relatime\n/mnt/sub ro,relatime\n");
	mounts("tmpfs", "tmpfs", "ro,nosuid,nodev,noexec,noatime", LOOK,
	       "/mnt ro,nosuid,nodev,noexec,noatime\n");
	mounts("tmpfs", "tmpfs", "strictatime", LOOK, "/mnt rw\n");
	mounts("tmpfs", "tmpfs", "noatime,relatime", LOOK, "/mnt rw,relatime\n");
	mounts("tmpfs", "tmpfs", "noatime,nodiratime", LOOK, "/mnt rw,noatime,nodiratime\n");
	mounts("tmpfs", "tmpfs", "rro,rnosymfollow", LOOK, "/mnt ro,relatime,nosymfollow\n");
}

/* field: mounts.options.sync
 * field: mounts.options.dirsync
 * field: mounts.options.lazytime
 * field: mounts.options.mand */
static void of_the_file_system(void **state)
{
	(void)state;
	mounts("tmpfs", "tmpfs", "sync,dirsync,size=1m,mode=700",
	       "busybox awk '$2 == \"/mnt\" { print $4 }' /proc/mounts | cut -d, -f1-3",
	       "rw,sync,dirsync\n");
	mounts("tmpfs", "tmpfs", "lazytime",
	       "busybox awk '$2 == \"/mnt\" { print $4 }' /proc/mounts | cut -d, -f1-2",
	       "rw,lazytime\n");
	mounts("tmpfs", "tmpfs", "mode=1751", "busybox stat -c %a /mnt", "1751\n");
	mounts("bind", source, "rbind,sync,dirsync,lazytime,mand", LOOK,
	       "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
}

/* field: mounts.options.rw
 * field: mounts.options.suid
 * field: mounts.options.dev
 * field: mounts.options.exec
 * field: mounts.options.atime
 * field: mounts.options.diratime
 * field: mounts.options.symfollow
 * field: mounts.options.rrw
 * field: mounts.options.rsuid
 * field: mounts.options.rdev
 * field: mounts.options.rexec
 * field: mounts.options.ratime
 * field: mounts.options.rdiratime
 * field: mounts.options.rsymfollow */
static void lifted(void **state)
{
	(void)state;
	/* What the owner of a mount denies stays denied. */
	mounts("bind", locked, "bind", LOOK, "/mnt ro,nosuid,noexec,relatime\n");
	mounts("bind", locked, "bind,rw,suid,exec,dev", LOOK,
	       "/mnt ro,nosuid,noexec,relatime\n");
	mounts("bind", locked, "bind,rw,nodev", LOOK,
	       "/mnt ro,nosuid,nodev,noexec,relatime\n");
	/* What is ours is lifted: a bind of what the container mounted. */
	mounts("tmpfs", "tmpfs", "ro,nosymfollow,nodiratime,noexec,rw,symfollow,diratime,exec",
	       LOOK, "/mnt rw,relatime\n");
	mounts("tmpfs", "tmpfs",
	       "rro,rnosuid,rnodev,rnoexec,rnoatime,rrw,rsuid,rdev,rexec,ratime,rrelatime",
	       LOOK, "/mnt rw,relatime\n");
	mounts("tmpfs", "tmpfs", "rstrictatime,rnodiratime,rnosymfollow,rnostrictatime,"
	       "rdiratime,rsymfollow,norelatime", LOOK, "/mnt rw,relatime\n");
}

/* field: mounts.options.private
 * field: mounts.options.slave
 * field: mounts.options.shared
 * field: mounts.options.unbindable
 * field: mounts.options.rprivate
 * field: mounts.options.rslave
 * field: mounts.options.rshared
 * field: mounts.options.runbindable */
static void propagation(void **state)
{
	(void)state;
	binds("rbind,shared", "/mnt rw,relatime shared\n/mnt/sub rw,relatime\n");
	binds("rbind,rshared", "/mnt rw,relatime shared\n/mnt/sub rw,relatime shared\n");
	binds("rbind,ro,rshared", "/mnt ro,relatime shared\n/mnt/sub rw,relatime shared\n");
	binds("rbind,unbindable", "/mnt rw,relatime unbindable\n/mnt/sub rw,relatime\n");
	binds("rbind,runbindable",
	      "/mnt rw,relatime unbindable\n/mnt/sub rw,relatime unbindable\n");
	binds("rbind,private", "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
	mounts("tmpfs", "tmpfs", "shared,ro", LOOK, "/mnt ro,relatime shared\n");
	/* of the test's own mounts, which it shares */
	assert_int_equal(mount(NULL, source, NULL, MS_SHARED | MS_REC, NULL), 0);
	binds("rbind", "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
	binds("rbind,rprivate", "/mnt rw,relatime\n/mnt/sub rw,relatime\n");
	binds("rbind,slave,private", "/mnt rw,relatime\n/mnt/sub rw,relatime master\n");
	binds("rbind,rslave", "/mnt rw,relatime master\n/mnt/sub rw,relatime master\n");
	binds("rbind,rslave,rshared",
	      "/mnt rw,relatime shared master\n/mnt/sub rw,relatime shared master\n");
	assert_int_equal(mount(NULL, source, NULL, MS_PRIVATE | MS_REC, NULL), 0);
}

/* field: linux.rootfsPropagation */
static void root_propagation(void **state)
{
	static const char look[] = "busybox awk '$5 == \"/\" || $5 == \"/mnt\" { sub(\":.*\", \"\", $7); "
		"print $5, $7 }' /proc/self/mountinfo | busybox sort";
	static const struct {
		const char *value;
		const char *text;
	} rows[] = {
		{ "private", "/ -\n/mnt -\n" }, { "rprivate", "/ -\n/mnt -\n" },
		{ "slave", "/ -\n/mnt -\n" }, { "rslave", "/ -\n/mnt -\n" },
		{ "shared", "/ shared\n/mnt -\n" }, { "rshared", "/ shared\n/mnt shared\n" },
		{ "unbindable", "/ unbindable\n/mnt -\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct box b;

		box_begin(&b, look);
		b.spec.rootfs_propagation = mem_str(rows[i].value);
		add_mount(&b, "/mnt", "tmpfs", "tmpfs", "");
		expect(&b, rows[i].text);
	}
}

/* field: mounts.destination */
static void destinations(void **state)
{
	char file[128];
	struct box b;

	(void)state;
	/* made when it is missing, relative to the root, cleaned */
	box_begin(&b, "cat /a/b/file /c/file /d/file; ls -d /mnt/../d");
	add_mount(&b, "/a/b", "bind", source, "bind");
	add_mount(&b, "c", "bind", source, "bind");
	add_mount(&b, "//x/..//d/", "bind", source, "bind");
	expect(&b, "inside\ninside\ninside\n/mnt/../d\n");
	/* a file over a file, and one over nothing */
	box_begin(&b, "cat /etc/hosts /new/file");
	snprintf(file, sizeof(file), "%s/file", source);
	add_mount(&b, "/etc/hosts", "bind", file, "bind");
	add_mount(&b, "/new/file", "bind", file, "bind");
	expect(&b, "inside\ninside\n");
	/* one over the other, in the order of the spec */
	box_begin(&b, "ls /mnt; cat /mnt/deep/file");
	add_mount(&b, "/mnt", "tmpfs", "tmpfs", "");
	add_mount(&b, "/mnt/deep", "bind", source, "bind");
	expect(&b, "deep\ninside\n");

	box_begin(&b, "exit 0");
	add_mount(&b, "/", "bind", source, "bind");
	refused(&b, EINVAL, "the root cannot be covered");
	box_begin(&b, "exit 0");
	add_mount(&b, "/x/..", "bind", source, "bind");
	refused(&b, EINVAL, "the root cannot be covered");
	box_begin(&b, "exit 0");
	add_mount(&b, "/bin/busybox", "bind", source, "bind");
	refused(&b, ENOTDIR, "mount '/bin/busybox'");
	box_begin(&b, "exit 0");
	add_mount(&b, "/tmp", "bind", file, "bind");
	refused(&b, EISDIR, "mount '/tmp'");
	/* "/proc/" is /proc, with all that is asked of it */
	box_begin(&b, "exit 0");
	add_mount(&b, "/proc/./sys/", "bind", source, "bind");
	refused(&b, EPERM, "mount '/proc/sys'");
}

/* field: mounts.options (others are the file system's own; unknown ones are refused) */
static void refusals(void **state)
{
	(void)state;
	refuses("bind", "/nonexistent/dir", "bind", ENOENT, "open '/nonexistent/dir'");
	refuses("bind", source, "bind,nofail", EINVAL, "mount '/mnt': unknown option 'nofail'");
	refuses("bind", source, "bind,X-opt", EINVAL, "unknown option 'X-opt'");
	refuses("bind", source, "bind,size=1", EINVAL, "unknown option 'size'");
	refuses("bind", source, "bind,tmpcopyup", EINVAL, "tmpcopyup is for a tmpfs");
	refuses("tmpfs", "tmpfs", "src-nofollow", EINVAL, "src-nofollow is for a bind");
	refuses("tmpfs", "tmpfs", "nofail", EINVAL, "mount tmpfs: option 'nofail'");
	refuses("tmpfs", "tmpfs", "size=1m,nr_inodes=x", EINVAL, "option 'nr_inodes'");
	refuses("tmpfs", "tmpfs", "uid=4711", EINVAL, "user 4711 is not mapped");
	refuses("ext4", "/dev/null", "", ENOTSUP, "a user cannot mount file system 'ext4'");
}

/* field: mounts.options.tmpcopyup */
static void copy_up(void **state)
{
	struct err e = ERR_INIT;
	char path[128];
	struct box b;

	(void)state;
	snprintf(path, sizeof(path), "%s/etc/deep", root);
	assert_int_equal(mkdir(path, 0750), 0);
	snprintf(path, sizeof(path), "%s/etc/deep/kept", root);
	fd_auto(&(int){ open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0640) });
	assert_int_equal(fs_write_small(AT_FDCWD, path, "kept\n", &e), 0);
	box_begin(&b, "cat /etc/deep/kept; readlink /etc/resolv.conf; ls -l /etc/deep/kept | cut -c1-10; "
		  "echo x 2>/dev/null >/etc/new || echo no");
	add_mount(&b, "/etc", "tmpfs", "tmpfs", "tmpcopyup,ro");
	expect(&b, "kept\n/run/x/resolv.conf\n-rw-r-----\nno\n");
	snprintf(path, sizeof(path), "%s/etc", root);
	{
		AUTO_FD int etc = fs_open_dir(AT_FDCWD, path, &e);

		assert_int_equal(fs_rmtree(etc, "deep", &e), 0);
	}
}

/* field: mounts.options.src-nofollow
 * field: mounts.options.dest-nofollow
 * field: mounts.options.copy-symlink */
static void links(void **state)
{
	char link[128], file[128];
	struct box b;

	(void)state;
	snprintf(link, sizeof(link), "%s/link", source);
	snprintf(file, sizeof(file), "%s/file", source);
	assert_int_equal(symlink("file", link), 0);
	box_begin(&b, "cat /la; readlink /lb; readlink /lc; ls /lc /ld 2>&1; "
		  "readlink /etc/resolv.conf; cat /etc/resolv.conf");
	add_mount(&b, "/la", "bind", link, "bind");
	add_mount(&b, "/lb", "bind", link, "bind,src-nofollow");
	add_mount(&b, "/lc", "bind", link, "bind,copy-symlink");
	add_mount(&b, "/ld", "bind", file, "bind,copy-symlink");
	add_mount(&b, "/etc/resolv.conf", "bind", file, "bind,dest-nofollow");
	expect(&b, "inside\nfile\nfile\nls: /lc: No such file or directory\n/ld\ninside\n");
	assert_int_equal(unlink(link), 0);
}

/* field: mounts.options.remount */
static void remounts(void **state)
{
	struct box b;

	(void)state;
	box_begin(&b, LOOK);
	add_mount(&b, "/mnt", "bind", source, "rbind");
	add_mount(&b, "/mnt", "none", "none", "remount,ro,nosuid");
	expect(&b, "/mnt ro,nosuid,relatime\n/mnt/sub rw,relatime\n");
	box_begin(&b, LOOK);
	add_mount(&b, "/mnt", "bind", source, "rbind,ro");
	add_mount(&b, "/mnt", "bind", source, "remount,bind,rw,rnoexec,rshared");
	expect(&b, "/mnt rw,noexec,relatime shared\n/mnt/sub rw,noexec,relatime shared\n");
	box_begin(&b, "exit 0");
	add_mount(&b, "/mnt", "tmpfs", "tmpfs", "remount,ro");
	refused(&b, EINVAL, "remount '/mnt'");
	box_begin(&b, "exit 0");
	add_mount(&b, "/mnt", "tmpfs", "tmpfs", "remount,size=1m");
	refused(&b, EINVAL, "unknown option 'size'");
}

/* field: mounts.type
 * The file systems that a user can have, and what stands for one. */
static void types(void **state)
{
	struct box b;

	(void)state;
	box_begin(&b, "busybox awk '$2 ~ \"^/t\" { print $2, $3 }' /proc/mounts | busybox sort");
	add_mount(&b, "/t/tmpfs", "tmpfs", "tmpfs", "");
	add_mount(&b, "/t/ramfs", "ramfs", "ramfs", "");
	add_mount(&b, "/t/mqueue", "mqueue", "mqueue", "");
	add_mount(&b, "/t/devpts", "devpts", "devpts", "newinstance");
	add_mount(&b, "/t/proc", "proc", "proc", "");
	add_mount(&b, "/t/sys", "sysfs", "sysfs", "");
	add_mount(&b, "/t/cgroup", "cgroup", "cgroup", "");
	add_mount(&b, "/t/cgroup2", "cgroup2", "cgroup2", "");
	expect(&b, "/t/cgroup cgroup2\n/t/cgroup2 cgroup2\n/t/devpts devpts\n/t/mqueue mqueue\n"
	       "/t/proc proc\n/t/ramfs ramfs\n/t/sys sysfs\n/t/tmpfs tmpfs\n");
	/* writable when it is asked for and ours; never when it is the host's */
	box_begin(&b, "cut -d' ' -f5,6 /proc/self/mountinfo | grep '^/sys '");
	writable_sys(&b);
	expect(&b, "/sys rw,nosuid,nodev,noexec,relatime\n");
	box_begin(&b, "cut -d' ' -f5,6 /proc/self/mountinfo | grep '^/sys '");
	b.spec.ns[SPEC_NS_NETWORK].set = false;
	b.opt.net.kind = PLAN_NET_HOST;
	writable_sys(&b);
	expect(&b, "/sys ro,nosuid,nodev,noexec,relatime\n");
}

/* Who shares the cgroup namespace sees what it sees, and changes nothing. */
static void host_cgroups(void **state)
{
	struct box b;

	(void)state;
	box_begin(&b, "cut -d' ' -f5,6 /proc/self/mountinfo | grep '^/mnt ' | busybox grep -o ' ro,'; "
		  "mkdir /mnt/new 2>&1 | cut -d: -f3");
	b.spec.ns[SPEC_NS_CGROUP].set = false;
	add_mount(&b, "/mnt", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime");
	expect(&b, " ro,\n Read-only file system\n");
}

/* field: linux.devices
 * Without the right to make a node the host's is bound; a fifo can be made. */
static void devices(void **state)
{
	struct spec_device *d;
	struct box b;

	(void)state;
	box_begin(&b, "busybox stat -c '%n %t:%T' /dev/null /dev/zero /dev/full /dev/random "
		  "/dev/urandom /dev/tty; readlink /dev/fd; readlink /dev/stdin; "
		  "readlink /dev/stdout; readlink /dev/stderr; readlink /dev/ptmx");
	expect(&b, "/dev/null 1:3\n/dev/zero 1:5\n/dev/full 1:7\n/dev/random 1:8\n"
	       "/dev/urandom 1:9\n/dev/tty 5:0\n/proc/self/fd\n/proc/self/fd/0\n"
	       "/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n");

	box_begin(&b, "busybox stat -c '%F %t:%T' /dev/zero; "
		  "busybox stat -c '%F %a %u:%g' /dev/pipe /pipe");
	d = spec_add_device(&b.spec, "/dev/zero");
	*d = (struct spec_device){ d->path, 'c', 1, 5, 0600, ID_NONE, ID_NONE };
	d = spec_add_device(&b.spec, "/dev/pipe");
	*d = (struct spec_device){ d->path, 'p', 0, 0, 0620, 0, 0 };
	d = spec_add_device(&b.spec, "/pipe");
	*d = (struct spec_device){ d->path, 'p', 0, 0, ID_NONE, ID_NONE, ID_NONE };
	expect(&b, "character special file 1:5\nfifo 620 0:0\nfifo 666 0:0\n");

	/* RELIABILITY B3: what is called zero must be it */
	box_begin(&b, "exit 0");
	d = spec_add_device(&b.spec, "/dev/zero");
	*d = (struct spec_device){ d->path, 'c', 1, 77, ID_NONE, ID_NONE, ID_NONE };
	refused(&b, ENXIO, "open device '/dev/zero'");
	box_begin(&b, "exit 0");
	d = spec_add_device(&b.spec, "/dev/nothing");
	*d = (struct spec_device){ d->path, 'b', 99, 99, ID_NONE, ID_NONE, ID_NONE };
	refused(&b, ENOENT, "open device '/dev/nothing'");
}

/* A /dev of the image is used; one from elsewhere is left alone. */
static void own_dev(void **state)
{
	struct spec_device *d;
	char path[128];
	struct box b;

	(void)state;
	box_begin(&b, "busybox stat -c '%n %t:%T' /dev/null /dev/zero; ls -ld /dev/fd | cut -c1");
	for (size_t i = 0; i < b.spec.mount_count; i++)
		if (str_starts(b.spec.mounts[i].destination, "/dev"))
			b.spec.mounts[i].destination[1] = 'D';
	expect(&b, "/dev/null 1:3\n/dev/zero 1:5\nl\n");

	snprintf(path, sizeof(path), "%s/dev", source);
	assert_int_equal(mkdir(path, 0755), 0);
	box_begin(&b, "ls /mnt/dev /dev");
	for (size_t i = 0; i < b.spec.mount_count; i++)
		if (str_starts(b.spec.mounts[i].destination, "/dev"))
			b.spec.mounts[i].destination[1] = 'D';
	d = spec_add_device(&b.spec, "/dev/zero");
	*d = (struct spec_device){ d->path, 'c', 1, 5, ID_NONE, ID_NONE, ID_NONE };
	add_mount(&b, "/dev", "bind", path, "bind");
	add_mount(&b, "/mnt", "bind", source, "bind");
	expect(&b, "/dev:\n\n/mnt/dev:\n");
	assert_int_equal(rmdir(path), 0);
}

/* field: linux.maskedPaths
 * field: linux.readonlyPaths */
static void restricted_paths(void **state)
{
	struct err e = ERR_INIT;
	struct box b;

	(void)state;
	box_begin(&b, "ls -A /mnt/sub; cat /mnt/file; cat /mnt/missing 2>&1 | cut -d: -f3; "
		  "for p in /mnt/sub/x /tmp/x /tmp/deep/x; do (echo >$p) 2>/dev/null || echo no $p; done");
	add_mount(&b, "/mnt", "bind", source, "rbind");
	add_mount(&b, "/tmp/deep", "tmpfs", "tmpfs", "");
	strv_add(&b.spec.masked_paths, "/mnt/sub");
	strv_add(&b.spec.masked_paths, "/mnt/file");
	strv_add(&b.spec.masked_paths, "/mnt/missing");
	strv_add(&b.spec.readonly_paths, "/tmp");
	strv_add(&b.spec.readonly_paths, "/missing/too");
	if (box_run(&b, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(b.out.data, " No such file or directory\nno /mnt/sub/x\nno /tmp/x\n"
			    "no /tmp/deep/x\n");
	box_end(&b);
}

/* The same without the calls that kernels before 5.12 do not have; the filter
 * stays, so this is the last test. */
static void old_kernel(void **state)
{
	static const int calls[] = {
		SYS_openat2, SYS_open_tree, SYS_fsopen, SYS_move_mount, SYS_mount_setattr,
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		deny_call(calls[i], ENOSYS);
	recursion(state);
	attributes(state);
	lifted(state);
	propagation(state);
	root_propagation(state);
	destinations(state);
	copy_up(state);
	links(state);
	remounts(state);
	types(state);
	devices(state);
	own_dev(state);
	restricted_paths(state);
}

static int write_map(const char *path, const char *text)
{
	struct err e = ERR_INIT;

	return fs_write_small(AT_FDCWD, path, text, &e);
}

static int enter(void)
{
	char uids[32], gids[32];

	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    write_map("/proc/self/setgroups", "deny") < 0 ||
	    write_map("/proc/self/uid_map", uids) < 0 ||
	    write_map("/proc/self/gid_map", gids) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int make_mounts(void **state)
{
	struct err e = ERR_INIT;
	AUTO_FD int fd = -1;
	char path[128];

	if (make_root(state) != 0)
		return -1;
	map = (struct idmap){ .uids = { .len = 0 } };
	if (id_map_single(&map.uids, 0, 0, &e) < 0 || id_map_single(&map.gids, 0, 0, &e) < 0)
		return -1;
	snprintf(source, sizeof(source), "%s.source", root);
	snprintf(locked, sizeof(locked), "%s.locked", root);
	if (mkdir(source, 0755) < 0 || mkdir(locked, 0755) < 0 ||
	    mount("tmpfs", source, "tmpfs", 0, "mode=755") < 0 ||
	    mount("tmpfs", locked, "tmpfs", 0, "mode=755") < 0 ||
	    mount(NULL, locked, NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/sub", source);
	if (mkdir(path, 0755) < 0 || mount("tmpfs", path, "tmpfs", 0, "mode=755") < 0)
		return -1;
	fd = fs_open_dir(AT_FDCWD, source, &e);
	return fs_replace(fd, "file", "inside\n", 7, 0644, FS_NOSYNC, &e);
}

static int drop_mounts(void **state)
{
	(void)umount2(source, MNT_DETACH);
	(void)umount2(locked, MNT_DETACH);
	(void)rmdir(source);
	(void)rmdir(locked);
	return drop_root(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recursion),
		cmocka_unit_test(without_effect),
		cmocka_unit_test(attributes),
		cmocka_unit_test(of_the_file_system),
		cmocka_unit_test(lifted),
		cmocka_unit_test(propagation),
		cmocka_unit_test(root_propagation),
		cmocka_unit_test(destinations),
		cmocka_unit_test(refusals),
		cmocka_unit_test(copy_up),
		cmocka_unit_test(links),
		cmocka_unit_test(remounts),
		cmocka_unit_test(types),
		cmocka_unit_test(host_cgroups),
		cmocka_unit_test(devices),
		cmocka_unit_test(own_dev),
		cmocka_unit_test(restricted_paths),
		cmocka_unit_test(old_kernel),
	};

	rt_inner(argc, argv);
	if (!can_run() || enter() < 0) {
		printf("1..0 # SKIP no user namespace, or no " BUSYBOX "\n");
		return 0;
	}
	return cmocka_run_group_tests_name("runtime_mount", tests, make_mounts, drop_mounts);
}
