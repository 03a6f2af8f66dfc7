#!/usr/bin/env bats
# coracle-oci's control groups by cgroupfs, as the machine's root and as an ordinary user to whom a
# cgroup is delegated.

load helper

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	need runuser unshare jq busybox
	tree=/sys/fs/cgroup
	[ "$(stat -fc %T $tree)" = cgroup2fs ] || tree=$tree/unified
	mkdir "$tree/coracle-test-$$" 2>/dev/null || skip "no cgroup v2 that root can write"
	rmdir "$tree/coracle-test-$$"
	export TREE=$tree GROUP=coracle-test-oci-$$ OWNER=crt-oci-$$
	CONTROLLERS=$(cat $tree/cgroup.subtree_control)
	export CONTROLLERS
	coracle_publish
	publish_deny
	useradd --system --no-create-home "$OWNER"
	local b=$BATS_FILE_TMPDIR/bundle
	mkdir -p "$b"/rootfs/{bin,dev,proc,sys,tmp}
	cp "$(command -v busybox)" "$b/rootfs/bin"
	"$b/rootfs/bin/busybox" --install "$b/rootfs/bin"
	# the links are to where it is installed
	find "$b/rootfs/bin" -type l -exec ln -sf busybox {} \;
	(cd "$b" && coracle-oci spec && jq '.process.terminal = false | .root.readonly = false |
		.process.capabilities |= map_values(. + ["CAP_MKNOD", "CAP_SYSLOG"])' \
		config.json >base.json)
	chmod -R a+rX "$BATS_FILE_TMPDIR"
}

teardown_file() {
	local c
	[ "$(id -u)" -eq 0 ] && [ -n "${OWNER-}" ] || return 0
	userdel "$OWNER"
	find "$TREE/$GROUP" -depth -type d -exec rmdir {} \;
	for c in hugetlb cpu cpuset io memory pids rdma; do
		grep -qw "$c" <<<"$CONTROLLERS" || echo "-$c" >"$TREE/cgroup.subtree_control" || true
	done 2>/dev/null
}

setup() {
	BUNDLE=$BATS_FILE_TMPDIR/bundle ID=t$BATS_TEST_NUMBER
	cd "$BUNDLE" || return
}

teardown() {
	oci delete -f "$ID"
	rm -f "$BUNDLE/rootfs/tmp/"*
}

oci() { coracle-oci --root "$BATS_TEST_TMPDIR/state" "$@"; }

# bundle JQ COMMAND...: the config.json, changed
bundle() {
	jq "$1 | .process.args = \$ARGS.positional" --args -- "${@:2}" <base.json >config.json
}

# start JQ: a container that sleeps in the background
start() {
	bundle "$1" sleep 1000
	oci create "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
	oci start "$ID"
}

# field: linux.cgroupsPath
@test "an absolute path counts from the top, and goes with the container" {
	bundle ".linux.cgroupsPath = \"/$GROUP/./a//b/\"" cat /proc/self/cgroup
	ok oci run "$ID"
	output_has '^0::/$'
	start ".linux.cgroupsPath = \"/$GROUP/a/b\""
	[ -n "$(cat "$TREE/$GROUP/a/b/cgroup.procs")" ]
	oci delete -f "$ID"
	[ ! -e "$TREE/$GROUP/a/b" ]
}

@test "without a path: coracle-ID" {
	start .
	[ -n "$(cat "$TREE/coracle-$ID/cgroup.procs")" ]
	oci delete -f "$ID"
	[ ! -e "$TREE/coracle-$ID" ]
}

@test "a path is not for one container: '..', the top, one in use, frozen, threaded" {
	local path
	for path in "/$GROUP/../x" "../$GROUP" / .; do
		bundle ".linux.cgroupsPath = \"$path\"" true
		fails 1 oci run "$ID"
		output_has "cgroup.*'($path|/)'"
	done
	mkdir -p "$TREE/$GROUP/used/sub" "$TREE/$GROUP/frozen/sub"
	sleep 1000 3>&- &
	echo $! >"$TREE/$GROUP/used/sub/cgroup.procs"
	bundle ".linux.cgroupsPath = \"/$GROUP/used\"" true
	fails 1 oci run "$ID"
	output_has "cgroup '/$GROUP/used': processes are in it"
	kill -0 $! && kill $! && wait $! || true
	echo 1 >"$TREE/$GROUP/frozen/cgroup.freeze"
	bundle ".linux.cgroupsPath = \"/$GROUP/frozen/sub\"" true
	fails 1 oci run "$ID"
	output_has "cgroup '/$GROUP/frozen/sub': it is frozen"
	[ -e "$TREE/$GROUP/used" ]
	mkdir -p "$TREE/$GROUP/domain/threads"
	echo threaded >"$TREE/$GROUP/domain/threads/cgroup.type"
	for path in domain domain/threads domain/new; do
		bundle ".linux.cgroupsPath = \"/$GROUP/$path\"" true
		fails 1 oci run "$ID"
		output_has "cgroup '/$GROUP/$path': it is threaded"
	done
	[ ! -e "$TREE/$GROUP/domain/new" ]
}

# field: linux.resources.hugepageLimits
@test "limits are in force, updated, and those before stay when an update fails" {
	local dir=$TREE/$GROUP/limits
	grep -qw hugetlb "$TREE/cgroup.controllers" || skip "no hugetlb controller here"
	start ".linux.cgroupsPath = \"/$GROUP/limits\" |
		.linux.resources.hugepageLimits = [{pageSize: \"2MB\", limit: 4194304}]"
	[ "$(cat "$dir/hugetlb.2MB.max")" = 4194304 ]
	[ "$(cat "$dir/hugetlb.2MB.rsvd.max")" = 4194304 ]
	oci update --resources - "$ID" <<<'{"hugepageLimits": [{"pageSize": "2MB", "limit": 2097152}]}'
	[ "$(cat "$dir/hugetlb.2MB.max")" = 2097152 ]
	fails 1 oci update --resources - "$ID" <<<'{"hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
		"unified": {"hugetlb.2MB.max": "many"}}'
	output_has "cgroup limit hugetlb.2MB.max 'many': Invalid argument"
	[ "$(cat "$dir/hugetlb.2MB.max")" = 2097152 ]
	[ "$(cat "$dir/hugetlb.2MB.rsvd.max")" = 2097152 ]
	fails 1 oci update --resources - "$ID" <<<'{"network": {"classID": 5}}'
	output_has 'linux.resources.network.classID: cgroup v2 has no net_cls'
}

@test "figures: what the kernel has of them" {
	grep -qw hugetlb "$TREE/cgroup.controllers" || skip "no hugetlb controller here"
	start ".linux.cgroupsPath = \"/$GROUP/figures\" |
		.linux.resources.hugepageLimits = [{pageSize: \"2MB\", limit: 4194304}]"
	ok oci events --stats "$ID"
	jq -e '.type == "stats" and .data.cpu.usage.total > 0 and .data.hugetlb["2MB"].limit == 4194304' <<<"$output"
	[ ! -e "$TREE/$GROUP/figures/cpu.pressure" ] ||
		jq -e '.data.cpu.psi.some.avg10 >= 0 and .data.cpu.psi.full.total >= 0' <<<"$output"
}

@test "a limit whose controller cannot be had is an error, and leaves nothing" {
	mkdir -p "$TREE/$GROUP/full"
	sleep 1000 3>&- &
	echo $! >"$TREE/$GROUP/full/cgroup.procs"
	bundle ".linux.cgroupsPath = \"/$GROUP/full/a\" |
		.linux.resources.hugepageLimits = [{pageSize: \"2MB\", limit: 0}]" true
	fails 1 oci run "$ID"
	kill $! && wait $! || true
	output_has "hugetlb limit: (processes in the cgroup above keep|controller 'hugetlb' is not)"
	[ ! -e "$TREE/$GROUP/full/a" ]
	fails 1 oci state "$ID"
}

# kmsg is a device that any machine has and no container is given.
kmsg='mknod /tmp/k c 1 11 && head -c 1 /tmp/k | wc -c'

# field: linux.resources.devices
@test "devices: none but the usual ones, unless a rule allows it" {
	local rules all='{allow: false, access: "rwm"}' one='{allow: true, type: "c", major: 1, minor: 11, access: "r"}'
	for rules in "[]" "[$all]" "[$one, $all]"; do
		bundle ".linux.resources.devices = $rules" sh -c "$kmsg; head -c 1 /dev/zero | wc -c"
		capture oci run "$ID"
		output_has 'Operation not permitted'
		output_has '^1$'
		rm "$BUNDLE/rootfs/tmp/k"
	done
	for rules in "[$all, $one]" '[{allow: true, access: "rwm"}]'; do
		bundle ".linux.resources.devices = $rules" sh -c "$kmsg"
		ok oci run "$ID"
		output_has '^1$'
		rm "$BUNDLE/rootfs/tmp/k"
	done
}

@test "devices: an update replaces the rules, more often than a cgroup holds programs" {
	local i deny='{"devices": [{"allow": false, "access": "rwm"}]}'
	start '.linux.resources.devices = [{allow: true, access: "rwm"}]'
	ok oci exec "$ID" sh -c "$kmsg"
	for i in {1..70}; do
		oci update --resources - "$ID" <<<"$deny"
	done
	capture oci exec "$ID" head -c 1 /tmp/k
	output_has 'Operation not permitted'
	oci update --resources - "$ID" <<<'{"devices": [{"allow": true, "access": "rwm"}]}'
	ok oci exec "$ID" head -c 1 /tmp/k
}

@test "kill --all and delete reach what is in cgroups below" {
	local dir=$TREE/$GROUP/below i
	start ".linux.cgroupsPath = \"/$GROUP/below\""
	mkdir -p "$dir/sub/sub"
	for i in 1 2; do
		oci exec -d "$ID" sleep 1000 </dev/null >/dev/null 2>&1 3>&-
	done
	for i in $(tail -n 2 "$dir/cgroup.procs"); do
		echo "$i" >"$dir/sub/sub/cgroup.procs"
	done
	[ "$(wc -l <"$dir/sub/sub/cgroup.procs")" -eq 2 ]
	oci kill --all "$ID" USR1
	wait_for 5 grep -q 'populated 0' "$dir/sub/cgroup.events"
	oci delete -f "$ID"
	[ ! -e "$dir" ]
}

@test "a paused container is thawed by resume alone, and deleted when it is paused" {
	start ".linux.cgroupsPath = \"/$GROUP/paused\""
	oci pause "$ID"
	grep -q 'frozen 1' "$TREE/$GROUP/paused/cgroup.events"
	oci kill --all "$ID" USR1
	grep -q 'frozen 1' "$TREE/$GROUP/paused/cgroup.events"
	oci delete -f "$ID"
	[ ! -e "$TREE/$GROUP/paused" ]
}

@test "a cgroup that is writable inside belongs to the container's user, limits do not" {
	local dir=$TREE/$GROUP/own mounts='.mounts |= map(if .destination == "/sys/fs/cgroup" then .options -= ["ro"] else . end)'
	start ".linux.cgroupsPath = \"/$GROUP/own\" | .process.user.uid = 1000"
	[ "$(stat -c %u "$dir/cgroup.procs")" = 0 ]
	oci delete -f "$ID"
	start ".linux.cgroupsPath = \"/$GROUP/own\" | .process.user.uid = 1000 | $mounts"
	[ "$(stat -c %u "$dir" "$dir/cgroup.procs" "$dir/cgroup.subtree_control" | uniq)" = 1000 ]
	[ "$(stat -c %u "$dir/cgroup.freeze" "$dir/cgroup.max.depth" | uniq)" = 0 ]
	ok oci exec "$ID" sh -c 'mkdir /sys/fs/cgroup/sub && ! echo 1 2>/dev/null >/sys/fs/cgroup/cgroup.freeze'
}

# in_group SUB COMMAND: as the ordinary user OWNER, whose is the cgroup GROUP/user, in its SUB
in_group() {
	local own=$TREE/$GROUP/user
	mkdir -p "$own/$1"
	chown -R "$OWNER" "$own"
	install -d -o "$OWNER" -m 0700 "$BATS_TEST_TMPDIR/u"
	chmod 0711 "$(dirname "$BATS_TEST_TMPDIR")" "$BATS_TEST_TMPDIR"
	(
		echo "$BASHPID" >"$own/$1/cgroup.procs"
		exec runuser -u "$OWNER" -- env PATH="$PUB/bin:$PATH" XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/u" sh -c "$2"
	)
}

@test "an ordinary user: beside its own cgroup, or where a path leads to what is delegated" {
	local path want
	while read -r path want; do
		bundle ".linux.cgroupsPath = \"${path#-}\"" sleep 1000
		ok in_group shell "coracle-oci create $ID </dev/null >/dev/null 2>\$XDG_RUNTIME_DIR/err 3>&- ||
			cat \$XDG_RUNTIME_DIR/err; cat /proc/\$(coracle-oci state $ID | jq .pid)/cgroup; coracle-oci delete -f $ID"
		output_has "^0::/$GROUP/user/$want\$"
		[ ! -e "$TREE/$GROUP/user/${want%%/*}" ] || [ "${want%%/*}" = a ]
	done <<-END
		- coracle-$ID
		x x
		/y y
		/$GROUP/user/z z
		a/b a/b
	END
}

@test "an ordinary user: no cgroup at all is fine without limits, and an error with them" {
	rmdir "$TREE/$GROUP/user/a" "$TREE/$GROUP/user/shell" 2>/dev/null || true
	bundle '.linux.cgroupsPath = "/x"' echo runs
	install -d -o "$OWNER" -m 0700 "$BATS_TEST_TMPDIR/u"
	chmod 0711 "$(dirname "$BATS_TEST_TMPDIR")" "$BATS_TEST_TMPDIR"
	as() { runuser -u "$OWNER" -- env PATH="$PUB/bin:$PATH" XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/u" "$@"; }
	ok as coracle-oci run "$ID"
	output_has '^runs$'
	bundle '.linux.cgroupsPath = "/x" | .linux.resources.pids.limit = 5' echo runs
	fails 1 as coracle-oci run "$ID"
	output_has "cgroup '/"
	bundle '.linux.resources.devices = [{allow: false, access: "rwm"}]' echo runs
	ok as coracle-oci run "$ID"

	# What others have there is no concern of ours.
	mkdir -p "$TREE/$GROUP/taken"
	sleep 1000 3>&- &
	echo $! >"$TREE/$GROUP/taken/cgroup.procs"
	bundle ".linux.cgroupsPath = \"/$GROUP/taken\"" echo runs
	capture as coracle-oci run "$ID"
	kill $! && wait $! || true
	output_has "^runs$"
}

@test "events: figures once, again and again until the end, in runc's form" {
	local how
	start ".linux.cgroupsPath = \"/$GROUP/e\""
	ok oci events --stats "$ID"
	jq -e --arg id "$ID" '.type == "stats" and .id == $id and .data.cpu.usage.total > 0 and
		(.data | has("memory") and has("pids") and has("blkio") and has("hugetlb"))' <<<"$output" >/dev/null
	# Where it is denied, the init cannot be polled.
	for how in env "$PUB/bin/deny pidfd_open --"; do
		$how coracle-oci --root "$BATS_TEST_TMPDIR/state" events --interval 100ms "$ID" \
			>"$BATS_TEST_TMPDIR/events" 3>&- &
		wait_for 10 sh -c "[ \$(wc -l <'$BATS_TEST_TMPDIR/events') -ge 3 ]"
		[ "$how" = env ] && kill $! && wait $! || true
	done
	oci kill "$ID" KILL
	wait $!
	jq -e .data.cpu "$BATS_TEST_TMPDIR/events" >/dev/null
	fails 1 oci events --stats "$ID"
	output_has 'container not running'
	fails 1 oci events --interval 0s "$ID"
	output_has interval
}
