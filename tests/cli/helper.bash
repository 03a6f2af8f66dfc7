# helper.bash - for the tests of the command line: the built programs, and
# directories of their own below the test's temporary one.
# shellcheck shell=bash

coracle_setup() {
	B=$(realpath "${B:-build/release}")
	PATH=$B:$PATH
	export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
	export HOME=$BATS_TEST_TMPDIR
	mkdir -m 0700 "$XDG_DATA_HOME" "$XDG_RUNTIME_DIR"
	unset CORACLE_NAMESPACE
	cd "$BATS_TEST_TMPDIR" || return
}

# fails STATUS COMMAND...: it ends with this status ("2|125": one of these), says nothing on stdout
# and something on stderr, which is left in $said
fails() {
	local want=$1 status=0

	shift
	said=$("$@" 2>&1 > "$BATS_TEST_TMPDIR/stdout") || status=$?
	[[ "|$want|" == *"|$status|"* ]] || { echo "status $status, not $want: $*: $said"; return 1; }
	[ ! -s "$BATS_TEST_TMPDIR/stdout" ] || { echo "on stdout: $(cat "$BATS_TEST_TMPDIR/stdout")"; return 1; }
	[ -n "$said" ] || { echo "said nothing: $*"; return 1; }
}
