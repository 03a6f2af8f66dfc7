#include "bin/scope.h"

#include <systemd/sd-bus.h>
#include <time.h>

#include "bin/scope_props.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/userns.h"

#define MANAGER "org.freedesktop.systemd1", "/org/freedesktop/systemd1", \
	"org.freedesktop.systemd1.Manager"
#define EXISTS "org.freedesktop.systemd1.UnitExists"
#define ABSENT "org.freedesktop.systemd1.NoSuchUnit"
#define DEADLINE_NS (10 * NS_PER_S)
#define US_PER_S 1000000ull
#define RETRY_NS (20 * NS_PER_MS)

/* --- values of sd-bus that own something --- */

static void bus_auto(sd_bus **b)
{
	*b = sd_bus_flush_close_unref(*b);
}

static void message_auto(sd_bus_message **m)
{
	*m = sd_bus_message_unref(*m);
}

static void slot_auto(sd_bus_slot **s)
{
	*s = sd_bus_slot_unref(*s);
}

static void bus_error_auto(sd_bus_error *b)
{
	sd_bus_error_free(b);
}

static int bus_fail(struct err *e, int r, const sd_bus_error *b, const char *what)
{
	if (b && b->message)
		return err_set(e, -r, "%s: %s", what, b->message);
	return err_ret(e, r, "%s", what);
}

/* --- the connection --- */

static int connect_to(sd_bus **out, const char *path, struct err *e)
{
	AUTO(bus) sd_bus *bus = NULL;
	AUTO_FREE char *address = mem_printf("unix:path=%s", path);
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, DEADLINE_NS / NS_PER_S * US_PER_S);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		return err_hint(e, err_ret(e, r, "D-Bus '%s'", path), SCOPE_NO_BUS);
	*out = take(bus);
	return 0;
}

/* Not by DBUS_SESSION_BUS_ADDRESS, which su and sudo keep from another user. */
static int connect_any(sd_bus **out, struct err *e)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	AUTO_FREE char *given = mem_printf("%s/bus", str_or(dir, "/nonexistent"));
	AUTO_FREE char *usual = mem_printf("/run/user/%u/bus", (unsigned)geteuid());
	struct err ignored = ERR_INIT;

	/* Root's own manager runs only while root is logged in. */
	if (userns_is_machines_root())
		return connect_to(out, "/run/dbus/system_bus_socket", e);
	if (dir && !str_eq(given, usual) && connect_to(out, given, &ignored) == 0)
		return 0;
	err_clear(&ignored);
	return connect_to(out, usual, e);
}

/* --- jobs --- */

struct job {
	const char *path;		/* NULL: not known yet */
	char result[32];		/* "" not over */
};

static int on_job_removed(sd_bus_message *m, void *arg, sd_bus_error *ignored)
{
	const char *path, *unit, *result;
	struct job *job = arg;
	uint32_t id;

	(void)ignored;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 &&
	    str_eq(path, job->path))
		(void)str_copy(job->result, sizeof(job->result), result);
	return 0;
}

/* No answer: there is nothing to wait for. */
typedef int call_fn(sd_bus_message **answer, sd_bus *bus, const void *arg,
		    sd_bus_error *error);

/* The scope of the container's last run may be on its way out. */
static int call(sd_bus_message **answer, sd_bus *bus, call_fn *fn, const void *arg,
		uint64_t deadline, struct err *e)
{
	for (;;) {
		AUTO(bus_error) sd_bus_error error = SD_BUS_ERROR_NULL;
		struct timespec pause = { .tv_nsec = RETRY_NS };
		int r = fn(answer, bus, arg, &error);

		if (r >= 0)
			return 0;
		if (!sd_bus_error_has_name(&error, EXISTS) || clock_mono_ns() > deadline)
			return bus_fail(e, r, &error, "systemd");
		(void)nanosleep(&pause, NULL);
	}
}

/* A call that starts a job, and the job's end. */
static int run_job(sd_bus *bus, const char *unit, call_fn *fn, const void *arg, struct err *e)
{
	AUTO(bus_error) sd_bus_error error = SD_BUS_ERROR_NULL;
	AUTO(message) sd_bus_message *answer = NULL;
	AUTO(slot) sd_bus_slot *slot = NULL;
	uint64_t deadline = clock_mono_ns() + DEADLINE_NS;
	struct job job = { .path = NULL };
	int r = sd_bus_match_signal(bus, &slot, MANAGER, "JobRemoved", on_job_removed, &job);

	/* Without it, signals go nowhere. */
	if (r >= 0)
		r = sd_bus_call_method(bus, MANAGER, "Subscribe", &error, NULL, NULL);
	if (r < 0)
		return bus_fail(e, r, &error, "systemd");
	r = call(&answer, bus, fn, arg, deadline, e);
	if (r < 0 || !answer)
		return r;
	r = sd_bus_message_read(answer, "o", &job.path);
	while (r >= 0 && !job.result[0]) {
		if (clock_mono_ns() > deadline)
			return err_set(e, ETIMEDOUT, "systemd: '%s' takes too long", unit);
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, US_PER_S);
	}
	if (r < 0)
		return bus_fail(e, r, NULL, "systemd");
	return str_eq(job.result, "done") ? 0 :
		err_set(e, EIO, "systemd: '%s': %s", unit, job.result);
}

/* --- properties --- */

static int append_value(sd_bus_message *m, const struct scope_prop *p)
{
	const char type[] = { p->value.type, '\0' };
	uint64_t n = p->value.number;

	switch (p->value.type) {
	case 0:
		return sd_bus_message_append_array(m, 'y', p->bytes.data, p->bytes.len);
	case 'a':
		return sd_bus_message_append_strv(m, strv_args(&p->value.texts));
	case 's':
	case 'o':
	case 'g':
		return sd_bus_message_append_basic(m, *type, p->value.texts.v[0]);
	case 'y':
		return sd_bus_message_append_basic(m, *type, &(uint8_t){ (uint8_t)n });
	case 'n':
	case 'q':
		return sd_bus_message_append_basic(m, *type, &(uint16_t){ (uint16_t)n });
	case 'b':
	case 'i':
	case 'u':
		return sd_bus_message_append_basic(m, *type, &(uint32_t){ (uint32_t)n });
	default:
		return sd_bus_message_append_basic(m, *type, &n);
	}
}

static int append_prop(sd_bus_message *m, const struct scope_prop *p)
{
	const char type[] = { p->value.type, '\0' };
	int r = sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", p->name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', !*type ? "ay" :
						  *type == 'a' ? "as" : type);
	if (r >= 0)
		r = append_value(m, p);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_props(sd_bus_message *m, const struct scope_props *props)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < props->len; i++)
		r = append_prop(m, &props->v[i]);
	return r;
}

/* --- scopes --- */

struct start {
	const struct scope_request *q;
	const struct scope_props *props;
};

static int append_own(sd_bus_message *m, const struct scope_request *q)
{
	int r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)",
				      "Description", "s", "a coracle container",
				      "Delegate", "b", 1,
				      "CollectMode", "s", "inactive-or-failed",
				      "PIDs", "au", 1, (uint32_t)q->pid);

	if (r >= 0 && !str_is_empty(q->slice))
		r = sd_bus_message_append(m, "(sv)", "Slice", "s", q->slice);
	/* As the engines have it that order their containers' ends themselves. */
	if (r >= 0 && q->spec)
		r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)",
					  "DefaultDependencies", "b", 0,
					  "CPUAccounting", "b", 1,
					  "MemoryAccounting", "b", 1,
					  "IOAccounting", "b", 1,
					  "TasksAccounting", "b", 1);
	return r;
}

static int call_start(sd_bus_message **answer, sd_bus *bus, const void *arg,
		      sd_bus_error *error)
{
	AUTO(message) sd_bus_message *m = NULL;
	const struct start *s = arg;
	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", s->q->unit, "fail");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = append_own(m, s->q);
	if (r >= 0)
		r = append_props(m, s->props);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	return r < 0 ? r : sd_bus_call(bus, m, 0, error, answer);
}

int scope_start(char path[static CGROUP_PATH_MAX], const struct scope_request *q,
		struct err *e)
{
	AUTO(scope_props) struct scope_props props = SCOPE_PROPS_INIT;
	const struct start start = { .q = q, .props = &props };
	AUTO(bus) sd_bus *bus = NULL;
	int r = q->spec ? scope_props_limits(&props, &q->spec->resources, e) : 0;

	if (r == 0 && q->spec)
		r = scope_props_annotations(&props, &q->spec->annotations, e);
	if (r == 0)
		r = connect_any(&bus, e);
	if (r == 0)
		r = run_job(bus, q->unit, call_start, &start, e);
	return r < 0 ? r : cgroup_of(q->pid, path, e);
}

int scope_enter(char path[static CGROUP_PATH_MAX], const char *unit, const char *leaf,
		pid_t pid, struct err *e)
{
	AUTO(bus_error) sd_bus_error error = SD_BUS_ERROR_NULL;
	AUTO_FREE char *below = mem_printf("/%s", leaf);
	AUTO(bus) sd_bus *bus = NULL;
	int r = connect_any(&bus, e);

	if (r < 0)
		return r;
	r = sd_bus_call_method(bus, MANAGER, "AttachProcessesToUnit", &error, NULL, "ssau",
			       unit, below, 1, (uint32_t)pid);
	return r < 0 ? bus_fail(e, r, &error, "systemd") : cgroup_of(pid, path, e);
}

int scope_update(const char *unit, const struct spec_resources *limits, struct err *e)
{
	AUTO(scope_props) struct scope_props props = SCOPE_PROPS_INIT;
	AUTO(bus_error) sd_bus_error error = SD_BUS_ERROR_NULL;
	AUTO(message) sd_bus_message *m = NULL;
	AUTO(bus) sd_bus *bus = NULL;
	int r = scope_props_limits(&props, limits, e);

	if (r == 0)
		r = connect_any(&bus, e);
	if (r < 0)
		return r;
	r = sd_bus_message_new_method_call(bus, &m, MANAGER, "SetUnitProperties");
	/* true: until the next boot, as all of a transient unit */
	if (r >= 0)
		r = sd_bus_message_append(m, "sb", unit, 1);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = append_props(m, &props);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_call(bus, m, 0, &error, NULL);
	return r < 0 ? bus_fail(e, r, &error, "systemd") : 0;
}

static int call_stop(sd_bus_message **answer, sd_bus *bus, const void *arg,
		     sd_bus_error *error)
{
	int r = sd_bus_call_method(bus, MANAGER, "StopUnit", error, answer, "ss", arg,
				   "replace");

	return r < 0 && sd_bus_error_has_name(error, ABSENT) ? 0 : r;
}

int scope_stop(const char *unit, struct err *e)
{
	AUTO(bus) sd_bus *bus = NULL;
	int r = connect_any(&bus, e);

	return r < 0 ? r : run_job(bus, unit, call_stop, unit, e);
}
