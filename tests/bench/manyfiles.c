/* manyfiles.c - fills a directory with files for an image to measure with.
 *
 *	manyfiles DIR < SIZES
 *
 * One file per line of its input, of that many bytes, a hundred to a directory.
 * The contents are as compressible as programs and texts are: by half.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fs.h"
#include "lib/base/num.h"

#define MAX_SIZE (1u << 20)

static void fill(unsigned char *data, size_t len, uint64_t *state)
{
	static const char words[] = "the container store holds layers and blobs ";

	for (size_t i = 0; i < len; i++) {
		*state = *state * 6364136223846793005ull + 1442695040888963407ull;
		data[i] = *state >> 63 ? (unsigned char)(*state >> 40) :
					 (unsigned char)words[i % (sizeof(words) - 1)];
	}
}

int main(int argc, char **argv)
{
	static unsigned char data[MAX_SIZE];
	struct err e = ERR_INIT;
	uint64_t state = 88172645463325252ull;
	char line[64], path[4096];
	unsigned n = 0;

	if (argc != 2)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		AUTO_FD int fd = -1;
		uint64_t size;

		line[strcspn(line, "\n")] = '\0';
		if (num_u64(line, 0, MAX_SIZE, &size, &e) < 0)
			break;
		if (n % 100 == 0) {
			snprintf(path, sizeof(path), "%s/d%u", argv[1], n / 100);
			(void)mkdir(path, 0755);
		}
		snprintf(path, sizeof(path), "%s/d%u/f%u", argv[1], n / 100, n % 100);
		fill(data, size, &state);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0 || fs_write_all(fd, data, size, &e) < 0)
			break;
		n++;
	}
	if (e.code)
		fprintf(stderr, "manyfiles: %s\n", e.text);
	return e.code != 0;
}
