#include "lib/ctr/stop.h"

#include <fcntl.h>
#include <signal.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/ctr/client.h"

#define GONE_MS 10000

static int connect_to(struct client *out, struct ctr_env *env, struct ctr *c, struct err *e)
{
	AUTO_FD int run = -1;
	int r = ctr_adopt(c, env, e);

	if (r < 0)
		return r;
	run = ctr_run_dir(env, c->row.id, false, e);
	return run < 0 ? run : client_connect(out, run, e);
}

/* Reads the row and the records again, now that it has ended. */
static int refresh(struct ctr_env *env, struct ctr *c, struct err *e)
{
	AUTO_FREE char *id = mem_str(c->row.id);

	ctr_clear(c);
	return ctr_get(c, env, id, e);
}

int ctr_wait(struct ctr_env *env, struct ctr *c, int timeout_ms, int *code, struct err *e)
{
	AUTO(client) struct client client = CLIENT_INIT;
	struct err err = ERR_INIT;
	int r = 0;

	if (c->is_running) {
		r = connect_to(&client, env, c, &err);
		if (r == 0)
			r = client_wait(&client, 0, timeout_ms, code, &err);
		if (r == -ETIMEDOUT)
			return err_move(e, &err);
		/* A shim that went away meanwhile has left a record. */
		err_clear(&err);
		r = refresh(env, c, e);
		if (r == 0 && c->is_running)
			return err_set(e, EAGAIN, "container '%s' is still running", c->row.name);
	}
	if (r == 0)
		*code = c->row.exit_code;
	return r;
}

int ctr_stop(struct ctr_env *env, struct ctr *c, int sig, uint64_t timeout_ms, struct err *e)
{
	AUTO(client) struct client client = CLIENT_INIT;
	int code;
	int r;

	if (!c->is_running)
		return 0;
	r = connect_to(&client, env, c, e);
	if (r == 0)
		r = client_stop(&client, sig, timeout_ms, e);
	if (r == 0)
		r = client_wait(&client, 0, -1, &code, e);
	/* One that ends at once may be gone before it could answer. */
	if (r == -EPIPE || r == -ECONNRESET) {
		err_clear(e);
		r = refresh(env, c, e);
		if (r == 0 && c->is_running)
			r = err_set(e, EPIPE, "its shim went away");
		return r < 0 ? err_ctx(e, r, "stop") : 0;
	}
	if (r < 0)
		return err_ctx(e, r, "stop '%s'", c->row.name);
	return refresh(env, c, e);
}

int ctr_kill_init(const struct shim_page *page, struct err *e)
{
	struct err gone = ERR_INIT;
	AUTO_FD int pidfd = proc_id_open(&page->init, &gone);
	int r;

	if (pidfd < 0)
		return 0;
	r = proc_pidfd_kill(pidfd, SIGKILL);
	if (r < 0 && r != -ESRCH)
		return err_ret(e, r, "kill the container's first process");
	if (proc_pidfd_wait(pidfd, GONE_MS) == 0)
		return err_set(e, ETIMEDOUT, "the container's first process does not end");
	return 0;
}

int ctr_kill_now(struct ctr_env *env, struct ctr *c, struct err *e)
{
	AUTO(client) struct client client = CLIENT_INIT;
	struct err err = ERR_INIT;
	int code;
	int r;

	if (!c->is_running)
		return 0;
	r = connect_to(&client, env, c, &err);
	if (r == 0)
		r = client_stop(&client, SIGKILL, 0, &err);
	if (r == 0)
		r = client_wait(&client, 0, GONE_MS, &code, &err);
	if (r < 0) {
		err_clear(&err);
		r = ctr_kill_init(&c->page, e);
		if (r < 0)
			return err_ctx(e, r, "kill '%s'", c->row.name);
	}
	return refresh(env, c, e);
}

int ctr_signal_send(struct ctr_env *env, struct ctr *c, int sig, struct err *e)
{
	AUTO(client) struct client client = CLIENT_INIT;
	int r;

	if (!c->is_running)
		return err_hint(e, err_set(e, ESRCH, "container '%s' is not running", c->row.name),
				"container.exited");
	r = connect_to(&client, env, c, e);
	if (r == 0)
		r = client_kill(&client, sig, e);
	return r < 0 ? err_ctx(e, r, "kill '%s'", c->row.name) : 0;
}
