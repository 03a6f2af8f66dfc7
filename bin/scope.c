#include "bin/scope.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/cgroup.h"

#define MANAGER "org.freedesktop.systemd1", "/org/freedesktop/systemd1", \
	"org.freedesktop.systemd1.Manager"
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
		return err_ret(e, r, "D-Bus '%s'", path);
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
	if (geteuid() == 0)
		return connect_to(out, "/run/dbus/system_bus_socket", e);
	if (dir && !str_eq(given, usual) && connect_to(out, given, &ignored) == 0)
		return 0;
	err_clear(&ignored);
	return connect_to(out, usual, e);
}

/* --- the scope --- */

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

static int call_start(sd_bus_message **answer, sd_bus *bus, const char *unit, uint32_t pid,
		      sd_bus_error *error)
{
	AUTO(message) sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sv)", 4,
					  "Description", "s", "a coracle container",
					  "Delegate", "b", 1,
					  "CollectMode", "s", "inactive-or-failed",
					  "PIDs", "au", 1, pid);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	return r < 0 ? r : sd_bus_call(bus, m, 0, error, answer);
}

/* The scope of the container's last run may be on its way out. */
static int start_unit(sd_bus_message **answer, sd_bus *bus, const char *unit, uint32_t pid,
		      uint64_t deadline, struct err *e)
{
	for (;;) {
		AUTO(bus_error) sd_bus_error error = SD_BUS_ERROR_NULL;
		struct timespec pause = { .tv_nsec = RETRY_NS };
		int r = call_start(answer, bus, unit, pid, &error);

		if (r >= 0)
			return 0;
		if (!sd_bus_error_has_name(&error, "org.freedesktop.systemd1.UnitExists") ||
		    clock_mono_ns() > deadline)
			return bus_fail(e, r, &error, "systemd");
		(void)nanosleep(&pause, NULL);
	}
}

static int make_scope(sd_bus *bus, const char *unit, uint32_t pid, struct err *e)
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
	r = start_unit(&answer, bus, unit, pid, deadline, e);
	if (r < 0)
		return r;
	r = sd_bus_message_read(answer, "o", &job.path);
	while (r >= 0 && !job.result[0]) {
		if (clock_mono_ns() > deadline)
			return err_set(e, ETIMEDOUT, "systemd: scope '%s' takes too long", unit);
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, US_PER_S);
	}
	if (r < 0)
		return bus_fail(e, r, NULL, "systemd");
	return str_eq(job.result, "done") ? 0 :
		err_set(e, EIO, "systemd: scope '%s': %s", unit, job.result);
}

static int enter_scope(sd_bus *bus, const char *unit, const char *leaf, uint32_t pid,
		       struct err *e)
{
	AUTO(bus_error) sd_bus_error error = SD_BUS_ERROR_NULL;
	AUTO_FREE char *path = mem_printf("/%s", leaf);
	int r = sd_bus_call_method(bus, MANAGER, "AttachProcessesToUnit", &error, NULL, "ssau",
				   unit, path, 1, pid);

	return r < 0 ? bus_fail(e, r, &error, "systemd") : 0;
}

int scope_of(const char *name, pid_t pid, const char *leaf, struct err *e)
{
	AUTO_FREE char *unit = mem_printf("%s.scope", name);
	AUTO(bus) sd_bus *bus = NULL;
	char path[CGROUP_PATH_MAX];
	int r = connect_any(&bus, e);

	if (r == 0)
		r = leaf ? enter_scope(bus, unit, leaf, (uint32_t)pid, e) :
			   make_scope(bus, unit, (uint32_t)pid, e);
	if (r == 0)
		r = cgroup_of(pid, path, e);
	if (r < 0)
		return r;
	return printf("%s\n", path) < 0 || fflush(stdout) ? err_sys(e, "write") : 0;
}
