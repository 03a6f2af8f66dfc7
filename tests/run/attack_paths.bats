#!/usr/bin/env bats
# RELIABILITY B: names inside an image or a volume that somebody hostile made.
# victim is a directory of the host that hostile links lead to; it must stay
# as it is.

load helper

# How often each race is tried; the release tries them for an hour.
ROUNDS=${ATTACK_ROUNDS:-60}

setup_file() {
	coracle_setup busybox
	export HOSTILE=$BATS_FILE_TMPDIR/hostile
	${CC:-cc} -std=gnu17 -O1 -static -s -D_GNU_SOURCE -o "$HOSTILE" "$ROOT/tests/run/hostile.c"
}
teardown_file() { coracle_teardown; }

setup() {
	VICTIM=$BATS_TEST_TMPDIR/victim
	mkdir "$VICTIM"
	echo untouched >"$VICTIM/file"
	BEFORE=$(victim)
	MOUNTS=$(mounts)
}

victim() {
	find "$VICTIM" -printf '%M %U %G %s %T@ %P\n' | sort
}

mounts() {
	awk '{ print $4, $5, $6 }' /proc/self/mountinfo
}

untouched() {
	[ "$(victim)" = "$BEFORE" ] || { echo "the victim: $(victim)"; return 1; }
	[ "$(mounts)" = "$MOUNTS" ]
}

# tree: a new root file system of busybox alone, in $TREE.
tree() {
	TREE=$(mktemp -d "$BATS_TEST_TMPDIR/tree-XXXXXX")
	chmod 755 "$TREE"
	mkdir "$TREE"/{bin,etc,proc,sys,dev,tmp}
	cp "$(command -v busybox)" "$TREE/bin/busybox"
	for applet in sh cat ls id mount echo pwd stat head grep true; do
		ln -s busybox "$TREE/bin/$applet"
	done
}

# image NAME: what is in $TREE as an image of one layer.
image() {
	local dir=$BATS_TEST_TMPDIR/image-$1 sum
	mkdir "$dir"
	tar -C "$TREE" --owner=0 --group=0 -cf "$dir/layer.tar" .
	sum=$(sha256sum <"$dir/layer.tar")
	cat >"$dir/config.json" <<-END
	{"architecture":"$(coracle version --format '{{.Client.Arch}}' 2>/dev/null || echo amd64)",
	 "os":"linux","config":{"Env":["PATH=/bin"]${2:+,$2}},
	 "rootfs":{"type":"layers","diff_ids":["sha256:${sum%% *}"]}}
	END
	echo '[{"Config":"config.json","RepoTags":["'"$1"':latest"],"Layers":["layer.tar"]}]' \
		>"$dir/manifest.json"
	tar -C "$dir" -cf "$dir.tar" manifest.json config.json layer.tar
	coracle load -i "$dir.tar"
}

@test "B1: a mount target that is exchanged for a link never leads out" {
	local i failed=0
	mkdir -p "$BATS_TEST_TMPDIR/vol/a/b" "$BATS_TEST_TMPDIR/x" "$BATS_TEST_TMPDIR/inside/b"
	mkdir "$VICTIM/b"
	BEFORE=$(victim)
	ln -s "$VICTIM" "$BATS_TEST_TMPDIR/vol/link"
	coracle run -d --name swap --network none -v "$HOSTILE:/hostile:ro" \
		-v "$BATS_TEST_TMPDIR/vol:/m" busybox /hostile swap /m/a /m/link /stop
	for ((i = 0; i < ROUNDS; i++)); do
		bb -v "$BATS_TEST_TMPDIR/inside:$VICTIM" -v "$BATS_TEST_TMPDIR/vol:/m" \
			-v "$BATS_TEST_TMPDIR/x:/m/a/b" busybox sh -c 'touch /m/a/b/new' ||
			failed=$((failed + 1))
	done
	touch_stop swap
	[ "$(coracle wait swap)" = 0 ]
	says 'done [1-9]' coracle logs swap
	coracle rm -f swap
	untouched
	echo "$failed of $ROUNDS starts were refused"
	[ "$failed" -eq 0 ]
}

@test "B2: nothing of the user's goes over /proc" {
	local at
	mkdir "$BATS_TEST_TMPDIR/v"
	for at in /proc /proc/self/attr /proc/sys/kernel /proc/1; do
		fails 125 bb -v "$BATS_TEST_TMPDIR/v:$at" busybox true
		fails 125 bb --tmpfs "$at" busybox true
	done
	tree
	ln -s ../proc "$TREE/alias"
	image aliases
	fails 125 bb -v "$BATS_TEST_TMPDIR/v:/alias/self/attr" aliases true
	untouched
}

@test "B2: /proc and /sys of the image must be directories" {
	local name to
	for name in proc sys; do
		for to in "$VICTIM" ../etc /nowhere; do
			tree
			rmdir "$TREE/$name"
			ln -s "$to" "$TREE/$name"
			image "b2-$name-$(basename "$to")"
			fails 125 bb "b2-$name-$(basename "$to")" true
			fails 125 bb --rootfs "$TREE" /bin/true
		done
	done
	untouched
}

@test "B3: masked paths are empty and cannot be written" {
	cat >"$BATS_TEST_TMPDIR/look" <<-'END'
	for p in /proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats \
		/proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats /sys/firmware \
		/sys/devices/virtual/powercap; do
		if [ -d "$p" ]; then
			[ -z "$(ls -A "$p")" ] || echo "$p has $(ls "$p")"
			! touch "$p/new" 2>/dev/null || echo "$p can be written"
		elif [ -e "$p" ]; then
			[ -z "$(head -c 10 "$p")" ] || echo "$p has text"
			[ -c "$p" ] || echo "$p is not the null device"
		fi
	done
	for p in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger; do
		! [ -e "$p" ] || grep -q " $p .*[( ]ro," /proc/mounts || echo "$p is not read-only"
	done
	! echo 1 >/proc/sys/kernel/domainname || echo "/proc/sys can be written"
	! echo h >/proc/sysrq-trigger || echo "/proc/sysrq-trigger can be written"
	END
	ok bb -v "$BATS_TEST_TMPDIR/look:/look:ro" busybox sh -c '. /look 2>/dev/null'
	output_is ''
}

@test "B3: a hostile /dev does not unmask anything" {
	local dev=$BATS_TEST_TMPDIR/dev
	mkdir -p "$dev/pts" "$dev/shm" "$dev/mqueue"
	ln -s /proc/sys/kernel/core_pattern "$dev/null"
	ln -s /proc/sysrq-trigger "$dev/pts/0"
	ln -s "$VICTIM" "$dev/console"
	capture bb -v "$dev:/dev" -t busybox cat /proc/interrupts
	[ "$status" -ne 0 ] || output_is ''
	capture bb -v "$dev:/dev" busybox cat /proc/interrupts /proc/kcore
	[ "$status" -ne 0 ] || output_is ''
	untouched
}

@test "B4: a /dev that is a link is not followed out of the image" {
	local to n=0
	for to in ../../../../../..$VICTIM "$VICTIM" /etc /tmp; do
		n=$((n + 1))
		tree
		rmdir "$TREE/dev"
		ln -s "$to" "$TREE/dev"
		image "b4-$n"
		capture bb "b4-$n" sh -c 'stat -c %t:%T /dev/null'
		[ "$status" -ne 0 ] || output_is 1:3
		capture bb --rootfs "$TREE" /bin/true
	done
	for to in shm pts mqueue; do
		tree
		ln -s "$VICTIM" "$TREE/dev/$to"
		image "b4-$to"
		ok bb "b4-$to" sh -c "mount | grep -c ' /dev/$to '"
		output_is 1
	done
	untouched
}

@test "B5: links in the way of a directory to be made stay inside" {
	local flag name
	tree
	ln -s "$VICTIM" "$TREE/absolute"
	ln -s ../../../../../../../../../.."$VICTIM" "$TREE/relative"
	ln -s "$VICTIM/new" "$TREE/dangling"
	ln -s loop "$TREE/loop"
	mkdir "$TREE/run" "$TREE/var" "$BATS_TEST_TMPDIR/v"
	ln -s /run "$TREE/var/run"
	image b5
	for name in absolute relative dangling absolute/sub relative/sub dangling/sub; do
		for flag in "-w /$name" "--tmpfs /$name" "-v $BATS_TEST_TMPDIR/v:/$name"; do
			# shellcheck disable=SC2086
			capture bb $flag b5 true
			[ "$status" -eq 0 ] || [ "$status" -eq 125 ]
		done
		untouched
	done
	fails 125 bb -w /loop/x b5 true
	ok bb -v "$BATS_TEST_TMPDIR/v:/var/run/app" -w /var/run/app b5 sh -c 'pwd; echo x >file'
	output_is /run/app
	[ "$(cat "$BATS_TEST_TMPDIR/v/file")" = x ]
	untouched
}

@test "B5: many that make the same directory at once do not disturb each other" {
	local i pid pids
	mkdir "$BATS_TEST_TMPDIR/vol" "$BATS_TEST_TMPDIR/x"
	for i in 1 2 3; do
		rm -rf "$BATS_TEST_TMPDIR"/vol/*
		pids=()
		for _ in {1..12}; do
			bb -v "$BATS_TEST_TMPDIR/vol:/m" -v "$BATS_TEST_TMPDIR/x:/m/a/b/c/d/e" \
				-w "/m/w/$i/x/y" busybox true &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do
			wait "$pid"
		done
	done
}

# quick COMMAND...: it must end soon, whatever it says; what it may not do takes minutes, or for ever.
quick() {
	capture timeout 60 "$@"
	[ "$status" -ne 124 ]
}

@test "B6: passwd and group may be anything" {
	local name
	for name in passwd group; do
		for kind in fifo socket directory sparse line shadow zero; do
			tree
			printf 'root:x:0:0::/:/bin/sh\napp:x:7:7::/:/bin/sh\n' >"$TREE/etc/passwd"
			printf 'root:x:0:\napp:x:7:\n' >"$TREE/etc/group"
			rm "$TREE/etc/$name"
			case $kind in
			fifo) mkfifo "$TREE/etc/$name" ;;
			socket) python3 -c 'import socket, sys, os
os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind(sys.argv[2])' "$TREE/etc" "$name" ;;
			directory) mkdir "$TREE/etc/$name" ;;
			sparse) truncate -s 1T "$TREE/etc/$name" ;;
			line) head -c 30000000 /dev/zero | tr '\0' x >"$TREE/etc/$name" ;;
			shadow) ln -s /etc/shadow "$TREE/etc/$name" ;;
			zero) ln -s /dev/zero "$TREE/etc/$name" ;;
			esac
			quick coracle run --rm --network none -u app:app --rootfs "$TREE" /bin/id
			[ "$status" -eq 125 ] || { echo "$name, a $kind: $status $output"; return 1; }
			output_has "/etc/$name|user|group"
			quick coracle run --rm --network none -u 7:7 --rootfs "$TREE" /bin/true
		done
	done
}

@test "B6: absolute links inside the image are followed inside" {
	tree
	mkdir -p "$TREE/store/etc"
	printf 'root:x:0:0::/:/bin/sh\napp:x:7:8::/:/bin/sh\n' >"$TREE/store/etc/passwd"
	ln -s /store/etc/passwd "$TREE/etc/passwd"
	image b6
	ok bb -u app b6 sh -c 'id -u; id -g'
	output_is $'7\n8'
}
