#include "lib/fmt/idmap.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

static uint32_t look_up(uint32_t id, uint32_t from, uint32_t to, uint32_t count)
{
	return id >= from && id - from < count ? to + (id - from) : ID_NONE;
}

uint32_t id_to_outside(const struct id_ranges *m, uint32_t inside)
{
	uint32_t id = ID_NONE;

	for (size_t i = 0; i < m->len && id == ID_NONE; i++)
		id = look_up(inside, m->at[i].inside, m->at[i].outside,
			     m->at[i].count);
	return id;
}

uint32_t id_to_inside(const struct id_ranges *m, uint32_t outside)
{
	uint32_t id = ID_NONE;

	for (size_t i = 0; i < m->len && id == ID_NONE; i++)
		id = look_up(outside, m->at[i].outside, m->at[i].inside,
			     m->at[i].count);
	return id;
}

/* ID_NONE, the last number, is not an id. */
static bool is_past_end(uint32_t start, uint32_t count)
{
	return count > ID_NONE - start;
}

static bool overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
	return a < b ? b - a < a_count : a - b < b_count;
}

int id_add(struct id_ranges *m, uint32_t inside, uint32_t outside,
	   uint32_t count, struct err *e)
{
	if (!count || is_past_end(inside, count) || is_past_end(outside, count))
		return err_set(e, EINVAL, "id range %u:%u:%u is empty or past the last id",
			       inside, outside, count);
	for (size_t i = 0; i < m->len; i++) {
		const struct id_range *r = &m->at[i];

		if (overlap(r->inside, r->count, inside, count) ||
		    overlap(r->outside, r->count, outside, count))
			return err_set(e, EINVAL, "id ranges %u:%u:%u and %u:%u:%u overlap",
				       r->inside, r->outside, r->count,
				       inside, outside, count);
	}
	if (m->len == MAX_IDMAP)
		return err_set(e, E2BIG, "an id map of more than %d ranges",
			       MAX_IDMAP);
	m->at[m->len++] = (struct id_range){ inside, outside, count };
	return 0;
}

/* Adds the grants in order from inside 0 on, leaving a gap of one at kept. */
static int add_grants(struct id_ranges *m, uint64_t kept,
		      const struct id_grant *grants, size_t len, struct err *e)
{
	uint64_t inside = 0;

	for (size_t i = 0; i < len; i++) {
		uint32_t start = grants[i].start;
		uint32_t left = grants[i].count;

		while (left) {
			uint32_t part = left;
			int r;

			if (inside == kept)
				inside++;
			if (inside < kept && kept - inside < part)
				part = (uint32_t)(kept - inside);
			/* More was granted than there are ids inside. */
			if (part > ID_NONE - inside)
				part = (uint32_t)(ID_NONE - inside);
			if (!part)
				return 0;
			r = id_add(m, (uint32_t)inside, start, part, e);
			if (r < 0)
				return r;
			inside += part;
			start += part;
			left -= part;
		}
	}
	return 0;
}

int id_map_keep(struct id_ranges *out, uint32_t self, uint32_t kept,
		const struct id_grant *grants, size_t len, struct err *e)
{
	struct id_ranges m = { .len = 0 };
	int r = id_add(&m, kept, self, 1, e);

	if (r == 0)
		r = add_grants(&m, kept, grants, len, e);
	if (r == 0)
		*out = m;
	return r;
}

int id_map_default(struct id_ranges *out, uint32_t self,
		   const struct id_grant *grants, size_t len, struct err *e)
{
	return id_map_keep(out, self, 0, grants, len, e);
}

int id_map_grants(struct id_ranges *out, const struct id_grant *grants,
		  size_t len, struct err *e)
{
	struct id_ranges m = { .len = 0 };
	int r = add_grants(&m, UINT64_MAX, grants, len, e);

	if (r == 0 && !m.len)
		r = err_set(e, EINVAL, "no subordinate ids to map");
	if (r == 0)
		*out = m;
	return r;
}

int id_map_single(struct id_ranges *out, uint32_t self, uint32_t inside,
		  struct err *e)
{
	return id_map_keep(out, self, inside, NULL, 0, e);
}

bool id_map_is_single(const struct id_ranges *m)
{
	return m->len == 1 && m->at[0].count == 1;
}

void id_print(const struct id_ranges *m, struct buf *b)
{
	for (size_t i = 0; i < m->len; i++)
		buf_addf(b, "%u %u %u\n", m->at[i].inside, m->at[i].outside,
			 m->at[i].count);
}

static void print_key(const struct id_ranges *m, struct buf *b)
{
	for (size_t i = 0; i < m->len; i++)
		buf_addf(b, "%s%u:%u:%u", i ? "," : "", m->at[i].inside,
			 m->at[i].outside, m->at[i].count);
}

void idmap_key(const struct idmap *m, struct buf *b)
{
	print_key(&m->uids, b);
	buf_addc(b, '/');
	print_key(&m->gids, b);
}

int id_parse_range(struct id_range *out, const char *text, struct err *e)
{
	char copy[40];			/* three ids of ten digits fit */
	char *part[3], *p = copy;
	uint64_t v[3];

	if (!str_copy(copy, sizeof(copy), text))
		return err_set(e, EINVAL, "'%s' is not an id range", text);
	for (size_t i = 0; i < 3; i++)
		part[i] = strsep(&p, ":");
	if (p || !part[2])
		return err_set(e, EINVAL, "'%s' is not INSIDE:OUTSIDE:COUNT", text);
	for (size_t i = 0; i < 3; i++) {
		int r = num_u64(part[i], i == 2, ID_NONE - 1, &v[i], e);

		if (r < 0)
			return err_ctx(e, r, "id range '%s'", text);
	}
	if (is_past_end((uint32_t)v[0], (uint32_t)v[2]) ||
	    is_past_end((uint32_t)v[1], (uint32_t)v[2]))
		return err_set(e, EINVAL, "id range '%s' goes past the last id", text);
	*out = (struct id_range){ (uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2] };
	return 0;
}

static int ranges_from_key(struct id_ranges *out, char *text, struct err *e)
{
	for (char *part; (part = strsep(&text, ","));) {
		struct id_range range;
		int r = id_parse_range(&range, part, e);

		if (r == 0)
			r = id_add(out, range.inside, range.outside, range.count, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int idmap_from_key(struct idmap *out, const char *key, struct err *e)
{
	AUTO_FREE char *copy = mem_str(key);
	struct idmap m = { .uids.len = 0 };
	char *gids;
	int r;

	copy[strcspn(copy, "+")] = '\0';
	gids = strchr(copy, '/');
	if (!gids)
		return err_set(e, EINVAL, "'%s' does not name an id map", copy);
	*gids++ = '\0';
	r = ranges_from_key(&m.uids, copy, e);
	if (r == 0)
		r = ranges_from_key(&m.gids, gids, e);
	if (r == 0)
		*out = m;
	return r;
}
