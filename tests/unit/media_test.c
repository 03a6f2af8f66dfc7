#include "lib/fmt/media.h"

#include <stdio.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "tests/unit/test.h"

static void every_type_is_found(void **state)
{
	char text[256];

	(void)state;
	for (int m = MEDIA_UNKNOWN + 1; m < MEDIA_COUNT; m++) {
		assert_int_equal(media_lookup(media_text((enum media)m)), m);
		snprintf(text, sizeof(text), " %s; charset=utf-8", media_text((enum media)m));
		for (char *p = text; *p; p++)
			if (*p >= 'a' && *p <= 'z' && (p - text) % 2)
				*p = (char)(*p - 'a' + 'A');
		assert_int_equal(media_lookup_header(text), m);
		assert_int_equal(media_lookup(text), MEDIA_UNKNOWN);
	}
	assert_int_equal(media_lookup(""), MEDIA_UNKNOWN);
	assert_int_equal(media_lookup_header(""), MEDIA_UNKNOWN);
	assert_int_equal(media_lookup_header("application/json"), MEDIA_UNKNOWN);
}

static void kinds(void **state)
{
	(void)state;
	assert_int_equal(media_kind(MEDIA_UNKNOWN), MEDIA_IS_OTHER);
	assert_int_equal(media_kind(MEDIA_OCI_EMPTY), MEDIA_IS_OTHER);
	assert_int_equal(media_kind(MEDIA_DOCKER_LIST), MEDIA_IS_INDEX);
	assert_int_equal(media_kind(MEDIA_DOCKER_SCHEMA1_SIGNED), MEDIA_IS_SCHEMA1);
	for (int c = COMPRESSION_NONE; c <= COMPRESSION_ZSTD; c++) {
		enum media m = media_layer((enum compression)c);

		assert_int_equal(media_kind(m), MEDIA_IS_LAYER);
		assert_int_equal(media_compression(m), c);
		assert_false(media_is_foreign(m));
	}
	assert_true(media_is_foreign(MEDIA_DOCKER_FOREIGN_GZIP));
	assert_int_equal(media_compression(MEDIA_DOCKER_FOREIGN_GZIP), COMPRESSION_GZIP);
	assert_non_null(strstr(media_accept, media_text(MEDIA_OCI_INDEX)));
	assert_non_null(strstr(media_accept, media_text(MEDIA_DOCKER_MANIFEST)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_found),
		cmocka_unit_test(kinds),
	};

	return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
