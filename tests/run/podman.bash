# podman.bash - podman with coracle-oci as its runtime, and buildah, which
# shares its store.  Loaded after helper.
# shellcheck shell=bash

# podman_setup [CONF...]: after coracle_setup, a store with busybox; each CONF is
# one more line of [containers] in containers.conf.
podman_setup() {
	export CONTAINERS_CONF=$BATS_FILE_TMPDIR/containers.conf
	# podman refuses a longer one.
	XDG_RUNTIME_DIR=$(mktemp -d /tmp/ctp.XXXX)
	unset CONTAINERS_STORAGE_CONF CONTAINER_HOST BUILDAH_ISOLATION
	podman_conf "$@" >"$CONTAINERS_CONF"
	"$ROOT/tests/run/mkimages.sh" "$IMAGES"
	podman load -q -i "$IMAGES/busybox.tar"
}

# What podman would choose by the machine it finds is chosen here.
podman_conf() {
	printf '%s\n' '[containers]' 'log_driver = "k8s-file"' 'netns = "none"' "$@" \
		'[engine]' 'cgroup_manager = "cgroupfs"' 'events_logger = "file"' \
		'runtime = "coracle-oci"' 'runtime_supports_json = ["coracle-oci"]' \
		'runtime_supports_nocgroup = ["coracle-oci"]' \
		'[engine.runtimes]' "coracle-oci = [\"$BIN/coracle-oci\"]"
}

# Fails when the runtime still knows a container, or has left a process.
podman_teardown() {
	local left pause=$XDG_RUNTIME_DIR/libpod/tmp/pause.pid
	podman pod rm -f -a -t 0 >/dev/null
	podman rm -f -a -t 0 >/dev/null
	left=$(find "$XDG_RUNTIME_DIR/coracle-oci" -mindepth 1)
	[ ! -f "$pause" ] || kill -9 "$(cat "$pause")"
	coracle_teardown
	rm -rf "$XDG_RUNTIME_DIR"
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

# pr ARG...: a temporary container.  On a busy machine podman's monitor loses what
# a short one has printed: what said nothing and went well is run again.
pr() {
	local out status=0
	out=$(mktemp "$BATS_TEST_TMPDIR/pr.XXXX")
	podman run --rm "$@" >"$out" || status=$?
	[ -s "$out" ] || [ $status -ne 0 ] || podman run --rm "$@" </dev/null >"$out" || status=$?
	cat "$out"
	return $status
}

# of NAME TEMPLATE: what podman inspect says about it.
of() {
	podman inspect --format "$2" "$1"
}

not() {
	! "$@"
}
