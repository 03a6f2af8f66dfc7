#include "lib/base/map.h"

#include <stdint.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

static uint64_t hash(const char *s)
{
	uint64_t h = 14695981039346656037ull;	/* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211ull;
	return h;
}

/* The slot of key, or the empty one where it would go. */
static size_t *find(const struct map *m, const char *key)
{
	size_t at = hash(key) & (m->slot_count - 1);

	while (m->slots[at] && !str_eq(m->entries[m->slots[at] - 1].key, key))
		at = (at + 1) & (m->slot_count - 1);
	return &m->slots[at];
}

static void grow(struct map *m)
{
	m->slot_count = m->slot_count ? m->slot_count * 2 : 16;
	free(m->slots);
	m->slots = mem_zero(m->slot_count, sizeof(*m->slots));
	for (size_t i = 0; i < m->len; i++)
		*find(m, m->entries[i].key) = i + 1;
	m->cap = m->slot_count / 2;
	m->entries = mem_grow(m->entries, m->cap, sizeof(*m->entries));
}

void *map_get(const struct map *m, const char *key)
{
	size_t at = m->slot_count ? *find(m, key) : 0;

	return at ? m->entries[at - 1].value : NULL;
}

void map_set(struct map *m, const char *key, void *value)
{
	size_t *slot;

	if (m->len == m->cap)
		grow(m);
	slot = find(m, key);
	if (!*slot) {
		m->entries[m->len] = (struct map_entry){ .key = mem_str(key) };
		*slot = ++m->len;
	}
	m->entries[*slot - 1].value = value;
}

void map_clear(struct map *m)
{
	int saved = errno;

	for (size_t i = 0; i < m->len; i++)
		free(m->entries[i].key);
	free(m->entries);
	free(m->slots);
	*m = (struct map)MAP_INIT;
	errno = saved;
}
