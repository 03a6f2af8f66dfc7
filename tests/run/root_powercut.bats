#!/usr/bin/env bats
# The power goes while an ordinary user works, on a real file system: a sample of the cuts that
# `make fault` tries on three of them.

load helper

setup_file() {
	need python3 losetup mkfs.ext4
	[ -c /dev/loop-control ] || skip "no loop devices"
	coracle_publish
}

@test "ext4: what was said to be done is there, and the store is whole" {
	B=$BIN "$ROOT/tests/fault/powercut" -n 3 -f ext4 "$PUB/busybox.tar" 3>&-
}
