/* coracle-oci features: what this runtime knows (runtime-spec features.md and
 * features-linux.md). */
#include "bin/oci.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/fmt/secprof.h"
#include "lib/fmt/spec_text.h"
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

static void seccomp(struct json_w *w)
{
	static const char *const actions[] = {
		"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
		"SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE",
		"SCMP_ACT_TRAP", NULL,
	};
	static const char *const operators[] = {
		"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT",
		"SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE", NULL,
	};
	static const char *const flags[] = {
		"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
		"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL,
	};

	json_m_object(w, "seccomp");
	json_m_bool(w, "enabled", true);
	list(w, "actions", actions);
	list(w, "operators", operators);
	list(w, "knownFlags", flags);
	list(w, "supportedFlags", flags);
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
	only(w, "memoryPolicy", true);
	only(w, "netDevices", false);
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
