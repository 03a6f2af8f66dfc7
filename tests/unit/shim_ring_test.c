#include "tests/unit/test.h"

#include "lib/base/cleanup.h"
#include "shim/ring.h"

static struct ring ring;
static unsigned char bytes[RING_RECORD_MAX];

static void setup_ring(void)
{
	ring.head = ring.tail = 0;
}

static void check_record(const struct ring_record *rec, unsigned n, size_t len)
{
	size_t seen = 0;

	assert_int_equal(rec->op, n);
	assert_int_equal(rec->len, len);
	for (int p = 0; p < 2; p++)
		for (size_t i = 0; i < rec->part[p].iov_len; i++, seen++)
			assert_int_equal(((unsigned char *)rec->part[p].iov_base)[i],
					 (unsigned char)(n + seen));
	assert_int_equal(seen, len);
}

static void add(unsigned n, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(n + i);
	ring_add(&ring, n, bytes, len);
}

static size_t len_of(unsigned n)
{
	return (n * 7919u) % RING_RECORD_MAX + 1;
}

/* A reader that keeps up sees every record, across many turns of the ring. */
static void test_in_order(void **state UNUSED)
{
	uint64_t at = 0;

	setup_ring();
	for (unsigned n = 0; n < 500; n++) {
		struct ring_record rec;

		add(n, len_of(n));
		assert_true(ring_peek(&ring, at, &rec));
		check_record(&rec, n, len_of(n));
		at = rec.next;
		assert_false(ring_peek(&ring, at, &rec));
	}
}

/* The tail always is the start of a whole record, the oldest that is left. */
static void test_overrun(void **state UNUSED)
{
	setup_ring();
	for (unsigned n = 0; n < 300; n++) {
		uint64_t at;
		unsigned first = 0, count = 0;
		struct ring_record rec;

		add(n, len_of(n));
		assert_true(ring.head - ring.tail <= RING_SIZE);
		for (at = ring.tail; ring_peek(&ring, at, &rec); at = rec.next) {
			if (!count++)
				first = rec.op;
			check_record(&rec, rec.op, len_of(rec.op));
		}
		assert_int_equal(first + count, n + 1);
	}
}

static void test_room(void **state UNUSED)
{
	uint64_t reader;

	setup_ring();
	reader = ring.head;
	while (ring_has_room(&ring, 1000, reader))
		add(1, 1000);
	/* What the reader has not seen is all there. */
	assert_true(ring.tail <= reader);
	add(1, 1000);
	assert_true(ring.tail > reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests_name("shim/ring", tests, NULL, NULL);
}
