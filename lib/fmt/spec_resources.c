#include "lib/fmt/spec_text.h"

void spec_resources_init(struct spec_resources *r)
{
	*r = (struct spec_resources){
		.memory_limit = SPEC_UNSET,
		.memory_reservation = SPEC_UNSET,
		.memory_swap = SPEC_UNSET,
		.cpu_shares = SPEC_UNSET,
		.cpu_quota = SPEC_UNSET,
		.cpu_period = SPEC_UNSET,
		.pids_limit = SPEC_UNSET,
	};
}

void spec_resources_clear(struct spec_resources *r)
{
	free(r->cpuset_cpus);
	free(r->cpuset_mems);
	strv_clear(&r->unified);
	spec_resources_init(r);
}

/* --- from JSON --- */

/* Any integer; absent stays SPEC_UNSET, which therefore cannot be given. */
static int get_int(int64_t *out, const struct json_at *at, const char *key,
		   int64_t min, struct err *e)
{
	return json_get_i64(out, at, key, min, INT64_MAX, JSON_MAY, e);
}

static int get_cpu(struct spec_resources *r, const struct json_at *at,
		   struct err *e)
{
	struct json_at cpu;
	int ret = json_get_object(&cpu, at, "cpu", JSON_MAY, e);

	if (ret <= 0)
		return ret;
	ret = get_int(&r->cpu_shares, &cpu, "shares", 0, e);
	if (ret >= 0)
		ret = get_int(&r->cpu_quota, &cpu, "quota", -1, e);
	if (ret >= 0)
		ret = get_int(&r->cpu_period, &cpu, "period", 0, e);
	if (ret >= 0)
		ret = json_get_copy(&r->cpuset_cpus, &cpu, "cpus", JSON_MAY, e);
	if (ret >= 0)
		ret = json_get_copy(&r->cpuset_mems, &cpu, "mems", JSON_MAY, e);
	return ret;
}

int spec_resources_get(struct spec_resources *r, const struct json_at *linux_at,
		       struct err *e)
{
	struct json_at at, memory, pids;
	int ret = json_get_object(&at, linux_at, "resources", JSON_MAY, e);

	if (ret <= 0)
		return ret;
	ret = json_get_object(&memory, &at, "memory", JSON_MAY, e);
	if (ret > 0)
		ret = get_int(&r->memory_limit, &memory, "limit", -1, e);
	if (ret >= 0 && json_has(&at, "memory"))
		ret = get_int(&r->memory_reservation, &memory, "reservation", -1, e);
	if (ret >= 0 && json_has(&at, "memory"))
		ret = get_int(&r->memory_swap, &memory, "swap", -1, e);
	if (ret >= 0)
		ret = get_cpu(r, &at, e);
	if (ret >= 0)
		ret = json_get_object(&pids, &at, "pids", JSON_MAY, e);
	if (ret > 0)
		ret = get_int(&r->pids_limit, &pids, "limit", -1, e);
	if (ret >= 0)
		ret = json_get_map(&r->unified, &at, "unified", JSON_MAY, e);
	return ret;
}

/* --- to JSON --- */

static void print_int(struct json_w *w, const char *key, int64_t v)
{
	if (v != SPEC_UNSET)
		json_m_i64(w, key, v);
}

static void print_memory(struct json_w *w, const struct spec_resources *r)
{
	if (r->memory_limit == SPEC_UNSET &&
	    r->memory_reservation == SPEC_UNSET && r->memory_swap == SPEC_UNSET)
		return;
	json_m_object(w, "memory");
	print_int(w, "limit", r->memory_limit);
	print_int(w, "reservation", r->memory_reservation);
	print_int(w, "swap", r->memory_swap);
	json_w_end(w);
}

static void print_cpu(struct json_w *w, const struct spec_resources *r)
{
	if (r->cpu_shares == SPEC_UNSET && r->cpu_quota == SPEC_UNSET &&
	    r->cpu_period == SPEC_UNSET && !r->cpuset_cpus && !r->cpuset_mems)
		return;
	json_m_object(w, "cpu");
	print_int(w, "shares", r->cpu_shares);
	print_int(w, "quota", r->cpu_quota);
	print_int(w, "period", r->cpu_period);
	json_m_string(w, "cpus", r->cpuset_cpus);
	json_m_string(w, "mems", r->cpuset_mems);
	json_w_end(w);
}

void spec_resources_put(struct json_w *w, const struct spec_resources *r)
{
	json_m_object(w, "resources");
	print_memory(w, r);
	print_cpu(w, r);
	if (r->pids_limit != SPEC_UNSET) {
		json_m_object(w, "pids");
		json_m_i64(w, "limit", r->pids_limit);
		json_w_end(w);
	}
	json_m_map(w, "unified", &r->unified);
	json_w_end(w);
}
