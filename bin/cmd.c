/* The commands of coracle and coracle-image. */
#include "bin/cmd.h"

#define CMD(name) extern const struct cmd cmd_##name;
#include "bin/commands.h"
#undef CMD

#define CMD(name) &cmd_##name,
const struct cmd *const cmd_table[] = {
#include "bin/commands.h"
	NULL,
};
#undef CMD

const struct cmd_program cmd_program = {
	.name = "coracle",
	.summary = "containers for one unprivileged user, without a daemon",
	.options =
	"  -n, --namespace NAME      The logical namespace to work in ($CORACLE_NAMESPACE)\n"
	"      --data-dir DIR        Where the store is ($XDG_DATA_HOME/coracle)\n"
	"      --version             Print the version\n",
	.more = "'coracle COMMAND --help' explains a command; "
		"'coracle doctor' checks this machine.",
	.exit_status =
		"0: done. 1: failed. 2: wrong usage. 3: standard output went away.\n"
		"125, 126, 127: run and exec could not start the command: "
		"an error of Coracle's, not executable, not found. "
		"Else run and exec exit as the command did.\n",
	.files =
		".TP\n.I $XDG_DATA_HOME/coracle\n"
		"The store: images, containers, volumes.\n"
		".TP\n.I $XDG_RUNTIME_DIR/coracle\nState of running containers.\n"
		".TP\n.I ~/.docker/config.json, containers/auth.json\n"
		"Credentials for registries.\n",
};
