/* image_args.h - the options of coracle-image's commands.
 */
#pragma once

#include "bin/app.h"

struct pull_args {
	bool quiet, plain_http, content_only;
	const char *platform, *policy, *snapshotter;
};

struct login_args {
	bool password_stdin, plain_http;
	const char *user, *password;
};

struct load_args {
	bool force, quiet;
	const char *input, *platform;
};

struct save_args {
	bool quiet;
	const char *output, *format;
};

struct cp_args {
	bool archive, follow, quiet;
};

struct check_args {
	bool deep, repair;
	const char *format;
};

struct snapshot_diff_args {
	const char *output, *snapshotter;
};

struct ingest_args {
	struct strv labels;
	const char *expected_digest, *expected_size;
};

struct remote_args {
	bool plain_http;
};

struct export_args {
	const char *output;
};

struct import_args {
	struct strv changes;
	bool quiet;
	const char *message, *platform, *epoch;
};

struct commit_args {
	struct strv changes;
	bool no_pause, quiet;
	const char *author, *message, *epoch;
};

cmd_fn commit_run;

struct platform;

/* --platform, or this machine. */
int want_platform(struct platform *out, const char *text, struct err *e) MUST_CHECK;

cmd_fn pull_run, login_run, logout_run, load_run, save_run, cp_run, export_run;
cmd_fn import_run, snapshot_diff_run, check_run, unpack_run, subid_run;
cmd_fn rebuild_run, content_ingest_run, content_fetch_run, fetch_blob_run, fetch_object_run,
	push_object_run;
