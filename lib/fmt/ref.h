/* ref.h - image references: [DOMAIN/]PATH[:TAG][@DIGEST].
 *
 * The grammar of distribution and docker.  The first component is the domain
 * when it has a '.', a ':' or a '[' or is "localhost"; otherwise the domain is
 * docker.io, and there a path of one component is below library/.  A parsed
 * struct ref is complete: domain and path are never NULL.  index.docker.io
 * and registry-1.docker.io are read as docker.io.
 * Errors: -EINVAL not a reference, with what is wrong with it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/fmt/digest.h"

#define REF_DOCKER "docker.io"
#define REF_TAG_MAX 128

struct ref {
	char *domain;		/* "docker.io", "localhost:5000", "[::1]:5000" */
	char *path;		/* "library/alpine" */
	char *tag;		/* NULL: absent */
	struct digest digest;	/* unset: absent */
};

#define REF_INIT { .domain = NULL }

int ref_parse(struct ref *out, const char *text, struct err *e) MUST_CHECK;
void ref_clear(struct ref *r);
void ref_copy(struct ref *to, const struct ref *from);

/* Adds "latest" when there is neither tag nor digest. */
void ref_default_tag(struct ref *r);

/* In full: "docker.io/library/alpine:3".  Appends. */
void ref_print(const struct ref *r, struct buf *out);

/* As people write it: "alpine:3".  Appends. */
void ref_familiar(const struct ref *r, struct buf *out);

/* The familiar name without tag and digest: "alpine".  Appends. */
void ref_familiar_name(const struct ref *r, struct buf *out);

bool ref_is_tag(const char *text);

/* 1 to 64 lower-case hexadecimal digits, with or without "sha256:" in front:
 * it may name an image by id.  *hex is where the digits start. */
bool ref_is_id_prefix(const char *text, const char **hex);

static inline void ref_auto(struct ref *r)
{
	ref_clear(r);
}
