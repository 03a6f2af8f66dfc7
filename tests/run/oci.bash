# oci.bash - bundles and containers of coracle-oci, for oci*.bats:
#
#	load helper
#	load oci
#	setup_file() { oci_setup; }
#	setup() { oci_begin; }
#	teardown() { oci_end; }
#
# Every test has a state directory of its own; oci_end fails when a process
# of it is left.
# shellcheck shell=bash

# oci_setup: ROOTFS is a busybox that nothing changes.
oci_setup() {
	need jq
	coracle_setup
	"$ROOT/tests/run/mkimages.sh" "$IMAGES"
	export ROOTFS=$BATS_FILE_TMPDIR/rootfs
	mkdir "$ROOTFS"
	tar -xOf "$IMAGES/busybox.tar" 1.tar | tar -x -C "$ROOTFS"
	coracle-oci spec --rootless -b "$BATS_FILE_TMPDIR"
}

oci_begin() {
	cd "$BATS_TEST_TMPDIR" || return
	OCI=$BATS_TEST_TMPDIR/oci
	B=$BATS_TEST_TMPDIR/bundle
}

oci_end() {
	local id left=
	for id in $(oci list -q); do
		oci delete --force "$id" 2>/dev/null || left="container $id"
	done
	wait_for 5 silent inside || true
	left+=$(inside)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

oci() {
	coracle-oci --root "$OCI" "$@"
}

# behind FILE ARG...: the same in the background, as $!, with its words in FILE.
behind() {
	coracle-oci --root "$OCI" "${@:2}" </dev/null >"$1" 2>&1 3>&- &
}

# bundle JQ [DIR]: the template with ROOTFS and no terminal, changed by this
# filter; in B unless DIR is given.
bundle() {
	local dir=${2-$B}
	mkdir -p "$dir"
	jq --arg root "$ROOTFS" ".root.path = \$root | .process.terminal = false | $1" \
		"$BATS_FILE_TMPDIR/config.json" >"$dir/config.json"
}

# script TEXT [JQ [DIR]]: the same for a shell script.
script() {
	bundle "$(jq -n --arg s "$1" '["sh", "-c", $s]' | sed '1s/^/.process.args = /') | ${2-.}" "${3-$B}"
}

# created ID, started ID [OPTION...]: of the bundle in B; what it says goes to
# the file ID.log.
created() {
	oci create -b "$B" "${@:2}" "$1" </dev/null >"$1.log" 2>&1 3>&- ||
		{ status=$?; cat "$1.log"; return $status; }
}

started() {
	created "$@" && oci start "$1" 3>&-
}

has_status() {
	[ "$(oci state "$1" | jq -r .status)" = "$2" ]
}

init_of() {
	oci state "$1" | jq .pid
}

# runs PID: and is no zombie.
runs() {
	grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2>/dev/null
}

ends() {
	wait_for 5 has_status "$1" stopped
}

# What of this file runs in another pid namespace.
inside() {
	local p own
	own=$(readlink /proc/self/ns/pid)
	for p in $(pgrep -u "$(id -u)"); do
		grep -q "^Max msgqueue size *$BATS_TAG " "/proc/$p/limits" 2>/dev/null &&
			[ "$(readlink "/proc/$p/ns/pid")" != "$own" ] &&
			ps -o pid=,stat=,args= -p "$p" | awk '$2 !~ /Z/'
	done
	return 0
}

# own_ids: SUBUID and SUBGID are the first of our subordinate ids, at least 2000.
own_ids() {
	command -v newuidmap newgidmap >/dev/null || return
	SUBUID=$(awk -F: -v u="$(id -un)" '$1 == u && $3 >= 2000 { print $2; exit }' /etc/subuid)
	SUBGID=$(awk -F: -v u="$(id -un)" '$1 == u && $3 >= 2000 { print $2; exit }' /etc/subgid)
	[ -n "$SUBUID" ] && [ -n "$SUBGID" ]
}
