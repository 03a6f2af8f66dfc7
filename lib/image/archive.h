/* archive.h - images in one file: load and save.
 *
 * Reads docker-archive (manifest.json; also with the links between layers that
 * older dockers wrote) and oci-archive (index.json, blobs/sha256), plain, gzip
 * or zstd, from a file or a pipe.  An archive that is both is read as OCI.
 * Writes docker-archive, with plain layers as docker has it, or oci-archive.
 *
 * The archive is an outsider's: names in it are looked up in its own list
 * only and never become paths; blobs are named by what they hash to.
 * A name that exists and points elsewhere is not moved unless forced
 * (RELIABILITY D6); what happened to each name is reported.
 *
 * Errors: -EBADMSG not an image archive, or a damaged one; -ENOTSUP one that
 * has only "repositories", as dockers before 1.10 wrote; -EEXIST a name
 * would have moved; -ENOENT the image or a blob of it is not here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/fmt/digest.h"
#include "lib/image/layers.h"

enum load_fate {
	LOAD_NEW,		/* the name is new */
	LOAD_SAME,		/* it pointed there already */
	LOAD_MOVED,		/* forced; was what it pointed at */
	LOAD_KEPT,		/* not moved; the image is there without it */
	LOAD_UNNAMED,		/* the archive gave no name */
};

struct load_image {
	char *name;		/* "docker.io/library/x:1"; NULL: LOAD_UNNAMED */
	struct digest target;	/* the manifest */
	struct digest config;	/* the image id */
	struct digest was;	/* LOAD_MOVED, LOAD_KEPT */
	enum load_fate fate;
};

struct load_result {
	struct load_image *images;
	size_t count;
};

#define LOAD_RESULT_INIT { .images = NULL }

void load_result_clear(struct load_result *r);

static inline void load_result_auto(struct load_result *r)
{
	load_result_clear(r);
}

struct load_options {
	int fd;				/* a file or a pipe */
	const char *ns;
	const struct platform *platform;	/* of an index; NULL: all are kept */
	bool force;			/* names may move */
	struct image_env env;
};

int archive_load(struct load_result *out, const struct load_options *o,
		 struct err *e) MUST_CHECK;

enum save_format { SAVE_DOCKER, SAVE_OCI };

struct save_image {
	const struct image_docs *docs;
	const char *name;		/* full reference with tag, or NULL */
};

struct save_options {
	int fd;				/* a file or a pipe */
	enum save_format format;
	const struct save_image *images;
	size_t count;
	struct store *store;
};

int archive_save(const struct save_options *o, struct err *e) MUST_CHECK;
