#!/usr/bin/env bats
# kill -9 at system calls that change something, a sample of them that is another one every day: what
# runs and what is on disk is told truly, and the next command works.  `make fault` kills at every one.

load helper

setup_file() {
	need busybox docker-registry python3 skopeo
	"$BIN/tests/fault/killat" /dev/null true || skip "nothing can be traced here"
}

# sweep SCENARIO...: prints what is needed to repeat a failure.
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
