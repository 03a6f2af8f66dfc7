#!/usr/bin/env bats
# Power cuts, on a file system that drops what was not synced, or a part of it: a sample of the moments that
# is another one every day, and always the moment after the command.  The store is whole, what was said to
# be done is done, and the next command works.  `make fault` tries all of them.

load helper

setup_file() {
	need busybox docker-registry fusermount3 python3 skopeo
	"$BIN/tests/fault/faultat" /dev/null true || skip "nothing can be traced here"
	[ -r /dev/fuse ] && [ -w /dev/fuse ] || skip "no /dev/fuse here"
}

# cut -m MODE SCENARIO...: prints what is needed to repeat a failure.
cut() {
	B=$BIN TMPDIR=$BATS_TEST_TMPDIR "$ROOT/tests/fault/sweep" -n 2 -o $(($(date +%s) / 86400)) "$@" 3>&-
}

@test "pull and load, with a power cut" {
	cut -m power pull load
}

@test "commit, tag, rmi, rm, volume create and rm, with a power cut" {
	cut -m power commit tag rmi rm volume-create volume
}

@test "prune, collections and the upgrade of a store, with a power cut" {
	cut -m power prune prune-each gc lease plumbing upgrade
}

@test "pull, rmi and prune, with a power cut where syncs are in order" {
	cut -m ordered pull-over rmi prune
}
