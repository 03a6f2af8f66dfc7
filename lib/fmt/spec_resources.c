#include "lib/fmt/spec_text.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"

#define AT(member) offsetof(struct spec_resources, member)

const struct spec_number spec_numbers[SPEC_NUMBERS] = {
	{ "memory", "limit", AT(memory_limit), -1, INT64_MAX },
	{ "memory", "reservation", AT(memory_reservation), -1, INT64_MAX },
	{ "memory", "swap", AT(memory_swap), -1, INT64_MAX },
	{ "memory", "kernel", AT(memory_kernel), -1, INT64_MAX },
	{ "memory", "kernelTCP", AT(memory_kernel_tcp), -1, INT64_MAX },
	{ "memory", "swappiness", AT(memory_swappiness), 0, 100 },
	{ "cpu", "shares", AT(cpu_shares), 0, INT64_MAX },
	{ "cpu", "quota", AT(cpu_quota), -1, INT64_MAX },
	{ "cpu", "burst", AT(cpu_burst), 0, INT64_MAX },
	{ "cpu", "period", AT(cpu_period), 0, INT64_MAX },
	{ "cpu", "realtimeRuntime", AT(cpu_rt_runtime), -1, INT64_MAX },
	{ "cpu", "realtimePeriod", AT(cpu_rt_period), 0, INT64_MAX },
	{ "cpu", "idle", AT(cpu_idle), 0, 1 },
	{ "pids", "limit", AT(pids_limit), -1, INT64_MAX },
	{ "blockIO", "weight", AT(io_weight), 0, SPEC_MAX_IO_WEIGHT },
	{ "blockIO", "leafWeight", AT(io_leaf_weight), 0, SPEC_MAX_IO_WEIGHT },
	{ "network", "classID", AT(net_class), 0, UINT32_MAX },
};

const struct spec_string spec_strings[SPEC_STRINGS] = {
	{ "cpu", "cpus", AT(cpuset_cpus) },
	{ "cpu", "mems", AT(cpuset_mems) },
};

const char *const spec_throttle_keys[SPEC_THROTTLE_KINDS] = {
	[SPEC_READ_BPS] = "throttleReadBpsDevice",
	[SPEC_WRITE_BPS] = "throttleWriteBpsDevice",
	[SPEC_READ_IOPS] = "throttleReadIOPSDevice",
	[SPEC_WRITE_IOPS] = "throttleWriteIOPSDevice",
};

const struct spec_access_letter spec_access_letters[SPEC_ACCESS_LETTERS] = {
	{ 'r', SPEC_ACCESS_READ },
	{ 'w', SPEC_ACCESS_WRITE },
	{ 'm', SPEC_ACCESS_MKNOD },
};

int64_t *spec_number_at(const struct spec_resources *r, const struct spec_number *n)
{
	return (int64_t *)((char *)(uintptr_t)r + n->at);
}

char **spec_string_at(const struct spec_resources *r, const struct spec_string *t)
{
	return (char **)((char *)(uintptr_t)r + t->at);
}

/* --- the struct --- */

void spec_resources_init(struct spec_resources *r)
{
	*r = (struct spec_resources){ .rules = NULL };
	for (size_t i = 0; i < SPEC_NUMBERS; i++)
		*spec_number_at(r, &spec_numbers[i]) = SPEC_UNSET;
}

void spec_resources_clear(struct spec_resources *r)
{
	for (size_t i = 0; i < SPEC_STRINGS; i++)
		free(*spec_string_at(r, &spec_strings[i]));
	for (size_t i = 0; i < r->hugepages_count; i++)
		free(r->hugepages[i].page_size);
	for (size_t i = 0; i < r->rdma_count; i++)
		free(r->rdma[i].device);
	free(r->io_weights);
	free(r->throttles);
	free(r->hugepages);
	free(r->rdma);
	free(r->rules);
	strv_clear(&r->net_priorities);
	strv_clear(&r->unified);
	spec_resources_init(r);
}

struct spec_device_rule *spec_resources_add_rule(struct spec_resources *r)
{
	struct spec_device_rule *rule;

	r->rules = mem_more(r->rules, r->rule_count, sizeof(*rule));
	rule = &r->rules[r->rule_count++];
	*rule = (struct spec_device_rule){
		.type = 'a',
		.major = SPEC_ANY,
		.minor = SPEC_ANY,
		.access = SPEC_ACCESS_ALL,
	};
	return rule;
}

struct spec_io_weight *spec_resources_add_weight(struct spec_resources *r)
{
	struct spec_io_weight *w;

	r->io_weights = mem_more(r->io_weights, r->io_weight_count, sizeof(*w));
	w = &r->io_weights[r->io_weight_count++];
	*w = (struct spec_io_weight){
		.weight = SPEC_UNSET,
		.leaf_weight = SPEC_UNSET,
	};
	return w;
}

struct spec_throttle *spec_resources_add_throttle(struct spec_resources *r)
{
	struct spec_throttle *t;

	r->throttles = mem_more(r->throttles, r->throttle_count, sizeof(*t));
	t = &r->throttles[r->throttle_count++];
	*t = (struct spec_throttle){ .kind = SPEC_READ_BPS };
	return t;
}

struct spec_hugepages *spec_resources_add_hugepages(struct spec_resources *r,
						    const char *page_size)
{
	struct spec_hugepages *h;

	r->hugepages = mem_more(r->hugepages, r->hugepages_count, sizeof(*h));
	h = &r->hugepages[r->hugepages_count++];
	*h = (struct spec_hugepages){ .page_size = mem_str(page_size) };
	return h;
}

struct spec_rdma *spec_resources_add_rdma(struct spec_resources *r, const char *device)
{
	struct spec_rdma *d;

	r->rdma = mem_more(r->rdma, r->rdma_count, sizeof(*d));
	d = &r->rdma[r->rdma_count++];
	*d = (struct spec_rdma){
		.device = mem_str(device),
		.handles = SPEC_UNSET,
		.objects = SPEC_UNSET,
	};
	return d;
}

/* --- one over another --- */

static void merge_weights(struct spec_resources *r, const struct spec_resources *change)
{
	for (size_t i = 0; i < change->io_weight_count; i++) {
		const struct spec_io_weight *from = &change->io_weights[i];
		size_t k = 0;

		while (k < r->io_weight_count && (r->io_weights[k].major != from->major ||
						  r->io_weights[k].minor != from->minor))
			k++;
		if (k == r->io_weight_count)
			(void)spec_resources_add_weight(r);
		r->io_weights[k] = *from;
	}
}

static void merge_throttles(struct spec_resources *r, const struct spec_resources *change)
{
	for (size_t i = 0; i < change->throttle_count; i++) {
		const struct spec_throttle *from = &change->throttles[i];
		size_t k = 0;

		while (k < r->throttle_count && (r->throttles[k].kind != from->kind ||
						 r->throttles[k].major != from->major ||
						 r->throttles[k].minor != from->minor))
			k++;
		if (k == r->throttle_count)
			(void)spec_resources_add_throttle(r);
		r->throttles[k] = *from;
	}
}

static void merge_hugepages(struct spec_resources *r, const struct spec_resources *change)
{
	for (size_t i = 0; i < change->hugepages_count; i++) {
		const struct spec_hugepages *from = &change->hugepages[i];
		size_t k = 0;

		while (k < r->hugepages_count &&
		       !str_eq(r->hugepages[k].page_size, from->page_size))
			k++;
		if (k == r->hugepages_count)
			(void)spec_resources_add_hugepages(r, from->page_size);
		r->hugepages[k].limit = from->limit;
	}
}

static void merge_rdma(struct spec_resources *r, const struct spec_resources *change)
{
	for (size_t i = 0; i < change->rdma_count; i++) {
		const struct spec_rdma *from = &change->rdma[i];
		size_t k = 0;

		while (k < r->rdma_count && !str_eq(r->rdma[k].device, from->device))
			k++;
		if (k == r->rdma_count)
			(void)spec_resources_add_rdma(r, from->device);
		r->rdma[k].handles = from->handles;
		r->rdma[k].objects = from->objects;
	}
}

void spec_resources_merge(struct spec_resources *r, const struct spec_resources *change)
{
	for (size_t i = 0; i < SPEC_NUMBERS; i++) {
		int64_t from = *spec_number_at(change, &spec_numbers[i]);

		if (from != SPEC_UNSET)
			*spec_number_at(r, &spec_numbers[i]) = from;
	}
	for (size_t i = 0; i < SPEC_STRINGS; i++) {
		char **to = spec_string_at(r, &spec_strings[i]);
		const char *from = *spec_string_at(change, &spec_strings[i]);

		if (!from)
			continue;
		free(*to);
		*to = mem_str(from);
	}
	r->memory_no_oom_killer |= change->memory_no_oom_killer;
	r->memory_check_before_update = change->memory_check_before_update;
	merge_weights(r, change);
	merge_throttles(r, change);
	merge_hugepages(r, change);
	merge_rdma(r, change);
	for (size_t i = 0; i < change->net_priorities.len; i++)
		strv_setenv(&r->net_priorities, change->net_priorities.v[i]);
	for (size_t i = 0; i < change->unified.len; i++)
		strv_setenv(&r->unified, change->unified.v[i]);
	if (change->rule_count)
		r->rule_count = 0;
	for (size_t i = 0; i < change->rule_count; i++)
		*spec_resources_add_rule(r) = change->rules[i];
}
