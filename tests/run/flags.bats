#!/usr/bin/env bats
# The options of run and create, one by one, seen from inside.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }

@test "--name names it, once" {
	coracle create --name once --network none busybox true
	fails 125 bb --name once busybox true
	output_has "name 'once'"
	coracle rm once
	ok bb --name once busybox true
}

@test "names are checked" {
	local bad
	for bad in '' -x .hidden 'a/b' 'a b' $'a\nb' "$(printf 'x%.0s' {1..129})"; do
		fails 125 bb --name "$bad" busybox true
	done
	ok bb --name "a_B.9-$(printf 'x%.0s' {1..120})" busybox true
}

@test "--hostname is the host name and in /etc/hosts" {
	ok bb --hostname boat busybox sh -c 'hostname; grep -w boat /etc/hosts'
	output_has '^boat$'
	output_has '^127.*[[:space:]]boat'
}

@test "the host name is the short id unless it is given" {
	coracle create --name named --network none busybox hostname
	ok coracle start -a named
	output_is "$(coracle ps -a --filter name=named --format '{{.ID}}')"
	coracle rm named
}

@test "-e sets, passes on and overrides variables" {
	export PASSED=on
	unset NOT_SET
	ok bb -e A=1 -e 'B=two words' -e PASSED -e NOT_SET -e FROM_IMAGE=2 -e EMPTY= busybox env
	output_has '^A=1$'
	output_has '^B=two words$'
	output_has '^PASSED=on$'
	output_has '^FROM_IMAGE=2$'
	output_has '^EMPTY=$'
	output_lacks NOT_SET
	[ "$(grep -c FROM_IMAGE <<<"$output")" -eq 1 ]
}

@test "--env-file sets the variables of a file, -e wins" {
	printf '# comment\nONE=1\n\nTWO=from file\nTHREE="quoted"\n' >"$BATS_TEST_TMPDIR/env"
	ok bb --env-file "$BATS_TEST_TMPDIR/env" -e TWO=given busybox env
	output_has '^ONE=1$'
	output_has '^TWO=given$'
	output_has '^THREE="quoted"$'
	fails 125 bb --env-file /no/such/file busybox true
}

@test "PATH, HOME and HOSTNAME are there" {
	ok bb busybox env
	output_has '^PATH=/bin$'
	output_has '^HOME=/root$'
	output_has '^HOSTNAME=[0-9a-f]{12}$'
	ok bb -u app busybox sh -c 'echo $HOME'
	output_is /home/app
}

@test "-w is the working directory and is made" {
	ok bb -w /made/deep busybox pwd
	output_is /made/deep
	fails 125 bb -w relative busybox pwd
	fails 125 bb -w /etc/passwd busybox pwd
}

@test "-w through /proc/self/fd does not lead out" {
	local n
	for n in 3 4 5 6 7 8 9 10 12; do
		run bb -w "/proc/self/fd/$n" busybox ls ../../../..
		[ "$status" -ne 0 ] || ! grep -q "$(basename "$ROOT")" <<<"$output"
	done
	exec 9</etc
	run bb -w /proc/self/fd/9 busybox cat passwd
	no grep -q "$(id -un):" <<<"$output"
	exec 9<&-
}

# The table of RELIABILITY D7: arguments of -u and what id says then.
@test "-u takes names and ids" {
	local arg want
	while read -r arg want; do
		ok bb -u "$arg" busybox sh -c 'grep -E "^(Uid|Gid|Groups):" /proc/self/status | awk "{print \$2,\$6,\$7}" | xargs'
		[ "$(xargs <<<"$output")" = "$want" ] || { echo "-u $arg: '$output' not '$want'"; return 1; }
	done <<-END
	0 0 0 0
	root 0 0 0
	app 1000 1000 1000
	END
}

@test "-u: uid, gid and groups follow passwd and group" {
	ids() { bb -u "$1" busybox sh -c 'id -u; id -g; id -G' | xargs; }
	[ "$(ids app)" = "1000 1000 1000 2000" ]
	[ "$(ids 1000)" = "1000 1000 1000 2000" ]
	[ "$(ids app:extra)" = "1000 2000 2000" ]
	[ "$(ids 1000:0)" = "1000 0 0" ]
	[ "$(ids 4242)" = "4242 0 0" ]
	[ "$(ids 4242:app)" = "4242 1000 1000" ]
	[ "$(ids 65535:65535)" = "65535 65535 65535" ]
}

@test "-u: digits are never a name" {
	[ "$(bb -u 1234 busybox id -u)" = 1234 ]
}

@test "-u: what is no user is refused before the start" {
	local bad
	for bad in -1 0x1 4294967295 4294967296 18446744073709551616 ' 1' '1 ' 1: :1 1:2:3 nobody-here \
			app:nogroup-here; do
		fails 125 bb -u "$bad" busybox touch /never
	done
	fails 125 bb -u 2147483648 busybox true
	output_has '2147483648'
}

@test "--group-add adds groups" {
	[ "$(bb -u app --group-add 3000 --group-add root busybox id -G | tr ' ' '\n' | sort -n | xargs)" = \
		"0 1000 2000 3000" ]
}

@test "--entrypoint replaces the image's, and its command" {
	ok bb --entrypoint echo busybox a b
	output_is "a b"
	ok bb --entrypoint /bin/busybox busybox echo hi
	output_is hi
	ok bb --entrypoint '' busybox echo hi
	output_is hi
}

@test "--label, and the image's labels" {
	coracle create --name labelled -l mine=1 -l empty --network none busybox true
	ok coracle ps -a --filter label=mine=1 --filter label=empty --filter label=made.by --format '{{.Names}}'
	output_is labelled
	ok coracle ps -aq --filter label=mine=2
	output_is ''
	coracle rm labelled
}

@test "--cidfile has the id, and must not be there" {
	local f=$BATS_TEST_TMPDIR/cid
	coracle run -d --name cid --cidfile "$f" --network none busybox true >"$f.out"
	[ "$(cat "$f")" = "$(cat "$f.out")" ]
	[[ "$(cat "$f")" =~ ^[0-9a-f]{64}$ ]]
	fails 125 bb --cidfile "$f" busybox true
	coracle rm -f cid
}

@test "--init reaps what is orphaned" {
	# What is orphaned is gone in the end, and not only dead: the init and the shell are left.
	ok bb --init busybox sh -c '(sleep 0.01 &) ; (sleep 0.01 &); i=0
		while set -- /proc/[0-9]*; [ $# -gt 2 ] && [ $((i += 1)) -lt 1000 ]; do sleep 0.05; done; echo $#'
	output_is 2
	ok bb --init busybox sh -c 'echo $$'
	[ "$output" -ne 1 ]
}

@test "--init passes a signal on" {
	coracle run -d --name inited --init --network none busybox \
		sh -c 'trap "echo got; exit 3" TERM; echo ready; while :; do sleep 0.05; done'
	wait_for 5 says ready coracle logs inited
	ok coracle stop -t 5 inited
	ok coracle wait inited
	output_is 3
	ok coracle logs inited
	output_has got
	coracle rm inited
}

@test "--read-only leaves the root file system alone" {
	fails 1 bb --read-only busybox touch /x
	output_has 'Read-only'
	fails 1 bb --read-only busybox touch /etc/hosts.new
	ok bb --read-only --tmpfs /tmp busybox sh -c 'echo x >/tmp/x; echo y >/dev/shm/y'
}

@test "--tmpfs is empty, has its size and options" {
	ok bb --tmpfs /data:size=1m,mode=700 busybox sh -c 'ls /data; stat -c %a /data; df -k /data | tail -n 1'
	output_has '^700$'
	output_has ' 1024 '
	output_lacks seed
	ok bb --tmpfs /t busybox grep ' /t tmpfs' /proc/mounts
	output_has nosuid
	output_has nodev
	fails 1 bb --tmpfs /t:size=64k busybox dd if=/dev/zero of=/t/x bs=1k count=100
}

@test "-v binds a directory, read-write and read-only" {
	mkdir "$BATS_TEST_TMPDIR/v"
	echo outside >"$BATS_TEST_TMPDIR/v/file"
	ok bb -v "$BATS_TEST_TMPDIR/v:/v" busybox sh -c 'cat /v/file; echo inside >/v/new'
	output_is outside
	[ "$(cat "$BATS_TEST_TMPDIR/v/new")" = inside ]
	[ "$(stat -c %u "$BATS_TEST_TMPDIR/v/new")" = "$(id -u)" ]
	fails 1 bb -v "$BATS_TEST_TMPDIR/v:/v:ro" busybox touch /v/x
	output_has 'Read-only'
	fails 1 bb --mount "type=bind,source=$BATS_TEST_TMPDIR/v,target=/v,readonly" busybox touch /v/x
}

@test "-v binds a file, makes targets, and a missing source is an error" {
	echo one >"$BATS_TEST_TMPDIR/f"
	ok bb -v "$BATS_TEST_TMPDIR/f:/new/dir/f" busybox cat /new/dir/f
	output_is one
	cd "$BATS_TEST_TMPDIR"
	ok bb -v ./f:/f busybox cat /f
	output_is one
	fails 125 bb --mount "type=bind,source=$BATS_TEST_TMPDIR/absent,target=/v" busybox true
	output_has absent
}

@test "a target behind a symbolic link stays inside" {
	mkdir "$BATS_TEST_TMPDIR/victim" "$BATS_TEST_TMPDIR/v"
	mkdir -p "$BATS_TEST_TMPDIR/root"/{bin,dev,proc,sys,etc,real}
	cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/root/bin/busybox"
	ln -s "$BATS_TEST_TMPDIR/victim" "$BATS_TEST_TMPDIR/root/dangling"
	ln -s /real "$BATS_TEST_TMPDIR/root/good"
	capture bb -v "$BATS_TEST_TMPDIR/v:/dangling/sub" --rootfs "$BATS_TEST_TMPDIR/root" /bin/busybox true
	[ -z "$(ls "$BATS_TEST_TMPDIR/victim")" ]
	ok bb -v "$BATS_TEST_TMPDIR/v:/good/sub" --rootfs "$BATS_TEST_TMPDIR/root" /bin/busybox ls -d /real/sub
	output_is /real/sub
}

@test "a named volume is filled from the image, kept, and shared" {
	ok bb -v vol1:/data busybox cat /data/seed
	output_is filled
	bb -v vol1:/data busybox sh -c 'echo kept >/data/mine; rm /data/seed'
	ok bb --mount type=volume,source=vol1,target=/v busybox ls /v
	output_is mine
}

@test "a named volume keeps the owners that the image has" {
	ok bb -v vol2:/home/app busybox stat -c %u:%g /home/app /home/app/own
	output_is $'1000:1000\n1000:1000'
	ok bb -v vol2:/home/app -u app busybox touch /home/app/new
}

@test "an anonymous volume goes with its container" {
	ok bb -v /anonymous busybox touch /anonymous/x
	wait_for 5 no_anonymous
	coracle run --name anon --network none -v /anonymous busybox touch /anonymous/x
	no no_anonymous
	coracle rm -v anon
	wait_for 5 no_anonymous
}

no_anonymous() {
	[ -z "$(ls "$DATA"/volumes/* | grep -E '^[0-9a-f]{64}')" ]
}

@test "two mounts at one place are refused" {
	fails 125 bb --tmpfs /t -v vol3:/t busybox true
	output_has "two mounts at '/t'"
}

@test "--add-host and --dns are in the files" {
	ok bb --add-host db:10.1.2.3 --add-host six:::1 busybox cat /etc/hosts
	output_has '^10\.1\.2\.3[[:space:]]db$'
	output_has '^::1[[:space:]]six$'
	ok coracle run --rm --dns 192.0.2.53 --dns-search example.org --dns-option ndots:2 busybox cat /etc/resolv.conf
	output_has '^nameserver 192\.0\.2\.53$'
	output_has '^search example\.org$'
	output_has '^options .*ndots:2'
	fails 125 bb --add-host nonsense busybox true
	fails 125 bb --dns nonsense busybox true
}

@test "--ulimit sets soft and hard limits" {
	ok bb --ulimit nofile=100:200 --ulimit core=0 busybox sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
	output_is $'100\n200\n0'
	fails 125 bb --ulimit nofile busybox true
	fails 125 bb --ulimit nosuch=1 busybox true
}

@test "--shm-size is the size of /dev/shm" {
	ok bb --shm-size 8m busybox df -k /dev/shm
	output_has ' 8192 '
	ok bb busybox df -k /dev/shm
	output_has ' 65536 '
}

@test "capabilities: the default set, --cap-add, --cap-drop" {
	caps() { bb "$@" busybox sed -n 's/^CapEff:.//p' /proc/self/status; }
	[ "$(caps)" = 00000000a80425fb ] || [ "$(caps)" = 00000000800405fb ] || { caps; return 1; }
	[ "$(caps --cap-drop ALL)" = 0000000000000000 ]
	[ "$(caps --cap-drop ALL --cap-add NET_ADMIN)" = 0000000000001000 ]
	[ "$(caps --cap-drop all --cap-add CAP_CHOWN --cap-add setuid)" = 0000000000000081 ]
	[ "$(caps -u app)" = 0000000000000000 ]
	fails 125 bb --cap-add NOSUCH busybox true
	fails 125 bb --cap-drop NOSUCH busybox true
}

@test "--privileged gives all that the user namespace can give" {
	local last
	last=$(cat /proc/sys/kernel/cap_last_cap)
	ok bb --privileged busybox sed -n 's/^CapEff:.//p' /proc/self/status
	[ "$((16#$output))" -eq $(((1 << (last + 1)) - 1)) ]
	ok bb --privileged busybox sh -c 'mount -t tmpfs none /tmp && echo mounted'
	output_is mounted
	fails 1 bb busybox mount -t tmpfs none /tmp
}

@test "a filter and no_new_privs as asked" {
	ok bb busybox grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status
	output_has 'Seccomp:.2'
	ok bb --security-opt seccomp=unconfined --security-opt no-new-privileges \
		busybox grep -E '^(Seccomp|NoNewPrivs)' /proc/self/status
	[ "$(grep Seccomp <<<"$output")" = "$(grep Seccomp /proc/self/status)" ]
	output_has 'NoNewPrivs:.1'
	fails 1 bb busybox unshare -U true
	fails 125 bb --security-opt nonsense busybox true
}

@test "a profile of one's own is used" {
	cat >"$BATS_TEST_TMPDIR/p.json" <<-'END'
	{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}
	END
	fails 1 bb --security-opt "seccomp=$BATS_TEST_TMPDIR/p.json" busybox mkdir /x
	ok bb --security-opt "seccomp=$BATS_TEST_TMPDIR/p.json" busybox touch /x
	echo '{' >"$BATS_TEST_TMPDIR/bad.json"
	fails 125 bb --security-opt "seccomp=$BATS_TEST_TMPDIR/bad.json" busybox true
}

@test "masked and read-only paths of /proc and /sys" {
	local p
	for p in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug; do
		[ ! -e $p ] || ok bb busybox sh -c "cat $p 2>/dev/null | wc -c"
		[ ! -e $p ] || output_is 0
	done
	fails 1 bb busybox sh -c 'echo 1 >/proc/sys/kernel/domainname'
	fails 1 bb busybox sh -c 'echo h >/proc/sysrq-trigger'
	ok bb busybox ls /sys/firmware
	output_is ''
}

@test "the devices are there and no others" {
	ok bb busybox ls /dev
	output_is "$(printf '%s\n' fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero)"
	ok bb busybox sh -c 'echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c'
	output_is $'4\n4'
}

@test "--userns keep-id keeps the caller's id" {
	ok bb --userns keep-id busybox sh -c 'id -u; id -g; touch /tmp/x; stat -c %u /tmp/x /bin/busybox'
	output_is "$(id -u)"$'\n'"$(id -g)"$'\n'"$(id -u)"$'\n'0
	mkdir "$BATS_TEST_TMPDIR/v"
	ok bb --userns keep-id -v "$BATS_TEST_TMPDIR/v:/v" busybox touch /v/x
	[ "$(stat -c %u "$BATS_TEST_TMPDIR/v/x")" = "$(id -u)" ]
	ok bb --userns keep-id:uid=1000,gid=1000 busybox sh -c 'id -u; stat -c %u /home/app/own'
	output_is $'1000\n1000'
}

@test "--userns nomap maps the caller to nobody" {
	ok bb --userns nomap busybox sh -c 'id -u; cat /proc/self/uid_map'
	no awk -v me="$(id -u)" 'NF == 3 && $2 == me { found = 1 } END { exit !found }' <<<"$output"
}

@test "--userns is checked" {
	fails 125 bb --userns nonsense busybox true
	fails 125 bb --userns keep-id:uid=x busybox true
}

@test "--pull never and missing ask nobody" {
	ok bb --pull never busybox true
	ok bb --pull missing busybox true
	fails 125 bb --pull never absent busybox
	output_has "absent"
	fails 125 bb --pull sometimes busybox true
	output_has 'missing always newer never'
}

@test "--platform refuses an image that is another's" {
	fails 125 bb --pull never --platform linux/s390x busybox true
	output_has s390x
}

# field: root.path
@test "--rootfs runs a directory as it is" {
	mkdir -p "$BATS_TEST_TMPDIR/r/bin"
	cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/r/bin/busybox"
	ok bb --rootfs "$BATS_TEST_TMPDIR/r" /bin/busybox sh -c 'echo in >/made; /bin/busybox ls /bin'
	output_is busybox
	[ "$(cat "$BATS_TEST_TMPDIR/r/made")" = in ]
}

@test "each snapshotter stacks the same image" {
	local s
	for s in overlay fuse-overlayfs native; do
		[ $s != fuse-overlayfs ] || command -v fuse-overlayfs >/dev/null || continue
		ok bb --snapshotter $s busybox sh -c 'cat /srv/index.html; stat -c %u /home/app/own
			echo x >/srv/new; rm /srv/index.html; ls /srv'
		output_is $'hello\n1000\nnew\nnoexec\nnoshell'
		ok bb --snapshotter $s busybox ls /srv
		output_has index.html
		output_lacks new
	done
	fails 125 bb --snapshotter nonsense busybox true
}

@test "--log-driver none keeps no log" {
	coracle run -d --name unlogged --log-driver none --network none busybox echo said
	coracle wait unlogged
	run coracle logs unlogged
	output_lacks said
	coracle rm unlogged
}

@test "--log-opt rotates by size and keeps so many files" {
	coracle run --name rotated --network none --log-opt max-size=10k --log-opt max-file=3 busybox seq 1 2000 >/dev/null
	ok bash -c 'coracle logs rotated | tail -n 1'
	output_is 2000
	[ "$(coracle logs rotated | wc -l)" -lt 2000 ]
	[ "$(du -bc "$DATA"/containers/default/*/*log* | tail -n 1 | cut -f 1)" -lt 50000 ]
	coracle rm rotated
	fails 125 bb --log-opt max-size=lots busybox true
	fails 125 bb --log-opt nonsense=1 busybox true
}

@test "--dry-run prints the spec and the plan and runs nothing" {
	local before
	before=$(state_of)
	ok bb --dry-run busybox touch /x
	output_has '"ociVersion"'
	output_has 'touch'
	wait_for 5 state_is "$before"
}

@test "--stop-signal and --stop-timeout are what stop uses" {
	coracle run -d --name stopper --stop-signal USR1 --stop-timeout 1 --network none busybox \
		sh -c 'trap "echo usr1" USR1; echo ready; while :; do sleep 0.05; done'
	wait_for 5 says ready coracle logs stopper
	local start=$SECONDS
	ok coracle stop stopper
	[ $((SECONDS - start)) -lt 10 ]		# without an option it were ten
	ok coracle logs stopper
	output_has usr1
	ok coracle wait stopper
	output_is 137
	coracle rm stopper
	fails 125 bb --stop-signal NOSUCH busybox true
}

@test "--sysctl sets what belongs to the container" {
	ok coracle run --rm --sysctl net.ipv4.ip_unprivileged_port_start=80 busybox \
		cat /proc/sys/net/ipv4/ip_unprivileged_port_start
	output_is 80
	fails 125 bb --sysctl kernel.panic=1 busybox true
}

@test "options that are not there yet are refused by name" {
	local o
	for o in --device=/dev/null --gpus=all --health-cmd=true --ip=10.0.0.2 --network-alias=a --pod=p \
			--secret=s --volumes-from=x --restart=always; do
		fails 125 bb "$o" busybox true
		output_has "${o%%=*}"
	done
}
