/* spec_text.h - what the files that read and print a spec share.
 *
 * spec_parse.c and spec_print.c go through the document and call the parts
 * that have a file of their own.
 */
#pragma once

#include "lib/fmt/json.h"
#include "lib/fmt/spec.h"

/* linux.namespaces[].type, the members of hooks, and of linux.timeOffsets */
extern const char *const spec_ns_names[SPEC_NS_COUNT];
extern const char *const spec_hook_names[SPEC_HOOK_POINTS];
extern const char *const spec_clock_names[SPEC_CLOCKS];

/* A user or group id; the last one is none, since chown takes it for "leave
 * alone".  ID_NONE is not printed. */
int spec_id_get(uint32_t *out, const struct json_at *at, const char *key,
		enum json_need need, struct err *e) MUST_CHECK;
void spec_id_put(struct json_w *w, const char *key, uint32_t id);

/* The value of the member "process". */
int spec_process_get(struct spec_process *p, const struct json_at *at,
		     struct err *e) MUST_CHECK;
void spec_process_put(struct json_w *w, const struct spec_process *p);

/* --- linux.resources --- */

#define SPEC_MAX_IO_WEIGHT 1000

/* All that is one number, and all that is one string, in the order in which
 * it is printed. */
struct spec_number {
	const char *object;		/* "memory" */
	const char *key;
	size_t at;			/* in struct spec_resources */
	int64_t min, max;
};

struct spec_string {
	const char *object;
	const char *key;
	size_t at;
};

struct spec_access_letter {
	char letter;
	unsigned bit;
};

#define SPEC_NUMBERS 17
#define SPEC_STRINGS 2
#define SPEC_ACCESS_LETTERS 3
extern const struct spec_number spec_numbers[SPEC_NUMBERS];
extern const struct spec_string spec_strings[SPEC_STRINGS];
extern const struct spec_access_letter spec_access_letters[SPEC_ACCESS_LETTERS];
extern const char *const spec_throttle_keys[SPEC_THROTTLE_KINDS];

int64_t *spec_number_at(const struct spec_resources *r, const struct spec_number *n);
char **spec_string_at(const struct spec_resources *r, const struct spec_string *s);

/* The member "resources" of linux, when there is one. */
int spec_resources_get(struct spec_resources *r, const struct json_at *linux_at,
		       struct err *e) MUST_CHECK;
void spec_resources_put(struct json_w *w, const struct spec_resources *r);
