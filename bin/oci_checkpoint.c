/* coracle-oci checkpoint, restore: what they would take is not there. */
#include "bin/oci.h"

static int refuse(struct app *app UNUSED, void *args UNUSED, char **operands, int count UNUSED,
		  struct err *e)
{
	return err_set(e, EOPNOTSUPP, "container '%s': a process tree cannot be saved or restored "
		       "without criu, which Coracle does not drive", operands[0]);
}

const struct cmd oci_cmd_checkpoint = {
	.name = "checkpoint",
	.summary = "Refused: a container cannot be saved",
	.operands = "ID",
	.min = 1,
	.max = -1,
	.example = "coracle-oci checkpoint web",
	.stop_at_operand = true,
	.run = refuse,
};

const struct cmd oci_cmd_restore = {
	.name = "restore",
	.summary = "Refused: a container cannot be restored",
	.operands = "ID",
	.min = 1,
	.max = -1,
	.example = "coracle-oci restore web",
	.stop_at_operand = true,
	.run = refuse,
};
