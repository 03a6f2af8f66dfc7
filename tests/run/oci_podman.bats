#!/usr/bin/env bats
# podman with coracle-oci as its runtime, as an ordinary user.

load helper
load podman

setup_file() {
	need podman conmon jq
	coracle_setup
	podman_setup
}

teardown_file() {
	podman_teardown
}

@test "podman knows its runtime" {
	ok podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}} {{.Host.OCIRuntime.Version}}'
	output_has "^coracle-oci $BIN/coracle-oci coracle-oci version "
	podman --runtime "$BIN/coracle-oci" create --name known busybox true
	ok of known '{{.OCIRuntime}} {{.State.Status}}'
	output_is "$BIN/coracle-oci created"
	ok podman start -a known
	ok of known '{{.State.Status}} {{.State.ExitCode}}'
	output_is 'exited 0'
	ok podman rm known
	ok pr --cgroups disabled busybox true
}

# --- run ---

@test "run: streams, input and exit status" {
	ok podman run --rm busybox sh -c 'echo out; echo err >&2'
	output_is $'out\nerr'
	[ "$(pr busybox sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
	[ "$(echo typed | pr -i busybox cat)" = typed ]
	fails 7 pr busybox sh -c 'exit 7'
	fails 137 pr busybox sh -c 'sh -c "kill -9 \$\$"; exit $?'
}

@test "run: 125 for what cannot be made, 126 and 127 for what cannot be run" {
	fails 127 pr busybox /no/such/file
	output_has 'No such file or directory'
	fails 127 pr busybox nosuchcommand
	output_has 'No such file or directory'
	fails 126 pr busybox /srv/noshell
	output_has 'No such file or directory'
	fails 126 pr busybox /srv/noexec
	output_has 'Permission denied'
	fails 126 pr busybox /srv
	fails 125 pr --sysctl kernel.nonsense=1 busybox true
	output_has 'kernel.nonsense'
	fails 125 pr --security-opt seccomp="$BATS_TEST_TMPDIR/none" busybox true
}

@test "run -t: a terminal, with conmon at its other end" {
	ok pr -t busybox sh -c 'tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; stat -c %u:%G "$(tty)"'
	output_is $'/dev/pts/0\r\nall\r\n0:UNKNOWN\r'
	fails 3 pr -t busybox sh -c 'exit 3'
	ok pr -t -u app busybox sh -c 'echo opened >/dev/tty'
	output_is $'opened\r'
}

@test "run -it: typed words and the size of our window" {
	ok expect -c 'set timeout 20; spawn -noecho sh -c "stty rows 31 cols 97; exec podman run --rm -it busybox sh"
		expect "# "; send "stty size; tr a-z A-Z\r"; expect -re {31 97}; send "shout\r"; expect SHOUT
		send "\003"; expect "# "; send "exit 9\r"; expect eof; exit [lindex [wait] 3]' || [ "$status" -eq 9 ]
	output_has SHOUT
	[ "$status" -eq 9 ]
}

@test "a life: created, running, stopped, started again, removed" {
	ok podman create --name life busybox sh -c 'trap "exit 5" TERM; echo up; while :; do sleep 0.05; done'
	ok podman init life
	ok of life '{{.State.Status}}'
	output_is initialized
	ok podman start life
	wait_for 5 says '^up$' podman logs life
	ok podman ps --filter name=life --format '{{.Names}} {{.State}}'
	output_has '^life Up '
	ok podman stop life
	ok podman wait life
	output_is 5
	ok podman restart life
	ok of life '{{.State.Running}}'
	output_is true
	podman exec life kill -KILL 1 || true
	ok podman kill life
	ok podman wait life
	output_is 137
	ok podman rm life
	ok podman create --name life busybox true
	ok podman init life
	ok podman rm life
	fails 1 podman container exists life
}

@test "stop: KILL for what does not listen, and the image's own signal" {
	podman run -d --name deaf busybox sh -c 'trap "" TERM; sleep 1000'
	ok podman stop -t 0 deaf
	ok podman wait deaf
	output_is 137
	podman run -d --name usr --stop-signal USR1 busybox sh -c 'trap "exit 4" USR1; echo up; while :; do sleep 0.05; done'
	wait_for 5 says '^up$' podman logs usr
	ok podman stop usr
	ok podman wait usr
	output_is 4
	ok podman rm deaf usr
}

@test "kill: signals by name and number; refused for one that is over" {
	podman run -d --name sig busybox sh -c 'trap "echo got1" USR1; trap "echo got2" USR2; echo up; while :; do sleep 0.05; done'
	wait_for 5 says '^up$' podman logs sig
	ok podman kill -s USR1 sig
	ok podman kill -s 12 sig
	wait_for 5 says '^got1$' podman logs sig
	wait_for 5 says '^got2$' podman logs sig
	ok podman rm -f -t 0 sig
	podman run --name over busybox true
	fails 125 podman kill over
	output_has 'can only kill running containers'
	ok podman rm over
}

@test "logs, attach, and a container that is removed at its end" {
	podman run -d --name talk busybox sh -c 'echo one; echo two >&2; read x; echo "read $x"'
	ok podman wait talk
	ok podman logs talk
	output_has '^one$'
	output_has '^two$'
	output_has '^read $'
	[ "$(podman logs talk 2>/dev/null)" = $'one\nread ' ]
	podman create -i --name listen busybox sh -c 'read x; echo "read $x"'
	[ "$(echo words | podman start -a -i listen)" = 'read words' ]
	podman run -d --rm --name brief busybox sleep 0.2
	wait_for 10 not podman container exists brief
	ok podman rm talk listen
}

# --- exec ---

@test "exec: user, environment, directory, input, exit status" {
	podman run -d --name ex busybox sleep 1000
	ok podman exec ex id
	output_has '^uid=0\(root\) gid=0\(root\)'
	ok podman exec -u app ex sh -c 'id; echo $HOME; grep -E "^(CapEff|Groups)" /proc/self/status'
	output_has '^uid=1000\(app\) gid=1000\(app\) groups=.*2000\(extra\)'
	output_has '^/home/app$'
	output_has 'CapEff:.0000000000000000$'
	ok podman exec -u 5:6 -e A=1 -w /srv ex sh -c 'id -u; id -g; echo $A; pwd'
	output_is $'5\n6\n1\n/srv'
	[ "$(echo typed | podman exec -i ex cat)" = typed ]
	fails 7 podman exec ex sh -c 'exit 7'
	fails 137 podman exec ex sh -c 'kill -9 $$'
	fails 127 podman exec ex nosuchcommand
	fails 126 podman exec ex /srv/noexec
	fails 127 podman exec -w /no/such/dir ex true
	ok podman exec ex cat /proc/1/comm
	output_is sleep
	podman exec -d ex touch /srv/done
	wait_for 5 podman exec ex test -e /srv/done
	ok podman exec -t ex tty
	output_is $'/dev/pts/0\r'
	ok podman exec --privileged ex grep CapEff /proc/self/status
	output_lacks 'CapEff:.000000'
	podman stop -t 0 ex
	fails 255 podman exec ex true
	output_has 'container state improper'
	ok podman rm ex
}

@test "exec: descriptors beyond the standard ones are passed" {
	podman run -d --name fds busybox sleep 1000
	ok bash -c 'podman exec --preserve-fds 1 fds cat /proc/self/fd/3 3<<<passed'
	output_is passed
	ok podman rm -f -t 0 fds
	[ "$(pr --preserve-fds 2 busybox sh -c 'cat <&3; cat <&4; ls /proc/self/fd | wc -l' 3<<<three 4<<<four)" = \
		$'three\nfour\n6' ]
}

@test "health checks" {
	podman run -d --name well --health-cmd 'test -e /ok' --health-interval disable busybox sleep 1000
	fails 1 podman healthcheck run well
	podman exec well touch /ok
	ok podman healthcheck run well
	ok of well '{{.State.Health.Status}}'
	output_is healthy
	ok podman rm -f -t 0 well
}

# --- what the container is ---

@test "users: by name, by number, with groups, and umask" {
	ok pr -u app --group-add 77 busybox sh -c 'id -u; id -G; grep CapEff /proc/self/status; umask'
	output_has '^1000$'
	output_has '^1000 (2000 77|77 2000)$'
	output_has 'CapEff:.0000000000000000$'
	output_has '^0022$'
	ok pr -u 5:6 --umask 0077 -e A=b -w /srv --hostname box busybox sh -c 'id -u; id -G; umask; echo $A; pwd; hostname'
	output_is $'5\n6\n0077\nb\n/srv\nbox'
}

@test "ids: keep-id, nomap, own maps, auto" {
	ok pr --userns keep-id busybox sh -c 'id -u; stat -c %u /srv; cat /proc/self/uid_map'
	[ "$(sed -n 1p <<<"$output")" = "$(id -u)" ]
	[ "$(sed -n 2p <<<"$output")" = 0 ]
	ok pr --userns keep-id -u 0 busybox id -u
	output_is 0
	ok pr --uidmap 0:1:1000 --gidmap 0:1:1000 --uidmap 1000:0:1 --gidmap 1000:0:1 busybox sh -c \
		'id -u; tr -s " " </proc/self/uid_map; touch /x && stat -c %u /x'
	output_is $'0\n 0 1 1000\n 1000 0 1\n0'
	ok pr --userns auto busybox sh -c 'id -u; tr -s " " </proc/self/uid_map'
	output_has '^0$'
	output_has '^ 0 [0-9]+ (1024|65536)$'
}

@test "volumes: named, bound, tmpfs, read-only, owned" {
	local d=$BATS_TEST_TMPDIR/bound
	mkdir "$d" && echo content >"$d/file"
	ok pr -v kept:/data busybox sh -c 'cat /data/seed; echo more >/data/more'
	output_is filled
	ok pr -v kept:/other:ro busybox sh -c 'cat /other/more; echo x >/other/more || echo refused'
	output_has '^more$'
	output_has '^refused$'
	ok pr -v "$d:/b" busybox sh -c 'cat /b/file; echo new >/b/new'
	output_is content
	[ "$(cat "$d/new")" = new ] && [ -O "$d/new" ]
	ok pr -v "$d/file:/etc/file:ro" busybox sh -c 'cat /etc/file; echo x >/etc/file || echo refused'
	output_has '^refused$'
	ok pr -v "$d:/b:U,noexec,nosuid" -u app busybox sh -c 'stat -c %u /b /b/file; grep " /b " /proc/self/mounts'
	output_has '^1000$'
	output_has 'nosuid.*noexec'
	ok pr --userns keep-id -v "$d:/b" busybox stat -c %u /b
	podman unshare chown -R 0:0 "$d"
	ok pr --tmpfs /t:size=64k,mode=1770 --mount type=tmpfs,destination=/u,ro busybox sh -c \
		'stat -c %a /t; df -k /t | tail -n 1; grep " /u " /proc/self/mounts; ls -A /t'
	output_has '^1770$'
	output_has ' 64 '
	output_has '^tmpfs /u tmpfs ro,'
	ok pr --mount "type=bind,src=$d,dst=/b,ro=true" busybox sh -c 'cat /b/file; touch /b/x || echo refused'
	output_has '^content$'
	output_has '^refused$'
	ok pr -v "$d:/b:O" busybox sh -c 'rm /b/file && echo over >/b/upper && ls /b'
	output_has upper
	[ -e "$d/file" ] && [ ! -e "$d/upper" ]
	podman volume rm kept
}

@test "volumes: a mount outside reaches only who asked for it" {
	ok podman unshare sh -c "mkdir $BATS_TEST_TMPDIR/m && mount --bind $BATS_TEST_TMPDIR/m $BATS_TEST_TMPDIR/m &&
		mount --make-shared $BATS_TEST_TMPDIR/m && mkdir $BATS_TEST_TMPDIR/m/sub &&
		podman run -d --name slave -v $BATS_TEST_TMPDIR/m:/m:rslave busybox sleep 1000 &&
		podman run -d --name priv -v $BATS_TEST_TMPDIR/m:/m busybox sleep 1000 &&
		mount -t tmpfs later $BATS_TEST_TMPDIR/m/sub &&
		podman exec slave grep -c '^later /m/sub' /proc/mounts
		podman exec priv grep -c '^later /m/sub' /proc/mounts; umount $BATS_TEST_TMPDIR/m/sub; umount $BATS_TEST_TMPDIR/m"
	[ "$(tail -n 2 <<<"$output")" = $'1\n0' ]
	podman rm -f -t 0 slave priv
}

@test "a read-only root, with what podman lays over it" {
	ok pr --read-only busybox sh -c 'touch /x || echo refused; touch /tmp/x /run/x /dev/shm/x && echo written'
	output_has '^refused$'
	output_has '^written$'
	ok pr --read-only --read-only-tmpfs=false busybox sh -c 'touch /tmp/x || echo refused'
	output_has '^refused$'
}

@test "capabilities" {
	ok pr --cap-drop all busybox grep ^Cap /proc/self/status
	[ "$(grep -c ':.0000000000000000$' <<<"$output")" -eq 5 ]
	ok pr --cap-drop all --cap-add chown busybox grep ^CapPrm /proc/self/status
	output_has ':.0000000000000001$'
	ok pr --cap-add net_admin busybox sh -c 'ip link add d0 type dummy 2>&1; ip link set lo mtu 1400 && echo set'
	output_has '^set$'
	ok pr busybox sh -c 'ip link set lo mtu 1400 || echo refused'
	output_has '^refused$'
	ok pr -u app --cap-add chown busybox sh -c 'grep -E "^Cap(Eff|Amb)" /proc/self/status; chown 0 /home/app/own && echo owned'
	output_has '^owned$'
	ok pr --privileged busybox sh -c 'grep CapEff /proc/self/status; mount -t tmpfs none /mnt 2>/dev/null || mkdir /m && mount -t tmpfs none /m && echo mounted; ls /dev | wc -l'
	output_has '^mounted$'
	output_lacks 'CapEff:.00000000'
}

@test "seccomp, no-new-privileges, masked paths" {
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' \
		>"$BATS_TEST_TMPDIR/s.json"
	ok pr --security-opt seccomp="$BATS_TEST_TMPDIR/s.json" busybox sh -c 'mkdir /d; grep Seccomp: /proc/self/status'
	output_has 'No space left'
	output_has 'Seccomp:.2$'
	ok pr --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status
	output_has 'Seccomp:.0$'
	ok pr busybox sh -c 'unshare -m true || echo refused; grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status'
	output_has '^refused$'
	output_has 'Seccomp:.2$'
	output_has 'NoNewPrivs:.0$'
	ok pr --security-opt no-new-privileges busybox grep NoNewPrivs: /proc/self/status
	output_has 'NoNewPrivs:.1$'
	ok pr --security-opt mask=/srv:/etc/passwd busybox sh -c 'ls -A /srv; cat /etc/passwd'
	output_is ''
	ok pr busybox sh -c 'head -c 1 /proc/timer_list | wc -c; echo 1 >/proc/sys/kernel/shm_rmid_forced || echo refused'
	output_has '^0$'
	output_has 'Read-only file system'
	output_has '^refused$'
	ok pr --security-opt unmask=ALL busybox sh -c 'grep -c " /proc/" /proc/self/mounts || true'
	output_is 0
}

@test "limits of processes, sysctls, score" {
	ok pr --ulimit nofile=123:456 --ulimit core=0 busybox sh -c 'ulimit -n; ulimit -Hn; ulimit -c'
	output_is $'123\n456\n0'
	ok pr --sysctl net.ipv4.ip_unprivileged_port_start=42 --sysctl kernel.shm_rmid_forced=1 busybox sh -c \
		'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced'
	output_is $'42\n1'
	ok pr --oom-score-adj 777 busybox cat /proc/self/oom_score_adj
	output_is 777
	ok pr --shm-size 1m busybox sh -c 'df -k /dev/shm | tail -n 1'
	output_has ' 1024 '
}

@test "--init, and devices" {
	ok pr --init busybox sh -c 'cat /proc/1/comm; echo $$'
	output_has 'catatonit|podman-init'
	fails 4 pr --init busybox sh -c 'exit 4'
	ok pr --device /dev/fuse busybox stat -c '%F %t %T' /dev/fuse
	output_is 'character special file a e5'
	ok pr --device /dev/zero:/dev/nought busybox sh -c 'head -c 5 /dev/nought | wc -c'
	output_is 5
	ok pr busybox sh -c 'ls /dev/fuse || echo none; echo >/dev/null && head -c 3 /dev/urandom | wc -c'
	output_has '^none$'
	output_has '^3$'
	fails 125 pr --device /no/such/device busybox true
}

# --- namespaces of others ---

@test "pid, ipc, uts, net and user namespaces of the host and of containers" {
	local m
	m=$(mark)
	podman run -d --name first --ipc shareable busybox sleep "$m"
	ok pr --pid container:first busybox ps -o pid,args
	output_has "^ *1 sleep $m"
	ok pr --pid host busybox sh -c 'readlink /proc/self/ns/pid'
	output_is "$(readlink /proc/self/ns/pid)"
	podman exec first touch /dev/shm/shared
	ok pr --ipc container:first busybox ls /dev/shm/shared
	ok pr --uts container:first busybox hostname
	output_is "$(podman exec first hostname)"
	ok pr --network container:first busybox readlink /proc/self/ns/net
	output_is "$(podman exec first readlink /proc/self/ns/net)"
	ok pr --network host --uts host busybox sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/uts'
	output_is "$(readlink /proc/self/ns/net /proc/self/ns/uts)"
	podman rm -f -t 0 first
}

@test "containers that share another's user namespace" {
	podman run -d --name mapped --userns keep-id busybox sleep 1000
	ok pr --userns container:mapped --network container:mapped --pid container:mapped busybox sh -c \
		'readlink /proc/self/ns/user; readlink /proc/self/ns/net; cat /proc/1/comm'
	output_is "$(podman exec mapped sh -c 'readlink /proc/self/ns/user; readlink /proc/self/ns/net')
sleep"
	podman rm -f -t 0 mapped
}

@test "slirp4netns: a network, and a port on the host" {
	local port
	port=$(free_port)
	podman run -d --name net --network slirp4netns -p "127.0.0.1:$port:80" busybox httpd -f -h /srv
	wait_for 10 curl -sf "http://127.0.0.1:$port/"
	[ "$(curl -s "http://127.0.0.1:$port/")" = hello ]
	ok podman exec net ip -o addr show dev tap0
	output_has 'inet 10\.0\.2\.'
	ok podman exec net cat /etc/resolv.conf
	output_has '^nameserver '
	podman rm -f -t 0 net
}

@test "a pod: containers that share namespaces" {
	podman pod create --name pod --share net,ipc,uts,pid --hostname podbox --userns keep-id
	podman run -d --pod pod --name p1 busybox sh -c 'touch /dev/shm/here; httpd -f -h /srv -p 8080'
	podman run -d --pod pod --name p2 busybox sleep 1000
	ok podman exec p2 hostname
	output_is podbox
	wait_for 5 podman exec p2 wget -q -O - http://127.0.0.1:8080/
	ok podman exec p2 ls /dev/shm
	output_is here
	ok podman exec p2 ps -o args
	output_has '^httpd'
	output_has '^sleep 1000'
	podman pod stop -t 0 pod
	ok podman pod ps --format '{{.Name}} {{.Status}}'
	output_is 'pod Exited'
	podman pod start pod
	ok podman exec p2 hostname
	podman pod rm -f -t 0 pod
}

@test "play kube: a simple pod" {
	cat >"$BATS_TEST_TMPDIR/pod.yml" <<-'END'
		apiVersion: v1
		kind: Pod
		metadata:
		  name: kube
		spec:
		  restartPolicy: Never
		  containers:
		  - name: web
		    image: localhost/busybox:latest
		    command: ["httpd", "-f", "-h", "/srv", "-p", "8080"]
		    securityContext:
		      runAsUser: 1000
		      readOnlyRootFilesystem: true
		    env:
		    - name: GREETING
		      value: hallo
		  - name: side
		    image: localhost/busybox:latest
		    command: ["sleep", "1000"]
	END
	ok podman play kube --network none "$BATS_TEST_TMPDIR/pod.yml"
	wait_for 5 podman exec kube-side wget -q -O - http://127.0.0.1:8080/
	ok podman exec kube-web sh -c 'id -u; echo $GREETING; touch /x || echo refused'
	output_has '^1000$'
	output_has '^hallo$'
	output_has '^refused$'
	ok podman play kube --down "$BATS_TEST_TMPDIR/pod.yml"
}

# --- the rest of what engines want ---

@test "secrets: a file and a variable" {
	echo -n hidden | podman secret create word -
	ok pr --secret word busybox sh -c 'cat /run/secrets/word; stat -c " %a" /run/secrets/word'
	output_is 'hidden 444'
	ok pr --secret word,type=env,target=WORD busybox sh -c 'echo $WORD'
	output_is hidden
	podman secret rm word
}

@test "READY=1 by way of conmon, and by conmon itself" {
	local socket=$BATS_TEST_TMPDIR/notify how
	for how in container conmon; do
		python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(20)
while b"READY=1" not in s.recv(4096): pass' "$socket" &
		wait_for 5 test -S "$socket"
		ok env NOTIFY_SOCKET="$socket" podman run -d --name ready --sdnotify $how busybox sh -c \
			'[ -z "$NOTIFY_SOCKET" ] || peer notify READY=1; sleep 1000'
		wait $!
		podman rm -f -t 0 ready
		rm "$socket"
	done
}

# field: hooks.prestart
# field: hooks.createRuntime
# field: hooks.createContainer
# field: hooks.startContainer
# field: hooks.poststart
# field: hooks.poststop
@test "hooks of a directory run, each at its point" {
	local stage
	mkdir "$BATS_TEST_TMPDIR/hooks"
	for stage in prestart createRuntime createContainer startContainer poststart poststop; do
		jq -n --arg stage $stage --arg to "$BATS_TEST_TMPDIR" '{version: "1.0.0", when: {always: true}, stages: [$stage],
			hook: {path: "/bin/sh", args: ["sh", "-c", "echo \($stage) $WHO $(sed s/.*status...// | grep -o '^[a-z]*') >>\($to)/seen"],
			env: ["WHO=hook", "PATH=/usr/bin:/bin"]}}' >"$BATS_TEST_TMPDIR/hooks/$stage.json"
	done
	ok podman --hooks-dir "$BATS_TEST_TMPDIR/hooks" run --rm -v "$BATS_TEST_TMPDIR:$BATS_TEST_TMPDIR" busybox true
	output_is ''
	wait_for 5 grep poststop "$BATS_TEST_TMPDIR/seen"
	diff - "$BATS_TEST_TMPDIR/seen" <<-'END'
		prestart hook creating
		createRuntime hook creating
		createContainer hook creating
		startContainer hook created
		poststart hook running
		poststop hook stopped
	END
}

@test "checkpoint is refused" {
	podman run -d --name saved busybox sleep 1000
	fails 125 podman container checkpoint saved
	ok of saved '{{.State.Status}}'
	output_is running
	podman rm -f -t 0 saved
}

@test "cp, commit, and a root file system that is a directory" {
	podman run -d --name cp busybox sh -c 'echo changed >/srv/index.html; sleep 1000'
	wait_for 5 podman exec cp grep changed /srv/index.html
	echo in >"$BATS_TEST_TMPDIR/in"
	ok podman cp "$BATS_TEST_TMPDIR/in" cp:/srv/in
	ok podman exec cp cat /srv/in
	output_is in
	ok podman commit -q cp changed
	ok pr changed cat /srv/index.html /srv/in
	output_is $'changed\nin'
	mkdir "$BATS_TEST_TMPDIR/root"
	podman export cp | tar -x -C "$BATS_TEST_TMPDIR/root" --exclude dev/\*
	ok pr --rootfs "$BATS_TEST_TMPDIR/root" cat /srv/in
	output_is in
	podman rm -f -t 0 cp
	podman rmi changed
}

@test "build: RUN, as a user, in a directory, and one that fails" {
	mkdir "$BATS_TEST_TMPDIR/ctx"
	echo file >"$BATS_TEST_TMPDIR/ctx/file"
	cat >"$BATS_TEST_TMPDIR/ctx/Containerfile" <<-'END'
		FROM localhost/busybox
		COPY file /data/file
		RUN cat /data/file && echo one >/made && ls -l /proc/self/fd >/dev/null
		WORKDIR /srv
		USER app
		ENV SAID=yes
		RUN echo "$(id -u) $(pwd) $SAID" >/tmp/said; grep NoNewPrivs /proc/self/status
		RUN --mount=type=tmpfs,target=/t touch /t/x
		CMD cat /made /tmp/said
	END
	ok podman build -q -t built "$BATS_TEST_TMPDIR/ctx"
	ok pr built
	output_is $'one\n1000 /srv yes'
	echo 'RUN exit 3' >>"$BATS_TEST_TMPDIR/ctx/Containerfile"
	fails 3 podman build "$BATS_TEST_TMPDIR/ctx"
	printf 'FROM localhost/busybox\nRUN ["/srv/noshell"]\n' >"$BATS_TEST_TMPDIR/ctx/Containerfile"
	fails 1 podman build "$BATS_TEST_TMPDIR/ctx"
	output_has "run '/srv/noshell': No such file"
	output_lacks 'cannot be deleted'
	fails 125 podman --runtime "$BATS_TEST_TMPDIR/none" build --no-cache "$BATS_TEST_TMPDIR/ctx"
	podman rmi -f built
}
