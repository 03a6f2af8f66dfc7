#!/usr/bin/env bats
# coracle-oci exec: one more process, by runc's and crun's options.

load helper
load oci

setup_file() { oci_setup; }
setup() {
	oci_begin
	bundle '.process.args = ["sleep", "1000"] | .process.env += ["FROM=spec"]'
	started a
}
teardown() { oci_end; }

@test "exec: status, streams, the container's environment and namespaces" {
	fails 0 oci exec a true
	fails 3 oci exec a sh -c 'exit 3'
	fails 143 oci exec a sh -c 'kill $$'
	[ "$(echo in | oci exec a cat)" = in ]
	[ "$(oci exec a sh -c 'echo err >&2' 2>&1 >/dev/null)" = err ]
	ok oci exec a sh -c 'echo $FROM; cat /proc/1/cmdline | tr "\0" " "; pwd; id -u; ls /proc/self/fd'
	output_is $'spec\nsleep 1000 /\n0\n0\n1\n2\n3'
	head -c 2000000 /dev/urandom >big
	oci exec a cat <big | cmp - big
}

@test "exec: 255 when it cannot be started" {
	fails 255 oci exec a /no/such
	output_has "/no/such.*No such file or directory"
	fails 255 oci exec a nosuch
	output_has 'nosuch.*No such file or directory'
	fails 255 oci exec a /etc/passwd
	output_has 'Permission denied'
	fails 255 oci exec nobody true
	output_has "'nobody' does not exist"
	fails 255 oci exec a
	output_has 'COMMAND'
	oci kill a KILL
	ends a
	fails 255 oci exec a true
	output_has 'not running'
}

@test "exec into a created container" {
	script 'echo first'
	created b
	ok oci exec b cat /proc/1/comm
	output_lacks '^(sh|cat)$'
	ok oci start b
	ends b
	[ "$(cat b.log)" = first ]
}

@test "--cwd, --env" {
	ok oci exec --cwd /tmp --env FROM=option -e MORE='a b' a sh -c 'pwd; echo $FROM,$MORE'
	output_is $'/tmp\noption,a b'
	fails 255 oci exec --cwd /no/such a true
	output_has '/no/such'
}

@test "--cwd does not lead out of the container" {
	for d in /proc/self/fd/3 /proc/self/fd/9 /proc/1/cwd /proc/self/cwd/..; do
		capture oci exec --cwd "$d" a ls / 9</etc
		[ "$status" -eq 255 ] || output_has '^home$|^proc$'
		output_lacks 'boot|lib64'
	done
}

@test "--user, --additional-gids: as far as ids are mapped" {
	ok oci exec --user 0:0 a id
	output_has 'uid=0\(root\) gid=0\(root\)'
	fails 255 oci exec --user 1000 a id
	output_has '1000'
	fails 255 oci exec --user nonsense a id
	output_has -- '--user'
	fails 255 oci exec --user 0:x a id
	fails 255 oci exec -g x a id
	output_has -- '--additional-gids'
}

@test "--user, --additional-gids: with a range of ids" {
	own_ids || skip "no subordinate ids"
	local map="[{containerID: 0, hostID: $(id -u), size: 1}, {containerID: 1, hostID: $SUBUID, size: 2000}]"
	bundle ".process.args = [\"sleep\", \"1000\"] | .linux.uidMappings = $map |
		.linux.gidMappings = (${map/$(id -u)/$(id -g)} | .[1].hostID = $SUBGID)"
	started b
	ok oci exec --user 1000:1001 -g 5 --additional-gids 7 b id
	output_has 'uid=1000\(app\) gid=1001 groups=5,7,1001|uid=1000\(app\) gid=1001 groups=1001,5,7'
	ok oci exec --user 1000 b sh -c 'id -u; grep CapEff /proc/self/status'
	output_has '^1000$'
	output_has '0000000000000000'
}

@test "--cap: more than the container's" {
	ok oci exec a grep Cap /proc/self/status
	output_has 'CapEff:	0000000020000420'
	output_has 'CapBnd:	0000000020000420'
	ok oci exec --cap CAP_CHOWN -c CAP_SYS_CHROOT a grep Cap /proc/self/status
	output_has 'CapEff:	0000000020040421'
	output_has 'CapBnd:	0000000020040421'
	output_has 'CapPrm:	0000000020040421'
	output_has 'CapInh:	0000000000000000'
	fails 255 oci exec --cap CAP_NONSENSE a true
	output_has CAP_NONSENSE
	# It was not lasting.
	ok oci exec a grep CapBnd /proc/self/status
	output_has 0000000020000420
}

@test "--no-new-privs" {
	bundle '.process.args = ["sleep", "1000"] | .process.noNewPrivileges = false'
	started b
	ok oci exec b grep NoNewPrivs /proc/self/status
	output_has '0$'
	ok oci exec --no-new-privs b grep NoNewPrivs /proc/self/status
	output_has '1$'
}

@test "--process: a description instead of a command" {
	cat >p.json <<-'END'
	{"args": ["sh", "-c", "pwd; echo $A; umask; exit 5"], "cwd": "/tmp", "env": ["A=1", "PATH=/bin"],
	 "user": {"uid": 0, "gid": 0, "umask": 63}}
	END
	fails 5 oci exec --process p.json a
	output_is $'/tmp\n1\n0077'
	fails 5 oci exec -p p.json a
	echo '{"args": []}' >p.json
	fails 255 oci exec --process p.json a
	echo nonsense >p.json
	fails 255 oci exec --process p.json a
	output_has "p.json"
	fails 255 oci exec --process /no/such a
	output_has '/no/such'
}

@test "--apparmor, --process-label: refused where the kernel has none" {
	[ -d /sys/kernel/security/apparmor ] || fails 255 oci exec --apparmor some a true
	[ -d /sys/fs/selinux ] || fails 255 oci exec --process-label a:b:c:d a true
}

@test "--detach, --pid-file" {
	oci exec --detach --pid-file pid a sh -c 'echo $PPID; sleep 3' >out 2>&1 3>&- </dev/null
	[[ $(cat pid) =~ ^[0-9]+$ ]]
	runs "$(cat pid)"
	wait_for 5 test -s out
	[ "$(oci ps -f json a | jq "index($(cat pid))")" != null ]
	oci exec --pid-file pid2 a sh -c 'sleep 0.2'
	no runs "$(cat pid2)"
	[[ $(cat pid2) =~ ^[0-9]+$ ]]
}

@test "--pidfd-socket" {
	"$ROOT/tests/run/recvfd.py" sock >out 3>&- &
	wait_for 5 test -S sock
	oci exec -d --pid-file pid --pidfd-socket sock a sleep 0.3 </dev/null >/dev/null 2>&1 3>&-
	wait $!
	grep -q "^1 descriptor, process $(cat pid): " out
	grep -q "it has ended" out
}

@test "--tty with --console-socket" {
	"$ROOT/tests/run/recvfd.py" "$PWD/sock" 'stty rows 12 cols 34; stty size; exit 5
' >out 3>&- &
	wait_for 5 test -S sock
	oci exec -d --tty --console-socket "$PWD/sock" a sh </dev/null 3>&-
	wait $!
	grep -q '^1 descriptor, terminal: ' out
	grep -q '^12 34' out
	fails 255 oci exec -d -t a sh
	output_has -- '--console-socket'
	fails 255 oci exec -d -t --console-socket /no/such/sock a sh
	output_has '/no/such'
}

@test "--preserve-fds: those, and no more; they must be there" {
	echo three >f3
	echo four >f4
	[ "$(oci exec --preserve-fds 2 a sh -c 'cat <&3; cat <&4; ls /proc/self/fd' 3<f3 4<f4 5</etc/passwd | tr '\n' ' ')" = \
		"three four 0 1 2 3 4 5 " ]
	[ "$(oci exec a ls /proc/self/fd 3<f3 4<f4 | tr '\n' ' ')" = '0 1 2 3 ' ]
	status=0
	oci exec --preserve-fds 3 a true 3<f3 4<f4 5<&- 2>err || status=$?
	[ "$status" -eq 255 ]
	grep -q 'descriptor 5 is not open' err
	fails 255 oci exec --preserve-fds 65 a true
	output_has -- '--preserve-fds'
}

@test "signals are passed on" {
	behind out exec a sh -c 'trap "echo got; exit 6" TERM; echo up; while :; do sleep 0.05; done'
	wait_for 5 grep -q up out
	kill -TERM $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 6 ]
	grep -q got out
}

@test "what the init alone is given, others are not" {
	script 'env; sleep 1000'
	LISTEN_FDS=1 NOTIFY_SOCKET=/no/such/socket oci create -b "$B" b </dev/null >b.log 2>&1 3</etc/passwd
	oci start b 3>&- &
	wait_for 5 grep -q LISTEN_FDS=1 b.log
	grep -q NOTIFY_SOCKET=/run/notify b.log
	ok oci exec b env
	output_lacks 'LISTEN|NOTIFY'
	oci kill b KILL
	wait
}

@test "many at once" {
	for i in $(seq 30); do
		oci exec a sh -c "exit $i" 3>&- &
		pids[i]=$!
	done
	for i in $(seq 30); do
		status=0
		wait "${pids[i]}" || status=$?
		[ "$status" -eq "$i" ]
	done
}

@test "a container that ends takes its processes along" {
	behind out exec a sh -c 'echo up; sleep 1000'
	wait_for 5 grep -q up out
	oci kill a KILL
	status=0
	wait $! || status=$?
	[ "$status" -eq 137 ]
}

@test "--ignore-paused and --cgroup where there is no cgroup" {
	ok oci exec --ignore-paused a true
	fails 255 oci exec --cgroup /sub a true
	output_has -- '--cgroup'
}
