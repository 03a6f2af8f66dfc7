/* whiteout.h - what the base name of a tar entry means (image-spec layer.md,
 * "Whiteouts"; RELIABILITY C6).
 */
#pragma once

enum whiteout {
	WHITEOUT_NOT,		/* an ordinary name */
	WHITEOUT_HIDES,		/* .wh.NAME: NAME of the layers below is gone */
	WHITEOUT_OPAQUE,	/* .wh..wh..opq: all of the directory below is */
	WHITEOUT_IGNORE,	/* .wh..wh.*: left over from aufs */
	WHITEOUT_INVALID,	/* nothing, "." or ".." after .wh. */
};

/* base is one component.  *name points into base at what is hidden, for
 * WHITEOUT_HIDES. */
enum whiteout whiteout_classify(const char *base, const char **name);
