#!/usr/bin/env bats
# Containers in the background: create, start, stop, kill, restart, wait, rm, rename, ps, logs.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }
teardown() { coracle rm -f -a >/dev/null; }

# up NAME [OPTION...]: a container that runs until it is told to stop.
up() {
	local name=$1
	shift
	coracle run -d --name "$name" --network none "$@" busybox \
		sh -c 'trap "echo bye; exit 4" TERM; echo up; while :; do sleep 0.05; done'
	wait_for 5 says up coracle logs "$name"
}

@test "run -d prints the id only, and it runs" {
	run --separate-stderr coracle run -d --name bg --network none busybox sleep 1000
	[ "$status" -eq 0 ]
	[[ "$output" =~ ^[0-9a-f]{64}$ ]]
	[ -z "$stderr" ]
	is_state bg running
	ok coracle ps -q --no-trunc
	[ "$output" = "$(coracle ps -q --no-trunc --filter name=bg)" ]
}

@test "--rm leaves no file, mount, process or cgroup" {
	local before
	coracle volume create scratch >/dev/null
	before=$(state_of)
	ok coracle run --rm -v scratch:/s --tmpfs /t busybox touch /s/x /t/y /z
	coracle run -d --rm --name gone busybox true
	wait_for 5 silent coracle ps -aq
	coracle run -d --rm --name gone2 busybox sleep 1000
	coracle rm -f gone2
	wait_for 5 no_processes
	wait_for 5 state_is "$before"
	coracle volume rm scratch >/dev/null
}

@test "stop sends TERM and waits; the exit status is kept" {
	up orderly
	ok coracle stop orderly
	output_is orderly
	is_state orderly exited
	ok coracle wait orderly
	output_is 4
	ok coracle logs orderly
	output_is $'up\nbye'
	ok coracle ps -a --format '{{.Status}}'
	output_has '^Exited \(4\)'
}

@test "stop kills what does not listen when its time is over" {
	local start
	coracle run -d --name deaf --network none busybox sleep 1000
	start=$(date +%s%N)
	ok coracle stop -t 1 deaf
	[ $((($(date +%s%N) - start) / 1000000)) -ge 900 ]
	ok coracle wait deaf
	output_is 137
	coracle start deaf
	start=$(date +%s%N)
	ok coracle stop -t 0 deaf
	[ $((($(date +%s%N) - start) / 1000000)) -lt 9000 ]
}

@test "stopping what is stopped is fine, what is not there is not" {
	up twice
	coracle stop twice
	ok coracle stop twice
	fails 1 coracle stop no-such
	output_has "no container 'no-such'"
	output_has '^hint:'
}

@test "stop and rm go on after one that is not there" {
	up there
	fails 1 coracle stop no-such there
	is_state there exited
	fails 1 coracle rm no-such there
	ok coracle ps -aq
	output_is ''
}

@test "kill sends the signal that is named" {
	coracle run -d --name sig --network none busybox \
		sh -c 'trap "echo usr1" USR1; echo up; while :; do sleep 0.05; done'
	wait_for 5 says up coracle logs sig
	ok coracle kill -s USR1 sig
	wait_for 5 says usr1 coracle logs sig
	ok coracle kill -s SIGUSR1 sig
	ok coracle kill -s 10 sig
	is_state sig running
	ok coracle kill sig
	ok coracle wait sig
	output_is 137
	fails 1 coracle kill sig
	fails 1 coracle kill -s NOSUCH sig
}

@test "restart gives a new process and keeps the files" {
	coracle run -d --name again --network none busybox sh -c 'echo x >>/count; wc -l </count; exec sleep 1000'
	wait_for 5 says 1 coracle logs again
	ok coracle restart -t 0 again
	wait_for 5 says 2 coracle logs again
	ok coracle logs again
	output_is $'1\n2'
	is_state again running
}

@test "create makes it, start starts it, start again is fine" {
	run --separate-stderr coracle create --name made --network none busybox sleep 1000
	[[ "$output" =~ ^[0-9a-f]{64}$ ]]
	is_state made created
	ok coracle ps -q
	output_is ''
	ok coracle start made
	output_is made
	is_state made running
	ok coracle start made
}

@test "start -a shows the output and gives the exit status" {
	coracle create --name att --network none busybox sh -c 'echo out; exit 9'
	fails 9 coracle start -a att
	output_is out
	fails 9 coracle start -a att
}

@test "start -ai passes the input on" {
	coracle create -i --name echoer --network none busybox cat
	[ "$(echo in | coracle start -a -i echoer)" = in ]
}

@test "start of a command that is not there says so" {
	coracle create --name absent --network none busybox no-such-command
	capture coracle start absent
	[ "$status" -ne 0 ]
	output_has no-such-command
	is_state absent created || is_state absent exited
}

@test "wait waits for the end and prints the status" {
	coracle run -d --name w1 --network none busybox sh -c 'sleep 0.3; exit 6'
	coracle run -d --name w2 --network none busybox false
	ok coracle wait w1 w2
	output_is $'6\n1'
	fails 1 coracle wait no-such
}

@test "rm refuses what runs, rm -f does not" {
	up running
	fails 1 coracle rm running
	output_has 'running'
	is_state running running
	ok coracle rm -f running
	output_is running
	fails 1 coracle rm running
	ok coracle rm -f running
}

@test "containers are found by name, id and unique prefix" {
	local id
	id=$(coracle create --name found --network none busybox true)
	ok coracle rename found renamed
	ok coracle rename "${id:0:12}" found
	ok coracle rename "$id" third
	fails 1 coracle rename found other
	ok coracle rm "${id:0:6}"
}

@test "rename refuses a name that is taken or bad" {
	coracle create --name a --network none busybox true
	coracle create --name b --network none busybox true
	fails 1 coracle rename a b
	fails 1 coracle rename a -- '-x'
	fails 1 coracle rename a 'x y'
	ok coracle rename a c
	ok coracle ps -a --format '{{.Names}}'
	output_is $'b\nc' || output_is $'c\nb'
}

@test "ps: the columns" {
	up shown
	ok coracle ps
	output_has '^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES'
	output_has '^[0-9a-f]{12} +busybox +"sh -c .* Up .* shown$'
}

@test "ps: filters" {
	up one -l k=v
	coracle run --name two --network none busybox sh -c 'exit 3' || true
	coracle create --name three --network none -v vol:/v busybox:other true
	names() { coracle ps -a --format '{{.Names}}' "$@" | sort | xargs; }
	[ "$(names)" = "one three two" ]
	[ "$(coracle ps --format '{{.Names}}')" = one ]
	[ "$(names --filter status=running)" = one ]
	[ "$(names --filter status=running --filter status=created)" = "one three" ]
	[ "$(names --filter exited=3)" = two ]
	[ "$(names --filter label=k)" = one ]
	[ "$(names --filter label=k=v --filter name=t)" = "" ]
	[ "$(names --filter name=t)" = "three two" ]
	[ "$(names --filter volume=vol)" = three ]
	[ "$(names --filter ancestor=busybox:other)" != "" ]
	[ "$(names --filter before=two)" = one ]
	[ "$(names --filter since=two)" = three ]
	[ "$(names --filter network=none)" = "one three two" ]
	[ "$(coracle ps -l --format '{{.Names}}')" = three ]
	[ "$(coracle ps -n 2 --format '{{.Names}}' | sort | xargs)" = "three two" ]
	fails 1 coracle ps --filter nonsense=1
	fails 1 coracle ps --filter status=nonsense
}

@test "ps: templates, json and table" {
	up shape -l k=v
	ok coracle ps --format '{{.Names}}|{{.Image}}|{{.State}}|{{.Label "k"}}|{{upper .Names}}'
	output_is 'shape|busybox|running|v|SHAPE'
	ok coracle ps --format 'table {{.Names}}\t{{.State}}'
	output_has '^NAMES +STATE'
	ok bash -c 'coracle ps --format json | jq -r .Names'
	output_is shape
	fails 1 coracle ps --format '{{.Nonsense}}'
	fails 1 coracle ps --format '{{'
}

@test "logs keep the streams apart" {
	coracle run -d --name streams --network none busybox sh -c 'echo out; echo err >&2'
	coracle wait streams
	run --separate-stderr coracle logs streams
	output_is out
	[ "$stderr" = err ]
}

@test "logs: tail, timestamps, since, until" {
	coracle run -d --name lines --network none busybox sh -c 'seq 1 5; sleep 1.1; seq 6 10'
	coracle wait lines
	[ "$(coracle logs --tail 2 lines | xargs)" = "9 10" ]
	[ -z "$(coracle logs --tail 0 lines)" ]
	[ "$(coracle logs -n all lines | wc -l)" -eq 10 ]
	ok coracle logs -t --tail 1 lines
	output_has '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z 10$'
	local then
	then=$(coracle logs -t lines | sed -n '6s/ .*//p')
	[ "$(coracle logs --since "$then" lines | xargs)" = "6 7 8 9 10" ]
	[ "$(coracle logs --until "$(coracle logs -t lines | sed -n '5s/ .*//p')" lines | head -n 4 | xargs)" = "1 2 3 4" ]
	[ "$(coracle logs --since 1h lines | wc -l)" -eq 10 ]
	fails 1 coracle logs --tail many lines
	fails 1 coracle logs --since yesterdayish lines
}

@test "logs -f follows to the end" {
	coracle run -d --name slow --network none busybox sh -c 'for i in 1 2 3; do echo $i; sleep 0.2; done'
	[ "$(timeout 240 coracle logs -f slow | xargs)" = "1 2 3" ]
}

@test "logs -f can be left" {
	up endless
	coracle logs -f endless >"$BATS_TEST_TMPDIR/out" 3>&- &
	wait_for 5 grep up "$BATS_TEST_TMPDIR/out"
	kill $!
	wait $! && status=0 || status=$?
	[ "$status" -eq 143 ]
	is_state endless running
}

@test "logs keep 100,000 lines in order" {
	coracle run --name long --network none busybox seq 1 100000 | cmp - <(seq 1 100000)
	coracle logs long | cmp - <(seq 1 100000)
	[ "$(coracle logs --tail 1 long)" = 100000 ]
}

@test "control characters of a log do not reach a terminal" {
	need script
	coracle run --name esc --network none busybox printf 'a\033[31mb\n' >/dev/null
	ok script -qec 'coracle logs esc' /dev/null </dev/null
	no grep -q $'\033' <<<"$output"
	[ "$(coracle logs esc)" = $'a\033[31mb' ]
}

@test "two clients are attached, and leave one by one" {
	coracle run -d --name many --network none busybox \
		sh -c 'i=0; while [ ! -e /stop ]; do echo tick; sleep 0.05; done; exit 2'
	coracle attach --no-stdin many >"$BATS_TEST_TMPDIR/1" 3>&- &
	local first=$!
	coracle attach --no-stdin many >"$BATS_TEST_TMPDIR/2" 3>&- &
	wait_for 5 grep tick "$BATS_TEST_TMPDIR/1"
	wait_for 5 grep tick "$BATS_TEST_TMPDIR/2"
	kill -9 $first
	: >"$BATS_TEST_TMPDIR/2"
	wait_for 5 grep tick "$BATS_TEST_TMPDIR/2"
	touch_stop many
	wait $! && status=0 || status=$?
	[ "$status" -eq 2 ]
}

@test "attach passes the input of a container on" {
	coracle run -d -i --name talk --network none busybox cat
	echo hello | timeout 120 coracle attach talk >"$BATS_TEST_TMPDIR/out"
	grep hello "$BATS_TEST_TMPDIR/out"
	fails 125 coracle attach no-such
}

@test "namespaces do not see each other's containers and share images" {
	coracle -n other run -d --name mine --network none busybox sleep 1000 ||
		coracle -n other load -i "$IMAGES/busybox.tar"
	coracle create --name mine --network none busybox true
	ok coracle ps -q
	output_is ''
	CORACLE_NAMESPACE=other coracle rm -f -a
	is_state mine created
}

@test "an image of two names and a container's image stay" {
	coracle run -d --name holder --network none busybox:other sleep 1000
	ok coracle exec holder cat /srv/index.html
	output_is hello
}
