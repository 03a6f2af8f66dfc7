#include <gnutls/crypto.h>
#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/image/stream.h"

struct hash {
	gnutls_hash_hd_t handle;
	enum digest_alg alg;
};

struct hash *hash_new(enum digest_alg alg)
{
	struct hash *h = mem_new(struct hash);

	h->alg = alg;
	/* It fails for lack of memory only: both algorithms are built in. */
	if (gnutls_hash_init(&h->handle, alg == DIGEST_SHA512 ? GNUTLS_DIG_SHA512 :
						GNUTLS_DIG_SHA256) < 0)
		free(mem_zero(SIZE_MAX, 1));
	return h;
}

void hash_add(struct hash *h, const void *data, size_t len)
{
	(void)gnutls_hash(h->handle, data, len);
}

void hash_end(struct hash *h, struct digest *out)
{
	*out = (struct digest){ .alg = h->alg };
	gnutls_hash_output(h->handle, out->bytes);
}

void hash_free(struct hash *h)
{
	if (!h)
		return;
	gnutls_hash_deinit(h->handle, NULL);
	free(h);
}
