#!/usr/bin/env bats
# Where a home can be: on a file system of another machine (FUSE stands for NFS and its kin), below unusual
# paths, moved, on an overlay.  root_homes.bats has what only root can mount.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }

# A store elsewhere.
store_in() {
	export XDG_DATA_HOME=$1
	DATA=$1/coracle
}

works() {
	ok coracle load -q -i "$IMAGES/busybox.tar"
	ok bb -v vol:/v busybox sh -c 'echo x >/v/x; cat /home/app/own /v/x'
	output_is 'app
x'
	coracle run -d --name up --network none busybox sleep 1000 >/dev/null
	ok coracle exec up stat -c %u /home/app/own
	output_is 1000
	ok coracle inspect up busybox vol
	ok coracle info
	ok coracle rm -f up
	ok coracle commit -q "$(coracle create busybox)" made:1
	ok coracle system check --deep
	output_is ''
}

@test "a path that is not absolute is ignored, as the base directories have it" {
	cd "$BATS_TEST_TMPDIR"
	HOME=$BATS_TEST_TMPDIR XDG_DATA_HOME=relative ok coracle info --format '{{.DockerRootDir}}'
	output_is "$BATS_TEST_TMPDIR/.local/share/coracle"
	[ ! -e relative ]
	fails 1 coracle --data-dir relative ps
	output_has "'relative'.* not an absolute path"
}

@test "spaces, quotes, colons, commas, backslashes in the path" {
	local place
	for place in "a  b:c" "d,d\\e=f'g\"h\$i*"; do
		store_in "$BATS_TEST_TMPDIR/$place"
		works
		ok bb --snapshotter native busybox cat /home/app/own
		output_is app
		capture bb --snapshotter fuse-overlayfs busybox cat /home/app/own
		[ "$output" = app ] || output_has "it takes no ':' in a path"
		coracle system reset -f
	done
}

@test "bytes that are not UTF-8, and newlines, in the path" {
	store_in "$BATS_TEST_TMPDIR/"$'\xff\xfe\n\x01'
	works
	coracle system reset -f
}

@test "through a link" {
	mkdir "$BATS_TEST_TMPDIR/real"
	ln -s real "$BATS_TEST_TMPDIR/link"
	store_in "$BATS_TEST_TMPDIR/link"
	works
	store_in "$BATS_TEST_TMPDIR/real"
	ok coracle image exists busybox
	ok coracle system reset -f
}

@test "a long path works, one that is too long is refused by name" {
	local long=$BATS_TEST_TMPDIR
	while [ ${#long} -lt 300 ]; do
		long+=/a-long-name
	done
	export XDG_RUNTIME_DIR=$long/run
	mkdir -p "$long"
	mkdir -m 0700 "$long/run"
	store_in "$long"
	works
	coracle system reset -f
	while [ ${#long} -lt 1500 ]; do
		long+=/a-long-name
	done
	store_in "$long"
	fails 1 coracle ps
	output_has 'the path has [0-9]+ bytes, a database.s at most 480$'
}

@test "a store that is moved" {
	store_in "$BATS_TEST_TMPDIR/here"
	ok coracle load -q -i "$IMAGES/busybox.tar"
	coracle create --name made --network none -v vol:/v busybox sh -c 'echo more >>/v/x; cat /v/x' >/dev/null
	ok coracle start -a made
	mv "$BATS_TEST_TMPDIR/here" "$BATS_TEST_TMPDIR/there"
	store_in "$BATS_TEST_TMPDIR/there"
	ok coracle start -a made
	output_is 'more
more'
	ok bb -v vol:/v busybox cat /v/x
	ok coracle logs made
	ok coracle system check --deep
	output_is ''
	[ ! -e "$BATS_TEST_TMPDIR/here" ]
	coracle system reset -f
}

@test "on an overlay: another snapshotter, said once" {
	ok nested -e HOME=/root -e TMPDIR=/tmp busybox sh -c '
		mkdir -p /root /tmp; coracle load -q -i /i.tar >/dev/null
		for i in 1 2; do coracle run --rm --network none busybox cat /srv/index.html; done'
	[ "$(grep -c '^hello$' <<<"$output")" -eq 2 ]
	[ "$(grep -c "'native' is used$" <<<"$output")" -eq 1 ]
}

# --- on FUSE ---

fuse() {
	need fusermount3
	[ -r /dev/fuse ] && [ -w /dev/fuse ] || skip "no /dev/fuse here"
	mkdir -p "$BATS_TEST_TMPDIR"/{live,cuts,remote}
	"$BIN/tests/fault/lossyfs" -n 0 "$BATS_TEST_TMPDIR"/{live,cuts,remote} 3>&- &
	FUSE=$!
	wait_for 5 mountpoint -q "$BATS_TEST_TMPDIR/remote"
	store_in "$BATS_TEST_TMPDIR/remote/data"
}

teardown() {
	[ -n "${FUSE-}" ] || return 0
	coracle system reset -f || true
	wait_for 5 fusermount3 -u "$BATS_TEST_TMPDIR/remote" || fusermount3 -uz "$BATS_TEST_TMPDIR/remote"
	wait "$FUSE" || true
}

@test "on a file system of another machine: blobs are there, the rest is not, and that is said once" {
	local place
	fuse
	ok coracle ps
	output_has "^coracle: '$DATA' is on FUSE: database, layers and volumes are in '/var/tmp/coracle-$(id -u)/store-[0-9a-f]{16}'$"
	place=$(cat "$DATA/split")
	ok coracle ps
	output_lacks FUSE
	works
	[ -n "$(find "$DATA/content/blobs/sha256" -type f)" ]
	[ ! -e "$DATA/meta.db" ] && [ ! -e "$DATA/snapshots" ]
	[ -e "$place/meta.db" ] && [ -d "$place/snapshots/overlay" ]
	ok coracle doctor
	output_has "^lower +store +'$DATA' is on FUSE: "
	output_has '^ok +layers '
	ok coracle info --format '{{.Driver}} {{.Features.Overlay}}'
	output_is 'overlay yes'
	coracle rm -f -a >/dev/null
	ok coracle rmi busybox:latest busybox:other made:1
	ok coracle system prune -f
	[ -z "$(find "$DATA/content/blobs/sha256" -type f)" ]
	ok coracle system reset -f
	[ ! -e "$place" ] && [ ! -e "$DATA/split" ]
}

@test "there, with the local part gone, as on the next machine: an empty store, what was fetched is found again" {
	fuse
	coracle load -q -i "$IMAGES/busybox.tar" >/dev/null 2>&1
	rm -r "$(cat "$DATA/split")" 2>/dev/null || remove_tree "$(cat "$DATA/split")"
	ok coracle images -q
	output_has "^coracle: '$DATA' is on FUSE: "
	[ "$(wc -l <<<"$output")" -eq 1 ]
	works
}

@test "there, with two machines: what one removed the other is told to fetch, and has again" {
	local place
	fuse
	coracle load -q -i "$IMAGES/busybox.tar" >/dev/null 2>&1
	place=$(cat "$DATA/split")
	mv "$place" "$place-one"
	coracle load -q -i "$IMAGES/busybox.tar" >/dev/null 2>&1
	coracle rmi busybox:latest busybox:other >/dev/null
	coracle system prune -f >/dev/null
	[ -z "$(find "$DATA/content/blobs/sha256" -type f)" ]
	remove_tree "$place"
	mv "$place-one" "$place"
	fails 125 bb busybox true
	output_has "blobs/sha256/[0-9a-f]{64}' is missing$"
	output_has "^hint: 'coracle pull' fetches it again"
	works
}

@test "there, and the local directory is another user's: refused by name" {
	fuse
	ok coracle ps
	chmod 0777 "/var/tmp/coracle-$(id -u)"
	fails 1 coracle ps
	output_has "'/var/tmp/coracle-$(id -u)' can be written by others"
	chmod 0700 "/var/tmp/coracle-$(id -u)"
}

# --- without the kernel's overlay ---

@test "a volume begins with what the image has there, whatever the snapshotter" {
	local s
	for s in overlay fuse-overlayfs native; do
		ok bb --snapshotter "$s" -v "of-$s:/home/app" busybox sh -c 'cat /home/app/own; stat -c %u /home/app/own'
		output_is 'app
1000'
		coracle run --name "$s" --network none --snapshotter "$s" busybox sh -c 'rm /home/app/own; echo new >/home/app/new'
		coracle commit -q "$s" "of:$s" >/dev/null
		ok bb --snapshotter "$s" -v "of2-$s:/home/app" "of:$s" ls /home/app
		output_is new
	done
}
