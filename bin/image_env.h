/* image_env.h - what the commands of coracle-image share: a registry opened
 * with the user's settings, and the layer environment of this machine.
 */
#pragma once

#include "bin/env.h"
#include "bin/progress.h"
#include "lib/fmt/authfile.h"
#include "lib/fmt/ref.h"
#include "lib/image/layers.h"
#include "lib/registry/client.h"
#include "rootless/idmap.h"

struct image_tool {
	struct ctr_env ctr;
	struct ids ids;
	struct image_env env;		/* driver NULL: no user namespace here */
	struct progress progress;
	struct image_progress hooks;

	struct registry *registry;	/* once image_tool_registry() was called */
	struct authfile *files[2];
	size_t file_count;
	struct creds_files creds;
	struct strv cert_dirs, plain_http;
};

/* snapshotter: forced, or NULL. */
int image_tool_init(struct image_tool *t, struct app *app, const char *snapshotter,
		    bool quiet, struct err *e) MUST_CHECK;
int image_tool_registry(struct image_tool *t, const struct app *app, bool plain_http,
			struct err *e) MUST_CHECK;

/* Instead of image_tool_init(), for what needs no layers: the registry, and
 * what it is asked about. */
int image_tool_remote(struct image_tool *t, struct ref *ref, const struct app *app,
		      bool plain_http, const char *name, struct err *e) MUST_CHECK;
/* The end of one fetch or push, which its sink or source begins with. */
struct transfer {
	int result;
	struct err why;
};

void transfer_done(void *transfer, int result, struct err *why);

/* Until it has ended; the result is its own. */
int transfer_run(struct transfer *t, struct registry *reg, struct err *e) MUST_CHECK;

void image_tool_clear(struct image_tool *t);

static inline void image_tool_auto(struct image_tool *t)
{
	image_tool_clear(t);
}

/* ~/.docker/config.json, or where $DOCKER_CONFIG says; the caller frees. */
char *docker_config_path(void) MUST_CHECK;
