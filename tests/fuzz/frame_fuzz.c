/* Whatever a container sends: no read beyond the frame, a reset for exactly
 * what is refused, and nothing that passes changes its verdict. */
#include "rootless/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct frame_policy p = {
		.host4.s_addr = 0x0202000a,
		.dns4.s_addr = 0x0302000a,
		.mask4.s_addr = 0x00ffffff,
		.host6.s6_addr = { 0xfd, [15] = 2 },
		.dns6.s6_addr = { 0xfd, [15] = 3 },
		.prefix6 = 64,
		.has_ip6 = true,
		.has_dns = true,
	};
	uint8_t reset[FRAME_RESET_MAX];
	uint8_t *frame = malloc(len ? len : 1);
	enum frame_verdict v;

	memcpy(frame, data, len);
	v = frame_judge(frame, len, &p);
	if (v == FRAME_REFUSE && frame_reset(reset, frame) > sizeof(reset))
		abort();
	if (frame_judge(frame, len, &p) != v)
		abort();
	(void)frame_is_router_advert(frame, len);
	free(frame);
	return 0;
}
