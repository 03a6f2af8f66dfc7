/* Plans as bytes: judged, printed, put into words. */
#include "lib/runtime/plan.h"

#include <linux/filter.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/fmt/bitlist.h"
#include "lib/runtime/step.h"

const struct plan_op_info plan_ops[OP_COUNT] = {
#define X(op, name, words, uses) [OP_##op] = { name, words, uses },
	PLAN_OPS(X)
#undef X
};

struct checker {
	const char *plan;
	const struct plan_head *h;
	uint32_t bytes;			/* where the byte area begins */
	bool filled[PLAN_SLOTS];
	bool waited;
	bool executed;
};

/* The last byte of a plan is 0, so any offset in range begins a string. */
static bool is_text(const struct checker *c, uint32_t at)
{
	return at >= c->bytes && at < c->h->size;
}

static bool is_area(const struct checker *c, const struct plan_step *s)
{
	if (!s->data)
		return s->data_len == 0;
	return s->data >= c->bytes && s->data <= c->h->size - 1 &&
	       s->data_len <= c->h->size - 1 - s->data;
}

/* Whole strings, and in pairs an even number of them. */
static bool is_list(const struct checker *c, const struct plan_step *s)
{
	size_t count = 0;

	if (!is_area(c, s))
		return false;
	if (s->data_len && c->plan[s->data + s->data_len - 1])
		return false;
	for (uint32_t i = 0; i < s->data_len; i++)
		count += !c->plan[s->data + i];
	return !(plan_ops[s->op].uses & USE_PAIRS) || count % 2 == 0;
}

static bool is_vectors(const struct checker *c, const struct plan_step *s)
{
	const struct plan_vectors *v;
	size_t places;

	if (!is_area(c, s) || s->data % 8 || s->data_len < sizeof(*v))
		return false;
	v = (const struct plan_vectors *)(c->plan + s->data);
	places = (size_t)v->argc + v->envc + 2;
	if (s->data_len != sizeof(*v) + places * sizeof(uint64_t) || !v->argc)
		return false;
	for (size_t i = 0; i < places; i++) {
		bool end = i == v->argc || i == places - 1;

		if (end ? v->places[i] != 0 :
		    v->places[i] > UINT32_MAX || !is_text(c, (uint32_t)v->places[i]))
			return false;
	}
	return true;
}

static bool is_array(const struct checker *c, const struct plan_step *s,
		     size_t size, size_t min, size_t max)
{
	return is_area(c, s) && s->data % 8 == 0 && s->data_len % size == 0 &&
	       s->data_len / size >= min && s->data_len / size <= max;
}

static bool is_data(const struct checker *c, const struct plan_step *s,
		    uint32_t uses)
{
	if (uses & (USE_LIST | USE_PAIRS))
		return is_list(c, s);
	if (uses & USE_EXEC)
		return is_vectors(c, s);
	if (uses & USE_IDS)
		return is_array(c, s, sizeof(uint32_t), 1, 65536);
	if (uses & USE_CAPS)
		return is_array(c, s, sizeof(struct spec_caps), 1, 1);
	if (uses & USE_TAP)
		return is_array(c, s, sizeof(struct tap_config), 1, 1);
	if (uses & USE_BPF)
		return is_array(c, s, sizeof(struct sock_filter), 1, BPF_MAXINSNS);
	if (uses & USE_BITS)
		return is_array(c, s, sizeof(uint64_t), 0, BITLIST_MAX / 64);
	if (uses & USE_SCHED)
		return is_array(c, s, sizeof(struct spec_scheduler), 1, 1);
	return s->data == 0;
}

/* One end, and behind it what others do later. */
static bool is_in_order(struct checker *c, const struct plan_step *s, bool last)
{
	if (c->executed)
		return s->op == OP_HOOK && (s->flags & STEP_OUTSIDE);
	c->executed = s->op == OP_EXEC || s->op == OP_FOLLOW;
	return c->executed || !last;
}

static bool is_step(struct checker *c, const struct plan_step *s, bool last)
{
	uint32_t uses;

	if (s->op >= OP_COUNT || !is_in_order(c, s, last))
		return false;
	uses = plan_ops[s->op].uses;
	if (s->slot >= PLAN_SLOTS || s->from >= PLAN_SLOTS)
		return false;
	if (((uses & USE_S1) || s->s1) && !is_text(c, s->s1))
		return false;
	if (((uses & USE_S2) || s->s2) && !is_text(c, s->s2))
		return false;
	if ((s->flags & STEP_FALLBACK) && s->op == OP_FSMOUNT && !s->s2)
		return false;
	if ((uses & USE_SLOT) && !c->filled[s->slot])
		return false;
	if ((uses & USE_FROM) && !c->filled[s->from] &&
	    !((s->op == OP_MASK || s->op == OP_VERIFY_MASK) && c->h->kind == PLAN_START))
		return false;
	/* A listener is told something. */
	if (s->op == OP_SECCOMP && !s->s1 != !s->s2)
		return false;
	/* Two texts one after the other. */
	if (s->op == OP_HOOK && s->s2 &&
	    !is_text(c, s->s2 + (uint32_t)strlen(c->plan + s->s2) + 1))
		return false;
	if (s->op == OP_WAIT_MAPS) {
		if (c->waited || !c->h->uid_map)
			return false;
		c->waited = true;
	}
	if (!is_data(c, s, uses))
		return false;
	if (uses & USE_FILL)
		c->filled[s->slot] = true;
	return true;
}

static bool is_head(const struct checker *c, size_t len)
{
	const struct plan_head *h = c->h;
	const uint32_t texts[] = { h->uid_map, h->gid_map, h->newuidmap, h->newgidmap };

	if (h->magic != PLAN_MAGIC || h->version != PLAN_VERSION || h->size != len ||
	    h->kind < PLAN_START || h->kind > PLAN_EARLY ||
	    h->preserve_fds > PLAN_PRESERVE_MAX ||
	    !h->step_count != (h->kind == PLAN_EARLY) ||
	    h->step_count > PLAN_STEPS_MAX)
		return false;
	if (c->bytes >= len || c->plan[len - 1])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i] && !is_text(c, texts[i]))
			return false;
	if (!h->uid_map != !h->gid_map)
		return false;
	if (h->cpus_len % sizeof(uint64_t) || h->cpus_len > BITLIST_MAX / 8 ||
	    (h->cpus_len && (h->cpus < c->bytes || h->cpus > len - h->cpus_len)))
		return false;
	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		if (h->joins[i].flag && !is_text(c, h->joins[i].path))
			return false;
	return memchr(h->join.boot, '\0', sizeof(h->join.boot)) != NULL;
}

int plan_check(const void *plan, size_t len, struct err *e)
{
	struct checker c = { .plan = plan, .h = plan };
	const struct plan_step *s;

	if (len < sizeof(struct plan_head) || len > MAX_PLAN)
		return err_set(e, EBADMSG, "plan: bad length");
	if (c.h->step_count <= PLAN_STEPS_MAX)
		c.bytes = (uint32_t)(sizeof(struct plan_head) +
				     c.h->step_count * sizeof(struct plan_step));
	if (!is_head(&c, len))
		return err_set(e, EBADMSG, "plan: bad header");
	s = plan_steps(c.h);
	for (uint32_t i = 0; i < c.h->step_count; i++)
		if (!is_step(&c, &s[i], i == c.h->step_count - 1))
			return err_set(e, EBADMSG, "plan: bad step %u", i);
	if (c.h->uid_map && !c.waited && c.h->kind != PLAN_EARLY)
		return err_set(e, EBADMSG, "plan: nothing waits for the id maps");
	return 0;
}

uint64_t plan_join_flags(const void *plan)
{
	const struct plan_head *h = plan;
	uint64_t flags = h->clone_flags | h->join_flags;

	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		flags |= h->joins[i].flag;
	for (uint32_t i = 0; i < h->step_count; i++)
		if (plan_steps(h)[i].op == OP_TIME_NS)
			flags |= CLONE_NEWTIME;
	return flags & ~(uint64_t)CLONE_NEWUSER;
}

bool plan_denies_setgroups(const void *plan)
{
	return ((const struct plan_head *)plan)->flags & PLAN_F_DENY_SETGROUPS;
}

const void *plan_seccomp(const void *plan, size_t *len, bool *is_plain)
{
	const struct plan_head *h = plan;
	const struct plan_step *s = plan_steps(h);

	*len = 0;
	for (uint32_t i = 0; i < h->step_count; i++) {
		if (s[i].op != OP_SECCOMP)
			continue;
		*len = s[i].data_len;
		*is_plain = !s[i].a && !s[i].s1;
		return (const char *)plan + s[i].data;
	}
	return NULL;
}

void plan_describe(const void *plan, unsigned step, char out[static PLAN_WORDS_MAX])
{
	const struct plan_head *h = plan;
	const struct plan_step *s = plan_steps(h) + step;
	const char *words, *mark;
	char text[PLAN_WORDS_MAX];

	if (step >= h->step_count) {
		(void)snprintf(out, PLAN_WORDS_MAX, "container init");
		return;
	}
	words = plan_ops[s->op].words;
	mark = strstr(words, "%s");
	if (!mark) {
		(void)snprintf(out, PLAN_WORDS_MAX, "%s", words);
		return;
	}
	(void)str_copy(text, sizeof(text), str_or(plan_text(plan, s->s1), ""));
	str_mask(text);
	(void)snprintf(out, PLAN_WORDS_MAX, "%.*s%.400s%s", (int)(mark - words), words,
		       text, mark + 2);
}

static void print_text(struct buf *out, const char *text)
{
	struct buf b;

	buf_init(&b, MAX_PLAN);
	(void)buf_adds(&b, text);
	if (b.len)
		str_mask(b.data);
	(void)buf_addf(out, " '%s'", b.data);
	buf_clear(&b);
}

static void print_data(const char *plan, const struct plan_step *s, struct buf *out)
{
	uint32_t uses = plan_ops[s->op].uses;

	if (uses & (USE_LIST | USE_PAIRS)) {
		const char *p = plan + s->data, *end = p + s->data_len;

		for (; p < end; p += strlen(p) + 1)
			print_text(out, p);
	} else if (uses & USE_EXEC) {
		const struct plan_vectors *v =
			(const struct plan_vectors *)(plan + s->data);

		for (uint32_t i = 0; i < v->argc; i++)
			print_text(out, plan + v->places[i]);
	} else if (uses & USE_IDS) {
		for (uint32_t i = 0; i < s->data_len; i += 4) {
			uint32_t id;

			memcpy(&id, plan + s->data + i, sizeof(id));
			(void)buf_addf(out, " %u", id);
		}
	} else if (uses & USE_BITS) {
		for (uint32_t i = 0; i < s->data_len; i += 8) {
			uint64_t word;

			memcpy(&word, plan + s->data + i, sizeof(word));
			(void)buf_addf(out, " %#llx", (unsigned long long)word);
		}
	} else if (uses & USE_CAPS) {
		struct spec_caps c;

		memcpy(&c, plan + s->data, sizeof(c));
		(void)buf_addf(out, " permitted %#llx ambient %#llx",
			       (unsigned long long)c.permitted,
			       (unsigned long long)c.ambient);
	} else if (uses & USE_BPF) {
		(void)buf_addf(out, " %zu instructions",
			       s->data_len / sizeof(struct sock_filter));
	}
}

void plan_print(const void *plan, size_t len, struct buf *out)
{
	const struct plan_head *h = plan;
	const struct plan_step *s = plan_steps(h);

	(void)len;
	(void)buf_addf(out, "clone %#llx\n", (unsigned long long)h->clone_flags);
	for (uint32_t i = 0; i < h->step_count; i++, s++) {
		uint32_t uses = plan_ops[s->op].uses;

		(void)buf_addf(out, "%3u %s", i, plan_ops[s->op].name);
		if (uses & USE_FILL)
			(void)buf_addf(out, " [%u] =", s->slot);
		else if (uses & USE_SLOT)
			(void)buf_addf(out, " [%u]", s->slot);
		if (uses & USE_FROM)
			(void)buf_addf(out, " <- [%u]", s->from);
		if (s->s1)
			print_text(out, plan_text(plan, s->s1));
		if (s->s2)
			print_text(out, plan_text(plan, s->s2));
		print_data(plan, s, out);
		if (s->a || s->b)
			(void)buf_addf(out, " %#llx", (unsigned long long)s->a);
		if (s->b)
			(void)buf_addf(out, " %#llx", (unsigned long long)s->b);
		if (s->flags)
			(void)buf_addf(out, " flags %#x", s->flags);
		(void)buf_addc(out, '\n');
	}
}

const char *plan_rung_text(uint32_t rung)
{
	switch (rung) {
	case PLAN_RUNG_PROC_BIND:
		return "a fresh /proc is refused here: the surrounding one is used";
	case PLAN_RUNG_SYS_BIND:
		return "a fresh /sys is refused here: the surrounding one is used, read-only";
	case PLAN_RUNG_NO_CGROUPFS:
		return "no cgroup2 file system can be mounted here: /sys/fs/cgroup is empty";
	case PLAN_RUNG_NO_SETGROUPS:
		return "additional groups are not possible with a single mapped id";
	case PLAN_RUNG_NO_KEYRING:
		return "no session keyring of its own: the caller's is shared";
	case PLAN_RUNG_NO_MQUEUE:
		return "no mqueue file system can be mounted here: /dev/mqueue is missing";
	case PLAN_RUNG_FEWER_CAPS:
		return "capabilities that we do not have ourselves cannot be given";
	default:
		return NULL;
	}
}
