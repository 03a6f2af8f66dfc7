/* coracle-oci update: other limits for a container. */
#include <fcntl.h>
#include <string.h>

#include "bin/oci.h"
#include "bin/oci_cgroup.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

struct update_args {
	const char *resources;
	const char *values[16];
};

/* options of which each is one number; sizes may have a unit */
static const struct {
	const char *name;
	size_t offset;
	bool is_size;
} numbers[] = {
	{ "cpu-period", offsetof(struct spec_resources, cpu_period), false },
	{ "cpu-quota", offsetof(struct spec_resources, cpu_quota), false },
	{ "cpu-burst", offsetof(struct spec_resources, cpu_burst), false },
	{ "cpu-share", offsetof(struct spec_resources, cpu_shares), false },
	{ "cpu-idle", offsetof(struct spec_resources, cpu_idle), false },
	{ "memory", offsetof(struct spec_resources, memory_limit), true },
	{ "memory-reservation", offsetof(struct spec_resources, memory_reservation), true },
	{ "memory-swap", offsetof(struct spec_resources, memory_swap), true },
	{ "pids-limit", offsetof(struct spec_resources, pids_limit), false },
	{ "blkio-weight", offsetof(struct spec_resources, io_weight), false },
};

enum { CPUS = ARRAY_SIZE(numbers), MEMS };

#define NUMBER(index, n, h) \
	TEXT(struct update_args, values[index], 0, n, "N", WORD_ANY, h)

static const struct opt update_opts[] = {
	TEXT(struct update_args, resources, 'r', "resources", "FILE", WORD_FILE,
	     "Limits as linux.resources has them, as JSON; - is standard input"),
	NUMBER(0, "cpu-period", "Microseconds of a period of the cpu quota"),
	NUMBER(1, "cpu-quota", "Microseconds of cpu time in a period"),
	NUMBER(2, "cpu-burst", "Microseconds that may be saved up"),
	NUMBER(3, "cpu-share", "Weight against others; 1024 is usual"),
	NUMBER(4, "cpu-idle", "1: only when nobody else wants the cpu"),
	NUMBER(5, "memory", "Bytes of memory"),
	NUMBER(6, "memory-reservation", "Bytes that are left to it before others"),
	NUMBER(7, "memory-swap", "Bytes of memory and swap together; -1: any"),
	NUMBER(8, "pids-limit", "Processes; -1: any number"),
	NUMBER(9, "blkio-weight", "Weight of its input and output, 10 to 1000"),
	TEXT(struct update_args, values[CPUS], 0, "cpuset-cpus", "LIST", WORD_ANY,
	     "The cpus it may run on"),
	TEXT(struct update_args, values[MEMS], 0, "cpuset-mems", "LIST", WORD_ANY,
	     "The memory nodes it may use"),
	REFUSE("kernel-memory", "cgroup v2 counts it with the rest"),
	REFUSE("kernel-memory-tcp", "cgroup v2 counts it with the rest"),
	REFUSE("cpu-rt-period", "cgroup v2 has no real-time limits"),
	REFUSE("cpu-rt-runtime", "cgroup v2 has no real-time limits"),
	REFUSE("l3-cache-schema", "Intel RDT is not driven"),
	REFUSE("mem-bw-schema", "Intel RDT is not driven"),
	{ .kind = OPT_END },
};

static int one_number(struct spec_resources *r, size_t i, const char *text, struct err *e)
{
	int64_t *to = (int64_t *)(void *)((char *)r + numbers[i].offset);
	uint64_t size = 0;
	int ret;

	if (!numbers[i].is_size || *text == '-')
		return num_i64(text, -1, INT64_MAX, to, e);
	ret = num_size(text, &size, e);
	if (ret == 0)
		*to = size > INT64_MAX ? INT64_MAX : (int64_t)size;
	return ret;
}

static int from_options(struct spec_resources *r, const struct update_args *a, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int ret = a->values[i] ? one_number(r, i, a->values[i], e) : 0;

		if (ret < 0)
			return err_ctx(e, ret, "--%s", numbers[i].name);
	}
	r->cpuset_cpus = mem_str(a->values[CPUS]);
	r->cpuset_mems = mem_str(a->values[MEMS]);
	return 0;
}

static int read_change(struct spec_resources *out, const struct update_args *a, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	AUTO_FD int fd = -1;
	int r;

	spec_resources_init(out);
	if (!a->resources)
		return from_options(out, a, e);
	fd = str_eq(a->resources, "-") ? fcntl(0, F_DUPFD_CLOEXEC, 3) :
		open(a->resources, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "--resources '%s'", a->resources);
	r = fs_read_stream(fd, a->resources, &text, e);
	if (r == 0)
		r = spec_resources_parse(out, text.data, text.len, e);
	return r < 0 ? err_ctx(e, r, "--resources") : 0;
}

static int update_run(struct app *app, void *args, char **operands, int count UNUSED,
		      struct err *e)
{
	AUTO(spec_resources) struct spec_resources change;
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	AUTO(spec) struct spec spec;
	enum oci_status status;
	int r = read_change(&change, args, e);

	spec_init(&spec);
	if (r == 0)
		r = oci_box_open(&b, oci_of(app), operands[0], OCI_CHANGE, e);
	if (r < 0)
		return r;
	status = oci_box_status(&b);
	if (status == OCI_STOPPED || status == OCI_CREATING)
		return err_set(e, EBADF, "container '%s': cannot be updated, it is %s", b.id,
			       oci_status_name(status));
	r = oci_box_spec(&spec, &b, e);
	if (r < 0)
		return r;
	spec_resources_merge(&spec.resources, &change);
	r = oci_cgroup_update(&b, oci_of(app), &spec, e);
	/* The next update starts from what holds now. */
	return r < 0 ? err_ctx(e, r, "container '%s'", b.id) :
		       oci_box_save_spec(&b, &spec, e);
}

const struct cmd oci_cmd_update = {
	.name = "update",
	.summary = "Change the limits of a container",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.about = "What is not named stays as it is.",
	.example = "coracle-oci update --memory 512m --pids-limit 100 web",
	.opts = update_opts,
	.args_size = sizeof(struct update_args),
	.run = update_run,
};
