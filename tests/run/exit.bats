#!/usr/bin/env bats
# What a script sees of run: the exit status and the bytes of the streams.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }

@test "the exit status is the command's" {
	local n
	for n in 0 1 7 124 255; do
		fails $n bb busybox sh -c "exit $n"
	done
}

@test "a command that a signal ended gives 128 and the signal" {
	fails 137 bb --init busybox sh -c 'kill -9 $$'
	fails 143 bb --init busybox sh -c 'kill -TERM $$'
	fails 137 timeout -s KILL --foreground 120 coracle run --rm --name killed --network none busybox \
		sh -c 'sleep 1000 & wait' &
	wait_for 5 is_state killed running
	coracle kill killed
	wait $!
}

@test "125 is an error of ours, and nothing is on standard output" {
	fails 125 bb --pull never no/such/image:tag true
	fails 125 bb --memory lots busybox true
	fails 125 bb --no-such-option busybox true
	fails 125 coracle run
	run --separate-stderr bb --pull never no/such/image:tag true
	[ "$status" -eq 125 ] && [ -z "$output" ]
}

@test "126 is a command that cannot be executed" {
	fails 126 bb busybox /srv/noexec
	fails 126 bb busybox /srv
	fails 126 bb -w / busybox /etc/passwd
}

@test "127 is a command that is not there" {
	fails 127 bb busybox no-such-command
	output_has 'no-such-command'
	fails 127 bb busybox /no/such/file
	fails 127 bb busybox /srv/noshell
	fails 127 bb --entrypoint /nothing busybox
}

@test "a container whose command cannot start leaves nothing behind" {
	local before
	before=$(state_of)
	fails 127 bb busybox no-such-command
	fails 126 bb busybox /srv/noexec
	wait_for 5 state_is "$before"
}

@test "standard output and standard error stay apart" {
	run --separate-stderr bb busybox sh -c 'echo out; echo err >&2; echo more'
	[ "$status" -eq 0 ]
	output_is $'out\nmore'
	[ "$stderr" = err ]
}

@test "a megabyte of random bytes comes out as it is" {
	head -c 1048576 /dev/urandom >"$BATS_TEST_TMPDIR/random"
	bb -v "$BATS_TEST_TMPDIR/random:/random:ro" busybox cat /random >"$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/random" "$BATS_TEST_TMPDIR/out"
}

@test "a megabyte of random bytes goes in and comes out as it is" {
	head -c 1048576 /dev/urandom >"$BATS_TEST_TMPDIR/random"
	bb -i busybox cat <"$BATS_TEST_TMPDIR/random" >"$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/random" "$BATS_TEST_TMPDIR/out"
	cat "$BATS_TEST_TMPDIR/random" | bb -i busybox cat | cmp "$BATS_TEST_TMPDIR/random" -
}

@test "-i passes the end of the input on" {
	output=$(printf 'a\nb\n' | bb -i busybox wc -l)
	output_is 2
	output=$(bb -i busybox sh -c 'cat; echo ended' </dev/null)
	output_is ended
}

@test "without -i the input is empty" {
	output=$(echo something | timeout 120 coracle run --rm --network none busybox sh -c 'cat; echo ended')
	output_is ended
}

@test "a command that does not read its input ends" {
	head -c 10000000 /dev/zero | timeout 120 coracle run --rm -i --network none busybox true
}

@test "a reader that goes away ends run, not the container" {
	local out=$BATS_TEST_TMPDIR
	mkfifo "$out/pipe"
	coracle run --rm --name reader --network none busybox yes >"$out/pipe" 2>"$out/err" 3>&- &
	head -n 1 "$out/pipe" >/dev/null
	wait $! && status=0 || status=$?
	[ "$status" -eq 125 ] || [ "$status" -eq 3 ]
	grep -q 'Broken pipe' "$out/err"
	is_state reader running
	coracle rm -f reader
}

@test "output without a newline at its end comes out" {
	[ "$(bb busybox printf 'no newline')" = "no newline" ]
	[ "$(bb busybox printf 'a\nb' | od -An -c | tr -d ' \n')" = 'a\nb' ]
}

@test "only descriptors 0, 1 and 2 are open inside" {
	exec 7</etc/passwd 9</etc
	ok bb busybox sh -c 'ls /proc/self/fd | grep -vx 3 | tr "\n" " "'
	output_is "0 1 2 "
	exec 7<&- 9<&-
}

@test "nothing of the caller's state is inherited" {
	ok env SECRET=x LD_PRELOAD_NOT=1 bash -c 'umask 0777; trap "" CHLD; ulimit -Sn 64
		cd "$BATS_TEST_TMPDIR" && coracle run --rm --network none busybox sh -c "env; umask; pwd"'
	output_lacks SECRET
	output_lacks LD_PRELOAD
	output_has '^0022$'
	output_has '^/$'
}

@test "a strict umask of the caller does not reach inside" {
	ok bash -c 'umask 0077; coracle run --rm --network none -u app -v "umask:/fresh" busybox sh -c "ls -d /; ls /fresh
		stat -c %a / /etc /etc/hosts /etc/resolv.conf /fresh"'
	output_is $'/\n755\n755\n644\n644\n755'
}

@test "a signal to run is passed on to the command" {
	local pid
	coracle run --rm --name proxied --network none busybox \
		sh -c 'trap "echo got; exit 5" TERM; echo ready; while :; do sleep 0.05; done' \
		>"$BATS_TEST_TMPDIR/out" 3>&- &
	pid=$!
	wait_for 5 grep ready "$BATS_TEST_TMPDIR/out"
	kill -TERM $pid
	wait $pid && status=0 || status=$?
	[ "$status" -eq 5 ]
	grep got "$BATS_TEST_TMPDIR/out"
}
