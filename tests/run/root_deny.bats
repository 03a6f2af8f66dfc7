#!/usr/bin/env bats
# RELIABILITY H4: older kernels and sandboxes.  An ordinary user runs the same small suite without
# some system calls and must see the same; run by root only, because a filter that root loads leaves
# newuidmap its setuid bit.

load helper

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	need runuser
	coracle_publish
	publish_deny
	export USER1=crt-deny-$$
	useradd --system --no-create-home "$USER1"
	usermod --add-subuids 2000000-2065535 --add-subgids 2000000-2065535 "$USER1"
	export HOME1=$BATS_FILE_TMPDIR/u
	install -d -o "$USER1" -g "$USER1" -m 0700 "$HOME1" "$HOME1"/{home,run,data,tmp,own}
	suite >"$PUB/suite"
	# Programs that belong to the user are executed anew, from a form nobody can change.
	install -o "$USER1" -g "$USER1" -m 0755 -t "$HOME1/own" "$PUB"/bin/coracle*
	as - sh -c "coracle load -i '$PUB/busybox.tar' >/dev/null"
	as - sh "$PUB/suite" >"$BATS_FILE_TMPDIR/expected" 2>&1
}

teardown_file() {
	[ "$(id -u)" -eq 0 ] || return 0
	as - coracle rm -f -a >/dev/null
	userdel "$USER1"
}

# as CALLS COMMAND...: as the user, without these calls (- for none).
as() {
	local calls=$1 deny=()
	shift
	[ "$calls" = - ] || deny=("$PUB/bin/deny" "$calls" "${ERRNO:-ENOSYS}" --)
	(cd / && "${deny[@]}" runuser -u "$USER1" -- env -i "PATH=${BINS:-$PUB/bin}:/usr/bin:/bin" \
		HOME="$HOME1/home" XDG_RUNTIME_DIR="$HOME1/run" XDG_DATA_HOME="$HOME1/data" \
		TMPDIR="$HOME1/tmp" "$@")
}

# What is run; it says nothing that may differ.
suite() {
	cat <<-'END'
	set -u
	say() { echo "-- $*"; }
	shims() { pgrep -u "$(id -u)" -xf coracle-shim; }
	kill_shims() { shims | xargs -r kill -9; while shims >/dev/null; do sleep 0.05; done; }
	bb() { coracle run --rm --network none "$@"; }
	rm -rf "$TMPDIR/vol"; mkdir -p "$TMPDIR/vol/sub"; echo kept >"$TMPDIR/vol/file"

	say mounts
	bb -v "$TMPDIR/vol:/v:ro" --tmpfs /t:size=1m --read-only busybox sh -c '
		cut -d " " -f 2-3 /proc/mounts | sort
		cat /v/file; touch /t/new && echo tmpfs
		for p in /v/new /new /proc/sys/kernel/domainname /sys/new; do
			! touch "$p" 2>/dev/null || echo "$p can be written"
		done
		for p in /v /t /dev /dev/shm /proc /proc/sys /sys; do
			grep " $p " /proc/mounts | tail -n 1 | cut -d " " -f 4 |
				tr , "\n" | grep -xE "ro|rw|no.*" | tr "\n" " "
			echo "$p"
		done'
	say masked
	bb busybox sh -c 'wc -c </proc/interrupts; wc -c </proc/keys; ls -A /proc/acpi /sys/firmware | grep -v :'
	say devices
	bb busybox sh -c 'stat -c "%n %t:%T" /dev/null /dev/zero /dev/full /dev/random /dev/tty; readlink /dev/fd'
	say nothing of the host
	bb busybox sh -c 'ls /..; ls -d /../tmp/..; wc -l </proc/self/mountinfo; ls /proc/self/fd | wc -l'
	say all of the host
	bb -v /:/host:ro busybox sh -c 'ls /host; ls -d /host/../host/proc/1; ls /'
	say by another runtime
	bb --runtime coracle-oci busybox sh -c 'ls /; wc -l </proc/self/uid_map'
	say links
	bb -v "$TMPDIR/vol:/var/run/app" -w /var/run/app busybox sh -c 'pwd; cat file'
	bb -w /proc/self/fd/5 busybox true >/dev/null 2>&1; echo "status $?"
	say terminal and init
	bb -t busybox tty
	bb --init busybox sh -c 'until grep init /proc/1/comm; do :; done; cat /proc/2/comm'
	say snapshotters
	for s in overlay native fuse-overlayfs; do
		bb --snapshotter $s busybox sh -c 'stat -c "%u %a" /home/app/own; echo new >/srv/index.html; cat /srv/index.html'
	done
	say other maps
	bb --userns nomap busybox id -u
	bb --userns keep-id busybox sh -c 'id -u | wc -l'
	say a life
	coracle rm -f life >/dev/null 2>&1
	coracle run -d --name life --network none -v "$TMPDIR/vol:/v" busybox sh -c 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done' | wc -l
	coracle exec life sh -c 'echo "$$" | wc -l; cat /v/file; ls /proc/self/fd | wc -l'
	coracle exec -t life tty
	coracle exec -w /proc/self/fd/5 life true >/dev/null 2>&1; echo "status $?"
	coracle cp "$TMPDIR/vol/file" life:/tmp/copied && coracle cp life:/tmp/copied - | tar -x -O
	coracle top life | grep -q trap && echo trap
	coracle logs life
	coracle stop life; coracle wait life
	coracle cp "$TMPDIR/vol/file" life:/tmp/again && coracle cp life:/tmp/again - | tar -x -O
	coracle cp "$TMPDIR/vol/file" life:/v/through && cat "$TMPDIR/vol/through"
	coracle start life; coracle kill life; coracle wait life
	say without its shim
	coracle start life
	kill_shims
	coracle exec life echo "still there"
	coracle stop life; coracle ps -a --filter name=life --format "{{.State}}"
	coracle start life
	kill_shims
	coracle rm -f life
	say a bundle
	b=$TMPDIR/bundle; rm -rf "$b"; mkdir -p "$b/rootfs/bin" "$b/rootfs/proc" "$b/rootfs/sys" "$b/rootfs/dev"
	cp "$(command -v busybox)" "$b/rootfs/bin/busybox"
	cd "$b" && coracle-oci spec --rootless && sed -i "s/\"terminal\": *true/\"terminal\":false/; s/\"sh\"/\"busybox\",\"sleep\",\"100\"/" config.json
	oci() { coracle-oci --root "$TMPDIR/state" "$@"; }
	oci create deny-$$ </dev/null >/dev/null 2>&1; oci list -q | wc -l
	oci start deny-$$; oci exec deny-$$ busybox id -u
	oci state deny-$$ | grep -o running
	oci kill deny-$$ KILL; oci delete -f deny-$$; oci list -q | wc -l; cd /
	say doctor
	coracle doctor | grep -E "user namespaces|procfs|seccomp"
	say none is left
	coracle ps -aq | wc -l
	END
}

# same CALLS: the suite says what it said with all calls.
same() {
	as "$1" sh "$PUB/suite" >"$BATS_TEST_TMPDIR/got" 2>&1 || true
	diff "$BATS_FILE_TMPDIR/expected" "$BATS_TEST_TMPDIR/got"
}

@test "with every call: the twin of what follows" {
	cat "$BATS_FILE_TMPDIR/expected"
	grep -qx kept "$BATS_FILE_TMPDIR/expected"
	silent grep coracle: "$BATS_FILE_TMPDIR/expected"
	[ "$(tail -n 1 "$BATS_FILE_TMPDIR/expected")" = 0 ]
}

@test "without openat2" { same openat2; }
@test "without open_tree" { same open_tree; }
@test "without fsopen" { same fsopen; }
@test "without fsmount" { same fsmount; }
@test "without move_mount" { same move_mount; }
@test "without mount_setattr" { same mount_setattr; }
@test "without clone3" { same clone3; }
@test "without close_range" { same close_range; }
@test "without pidfd_open" { same pidfd_open; }
@test "without pidfd_send_signal" { same pidfd_send_signal; }
@test "without memfd_create" { same memfd_create; }
@test "without execveat" { same execveat; }

@test "without what is new in files: statx, renameat2, copy_file_range" { same statx,renameat2,copy_file_range; }

@test "mount_setattr alone, as in Linux 5.2 to 5.11" { same mount_setattr,close_range; }

OLD=openat2,open_tree,fsopen,fsmount,move_mount,mount_setattr,clone3,close_range,pidfd_open,memfd_create

@test "without any of them" { same $OLD; }

# fuse-overlayfs takes no such answer from openat2.
@test "sandboxes answer EPERM" {
	local ERRNO=EPERM
	same open_tree,fsopen,move_mount,mount_setattr
	same pidfd_open,memfd_create,close_range
}

@test "programs that belong to the user, without any of them" {
	local BINS=$HOME1/own
	same $OLD
	same open_tree
	same memfd_create
}
