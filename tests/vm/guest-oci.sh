# guest-oci.sh - containers of coracle-oci inside a machine, for root and dev.
# ROOTFS is a busybox.
# shellcheck shell=bash

PATH=$VM/bin:$PATH
ROOTFS=/srv/rootfs
TREE=/sys/fs/cgroup

[ "$(id -u)" -ne 0 ] || [ -d $ROOTFS ] || {
	mkdir -p $ROOTFS
	tar -xOf $VM/busybox.tar 1.tar | tar -x -C $ROOTFS
}

# bundle JSON COMMAND...: in ~/b, with members of linux, and annotations, from JSON
bundle() {
	mkdir -p ~/b && rm -f ~/b/config.json
	if [ "$(id -u)" -eq 0 ]; then coracle-oci spec -b ~/b; else coracle-oci spec --rootless -b ~/b; fi
	python3 - ~/b/config.json "$@" <<-'END'
		import json, sys
		c = json.load(open(sys.argv[1]))
		change = json.loads(sys.argv[2])
		c["annotations"] = change.pop("annotations", {})
		c["linux"].update(change)
		c["root"]["path"] = "/srv/rootfs"
		c["process"]["terminal"] = False
		c["process"]["args"] = sys.argv[3:]
		json.dump(c, open(sys.argv[1], "w"))
	END
}

oci() { coracle-oci --cgroup-manager "$MANAGER" "$@"; }

# oci_run JSON COMMAND...: what it says, and "status N"
oci_run() {
	bundle "$@"
	oci run -b ~/b c 2>&1
	echo "status $?"
}

# oci_start JSON COMMAND...: in the background
oci_start() {
	bundle "$@"
	oci create -b ~/b c </dev/null >~/said 2>&1 && oci start c || { cat ~/said; return 1; }
}

oci_update() { echo "$1" | oci update --resources - c; }

# Of the container c.
init() { oci state c | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'; }
group() { echo "$TREE$(sed -n 's/^0:://p' "/proc/$(init)/cgroup")"; }
figure() { cat "$(group)/$1"; }
