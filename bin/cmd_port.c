#include <string.h>

#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/base/id.h"
#include "lib/base/str.h"
#include "lib/ctr/start.h"

struct port_args {
	bool all;
};

static const struct opt port_opts[] = {
	FLAG(struct port_args, all, 'a', "all", "Of all running containers"),
	{ .kind = OPT_END },
};

/* "0.0.0.0:8080", an IPv6 address in brackets. */
static void print_place(struct app *app, const struct port *p)
{
	bool is_v6 = strchr(p->ip, ':');

	app_printf(app, "%s%s%s:%u\n", is_v6 ? "[" : "", str_or(p->ip, "0.0.0.0"), is_v6 ? "]" : "",
		   p->host);
}

/* prefix: the container's id, when several are listed. */
static int print_ports(struct app *app, struct ctr_env *env, const struct ctr *c,
		       const char *prefix, struct err *e)
{
	AUTO(ports) struct ports ports = PORTS_INIT;
	int r = ctr_published(&ports, env, c->row.id, e);

	if (r == -ENOENT) {		/* it publishes none */
		err_clear(e);
		return 0;
	}
	for (size_t i = 0; r == 0 && i < ports.len; i++) {
		app_printf(app, "%s%s%u/%s -> ", prefix, *prefix ? "\t" : "", ports.at[i].ctr,
			   port_proto_name(ports.at[i].proto));
		print_place(app, &ports.at[i]);
	}
	return r;
}

static int print_all(struct app *app, struct ctr_env *env, struct err *e)
{
	AUTO(containers) struct containers list = CONTAINERS_INIT;
	int r = container_list(&list, app->store, app->ns, e);

	for (size_t i = 0; r == 0 && i < list.len; i++) {
		AUTO(ctr) struct ctr c = CTR_INIT;
		char id[ID_SHORT_LEN + 1];

		r = ctr_unless_gone(ctr_look(&c, env, &list.v[i], e), e);
		if (r < 0 || !c.is_running)
			continue;
		(void)str_copy(id, sizeof(id), c.row.id);
		r = print_ports(app, env, &c, id, e);
	}
	return r;
}

/* One port of the container: only where it is on the host. */
static int print_one(struct app *app, struct ctr_env *env, const struct ctr *c,
		     const char *text, struct err *e)
{
	AUTO(ports) struct ports ports = PORTS_INIT, wanted = PORTS_INIT;
	struct err none = ERR_INIT;
	bool found = false;
	int r = port_parse_expose(&wanted, text, e);

	if (r < 0)
		return r;
	r = ctr_published(&ports, env, c->row.id, &none);
	if (r < 0 && r != -ENOENT)
		return err_move(e, &none);
	for (size_t i = 0; i < ports.len; i++) {
		if (ports.at[i].ctr != wanted.at[0].ctr || ports.at[i].proto != wanted.at[0].proto)
			continue;
		print_place(app, &ports.at[i]);
		found = true;
	}
	return found ? 0 : err_set(e, ENOENT, "container '%s' does not publish port '%s'",
				   c->row.name, text);
}

static int port_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct port_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r;

	if (!count && !a->all)
		return err_set(e, EINVAL, "CONTAINER is missing");
	r = env_init(&env, app, e);
	if (r == 0 && a->all)
		return print_all(app, &env, e);
	if (r == 0)
		r = ctr_get(&c, &env, operands[0], e);
	if (r < 0)
		return r;
	if (!c.is_running)
		return err_hint(e, err_set(e, ESRCH, "container '%s' is not running", c.row.name),
				"container.exited");
	return count > 1 ? print_one(app, &env, &c, operands[1], e) :
			   print_ports(app, &env, &c, "", e);
}

static const char *const port_aliases[] = { "container port", NULL };

const struct cmd cmd_port = {
	.name = "port",
	.aliases = port_aliases,
	.summary = "Show where published ports are on the host",
	.operands = "CONTAINER [PORT[/PROTOCOL]]",
	.operand_word = WORD_RUNNING,
	.max = 2,
	.about = "List the published ports of a running container, or where one of them is.",
	.example = "coracle port web\ncoracle port web 80",
	.opts = port_opts,
	.args_size = sizeof(struct port_args),
	.run = port_run,
};
