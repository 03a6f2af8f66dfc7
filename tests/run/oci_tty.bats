#!/usr/bin/env bats
# coracle-oci and terminals: seen through tmux, which is one, or by an engine's socket.

load helper
load oci

setup_file() {
	need tmux python3
	oci_setup
}

setup() {
	oci_begin
	TMUX_TMPDIR=$BATS_TEST_TMPDIR
	export TMUX_TMPDIR
	unset TMUX
	tmux -L t -f /dev/null new-session -d -c "$BATS_TEST_TMPDIR" -x 90 -y 25 "PS1='host> ' sh" 3>&-
	wait_for 5 screen_has 'host>'
}

teardown() {
	tmux -L t kill-server || true
	oci_end
}

type_in() { tmux -L t send-keys "$@"; }
screen_has() { tmux -L t capture-pane -p | grep -qE -- "$1"; }

@test "run: a terminal of our size, that follows ours, and is sane afterwards" {
	bundle '.process.terminal = true'
	type_in "stty -g >before; coracle-oci --root $OCI run -b $B a" Enter
	wait_for 5 screen_has '^/ #'
	type_in 'tty; stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all$((1+1))' Enter
	wait_for 5 screen_has '/dev/(pts/0|console)'
	wait_for 5 screen_has '^25 90'
	wait_for 5 screen_has '^all2'
	tmux -L t resize-window -x 70 -y 20
	type_in 'stty size' Enter
	wait_for 5 screen_has '^20 70'
	type_in 'sleep 1000' Enter
	sleep 0.2
	type_in C-c
	type_in 'exit 7' Enter
	wait_for 5 screen_has 'host> *$'
	type_in 'echo code=$?; stty -g >after; cmp before after && echo same$((1+1))' Enter
	wait_for 5 screen_has 'code=7'
	wait_for 5 screen_has 'same2'
}

@test "exec -t" {
	bundle '.process.args = ["sleep", "1000"]'
	started a
	type_in "coracle-oci --root $OCI exec -t a sh" Enter
	wait_for 5 screen_has '^/ #'
	type_in 'stty size; exit 5' Enter
	wait_for 5 screen_has '^25 90'
	type_in 'echo code=$?' Enter
	wait_for 5 screen_has 'code=5'
}

@test "run: much output reaches the terminal, to its last line" {
	script 'seq 1 20000; echo the end' '.process.terminal = true'
	type_in "coracle-oci --root $OCI run -b $B a" Enter
	wait_for 10 screen_has '^the end'
	screen_has '^20000'
}

@test "create --console-socket: whoever listens gets the terminal" {
	script 'read -r line; echo "got $line"; tty; stty size' '.process.terminal = true'
	"$ROOT/tests/run/recvfd.py" sock $'words\n' >out 3>&- &
	wait_for 5 test -S sock
	created a --console-socket sock
	oci start a
	ends a
	wait $!
	grep -q '^1 descriptor, terminal: ' out
	grep -q '^got words' out
	grep -qE '^/dev/(pts/0|console)' out
}

# field: process.consoleSize
@test "process.consoleSize: the size to begin with" {
	script 'stty size' '.process.terminal = true | .process.consoleSize = {height: 33, width: 111}'
	"$ROOT/tests/run/recvfd.py" sock >out 3>&- &
	wait_for 5 test -S sock
	oci run -d -b "$B" --console-socket "$PWD/sock" a </dev/null >/dev/null 2>&1 3>&-
	wait $!
	grep -q '^33 111' out
}

# field: process.terminal
@test "process.terminal and --console-socket go together" {
	bundle '.process.terminal = true'
	fails 1 oci create -b "$B" a
	output_has -- '--console-socket'
	fails 1 oci run -d -b "$B" a
	output_has -- '--console-socket'
	fails 1 oci create --console-socket /no/such/socket -b "$B" a
	output_has '/no/such/socket'
	bundle '.process.terminal = false'
	fails 1 oci create --console-socket sock -b "$B" a
	output_has 'process.terminal'
	[ -z "$(ls "$OCI" 2>/dev/null)" ]
}

@test "a long path to the socket" {
	local dir=$PWD/$(printf 'd%.0s' $(seq 120))
	mkdir "$dir"
	script true '.process.terminal = true'
	(cd "$dir" && exec "$ROOT/tests/run/recvfd.py" s >out 3>&-) &
	wait_for 5 test -S "$dir/s"
	created a --console-socket "$dir/s"
	oci start a
	wait $!
	grep -q terminal "$dir/out"
}

@test "run with a terminal, and none of ours: the streams are copied" {
	script 'test -t 1 && echo "on a terminal"' '.process.terminal = true'
	ok oci run -b "$B" a </dev/null
	output_has '^on a terminal'
}

@test "create --pidfd-socket" {
	script 'sleep 0.3'
	"$ROOT/tests/run/recvfd.py" sock >out 3>&- &
	wait_for 5 test -S sock
	created a --pidfd-socket sock
	wait_for 5 test -s out
	grep -q "^1 descriptor, process $(init_of a): " out
	oci start a
	wait $!
	grep -q 'it has ended' out
}
