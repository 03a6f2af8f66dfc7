#include "bin/app.h"

#include "lib/base/str.h"

/* Remedies, by the key that the failing code put into the error. */
static const struct {
	const char *key;
	const char *text;
} hints[] = {
	{ "image.missing", "'coracle images' lists what is here, 'coracle pull' fetches" },
	{ "blob.missing", "'coracle pull' fetches it again, 'coracle system check --repair' "
			  "all that is missing" },
	{ "container.missing", "'coracle ps -a' lists all containers" },
	{ "container.running", "'coracle stop' ends it, 'coracle rm -f' ends and removes it" },
	{ "container.exited", "'coracle start' runs it again" },
	{ "container.paused", "'coracle unpause' lets it go on" },
	{ "container.name", "'coracle rm' removes the other one, or choose another --name" },
	{ "image.used",
	  "'coracle rm' removes the containers, 'coracle rmi -f' only takes the name away" },
	{ "namespace.used", "first remove what it has: 'coracle -n NAME rm "
			    "...', 'rmi', 'volume rm'" },
	{ "snapshot.container", "'coracle rm' removes it with its container" },
	{ "volume.used", "'coracle rm -v' removes the containers with their anonymous volumes" },
	{ "subid.none", "an administrator can grant ids: usermod --add-subuids 100000-165535 "
			"--add-subgids 100000-165535 $USER" },
	{ "subid.small", "the image has ids beyond the granted range; an administrator can grant "
			 "more: usermod --add-subuids" },
	{ "userns.helper", "install newuidmap and newgidmap (Debian: uidmap, Fedora: "
			   "shadow-utils), and look at /etc/subuid" },
	{ "userns.none", "'coracle doctor' says what forbids user namespaces here" },
	{ "cgroup.controller", "an administrator can delegate it: Delegate= in user@.service.d; "
			       "'coracle doctor' explains" },
	{ "cgroup.none", "limits, figures and the freezer need a delegated cgroup v2 or a systemd "
			 "user session; 'coracle doctor' explains" },
	{ "net.low_port",
	  "ports below net.ipv4.ip_unprivileged_port_start are root's; choose a higher host port" },
	{ "net.port_in_use", "another program listens there; choose another host port" },
	{ "registry.auth", "'coracle login REGISTRY' stores a user name and password" },
	{ "registry.plain-http",
	  "a registry without TLS needs --plain-http, unless it is on loopback" },
	{ "registry.ca",
	  "put the registry's CA into certs.d/HOST:PORT/ca.crt below ~/.config/coracle" },
	{ "registry.rate-limit", "the registry limits requests; log in, or wait" },
	{ "store.busy", "another call of coracle uses it; wait for it, or end it" },
	{ "store.lost", "'coracle system rebuild' makes it again from the files" },
	{ "store.newer", "this store was made by a newer version; upgrade coracle" },
	{ "store.read-only", "the file system is read-only; another one: export "
			     "XDG_DATA_HOME=/some/directory" },
	{ "store.remote", "choose a directory on a disk of this machine: export "
			  "XDG_DATA_HOME=/some/directory" },
	{ "store.case", "choose a directory that knows capitals: export "
			"XDG_DATA_HOME=/some/directory" },
	{ "store.noexec", "choose a directory that is not mounted noexec, or install "
			  "fuse-overlayfs: export XDG_DATA_HOME=/some/directory" },
	{ "store.full", "free space, or 'coracle system prune'" },
	{ "registry.realm", "the registry sends clients to a token service of another domain; log "
			    "in there only if you trust it" },
	{ "registry.resolve", "check the registry's name and this machine's name resolution" },
	{ "registry.proxy", "check http_proxy, https_proxy and no_proxy" },
	{ "registry.helper", "docker's config.json names a credential helper; install it or remove "
			     "credsStore and credHelpers there" },
	{ "criu.missing", "install criu, of a version that knows this kernel: 'criu check' tells" },
	{ "criu.root", "criu makes processes with any pid and any rights: run coracle-oci as root, "
		       "for containers that root has made" },
	{ "runtime.missing", "'coracle plugin ls' lists the runtimes that are here" },
	{ "rt.exec", "the command must exist in the image and be executable; --entrypoint '' "
		     "ignores the image's own" },
};

const char *hint_text(const char *key)
{
	for (size_t i = 0; key && i < ARRAY_SIZE(hints); i++)
		if (str_eq(hints[i].key, key))
			return hints[i].text;
	return NULL;
}
