#include "shim/ring.h"

#include <assert.h>
#include <string.h>

struct record_head {
	uint32_t op;
	uint32_t len;
};

static void copy_in(struct ring *r, uint64_t at, const void *data, size_t len)
{
	size_t start = at % RING_SIZE;
	size_t first = len < RING_SIZE - start ? len : RING_SIZE - start;

	memcpy(r->data + start, data, first);
	memcpy(r->data, (const char *)data + first, len - first);
}

static struct record_head head_at(const struct ring *r, uint64_t at)
{
	unsigned char bytes[sizeof(struct record_head)];
	struct record_head h;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = r->data[(at + i) % RING_SIZE];
	memcpy(&h, bytes, sizeof(h));
	return h;
}

bool ring_has_room(const struct ring *r, size_t len, uint64_t from)
{
	return r->head - from + sizeof(struct record_head) + len <= RING_SIZE;
}

void ring_add(struct ring *r, uint32_t op, const void *data, size_t len)
{
	struct record_head h = { .op = op, .len = (uint32_t)len };

	assert(len <= RING_RECORD_MAX);
	while (!ring_has_room(r, len, r->tail))
		r->tail += sizeof(h) + head_at(r, r->tail).len;
	copy_in(r, r->head, &h, sizeof(h));
	copy_in(r, r->head + sizeof(h), data, len);
	r->head += sizeof(h) + len;
}

bool ring_peek(struct ring *r, uint64_t at, struct ring_record *out)
{
	struct record_head h;
	size_t start, first;

	if (at >= r->head)
		return false;
	assert(at >= r->tail);
	h = head_at(r, at);
	start = (at + sizeof(h)) % RING_SIZE;
	first = h.len < RING_SIZE - start ? h.len : RING_SIZE - start;
	*out = (struct ring_record){
		.op = h.op,
		.len = h.len,
		.part = { { r->data + start, first }, { r->data, h.len - first } },
		.next = at + sizeof(h) + h.len,
	};
	return true;
}
