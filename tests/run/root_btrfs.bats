#!/usr/bin/env bats
# The snapshotter btrfs.  Root makes a file system of that kind in memory, an ordinary user runs;
# run by root only.

load helper

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	need runuser mkfs.btrfs btrfs losetup
	grep -qw btrfs /proc/filesystems || modprobe btrfs 2>/dev/null || skip "this kernel has no btrfs"
	coracle_publish
	export USER1=crb-with-$$ USER2=crb-bare-$$ RAM=$BATS_FILE_TMPDIR/ram
	useradd --system --no-create-home "$USER1"
	useradd --system --no-create-home "$USER2"
	usermod --add-subuids 1000000-1065535 --add-subgids 1000000-1065535 "$USER1"
	mkdir -p "$RAM"
	mount -t tmpfs -o size=700m none "$RAM"
	truncate -s 600m "$RAM/image"
	mkfs.btrfs -q "$RAM/image"
	mkdir "$RAM/fs"
	mount -o loop "$RAM/image" "$RAM/fs" || skip "no loop devices here"
	chmod 0711 "$RAM" "$RAM/fs"
	install -d -m 0700 -o "$USER1" "$RAM/fs/$USER1"
	install -d -m 0700 -o "$USER2" "$RAM/fs/$USER2"
}

teardown_file() {
	[ "$(id -u)" -eq 0 ] && [ -n "${RAM-}" ] || return 0
	umount "$RAM/fs"
	wait_for 5 umount "$RAM"
	userdel "$USER1"
	userdel "$USER2"
}

# as USER COMMAND: sh -c COMMAND with a store on btrfs
as() {
	local d=$RAM/fs/$1
	runuser -u "$1" -- sh -c "mkdir -p -m 0700 $d/run $d/data $d/tmp; cd $d; exec env -i PATH=$PUB/bin:/usr/sbin:/usr/bin:/bin \
		HOME=$d XDG_RUNTIME_DIR=$d/run XDG_DATA_HOME=$d/data TMPDIR=$d/tmp sh -c '$2'"
}

load_and() {
	echo "coracle load -q -i $PUB/busybox.tar >/dev/null 2>&1 || exit 99; $1"
}

subvolumes() {
	btrfs subvolume list "$RAM/fs" | grep -c "$1/data" || true
}

used() {
	sync -f "$RAM/fs"
	btrfs filesystem usage -b "$RAM/fs" | awk '/^ *Used:/ { print $2; exit }'
}

empty_again() {
	as "$1" 'coracle rm -f -a -v; coracle rmi -f $(coracle images -q); coracle image prune -f' >/dev/null 2>&1 || true
	wait_for 20 no_subvolumes "$1"
}

no_subvolumes() {
	[ "$(subvolumes "$1")" -eq 0 ]
}

@test "btrfs is found, and not taken before overlay" {
	ok as "$USER1" 'coracle plugin ls'
	output_has '^snapshotter +btrfs +linux/[a-z0-9]+ +ok$'
	ok coracle plugin ls
	[ "$(stat -f -c %T "$DATA")" = btrfs ] || output_has '^snapshotter +btrfs .* not on btrfs$'
}

@test "a container sees what it sees with the other snapshotters, and starts another one from scratch" {
	local s tree=
	for s in overlay btrfs native; do
		ok as "$USER1" "$(load_and "coracle run --name c --network none --snapshotter $s busybox sh -c \"echo mine >>/home/app/own; rm /etc/group\"; coracle rm c >/dev/null
			coracle run --rm --network none --snapshotter $s busybox sh -c \"cat /home/app/own; stat -c %u /home/app/own; ls /etc/group\"")"
		output_is "app
1000
/etc/group"
		ok as "$USER1" "coracle create --name c --network none --snapshotter $s busybox true >/dev/null; coracle export c | tar -tv --numeric-owner | sort | sha256sum; coracle rm c >/dev/null"
		[ "${tree:=$output}" = "$output" ]
	done
	empty_again "$USER1"
}

@test "diff and commit: the same from every snapshotter" {
	local s all=
	for s in overlay btrfs native; do
		ok as "$USER1" "$(load_and "coracle run --name c --network none --snapshotter $s busybox sh -c \"mkdir -p /new/sub; echo x >/new/sub/f; rm -r /srv; echo more >>/etc/group; ln /etc/group /etc/group2\"
			coracle diff c; coracle commit -q --source-date-epoch 86400 -c \"LABEL s=1\" c x:1; coracle rm c >/dev/null")"
		[ "${all:=$output}" = "$output" ]
	done
	output_has '^A /new/sub/f$'
	output_has '^D /srv$'
	output_has '^sha256:[0-9a-f]{64}$'
	ok as "$USER1" 'coracle run --rm --network none --snapshotter btrfs x:1 cat /new/sub/f'
	output_is x
	ok as "$USER1" 'coracle image usage -b --snapshotter btrfs --format "{{.Shared}} {{.Unpacked}}" x:1'
	[ "${output%% *}" -gt 1000000 ]
	[ "${output%% *}" -lt "${output##* }" ]
	ok as "$USER1" 'coracle system check --deep'
	output_is ''
	empty_again "$USER1"
}

@test "containers take no room, whatever the size of the image, and no time" {
	local before
	ok as "$USER1" "$(load_and 'coracle run --name c --network none --snapshotter btrfs busybox sh -c "dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null"
		coracle commit -q c big:1; coracle rm c')"
	ok as "$USER1" 'coracle run --rm --network none --snapshotter btrfs big:1 true'
	before=$(used)
	ok as "$USER1" 'for i in 1 2 3 4 5 6 7 8; do coracle run -d --network none --snapshotter btrfs big:1 sleep 1000 >/dev/null || exit 1; done'
	[ $(($(used) - before)) -lt $((16 << 20)) ]
	ok as "$USER1" 'coracle run --rm --network none --snapshotter btrfs big:1 sh -c "wc -c </big"'
	output_is 67108864
	empty_again "$USER1"
}

@test "snapshots by key, with a subvolume in one of them" {
	ok as "$USER1" "$(load_and 'coracle snapshot prepare --snapshotter btrfs work busybox
		coracle snapshot mount --snapshotter btrfs --rw work -- sh -c "echo one >one; btrfs subvolume create inner >/dev/null; echo deep >inner/file"
		coracle snapshot diff --snapshotter btrfs work | tar -t | grep -v "^\./$"
		coracle snapshot commit --snapshotter btrfs base work
		coracle snapshot prepare --snapshotter btrfs upper base
		coracle snapshot mount --snapshotter btrfs upper -- cat one
		coracle snapshot rm --snapshotter btrfs upper base')"
	output_is 'inner/
inner/file
one
one
upper
base'
	empty_again "$USER1"
}

@test "many at once, of images that have layers in common" {
	ok as "$USER1" "$(load_and 'for i in 1 2 3 4; do
			coracle run --name c --network none --snapshotter overlay busybox sh -c "echo $i >/file"; coracle commit -q c x:$i; coracle rm c
		done >/dev/null
		for i in 1 2 3 4 1 2 3 4; do coracle run --rm --network none --snapshotter btrfs x:$i cat /file & done; wait')"
	[ "$(sort <<< "$output" | tr -d '\n')" = 11223344 ]
	[ "$(as "$USER1" 'coracle snapshot ls -q --snapshotter btrfs' | wc -l)" -eq 6 ]
	empty_again "$USER1"
}

@test "a user with a single id: owners on record" {
	ok as "$USER2" "$(load_and 'coracle run --name c --network none --snapshotter btrfs busybox sh -c "id -u; cat /home/app/own"
		coracle export c | tar -tv --numeric-owner home/app/own')"
	output_has '^app$'
	output_has ' 1000/1000 .* home/app/own$'
	empty_again "$USER2"
}
