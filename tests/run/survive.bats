#!/usr/bin/env bats
# kill -9 of the command line and of the shim: the container goes on and can be handled.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }
teardown() { coracle rm -f -a >/dev/null; }

# up NAME MARK: runs until it is told to stop, says so every moment.
up() {
	coracle run -d --name "$1" --network none busybox \
		sh -c "trap 'exit 4' TERM; sleep $2 & while :; do echo tick; sleep 0.05; done"
	wait_for 5 says tick coracle logs "$1"
}

# kill_shim: it is dead afterwards.
kill_shim() {
	local p
	p=$(shims)
	kill -9 "$p"
	wait_for 5 is_dead "$p"
}

is_dead() {
	[ -z "$(ps -o stat= -p "$1" | grep '^[^ZX]')" ]
}

# handle NAME: everything that is done with a container works.
handle() {
	is_state "$1" running
	ok coracle exec "$1" echo alive
	output_is alive
	ok coracle logs --tail 1 "$1"
	output_is tick
	ok coracle stop -t 5 "$1"
	is_state "$1" exited
	ok coracle rm "$1"
	wait_for 5 no_processes
}

@test "kill -9 of run: the container goes on" {
	local m
	m=$(mark)
	coracle run --name cli --network none busybox \
		sh -c "trap 'exit 4' TERM; sleep $m & while :; do echo tick; sleep 0.05; done" >"$BATS_TEST_TMPDIR/out" 3>&- &
	wait_for 5 grep tick "$BATS_TEST_TMPDIR/out"
	kill -9 $!
	coracle logs cli | wc -l >"$BATS_TEST_TMPDIR/n"
	wait_for 5 more_lines cli "$(cat "$BATS_TEST_TMPDIR/n")"
	handle cli
}

more_lines() {
	[ "$(coracle logs "$1" | wc -l)" -gt "$2" ]
}

@test "kill -9 of attach and of logs -f: the container goes on" {
	local m a
	m=$(mark)
	up att "$m"
	coracle attach att >"$BATS_TEST_TMPDIR/attach" 3>&- &
	a=$!
	coracle logs -f att >"$BATS_TEST_TMPDIR/logs" 3>&- &
	wait_for 5 grep tick "$BATS_TEST_TMPDIR/attach"
	wait_for 5 grep tick "$BATS_TEST_TMPDIR/logs"
	kill -9 $a $!
	handle att
}

@test "kill -9 of the shim: ps, logs, exec, stop and rm work" {
	local m
	m=$(mark)
	up sh "$m"
	kill_shim
	is_state sh running
	[ -n "$(pid_of "$m")" ]
	ok coracle exec sh echo back
	coracle logs sh | wc -l >"$BATS_TEST_TMPDIR/n"
	wait_for 5 more_lines sh "$(cat "$BATS_TEST_TMPDIR/n")"
	handle sh
}

@test "exec asks another shim when the one it reached dies without having read that" {
	local p pid
	up a 100
	p=$(shims)
	kill -STOP "$p"
	coracle exec a echo alive >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	pid=$!
	sleep 0.5
	kill -KILL "$p"
	wait "$pid"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = alive ]
	handle a
}

@test "logs -f of a container whose shim was killed goes on" {
	local m
	m=$(mark)
	up follow "$m"
	kill_shim
	coracle logs -f --tail 0 follow >"$BATS_TEST_TMPDIR/out" 3>&- &
	wait_for 5 grep tick "$BATS_TEST_TMPDIR/out"
	handle follow
	wait $!
}

@test "logs -f goes on when the shim is killed meanwhile" {
	local m
	m=$(mark)
	up meanwhile "$m"
	coracle logs -f --tail 0 meanwhile >"$BATS_TEST_TMPDIR/out" 3>&- &
	wait_for 5 grep tick "$BATS_TEST_TMPDIR/out"
	kill_shim
	wc -l <"$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/n"
	wait_for 5 longer "$BATS_TEST_TMPDIR/out" $(($(cat "$BATS_TEST_TMPDIR/n") + 40))
	handle meanwhile
	wait $!
}

longer() {
	[ "$(wc -l <"$1")" -gt "$2" ]
}

@test "many calls at once find that the shim is dead: one new one, no failure" {
	local m i times
	m=$(mark)
	up crowd "$m"
	for times in 1 2 3; do
		kill_shim
		for i in {1..10}; do
			coracle exec crowd true >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
		done
		wait
		[ -z "$(cat "$BATS_TEST_TMPDIR"/out.*)" ] || { cat "$BATS_TEST_TMPDIR"/out.*; return 1; }
		[ "$(shims | wc -l)" -eq 1 ]
	done
	handle crowd
}

@test "after the shim's death and the container's the status is unknown" {
	local m
	m=$(mark)
	coracle run -d --name lost --network none busybox sleep "$m"
	wait_for 5 pid_of "$m"
	kill_shim
	kill -9 "$(pid_of "$m")"
	wait_for 5 is_state lost exited
	ok coracle ps -a --filter name=lost --format '{{.Status}}'
	output_has '[Uu]nknown'
	ok coracle wait lost
	output_is -1
	ok coracle start lost
	is_state lost running
}

@test "a shim that is killed again and again" {
	local m i
	m=$(mark)
	up phoenix "$m"
	for i in 1 2 3; do
		kill_shim
		is_state phoenix running
		ok coracle exec phoenix true
	done
	handle phoenix
}

@test "a network outlives the shim" {
	local m port
	m=$(mark) port=$(free_port)
	coracle run -d --name web -p "127.0.0.1:$port:80" busybox sh -c "httpd -h /srv && exec sleep $m"
	wait_for 5 curl -sf "http://127.0.0.1:$port/"
	kill_shim
	coracle ps >/dev/null
	wait_for 5 curl -sf "http://127.0.0.1:$port/"
	ok coracle rm -f web
	no curl -sf "http://127.0.0.1:$port/"
	wait_for 5 no_processes
}

@test "a temporary container goes even when all who would have removed it were killed" {
	local m cli
	m=$(mark)
	coracle run --rm -v /data --network none busybox sleep "$m" >/dev/null 3>&- &
	cli=$!
	wait_for 5 pid_of "$m"
	kill -9 "$cli" "$(shims)"
	kill -9 "$(pid_of "$m")"
	wait_for 5 no_processes
	ok coracle __reap
	ok coracle ps -aq
	output_is ''
	ok coracle volume ls -q
	output_is ''
}

@test "a network helper that is killed comes back" {
	local m port
	m=$(mark) port=$(free_port)
	coracle run -d --name net -p "127.0.0.1:$port:80" busybox sh -c "httpd -h /srv && exec sleep $m"
	wait_for 5 curl -sf "http://127.0.0.1:$port/"
	pkill -9 -P "$(shims)" -x coracle-net
	wait_for 5 curl -sf "http://127.0.0.1:$port/"
	is_state net running
}

@test "the runtime directory that disappears does not hide a container" {
	local m
	m=$(mark)
	coracle run -d --name nodir --network none busybox sleep "$m"
	rm -rf "$RUN"
	capture coracle ps --filter name=nodir --format '{{.State}}'
	[ "$output" = running ] || { kill -9 "$(pid_of "$m")"; output_is running; }
	coracle rm -f nodir
	wait_for 5 no_processes
	[ -z "$(pid_of "$m")" ]
}
