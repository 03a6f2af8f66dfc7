#!/usr/bin/env bats
# kill -9 and errors at system calls that change something, and no memory, at a sample of points that is
# another one every day: what runs and what is on disk is told truly, what failed says so, and the next
# command works.  `make fault` has a turn of kill -9 and of an error at every one, and many without memory.

load helper

setup_file() {
	need busybox docker-registry python3 skopeo
	"$BIN/tests/fault/faultat" /dev/null true || skip "nothing can be traced here"
}

# sweep [-m MODE] SCENARIO...: prints what is needed to repeat a failure.
sweep() {
	B=$BIN TMPDIR=$BATS_TEST_TMPDIR "$ROOT/tests/fault/sweep" -n 10 -o $(($(date +%s) / 86400)) "$@" 3>&-
}

@test "pull and load, killed at a sample of their calls" {
	sweep pull pull-workers pull-twice pull-over load
}

@test "run, killed at a sample of its calls" {
	sweep run run-cold run-slirp run-volumes
}

@test "run -d and start, killed at a sample of their calls" {
	sweep detached detached-slirp ends ends-rm start
}

@test "rm, rmi and volume rm, killed at a sample of their calls" {
	sweep rm rm-running life rmi volume
}

@test "commit, killed at a sample of its calls" {
	sweep commit
}

@test "prune, collections and the upgrade of a store, killed at a sample of their calls" {
	sweep prune prune-each gc lease plumbing upgrade
}

@test "each verb and lists, without memory at a sample of their allocations" {
	! ldd "$BIN/coracle" | grep -q libasan || skip "sanitizers have an allocator of their own"
	sweep -n 3 -m memory pull load run rm commit rmi volume prune look
}

@test "a store is created whole, or anew, when a call of it fails" {
	sweep -n 20 -m error volume-create
}

@test "pull, load and commit, with an error at a sample of their calls" {
	sweep -n 6 -m error pull pull-over load commit
}

@test "run, start, rm and volume rm, with an error at a sample of their calls" {
	sweep -n 4 -m error run run-slirp run-volumes detached detached-slirp start rm rm-running rmi volume
}

@test "prune, collections and the upgrade of a store, with an error at a sample of their calls" {
	sweep -n 6 -m error prune prune-each gc lease plumbing upgrade
}
