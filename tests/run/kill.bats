#!/usr/bin/env bats
# kill -9 at state-changing system calls of load, run, rm and pull, a sample of them: after each the
# next command works and the lists tell the truth.  tests/fault kills at every one.

load helper
load registry

KILLED=0
CALLS=write,pwrite64,fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,ftruncate,clone3,mount,move_mount

setup_file() {
	need strace
	strace -o /dev/null true || skip "nothing can be traced here"
	coracle_setup busybox
}

teardown_file() {
	registry_stop
	coracle_teardown
}

# calls COUNT COMMAND...: COUNT of the command's own CALLS, evenly, each as
# "name:n", its nth call of that name: that is how strace counts.
calls() {
	local count=$1
	shift
	strace -qq -e trace=$CALLS -o "$BATS_TEST_TMPDIR/trace" "$@" >/dev/null 2>&1 3>&- || true
	sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$BATS_TEST_TMPDIR/trace" |
		awk -v count="$count" '{ at[NR] = $1 ":" ++n[$1] }
			END { for (i = 0; i < count; i++) print at[1 + int((NR - 1) * i / (count - 1))] }' | uniq
}

# killed NAME:N COMMAND...: SIGKILL when it enters that call.
killed() {
	local name=${1%:*} n=${1#*:}
	shift
	strace -qq -o /dev/null -e trace="$name" -e inject="$name:signal=KILL:when=$n" "$@" \
		>/dev/null 2>&1 3>&- </dev/null || [ $? -ne 137 ] || KILLED=$((KILLED + 1))
} 2>/dev/null

# Else the sample would show nothing.
most_were_killed() {
	[ "$KILLED" -ge "$1" ] || { echo "only $KILLED were killed"; return 1; }
}

# the_truth WHERE: lists, sizes, removal and a new run work.
the_truth() {
	ok timeout 240 coracle ps -a
	if [ "$(coracle system -h 2>/dev/null | wc -l)" -gt 0 ]; then
		ok timeout 240 coracle system df
	fi
	ok timeout 240 coracle rm -f -a
	wait_for 5 silent coracle ps -aq
	ok timeout 240 coracle run --rm --network none busybox cat /srv/index.html
	output_is hello
}

@test "run --rm, killed at a sample of its calls" {
	local n points
	points=$(calls 20 coracle run --rm --network none busybox true)
	for n in $points; do
		killed "$n" coracle run --rm --network none busybox true
		the_truth || { echo "killed at $n of run"; return 1; }
	done
	most_were_killed 15
	wait_for 5 no_processes
}

@test "rm -f, killed at a sample of its calls" {
	local n points
	coracle run -d --name victim --network none busybox sleep 1000 >/dev/null
	points=$(calls 12 coracle rm -f victim)
	for n in $points; do
		coracle run -d --name victim --network none busybox sleep 1000 >/dev/null
		killed "$n" coracle rm -f victim
		the_truth || { echo "killed at $n of rm"; return 1; }
		ok coracle ps -aq
		output_is ''
	done
	most_were_killed 9
	wait_for 5 no_processes
}

@test "create and start, killed at a sample of their calls" {
	local n points
	points=$(calls 12 coracle create --name made --network none -v vol:/data busybox true)
	coracle rm made >/dev/null
	for n in $points; do
		killed "$n" coracle create --name made --network none -v vol:/data busybox true
		coracle rm -f made >/dev/null
		ok coracle create --name made --network none -v vol:/data busybox true
		killed "$n" coracle start made
		the_truth || { echo "killed at $n of create or start"; return 1; }
	done
	most_were_killed 12
}

@test "the shim, killed at moments of its start: run says so and does not hang" {
	local i p try cli
	for i in {1..15}; do
		timeout 240 coracle run -d --name shaky --network none busybox sleep 1000 >/dev/null 2>&1 3>&- &
		cli=$!
		for try in {1..40}; do
			p=$(shims | head -n 1)
			[ -z "$p" ] || break
		done
		[ -z "$p" ] || kill -9 "$p" 2>/dev/null || true
		wait $cli && status=0 || status=$?
		[ "$status" -ne 124 ] || { echo "run hangs, moment $i"; return 1; }
		the_truth || { echo "killed at moment $i"; return 1; }
	done
	wait_for 5 no_processes
}

@test "load, killed at a sample of its calls" {
	local n points
	points=$(calls 15 coracle -n first load -i "$IMAGES/busybox.tar")
	for n in $points; do
		XDG_DATA_HOME=$BATS_TEST_TMPDIR/data killed "$n" coracle load -i "$IMAGES/busybox.tar"
		XDG_DATA_HOME=$BATS_TEST_TMPDIR/data ok timeout 240 coracle load -i "$IMAGES/busybox.tar"
		XDG_DATA_HOME=$BATS_TEST_TMPDIR/data ok timeout 240 coracle run --rm --network none busybox cat /srv/index.html
		[ "$output" = hello ] || { echo "killed at $n of load: $output"; return 1; }
		remove_tree "$BATS_TEST_TMPDIR/data"
	done
	most_were_killed 11
}

@test "pull, killed at a sample of its calls" {
	need docker-registry skopeo python3
	local n points
	registry_start
	registry_push "docker-archive:$IMAGES/busybox.tar:busybox:latest" box:1
	export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	points=$(calls 15 coracle pull "$REGISTRY/box:1")
	for n in $points; do
		remove_tree "$XDG_DATA_HOME"
		killed "$n" coracle pull "$REGISTRY/box:1"
		ok timeout 240 coracle pull -q "$REGISTRY/box:1"
		ok timeout 240 coracle run --rm --network none "$REGISTRY/box:1" cat /srv/index.html
		[ "$output" = hello ] || { echo "killed at $n of pull: $output"; return 1; }
		[ "$(find "$XDG_DATA_HOME/coracle/content/blobs/sha256" -type f | wc -l)" -eq 4 ]
	done
	most_were_killed 11
	remove_tree "$XDG_DATA_HOME"
}
