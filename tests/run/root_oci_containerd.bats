#!/usr/bin/env bats
# containerd and its runc shim with coracle-oci as their runtime.

load helper
load machine

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	need containerd ctr containerd-shim-runc-v2 nsenter
	coracle_publish
	machine_up
	cat >"$BATS_FILE_TMPDIR/config.toml" <<-'END'
		version = 2
		root = "/run/containerd/root"
		state = "/run/containerd/state"
		disabled_plugins = ["io.containerd.grpc.v1.cri"]
		[grpc]
		address = "/run/containerd/socket"
	END
	mkdir "$PUB/runc" && ln -s ../bin/coracle-oci "$PUB/runc/runc"
	inside here env PATH="$PUB/runc:$PATH" containerd -c "$BATS_FILE_TMPDIR/config.toml" </dev/null >"$BATS_FILE_TMPDIR/log" 2>&1 &
	export DAEMON=$!
	wait_for 20 ctr_ version
	ctr_ image import --snapshotter native "$PUB/busybox.tar"
}

teardown_file() {
	[ -n "${HOLDER-}" ] || return 0
	kill "$DAEMON"
	wait "$DAEMON" || true
	ok machine_down
	output_is ''
}

ctr_() {
	inside here timeout 20 ctr -a /run/containerd/socket "$@"
}

# cr ARG...: ctr run, where no controller limits the cpu.
cr() {
	ctr_ run --snapshotter native --runc-binary "$PUB/bin/coracle-oci" --cpu-shares 0 "$@"
}

BB=docker.io/library/busybox:latest

# state_of_task NAME
state_of_task() {
	ctr_ task ls | awk -v n="$1" '$1 == n { print $3 }'
}

@test "run: streams, input, exit status, and what cannot be run" {
	ok cr --rm $BB one sh -c 'echo out; echo err >&2; cat /proc/self/cgroup'
	output_has '^out$'
	output_has '^err$'
	output_has '^0::/(default/one)?$'
	[ "$(echo typed | cr --rm $BB one head -n 1)" = typed ]
	fails 7 cr --rm $BB one sh -c 'exit 7'
	fails 1 cr --rm $BB one nosuchcommand
	output_has "run 'nosuchcommand': No such file or directory"
	fails 1 cr --rm --memory-limit 10000000 $BB one true
	output_has "controller 'memory'"
	ok ctr_ container ls -q
	output_is ''
	ok inside here find /run/containerd/runc /sys/fs/cgroup/default -mindepth 2 -type d
	output_is ''
}

@test "run -t: a terminal" {
	ok inside here expect -c 'set timeout 20; set stty_init "rows 31 cols 97"
		spawn -noecho ctr -a /run/containerd/socket run --rm -t --snapshotter native --cpu-shares 0 --runc-binary '"$PUB/bin/coracle-oci $BB"' one sh
		expect "# "; send "stty size; tty\r"; expect -re {31 97}; expect "/dev/pts/0"; send "echo a\$((2+3))b\r"; expect a5b
		send "exit\r"; expect eof'
	output_has a5b
}

@test "what a container may be given" {
	mkdir "$BATS_TEST_TMPDIR/d" && echo content >"$BATS_TEST_TMPDIR/d/f"
	ok cr --rm --env A=b --cwd /srv --read-only --cap-drop CAP_CHOWN --seccomp --device /dev/fuse --annotation x=y \
		--mount "type=bind,src=$BATS_TEST_TMPDIR/d,dst=/data,options=rbind:ro" $BB one sh -c \
		'echo $A $PWD; cat /data/f; touch /data/x || touch /x || echo refused; grep -E "^(CapEff|Seccomp|NoNewPrivs):" /proc/self/status
		head -c 0 /dev/fuse && echo opened; stat -c %F /dev/fuse'
	output_has '^b /srv$'
	output_has '^content$'
	output_has '^refused$'
	output_has '^opened$'
	output_has 'CapEff:.00000000a80425fa$'
	output_has 'Seccomp:.2$'
	output_has 'NoNewPrivs:.1$'
	ok cr --rm $BB one sh -c 'mknod /f c 10 229 && head -c 0 /f || echo refused'
	output_has '^refused$'
	ok cr --rm --privileged --allow-new-privs --net-host $BB one sh -c 'readlink /proc/self/ns/net; grep NoNewPrivs /proc/self/status; mount -t tmpfs none /srv && echo mounted'
	grep -qxF "$(inside here readlink /proc/self/ns/net)" <<<"$output"
	output_has 'NoNewPrivs:.0$'
	output_has '^mounted$'
	ok cr --rm --with-ns "uts:/proc/$HOLDER/ns/uts" $BB one readlink /proc/self/ns/uts
	output_is "$(inside here readlink /proc/self/ns/uts)"
	ok cr --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 $BB one sh -c 'id -u; tr -s " " </proc/self/uid_map'
	output_is $'0\n 0 100000 65536'
}

@test "a task: exec, ps, metrics, pause, kill, delete" {
	local pid
	ok cr -d --pid-file "$BATS_TEST_TMPDIR/pid" $BB two sh -c 'trap "exit 4" TERM; while :; do sleep 0.05; done'
	pid=$(cat "$BATS_TEST_TMPDIR/pid")
	ok inside here cat "/proc/$pid/cgroup"
	output_has '^0::/default/two$'
	[ "$(state_of_task two)" = RUNNING ]
	ok ctr_ task exec --exec-id e --cwd /srv --user 1000 two sh -c 'id -u; pwd; grep ^0:: /proc/self/cgroup'
	output_is $'1000\n/srv\n0::/default/two'
	fails 3 ctr_ task exec --exec-id e two sh -c 'exit 3'
	fails 1 ctr_ task exec --exec-id e two nosuchcommand
	output_has "run 'nosuchcommand': No such file or directory"
	[ "$(echo typed | ctr_ task exec --exec-id e two cat)" = typed ]
	ok ctr_ task exec -d --exec-id bg two sleep 1000
	ok ctr_ task ps two
	output_has "^$pid "
	[ "$(grep -cE '^[0-9]+ ' <<<"$output")" -ge 2 ]
	ok ctr_ task kill --exec-id bg -s KILL two
	ok ctr_ task metrics two
	output_has 'cpu.usage_usec'
	ok ctr_ task pause two
	[ "$(state_of_task two)" = PAUSED ]
	ok inside here cat /sys/fs/cgroup/default/two/cgroup.events
	output_has '^frozen 1$'
	fails 1 ctr_ task pause two
	ok ctr_ task resume two
	[ "$(state_of_task two)" = RUNNING ]
	# Where criu works it goes on all the same.
	if criu check >/dev/null 2>&1; then
		ok ctr_ task checkpoint two
	else
		fails 1 ctr_ task checkpoint two
		output_has 'criu'
	fi
	[ "$(state_of_task two)" = RUNNING ]
	ok ctr_ task kill two
	wait_for 5 is_stopped two
	ok ctr_ task delete two
	output_has 'exit code 4"'
	ok ctr_ container rm two
}

is_stopped() {
	[ "$(state_of_task "$1")" = STOPPED ]
}

@test "a task that is killed with all it started, and one that is deleted by force" {
	ok cr -d $BB three sh -c 'sleep 1000 & exec sleep 1000'
	ok ctr_ task kill -a -s KILL three
	wait_for 5 is_stopped three
	ok ctr_ task delete three
	output_has 'exit code 137"'
	ok ctr_ container rm three
	ok cr -d $BB four sleep 1000
	fails 1 ctr_ task delete four
	ok ctr_ task delete -f four
	ok ctr_ container rm four
	ok inside here find /sys/fs/cgroup/default -mindepth 1 -type d
	output_is ''
}

@test "under the name runc" {
	ctr_ container create --snapshotter native $BB five sleep 1000
	ok ctr_ task start -d five
	[ "$(state_of_task five)" = RUNNING ]
	ok inside here find /run/containerd/runc/default/five -name plan
	output_has plan
	ok ctr_ task delete -f five
	ok ctr_ container rm five
}
