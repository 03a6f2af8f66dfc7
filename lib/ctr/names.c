#include "lib/ctr/names.h"

#include <stdint.h>
#include <sys/random.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

static const char *const how[] = {
	"able", "amber", "ample", "apt", "bold", "brave", "brisk", "bright", "calm", "candid",
	"clear", "clever", "cosy", "crisp", "curious", "dapper", "deft", "eager", "early",
	"easy", "fair", "fleet", "fond", "frank", "fresh", "gentle", "glad", "golden", "grand",
	"green", "handy", "happy", "hardy", "honest", "jolly", "keen", "kind", "lively",
	"loyal", "lucid", "mellow", "merry", "mild", "modest", "neat", "nimble", "noble",
	"patient", "placid", "plain", "proud", "quick", "quiet", "ready", "sharp", "silent",
	"sober", "spry", "steady", "sunny", "swift", "tidy", "trusty", "warm",
};

/* What lives by the water a coracle is for. */
static const char *const who[] = {
	"avocet", "beaver", "bittern", "bream", "brook", "carp", "coot", "crane", "crayfish",
	"curlew", "dace", "dipper", "diver", "dragonfly", "duck", "eel", "egret", "fern", "frog",
	"gadwall", "goose", "grayling", "grebe", "gull", "heron", "ibis", "kingfisher", "lapwing",
	"lily", "loach", "mallard", "martin", "mayfly", "minnow", "moorhen", "mussel", "newt",
	"osprey", "otter", "perch", "pike", "pintail", "plover", "rail", "reed", "roach", "rudd",
	"rush", "salmon", "sandpiper", "sedge", "shrimp", "snipe", "stork", "swallow", "swan",
	"teal", "tench", "tern", "trout", "wader", "warbler", "wigeon", "willow",
};

char *ctr_random_name(unsigned tries)
{
	uint32_t n[3];

	if (getrandom(n, sizeof(n), 0) != (ssize_t)sizeof(n))
		n[0] = n[1] = n[2] = (uint32_t)clock_mono_ns();
	/* Crowds are real: past the first try a number makes it free. */
	if (tries)
		return mem_printf("%s_%s_%x", how[n[0] % ARRAY_SIZE(how)],
				  who[n[1] % ARRAY_SIZE(who)], n[2]);
	return mem_printf("%s_%s", how[n[0] % ARRAY_SIZE(how)], who[n[1] % ARRAY_SIZE(who)]);
}
