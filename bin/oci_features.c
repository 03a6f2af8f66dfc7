/* coracle-oci features: what this runtime knows (runtime-spec features.md and
 * features-linux.md). */
#include "bin/oci.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/fmt/secprof.h"
#include "lib/fmt/spec_text.h"
#include "lib/os/seccomp.h"
#include "lib/runtime/plan.h"

static void list(struct json_w *w, const char *key, const char *const *names)
{
	json_m_array(w, key);
	for (; *names; names++)
		json_w_string(w, *names);
	json_w_end(w);
}

static void only(struct json_w *w, const char *key, bool enabled)
{
	json_m_object(w, key);
	json_m_bool(w, "enabled", enabled);
	json_w_end(w);
}

static void names(struct json_w *w, const char *key, const struct named *table)
{
	json_m_array(w, key);
	for (; table->name; table++)
		json_w_string(w, table->name);
	json_w_end(w);
}

static void seccomp(struct json_w *w)
{
	json_m_object(w, "seccomp");
	json_m_bool(w, "enabled", true);
	names(w, "actions", secprof_actions);
	names(w, "operators", secprof_ops);
	list(w, "archs", secprof_arch_names);
	names(w, "knownFlags", secprof_flags);
	json_m_array(w, "supportedFlags");
	for (const struct named *f = secprof_flags; f->name; f++)
		if (seccomp_has_flag((uint32_t)f->value))
			json_w_string(w, f->name);
	json_w_end(w);
	json_w_end(w);
}

static void cgroup(struct json_w *w)
{
	json_m_object(w, "cgroup");
	json_m_bool(w, "v1", false);
	json_m_bool(w, "v2", true);
	json_m_bool(w, "systemd", true);
	json_m_bool(w, "systemdUser", true);
	json_m_bool(w, "rdma", true);
	json_w_end(w);
}

static void linux_part(struct json_w *w)
{
	json_m_object(w, "linux");
	json_m_array(w, "namespaces");
	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		json_w_string(w, spec_ns_names[i]);
	json_w_end(w);
	json_m_array(w, "capabilities");
	for (unsigned i = 0; i < CAP_COUNT; i++)
		json_w_string(w, cap_name(i));
	json_w_end(w);
	cgroup(w);
	seccomp(w);
	only(w, "apparmor", true);
	only(w, "selinux", true);
	only(w, "intelRdt", false);
	json_m_object(w, "memoryPolicy");
	names(w, "modes", spec_memory_modes);
	names(w, "flags", spec_memory_flags);
	json_w_end(w);
	only(w, "netDevices", true);
	json_m_object(w, "mountExtensions");
	only(w, "idmap", true);
	json_w_end(w);
	json_w_end(w);
}

static int features_run(struct app *app, void *args UNUSED, char **operands UNUSED,
			int count UNUSED, struct err *e UNUSED)
{
	struct json_w w = { .out = &app->out, .indent = true };

	json_w_object(&w);
	json_m_string(&w, "ociVersionMin", "1.0.0");
	json_m_string(&w, "ociVersionMax", OCI_VERSION);
	json_m_array(&w, "hooks");
	for (size_t i = 0; i < SPEC_HOOK_POINTS; i++)
		json_w_string(&w, spec_hook_names[i]);
	json_w_end(&w);
	json_m_array(&w, "mountOptions");
	for (size_t i = 0; plan_mount_option(i); i++)
		json_w_string(&w, plan_mount_option(i));
	json_w_end(&w);
	linux_part(&w);
	json_w_end(&w);
	app_printf(app, "\n");
	return 0;
}

const struct cmd oci_cmd_features = {
	.name = "features",
	.summary = "Print what this runtime knows as JSON",
	.max = 0,
	.example = "coracle-oci features",
	.run = features_run,
};
