#include "lib/fmt/spec_text.h"

#include <string.h>

#include "lib/base/str.h"

static void put_unless(struct json_w *w, const char *key, int64_t none, int64_t v)
{
	if (v != none)
		json_m_i64(w, key, v);
}

static bool has_numbers(const struct spec_resources *r, const char *object)
{
	for (size_t i = 0; i < SPEC_NUMBERS; i++)
		if (str_eq(spec_numbers[i].object, object) &&
		    *spec_number_at(r, &spec_numbers[i]) != SPEC_UNSET)
			return true;
	for (size_t i = 0; i < SPEC_STRINGS; i++)
		if (str_eq(spec_strings[i].object, object) && *spec_string_at(r, &spec_strings[i]))
			return true;
	return false;
}

/* Begins the object, unless nothing is in it. */
static bool put_group(struct json_w *w, const struct spec_resources *r, const char *object,
		      bool has_more)
{
	if (!has_more && !has_numbers(r, object))
		return false;
	json_m_object(w, object);
	for (size_t i = 0; i < SPEC_NUMBERS; i++)
		if (str_eq(spec_numbers[i].object, object))
			put_unless(w, spec_numbers[i].key, SPEC_UNSET,
				   *spec_number_at(r, &spec_numbers[i]));
	for (size_t i = 0; i < SPEC_STRINGS; i++)
		if (str_eq(spec_strings[i].object, object))
			json_m_string(w, spec_strings[i].key, *spec_string_at(r, &spec_strings[i]));
	return true;
}

static void put_rules(struct json_w *w, const struct spec_resources *r)
{
	if (!r->rule_count)
		return;
	json_m_array(w, "devices");
	for (size_t i = 0; i < r->rule_count; i++) {
		const struct spec_device_rule *rule = &r->rules[i];
		char access[SPEC_ACCESS_LETTERS + 1] = "";
		size_t n = 0;

		json_w_object(w);
		json_m_bool(w, "allow", rule->allow);
		if (rule->type != 'a') {
			json_w_key(w, "type");
			json_w_stringn(w, &rule->type, 1);
		}
		put_unless(w, "major", SPEC_ANY, rule->major);
		put_unless(w, "minor", SPEC_ANY, rule->minor);
		for (size_t k = 0; k < SPEC_ACCESS_LETTERS; k++)
			if (rule->access & spec_access_letters[k].bit)
				access[n++] = spec_access_letters[k].letter;
		json_m_string(w, "access", access);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_throttles(struct json_w *w, const struct spec_resources *r,
			  enum spec_throttle_kind kind)
{
	bool open = false;

	for (size_t i = 0; i < r->throttle_count; i++) {
		const struct spec_throttle *t = &r->throttles[i];

		if (t->kind != kind)
			continue;
		if (!open)
			json_m_array(w, spec_throttle_keys[kind]);
		open = true;
		json_w_object(w);
		json_m_i64(w, "major", t->major);
		json_m_i64(w, "minor", t->minor);
		json_m_u64(w, "rate", t->rate);
		json_w_end(w);
	}
	if (open)
		json_w_end(w);
}

static void put_block_io(struct json_w *w, const struct spec_resources *r)
{
	if (!put_group(w, r, "blockIO", r->io_weight_count || r->throttle_count))
		return;
	if (r->io_weight_count)
		json_m_array(w, "weightDevice");
	for (size_t i = 0; i < r->io_weight_count; i++) {
		json_w_object(w);
		json_m_i64(w, "major", r->io_weights[i].major);
		json_m_i64(w, "minor", r->io_weights[i].minor);
		put_unless(w, "weight", SPEC_UNSET, r->io_weights[i].weight);
		put_unless(w, "leafWeight", SPEC_UNSET, r->io_weights[i].leaf_weight);
		json_w_end(w);
	}
	if (r->io_weight_count)
		json_w_end(w);
	for (enum spec_throttle_kind kind = 0; kind < SPEC_THROTTLE_KINDS; kind++)
		put_throttles(w, r, kind);
	json_w_end(w);
}

static void put_hugepages(struct json_w *w, const struct spec_resources *r)
{
	if (!r->hugepages_count)
		return;
	json_m_array(w, "hugepageLimits");
	for (size_t i = 0; i < r->hugepages_count; i++) {
		json_w_object(w);
		json_m_string(w, "pageSize", r->hugepages[i].page_size);
		json_m_u64(w, "limit", r->hugepages[i].limit);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_network(struct json_w *w, const struct spec_resources *r)
{
	if (!put_group(w, r, "network", r->net_priorities.len))
		return;
	if (r->net_priorities.len)
		json_m_array(w, "priorities");
	for (size_t i = 0; i < r->net_priorities.len; i++) {
		const char *text = r->net_priorities.v[i];
		size_t len = strcspn(text, "=");

		json_w_object(w);
		json_w_key(w, "name");
		json_w_stringn(w, text, len);
		json_w_key(w, "priority");
		json_w_raw(w, text + len + 1);
		json_w_end(w);
	}
	if (r->net_priorities.len)
		json_w_end(w);
	json_w_end(w);
}

static void put_rdma(struct json_w *w, const struct spec_resources *r)
{
	if (!r->rdma_count)
		return;
	json_m_object(w, "rdma");
	for (size_t i = 0; i < r->rdma_count; i++) {
		json_m_object(w, r->rdma[i].device);
		put_unless(w, "hcaHandles", SPEC_UNSET, r->rdma[i].handles);
		put_unless(w, "hcaObjects", SPEC_UNSET, r->rdma[i].objects);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_all(struct json_w *w, const struct spec_resources *r)
{
	put_rules(w, r);
	if (put_group(w, r, "memory", r->memory_no_oom_killer || r->memory_check_before_update)) {
		json_m_flag(w, "disableOOMKiller", r->memory_no_oom_killer);
		json_m_flag(w, "checkBeforeUpdate", r->memory_check_before_update);
		json_w_end(w);
	}
	if (put_group(w, r, "cpu", false))
		json_w_end(w);
	if (put_group(w, r, "pids", false))
		json_w_end(w);
	put_block_io(w, r);
	put_hugepages(w, r);
	put_network(w, r);
	put_rdma(w, r);
	json_m_map(w, "unified", &r->unified);
	json_w_end(w);
}

void spec_resources_put(struct json_w *w, const struct spec_resources *r)
{
	json_m_object(w, "resources");
	put_all(w, r);
}

void spec_resources_print(const struct spec_resources *r, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);

	json_w_object(&w);
	put_all(&w, r);
}
