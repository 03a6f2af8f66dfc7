#include "lib/fmt/media.h"

#include <string.h>
#include <strings.h>

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

static const struct {
	const char *text;
	enum media_kind kind;
	enum compression compression;
	bool is_foreign;
} types[MEDIA_COUNT] = {
	[MEDIA_OCI_MANIFEST] = { OCI "manifest.v1+json", MEDIA_IS_MANIFEST },
	[MEDIA_OCI_INDEX] = { OCI "index.v1+json", MEDIA_IS_INDEX },
	[MEDIA_OCI_CONFIG] = { OCI "config.v1+json", MEDIA_IS_CONFIG },
	[MEDIA_OCI_LAYER] = { OCI "layer.v1.tar", MEDIA_IS_LAYER },
	[MEDIA_OCI_LAYER_GZIP] = {
		OCI "layer.v1.tar+gzip", MEDIA_IS_LAYER, COMPRESSION_GZIP },
	[MEDIA_OCI_LAYER_ZSTD] = {
		OCI "layer.v1.tar+zstd", MEDIA_IS_LAYER, COMPRESSION_ZSTD },
	[MEDIA_OCI_FOREIGN] = {
		OCI "layer.nondistributable.v1.tar",
		MEDIA_IS_LAYER, COMPRESSION_NONE, true },
	[MEDIA_OCI_FOREIGN_GZIP] = {
		OCI "layer.nondistributable.v1.tar+gzip",
		MEDIA_IS_LAYER, COMPRESSION_GZIP, true },
	[MEDIA_OCI_FOREIGN_ZSTD] = {
		OCI "layer.nondistributable.v1.tar+zstd",
		MEDIA_IS_LAYER, COMPRESSION_ZSTD, true },
	[MEDIA_OCI_EMPTY] = { "application/vnd.oci.empty.v1+json" },
	[MEDIA_DOCKER_MANIFEST] = {
		DOCKER "distribution.manifest.v2+json", MEDIA_IS_MANIFEST },
	[MEDIA_DOCKER_LIST] = {
		DOCKER "distribution.manifest.list.v2+json", MEDIA_IS_INDEX },
	[MEDIA_DOCKER_CONFIG] = {
		DOCKER "container.image.v1+json", MEDIA_IS_CONFIG },
	[MEDIA_DOCKER_LAYER] = { DOCKER "image.rootfs.diff.tar", MEDIA_IS_LAYER },
	[MEDIA_DOCKER_LAYER_GZIP] = {
		DOCKER "image.rootfs.diff.tar.gzip",
		MEDIA_IS_LAYER, COMPRESSION_GZIP },
	[MEDIA_DOCKER_LAYER_ZSTD] = {
		DOCKER "image.rootfs.diff.tar.zstd",
		MEDIA_IS_LAYER, COMPRESSION_ZSTD },
	[MEDIA_DOCKER_FOREIGN] = {
		DOCKER "image.rootfs.foreign.diff.tar",
		MEDIA_IS_LAYER, COMPRESSION_NONE, true },
	[MEDIA_DOCKER_FOREIGN_GZIP] = {
		DOCKER "image.rootfs.foreign.diff.tar.gzip",
		MEDIA_IS_LAYER, COMPRESSION_GZIP, true },
	[MEDIA_DOCKER_SCHEMA1] = {
		DOCKER "distribution.manifest.v1+json", MEDIA_IS_SCHEMA1 },
	[MEDIA_DOCKER_SCHEMA1_SIGNED] = {
		DOCKER "distribution.manifest.v1+prettyjws", MEDIA_IS_SCHEMA1 },
};

const char media_accept[] =
	OCI "index.v1+json, "
	OCI "manifest.v1+json, "
	DOCKER "distribution.manifest.list.v2+json, "
	DOCKER "distribution.manifest.v2+json";

enum media media_lookup(const char *text)
{
	for (size_t i = MEDIA_UNKNOWN + 1; i < MEDIA_COUNT; i++)
		if (strcmp(types[i].text, text) == 0)
			return (enum media)i;
	return MEDIA_UNKNOWN;
}

enum media media_lookup_header(const char *value)
{
	size_t len;

	value += strspn(value, " \t");
	len = strcspn(value, " \t;");
	for (size_t i = MEDIA_UNKNOWN + 1; i < MEDIA_COUNT; i++)
		if (strlen(types[i].text) == len &&
		    strncasecmp(types[i].text, value, len) == 0)
			return (enum media)i;
	return MEDIA_UNKNOWN;
}

const char *media_text(enum media m)
{
	return types[m].text;
}

enum media_kind media_kind(enum media m)
{
	return types[m].kind;
}

bool media_is_foreign(enum media m)
{
	return types[m].is_foreign;
}

enum compression media_compression(enum media m)
{
	return types[m].compression;
}

enum media media_layer(enum compression c)
{
	static const enum media layers[] = {
		[COMPRESSION_NONE] = MEDIA_OCI_LAYER,
		[COMPRESSION_GZIP] = MEDIA_OCI_LAYER_GZIP,
		[COMPRESSION_ZSTD] = MEDIA_OCI_LAYER_ZSTD,
	};

	return layers[c];
}
