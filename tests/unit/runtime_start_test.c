/* Real containers of a busybox, through the real code. */
#include "tests/unit/test.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "lib/base/mem.h"
#include "lib/runtime/step.h"
#include "tests/unit/runtime_run.h"

static void exit_status(void **state)
{
	struct err e = ERR_INIT;
	struct box b;

	(void)state;
	box_begin(&b, "exit 7");
	assert_int_equal(box_run(&b, &e), 0);
	assert_int_equal(b.status, 7);
	box_end(&b);
}

static void is_apart(void **state)
{
	(void)state;
	says("hostname; echo $$; echo /proc/[0-9]*", "box\n1\n/proc/1\n");
	says("cat /proc/net/dev | grep -c :; cat /sys/class/net/lo/operstate", "1\nunknown\n");
}

/* RELIABILITY A2: 3 is what ls itself has open. */
static void descriptors(void **state)
{
	AUTO_FD int leak = open("/etc", O_RDONLY);

	(void)state;
	says("ls /proc/self/fd", "0\n1\n2\n3\n");
}

static void created_descriptors(void **state)
{
	struct err e = ERR_INIT;
	AUTO_FD int leak = open("/etc", O_RDONLY);
	AUTO_FD int dir = -1;
	char path[64];
	struct box b;

	(void)state;
	box_begin(&b, "exit 0");
	assert_int_equal(box_compile(&b, &e), 0);
	b.args.plan_fd = fd_sealed("plan", b.plan.data, b.plan.len, &e);
	b.args.plan = b.plan.data;
	assert_int_equal(rt_start(&b.c, &b.args, &e), 0);
	snprintf(path, sizeof(path), "/proc/%d/fd", b.c.pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int fd = 0; fd < 300 && dir >= 0; fd++) {
		char name[16], text[256] = "";

		snprintf(name, sizeof(name), "%d", fd);
		if (readlinkat(dir, name, text, sizeof(text) - 1) > 0)
			assert_string_not_equal(text, "/etc");
	}
	assert_int_equal(rt_go(&b.c, &b.args, &e), 0);
	box_wait(&b);
	box_end(&b);
}

/* RELIABILITY A2 (d): a working directory that leads out. */
static void working_directory(void **state)
{
	static const char *const bad[] = {
		"/proc/self/fd/3", "/proc/self/fd/5", "/proc/1/cwd", "/link",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;
		struct box b;

		box_begin(&b, "pwd");
		free(b.spec.process.cwd);
		b.spec.process.cwd = mem_str(bad[i]);
		if (box_run(&b, &e) == 0)
			fail_msg("'%s' was entered", bad[i]);
		box_end(&b);
	}
}

/* RELIABILITY A4: what the caller is does not show inside. */
static void inherited_state(void **state)
{
	mode_t mask = umask(0777);
	sigset_t all, before;
	struct box b;

	(void)state;
	sigfillset(&all);
	setenv("SECRET", "x", 1);
	sigprocmask(SIG_BLOCK, &all, &before);
	(void)signal(SIGPIPE, SIG_IGN);
	says("umask; echo \"<$SECRET>\"", "0022\n<>\n");
	/* without a shell, which has ideas of its own about signals */
	box_begin(&b, NULL);
	strv_add(&b.spec.process.args, "grep");
	strv_add(&b.spec.process.args, "-E");
	strv_add(&b.spec.process.args, "^Sig(Blk|Ign)");
	strv_add(&b.spec.process.args, "/proc/self/status");
	expect(&b, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	(void)signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	unsetenv("SECRET");
	(void)umask(mask);
}

/* field: process.capabilities
 * field: process.noNewPrivileges
 * RELIABILITY F1, F5 */
static void capabilities(void **state)
{
	struct box b;

	(void)state;
	says("grep ^Cap /proc/self/status",
	     "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\n"
	     "CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\n"
	     "CapAmb:\t0000000000000000\n");
	box_begin(&b, "grep ^Cap /proc/self/status; grep ^NoNew /proc/self/status");
	b.spec.process.caps.effective = 0;
	b.spec.process.caps.permitted = 0;
	b.spec.process.no_new_privs = false;
	if (has_range)
		b.spec.process.user.uid = b.spec.process.user.gid = 1000;
	b.spec.process.caps.bounding = 0;
	expect(&b, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
	       "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
	       "CapAmb:\t0000000000000000\nNoNewPrivs:\t0\n");
}

/* field: process.user.additionalGids
 * RELIABILITY F2 */
static void groups(void **state)
{
	static uint32_t more[] = { 7, 8 };
	struct box b;

	(void)state;
	if (!has_range)
		skip();
	box_begin(&b, "id -u; id -g; grep ^Groups /proc/self/status");
	b.spec.process.user.uid = 1000;
	b.spec.process.user.gid = 5;
	b.spec.process.user.groups = mem_zero(2, sizeof(more[0]));
	memcpy(b.spec.process.user.groups, more, sizeof(more));
	b.spec.process.user.group_count = 2;
	expect(&b, "1000\n5\nGroups:\t5 7 8 \n");
}

static void seccomp_is_loaded(void **state)
{
	static const struct sock_filter allow[] = {
		BPF_STMT(BPF_RET | BPF_K, 0x7fff0000u),
	};
	struct box b;

	(void)state;
	for (int nnp = 0; nnp < 2; nnp++) {
		box_begin(&b, "grep -E '^Seccomp:|^NoNew' /proc/self/status");
		b.opt.seccomp = allow;
		b.opt.seccomp_len = sizeof(allow);
		b.spec.process.no_new_privs = nnp;
		expect(&b, nnp ? "NoNewPrivs:\t1\nSeccomp:\t2\n" :
		       "NoNewPrivs:\t0\nSeccomp:\t2\n");
	}
}

/* RELIABILITY F3: a step that does less than it says is noticed. */
static void verification(void **state)
{
	struct err e = ERR_INIT;
	const struct plan_step *steps;
	struct box b;

	(void)state;
	box_begin(&b, "exit 0");
	assert_int_equal(box_compile(&b, &e), 0);
	steps = plan_steps((struct plan_head *)b.plan.data);
	for (uint32_t i = 0; steps[i].op != OP_EXEC; i++)
		if (steps[i].op == OP_CAPS) {
			struct spec_caps *c = (struct spec_caps *)(b.plan.data + steps[i].data);

			c->permitted |= CAP_BIT(12);
			c->effective |= CAP_BIT(12);
		} else if (steps[i].op == OP_BOUND) {
			((struct plan_step *)steps)[i].a |= CAP_BIT(12);
		}
	assert_int_equal(box_start(&b, -1, &e), -EPERM);
	assert_non_null(strstr(e.text, "verify"));
	box_end(&b);
}

/* A sandbox that hides clone3 and gives no new privileges. */
static int start_in_sandbox(void)
{
	static struct sock_filter hide[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(hide), .filter = hide };
	struct idmap single = { .uids = { .len = 0 } };
	struct err e = ERR_INIT;
	struct box b;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 ||
	    id_map_single(&single.uids, geteuid(), 0, &e) < 0 ||
	    id_map_single(&single.gids, getegid(), 0, &e) < 0)
		return 1;
	box_begin(&b, "exit 7");
	b.opt.idmap = &single;
	return box_run(&b, &e) == 0 ? b.status : 2;
}

static void without_clone3(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(start_in_sandbox());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
}

/* RELIABILITY F3: no step can be left out in silence. */
static void skipped_steps(void **state)
{
	static const struct {
		enum plan_op op;
		const char *at;
		const char *words;
	} rows[] = {
		{ OP_MASK, "/proc/interrupts", "verify that '/proc/interrupts' is masked" },
		{ OP_MASK, "/sys/firmware", "verify that '/sys/firmware' is masked" },
		{ OP_READ_ONLY, "/proc/sys", "verify that '/proc/sys' is read-only" },
		{ OP_PIVOT, NULL, "verify the root file system" },
		{ OP_ROOT_ATTR, NULL, "verify the root file system" },
		{ OP_CREDS, NULL, "verify the user" },
		{ OP_CAPS, NULL, "verify that restrictions hold" },
		{ OP_NO_NEW_PRIVS, NULL, "load the seccomp filter" },
		{ OP_SECCOMP, NULL, "verify that restrictions hold" },
	};
	static const struct sock_filter allow[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		struct plan_step *s;
		struct box b;

		if (rows[i].op == OP_CREDS && !has_range)
			continue;
		box_begin(&b, "exit 0");
		b.spec.root_readonly = true;
		b.spec.process.caps.effective &= ~CAP_BIT(12);
		b.spec.process.caps.permitted &= ~CAP_BIT(12);
		b.spec.process.user.uid = has_range ? 1000 : 0;
		b.opt.seccomp = allow;
		b.opt.seccomp_len = sizeof(allow);
		assert_int_equal(box_compile(&b, &e), 0);
		s = (struct plan_step *)plan_steps((struct plan_head *)b.plan.data);
		while (s->op != rows[i].op ||
		       (rows[i].at && !str_eq(plan_text(b.plan.data, s->s1), rows[i].at)))
			s++;
		s->op = OP_SESSION;
		if (box_start(&b, -1, &e) == 0)
			fail_msg("%s was left out unseen", plan_ops[rows[i].op].name);
		if (!strstr(e.text, rows[i].words))
			fail_msg("%s left out: '%s'", plan_ops[rows[i].op].name, e.text);
		box_end(&b);
	}
}

/* field: linux.maskedPaths
 * field: linux.readonlyPaths
 * RELIABILITY B3, G1 */
static void masks(void **state)
{
	(void)state;
	says("cat /proc/interrupts; ls /sys/firmware; echo x >/proc/sys/kernel/domainname || echo no",
	     "sh: can't create /proc/sys/kernel/domainname: Read-only file system\nno\n");
}

/* RELIABILITY B2, B4: links of the image instead of its directories. */
static void hostile_image(void **state)
{
	static const char *const names[] = { "proc", "sys", "dev" };
	char victim[80], link[80];
	struct stat st;

	(void)state;
	snprintf(victim, sizeof(victim), "%s.victim", root);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct err e = ERR_INIT;
		struct box b;
		int r;

		assert_int_equal(mkdir(victim, 0755), 0);
		snprintf(link, sizeof(link), "%s/%s", root, names[i]);
		assert_int_equal(rmdir(link), 0);
		assert_int_equal(symlink(victim, link), 0);
		box_begin(&b, "exit 0");
		r = box_run(&b, &e);
		/* A link out of /dev resolves inside; the others are refused. */
		if (i < 2)
			assert_true(r < 0);
		box_end(&b);
		assert_int_equal(stat(victim, &st), 0);
		assert_int_equal(rmdir(victim), 0);
		assert_int_equal(unlink(link), 0);
		assert_int_equal(mkdir(link, 0755), 0);
	}
}

/* A volume over /proc and below is no way to change what the kernel tells. */
static void over_proc(void **state)
{
	static const char *const targets[] = { "/proc/self/attr", "/proc/sys", "/plink/sys" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct err e = ERR_INIT;
		struct box b;

		box_begin(&b, "exit 0");
		spec_add_mount(&b.spec, targets[i], "bind", "/tmp");
		if (box_run(&b, &e) == 0)
			fail_msg("mounted over '%s'", targets[i]);
		box_end(&b);
	}
}

/* field: mounts.destination
 * field: mounts.source */
static void binds(void **state)
{
	char source[80];
	struct box b;
	struct err e = ERR_INIT;

	(void)state;
	snprintf(source, sizeof(source), "%s.file", root);
	fd_auto(&(int){ open(source, O_CREAT | O_WRONLY | O_CLOEXEC, 0644) });
	/* /etc/resolv.conf is a link to nowhere: the file is made there */
	box_begin(&b, "readlink /etc/resolv.conf; echo hi >/run/x/resolv.conf || echo no");
	b.opt.files = &(struct plan_file){ source, "/etc/resolv.conf", true };
	b.opt.file_count = 1;
	expect(&b, "/run/x/resolv.conf\n"
	       "sh: can't create /run/x/resolv.conf: Read-only file system\nno\n");
	assert_int_equal(unlink(source), 0);

	box_begin(&b, "exit 0");
	spec_add_mount(&b.spec, "/mnt", "bind", "/nonexistent/dir");
	assert_int_equal(box_run(&b, &e), -ENOENT);
	assert_non_null(strstr(e.text, "open '/nonexistent/dir'"));
	box_end(&b);
}

/* field: root.readonly */
static void read_only_root(void **state)
{
	struct box b;

	(void)state;
	box_begin(&b, "(echo x >/tmp/f) 2>/dev/null || echo no; echo y >/dev/shm/f && cat /dev/shm/f");
	b.spec.root_readonly = true;
	expect(&b, "no\ny\n");
}

/* field: hooks.startContainer
 * field: hooks.createContainer
 * field: hooks.*.path
 * field: hooks.*.args
 * field: hooks.*.env
 * In the container's namespaces, before and after the root was changed. */
static void hooks(void **state)
{
	struct err e = ERR_INIT;
	char pid[32];
	struct box b;

	(void)state;
	box_begin(&b, "cat /tmp/seen");
	b.opt.state = "\"id\":\"x\",";
	b.opt.state_rest = ",\"end\":1}";
	struct spec_hook *h = spec_add_hook(&b.spec, SPEC_HOOK_START_CONTAINER, "/bin/sh");

	strv_add(&h->args, "sh");
	strv_add(&h->args, "-c");
	strv_add(&h->args, "cat >/tmp/seen");
	strv_add(&h->env, "PATH=/bin");
	if (box_run(&b, &e) < 0)
		fail_msg("%s", e.text);
	assert_non_null(strstr(b.out.data, "{\"id\":\"x\",\"status\":\"created\",\"pid\":"));
	assert_non_null(strstr(b.out.data, ",\"end\":1}"));
	snprintf(pid, sizeof(pid), "pid\":%d,", b.first_pid);
	assert_non_null(strstr(b.out.data, pid));
	box_end(&b);

	box_begin(&b, "exit 0");
	h = spec_add_hook(&b.spec, SPEC_HOOK_CREATE_CONTAINER, "/bin/false");
	strv_add(&h->args, "false");
	assert_int_equal(box_run(&b, &e), -ECANCELED);
	assert_non_null(strstr(e.text, "hook '/bin/false'"));
	box_end(&b);
}

static void not_found(void **state)
{
	static const struct {
		const char *path;
		int status;
	} rows[] = { { "nothing", 127 }, { "/nothing", 127 }, { "/etc", 126 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		struct box b;

		box_begin(&b, NULL);
		strv_add(&b.spec.process.args, rows[i].path);
		assert_true(box_run(&b, &e) < 0);
		assert_int_equal(rt_exit_status(&e), rows[i].status);
		box_end(&b);
	}
}

/* An orphan that is not reaped stays in /proc. */
static void init_reaps(void **state)
{
	struct err e = ERR_INIT;
	struct box b;

	(void)state;
	box_begin(&b, "echo $$; (sleep 0 &); i=0;"
		  "while set -- /proc/[0-9]*; [ $# -gt 2 ] && [ $((i += 1)) -lt 1000 ]; do sleep 0.05; done;"
		  "echo $#; exit 9");
	b.opt.init = true;
	assert_int_equal(box_run(&b, &e), 0);
	assert_int_equal(b.status, 9);
	assert_string_equal(b.out.data, "2\n2\n");
	box_end(&b);
}

/* RELIABILITY A1: pid 1 is our own file, which is ours to write outside. */
static void own_program(void **state)
{
	(void)state;
	for (int own = 0; own < 2; own++) {
		struct stat before, after;
		struct err e = ERR_INIT;
		struct box b;

		assert_int_equal(stat(own_copy, &before), 0);
		box_begin(&b, "(echo x >/proc/1/exe) 2>/dev/null && echo written; exit 0");
		b.opt.init = true;
		b.args.exe = own ? own_copy : NULL;
		assert_int_equal(box_run(&b, &e), 0);
		assert_string_equal(b.out.data, "");
		assert_int_equal(stat(own_copy, &after), 0);
		assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
		if (own)
			assert_true(b.c.exe_fd >= 0 &&
				    openat(b.c.exe_fd, "", O_WRONLY) < 0);
		box_end(&b);
	}
}

/* field: process.terminal
 * field: process.consoleSize */
static void terminal(void **state)
{
	struct err e = ERR_INIT;
	struct box b;

	(void)state;
	box_begin(&b, "tty; stty size; ls -l /dev/console | cut -c1; echo x >/dev/tty");
	b.spec.process.terminal = true;
	b.spec.process.rows = 30;
	b.spec.process.cols = 90;
	assert_int_equal(box_compile(&b, &e), 0);
	if (box_start(&b, -1, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(b.c.console_fd >= 0);
	read_all(b.c.console_fd, &b.out);
	box_wait(&b);
	assert_string_equal(b.out.data, "/dev/pts/0\r\n30 90\r\nc\r\nx\r\n");
	box_end(&b);
}

static void exec_joins(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(MIB(1));
	const struct plan_exec_options none = { .idmap = NULL };
	struct err e = ERR_INIT;
	struct box b;
	int r;

	(void)state;
	box_begin(&b, "sleep 5");
	assert_int_equal(box_compile(&b, &e), 0);
	assert_int_equal(box_start(&b, -1, &e), 0);
	strv_set(&b.spec.process.args, 2,
		 "hostname; ls /proc/self/fd; grep -E '^Cap(Prm|Inh|Amb)' /proc/self/status; exit 5");
	r = box_exec(&b, &none, &out, &e);
	if (r < 0)
		fail_msg("%s", e.text);
	assert_int_equal(r, 5);
	assert_string_equal(out.data, "box\n0\n1\n2\n3\nCapInh:\t0000000000000000\n"
			    "CapPrm:\t00000000a80425fb\nCapAmb:\t0000000000000000\n");
	box_end(&b);
}

/* --network container:ID shares the user and the network namespace. */
static void shares_network(void **state)
{
	struct err e = ERR_INIT;
	char path[64], there[64] = "", want[160], user[64] = "";
	struct box a, b;

	(void)state;
	box_begin(&a, "sleep 100");
	assert_int_equal(box_compile(&a, &e), 0);
	assert_int_equal(box_start(&a, -1, &e), 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", a.c.pid);
	assert_true(readlink(path, there, sizeof(there) - 1) > 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", a.c.pid);
	assert_true(readlink(path, user, sizeof(user) - 1) > 0);
	snprintf(want, sizeof(want), "%s\n%s\n0\nbox\n", there, user);

	box_begin(&b, "readlink /proc/self/ns/net; readlink /proc/self/ns/user; id -u; hostname");
	b.opt.net.kind = PLAN_NET_JOIN;
	assert_int_equal(proc_id_of(&b.opt.net.join, a.c.pid, &e), 0);
	expect(&b, want);

	/* A process that is not the one meant is not joined. */
	box_begin(&b, "exit 0");
	b.opt.net.kind = PLAN_NET_JOIN;
	assert_int_equal(proc_id_of(&b.opt.net.join, a.c.pid, &e), 0);
	b.opt.net.join.start++;
	assert_int_equal(box_run(&b, &e), -ESRCH);
	box_end(&b);
	box_end(&a);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_status),
		cmocka_unit_test(is_apart),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(created_descriptors),
		cmocka_unit_test(working_directory),
		cmocka_unit_test(inherited_state),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(groups),
		cmocka_unit_test(seccomp_is_loaded),
		cmocka_unit_test(verification),
		cmocka_unit_test(without_clone3),
		cmocka_unit_test(skipped_steps),
		cmocka_unit_test(masks),
		cmocka_unit_test(hostile_image),
		cmocka_unit_test(over_proc),
		cmocka_unit_test(binds),
		cmocka_unit_test(read_only_root),
		cmocka_unit_test(hooks),
		cmocka_unit_test(not_found),
		cmocka_unit_test(init_reaps),
		cmocka_unit_test(own_program),
		cmocka_unit_test(terminal),
		cmocka_unit_test(exec_joins),
		cmocka_unit_test(shares_network),
	};

	return box_main("runtime_start", tests, argc, argv);
}
