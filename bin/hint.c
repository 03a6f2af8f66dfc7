#include "bin/app.h"

#include "lib/base/str.h"

/* Remedies, by the key that the failing code put into the error. */
static const struct {
	const char *key;
	const char *text;
} hints[] = {
	{ "image.missing", "'coracle images' lists what is here, 'coracle pull' fetches" },
	{ "container.missing", "'coracle ps -a' lists all containers" },
	{ "container.running", "'coracle stop' ends it, 'coracle rm -f' ends and removes it" },
	{ "container.exited", "'coracle start' runs it again" },
	{ "container.name", "'coracle rm' removes the other one, or choose another --name" },
	{ "image.used", "'coracle rm' removes the containers, 'coracle rmi -f' only takes the name away" },
	{ "volume.used", "'coracle rm -v' removes the containers with their anonymous volumes" },
	{ "subid.none", "an administrator can grant ids: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER" },
	{ "subid.helper", "install newuidmap and newgidmap (Debian: uidmap, Fedora: shadow-utils)" },
	{ "userns.denied", "'coracle doctor' says what forbids user namespaces here" },
	{ "cgroup.none", "limits need a delegated cgroup v2 or a systemd user session; 'coracle doctor' explains" },
	{ "net.tun", "/dev/net/tun is missing; --network host or none need no tun" },
	{ "port.low", "ports below net.ipv4.ip_unprivileged_port_start are root's; choose a higher host port" },
	{ "port.used", "another program listens there; choose another host port" },
	{ "registry.auth", "'coracle login REGISTRY' stores a user name and password" },
	{ "registry.plain-http", "a registry without TLS needs --plain-http, unless it is on loopback" },
	{ "registry.ca", "put the registry's CA into certs.d/HOST:PORT/ca.crt below ~/.config/coracle" },
	{ "registry.rate-limit", "the registry limits requests; log in, or wait" },
	{ "store.newer", "this store was made by a newer version; upgrade coracle" },
	{ "store.full", "free space, or 'coracle system prune'" },
	{ "exec.missing", "the command must exist in the image; --entrypoint '' ignores the image's own" },
};

const char *hint_text(const char *key)
{
	for (size_t i = 0; key && i < ARRAY_SIZE(hints); i++)
		if (str_eq(hints[i].key, key))
			return hints[i].text;
	return NULL;
}
