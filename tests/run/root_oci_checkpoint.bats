#!/usr/bin/env bats
# coracle-oci's checkpoint and restore, by criu, as the machine's root.

load helper

# why_not: what keeps all of it from being run; bats 1.8 cannot skip in setup_file.
why_not() {
	local p
	[ "$(id -u)" -eq 0 ] || { echo "needs root"; return; }
	for p in jq busybox ip iptables; do
		command -v $p >/dev/null || { echo "$p is not installed"; return; }
	done
	mkdir "$TREE/coracle-test-$$" 2>/dev/null || { echo "no cgroup v2 that root can write"; return; }
	rmdir "$TREE/coracle-test-$$"
}

setup_file() {
	export TREE=/sys/fs/cgroup WHY
	[ "$(stat -fc %T $TREE)" = cgroup2fs ] || TREE=$TREE/unified
	WHY=$(why_not)
	[ -z "$WHY" ] || return 0
	coracle_env "$BATS_FILE_TMPDIR"
	local b=$BATS_FILE_TMPDIR/bundle
	mkdir -p "$b"/rootfs/{bin,dev,proc,sys,tmp,data}
	cp "$(command -v busybox)" "$b/rootfs/bin"
	"$b/rootfs/bin/busybox" --install "$b/rootfs/bin"
	find "$b/rootfs/bin" -type l -exec ln -sf busybox {} \;
	(cd "$b" && coracle-oci spec && jq '.process.terminal = false | .root.readonly = false' config.json >base.json)
}

setup() {
	[ -z "$WHY" ] || skip "$WHY"
	BUNDLE=$BATS_FILE_TMPDIR/bundle ID=t$BATS_TEST_NUMBER OUT=$BATS_TEST_TMPDIR/out IMAGES=$BATS_TEST_TMPDIR/images
	cd "$BUNDLE" || return
}

teardown() {
	[ -z "$WHY" ] || return 0
	oci delete -f "$ID"
	rm -rf "$BUNDLE/rootfs/tmp/"* "$BUNDLE/rootfs/data/"*
}

oci() { timeout 120 coracle-oci --root "$BATS_TEST_TMPDIR/state" "$@"; }

# In memory, and each number in a file.
COUNT='i=0; while :; do i=$((i + 1)); echo $i >>/tmp/n; sleep 0.05; done'

# bundle JQ COMMAND...: the config.json, changed
bundle() {
	jq "$1 | .process.args = \$ARGS.positional" --args -- "${@:2}" <base.json >config.json
}

# start JQ [COMMAND...]: in the background; it counts unless told otherwise
start() {
	[ $# -gt 1 ] && bundle "$@" || bundle "$1" sh -c "$COUNT"
	oci create "$ID" </dev/null >"$OUT" 2>&1 3>&- || { cat "$OUT"; return 1; }
	oci start "$ID"
}

save() { oci checkpoint --image-path "$IMAGES" "$@" "$ID"; }

works() {
	need criu
	criu check >/dev/null 2>&1 || skip "criu does not know this kernel"
}

# What was /dev/null, or a file, is it again.
restore() { oci restore --image-path "$IMAGES" -d "$@" "$ID" 3>&-; }

number() { tail -n 1 "$BUNDLE/rootfs/tmp/n"; }
counts_beyond() { [ "$(number)" -gt "$1" ]; }
init() { oci state "$ID" | jq .pid; }
status_is() { [ "$(oci state "$ID" | jq -r .status)" = "$1" ]; }

# What the kernel says of its mounts, without numbers that are drawn anew.
mounts() { sed 's/^[0-9]* [0-9]* [^ ]* //; s/ - / /' "/proc/$(init)/mountinfo" | sort; }
restrictions() { grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups|Umask)' "/proc/$(init)/status"; }

# nothing_left: of the container, its cgroup, mounts and processes
nothing_left() {
	fails 1 oci state "$ID"
	[ ! -e "$TREE/coracle-$ID" ]
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/state")" ]
	no grep -F "$BATS_TEST_TMPDIR" /proc/self/mountinfo
}

@test "a count goes on after restore, and the container is one as before" {
	local before
	works
	start .
	wait_for 5 counts_beyond 3
	ok save
	nothing_left
	before=$(number)
	sleep 0.3
	[ "$(number)" = "$before" ]
	ok restore --pid-file "$BATS_TEST_TMPDIR/pid"
	[ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$(init)" ]
	wait_for 5 counts_beyond "$before"
	[ "$(number)" -lt $((before + 200)) ]
	status_is running
	[ "$(cat "$TREE/coracle-$ID/cgroup.procs" | head -n 1)" = "$(init)" ]
	ok oci exec "$ID" cat /proc/1/cgroup
	output_has '^0::/$'
	ok oci ps "$ID"
	output_has 'sh -c'
	ok oci pause "$ID"
	status_is paused
	ok oci resume "$ID"
	ok oci kill "$ID" KILL
	wait_for 5 status_is stopped
	ok oci delete "$ID"
	nothing_left
}

@test "mounts and restrictions are those of before" {
	local was_mounts was_restrictions
	works
	mkdir "$BATS_TEST_TMPDIR/source"
	echo seen >"$BATS_TEST_TMPDIR/source/f"
	start '.root.readonly = true | .process.user = {uid: 0, gid: 0, additionalGids: [9], umask: 63} |
		.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=1777"]},
			{destination: "/data", source: "'"$BATS_TEST_TMPDIR/source"'", options: ["bind", "ro", "nosuid"]}] |
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
			syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]}'
	wait_for 5 oci exec "$ID" test -s /tmp/n
	was_mounts=$(mounts) was_restrictions=$(restrictions)
	ok save
	ok restore
	diff <(echo "$was_mounts") <(mounts)
	diff <(echo "$was_restrictions") <(restrictions)
	ok oci exec "$ID" sh -c 'cat /data/f; echo x >/data/f; mkdir /tmp/d; echo x >/f; head -c 1 /proc/keys; tail -n 1 /tmp/n'
	output_has '^seen$'
	[ "$(grep -c 'Read-only file system' <<<"$output")" -eq 2 ]
	output_has 'mkdir.*Operation not permitted'
}

@test "--leave-running: it goes on, and again from what was saved" {
	local before
	works
	start .
	wait_for 5 counts_beyond 3
	ok save --leave-running --work-path "$BATS_TEST_TMPDIR/work"
	[ -s "$BATS_TEST_TMPDIR/work/stats-dump" ]
	before=$(number)
	status_is running
	wait_for 5 counts_beyond "$before"
	fails 1 restore
	output_has "'$ID' exists already"
	oci delete -f "$ID"
	ok restore
	wait_for 5 counts_beyond "$before"
}

@test "what others may not read: the images" {
	works
	start .
	ok save
	[ "$(stat -c %a "$IMAGES")" = 700 ]
	[ -z "$(find "$IMAGES" -type f -perm /077)" ]
}

@test "on a root file system that was nobody's so far" {
	works
	cp -r "$BUNDLE" "$BATS_TEST_TMPDIR/other"
	echo there >"$BATS_TEST_TMPDIR/file"
	start '.mounts += [{destination: "/new/place/file", source: "'"$BATS_TEST_TMPDIR/file"'", options: ["bind"]},
		{destination: "/new/dir", type: "tmpfs", source: "tmpfs"}]'
	ok save
	cp config.json "$BATS_TEST_TMPDIR/other"
	cp rootfs/tmp/n "$BATS_TEST_TMPDIR/other/rootfs/tmp"
	rm -r rootfs/new
	ok restore -b "$BATS_TEST_TMPDIR/other"
	ok oci exec "$ID" cat /new/place/file
	output_is there
}

@test "a paused container is saved as well" {
	works
	start .
	oci pause "$ID"
	ok save
	nothing_left
	ok restore
	status_is running
}

@test "in the foreground: pipes, exit status, and then it is gone" {
	works
	bundle . sh -c 'while read l; do echo "got $l"; done; exit 3'
	mkfifo "$BATS_TEST_TMPDIR/in"
	(exec 4<>"$BATS_TEST_TMPDIR/in"; cat <&4 | oci create "$ID" | cat >"$OUT") 2>/dev/null 3>&- &
	wait_for 5 status_is created
	oci start "$ID"
	echo one >"$BATS_TEST_TMPDIR/in"
	wait_for 5 grep -q 'got one' "$OUT"
	ok save
	kill $! 2>/dev/null || true
	status=0
	output=$(printf 'two\nthree\n' | oci restore --image-path "$IMAGES" "$ID" 2>&1 3>&-) || status=$?
	output_is $'got two\ngot three'
	[ "$status" -eq 3 ]
	nothing_left
}

@test "a terminal of the caller's is that of the next caller" {
	works
	need expect
	bundle . sh -c 'while read l; do echo "got $l"; done; exit 3'
	cat >"$BATS_TEST_TMPDIR/talk" <<-'END'
		set timeout 60
		log_user 0
		proc talk {command text} {
			global spawn_id
			eval spawn -noecho $command
			send "$text\r"
			expect -re "got $text" {} timeout { puts "no answer to $text"; exit 1 }
		}
		set oci "coracle-oci --root [lindex $argv 0]"
		set id [lindex $argv 1]
		set images "--image-path [lindex $argv 2]"
		talk "$oci run $id" one
		eval exec $oci checkpoint $images $id
		talk "$oci restore $images $id" two
		send "\004"
		expect eof
		exit [lindex [wait] 3]
	END
	fails 3 expect "$BATS_TEST_TMPDIR/talk" "$BATS_TEST_TMPDIR/state" "$ID" "$IMAGES"
	nothing_left
}

@test "--file-locks: else a lock is an error; sources of mounts may be links" {
	works
	need flock
	start '.mounts += (["/usr", "/lib", "/lib64"] | map({destination: ., source: ., options: ["rbind", "ro"]}))' \
		"$(command -v flock)" /tmp/l sleep 1000
	wait_for 5 test -e "$BUNDLE/rootfs/tmp/l"
	fails 1 save
	output_has 'criu dump: .*--file-locks'
	status_is running
	ok save --file-locks
	ok restore --file-locks
	fails 1 oci exec "$ID" flock -n /tmp/l true
}

@test "the host's network, and one that is joined" {
	local net
	works
	start '.linux.namespaces |= map(select(.type != "network"))'
	ok save
	ok restore
	[ "$(readlink "/proc/$(init)/ns/net")" = "$(readlink /proc/self/ns/net)" ]
	oci delete -f "$ID"
	rm -rf "$IMAGES"
	net=coracle-test-$$
	ip netns add $net
	start ".linux.namespaces |= map(if .type == \"network\" then .path = \"/run/netns/$net\" else . end)"
	ok save
	ip netns del $net
	fails 1 restore
	output_has "linux.namespaces: '/run/netns/$net': No such file"
	ip netns add $net
	capture restore
	ip netns del $net
	[ "$status" -eq 0 ]
	[ "$(readlink "/proc/$(init)/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

@test "of a network of its own, --empty-ns leaves out what is in it" {
	works
	start .
	ok save --empty-ns network
	ok restore --empty-ns network
	ok oci exec "$ID" ip link show lo
	output_lacks 'LOOPBACK,UP'
	fails 1 save --empty-ns pid
	output_has "empty-ns 'pid'"
}

@test "what cannot be saved is refused by name, and goes on" {
	start .
	oci exec -d "$ID" sleep 1000 </dev/null >/dev/null 2>&1 3>&-
	fails 1 save
	output_has 'what exec has started cannot be saved'
	status_is running
	oci delete -f "$ID"
	start '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = .linux.uidMappings' sleep 1000
	fails 1 save
	output_has 'linux.namespaces: a user namespace cannot be saved'
	oci delete -f "$ID"
	ln -s data "$BUNDLE/rootfs/link"
	start '.mounts += [{destination: "/link", source: "/usr", options: ["bind"]}]'
	rm "$BUNDLE/rootfs/link"
	fails 1 save
	output_has "mount '/link': it is at another place"
	status_is running
	[ ! -e "$IMAGES" ]
	oci delete -f "$ID"
	oci create "$ID" </dev/null >/dev/null 2>&1 3>&-
	fails 1 save
	output_has 'it is created'
	for flag in lazy-pages page-server=x status-fd=3 auto-dedup; do
		fails 2 save "--$flag"
		output_has "${flag%=*}"
	done
	for flag in console-socket=x no-pivot lsm-profile=x; do
		fails 2 restore "--$flag"
		output_has "${flag%=*}"
	done
}

@test "images that are broken or missing: an error, and nothing is left" {
	local broken
	works
	start .
	ok save
	for broken in coracle.json inventory.img pstree.img core-1.img files.img; do
		cp -r "$IMAGES" "$IMAGES.bad"
		: >"$IMAGES.bad/$broken"
		fails 1 oci restore -d --image-path "$IMAGES.bad" "$ID"
		output_has "restore container '$ID': (criu restore: |images in )"
		nothing_left
		rm -r "$IMAGES.bad"
	done
	fails 1 oci restore -d --image-path "$IMAGES.none" "$ID"
	output_has "'$IMAGES.none': No such file"
	[ ! -e "$IMAGES.none" ]
	bundle '.mounts += [{destination: "/proc/keys", source: "/gone", options: ["bind"]}]' true
	echo '{"stdio":[{},{},{}],"mounts":["/proc/keys"]}' >"$IMAGES/coracle.json"
	fails 1 restore
	output_has "mount '/proc/keys': '/gone': No such file"
	nothing_left
}

@test "without criu: refused, with what helps" {
	local path=$BATS_TEST_TMPDIR/bin
	mkdir "$path"
	ln -s "$BIN"/coracle* "$(command -v timeout)" "$path"
	start .
	PATH=$path fails 1 save
	output_has 'criu is not installed'
	output_has '^hint: install criu'
	PATH=$path fails 1 oci restore -d "other$ID"
	output_has 'criu is not installed'
	status_is running
}
