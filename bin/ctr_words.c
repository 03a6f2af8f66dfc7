#include "bin/ctr_words.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* to: the flag here, "" it is dropped, NULL it is refused. */
struct flag {
	const char *name;		/* without dashes */
	char letter;
	bool has_value;
	const char *to;
};

/* What operands are, once the flags are off. */
enum shape {
	AS_THEY_ARE,
	IMAGE_ID_COMMAND,		/* run, create */
	FILE_IMAGES,			/* export */
	FILE_ONLY,			/* import */
};

struct verb {
	const char *group;		/* "" for verbs without one */
	const char *names;		/* "list ls" */
	const char *to[6];		/* words here, NULL-ended */
	const struct flag *flags;	/* with a NULL name at the end; NULL: none */
	enum shape shape;
	const char *quiet;		/* --format for -q */
};

/* Of all verbs that speak to a registry. */
#define REGISTRY_FLAGS								\
	{ "user", 'u', true, NULL }, { "skip-verify", 'k', false, NULL },	\
	{ "hosts-dir", 0, true, NULL }, { "tlscacert", 0, true, NULL },		\
	{ "plain-http", 0, false, "--plain-http" }, { "debug", 0, false, "" }

static const struct flag pull_flags[] = {
	REGISTRY_FLAGS,
	{ "platform", 0, true, "--platform" },
	{ "snapshotter", 0, true, "--snapshotter" },
	{ "local", 0, false, "" },
	{ "sync-fs", 0, false, "" },	/* always */
	{ "all-platforms", 0, false, NULL },
	{ NULL, 0, false, NULL },
};

static const struct flag run_flags[] = {
	{ "rm", 0, false, "--rm" },
	{ "detach", 'd', false, "--detach" },
	{ "tty", 't', false, "--tty" },
	{ "null-io", 0, false, "--log-driver=none" },
	{ "memory-limit", 0, true, "--memory" },
	{ "cpus", 0, true, "--cpus" },
	{ "cpu-shares", 0, true, "--cpu-shares" },
	{ "cpuset-cpus", 0, true, "--cpuset-cpus" },
	{ "env", 0, true, "--env" },
	{ "env-file", 0, true, "--env-file" },
	{ "cwd", 0, true, "--workdir" },
	{ "user", 'u', true, "--user" },
	{ "label", 0, true, "--label" },
	{ "annotation", 0, true, "--annotation" },
	{ "mount", 0, true, "--mount" },
	{ "net-host", 0, false, "--network=host" },
	{ "privileged", 0, false, "--privileged" },
	{ "read-only", 0, false, "--read-only" },
	{ "rootfs", 0, false, "--rootfs" },
	{ "hostname", 0, true, "--hostname" },
	{ "platform", 0, true, "--platform" },
	{ "runtime", 0, true, "--runtime" },
	{ "snapshotter", 0, true, "--snapshotter" },
	{ "cap-add", 0, true, "--cap-add" },
	{ "cap-drop", 0, true, "--cap-drop" },
	{ "no-pivot", 0, false, NULL },
	{ "pid-file", 0, true, NULL },
	{ "with-ns", 0, true, NULL },
	{ "gpus", 0, true, NULL },
	{ "device", 0, true, NULL },
	{ "cni", 0, false, NULL },
	{ NULL, 0, false, NULL },
};

static const struct flag exec_flags[] = {
	{ "exec-id", 0, true, "" },	/* made here, and never asked for again */
	{ "tty", 't', false, "--tty" },
	{ "detach", 'd', false, "--detach" },
	{ "cwd", 0, true, "--workdir" },
	{ "user", 0, true, "--user" },
	{ NULL, 0, false, NULL },
};

static const struct flag fetch_flags[] = {
	REGISTRY_FLAGS,
	{ "platform", 0, true, "--platform" },
	{ "all-platforms", 0, false, NULL },
	{ "skip-metadata", 0, false, NULL },
	{ "metadata-only", 0, false, NULL },
	{ NULL, 0, false, NULL },
};

static const struct flag remote_flags[] = {
	REGISTRY_FLAGS,
	{ NULL, 0, false, NULL },
};

static const struct flag object_flags[] = {
	REGISTRY_FLAGS,
	{ "media-type", 0, true, "" },	/* found out */
	{ NULL, 0, false, NULL },
};

static const struct flag reference_flags[] = {
	{ "async", 0, false, "" },
	{ "dry", 0, false, "--dry" },
	{ NULL, 0, false, NULL },
};

static const struct flag metrics_flags[] = {
	{ "format", 0, true, "--format" },
	{ NULL, 0, false, NULL },
};

static const struct flag oci_flags[] = {
	{ "platform", 0, true, NULL },
	{ NULL, 0, false, NULL },
};

static const struct flag kill_flags[] = {
	{ "signal", 's', true, "--signal" },
	{ "all", 'a', false, NULL },
	{ "exec-id", 0, true, NULL },
	{ NULL, 0, false, NULL },
};

static const struct flag force_flags[] = {
	{ "force", 'f', false, "--force" },
	{ "exec-id", 0, true, NULL },
	{ NULL, 0, false, NULL },
};

static const struct flag sync_flags[] = {
	{ "sync", 0, false, "" },
	{ NULL, 0, false, NULL },
};

static const struct flag lease_flags[] = {
	{ "sync", 0, false, "--sync" },
	{ "id", 0, true, "--id" },
	{ "expires", 'x', true, "--expires" },
	{ NULL, 0, false, NULL },
};

static const struct flag prune_flags[] = {
	{ "all", 0, false, "--all" },
	{ NULL, 0, false, NULL },
};

static const struct flag spec_flags[] = {
	{ "spec", 0, false, "--spec" },
	{ NULL, 0, false, NULL },
};

static const struct flag snapshot_flags[] = {
	{ "snapshotter", 0, true, "--snapshotter" },
	{ "target", 't', true, "--target" },
	{ "mounts", 0, false, "--mounts" },
	{ NULL, 0, false, NULL },
};

/* ctr packs it with gzip unless it is told not to. */
static const struct flag diff_flags[] = {
	{ "snapshotter", 0, true, "--snapshotter" },
	{ "media-type", 0, true, NULL },
	{ "ref", 0, true, NULL },
	{ "keep", 0, false, NULL },
	{ NULL, 0, false, NULL },
};

/* Without a daemon there is nobody to keep a mount for later. */
static const struct flag image_flags[] = {
	{ "snapshotter", 0, true, "--snapshotter" },
	{ "rw", 0, false, NULL },
	{ "platform", 0, true, NULL },
	{ NULL, 0, false, NULL },
};

static const struct flag check_flags[] = {
	{ "snapshotter", 0, true, "--snapshotter" },
	{ NULL, 0, false, NULL },
};

static const struct flag usage_flags[] = {
	{ "snapshotter", 0, true, "--snapshotter" },
	{ "b", 'b', false, "--bytes" },
	{ NULL, 0, false, NULL },
};

static const struct flag archive_flags[] = {
	{ "platform", 0, true, "--platform" },
	{ "all-platforms", 0, false, NULL },
	{ NULL, 0, false, NULL },
};

#define IMAGE_TABLE								\
	"--format=table {{.Name}}\t{{.MediaType}}\t{{.Digest}}\t{{.Size}}\t{{.Platform}}"
#define CONTAINER_TABLE "--format=table {{.Names}}\t{{.Image}}\t{{.Runtime}}"

static const struct verb verbs[] = {
	{ "", "run r", { "run", "--interactive" }, run_flags, IMAGE_ID_COMMAND, NULL },
	{ "", "version", { "version" }, NULL, AS_THEY_ARE, NULL },
	{ "", "info", { "info" }, NULL, AS_THEY_ARE, NULL },
	{ "", "events event", { "events", "--topics" }, NULL, AS_THEY_ARE, NULL },
	{ "image", "list ls", { "images", "--no-trunc", IMAGE_TABLE }, NULL, AS_THEY_ARE,
	  "--format={{.Name}}" },
	{ "image", "pull", { "pull" }, pull_flags, AS_THEY_ARE, NULL },
	{ "image", "tag", { "tag" }, NULL, AS_THEY_ARE, NULL },
	{ "image", "delete del remove rm", { "rmi", "--force" }, sync_flags, AS_THEY_ARE, NULL },
	{ "image", "prune", { "image", "prune", "--force" }, prune_flags, AS_THEY_ARE, NULL },
	{ "image", "label", { "image", "label" }, NULL, AS_THEY_ARE, NULL },
	{ "image", "mount", { "image", "mount" }, image_flags, AS_THEY_ARE, NULL },
	{ "image", "check", { "image", "check" }, check_flags, AS_THEY_ARE, "--quiet" },
	{ "image", "usage", { "image", "usage" }, image_flags, AS_THEY_ARE, NULL },
	{ "image", "inspect", { "image", "inspect" }, NULL, AS_THEY_ARE, NULL },
	{ "image", "export", { "save", "--format=oci-archive" }, archive_flags, FILE_IMAGES, NULL },
	{ "image", "import", { "load" }, archive_flags, FILE_ONLY, NULL },
	{ "container", "list ls", { "ps", "--all", "--no-trunc", CONTAINER_TABLE }, NULL,
	  AS_THEY_ARE, "--format={{.Names}}" },
	{ "container", "create", { "create" }, run_flags, IMAGE_ID_COMMAND, NULL },
	{ "container", "delete del remove rm", { "rm" }, NULL, AS_THEY_ARE, NULL },
	{ "container", "info", { "container", "info" }, spec_flags, AS_THEY_ARE, NULL },
	{ "container", "label", { "container", "label" }, NULL, AS_THEY_ARE, NULL },
	{ "container", "prune", { "container", "prune", "--force" }, NULL, AS_THEY_ARE, NULL },
	{ "content", "list ls", { "content", "ls" }, NULL, AS_THEY_ARE, "--quiet" },
	{ "content", "get", { "content", "get" }, NULL, AS_THEY_ARE, NULL },
	{ "content", "fetch", { "content", "fetch" }, fetch_flags, AS_THEY_ARE, NULL },
	{ "content", "fetch-blob", { "content", "fetch-blob" }, object_flags, AS_THEY_ARE, NULL },
	{ "content", "fetch-object", { "content", "fetch-object" }, object_flags, AS_THEY_ARE,
	  NULL },
	{ "content", "push-object", { "content", "push-object" }, remote_flags, AS_THEY_ARE,
	  NULL },
	/* Images keep theirs here: only what nothing refers to goes. */
	{ "content prune", "references", { "content", "prune" }, reference_flags, AS_THEY_ARE,
	  NULL },
	{ "content", "active ac", { "content", "active" }, NULL, AS_THEY_ARE, NULL },
	{ "content", "label", { "content", "label" }, NULL, AS_THEY_ARE, NULL },
	{ "content", "delete del remove rm", { "content", "rm" }, NULL, AS_THEY_ARE, NULL },
	{ "lease", "list ls", { "lease", "ls" }, NULL, AS_THEY_ARE, "--quiet" },
	{ "lease", "create", { "lease", "create" }, lease_flags, AS_THEY_ARE, NULL },
	{ "lease", "delete del remove rm", { "lease", "rm" }, lease_flags, AS_THEY_ARE, NULL },
	{ "namespace", "create c", { "namespace", "create" }, NULL, AS_THEY_ARE, NULL },
	{ "namespace", "list ls", { "namespace", "ls" }, NULL, AS_THEY_ARE, "--quiet" },
	{ "namespace", "label", { "namespace", "label" }, NULL, AS_THEY_ARE, NULL },
	{ "namespace", "remove rm", { "namespace", "rm" }, NULL, AS_THEY_ARE, NULL },
	{ "oci", "spec", { "oci", "spec" }, oci_flags, AS_THEY_ARE, NULL },
	{ "plugin", "list ls", { "plugin", "ls" }, NULL, AS_THEY_ARE, "--quiet" },
	{ "snapshot", "list ls", { "snapshot", "ls" }, snapshot_flags, AS_THEY_ARE, NULL },
	{ "snapshot", "info", { "snapshot", "info" }, snapshot_flags, AS_THEY_ARE, NULL },
	{ "snapshot", "tree", { "snapshot", "tree" }, snapshot_flags, AS_THEY_ARE, NULL },
	{ "snapshot", "usage", { "snapshot", "usage" }, usage_flags, AS_THEY_ARE, NULL },
	{ "snapshot", "prepare", { "snapshot", "prepare" }, snapshot_flags, AS_THEY_ARE, NULL },
	{ "snapshot", "view", { "snapshot", "view" }, snapshot_flags, AS_THEY_ARE, NULL },
	{ "snapshot", "diff", { "snapshot", "diff" }, diff_flags, AS_THEY_ARE, NULL },
	{ "snapshot", "unpack", { "snapshot", "unpack" }, snapshot_flags, AS_THEY_ARE, NULL },
	{ "snapshot", "mounts m mount", { "snapshot", "mounts" }, snapshot_flags, AS_THEY_ARE,
	  NULL },
	{ "snapshot", "commit", { "snapshot", "commit" }, snapshot_flags, AS_THEY_ARE, NULL },
	{ "snapshot", "label", { "snapshot", "label" }, snapshot_flags, AS_THEY_ARE, NULL },
	{ "snapshot", "delete del remove rm", { "snapshot", "rm" }, snapshot_flags, AS_THEY_ARE,
	  NULL },
	{ "task", "list ls", { "task", "ls" }, NULL, AS_THEY_ARE, "--quiet" },
	{ "task", "attach", { "attach" }, NULL, AS_THEY_ARE, NULL },
	{ "task", "exec", { "exec", "--interactive" }, exec_flags, AS_THEY_ARE, NULL },
	{ "task", "kill", { "kill", "--signal=TERM" }, kill_flags, AS_THEY_ARE, NULL },
	{ "task", "metrics metric", { "task", "metrics" }, metrics_flags, AS_THEY_ARE, NULL },
	{ "task", "pause", { "pause" }, NULL, AS_THEY_ARE, NULL },
	{ "task", "resume", { "unpause" }, NULL, AS_THEY_ARE, NULL },
	{ "task", "ps", { "top" }, NULL, AS_THEY_ARE, NULL },
	{ "task", "start", { "start", "--attach" }, NULL, AS_THEY_ARE, NULL },
	{ "task", "delete del remove rm", { "task", "rm" }, force_flags, AS_THEY_ARE, NULL },
};

static const char *const groups[][5] = {
	{ "image", "images", "i" },	    { "container", "containers", "c" },
	{ "content" },			    { "lease", "leases" },
	{ "namespace", "namespaces", "ns" }, { "plugin", "plugins" },
	{ "snapshot", "snapshots" },	    { "task", "tasks", "t" },
	{ "oci" },
};

struct words {
	char **v;
	int left;
};

static const char *next(struct words *w)
{
	if (!w->left)
		return NULL;
	w->left--;
	return *w->v++;
}

/* --- flags --- */

static const struct flag global_flags[] = {
	{ "namespace", 'n', true, "--namespace" },
	{ "address", 'a', true, "" },
	{ "timeout", 0, true, "" },
	{ "connect-timeout", 0, true, "" },
	{ "debug", 0, false, "" },
	{ "help", 'h', false, "--help" },
	{ NULL, 0, false, NULL },
};

/* Before the verb, of the group of snapshots. */
static const struct flag group_flags[] = {
	{ "snapshotter", 0, true, "--snapshotter" },
	{ NULL, 0, false, NULL },
};

/* text: "--name", "--name=value", "-n". */
static const struct flag *find_flag(const struct flag *flags, const char *text)
{
	const char *name = text + strspn(text, "-");
	size_t len = strcspn(name, "=");

	for (; flags && flags->name; flags++)
		if ((len == 1 && name[0] == flags->letter) ||
		    (strlen(flags->name) == len && strncmp(flags->name, name, len) == 0))
			return flags;
	return NULL;
}

/* overlayfs is what containerd calls overlay; mounts have options=rbind:ro. */
static char *value_of(const struct flag *f, const char *value)
{
	const char *options = strstr(value, ",options=");

	if (str_eq(f->name, "snapshotter") && str_eq(value, "overlayfs"))
		return mem_str("overlay");
	if (str_eq(f->name, "mount") && options)
		return mem_printf("%.*s%s", (int)(options - value), value,
				  str_ends(value, ":ro") || str_ends(value, "=ro") ? ",readonly" :
										     "");
	return mem_str(value);
}

/* Takes flags off; out gets ours. */
static int take_flags(struct strv *out, struct words *w, const struct flag *flags, struct err *e)
{
	while (w->left && w->v[0][0] == '-' && w->v[0][1]) {
		const char *text = next(w), *value = strchr(text, '=');
		const struct flag *f = find_flag(flags, text);

		if (str_eq(text, "--"))
			return 0;
		if (!f)
			return err_set(e, EINVAL, "ctr: %s: no such option here", text);
		if (!f->to)
			return err_set(e, EINVAL, "ctr: %s is not there yet", text);
		value = !f->has_value ? NULL : value ? value + 1 : next(w);
		if (f->has_value && !value)
			return err_set(e, EINVAL, "ctr: %s: its value is missing", text);
		if (!*f->to)
			continue;
		strv_add(out, f->to);
		if (value)
			strv_take(out, value_of(f, value));
	}
	return 0;
}

/* --- verbs --- */

static bool is_one_of(const char *names, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = names; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == len && strncmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

static const char *find_group(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		for (size_t j = 0; j < ARRAY_SIZE(groups[i]) && groups[i][j]; j++)
			if (str_eq(groups[i][j], word))
				return groups[i][0];
	return NULL;
}

static const struct verb *find_verb(const char *group, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (str_eq(verbs[i].group, group) && is_one_of(verbs[i].names, word))
			return &verbs[i];
	return NULL;
}

/* The words of the verb; flags of the line come behind them. */
static int say_verb(struct strv *out, const struct verb *v, struct words *w, struct err *e)
{
	bool is_quiet = v->quiet && w->left && is_one_of("-q --quiet", w->v[0]);

	if (is_quiet)
		(void)next(w);
	for (size_t i = 0; i < ARRAY_SIZE(v->to) && v->to[i]; i++)
		if (!is_quiet || !str_starts(v->to[i], "--format="))
			strv_add(out, v->to[i]);
	if (is_quiet)
		strv_add(out, v->quiet);
	return take_flags(out, w, v->flags, e);
}

static int say_operands(struct strv *out, const struct verb *v, struct words *w, struct err *e)
{
	const char *first = v->shape == AS_THEY_ARE ? NULL : next(w);

	if (v->shape != AS_THEY_ARE && !first)
		return err_set(e, EINVAL, "ctr: an argument is missing");
	if (v->shape == IMAGE_ID_COMMAND) {
		const char *id = next(w);

		if (!id)
			return err_set(e, EINVAL, "ctr: the container's id is missing");
		/* containerd gives a network to nobody who does not ask. */
		if (!strv_has(out, "--network=host"))
			strv_add(out, "--network=none");
		strv_add(out, "--name");
		strv_add(out, id);
		strv_add(out, first);
	} else if (v->shape == FILE_IMAGES && !str_eq(first, "-")) {
		strv_add(out, "--output");
		strv_add(out, first);
	} else if (v->shape == FILE_ONLY && !str_eq(first, "-")) {
		strv_add(out, "--input");
		strv_add(out, first);
	}
	while (w->left)
		strv_add(out, next(w));
	return 0;
}

static int take_verb(const char **out, struct words *w, const char *group, struct err *e)
{
	*out = next(w);
	return *out ? 0 : err_set(e, EINVAL, "ctr: %s: a verb is missing", group);
}

int ctr_words(struct strv *out, char **argv, int argc, struct err *e)
{
	AUTO(strv) struct strv behind = STRV_INIT;
	struct words w = { argv, argc };
	const char *word, *group = NULL;
	const struct verb *v;
	int r = take_flags(out, &w, global_flags, e);

	if (r < 0 || !w.left)
		return r;
	word = next(&w);
	group = find_group(word);
	if (group && str_eq(group, "snapshot"))
		r = take_flags(&behind, &w, group_flags, e);
	if (r == 0 && group)
		r = take_verb(&word, &w, group, e);
	/* The only group in another one. */
	if (r == 0 && group && str_eq(group, "content") && str_eq(word, "prune"))
		r = take_verb(&word, &w, group = "content prune", e);
	if (r < 0)
		return r;
	v = find_verb(str_or(group, ""), word);
	if (!v)
		return err_set(e, EINVAL, "ctr: '%s%s%s' is not there", str_or(group, ""),
			       group ? " " : "", word);
	r = say_verb(out, v, &w, e);
	strv_join(out, &behind);
	return r < 0 ? r : say_operands(out, v, &w, e);
}
