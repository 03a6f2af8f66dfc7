/* layout.h - content/ is an OCI image layout, which other tools read: the two
 * files that make it one.
 *
 * index.json lists the images, and is a view of the database: it is written
 * after the transaction that changed them.  image-spec, image-layout.md.
 */
#pragma once

#include "lib/store/store.h"

/* What is missing in a new content/. */
int layout_make(int content_fd, struct err *e) MUST_CHECK;

/* The store does this by itself after every change of an image. */
int layout_write_index(struct store *s, struct err *e) MUST_CHECK;

/* -EBADMSG: what is wrong with them. */
int layout_check(struct store *s, struct err *e) MUST_CHECK;
int layout_repair(struct store *s, struct err *e) MUST_CHECK;
