/* limits.h - every maximum in the program, with its reason.
 *
 * What an outsider can make grow has its number here.  Sizes are bytes.
 */
#pragma once

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

/* documents held in memory; the figures of the common image libraries */
#define MAX_MANIFEST		MIB(4)
#define MAX_IMGCONF		MIB(8)
#define MAX_TOKEN		MIB(1)
#define MAX_ERROR_BODY		MIB(1)
#define MAX_HTTP_HEADERS	KIB(256)
#define MAX_AUTH_FILE		MIB(1)
#define MAX_SPEC		MIB(8)
#define MAX_JSON_DEPTH		64

/* files of a root file system that we read: passwd, group, ... */
#define MAX_ROOT_FILE		MIB(10)
#define MAX_ENV_FILE		MIB(1)
#define MAX_ENV_VARS		4096
#define MAX_ID_LINES		100000	/* of passwd, group, subuid */
#define MAX_USER_GROUPS		64	/* of one user, beside the first */

/* names */
#define MAX_REF			512	/* an image reference */
#define MAX_ID			128	/* a container, volume or namespace */
#define MAX_PATH		4096
#define MAX_COMPONENT		255
#define MAX_LAYERS		127	/* of one image; docker's figure */
#define MAX_INDEX_ENTRIES	1024

/* layers */
#define MAX_TAR_RECORD		MIB(1)	/* pax or GNU long name */
#define MAX_XATTR_VALUE		KIB(64)
#define MAX_XATTR_SUM		MIB(1)	/* of one entry */
#define MAX_DEPTH		1000
#define MAX_LAYER_ENTRIES	10000000ull
#define MAX_STORE_INDEX		MIB(64)
#define MAX_LAYER_BYTES		GIB(1024)
#define MAX_INFLATE_RATIO	1000	/* looked at beyond the next figure */
#define MIN_INFLATE_SUSPECT	GIB(1)
#define MAX_ZSTD_WINDOW_LOG	27	/* 128 MiB */

/* id maps: the kernel takes 340 lines */
#define MAX_IDMAP		340

/* --format: the template is the user's, the values are anybody's */
#define MAX_TMPL_TEXT		KIB(64)
#define MAX_TMPL_DEPTH		64	/* blocks, parentheses */
#define MAX_TMPL_STEPS		4000000	/* actions run, values looked at */
#define MAX_TMPL_OUTPUT		MIB(64)	/* also of one function's result */

/* the shim */
#define MAX_SHIM_MESSAGE	KIB(64)
#define MAX_SHIM_CLIENTS	64
#define MAX_SHIM_EXECS		64
#define MAX_LOG_LINE		KIB(16)	/* longer lines are split, as docker does */
#define MAX_PLAN		MIB(4)
#define MAX_PORTS		4096
