#!/usr/bin/env bats
# --runtime: containers that another OCI runtime makes, each test with all of
# those that are installed.

load helper

setup_file() {
	coracle_setup busybox
	RUNTIMES="$BIN/coracle-oci $(other_runtimes)"
	export RUNTIMES
}
teardown_file() { coracle_teardown; }
teardown() { coracle rm -f -a >/dev/null; }

# with RUNTIME ARG...: a temporary container of that runtime.
with() {
	coracle run --rm --network none --runtime "$@"
}

# Those that run on this kernel, and not on one of their own.
native() {
	local rt
	for rt in $RUNTIMES; do
		[ "$rt" = runsc ] || echo "$rt"
	done
}

@test "exit statuses and both streams" {
	local rt n
	for rt in $RUNTIMES; do
		for n in 0 1 255; do
			fails $n with "$rt" busybox sh -c "exit $n"
		done
		ok with "$rt" busybox sh -c 'echo out; echo err >&2'
		output_is $'out\nerr'
		[ "$(with "$rt" busybox sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
		fails 143 with "$rt" busybox sh -c 'sh -c "kill -TERM \$\$"; exit $?'
	done
}

@test "a command that is not there or cannot be executed, in the runtime's words" {
	local rt
	for rt in $RUNTIMES; do
		fails 127 with "$rt" busybox no-such-command
		output_has "^coracle: runtime '${rt##*/}': .*no-such-command"
		output_has '^hint: the command must exist'
		fails 126 with "$rt" busybox /srv/noexec
		fails 127 coracle run -d --runtime "$rt" --name bad busybox no-such-command
		is_state bad exited
		coracle rm bad
	done
}

@test "what else fails is no fault of the command" {
	local rt dir=$BATS_TEST_TMPDIR/volume
	for rt in $RUNTIMES; do
		mkdir "$dir"
		coracle create --name one --network none --runtime "$rt" -v "$dir:/mnt" busybox cat /srv/index.html
		rmdir "$dir"
		fails 125 coracle start -a one
		output_has "runtime '${rt##*/}': [^ ]+ "
		output_lacks '^hint'
		coracle rm one
	done
}

@test "a runtime that is not there" {
	fails 125 with no-such-runtime busybox true
	output_has "runtime 'no-such-runtime': not found"
	output_has '^hint: .*coracle plugin ls'
	fails 125 with /no/such/runtime busybox true
	output_has "runtime '/no/such/runtime': [Nn]o such file"
	fails 125 with /etc/passwd busybox true
	output_has "runtime '/etc/passwd': not a program"
	ok coracle ps -aq
	output_is ''
}

@test "one that vanishes after create, and one that is no OCI runtime" {
	printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/odd"
	chmod 755 "$BATS_TEST_TMPDIR/odd"
	fails 125 with "$BATS_TEST_TMPDIR/odd" busybox true
	output_has "^coracle: runtime '.*/odd': exit status 3$"
	coracle create --name gone --runtime "$BATS_TEST_TMPDIR/odd" busybox true
	rm "$BATS_TEST_TMPDIR/odd"
	fails 1 coracle start gone
	output_has "start 'gone': runtime '.*/odd': [Nn]o such file"
}

@test "CORACLE_RUNTIME is the default, and coracle is our own" {
	local rt
	for rt in $RUNTIMES; do
		ok env CORACLE_RUNTIME="$rt" coracle run -d --name one busybox sleep 1000
		[ "$(coracle inspect -f '{{.HostConfig.Runtime}}' one)" = "${rt##*/}" ]
		coracle rm -f one
	done
	ok env CORACLE_RUNTIME=no-such-runtime coracle run -d --name two --runtime coracle busybox sleep 1000
	[ "$(coracle inspect -f '{{.HostConfig.Runtime}}' two)" = coracle ]
	fails 125 env CORACLE_RUNTIME=no-such-runtime coracle run --rm busybox true
}

@test "environment, user, directory, host name, mounts" {
	local rt
	mkdir -p "$BATS_TEST_TMPDIR/dir"
	echo from-host >"$BATS_TEST_TMPDIR/dir/file"
	for rt in $RUNTIMES; do
		ok with "$rt" -e A=1 -u app -w /tmp --hostname boat busybox \
			sh -c 'echo $A $(id -u) $(id -G) $PWD $(hostname) $HOME'
		output_is '1 1000 1000 2000 /tmp boat /home/app'
		ok with "$rt" -u 7:8 busybox sh -c 'echo $(id -u) $(id -g)'
		output_is '7 8'
		ok with "$rt" --hostname boat --add-host far:10.9.8.7 busybox cat /etc/hosts
		output_has '^10.9.8.7[[:space:]]+far$'
		output_has 'boat'
		ok with "$rt" -v "$BATS_TEST_TMPDIR/dir:/mnt/dir:ro" -v data:/data --tmpfs /scratch busybox \
			sh -c 'cat /mnt/dir/file /data/seed; touch /scratch/x; touch /mnt/dir/x || true'
		output_has '^from-host$'
		output_has '^filled$'
		output_has 'Read-only file system'
		ok with "$rt" -v "$BATS_TEST_TMPDIR/dir/file:/one:ro" busybox sh -c 'cat /one; ! echo x 2>/dev/null >/one'
		output_is from-host
		ok with "$rt" -v data:/data busybox sh -c "echo ${rt##*/} >>/data/log; tail -n 1 /data/log"
		output_is "${rt##*/}"
		ok with "$rt" --read-only --tmpfs /t busybox sh -c 'touch /t/x && ! touch /x 2>/dev/null && echo kept'
		output_is kept
	done
	ok with coracle -v data:/data busybox sh -c 'wc -l </data/log'
	output_is "$(wc -w <<<"$RUNTIMES")"
}

@test "root file systems of every kind" {
	local rt s
	for rt in $RUNTIMES; do
		for s in overlay fuse-overlayfs native; do
			[ "$s" != fuse-overlayfs ] || [ -w /dev/fuse ] || continue
			ok with "$rt" --snapshotter "$s" busybox sh -c 'echo new >/srv/new; cat /srv/new /srv/index.html'
			output_is $'new\nhello'
		done
	done
}

@test "capabilities, filter and limits are what was asked for" {
	local rt want
	local flags=(--cap-drop all --cap-add net_raw --security-opt no-new-privileges --ulimit nofile=100:200
		--shm-size 2m --sysctl kernel.msgmax=5000 --domainname harbour busybox sh -c)
	local look='grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status; ulimit -n; ulimit -Hn
		df -k /dev/shm | tail -n 1 | awk "{print \$2}"; cat /proc/sys/kernel/msgmax /proc/sys/kernel/domainname'
	printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],
		"action":"SCMP_ACT_ERRNO","errnoRet":1}]}' >"$BATS_TEST_TMPDIR/profile.json"
	want=$(with coracle "${flags[@]}" "$look")
	for rt in $(native); do
		ok with "$rt" "${flags[@]}" "$look"
		output_is "$want"
	done
	for rt in $RUNTIMES; do
		ok with "$rt" --security-opt seccomp="$BATS_TEST_TMPDIR/profile.json" busybox \
			sh -c 'mkdir /dir 2>/dev/null || echo refused'
		output_is refused
		ok with "$rt" --privileged busybox sh -c 'mkdir /dir && mount -t tmpfs none /dir && echo mounted'
		output_is mounted
	done
}

@test "what would be passed over in silence is refused" {
	fails 125 with "$BIN/coracle-oci" -v /tmp:/mnt:rslave busybox true
	output_has "^coracle: rslave: not possible with runtime 'coracle-oci'"
	need runsc
	fails 125 with runsc --sysctl kernel.msgmax=5000 busybox true
	output_has "^coracle: --sysctl: not possible with runtime 'runsc'"
	fails 125 with runsc --domainname harbour busybox true
	output_has '^coracle: --domainname: '
}

@test "--userns" {
	local rt
	for rt in $RUNTIMES; do
		ok with "$rt" --userns keep-id busybox id -u
		output_is "$(id -u)"
		fails 125 with "$rt" --userns nomap busybox true
		output_has "runtime '.*': needs an id map that has both root and our own ids"
	done
}

@test "--init reaps and hands signals on" {
	local rt
	! readelf -l "$BIN/coracle-shim" | grep -q INTERP || skip "the shim is linked dynamically"
	for rt in $RUNTIMES; do
		ok with "$rt" --init busybox sh -c 'cat /proc/1/comm; (sleep 0 &); sleep 0.3; ! ps -o stat= | grep -q Z'
		output_is coracle-init
		coracle run -d --init --name one --network none --runtime "$rt" busybox sleep 1000
		ok coracle stop -t 20 one
		[ "$(coracle wait one)" = 143 ]
		fails 127 with "$rt" --init busybox no-such-command
		output_has "coracle-init: run 'no-such-command': [Nn]o such file"
		coracle rm one
	done
}

@test "in the background: logs, exec, signals, stop, start again" {
	local rt
	for rt in $RUNTIMES; do
		coracle run -d --name one --network none --runtime "$rt" -e GIVEN=1 busybox sh -c \
			'trap "echo usr1" USR1; trap "echo term; exit 3" TERM; echo begun; while :; do sleep 0.05; done'
		wait_for 10 says '^begun$' coracle logs one
		is_state one running
		ok coracle exec one sh -c 'echo $GIVEN $(hostname) $(id -u); exit 4' || [ "$status" -eq 4 ]
		[[ "$output" == "1 "*" 0" ]]
		ok coracle exec -u app -w /srv -e MORE=2 one sh -c 'echo $(id -u) $PWD $MORE; cat index.html'
		output_is $'1000 /srv 2\nhello'
		[ "$(echo piped | coracle exec -i one cat)" = piped ]
		fails 127 coracle exec one no-such-command
		fails 126 coracle exec one /srv/noexec
		ok coracle exec -d one touch /left
		wait_for 10 coracle exec one ls /left
		coracle kill -s USR1 one
		wait_for 10 says '^usr1$' coracle logs one
		ok coracle stop -t 20 one
		[ "$(coracle wait one)" = 3 ]
		says '^term$' coracle logs one
		ok coracle start one
		wait_for 10 coracle exec one ls /left
		coracle kill one
		[ "$(coracle wait one)" = 137 ]
		is_state one exited
		ok coracle start one
		ok coracle rm -f one
		[ ! -e "$RUN/default/one" ]
	done
	[ -z "$(find "$RUN" -name 'exec-*')" ]
}

@test "create, start -a and standard input" {
	local rt
	for rt in $RUNTIMES; do
		coracle create -i --name one --network none --runtime "$rt" busybox sh -c 'cat; exit 5'
		capture coracle start -ai one <<<typed
		[ "$status" -eq 5 ]
		output_is typed
		coracle rm one
	done
}

@test "published ports, and containers that share a network" {
	local rt port
	for rt in $RUNTIMES; do
		coracle run -d --name web -p 80 --runtime "$rt" busybox httpd -f -p 80 -h /srv
		port=$(coracle port web 80 | sed 's/.*://')
		wait_for 10 says '^hello$' curl -s "http://127.0.0.1:$port/index.html"
		# The sockets of runsc's kernel lose what busybox's wget and httpd say.
		if [ "$rt" != runsc ]; then
			ok coracle run --rm --network container:web busybox wget -q -O - http://127.0.0.1/index.html
			output_is hello
			ok coracle run --rm --network container:web --runtime "$rt" busybox \
				wget -q -O - http://127.0.0.1/index.html
			output_is hello
			ok coracle run --rm --network host --runtime "$rt" busybox \
				wget -q -O - "http://127.0.0.1:$port/index.html"
			output_is hello
		fi
		coracle rm -f web
	done
}

@test "the host's /sys is read-only with the host's network" {
	local rt
	for rt in $(native); do
		ok coracle run --rm --network host --runtime "$rt" busybox sh -c \
			'grep -E " /sys(/[^ ]*)? " /proc/mounts | grep -vE " (sysfs|cgroup2?|tracefs|debugfs|securityfs|bpf|pstore|tmpfs|[a-z]+fs) ro[, ]"'  ||
			[ "$status" -eq 1 ]
		output_lacks ' /sys/kernel'
	done
}

@test "top, cp, inspect and restart" {
	local rt m
	for rt in $(native); do
		m=$(mark)
		coracle run -d --name one --network none --runtime "$rt" -v data:/data busybox sleep "$m"
		ok coracle top one -o pid,comm
		ok coracle top one
		output_has "sleep $m"
		[ "$(wc -l <<<"$output")" -eq 2 ]
		echo inside >"$BATS_TEST_TMPDIR/file"
		ok coracle cp "$BATS_TEST_TMPDIR/file" one:/data/copied
		ok coracle exec one cat /data/copied
		output_is inside
		ok coracle cp one:/srv/index.html "$BATS_TEST_TMPDIR/out"
		[ "$(cat "$BATS_TEST_TMPDIR/out")" = hello ]
		ok coracle restart -t 0 one
		is_state one running
		coracle stop -t 0 one
		ok coracle cp one:/data/copied "$BATS_TEST_TMPDIR/out"
		coracle rm one
	done
}

@test "cp of a running sandbox is refused, of a stopped one it works" {
	[[ $RUNTIMES = *runsc* ]] || skip "runsc is not installed, or cannot run without what is denied"
	coracle run -d --name one --network none --runtime runsc busybox sh -c 'echo kept >/kept; sleep 1000'
	wait_for 10 coracle exec one cat /kept
	fails 1 coracle cp one:/kept "$BATS_TEST_TMPDIR/out"
	output_has "'one': its runtime keeps its files to itself"
	coracle stop -t 0 one
	ok coracle cp one:/kept "$BATS_TEST_TMPDIR/out"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = kept ]
}

@test "a shim that is killed is replaced" {
	local rt
	for rt in $RUNTIMES; do
		coracle run -d --name one --network none --runtime "$rt" busybox sh -c \
			'trap "exit 3" TERM; while :; do sleep 0.05; done'
		kill -9 "$(shims)"
		wait_for 10 coracle exec one true
		ok coracle stop -t 20 one
		is_state one exited
		coracle rm one
	done
}

@test "nothing is left of them" {
	local rt before
	before=$(state_of)
	for rt in $RUNTIMES; do
		ok with "$rt" busybox true
		coracle run -d --name one --runtime "$rt" busybox sleep 1000
		coracle rm -f one
		wait_for 10 state_is "$before"
	done
}

# on_terminal ROWS COLUMNS COMMAND: what it says, without carriage returns.
on_terminal() {
	script -qec "stty rows $1 cols $2; $3" /dev/null </dev/null | tr -d '\r\000'
}

@test "terminals: run, exec, attach" {
	local rt
	need script
	for rt in $(native); do
		ok on_terminal 33 77 "coracle run --rm -t --network none --runtime $rt busybox \
			sh -c 'tty; stty size; ls /dev/console; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; exit 9' || echo code=\$?"
		output_is $'/dev/pts/0\n33 77\n/dev/console\nall\ncode=9'
		coracle run -dt --name one --network none --runtime "$rt" busybox sh
		ok on_terminal 22 66 "coracle exec -t one sh -c 'tty; stty size; exit 6' || echo code=\$?"
		output_is $'/dev/pts/1\n22 66\ncode=6'
		coracle rm -f one
	done
}

@test "plugin ls lists what is built in and what is found" {
	local rt
	ok coracle plugin ls
	output_has '^TYPE +ID +PLATFORMS +STATUS$'
	output_has '^content +local +- +ok$'
	output_has '^snapshotter +native +linux/[a-z0-9]+ +ok$'
	output_has '^network +slirp '
	output_has '^log +json-file '
	for rt in coracle $RUNTIMES; do
		output_has "^runtime +${rt##*/} +linux/[a-z0-9/]+ +ok\$"
		[ "$rt" = coracle ] ||
			[ -x "$(coracle plugin ls --format json | jq -r "select(.Type == \"runtime\" and .ID == \"${rt##*/}\").Path")" ]
	done
	coracle plugin ls --format json | jq -es 'any(.ID == "coracle" and .Features.ociVersionMax)' >/dev/null
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/bin/youki"
	cp "$BATS_TEST_TMPDIR/bin/youki" "$BATS_TEST_TMPDIR/bin/docker-credential-chest"
	chmod 755 "$BATS_TEST_TMPDIR"/bin/*
	ok env PATH="$BATS_TEST_TMPDIR/bin:$PATH" coracle plugin ls
	output_has "^runtime +youki +linux/[a-z0-9/]+ +'youki --version': exit status 3\$"
	output_has '^credential +chest +- +ok$'
}

@test "plugin inspect-runtime prints the features of a runtime" {
	ok coracle plugin inspect-runtime coracle
	[ "$(jq -r .ociVersionMin <<<"$output")" = 1.0.0 ]
	ok coracle plugin inspect-runtime "$BIN/coracle-oci"
	[ "$(jq -r .ociVersionMin <<<"$output")" = 1.0.0 ]
	fails 1 coracle plugin inspect-runtime no-such-runtime
	output_has "runtime 'no-such-runtime': not found"
	printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/old"
	chmod 755 "$BATS_TEST_TMPDIR/old"
	fails 1 coracle plugin inspect-runtime "$BATS_TEST_TMPDIR/old"
	output_has "'old features': exit status 3"
	need runc
	ok coracle plugin inspect-runtime runc
	[ "$(jq -r .ociVersionMin <<<"$output")" = 1.0.0 ]
}
