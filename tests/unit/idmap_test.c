#include "tests/unit/test.h"

#include "lib/base/str.h"
#include "lib/fmt/idmap.h"

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % below;
}

static void test_add(void **state UNUSED)
{
	static const struct {
		uint32_t inside, outside, count;
		int error;
		size_t len;		/* afterwards */
	} steps[] = {
		{ 0, 1000, 1, 0, 1 },
		{ 1, 100000, 10, 0, 2 },
		{ 11, 100010, 5, 0, 3 },	/* continues: not joined */
		{ 16, 200000, 5, 0, 4 },
		{ 20, 300000, 1, EINVAL, 4 },
		{ 50, 100014, 1, EINVAL, 4 },
		{ 50, 99999, 2, EINVAL, 4 },
		{ 50, 1000, 1, EINVAL, 4 },
		{ 50, 5000, 0, EINVAL, 4 },
		{ ID_NONE, 5000, 1, EINVAL, 4 },
		{ 50, ID_NONE, 1, EINVAL, 4 },
		{ ID_NONE - 1, 5000, 2, EINVAL, 4 },
		{ 50, ID_NONE - 1, 2, EINVAL, 4 },
		{ ID_NONE - 1, ID_NONE - 1, 1, 0, 5 },
		{ 0, 0, ID_NONE, EINVAL, 5 },
	};
	struct id_ranges m = { .len = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(id_add(&m, steps[i].inside, steps[i].outside,
					steps[i].count, &e), -steps[i].error);
		assert_int_equal(m.len, steps[i].len);
	}
	assert_int_equal(id_to_outside(&m, 0), 1000);
	assert_int_equal(id_to_outside(&m, 15), 100014);
	assert_int_equal(id_to_outside(&m, 20), 200004);
	assert_int_equal(id_to_outside(&m, 21), ID_NONE);
	assert_int_equal(id_to_outside(&m, ID_NONE), ID_NONE);
	assert_int_equal(id_to_inside(&m, 1000), 0);
	assert_int_equal(id_to_inside(&m, 999), ID_NONE);
	assert_int_equal(id_to_inside(&m, ID_NONE), ID_NONE);
}

static void test_whole_range(void **state UNUSED)
{
	struct id_ranges m = { .len = 0 };
	struct err e = ERR_INIT;

	assert_int_equal(id_add(&m, 0, 0, ID_NONE, &e), 0);
	assert_int_equal(id_to_outside(&m, ID_NONE - 1), ID_NONE - 1);
	assert_int_equal(id_to_outside(&m, ID_NONE), ID_NONE);
	assert_false(id_map_is_single(&m));
}

static void check_policy(const char *want, int r, const struct id_ranges *m,
			 struct err *e)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);

	if (!want) {
		assert_true(r < 0);
		err_clear(e);
		return;
	}
	assert_int_equal(r, 0);
	id_print(m, &b);
	assert_string_equal(b.data, want);
}

static void test_policies(void **state UNUSED)
{
	static const struct id_grant one[] = { { 100000, 65536 } };
	static const struct id_grant two[] = { { 100000, 10 }, { 300000, 5 } };
	static const struct id_grant self[] = { { 990, 20 } };
	static const struct id_grant all[] = { { 0, 1000 }, { 1001, ID_NONE - 1001 } };
	struct id_ranges m = { .len = 0 };
	struct err e = ERR_INIT;

	check_policy("0 1000 1\n1 100000 65536\n",
		     id_map_default(&m, 1000, one, 1, &e), &m, &e);
	check_policy("0 1000 1\n1 100000 10\n11 300000 5\n",
		     id_map_default(&m, 1000, two, 2, &e), &m, &e);
	check_policy("0 1000 1\n", id_map_default(&m, 1000, NULL, 0, &e), &m, &e);
	check_policy(NULL, id_map_default(&m, 1000, self, 1, &e), &m, &e);
	check_policy("1000 1000 1\n0 100000 1000\n1001 101000 64536\n",
		     id_map_keep(&m, 1000, 1000, one, 1, &e), &m, &e);
	check_policy("12 1000 1\n0 100000 10\n10 300000 2\n13 300002 3\n",
		     id_map_keep(&m, 1000, 12, two, 2, &e), &m, &e);
	check_policy("10 1000 1\n0 100000 10\n11 300000 5\n",
		     id_map_keep(&m, 1000, 10, two, 2, &e), &m, &e);
	check_policy("99 1000 1\n0 100000 10\n10 300000 5\n",
		     id_map_keep(&m, 1000, 99, two, 2, &e), &m, &e);
	check_policy("0 100000 10\n10 300000 5\n",
		     id_map_grants(&m, two, 2, &e), &m, &e);
	check_policy(NULL, id_map_grants(&m, NULL, 0, &e), &m, &e);
	check_policy("7 1000 1\n", id_map_single(&m, 1000, 7, &e), &m, &e);
	assert_true(id_map_is_single(&m));
	check_policy(NULL, id_map_keep(&m, 1000, ID_NONE, one, 1, &e), &m, &e);
	check_policy("0 1000 1\n1 0 1000\n1001 1001 4294966294\n",
		     id_map_default(&m, 1000, all, 2, &e), &m, &e);
}

/* For any grants: a bijection, self where it should be, every granted id in
 * order and none other, the printed form is the map. */
static void check_keep(uint32_t self, uint32_t kept, const struct id_grant *g,
		       size_t len)
{
	struct id_ranges m = { .len = 0 };
	struct err e = ERR_INIT;
	uint32_t inside = 0, total = 1;

	assert_int_equal(id_map_keep(&m, self, kept, g, len, &e), 0);
	assert_int_equal(id_to_outside(&m, kept), self);
	assert_int_equal(id_to_inside(&m, self), kept);
	for (size_t i = 0; i < len; i++) {
		for (uint32_t n = 0; n < g[i].count; n++) {
			if (inside == kept)
				inside++;
			assert_int_equal(id_to_outside(&m, inside), g[i].start + n);
			assert_int_equal(id_to_inside(&m, g[i].start + n), inside);
			inside++;
		}
		total += g[i].count;
	}
	for (size_t i = 0; i < m.len; i++)
		total -= m.at[i].count;
	assert_int_equal(total, 0);
	assert_int_equal(id_to_outside(&m, inside == kept ? inside + 1 : inside),
			 ID_NONE);
}

static void test_random_policies(void **state UNUSED)
{
	for (int round = 0; round < 500; round++) {
		struct id_grant g[8];
		size_t len = rnd(8);
		uint32_t next = 2000 + rnd(100);

		for (size_t i = 0; i < len; i++) {
			g[i] = (struct id_grant){ next, 1 + rnd(60) };
			next += g[i].count + rnd(2) * rnd(500);
		}
		check_keep(1000, rnd(300), g, len);
		check_keep(1000, 0, g, len);
	}
}

/* Random additions, right and wrong: the map stays a bijection. */
static void test_random_additions(void **state UNUSED)
{
	static const uint32_t bases[] = { 0, 1000, UINT32_MAX - 600 };

	for (int round = 0; round < 500; round++) {
		struct id_ranges m = { .len = 0 };

		for (int i = 0; i < 30; i++) {
			struct err e = ERR_INIT;

			(void)!id_add(&m, bases[rnd(3)] + rnd(600),
				      bases[rnd(3)] + rnd(600), rnd(50), &e);
		}
		for (uint32_t base = 0; base < 3; base++) {
			for (uint32_t n = 0; n <= 600; n++) {
				uint32_t id = bases[base] + n;
				uint32_t out = id_to_outside(&m, id);
				uint32_t in = id_to_inside(&m, id);

				if (out != ID_NONE)
					assert_int_equal(id_to_inside(&m, out), id);
				if (in != ID_NONE)
					assert_int_equal(id_to_outside(&m, in), id);
			}
		}
	}
}

static void test_too_many(void **state UNUSED)
{
	struct id_ranges m = { .len = 0 };
	struct err e = ERR_INIT;

	for (uint32_t i = 0; i < MAX_IDMAP; i++)
		assert_int_equal(id_add(&m, i * 2, i * 2, 1, &e), 0);
	assert_int_equal(id_add(&m, 5000, 5000, 1, &e), -E2BIG);
}

static void test_parse(void **state UNUSED)
{
	static const char *const bad[] = {
		"", "1", "1:2", "1:2:3:4", "1:2:0", ":2:3", "1::3", "1:2:",
		"-1:2:3", "1:2:4294967295", "4294967294:0:2", "0:4294967294:2",
		"4294967295:0:1", " 1:2:3", "1:2:3 ", "0x1:2:3",
		"11111111111111111111111111111111111111111:1:1",
	};
	struct id_range r = { 9, 9, 9 };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(id_parse_range(&r, bad[i], &e) < 0);
		assert_int_equal(r.inside, 9);
		err_clear(&e);
	}
	assert_int_equal(id_parse_range(&r, "1:2:3", &e), 0);
	assert_int_equal(r.inside, 1);
	assert_int_equal(r.outside, 2);
	assert_int_equal(r.count, 3);
	assert_int_equal(id_parse_range(&r, "4294967294:0:1", &e), 0);
}

static void test_key(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct idmap m = { .uids.len = 0 };
	struct err e = ERR_INIT;

	assert_int_equal(id_add(&m.uids, 0, 1000, 1, &e), 0);
	assert_int_equal(id_add(&m.uids, 1, 100000, 65536, &e), 0);
	assert_int_equal(id_add(&m.gids, 0, 1001, 1, &e), 0);
	idmap_key(&m, &b);
	assert_string_equal(b.data, "0:1000:1,1:100000:65536/0:1001:1");
}

static void test_from_key(void **state UNUSED)
{
	static const char *const bad[] = {
		"", "-", "0:1000:1", "0:1000:1,/0:0:1", "/", "0:0:1/0:0:1,0:5:1", "0:0:1/x+y",
	};
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct idmap m = { .uids.len = 7 };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(idmap_from_key(&m, bad[i], &e), -EINVAL);
		assert_int_equal(m.uids.len, 7);
		err_clear(&e);
	}
	assert_int_equal(idmap_from_key(&m, "0:1000:1,1:100000:65536/0:1001:1+bottom", &e), 0);
	idmap_key(&m, &b);
	assert_string_equal(b.data, "0:1000:1,1:100000:65536/0:1001:1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_whole_range),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_random_policies),
		cmocka_unit_test(test_random_additions),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_from_key),
	};

	return cmocka_run_group_tests_name("idmap", tests, NULL, NULL);
}
