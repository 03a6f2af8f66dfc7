/* create.h - makes a container: snapshot, files, rows.
 *
 * Either all of it exists afterwards or nothing does: the row comes last, in
 * the transaction that also makes the snapshot.  Nothing runs yet.
 *
 * Errors: -ENOENT no such image, key "image.missing"; -EEXIST the name is
 * taken; -EINVAL a flag, by name.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/ctr/bundle.h"
#include "lib/image/docs.h"
#include "lib/store/images.h"

struct ctr_create_in {
	struct ctr_config *config;	/* of the flags; its contents are taken */
	const char *name;		/* NULL: one is chosen */
	bool given_entrypoint;
	const char *id;			/* NULL: one is made */
	bool is_started_next;		/* by ctr_start(), which then needs no row
					 * written: it says running at once */
};

int ctr_create(struct ctr_bundle *out, struct ctr_env *env,
	       const struct ctr_create_in *in, struct err *e) MUST_CHECK;

/* What ctr_create() would write for an image without anything in it, below
 * "rootfs"; the config has a command and neither mounts nor --rootfs, and its
 * contents are taken.  Needs no store. */
int ctr_bare_spec(struct spec *out, struct ctr_env *env, struct ctr_config *config,
		  struct err *e) MUST_CHECK;

/* The image that a user means: by name ("alpine"), digest or id. */
int ctr_find_image(struct image *out, struct ctr_env *env, const char *text,
		   struct err *e) MUST_CHECK;

/* Its documents: manifest and configuration. */
int ctr_image_docs(struct image_docs *out, struct ctr_env *env,
		   const struct image *image, struct err *e) MUST_CHECK;
