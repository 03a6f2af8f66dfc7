#!/usr/bin/env bats
# podman with coracle-oci as its runtime where there is cgroup v2: as root, and as an ordinary
# user who owns a cgroup.

load helper
load machine
load podman

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	need podman conmon iptables runuser nsenter
	coracle_publish
	machine_up
	export CONTAINERS_CONF=$PUB/containers.conf CONTAINERS_STORAGE_CONF=$BATS_FILE_TMPDIR/storage.conf
	# Root of a machine of this kind may not raise its limits.
	BIN=$PUB/bin podman_conf 'pids_limit = 0' 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]' \
		>"$CONTAINERS_CONF"
	printf '[storage]\ndriver = "overlay"\ngraphroot = "/run/graph"\nrunroot = "/run/containers"\n' \
		>"$CONTAINERS_STORAGE_CONF"
	podman load -q -i "$PUB/busybox.tar"
	AS=user podman load -q -i "$PUB/busybox.tar"
}

teardown_file() {
	[ -n "${HOLDER-}" ] || return 0
	podman rm -f -a -t 0
	AS=user podman rm -f -a -t 0
	ok inside here find /run/coracle-oci /run/user1/coracle-oci -mindepth 1
	output_is ''
	ok machine_down
	output_lacks 'libpod-|coracle-'
}

teardown() {
	AS=user podman rm -f -a -t 0 >/dev/null
	AS=root podman rm -f -a -t 0 >/dev/null
}

# podman ARG...: of root, or of the ordinary user when AS is user.
podman() {
	if [ "${AS-}" = user ]; then
		as_user1 podman "$@"
	else
		inside here podman "$@"
	fi
}


# in_cgroup PATTERN: the container "a" is in such a one, and only that.
in_cgroup() {
	local pid
	pid=$(of a '{{.State.Pid}}')
	ok inside here cat "/proc/$pid/cgroup"
	output_has "^0::$1\$"
	ok inside here cat "/sys/fs/cgroup$(sed -n 's/^0:://p' <<<"$output")/cgroup.procs"
	output_has "^$pid\$"
	ok podman exec a cat /proc/self/cgroup
	output_has '^0::/$'
}

@test "root: a container has the cgroup that podman names" {
	ok podman info --format '{{.Host.CgroupsVersion}} {{.Host.OCIRuntime.Path}}'
	output_is "v2 $PUB/bin/coracle-oci"
	podman run -d --name a busybox sleep 1000
	in_cgroup "/libpod_parent/libpod-$(of a '{{.Id}}')"
	ok podman exec a sh -c 'cat /proc/self/uid_map; grep CapEff /proc/self/status'
	output_has '4294967295'
	podman rm -f -t 0 a
	podman run -d --name a --cgroup-parent /other busybox sleep 1000
	in_cgroup "/other/libpod-$(of a '{{.Id}}')"
	podman rm -f -t 0 a
	ok inside here find /sys/fs/cgroup -name 'libpod-*'
	output_is ''
}

@test "user: a container has its cgroup" {
	AS=user
	ok podman info --format '{{.Host.CgroupsVersion}} {{.Host.OCIRuntime.Path}}'
	output_is "v2 $PUB/bin/coracle-oci"
	podman run -d --name a busybox sleep 1000
	in_cgroup "/user/.*$(of a '{{.Id}}')"
	podman rm -f -t 0 a
	ok inside here find /sys/fs/cgroup/user -mindepth 1 -type d
	output_is /sys/fs/cgroup/user/here
}

# What needs a cgroup, whoever asks.
life_in_a_cgroup() {
	local group
	podman run -d --name a busybox sh -c 'sleep 1000 & exec sleep 1000'
	group=$(inside here sed -n 's/^0:://p' "/proc/$(of a '{{.State.Pid}}')/cgroup")
	ok podman top a -o pid,comm
	output_has sleep
	ok podman pause a
	ok of a '{{.State.Status}}'
	output_is paused
	ok inside here cat "/sys/fs/cgroup$group/cgroup.events"
	output_has '^frozen 1$'
	fails 125 podman pause a
	fails 255 podman exec a true
	output_has 'not running|paused|improper'
	ok podman unpause a
	ok of a '{{.State.Status}}'
	output_is running
	ok podman exec a true
	capture podman stats --no-stream --format '{{.Name}} {{.UpTime}}' a
	output_has '^a [0-9.]+m?s'
	podman pause a
	ok podman rm -f -t 0 a
	podman run -d --name a busybox sleep 1000
	podman run -d --name b --pid container:a busybox sleep 1000
	ok podman exec b ps -o args
	output_has '^sleep 1000'
	ok podman kill b
	ok podman wait b
	output_is 137
	ok of a '{{.State.Running}}'
	output_is true
	podman rm -f -t 0 b
	podman rm -f -t 0 a
}

@test "root: pause, unpause, stats, top, kill" { life_in_a_cgroup; }
@test "user: pause, unpause, stats, top, kill" { AS=user life_in_a_cgroup; }

@test "limits of controllers that are missing are refused, not forgotten" {
	local who
	for who in root user; do
		AS=$who
		podman run -d --name a busybox sleep 1000
		fails 125 podman update --cpus 1 a
		output_has "cpu limit: controller 'cpu'"
		podman rm -f -t 0 a
	done
	fails 126 podman run --rm --pids-limit 10 busybox true
	output_has "controller 'pids'"
}

@test "root: devices are nodes of their own, and only those of the rules open" {
	ok podman run --rm --device /dev/fuse busybox sh -c 'stat -c "%F %t %T" /dev/fuse; grep " /dev/fuse " /proc/self/mounts || echo node; head -c 0 /dev/fuse && echo opened'
	output_is $'character special file a e5\nnode\nopened'
	ok podman run --rm busybox sh -c 'mknod /f c 10 229 && head -c 0 /f || echo refused'
	output_has '^refused$'
	output_has 'Operation not permitted'
	ok podman run --rm --device-cgroup-rule 'c 10:229 r' busybox sh -c 'mknod /f c 10 229 && head -c 0 /f && echo read; (: >/f) || echo refused'
	output_has '^read$'
	output_has '^refused$'
	ok podman run --rm --device /dev/zero:/dev/nought:r busybox sh -c 'head -c 3 /dev/nought | wc -c; (: >/dev/nought) 2>&1'
	output_has '^3$'
	ok podman run --rm --privileged busybox sh -c 'mknod /f c 10 229 && head -c 0 /f && mount -t tmpfs none /srv && echo all; readlink /dev/ptmx'
	output_is $'all\npts/ptmx'
}

@test "root: the namespaces of a user" {
	ok podman run --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 busybox sh -c 'id -u; tr -s " " </proc/self/uid_map; stat -c %u /srv; mknod /f c 1 3 || echo refused'
	output_has '^ 0 100000 65536$'
	output_has '^refused$'
	[ "$(head -n 1 <<<"$output")" = 0 ]
}

@test "root: capabilities, seccomp, sysctls, users, a terminal, exit status" {
	ok podman run --rm -t --cap-drop all --security-opt no-new-privileges --read-only --sysctl net.ipv4.ip_forward=1 -u app busybox sh -c \
		'id -u; grep -cE "^Cap...:.0*$|^NoNewPrivs:.1|^Seccomp:.2" /proc/self/status; cat /proc/sys/net/ipv4/ip_forward; tty; touch /x || echo refused'
	output_is $'1000\r\n7\r\n1\r\n/dev/pts/0\r\ntouch: /x: Read-only file system\r\nrefused\r'
	fails 127 podman run --rm busybox nosuchcommand
	fails 126 podman run --rm busybox /srv/noexec
	fails 5 podman run --rm busybox sh -c 'exit 5'
	ok podman run --rm --oom-score-adj 5 --init busybox sh -c 'cat /proc/self/oom_score_adj; cat /proc/1/comm'
	output_has '^5$'
}

@test "root: a bridge of netavark, and what it serves" {
	podman run -d --name web --network bridge -p 8088:80 busybox httpd -f -h /srv
	wait_for 5 inside here curl -sf "http://$(of web '{{.NetworkSettings.IPAddress}}')/"
	ok podman run --rm --network bridge busybox wget -q -O - "http://$(of web '{{.NetworkSettings.IPAddress}}')/"
	output_is hello
	ok podman run --rm --network container:web busybox wget -q -O - http://127.0.0.1/
	output_is hello
	podman rm -f -t 0 web
}

@test "root: a pod, volumes, secrets, a health check, build" {
	podman pod create --name pod --share net,ipc,uts,pid --network none
	podman run -d --pod pod --name p1 -v vol:/v busybox sh -c 'echo kept >/v/f; exec httpd -f -h /srv -p 8080'
	podman run -d --pod pod --name p2 --health-cmd 'wget -q -O - http://127.0.0.1:8080/' --health-interval disable busybox sleep 1000
	wait_for 5 podman healthcheck run p2
	ok podman exec p2 ps -o args
	output_has '^httpd'
	podman pod rm -f -t 0 pod
	echo -n hidden | inside here podman secret create word -
	ok podman run --rm -v vol:/v:ro --secret word busybox sh -c 'cat /v/f /run/secrets/word'
	output_is $'kept\nhidden'
	printf 'FROM localhost/busybox\nRUN echo built >/made && mknod /n c 1 3\n' >"$BATS_TEST_TMPDIR/Containerfile"
	ok podman build -q -t built "$BATS_TEST_TMPDIR"
	ok podman run --rm built cat /made
	output_is built
}

# count_of NAME: the number that its program counts up.
count_of() { inside here tail -n 1 "$(of "$1" '{{.State.Pid}}' | sed 's|.*|/proc/&/root/n|')"; }
count_is_beyond() { [ "$(count_of "$1")" -gt "$2" ]; }

@test "root: checkpoint and restore" {
	local count='i=0; while :; do i=$((i + 1)); echo $i >>/n; sleep 0.1; done' before
	need criu
	criu check >/dev/null 2>&1 || skip "criu does not know this kernel"
	podman run -d --name a -v vol:/v busybox sh -c "$count"
	wait_for 5 count_is_beyond a 3
	before=$(count_of a)
	ok podman container checkpoint a
	ok of a '{{.State.Status}}'
	output_is exited
	ok podman container restore a
	ok of a '{{.State.Status}}'
	output_is running
	wait_for 5 count_is_beyond a "$before"
	ok podman exec a sh -c 'echo kept >/v/f; cat /v/f'
	output_is kept
	before=$(count_of a)
	ok podman container checkpoint --ignore-volumes -e /run/saved.tar a
	podman rm -f a
	ok podman container restore --ignore-volumes -i /run/saved.tar -n b
	wait_for 5 count_is_beyond b "$before"
	podman rm -f -t 0 b
	inside here rm /run/saved.tar
}
