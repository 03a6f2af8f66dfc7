#!/usr/bin/env bats
# Homes that lack something: read-only, full, without attributes, without capitals, noexec.  Root mounts
# them, an ordinary user runs; run by root only.  homes.bats has what needs no root.

load helper
load registry

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	need runuser losetup mkfs.ext4
	coracle_publish
	export USER1=crh-with-$$ USER2=crh-bare-$$
	useradd --system --no-create-home "$USER1"
	useradd --system --no-create-home "$USER2"
	usermod --add-subuids 1000000-1065535 --add-subgids 1000000-1065535 "$USER1"
}

teardown_file() {
	[ "$(id -u)" -eq 0 ] && [ -n "${USER2-}" ] || return 0
	registry_stop
	userdel "$USER1"
	userdel "$USER2"
}

setup() {
	chmod 0711 "$(dirname "$BATS_TEST_TMPDIR")" "$BATS_TEST_TMPDIR"
	USER=$USER1 U=$BATS_TEST_TMPDIR/u
	TAR=$PUB/busybox.tar
	install -d -m 0711 "$U" "$U/home"
}

teardown() {
	[ -n "${U-}" ] || return 0
	[ ! -d "$U/run" ] || as 'coracle system reset -f' || true
	while mountpoint -q "$U/home"; do
		wait_for 5 umount "$U/home"
	done
}

# home MOUNT-ARGUMENT...: what the user has for a home.
home() {
	mount "$@" "$U/home"
	[ ! -w "$U/home" ] || chown "$USER" "$U/home"
	[ ! -w "$U/home" ] || chmod 0700 "$U/home"
	install -d -o "$USER" -m 0700 "$U/run" "$U/tmp"
}

# disk SIZE [MKFS-OPTION...]: an ext4 in $U/disk.
disk() {
	local size=$1
	shift
	truncate -s "$size" "$U/disk"
	mkfs.ext4 -q -F "$@" "$U/disk"
}

as() {
	(cd / && exec runuser -u "$USER" -- env -i PATH="$PUB/bin:/usr/sbin:/usr/bin:/bin" HOME="$U/home" \
		XDG_RUNTIME_DIR="$U/run" TMPDIR="$U/tmp" TAR="$TAR" sh -c "$1")
}

loaded() {
	as 'coracle load -q -i $TAR >/dev/null'
}

@test "read-only: what is there can be looked at, what runs runs on, nothing is lost" {
	local c
	home -t tmpfs none
	loaded
	as 'coracle create --name new --network none busybox true
		coracle run -d --name up --network none busybox sh -c "echo said; exec sleep 1000"
		coracle run -d --name ends --network none busybox sh -c "until [ -e /stop ]; do sleep 0.1; done"
		coracle volume create v' >/dev/null
	wait_for 5 says said as 'coracle logs up'
	mount --bind "$U/home" "$U/home"
	mount -o remount,bind,ro "$U/home"
	ok as 'coracle ps -a --format "{{.Names}} {{.State}}" | sort'
	output_is 'ends running
new created
up running'
	capture as 'coracle exec ends touch /stop; coracle wait ends'
	wait_for 5 says '^ends exited$' as 'coracle ps -a --format "{{.Names}} {{.State}}"'
	for c in images 'inspect busybox' 'inspect up' 'logs up' 'volume ls' 'system df' 'history busybox' 'diff up' \
		'exec up true' 'top up' 'events --until 1s' 'snapshot ls' 'content ls' 'system check'; do
		ok as "coracle $c"
		output_lacks '[Rr]ead-only'
	done
	ok as 'coracle info'
	output_has 'Read-only'
	for c in 'run busybox true' 'create busybox true'; do
		fails 125 as "coracle $c"
		output_has "home/.local/share/coracle' can only be read$"
		output_has '^hint: the file system is read-only'
	done
	for c in 'rm new' 'rmi busybox' 'volume create w' 'volume rm v' 'tag busybox x' 'load -q -i $TAR' 'commit up x' \
		'rename new old' 'system prune -f' 'start new'; do
		fails 1 as "coracle $c"
		output_has 'can only be read$|Read-only file system$'
	done
	fails 1 as 'coracle system reset -f'
	output_has 'Read-only'
	fails 1 as 'coracle doctor'
	output_has "^missing +store +'.*' is on a read-only file system$"
	output_has '-> export XDG_DATA_HOME='
	umount "$U/home"
	ok as 'coracle ps -a --format "{{.Names}} {{.State}}" | sort'
	output_is 'ends exited
new created
up running'
	ok as 'coracle system check --deep; coracle start -a new; coracle run --rm --network none busybox echo ran'
	output_is ran
}

@test "read-only, and nothing there: an error that names it" {
	home -t tmpfs -o "ro,mode=0700,uid=$(id -u "$USER")" none
	for c in ps images 'run busybox true' info doctor; do
		capture as "coracle $c"
		[ "$status" -ne 0 ]
		output_has '/home.*[Rr]ead-only'
	done
}

# held: the kilobytes of what is there
held() {
	du -skx "$U/home" | cut -f 1
}

holds_less() {
	[ "$(held)" -lt $(($1 - 2000)) ]
}

# What needs room says so and ends; what gives it back works.
full() {
	local c before
	for c in 'load -q -i $TAR' 'import $TAR' 'commit stopped made' 'volume create v' \
		"pull --plain-http $REGISTRY/busybox:pulled"; do
		fails 1 as "coracle $c"
		output_has '[Nn]o space left on device|bytes are needed|quota exceeded'
		output_has '^hint: free space'
	done
	for c in 'run --network none busybox true' 'create busybox true'; do
		fails 125 as "coracle $c"
		output_has '[Nn]o space left on device|quota exceeded'
	done
	for c in 'ps -a' images 'inspect busybox' 'system df' 'logs up' 'exec up echo in'; do
		ok as "coracle $c"
	done
	before=$(held)
	ok as 'coracle stop -t 0 up'
	ok as 'coracle rm stopped up'
	ok as 'coracle volume rm data'
	ok as 'coracle rmi busybox:latest busybox:other'
	ok as 'coracle system prune -f'
	wait_for 5 holds_less "$before"
}

is_named_full() {
	as 'coracle doctor' | grep "^missing  store .* is full: "
}

used() {
	loaded
	as 'coracle run --name stopped --network none -v data:/data busybox sh -c "echo x >/data/x; head -c 1m /dev/urandom >/big"
		coracle run -d --name up --network none busybox sleep 1000' >/dev/null
}

whole_again() {
	ok as 'coracle system check --deep'
	output_is ''
	[ -z "$(as 'find .local/share/coracle/volumes/default .local/share/coracle/containers/default -mindepth 1' 2>/dev/null)" ]
	loaded
	ok as 'coracle run --rm --network none busybox echo ran'
	output_is ran
}

fill() {
	as 'cd; for s in 1M 4k 1; do dd if=/dev/zero of=fill-$s bs=$s count=4000 2>/dev/null || true; done'
	as 'echo x >~/one-more' 2>/dev/null && return 1
	return 0
}

# By files of the user's own, which then go.
fills_and_recovers() {
	used
	fill
	is_named_full
	full
	as 'cd; rm fill-*'
	whole_again
}

with_registry() {
	need docker-registry skopeo
	[ -n "${REGISTRY-}" ] || registry_start
	registry_push "docker-archive:$PUB/busybox.tar" busybox:pulled
}

@test "full, a large disk: what needs room says so, what gives it back works" {
	with_registry
	home -t tmpfs -o size=200m none
	fills_and_recovers
}

@test "full, a small disk: the same" {
	with_registry
	disk 60m
	home -o loop "$U/disk"
	fills_and_recovers
}

@test "full, where nothing is overwritten in place: the same" {
	with_registry
	need mkfs.btrfs
	grep -qw btrfs /proc/filesystems || modprobe btrfs 2>/dev/null || skip "this kernel has no btrfs"
	truncate -s 400m "$U/disk"
	mkfs.btrfs -q "$U/disk"
	home -o loop "$U/disk"
	fills_and_recovers
}

@test "no inode left: the same" {
	with_registry
	home -t tmpfs -o size=200m,nr_inodes=1500 none
	used
	as 'cd; mkdir many; i=0; while : >many/$i; do i=$((i + 1)); done' 2>/dev/null || true
	is_named_full
	full
	as 'cd; rm -r many'
	whole_again
}

@test "without attributes of users: the next rung is taken, said once, and a container sees the same" {
	home -t ramfs none
	ok as 'coracle load -q -i $TAR'
	output_has "^coracle: snapshotter 'overlay': .*'(fuse-overlayfs|native)' is used$"
	ok as 'coracle run --rm --network none busybox sh -c "cat /home/app/own; stat -c %u /home/app/own; rm -r /srv; mkdir /srv; ls /srv"'
	output_is 'app
1000'
	fails 125 as 'coracle run --rm --network none --snapshotter overlay busybox true'
	output_has "snapshotter 'overlay': set a user's attribute: Operation not supported"
	capture as 'coracle doctor'
	output_has '^lower +layers .*no extended attributes.*no access lists.* is a copy'
	fails 125 as 'coracle run --rm --network none --snapshotter fuse-overlayfs busybox true'
	output_has "snapshotter 'fuse-overlayfs': '.*' has no access lists"
	ok as "coracle run --name c --network none busybox sh -c 'rm -r /srv; mkdir /srv; echo x >/srv/x'
		coracle diff c | grep srv; coracle commit -q c x:1 >/dev/null; coracle run --rm --network none x:1 ls /srv"
	output_is 'C /srv
D /srv/index.html
D /srv/noexec
D /srv/noshell
A /srv/x
x'
	ok as 'coracle system check --deep'
	output_is ''
}

@test "without attributes, and one id: owners cannot be recorded, and that is said" {
	USER=$USER2
	home -t ramfs none
	fails 1 as 'coracle load -q -i $TAR'
	output_has "'home/app/own': record owner 1000:1000: Operation not supported$"
	ok as 'coracle images -q'
	output_is ''
}

@test "noexec, nosuid, nodev: containers' own programs run; a snapshotter that cannot is refused by name" {
	home -t tmpfs -o noexec,nosuid,nodev none
	loaded
	ok as 'coracle run --rm --network none busybox sh -c "cp /bin/busybox /busybox2; /busybox2 echo ran; : >/dev/null && echo null"'
	output_is 'ran
null'
	ok as 'coracle run --rm --network none --snapshotter fuse-overlayfs busybox echo ran'
	output_is ran
	fails 125 as 'coracle run --rm --network none --snapshotter native busybox echo ran'
	output_has "snapshotter 'native': '.*' is mounted noexec$"
	output_has '^hint: choose a directory that is not mounted noexec'
	ok as 'coracle doctor'
	output_has "^lower +store +'.*' is mounted noexec: programs in volumes do not run$"
}

@test "a directory that does not tell capitals apart: its own directories do, or it is refused by name" {
	disk 200m -O casefold -E encoding=utf8
	mount -o loop "$U/disk" "$U/home" 2>/dev/null || skip "this kernel folds no names"
	umount "$U/home"
	home -o loop "$U/disk"
	as 'mkdir -p .local; chattr +F .local'
	loaded
	ok as 'coracle run --rm --network none -v v:/v busybox sh -c "echo a >/a; echo A >/A; cat /a /A; echo b >/v/b; echo B >/v/B; cat /v/b /v/B"'
	output_is 'a
A
b
B'
}
