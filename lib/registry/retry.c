#include "lib/registry/retry.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/num.h"

static const struct {
	CURLcode code;
	enum retry_class retry;
	int err;
} curl_table[] = {
	{ CURLE_COULDNT_RESOLVE_PROXY, RETRY_FEW, EHOSTUNREACH },
	{ CURLE_COULDNT_RESOLVE_HOST, RETRY_FEW, EHOSTUNREACH },
	{ CURLE_COULDNT_CONNECT, RETRY_FEW, ECONNREFUSED },
	{ CURLE_PROXY, RETRY_FEW, ECONNREFUSED },
	{ CURLE_OPERATION_TIMEDOUT, RETRY_OFTEN, ETIMEDOUT },
	{ CURLE_PARTIAL_FILE, RETRY_OFTEN, ECONNRESET },
	{ CURLE_GOT_NOTHING, RETRY_OFTEN, ECONNRESET },
	{ CURLE_SEND_ERROR, RETRY_OFTEN, ECONNRESET },
	{ CURLE_SEND_FAIL_REWIND, RETRY_OFTEN, ECONNRESET },	/* a kept connection was dead */
	{ CURLE_RECV_ERROR, RETRY_OFTEN, ECONNRESET },
	{ CURLE_HTTP2, RETRY_OFTEN, ECONNRESET },
	{ CURLE_HTTP2_STREAM, RETRY_OFTEN, ECONNRESET },
	{ CURLE_SSL_CONNECT_ERROR, RETRY_FEW, EPROTO },
	{ CURLE_PEER_FAILED_VERIFICATION, RETRY_NEVER, EKEYREJECTED },
	{ CURLE_SSL_ISSUER_ERROR, RETRY_NEVER, EKEYREJECTED },
	{ CURLE_SSL_CERTPROBLEM, RETRY_NEVER, EKEYREJECTED },
	{ CURLE_SSL_CACERT_BADFILE, RETRY_NEVER, EKEYREJECTED },
	{ CURLE_WEIRD_SERVER_REPLY, RETRY_NEVER, EPROTO },
	{ CURLE_UNSUPPORTED_PROTOCOL, RETRY_NEVER, EPROTO },
};

enum retry_class retry_of_curl(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(curl_table); i++)
		if ((int)curl_table[i].code == code)
			return curl_table[i].retry;
	return RETRY_NEVER;
}

int retry_errno_of_curl(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(curl_table); i++)
		if ((int)curl_table[i].code == code)
			return curl_table[i].err;
	return EPROTO;
}

enum retry_class retry_of_status(long status)
{
	return status == 408 || status == 429 || (status >= 500 && status != 501) ?
		       RETRY_OFTEN : RETRY_NEVER;
}

int retry_errno_of_status(long status)
{
	switch (status) {
	case 401:
	case 403:
	case 407:
		return EACCES;
	case 404:
	case 410:
		return ENOENT;
	case 408:
	case 504:
		return ETIMEDOUT;
	case 429:
		return EAGAIN;
	default:
		return status >= 500 ? EHOSTDOWN : EPROTO;
	}
}

uint64_t retry_pause_ms(unsigned failures, unsigned base_ms, unsigned max_ms,
			uint32_t random)
{
	uint64_t whole = base_ms;

	for (unsigned i = 1; i < failures && whole < max_ms; i++)
		whole *= 2;
	if (whole > max_ms)
		whole = max_ms;
	return whole / 2 + (whole - whole / 2) * random / UINT32_MAX;
}

static bool is_digits(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isdigit((unsigned char)*s))
			return false;
	return true;
}

bool retry_after_ms(const char *text, uint64_t now_s, unsigned max_s,
		    uint64_t *ms)
{
	struct err ignored = ERR_INIT;
	uint64_t wait_s;
	time_t at;

	if (is_digits(text)) {
		if (num_u64(text, 0, UINT32_MAX, &wait_s, &ignored) < 0)
			wait_s = UINT32_MAX;
	} else {
		at = curl_getdate(text, NULL);
		if (at < 0)
			return false;
		wait_s = (uint64_t)at > now_s ? (uint64_t)at - now_s : 0;
	}
	*ms = (wait_s < max_s ? wait_s : max_s) * 1000;
	return true;
}
