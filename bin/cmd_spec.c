/* Containers in the words of OCI: oci spec, container info. */
#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/jtree.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"

static int spec_tree(json_t **out, const struct spec *s, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	int r;

	spec_print(s, &text);
	r = buf_ok(&text, "specification", e);
	if (r < 0)
		return r;
	*out = json_loadb(text.data, text.len, 0, NULL);
	return *out ? 0 : err_set(e, EBADMSG, "the specification is no JSON");
}

/* --- oci spec --- */

struct spec_args {
	bool privileged;
	struct strv cap_add, cap_drop;
};

static const struct opt spec_opts[] = {
	LIST(struct spec_args, cap_add, 0, "cap-add", "CAP", WORD_ANY, "Add a capability, or ALL"),
	LIST(struct spec_args, cap_drop, 0, "cap-drop", "CAP", WORD_ANY,
	     "Drop a capability, or ALL"),
	FLAG(struct spec_args, privileged, 0, "privileged",
	     "Give all that the user namespace can give"),
	{ .kind = OPT_END },
};

static void spec_clear_args(void *args)
{
	struct spec_args *a = args;

	strv_clear(&a->cap_add);
	strv_clear(&a->cap_drop);
}

static int spec_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		    struct err *e)
{
	const struct spec_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr_config) struct ctr_config config;
	AUTO(spec) struct spec spec;
	json_t *o = NULL;
	int r = env_begin(&env, app, e);

	spec_init(&spec);
	ctr_config_init(&config);
	config.hostname = mem_str("coracle");
	config.privileged = a->privileged;
	strv_add(&config.cmd, "sh");
	strv_join(&config.cap_add, &a->cap_add);
	strv_join(&config.cap_drop, &a->cap_drop);
	if (r == 0)
		r = ctr_bare_spec(&spec, &env, &config, e);
	if (r == 0)
		r = spec_tree(&o, &spec, e);
	if (r < 0)
		return r;
	jtree_print(&app->out, o);
	json_decref(o);
	return 0;
}

/* --- container info --- */

struct info_args {
	bool spec;
};

static const struct opt info_opts[] = {
	FLAG(struct info_args, spec, 0, "spec", "Only the OCI configuration"),
	{ .kind = OPT_END },
};

/* As containerd has it; takes the specification. */
static json_t *record_of(const struct ctr *c, const struct ctr_bundle *b, json_t *spec)
{
	json_t *o = json_object(), *runtime = jtree_object(o, "Runtime");

	jtree_text(o, "ID", c->row.id);
	jtree_text(o, "Name", c->row.name);
	jtree_map(o, "Labels", &c->row.labels);
	jtree_text(o, "Image", c->row.image);
	jtree_text(runtime, "Name", str_or(b->config.runtime, "coracle-oci"));
	jtree_text(o, "SnapshotKey", c->row.snapshot ? c->row.id : "");
	jtree_text(o, "Snapshotter", b->config.snapshotter);
	jtree_time(o, "CreatedAt", c->row.created_ns);
	json_object_set_new(o, "Spec", spec);
	return o;
}

static int info_run(struct app *app, void *args, char **operands, int count UNUSED, struct err *e)
{
	const struct info_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO(ctr_bundle) struct ctr_bundle b;
	json_t *o = NULL;
	int r = env_init(&env, app, e);

	ctr_bundle_init(&b);
	if (r == 0)
		r = ctr_get(&c, &env, operands[0], e);
	if (r == 0)
		r = ctr_bundle_load(&b, &env, &c.row, e);
	if (r == 0)
		r = spec_tree(&o, &b.spec, e);
	if (r < 0)
		return r;
	if (!a->spec)
		o = record_of(&c, &b, o);
	jtree_print(&app->out, o);
	json_decref(o);
	return 0;
}

const struct cmd cmd_oci_spec = {
	.name = "oci spec",
	.summary = "Print the OCI configuration that containers get",
	.max = 0,
	.about = "What 'coracle run --dry-run' prints first, for an image that sets nothing and "
		 "the command sh.",
	.example = "coracle oci spec --cap-drop ALL | jq .process.capabilities",
	.opts = spec_opts,
	.args_size = sizeof(struct spec_args),
	.clear = spec_clear_args,
	.run = spec_run,
};

const struct cmd cmd_container_info = {
	.name = "container info",
	.summary = "Show a container as containerd has it",
	.operands = "CONTAINER",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = 1,
	.example = "coracle container info --spec web | jq .process.args",
	.opts = info_opts,
	.args_size = sizeof(struct info_args),
	.run = info_run,
};
