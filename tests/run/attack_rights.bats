#!/usr/bin/env bats
# RELIABILITY F: what a process may do, read from inside.

load helper

setup_file() {
	coracle_setup busybox
	export KERNEL=$BATS_FILE_TMPDIR/kernel
	${CC:-cc} -std=gnu17 -O1 -static -s -D_GNU_SOURCE -o "$KERNEL" "$ROOT/tests/run/kernel.c"
}
teardown_file() { coracle_teardown; }

# rights COMMAND...: inheritable, permitted, effective, bounding and ambient
# capabilities without leading zeros, in one line.
rights() {
	"$@" grep ^Cap /proc/self/status | awk '{ sub("^0+", "", $2); print $2 == "" ? 0 : $2 }' | xargs
}

all_rights() {
	printf '%x' $(((1 << ($(cat /proc/sys/kernel/cap_last_cap) + 1)) - 1))
}

# The table: options, and what must be seen.
table() {
	sed "s/ALL_RIGHTS/$(all_rights)/g" <<-'END'
	-u 0: 0 800405fb 800405fb 800405fb 0
	-u 1000: 0 0 0 800405fb 0
	-u app:extra: 0 0 0 800405fb 0
	-u 0 --cap-add SYS_TIME: 0 820405fb 820405fb 820405fb 0
	-u 1000 --cap-add SYS_TIME: 0 0 0 820405fb 0
	-u 0 --cap-drop CHOWN: 0 800405fa 800405fa 800405fa 0
	-u 1000 --cap-drop CHOWN: 0 0 0 800405fa 0
	-u 0 --cap-drop ALL: 0 0 0 0 0
	-u 1000 --cap-drop ALL: 0 0 0 0 0
	-u 0 --cap-drop ALL --cap-add KILL: 0 20 20 20 0
	-u 1000 --cap-drop ALL --cap-add KILL: 0 0 0 20 0
	-u 0 --privileged: 0 ALL_RIGHTS ALL_RIGHTS ALL_RIGHTS 0
	-u 1000 --privileged: 0 0 0 ALL_RIGHTS 0
	-u 1000 --init: 0 0 0 800405fb 0
	END
}

@test "F1, F5: capabilities of run and of exec" {
	local line options want
	while IFS= read -r line; do
		options=${line%%: *} want=${line#*: }
		# shellcheck disable=SC2086
		[ "$(rights bb $options busybox)" = "$want" ] || {
			echo "run $options: $(rights bb $options busybox), not $want"
			return 1
		}
		# shellcheck disable=SC2086
		coracle run -d --name rights --network none $options busybox sleep 1000 >/dev/null
		[ "$(rights coracle exec rights)" = "$want" ] || {
			echo "exec, $options: $(rights coracle exec rights), not $want"
			return 1
		}
		[ "$(rights coracle exec -u 4242 rights)" = "0 0 0 ${want#* * * }" ]
		coracle rm -f rights >/dev/null
	done < <(table)
}

# field: process.noNewPrivileges
@test "F5: no-new-privileges" {
	local out
	out=$(bb -u 1000 --security-opt no-new-privileges busybox sh -c 'grep NoNewPrivs /proc/self/status' | xargs)
	[ "$out" = "NoNewPrivs: 1" ]
}

@test "F2: a group that denies is not lost" {
	local command='umask; stat -c %g:%a /deny/f; cat /deny/f 2>/dev/null || echo denied'
	coracle volume create deny
	bb -v deny:/deny busybox sh -c 'echo read >/deny/f; chgrp 2000 /deny/f; chmod 604 /deny/f'
	ok bb -v deny:/deny -u 4242:2000 busybox sh -c "$command"
	output_has denied
	ok bb -v deny:/deny -u app busybox sh -c "$command"
	output_has denied
	ok bb -v deny:/deny -u 4242:4242 --group-add 2000 busybox sh -c "$command"
	output_has denied
	ok bb -v deny:/deny -u 4242:4242 busybox sh -c "$command"
	output_has '^read$'
	coracle run -d --name deny --network none -v deny:/deny busybox sleep 1000
	ok coracle exec -u app deny sh -c "$command"
	output_has denied
	ok coracle exec -u 4242:2000 deny sh -c "$command; id -G"
	output_has denied
	output_has '^2000$'
	coracle rm -f deny
}

@test "F3: what cannot be had is an error" {
	printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["nonsense' >"$BATS_TEST_TMPDIR/bad"
	fails 125 bb --security-opt "seccomp=$BATS_TEST_TMPDIR/bad" busybox true
	fails 125 bb --security-opt seccomp=/no/such/profile busybox true
	fails 125 bb --security-opt apparmor=no-such-profile busybox true
	fails 125 bb --security-opt label=type:no_such_t busybox true
	fails 125 bb --cap-add NO_SUCH busybox true
}

@test "F5: exec --privileged gives what the container may have at most" {
	coracle run -d --name more --network none busybox sleep 1000
	ok coracle exec --privileged more grep CapAmb /proc/self/status
	output_has '0000000000000000$'
	coracle rm -f more
}

@test "F2: where groups cannot be set at all, nested in a single id, containers start" {
	local tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/{bin,proc,sys,dev,etc}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	cat >"$BATS_TEST_TMPDIR/nested" <<-'END'
	mount -t tmpfs none "$XDG_DATA_HOME" && cd / || exit 9
	coracle run -d --name n --network none --rootfs "$1" /bin/busybox sleep 1000 >/dev/null &&
		coracle exec n /bin/busybox id -u && coracle rm -f n
	END
	ok unshare -Urmpf --mount-proc sh "$BATS_TEST_TMPDIR/nested" "$tree"
	output_is $'0\nn'
}

@test "F6: a map without the caller, with each snapshotter, a network, exec" {
	local s
	for s in overlay native; do
		coracle run -d --name nomap --snapshotter $s --userns nomap busybox sleep 1000
		ok coracle exec nomap sh -c 'id -u; touch /x /root/x; stat -c %u / /x /home/app/own; cat /etc/hostname'
		[ "$(head -n 4 <<<"$output" | xargs)" = "0 0 0 1000" ]
		no awk -v me="$(id -u)" '$2 == me { found = 1 } END { exit !found }' \
			"/proc/$(coracle inspect --format '{{.State.Pid}}' nomap)/uid_map"
		coracle stop -t 0 nomap
		coracle start nomap
		ok coracle exec nomap ls /x
		coracle rm -f nomap
	done
	if command -v fuse-overlayfs >/dev/null; then
		fails 125 bb --snapshotter fuse-overlayfs --userns nomap busybox true
		output_has 'our own ids'
	fi
}

# kernel MODE...: OPTIONS are those of the container
kernel() {
	# shellcheck disable=SC2086
	bb -v "$KERNEL:/kernel:ro" $OPTIONS busybox /kernel "$@"
}

@test "F4: sockets of the ciphers and of virtual machines are not to be had, by any ABI" {
	local f
	OPTIONS=
	[ "$(kernel families | grep -xE '38|40')" = "" ]
	# The usual ones are.
	[ "$(kernel families | grep -xE '1|2|10|16' | xargs)" = "1 2 10 16" ]
	for f in 38 40; do
		[[ "$(kernel int80 $f)" =~ ^E ]]
		[[ "$(kernel x32 $f || true)" != *done* ]]
	done
	OPTIONS="--security-opt seccomp=unconfined"
	[ "$(kernel int80 1)" != EPERM ]
}

@test "F4: what no container needs of the kernel is refused, and is there without the filter" {
	local call how
	OPTIONS=
	while read -r call how; do
		[ "$how" = EPERM ] || {
			echo "$call: $how"
			return 1
		}
	done < <(kernel calls)
	OPTIONS="--security-opt seccomp=unconfined"
	[ "$(kernel calls | grep -vc EPERM)" -gt 20 ]
}
