/* linux.seccomp: profiles compiled, loaded, and felt. */
#include "tests/unit/runtime_run.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/fmt/secprof.h"
#include "lib/os/seccomp.h"

struct filter {
	struct secprof profile;
	struct buf bpf;
};

static void filter_clear(struct filter *f)
{
	secprof_clear(&f->profile);
	buf_clear(&f->bpf);
}

static void filter_auto(struct filter *f)
{
	filter_clear(f);
}

static int filter_make(struct filter *f, const char *json, struct err *e)
{
	int r = secprof_parse(&f->profile, json, strlen(json), e);

	return r < 0 ? r : seccomp_compile(&f->bpf, &f->profile, CAP_ALL, e);
}

#define FILTER_INIT { .profile = SECPROF_INIT, .bpf = BUF_INIT(MIB(1)) }
#define MAKES_DIRS "mkdir /tmp/d && rmdir /tmp/d && echo made"

static void use_filter(struct box *b, const struct filter *f)
{
	b->opt.seccomp = f->bpf.data;
	b->opt.seccomp_len = f->bpf.len;
	b->opt.profile = &f->profile;
}

/* What a program sees of a rule on mkdir. */
static void try_rule(const char *members, const char *rule, const char *script,
		     const char *output, int status)
{
	AUTO(filter) struct filter f = FILTER_INIT;
	AUTO_FREE char *json = mem_printf("{\"defaultAction\":\"SCMP_ACT_ALLOW\",%s\"syscalls\":"
					  "[{\"names\":[\"mkdir\",\"mkdirat\"],%s}]}",
					  members, rule);
	struct err e = ERR_INIT;

	if (filter_make(&f, json, &e) < 0)
		fail_msg("%s: %s", json, e.text);
	for (int nnp = 0; nnp < 2; nnp++) {
		struct box b;

		box_begin(&b, script);
		use_filter(&b, &f);
		b.spec.process.no_new_privs = nnp;
		if (box_run(&b, &e) < 0)
			fail_msg("%s: %s", rule, e.text);
		assert_string_equal(b.out.data, output);
		assert_int_equal(b.status, status);
		box_end(&b);
	}
}

/* field: linux.seccomp.syscalls.names
 * field: linux.seccomp.syscalls.action
 * field: linux.seccomp.syscalls.errnoRet */
static void actions(void **state)
{
	static const char said[] = "mkdir: can't create directory '/tmp/d': ";
	char want[128];

	(void)state;
	snprintf(want, sizeof(want), "%sOperation not permitted\n", said);
	try_rule("", "\"action\":\"SCMP_ACT_ERRNO\"", MAKES_DIRS, want, 1);
	snprintf(want, sizeof(want), "%sNo space left on device\n", said);
	try_rule("", "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":28", MAKES_DIRS, want, 1);
	/* nobody traces us */
	snprintf(want, sizeof(want), "%sFunction not implemented\n", said);
	try_rule("", "\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":28", MAKES_DIRS, want, 1);
	try_rule("", "\"action\":\"SCMP_ACT_LOG\"", MAKES_DIRS, "made\n", 0);
	try_rule("", "\"action\":\"SCMP_ACT_TRAP\"", MAKES_DIRS, "Bad system call\n", 159);
	try_rule("", "\"action\":\"SCMP_ACT_KILL_PROCESS\"", MAKES_DIRS, "Bad system call\n", 159);
	try_rule("", "\"action\":\"SCMP_ACT_KILL_THREAD\"", MAKES_DIRS, "Bad system call\n", 159);
	try_rule("", "\"action\":\"SCMP_ACT_KILL\"", MAKES_DIRS, "Bad system call\n", 159);
}

/* field: linux.seccomp.syscalls.args */
static void arguments(void **state)
{
	/* mkdir's second is the mode, 0777 less nothing; 0777 == 511 */
	static const struct {
		const char *op;
		uint64_t value, two;
		bool fits;
	} rows[] = {
		{ "NE", 511, 0, false }, { "NE", 510, 0, true },
		{ "LT", 511, 0, false }, { "LT", 512, 0, true },
		{ "LE", 510, 0, false }, { "LE", 511, 0, true },
		{ "EQ", 510, 0, false }, { "EQ", 511, 0, true },
		{ "GE", 512, 0, false }, { "GE", 511, 0, true },
		{ "GT", 511, 0, false }, { "GT", 510, 0, true },
		{ "MASKED_EQ", 0700, 0600, false }, { "MASKED_EQ", 0700, 0700, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char rule[256];

		snprintf(rule, sizeof(rule), "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":28,\"args\":[{"
			 "\"index\":1,\"value\":%llu,\"valueTwo\":%llu,\"op\":\"SCMP_CMP_%s\"}]",
			 (unsigned long long)rows[i].value, (unsigned long long)rows[i].two,
			 rows[i].op);
		try_rule("", rule, "mkdir /tmp/d 2>/dev/null && rmdir /tmp/d && echo made; exit 0",
			 rows[i].fits ? "" : "made\n", 0);
	}
}

/* field: linux.seccomp.flags */
static void flags(void **state)
{
	(void)state;
	try_rule("\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_TSYNC\","
		 "\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\",\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],",
		 "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":28", MAKES_DIRS,
		 "mkdir: can't create directory '/tmp/d': No space left on device\n", 1);
}

/* All that the default profile allows, but for making directories. */
static void print_allowed(struct buf *out)
{
	for (size_t i = 0; i < secprof_default.rule_count; i++) {
		const struct secprof_rule *r = &secprof_default.rules[i];

		for (size_t k = 0; r->action == SECPROF_ALLOW && r->names[k]; k++)
			if (!str_starts(r->names[k], "mkdir"))
				(void)buf_addf(out, "\"%s\",", r->names[k]);
	}
}

/* field: linux.seccomp.defaultAction
 * field: linux.seccomp.defaultErrnoRet */
static void default_action(void **state)
{
	static const struct {
		const char *members, *says;
	} rows[] = {
		{ "\"defaultAction\":\"SCMP_ACT_ERRNO\"", "Operation not permitted" },
		{ "\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":28",
		  "No space left on device" },
	};
	AUTO(buf) struct buf allowed = BUF_INIT(MIB(1));

	(void)state;
	print_allowed(&allowed);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(filter) struct filter f = FILTER_INIT;
		AUTO_FREE char *json = mem_printf(
			"{%s,\"syscalls\":[{\"names\":[%s\"clone\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
			rows[i].members, allowed.data);
		struct err e = ERR_INIT;
		char want[128];
		struct box b;

		if (filter_make(&f, json, &e) < 0)
			fail_msg("%s", e.text);
		box_begin(&b, MAKES_DIRS);
		use_filter(&b, &f);
		if (box_run(&b, &e) < 0)
			fail_msg("%s", e.text);
		snprintf(want, sizeof(want), "mkdir: can't create directory '/tmp/d': %s\n",
			 rows[i].says);
		assert_string_equal(b.out.data, want);
		box_end(&b);
	}
}

static bool mentions(const struct buf *bpf, uint32_t arch)
{
	const struct sock_filter *f = (const struct sock_filter *)bpf->data;

	for (size_t i = 0; i < bpf->len / sizeof(*f); i++)
		if (BPF_CLASS(f[i].code) == BPF_JMP && f[i].k == arch)
			return true;
	return false;
}

/* field: linux.seccomp.architectures */
static void architectures(void **state)
{
	static const char json[] =
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",%s\"syscalls\":"
		"[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]}";

	(void)state;
	for (int more = 0; more < 2; more++) {
		AUTO(filter) struct filter f = FILTER_INIT;
		AUTO_FREE char *text = mem_printf(
			json, more ? "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\","
			"\"SCMP_ARCH_AARCH64\",\"SCMP_ARCH_LOONGARCH64\",\"SCMP_ARCH_M68K\"]," : "");
		struct err e = ERR_INIT;

		if (filter_make(&f, text, &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(mentions(&f.bpf, AUDIT_ARCH_I386), more);
	}
}

/* --- a listener --- */

struct agent {
	char path[80];
	int socket;
	pid_t pid;
};

/* Says what it was told, then answers each call with an error. */
static void be_agent(int listening, int out)
{
	struct seccomp_notif_resp answer = { .error = -EDQUOT };
	AUTO_FD int conn = accept(listening, NULL, NULL);
	struct seccomp_notif call;
	struct err e = ERR_INIT;
	char words[4096];
	size_t count = 1;
	int fd = -1;
	ssize_t n = fd_recv(conn, words, sizeof(words) - 1, &fd, &count, 0, &e);

	if (n <= 0 || fd < 0 || write(out, words, (size_t)n) != n)
		_exit(1);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		memset(&call, 0, sizeof(call));
		if (poll(&p, 1, -1) < 0 || (p.revents & POLLHUP) ||
		    ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			_exit(0);
		answer.id = call.id;
		(void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

static void agent_start(struct agent *a, int out)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(a->path, sizeof(a->path), "%s.agent", root);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", a->path);
	a->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(a->socket, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(a->socket, 4), 0);
	a->pid = fork();
	if (a->pid == 0)
		be_agent(a->socket, out);
}

static void agent_end(struct agent *a)
{
	int status = 0;

	assert_int_equal(waitpid(a->pid, &status, 0), a->pid);
	assert_int_equal(status, 0);
	fd_auto(&a->socket);
	assert_int_equal(unlink(a->path), 0);
}

static void make_notifying(struct filter *f, const char *path)
{
	AUTO_FREE char *json = mem_printf(
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"%s\","
		"\"listenerMetadata\":\"m \\\" e\",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\","
		"\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],\"syscalls\":[{\"names\":[\"mkdir\"],"
		"\"action\":\"SCMP_ACT_NOTIFY\"}]}", path);
	struct err e = ERR_INIT;

	if (filter_make(f, json, &e) < 0)
		fail_msg("%s", e.text);
}

/* field: linux.seccomp.listenerPath
 * field: linux.seccomp.listenerMetadata */
static void listener(void **state)
{
	AUTO(filter) struct filter f = FILTER_INIT;
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	AUTO(buf) struct buf told = BUF_INIT(KIB(64)), out = BUF_INIT(KIB(64));
	struct plan_exec_options o = { .state = "{\"id\":\"x\",\"pid\":77}" };
	static const char quota[] = "mkdir: can't create directory '/tmp/d': Disk quota exceeded\n";
	struct err e = ERR_INIT;
	struct agent a;
	char want[256];
	struct box b;

	(void)state;
	assert_int_equal(fd_pipe(&p, &e), 0);
	agent_start(&a, p.b);
	make_notifying(&f, a.path);
	box_begin(&b, "mkdir /tmp/d");
	b.opt.state = "\"id\":\"x\",";
	b.opt.state_rest = ",\"bundle\":\"/b\"}";
	use_filter(&b, &f);
	if (box_run(&b, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(b.out.data, quota);
	agent_end(&a);
	snprintf(want, sizeof(want), "{\"ociVersion\":\"1.3.0\",\"fds\":[\"seccompFd\"],\"pid\":%d,"
		 "\"metadata\":\"m \\\" e\",\"state\":{\"id\":\"x\",\"status\":\"created\","
		 "\"pid\":%d,\"bundle\":\"/b\"}}", b.first_pid, b.first_pid);
	box_end(&b);

	/* of a process that joins, too */
	agent_start(&a, p.b);
	box_begin(&b, "sleep 10");
	assert_int_equal(box_compile(&b, &e), 0);
	assert_int_equal(box_start(&b, -1, &e), 0);
	strv_set(&b.spec.process.args, 2, "mkdir /tmp/d");
	o.seccomp = f.bpf.data;
	o.seccomp_len = f.bpf.len;
	o.profile = &f.profile;
	assert_int_equal(box_exec(&b, &o, &out, &e), 1);
	assert_string_equal(out.data, quota);
	agent_end(&a);
	box_end(&b);
	fd_auto(&p.b);
	read_all(p.a, &told);
	assert_memory_equal(told.data, want, strlen(want));
	assert_non_null(strstr(told.data + strlen(want), ",\"state\":{\"id\":\"x\",\"pid\":77}}"));
}

/* No listener, no start. */
static void nobody_listens(void **state)
{
	AUTO(filter) struct filter f = FILTER_INIT;
	AUTO(buf) struct buf out = BUF_INIT(KIB(64));
	struct plan_exec_options o = { .state = NULL };
	struct err e = ERR_INIT;
	struct box b;

	(void)state;
	make_notifying(&f, "/nonexistent/agent");
	box_begin(&b, "echo ran");
	use_filter(&b, &f);
	assert_int_equal(box_run(&b, &e), -ENOENT);
	assert_string_equal(e.text, "seccomp listener '/nonexistent/agent': connect: "
			    "No such file or directory");
	assert_string_equal(b.out.data, "");
	box_end(&b);
	err_clear(&e);

	box_begin(&b, "sleep 10");
	assert_int_equal(box_compile(&b, &e), 0);
	assert_int_equal(box_start(&b, -1, &e), 0);
	o.seccomp = f.bpf.data;
	o.seccomp_len = f.bpf.len;
	o.profile = &f.profile;
	assert_int_equal(box_exec(&b, &o, &out, &e), -ENOENT);
	box_end(&b);
}

/* Who could never be told that it is asked for. */
static void impossible_listeners(void **state)
{
	static const struct {
		const char *json, *words;
	} rows[] = {
		{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/p\"}",
		  "seccomp: SCMP_ACT_NOTIFY cannot be the default" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],"
		  "\"action\":\"SCMP_ACT_NOTIFY\"}]}", "seccomp: SCMP_ACT_NOTIFY without listenerPath" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/p\",\"syscalls\":"
		  "[{\"names\":[\"mkdir\",\"sendmsg\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}",
		  "seccomp: SCMP_ACT_NOTIFY of 'sendmsg', which is how the listener is told" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(filter) struct filter f = FILTER_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(filter_make(&f, rows[i].json, &e), -EINVAL);
		assert_string_equal(e.text, rows[i].words);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions),
		cmocka_unit_test(arguments),
		cmocka_unit_test(flags),
		cmocka_unit_test(default_action),
		cmocka_unit_test(architectures),
		cmocka_unit_test(listener),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(impossible_listeners),
	};

	return box_main("runtime_seccomp", tests, argc, argv);
}
