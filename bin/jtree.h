/* jtree.h - JSON trees of rows and inspected objects.
 *
 * Members are added whatever the value, so that a template finds each field:
 * a NULL text is "", an empty list [], an empty map {}.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/fmt/digest.h"

void jtree_text(json_t *object, const char *key, const char *value);
void jtree_number(json_t *object, const char *key, int64_t value);
void jtree_bool(json_t *object, const char *key, bool value);
void jtree_digest(json_t *object, const char *key, const struct digest *d);
void jtree_list(json_t *object, const char *key, const struct strv *items);
void jtree_map(json_t *object, const char *key, const struct strv *pairs);	/* "key=value" */
void jtree_words(json_t *object, const char *key, const struct strv *words);	/* "a,b" */
void jtree_keys(json_t *object, const char *key, const struct strv *keys);	/* {"key": {}} */

/* RFC 3339; 0 is year 1, as in Go. */
void jtree_time(json_t *object, const char *key, uint64_t wall_ns);

/* An empty object or list that is a member already; borrowed. */
json_t *jtree_object(json_t *object, const char *key);
json_t *jtree_array(json_t *object, const char *key);

/* In one line, and a newline.  Appends. */
void jtree_line(struct buf *out, const json_t *value);

/* Indented by four, and a newline.  Appends. */
void jtree_print(struct buf *out, const json_t *value);
