/* images.h - the names of images, and what they stand for.
 *
 * A row is one name of one namespace, or an image that lost its last name
 * (dangling).  Names are canonical reference texts that the caller made
 * ("docker.io/library/alpine:3.20"); they are compared, never parsed.
 *
 * An image's id, as docker has it, is the digest of its config.  Several rows
 * may share it.  A config never has both a name and a dangling row.
 *
 * Every change is durable and atomic: a tag names the old image or the new.
 *
 * Ownership: strings and arrays belong to the struct image; x_clear releases.
 * Errors: -ENOENT no such image; -ENOTUNIQ an id prefix fits several, which
 * the text names; -EBADMSG put: a blob that it needs is not in the store.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/fmt/digest.h"
#include "lib/store/store.h"

struct image {
	int64_t row;
	char *ns;
	char *name;			/* NULL: dangling */
	struct digest target;		/* what the name stands for: index or manifest */
	char *media_type;		/* of target */
	uint64_t size;			/* of target */
	struct digest manifest;		/* the platform chosen; target when no index */
	struct digest config;
	char *platform;			/* "linux/amd64" */
	uint64_t created_ns;		/* as the config says; 0: it does not */
	uint64_t put_ns;		/* when the name was given */
	uint64_t packed_size;		/* sum of the layer blobs */
	uint64_t unpacked_size;		/* sum of the layers on disk; 0: not unpacked */
	struct digest *layers;		/* diff ids, lowest first */
	size_t layer_count;
};

#define IMAGE_INIT { .row = 0 }

struct images {
	struct image *v;
	size_t len;
};

#define IMAGES_INIT { .v = NULL }

void image_clear(struct image *i);
void images_clear(struct images *l);

static inline void image_auto(struct image *i)
{
	image_clear(i);
}

static inline void images_auto(struct images *l)
{
	images_clear(l);
}

/* Gives img->name (NULL: none) to the image; row, ns and put_ns are not read.
 * Another image that had the name keeps a dangling row if that was its last.
 * *replaced, when not NULL, is set to the config that lost the name, or
 * emptied.  Calls content_barrier() first.  -EBADMSG leaves the name as it was. */
int image_put(struct store *s, const char *ns, const struct image *img,
	      struct digest *replaced, struct err *e) MUST_CHECK;

/* By name. */
int image_get(struct image *out, struct store *s, const char *ns,
	      const char *name, struct err *e) MUST_CHECK;

/* By what is not a name: "sha256:HEX" of config, manifest or target, or the
 * first hexadecimal digits of an id.  Prefers a row that has a name. */
int image_find(struct image *out, struct store *s, const char *ns,
	       const char *text, struct err *e) MUST_CHECK;

/* Without layers; newest first.  config NULL: all of the namespace. */
int image_list(struct images *out, struct store *s, const char *ns,
	       const struct digest *config, struct err *e) MUST_CHECK;

/* One more name for what a row stands for (moves the name if it is taken). */
int image_tag(struct store *s, const char *ns, int64_t row, const char *name,
	      struct digest *replaced, struct err *e) MUST_CHECK;

/* Removes a row, even the last of its image: then nothing names it and GC
 * takes it unless a container uses it. */
int image_remove(struct store *s, int64_t row, struct err *e) MUST_CHECK;

/* Ids of the containers of ns that were made from this config. */
int image_users(struct strv *out, struct store *s, const char *ns,
		const struct digest *config, struct err *e) MUST_CHECK;
