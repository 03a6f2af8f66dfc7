#!/usr/bin/env bats
# The ladder with the thing really absent.  Root arranges it in mount namespaces of its own, an
# ordinary user runs; run by root only.

load helper

# The programs, readable by everybody, and a home for the user.
setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	need runuser unshare
	coracle_publish
	USER1=crt-with-$$ USER2=crt-bare-$$
	useradd --system --no-create-home "$USER1"
	useradd --system --no-create-home "$USER2"
	usermod --add-subuids 1000000-1065535 --add-subgids 1000000-1065535 "$USER1"
	export USER1 USER2
}

teardown_file() {
	[ "$(id -u)" -eq 0 ] || return 0
	userdel "$USER1" && userdel "$USER2"
	coracle rm -f -a >/dev/null || true
}

setup() {
	chmod 0711 "$(dirname "$BATS_TEST_TMPDIR")" "$BATS_TEST_TMPDIR"
}

# without USER HIDE COMMAND: sh -c COMMAND as USER where the root command HIDE took something away.
without() {
	local user=$1 hide=$2 command=$3 d=$BATS_TEST_TMPDIR/u
	rm -rf "$d"
	install -d -o "$user" -m 0700 "$d" "$d/home" "$d/run" "$d/data" "$d/tmp"
	chmod 0711 "$BATS_TEST_TMPDIR"
	unshare -m sh -c "mount --make-rprivate /; $hide
		cd /; exec runuser -u $user -- env -i PATH=$PUB/bin:/usr/bin:/bin HOME=$d/home XDG_RUNTIME_DIR=$d/run \
		XDG_DATA_HOME=$d/data TMPDIR=$d/tmp sh -c '$command'"
}

load_and() {
	echo "coracle load -i $PUB/busybox.tar >/dev/null 2>&1 || exit 99; $1"
}

@test "with everything there: the twin of what follows" {
	ok without "$USER1" : "$(load_and 'coracle run --rm busybox stat -c %u /home/app/own')"
	output_is 1000
}

@test "a user without a range: one id, owners kept on record" {
	ok without "$USER2" : "$(load_and 'coracle run --rm --network none busybox sh -c "id -u; cat /proc/self/uid_map; cat /home/app/own"')"
	output_has '^0$'
	output_has '^ +0 +[0-9]+ +1$'
	output_has '^app$'
	output_has 'coracle: .*(range|subuid|one id|single)'
}

@test "a user without a range: what the registry gave comes back out of save" {
	ok without "$USER2" : "$(load_and 'coracle run --rm --network none busybox true; coracle save -o $TMPDIR/o.tar busybox && tar -tf $TMPDIR/o.tar >/dev/null && echo saved')"
	output_has '^saved$'
}

@test "a user without a range: owners come back out of export, and of commit when the file was changed" {
	ok without "$USER2" : "$(load_and 'coracle run --name c --network none busybox sh -c "echo more >>/home/app/own; >/home/app/new"
		coracle export c | tar -tv --numeric-owner home/app
		coracle commit -q c x:1 >/dev/null; coracle save --format oci-archive -o $TMPDIR/o.tar x:1
		mkdir $TMPDIR/o && cd $TMPDIR/o && tar -xf ../o.tar
		for b in blobs/sha256/*; do tar -tvz --numeric-owner -f $b 2>/dev/null; done | sed "s/^/layer: /"')"
	output_has '^-rw-r--r-- 1000/1000 .* home/app/own$'
	output_has '^-rw-r--r-- 0/0 .* home/app/new$'
	output_has '^layer: -rw-r--r-- 1000/1000 .* home/app/own$'
	output_has '^layer: -rw-r--r-- 0/0 .* home/app/new$'
}

@test "newuidmap and newgidmap hidden: one id" {
	ok without "$USER1" 'mount --bind /dev/null /usr/bin/newuidmap; mount --bind /dev/null /usr/bin/newgidmap' \
		"$(load_and 'coracle run --rm --network none busybox sh -c "id -u; cat /proc/self/uid_map"')"
	output_has '^0$'
	output_has '^ +0 +[0-9]+ +1$'
}

@test "/dev/net/tun absent: a network all the same" {
	ok without "$USER1" 'mount -t tmpfs none /dev/net' \
		"$(load_and 'coracle run --rm busybox sh -c "ip -4 addr; ip route"')"
	output_has '10\.0\.2\.100'
	output_has 'default via'
}

@test "/dev/net/tun absent: a published port is served" {
	local port
	port=$(free_port)
	ok without "$USER1" 'mount -t tmpfs none /dev/net' \
		"$(load_and "coracle run -d --name web -p 127.0.0.1:$port:80 busybox httpd -f -h /srv >/dev/null
		for i in \$(seq 300); do curl -sf http://127.0.0.1:$port/ && break; sleep 0.2; done; coracle rm -f web")"
	output_has '^hello$'
}

@test "/dev/fuse absent: the kernel's overlay, and fuse-overlayfs is refused by name" {
	ok without "$USER1" 'mount --bind /dev/null /dev/fuse' \
		"$(load_and 'coracle run --rm --network none busybox cat /srv/index.html')"
	output_is hello
	capture without "$USER1" 'mount --bind /dev/null /dev/fuse' \
		"$(load_and 'coracle run --rm --network none --snapshotter fuse-overlayfs busybox true')"
	[ "$status" -eq 125 ]
	output_has fuse
}

@test "/dev/fuse and fuse-overlayfs absent, no overlay on this file system: copies" {
	ok without "$USER1" 'mount --bind /dev/null /dev/fuse' \
		"$(load_and 'coracle run --rm --network none --snapshotter native busybox cat /srv/index.html')"
	output_is hello
}

@test "the data directory read-only: an error that names it" {
	capture without "$USER1" "mount -t tmpfs -o ro,mode=755 none $BATS_TEST_TMPDIR/u/data" "coracle run --rm busybox true"
	[ "$status" -eq 125 ]
	output_has 'u/data'
	output_has 'Read-only'
}

@test "no /sys/fs/cgroup: runs, and a limit that cannot be had is said" {
	ok without "$USER1" 'mount -t tmpfs none /sys/fs/cgroup' \
		"$(load_and 'coracle run --rm --network none busybox echo ran')"
	output_has '^ran$'
	capture without "$USER1" 'mount -t tmpfs none /sys/fs/cgroup' \
		"$(load_and 'coracle run --rm --network none --memory 64m busybox echo ran')"
	output_has 'cgroup|limit|memory'
}

@test "as root" {
	ok coracle load -i "$IMAGES/busybox.tar"
	ok coracle run --rm --network none busybox sh -c 'id -u; stat -c %u /home/app/own; cat /srv/index.html'
	output_has '^0$'
	output_has '^1000$'
	output_has '^hello$'
	coracle run -d --name rooted busybox sleep 1000
	ok coracle exec rooted id -u
	output_is 0
	ok coracle rm -f rooted
}

@test "other runtimes: with one id, without cgroups, and as root" {
	local rt
	ok coracle load -i "$IMAGES/busybox.tar"
	for rt in "$PUB/bin/coracle-oci" $(other_runtimes); do
		ok without "$USER2" : "$(load_and "coracle run --rm --network none --runtime $rt busybox cat /proc/self/uid_map /home/app/own")"
		output_has '^app$'
		ok without "$USER1" 'mount -t tmpfs none /sys/fs/cgroup' \
			"$(load_and "coracle run --rm --network none --runtime $rt busybox echo ran")"
		output_has '^ran$'
		fails 7 coracle run --rm --network none --runtime "$rt" busybox sh -c 'echo >/dev/null; touch /file; exit 7'
		coracle run -d --name rooted --runtime "$rt" busybox sleep 1000
		ok coracle exec rooted id -u
		output_is 0
		ok coracle rm -f rooted
	done
	[ "$(stat -c '%a %u %t %T' /dev/null)" = '666 0 1 3' ]
}

@test "as root, limits are real" {
	[ -w /sys/fs/cgroup/cgroup.subtree_control ] || skip "no cgroup v2 that root can write"
	grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "no memory controller here"
	ok coracle load -i "$IMAGES/busybox.tar"
	fails 137 coracle run --rm --network none --memory 32m busybox sh -c 'head -c 200m /dev/zero | tail >/dev/null; kill -9 $$; exit 137'
}
