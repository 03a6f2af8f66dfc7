/* What config.json says of the world around the process, seen from inside. */
#include "tests/unit/runtime_run.h"

#include <sys/socket.h>

#include "lib/os/netlink.h"

static const char *const ns_files[SPEC_NS_COUNT] = {
	[SPEC_NS_USER] = "user",   [SPEC_NS_MOUNT] = "mnt",	[SPEC_NS_PID] = "pid",
	[SPEC_NS_NETWORK] = "net", [SPEC_NS_IPC] = "ipc",	[SPEC_NS_UTS] = "uts",
	[SPEC_NS_CGROUP] = "cgroup", [SPEC_NS_TIME] = "time",
};

static const char show_all[] =
	"for n in user mnt pid net ipc uts cgroup time; do readlink /proc/self/ns/$n; done";

/* Line by line, those of a process. */
static void links_of(pid_t pid, struct buf *out)
{
	for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
		char path[64], link[64] = "";

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, ns_files[i]);
		(void)!readlink(path, link, sizeof(link) - 1);
		(void)buf_addf(out, "%s\n", link);
	}
}

static bool same_line(const char *a, const char *b, size_t line)
{
	for (; line; line--) {
		a += strcspn(a, "\n") + 1;
		b += strcspn(b, "\n") + 1;
	}
	return strcspn(a, "\n") == strcspn(b, "\n") && !strncmp(a, b, strcspn(a, "\n"));
}

/* field: linux.namespaces.user
 * field: linux.namespaces.mount
 * field: linux.namespaces.pid
 * field: linux.namespaces.network
 * field: linux.namespaces.ipc
 * field: linux.namespaces.uts
 * field: linux.namespaces.cgroup
 * field: linux.namespaces.time */
static void new_namespaces(void **state)
{
	AUTO(buf) struct buf ours = BUF_INIT(KIB(4));

	(void)state;
	links_of(getpid(), &ours);
	/* all of them, then all but one */
	for (int without = -1; without < SPEC_NS_COUNT; without++) {
		struct err e = ERR_INIT;
		struct box b;

		/* the first two are always there for an ordinary user */
		if (without == SPEC_NS_USER || without == SPEC_NS_MOUNT)
			continue;
		box_begin(&b, show_all);
		for (int i = 0; i < SPEC_NS_COUNT; i++)
			b.spec.ns[i].set = i != without;
		if (without == SPEC_NS_UTS)
			free(take(b.spec.hostname));
		if (without == SPEC_NS_NETWORK)
			b.opt.net.kind = PLAN_NET_HOST;
		if (box_run(&b, &e) < 0)
			fail_msg("without %d: %s", without, e.text);
		for (int i = 0; i < SPEC_NS_COUNT; i++)
			if (same_line(ours.data, b.out.data, (size_t)i) != (i == without))
				fail_msg("without %d: %s\n%s", without, ns_files[i], b.out.data);
		box_end(&b);
	}
}

/* field: linux.namespaces.path */
static void joined_namespaces(void **state)
{
	struct err e = ERR_INIT;
	struct box a;

	(void)state;
	box_begin(&a, "sleep 20");
	a.spec.ns[SPEC_NS_TIME].set = true;
	assert_int_equal(box_compile(&a, &e), 0);
	assert_int_equal(box_start(&a, -1, &e), 0);
	for (int one = SPEC_NS_PID; one < SPEC_NS_COUNT; one++) {
		AUTO(buf) struct buf theirs = BUF_INIT(KIB(4));
		struct box b;

		links_of(a.c.pid, &theirs);
		box_begin(&b, show_all);
		b.spec.ns[SPEC_NS_TIME].set = true;
		b.spec.ns[SPEC_NS_USER].path = mem_printf("/proc/%d/ns/user", a.c.pid);
		b.spec.ns[one].path = mem_printf("/proc/%d/ns/%s", a.c.pid, ns_files[one]);
		free(take(b.spec.hostname));
		if (box_run(&b, &e) < 0)
			fail_msg("%s: %s", ns_files[one], e.text);
		for (int i = 0; i < SPEC_NS_COUNT; i++)
			if (same_line(theirs.data, b.out.data, (size_t)i) !=
			    (i == one || i == SPEC_NS_USER))
				fail_msg("%s: %s\n%s", ns_files[one], ns_files[i], b.out.data);
		box_end(&b);
	}
	box_end(&a);
}

/* A path of another type, or of nothing. */
static void wrong_paths(void **state)
{
	static const struct {
		const char *path;
		int code;
	} rows[] = {
		{ "/proc/self/ns/uts", -EINVAL }, { "/proc/self/status", -EINVAL },
		{ "/nonexistent", -ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		struct box b;

		box_begin(&b, "exit 0");
		b.spec.ns[SPEC_NS_IPC].path = mem_str(rows[i].path);
		assert_int_equal(box_run(&b, &e), rows[i].code);
		assert_non_null(strstr(e.text, "join the container's namespaces"));
		box_end(&b);
	}
}

/* field: linux.uidMappings
 * field: linux.gidMappings */
static void id_maps(void **state)
{
	AUTO(buf) struct buf want = BUF_INIT(KIB(4));
	struct err e = ERR_INIT;
	struct box b;

	(void)state;
	for (size_t i = 0; i < map.uids.len; i++)
		(void)buf_addf(&want, "%u %u\n", map.uids.at[i].inside, map.uids.at[i].count);
	for (size_t i = 0; i < map.gids.len; i++)
		(void)buf_addf(&want, "%u %u\n", map.gids.at[i].inside, map.gids.at[i].count);
	/* what is outside shows as it is from inside: where it leads to */
	box_begin(&b, "cat /proc/self/uid_map /proc/self/gid_map | "
		  "while read in out count; do echo $in $count; done");
	if (box_run(&b, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(b.out.data, want.data);
	box_end(&b);
}

/* field: process.user.uid
 * field: process.user.gid */
static void user(void **state)
{
	struct box b;

	(void)state;
	if (!has_range)
		skip();
	box_begin(&b, "id -u; id -g");
	b.spec.process.user.uid = 33;
	b.spec.process.user.gid = 44;
	expect(&b, "33\n44\n");
}

/* field: hostname
 * field: domainname */
static void names(void **state)
{
	struct box b;

	(void)state;
	box_begin(&b, "hostname; cat /proc/sys/kernel/domainname");
	free(b.spec.hostname);
	b.spec.hostname = mem_str("a.b");
	b.spec.domainname = mem_str("c.d");
	expect(&b, "a.b\nc.d\n");
}

/* field: process.args
 * field: process.env
 * field: process.cwd */
static void command(void **state)
{
	static const char *const args[] = { "sh", "-c", "echo \"$0/$1/$A/$PWD\"", "x y", "" };
	struct box b;

	(void)state;
	box_begin(&b, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		strv_add(&b.spec.process.args, args[i]);
	strv_add(&b.spec.process.env, "A= b\n=c");
	free(b.spec.process.cwd);
	b.spec.process.cwd = mem_str("/dev/shm");
	expect(&b, "x y// b\n=c//dev/shm\n");
}

/* field: linux.sysctl
 * refused: linux.sysctl (sysctl 'vm.swappiness=1': belongs to the host, not to a namespace) */
static void sysctls(void **state)
{
	struct err e = ERR_INIT;
	struct box b;

	(void)state;
	box_begin(&b, "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start");
	strv_add(&b.spec.sysctl, "kernel.msgmax=4242");
	strv_add(&b.spec.sysctl, "net.ipv4.ip_unprivileged_port_start=77");
	expect(&b, "4242\n77\n");
	box_begin(&b, "exit 0");
	strv_add(&b.spec.sysctl, "vm.swappiness=1");
	assert_int_equal(box_run(&b, &e), -EINVAL);
	assert_string_equal(e.text,
			    "sysctl 'vm.swappiness=1': belongs to the host, not to a namespace");
	box_end(&b);
}

/* field: linux.rootfsPropagation */
static void propagation(void **state)
{
	/* the optional fields of the root's line */
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "private", "-\n" },	  { "rprivate", "-\n" },
		{ "shared", "shared\n" }, { "unbindable", "unbindable\n" },
		{ "slave", "-\n" },	  { NULL, "-\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct box b;

		/* the host's own may be private: then a slave has no master */
		box_begin(&b, "while read a b c d at f opt rest; do "
			  "[ $at != / ] || echo ${opt%%:*}; done </proc/self/mountinfo | "
			  "while read o; do [ $o = master ] && echo - || echo $o; done");
		b.spec.rootfs_propagation = mem_str(rows[i].text);
		expect(&b, rows[i].want);
	}
}

/* With two devices that are root's own. */
static int move_devices(void)
{
	static const uint8_t v4[4] = { 10, 9, 8, 7 }, v6[16] = { 0xfd, [15] = 5 };
	struct err e = ERR_INIT;
	const char *missing = NULL;
	struct box b;
	int nl;

	if (!box_become_root(CLONE_NEWNET) || (nl = netlink_open()) < 0 ||
	    netlink_add_veth(nl, "one", "two") < 0 ||
	    netlink_add_addr(nl, netlink_index(nl, "one"), AF_INET, v4, 24) < 0 ||
	    netlink_add_addr(nl, netlink_index(nl, "one"), AF_INET6, v6, 64) < 0)
		return 1;
	box_begin_as_root(&b, "ip -o addr show; ip -o link show");
	spec_add_net_device(&b.spec, "one", "eth7");
	spec_add_net_device(&b.spec, "two", NULL);
	if (box_run(&b, &e) < 0) {
		print_message("%s\n", e.text);
		return 2;
	}
	const char *const want[] = {
		"eth7    inet 10.9.8.7/24 ", "eth7    inet6 fd00::5/64 ",
		": eth7@two: <BROADCAST,MULTICAST,UP,LOWER_UP", ": two@eth7: <BROADCAST,MULTICAST,UP",
	};
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		if (!strstr(b.out.data, want[i]))
			missing = want[i];
	if (missing)
		print_message("no '%s' in: %s\n", missing, b.out.data);
	box_end(&b);
	/* they are gone, which a second one can tell */
	box_begin_as_root(&b, "exit 0");
	spec_add_net_device(&b.spec, "one", NULL);
	if (box_run(&b, &e) != -ENODEV ||
	    !str_eq(e.text, "move network device 'one': No such device"))
		print_message("%s\n", missing = e.text);
	return missing ? 3 : 0;
}

/* field: linux.netDevices
 * refused: linux.netDevices (move network device 'lo': Operation not permitted) */
static void net_devices(void **state)
{
	struct err e = ERR_INIT;
	int status = 0;
	struct box b;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(move_devices());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	if (geteuid() == 0)
		return;
	/* the host's belong to the host's root */
	box_begin(&b, "exit 0");
	spec_add_net_device(&b.spec, "lo", NULL);
	assert_int_equal(box_run(&b, &e), -EPERM);
	assert_string_equal(e.text, "move network device 'lo': Operation not permitted");
	box_end(&b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_namespaces),
		cmocka_unit_test(joined_namespaces),
		cmocka_unit_test(wrong_paths),
		cmocka_unit_test(id_maps),
		cmocka_unit_test(user),
		cmocka_unit_test(names),
		cmocka_unit_test(command),
		cmocka_unit_test(sysctls),
		cmocka_unit_test(propagation),
		cmocka_unit_test(net_devices),
	};

	return box_main("runtime_world", tests, argc, argv);
}
