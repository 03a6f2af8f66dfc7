#include "lib/fmt/human.h"

#include <stddef.h>
#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#define MINUTE 60u
#define HOUR 3600u

static void plural(uint64_t n, const char *unit, char *out)
{
	snprintf(out, HUMAN_MAX, "%llu %s", (unsigned long long)n, unit);
}

void human_duration(uint64_t seconds, char out[static HUMAN_MAX])
{
	uint64_t hours = seconds / HOUR + (seconds % HOUR >= HOUR / 2);

	if (seconds < 1)
		snprintf(out, HUMAN_MAX, "Less than a second");
	else if (seconds == 1)
		snprintf(out, HUMAN_MAX, "1 second");
	else if (seconds < MINUTE)
		plural(seconds, "seconds", out);
	else if (seconds < 2 * MINUTE)
		snprintf(out, HUMAN_MAX, "About a minute");
	else if (seconds < HOUR)
		plural(seconds / MINUTE, "minutes", out);
	else if (hours == 1)
		snprintf(out, HUMAN_MAX, "About an hour");
	else if (hours < 48)
		plural(hours, "hours", out);
	else if (hours < 24 * 14)
		plural(hours / 24, "days", out);
	else if (hours < 24 * 60)
		plural(hours / 24 / 7, "weeks", out);
	else if (hours < 24 * 365 * 2)
		plural(hours / 24 / 30, "months", out);
	else
		plural(seconds / HOUR / 24 / 365, "years", out);
}

void human_ago(uint64_t then_ns, uint64_t now_ns, char out[static HUMAN_MAX])
{
	char text[HUMAN_MAX];

	human_duration(then_ns < now_ns ? (now_ns - then_ns) / NS_PER_S : 0, text);
	snprintf(out, HUMAN_MAX, "%.*s ago", HUMAN_MAX - 5, text);
}

/* The text that %.Ng would give, but never in exponential form: a value that
 * rounds up to the next unit is shown in that unit. */
static void size_text(uint64_t bytes, double base, double limit, int digits,
		      const char *const *units, size_t count, char *out)
{
	double v = (double)bytes;
	size_t unit = 0;

	while (v >= limit && unit + 1 < count) {
		v /= base;
		unit++;
	}
	snprintf(out, HUMAN_MAX, "%.*g%s", digits, v, units[unit]);
}

void human_size(uint64_t bytes, char out[static HUMAN_MAX])
{
	static const char *const units[] = {
		"B", "kB", "MB", "GB", "TB", "PB", "EB",
	};

	size_text(bytes, 1000, 999.5, 3, units, ARRAY_SIZE(units), out);
}

void human_memory(uint64_t bytes, char out[static HUMAN_MAX])
{
	static const char *const units[] = {
		"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB",
	};

	size_text(bytes, 1024, 1023.5, 4, units, ARRAY_SIZE(units), out);
}
