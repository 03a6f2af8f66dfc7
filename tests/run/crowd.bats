#!/usr/bin/env bats
# Many at once, on one store.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }

# together N COMMAND...: N of them at once; each one's output and status in a file.
together() {
	local n=$1 i
	shift
	for ((i = 0; i < n; i++)); do
		{
			status=0
			"$@" >"$BATS_TEST_TMPDIR/out.$i" 2>&1 || status=$?
			echo $status >"$BATS_TEST_TMPDIR/status.$i"
		} 3>&- &
	done
	wait
	[ "$(cat "$BATS_TEST_TMPDIR"/status.* | sort | uniq -c | xargs)" = "$n 0" ] || {
		grep -h . "$BATS_TEST_TMPDIR"/out.* | sort | uniq -c | sort -rn | head -n 20
		return 1
	}
	no grep -il locked "$BATS_TEST_TMPDIR"/out.*
}

@test "a hundred run --rm at once: no failure, no \"locked\"" {
	together 100 coracle run --rm --network none busybox echo done
	[ "$(cat "$BATS_TEST_TMPDIR"/out.* | sort | uniq -c | xargs)" = "100 done" ]
	ok coracle ps -aq
	output_is ''
}

# There are 4096 names: among 400, one in ten is taken at the first try.
@test "a name that we chose and that is taken: another one, and the same layers" {
	local i again
	for i in {1..400}; do
		coracle create --network none busybox true >/dev/null
	done
	again=$(coracle ps -a --format '{{.Names}}' | grep '_.*_')
	[ -n "$again" ]
	ok coracle start $again
	ok coracle wait $again
	[ "$(sort -u <<<"$output")" = 0 ]
	coracle rm -a >/dev/null
}

@test "thirty with a network at once" {
	together 30 coracle run --rm busybox true
}

@test "fifty in the background, listed, stopped and removed at once" {
	local i
	for i in {1..50}; do
		coracle run -d --name "c$i" --network none busybox sleep 1000 >"$BATS_TEST_TMPDIR/id.$i" 2>&1 3>&- &
	done
	wait
	[ "$(coracle ps -q | wc -l)" -eq 50 ]
	for i in {1..50}; do
		coracle rm -f "c$i" >"$BATS_TEST_TMPDIR/rm.$i" 2>&1 3>&- &
	done
	wait
	ok coracle ps -aq
	output_is ''
	no grep -il locked "$BATS_TEST_TMPDIR"/*
}

# What is killed removes itself.
@test "temporary containers are removed while they remove themselves" {
	local i
	for i in {1..20}; do
		coracle run -d --rm --network none busybox sleep 1000 >/dev/null
	done
	together 2 coracle rm -f -a
	ok coracle ps -aq
	output_is ''
}

@test "loads, runs, lists and removals at once" {
	local i
	for i in {1..10}; do
		coracle -n "n$i" load -i "$IMAGES/busybox.tar" >"$BATS_TEST_TMPDIR/l$i" 2>&1 3>&- &
		coracle run --rm --network none busybox true >"$BATS_TEST_TMPDIR/r$i" 2>&1 3>&- &
		coracle ps -a >"$BATS_TEST_TMPDIR/p$i" 2>&1 3>&- &
		coracle create --name "x$i" --network none busybox true >"$BATS_TEST_TMPDIR/c$i" 2>&1 3>&- &
	done
	wait
	no grep -il -e locked -e '^coracle:' "$BATS_TEST_TMPDIR"/[lrpc]*
	for i in {1..10}; do
		ok coracle -n "n$i" run --rm --network none busybox true
	done
	[ "$(coracle ps -aq | wc -l)" -eq 10 ]
	coracle rm -a >/dev/null
}

@test "one name, twenty takers: one has it" {
	local i n=0
	for i in {1..20}; do
		coracle create --name only --network none busybox true >"$BATS_TEST_TMPDIR/$i" 2>&1 3>&- &
	done
	wait
	[ "$(cat "$BATS_TEST_TMPDIR"/* | grep -c "name 'only'")" -eq 19 ]
	no grep -i locked "$BATS_TEST_TMPDIR"/*
	coracle rm only
}

# `make fault` has thousands.
@test "calls of all kinds, some of them killed, and books of what must be there" {
	need python3
	XDG_DATA_HOME=$BATS_TEST_TMPDIR/data B=$BIN "$ROOT/tests/fault/crowd" -n 200 -j 20 -k 5 "$IMAGES/busybox.tar" 3>&-
	XDG_DATA_HOME=$BATS_TEST_TMPDIR/data coracle system reset -f
}
