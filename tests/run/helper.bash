# helper.bash - what the tests of real containers share.  Loaded by every file:
#
#	load helper
#	setup_file() { coracle_setup busybox; }
#	teardown_file() { coracle_teardown; }
#
# coracle_setup gives the file a store, a runtime directory and a home of its
# own, so that files can run side by side; coracle_teardown fails when a
# process or a mount of that store is left.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

ROOT=$(cd "${BATS_TEST_DIRNAME}/../.." && pwd)
BIN=$(cd "$ROOT" && readlink -f "${B:-build/release}")

coracle_env() {
	unset CORACLE_NAMESPACE DOCKER_CONFIG REGISTRY_AUTH_FILE XDG_CACHE_HOME XDG_CONFIG_HOME
	export HOME=$1/home XDG_DATA_HOME=$1/data XDG_RUNTIME_DIR=$1/run
	mkdir -p "$HOME" "$XDG_DATA_HOME"
	mkdir -m 0700 -p "$XDG_RUNTIME_DIR"
	DATA=$XDG_DATA_HOME/coracle RUN=$XDG_RUNTIME_DIR/coracle
	export DATA RUN
	export BATS_TAG=$((100000 + $(printf %s "$1" | cksum | cut -d ' ' -f 1) % 700000))
	ulimit -Sq "$BATS_TAG"
	case $PATH in
	"$BIN":*) ;;
	*) export PATH="$BIN:$PATH:/usr/sbin:/sbin" ;;
	esac
}

# coracle_setup [IMAGE]: an environment with this image loaded; debian only
# makes it.  Images are kept in CORACLE_TEST_CACHE, or with this user's
# temporary files.
coracle_setup() {
	export IMAGES=${CORACLE_TEST_CACHE:-${TMPDIR:-/tmp}/coracle-images-$(id -u)}
	mkdir -p -m 0700 "$IMAGES"
	[ -O "$IMAGES" ]
	coracle_env "$BATS_FILE_TMPDIR"
	case ${1-} in
	busybox)
		"$ROOT/tests/run/mkimages.sh" "$IMAGES"
		coracle load -i "$IMAGES/busybox.tar"
		;;
	debian)
		need mmdebstrap
		"$ROOT/tests/run/mkimages.sh" "$IMAGES" debian || skip "no Debian mirror can be reached"
		;;
	esac
}

# coracle_publish: for files run by root, what any user may read in PUB: the
# programs in bin, and busybox.tar.
coracle_publish() {
	export PUB=$BATS_FILE_TMPDIR/pub
	chmod 0711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$(dirname "$BATS_FILE_TMPDIR")"
	coracle_setup
	"$ROOT/tests/run/mkimages.sh" "$IMAGES"
	install -D -m 0644 "$IMAGES/busybox.tar" "$PUB/busybox.tar"
	install -D -m 0755 -t "$PUB/bin" "$BIN"/coracle "$BIN"/coracle-*
	chmod 0755 "$PUB"
}

# publish_deny: PUB/bin/deny, which runs a command without some system calls.
publish_deny() {
	${CC:-cc} -std=gnu17 -O1 -D_GNU_SOURCE -o "$PUB/bin/deny" "$ROOT/tests/fault/deny.c" -lseccomp
}

coracle_teardown() {
	local left
	coracle rm -f -a >/dev/null
	wait_for 5 no_processes || true
	left=$(our_processes; grep -F "$BATS_FILE_TMPDIR" /proc/self/mountinfo || true)
	remove_tree "$XDG_DATA_HOME"
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

# Files of mapped owners can only be removed by those who have the map.
remove_tree() {
	rm -rf "$@" 2>/dev/null || unshare --map-auto --map-root-user rm -rf "$@"
}

# Shims and network helpers of this file.
our_processes() {
	marked '^coracle-'
}

# marked PATTERN: processes of this file by their names.  They let nobody look at
# them, so that they are marked by a limit that is inherited and that nothing else uses.
marked() {
	local p
	for p in $(pgrep -u "$(id -u)" "$1" || true); do
		! grep -q "^Max msgqueue size *$BATS_TAG " "/proc/$p/limits" 2>/dev/null ||
			ps -o pid=,ppid=,stat=,args= -p "$p" || true
	done | awk '$3 !~ /Z/'
}

no_processes() {
	[ -z "$(our_processes)" ]
}

# Everything on disk and in memory that a removed container may not leave.
state_of() {
	(
		cd "$DATA" && find containers snapshots volumes trash -mindepth 2 -maxdepth 2
		cd "$RUN" && find . -mindepth 2
		grep -F "$XDG_DATA_HOME" /proc/self/mountinfo
		our_processes
		find /sys/fs/cgroup -maxdepth 6 -type d -user "$(id -u)" -name '*coracle*'
	) 2>/dev/null || true
}

state_is() {
	[ "$(state_of)" = "$1" ] || { diff <(echo "$1") <(state_of); return 1; }
}

# wait_for SECONDS COMMAND...: until it succeeds; a machine that is slow or busy
# has twelve times as long.
wait_for() {
	local end=$((SECONDS + 12 * $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || { echo "waited in vain for: $*"; "$@"; return 1; }
		sleep 0.03
	done
}

says() {
	local want=$1
	shift
	"$@" 2>&1 | grep -qE -- "$want"
}

silent() {
	[ -z "$("$@" 2>&1)" ]
}

# capture COMMAND...: keeps $status, and both streams in $output.
capture() {
	status=0
	output=$("$@" 2>&1 3>&-) || status=$?
}

# ok COMMAND...: it succeeds.
ok() {
	fails 0 "$@"
}

# no COMMAND...: it fails.  Shells pass over the failure of '! COMMAND'.
no() {
	! "$@" || { echo "this went well: $*"; return 1; }
}

# fails STATUS COMMAND...: it ends with this status.
fails() {
	local want=$1
	shift
	capture "$@"
	[ "$status" -eq "$want" ] || { echo "$* gave $status, not $want: $output"; return 1; }
}

# output_is TEXT and output_has PATTERN look at what ok and fails kept.
output_is() {
	[ "$output" = "$1" ] || { printf 'output: %s\nwanted: %s\n' "$output" "$1"; return 1; }
}

output_has() {
	grep -qE -- "$1" <<<"$output" || { printf 'output: %s\nwanted: %s\n' "$output" "$1"; return 1; }
}

output_lacks() {
	! grep -qE -- "$1" <<<"$output" || { printf 'output: %s\nunwanted: %s\n' "$output" "$1"; return 1; }
}

# nested ARG...: a temporary container that has our programs, and busybox as /i.tar.
nested() {
	local lib=() l
	coracle save -o "$BATS_TEST_TMPDIR/i.tar" busybox
	for l in /lib /lib64 /usr/lib /etc/ssl; do
		[ ! -e $l ] || lib+=(-v "$l:$l:ro")
	done
	coracle run --rm --network none --privileged "${lib[@]}" -v "$BIN:/coracle:ro" \
		-v "$BATS_TEST_TMPDIR/i.tar:/i.tar:ro" -e PATH=/coracle:/bin "$@"
}

# bb ARG...: a temporary container without a network.
bb() {
	coracle run --rm --network none "$@"
}

is_state() {
	[ "$(coracle ps -a --no-trunc --filter "name=$1" --format '{{.Names}} {{.State}}' |
		sed -n "s/^$1 //p")" = "$2" ]
}

# A number that nobody else passes to sleep.
mark() {
	echo $((BASHPID * 1000 + BATS_TEST_NUMBER))
}

# pid_of MARK: the process outside that runs "sleep MARK" in a container.
pid_of() {
	pgrep -o -u "$(id -u)" -xf "sleep $1"
}

# touch_stop CONTAINER: which ends when it sees /stop, and may kill touch by that.
touch_stop() {
	capture coracle exec "$1" touch /stop
	[ "$status" -eq 0 ] || [ "$status" -eq 137 ] || { echo "touch gave $status: $output"; return 1; }
}

# shims: the shims of this file's containers, not their helpers inside.
shims() {
	our_processes | awk '$4 == "coracle-shim" { parent[$1] = $2 }
		END { for (p in parent) if (!(parent[p] in parent)) print p }'
}

need() {
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null || skip "$p is not installed"
	done
}

# other_runtimes: those that are installed; none where calls are denied, they have to live with an
# old kernel, too.
other_runtimes() {
	local p
	[ -z "${WITHOUT-}" ] || return 0
	for p in crun runc runsc; do
		command -v "$p" || true
	done | xargs -rn 1 basename
}

# is_denied CALL: tests/check has been told to deny it.
is_denied() {
	case ,${WITHOUT-}, in *,"$1",*) return 0 ;; esac
	return 1
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
