/* json.h - jansson made strict, and a writer that needs no tree.
 *
 * Reading: json_load_strict() takes exactly one document of valid UTF-8
 * without NUL, without duplicate keys and not nested deeper than
 * MAX_JSON_DEPTH.  The getters then walk it.  A struct json_at is a value and
 * the way to it: a plain value on the stack that points at the one above, so
 * it must not outlive that one.  Every message names the member:
 * "layers[3].digest: not a string".
 *
 * A getter returns 1 and fills out when the member is there, 0 and leaves out
 * alone when it is absent or null and JSON_MAY was said, else a negative
 * errno.  Strings that are returned belong to the document, except where
 * copies are promised.
 * Errors: -EBADMSG not such JSON, missing member or wrong type; -ERANGE a
 * number outside [min, max]; -E2BIG too many items.
 *
 * Integers up to UINT64_MAX are exact.  jansson knows signed ones only, so a
 * larger one is kept as a string that starts with a byte no JSON text may
 * hold raw; the getters hide it.
 *
 * Writing: a struct json_w appends to a buf and minds the commas.  It cannot
 * fail; the caller asks buf_ok() at the end.  Invalid UTF-8 becomes U+FFFD.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/strv.h"

struct json_at {
	const json_t *value;		/* NULL: absent */
	const struct json_at *up;	/* NULL: the document itself */
	const char *key;		/* NULL: item number index of a list */
	size_t index;
};

enum json_need { JSON_MAY, JSON_MUST };

/* For the main() of a program, before any of this: without memory jansson would
 * read and print less than there is; now it is as lib/base/mem has it. */
void json_needs_memory(void);

/* The caller ends it with json_decref() or AUTO(json). */
int json_load_strict(json_t **out, const char *text, size_t len,
		     struct err *e) MUST_CHECK;

static inline void json_auto(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

static inline struct json_at json_root(const json_t *doc)
{
	return (struct json_at){ .value = doc };
}

/* "PATH: text", as the getters word it; returns -code. */
int json_fail(const struct json_at *at, int code, struct err *e,
	      const char *fmt, ...) PRINTF(4, 5);

/* Members of an object. */
bool json_has(const struct json_at *object, const char *key);
struct json_at json_member(const struct json_at *object, const char *key);
int json_get_object(struct json_at *out, const struct json_at *object,
		    const char *key, enum json_need need,
		    struct err *e) MUST_CHECK;
int json_get_list(struct json_at *out, const struct json_at *object,
		  const char *key, size_t max, enum json_need need,
		  struct err *e) MUST_CHECK;
int json_get_string(const char **out, const struct json_at *object,
		    const char *key, enum json_need need,
		    struct err *e) MUST_CHECK;
int json_get_copy(char **out, const struct json_at *object, const char *key,
		  enum json_need need, struct err *e) MUST_CHECK;
int json_get_u64(uint64_t *out, const struct json_at *object, const char *key,
		 uint64_t min, uint64_t max, enum json_need need,
		 struct err *e) MUST_CHECK;
int json_get_i64(int64_t *out, const struct json_at *object, const char *key,
		 int64_t min, int64_t max, enum json_need need,
		 struct err *e) MUST_CHECK;
int json_get_u32(uint32_t *out, const struct json_at *object, const char *key,
		 enum json_need need, struct err *e) MUST_CHECK;
int json_get_bool(bool *out, const struct json_at *object, const char *key,
		  enum json_need need, struct err *e) MUST_CHECK;

/* These append copies: a list of strings; {"k":"v"} as "k=v", where a key
 * may not hold '='; the keys of an object whatever the values. */
int json_get_strv(struct strv *out, const struct json_at *object,
		  const char *key, enum json_need need,
		  struct err *e) MUST_CHECK;
int json_get_map(struct strv *out, const struct json_at *object,
		 const char *key, enum json_need need,
		 struct err *e) MUST_CHECK;
int json_get_keys(struct strv *out, const struct json_at *object,
		  const char *key, enum json_need need,
		  struct err *e) MUST_CHECK;

/* Items: of a list by number, of an object in the order of the text. */
size_t json_len(const struct json_at *at);
struct json_at json_item(const struct json_at *list, size_t index);
#define json_each_member(object, iter, item)					\
	for (void *iter = json_object_iter((json_t *)(object)->value);		\
	     iter && ((item) = json_iter_at((object), iter), true);		\
	     iter = json_object_iter_next((json_t *)(object)->value, iter))
struct json_at json_iter_at(const struct json_at *object, void *iter);
int json_as_object(const struct json_at *at, struct err *e) MUST_CHECK;
int json_as_string(const char **out, const struct json_at *at,
		   struct err *e) MUST_CHECK;
int json_as_u64(uint64_t *out, const struct json_at *at, uint64_t min,
		uint64_t max, struct err *e) MUST_CHECK;

/* The writer.  With indent every item gets a line of its own. */
struct json_w {
	struct buf *out;
	uint64_t is_list;	/* a bit per level; levels <= MAX_JSON_DEPTH */
	unsigned depth;
	bool comma;		/* an item was written before on this level */
	bool after_key;
	bool indent;
};

#define JSON_W_INIT(buf) { .out = (buf) }

void json_w_object(struct json_w *w);
void json_w_array(struct json_w *w);
void json_w_end(struct json_w *w);		/* of the innermost of these */
void json_w_key(struct json_w *w, const char *key);
void json_w_string(struct json_w *w, const char *s);
void json_w_stringn(struct json_w *w, const char *s, size_t len);
void json_w_u64(struct json_w *w, uint64_t v);
void json_w_i64(struct json_w *w, int64_t v);
void json_w_bool(struct json_w *w, bool v);
void json_w_null(struct json_w *w);
void json_w_raw(struct json_w *w, const char *json);	/* one value, as it is */
void json_w_value(struct json_w *w, const json_t *v);	/* a tree from json_load_strict */

/* Members, key and value at once.  A NULL string, an empty strv and a false
 * flag are left out; json_m_bool always writes. */
void json_m_object(struct json_w *w, const char *key);
void json_m_array(struct json_w *w, const char *key);
void json_m_string(struct json_w *w, const char *key, const char *s);
void json_m_u64(struct json_w *w, const char *key, uint64_t v);
void json_m_i64(struct json_w *w, const char *key, int64_t v);
void json_m_bool(struct json_w *w, const char *key, bool v);
void json_m_flag(struct json_w *w, const char *key, bool v);
void json_m_strv(struct json_w *w, const char *key, const struct strv *s);
void json_m_map(struct json_w *w, const char *key, const struct strv *s);
void json_m_keys(struct json_w *w, const char *key, const struct strv *s);
