/* media.h - the media types of images (image-spec media-types.md, and what
 * docker wrote before it).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum media {
	MEDIA_UNKNOWN,
	MEDIA_OCI_MANIFEST,
	MEDIA_OCI_INDEX,
	MEDIA_OCI_CONFIG,
	MEDIA_OCI_LAYER,
	MEDIA_OCI_LAYER_GZIP,
	MEDIA_OCI_LAYER_ZSTD,
	MEDIA_OCI_FOREIGN,		/* "nondistributable" */
	MEDIA_OCI_FOREIGN_GZIP,
	MEDIA_OCI_FOREIGN_ZSTD,
	MEDIA_OCI_EMPTY,
	MEDIA_DOCKER_MANIFEST,
	MEDIA_DOCKER_LIST,
	MEDIA_DOCKER_CONFIG,
	MEDIA_DOCKER_LAYER,
	MEDIA_DOCKER_LAYER_GZIP,
	MEDIA_DOCKER_LAYER_ZSTD,
	MEDIA_DOCKER_FOREIGN,
	MEDIA_DOCKER_FOREIGN_GZIP,
	MEDIA_DOCKER_SCHEMA1,
	MEDIA_DOCKER_SCHEMA1_SIGNED,
	MEDIA_COUNT,
};

enum media_kind {
	MEDIA_IS_OTHER,
	MEDIA_IS_MANIFEST,
	MEDIA_IS_INDEX,
	MEDIA_IS_CONFIG,
	MEDIA_IS_LAYER,
	MEDIA_IS_SCHEMA1,
};

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_ZSTD,
};

/* The whole text, as in a descriptor. */
enum media media_lookup(const char *text);

/* As a Content-Type header has it: any case, parameters ignored. */
enum media media_lookup_header(const char *value);

const char *media_text(enum media m);		/* NULL for MEDIA_UNKNOWN */
enum media_kind media_kind(enum media m);
bool media_is_foreign(enum media m);		/* layers fetched elsewhere */

/* Only of layers.  It is what the type claims; the bytes decide. */
enum compression media_compression(enum media m);

/* The OCI type of a layer with this compression. */
enum media media_layer(enum compression c);

/* What an Accept header for manifests and indexes holds. */
extern const char media_accept[];
