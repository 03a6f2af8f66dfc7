/* image_main.c - coracle-image: the commands that move bytes. */
#include "bin/image_args.h"
#include "bin/run_cmd.h"
#include "lib/base/str.h"

static const struct {
	const char *name;
	cmd_fn *run;
} heavy[] = {
	{ "commit", commit_run },
	{ "pull", pull_run },
	{ "login", login_run },
	{ "logout", logout_run },
	{ "load", load_run },
	{ "save", save_run },
	{ "cp", cp_run },
	{ "export", export_run },
	{ "system check", check_run },
	{ "system rebuild", rebuild_run },
	{ "import", import_run },
	{ "content ingest", content_ingest_run },
	{ "content fetch", content_fetch_run },
	{ "content fetch-blob", fetch_blob_run },
	{ "content fetch-object", fetch_object_run },
	{ "content push-object", push_object_run },
	{ "snapshot diff", snapshot_diff_run },
	{ "__unpack", unpack_run },
	{ "__subid", subid_run },
};

static int dispatch(struct app *app, const struct cmd *c, char **argv, int argc, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(heavy); i++)
		if (str_eq(heavy[i].name, c->name))
			return run_cmd(app, c, heavy[i].run, argv, argc, e);
	return err_set(e, ENOTSUP, "'%s' is a command of coracle", c->name);
}

int main(int argc, char **argv)
{
	return run_main(argc, argv, dispatch);
}
