#!/usr/bin/env bats
# exec: another command in a running container.

load helper

setup_file() {
	coracle_setup busybox
	coracle run -d --name box --network none -e GIVEN=1 -w /srv --hostname boat busybox sleep 100000
}
teardown_file() { coracle_teardown; }

@test "exit statuses" {
	local n
	for n in 0 1 9 255; do
		fails $n coracle exec box sh -c "exit $n"
	done
	fails 127 coracle exec box no-such-command
	fails 126 coracle exec box /srv/noexec
	fails 137 coracle exec box sh -c 'kill -9 $$'
	capture coracle exec no-such true
	[ "$status" -eq 125 ] || [ "$status" -eq 1 ]
	output_has "no container 'no-such'"
}

@test "it has the container's environment, directory, host name and files" {
	ok coracle exec box sh -c 'echo $GIVEN $PWD $(hostname) $HOME; cat index.html'
	output_is $'1 /srv boat /root\nhello'
	coracle exec box touch /left
	ok coracle exec box ls /left
}

@test "it is in the container's process and user namespaces" {
	ok coracle exec box sh -c 'tr "\0" " " </proc/1/cmdline; id -u'
	output_is $'sleep 100000 0'
	[ "$(coracle exec box readlink /proc/self/ns/net)" = "$(coracle exec box readlink /proc/1/ns/net)" ]
	[ "$(coracle exec box cat /proc/self/cgroup)" = "$(coracle exec box cat /proc/1/cgroup)" ]
}

@test "-e, --env-file, -w and -u" {
	printf 'FILE=2\n' >"$BATS_TEST_TMPDIR/env"
	ok coracle exec -e A=1 -e GIVEN=3 --env-file "$BATS_TEST_TMPDIR/env" box env
	output_has '^A=1$'
	output_has '^FILE=2$'
	output_has '^GIVEN=3$'
	[ "$(coracle exec -w /etc box pwd)" = /etc ]
	[ "$(coracle exec -u app box sh -c 'id -u; id -G' | xargs)" = "1000 1000 2000" ]
	[ "$(coracle exec -u 1234 box id -u)" = 1234 ]
	[ "$(coracle exec -u 7:8 box sh -c 'id -u; id -g' | xargs)" = "7 8" ]
	local bad
	for bad in -1 0x1 4294967295 ' 1' 1: :1 nobody-here; do
		fails 125 coracle exec -u "$bad" box true
	done
}

@test "capabilities and filter are the container's" {
	local want
	want=$(coracle exec box grep -E '^(Cap|Seccomp:|NoNew)' /proc/1/status)
	ok coracle exec box grep -E '^(Cap|Seccomp:|NoNew)' /proc/self/status
	output_is "$want"
	ok coracle exec -u app box grep CapEff /proc/self/status
	output_has '0000000000000000'
	ok coracle exec --privileged box grep CapEff /proc/self/status
	output_has '[1-9a-f]{8}$'
}

@test "the streams are the caller's, byte by byte" {
	head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/r"
	coracle exec -i box cat <"$BATS_TEST_TMPDIR/r" | cmp - "$BATS_TEST_TMPDIR/r"
	run --separate-stderr coracle exec box sh -c 'echo out; echo err >&2'
	output_is out
	[ "$stderr" = err ]
	[ -z "$(echo ignored | coracle exec box cat)" ]
}

@test "-t gives a terminal" {
	need script
	ok script -qec "stty rows 31 cols 71; coracle exec -it box sh -c 'tty; stty size'" /dev/null </dev/null
	output_has '/dev/pts/[0-9]+'
	# script's own end of input may be echoed in front of it.
	output_has '\b31 71'
	fails 1 coracle exec box tty
	capture coracle exec -it box true </dev/null
	[ "$status" -ne 0 ]
	output_has 'terminal'
}

@test "-d returns at once" {
	ok coracle exec -d box sh -c 'sleep 0.2; echo done >/detached'
	wait_for 5 coracle exec box cat /detached
}

@test "no descriptor of ours is open in it" {
	exec 9</etc
	ok coracle exec box sh -c 'ls /proc/self/fd | grep -vx 3 | tr "\n" " "'
	output_is "0 1 2 "
	exec 9<&-
}

@test "-w through /proc/self/fd does not lead out" {
	local n
	for n in 3 4 5 6 7 8 9 10 11 12; do
		capture coracle exec -w "/proc/self/fd/$n" box ls ../../../../etc/apt
		[ "$status" -ne 0 ]
	done
}

@test "twenty at once" {
	local i
	for i in {1..20}; do
		coracle exec box sh -c "echo $i" >"$BATS_TEST_TMPDIR/$i" 3>&- &
	done
	wait
	[ "$(cat "$BATS_TEST_TMPDIR"/* | sort -n | xargs)" = "$(seq -s ' ' 20)" ]
}

@test "a caller that is killed takes a command with a terminal or pipe along or leaves it, never the container" {
	local m
	m=$(mark)
	coracle exec box sleep "$m" 3>&- &
	wait_for 5 pid_of "$m"
	kill -9 $!
	ok coracle exec box echo alive
	output_is alive
}

@test "in one that does not run it is an error" {
	coracle create --name still --network none busybox true
	capture coracle exec still true
	[ "$status" -ne 0 ]
	output_has 'still.*not running'
	coracle rm still
}
