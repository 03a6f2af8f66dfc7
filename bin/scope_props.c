#include "bin/scope_props.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/bitlist.h"
#include "lib/fmt/cgfile.h"
#include "lib/os/cgroup_limits.h"

#define PREFIX "org.systemd.property."
#define US_PER_S 1000000ull
#define DEFAULT_PERIOD 100000
#define QUOTA_STEP 10000		/* systemd keeps percents of a processor */

static struct scope_prop *add(struct scope_props *p, const char *name)
{
	struct scope_prop *prop;

	p->v = mem_more(p->v, p->len, sizeof(*p->v));
	prop = &p->v[p->len++];
	*prop = (struct scope_prop){
		.name = mem_str(name),
		.bytes = BUF_INIT(BITLIST_MAX / 8),
	};
	return prop;
}

void scope_props_clear(struct scope_props *p)
{
	for (size_t i = 0; i < p->len; i++) {
		free(p->v[i].name);
		gvariant_clear(&p->v[i].value);
		buf_clear(&p->v[i].bytes);
	}
	free(p->v);
	*p = (struct scope_props)SCOPE_PROPS_INIT;
}

/* --- limits --- */

static void add_u64(struct scope_props *p, const char *name, uint64_t value)
{
	struct scope_prop *prop = add(p, name);

	prop->value.type = 't';
	prop->value.number = value;
}

/* -1 is UINT64_MAX, which systemd takes for infinity. */
static void add_limit(struct scope_props *p, const char *name, int64_t value)
{
	if (value != SPEC_UNSET && value != 0)
		add_u64(p, name, (uint64_t)value);
}

static void add_quota(struct scope_props *p, uint64_t quota, uint64_t period)
{
	uint64_t per_s = UINT64_MAX;

	if (quota != CGFILE_MAX && quota < UINT64_MAX / US_PER_S) {
		per_s = quota * US_PER_S / period;
		per_s = (per_s + QUOTA_STEP - 1) / QUOTA_STEP * QUOTA_STEP;
	}
	add_u64(p, "CPUQuotaPerSecUSec", per_s);
	add_u64(p, "CPUQuotaPeriodUSec", period);
}

static int add_mask(struct scope_props *p, const char *name, const char *list, struct err *e)
{
	AUTO_FREE struct bitlist *bits = mem_new(struct bitlist);
	struct scope_prop *prop;
	int r = bitlist_parse(bits, list, e);

	if (r < 0)
		return err_ctx(e, r, "%s", name);
	prop = add(p, name);
	for (size_t i = 0; i < bits->len * 8; i++)
		buf_addc(&prop->bytes, (char)(bits->words[i / 8] >> i % 8 * 8 & 0xff));
	return 0;
}

/* Files of linux.resources.unified that have a property. */
static int add_file(struct scope_props *p, const char *file, const char *value, struct err *e)
{
	static const struct {
		const char *file, *name;
	} plain[] = {
		{ "memory.min", "MemoryMin" },
		{ "memory.low", "MemoryLow" },
		{ "memory.high", "MemoryHigh" },
		{ "memory.max", "MemoryMax" },
		{ "memory.swap.max", "MemorySwapMax" },
		{ "cpu.weight", "CPUWeight" },
		{ "pids.max", "TasksMax" },
	};
	struct err other = ERR_INIT;
	uint64_t number, period;

	if (str_eq(file, "cpuset.cpus"))
		return add_mask(p, "AllowedCPUs", value, e);
	if (str_eq(file, "cpuset.mems"))
		return add_mask(p, "AllowedMemoryNodes", value, e);
	if (str_eq(file, "cpu.max")) {
		if (cgfile_cpu_max(value, &number, &period, &other) == 0 && period)
			add_quota(p, number, period);
		return 0;
	}
	/* What systemd cannot read the kernel will judge. */
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (str_eq(file, plain[i].file) && cgfile_value(value, &number, &other) == 0)
			add_u64(p, plain[i].name, number);
	return 0;
}

int scope_props_limits(struct scope_props *p, const struct spec_resources *r, struct err *e)
{
	int x = 0;

	add_limit(p, "MemoryMax", r->memory_limit);
	add_limit(p, "MemoryLow", r->memory_reservation);
	if (cgroup_swap_alone(r) != SPEC_UNSET)
		add_u64(p, "MemorySwapMax", (uint64_t)cgroup_swap_alone(r));
	if (r->cpu_shares > 0 && r->cpu_idle != 1)
		add_u64(p, "CPUWeight", (uint64_t)cgroup_cpu_weight(r->cpu_shares));
	if (r->cpu_quota > 0 || r->cpu_quota == -1 || r->cpu_period > 0)
		add_quota(p, r->cpu_quota > 0 ? (uint64_t)r->cpu_quota : CGFILE_MAX,
			  r->cpu_period > 0 ? (uint64_t)r->cpu_period : DEFAULT_PERIOD);
	if (r->cpuset_cpus)
		x = add_mask(p, "AllowedCPUs", r->cpuset_cpus, e);
	if (x == 0 && r->cpuset_mems)
		x = add_mask(p, "AllowedMemoryNodes", r->cpuset_mems, e);
	if (r->pids_limit != SPEC_UNSET)
		add_limit(p, "TasksMax", cgroup_pids(r->pids_limit));
	if (r->io_weight > 0)
		add_u64(p, "IOWeight", (uint64_t)cgroup_io_weight(r->io_weight));
	for (size_t i = 0; x == 0 && i < r->unified.len; i++) {
		AUTO_FREE char *file = mem_str(r->unified.v[i]);
		char *value = strchr(file, '=');

		if (!value)
			continue;
		*value++ = '\0';
		x = add_file(p, file, value, e);
	}
	return x;
}

/* --- annotations --- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(const char *s)
{
	size_t len = 0;

	while (is_letter(s[len]))
		len++;
	return len > 2 && !s[len];
}

/* "TimeoutStopSec", an integer: "TimeoutStopUSec", of which there are more. */
static int to_microseconds(struct scope_prop *prop, struct err *e)
{
	size_t len = strlen(prop->name);
	char *name;

	if (len < 4 || !str_ends(prop->name, "Sec") || prop->name[len - 4] < 'a')
		return 0;	/* there are, and none of ours: USec */
	if (!strchr("ynqiuxt", prop->value.type) || prop->value.number > UINT64_MAX / US_PER_S)
		return err_set(e, EINVAL, "not a number of seconds");
	name = mem_printf("%.*sUSec", (int)(len - 3), prop->name);
	free(prop->name);
	prop->name = name;
	prop->value.type = 't';
	prop->value.number *= US_PER_S;
	return 0;
}

static int add_annotation(struct scope_props *p, const char *name, const char *value,
			  struct err *e)
{
	struct scope_prop *prop;
	int r;

	if (!is_name(name))
		return err_set(e, EINVAL, "not the name of a property");
	prop = add(p, name);
	r = gvariant_parse(&prop->value, value, e);
	return r < 0 ? r : to_microseconds(prop, e);
}

int scope_props_annotations(struct scope_props *p, const struct strv *annotations,
			    struct err *e)
{
	for (size_t i = 0; i < annotations->len; i++) {
		AUTO_FREE char *text = mem_str(annotations->v[i]);
		char *value = strchr(text, '=');
		const char *name = str_after(text, PREFIX);
		int r;

		if (!name || !value)
			continue;
		*value++ = '\0';
		r = add_annotation(p, name, value, e);
		if (r < 0)
			return err_ctx(e, r, "annotation '%s'", text);
	}
	return 0;
}
